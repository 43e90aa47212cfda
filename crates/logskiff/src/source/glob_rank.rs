//! Decides which of several inputs a file belongs to.
//!
//! Input: globs. Output: how narrowly each matches a file, and whether two can match the same file. A file belongs to
//! the input with the narrowest glob: a path before `*`, `*` before `**`, a longer fixed directory before a shorter
//! one.

use std::cmp::Reverse;

use super::discovery::{fixed_directory, glob, is_special};

/// What a glob leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Breadth {
    /// Nothing: it is a path.
    Exact,
    /// Parts of names.
    Names,
    /// The number of directories.
    Directories,
}

/// How narrowly a glob matches a file. The smallest rank is the narrowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(Breadth, Reverse<usize>);

impl Rank {
    /// The rank of a glob.
    #[must_use]
    pub fn from_glob(glob: &str) -> Self {
        let breadth = if glob.contains("**") {
            Breadth::Directories
        } else if glob.bytes().any(is_special) {
            Breadth::Names
        } else {
            Breadth::Exact
        };
        let directories = fixed_directory(glob).map_or(0, |(directory, _)| directory.components().count());
        Self(breadth, Reverse(directories))
    }
}

/// Whether two globs may match the same file; `true` where that cannot be decided.
#[must_use]
pub fn may_overlap(one: &str, other: &str) -> bool {
    match [one, other].map(|glob| glob.bytes().any(is_special)) {
        [false, false] => one == other,
        [true, false] => names(one, other),
        [false, true] => names(other, one),
        [true, true] => {
            // Two stars and braces may match any number of directories.
            let is_open = |glob: &str| glob.contains("**") || glob.contains('{');
            if is_open(one) || is_open(other) {
                return parts_overlap(one, other);
            }
            let (one, other): (Vec<&str>, Vec<&str>) = (one.split('/').collect(), other.split('/').collect());
            one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| parts_overlap(one, other))
        }
    }
}

fn names(pattern: &str, path: &str) -> bool {
    glob(pattern).map_or(true, |glob| glob.compile_matcher().is_match(path))
}

/// Whether the text before the first and after the last special characters allows a common name.
fn parts_overlap(one: &str, other: &str) -> bool {
    if !one.bytes().chain(other.bytes()).any(is_special) {
        return one == other;
    }
    let ends = |glob: &str| {
        let first = glob.bytes().position(is_special).unwrap_or(glob.len());
        let last = glob.bytes().rposition(is_special).map_or(0, |last| last + 1);
        (glob.as_bytes()[..first].to_vec(), glob.as_bytes()[last..].to_vec())
    };
    let ((starts, ends_one), (others, ends_other)) = (ends(one), ends(other));
    let begins_alike = starts.starts_with(&others) || others.starts_with(&starts);
    begins_alike && (ends_one.ends_with(&ends_other) || ends_other.ends_with(&ends_one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrower_globs_take_precedence() {
        let globs =
            ["/log/app/app.log", "/log/app.log", "/log/app/*.log", "/log/a*.log", "/log/app/**/*.log", "/log/**/a.log"];
        let ranks = globs.map(Rank::from_glob);
        assert!(ranks.is_sorted() && ranks.windows(2).all(|pair| pair[0] < pair[1]), "{ranks:?}");
        assert_eq!(Rank::from_glob("/log/a*.log"), Rank::from_glob("/log/*.txt"));
    }

    #[test]
    fn globs_without_a_common_file_are_detected() {
        #[track_caller]
        fn check(one: &str, other: &str, expected: bool) {
            assert_eq!([may_overlap(one, other), may_overlap(other, one)], [expected; 2], "{one} {other}");
        }
        check("/log/a.log", "/log/a.log", true);
        check("/log/a.log", "/log/*.log", true);
        check("/log/b/a.log", "/log/*.log", false);
        check("/log/b/a.log", "/log/**/*.log", true);
        check("/log/*.log", "/log/*.json", false);
        check("/log/app-*.log", "/log/web-*.log", false);
        check("/log/app-*.log", "/log/*-error.log", true);
        check("/a/*.log", "/b/*.log", false);
        check("/log/*.log", "/log/b/*.log", false);
        check("/log/*/app.log", "/log/*/web.log", false);
        check("/log/**/*.log", "/log/b/*.log", true);
        check("/log/**/*.log", "/srv/**/*.log", false);
    }
}

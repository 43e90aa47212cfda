//! Finds the names that a rotated file may have had before.
//!
//! Input: a file's name. Output: which files it may be a rotated copy of, and how sure that is. Nothing is opened.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::discovery::{Candidate, DELETING_PREFIX, GZIP};

/// This many equal bytes prove a copy in any directory.
const ELSEWHERE_BYTES_MIN: u64 = 1024;
/// The number of digits of a short date: `app-261123.log`.
const DATE_DIGITS_MIN: usize = 6;

/// A name that a file may have had before a rotation.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    path: PathBuf,
    /// The rotation's suffix is at the end of the name, or is a date. A number inside the name proves less.
    sure: bool,
}

impl Candidate {
    /// Whether a rotation of `base` in the same directory gives a file this name.
    #[must_use]
    pub(super) fn rotated_from(&self, base: &Path) -> bool {
        self.all_origins().any(|origin| origin.as_os_str() == base.as_os_str())
    }

    /// Whether the name alone proves a rotated copy of `base`: `app.log.1` of `app.log`, but not `app-2.log`, which may
    /// be another log.
    #[must_use]
    pub(super) fn surely_rotated_from(&self, base: &Path) -> bool {
        self.sure_origins().any(|origin| origin.as_os_str() == base.as_os_str())
    }

    /// Whether the name proves a rotated copy of the file at `path`, with `alike_bytes` equal bytes: in the same
    /// directory, or in another one for old files. A directory beneath that of `path` needs fewer equal bytes.
    #[must_use]
    pub(super) fn surely_kept_from(&self, path: &Path, alike_bytes: u64) -> bool {
        let beneath = || path.parent().is_some_and(|directory| self.path.starts_with(directory));
        let called_so = || self.sure_origins().any(|origin| origin.file_name() == path.file_name());
        called_so() && (alike_bytes >= ELSEWHERE_BYTES_MIN || beneath())
    }

    /// The same, or a name that a rotation in the same directory may give.
    #[must_use]
    pub(super) fn may_hold(&self, path: &Path, alike_bytes: u64) -> bool {
        self.rotated_from(path) || self.surely_kept_from(path, alike_bytes)
    }

    /// Whether the name alone proves a rotated copy of some file.
    #[must_use]
    pub(super) fn is_surely_rotated(&self) -> bool {
        self.sure_origins().next().is_some()
    }

    /// Whether the name is that of another file plus a rotation's suffix. The name of a log may contain a date, but
    /// hardly that.
    #[must_use]
    pub(super) fn is_marked(&self) -> bool {
        let bytes = self.path.as_os_str().as_bytes();
        self.sure_origins().any(|origin| bytes.starts_with(origin.as_os_str().as_bytes()))
    }

    /// The files that this is a rotated copy of, by its name alone.
    pub(super) fn sure_origins(&self) -> impl Iterator<Item = &PathBuf> {
        self.origins().iter().filter(|origin| origin.sure).map(|origin| &origin.path)
    }

    /// All files that this may be a rotated copy of, in the same directory.
    pub(super) fn all_origins(&self) -> impl Iterator<Item = &PathBuf> {
        self.origins().iter().map(|origin| &origin.path)
    }

    fn origins(&self) -> &[Origin] {
        self.origins.get_or_init(|| {
            let names = self.path.file_name().map(bases).unwrap_or_default();
            names.into_iter().map(|(name, sure)| Origin { path: self.path.with_file_name(name), sure }).collect()
        })
    }
}

/// The names that `name` may have had before a rotation, and whether the name proves it: `app.log.1`,
/// `app.log-20261123`, `app-2026-11-23.log` and `app.log~` were `app.log`; `app-2.log` may have been. The added part is
/// a number, a date or a usual word, so that `app.log.swp` does not count.
pub(super) fn bases(name: &OsStr) -> Vec<(OsString, bool)> {
    let name = name.as_bytes();
    let name = name.strip_prefix(DELETING_PREFIX.as_bytes()).unwrap_or(name);
    let unpacked = name.strip_suffix(GZIP);
    let name = unpacked.unwrap_or(name);
    let ending = memchr::memrchr(b'.', name).unwrap_or(name.len());
    let separators = (1..name.len()).filter(|at| b".-_".contains(&name[*at]));
    let mut bases: Vec<_> = unpacked.iter().map(|name| (OsStr::from_bytes(name).to_owned(), true)).collect();
    bases.extend(name.strip_suffix(b"~").map(|name| (OsStr::from_bytes(name).to_owned(), true)));
    for at in separators {
        let within = name.get(at + 1..ending).unwrap_or_default();
        if rotation_mark(&name[at + 1..]) || usual_word(&name[at + 1..]) {
            bases.push((OsStr::from_bytes(&name[..at]).to_owned(), true));
        } else if rotation_mark(within) {
            let digits = within.iter().filter(|byte| byte.is_ascii_digit()).count();
            let base = OsStr::from_bytes(&[&name[..at], &name[ending..]].concat()).to_owned();
            bases.push((base, digits >= DATE_DIGITS_MIN));
        }
    }
    bases
}

fn rotation_mark(added: &[u8]) -> bool {
    let word = |added: &[u8]| [&b"old"[..], b"prev", b"bak"].contains(&added);
    let stamp = |added: &[u8]| {
        added.first().is_some_and(u8::is_ascii_digit)
            && added.iter().all(|byte| byte.is_ascii_digit() || b".-_:TZ+".contains(byte))
    };
    word(added) || stamp(added)
}

/// Words that mark a rotated file at the end of its name only: `app-backup.log` is a log of its own.
fn usual_word(added: &[u8]) -> bool {
    const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let is_day = |day: &&str| [*day, &day[..3]].iter().any(|day| added.eq_ignore_ascii_case(day.as_bytes()));
    added == b"backup" || DAYS.iter().any(is_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_name_leads_back_to_its_base() {
        #[track_caller]
        fn check(name: &str, want: &[&str]) {
            let got: Vec<OsString> = bases(OsStr::new(name)).into_iter().map(|(base, _)| base).collect();
            assert_eq!(got, want, "{name}");
        }
        check("app.log.1", &["app.log"]);
        check("app.log.2.1", &["app.log", "app.log.2"]);
        check("app.log-20261123", &["app.log"]);
        check("app.log.2026-11-23", &["app.log", "app.log.2026", "app.log.2026-11"]);
        check("app-2026-11-23.log", &["app.log", "app-2026.log", "app-2026-11.log"]);
        check("app.log.old", &["app.log"]);
        check("app.log.Mon", &["app.log"]);
        check("app.log.friday.gz", &["app.log.friday", "app.log"]);
        check("app.log.backup", &["app.log"]);
        check("app.log~", &["app.log"]);
        check("app-backup.log", &[]);
        check("app-mon.log", &[]);
        check("app.log.swp", &[]);
        check("app.log", &[]);
        check("app.log.gz", &["app.log"]);
        check("app.log.2.gz", &["app.log.2", "app.log"]);
        check(".logskiff-pruning-app.log.1", &["app.log"]);
        check("app-error.log", &[]);
        check(".1", &[]);
    }
}

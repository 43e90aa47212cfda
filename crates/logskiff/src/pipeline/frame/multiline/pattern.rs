//! Patterns of the user's own: one expression each.

use regex::bytes::RegexSet;

use super::Error;

/// Patterns, any of which matches anywhere in a line.
#[derive(Debug)]
pub(super) struct Patterns(RegexSet);

impl Patterns {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// Every pattern that is no expression, and every one that matches a blank line, and so any line.
    pub(super) fn new(patterns: &[String]) -> Result<Self, Vec<Error>> {
        let errors: Vec<_> = patterns.iter().filter_map(|pattern| check(pattern).err()).collect();
        if patterns.is_empty() {
            return Err(vec![Error::NoPattern]);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let set = RegexSet::new(patterns).map_err(|error| vec![Error::Size(error.to_string())])?;
        Ok(Self(set))
    }

    pub(super) fn matches(&self, line: &[u8]) -> bool {
        self.0.is_match(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

fn check(pattern: &str) -> Result<(), Error> {
    let one = regex::bytes::Regex::new(pattern);
    let one = one.map_err(|error| Error::Syntax { pattern: pattern.to_owned(), error: error.to_string() })?;
    if one.is_match(b"") { Err(Error::Empty(pattern.to_owned())) } else { Ok(()) }
}

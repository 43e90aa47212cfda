//! The catalogue: every detector that comes built in, one row each.
//!
//! A row says what a detector finds, what it leaves alone, and proves both by examples; the tests run from the rows. To
//! add a detector, add a row to the table of its group: nothing else knows their number. Patterns are ASCII (`(?-u)`),
//! linear, and cross no line end unless what they look for has several lines.

mod pii;
mod secrets;

use super::check::Check;

/// Which detectors are chosen together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// What opens doors: keys, tokens, passwords.
    Secrets,
    /// What names a person or their means of payment.
    Pii,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 2] = [Self::Secrets, Self::Pii];

    /// The name that chooses the group.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Pii => "pii",
        }
    }
}

/// One row of the catalogue.
#[derive(Debug)]
pub struct Detector {
    /// The name that chooses it and that its masks show.
    pub name: &'static str,
    /// The group it belongs to.
    pub group: Group,
    /// What it finds and what not, for the documentation.
    pub doc: &'static str,
    /// Matches wherever one of `patterns` does, in the same line, and is short: it runs over every byte that is read.
    pub(super) trigger: &'static str,
    /// What to mask: the first group that took part, else the whole match.
    pub(super) patterns: &'static [Pattern],
    /// Lines with something to find, and the same lines redacted by this detector alone.
    pub hits: &'static [(&'static str, &'static str)],
    /// Lines that look alike and stay whole.
    pub misses: &'static [&'static str],
}

/// One of the forms that a detector looks for.
#[derive(Debug)]
pub(super) struct Pattern {
    /// In the syntax of the `regex` crate.
    pub(super) regex: &'static str,
    /// Confirms or narrows a match.
    pub(super) check: Option<Check>,
}

/// All detectors, in the order in which a tie between two is decided.
pub fn detectors() -> impl Iterator<Item = &'static Detector> {
    secrets::DETECTORS.iter().chain(pii::DETECTORS)
}

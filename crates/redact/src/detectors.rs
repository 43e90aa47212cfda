//! The built-in detectors, one table row each.
//!
//! A row describes what a detector matches and what it does not match, with examples for both; the tests and the table
//! in the documentation are made from the rows. To add a detector, add a row to the table of its theme; nothing else
//! needs to change. Patterns are ASCII (`(?-u)`), run in linear time, and cross no line end unless the secret has
//! several lines.
//!
//! The formats are those that the providers document. Examples are invented and assembled from parts, so that secret
//! scanners do not take them for live tokens.

/// An invented part of a token: `hex`, `alnum` or `upper`, with its length in characters. A macro, because only
/// literals can be joined in a table.
macro_rules! fake {
    (hex 8) => {
        "0a1b2c3d"
    };
    (hex 16) => {
        "0a1b2c3d4e5f6071"
    };
    (hex 32) => {
        "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    };
    (hex 40) => {
        "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d"
    };
    (hex 64) => {
        "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
    };
    (alnum 8) => {
        "Fake0tok"
    };
    (alnum 16) => {
        "Fake0token1Fake2"
    };
    (alnum 20) => {
        "Fake0token1Fake2toke"
    };
    (alnum 24) => {
        "Fake0token1Fake2token3Fa"
    };
    (alnum 32) => {
        "Fake0token1Fake2token3Fake4token"
    };
    (alnum 36) => {
        "Fake0token1Fake2token3Fake4token5Fak"
    };
    (alnum 40) => {
        "Fake0token1Fake2token3Fake4token5Fake6to"
    };
    (upper 16) => {
        "FAKE0TOKEN1FAKE2"
    };
    (uuid) => {
        "0a1b2c3d-4e5f-4071-8293-a4b5c6d7e8f9"
    };
}

/// The text between a name and its value: the name's closing quote or bracket, then `=`, `:`, `=>` or `:=`, also
/// percent-encoded, then the value's opening quote, also escaped.
macro_rules! is {
    () => {
        r#"(?:\\*["'])?(?:\]|%5[dD])?[\ \t]*(?:=>|:=|={1,2}|:|%3[aAdD])[\ \t]*(?:\\*["'])?"#
    };
}

mod pii;
mod secrets;

use super::validators::Check;

/// Detectors that are selected together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Credentials: keys, tokens, passwords.
    Secrets,
    /// Personal data: addresses, account and card numbers.
    Pii,
}

impl Group {
    /// All groups.
    pub const ALL: [Self; 2] = [Self::Secrets, Self::Pii];

    /// The name that selects the group.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Pii => "pii",
        }
    }
}

/// One built-in detector.
#[derive(Debug)]
pub struct Detector {
    /// Its name in the configuration and in masks.
    pub name: &'static str,
    /// Its group.
    pub group: Group,
    /// What it matches, for the documentation.
    pub description: &'static str,
    /// Similar text that it does not match, for the documentation; may be empty.
    pub not_matched: &'static str,
    /// The patterns; the first group that took part is masked, else the whole match.
    pub(super) patterns: &'static [Pattern],
    /// Lines with matches, and the same lines redacted by this detector alone.
    pub positives: &'static [(&'static str, &'static str)],
    /// Similar lines without matches.
    pub negatives: &'static [&'static str],
}

/// One of a detector's patterns.
#[derive(Debug)]
pub(super) struct Pattern {
    /// A regular expression in the syntax of the `regex` crate.
    pub(super) regex: &'static str,
    /// Where the check demands more than the pattern: it confirms only matches that this also matches, or begins to match, in
    /// the same place.
    pub(super) confirmed: Option<&'static str>,
    /// Confirms or narrows a match.
    pub(super) check: Option<Check>,
    /// What other scanners search for in its place; `None`: without the check the pattern masks other text than the secret.
    pub(super) published: Option<&'static str>,
}

impl Pattern {
    /// Other scanners search for `regex`, which is simpler than the pattern and its check.
    const fn published_as(self, regex: &'static str) -> Self {
        Self { published: Some(regex), ..self }
    }

    /// Other scanners cannot search for it.
    const fn unpublished(self) -> Self {
        Self { published: None, ..self }
    }
}

/// A pattern without a check.
const fn plain(regex: &'static str) -> Pattern {
    Pattern { regex, confirmed: None, check: None, published: Some(regex) }
}

/// A pattern with a check of its matches.
const fn checked(regex: &'static str, check: Check) -> Pattern {
    Pattern { regex, confirmed: None, check: Some(check), published: Some(regex) }
}

/// A pattern with a check that confirms only what `confirmed` matches, too.
const fn confirmed(regex: &'static str, confirmed: &'static str, check: Check) -> Pattern {
    Pattern { regex, confirmed: Some(confirmed), check: Some(check), published: Some(regex) }
}

/// All detectors. If two match the same text, the earlier one names the mask; provider-specific ones come before
/// general ones.
pub fn detectors() -> impl Iterator<Item = &'static Detector> {
    secrets::TABLES.iter().copied().flatten().chain(pii::DETECTORS)
}

//! The catalogue: every detector that comes built in, one row each.
//!
//! A row says what a detector finds, what it leaves alone, and proves both by examples; the tests and the table in the
//! documentation are made from the rows. To add a detector, add a row to the table of its theme: nothing else knows
//! their number. Patterns are ASCII (`(?-u)`), linear, and cross no line end unless what they look for has several lines.
//!
//! The formats are those that the providers document. Examples are made up, and put together from parts, so that no
//! scanner of sources takes one for a live token.

/// A made-up stretch of a token: `hex`, `alnum` or `upper`, of so many characters. A macro because only literals can be
/// joined in a table.
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

/// What may stand between a name and its value: the name's closing quote or bracket, then `=`, `:`, `=>` or `:=`, also
/// percent-encoded, then the value's opening quote, also escaped.
macro_rules! is {
    () => {
        r#"(?:\\*["'])?(?:\]|%5[dD])?[\ \t]*(?:=>|:=|={1,2}|:|%3[aAdD])[\ \t]*(?:\\*["'])?"#
    };
}

mod pii;
mod secrets;

use super::validators::Check;

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
    /// What it finds, for the documentation.
    pub description: &'static str,
    /// What looks alike and stays, for the documentation; empty where nothing does.
    pub not_matched: &'static str,
    /// What stands in every line with a match; searched in every byte that is read.
    pub trigger: Trigger,
    /// What to mask: the first group that took part, else the whole match.
    pub(super) patterns: &'static [Pattern],
    /// Lines with something to find, and the same lines redacted by this detector alone.
    pub positives: &'static [(&'static str, &'static str)],
    /// Lines that look alike and stay whole.
    pub negatives: &'static [&'static str],
}

/// What the first stage looks for.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    /// One of these stands in every match, written so.
    Literals(&'static [&'static str]),
    /// This matches wherever one of the patterns does, within the same line. Short, because it is tried at every byte.
    Shape(&'static str),
}

impl Trigger {
    /// As a regular expression.
    pub(super) fn regex(self) -> String {
        match self {
            Self::Literals(literals) => {
                let escaped: Vec<_> = literals.iter().map(|literal| regex_syntax::escape(literal)).collect();
                format!("(?-u:{})", escaped.join("|"))
            }
            Self::Shape(shape) => format!("(?:{shape})"),
        }
    }
}

/// One of the forms that a detector looks for.
#[derive(Debug)]
pub(super) struct Pattern {
    /// In the syntax of the `regex` crate.
    pub(super) regex: &'static str,
    /// Confirms or narrows a match.
    pub(super) check: Option<Check>,
}

/// A pattern whose matches need no check.
const fn plain(regex: &'static str) -> Pattern {
    Pattern { regex, check: None }
}

/// A pattern and what confirms its matches.
const fn checked(regex: &'static str, check: Check) -> Pattern {
    Pattern { regex, check: Some(check) }
}

/// All detectors, in the order in which a tie between two is decided: a provider's own before the general ones.
pub fn detectors() -> impl Iterator<Item = &'static Detector> {
    secrets::TABLES.iter().copied().flatten().chain(pii::DETECTORS)
}

//! The redactor's configuration and its errors.

use std::sync::Arc;

use super::action::Action;
use super::key::TokenKey;
use super::rule_file::{RuleFile, RuleFileError};

/// What to redact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Groups (`secrets`, `pii`) and detectors by name; `-name` removes one, from the default if it comes first; `none`
    /// alone selects nothing.
    pub select: Vec<String>,
    /// Custom rules: a name of `a-z`, `0-9` and `_`, and a pattern, `field:PATH` or `field:PATH ~ PATTERN`. A pattern
    /// masks its group `secret`, else its first group, else the whole match.
    pub rules: Vec<(String, String)>,
    /// Rule files; their rules come after the custom ones.
    pub files: Vec<Arc<RuleFile>>,
    /// Fields by name or dotted path with `*`, at any depth, case-insensitive.
    pub fields: Vec<String>,
    /// What replaces a match, unless `modes` says otherwise.
    pub mode: Action,
    /// Modes of single groups, detectors, custom rules, `field`, `undecodable` or `budget`. A name takes precedence
    /// over its group.
    pub modes: Vec<(String, Action)>,
    /// The key of [`Action::Token`].
    pub key: Option<TokenKey>,
    /// Values that no rule masks, one a line: a value, a network in CIDR notation, or `/PATTERN/` for whole values.
    pub allow: String,
    /// Fields whose values no detector masks, named like `fields`.
    pub exempt_fields: Vec<String>,
    /// Lines stay as they are; what would be masked is only noted ([`super::Redacted::audited`]).
    pub audit: bool,
}

/// A mistake in a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A selected name is not a detector or group.
    #[error("unknown detector {name:?}{}", .nearest.map_or(String::new(), |near| format!("; did you mean {near:?}?")))]
    UnknownDetector {
        /// The unknown name.
        name: String,
        /// The most similar known name.
        nearest: Option<&'static str>,
    },
    /// `none` is combined with other names.
    #[error("\"none\" cannot be combined with other names; remove it, or remove the others")]
    NoneAmongOthers,
    /// A pattern is not a valid regular expression.
    #[error("the pattern of rule {rule:?} is not a valid regular expression: {message}")]
    Pattern {
        /// The rule's name.
        rule: String,
        /// The error over several lines, with its position marked.
        message: String,
    },
    /// A pattern uses look-around.
    #[error(
        r"the pattern of rule {rule:?} uses look-around, which is not supported; match the surrounding text too, and put the part to mask into a group: id=(?<secret>\d+) instead of (?<=id=)\d+"
    )]
    LookAround {
        /// The rule's name.
        rule: String,
    },
    /// A pattern uses a backreference.
    #[error(
        r"the pattern of rule {rule:?} uses a backreference, which is not supported; write the alternatives instead: '[^']*'|\x22[^\x22]*\x22 instead of (['\x22]).*?\1"
    )]
    BackReference {
        /// The rule's name.
        rule: String,
    },
    /// A pattern matches the empty string.
    #[error(
        "the pattern of rule {rule:?} matches the empty string, so it would match everywhere; make it require a character: + instead of *, and no ? around the whole pattern"
    )]
    EmptyMatch {
        /// The rule's name.
        rule: String,
    },
    /// A pattern needs too much memory.
    #[error(
        r"the pattern of rule {rule:?} is too large: it compiles to more than {limit_bytes} bytes; use smaller bounds ({{1,64}} instead of {{1,1000}}), ASCII classes ((?-u:\w) instead of \w), or several rules"
    )]
    TooLarge {
        /// The rule's name.
        rule: String,
        /// Limit of the compiled size, in bytes.
        limit_bytes: usize,
    },
    /// A rule has a built-in name.
    #[error("the name {rule:?} is already used by a detector, group or built-in mask; choose another name")]
    NameTaken {
        /// The rule's name.
        rule: String,
    },
    /// Two rules have the same name.
    #[error("two rules are named {rule:?}")]
    Twice {
        /// The rules' name.
        rule: String,
    },
    /// A rule's name has other characters than a mask may contain.
    #[error("the rule name {rule:?} may contain only a-z, 0-9 and _")]
    Name {
        /// The rule's name.
        rule: String,
    },
    /// A field's name has an empty step.
    #[error("the field {field:?} has an empty step; example: user.*.token")]
    Field {
        /// The field as given.
        field: String,
    },
    /// An entry of the allowlist is wrong.
    #[error("line {line}: {reason}")]
    Allow {
        /// Its line, from 1.
        line: usize,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// An exempt field's name has an empty step.
    #[error("the field {field:?} has an empty step; example: trace.id")]
    ExemptField {
        /// The field as given.
        field: String,
    },
    /// All fields are exempt.
    #[error("{field:?} is every field, so no detector would mask any; name the fields; example: trace.id")]
    ExemptAll {
        /// The field as given.
        field: String,
    },
    /// A field is both exempt and masked by name.
    #[error(
        "the field {field:?} is also masked by its name (LOGSKIFF_REDACT_FIELDS); remove it there if its values may be shown, or here"
    )]
    ExemptAndMasked {
        /// The field as given.
        field: String,
    },
    /// A custom rule's field is empty or has an empty step.
    #[error("the field {field:?} of rule {rule:?} is empty or has an empty step; example: field:user.*.token ~ \\d+")]
    RuleField {
        /// The rule's name.
        rule: String,
        /// The field as given.
        field: String,
    },
    /// A mode is set for an unknown detector, group or rule.
    #[error("unknown detector or rule {name:?}{}", .nearest.as_ref().map_or(String::new(), |near| format!("; did you mean {near:?}?")))]
    UnknownMode {
        /// The unknown name.
        name: String,
        /// The most similar known name.
        nearest: Option<String>,
    },
    /// A rule of a file has a name that is taken.
    #[error(transparent)]
    File(RuleFileError),
    /// A mode is `token`, but there is no key.
    #[error("not set, but the mode of {rule:?} is token, which needs a key")]
    KeyMissing {
        /// The first rule with this mode.
        rule: String,
    },
}

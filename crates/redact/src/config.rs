//! What can be asked of the redactor, and what can be wrong with it.

use super::action::Action;
use super::key::TokenKey;

/// What to redact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Groups (`secrets`, `pii`) and detectors by name; `-name` takes out again, from the default where it comes first; `none` alone is
    /// nothing.
    pub select: Vec<String>,
    /// Own rules: a name of `a-z`, `0-9` and `_`, and a pattern, `field:PATH` or `field:PATH ~ PATTERN`. A pattern's group
    /// `secret`, else its first group, else all of a match is masked.
    pub rules: Vec<(String, String)>,
    /// Fields by name or dotted path with `*`, at any depth, without regard to case.
    pub fields: Vec<String>,
    /// What becomes of matches …
    pub mode: Action,
    /// … but for those of a group, a detector, an own rule, `field`, `undecodable` or `budget`. A name goes before its group.
    pub modes: Vec<(String, Action)>,
    /// The key of [`Action::Token`].
    pub key: Option<TokenKey>,
}

/// A mistake in a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The selection names no detector and no group.
    #[error("there is no detector or group {name:?}{}", .nearest.map_or(String::new(), |near| format!("; {near:?} was meant?")))]
    UnknownDetector {
        /// What was said.
        name: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// `none` stands next to other names.
    #[error("\"none\" stands alone: with other names it says nothing; leave it out, or leave the others out")]
    NoneAmongOthers,
    /// A pattern is no regular expression.
    #[error("the pattern of rule {rule:?} cannot be read: {message}")]
    Pattern {
        /// The rule's name.
        rule: String,
        /// Several lines that show where.
        message: String,
    },
    /// A pattern looks at what it does not match.
    #[error(
        r"the pattern of rule {rule:?} uses look-around, which rules that take linear time cannot have; match what stands around it, and put what is to be masked into a group: id=(?<secret>\d+) instead of (?<=id=)\d+"
    )]
    LookAround {
        /// The rule's name.
        rule: String,
    },
    /// A pattern asks for what a group has matched.
    #[error(
        r"the pattern of rule {rule:?} uses a back-reference, which rules that take linear time cannot have; write what may stand there: '[^']*'|\x22[^\x22]*\x22 instead of (['\x22]).*?\1"
    )]
    BackReference {
        /// The rule's name.
        rule: String,
    },
    /// A pattern matches where nothing is.
    #[error(
        "the pattern of rule {rule:?} matches the empty text, so it would match everywhere; let it need a character: + instead of *, and no ? around all of it"
    )]
    EmptyMatch {
        /// The rule's name.
        rule: String,
    },
    /// A pattern needs too much memory.
    #[error(
        r"the pattern of rule {rule:?} is too large: compiled it may have {limit_bytes} bytes; give smaller bounds ({{1,64}} instead of {{1,1000}}), classes of ASCII ((?-u:\w) instead of \w), or several rules"
    )]
    TooLarge {
        /// The rule's name.
        rule: String,
        /// How many bytes it may have.
        limit_bytes: usize,
    },
    /// A rule is called like something that is built in.
    #[error("the name {rule:?} is taken by a detector, a group or a built-in mask; call the rule something else")]
    NameTaken {
        /// The rule's name.
        rule: String,
    },
    /// Two rules have one name.
    #[error("there are two rules {rule:?}")]
    Twice {
        /// The rules' name.
        rule: String,
    },
    /// A rule's name would not fit a mask.
    #[error("the rule's name {rule:?} may have only a-z, 0-9 and _")]
    Name {
        /// The rule's name.
        rule: String,
    },
    /// A field's name has an empty step.
    #[error("the field {field:?} has an empty step; example: user.*.token")]
    Field {
        /// What was said.
        field: String,
    },
    /// The same in an own rule.
    #[error("the field {field:?} of rule {rule:?} is empty or has an empty step; example: field:user.*.token ~ \\d+")]
    RuleField {
        /// The rule's name.
        rule: String,
        /// What was said.
        field: String,
    },
    /// A mode is said for something that is not there.
    #[error("there is no detector, group or rule {name:?}{}", .nearest.as_ref().map_or(String::new(), |near| format!("; {near:?} was meant?")))]
    UnknownMode {
        /// For what.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// Tokens are asked for without a key.
    #[error("not set, but the mode of {rule:?} is token, which needs a key")]
    KeyMissing {
        /// Whose mode it is; the first of them.
        rule: String,
    },
}

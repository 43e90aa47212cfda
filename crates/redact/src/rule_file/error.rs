//! What is wrong with a rule file, and what cannot be used of it.

use std::fmt;

/// A mistake in a rule file. It names the file, and the rule if one has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFileError {
    /// The file that has it.
    pub file: String,
    /// The id of the rule that has it.
    pub rule: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for RuleFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(rule) = &self.rule {
            write!(f, "rule {rule:?}: ")?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for RuleFileError {}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The file is not TOML.
    #[error("line {line} is not TOML: {message}")]
    Toml {
        /// The line's number.
        line: usize,
        /// What the parser expected.
        message: String,
    },
    /// A key has a value of another kind.
    #[error("{key} must be {expected}")]
    Kind {
        /// The key, with its table.
        key: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A rule has no id.
    #[error(
        "a rule{} has no id; give it one, such as id = \"order-token\"",
        if .description.is_empty() { String::new() } else { format!(" ({description})") }
    )]
    NoId {
        /// The rule's description, if it has one.
        description: String,
    },
    /// The id has no letter or digit, so it cannot become a name.
    #[error("the id needs a letter or digit of ASCII, because it becomes the name in masks")]
    BadId,
    /// The rule's name is also that of another rule of the same file.
    #[error("its name in masks would be {name:?}, which rule {other:?} has too; rename one of them")]
    SameName {
        /// The name in masks.
        name: String,
        /// The other rule's id.
        other: String,
    },
    /// Both names that the rule could have are taken.
    #[error("its name in masks is taken, both {name:?} and {other:?}; rename the rule, or the file")]
    NameTaken {
        /// The name in masks.
        name: String,
        /// The name with the file's name before it.
        other: String,
    },
    /// `extend.useDefault`.
    #[error(
        "extend.useDefault asks for the rules inside gitleaks, which logskiff does not contain; save gitleaks' config/gitleaks.toml \
         next to this file and write extend.path = \"gitleaks.toml\""
    )]
    UseDefault,
    /// `extend.url`.
    #[error("extend.url is not supported; save that file next to this one and use extend.path")]
    ExtendUrl,
    /// More files extend each other than may.
    #[error("extends a file that extends a third one, or itself; at most {0} files may extend each other")]
    ExtendDepth(usize),
    /// Old and new spelling together.
    #[error("has both [allowlist] and [[allowlists]]; keep [[allowlists]]")]
    TwoSpellings,
    /// An allowlist that allows nothing.
    #[error("an allowlist has no regexes, stopwords, paths or commits; add one, or remove it")]
    EmptyAllowlist,
    /// An allowlist names a rule that does not exist.
    #[error("an allowlist's targetRules names {0:?}, which is no rule of this file; correct the id")]
    UnknownTarget(String),
    /// An allowlist's pattern matches the empty text.
    #[error(
        "the allowlist's pattern {0:?} allows everything; disable the rule with extend.disabledRules, or remove it"
    )]
    AllowsAll(String),
    /// A rule has nothing to search for.
    #[error("has neither regex nor path, so it would find nothing; add a regex")]
    NoRegex,
    /// A pattern is not valid.
    #[error("the pattern {pattern:?} is not a valid regular expression of Go (RE2): {message}")]
    Pattern {
        /// The pattern as written.
        pattern: String,
        /// The error.
        message: String,
    },
    /// A pattern has look-around.
    #[error(
        r"the pattern uses look-around, which neither gitleaks nor logskiff supports; match the surrounding text too, and put the part to mask into a group: id=(\d+) instead of (?<=id=)\d+"
    )]
    LookAround,
    /// A pattern has a back-reference.
    #[error(
        "the pattern uses a back-reference, which neither gitleaks nor logskiff supports; write the alternatives instead"
    )]
    BackReference,
    /// A pattern matches the empty text.
    #[error(
        "the pattern matches the empty text, so it would match everywhere; make it require a character: + instead of *"
    )]
    EmptyMatch,
    /// A pattern has no literal, and there is no keyword.
    #[error(
        "the pattern has no fixed text of at least {text} characters, and the rule has no keywords of at least {keyword}, so each line \
         would be searched with it; add keywords, such as the vendor's name"
    )]
    NoLiteral {
        /// The least length of a fixed text.
        text: usize,
        /// The least length of a keyword.
        keyword: usize,
    },
    /// The group to mask does not exist.
    #[error("secretGroup is {group}, but the pattern has {groups} groups; count the opening parentheses without ?:")]
    SecretGroup {
        /// The group as given.
        group: usize,
        /// The number of groups.
        groups: usize,
    },
    /// A pattern is too large.
    #[error(
        "the pattern is too large: it compiles to more than {0} bytes; use smaller bounds ({{1,64}} instead of {{1,1000}})"
    )]
    TooLarge(usize),
    /// There are too many rules.
    #[error(
        "has {count} rules; at most {max} are possible, so disable those that you do not need with extend.disabledRules"
    )]
    TooMany {
        /// How many rules there are.
        count: usize,
        /// The limit.
        max: usize,
    },
}

/// Something in a rule file that has no effect on lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// The id of the rule that it belongs to.
    pub rule: Option<String>,
    /// Whether the whole rule is not used.
    pub is_rule: bool,
    /// Why it has no effect.
    pub reason: String,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => write!(f, "{rule}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

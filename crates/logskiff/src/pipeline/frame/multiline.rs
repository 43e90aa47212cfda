//! The grammar of events of several lines: which line begins a record, and which one joins the record before.
//!
//! Input: a line, the number of blank lines before it, the line after it, and what is known of the file ([`State`]). Output: a
//! [`Verdict`], and the state after the line. The verdict depends on nothing else: no clock, no position, no chunk. After a
//! line that begins a record, the state depends only on what was learned of the file, on this line and on the next, so that a
//! read that begins again at a record's start groups alike.
//!
//! A line joins only for a [`Reason`] that has a name. `auto` knows three: it continues a trace by the grammar of a runtime
//! (`table`), it has no head in a file whose records begin with one (`head`), or a bracket is open (`bracket`).

mod auto;
mod bracket;
mod head;
mod hints;
mod jul;
mod key;
mod level;
mod pattern;
mod quotes;
mod shape;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod text;

use self::pattern::Patterns;
pub use self::state::State;
use self::state::{Mode, Open};
use self::table::Table;

/// The line after a line, blank lines aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'t> {
    /// The next line that is not blank, without its line end.
    Line(&'t [u8]),
    /// It is not written yet.
    Unknown,
    /// Nothing will follow.
    End,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It begins a record.
    Start,
    /// It joins the record before.
    Join(Reason),
    /// The next line decides, and is [`Next::Unknown`]. The state is unchanged.
    NeedsNext,
}

/// Why a line joins the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is a frame, or the source of one.
    Frame,
    /// It names the cause, or the exception at a trace's end.
    Cause,
    /// It is another part of a trace: a goroutine, a margin, a box, a note.
    Part,
    /// It begins the trace of the line before.
    Trace,
    /// It belongs to the message of an exception.
    Message,
    /// The bracket that the record opened is still open.
    Bracket,
    /// The file's records begin with a head, and it has none.
    NoHead,
    /// It is indented below a head.
    Indented,
    /// It does not match a start pattern.
    NoStart,
    /// It matches a continue pattern.
    Continues,
    /// A quote of the record is still open.
    Quote,
}

impl Reason {
    /// The name that `check --explain` and `try` show.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Cause => "cause",
            Self::Part => "part of a trace",
            Self::Trace => "trace of the line before",
            Self::Message => "message of an exception",
            Self::Bracket => "open bracket",
            Self::NoHead => "no head",
            Self::Indented => "indented below a head",
            Self::NoStart => "no start pattern matches",
            Self::Continues => "a continue pattern matches",
            Self::Quote => "open quote",
        }
    }
}

/// A runtime whose events are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Java and other languages of its virtual machine.
    Java,
    /// Python.
    Python,
    /// Go.
    Go,
    /// Node.js.
    Node,
    /// .NET.
    Dotnet,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// Rust.
    Rust,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 8] =
        [Self::Java, Self::Python, Self::Go, Self::Node, Self::Dotnet, Self::Ruby, Self::Php, Self::Rust];

    /// The name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Python => "python",
            Self::Go => "go",
            Self::Node => "node",
            Self::Dotnet => "dotnet",
            Self::Ruby => "ruby",
            Self::Php => "php",
            Self::Rust => "rust",
        }
    }

    /// The preset of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }
}

/// How lines are grouped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// Every line is a record.
    Off,
    /// By the grammar of all runtimes, by the file's heads and by brackets.
    Auto,
    /// As [`Config::Auto`], with the grammar of these runtimes only.
    Presets(Vec<Preset>),
    /// A line that matches one of the expressions begins a record, all others join.
    Start(Vec<String>),
    /// A line that matches one of the expressions joins, all others begin a record.
    Continue(Vec<String>),
    /// A line that matches the first expression and not the second joins, all others begin a record.
    ContinueUnless(&'static str, &'static str),
    /// A line that matches the first expression begins a record. One that matches the second does too, unless the line before
    /// matches the first.
    Heads(&'static str, &'static str),
    /// While a value of comma-separated ones has an open quote, lines join.
    Quotes,
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no preset.
    #[error("no preset")]
    NoPreset,
    /// There is no pattern.
    #[error("no pattern")]
    NoPattern,
    /// A pattern is no regular expression.
    #[error("pattern {pattern:?}: {error}")]
    Syntax {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        error: String,
    },
    /// A pattern matches a blank line, and so any line.
    #[error("pattern {0:?} matches the empty text, and so every line")]
    Empty(String),
    /// The patterns are too large together.
    #[error("patterns: {0}")]
    Size(String),
}

#[derive(Debug)]
enum Method {
    Off,
    Auto(Box<Table>),
    Start(Patterns),
    Continue(Patterns),
    ContinueUnless(Patterns, Patterns),
    Heads(Patterns, Patterns),
    Quotes,
}

/// A line of the grammar's tables, for the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The runtime that prints such lines. None: a server.
    pub preset: Option<Preset>,
    /// Why the line joins the one before. None: it begins a trace.
    pub reason: Option<Reason>,
    /// Such a line.
    pub line: &'static str,
}

/// An example for each line of the grammar's tables, in their order.
pub fn examples() -> impl Iterator<Item = Example> {
    let heads = table::HEADS.iter().map(|head| Example { preset: head.preset, reason: None, line: head.example });
    let rules = table::RULES.iter();
    heads.chain(rules.map(|rule| Example { preset: rule.preset, reason: Some(rule.reason), line: rule.example }))
}

/// Decides which lines begin a record.
#[derive(Debug)]
pub struct Grammar {
    method: Method,
}

impl Grammar {
    /// Compiles a configuration.
    ///
    /// # Errors
    /// Every pattern that cannot be used; or that there is none, or no preset.
    pub fn new(config: &Config) -> Result<Self, Vec<Error>> {
        let auto = |presets: &[Preset]| Method::Auto(Box::new(Table::new(presets)));
        let one = |pattern: &str| Patterns::new(&[pattern.to_owned()]);
        let method = match config {
            Config::Off => Method::Off,
            Config::Auto => auto(&Preset::ALL),
            Config::Presets(presets) if presets.is_empty() => return Err(vec![Error::NoPreset]),
            Config::Presets(presets) => auto(presets),
            Config::Start(patterns) => Method::Start(Patterns::new(patterns)?),
            Config::Continue(patterns) => Method::Continue(Patterns::new(patterns)?),
            Config::ContinueUnless(pattern, except) => Method::ContinueUnless(one(pattern)?, one(except)?),
            Config::Heads(first, second) => Method::Heads(one(first)?, one(second)?),
            Config::Quotes => Method::Quotes,
        };
        Ok(Self { method })
    }

    /// Sets which words are levels too, beside the known ones: a line that begins with one begins a record.
    #[must_use]
    pub fn with_levels(mut self, levels: &[String]) -> Self {
        if let Method::Auto(table) = &mut self.method {
            table.levels = levels.to_vec();
        }
        self
    }

    /// Whether every line is a record.
    #[must_use]
    pub fn is_off(&self) -> bool {
        matches!(self.method, Method::Off)
    }

    /// Whether a start pattern matches a line; `false` also if there is none.
    #[must_use]
    pub fn matches_start(&self, line: &[u8]) -> bool {
        matches!(&self.method, Method::Start(patterns) if patterns.matches(line))
    }

    /// Whether lines are joined up to a line that matches a start pattern.
    #[must_use]
    pub fn has_start(&self) -> bool {
        matches!(self.method, Method::Start(_))
    }

    /// Whether a line is a whole record as the one before was, in a log where nothing more is to be learned of such lines. The
    /// same as [`Self::step`], which leaves `state` as it is then, for less work.
    #[inline]
    #[must_use]
    pub fn is_whole_again(&self, state: &State, line: &[u8]) -> bool {
        auto::is_whole_again(state, line)
    }

    /// Decides whether a line begins a record or joins the open one, and updates `state`.
    ///
    /// `line` is not blank, and has no line end; a `\r` at its end may be there. `blank_lines`: how many blank lines stand
    /// between the line before and this one. `next`: the next line that is not blank.
    pub fn step(&self, state: &mut State, line: &[u8], blank_lines: u32, next: Next<'_>) -> Verdict {
        let closed = state.open.mode == Mode::Closed;
        let mut open = Open { mode: if self.is_off() { Mode::Whole } else { Mode::Text }, ..Open::default() };
        let reason = match &self.method {
            Method::Auto(table) => return auto::step(table, state, line, blank_lines, next),
            Method::Off => None,
            Method::Heads(first, second) => {
                let is_first = first.matches(line);
                let begins = is_first || second.matches(line) && !state.open.has(Open::EXPECTS);
                open = open.with(Open::EXPECTS, is_first);
                (!begins).then_some(Reason::NoStart)
            }
            Method::Quotes => {
                let was_open = state.open.depth > 0;
                let is_open = quotes::is_open_after(line.strip_suffix(b"\r").unwrap_or(line), was_open);
                open = Open { mode: if is_open { Mode::Text } else { Mode::Whole }, depth: is_open.into(), ..open };
                was_open.then_some(Reason::Quote)
            }
            Method::Start(patterns) => (!patterns.matches(line)).then_some(Reason::NoStart),
            Method::Continue(patterns) => patterns.matches(line).then_some(Reason::Continues),
            Method::ContinueUnless(patterns, except) => {
                (patterns.matches(line) && !except.matches(line)).then_some(Reason::Continues)
            }
        };
        state.open = open;
        reason.filter(|_| !closed).map_or(Verdict::Start, Verdict::Join)
    }
}

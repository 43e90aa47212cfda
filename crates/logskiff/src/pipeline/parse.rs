//! Parses lines into fields.
//!
//! Input: the text of one framed line, or of several lines that are one record. Output: a [`Parsed`] with ranges of that text: the fields, the message, and the
//! line's time and severity. A line of another format keeps its whole text as the message, with the reason. Parsing
//! never loses bytes and never returns only some of the fields. It never copies, logs or reports content: errors are
//! about the configuration only.
//!
//! A JSON object may take several lines. Formats of lines are looked for in the first lines of a record.
//!
//! A [`Parser`] is built once for an input; after the first lines a line needs no allocation.

mod colours;
mod csv;
mod field;
mod grok;
mod head;
mod json;
mod level;
mod logfmt;
mod method;
mod nginx;
mod number;
mod pattern;
mod prefix;
mod preset;
mod time;

use std::sync::Arc;

use event::{Kind, Level, ParseFailure, Parsed, TextRange};

use self::field::Fields;
use self::method::Method;
pub use self::preset::{Grouping, Preset};
use self::time::Clock;

/// The format of an input's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The whole line is the message.
    None,
    /// One JSON object per line.
    Json,
    /// Pairs of logfmt.
    Logfmt,
    /// Named captures of regular expressions become fields.
    Regex,
    /// As [`Format::Regex`], with references to named patterns.
    Grok,
    /// Comma-separated values (RFC 4180) with configured columns.
    Csv,
    /// The layouts of one program.
    Preset(&'static Preset),
    /// A JSON object, pairs of logfmt, or a text whose head has a time and a level.
    Auto,
}

/// The type of a field in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A JSON number without fraction or exponent.
    Int,
    /// A JSON number.
    Float,
    /// `true` or `false`, in any case.
    Bool,
    /// A string.
    Text,
}

/// How the lines of one input are parsed.
#[derive(Clone, Debug)]
pub struct Config {
    /// The formats of the lines, tried in order.
    pub formats: Vec<Format>,
    /// For [`Format::Regex`] and [`Format::Grok`]: patterns, tried in order.
    pub patterns: Vec<String>,
    /// For [`Format::Csv`]: the names of the columns.
    pub columns: Vec<String>,
    /// The types of fields; a nested field is named with dots.
    pub types: Vec<(String, Type)>,
    /// Fields with the message, tried in order before the usual ones: dotted names in any case.
    pub message_fields: Vec<String>,
    /// Fields with the line's time, likewise.
    pub time_fields: Vec<String>,
    /// `strptime` formats, or `rfc3339`, `unix`, `unix_ms`, `unix_us`, `unix_ns`, tried in order; empty: guessed.
    pub time_formats: Vec<String>,
    /// The IANA zone of timestamps without a zone.
    pub time_zone: String,
    /// The present time in nanoseconds since the Unix epoch, for timestamps without a year; `None`: the machine's.
    pub now_ns: Option<i64>,
    /// Fields with the severity, tried in order before the usual ones.
    pub level_fields: Vec<String>,
    /// Words or numbers in any case, and the levels that they mean. They come before the usual ones.
    pub level_map: Vec<(String, Level)>,
    /// Whether lines that cannot be parsed are dropped (and counted) instead of kept.
    pub drop_failures: bool,
}

impl Default for Config {
    /// Everything is guessed; timestamps without a zone are UTC.
    fn default() -> Self {
        Self {
            formats: vec![Format::Auto],
            patterns: Vec::new(),
            columns: Vec::new(),
            types: Vec::new(),
            message_fields: Vec::new(),
            time_fields: Vec::new(),
            time_formats: Vec::new(),
            time_zone: "UTC".to_owned(),
            now_ns: None,
            level_fields: Vec::new(),
            level_map: Vec::new(),
            drop_failures: false,
        }
    }
}

/// A mistake in a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A pattern is not a valid regular expression.
    #[error("pattern {} cannot be read: {message}", index + 1)]
    Pattern {
        /// The index of the pattern, from 0.
        index: usize,
        /// The error over several lines, with its position marked.
        message: String,
    },
    /// The format needs patterns, but there are none.
    #[error("the formats regex and grok need at least one pattern")]
    NoPattern,
    /// A pattern has no named capture, so it would create no fields.
    #[error("pattern {} has no named capture such as (?<status>\\d+) or %{{INT:status}}", index + 1)]
    NoNamedCapture {
        /// The index of the pattern, from 0.
        index: usize,
    },
    /// A pattern refers to an unknown name.
    #[error("pattern {} refers to %{{{name}}}, which is unknown", index + 1)]
    GrokName {
        /// The index of the pattern, from 0.
        index: usize,
        /// The unknown name.
        name: String,
    },
    /// The format needs the names of at least two columns.
    #[error("the format csv needs the names of at least two columns")]
    Columns,
    /// A layout of a preset cannot be used.
    #[error("preset {name}: {message}")]
    Preset {
        /// The preset.
        name: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The patterns name more fields than a record can have.
    #[error("the patterns name {count} fields, at most {} are possible", pattern::NAMES_MAX)]
    TooManyNames {
        /// The number of fields.
        count: usize,
    },
    /// The zone is unknown on this machine.
    #[error("unknown time zone {name:?}; expected an IANA name such as Europe/Berlin or UTC")]
    TimeZone {
        /// As configured.
        name: String,
    },
    /// An invalid time format.
    #[error("time format {} ({format:?}): {message}", index + 1)]
    TimeFormat {
        /// The index of the format, from 0.
        index: usize,
        /// As configured.
        format: String,
        /// The error.
        message: String,
    },
}

/// A line of fewer columns is no record.
const COLUMNS_MIN: usize = 2;

/// Parses the lines of one input.
pub struct Parser {
    /// Tried in order.
    methods: Vec<(Method, Fields)>,
    clock: Clock,
    names: Arc<[Box<str>]>,
    drop_failures: bool,
}

/// The names of the patterns that a pattern of [`Format::Grok`] can refer to.
pub fn grok_names() -> impl Iterator<Item = &'static str> {
    grok::names()
}

impl Parser {
    /// Prepares everything that does not depend on a line.
    ///
    /// # Errors
    /// All mistakes of `config` at once.
    pub fn new(config: &Config) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let clock = Clock::new(config, &mut errors);
        let (mut names, mut config) = (Vec::new(), config.clone());
        if config.formats.contains(&Format::Csv) && config.columns.len() < COLUMNS_MIN {
            errors.push(Error::Columns);
        }
        let formats = config.formats.clone();
        let methods: Vec<_> =
            formats.iter().map(|format| Method::new(*format, &mut config, &mut names, &mut errors)).collect();
        if names.len() > pattern::NAMES_MAX {
            errors.push(Error::TooManyNames { count: names.len() });
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let fields = formats.iter().map(|format| Fields::new(&config, *format, &names));
        let methods = methods.into_iter().zip(fields).collect();
        Ok(Self { methods, clock, names: names.into(), drop_failures: config.drop_failures })
    }

    /// An empty result with this parser's names; reused for each line.
    #[must_use]
    pub fn parsed(&self) -> Parsed {
        Parsed { names: Arc::clone(&self.names), ..Parsed::default() }
    }

    /// Parses one line, or several lines that are one record. `into` must come from [`Parser::parsed`] of the same parser; its
    /// content is replaced.
    pub fn parse(&mut self, text: &[u8], into: &mut Parsed) {
        into.clear();
        let mut failure = None;
        for (method, fields) in &mut self.methods {
            match method.read(text, fields, &self.clock, into) {
                Ok(()) => return,
                // Of several formats none is the one that failed.
                Err(reason) => failure = Some(failure.map_or(reason, |_| ParseFailure::NoMatch)),
            }
        }
        into.message = Some((TextRange::new(0, text.len()), Kind::Text));
        into.failure = failure;
    }

    /// Whether a line that cannot be parsed is dropped (and counted) instead of kept.
    #[must_use]
    pub fn drop_failures(&self) -> bool {
        self.drop_failures
    }
}

#[cfg(test)]
mod tests;

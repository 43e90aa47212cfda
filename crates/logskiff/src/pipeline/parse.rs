//! Lines become fields.
//!
//! In: one framed line's text. Out: a [`Parsed`] that holds ranges of that text: the fields, which range is the message,
//! the line's own time and severity. A line that is not of the asked format keeps its whole text as the message and says
//! why; it never loses bytes and never carries half of its fields. Nothing here copies content, logs it or puts it into
//! an error: errors are about the configuration alone.
//!
//! A [`Parser`] is built once for an input; after the first lines a line costs no allocation.

mod field;
mod json;
mod level;
mod nginx;
mod number;
mod pattern;
mod time;

use std::sync::Arc;

use event::{Kind, ParseFailure, Parsed, TextRange};

use self::field::Fields;
use self::pattern::Patterns;
use self::time::Clock;

/// What to make of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The line is the message.
    None,
    /// One JSON object a line.
    Json,
    /// Named captures of regular expressions become fields.
    Regex,
    /// The access log of nginx or Apache: "combined" or "common".
    Nginx,
    /// A JSON object, else the line as it is.
    Auto,
}

/// What a field's value is to become in the record.
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
    /// What a line is taken for.
    pub format: Format,
    /// For [`Format::Regex`]: patterns, tried in order.
    pub patterns: Vec<String>,
    /// The types of fields; a nested field is named with dots.
    pub types: Vec<(String, Type)>,
    /// The field that holds the line's time; `None`: guessed.
    pub time_field: Option<String>,
    /// `strptime` formats, or `rfc3339`, `unix`, `unix_ms`, `unix_us`, `unix_ns`, tried in order; empty: guessed.
    pub time_formats: Vec<String>,
    /// The IANA zone of stamps that name none.
    pub time_zone: String,
    /// The field that holds the severity; `None`: guessed.
    pub level_field: Option<String>,
    /// Whether lines that fail are dropped (and counted) instead of kept.
    pub drop_failures: bool,
}

impl Default for Config {
    /// The format and all else is guessed; stamps that name no zone are UTC.
    fn default() -> Self {
        Self {
            format: Format::Auto,
            patterns: Vec::new(),
            types: Vec::new(),
            time_field: None,
            time_formats: Vec::new(),
            time_zone: "UTC".to_owned(),
            level_field: None,
            drop_failures: false,
        }
    }
}

/// A mistake in a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A pattern is not a regular expression; the message shows where.
    #[error("pattern {} cannot be read: {message}", index + 1)]
    Pattern {
        /// Which of the patterns, from 0.
        index: usize,
        /// What is wrong, over several lines, the place marked.
        message: String,
    },
    /// The format asks for patterns and there are none.
    #[error("the format regex needs at least one pattern")]
    NoPattern,
    /// A pattern would match and give nothing.
    #[error("pattern {} has no named capture such as (?<status>\\d+)", index + 1)]
    NoNamedCapture {
        /// Which of the patterns, from 0.
        index: usize,
    },
    /// The patterns name more fields than a record can have.
    #[error("the patterns name {count} fields, at most {} are possible", pattern::NAMES_MAX)]
    TooManyNames {
        /// How many there are.
        count: usize,
    },
    /// The zone is not known on this machine.
    #[error("unknown time zone {name:?}; expected an IANA name such as Europe/Berlin or UTC")]
    TimeZone {
        /// As configured.
        name: String,
    },
    /// A time format that cannot be used.
    #[error("time format {} ({format:?}): {message}", index + 1)]
    TimeFormat {
        /// Which of the formats, from 0.
        index: usize,
        /// As configured.
        format: String,
        /// What is wrong.
        message: String,
    },
}

/// Turns the lines of one input into fields.
pub struct Parser {
    method: Method,
    fields: Fields,
    clock: Clock,
    names: Arc<[Box<str>]>,
    drop_failures: bool,
}

enum Method {
    None,
    Json,
    Auto,
    Regex(Patterns),
    Nginx,
}

impl Parser {
    /// Makes everything ready that does not depend on a line.
    ///
    /// # Errors
    /// All the mistakes of `config` at once.
    pub fn new(config: &Config) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let clock = Clock::new(config, &mut errors);
        let mut names = Vec::new();
        let method = match config.format {
            Format::None => Method::None,
            Format::Json => Method::Json,
            Format::Auto => Method::Auto,
            Format::Regex => Method::Regex(Patterns::new(&config.patterns, &mut names, &mut errors)),
            Format::Nginx => {
                names.extend(nginx::NAMES.map(Box::from));
                Method::Nginx
            }
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let fields = Fields::new(config, &names);
        Ok(Self { method, fields, clock, names: names.into(), drop_failures: config.drop_failures })
    }

    /// An empty result that knows this parser's names; it is filled again for each line.
    #[must_use]
    pub fn parsed(&self) -> Parsed {
        Parsed { names: Arc::clone(&self.names), ..Parsed::default() }
    }

    /// Parses one line. `into` must be from [`Parser::parsed`] of the same parser; what it held is replaced.
    pub fn parse(&mut self, text: &[u8], into: &mut Parsed) {
        into.clear();
        let whole = Some((TextRange::new(0, text.len()), Kind::Text));
        let failure = match &mut self.method {
            Method::None => None,
            Method::Auto if text.trim_ascii_start().first() != Some(&b'{') => None,
            Method::Json | Method::Auto => match json::read(text, &mut into.nodes) {
                Ok(repairs) => {
                    into.repairs = repairs;
                    self.fields.apply(text, into, &self.clock);
                    return;
                }
                Err(failure) => matches!(self.method, Method::Json).then_some(failure),
            },
            Method::Regex(patterns) => {
                if patterns.read(text, &mut into.nodes) {
                    into.message = whole;
                    self.fields.apply(text, into, &self.clock);
                    return;
                }
                Some(ParseFailure::NoMatch)
            }
            Method::Nginx => match nginx::read(text, &mut into.nodes) {
                Some(stamp) => {
                    into.time_ns = self.clock.guess(stamp);
                    into.time_failed = into.time_ns.is_none();
                    self.fields.apply(text, into, &self.clock);
                    None
                }
                None => Some(ParseFailure::NoMatch),
            },
        };
        into.message = whole;
        into.failure = failure;
    }

    /// Whether a line that fails is to be dropped (and counted) instead of kept.
    #[must_use]
    pub fn drop_failures(&self) -> bool {
        self.drop_failures
    }
}

#[cfg(test)]
mod tests;

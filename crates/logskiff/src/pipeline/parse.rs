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

mod field;
mod head;
mod json;
mod level;
mod logfmt;
mod nginx;
mod number;
mod pattern;
mod prefix;
mod time;

use std::sync::Arc;

use event::{Key, Kind, Level, Node, ParseFailure, Parsed, TextRange};

use self::field::Fields;
use self::pattern::Patterns;
use self::prefix::Prefix;
use self::time::Clock;

/// The format of an input's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The whole line is the message.
    None,
    /// One JSON object per line.
    Json,
    /// Named captures of regular expressions become fields.
    Regex,
    /// The access log of nginx or Apache: "combined" or "common".
    Nginx,
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
    /// The format of the lines.
    pub format: Format,
    /// For [`Format::Regex`]: patterns, tried in order.
    pub patterns: Vec<String>,
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
            format: Format::Auto,
            patterns: Vec::new(),
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
    #[error("the format regex needs at least one pattern")]
    NoPattern,
    /// A pattern has no named capture, so it would create no fields.
    #[error("pattern {} has no named capture such as (?<status>\\d+)", index + 1)]
    NoNamedCapture {
        /// The index of the pattern, from 0.
        index: usize,
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

/// Parses the lines of one input.
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

/// The name of the container that Docker Compose writes before a line, in [`Parsed::names`].
const SOURCE: u16 = 0;

impl Parser {
    /// Prepares everything that does not depend on a line.
    ///
    /// # Errors
    /// All mistakes of `config` at once.
    pub fn new(config: &Config) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let clock = Clock::new(config, &mut errors);
        let mut names = Vec::new();
        let method = match config.format {
            Format::None => Method::None,
            Format::Json => Method::Json,
            Format::Auto => {
                names.push("log.source".into());
                Method::Auto
            }
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

    /// An empty result with this parser's names; reused for each line.
    #[must_use]
    pub fn parsed(&self) -> Parsed {
        Parsed { names: Arc::clone(&self.names), ..Parsed::default() }
    }

    /// Parses one line, or several lines that are one record. `into` must come from [`Parser::parsed`] of the same parser; its content is replaced.
    pub fn parse(&mut self, text: &[u8], into: &mut Parsed) {
        into.clear();
        let whole = Some((TextRange::new(0, text.len()), Kind::Text));
        let failure = match &mut self.method {
            Method::None => None,
            Method::Auto => return self.parse_any(text, into),
            Method::Json => match json::read(text, &mut into.nodes) {
                Ok(repairs) => {
                    into.repairs = repairs;
                    self.fields.apply(text, into, &self.clock);
                    return;
                }
                Err(failure) => Some(failure),
            },
            Method::Regex(patterns) => {
                if read_line(text, &mut into.nodes, |line, nodes| patterns.read(line, nodes).then_some(())).is_some() {
                    into.message = whole;
                    self.fields.apply(text, into, &self.clock);
                    if memchr::memchr(b'\n', text).is_some() {
                        // A capture named message holds only a part of one line.
                        into.message = whole;
                    }
                    return;
                }
                Some(ParseFailure::NoMatch)
            }
            Method::Nginx => match read_line(text, &mut into.nodes, nginx::read) {
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

    /// Parses a record of any format that is recognized: a JSON object, logfmt, or a text with a head.
    fn parse_any(&mut self, text: &[u8], into: &mut Parsed) {
        let whole = (TextRange::new(0, text.len()), Kind::Text);
        if let Some(Prefix { len, source }) = prefix::of_object(text)
            && let Ok(repairs) = json::read(&text[len..], &mut into.nodes)
        {
            move_by(len, &mut into.nodes);
            into.repairs = repairs;
            self.fields.apply(text, into, &self.clock);
            let source = source.map(|at| Node::Value { key: Key::Name(SOURCE), at, kind: Kind::Text });
            into.nodes.extend(source);
            return;
        }
        if memchr::memchr(b'\n', text).is_none() && logfmt::read(text, &mut into.nodes).is_some() {
            self.fields.apply(text, into, &self.clock);
            into.message.get_or_insert(whole);
            return;
        }
        into.message = Some(whole);
        let (clock, levels) = (&self.clock, self.fields.levels());
        read_line(text, &mut into.nodes, |line, _| {
            let head = head::read(line, clock, levels);
            into.time_ns = into.time_ns.or(head.time_ns);
            into.time_failed |= head.time_failed;
            into.level = into.level.or(head.level);
            (into.time_ns.is_some() && into.level.is_some()).then_some(())
        });
    }

    /// Whether a line that cannot be parsed is dropped (and counted) instead of kept.
    #[must_use]
    pub fn drop_failures(&self) -> bool {
        self.drop_failures
    }
}

/// The lines of a record in which a format of lines is looked for. A trace or a banner may stand before the line that a
/// logger wrote.
const LINES_TRIED_MAX: usize = 8;

/// Fills `nodes`, which must be empty, from the first of the first lines that `read` accepts.
fn read_line<'t, T>(
    text: &'t [u8],
    nodes: &mut Vec<Node>,
    mut read: impl FnMut(&'t [u8], &mut Vec<Node>) -> Option<T>,
) -> Option<T> {
    let mut start = 0;
    for _ in 0..LINES_TRIED_MAX {
        let rest = text.get(start..)?;
        let newline = memchr::memchr(b'\n', rest);
        let line = newline.map_or(rest, |end| rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]));
        if let Some(found) = read(line, nodes) {
            move_by(start, nodes);
            return Some(found);
        }
        start += newline? + 1;
    }
    None
}

/// Moves the keys and values of a part of a record to their positions in the record.
fn move_by(start: usize, nodes: &mut [Node]) {
    if start == 0 {
        return;
    }
    let moved = |at: &mut TextRange| {
        let range = at.indices();
        *at = TextRange::new(range.start + start, range.end + start);
    };
    for node in nodes {
        if let Node::Value { key: Key::Text(key), .. }
        | Node::Object { key: Key::Text(key) }
        | Node::Array { key: Key::Text(key) } = node
        {
            moved(key);
        }
        if let Node::Value { at, .. } = node {
            moved(at);
        }
    }
}

#[cfg(test)]
mod tests;

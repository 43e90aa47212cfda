//! The shared words: which file, which bytes, which line, what was found in it.
//!
//! Everything here is a position or a small value. A [`Parsed`] holds ranges, never content, so it can be passed from
//! module to module without carrying a secret along. This crate imports nothing of ours.

use std::fmt;
use std::sync::Arc;

mod checkpoint_entry;
mod quiet;
mod repair;

pub use checkpoint_entry::{Ahead, CheckpointEntry, Fingerprint, Hash, Inode};
pub use quiet::{Quiet, QuietFiles, name_hash};
pub use repair::{Repair, Repairs, unicode_escape};

/// One incarnation of one file within this process: a truncation starts a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// The half-open byte range `[start, end)` of one file, from the file's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Span {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl Span {
    /// How many bytes the span covers.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.end - self.start
    }
}

impl From<(u64, u64)> for Span {
    fn from((start, end): (u64, u64)) -> Self {
        Self { start, end: end.max(start) }
    }
}

impl From<Span> for (u64, u64) {
    fn from(span: Span) -> Self {
        (span.start, span.end)
    }
}

/// What stands just after a span: the start of a line, or the inside of one whose rest is skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Boundary {
    /// The next byte starts a line.
    #[default]
    #[serde(rename = "line")]
    LineStart,
    /// The next byte belongs to a line that was already cut.
    #[serde(rename = "cut")]
    MidLine,
}

/// How far a file is settled: everything before `offset` needs no further work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermark {
    /// One past the last settled byte.
    pub offset: u64,
    /// What stands there.
    pub boundary: Boundary,
}

/// How far a file is settled, and what of it is settled behind that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Everything before it is settled.
    pub watermark: Watermark,
    /// Settled spans behind it, in order, without overlap.
    pub ahead: Vec<Span>,
}

impl From<Watermark> for Progress {
    fn from(watermark: Watermark) -> Self {
        Self { watermark, ahead: Vec::new() }
    }
}

/// The ways out of one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its record, to Kafka or standard output.
    Record,
    /// Its syslog message.
    Message,
}

/// What became of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it for good.
    Delivered,
    /// The receiver did not take this one; others it may take.
    Refused,
    /// It is too large for the receiver, and would be so for ever.
    Oversize,
    /// The way to the receiver broke before it was known.
    Lost,
}

/// Names one pending span: what an output hands back to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The file that the span belongs to.
    pub file: FileId,
    /// The span's number within its file, modulo 2^32.
    pub sequence: u32,
}

impl Ticket {
    /// Packs the ticket into 64 bits, the form in which an output carries it.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        u64::from(self.file.0) << 32 | u64::from(self.sequence)
    }

    /// The reverse of [`Ticket::to_bits`].
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "the halves of 64 bits are taken on purpose")]
    pub fn from_bits(bits: u64) -> Self {
        Self { file: FileId((bits >> 32) as u32), sequence: bits as u32 }
    }
}

/// A half-open byte range of a line's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextRange {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl TextRange {
    /// A range from byte positions; texts are bounded far below 4 GiB by `frame`.
    ///
    /// # Panics
    /// When a position does not fit 32 bits, which `frame`'s limit rules out.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: narrow(start), end: narrow(end) }
    }

    /// The range as indices.
    #[must_use]
    pub fn indices(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether the two share at least one byte.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// One framed line: a slice of the read buffer and where it came from.
#[derive(Clone, Copy)]
pub struct Line<'t> {
    /// The bytes of the file that this line accounts for, its line end included.
    pub span: Span,
    /// The text without its line end. May hold [`Line::keep`] bytes and a look-ahead behind them.
    pub text: &'t [u8],
    /// How many bytes of `text` may leave; less than its length only when the line was cut.
    pub keep: usize,
    /// What stands after the span.
    pub boundary: Boundary,
}

impl fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({}..{}, {} bytes)", self.span.start, self.span.end, self.text.len())
    }
}

/// A severity, in the field's common names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Finest detail.
    Trace,
    /// For developers.
    Debug,
    /// Normal operation.
    Info,
    /// Unusual, handled.
    Warn,
    /// Failed.
    Error,
    /// The process cannot go on.
    Fatal,
}

impl Level {
    /// The name that is written to records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// What a field is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// An element of an array, or the top level.
    None,
    /// An entry of [`Parsed::names`]: a name that the configuration gave.
    Name(u16),
    /// The inside of a JSON string of the text (between the quotes, escapes as written), as [`Kind::Escaped`].
    Text(TextRange),
}

/// How a value's bytes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Plain text: may hold any byte, has no escapes.
    Text,
    /// The inside of a JSON string, escapes as written; valid but for what [`Parsed::repairs`] names.
    Escaped,
    /// A valid JSON number.
    Number,
    /// `true`.
    True,
    /// `false`.
    False,
    /// `null`, or a number that JSON does not have.
    Null,
}

/// One step of a parsed line, in the order of the text: a flat tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A value; `at` is where it stands in the text (without quotes).
    Value {
        /// Its name.
        key: Key,
        /// Its bytes.
        at: TextRange,
        /// How to read them.
        kind: Kind,
    },
    /// An object begins; its members follow up to the matching [`Node::End`].
    Object {
        /// Its name.
        key: Key,
    },
    /// An array begins; its elements follow up to the matching [`Node::End`].
    Array {
        /// Its name.
        key: Key,
    },
    /// The innermost open object or array ends.
    End,
}

/// Why a line could not be parsed as asked; a bounded set, fit for a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseFailure {
    /// No format or pattern matched the line.
    NoMatch,
    /// The line is not a JSON object.
    Json,
    /// The JSON object is nested deeper than the limit.
    Depth,
}

impl ParseFailure {
    /// The name that is written to `parse.error` and to metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoMatch => "no_match",
            Self::Json => "json",
            Self::Depth => "depth",
        }
    }
}

/// Why bytes were read and not shipped; a bounded set, fit for a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// A line without content.
    Blank,
    /// The rest of a line that was cut at its limit.
    Cut,
    /// NUL bytes where a line should begin.
    Hole,
    /// A line that was not of its format, where such lines are to be dropped.
    Parse,
    /// A record too large for the output, where such records are to be dropped.
    Oversize,
    /// Read and not delivered, and gone from the file before it could be read again.
    Gone,
    /// A record that holds what a redaction rule of the mode `drop` finds.
    Redact,
}

impl DropReason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Blank, Self::Cut, Self::Hole, Self::Parse, Self::Oversize, Self::Gone, Self::Redact];

    /// The name that is written to metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Cut => "truncated",
            Self::Hole => "nul_padding",
            Self::Parse => "parse",
            Self::Oversize => "oversize",
            Self::Gone => "file_lost",
            Self::Redact => "redact_rule",
        }
    }
}

/// What `parse` found in one line. Reused from line to line, so that a line costs no allocation.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The fields: top-level nodes are the record's fields; there is no enclosing object.
    pub nodes: Vec<Node>,
    /// The names that [`Key::Name`] points into: letters, digits and `_.[]`, as captures have.
    pub names: Arc<[Box<str>]>,
    /// The record's message and how to read it; `None`: the fields say it all.
    pub message: Option<(TextRange, Kind)>,
    /// The line's own time, nanoseconds since the Unix epoch.
    pub time_ns: Option<i64>,
    /// The line's own severity.
    pub level: Option<Level>,
    /// Set when the line was not of the asked format.
    pub failure: Option<ParseFailure>,
    /// Set when a time field was there and could not be read.
    pub time_failed: bool,
    /// How many values could not be given their configured type (they stay text).
    pub type_failures: u32,
    /// What is wrong with a line of JSON that was read all the same.
    pub repairs: Repairs,
}

impl Parsed {
    /// Empties everything but the names.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.message = None;
        self.time_ns = None;
        self.level = None;
        self.failure = None;
        self.time_failed = false;
        self.type_failures = 0;
        self.repairs = Repairs::default();
    }
}

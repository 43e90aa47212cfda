//! Shared types: files, byte ranges, lines, and the fields found in a line.
//!
//! Everything here is a position or a small value. A [`Parsed`] holds ranges, never content, so it can be passed
//! between modules without leaking a secret. This crate does not depend on the other two.

use std::fmt;
use std::sync::Arc;

mod checkpoint_entry;
mod container;
mod group_mark;
mod line_flags;
mod output;
mod quiet;
mod repair;
mod times;

pub use checkpoint_entry::{Ahead, CheckpointEntry, Fingerprint, Hash, Inode, Writes};
pub use container::{Framing, Printed, Stream};
pub use group_mark::{Cut, GroupMark, RecordMemory, StreamMark};
pub use line_flags::LineFlags;
pub use output::{MessageCounts, OUTPUTS_MAX, OutputId, OutputSet};
pub use quiet::{FileTime, Quiet, QuietFiles, name_hash};
pub use repair::{Repair, Repairs, unicode_escape};
pub use times::{LineTimes, TimeSource, WriteStep};

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
    /// Length in bytes.
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

/// The position after a span: the start of a line, or the inside of a truncated line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Boundary {
    /// The next byte starts a line.
    #[default]
    #[serde(rename = "line")]
    LineStart,
    /// The next byte belongs to a line that was truncated.
    #[serde(rename = "cut")]
    MidLine,
}

/// The bytes of a file that a record accounts for in the ledger: shares follow one another without a gap.
///
/// Usually they are the record's own. Where records of two streams overlap in the file of a container, a share reaches from its
/// record's start to the start of the next record: see `is_mixed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The bytes.
    pub span: Span,
    /// The boundary after them.
    pub boundary: Boundary,
    /// It has lines of other records, or its record has lines behind it.
    pub is_mixed: bool,
}

impl Share {
    /// The share of a record that overlaps no other.
    #[must_use]
    pub fn whole(span: Span, boundary: Boundary) -> Self {
        Self { span, boundary, is_mixed: false }
    }
}

/// A file's watermark: everything before `offset` is acknowledged or dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermark {
    /// One past the last acknowledged or dropped byte.
    pub offset: u64,
    /// Whether it begins a line.
    pub boundary: Boundary,
}

/// A file's watermark, and the spans after it that are already acknowledged or dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Everything before it is acknowledged or dropped.
    pub watermark: Watermark,
    /// Acknowledged or dropped spans after it, in order, without overlap.
    pub ahead: Vec<Span>,
    /// What a re-read needs to form the same records.
    pub records: RecordMemory,
}

impl From<Watermark> for Progress {
    fn from(watermark: Watermark) -> Self {
        Self { watermark, ..Self::default() }
    }
}

/// The result for one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has acknowledged it.
    Delivered,
    /// The receiver refused this message, but may accept others.
    Refused,
    /// The receiver refused this message, and such messages are dropped.
    Rejected,
    /// It is too large for the receiver; a retry would fail too.
    Oversize,
    /// The connection was lost before the result was known.
    Lost,
}

/// Identifies one pending span; an output returns it to the ledger.
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

    /// The inverse of [`Ticket::to_bits`].
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
    /// A range of byte positions; `frame` limits texts to far below 4 GiB.
    ///
    /// # Panics
    /// If a position does not fit into 32 bits.
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

/// One framed line, or several lines that are one record: a slice of the read buffer and where it came from.
#[derive(Clone, Copy)]
pub struct Line<'t> {
    /// The bytes of the file that this line covers, with its line end.
    pub span: Span,
    /// The text without its last line end: [`Line::keep`] bytes, and for a truncated line a look-ahead after them.
    pub text: &'t [u8],
    /// Bytes of `text` that may be shipped; less than its length only if the line was truncated.
    pub keep: usize,
    /// The boundary after the span.
    pub boundary: Boundary,
    /// What its record says about its framing.
    pub flags: LineFlags,
    /// Where and when a container printed it, if its runtime wrote the file.
    pub printed: Option<Printed>,
}

impl fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({}..{}, {} bytes)", self.span.start, self.span.end, self.text.len())
    }
}

/// A severity. Records have one of six names for it; syslog's own severities stay apart for messages to syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Finest detail.
    Trace,
    /// For developers.
    Debug,
    /// Normal operation.
    Info,
    /// Normal, but worth attention: syslog's `notice`. Records call it `info`.
    Notice,
    /// Unusual, but handled.
    Warn,
    /// An operation failed.
    Error,
    /// The process cannot continue: syslog's `crit`.
    Fatal,
    /// Somebody must act at once: syslog's `alert`. Records call it `fatal`.
    Alert,
    /// The system is unusable: syslog's `emerg`. Records call it `fatal`.
    Emergency,
}

impl Level {
    /// The levels with a name in records, ascending.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The name that is written to records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info | Self::Notice => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal | Self::Alert | Self::Emergency => "fatal",
        }
    }

    /// Syslog's number for it (RFC 5424, 6.2.1).
    #[must_use]
    pub fn syslog_severity(self) -> u8 {
        match self {
            Self::Emergency => 0,
            Self::Alert => 1,
            Self::Fatal => 2,
            Self::Error => 3,
            Self::Warn => 4,
            Self::Notice => 5,
            Self::Info => 6,
            Self::Debug | Self::Trace => 7,
        }
    }
}

/// The name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// No name: an element of an array, or the top level.
    None,
    /// An index into [`Parsed::names`]: a name from the configuration.
    Name(u16),
    /// The content of a JSON string in the text (between the quotes, with escapes), as [`Kind::Escaped`].
    Text(TextRange),
}

/// How to read a value's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Plain text: any bytes, no escapes.
    Text,
    /// The content of a JSON string, with escapes; valid except for [`Parsed::repairs`].
    Escaped,
    /// Plain text in which this byte stands before a quote, a backslash or a bracket that belongs to it: the quote of
    /// CSV (`""`), the backslash of syslog's structured data (`\"`).
    Quoted(u8),
    /// A valid JSON number.
    Number,
    /// Digits, perhaps with a fraction, that count units of 10^n: the record has the whole number. `1.5` with 9, seconds in
    /// nanoseconds, is 1500000000.
    Scaled(u8),
    /// Text that stands for this number.
    Code(u8),
    /// `true`.
    True,
    /// `false`.
    False,
    /// `null`, or a number that JSON does not support.
    Null,
}

/// One step of a parsed line, in the order of the text: a flat tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A value; `at` is its position in the text (without quotes).
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

impl Kind {
    /// Whether the record has it without quotes: a number or a boolean.
    #[must_use]
    pub fn is_scalar(self) -> bool {
        matches!(self, Self::Number | Self::Scaled(_) | Self::Code(_) | Self::True | Self::False)
    }
}

impl Node {
    /// Where its key is in the text.
    #[must_use]
    pub fn text_key(&self) -> Option<TextRange> {
        match *self {
            Self::Value { key: Key::Text(key), .. }
            | Self::Object { key: Key::Text(key) }
            | Self::Array { key: Key::Text(key) } => Some(key),
            _ => None,
        }
    }

    /// Changes where its key and its value are in the text.
    pub fn map_ranges(&mut self, mut map: impl FnMut(TextRange) -> TextRange) {
        if let Self::Value { key: Key::Text(key), .. }
        | Self::Object { key: Key::Text(key) }
        | Self::Array { key: Key::Text(key) } = self
        {
            *key = map(*key);
        }
        if let Self::Value { at, .. } = self {
            *at = map(*at);
        }
    }
}

/// Why a line does not have the configured format; a bounded set, usable as a metric's label.
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
    /// The name in `parse.error` and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoMatch => "no_match",
            Self::Json => "json",
            Self::Depth => "depth",
        }
    }
}

/// Why bytes were read but not shipped; a bounded set, usable as a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// A line without content.
    Blank,
    /// The rest of a truncated line.
    Truncated,
    /// NUL bytes at the start of a line.
    NulPadding,
    /// A line without the configured format, if such lines are dropped.
    Parse,
    /// A record that is too large for the output, if such records are dropped.
    Oversize,
    /// Not delivered, and removed from the file before it could be read again.
    FileLost,
    /// A record with a match of a redaction rule in mode `drop`.
    RedactRule,
    /// A record that the receiver refused, if such records are dropped.
    Refused,
}

impl DropReason {
    /// All reasons, in the order of their discriminants.
    pub const ALL: [Self; 8] = [
        Self::Blank,
        Self::Truncated,
        Self::NulPadding,
        Self::Parse,
        Self::Oversize,
        Self::FileLost,
        Self::RedactRule,
        Self::Refused,
    ];

    /// The name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Truncated => "truncated",
            Self::NulPadding => "nul_padding",
            Self::Parse => "parse",
            Self::Oversize => "oversize",
            Self::FileLost => "file_lost",
            Self::RedactRule => "redact_rule",
            Self::Refused => "refused",
        }
    }
}

/// The fields that `parse` found in one line. Reused for each line, so that a line costs no allocation.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The fields: top-level nodes are the record's fields; there is no enclosing object.
    pub nodes: Vec<Node>,
    /// Names of captures, for [`Key::Name`]: letters, digits and `_.[]`.
    pub names: Arc<[Box<str>]>,
    /// The record's message and how to read it; `None`: there are only fields.
    pub message: Option<(TextRange, Kind)>,
    /// The line's own time, nanoseconds since the Unix epoch.
    pub time_ns: Option<i64>,
    /// The line's own severity.
    pub level: Option<Level>,
    /// The id of the line's trace: plain text, kept apart from the fields.
    pub trace_id: Option<TextRange>,
    /// The id of the line's span within its trace.
    pub span_id: Option<TextRange>,
    /// The members that message and ids were taken from, each in the objects that it was in. They are no fields of the
    /// record, but redaction and templates still find them by their names.
    pub taken: Vec<Node>,
    /// Set if the line does not have the configured format.
    pub failure: Option<ParseFailure>,
    /// Set if a time field could not be parsed.
    pub time_failed: bool,
    /// Number of values that could not be converted to their configured type (they stay text).
    pub type_failures: u32,
    /// Errors of a JSON line that are repaired in its record.
    pub repairs: Repairs,
}

impl Parsed {
    /// Whether a field or the message is [`Kind::Quoted`].
    #[must_use]
    pub fn has_quoted(&self) -> bool {
        let is_quoted = |kind| matches!(kind, Kind::Quoted(_));
        self.message.is_some_and(|(_, kind)| is_quoted(kind))
            || self.nodes.iter().any(|node| matches!(*node, Node::Value { kind, .. } if is_quoted(kind)))
    }

    /// Clears everything except the names.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.message = None;
        self.time_ns = None;
        self.level = None;
        self.trace_id = None;
        self.span_id = None;
        self.taken.clear();
        self.failure = None;
        self.time_failed = false;
        self.type_failures = 0;
        self.repairs = Repairs::default();
    }
}

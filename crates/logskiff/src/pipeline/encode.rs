//! Encodes redacted lines as records.
//!
//! Input: a [`Redacted`] line and its file's envelope. Output: one JSON object or the raw text, written directly to the batch's
//! buffer. Only redacted text can be encoded. A field of the line never replaces a field that logskiff writes: it becomes
//! `parsed.NAME`. For any line, the object is valid JSON, and names are unique in it and in its nested objects.

mod ansi;
mod envelope;
pub mod labels;
mod names;
mod quoted;
mod raw;
pub mod record_fields;
mod reserved;
pub mod syslog;
pub mod template;
mod text;
mod value;

use std::path::PathBuf;

pub use self::ansi::Ansi;
pub use self::envelope::{Envelope, Source};
use self::names::{Name, Names, Nested, members};
use self::raw::{LineEnds, write_raw};
pub use self::reserved::is_reserved;
use self::reserved::{Path, Reserved};
use self::template::{Place, Template};
use self::text::{Clock, ReadTime, write_escaped, write_number};
use self::value::{write_key, write_value, write_without_sequences};
use event::{
    FileId, Key, Kind, Level, LineFlags, LineTimes, Node, Parsed, Printed, Repair, Repairs, Span, TextRange, TimeSource,
};
use redact::Redacted;

/// Format of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON object with ECS field names.
    Json,
    /// Only the redacted line.
    Raw,
}

impl Encoding {
    /// What is sent, in words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Json => "JSON records",
            Self::Raw => "redacted lines",
        }
    }
}

/// Where the event id goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventId {
    /// Nowhere.
    Off,
    /// Into the field `event.id`.
    Field,
    /// Into a header of the message.
    Header,
}

/// The pod's metadata, from the Downward API.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    /// `metadata.name`.
    pub name: Option<String>,
    /// `metadata.namespace`.
    pub namespace: Option<String>,
    /// `metadata.uid`.
    pub uid: Option<String>,
    /// `status.podIP`.
    pub ip: Option<String>,
    /// `spec.nodeName`.
    pub node: Option<String>,
    /// The application's container.
    pub container: Option<String>,
    /// The file of `metadata.labels`.
    pub labels_file: Option<PathBuf>,
}

impl Pod {
    /// What a placeholder stands for, where that is the same for every file.
    #[must_use]
    pub fn value(&self, place: &Place) -> Option<&str> {
        match place {
            Place::Namespace => self.namespace.as_deref(),
            Place::Pod => self.name.as_deref(),
            Place::Node => self.node.as_deref(),
            Place::Container => self.container.as_deref(),
            _ => None,
        }
    }
}

/// Content and format of records.
#[derive(Clone, Debug)]
pub struct Config {
    /// Format.
    pub encoding: Encoding,
    /// Where the event id goes.
    pub event_id: EventId,
    /// Fields added to each record.
    pub fields: Vec<(String, Template)>,
    /// Whether each record has the digest of the rules that it was redacted with.
    pub stamp: bool,
    /// The pod.
    pub pod: Pod,
    /// Format of syslog messages, if syslog is an output.
    pub syslog: Option<syslog::Config>,
}

/// The file of lines that are encoded for a check only, and never sent.
pub const NO_FILE: FileId = FileId(u32::MAX);

/// A redacted line, and what its record says of it.
#[derive(Clone, Copy, Debug)]
pub struct RedactedLine<'l> {
    /// Its text and fields.
    pub redacted: &'l Redacted<'l>,
    /// The constant part of its file's records.
    pub envelope: &'l Envelope,
    /// Its file.
    pub file: FileId,
    /// Its bytes in the file.
    pub span: Span,
    /// How it was framed.
    pub flags: LineFlags,
    /// Where and when a container printed it.
    pub printed: Option<Printed>,
    /// When it was written and read.
    pub times: LineTimes,
    /// It was not read before: what is counted of it counts.
    pub is_new: bool,
}

impl RedactedLine<'_> {
    /// Fills in a template for this record.
    #[must_use]
    pub fn render(&self, template: &Template) -> String {
        template.render(|place| match place {
            Place::Field(name) => field(self.redacted, name),
            Place::Id => {
                let mut id = Vec::new();
                write_event_id(self, &mut id);
                String::from_utf8(id).ok()
            }
            Place::Offset => Some(self.span.start.to_string()),
            _ => self.envelope.known(place),
        })
    }

    /// The time of the record, in nanoseconds since the Unix epoch, and where it is from: the line's own, or when it was
    /// printed, written or read.
    #[must_use]
    pub fn time(&self) -> (i64, TimeSource) {
        match self.redacted.parsed().time_ns.or(self.printed_ns()) {
            Some(time_ns) => (time_ns, TimeSource::Line),
            None => (self.times.written_ns(), self.times.source()),
        }
    }

    /// Whether its level is error or fatal.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.redacted.parsed().level >= Some(Level::Error)
    }

    /// When a container printed it, as its runtime says.
    fn printed_ns(&self) -> Option<i64> {
        self.printed.and_then(|printed| printed.time_ns)
    }
}

/// Writes records.
#[derive(Debug)]
pub struct Encoder {
    encoding: Encoding,
    ansi: Ansi,
    event_id: EventId,
    reserved: Reserved,
    /// For names of members.
    path: Path,
    clock: Clock,
    read_time: ReadTime,
    /// The open containers, by depth; `None`: an array.
    objects: Vec<Option<Nested>>,
    /// Names of the members written so far in the open containers.
    open_names: Vec<Key>,
    /// Repairs since the last [`Encoder::take_repairs`].
    repairs: Repairs,
    syslog: Option<syslog::Writer>,
}

impl Encoder {
    /// Creates an encoder.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (encoding, event_id) = (config.encoding, config.event_id);
        let syslog = config.syslog.as_ref().map(|syslog| syslog::Writer::new(syslog, event_id != EventId::Off));
        Self {
            encoding,
            ansi: Ansi::Auto,
            event_id,
            reserved: Reserved::new(config.fields.iter().map(|(name, _)| name.as_str())),
            path: Path::default(),
            clock: Clock::default(),
            read_time: ReadTime::default(),
            objects: Vec::new(),
            open_names: Vec::new(),
            repairs: Repairs::default(),
            syslog,
        }
    }

    /// Sets what happens to terminal sequences in messages.
    #[must_use]
    pub fn with_ansi(self, ansi: Ansi) -> Self {
        Self { ansi, ..self }
    }

    /// Whether messages lose their terminal sequences.
    fn strips(&self) -> bool {
        self.ansi == Ansi::Strip || self.ansi == Ansi::Auto && self.encoding == Encoding::Json
    }

    /// Appends the record of one line to `out`. A raw record keeps the line ends within it.
    pub fn encode(&mut self, line: &RedactedLine<'_>, out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Json => self.encode_json(line, out),
            Encoding::Raw => write_raw(line.redacted, LineEnds::Newlines, self.strips(), out),
        }
    }

    /// Appends the record of one line to `out`, without a newline in it: line ends are written `\n`.
    pub fn encode_in_one_line(&mut self, line: &RedactedLine<'_>, out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Json => self.encode_json(line, out),
            Encoding::Raw => write_raw(line.redacted, LineEnds::Spelled, self.strips(), out),
        }
    }

    fn encode_json(&mut self, line: &RedactedLine<'_>, out: &mut Vec<u8>) {
        let RedactedLine { redacted, envelope, span, .. } = *line;
        let parsed = redacted.parsed();
        out.extend_from_slice(b"{\"@timestamp\":\"");
        let (time_ns, time_source) = line.time();
        self.clock.write(time_ns, out);
        out.push(b'"');
        if let Some(level) = parsed.level {
            write_level(level, out);
        }
        if let Some((at, kind)) = parsed.message {
            out.extend_from_slice(b",\"message\":");
            if self.strips() {
                write_without_sequences(redacted, at, kind, out);
            } else {
                write_value(redacted, at, kind, out);
            }
        }
        for (name, at) in ids(parsed) {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            write_value(redacted, at, Kind::Text, out);
        }
        let repairs = parsed.repairs.and(self.write_nodes(redacted, out));
        self.repairs = self.repairs.and(repairs);
        if let Some(failure) = parsed.failure {
            out.extend_from_slice(b",\"parse.error\":\"");
            out.extend_from_slice(failure.name().as_bytes());
            out.push(b'"');
        }
        if let Some(printed) = line.printed {
            out.extend_from_slice(b",\"log.iostream\":\"");
            out.extend_from_slice(printed.stream.name().as_bytes());
            out.push(b'"');
            // Otherwise it is the record's time.
            if let Some(printed_ns) = printed.time_ns.filter(|_| parsed.time_ns.is_some()) {
                out.extend_from_slice(b",\"log.printed\":\"");
                self.clock.write(printed_ns, out);
                out.push(b'"');
            }
        }
        write_flags(line, repairs, out);
        out.extend_from_slice(&envelope.members);
        out.extend_from_slice(b",\"log.offset\":");
        write_number(span.start, out);
        self.read_time.write(line.times.read_ns(), out);
        out.extend_from_slice(time_source.name().as_bytes());
        out.push(b'"');
        if self.event_id == EventId::Field {
            out.extend_from_slice(b",\"event.id\":\"");
            write_event_id(line, out);
            out.push(b'"');
        }
        out.push(b'}');
    }

    /// Appends the record's event id to `out`, if it is a message header.
    pub fn header_id(&self, line: &RedactedLine<'_>, out: &mut Vec<u8>) {
        if self.event_id == EventId::Header {
            write_event_id(line, out);
        }
    }

    /// Returns and resets the repairs in the records written since the last call.
    pub fn take_repairs(&mut self) -> Repairs {
        std::mem::take(&mut self.repairs)
    }

    /// Writes the fields; returns the repairs of their names.
    fn write_nodes(&mut self, redacted: &Redacted<'_>, out: &mut Vec<u8>) -> Repairs {
        let nodes = &redacted.parsed().nodes;
        let mut repairs = Repairs::default();
        let mut names = Names::new(redacted, self.reserved.names());
        // The open objects with renamed members, and their depths.
        let mut nested: Vec<(usize, Names<'_, '_>)> = Vec::new();
        self.objects.clear();
        self.open_names.clear();
        // Members come before these, so that a comma comes first at the top level.
        let mut first = false;
        for (at, node) in nodes.iter().enumerate() {
            let (key, container) = match *node {
                Node::End => {
                    nested.pop_if(|(depth, _)| *depth == self.objects.len());
                    let object = self.objects.pop().flatten();
                    if let Some(object) = &object {
                        object.close(&mut self.open_names);
                    }
                    out.push(if object.is_some() { b'}' } else { b']' });
                    first = false;
                    continue;
                }
                Node::Value { key, .. } => (key, None),
                Node::Object { key } => (key, Some(true)),
                Node::Array { key } => (key, Some(false)),
            };
            if !first {
                out.push(b',');
            }
            first = false;
            let depth = self.objects.len();
            if depth == 0 {
                let name = Name::new(redacted, key);
                let is_first = names.takes(at, &name);
                if is_first && self.reserved.leaves(redacted, at, name.bytes(), &mut self.path) {
                    name.write(redacted, key, out);
                } else {
                    write_renamed(&names.rename(at, &name, &mut repairs), out);
                }
            } else if let Some(Some(object)) = self.objects.last_mut() {
                let name = Name::new(redacted, key);
                let is_first = nested.last().is_none_or(|(of, _)| *of < depth);
                if is_first && object.takes(redacted, key, &name, &mut self.open_names) {
                    name.write(redacted, key, out);
                } else {
                    if is_first {
                        nested.push((depth, object.names(redacted)));
                    }
                    if let Some((_, names)) = nested.last_mut()
                        && !names.takes(at, &name)
                    {
                        write_renamed(&names.rename(at, &name, &mut repairs), out);
                    } else {
                        name.write(redacted, key, out);
                    }
                }
            }
            match (*node, container) {
                (_, Some(object)) => {
                    out.push(if object { b'{' } else { b'[' });
                    self.objects.push(object.then(|| Nested::new(at + 1, &self.open_names)));
                    first = true;
                }
                (Node::Value { at, kind, .. }, None) => write_value(redacted, at, kind, out),
                (_, None) => {}
            }
        }
        repairs
    }
}

/// A key as written in the text, or `None` if part of it is masked or may be invalid.
#[inline]
fn plain_key<'t>(redacted: &Redacted<'t>, key: Key) -> Option<&'t [u8]> {
    match key {
        Key::None => None,
        Key::Name(name) => redacted.parsed().names.get(usize::from(name)).map(|name| name.as_bytes()),
        Key::Text(_) if redacted.parsed().repairs.is_of_strings() => None,
        Key::Text(at) => redacted.plain(at),
    }
}

/// The ids of a line and their names in records.
fn ids(parsed: &Parsed) -> impl Iterator<Item = (&'static str, TextRange)> + use<> {
    let ids = [("trace.id", parsed.trace_id), ("span.id", parsed.span_id)];
    ids.into_iter().filter_map(|(name, at)| Some((name, at?)))
}

/// The redacted value of a top-level field, by its name in the record or in the line.
fn field(redacted: &Redacted<'_>, name: &str) -> Option<String> {
    let parsed = redacted.parsed();
    let is = |key: Key| plain_key(redacted, key) == Some(name.as_bytes());
    let node = members(&parsed.nodes, 0).find(|(_, key)| is(*key)).map(|(at, _)| parsed.nodes[at]);
    let taken = || members(&parsed.taken, 0).find(|(_, key)| is(*key)).map(|(at, _)| parsed.taken[at]);
    let id = || ids(parsed).find(|(id, _)| *id == name).map(|(_, at)| (at, Kind::Text));
    let (at, kind) = match node.or_else(taken) {
        Some(Node::Value { at, kind, .. }) => (at, kind),
        Some(_) => return None,
        None => id()?,
    };
    let mut written = Vec::new();
    write_value(redacted, at, kind, &mut written);
    match kind {
        Kind::Null => None,
        Kind::Text | Kind::Escaped | Kind::Quoted(_) => serde_json::from_slice(&written).ok(),
        _ => Some(String::from_utf8_lossy(&written).trim_matches('"').to_owned()),
    }
}

/// Writes the new name of a renamed member.
fn write_renamed(name: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(name, out);
    out.extend_from_slice(b"\":");
}

/// The flags of a record: how its line was framed, and why values were withheld or repaired.
fn flags(line: &RedactedLine<'_>, repairs: Repairs) -> impl Iterator<Item = &'static str> {
    line.flags.names().chain(line.redacted.withheld()).chain(repairs.iter().map(Repair::flag))
}

/// Writes `log.flags`, if there are any.
fn write_flags(line: &RedactedLine<'_>, repairs: Repairs, out: &mut Vec<u8>) {
    let mut before: &[u8] = b",\"log.flags\":[\"";
    for flag in flags(line, repairs) {
        out.extend_from_slice(before);
        out.extend_from_slice(flag.as_bytes());
        before = b"\",\"";
    }
    if before.starts_with(b"\"") {
        out.extend_from_slice(b"\"]");
    }
}

fn write_level(level: Level, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"log.level\":\"");
    out.extend_from_slice(level.name().as_bytes());
    out.push(b'"');
}

/// Writes the id of a record: its file and where it begins. Of several lines also where it ends: if the process is killed before
/// the checkpoint has a cut, the same lines may be part of a longer record.
fn write_event_id(line: &RedactedLine<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(line.envelope.origin.as_bytes());
    out.push(b'-');
    write_number(line.span.start, out);
    if line.flags.has(LineFlags::JOINED) {
        out.push(b'-');
        write_number(line.span.end, out);
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text.as_bytes(), out);
    out.push(b'"');
}

#[cfg(test)]
mod tests;

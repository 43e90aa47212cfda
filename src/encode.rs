//! Redacted lines into the bytes of records.
//!
//! Enters: a [`Redacted`] line and what is known of its file. Leaves: one JSON object or the raw text, written straight
//! into the batch's buffer. Only what `redact` lets through can come here, and a field of the line never takes the place
//! of a field that logskiff itself writes: it goes out under `parsed.NAME`.

pub mod labels;
mod names;
pub mod syslog;
pub mod template;
mod text;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::path::PathBuf;

use self::names::Names;
use self::template::{Place, Template};
use self::text::{Clock, write_escaped, write_number};
use crate::record::{Boundary, Key, Kind, Level, Node, Span, TextRange};
use crate::redact::{Piece, Redacted};

/// What a record looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON object with ECS names.
    Json,
    /// The redacted line alone.
    Raw,
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

/// What Kubernetes says of the pod, by the Downward API.
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

/// How records are written.
#[derive(Clone, Debug)]
pub struct Config {
    /// Their form.
    pub encoding: Encoding,
    /// Where the event id goes.
    pub event_id: EventId,
    /// Fields added to each record.
    pub fields: Vec<(String, Template)>,
    /// The pod.
    pub pod: Pod,
    /// How syslog messages are written, where they are.
    pub syslog: Option<syslog::Config>,
}

/// A file that records come from, and all that is the same in each of them.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The constant members, each with a comma before it.
    members: Vec<u8>,
    /// Names this incarnation of the file in event ids.
    origin: String,
    places: BTreeMap<&'static str, String>,
    labels: BTreeMap<String, String>,
    syslog: Option<syslog::Header>,
}

/// What a file is, for its envelope.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// The input's name.
    pub input: &'s str,
    /// The path under which its records go out.
    pub path: &'s str,
    /// The first part of its records' event ids.
    pub origin: &'s str,
    /// The pod's labels.
    pub labels: &'s BTreeMap<String, String>,
}

impl Envelope {
    /// Gathers what is constant for a file. Every text that comes from outside goes through `redact`.
    #[must_use]
    pub fn new(config: &Config, source: &Source<'_>, redact: impl Fn(&str) -> String) -> Self {
        let clean = |text: &Option<String>| text.as_deref().map(&redact);
        let pod = &config.pod;
        let path = redact(source.path);
        let file = path.rsplit('/').next().unwrap_or_default().to_owned();
        let known = [
            ("namespace", clean(&pod.namespace)),
            ("pod", clean(&pod.name)),
            ("node", clean(&pod.node)),
            ("container", clean(&pod.container)),
            ("input", Some(source.input.to_owned())),
            ("file", Some(file)),
        ];
        let places = known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let labels = source.labels.iter().map(|(key, value)| (redact(key), redact(value))).collect();
        let mut envelope = Self { members: Vec::new(), origin: source.origin.to_owned(), places, labels, syslog: None };
        envelope.member("log.file.path", &path);
        for (name, value) in [
            ("kubernetes.pod.name", clean(&pod.name)),
            ("kubernetes.pod.uid", clean(&pod.uid)),
            // The pod's own address is no person's, and an address can hold nothing else.
            ("kubernetes.pod.ip", pod.ip.clone().filter(|ip| ip.parse::<IpAddr>().is_ok()).or_else(|| clean(&pod.ip))),
            ("kubernetes.namespace", clean(&pod.namespace)),
            ("kubernetes.node.name", clean(&pod.node)),
            ("kubernetes.container.name", clean(&pod.container)),
        ] {
            if let Some(value) = value {
                envelope.member(name, &value);
            }
        }
        envelope.labels();
        for (name, template) in &config.fields {
            let value = template.render(|place| envelope.known(place));
            envelope.member(name, &redact(&value));
        }
        if let Some(syslog) = &config.syslog {
            let known = |name| envelope.places.get(name).map(String::as_str);
            let places = ["pod", "namespace", "node", "container"].map(|name| (name, known(name)));
            let params: Vec<_> = std::iter::once(("file", Some(path.as_str()))).chain(places).collect();
            envelope.syslog = Some(syslog::Header::new(syslog, &envelope, &params));
        }
        envelope
    }

    /// Fills in a template for one record of the file.
    #[must_use]
    pub fn render(&self, template: &Template, redacted: Option<&Redacted<'_>>) -> String {
        template.render(|place| match (place, redacted) {
            (Place::Field(name), Some(redacted)) => field(redacted, name),
            _ => self.known(place),
        })
    }

    fn known(&self, place: &Place) -> Option<String> {
        let name = match place {
            Place::Namespace => "namespace",
            Place::Pod => "pod",
            Place::Node => "node",
            Place::Container => "container",
            Place::Input => "input",
            Place::File => "file",
            Place::Label(key) => return self.labels.get(key).cloned(),
            Place::Field(_) => return None,
        };
        self.places.get(name).cloned()
    }

    fn member(&mut self, name: &str, value: &str) {
        self.members.push(b',');
        write_string(name, &mut self.members);
        self.members.push(b':');
        write_string(value, &mut self.members);
    }

    fn labels(&mut self) {
        if self.labels.is_empty() {
            return;
        }
        self.members.extend_from_slice(b",\"kubernetes.labels\":{");
        for (at, (key, value)) in self.labels.iter().enumerate() {
            if at > 0 {
                self.members.push(b',');
            }
            write_string(key, &mut self.members);
            self.members.push(b':');
            write_string(value, &mut self.members);
        }
        self.members.push(b'}');
    }
}

/// Names that logskiff writes itself, and the objects that hold them where they are read as nested.
const RESERVED: [&str; 23] = [
    "@timestamp",
    "message",
    "log.level",
    "log.file.path",
    "log.offset",
    "log.truncated",
    "log.flags",
    "event.id",
    "parse.error",
    "kubernetes.pod.name",
    "kubernetes.pod.uid",
    "kubernetes.pod.ip",
    "kubernetes.namespace",
    "kubernetes.node.name",
    "kubernetes.container.name",
    "kubernetes.labels",
    "log",
    "log.file",
    "event",
    "parse",
    "kubernetes",
    "kubernetes.pod",
    "kubernetes.node",
];

/// Writes records.
#[derive(Debug)]
pub struct Encoder {
    encoding: Encoding,
    event_id: EventId,
    reserved: HashSet<Vec<u8>>,
    /// By the first byte: the lengths of the reserved names, a bit each. Most fields are told apart by it.
    reserved_lengths: [u64; 256],
    clock: Clock,
    /// Whether the container that is being written is an object, by depth.
    objects: Vec<bool>,
    syslog: Option<syslog::Writer>,
}

impl Encoder {
    /// Prepares to write records as configured.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let added = config.fields.iter().map(|(name, _)| name.as_bytes().to_vec());
        let reserved: HashSet<Vec<u8>> = RESERVED.iter().map(|name| name.as_bytes().to_vec()).chain(added).collect();
        let mut reserved_lengths = [0; 256];
        for name in &reserved {
            reserved_lengths[usize::from(name.first().copied().unwrap_or_default())] |= length_bit(name);
        }
        let (encoding, event_id) = (config.encoding, config.event_id);
        let syslog = config.syslog.as_ref().map(|syslog| syslog::Writer::new(syslog, event_id != EventId::Off));
        Self { encoding, event_id, reserved, reserved_lengths, clock: Clock::default(), objects: Vec::new(), syslog }
    }

    /// Writes the record of one line to the end of `out`. `read_ns` is when it was read, for lines without a time.
    pub fn encode(
        &mut self,
        redacted: &Redacted<'_>,
        envelope: &Envelope,
        (span, boundary): (Span, Boundary),
        read_ns: i64,
        out: &mut Vec<u8>,
    ) {
        if self.encoding == Encoding::Raw {
            return write_raw(redacted, out);
        }
        let parsed = redacted.parsed();
        out.extend_from_slice(b"{\"@timestamp\":\"");
        self.clock.write(parsed.time_ns.unwrap_or(read_ns), out);
        out.push(b'"');
        if let Some(level) = parsed.level {
            write_level(level, out);
        }
        if let Some((at, kind)) = parsed.message {
            out.extend_from_slice(b",\"message\":");
            write_value(redacted, at, kind, out);
        }
        self.write_nodes(redacted, out);
        if let Some(failure) = parsed.failure {
            out.extend_from_slice(b",\"parse.error\":\"");
            out.extend_from_slice(failure.name().as_bytes());
            out.push(b'"');
        }
        if boundary == Boundary::Cut {
            out.extend_from_slice(b",\"log.truncated\":true");
        }
        write_flags(redacted, out);
        out.extend_from_slice(&envelope.members);
        out.extend_from_slice(b",\"log.offset\":");
        write_number(span.start, out);
        if self.event_id == EventId::Field {
            out.extend_from_slice(b",\"event.id\":\"");
            write_event_id(envelope, span, out);
            out.push(b'"');
        }
        out.push(b'}');
    }

    /// Writes the record's event id to the end of `out`, if it goes into a header.
    pub fn header_id(&self, envelope: &Envelope, span: Span, out: &mut Vec<u8>) {
        if self.event_id == EventId::Header {
            write_event_id(envelope, span, out);
        }
    }

    fn write_nodes(&mut self, redacted: &Redacted<'_>, out: &mut Vec<u8>) {
        let nodes = &redacted.parsed().nodes;
        let mut names = Names::new(redacted, &self.reserved);
        self.objects.clear();
        // The record's members before these: a comma always comes first at the top.
        let mut first = false;
        for (at, node) in nodes.iter().enumerate() {
            let (key, container) = match *node {
                Node::End => {
                    out.push(if self.objects.pop() == Some(false) { b']' } else { b'}' });
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
            if self.objects.is_empty() {
                self.write_name(redacted, &mut names, at, key, out);
            } else if self.objects.last() == Some(&true) {
                write_key(redacted, key, out);
            }
            match (*node, container) {
                (_, Some(object)) => {
                    out.push(if object { b'{' } else { b'[' });
                    self.objects.push(object);
                    first = true;
                }
                (Node::Value { at, kind, .. }, None) => write_value(redacted, at, kind, out),
                (_, None) => {}
            }
        }
    }

    /// Writes the name of the top-level field at node `at`: another one where its own is taken.
    fn write_name(&self, redacted: &Redacted<'_>, names: &mut Names<'_, '_>, at: usize, key: Key, out: &mut Vec<u8>) {
        let name = written_key(redacted, key);
        if self.is_reserved(&name) || names.is_doubled(at, &name) {
            out.push(b'"');
            write_escaped(&names.give(&name), out);
            out.extend_from_slice(b"\":");
        } else {
            write_key(redacted, key, out);
        }
    }

    fn is_reserved(&self, name: &[u8]) -> bool {
        let may_be = |first: &u8| self.reserved_lengths[usize::from(*first)] & length_bit(name) != 0;
        name.first().is_some_and(may_be) && self.reserved.contains(name)
    }
}

/// The bit of a name's length; long ones share one.
fn length_bit(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}

/// The top-level nodes with their places.
fn top<'t>(redacted: &Redacted<'t>) -> impl Iterator<Item = (usize, Key)> + use<'t> {
    let mut depth = 0_usize;
    redacted.parsed().nodes.iter().enumerate().filter_map(move |(at, node)| {
        let here = depth == 0;
        let key = match *node {
            Node::Value { key, .. } => key,
            Node::Object { key } | Node::Array { key } => {
                depth += 1;
                key
            }
            Node::End => {
                depth = depth.saturating_sub(1);
                return None;
            }
        };
        here.then_some((at, key))
    })
}

/// A key as it stands in the text, or `None` when part of it is masked.
fn plain_key<'t>(redacted: &Redacted<'t>, key: Key) -> Option<&'t [u8]> {
    match key {
        Key::None => None,
        Key::Name(name) => redacted.parsed().names.get(usize::from(name)).map(|name| name.as_bytes()),
        Key::Text(at) => redacted.plain(at),
    }
}

/// The value of a top-level field, as redacted.
fn field(redacted: &Redacted<'_>, name: &str) -> Option<String> {
    let (at, _) = top(redacted).find(|(_, key)| plain_key(redacted, *key) == Some(name.as_bytes()))?;
    let Node::Value { at, kind, .. } = redacted.parsed().nodes[at] else { return None };
    let mut written = Vec::new();
    write_value(redacted, at, kind, &mut written);
    match kind {
        Kind::Null => None,
        Kind::Text | Kind::Escaped => serde_json::from_slice(&written).ok(),
        Kind::Number | Kind::True | Kind::False => Some(String::from_utf8_lossy(&written).trim_matches('"').to_owned()),
    }
}

/// A key as a reader of the record sees it: masked, and its escapes decoded. Two that are spelled differently can be the
/// same: `"\u0061"` is `"a"`.
fn written_key<'t>(redacted: &Redacted<'t>, key: Key) -> Cow<'t, [u8]> {
    match plain_key(redacted, key) {
        Some(name) if !matches!(key, Key::Text(_)) || memchr::memchr(b'\\', name).is_none() => Cow::Borrowed(name),
        _ => {
            let mut written = Vec::new();
            write_key(redacted, key, &mut written);
            written.pop();
            let decoded = serde_json::from_slice::<String>(&written);
            decoded.map_or(Cow::Owned(written), |name| Cow::Owned(name.into_bytes()))
        }
    }
}

fn write_key(redacted: &Redacted<'_>, key: Key, out: &mut Vec<u8>) {
    out.push(b'"');
    match key {
        Key::None => {}
        Key::Name(_) => out.extend_from_slice(plain_key(redacted, key).unwrap_or_default()),
        Key::Text(at) => write_pieces(redacted, at, true, out),
    }
    out.extend_from_slice(b"\":");
}

fn write_value(redacted: &Redacted<'_>, at: TextRange, kind: Kind, out: &mut Vec<u8>) {
    let literal: &[u8] = match kind {
        Kind::Text | Kind::Escaped => {
            out.push(b'"');
            write_pieces(redacted, at, kind == Kind::Escaped, out);
            return out.push(b'"');
        }
        Kind::Null => return out.extend_from_slice(b"null"),
        // A masked number is no number any more.
        _ if redacted.is_masked(at) => return write_value(redacted, at, Kind::Text, out),
        Kind::Number => return write_pieces(redacted, at, true, out),
        Kind::True => b"true",
        Kind::False => b"false",
    };
    out.extend_from_slice(literal);
}

/// Writes a range with its masks. `as_is`: the text is the inside of a JSON string, or a number, already.
fn write_pieces(redacted: &Redacted<'_>, at: TextRange, as_is: bool, out: &mut Vec<u8>) {
    if let (Some(text), true) = (redacted.plain(at), as_is) {
        return out.extend_from_slice(text);
    }
    for piece in redacted.pieces(at) {
        match piece {
            Piece::Text(text) if as_is => out.extend_from_slice(text),
            Piece::Text(text) => write_escaped(text, out),
            Piece::Mask(label) => out.extend_from_slice(label.as_bytes()),
        }
    }
}

fn write_raw(redacted: &Redacted<'_>, out: &mut Vec<u8>) {
    redacted.line(|piece| match piece {
        Piece::Text(text) => out.extend_from_slice(text),
        Piece::Mask(label) => out.extend_from_slice(label.as_bytes()),
    });
}

/// Says of a record that something in it was withheld, and why.
fn write_flags(redacted: &Redacted<'_>, out: &mut Vec<u8>) {
    let mut before: &[u8] = b",\"log.flags\":[\"";
    for flag in redacted.withheld() {
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

fn write_event_id(envelope: &Envelope, span: Span, out: &mut Vec<u8>) {
    out.extend_from_slice(envelope.origin.as_bytes());
    out.push(b'-');
    write_number(span.start, out);
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text.as_bytes(), out);
    out.push(b'"');
}

#[cfg(test)]
mod tests;

//! Encodes parsed fields as structured data (RFC 5424, 6.3).
//!
//! Nested names are joined by dots. The elements of an array are values with the same name, which the RFC allows.

use super::sd_name::{Digest, SdName};
use super::text::write_param;
use super::{Config, Framing};
use crate::pipeline::encode::ids;
use crate::pipeline::encode::names::Name;
use crate::pipeline::encode::quoted::unquoted;
use crate::pipeline::encode::value::{write_pieces, write_value};
use event::{Key, Kind, Node, TextRange};
use redact::{Piece, Redacted};

/// Writes fields; its buffers are reused for each line.
#[derive(Debug)]
pub(super) struct Data {
    /// The beginning of the element.
    begin: Vec<u8>,
    no_controls: bool,
    path: Path,
    /// The path's parts without each open object or array.
    outer: Vec<Outer>,
    value: Vec<u8>,
}

/// The name of the current field, with the names of the objects that it is in.
#[derive(Debug, Default)]
struct Path {
    bytes: Vec<u8>,
    digest: Digest,
}

/// The beginning of a path.
#[derive(Clone, Copy, Debug)]
struct Outer {
    length: usize,
    digest: Digest,
}

impl Path {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.digest = self.digest.with(bytes);
    }

    fn current(&self) -> Outer {
        Outer { length: self.bytes.len(), digest: self.digest }
    }

    fn truncate(&mut self, to: Outer) {
        self.bytes.truncate(to.length);
        self.digest = to.digest;
    }

    fn clear(&mut self) {
        self.truncate(Outer { length: 0, digest: Digest::default() });
    }
}

impl Data {
    pub(super) fn new(config: &Config) -> Self {
        let begin = format!("[fields@{}", config.structured_data.unwrap_or_default()).into_bytes();
        let no_controls = config.framing == Framing::Newline;
        Self { begin, no_controls, path: Path::default(), outer: Vec::new(), value: Vec::new() }
    }

    /// Writes the element of the fields, if there are any. `end`: values that would extend beyond are omitted.
    pub(super) fn write(&mut self, redacted: &Redacted<'_>, end: Option<usize>, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.begin);
        let empty = out.len();
        self.path.clear();
        self.outer.clear();
        for (name, at) in ids(redacted.parsed()) {
            self.path.push(name.as_bytes());
            self.write_value(redacted, at, Kind::Text, end, out);
            self.path.clear();
        }
        for node in &redacted.parsed().nodes {
            match *node {
                Node::End => {
                    if let Some(outer) = self.outer.pop() {
                        self.path.truncate(outer);
                    }
                }
                Node::Object { key } | Node::Array { key } => {
                    let outer = self.enter(redacted, key);
                    self.outer.push(outer);
                }
                Node::Value { key, at, kind } => {
                    let outer = self.enter(redacted, key);
                    self.write_value(redacted, at, kind, end, out);
                    self.path.truncate(outer);
                }
            }
        }
        if out.len() == empty {
            out.truncate(start);
        } else {
            out.push(b']');
        }
    }

    /// Writes a value with the name that the path holds, unless it would extend beyond `end`.
    fn write_value(
        &mut self,
        redacted: &Redacted<'_>,
        at: TextRange,
        kind: Kind,
        end: Option<usize>,
        out: &mut Vec<u8>,
    ) {
        self.read(redacted, at, kind);
        let before = out.len();
        let name = SdName { text: &self.path.bytes, digest: self.path.digest };
        write_param(name, &self.value, self.no_controls, out);
        if end.is_some_and(|end| out.len() >= end) {
            out.truncate(before);
        }
    }

    /// Adds a name to the path; returns the path without it.
    fn enter(&mut self, redacted: &Redacted<'_>, key: Key) -> Outer {
        let outer = self.path.current();
        if key != Key::None {
            if outer.length > 0 {
                self.path.push(b".");
            }
            self.path.push(Name::new(redacted, key).bytes());
        }
        outer
    }

    /// Reads a value as its recipient would: masked, with decoded escapes.
    fn read(&mut self, redacted: &Redacted<'_>, at: TextRange, kind: Kind) {
        self.value.clear();
        match kind {
            Kind::Null => {}
            Kind::Scaled(_) | Kind::Code(_) if !redacted.is_masked(at) => {
                write_value(redacted, at, kind, &mut self.value);
            }
            Kind::Escaped => {
                self.value.push(b'"');
                write_pieces(redacted, at, kind, &mut self.value);
                self.value.push(b'"');
                // A text that is not a JSON string stays unchanged.
                match serde_json::from_slice::<std::borrow::Cow<'_, str>>(&self.value) {
                    Ok(decoded) => self.value = decoded.into_owned().into_bytes(),
                    Err(_) => self.value = self.value[1..self.value.len() - 1].to_vec(),
                }
            }
            _ => {
                for piece in redacted.pieces(at) {
                    match (piece, kind) {
                        (Piece::Text(text), Kind::Quoted(mark)) => {
                            unquoted(text, mark, &mut |part| self.value.extend_from_slice(part));
                        }
                        (Piece::Text(text), _) => self.value.extend_from_slice(text),
                        (Piece::Mask(label), _) => self.value.extend_from_slice(label.as_bytes()),
                    }
                }
            }
        }
    }
}

//! Encodes parsed fields as structured data (RFC 5424, 6.3).
//!
//! Nested names are joined by dots. The elements of an array are values with the same name, which the RFC allows.

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
    path: Vec<u8>,
    /// The length of the path without each open object or array.
    lengths: Vec<usize>,
    value: Vec<u8>,
}

impl Data {
    pub(super) fn new(config: &Config) -> Self {
        let begin = format!("[fields@{}", config.structured_data.unwrap_or_default()).into_bytes();
        let no_controls = config.framing == Framing::Newline;
        Self { begin, no_controls, path: Vec::new(), lengths: Vec::new(), value: Vec::new() }
    }

    /// Writes the element of the fields, if there are any. `end`: values that would extend beyond are omitted.
    pub(super) fn write(&mut self, redacted: &Redacted<'_>, end: Option<usize>, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.begin);
        let empty = out.len();
        self.path.clear();
        self.lengths.clear();
        for (name, at) in ids(redacted.parsed()) {
            self.path.extend_from_slice(name.as_bytes());
            self.write_value(redacted, at, Kind::Text, end, out);
            self.path.clear();
        }
        for node in &redacted.parsed().nodes {
            match *node {
                Node::End => {
                    if let Some(length) = self.lengths.pop() {
                        self.path.truncate(length);
                    }
                }
                Node::Object { key } | Node::Array { key } => {
                    let length = self.enter(redacted, key);
                    self.lengths.push(length);
                }
                Node::Value { key, at, kind } => {
                    let length = self.enter(redacted, key);
                    self.write_value(redacted, at, kind, end, out);
                    self.path.truncate(length);
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
        write_param(&self.path, &self.value, self.no_controls, out);
        if end.is_some_and(|end| out.len() >= end) {
            out.truncate(before);
        }
    }

    /// Adds a name to the path; returns the previous length of the path.
    fn enter(&mut self, redacted: &Redacted<'_>, key: Key) -> usize {
        let length = self.path.len();
        if key != Key::None {
            if length > 0 {
                self.path.push(b'.');
            }
            self.path.extend_from_slice(Name::new(redacted, key).bytes());
        }
        length
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

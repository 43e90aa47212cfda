//! Writes keys and values with their masks.
//!
//! Input: a redacted line, and a range of it. Output: a JSON string, number or literal.

use super::ansi::{Spelling, without_sequences};
use super::plain_key;
use super::quoted::{unquoted, write_scaled};
use super::text::{write_lines, write_number, write_repaired};
use event::{Key, Kind, TextRange};
use redact::{Piece, Redacted};

/// Writes a key with its quotes and its colon.
pub(super) fn write_key(redacted: &Redacted<'_>, key: Key, out: &mut Vec<u8>) {
    out.push(b'"');
    match key {
        Key::None => {}
        Key::Name(_) => out.extend_from_slice(plain_key(redacted, key).unwrap_or_default()),
        Key::Text(at) => write_pieces(redacted, at, Kind::Escaped, out),
    }
    out.extend_from_slice(b"\":");
}

/// Writes a value as JSON.
pub(super) fn write_value(redacted: &Redacted<'_>, at: TextRange, kind: Kind, out: &mut Vec<u8>) {
    let literal: &[u8] = match kind {
        Kind::Text | Kind::Escaped | Kind::Quoted(_) => {
            out.push(b'"');
            write_pieces(redacted, at, kind, out);
            return out.push(b'"');
        }
        Kind::Null => return out.extend_from_slice(b"null"),
        // A masked number is written as text.
        _ if redacted.is_masked(at) => return write_value(redacted, at, Kind::Text, out),
        Kind::Number => return write_pieces(redacted, at, kind, out),
        Kind::Scaled(exponent) => return write_scaled(redacted.plain(at).unwrap_or_default(), exponent, out),
        Kind::Code(number) => return write_number(number.into(), out),
        Kind::True => b"true",
        Kind::False => b"false",
    };
    out.extend_from_slice(literal);
}

/// Writes a value like [`write_value`], without its terminal sequences.
pub(super) fn write_without_sequences(redacted: &Redacted<'_>, at: TextRange, kind: Kind, out: &mut Vec<u8>) {
    let spelling = match kind {
        Kind::Text | Kind::Quoted(_) => Spelling::Plain,
        Kind::Escaped => Spelling::Json,
        _ => return write_value(redacted, at, kind, out),
    };
    let content = Content::new(redacted, kind);
    out.push(b'"');
    for piece in redacted.pieces(at) {
        match piece {
            Piece::Text(text) => without_sequences(text, spelling, |part| content.write(part, out)),
            Piece::Mask(label) => out.extend_from_slice(label.as_bytes()),
        }
    }
    out.push(b'"');
}

/// Writes a range with its masks, as the content of a JSON string or as a number.
pub(super) fn write_pieces(redacted: &Redacted<'_>, at: TextRange, kind: Kind, out: &mut Vec<u8>) {
    let content = Content::new(redacted, kind);
    // Most values have no mask.
    if let Some(text) = redacted.plain(at) {
        return content.write(text, out);
    }
    for piece in redacted.pieces(at) {
        match piece {
            Piece::Text(text) => content.write(text, out),
            Piece::Mask(label) => out.extend_from_slice(label.as_bytes()),
        }
    }
}

/// How text becomes the content of a JSON string or a number.
#[derive(Clone, Copy)]
enum Content {
    /// It is that already.
    AsIs,
    /// It is that with faults, which are repaired.
    Repaired,
    /// It is plain text of one or several lines.
    Plain,
    /// The same with bytes that are left out: see [`Kind::Quoted`].
    Quoted(u8),
}

impl Content {
    fn new(redacted: &Redacted<'_>, kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Plain,
            Kind::Quoted(mark) => Self::Quoted(mark),
            _ if redacted.parsed().repairs.is_of_strings() => Self::Repaired,
            _ => Self::AsIs,
        }
    }

    fn write(self, text: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::AsIs => out.extend_from_slice(text),
            Self::Repaired => write_repaired(text, out),
            Self::Plain => write_lines(text, out),
            Self::Quoted(mark) => unquoted(text, mark, &mut |part| write_lines(part, out)),
        }
    }
}

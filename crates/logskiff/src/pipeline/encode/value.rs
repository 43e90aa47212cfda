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
        Key::Text(at) => write_pieces(redacted, at, true, out),
    }
    out.extend_from_slice(b"\":");
}

/// Writes a value as JSON.
pub(super) fn write_value(redacted: &Redacted<'_>, at: TextRange, kind: Kind, out: &mut Vec<u8>) {
    let literal: &[u8] = match kind {
        Kind::Text | Kind::Escaped => {
            out.push(b'"');
            write_pieces(redacted, at, kind == Kind::Escaped, out);
            return out.push(b'"');
        }
        Kind::Quoted(mark) => {
            out.push(b'"');
            write_quoted(redacted, at, mark, |part| write_lines(part, out));
            return out.push(b'"');
        }
        Kind::Null => return out.extend_from_slice(b"null"),
        // A masked number is written as text.
        _ if redacted.is_masked(at) => return write_value(redacted, at, Kind::Text, out),
        Kind::Number => return write_pieces(redacted, at, true, out),
        Kind::Scaled(exponent) => return write_scaled(redacted.plain(at).unwrap_or_default(), exponent, out),
        Kind::Code(number) => return write_number(number.into(), out),
        Kind::True => b"true",
        Kind::False => b"false",
    };
    out.extend_from_slice(literal);
}

/// Writes a value like [`write_value`], without its terminal sequences.
pub(super) fn write_without_sequences(redacted: &Redacted<'_>, at: TextRange, kind: Kind, out: &mut Vec<u8>) {
    let (spelling, content) = match kind {
        Kind::Text => (Spelling::Plain, Content::Plain),
        Kind::Escaped => (Spelling::Json, Content::new(redacted, true)),
        Kind::Quoted(mark) => {
            out.push(b'"');
            write_quoted(redacted, at, mark, |part| {
                without_sequences(part, Spelling::Plain, |part| write_lines(part, out));
            });
            return out.push(b'"');
        }
        _ => return write_value(redacted, at, kind, out),
    };
    out.push(b'"');
    for piece in redacted.pieces(at) {
        match piece {
            Piece::Text(text) => without_sequences(text, spelling, |part| content.write(part, out)),
            Piece::Mask(label) => out.extend_from_slice(label.as_bytes()),
        }
    }
    out.push(b'"');
}

/// Writes a range with its masks. `as_is`: the text is the inside of a JSON string, or a number, already.
pub(super) fn write_pieces(redacted: &Redacted<'_>, at: TextRange, as_is: bool, out: &mut Vec<u8>) {
    let content = Content::new(redacted, as_is);
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

/// Passes on the parts of a value of [`Kind::Quoted`] and its masks, in order.
pub(super) fn write_quoted(redacted: &Redacted<'_>, at: TextRange, mark: u8, mut write: impl FnMut(&[u8])) {
    for piece in redacted.pieces(at) {
        match piece {
            Piece::Text(text) => unquoted(text, mark, &mut write),
            Piece::Mask(label) => write(label.as_bytes()),
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
}

impl Content {
    /// `as_is`: the line has it as the inside of a JSON string, or as a number.
    fn new(redacted: &Redacted<'_>, as_is: bool) -> Self {
        match as_is {
            true if redacted.parsed().repairs.is_of_strings() => Self::Repaired,
            true => Self::AsIs,
            false => Self::Plain,
        }
    }

    fn write(self, text: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::AsIs => out.extend_from_slice(text),
            Self::Repaired => write_repaired(text, out),
            Self::Plain => write_lines(text, out),
        }
    }
}

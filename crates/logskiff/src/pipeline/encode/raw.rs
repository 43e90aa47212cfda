//! Writes redacted lines as they are.
//!
//! Input: a redacted line, which may have line ends. Output: its text with its masks. A carriage return before a newline is
//! part of the line end, and left out.

use super::ansi::{Spelling, without_sequences};
use redact::{Piece, Redacted};

/// How the line ends within a record are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnds {
    /// As newlines.
    Newlines,
    /// As the two characters `\n`, because newlines separate records.
    Spelled,
}

/// Appends a line to `out`, with or without its terminal sequences.
pub(super) fn write_raw(redacted: &Redacted<'_>, line_ends: LineEnds, strips: bool, out: &mut Vec<u8>) {
    redacted.line(|piece| match piece {
        Piece::Text(text) if strips => {
            without_sequences(text, Spelling::Plain, |part| write_lines(part, line_ends, out));
        }
        Piece::Text(text) => write_lines(text, line_ends, out),
        Piece::Mask(label) => out.extend_from_slice(label.as_bytes()),
    });
}

fn write_lines(text: &[u8], line_ends: LineEnds, out: &mut Vec<u8>) {
    let newline: &[u8] = match line_ends {
        LineEnds::Newlines => b"\n",
        LineEnds::Spelled => br"\n",
    };
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text) {
        let line = &text[start..end];
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(newline);
        start = end + 1;
    }
    out.extend_from_slice(&text[start..]);
}

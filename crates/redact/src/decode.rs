//! Decodes a text and maps positions between both.
//!
//! Input: a range of a line's text, and its encoding. Output: the decoded bytes in a reused buffer, and positions
//! mapped both ways. It stores one checkpoint per block of bytes and decodes again from there, so that the map takes an
//! eighth of the text.

pub(super) mod base64;
pub(super) mod json;
pub(super) mod normal;

use std::ops::Range;

use event::TextRange;

/// Bytes between two checkpoints, which are read again to map one position.
const STEP_BYTES: usize = 64;

/// The range is not the content of a JSON string.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// How a text is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As the content of a JSON string (RFC 8259, section 7).
    Json,
    /// Valid JSON escapes are decoded; any other backslash stands for itself.
    Lenient,
    /// The byte is left out before a quote, a backslash or a bracket (see [`event::Kind::Quoted`]).
    Quoted(u8),
    /// Normalized: without escapes, encodings and colours ([`normal`]).
    Normal,
}

/// The decoded form of a few bytes of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// The number of bytes of the text.
    pub(super) length: usize,
    bytes: [u8; 4],
    count: u8,
}

impl Unit {
    /// A character.
    pub(super) fn from_char(character: char, length: usize) -> Self {
        let mut bytes = [0; 4];
        let count = character.encode_utf8(&mut bytes).len();
        Self { length, bytes, count: u8::try_from(count).unwrap_or(4) }
    }

    /// A byte, which may be part of a character.
    pub(super) fn from_byte(byte: u8, length: usize) -> Self {
        Self { length, bytes: [byte, 0, 0, 0], count: 1 }
    }

    /// A sign after `slashes` backslashes, or as many as fit.
    pub(super) fn escaped(sign: u8, slashes: usize, length: usize) -> Self {
        let mut bytes = [b'\\'; 4];
        let slashes = slashes.min(bytes.len() - 1);
        bytes[slashes] = sign;
        Self { length, bytes, count: u8::try_from(slashes + 1).unwrap_or(4) }
    }

    /// Nothing.
    pub(super) fn nothing(length: usize) -> Self {
        Self { length, bytes: [0; 4], count: 0 }
    }

    /// The decoded bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.count)]
    }
}

impl Reading {
    /// How many bytes from `at` on, and before `end`, stand for themselves.
    fn plain(self, text: &[u8], at: usize, end: usize) -> usize {
        let rest = &text[at..end];
        let special = match self {
            Self::Json | Self::Lenient => memchr::memchr(b'\\', rest),
            Self::Quoted(mark) => memchr::memchr(mark, rest),
            Self::Normal => normal::special(rest),
        };
        special.unwrap_or(rest.len())
    }

    /// The unit at `at`, which is special.
    fn unit(self, text: &[u8], at: usize) -> Result<Unit, Invalid> {
        let found = match self {
            Self::Json => return json::escape(&text[at..]).ok_or(Invalid),
            Self::Lenient => json::escape(&text[at..]),
            Self::Quoted(_) => match text.get(at + 1) {
                Some(&byte @ (b'"' | b'\\' | b']')) => Some(Unit::from_byte(byte, 2)),
                _ => None,
            },
            Self::Normal => normal::unit(text, at),
        };
        Ok(found.unwrap_or(Unit::from_byte(text[at], 1)))
    }
}

/// A position that is known in both texts, between two units.
#[derive(Clone, Copy, Debug)]
struct Mark {
    raw: u32,
    decoded: u32,
}

/// A decoded text, reused from value to value.
#[derive(Debug)]
pub(super) struct Decoded {
    reading: Reading,
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// The decoded range.
    of: TextRange,
}

impl Default for Decoded {
    fn default() -> Self {
        Self { reading: Reading::Json, bytes: Vec::new(), marks: Vec::new(), of: TextRange::new(0, 0) }
    }
}

impl Decoded {
    /// The decoded bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Decodes `text[at]`.
    ///
    /// # Errors
    /// If `reading` is [`Reading::Json`] and an escape is not one of JSON's.
    pub(super) fn decode(&mut self, text: &[u8], at: TextRange, reading: Reading) -> Result<(), Invalid> {
        self.bytes.clear();
        self.marks.clear();
        (self.reading, self.of) = (reading, at);
        let end = at.indices().end;
        let text = &text[..end];
        let mut raw = at.indices().start;
        self.mark(raw);
        while raw < end {
            let plain = reading.plain(text, raw, end.min(raw + STEP_BYTES));
            if plain > 0 {
                self.bytes.extend_from_slice(&text[raw..raw + plain]);
                raw += plain;
            } else {
                let unit = reading.unit(text, raw)?;
                self.bytes.extend_from_slice(unit.bytes());
                raw += unit.length;
            }
            let last = self.marks.last().map_or((0, 0), |mark| (mark.raw as usize, mark.decoded as usize));
            if raw - last.0 >= STEP_BYTES || self.bytes.len() - last.1 >= STEP_BYTES {
                self.mark(raw);
            }
        }
        Ok(())
    }

    /// Decodes all of `text` in the reading [`Reading::Normal`], in which nothing is invalid.
    pub(super) fn normalize(&mut self, text: &[u8]) {
        let _ = self.decode(text, TextRange::new(0, text.len()), Reading::Normal);
    }

    fn mark(&mut self, raw: usize) {
        let at = TextRange::new(raw, self.bytes.len());
        self.marks.push(Mark { raw: at.start, decoded: at.end });
    }

    /// The range of the text that the decoded bytes `at` came from, in whole units.
    pub(super) fn to_raw(&self, text: &[u8], at: TextRange) -> TextRange {
        let first = self.unit_at(text, at.start as usize, Side::Decoded);
        let last = self.unit_at(text, at.end as usize - 1, Side::Decoded);
        TextRange::new(first.start, last.end)
    }

    /// Grows a range of the text to whole units. The part outside the decoded value stays unchanged.
    pub(super) fn grow(&self, text: &[u8], at: TextRange) -> TextRange {
        let within = |place: u32| self.of.start < place && place < self.of.end;
        let unit = |place: u32| self.unit_at(text, place as usize, Side::Raw);
        let start = if within(at.start) { unit(at.start).start } else { at.start as usize };
        let end = if within(at.end) { unit(at.end - 1).end } else { at.end as usize };
        TextRange::new(start, end)
    }

    /// The range in the text of the unit at a position of either text.
    fn unit_at(&self, text: &[u8], place: usize, side: Side) -> Range<usize> {
        let end = self.of.end as usize;
        let next = self.marks.partition_point(|mark| side.select(mark.raw as usize, mark.decoded as usize) <= place);
        let Some(mark) = self.marks.get(next.saturating_sub(1)) else { return place..place + 1 };
        let (text, mut raw, mut decoded) = (&text[..end], mark.raw as usize, mark.decoded as usize);
        while raw < end {
            let plain = self.reading.plain(text, raw, end.min(raw + STEP_BYTES));
            if place < side.select(raw + plain, decoded + plain) {
                let at = raw + place - side.select(raw, decoded);
                return at..at + 1;
            }
            (raw, decoded) = (raw + plain, decoded + plain);
            if plain > 0 {
                continue;
            }
            // A text that was decoded once can be decoded again.
            let Ok(unit) = self.reading.unit(text, raw) else { break };
            let after = (raw + unit.length, decoded + unit.bytes().len());
            if place < side.select(after.0, after.1) {
                return raw..after.0;
            }
            (raw, decoded) = after;
        }
        raw.min(end)..end
    }
}

/// The text that a position is in.
#[derive(Clone, Copy)]
enum Side {
    Raw,
    Decoded,
}

impl Side {
    fn select(self, raw: usize, decoded: usize) -> usize {
        match self {
            Self::Raw => raw,
            Self::Decoded => decoded,
        }
    }
}

#[cfg(test)]
mod tests;

//! What a line must know of the lines before it: whether a private key is being written.
//!
//! In: the lines of one file in order. Out: what of them belongs to a key that began on an earlier line. Holds no content.
//!
//! A key's body is lines of Base64, alone or within what a logger writes before and behind each. A line that is none is let
//! out, however the key was opened, so that nobody hides lines by writing a BEGIN line; since threads write between each
//! other's lines, it does not end the key, but from there on only what is surely a body's line is taken for one.

use std::ops::Range;

use memchr::memmem;

use super::pem::{self, Edge, LINE_BYTES_MIN, PIECE_BYTES_MIN, line_end, marker, skip_blanks};

/// A key that has not ended after so many lines is not going to: a 16,384-bit RSA key has 200 lines of 64 characters, and as many
/// may stand between them.
pub const LINES_MAX: u32 = 400;

/// A run of so many characters is a body's line wherever it stands: widths are 64, 70 and 76. Digests of 32 bytes have 44.
const WIDE_BYTES_MIN: usize = 60;

/// A run within other text that is shorter is taken for a piece of a body only if it is as random as one.
const RANDOM_BYTES_MIN: usize = 12;

/// The longest numbers of a colour: those of foreground and background, each of red, green and blue.
const COLOUR_BYTES_MAX: usize = 40;

/// So much of what stands before a body tells the logger's form from another.
const FRAME_BYTES: usize = 16;

/// The state of one file, from line to line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carry {
    /// How many more lines may belong to the key.
    lines_left: u32,
    /// The last line was the key's. Where it was not, or the marker may be another's, only what is surely a body's is taken.
    near: bool,
    /// No line of the body has come yet: headers may.
    headers: bool,
    /// A full line of the body has come, so that a short one may be its last.
    tail: bool,
    /// What stands before the body in its lines.
    frame: Option<Frame>,
    /// What stands behind it.
    behind: Option<Frame>,
}

/// What a logger writes before or behind a body: a hash of the bytes next to it, digits and blanks aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame(u32);

/// A run of Base64 in a line.
struct Run {
    at: Range<usize>,
    characters: usize,
    frame: Frame,
    behind: Frame,
    /// Only blanks stand before it.
    leads: bool,
    /// Nothing, or the end of a string and other fields, stands behind it.
    ends: bool,
    /// What stands around it is not joined with it.
    apart: bool,
}

impl Carry {
    /// Whether the next line may belong to a key that began earlier.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.lines_left > 0
    }

    /// Sets the state for reading on after `lookback`, the bytes of the file just before, which begin in the state `start`:
    /// [`LINES_MAX`] lines tell all.
    pub fn resume(&mut self, start: Self, lookback: &[u8]) {
        *self = start;
        if lookback.is_empty() {
            return;
        }
        if !start.is_open()
            && memmem::find(lookback, b"PRIVATE").is_none()
            && memmem::find(lookback, b"Private-").is_none()
        {
            return;
        }
        let lookback = lookback.strip_suffix(b"\n").unwrap_or(lookback);
        for line in lookback.split(|&byte| byte == b'\n') {
            self.step(line, true, |_| {});
        }
    }

    /// Takes the next line in, and gives to `mask` what of it belongs to a key that began earlier. `may_begin`: a key may begin
    /// in it.
    pub(super) fn step(&mut self, line: &[u8], may_begin: bool, mut mask: impl FnMut(Range<usize>)) {
        if !self.is_open() {
            if may_begin {
                self.begin(line);
            }
            return;
        }
        if skip_blanks(line).0.is_empty() {
            return;
        }
        self.lines_left -= 1;
        if let Some(end) = marker(Edge::End, line) {
            Self::last(line, &end, &mut mask);
            *self = Self::default();
            self.begin(&line[end.end..]);
        } else if marker(Edge::Begin, line).is_some() {
            self.begin(line);
        } else if let Some(header) = self.header(line) {
            mask(header);
        } else if !self.body(line, &mut mask) {
            (self.near, self.headers) = (false, false);
        }
        if !self.is_open() {
            *self = Self::default();
        }
    }

    /// Opens when the last key that begins in `text` may go on after it. Where more is behind the marker than the end of the string
    /// that holds it, or a body that is cut by the line's end, a logger may have written it, or the marker may be another's.
    fn begin(&mut self, text: &[u8]) {
        let Some(last) = pem::last_marker(Edge::Begin, text) else { return };
        *self = Self::default();
        let behind = &text[last.end..];
        if marker(Edge::End, behind).is_some() {
            return;
        }
        let here = pem::stretch(behind);
        let rest = skip_blanks(&behind[here.bytes..]).0;
        let quoted = matches!(rest, [b'"' | b'\'' | b'\\', ..]);
        if quoted && here.characters >= PIECE_BYTES_MIN {
            return;
        }
        let closes = rest.iter().all(|byte| b"\"'\\)]},;+ \r".contains(byte));
        let near = closes || quoted;
        // Where other fields stand behind it anybody may have put it there: then no short run of another field is its body.
        let before = &text[..last.start];
        let before = if before.trim_ascii().is_empty() { &[] } else { before };
        let frame = closes.then(|| Frame::before(before));
        let tail = near && here.characters >= LINE_BYTES_MIN;
        *self = Self { lines_left: LINES_MAX, near, headers: near, tail, frame, behind: None };
    }

    /// Masks what stands before an END marker, and the marker.
    fn last(line: &[u8], end: &Range<usize>, mask: &mut impl FnMut(Range<usize>)) {
        let before = &line[..end.start];
        if skip_blanks(&before[pem::stretch(before).bytes..]).0.is_empty() {
            return mask(0..end.end);
        }
        let mut start = end.start;
        for run in runs(before) {
            if skip_blanks(&before[run.at.end..]).0.is_empty() {
                start = run.at.start;
            } else if run.apart && run.is_full() {
                mask(run.at);
            }
        }
        mask(start..end.end);
    }

    /// Where a header of the key stands in the line.
    fn header(self, line: &[u8]) -> Option<Range<usize>> {
        if !self.headers {
            return None;
        }
        let within = |at: &usize| {
            let before = &line[..*at];
            let leads = before.trim_ascii().is_empty();
            self.near && (leads || self.frame.map_or(before.ends_with(b"\""), |frame| frame == Frame::before(before)))
        };
        let start = pem::headers(line).filter(within).min().or_else(|| pem::telling_header(line))?;
        if line[..start].trim_ascii().is_empty() {
            return Some(0..line.len());
        }
        let length = line[start..].iter().take_while(|byte| !matches!(byte, b'"' | b'\'' | b'\\')).count();
        Some(start..start + length)
    }

    /// Masks what of the line is a body's; whether there was anything.
    fn body(&mut self, line: &[u8], mask: &mut impl FnMut(Range<usize>)) -> bool {
        let before = *self;
        let mut found = false;
        for run in runs(line).filter(|run| before.takes(line, run)) {
            found = true;
            self.tail = run.characters >= LINE_BYTES_MIN;
            (self.frame, self.behind) = (Some(run.frame), Some(run.behind));
            mask(run.at);
        }
        if found {
            (self.near, self.headers) = (true, false);
        }
        found
    }

    /// Whether a run is a line of the body.
    fn takes(self, line: &[u8], run: &Run) -> bool {
        let bytes = &line[run.at.clone()];
        let full = run.is_full();
        let random = run.characters >= RANDOM_BYTES_MIN && pem::is_dense(bytes);
        let framed = self.frame == Some(run.frame);
        let ended = run.characters.is_multiple_of(4) && (random || bytes.ends_with(b"="));
        if self.near && run.ends && (run.leads || framed && (self.tail || full || random)) {
            return true;
        }
        if self.tail && framed && (run.ends || self.behind == Some(run.behind)) && ended {
            return true;
        }
        let wide = run.characters >= WIDE_BYTES_MIN || (full && (framed || run.leads) && (run.ends || self.near));
        wide && (run.apart || framed) && pem::is_dense(bytes)
    }
}

impl Frame {
    fn before(text: &[u8]) -> Self {
        Self::of(&text[text.len().saturating_sub(FRAME_BYTES)..])
    }

    fn behind(text: &[u8]) -> Self {
        let text = text.trim_ascii_start();
        Self::of(&text[..text.len().min(FRAME_BYTES)])
    }

    /// FNV-1a: of a run of digits, which a time or a number may be, only that it is there counts.
    fn of(text: &[u8]) -> Self {
        let mut hash = 0x811c_9dc5_u32;
        let mut digits = false;
        for byte in text {
            if byte.is_ascii_digit() && digits {
                continue;
            }
            digits = byte.is_ascii_digit();
            hash = (hash ^ u32::from(if digits { b'0' } else { *byte })).wrapping_mul(0x0100_0193);
        }
        Self(hash)
    }
}

impl Run {
    fn is_full(&self) -> bool {
        self.characters >= LINE_BYTES_MIN
    }
}

/// The runs of Base64 in a line; line ends that are written out join those of one string.
fn runs(line: &[u8]) -> impl Iterator<Item = Run> {
    let (mut at, mut escape_end) = (0, None);
    let indent = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let dashes = indent + line[indent..].iter().take_while(|byte| **byte == b'-').count();
    std::iter::from_fn(move || {
        loop {
            let rest = line.get(at..).filter(|rest| !rest.is_empty())?;
            let (bytes, characters) = pem::run(rest);
            if bytes > 0 {
                let run =
                    Run::of(line, at, (bytes, characters), (at <= indent, escape_end == Some(at) || at <= dashes));
                at = run.at.end;
                return Some(run);
            }
            at += escape_bytes(rest).max(colour_bytes(rest)).max(1);
            if rest[0] == b'\\' {
                escape_end = Some(at);
            }
        }
    })
}

impl Run {
    /// The run of so many bytes and characters at `start`, and those that only line ends separate from it.
    fn of(line: &[u8], start: usize, (bytes, mut characters): (usize, usize), (leads, begins): (bool, bool)) -> Self {
        let mut end = start + bytes;
        let rest = loop {
            let mut rest = &line[end..];
            while let Some(next) = line_end(rest) {
                rest = next;
            }
            let more = if rest.len() < line.len() - end { pem::run(rest) } else { (0, 0) };
            if more.0 == 0 {
                break rest;
            }
            end = line.len() - rest.len() + more.0;
            characters += more.1;
        };
        let before = &line[..start];
        let closes = |byte: &u8| byte.is_ascii_whitespace() || b"\"'\\)]},;".contains(byte);
        let ends = matches!(rest, [] | [b'"' | b'\'' | b'\\', ..]) || rest.iter().all(closes);
        // Such signs join a run with what it is a part of: a token, a name, an address.
        let joins = |byte: &u8| b"._-@%&?~".contains(byte);
        let apart = (begins || before.last().is_none_or(|byte| !joins(byte) && !b":\\$".contains(byte)))
            && (line.len() - end > rest.len() || rest.first().is_none_or(|byte| !joins(byte) && *byte != b':'));
        let frame = Frame::before(if leads { &[] } else { before });
        Self { at: start..end, characters, frame, behind: Frame::behind(rest), leads, ends, apart }
    }
}

/// How long a colour is behind its escape character, however that is written: `[32m`, `[1;36m`; 0: there is none.
fn colour_bytes(text: &[u8]) -> usize {
    let Some(rest) = text.strip_prefix(b"[") else { return 0 };
    let digits = rest.iter().take(COLOUR_BYTES_MAX).take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    if rest.get(digits) == Some(&b'm') { digits + 2 } else { 0 }
}

/// How long the escape is that the text begins with; 0: there is none.
fn escape_bytes(text: &[u8]) -> usize {
    let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
    match text.get(slashes) {
        _ if slashes == 0 => 0,
        Some(b'u') => (slashes + 5).min(text.len()),
        Some(_) => slashes + 1,
        None => slashes,
    }
}

#[cfg(test)]
mod tests;

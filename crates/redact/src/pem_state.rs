//! Tracks private keys over several lines of a file.
//!
//! Input: the lines of one file in order. Output: the ranges of a line that belong to a key from an earlier line. Holds
//! no content.
//!
//! A key's body is lines of Base64, alone or inside a logger's prefix and suffix. Other lines are not masked, however
//! the key began, so that nobody can hide lines by writing a BEGIN line. Threads write between each other's lines, so
//! such a line does not end the key. After it, only a line that is certainly part of a body is masked.

use std::ops::Range;

use memchr::memmem;

use super::decode::{Decoded, normal};
use super::lines::{kept_lines, lines};
use super::pem::{self, Edge, LINE_BYTES_MIN, PIECE_BYTES_MIN, line_end, marker, skip_blanks};
use event::TextRange;

/// A key that has not ended after this many lines will not end: a 16,384-bit RSA key has 200 lines of 64 characters,
/// and as many other lines may stand between them.
pub const LINES_MAX: u32 = 400;

/// A key without a further line among this many lines was cut off.
const STRANGE_LINES_MAX: u8 = 100;

/// After this many other lines, only a line that is certainly part of a body counts as one.
const NEAR_LINES_MAX: u8 = 16;

/// A shorter run within other text counts as a piece of a body only if it looks random.
const RANDOM_BYTES_MIN: usize = 12;

/// How much of the text before a body identifies the logger's format; a run of digits or of blanks counts as one byte.
const BEFORE_BYTES: usize = 16;

/// The same for the text after it. Later bytes may differ in each line.
const AFTER_BYTES: usize = 8;

/// Maximum number of bytes that are read for it.
const FRAME_BYTES_MAX: usize = 256;

/// The state of one file, from line to line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PemState {
    /// How many more lines may belong to the key.
    lines_left: u32,
    /// The number of consecutive lines that did not belong to the key.
    strange: u8,
    /// No body line has come yet, so headers may.
    headers: bool,
    /// A full body line has come, so a short one may be the last.
    tail: bool,
    /// A body line has come in this frame.
    settled: bool,
    /// What follows the key's marker.
    opened: Opened,
    /// The text around the body in its lines.
    frame: Frame,
}

/// What follows a marker or a body. If it is more than the line's end, an outsider may have written the marker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Opened {
    /// Other text. Only lines that are certainly part of a body are masked.
    #[default]
    Within,
    /// The end of the string, and other fields. No short run counts as a body.
    Quoted,
    /// Nothing.
    Bare,
}

/// The logger's text around a body: hashes of the bytes next to it, without quotes, blanks and the digits of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Frame {
    before: u32,
    after: u32,
}

/// A run of Base64 in a line.
struct Run {
    at: Range<usize>,
    characters: usize,
    frame: Frame,
    /// Only blanks precede it.
    leads: bool,
    /// What follows it.
    after: Opened,
    /// The characters around it are not joined with it.
    apart: bool,
}

/// The first part of a run, up to a line end that is written out.
struct RunStart {
    at: usize,
    bytes: usize,
    characters: usize,
    /// Only blanks stand before it.
    leads: bool,
    /// An escape stands before it.
    is_escaped: bool,
}

impl PemState {
    /// Whether the next line may belong to a key that began earlier.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.lines_left > 0
    }

    /// Sets the state for resuming after `lookback`, the preceding bytes of the file, which begin in the state `start`.
    /// [`LINES_MAX`] lines are enough.
    pub fn resume(&mut self, start: Self, lookback: &[u8]) {
        *self = start;
        let may_begin = memmem::find(lookback, b"PRIVATE").is_some()
            || memmem::find(lookback, b"Private-").is_some()
            || normal::differs(lookback);
        if lookback.is_empty() || !start.is_open() && !may_begin {
            return;
        }
        let mut decoded = Decoded::default();
        for at in lines(lookback) {
            let line = &lookback[at];
            self.next_line(line, may_begin, &mut decoded, |_| {});
            if normal::differs(line) {
                decoded.normalize(line);
                self.begin_escaped(line, may_begin, decoded.bytes());
            }
        }
    }

    /// Processes the next record without masking: its first `keep` bytes were shipped before.
    pub fn read_past(&mut self, record: &[u8], keep: usize) {
        let end = kept_lines(record, keep).last().map_or(0, |line| line.end);
        self.resume(*self, &record[..end]);
    }

    /// Processes the next line as [`PemState::step`] does, also as it reads without terminal sequences: a colour may
    /// change within a line of the body.
    pub(super) fn next_line(
        &mut self,
        line: &[u8],
        may_begin: bool,
        decoded: &mut Decoded,
        mut mask: impl FnMut(Range<usize>),
    ) {
        let begins = || may_begin && marker(Edge::Begin, line).is_some();
        if !(is_coloured(line) && (self.is_open() || begins())) {
            return self.step(line, may_begin, mask);
        }
        let mut as_written = *self;
        as_written.step(line, may_begin, &mut mask);
        decoded.normalize(line);
        self.step(decoded.bytes(), may_begin, |part| {
            mask(decoded.to_raw(line, TextRange::new(part.start, part.end)).indices());
        });
    }

    /// Opens the state if the marker of a BEGIN line is written with escapes; `decoded`: the line without them.
    pub(super) fn begin_escaped(&mut self, line: &[u8], may_begin: bool, decoded: &[u8]) {
        let is_plain = || may_begin && marker(Edge::Begin, line).is_some();
        if !self.is_open() && !is_plain() {
            self.begin(decoded);
        }
    }

    /// Processes the next line, and passes to `mask` the ranges that belong to a key that began earlier. `may_begin`: a
    /// key may begin in this line.
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
        if let Some(end) = marker(Edge::End, line).filter(|end| self.ends_at(line, end)) {
            Self::last(line, &end, &mut mask);
            *self = Self::default();
            self.begin(&line[end.end..]);
            return;
        }
        if marker(Edge::Begin, line).is_some() && self.gives_way(line) {
            self.begin(line);
        } else if let Some(header) = self.header(line) {
            mask(header);
        } else if !self.body(line, &mut mask) {
            self.headers = false;
            self.strange += 1;
            if self.strange >= STRANGE_LINES_MAX {
                *self = Self::default();
            }
        }
    }

    /// Opens the state if the last key that begins in `text` may continue after it: neither the key nor its string ends
    /// there.
    fn begin(&mut self, text: &[u8]) {
        let Some(last) = pem::last_marker(Edge::Begin, text) else { return };
        let after = &text[last.end..];
        *self = Self::default();
        if marker(Edge::End, after).is_some() {
            return;
        }
        let here = pem::stretch(after);
        let rest = skip_blanks(&after[here.bytes..]).0;
        let opened = Opened::from_rest(rest);
        let cut = opened != Opened::Bare || matches!(rest, [b'"' | b'\'' | b'\\', ..]);
        if cut && here.characters >= PIECE_BYTES_MIN {
            return;
        }
        let tail = here.characters >= LINE_BYTES_MIN;
        let frame = Frame::new(&text[..last.start], rest);
        *self = Self { lines_left: LINES_MAX, strange: 0, headers: true, tail, settled: false, opened, frame };
    }

    /// Whether a key that begins in the line replaces this one: an outsider's marker does not end a key that is being
    /// written.
    fn gives_way(self, line: &[u8]) -> bool {
        let begun = self.opened > Opened::Within || self.settled;
        if !begun || self.strange >= NEAR_LINES_MAX {
            return true;
        }
        pem::last_marker(Edge::Begin, line)
            .is_some_and(|last| Opened::from_rest(skip_blanks(&line[last.end..]).0) > Opened::Within)
    }

    /// Whether the END marker belongs to this key, and not to another writer's line.
    fn ends_at(self, line: &[u8], end: &Range<usize>) -> bool {
        let rest = skip_blanks(&line[end.end..]).0;
        let frame = Frame::new(&line[..end.start], rest);
        Opened::from_rest(rest) > Opened::Within || frame.before == self.frame.before || frame.after == self.frame.after
    }

    /// Masks the text before an END marker, and the marker.
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

    /// The range of a header of the key in the line.
    fn header(self, line: &[u8]) -> Option<Range<usize>> {
        if !self.headers {
            return None;
        }
        let bare = line.len() - line.trim_ascii_start().len();
        if self.strange == 0 && pem::is_header(&line[bare..], false) {
            return Some(0..line.len());
        }
        let own = |run: &Run| run.frame.before == self.frame.before && pem::is_header(&line[run.at.start..], false);
        let framed = || runs(line).find(own).map(|run| run.at.start);
        let start = pem::distinctive_header(line).or_else(|| (self.opened == Opened::Bare).then(framed)?)?;
        let length = line[start..].iter().take_while(|byte| !matches!(byte, b'"' | b'\'' | b'\\')).count();
        Some(start..start + length)
    }

    /// Masks the body in the line; returns whether there was any.
    fn body(&mut self, line: &[u8], mask: &mut impl FnMut(Range<usize>)) -> bool {
        let before = *self;
        let mut found = false;
        for run in runs(line).filter(|run| before.takes(line, run)) {
            found = true;
            self.tail = run.is_full();
            if run.frame == self.frame {
                self.settled = true;
            } else if !self.settled {
                self.frame = run.frame;
            }
            mask(run.at);
        }
        if found {
            (self.strange, self.headers) = (0, false);
        }
        found
    }

    /// Whether a run is a line of the body.
    fn takes(self, line: &[u8], run: &Run) -> bool {
        let bytes = &line[run.at.clone()];
        if run.is_full() && pem::is_dense(bytes) {
            let alone = (run.leads || run.frame.before == self.frame.before)
                && (run.after == Opened::Bare || run.frame.after == self.frame.after);
            let known = self.opened > Opened::Within && self.strange < NEAR_LINES_MAX;
            return alone || (known && run.apart);
        }
        self.near_takes(run, bytes)
    }

    /// Whether an ambiguous run is a line of the body because it is near one.
    fn near_takes(self, run: &Run, bytes: &[u8]) -> bool {
        let near = self.strange == 0;
        let ends = run.after > Opened::Within;
        let random = run.characters >= RANDOM_BYTES_MIN && pem::is_dense(bytes);
        let likely = random || run.characters.is_multiple_of(4) || bytes.ends_with(b"=");
        let last = self.tail && likely && !pem::is_word(bytes);
        match self.opened {
            _ if self.strange >= NEAR_LINES_MAX => false,
            Opened::Bare if run.leads && ends => {
                let hexadecimal = bytes.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
                (near && !pem::is_word(bytes)) || (run.is_full() && !hexadecimal) || (last && self.frame == run.frame)
            }
            Opened::Bare => {
                ends && run.frame.before == self.frame.before && (last || (near && (run.is_full() || random)))
            }
            Opened::Quoted | Opened::Within => near && last && self.settled && self.frame == run.frame,
        }
    }
}

impl Opened {
    /// Classifies the text after a marker and blanks.
    fn from_rest(rest: &[u8]) -> Self {
        if rest.iter().all(|byte| b"\"'\\)]},;+ \r".contains(byte)) {
            Self::Bare
        } else if matches!(rest, [b'"' | b'\'' | b'\\', ..]) {
            Self::Quoted
        } else {
            Self::Within
        }
    }
}

impl Frame {
    fn new(before: &[u8], after: &[u8]) -> Self {
        let before = &before[before.len().saturating_sub(FRAME_BYTES_MAX)..];
        let after = &after[..after.len().min(FRAME_BYTES_MAX)];
        Self { before: hash(before.iter().rev(), BEFORE_BYTES), after: hash(after.iter(), AFTER_BYTES) }
    }
}

/// A hash of the first bytes (FNV-1a), without leading quotes and blanks. A run of digits, which may be a time or a
/// number, counts as one byte, and so does a run of blanks.
fn hash<'a>(bytes: impl Iterator<Item = &'a u8>, bytes_max: usize) -> u32 {
    let plain = |byte: u8| match byte {
        b'0'..=b'9' => b'0',
        b'\t' | b'\r' => b' ',
        _ => byte,
    };
    let mut last = b' ';
    bytes
        .map(|byte| plain(*byte))
        .skip_while(|byte| b" \"'\\`".contains(byte))
        .filter(|byte| {
            let again = *byte == last && matches!(byte, b'0' | b' ');
            last = *byte;
            !again
        })
        .take(bytes_max)
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl Run {
    fn is_full(&self) -> bool {
        self.characters >= LINE_BYTES_MIN
    }
}

/// The runs of Base64 in a line; escaped line ends join the runs of one string.
fn runs(line: &[u8]) -> impl Iterator<Item = Run> {
    let (mut at, mut escape_end) = (0, None);
    let indent = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    std::iter::from_fn(move || {
        loop {
            let rest = line.get(at..).filter(|rest| !rest.is_empty())?;
            let (bytes, characters) = pem::run(rest);
            let name = name_bytes(&rest[..bytes]);
            if name > 0 {
                at += name;
                continue;
            }
            if bytes > 0 {
                let (leads, is_escaped) = (at <= indent, escape_end == Some(at));
                let run = Run::new(line, &RunStart { at, bytes, characters, leads, is_escaped });
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
    /// The run that begins with `start`, joined with the parts that only line ends separate from it.
    fn new(line: &[u8], start: &RunStart) -> Self {
        let RunStart { at: start, bytes, mut characters, leads, is_escaped } = *start;
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
        let after = match Opened::from_rest(skip_blanks(rest).0) {
            Opened::Bare => Opened::Bare,
            _ => Opened::from_rest(rest),
        };
        let open = |byte: &u8| byte.is_ascii_whitespace() || b"\"'|>:()[]{},;=".contains(byte);
        let apart = (is_escaped || before.last().is_none_or(open))
            && (line.len() - end > rest.len() || rest.first().is_none_or(|byte| closes(byte) || b"|<".contains(byte)));
        let frame = Frame::new(if leads { &[] } else { before }, rest);
        Self { at: start..end, characters, frame, leads, after, apart }
    }
}

/// The length of the name and the equals sign at the start of the run: in Base64 the sign is at the end only.
fn name_bytes(run: &[u8]) -> usize {
    let end = run.iter().rposition(|byte| *byte != b'=').unwrap_or(0);
    memchr::memrchr(b'=', &run[..end]).filter(|at| *at > 0).map_or(0, |at| at + 1)
}

/// Whether a line may have terminal sequences, in bytes or in the escapes of JSON.
fn is_coloured(line: &[u8]) -> bool {
    memchr::memchr(0x1b, line).is_some() || memmem::find(line, b"\\u001b").is_some()
}

/// The length of the rest of a terminal's colour code, from its bracket on (`[1;32m`); 0 if there is none.
fn colour_bytes(text: &[u8]) -> usize {
    let Some(rest) = text.strip_prefix(b"[") else { return 0 };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    if digits > 0 && rest.get(digits) == Some(&b'm') { digits + 2 } else { 0 }
}

/// The length of the escape at the start of the text; 0 if there is none.
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

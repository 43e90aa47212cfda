//! The parts of a line that the grammar looks at: its beginning and its end, without escape codes.

use memchr::memchr;

/// Bytes at a line's beginning that the grammar looks at. The longest that it needs is a frame's function before its place.
const START_BYTES: usize = 256;
/// Bytes at a line's end that the grammar looks at.
const END_BYTES: usize = 64;
pub(super) const ESCAPE: u8 = 0x1b;

/// Scratch space for the beginning of a line that has escape codes.
pub(super) type Buffer = [u8; START_BYTES];

/// An empty buffer.
const BUFFER: Buffer = [0; START_BYTES];

/// A line as the grammar sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'t> {
    /// The whole line, as it is in the file, without `\r` at its end.
    pub(super) line: &'t [u8],
    /// The beginning without escape codes, at most [`START_BYTES`].
    start: &'t [u8],
    /// Blanks and tabs at the beginning.
    pub(super) indent: usize,
    /// The end without escape codes and blanks, at most [`END_BYTES`].
    pub(super) end: &'t [u8],
}

impl<'t> Text<'t> {
    /// Looks at a line without escape codes at its beginning.
    fn new(line: &'t [u8]) -> Self {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Self::of(line, beginning(line))
    }

    /// Looks at a line with escape codes at its beginning.
    fn with_escapes(line: &'t [u8], buffer: &'t mut Buffer) -> Self {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Self::of(line, without_escapes(beginning(line), buffer))
    }

    fn of(line: &'t [u8], start: &'t [u8]) -> Self {
        let indent = start.iter().take_while(|byte| is_blank(**byte)).count();
        Self { line, start, indent, end: trimmed_end(line) }
    }

    /// The beginning after the indentation, without escape codes.
    pub(super) fn body(&self) -> &'t [u8] {
        &self.start[self.indent..]
    }

    /// The beginning with its indentation, without escape codes.
    pub(super) fn start(&self) -> &'t [u8] {
        self.start
    }

    /// Whether the line is indented by a tab.
    pub(super) fn has_tab(&self) -> bool {
        self.start.first() == Some(&b'\t')
    }

    /// Whether the line, without its indentation, begins so.
    pub(super) fn begins(&self, with: &str) -> bool {
        self.body().starts_with(with.as_bytes())
    }

    /// Whether the line has no indentation, and begins so.
    pub(super) fn begins_flush(&self, with: &str) -> bool {
        self.start.starts_with(with.as_bytes())
    }

    /// Whether the line ends so, blanks after it aside.
    pub(super) fn ends(&self, with: &str) -> bool {
        self.end.ends_with(with.as_bytes())
    }

    /// Whether this is in the beginning of the line.
    pub(super) fn has(&self, needle: &str) -> bool {
        position(self.start, needle.as_bytes()).is_some()
    }

    /// The last byte that is not blank.
    pub(super) fn last(&self) -> u8 {
        self.end.last().copied().unwrap_or(b' ')
    }
}

fn beginning(line: &[u8]) -> &[u8] {
    &line[..line.len().min(START_BYTES)]
}

/// Whether the line's beginning has escape codes.
fn has_escapes(line: &[u8]) -> bool {
    memchr(ESCAPE, beginning(line)).is_some()
}

/// Looks at a line; `buffer` is used if it has escape codes at its beginning.
pub(super) fn look_at<'t>(line: &'t [u8], buffer: &'t mut Option<Buffer>) -> Text<'t> {
    if has_escapes(line) { Text::with_escapes(line, buffer.insert(BUFFER)) } else { Text::new(line) }
}

/// Where `needle` stands in a short text.
pub(super) fn position(text: &[u8], needle: &[u8]) -> Option<usize> {
    let (&first, rest) = needle.split_first()?;
    let mut from = 0;
    while let Some(found) = memchr(first, &text[from..]) {
        from += found + 1;
        if text[from..].starts_with(rest) {
            return Some(from - 1);
        }
    }
    None
}

pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Whether there is such a thing. It looks at all of them: without a shortcut, the compiler does so with many at once.
#[inline]
pub(super) fn has_any<T>(all: impl Iterator<Item = T>, is: impl Fn(T) -> bool) -> bool {
    all.fold(false, |any, one| any | is(one))
}

/// The number of digits at the beginning.
pub(super) fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The number of ASCII letters at the beginning.
pub(super) fn letters(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count()
}

/// The text without the digits at its beginning, if there are any.
pub(super) fn after_digits(text: &[u8]) -> Option<&[u8]> {
    let count = digits(text);
    (count > 0).then(|| &text[count..])
}

/// The length of the escape code at the beginning: `ESC [ … letter`. 1 for another use of the byte.
fn escape_len(text: &[u8]) -> usize {
    if text.get(1) != Some(&b'[') {
        return text.len().min(1);
    }
    let parameters = text[2..].iter().take_while(|byte| matches!(byte, b'0'..=b'?')).count();
    (2 + parameters + 1).min(text.len())
}

fn without_escapes<'t>(text: &[u8], buffer: &'t mut Buffer) -> &'t [u8] {
    let (mut from, mut to) = (0, 0);
    while from < text.len() {
        let count = memchr(ESCAPE, &text[from..]).unwrap_or(text.len() - from);
        buffer[to..to + count].copy_from_slice(&text[from..from + count]);
        (from, to) = (from + count, to + count);
        from += escape_len(&text[from..]);
    }
    &buffer[..to]
}

/// The line without escape codes at its beginning.
#[inline]
pub(super) fn after_escapes(mut line: &[u8]) -> &[u8] {
    while line.first() == Some(&ESCAPE) {
        line = &line[escape_len(line)..];
    }
    line
}

/// How many bytes this many of a line are with the escape codes before and between them.
pub(super) fn len_with_escapes(line: &[u8], len: usize) -> usize {
    let mut at = 0;
    for _ in 0..len {
        at = line.len() - after_escapes(&line[at..]).len() + 1;
        if at >= line.len() {
            break;
        }
    }
    at
}

/// The last bytes without blanks and escape codes at the end.
fn trimmed_end(line: &[u8]) -> &[u8] {
    let mut end = &line[line.len().saturating_sub(END_BYTES)..];
    loop {
        end = end.trim_ascii_end();
        // A code ends with a letter, and has only digits and `;` before it.
        let Some((letter, before)) = end.split_last() else { return end };
        if !letter.is_ascii_alphabetic() {
            return end;
        }
        let parameters = before.iter().rev().take_while(|byte| matches!(byte, b'0'..=b'?')).count();
        match before[..before.len() - parameters].strip_suffix(b"\x1b[") {
            Some(rest) => end = rest,
            None => return end,
        }
    }
}

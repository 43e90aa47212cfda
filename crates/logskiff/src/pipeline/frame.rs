//! Splits bytes into lines.
//!
//! Input: a chunk of one file and its offset. Output: [`Framed`] pieces that account for every byte, in order, without
//! copying. It never reads or decodes, and never depends on a line's content.

pub mod container;
mod container_lines;
mod encoding;
mod file_marks;
mod file_records;
mod grouping;
mod marks;
pub mod multiline;
mod records;

use memchr::memchr;

pub use self::container_lines::{ContainerConfig, ContainerLines};
pub use self::encoding::Encoding;
pub use self::file_marks::FileMarks;
pub use self::file_records::{FileRecords, Placed};
pub use self::grouping::{Grouping, GroupingConfig};
pub use self::marks::Marks;
pub use self::records::{End, Records, StartPattern};
use event::{Boundary, Line, LineFlags, Span};

/// Bytes after the line limit that rules can see, so that a secret across the limit is still matched.
pub const LOOK_AHEAD_BYTES: usize = 4096;

/// At least this many NUL bytes in a row within a line are padding; fewer are part of the line.
const NUL_PADDING_BYTES_MIN: usize = 64;

/// Limits of a line.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// A longer line or record is truncated to this many bytes; the rest is skipped in bounded memory.
    pub line_bytes_max: usize,
}

impl Config {
    /// Bytes of a file that must be in memory to frame any line.
    #[must_use]
    pub fn window_bytes(&self) -> usize {
        self.line_bytes_max + LOOK_AHEAD_BYTES
    }
}

/// The next piece of a file.
#[derive(Clone, Copy, Debug)]
pub enum Framed<'t> {
    /// A line; empty if the line is blank.
    Line(Line<'t>),
    /// The rest of a truncated line, which is skipped.
    Rest(Span, Boundary),
    /// NUL bytes at the start of a line: a truncation leaves them if the writer does not append.
    NulPadding(Span),
    /// The byte order mark at the start of a file.
    ByteOrderMark(Span),
}

impl Framed<'_> {
    /// The bytes of the file that this piece accounts for.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Line(line) => line.span,
            Self::Rest(span, _) | Self::NulPadding(span) | Self::ByteOrderMark(span) => *span,
        }
    }

    /// The boundary after the piece.
    #[must_use]
    pub fn boundary(&self) -> Boundary {
        match self {
            Self::Line(line) => line.boundary,
            Self::Rest(_, boundary) => *boundary,
            Self::NulPadding(_) | Self::ByteOrderMark(_) => Boundary::LineStart,
        }
    }
}

/// NUL bytes among other bytes.
#[derive(Clone, Copy)]
struct NulRun {
    /// Bytes of text before them.
    start: usize,
    bytes: usize,
    /// Whether they may still be overwritten.
    waits: bool,
}

/// Splits a chunk of a file into pieces.
#[derive(Clone)]
pub struct Frames<'t> {
    config: Config,
    encoding: Encoding,
    bytes: &'t [u8],
    /// Offset of `bytes[0]` in the file.
    base: u64,
    at: usize,
    boundary: Boundary,
    /// Whether nothing will follow these bytes: then a line without a newline is complete.
    last: bool,
    /// Whether NUL bytes at the end are final, and no writer will overwrite them.
    filled: bool,
    /// Whether NUL bytes before other bytes are final.
    still: bool,
    /// Position of the first NUL byte, or the end.
    first_zero: usize,
}

impl<'t> Frames<'t> {
    /// Frames `bytes` at the offset `base` in their file, after `boundary`. `last`: nothing will follow.
    #[must_use]
    pub fn new(config: Config, bytes: &'t [u8], base: u64, boundary: Boundary, last: bool) -> Self {
        let first_zero = memchr(0, bytes).unwrap_or(bytes.len());
        Self {
            config,
            encoding: Encoding::Utf8,
            bytes,
            base,
            at: 0,
            boundary,
            last,
            filled: false,
            still: true,
            first_zero,
        }
    }

    /// Sets the encoding of the file's text.
    #[must_use]
    pub fn encoded(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// Sets whether NUL bytes at the end are final; otherwise they may be preallocated space.
    #[must_use]
    pub fn filled(self, filled: bool) -> Self {
        Self { filled, ..self }
    }

    /// Sets whether NUL bytes before other bytes are final; otherwise their page may not have arrived yet.
    #[must_use]
    pub fn still(self, still: bool) -> Self {
        Self { still, ..self }
    }

    /// The position of a file's offset in the chunk.
    fn at_of(&self, offset: u64) -> usize {
        usize::try_from(offset - self.base).unwrap_or(usize::MAX)
    }

    /// Goes back to the start of a line.
    fn seek(&mut self, offset: u64) {
        (self.at, self.boundary) = (self.at_of(offset), Boundary::LineStart);
    }

    /// The NUL padding that begins before `end`, if there is any.
    fn nul_run(&self, rest: &[u8], end: usize) -> Option<NulRun> {
        if self.first_zero >= self.at + end {
            return None;
        }
        let unit_bytes = self.encoding.unit_bytes();
        let mut from = 0;
        while from < end {
            let first = from + memchr(0, &rest[from..end])?;
            from = first + rest[first..].iter().take_while(|byte| **byte == 0).count();
            // A UTF-16 character may begin or end with a NUL byte.
            let start = first.next_multiple_of(unit_bytes);
            let bytes = self.whole(from.saturating_sub(start));
            // A missing page is larger than a few NUL bytes, which lines may contain.
            let waits = if from == rest.len() { !self.filled } else { !self.still && bytes >= NUL_PADDING_BYTES_MIN };
            if bytes > 0 && (start == 0 || from == rest.len() || bytes >= NUL_PADDING_BYTES_MIN) {
                return Some(NulRun { start, bytes, waits });
            }
        }
        None
    }

    /// The length, rounded down to whole characters.
    fn whole(&self, bytes: usize) -> usize {
        bytes & !(self.encoding.unit_bytes() - 1)
    }

    fn piece(&mut self, bytes: usize, boundary: Boundary) -> Span {
        let start = self.base + self.at as u64;
        self.at += bytes;
        self.boundary = boundary;
        Span { start, end: start + bytes as u64 }
    }

    fn rest(&mut self, rest: &[u8]) -> Framed<'t> {
        let unit_bytes = self.encoding.unit_bytes();
        match self.encoding.line_end(rest) {
            Some(newline) => Framed::Rest(self.piece(newline + unit_bytes, Boundary::LineStart), Boundary::LineStart),
            None => Framed::Rest(self.piece(rest.len(), Boundary::MidLine), Boundary::MidLine),
        }
    }

    fn cut(&mut self, rest: &'t [u8], line_bytes: usize) -> Framed<'t> {
        let most = self.config.line_bytes_max;
        let keep = if self.encoding == Encoding::Utf8 { character_start(rest, most) } else { self.whole(most) };
        let text = &rest[..self.whole(line_bytes.min(self.config.window_bytes()))];
        let span = self.piece(keep, Boundary::MidLine);
        Framed::Line(Line { span, text, keep, boundary: Boundary::MidLine, flags: LineFlags::TRUNCATED, printed: None })
    }

    fn line(&mut self, text: &'t [u8], span_bytes: usize) -> Framed<'t> {
        let text = self.encoding.strip_return(text);
        let span = self.piece(span_bytes, Boundary::LineStart);
        Framed::Line(Line {
            span,
            text,
            keep: text.len(),
            boundary: Boundary::LineStart,
            flags: LineFlags::NONE,
            printed: None,
        })
    }
}

impl<'t> Iterator for Frames<'t> {
    type Item = Framed<'t>;

    /// `None` if the remaining bytes are not a complete line yet.
    fn next(&mut self) -> Option<Framed<'t>> {
        let rest: &'t [u8] = &self.bytes[self.at..];
        let rest = if self.last { rest } else { &rest[..self.whole(rest.len())] };
        if rest.is_empty() {
            return None;
        }
        if self.encoding != Encoding::Utf8 && !(self.base + self.at as u64).is_multiple_of(2) {
            // An older version could end a line in the middle of a character.
            return Some(Framed::Rest(self.piece(1, self.boundary), self.boundary));
        }
        if self.boundary == Boundary::MidLine {
            let zeros = if self.filled { 0 } else { rest.iter().rev().take_while(|byte| **byte == 0).count() };
            let rest = &rest[..rest.len() - self.whole(zeros)];
            return (!rest.is_empty()).then(|| self.rest(rest));
        }
        let mark = self.encoding.mark();
        if self.base == 0 && self.at == 0 && rest.starts_with(mark) {
            return Some(Framed::ByteOrderMark(self.piece(mark.len(), Boundary::LineStart)));
        }
        let newline = self.encoding.line_end(rest);
        let end = newline.unwrap_or(rest.len()).min(self.config.line_bytes_max);
        match self.nul_run(rest, end.max(1)) {
            Some(NulRun { waits: true, .. }) => return None,
            Some(NulRun { start: 0, bytes, .. }) => {
                return Some(Framed::NulPadding(self.piece(bytes, Boundary::LineStart)));
            }
            Some(NulRun { start, .. }) => return Some(self.line(&rest[..start], start)),
            None => {}
        }
        match newline {
            Some(newline) if newline <= self.config.line_bytes_max => {
                Some(self.line(&rest[..newline], newline + self.encoding.unit_bytes()))
            }
            Some(newline) => Some(self.cut(rest, newline)),
            None if rest.len() >= self.config.window_bytes() => Some(self.cut(rest, rest.len())),
            None if self.last && rest.len() > self.config.line_bytes_max => Some(self.cut(rest, rest.len())),
            None if self.last => Some(self.line(rest, rest.len())),
            None => None,
        }
    }
}

/// The last start of a UTF-8 character at or before `at`, so that truncation does not split one.
fn character_start(text: &[u8], at: usize) -> usize {
    let continues = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xC0 == 0x80);
    (at.saturating_sub(3)..=at).rev().find(|at| !continues(at)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8], line_bytes_max: usize, last: bool) -> Vec<String> {
        Frames::new(Config { line_bytes_max }, bytes, 100, Boundary::LineStart, last)
            .map(|framed| {
                let span = framed.span();
                let kept = match framed {
                    Framed::Line(line) => format!("{:?}", String::from_utf8_lossy(&line.text[..line.keep])),
                    Framed::Rest(..) => "rest".into(),
                    Framed::NulPadding(_) => "padding".into(),
                    Framed::ByteOrderMark(_) => "mark".into(),
                };
                format!(
                    "{}..{} {kept}{}",
                    span.start,
                    span.end,
                    if framed.boundary() == Boundary::MidLine { " cut" } else { "" }
                )
            })
            .collect()
    }

    #[track_caller]
    fn check(bytes: &[u8], last: bool, want: &[&str]) {
        assert_eq!(frames(bytes, 8, last), want, "{bytes:?}");
    }

    #[test]
    fn every_byte_belongs_to_one_piece() {
        check(b"a\nbc\r\n\n", false, &["100..102 \"a\"", "102..106 \"bc\"", "106..107 \"\""]);
        check(b"a\nbc", false, &["100..102 \"a\""]);
        check(b"a\nbc", true, &["100..102 \"a\"", "102..104 \"bc\""]);
        check(b"", true, &[]);
        check(b"12345678\nx\n", false, &["100..109 \"12345678\"", "109..111 \"x\""]);
        check(b"123456789\nx\n", false, &["100..108 \"12345678\" cut", "108..110 rest", "110..112 \"x\""]);
        check(b"123456789", false, &[]);
        check(b"123456789", true, &["100..108 \"12345678\" cut", "108..109 rest cut"]);
        check(b"\0\0a\n", false, &["100..102 padding", "102..104 \"a\""]);
        check(b"\0\0", true, &[]);
        let mut filled =
            Frames::new(Config { line_bytes_max: 8 }, b"a\n\0\0", 0, Boundary::LineStart, false).filled(true);
        assert!(matches!(filled.nth(1), Some(Framed::NulPadding(Span { start: 2, end: 4 }))));
        // A partial line before preallocated space waits until it is complete.
        check(b"a\nhalf\0\0\0", false, &["100..102 \"a\""]);
        check(
            &[b"half", &[0; 64][..], b"x\n"].concat(),
            false,
            &["100..104 \"half\"", "104..168 padding", "168..170 \"x\""],
        );
        check(b"ab\0cd\n", false, &["100..106 \"ab\\0cd\""]);
        check(b"123456789\0\0", false, &[]);
        check(
            &[&[b'x'; 8 + LOOK_AHEAD_BYTES][..], &[0; 9]].concat(),
            false,
            &["100..108 \"xxxxxxxx\" cut", "108..4204 rest cut"],
        );
        check("1234567\u{e9}z\n".as_bytes(), false, &["100..107 \"1234567\" cut", "107..111 rest"]);
    }

    /// Goal: NUL bytes before other bytes are not padding as long as the file changes.
    #[test]
    fn zeros_that_may_be_filled_wait() {
        let pieces = |bytes: &[u8], still| {
            Frames::new(Config { line_bytes_max: 200 }, bytes, 0, Boundary::LineStart, false).still(still).count()
        };
        let zeros = [0; 64];
        let half = [b"half", &zeros[..], b"x\n"].concat();
        let between = [b"a\n", &zeros[..], b"b\n"].concat();
        let few = b"a\n\0\0b\n";
        assert_eq!([&between[..], &half, few, b"a\0b\n"].map(|bytes| pieces(bytes, true)), [3, 3, 3, 1]);
        assert_eq!([&between[..], &half, few, b"a\0b\n"].map(|bytes| pieces(bytes, false)), [1, 0, 3, 1]);
    }

    #[test]
    fn lines_of_utf_16_are_framed_by_their_characters() {
        // U+0A0A and U+0A00 contain bytes that look like a line's end.
        let text = "one\r\n\u{a0a}\u{a00}\u{a}\n123456789 and more\nhalf";
        let want = ["one", "\u{a0a}\u{a00}", "", "12345678", "rest", "half"];
        for (encoding, bytes) in
            [(Encoding::Utf16Le, u16::to_le_bytes as fn(u16) -> [u8; 2]), (Encoding::Utf16Be, u16::to_be_bytes)]
        {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
            let mut decoded = String::new();
            let frames =
                Frames::new(Config { line_bytes_max: 16 }, &bytes, 100, Boundary::LineStart, true).encoded(encoding);
            let mut end = 100;
            let mut got = Vec::new();
            for framed in frames {
                assert_eq!(framed.span().start, std::mem::replace(&mut end, framed.span().end));
                got.push(match framed {
                    Framed::Line(line) => {
                        let line = encoding.decode_line(&line, &mut decoded);
                        String::from_utf8_lossy(&line.text[..line.keep]).into_owned()
                    }
                    _ => "rest".to_owned(),
                });
            }
            assert_eq!((got, end), (want.map(String::from).to_vec(), 100 + bytes.len() as u64));
            let whole = |bytes: &[u8]| {
                Frames::new(Config { line_bytes_max: 200 }, bytes, 0, Boundary::LineStart, false)
                    .encoded(encoding)
                    .count()
            };
            let preallocated = [&bytes[..bytes.len()], &[0; 80]].concat();
            assert_eq!([whole(&bytes), whole(&preallocated), whole(&bytes[..11])], [4, 4, 1]);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let kept = |base| {
            let bytes = "\u{feff}{}\n\u{feff}\n".as_bytes();
            let frames = Frames::new(Config { line_bytes_max: 8 }, bytes, base, Boundary::LineStart, false);
            let text = |framed| {
                if let Framed::Line(line) = framed {
                    Some(String::from_utf8_lossy(line.text).into_owned())
                } else {
                    None
                }
            };
            frames.filter_map(text).collect::<Vec<_>>()
        };
        assert_eq!(kept(0), ["{}", "\u{feff}"]);
        assert_eq!(kept(100), ["\u{feff}{}", "\u{feff}"]);
    }

    #[test]
    fn an_endless_line_is_truncated_once_the_window_is_full() {
        let long = vec![b'x'; 8 + LOOK_AHEAD_BYTES];
        assert_eq!(frames(&long[..long.len() - 1], 8, false), Vec::<String>::new());
        let pieces = frames(&long, 8, false);
        assert_eq!(
            pieces,
            ["100..108 \"xxxxxxxx\" cut".to_owned(), format!("108..{} rest cut", 108 + LOOK_AHEAD_BYTES)]
        );
    }
}

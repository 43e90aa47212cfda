//! Bytes into lines.
//!
//! Enters: a stretch of one file and its offset. Leaves: [`Framed`] pieces that account for every byte, in order, without
//! copying any. It never reads, never decodes, and never looks at what a line says.

use memchr::memchr;

use crate::record::{Boundary, Line, Span};

/// How far past a cut a rule may look, so that a secret that straddles it is still seen whole.
pub const LOOK_AHEAD_BYTES: usize = 4096;

/// What a line may be.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// A longer line is cut here; the rest is skipped in bounded memory.
    pub line_bytes_max: usize,
}

impl Config {
    /// How much of a file must be at hand for any line to be framed, whatever it holds.
    #[must_use]
    pub fn window_bytes(&self) -> usize {
        self.line_bytes_max + LOOK_AHEAD_BYTES
    }
}

/// The next stretch of a file.
#[derive(Clone, Copy, Debug)]
pub enum Framed<'t> {
    /// A line; empty when the line was blank.
    Line(Line<'t>),
    /// More of a line that was cut: it is read and not kept.
    Rest(Span, Boundary),
    /// NUL bytes where a line should begin: the hole that a truncation leaves under a writer that does not append.
    Hole(Span),
}

impl Framed<'_> {
    /// The bytes of the file that this piece accounts for.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Line(line) => line.span,
            Self::Rest(span, _) | Self::Hole(span) => *span,
        }
    }

    /// What stands after the piece.
    #[must_use]
    pub fn boundary(&self) -> Boundary {
        match self {
            Self::Line(line) => line.boundary,
            Self::Rest(_, boundary) => *boundary,
            Self::Hole(_) => Boundary::Line,
        }
    }
}

/// Cuts a stretch of a file into pieces.
pub struct Frames<'t> {
    config: Config,
    bytes: &'t [u8],
    /// Offset of `bytes[0]` in the file.
    base: u64,
    at: usize,
    boundary: Boundary,
    /// Nothing follows these bytes, now or later: a line without its newline is whole.
    last: bool,
    /// No writer has yet to fill the zeros among these bytes.
    filled: bool,
}

impl<'t> Frames<'t> {
    /// Frames `bytes`, which stand at `base` in their file, just after `boundary`.
    #[must_use]
    pub fn new(config: Config, bytes: &'t [u8], base: u64, boundary: Boundary, last: bool) -> Self {
        Self { config, bytes, base, at: 0, boundary, last, filled: false }
    }

    /// Says whether zeros with nothing behind them are zeros for good; otherwise they may be space that is yet to be filled.
    #[must_use]
    pub fn filled(self, filled: bool) -> Self {
        Self { filled, ..self }
    }

    fn piece(&mut self, bytes: usize, boundary: Boundary) -> Span {
        let start = self.base + self.at as u64;
        self.at += bytes;
        self.boundary = boundary;
        Span { start, end: start + bytes as u64 }
    }

    fn rest(&mut self, rest: &[u8]) -> Framed<'t> {
        match memchr(b'\n', rest) {
            Some(newline) => Framed::Rest(self.piece(newline + 1, Boundary::Line), Boundary::Line),
            None => Framed::Rest(self.piece(rest.len(), Boundary::Cut), Boundary::Cut),
        }
    }

    fn cut(&mut self, rest: &'t [u8], line_bytes: usize) -> Framed<'t> {
        let keep = character_start(rest, self.config.line_bytes_max);
        let text = &rest[..line_bytes.min(self.config.window_bytes())];
        let span = self.piece(keep, Boundary::Cut);
        Framed::Line(Line { span, text, keep, boundary: Boundary::Cut })
    }

    fn line(&mut self, text: &'t [u8], span_bytes: usize) -> Framed<'t> {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let span = self.piece(span_bytes, Boundary::Line);
        Framed::Line(Line { span, text, keep: text.len(), boundary: Boundary::Line })
    }
}

impl<'t> Iterator for Frames<'t> {
    type Item = Framed<'t>;

    /// `None` when what is left is not a whole line yet.
    fn next(&mut self) -> Option<Framed<'t>> {
        let rest: &'t [u8] = &self.bytes[self.at..];
        let first = *rest.first()?;
        if self.boundary == Boundary::Cut {
            return Some(self.rest(rest));
        }
        if first == 0 {
            let zeros = rest.iter().position(|byte| *byte != 0).or(self.filled.then_some(rest.len()))?;
            return Some(Framed::Hole(self.piece(zeros, Boundary::Line)));
        }
        match memchr(b'\n', rest) {
            Some(newline) if newline <= self.config.line_bytes_max => Some(self.line(&rest[..newline], newline + 1)),
            Some(newline) => Some(self.cut(rest, newline)),
            None if rest.len() >= self.config.window_bytes() => Some(self.cut(rest, rest.len())),
            None if self.last && rest.len() > self.config.line_bytes_max => Some(self.cut(rest, rest.len())),
            None if self.last => Some(self.line(rest, rest.len())),
            None => None,
        }
    }
}

/// The last position not after `at` where a UTF-8 character starts, so that a cut does not break one.
fn character_start(text: &[u8], at: usize) -> usize {
    let continues = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xC0 == 0x80);
    (at.saturating_sub(3)..=at).rev().find(|at| !continues(at)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8], line_bytes_max: usize, last: bool) -> Vec<String> {
        Frames::new(Config { line_bytes_max }, bytes, 100, Boundary::Line, last)
            .map(|framed| {
                let span = framed.span();
                let kept = match framed {
                    Framed::Line(line) => format!("{:?}", String::from_utf8_lossy(&line.text[..line.keep])),
                    Framed::Rest(..) => "rest".into(),
                    Framed::Hole(_) => "hole".into(),
                };
                format!(
                    "{}..{} {kept}{}",
                    span.start,
                    span.end,
                    if framed.boundary() == Boundary::Cut { " cut" } else { "" }
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
        check(b"\0\0a\n", false, &["100..102 hole", "102..104 \"a\""]);
        check(b"\0\0", true, &[]);
        let mut filled = Frames::new(Config { line_bytes_max: 8 }, b"a\n\0\0", 0, Boundary::Line, false).filled(true);
        assert!(matches!(filled.nth(1), Some(Framed::Hole(Span { start: 2, end: 4 }))));
        check("1234567\u{e9}z\n".as_bytes(), false, &["100..107 \"1234567\" cut", "107..111 rest"]);
    }

    #[test]
    fn a_line_without_end_is_cut_once_the_window_is_full() {
        let long = vec![b'x'; 8 + LOOK_AHEAD_BYTES];
        assert_eq!(frames(&long[..long.len() - 1], 8, false), Vec::<String>::new());
        let pieces = frames(&long, 8, false);
        assert_eq!(
            pieces,
            ["100..108 \"xxxxxxxx\" cut".to_owned(), format!("108..{} rest cut", 108 + LOOK_AHEAD_BYTES)]
        );
    }
}

//! Joins the lines of a container's log file to the lines that the container printed.
//!
//! Input: the pieces of a chunk. Output: pieces again, whose lines have the text that was printed. The text of a chunk's lines stands
//! in one buffer, in order and with a newline between them, as it would in a file. The spans are those of the file.

use std::ops::Range;

use super::container::unwrap;
use super::{Config, End, Framed, Frames, LOOK_AHEAD_BYTES};
use event::{Boundary, Framing, Line, LineFlags, Printed, Span};

/// A piece. The text of a line is in the buffer.
#[derive(Debug)]
struct Piece {
    framed: Framed<'static>,
    text: Range<usize>,
}

/// The lines of a chunk as a container printed them.
#[derive(Debug, Default)]
pub struct ContainerLines {
    text: Vec<u8>,
    pieces: Vec<Piece>,
    /// The most lines in a row that have another form.
    foreign_lines: usize,
}

/// A line of which more parts may follow.
struct Open {
    span: Span,
    start: usize,
    printed: Printed,
}

impl ContainerLines {
    /// Reads a chunk's lines.
    #[must_use]
    pub fn read(frames: Frames<'_>, framing: Framing, config: Config, end: End) -> Self {
        let ends = frames.last || matches!(end, End::Final | End::TimedOut { is_last: true });
        let is_window = frames.bytes.len() >= frames.config.window_bytes();
        let mut lines = Self::default();
        let mut skips = frames.boundary == Boundary::MidLine;
        let (mut open, mut foreign_lines): (Option<Open>, _) = (None, 0);
        for framed in if skips { frames.at_line_start() } else { frames } {
            let Framed::Line(line) = framed else {
                lines.end(open.take().as_ref(), LineFlags::CUT, Boundary::LineStart, config);
                lines.keep(framed);
                continue;
            };
            let unwrapped = unwrap(framing, line.text).filter(|_| line.boundary == Boundary::LineStart);
            if skips {
                skips = unwrapped.is_some_and(|line| line.is_partial);
                let boundary = if skips { Boundary::MidLine } else { Boundary::LineStart };
                lines.keep(Framed::Rest(line.span, boundary));
                continue;
            }
            let Some(unwrapped) = unwrapped else {
                lines.end(open.take().as_ref(), LineFlags::CUT, Boundary::LineStart, config);
                foreign_lines += usize::from(!line.text.is_empty());
                lines.foreign_lines = lines.foreign_lines.max(foreign_lines);
                lines.keep(framed);
                continue;
            };
            foreign_lines = 0;
            if open.as_ref().is_some_and(|open| open.printed.stream != unwrapped.printed.stream) {
                lines.end(open.take().as_ref(), LineFlags::CUT, Boundary::LineStart, config);
            }
            let start = lines.text.len();
            let part = open.get_or_insert(Open { span: line.span, start, printed: unwrapped.printed });
            part.span.end = line.span.end;
            lines.text.extend_from_slice(&unwrapped.text);
            let is_long = lines.text.len() - part.start >= config.line_bytes_max + LOOK_AHEAD_BYTES;
            if !unwrapped.is_partial {
                lines.end(open.take().as_ref(), LineFlags::NONE, Boundary::LineStart, config);
            } else if is_long {
                lines.end(open.take().as_ref(), LineFlags::TRUNCATED, Boundary::MidLine, config);
                skips = true;
            }
        }
        if ends {
            lines.end(open.take().as_ref(), LineFlags::CUT, Boundary::LineStart, config);
        } else if is_window && lines.pieces.is_empty() {
            lines.end(open.take().as_ref(), LineFlags::TRUNCATED, Boundary::MidLine, config);
        }
        lines
    }

    /// The most lines in a row that have another form. They are kept as they are.
    #[must_use]
    pub fn foreign_lines(&self) -> usize {
        self.foreign_lines
    }

    fn end(&mut self, open: Option<&Open>, flags: LineFlags, boundary: Boundary, config: Config) {
        let Some(&Open { span, start, printed }) = open else { return };
        let text = start..self.text.len();
        let is_long = text.len() > config.line_bytes_max;
        let keep =
            if is_long { super::character_start(&self.text[text.clone()], config.line_bytes_max) } else { text.len() };
        let flags = if is_long { flags.and(LineFlags::TRUNCATED) } else { flags };
        self.text.push(b'\n');
        let framed = Framed::Line(Line { span, text: &[], keep, boundary, flags, printed: Some(printed) });
        self.pieces.push(Piece { framed, text });
    }

    /// Keeps a piece as it is.
    fn keep(&mut self, framed: Framed<'_>) {
        let start = self.text.len();
        if let Framed::Line(line) = framed {
            self.text.extend_from_slice(line.text);
        }
        let text = start..self.text.len();
        self.text.push(b'\n');
        let framed = match framed {
            Framed::Line(line) => Framed::Line(Line { text: &[], ..line }),
            Framed::Rest(span, boundary) => Framed::Rest(span, boundary),
            Framed::NulPadding(span) => Framed::NulPadding(span),
            Framed::ByteOrderMark(span) => Framed::ByteOrderMark(span),
        };
        self.pieces.push(Piece { framed, text });
    }

    fn piece(&self, at: usize) -> Option<Framed<'_>> {
        let Piece { framed, text } = self.pieces.get(at)?;
        Some(match *framed {
            Framed::Line(line) => Framed::Line(Line { text: &self.text[text.clone()], ..line }),
            other => other,
        })
    }
}

/// The pieces of a chunk, one after another: of the file itself, or as a container printed them.
#[derive(Clone)]
pub(super) enum Pieces<'t> {
    File(Frames<'t>),
    Container {
        lines: &'t ContainerLines,
        /// The next piece.
        at: usize,
    },
}

impl<'t> Pieces<'t> {
    /// Goes back to the start of a line.
    pub(super) fn seek(&mut self, offset: u64) {
        match self {
            Self::File(frames) => frames.seek(offset),
            Self::Container { lines, at } => {
                *at = lines.pieces.partition_point(|piece| piece.framed.span().start < offset);
            }
        }
    }

    /// The buffer that all texts are slices of.
    fn buffer(&self) -> &'t [u8] {
        match self {
            Self::File(frames) => frames.bytes,
            Self::Container { lines, .. } => &lines.text,
        }
    }

    /// The text from the start of one line to the end of a later one.
    pub(super) fn text(&self, first: &'t [u8], last: &'t [u8]) -> &'t [u8] {
        let buffer = self.buffer();
        let position = |text: &[u8]| text.as_ptr() as usize - buffer.as_ptr() as usize;
        &buffer[position(first)..position(last) + last.len()]
    }

    /// The start of a line whose end is not there yet, if `most` bytes of it are.
    pub(super) fn unfinished(&self, most: usize) -> Option<&'t [u8]> {
        match self {
            Self::File(frames) => frames.bytes.get(frames.at..frames.at + most).filter(|start| !start.contains(&0)),
            Self::Container { .. } => None,
        }
    }

    /// Whether only zeros follow, which a writer may still fill.
    pub(super) fn ends_in_zeros(&self) -> bool {
        let Self::File(frames) = self else { return false };
        let rest = &frames.bytes[frames.at..];
        !rest.is_empty() && rest.iter().all(|byte| *byte == 0)
    }

    /// The end of the chunk, in bytes from the file's start.
    pub(super) fn end(&self) -> u64 {
        match self {
            Self::File(frames) => frames.base + frames.bytes.len() as u64,
            Self::Container { .. } => 0,
        }
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Framed<'t>;

    fn next(&mut self) -> Option<Framed<'t>> {
        match self {
            Self::File(frames) => frames.next(),
            Self::Container { lines, at } => {
                let piece = lines.piece(*at)?;
                *at += 1;
                Some(piece)
            }
        }
    }
}

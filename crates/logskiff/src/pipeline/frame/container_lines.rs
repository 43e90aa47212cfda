//! Joins the lines of a container's log file to the lines that the container printed, by stream.
//!
//! Input: the pieces of a chunk. Output: for each stream, pieces whose lines have the text that was printed. The text of a stream's
//! lines stands in one buffer, in order and with a newline between them, as it would in a file. The spans are those of the file; a
//! line of several parts may have lines of the other stream between them.

use std::ops::Range;
use std::time::Duration;

use super::container::{Unwrapped, unwrap};
use super::file_marks::{FileMarks, STREAMS, place};
use super::marks::Marks;
use super::{Config, End, Framed, Frames};
use event::{Boundary, Cut, Framing, Line, LineFlags, Printed, Span};

/// A record of one stream is not waited for any longer once this much of the other one follows: memory for a record stays small.
const GAP_BYTES_MAX: u64 = 64 * 1024;

/// A piece. The text of a line is in the buffer.
#[derive(Debug)]
struct Piece {
    framed: Framed<'static>,
    text: Range<usize>,
    /// See [`StreamLines::is_apart`].
    is_apart: bool,
}

/// A line of which more parts may follow.
#[derive(Clone, Copy, Debug)]
struct Open {
    span: Span,
    start: usize,
    printed: Printed,
    flags: LineFlags,
    /// See [`StreamLines::is_apart`].
    is_apart: bool,
}

/// Where a stream's last line or part of a line ends, and when it was printed.
#[derive(Clone, Copy, Debug)]
struct Last {
    end: u64,
    time_ns: Option<i64>,
}

/// The lines of one stream.
#[derive(Debug, Default)]
pub(super) struct StreamLines {
    text: Vec<u8>,
    pieces: Vec<Piece>,
    open: Option<Open>,
    /// Lines before this offset belong to a record that was framed before.
    taken_to: u64,
    /// The parts of a line that is too long are skipped up to its end.
    skips: bool,
    last: Option<Last>,
    /// So much of the other stream, or so late a line of it, follows the last line that the next one joins nothing.
    is_apart: bool,
}

/// The lines of a chunk as a container printed them. Kept for its memory.
#[derive(Debug, Default)]
pub struct ContainerLines {
    /// Lines that the runtime did not write, and those of each stream.
    pub(super) streams: [StreamLines; STREAMS],
    /// The end of the chunk's last whole line, in bytes from the file's start.
    pub(super) end: u64,
    /// The most lines in a row that have another form.
    foreign_lines: usize,
}

/// How a container's file is read.
#[derive(Clone, Copy, Debug)]
pub struct ContainerConfig {
    /// The format.
    pub framing: Framing,
    /// A line that was printed so long after the last one of the other stream ends the record of that.
    pub timeout: Duration,
}

impl ContainerConfig {
    /// Bytes of a file that must be in memory to form any record: the longest record, and a line that ends it.
    #[must_use]
    pub fn window_bytes(frame: Config) -> usize {
        2 * frame.window_bytes() + 2 * usize::try_from(GAP_BYTES_MAX).unwrap_or(usize::MAX)
    }
}

impl ContainerLines {
    /// Reads a chunk's lines.
    pub fn read(&mut self, frames: Frames<'_>, config: ContainerConfig, marks: &FileMarks, end: End) {
        let ends = frames.last || matches!(end, End::Final | End::TimedOut { is_last: true });
        let (limits, start) = (frames.config, frames.base);
        self.clear(start);
        for (lines, taken) in self.streams.iter_mut().zip(&marks.streams) {
            let taken = taken.taken.before(start);
            lines.taken_to = taken.map_or(0, |taken| taken.span.end);
            lines.skips = taken.is_some_and(|taken| taken.boundary == Boundary::MidLine);
        }
        let mut foreign_lines = 0;
        for framed in frames {
            self.end = framed.span().end;
            let unwrapped = match &framed {
                Framed::Line(line) if line.boundary == Boundary::LineStart => unwrap(config.framing, line.text),
                _ => None,
            };
            let Some(unwrapped) = unwrapped else {
                let is_text = matches!(&framed, Framed::Line(line) if !line.text.is_empty());
                foreign_lines += usize::from(is_text);
                self.foreign_lines = self.foreign_lines.max(foreign_lines);
                self.part_others(place(None), framed.span().end, None, config.timeout, limits);
                self.streams[place(None)].keep(framed);
                continue;
            };
            foreign_lines = 0;
            let stream = place(Some(unwrapped.printed.stream));
            let span = framed.span();
            self.part_others(stream, span.end, unwrapped.printed.time_ns, config.timeout, limits);
            self.streams[stream].add(span, &unwrapped, limits, &marks.streams[stream].marks);
        }
        if ends {
            self.streams.iter_mut().for_each(|lines| lines.end(LineFlags::CUT, Boundary::LineStart, limits));
        }
    }

    /// The most lines in a row that have another form. They are kept as they are.
    #[must_use]
    pub fn foreign_lines(&self) -> usize {
        self.foreign_lines
    }

    /// Frees the memory of a long record.
    pub fn shrink(&mut self, bytes_max: usize) {
        for lines in &mut self.streams {
            lines.text.clear();
            lines.text.shrink_to(bytes_max);
            lines.pieces.clear();
            lines.pieces.shrink_to(bytes_max / size_of::<Piece>());
        }
    }

    fn clear(&mut self, end: u64) {
        for lines in &mut self.streams {
            let (mut text, mut pieces) = (std::mem::take(&mut lines.text), std::mem::take(&mut lines.pieces));
            text.clear();
            pieces.clear();
            *lines = StreamLines { text, pieces, ..StreamLines::default() };
        }
        (self.end, self.foreign_lines) = (end, 0);
    }

    /// Ends what the other streams have open, if this line comes late enough.
    fn part_others(&mut self, of: usize, end: u64, time_ns: Option<i64>, timeout: Duration, limits: Config) {
        let timeout = i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX);
        for (at, lines) in self.streams.iter_mut().enumerate().filter(|(at, _)| *at != of) {
            let Some(last) = lines.last.filter(|_| !lines.is_apart) else { continue };
            let is_late = match (time_ns, last.time_ns) {
                (Some(now), Some(then)) => now.saturating_sub(then) > timeout,
                _ => false,
            };
            if is_late || end - last.end > GAP_BYTES_MAX || at == place(None) {
                lines.end(LineFlags::CUT, Boundary::LineStart, limits);
                lines.is_apart = true;
            }
        }
    }
}

impl StreamLines {
    /// Adds a line, or a part of one.
    fn add(&mut self, span: Span, line: &Unwrapped<'_>, limits: Config, marks: &Marks) {
        if span.start < self.taken_to {
            return;
        }
        self.last = Some(Last { end: span.end, time_ns: line.printed.time_ns });
        // Otherwise a record could not be held in memory.
        let end_max = self.open.map_or(u64::MAX, |open| open.span.start + limits.window_bytes() as u64);
        if span.end > end_max {
            self.end(LineFlags::TRUNCATED, Boundary::MidLine, limits);
            self.skips = true;
        }
        if self.skips {
            self.skips = line.is_partial;
            let boundary = if self.skips { Boundary::MidLine } else { Boundary::LineStart };
            return self.keep(Framed::Rest(span, boundary));
        }
        let start = self.text.len();
        let is_apart = &mut self.is_apart;
        let open = self.open.get_or_insert_with(|| {
            let (flags, is_apart) = (LineFlags::NONE, std::mem::take(is_apart));
            Open { span, start, printed: line.printed, flags, is_apart }
        });
        if open.span.start < span.start {
            open.flags = LineFlags::JOINED;
        }
        open.span.end = span.end;
        let open = *open;
        self.text.extend_from_slice(&line.text);
        let was_cut = || match marks.next_cut(open.span.start) {
            Some((at, Cut::Timeout | Cut::End)) => at <= span.end,
            _ => false,
        };
        if !line.is_partial {
            self.end(LineFlags::NONE, Boundary::LineStart, limits);
        } else if self.text.len() - open.start >= limits.window_bytes() {
            self.end(LineFlags::TRUNCATED, Boundary::MidLine, limits);
            self.skips = true;
        } else if was_cut() {
            self.end(LineFlags::CUT, Boundary::LineStart, limits);
        }
    }

    /// Ends the open line.
    fn end(&mut self, flags: LineFlags, boundary: Boundary, limits: Config) {
        let Some(open) = self.open.take() else { return };
        let text = open.start..self.text.len();
        let is_long = text.len() > limits.line_bytes_max;
        let keep =
            if is_long { super::character_start(&self.text[text.clone()], limits.line_bytes_max) } else { text.len() };
        let flags = if is_long { flags.and(LineFlags::TRUNCATED) } else { flags };
        let (flags, printed) = (flags.and(open.flags), Some(open.printed));
        let framed = Framed::Line(Line { span: open.span, text: &[], keep, boundary, flags, printed });
        self.push(framed, text, open.is_apart);
    }

    /// Keeps a piece as it is.
    fn keep(&mut self, framed: Framed<'_>) {
        let start = self.text.len();
        let framed = match framed {
            Framed::Line(line) => {
                self.text.extend_from_slice(line.text);
                self.last = Some(Last { end: line.span.end, time_ns: None });
                Framed::Line(Line { text: &[], ..line })
            }
            Framed::Rest(span, boundary) => Framed::Rest(span, boundary),
            Framed::NulPadding(span) => Framed::NulPadding(span),
            Framed::ByteOrderMark(span) => Framed::ByteOrderMark(span),
        };
        let is_apart = std::mem::take(&mut self.is_apart);
        self.push(framed, start..self.text.len(), is_apart);
    }

    fn push(&mut self, framed: Framed<'static>, text: Range<usize>, is_apart: bool) {
        self.text.push(b'\n');
        self.pieces.push(Piece { framed, text, is_apart });
    }

    fn piece(&self, at: usize) -> Option<Framed<'_>> {
        let Piece { framed, text, .. } = self.pieces.get(at)?;
        Some(match *framed {
            Framed::Line(line) => Framed::Line(Line { text: &self.text[text.clone()], ..line }),
            other => other,
        })
    }

    /// Where a line begins whose end is not there yet.
    pub(super) fn open_at(&self) -> Option<u64> {
        self.open.map(|open| open.span.start)
    }

    /// Where the record ends that was framed before.
    pub(super) fn taken_to(&self) -> u64 {
        self.taken_to
    }
}

/// The pieces of a chunk, one after another: of the file itself, or as a container printed them to one stream.
#[derive(Clone)]
pub(super) enum Pieces<'t> {
    File(Frames<'t>),
    Container {
        lines: &'t StreamLines,
        /// The next piece.
        at: usize,
        /// The last piece that stands apart and begins a record, with the ones before it.
        reached: usize,
    },
}

impl<'t> Pieces<'t> {
    /// The lines that a container printed to one stream.
    pub(super) fn printed(lines: &'t StreamLines) -> Self {
        Self::Container { lines, at: 0, reached: 0 }
    }

    /// Goes back to the start of a line.
    pub(super) fn seek(&mut self, offset: u64) {
        match self {
            Self::File(frames) => frames.seek(offset),
            Self::Container { lines, at, .. } => {
                *at = lines.pieces.partition_point(|piece| piece.framed.span().start < offset);
            }
        }
    }

    /// Whether the next line joins nothing, whatever it is: it does not come before that is passed.
    pub(super) fn is_apart(&self) -> bool {
        let Self::Container { lines, at, reached } = self else { return false };
        match lines.pieces.get(*at) {
            Some(piece) => piece.is_apart && *at > *reached,
            None => lines.is_apart || lines.open.is_some_and(|open| open.is_apart),
        }
    }

    /// Goes on with a new record.
    #[inline]
    pub(super) fn pass(&mut self) {
        if let Self::Container { at, reached, .. } = self {
            *reached = *at;
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
        if self.is_apart() {
            return None;
        }
        match self {
            Self::File(frames) => frames.next(),
            Self::Container { lines, at, .. } => {
                let piece = lines.piece(*at)?;
                *at += 1;
                Some(piece)
            }
        }
    }
}

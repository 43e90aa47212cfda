//! The records of a chunk, in the order in which they begin, each with its share of the file's bytes.
//!
//! The lines of a container's streams are grouped apart. A record of one stream may begin between the lines of another one. Then
//! the share of a record ends where the next one begins, and the lines of a record behind its share are left out when they are met
//! again: [`FileMarks`] remembers where the record ends. So a watermark may stand at any record's start, and whatever is read from
//! there on forms the same records.

use super::container_lines::{ContainerLines, Pieces, StreamLines};
use super::file_marks::{StreamMarks, Taken, TakenRecords, place};
use super::multiline::Reason;
use super::{End, FileMarks, Framed, Frames, Grouping, Records, StartPattern};
use event::{Boundary, Share, Span};

/// A piece with its share.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'t> {
    /// The piece.
    pub framed: Framed<'t>,
    /// The bytes that it accounts for.
    pub share: Share,
}

/// The records of a chunk.
#[allow(clippy::large_enum_variant, reason = "there is one of them at a time")]
pub enum FileRecords<'t, 'm> {
    /// Of a file of lines.
    Lines(Records<'t, 'm>),
    /// Of a container's file.
    Streams(Streams<'t, 'm>),
}

/// The records of a container's streams.
pub struct Streams<'t, 'm> {
    /// By their [`place`].
    by_place: Vec<Stream<'t, 'm>>,
    /// The end of the records so far.
    taken_to: u64,
    /// The end of the chunk's last whole line.
    end: u64,
    is_final: bool,
    /// Whether each stream has its first record.
    is_started: bool,
    is_held: bool,
}

/// The records of one stream.
struct Stream<'t, 'm> {
    records: Records<'t, 'm>,
    taken: &'m mut TakenRecords,
    next: Option<Framed<'t>>,
    /// Where a line begins that may go on.
    open_at: Option<u64>,
}

impl Stream<'_, '_> {
    /// Where its next record begins, as far as that is known.
    fn start(&self) -> Option<u64> {
        self.next.map(|framed| framed.span().start).or_else(|| self.records.held_at()).or(self.open_at)
    }
}

impl<'t, 'm> FileRecords<'t, 'm> {
    /// Joins the lines of `frames`, or what a container `printed` if its runtime wrote them.
    #[must_use]
    pub fn new(
        frames: Frames<'t>,
        printed: Option<&'t ContainerLines>,
        grouping: &'m Grouping,
        marks: &'m mut FileMarks,
        end: End,
    ) -> Self {
        let Some(printed) = printed else {
            return Self::Lines(Records::new(frames, grouping, &mut marks.streams[place(None)].marks, end));
        };
        let (config, end) = (frames.config, if frames.last { End::Final } else { end });
        let of_stream = |(marks, lines): (&'m mut StreamMarks, &'t StreamLines)| {
            let StreamMarks { marks, taken } = marks;
            let records = Records::of_pieces(Pieces::printed(lines), config, grouping, marks, end);
            Stream { records, taken, next: None, open_at: lines.open_at() }
        };
        let by_place = marks.streams.iter_mut().zip(&printed.streams).map(of_stream).collect();
        let taken_to = printed.streams.iter().map(StreamLines::taken_to).max().unwrap_or_default();
        let (end, is_final) = (printed.end, end == End::Final);
        Self::Streams(Streams { by_place, taken_to, end, is_final, is_started: false, is_held: false })
    }

    /// Sets that the chunk ends where a record was found to end when these bytes were framed before.
    #[must_use]
    pub fn again(self) -> Self {
        match self {
            Self::Lines(records) => Self::Lines(records.again()),
            Self::Streams(all) => {
                let again = |stream: Stream<'t, 'm>| Stream { records: stream.records.again(), ..stream };
                let by_place = all.by_place.into_iter().map(again).collect();
                Self::Streams(Streams { by_place, is_final: true, ..all })
            }
        }
    }

    /// Whether the chunk ends with an unfinished record, which was not returned.
    #[must_use]
    pub fn is_held(&self) -> bool {
        match self {
            Self::Lines(records) => records.is_held(),
            Self::Streams(streams) => streams.is_held,
        }
    }
}

impl FileRecords<'_, '_> {
    /// From now on, records why lines join. It does not for a container, whose records are formed before they are returned.
    #[must_use]
    pub fn explain(self) -> Self {
        match self {
            Self::Lines(records) => Self::Lines(records.explain()),
            Self::Streams(streams) => Self::Streams(streams),
        }
    }

    /// Why the lines of the last record joined the ones before, and where they begin, if that is recorded.
    #[must_use]
    pub fn reasons(&self) -> &[(u64, Reason)] {
        match self {
            Self::Lines(records) => records.reasons(),
            Self::Streams(_) => &[],
        }
    }

    /// What is known of a start pattern, if there is one; of a container, what one of its streams tells.
    #[must_use]
    pub fn start_pattern(&self) -> Option<StartPattern> {
        match self {
            Self::Lines(records) => records.start_pattern(),
            Self::Streams(streams) => {
                let mut known = streams.by_place.iter().filter_map(|stream| stream.records.start_pattern());
                known.find(|known| *known != StartPattern::Unknown)
            }
        }
    }
}

impl<'t> Iterator for FileRecords<'t, '_> {
    type Item = Placed<'t>;

    /// `None` if the remaining bytes are not a whole record yet.
    #[inline]
    fn next(&mut self) -> Option<Placed<'t>> {
        match self {
            Self::Lines(records) => {
                let framed = records.next()?;
                Some(Placed { framed, share: Share::whole(framed.span(), framed.boundary()) })
            }
            Self::Streams(streams) => streams.next(),
        }
    }
}

impl<'t> Streams<'t, '_> {
    /// The stream whose record begins next, and where.
    fn first(&self) -> Option<(u64, usize)> {
        let starts = self.by_place.iter().enumerate();
        starts.filter_map(|(at, stream)| Some((stream.start()?, at))).min()
    }

    fn next(&mut self) -> Option<Placed<'t>> {
        if !std::mem::replace(&mut self.is_started, true) {
            self.by_place.iter_mut().for_each(|stream| stream.next = stream.records.next());
        }
        let (_, at) = self.first()?;
        let stream = &mut self.by_place[at];
        let Some(framed) = stream.next.take() else {
            self.is_held = true;
            return None;
        };
        stream.next = stream.records.next();
        let (span, boundary) = (framed.span(), framed.boundary());
        let is_after = self.taken_to <= span.start;
        self.taken_to = self.taken_to.max(span.end);
        let end = match self.first() {
            Some((start, _)) => start,
            // What follows belongs to this record and the ones before.
            None if self.is_final => self.taken_to.min(self.end),
            None if self.taken_to <= self.end => self.taken_to,
            None => return None,
        };
        // The rest of a line of a stream is found by what is noted below.
        let ends_line = at != place(None) || end != span.end;
        let share = Share {
            span: Span { start: span.start, end },
            boundary: if ends_line { Boundary::LineStart } else { boundary },
            is_mixed: !is_after || end != span.end,
        };
        if at != place(None) {
            self.by_place[at].taken.note(Taken { span, boundary }, share);
        }
        Some(Placed { framed, share })
    }
}

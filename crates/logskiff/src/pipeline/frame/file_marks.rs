//! What a re-read of a file needs to know to form the same records: of each stream, if a container's runtime wrote it.

use std::collections::VecDeque;

use super::marks::Marks;
use event::{Boundary, GroupMark, RecordMemory, Share, Span, Stream, StreamMark};

/// The lines of no stream, and those of each one.
pub(super) const STREAMS: usize = 1 + Stream::ALL.len();

/// The place of a stream's lines.
pub(super) fn place(stream: Option<Stream>) -> usize {
    stream.map_or(0, |stream| 1 + stream as usize)
}

/// A record of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// From its first line to its last one.
    pub(super) span: Span,
    /// Whether the rest of a truncated line of the stream follows.
    pub(super) boundary: Boundary,
}

/// The records of one stream on which it depends how a re-read begins: those that end behind the next record's start, those
/// before the rest of a truncated line, and the ones after these.
#[derive(Clone, Debug, Default)]
pub(super) struct TakenRecords(VecDeque<Taken>);

impl TakenRecords {
    /// Notes a record with its share. Forgets what was noted of it and of later ones.
    pub(super) fn note(&mut self, taken: Taken, share: Share) {
        while self.0.back().is_some_and(|last| last.span.start >= taken.span.start) {
            self.0.pop_back();
        }
        let follows_part = self.0.back().is_some_and(|last| last.boundary == Boundary::MidLine);
        if share.span.end < taken.span.end || taken.boundary == Boundary::MidLine || follows_part {
            self.0.push_back(taken);
        }
    }

    /// The last record that begins before `offset`, if reading on from there depends on it.
    pub(super) fn before(&self, offset: u64) -> Option<Taken> {
        let taken = *self.0.get(self.known(offset).checked_sub(1)?)?;
        (taken.span.end > offset || taken.boundary == Boundary::MidLine).then_some(taken)
    }

    /// The number of records that begin before `offset`.
    fn known(&self, offset: u64) -> usize {
        self.0.partition_point(|taken| taken.span.start < offset)
    }

    fn settle(&mut self, watermark: u64) {
        self.0.drain(..self.known(watermark).saturating_sub(1));
    }

    fn end_at(&mut self, size: u64) {
        for taken in &mut self.0 {
            taken.span.end = taken.span.end.min(size.max(taken.span.start));
        }
    }
}

/// The marks of one stream.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamMarks {
    pub(super) marks: Marks,
    pub(super) taken: TakenRecords,
}

/// The marks of one file from its watermark on. Those of a file of lines are of no stream.
#[derive(Clone, Debug, Default)]
pub struct FileMarks {
    pub(super) streams: [StreamMarks; STREAMS],
}

impl FileMarks {
    /// The marks of a checkpoint.
    #[must_use]
    pub fn restore(saved: &RecordMemory) -> Self {
        let mut restored = Self::default();
        for stream in streams() {
            let of_stream = |mark: &&GroupMark| mark.stream == stream;
            let groups: Vec<GroupMark> = saved.groups.iter().filter(of_stream).cloned().collect();
            restored.streams[place(stream)].marks = Marks::restore(&groups);
        }
        for StreamMark { stream, span, boundary } in saved.streams.iter().copied() {
            restored.streams[place(Some(stream))].taken.0.push_back(Taken { span, boundary });
        }
        restored
    }

    /// The marks for a checkpoint, if the file's watermark is at `watermark`.
    #[must_use]
    pub fn save(&self, watermark: u64) -> RecordMemory {
        let groups = streams().flat_map(|stream| {
            let groups = self.streams[place(stream)].marks.save(watermark).into_iter();
            groups.map(move |mark| GroupMark { stream, ..mark })
        });
        let taken = Stream::ALL.into_iter().filter_map(|stream| {
            let Taken { span, boundary } = self.streams[place(Some(stream))].taken.before(watermark)?;
            Some(StreamMark { stream, span, boundary })
        });
        RecordMemory { framing: None, groups: groups.collect(), streams: taken.collect() }
    }

    /// Forgets marks that no re-read from `watermark` on needs.
    pub fn settle(&mut self, watermark: u64) {
        for StreamMarks { marks, taken } in &mut self.streams {
            marks.settle(watermark);
            taken.settle(watermark);
        }
    }

    /// Notes that the file is `size` bytes long: it may have been cut, and what is written behind that is new.
    pub fn end_at(&mut self, size: u64) {
        self.streams.iter_mut().for_each(|stream| stream.taken.end_at(size));
    }

    /// The end of the record that begins at `offset`, if it is behind its share.
    #[must_use]
    pub fn record_end(&self, offset: u64) -> Option<u64> {
        self.streams.iter().find_map(|StreamMarks { taken, .. }| {
            taken.0.get(taken.known(offset)).filter(|taken| taken.span.start == offset).map(|taken| taken.span.end)
        })
    }
}

/// The lines of no stream, and both streams.
fn streams() -> impl Iterator<Item = Option<Stream>> {
    std::iter::once(None).chain(Stream::ALL.into_iter().map(Some))
}

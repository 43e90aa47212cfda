//! A file's fingerprint and checkpoint entry.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use super::super::content::Content;
use super::super::fingerprint;
use super::super::quiet_files::is_long_ago;
use super::super::replaced::{ContentFrom, content_matches};
use super::super::write_times::Moment;
use super::{Phase, TrackedFile};
use event::{
    Ahead, Boundary, CheckpointEntry, FileId, FileTime, Fingerprint, Progress, Span, Watermark, WriteStep, Writes,
};

impl TrackedFile {
    /// The fingerprint of the bytes that were read.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint::from_bytes(&self.read.head, &self.read.before, self.read.at.offset)
    }

    /// Whether `other` holds the bytes that were read of this file, or is still shorter and begins with them.
    ///
    /// # Errors
    /// When `other` cannot be read.
    pub(in crate::source) fn is_copied_by(&self, other: &Content) -> io::Result<bool> {
        let length = other.length()?;
        if length >= self.read.at.offset {
            return fingerprint::matches(other, &self.fingerprint());
        }
        if matches!(self.handle, Content::Plain(_)) {
            return content_matches(&self.handle, ContentFrom::start(other), length);
        }
        let head = fingerprint::read_at(other, 0, fingerprint::HEAD_BYTES)?;
        Ok(self.read.head.starts_with(&head))
    }

    /// The file's first bytes, as many as are known.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.read.head
    }

    /// The entry of a file that is read to its end, acknowledged and closed. For a `.gz`, the fingerprint is that of
    /// its compressed bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(in crate::source) fn closing_entry(&mut self, settled: Progress) -> io::Result<CheckpointEntry> {
        let entry = self.checkpoint_entry(Progress { watermark: self.read.at, ..settled });
        if !self.handle.is_gzip() {
            return Ok(entry);
        }
        let raw = self.handle.raw()?;
        let size = raw.length()?;
        Ok(CheckpointEntry {
            offset: size,
            writes: Writes::acknowledged(size),
            boundary: Boundary::LineStart,
            fingerprint: fingerprint::read_fingerprint(&raw, size)?,
            ..entry
        })
    }

    /// When the metadata of a live file last changed, if it holds just what was read of it and the change is so long
    /// ago that another would have another time: then the file needs no check while that time is the same.
    pub(in crate::source) fn verified_change(&mut self) -> Option<FileTime> {
        let Content::Plain(file) = &self.handle else { return None };
        let metadata = file.metadata().ok().filter(|_| self.placement.phase == Phase::Live)?;
        let changed = FileTime { seconds: metadata.ctime(), nanoseconds: metadata.ctime_nsec() };
        let is_same =
            metadata.len() == self.read.at.offset && is_long_ago(changed.seconds) && self.verify_content().ok()?;
        is_same.then_some(changed)
    }

    /// Notes how far the file is acknowledged or dropped, and discards these bytes of a pipe.
    pub(in crate::source) fn note_settled(&mut self, settled: impl Fn(FileId) -> Watermark) {
        let settled = settled(self.id);
        self.settled.offset = settled.offset;
        if let Content::Stream(stream) = &self.handle {
            stream.forget(settled.offset);
        }
        self.detectors.write_times.forget(settled.offset);
    }

    /// When the bytes were written that are not acknowledged, for a checkpoint entry.
    pub(in crate::source) fn save_write_times(&mut self) -> Vec<WriteStep> {
        self.detectors.write_times.save()
    }

    /// Whether bytes were written since the last checkpoint entry that are not acknowledged.
    pub(in crate::source) fn has_unsaved_write_times(&self) -> bool {
        !self.handle.is_stream() && self.detectors.write_times.is_unsaved()
    }

    /// Takes over the times of a checkpoint entry, if the file still has these bytes.
    pub(in crate::source) fn restore_write_times(&mut self, written: &[WriteStep], now: Instant) {
        if written.last().is_some_and(|step| self.handle.is_gzip() || step.end <= self.seen.length) {
            self.detectors.write_times.restore(written, Moment::now(now));
        }
    }

    /// Whether all read bytes were acknowledged or dropped when that was last noted.
    pub(in crate::source) fn is_settled(&self) -> bool {
        self.settled.covers(self.read.at)
    }

    /// Whether all bytes before `offset` were acknowledged or dropped when that was last noted.
    pub(in crate::source) fn is_settled_to(&self, offset: u64) -> bool {
        self.settled.offset >= offset
    }

    /// Notes that bytes before the position may be unacknowledged.
    pub(in crate::source) fn forget_settled(&mut self) {
        self.settled.offset = 0;
    }

    /// The file's checkpoint entry at the progress `settled`.
    pub fn checkpoint_entry(&mut self, settled: Progress) -> CheckpointEntry {
        let Progress { watermark: settled, ahead, records } = settled;
        self.detectors.write_times.forget(settled.offset);
        if self.handle.is_deferred_read() {
            // The earlier fingerprint still holds: a `.gz` is written once.
        } else if settled.offset == self.read.at.offset || self.handle.is_gzip() {
            self.settled.fingerprint = self.fingerprint();
        } else if settled.offset != self.settled.fingerprint.offset {
            let same = self.verify_content().unwrap_or(false);
            let before = same.then(|| fingerprint::read_before(&self.handle, settled.offset).ok()).flatten();
            // Where the file can no longer be read at the watermark, the fingerprint at the position identifies it.
            self.settled.fingerprint = before.map_or_else(
                || self.fingerprint(),
                |before| fingerprint::from_bytes(&self.read.head, &before, settled.offset),
            );
        }
        CheckpointEntry {
            path: self.path.clone(),
            real: None,
            inode: self.inode,
            origin: self.lineage.origin.clone(),
            incarnation: self.lineage.incarnation,
            offset: settled.offset,
            boundary: settled.boundary,
            read_from_start: self.lineage.read_from_start,
            writes: Writes { size: self.seen.size, steps: self.detectors.write_times.save() },
            fingerprint: self.settled.fingerprint,
            ahead: self.ahead(ahead),
            records,
        }
    }

    /// Acknowledged spans after the watermark, with a fingerprint at their end. None for a compressed file: to compare
    /// it would mean to decompress it.
    fn ahead(&mut self, spans: Vec<Span>) -> Option<Ahead> {
        let end = spans.last().map(|span| span.end).filter(|_| !self.handle.is_gzip())?;
        let before = if end == self.read.at.offset {
            self.read.before.clone()
        } else {
            self.verify_content().ok().filter(|same| *same)?;
            fingerprint::read_before(&self.handle, end).ok()?
        };
        Some(Ahead { spans, fingerprint: fingerprint::from_bytes(&self.read.head, &before, end) })
    }
}

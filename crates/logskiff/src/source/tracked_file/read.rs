//! Polls a file, and reads it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use super::super::content::Content;
use super::super::fingerprint;
use super::super::write_times::{Moment, WriteTime, stamp_ns, time_ns};
use super::{Chunk, Phase, PollResult, ReadResult, TrackedFile, disk_bytes, stamp};
use event::{Boundary, TimeSource, Watermark};

impl TrackedFile {
    /// Polls the file: whether there is something to read.
    ///
    /// # Errors
    /// When the file's metadata cannot be read.
    pub fn poll(&mut self, now: Instant) -> io::Result<PollResult> {
        if let Content::Stream(stream) = &self.handle {
            let extent = stream.extent();
            if extent.length != self.seen.length {
                self.placement.changed_at = now;
                self.seen.more = true;
            }
            self.seen.set_extent(extent);
            self.detectors.write_times.record(extent.length, Moment::now(now).written(TimeSource::Read));
            return Ok(if self.seen.more || self.is_last_line_due(now) {
                PollResult::Changed
            } else {
                PollResult::Unchanged
            });
        }
        let metadata = self.handle.metadata()?;
        let stamp = stamp(&metadata);
        let unpacks = self.handle.is_deferred_read();
        let length = if unpacks { self.seen.length } else { self.handle.length_by(&metadata)? };
        self.seen.disk_bytes = disk_bytes(&metadata);
        if metadata.nlink() == 0 {
            self.placement.set_phase(Phase::Deleted, now);
        }
        // A read verifies too. But reading may be delayed, and a copy has to be recognized while it exists.
        let is_cut = self.detectors.undecided_until.is_some();
        if length != self.seen.length || stamp != self.seen.stamp || is_cut {
            self.placement.changed_at = now;
            if !self.verify_content()? {
                return Ok(PollResult::Truncated);
            }
            // The bytes that were cut off are back.
            if is_cut {
                return Ok(PollResult::Rewritten);
            }
            self.seen.more = true;
            // A write sets both times to the same value. A program that sets the modification time usually sets another
            // value.
            let (written, changed) = ((stamp.0, stamp.1), (stamp.2, stamp.3));
            let is_new_time = written != (self.seen.stamp.0, self.seen.stamp.1) && written == changed;
            let is_same = is_new_time && length == self.seen.length && length == self.read.at.offset;
            self.detectors.rewrites.note_poll(is_same && length > 0, now);
            // Truncated, but not before the position: reading continues, and the lost bytes are counted.
            if !self.handle.is_gzip() {
                let written = self.detectors.padding.written_bytes(self.seen.size);
                self.seen.lost_bytes += written.saturating_sub(length);
            }
            self.seen.size = length;
        }
        self.seen.length = length;
        self.seen.stamp = stamp;
        if self.detectors.rewrites.take_rewrite(now) && self.placement.phase == Phase::Live {
            return Ok(PollResult::Rewritten);
        }
        let polled = Moment::now(now);
        self.detectors.write_times.record(length, self.last_write(polled));
        self.seen.polled = Some(polled);
        if !self.seen.more && self.detectors.padding.is_open() && matches!(self.handle, Content::Plain(_)) {
            // A writer that maps the file changes neither its length nor its times.
            if self.detectors.padding.refresh(&self.handle, self.read.at.offset, now)? {
                self.placement.changed_at = now;
                self.seen.more = true;
            }
            self.seen.more |= self.detectors.padding.take_retry(now);
        }
        Ok(if !unpacks && (self.seen.more || self.is_last_line_due(now)) {
            PollResult::Changed
        } else {
            PollResult::Unchanged
        })
    }

    /// When the bytes were written that came since the last poll, by the modification time: that is the last write. What was
    /// there before the first poll, or comes out of a `.gz`, may be older.
    fn last_write(&self, now: Moment) -> WriteTime {
        let stamp = stamp_ns(self.seen.stamp.0, self.seen.stamp.1);
        match self.seen.polled.filter(|_| !self.handle.is_gzip()) {
            Some(polled) => now.of_write_after(polled, stamp).written(TimeSource::Write),
            None => now.of_stamp(stamp).written(TimeSource::File),
        }
    }

    /// Notes when logskiff started. If the file was created later, no byte is older than the file.
    pub(in crate::source) fn note_start(&mut self, started: Moment, now: Instant) {
        let created = self.handle.metadata().and_then(|metadata| metadata.created());
        let created = created.map(|created| Moment::now(now).of_stamp(time_ns(created)));
        self.seen.polled = created.ok().filter(|created| created.time_ns >= started.time_ns);
    }

    /// Reads the bytes after the position into `buffer`, at most `most`.
    ///
    /// # Errors
    /// When the file cannot be read, or decompression has to continue in another pass.
    pub fn read(&mut self, buffer: &mut Vec<u8>, most: usize, now: Instant) -> io::Result<ReadResult> {
        if self.handle.is_deferred_read() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let before_bytes = self.read.before.len();
        buffer.resize(before_bytes + most, 0);
        let start = self.read.at.offset - before_bytes as u64;
        let (length, extent) = match &self.handle {
            Content::Stream(stream) => {
                let (length, extent) = stream.fill(start, buffer);
                (length, Some(extent))
            }
            handle => (handle.fill(start, buffer)?, None),
        };
        let same = length >= before_bytes && buffer[..before_bytes] == self.read.before[..];
        if !same || self.detectors.undecided_until.is_some() || (extent.is_none() && !self.verify_head()?) {
            return Ok(ReadResult::Truncated);
        }
        let read = length - before_bytes;
        buffer.copy_within(before_bytes..length, 0);
        buffer.truncate(read);
        let chunk = Chunk { bytes: read, is_last: read < most };
        let exceeds_poll = self.read.at.offset + read as u64 > self.seen.length;
        self.detectors.note_read(self.read.at.offset, buffer, exceeds_poll, now);
        if exceeds_poll {
            self.placement.changed_at = now;
            let now = Moment::now(now);
            self.seen.grew_at_ns = now.time_ns;
            let written = if self.handle.is_gzip() { self.last_write(now) } else { now.written(TimeSource::Write) };
            self.detectors.write_times.record(self.read.at.offset + read as u64, written);
        }
        self.seen.more = !chunk.is_last;
        if let Some(extent) = extent {
            self.seen.set_extent(extent);
            return Ok(ReadResult::Read(chunk));
        }
        self.seen.length = if self.handle.is_gzip() {
            self.handle.length()?
        } else {
            self.seen.length.max(self.read.at.offset + read as u64)
        };
        self.seen.size = self.seen.length;
        Ok(ReadResult::Read(chunk))
    }

    /// Moves the position past `passed`, which spans now cover.
    pub fn advance(&mut self, passed: &[u8], boundary: Boundary, is_all_read: bool) {
        self.read.advance(passed, boundary);
        if boundary == Boundary::LineStart && matches!(self.handle, Content::Plain(_)) {
            self.read.resume_points.note(self.read.at.offset, &self.read.before);
        }
        self.seen.more |= !is_all_read;
    }

    /// Moves the position to `at`: the bytes before it were read from another file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(in crate::source) fn skip_to(&mut self, at: Watermark, now: Instant) -> io::Result<()> {
        self.read.before = fingerprint::read_before(&self.handle, at.offset)?;
        (self.read.at, self.settled.offset) = (at, at.offset);
        self.placement.changed_at = now;
        self.seen.length = self.handle.length()?;
        self.seen.size = self.seen.length;
        self.seen.more = !self.is_at_end();
        Ok(())
    }

    /// How many zeros after the position are final: a multiple of `unit_bytes`, the size of a character.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn zeros(&self, now: Instant, unit_bytes: u64) -> io::Result<u64> {
        if !self.are_zeros_final(now) {
            return Ok(0);
        }
        let zeros = self.handle.zeros(self.read.at.offset, self.is_filled(now))?;
        Ok(zeros - zeros % unit_bytes)
    }

    /// Moves the position past this many zeros, which a span now covers.
    pub fn advance_zeros(&mut self, mut zeros: u64) {
        let most = zeros.min(fingerprint::BEFORE_BYTES as u64);
        self.read.at.offset += zeros - most;
        zeros = most;
        let passed = [0; fingerprint::BEFORE_BYTES];
        self.advance(&passed[..usize::try_from(zeros).unwrap_or(passed.len())], Boundary::LineStart, false);
    }
}

//! Reads a file again.

use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::super::content::Content;
use super::super::fingerprint;
use super::super::gzip_reader::is_deferred;
use super::super::resume_points::ResumePoints;
use super::TrackedFile;
use event::{Span, Watermark};

/// A file that keeps fewer bytes than this is read from its start: they prove little.
const CUT_KEPT_BYTES_MIN: u64 = 1024;
/// A file that lost more bytes than this since the last point that holds is read from its start.
const CUT_BYTES_MAX: u64 = 16 * 1024;
/// Within this time, a program that cuts a file's end writes another, and one that prints the same again gets on.
const CUT_PATIENCE: Duration = Duration::from_secs(3);
/// A cut within this time after the end was rewritten is of the same program.
const SAME_WRITER: Duration = Duration::from_millis(250);

impl TrackedFile {
    /// The offset from which a changed file has to be read: after 0 where only its end was rewritten. `None` while it
    /// is not known whether a cut file lost only its end, or was cut to nothing and is being written again with the
    /// same bytes.
    pub(in crate::source) fn new_from(&mut self, now: Instant) -> Option<u64> {
        let length = self.handle.length().unwrap_or(0);
        if length >= self.read.at.offset {
            let found = self.read.resume_points.last_that_holds(&self.handle, &self.read.head);
            return Some(found.ok().flatten().unwrap_or(0));
        }
        let last = self.read.resume_points.last_before_cut(&self.handle, &self.read.head).ok().flatten();
        let is_near = |last: &u64| *last >= CUT_KEPT_BYTES_MIN && self.read.at.offset - last <= CUT_BYTES_MAX;
        let Some(last) = last.filter(is_near) else { return Some(0) };
        // The program that has just rewritten the end cuts off what is left of the former one.
        let is_same_writer =
            |at: Instant| last >= self.lineage.began_at && now.saturating_duration_since(at) < SAME_WRITER;
        if self.is_rewritten_behind(last).unwrap_or(false)
            || self.detectors.end_rewritten_at.is_some_and(is_same_writer)
        {
            return Some(last);
        }
        let until = *self.detectors.undecided_until.get_or_insert(now + CUT_PATIENCE);
        (now >= until).then_some(0)
    }

    /// Whether other bytes follow `offset` than those that were read, as far as these are kept.
    fn is_rewritten_behind(&self, offset: u64) -> io::Result<bool> {
        let kept_from = self.read.at.offset - self.read.before.len() as u64;
        let start = offset.max(kept_from);
        let had = &self.read.before[usize::try_from(start - kept_from).unwrap_or(0)..];
        let here = fingerprint::read_at(&self.handle, start, had.len())?;
        Ok(!had.starts_with(&here))
    }

    /// Removes the points up to `offset`, at which the next incarnation begins.
    pub(in crate::source) fn take_resume_points(&mut self, offset: u64) -> ResumePoints {
        self.read.resume_points.go_back(offset);
        std::mem::take(&mut self.read.resume_points)
    }

    /// Takes over the points of the incarnation before.
    pub(in crate::source) fn set_resume_points(&mut self, resume_points: ResumePoints, now: Instant) {
        self.read.resume_points = resume_points;
        self.detectors.end_rewritten_at = (self.lineage.began_at > 0).then_some(now);
    }

    /// Moves the position back; false when the file no longer holds the bytes that were read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rewind(&mut self, to: Watermark) -> io::Result<bool> {
        if !self.verify_content()? {
            return Ok(false);
        }
        let before = match self.handle.seek_to(to.offset) {
            Err(error) if is_deferred(&error) => Vec::new(),
            other => other.and_then(|()| fingerprint::read_before(&self.handle, to.offset))?,
        };
        self.read.rewind(to, before);
        self.seen.more = true;
        Ok(true)
    }

    /// Up to `most` bytes before an offset, as far as they are kept: they determine the state of the redactor.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn lookback(&self, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let start = offset.saturating_sub(most as u64).max(self.handle.kept_from());
        let content = self.content_at(start..offset, offset)?;
        fingerprint::read_at(content, start, usize::try_from(offset.saturating_sub(start)).unwrap_or(most))
    }

    /// The reader for `range`. A compressed file gets a second reader, which keeps the lookback before `reached`: the
    /// first one would have to start again.
    fn content_at(&self, range: Range<u64>, reached: u64) -> io::Result<&Content> {
        if self.handle.has_range(range.start, range.end) {
            return Ok(&self.handle);
        }
        if self.handle.is_deferred_read() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if self.second_handle.get().is_none() {
            _ = self.second_handle.set(self.handle.open_again()?);
        }
        let again = self.second_handle.get().unwrap_or(&self.handle);
        again.seek_to(reached)?;
        Ok(again)
    }

    /// Whether decompression has to continue before the file can be read.
    #[must_use]
    pub fn is_deferred_read(&self) -> bool {
        self.handle.is_deferred_read() || self.second_handle.get().is_some_and(Content::is_deferred_read)
    }

    /// Continues decompression. Returns whether the file can be read again at its position.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(in crate::source) fn unpack(&mut self) -> io::Result<bool> {
        if let Some(again) = self.second_handle.get() {
            again.resume_deferred()?;
        }
        if !self.handle.is_deferred_read() || !self.handle.resume_deferred()? {
            return Ok(false);
        }
        self.read.before = match fingerprint::read_before(&self.handle, self.read.at.offset) {
            Err(error) if is_deferred(&error) => return Ok(false),
            // It is shorter now: the next read reports that.
            Err(_) => Vec::new(),
            Ok(before) => before,
        };
        Ok(true)
    }

    /// Reads a span again; `None` where the file no longer holds its bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn reread(&mut self, span: Span) -> io::Result<Option<Vec<u8>>> {
        let length = usize::try_from(span.bytes()).unwrap_or(usize::MAX);
        if span.start < self.handle.kept_from() {
            return Ok(None);
        }
        let content = self.content_at(span.start..span.end, span.start)?;
        let bytes = fingerprint::read_at(content, span.start, length)?;
        // Verified after the read: bytes that were overwritten meanwhile are not the same.
        if bytes.len() == length && self.verify_content()? {
            return Ok(Some(bytes));
        }
        // Until the end of a cut file is known, nothing is known to be gone.
        if self.detectors.undecided_until.is_some() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(None) }
    }

    /// The file's last bytes, up to `most`, read or not.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_bytes(&self, most: usize) -> io::Result<Vec<u8>> {
        // Of a `.gz`, only bytes that were read are in memory.
        if self.handle.is_gzip() {
            return self.lookback(self.read.at.offset, most);
        }
        let length = self.handle.length()?;
        let most = usize::try_from(length).map_or(most, |length| length.min(most));
        fingerprint::read_at(&self.handle, length - most as u64, most)
    }
}

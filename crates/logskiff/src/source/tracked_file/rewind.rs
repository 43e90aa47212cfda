//! Reads a file again.

use std::io;
use std::ops::Range;

use super::super::content::Content;
use super::super::fingerprint;
use super::super::gzip_reader::is_deferred;
use super::TrackedFile;
use event::{Span, Watermark};

impl TrackedFile {
    /// The offset from which a changed file has to be read: only its end was rewritten, and it is not shorter than
    /// before.
    pub(in crate::source) fn new_from(&self) -> u64 {
        let is_shorter = self.handle.length().is_ok_and(|length| length < self.read.at.offset);
        let found = if is_shorter {
            None
        } else {
            self.read.resume_points.last_that_holds(&self.handle, &self.read.head).ok().flatten()
        };
        found.unwrap_or(0)
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
        Ok(if bytes.len() == length && self.verify_content()? { Some(bytes) } else { None })
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

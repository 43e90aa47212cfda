//! Files that hold only bytes of an open file: its rotated copies, plain or compressed, and what was appended to
//! another file.
//!
//! Input: open files and found files. Output: which found files are not to be read, because the open file is. The
//! bytes and the name prove a copy. When either file changes, it is compared again.

use std::io;
use std::time::Instant;

use super::content::Content;
use super::discovery::{Candidate, Class};
use super::gzip_reader::is_deferred;
use super::gzip_rotation::len32;
use super::replaced::{ContentFrom, content_matches};
use super::write_times::stamp_ns;
use super::{ClosedFile, FileSource, LostFile, Phase, TrackedFile, fingerprint};
use event::{Boundary, CheckpointEntry, FileId, FileTime, Inode, Progress, Watermark};

/// A file is a copy when at least this many bytes are the same. A shorter match may be lines that were written to both
/// files.
pub(super) const COPIED_BYTES_MIN: u64 = 1024;

/// A file that holds only bytes of an open file.
#[derive(Debug)]
pub(super) struct KnownCopy {
    /// The open file.
    of: FileId,
    /// When the copy last changed.
    changed: FileTime,
    /// How many bytes of the open file it holds.
    length: u64,
    /// All these bytes had been read from the open file when the two were compared, and they end with a line. The proof
    /// holds for good, and bytes that are appended to the copy begin a line.
    read: bool,
    input: usize,
    /// Its checkpoint entry, once the open file is acknowledged.
    entry: CheckpointEntry,
}

/// Where the bytes come from by which a known file grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// Unknown: they must be read.
    Own,
    /// Copied from an open file, as far as that file's bytes go.
    Copied,
    /// Up to this offset, copied from a file that was read and no longer exists.
    Until(u64),
}

impl FileSource {
    /// Whether a found file is a proved copy that has not changed since.
    pub(super) fn is_known_copy(&self, found: &Candidate) -> bool {
        self.index.copies.get(&found.inode).is_some_and(|copy| copy.read && copy.changed == found.changed)
    }

    /// Whether a found file holds only bytes of an open file. `content` is what it decompresses to, of `length` bytes.
    ///
    /// # Errors
    /// When decompression has to continue first.
    pub(super) fn detect_copy(
        &mut self,
        input: usize,
        found: &Candidate,
        raw: &Content,
        content: &Content,
        length: u64,
    ) -> io::Result<bool> {
        let packed = content.is_gzip();
        let named = |file: &TrackedFile| {
            found.surely_kept_from(&file.path, 0) || (packed && file.placement.phase != Phase::Live)
        };
        let mut original = None;
        for file in self.files().filter(|file| length > 0 && named(file)) {
            if file.begins_with(ContentFrom::start(content), length)? {
                original = Some(file.id);
                break;
            }
        }
        if let Some(original) = original {
            self.note_copy(original, input, found, raw, length);
            return Ok(true);
        }
        if let Some(copy) = self.index.copies.remove(&found.inode).filter(|copy| copy.read)
            && !packed
            && (found.class != Class::Match || found.is_marked())
            && fingerprint::matches(content, &copy.entry.fingerprint).unwrap_or(false)
        {
            // Bytes were appended to it: the next check continues after the copied part.
            self.index.keep_closed(found.inode, ClosedFile { changed: None, input, entry: copy.entry });
            self.schedule.reconcile_due = true;
            return Ok(true);
        }
        // A copy of a copy, as when `app.log.1` is copied to `app.log.2`. After a restart it may be another log.
        let closed =
            || found.is_surely_rotated() && length >= COPIED_BYTES_MIN && !self.schedule.is_first_round && !packed;
        let read_from_start = if closed() { self.find_shipped(content, len32(length))? } else { None };
        if let Some(read_from_start) = read_from_start {
            self.remember_closed(input, found, raw, read_from_start);
        }
        Ok(read_from_start.is_some())
    }

    fn note_copy(&mut self, of: FileId, input: usize, found: &Candidate, raw: &Content, length: u64) {
        let is_read = |file: &TrackedFile| {
            file.position().offset >= length && (length == file.seen.size || found.ends_a_line(raw))
        };
        let read = self.file(of).is_some_and(is_read);
        if let Some(entry) = self.entry_for(found, raw, false) {
            self.index.copies.insert(found.inode, KnownCopy { of, changed: found.changed, length, read, input, entry });
        }
    }

    /// Classifies the bytes after `from`, up to which the file was read: `cat app.log >> app.log.1` appends bytes that
    /// were read.
    pub(super) fn classify_growth(
        &mut self,
        input: usize,
        found: &Candidate,
        handle: &Content,
        from: u64,
        now: Instant,
    ) -> Growth {
        let Some(length) = found.size.checked_sub(from).filter(|length| *length > 0) else { return Growth::Own };
        let gone = self.index.lost.iter_mut().filter(|lost| {
            let print = &lost.entry.fingerprint;
            lost.entry.inode != found.inode
                && (1..=length).contains(&print.offset)
                && (lost.id.is_some() || print.offset >= COPIED_BYTES_MIN)
                && found.rotated_from(&lost.entry.path)
                && fingerprint::matches_from(handle, from, print).unwrap_or(false)
        });
        if let Some(lost) = gone.max_by_key(|lost| lost.entry.fingerprint.offset) {
            let read = lost.entry.fingerprint.offset.min(lost.entry.offset);
            if lost.entry.writes.size <= length {
                // The rest of it is read from this file.
                lost.entry.writes.size = read;
            }
            return Growth::Until(from + read);
        }
        let holds = |file: &&TrackedFile| {
            found.rotated_from(&file.path)
                && !handle.is_older_than(&file.handle)
                && file.begins_with(ContentFrom { content: handle, offset: from }, length).unwrap_or(false)
        };
        let Some((of, whole)) = self.files().find(holds).map(|file| (file.id, file.seen.size)) else {
            // The next check knows it for truncated.
            let is_early = self.is_source_being_cut(found, handle, from);
            self.schedule.reconcile_due |= is_early;
            return if is_early { Growth::Copied } else { Growth::Own };
        };
        if length >= COPIED_BYTES_MIN {
            self.note_copy(of, input, found, handle, length);
            return Growth::Copied;
        }
        if length == whole && self.keep_waiting(found, now) { Growth::Copied } else { Growth::Own }
    }

    /// Where reading continues: at `at`, or after the copied part; `None` where all new bytes are copied.
    pub(super) fn position_after_copy(
        &mut self,
        input: usize,
        found: &Candidate,
        handle: &Content,
        at: Watermark,
        now: Instant,
    ) -> Option<Watermark> {
        match self.classify_growth(input, found, handle, at.offset, now) {
            Growth::Own => Some(at),
            Growth::Copied => None,
            Growth::Until(offset) => Some(Watermark { offset, boundary: Boundary::LineStart }),
        }
    }

    /// Once a file is acknowledged, so are its copies.
    pub(super) fn close_copies(&mut self, of: FileId, read_from_start: bool) {
        for (inode, copy) in self.take_copies(of) {
            let entry = CheckpointEntry { read_from_start, ..copy.entry };
            self.index.keep_closed(inode, ClosedFile { changed: Some(copy.changed), input: copy.input, entry });
        }
    }

    /// The bytes that were read are gone from the file. A copy that was made before holds nothing new; a later one may
    /// hold unread bytes.
    pub(super) fn release_copies(&mut self, of: FileId, read: u64) {
        for (inode, copy) in self.take_copies(of) {
            if copy.length < read {
                self.index.keep_closed(
                    inode,
                    ClosedFile { changed: Some(copy.changed), input: copy.input, entry: copy.entry },
                );
            }
        }
    }

    /// Removes the copies of a file, and returns the proved ones.
    fn take_copies(&mut self, of: FileId) -> Vec<(Inode, KnownCopy)> {
        self.index.copies.extract_if(|_, copy| copy.of == of).filter(|(_, copy)| copy.read).collect()
    }

    /// Checkpoint entries of copies whose bytes are acknowledged. The longest copy is covered by the entry of the file
    /// itself.
    pub(super) fn settled_copy_entries(
        &self,
        settled: impl Fn(FileId) -> Progress,
    ) -> impl Iterator<Item = CheckpointEntry> {
        let shorter =
            self.index.copies.values().filter(move |copy| copy.read && settled(copy.of).watermark.offset > copy.length);
        shorter.filter_map(|copy| {
            Some(CheckpointEntry { read_from_start: self.file(copy.of)?.lineage.read_from_start, ..copy.entry.clone() })
        })
    }

    /// From which offset a file is new that is a copy of a truncated file, made before more was read. Nothing in it is
    /// new, unless it was written to after that: then its bytes are read that are not proved to be copied. After a
    /// restart such a copy cannot be distinguished from another file with the same beginning.
    pub(super) fn end_of_shorter_copy(&self, found: &Candidate, handle: &Content, size: u64) -> Option<u64> {
        let lost = self.find_longer_lost(found, handle, size)?;
        if stamp_ns(found.modified.seconds, found.modified.nanoseconds) <= lost.written_ns {
            return Some(size);
        }
        let proved = lost.resume_points.last_before_cut(handle, &lost.head);
        Some(proved.ok().flatten().unwrap_or(0))
    }

    /// The truncated file of which more was read than a copy of it holds.
    fn find_longer_lost(&self, found: &Candidate, handle: &Content, size: u64) -> Option<&LostFile> {
        // Another live log may begin with the same banner: `app-2.log`, or one with a date in its name.
        let may_be = found.class != Class::Match || found.is_marked();
        let mut files = self.index.lost.iter().filter(|_| may_be);
        files.find(|lost| {
            let print = &lost.entry.fingerprint;
            lost.id.is_some()
                && lost.entry.inode != found.inode
                && size < print.offset
                && found.surely_rotated_from(&lost.entry.path)
                && if size < u64::from(print.head_bytes) {
                    fingerprint::read_at(handle, 0, fingerprint::HEAD_BYTES)
                        .is_ok_and(|head| lost.head.starts_with(&head))
                } else {
                    fingerprint::begins_alike(handle, print).unwrap_or(false)
                }
        })
    }

    /// Whether a new file begins with all that was read of an open file, and with enough to be no coincidence.
    pub(super) fn repeats_open_file(&self, handle: &Content) -> bool {
        let Ok(head) = fingerprint::read_at(handle, 0, fingerprint::HEAD_BYTES) else { return false };
        let mut read = self.files().filter(|file| file.position().offset >= COPIED_BYTES_MIN && file.head() == head);
        read.any(|file| file.is_copied_by(handle).unwrap_or(false))
    }

    /// Whether a file has to wait: it may be a copy in the making, or its rotation is not seen yet.
    pub(super) fn wait_for_copy(&mut self, found: &Candidate, handle: &Content, now: Instant) -> bool {
        let original = self
            .files()
            .filter(|file| file.placement.phase == Phase::Live && found.may_hold(&file.path, file.position().offset));
        let copy = { original }.any(|file| !file.head().is_empty() && file.is_copied_by(handle).unwrap_or(false));
        let was_named = || self.pending.was_named(found.inode);
        let early = found.class == Class::Sibling
            && !self.schedule.predates_start()
            && !self.was_rotated(found)
            && !was_named();
        if !copy && !early {
            return false;
        }
        self.keep_waiting(found, now)
    }

    /// Whether a file is newer, or has grown more recently, than a copy or a rotation takes.
    pub(super) fn keep_waiting(&mut self, found: &Candidate, now: Instant) -> bool {
        let rotated = self.was_rotated(found) || found.history;
        self.pending.keep_waiting(found, rotated, now)
    }

    /// Whether a found file holds the bytes of a truncated file beyond this offset: the copy was incomplete when last
    /// seen.
    pub(super) fn has_grown_to_copy(&self, found: &Candidate, handle: &Content, offset: u64) -> bool {
        self.index.lost.iter().any(|lost| {
            let print = &lost.entry.fingerprint;
            lost.id.is_some()
                && print.offset > offset
                && found.may_hold(&lost.entry.path, print.offset)
                && fingerprint::matches(handle, print).unwrap_or(false)
        })
    }

    /// Whether an open file that this may be a copy of holds all its bytes.
    pub(super) fn is_held_by_open_file(&self, found: &Candidate, handle: &Content, length: u64) -> bool {
        let related = |file: &TrackedFile| file.path == found.path || found.may_hold(&file.path, 0);
        self.files().any(|file| related(file) && file.begins_with(ContentFrom::start(handle), length).unwrap_or(false))
    }
}

impl Candidate {
    /// Whether the last line is complete. A compressed file was complete before its compression.
    fn ends_a_line(&self, raw: &Content) -> bool {
        let most = self.size.min(2);
        let end = fingerprint::read_at(raw, self.size - most, usize::try_from(most).unwrap_or(0));
        let is_line_end = |end: &[u8]| end.ends_with(b"\n") || end == b"\n\0";
        matches!(self.class, Class::Gzip(_)) || end.is_ok_and(|end| is_line_end(&end))
    }
}

impl TrackedFile {
    /// Whether the file begins with `length` bytes of `other`. Bytes that cannot be read prove nothing.
    ///
    /// # Errors
    /// When decompression has to continue first.
    pub(super) fn begins_with(&self, other: ContentFrom<'_>, length: u64) -> io::Result<bool> {
        let fits = matches!(self.handle, Content::Plain(_)) && self.handle.length().is_ok_and(|here| length <= here);
        if !fits {
            return Ok(false);
        }
        match content_matches(&self.handle, other, length) {
            Err(error) if !is_deferred(&error) => Ok(false),
            result => result,
        }
    }
}

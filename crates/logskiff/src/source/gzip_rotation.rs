//! Decides what a `.gz` is: a shipped file, the rest of a file that was not shipped to its end, or a new file.
//!
//! Its content decides. Once that is acknowledged, its compressed bytes identify it, so that it is decompressed once.

use std::io;
use std::time::Instant;

use super::content::Content;
use super::discovery::{Candidate, Naming};
use super::gzip_reader::is_deferred;
use super::quiet_files::clock_s;
use super::tracked_file::Displaced;
use super::unread::NOT_ROTATED;
use super::{ClosedFile, Event, FileSource, LostFile, Phase, TrackedFile, fingerprint};
use event::{CheckpointEntry, Fingerprint};

/// A `.gz` whose last write is further back than this many seconds is complete.
const COMPLETE_AFTER_S: i64 = 10;

/// A compressed file that was found, and its own bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundBytes<'f> {
    pub(super) found: &'f Candidate,
    /// The compressed bytes.
    pub(super) raw: &'f Content,
}

impl FileSource {
    /// Decides what an unknown `.gz` is. If a glob matches it, compressed or not, it is read even though no rotation
    /// was seen. At a first start the uncompressed name is no reason to read it.
    pub(super) fn admit_gzip(
        &mut self,
        input: usize,
        naming: Naming,
        file: &FoundBytes<'_>,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        let FoundBytes { found, raw } = *file;
        if found.size == 0 || self.match_settled_gzip(input, found, raw) {
            return;
        }
        let Ok(Content::Plain(packed)) = raw.raw() else { return };
        let former = self.unpacking.resume(found.inode);
        let gzip = former.unwrap_or_else(|| Content::gzip(packed, &self.unpacking.budget));
        let (Ok(head), Ok(length)) = (fingerprint::read_at(&gzip, 0, fingerprint::HEAD_BYTES), raw.trailer_length())
        else {
            return;
        };
        if head.is_empty() {
            if !self.keep_waiting(found, now) {
                let why = gzip.problem();
                self.skip_file(input, found, raw);
                if let Some(why) = why {
                    self.refuse(found.path.clone(), why, events);
                }
            }
            return;
        }
        // The original file is still open and read from there. Where it has grown since, its writer is not done with
        // it.
        match self.detect_copy(input, found, raw, &gzip, u64::from(length)) {
            Ok(false) => {}
            Ok(true) => return self.note_source(&head, length),
            Err(_) => return self.deferred(found, gzip, now),
        }
        match self.find_shipped(&gzip, length) {
            Ok(None) => {}
            Ok(Some(read_from_start)) => return self.remember_closed(input, found, raw, read_from_start),
            Err(_) => return self.deferred(found, gzip, now),
        }
        if self.end_of_shorter_copy(found, &gzip, u64::from(length)) == Some(u64::from(length)) {
            return self.skip_file(input, found, raw);
        }
        match self.find_lost_gzip(found, &gzip, length) {
            Ok(None) => {}
            Ok(Some(lost)) => return self.adopt_gzip(input, lost, file, gzip, now, events),
            Err(_) => return self.deferred(found, gzip, now),
        }
        if naming != Naming::Exact && self.schedule.predates_start() && !self.claim_rotated(input, found, events) {
            return self.skip_file(input, found, raw);
        }
        if self.keep_waiting(found, now) && !found.is_complete() {
            return;
        }
        let is_rotated = self.pending.waiting.remove(&found.inode).is_some_and(|waiting| waiting.rotated);
        if is_rotated || naming != Naming::Sibling {
            self.begin_new(input, found, gzip, 0, now, events);
        } else {
            self.refuse(found.path.clone(), NOT_ROTATED, events);
            self.skip_file(input, found, raw);
        }
    }

    /// The writer of the original file is done with it: it is compressed.
    fn note_source(&mut self, head: &[u8], length: u32) {
        let is_source = |file: &&mut TrackedFile| {
            file.placement.phase != Phase::Live && file.head() == head && len32(file.seen.size) == length
        };
        if let Some(source) = self.table.iter_mut().find(is_source) {
            source.placement.displaced = Displaced::Compressed;
        }
    }

    /// Whether the file was acknowledged before, in this run or the last one.
    fn match_settled_gzip(&mut self, input: usize, found: &Candidate, raw: &Content) -> bool {
        let is_same = |entry: &CheckpointEntry| {
            entry.offset == found.size && fingerprint::matches(raw, &entry.fingerprint).unwrap_or(false)
        };
        if let Some(closed) = self.index.closed.get_mut(&found.inode)
            && is_same(&closed.entry)
        {
            closed.changed = Some(found.changed);
            return true;
        }
        let Some(at) = self.index.lost.iter().position(|lost| lost.id.is_none() && is_same(&lost.entry)) else {
            return false;
        };
        let entry = self.index.lost.remove(at).entry;
        self.index.keep_closed(found.inode, ClosedFile { changed: Some(found.changed), input, entry });
        true
    }

    /// Whether it is the compressed form of a closed file, and if so, whether all of that file was shipped.
    ///
    /// # Errors
    /// When decompression has to continue first.
    pub(super) fn find_shipped(&self, gzip: &Content, length: u32) -> io::Result<Option<bool>> {
        let entries = self.index.closed.values().map(|closed| &closed.entry).chain(&self.index.deleted);
        let closed = entries
            .filter(|entry| entry.fingerprint.offset == entry.offset)
            .map(|entry| (entry.fingerprint, entry.read_from_start));
        let quiet = self.quiet_files().iter().map(|quiet| (quiet.fingerprint, quiet.whole));
        let is_alike = |print: &Fingerprint| print.head_bytes > 0 && len32(print.offset) == length;
        for (print, read_from_start) in closed.chain(quiet).filter(|(print, _)| is_alike(print)) {
            if matches_gzip(gzip, &print)? {
                return Ok(Some(read_from_start));
            }
        }
        Ok(None)
    }

    /// The lost file that became this one, once it is decompressed up to where reading continues.
    ///
    /// # Errors
    /// When decompression has to continue first.
    fn find_lost_gzip(&self, found: &Candidate, gzip: &Content, length: u32) -> io::Result<Option<usize>> {
        let mut last: Option<usize> = None;
        for (at, lost) in self.index.lost.iter().enumerate() {
            let (entry, print) = (&lost.entry, &lost.entry.fingerprint);
            let is_near =
                entry.path == found.path || found.may_hold(&entry.path, entry.offset) || entry.inode == found.inode;
            let is_later = last.is_none_or(|last| self.index.lost[last].entry.fingerprint.offset <= print.offset);
            if print.head_bytes > 0 && is_near && is_later && matches_gzip(gzip, print)? {
                last = Some(at);
            }
        }
        if let Some(lost) = last.map(|last| &self.index.lost[last])
            && !lost.ends_at(length)
            && let Err(error) = gzip.seek_to(lost.entry.offset)
            && is_deferred(&error)
        {
            return Err(error);
        }
        Ok(last)
    }

    /// Continues a lost file in this one.
    fn adopt_gzip(
        &mut self,
        input: usize,
        lost: usize,
        file: &FoundBytes<'_>,
        gzip: Content,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        let FoundBytes { found, raw } = *file;
        let Ok(length) = raw.trailer_length() else { return };
        let lost = self.index.lost.remove(lost);
        let read_from_start = lost.entry.read_from_start;
        self.rotations.note(&lost.entry.path, now);
        // Bytes that were written between the copy and the truncation are in neither file.
        if let Some(lost_bytes) = lost
            .entry
            .writes
            .size
            .checked_sub(length.into())
            .filter(|bytes| *bytes > 0 && lost.entry.writes.size <= u32::MAX.into())
        {
            events.push(Event::Lost(lost.entry.path.clone(), lost_bytes));
        }
        if lost.ends_at(length) {
            self.remember_closed(input, found, raw, read_from_start);
        } else {
            self.resume_lost(lost, found, input, gzip, now, events);
        }
    }
}

impl Candidate {
    /// Whether nobody writes to a `.gz` any more. A copy gets its original's time once it is complete.
    fn is_complete(&self) -> bool {
        clock_s() - self.modified.seconds > COMPLETE_AFTER_S
    }
}

impl LostFile {
    /// Whether it was acknowledged to its end, if its content has this many bytes.
    fn ends_at(&self, length: u32) -> bool {
        self.id.is_none() && len32(self.entry.offset) == length
    }
}

/// Whether its content matches a fingerprint.
///
/// # Errors
/// When decompression has to continue first. A file that cannot be read does not match.
fn matches_gzip(gzip: &Content, print: &Fingerprint) -> io::Result<bool> {
    match fingerprint::matches(gzip, print) {
        Err(error) if !is_deferred(&error) => Ok(false),
        result => result,
    }
}

/// A length as a `.gz` states it: modulo 2^32.
#[allow(clippy::cast_possible_truncation, reason = "the format keeps the low half")]
pub(super) fn len32(length: u64) -> u32 {
    length as u32
}

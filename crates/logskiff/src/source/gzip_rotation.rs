//! What a `.gz` is: a file that was shipped already, the rest of one that was not shipped to its end, or one never seen.
//!
//! It is known by what it unpacks to, and once that is settled by its own bytes, so that it is unpacked once.

use std::io;
use std::time::Instant;

use super::content::Content;
use super::discovery::{Candidate, Naming};
use super::gzip_reader::awaited;
use super::tracked_file::Displaced;
use super::{Event, FileSource, Known, LostFile, Phase, TrackedFile, fingerprint};
use event::{CheckpointEntry, Fingerprint};

impl FileSource {
    /// Decides what an unknown `.gz` is. One that a glob names, packed or unpacked, is read though no rotation was seen; but what it was
    /// before a first start is not told by its unpacked name.
    pub(super) fn admit_gzip(
        &mut self,
        (input, naming): (usize, Naming),
        found: &Candidate,
        raw: &Content,
        now: Instant,
    ) {
        if found.size == 0 || self.known_unpacked(input, found, raw) {
            return;
        }
        let Ok(Content::Plain(file)) = raw.raw() else { return };
        let former = self.unpacking.resume(found.inode);
        let gzip = former.unwrap_or_else(|| Content::gzip(file, &self.unpacking.allowance));
        let (Ok(head), Ok(length)) = (fingerprint::read_at(&gzip, 0, fingerprint::HEAD_BYTES), raw.told_length())
        else {
            return;
        };
        if head.is_empty() {
            if !self.waits(found, now) {
                let why = gzip.complaint();
                self.pass(input, found, raw);
                if let Some(why) = why {
                    self.refuse(found.path.clone(), why);
                }
            }
            return;
        }
        // What it was made of is still held, and read from there. Where it has grown since, its writer is not done with it.
        match self.is_copy(input, found, (raw, &gzip), u64::from(length)) {
            Ok(false) => {}
            Ok(true) => return self.note_source(&head, length),
            Err(_) => return self.put_off(found, gzip, now),
        }
        match self.is_shipped(&gzip, length) {
            Ok(None) => {}
            Ok(Some(whole)) => return self.know(input, found, raw, whole),
            Err(_) => return self.put_off(found, gzip, now),
        }
        if self.shorter_copy(found, &gzip, u64::from(length)) {
            return self.pass(input, found, raw);
        }
        match self.lost_from_sight(found, &gzip, length) {
            Ok(None) => {}
            Ok(Some(ghost)) => return self.adopt_gzip((input, ghost), found, (raw, gzip), length, now),
            Err(_) => return self.put_off(found, gzip, now),
        }
        if naming != Naming::Outright && self.is_before_us() && !self.is_ours(input, found) {
            return self.pass(input, found, raw);
        }
        if self.waits(found, now) {
            return;
        }
        let rotated = self.waiting.remove(&found.inode).is_some_and(|waiting| waiting.rotated);
        let is_new = !self.is_before_us() && (rotated || naming == Naming::Unpacked);
        if naming == Naming::Outright || is_new {
            self.begin_anew(input, found, gzip, 0, now);
        } else {
            self.pass(input, found, raw);
        }
    }

    /// The file that a `.gz` was made of is done with by its writer.
    fn note_source(&mut self, head: &[u8], length: u32) {
        let is_source =
            |file: &&mut TrackedFile| file.phase != Phase::Live && file.head() == head && len32(file.size) == length;
        if let Some(source) = self.files.iter_mut().flatten().find(is_source) {
            source.displaced = Displaced::Compressed;
        }
    }

    /// Whether the file was settled before, in this run or in the last one.
    fn known_unpacked(&mut self, input: usize, found: &Candidate, raw: &Content) -> bool {
        let is = |mark: &CheckpointEntry| {
            mark.offset == found.size && fingerprint::matches(raw, &mark.fingerprint).unwrap_or(false)
        };
        if let Some(known) = self.known.get_mut(&found.inode)
            && is(&known.mark)
        {
            known.changed = Some(found.changed);
            return true;
        }
        let Some(at) = self.ghosts.iter().position(|ghost| ghost.id.is_none() && is(&ghost.mark)) else { return false };
        let mark = self.ghosts.remove(at).mark;
        self.keep(found.inode, Known { changed: Some(found.changed), input, mark });
        true
    }

    /// Whether it unpacks to a file that was read to its end and closed; and if so, whether all of that one was shipped.
    ///
    /// # Errors
    /// When that is told later.
    pub(super) fn is_shipped(&self, gzip: &Content, length: u32) -> io::Result<Option<bool>> {
        let marks = self.known.values().map(|known| &known.mark).chain(&self.shipped);
        let closed =
            marks.filter(|mark| mark.fingerprint.offset == mark.offset).map(|mark| (mark.fingerprint, mark.whole));
        let quiet = self.quiet_files().iter().map(|quiet| (quiet.fingerprint, quiet.whole));
        let alike = |print: &Fingerprint| print.head_bytes > 0 && len32(print.offset) == length;
        for (print, whole) in closed.chain(quiet).filter(|(print, _)| alike(print)) {
            if holds(gzip, &print)? {
                return Ok(Some(whole));
            }
        }
        Ok(None)
    }

    /// The file that was lost from sight and became this one, once it is unpacked to where reading goes on.
    ///
    /// # Errors
    /// When that is told later.
    fn lost_from_sight(&self, found: &Candidate, gzip: &Content, length: u32) -> io::Result<Option<usize>> {
        let mut last: Option<usize> = None;
        for (at, ghost) in self.ghosts.iter().enumerate() {
            let (mark, print) = (&ghost.mark, &ghost.mark.fingerprint);
            let is_near =
                mark.path == found.path || found.may_hold(&mark.path, mark.offset) || mark.inode == found.inode;
            let is_later = last.is_none_or(|last| self.ghosts[last].mark.fingerprint.offset <= print.offset);
            if print.head_bytes > 0 && is_near && is_later && holds(gzip, print)? {
                last = Some(at);
            }
        }
        if let Some(ghost) = last.map(|last| &self.ghosts[last])
            && !ghost.is_whole(length)
            && let Err(error) = gzip.reach(ghost.mark.offset)
            && awaited(&error)
        {
            return Err(error);
        }
        Ok(last)
    }

    /// Goes on with a file that was lost from sight: this is what became of it.
    fn adopt_gzip(
        &mut self,
        (input, ghost): (usize, usize),
        found: &Candidate,
        (raw, gzip): (&Content, Content),
        length: u32,
        now: Instant,
    ) {
        let ghost = self.ghosts.remove(ghost);
        let whole = ghost.mark.whole;
        self.rotations.insert(ghost.mark.path.clone(), now);
        // What was written between the copy and the truncation is in neither.
        if let Some(lost_bytes) =
            ghost.mark.size.checked_sub(length.into()).filter(|bytes| *bytes > 0 && ghost.mark.size <= u32::MAX.into())
        {
            self.events.push(Event::Lost(ghost.mark.path.clone(), lost_bytes));
        }
        if ghost.is_whole(length) {
            self.know(input, found, raw, whole);
        } else {
            self.go_on(ghost, found, input, gzip, now);
        }
    }
}

impl LostFile {
    /// Whether it was settled to its end, where it unpacks to so many bytes.
    fn is_whole(&self, length: u32) -> bool {
        self.id.is_none() && len32(self.mark.offset) == length
    }
}

/// Whether it unpacks to what a fingerprint was taken of.
///
/// # Errors
/// When that is told later. What cannot be read is another file.
fn holds(gzip: &Content, print: &Fingerprint) -> io::Result<bool> {
    match fingerprint::matches(gzip, print) {
        Err(error) if !awaited(&error) => Ok(false),
        told => told,
    }
}

/// A length as a `.gz` says it: modulo 2^32.
#[allow(clippy::cast_possible_truncation, reason = "the format keeps the low half")]
pub(super) fn len32(length: u64) -> u32 {
    length as u32
}

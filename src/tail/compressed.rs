//! What a `.gz` is: a file that was shipped already, the rest of one that was not shipped to its end, or one never seen.
//!
//! It is known by what it unpacks to, and once that is settled by its own bytes, so that it is unpacked once.

use std::time::Instant;

use super::content::Content;
use super::discover::{Candidate, Naming};
use super::file::Displaced;
use super::{Event, Known, Phase, Tail, TailFile, identity};
use crate::record::Bookmark;

impl Tail {
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
        let gzip = Content::gzip(file);
        let (Ok(head), Ok(length)) = (identity::read_at(&gzip, 0, identity::HEAD_BYTES), raw.told_length()) else {
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
        if self.is_copy(input, found, (raw, &gzip), u64::from(length)) {
            let is_source =
                |file: &&mut TailFile| file.phase != Phase::Live && file.head() == head && len32(file.size) == length;
            if let Some(source) = self.files.iter_mut().flatten().find(is_source) {
                source.displaced = Displaced::Compressed;
            }
            return;
        }
        if let Some(whole) = self.is_shipped(&gzip, length) {
            return self.know(input, found, raw, whole);
        }
        if self.shorter_copy(found, &gzip, u64::from(length)) {
            return self.pass(input, found, raw);
        }
        let Err(gzip) = self.adopt_gzip(input, found, (raw, gzip), length, now) else { return };
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

    /// Whether the file was settled before, in this run or in the last one.
    fn known_unpacked(&mut self, input: usize, found: &Candidate, raw: &Content) -> bool {
        let is =
            |mark: &Bookmark| mark.offset == found.size && identity::matches(raw, &mark.fingerprint).unwrap_or(false);
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
    pub(super) fn is_shipped(&self, gzip: &Content, length: u32) -> Option<bool> {
        let mut marks = self.known.values().map(|known| &known.mark).chain(&self.shipped);
        let is = |mark: &&Bookmark| {
            mark.fingerprint.head_bytes > 0
                && len32(mark.offset) == length
                && mark.fingerprint.offset == mark.offset
                && identity::matches(gzip, &mark.fingerprint).unwrap_or(false)
        };
        marks.find(is).map(|mark| mark.whole)
    }

    /// Goes on with a file that was lost from sight, if this is what became of it.
    fn adopt_gzip(
        &mut self,
        input: usize,
        found: &Candidate,
        (raw, gzip): (&Content, Content),
        length: u32,
        now: Instant,
    ) -> Result<(), Content> {
        let matching = self.ghosts.iter().enumerate().filter(|(_, ghost)| {
            let (mark, print) = (&ghost.mark, &ghost.mark.fingerprint);
            print.head_bytes > 0
                && (mark.path == found.path || found.may_hold(&mark.path, mark.offset) || mark.inode == found.inode)
                && identity::matches(&gzip, print).unwrap_or(false)
        });
        let Some((at, _)) = matching.max_by_key(|(_, ghost)| ghost.mark.fingerprint.offset) else { return Err(gzip) };
        let ghost = self.ghosts.remove(at);
        let whole = ghost.mark.whole;
        self.rotations.insert(ghost.mark.path.clone(), now);
        // What was written between the copy and the truncation is in neither.
        if let Some(lost_bytes) =
            ghost.mark.size.checked_sub(length.into()).filter(|bytes| *bytes > 0 && ghost.mark.size <= u32::MAX.into())
        {
            self.events.push(Event::Lost(ghost.mark.path.clone(), lost_bytes));
        }
        if ghost.id.is_none() && len32(ghost.mark.offset) == length {
            self.know(input, found, raw, whole);
        } else {
            self.go_on((ghost.id, ghost.mark), input, gzip, now);
            if let Some(file) = self.open_mut(found.inode) {
                file.whole = whole;
            }
        }
        Ok(())
    }
}

/// A length as a `.gz` says it: modulo 2^32.
#[allow(clippy::cast_possible_truncation, reason = "the format keeps the low half")]
pub(super) fn len32(length: u64) -> u32 {
    length as u32
}

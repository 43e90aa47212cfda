//! Files that hold what an open file holds: rotated copies of it, plain or compressed, and what was copied to the end of another.
//!
//! Enters: open files, and what is found. Leaves: what is not to be read, since it is read from the open file. A copy is proved by its
//! bytes, as far as they are compared, and by its name; as soon as either of the two files changes it is looked at anew.

use std::io;
use std::time::Instant;

use super::content::Content;
use super::discovery::{Candidate, Class};
use super::gzip_reader::awaited;
use super::gzip_rotation::len32;
use super::replaced::alike;
use super::{COPY_AWAITED, FileSource, Known, Phase, TrackedFile, Waiting, fingerprint};
use event::{Boundary, CheckpointEntry, FileId, Inode, Progress, Watermark};

/// So many bytes that one file grew by and another begins with, or that a closed file holds as well, are a copy; fewer may be lines
/// that both got.
const COPIED_BYTES_MIN: u64 = 1024;

/// A file that holds nothing but what an open one holds.
#[derive(Debug)]
pub(super) struct Copy {
    /// The open one.
    of: FileId,
    /// When the copy last changed.
    changed: (i64, i64),
    /// So much of the open one is in it.
    length: u64,
    /// All of that was read of the open one when they were compared, and it ends with a line: it is proved for good, and what is added
    /// to it begins a line.
    read: bool,
    input: usize,
    /// How it is known once the open one is settled.
    mark: CheckpointEntry,
}

/// What a known file grew by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// Nothing that is known.
    Own,
    /// What an open file holds, as far as it goes.
    Copy,
    /// Up to this offset what was read of a file that is not there any more.
    Until(u64),
}

impl FileSource {
    /// Whether what is found is proved to be a copy, and has not changed since.
    pub(super) fn is_known_copy(&self, found: &Candidate) -> bool {
        self.copies.get(&found.inode).is_some_and(|copy| copy.read && copy.changed == found.changed)
    }

    /// Whether what is found, which unpacks to `content` of `length` bytes, holds nothing but what an open file holds.
    ///
    /// # Errors
    /// When that is told later.
    pub(super) fn is_copy(
        &mut self,
        input: usize,
        found: &Candidate,
        (raw, content): (&Content, &Content),
        length: u64,
    ) -> io::Result<bool> {
        let packed = content.is_gzip();
        let named = |file: &TrackedFile| found.surely_kept_from(&file.path, 0) || (packed && file.phase != Phase::Live);
        let mut of = None;
        for file in self.files().filter(|file| length > 0 && named(file)) {
            if file.begins_with((content, 0), length)? {
                of = Some(file.id);
                break;
            }
        }
        if let Some(of) = of {
            self.note_copy(of, input, found, raw, length);
            return Ok(true);
        }
        if let Some(copy) = self.copies.remove(&found.inode).filter(|copy| copy.read)
            && !packed
            && (found.class != Class::Match || found.is_marked())
            && fingerprint::matches(content, &copy.mark.fingerprint).unwrap_or(false)
        {
            // Something was added to it: the next look reads on where it was a copy.
            self.keep(found.inode, Known { changed: None, input, mark: copy.mark });
            self.reconcile_due = true;
            return Ok(true);
        }
        // A copy of a copy, as where `app.log.1` is copied to `app.log.2`. While nobody looked it may as well be another run's log.
        let closed = || found.is_surely_rotated() && length >= COPIED_BYTES_MIN && !self.first && !packed;
        let whole = if closed() { self.is_shipped(content, len32(length))? } else { None };
        if let Some(whole) = whole {
            self.know(input, found, raw, whole);
        }
        Ok(whole.is_some())
    }

    fn note_copy(&mut self, of: FileId, input: usize, found: &Candidate, raw: &Content, length: u64) {
        let is_read =
            |file: &TrackedFile| file.position().offset >= length && (length == file.size || found.ends_a_line(raw));
        let read = self.file(of).is_some_and(is_read);
        if let Some(mark) = self.mark_of(found, raw, false) {
            self.copies.insert(found.inode, Copy { of, changed: found.changed, length, read, input, mark });
        }
    }

    /// What a file that was read to `from` grew by: `cat app.log >> app.log.1` copies what is read already.
    pub(super) fn appended(
        &mut self,
        input: usize,
        found: &Candidate,
        handle: &Content,
        from: u64,
        now: Instant,
    ) -> Appended {
        let Some(length) = found.size.checked_sub(from).filter(|length| *length > 0) else { return Appended::Own };
        let gone = self.ghosts.iter_mut().filter(|ghost| {
            let print = &ghost.mark.fingerprint;
            ghost.mark.inode != found.inode
                && (1..=length).contains(&print.offset)
                && (ghost.id.is_some() || print.offset >= COPIED_BYTES_MIN)
                && found.rotated_from(&ghost.mark.path)
                && fingerprint::matches_from(handle, from, print).unwrap_or(false)
        });
        if let Some(ghost) = gone.max_by_key(|ghost| ghost.mark.fingerprint.offset) {
            let read = ghost.mark.fingerprint.offset;
            if ghost.mark.size <= length {
                // The rest of it is read here.
                ghost.mark.size = read;
            }
            return Appended::Until(from + read);
        }
        let holds = |file: &&TrackedFile| {
            found.rotated_from(&file.path) && file.begins_with((handle, from), length).unwrap_or(false)
        };
        let Some((of, whole)) = self.files().find(holds).map(|file| (file.id, file.size)) else { return Appended::Own };
        if length >= COPIED_BYTES_MIN {
            self.note_copy(of, input, found, handle, length);
            return Appended::Copy;
        }
        if length == whole && self.waits(found, now) { Appended::Copy } else { Appended::Own }
    }

    /// A file is gone on with at `at`, or behind what was copied to its end; `None` where all that it grew by is a copy.
    pub(super) fn behind_copy(
        &mut self,
        input: usize,
        found: &Candidate,
        handle: &Content,
        at: Watermark,
        now: Instant,
    ) -> Option<Watermark> {
        match self.appended(input, found, handle, at.offset, now) {
            Appended::Own => Some(at),
            Appended::Copy => None,
            Appended::Until(offset) => Some(Watermark { offset, boundary: Boundary::LineStart }),
        }
    }

    /// The copies of a file that is settled hold nothing that is not.
    pub(super) fn settle_copies(&mut self, of: FileId, whole: bool) {
        for (inode, copy) in self.take_copies(of) {
            let mark = CheckpointEntry { whole, ..copy.mark };
            self.keep(inode, Known { changed: Some(copy.changed), input: copy.input, mark });
        }
    }

    /// What was read of a file is gone from it. A copy that was made before so much was read holds nothing new; any other may hold
    /// what was not.
    pub(super) fn let_copies_go(&mut self, of: FileId, read: u64) {
        for (inode, copy) in self.take_copies(of) {
            if copy.length < read {
                self.keep(inode, Known { changed: Some(copy.changed), input: copy.input, mark: copy.mark });
            }
        }
    }

    /// The proved copies of a file; none is kept.
    fn take_copies(&mut self, of: FileId) -> Vec<(Inode, Copy)> {
        self.copies.extract_if(|_, copy| copy.of == of).filter(|(_, copy)| copy.read).collect()
    }

    /// For the checkpoint: copies of what is settled. One that holds all that was read is known by the other's own place.
    pub(super) fn settled_copies(&self, settled: impl Fn(FileId) -> Progress) -> impl Iterator<Item = CheckpointEntry> {
        let shorter =
            self.copies.values().filter(move |copy| copy.read && settled(copy.of).watermark.offset > copy.length);
        shorter.filter_map(|copy| Some(CheckpointEntry { whole: self.file(copy.of)?.whole, ..copy.mark.clone() }))
    }

    /// Whether the file is the copy of one that was truncated, made before we had read so far: it holds nothing new. Over a restart
    /// this is not told from another file that begins alike.
    pub(super) fn shorter_copy(&self, found: &Candidate, handle: &Content, size: u64) -> bool {
        // Another live log may begin with the same banner: `app-2.log`, or one with a date in its name.
        let may_be = found.class != Class::Match || found.is_marked();
        may_be
            && self.ghosts.iter().any(|ghost| {
                let print = &ghost.mark.fingerprint;
                ghost.id.is_some()
                    && ghost.mark.inode != found.inode
                    && size < print.offset
                    && found.surely_rotated_from(&ghost.mark.path)
                    && if size < u64::from(print.head_bytes) {
                        fingerprint::read_at(handle, 0, fingerprint::HEAD_BYTES)
                            .is_ok_and(|head| ghost.head.starts_with(&head))
                    } else {
                        fingerprint::begins_alike(handle, print).unwrap_or(false)
                    }
            })
    }

    /// Whether a file is to be left alone for now: it may be a copy in the making, or the sign of a rotation is not there
    /// yet.
    pub(super) fn wait(&mut self, found: &Candidate, handle: &Content, now: Instant) -> bool {
        let original =
            self.files().filter(|file| file.phase == Phase::Live && found.may_hold(&file.path, file.position().offset));
        let copy = { original }.any(|file| !file.head().is_empty() && file.is_copied_by(handle).unwrap_or(false));
        let was_named = || self.waiting.get(&found.inode).is_some_and(|waiting| waiting.named);
        let early = found.class == Class::Sibling && !self.is_before_us() && !self.rotated(found) && !was_named();
        if !copy && !early {
            return false;
        }
        self.waits(found, now)
    }

    /// Whether a file is younger, or has grown more lately, than a copy or a rotation may take.
    pub(super) fn waits(&mut self, found: &Candidate, now: Instant) -> bool {
        let rotated = self.rotated(found) || found.history;
        let anew = Waiting { since: now, size: found.size, rotated, named: found.class == Class::Match };
        let waiting = self.waiting.entry(found.inode).or_insert(anew);
        waiting.named |= anew.named;
        if waiting.size != found.size {
            *waiting = Waiting { rotated: rotated || waiting.rotated, named: waiting.named, ..anew };
        }
        now.saturating_duration_since(waiting.since) < COPY_AWAITED
    }

    /// Whether what is found holds what was read of a file that was truncated, and more of it than up to this offset: it was half made
    /// when it was last seen.
    pub(super) fn has_grown_to_copy(&self, found: &Candidate, handle: &Content, offset: u64) -> bool {
        self.ghosts.iter().any(|ghost| {
            let print = &ghost.mark.fingerprint;
            ghost.id.is_some()
                && print.offset > offset
                && found.may_hold(&ghost.mark.path, print.offset)
                && fingerprint::matches(handle, print).unwrap_or(false)
        })
    }

    /// Whether an open file that this may be a copy of holds all that it holds.
    pub(super) fn holds_all(&self, found: &Candidate, handle: &Content, length: u64) -> bool {
        let related = |file: &TrackedFile| file.path == found.path || found.may_hold(&file.path, 0);
        self.files().any(|file| related(file) && file.begins_with((handle, 0), length).unwrap_or(false))
    }
}

impl Candidate {
    /// Whether the last line of what is found is whole: it is not half made. What is compressed was whole before.
    fn ends_a_line(&self, raw: &Content) -> bool {
        let most = self.size.min(2);
        let end = fingerprint::read_at(raw, self.size - most, usize::try_from(most).unwrap_or(0));
        let ends = |end: &[u8]| end.ends_with(b"\n") || end == b"\n\0";
        matches!(self.class, Class::Gzip(_)) || end.is_ok_and(|end| ends(&end))
    }
}

impl TrackedFile {
    /// Whether the file begins with `length` bytes that `other` holds from an offset on. What cannot be read is not proved.
    ///
    /// # Errors
    /// When that is told later.
    fn begins_with(&self, other: (&Content, u64), length: u64) -> io::Result<bool> {
        let fits = matches!(self.handle, Content::Plain(_)) && self.handle.length().is_ok_and(|here| length <= here);
        if !fits {
            return Ok(false);
        }
        match alike(&self.handle, other, length) {
            Err(error) if !awaited(&error) => Ok(false),
            told => told,
        }
    }
}

//! Finds out what happened to a file's content: another file with the same bytes replaced it, or other bytes overwrote
//! it.
//!
//! Input: open files, and the files that are found under their names. Output: the offset from which the found file is
//! new. A file that is not proved to hold the same bytes is read from its start.

use std::cmp::Reverse;
use std::io;
use std::time::Instant;

use super::content::Content;
use super::discovery::{Candidate, Class};
use super::pending_files::HeldFile;
use super::tracked_file::Displaced;
use super::{COPY_PATIENCE, ClosedFile, Event, FileSource, Phase, TrackedFile, fingerprint};
use event::{FileId, Inode};

/// How many bytes of two files are compared at their starts, and before an offset.
const COMPARED_BYTES: usize = 64 * 1024;

/// At most this many waiting files are held open.
const HELD_MAX: usize = 64;

/// How many bytes at the start decide whether a file is text.
const TEXT_CHECK_BYTES: usize = 1024;

pub(super) const OVERWRITTEN: &str = "a rotated file that was overwritten: its present content is not a log";

/// A file that replaced a deleted file and holds its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    /// The offset in bytes from which it is new.
    pub(super) offset: u64,
    /// The deleted file.
    of: FileId,
    /// It is complete, and the deleted file is fully read and acknowledged. A replacement that is deleted before that
    /// is read anyway.
    pub(super) is_ready: bool,
}

impl FileSource {
    /// Keeps the handle of a waiting file that has to be read, while there are descriptors.
    pub(super) fn hold(&mut self, input: usize, found: &Candidate, handle: Content) {
        if self.pending.held.len() < HELD_MAX && self.files().count() < self.open_max() {
            self.pending.held.insert(found.inode, HeldFile { input, found: found.clone(), handle });
        }
    }

    /// The same, if a glob matches the file; another file may not have to be read.
    pub(super) fn hold_named(&mut self, input: usize, found: &Candidate, handle: Content) {
        if found.class == Class::Match {
            self.hold(input, found, handle);
        }
    }

    /// Reads a waiting file that was deleted, except for bytes that are in another file.
    pub(super) fn read_held(
        &mut self,
        HeldFile { input, found, handle }: HeldFile,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        let Err(handle) = self.adopt(input, &found, handle, now, events) else { return };
        let length = handle.length().unwrap_or(0);
        let elsewhere = |file: &TrackedFile| {
            let print = file.fingerprint();
            let holds_more = || file.handle.length().is_ok_and(|whole| whole >= length);
            let is_rest =
                || file.placement.phase != Phase::Live && print.offset > 0 && file.path != found.path && holds_more();
            found.may_hold(&file.path, 0) && is_rest() && fingerprint::matches(&handle, &print).unwrap_or(false)
        };
        if length == 0 || self.is_held_by_open_file(&found, &handle, length) || self.files().any(elsewhere) {
            return;
        }
        let replacement = self.find_replacement(&found, &handle, now);
        self.pending.waiting.remove(&found.inode);
        let offset = replacement.map_or(0, |replacement| replacement.offset);
        self.begin_new(input, &found, handle, offset, now, events);
        self.link_predecessor(found.inode, replacement);
    }

    /// Whether a file is a new file with the content of a deleted one, as `rsync`, `sed -i` and `kubectl cp` make it.
    pub(super) fn find_replacement(
        &mut self,
        found: &Candidate,
        handle: &Content,
        now: Instant,
    ) -> Option<Replacement> {
        let replaced = |file: &&TrackedFile| {
            file.placement.phase == Phase::Deleted
                && !file.handle.is_stream()
                && file.handle.length().is_ok_and(|length| length > 0)
                && (file.path == found.path || found.surely_kept_from(&file.path, 0))
        };
        let here = handle.length().ok().filter(|length| *length > 0)?;
        let is_alike = |file: &TrackedFile| {
            let whole = file.handle.length().unwrap_or(0);
            content_matches(&file.handle, ContentFrom::start(handle), here.min(whole)).unwrap_or(false)
        };
        // A file under the same name was made from the last one that was deleted there. A rotated copy may come from
        // any of them.
        let order =
            |file: &TrackedFile| (file.placement.displaced != Displaced::No, Reverse(file.placement.phase_since));
        let mut formers: Vec<&TrackedFile> = self.files().filter(replaced).collect();
        formers.sort_by_key(|file| order(file));
        let is_last = |file: &TrackedFile| file.path != found.path || order(file) == order(formers[0]);
        let candidates = formers.iter().filter(|file| is_last(file) && is_alike(file));
        let former = candidates.max_by_key(|file| file.handle.length().unwrap_or(0))?;
        let (of, whole, read) = (former.id, former.handle.length().ok()?, former.position());
        if here < whole {
            return self.keep_waiting(found, now).then_some(Replacement { offset: 0, of, is_ready: false });
        }
        // After a crash, unacknowledged bytes of the deleted file are read from here: the file must wait for them.
        // Records that an output refuses for long do not delay the rest.
        let may_come_back =
            !former.is_settled() && now.saturating_duration_since(former.placement.changed_at) < COPY_PATIENCE;
        let is_ready = read.offset >= whole && !may_come_back;
        Some(Replacement { offset: if is_ready { read.offset } else { whole }, of, is_ready })
    }

    /// Notes which file this one replaced: its unacknowledged bytes are read here if the process ends early.
    pub(super) fn link_predecessor(&mut self, inode: Inode, replacement: Option<Replacement>) {
        let Some(Replacement { offset: 1.., of, .. }) = replacement else { return };
        let Some(former) = self.file(of) else { return };
        let formers = former.lineage.formers.iter().copied().chain([of]).collect();
        if let Some(file) = self.open_mut(inode) {
            file.lineage.formers = formers;
        }
    }

    /// Whether a file replaced one of `files`.
    #[must_use]
    pub fn replaced_any<'f>(&self, id: FileId, files: impl IntoIterator<Item = &'f FileId>) -> bool {
        let Some(file) = self.file(id) else { return false };
        let formers = &file.lineage.formers;
        !formers.is_empty() && files.into_iter().any(|other| formers.contains(other))
    }

    /// Whether a file that was read and closed under a rotated name now holds other bytes that are not text: `shred`
    /// writes such bytes before it deletes a file. A new file may have the same inode: the birth time decides.
    pub(super) fn refuse_overwritten(
        &mut self,
        input: usize,
        found: &Candidate,
        handle: &Content,
        events: &mut Vec<Event>,
    ) -> bool {
        let Some(ClosedFile { entry, .. }) = self.index.closed.get(&found.inode) else { return false };
        let in_its_place = found.class == Class::Match && entry.path == found.path;
        if in_its_place
            || entry.offset == 0
            || found.size < entry.offset
            || !self.index.is_file_of(entry, handle)
            || is_text(handle)
        {
            return false;
        }
        let read_from_start = entry.read_from_start;
        self.remember_closed(input, found, handle, read_from_start);
        self.refuse(found.path.clone(), OVERWRITTEN, events);
        true
    }
}

impl TrackedFile {
    /// Whether a changed file was overwritten after its rotation, and not started again.
    pub(super) fn is_overwritten(&self) -> bool {
        let is_shorter = self.handle.length().is_ok_and(|length| length < self.position().offset);
        self.placement.displaced != Displaced::No && !is_shorter
    }
}

/// Whether a file begins like a log. A program may start a new log in a rotated file.
fn is_text(file: &Content) -> bool {
    let Ok(start) = fingerprint::read_at(file, 0, TEXT_CHECK_BYTES) else { return true };
    // The last character may be incomplete.
    let is_utf8 = std::str::from_utf8(&start).map_or_else(|error| error.error_len().is_none(), |_| true);
    is_utf8 && !start.contains(&0)
}

/// The bytes of a file from an offset on.
#[derive(Clone, Copy, Debug)]
pub(super) struct ContentFrom<'c> {
    pub(super) content: &'c Content,
    pub(super) offset: u64,
}

impl<'c> ContentFrom<'c> {
    /// All bytes of a file.
    pub(super) fn start(content: &'c Content) -> Self {
        Self { content, offset: 0 }
    }
}

/// Whether a file begins with the `length` bytes of `other`. Only the first and the last of them are compared.
pub(super) fn content_matches(one: &Content, other: ContentFrom<'_>, length: u64) -> io::Result<bool> {
    let most = usize::try_from(length).unwrap_or(usize::MAX).min(COMPARED_BYTES);
    for at in [0, length - most as u64] {
        if fingerprint::read_at(one, at, most)? != fingerprint::read_at(other.content, other.offset + at, most)? {
            return Ok(false);
        }
    }
    Ok(true)
}

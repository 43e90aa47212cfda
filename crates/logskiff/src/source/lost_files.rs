//! Files without a handle: those that were closed, and those whose content is no longer where it was.
//!
//! Enters: files that are let go, and the checkpoint's. Leaves: what a file that is found can be held against, and what the next
//! checkpoint says of them. Nothing here opens a file.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::content::Content;
use super::discovery::Candidate;
use super::{Event, FileSource, Phase, TrackedFile, fingerprint};
use event::{CheckpointEntry, FileId, Inode, Progress, Watermark};

/// How long a truncated or vanished file's content is looked for under another name.
const GHOST_KEPT: Duration = Duration::from_secs(10);
/// So many files that are gone are remembered, so that what was compressed of them is known.
const SHIPPED_MAX: usize = 256;
/// So many closed files are remembered, so that they are not read again.
const KNOWN_MAX: usize = 20_000;

/// A file whose content is no longer where it was: truncated, or not there after a restart. A copy of it may appear.
#[derive(Debug)]
pub(super) struct LostFile {
    /// Its number, while this process has read from it.
    pub(super) id: Option<FileId>,
    pub(super) mark: CheckpointEntry,
    /// Its first bytes, while this process has read from it.
    pub(super) head: Vec<u8>,
    /// So many bytes behind the mark are settled all the same.
    pub(super) settled_bytes: u64,
    pub(super) since: Instant,
    /// Those whose account is of what stands before it began, and where it did.
    pub(super) formers: Vec<FileId>,
    pub(super) began_at: u64,
    /// What one of those has to read again is read from here, once it is found.
    pub(super) again: Option<Watermark>,
}

impl LostFile {
    /// A file as the checkpoint tells of it.
    pub(super) fn of_checkpoint(mark: CheckpointEntry, since: Instant) -> Self {
        Self {
            id: None,
            mark,
            head: Vec::new(),
            settled_bytes: 0,
            since,
            formers: Vec::new(),
            began_at: 0,
            again: None,
        }
    }

    /// An open file that is to be closed, though it is not settled; `mark` is its place.
    pub(super) fn of_open(file: &TrackedFile, mark: CheckpointEntry, since: Instant) -> Self {
        let (head, formers) = (file.head().to_vec(), file.formers.clone());
        Self { id: Some(file.id), head, formers, began_at: file.began_at, ..Self::of_checkpoint(mark, since) }
    }
}

/// A file that is read to its end and closed.
#[derive(Debug)]
pub(super) struct Known {
    /// When its metadata last changed, if that was seen: nothing to look at while it is the same.
    pub(super) changed: Option<(i64, i64)>,
    pub(super) input: usize,
    pub(super) mark: CheckpointEntry,
}

impl FileSource {
    /// Lets go of a file that is settled. It is remembered while its name exists.
    pub fn close(&mut self, id: FileId) {
        let Some(mut file) = self.files.get_mut(id.0 as usize).and_then(Option::take) else { return };
        if file.handle.is_stream() {
            return;
        }
        self.release_id(id);
        self.settle_copies(id, file.whole);
        let Ok(mark) = file.closing_entry() else { return };
        if file.phase == Phase::Deleted {
            self.remember(mark);
        } else if self.known.len() < KNOWN_MAX {
            self.keep(file.inode, Known { changed: None, input: file.input, mark });
        }
    }

    /// A file that is found again though it was gone from sight for a while, as with its directory, is known as it was.
    pub(super) fn see_again(&mut self, input: usize, found: &Candidate, handle: &Content) {
        let is = |mark: &CheckpointEntry| mark.inode == found.inode && self.is_file_of(mark, handle);
        if !self.known.contains_key(&found.inode)
            && let Some(mark) = self.shipped.iter().position(is).and_then(|at| self.shipped.remove(at))
        {
            self.known.insert(found.inode, Known { changed: None, input, mark });
        }
    }

    /// Goes on with the content of a file that was lost from sight.
    pub(super) fn go_on(
        &mut self,
        LostFile { id, mark, formers, began_at, again, .. }: LostFile,
        found: &Candidate,
        input: usize,
        handle: Content,
        now: Instant,
    ) {
        let at = mark.progress(|print| !handle.is_gzip() && fingerprint::matches(&handle, print).unwrap_or(false));
        let CheckpointEntry { path, origin, incarnation, whole, .. } = mark;
        match id {
            // Its spans may be pending: it keeps its number, and the ledger its account.
            Some(id) => self.resume((id, input, path, handle), at.watermark, (origin, incarnation), now),
            None => self.begin((input, path, handle), at, origin, incarnation, now),
        }
        let Some(file) = self.open_mut(found.inode) else { return };
        file.whole = whole;
        if let Some(id) = id.filter(|id| *id == file.id) {
            (file.formers, file.began_at) = (formers, began_at);
            if again.is_some() {
                self.begin_at(id, again, now);
            }
        }
    }

    fn resume(
        &mut self,
        (id, input, path, handle): (FileId, usize, PathBuf, Content),
        at: Watermark,
        (origin, incarnation): (String, u32),
        now: Instant,
    ) {
        match TrackedFile::new((id, input, path.clone(), handle), at, origin, incarnation, now) {
            Ok(mut file) => {
                file.phase = Phase::Rotated;
                self.place(file);
            }
            Err(error) => {
                self.reserved.push((id, path.clone(), at.offset));
                self.refuse(path, &error.to_string());
            }
        }
    }

    /// Ends the wait for what was not found in time. Returns the numbers that are free once they are settled.
    pub fn expire_lost(&mut self, now: Instant) -> Vec<FileId> {
        let unpacks = self.unpacking.is_awaited();
        let (expired, kept): (Vec<_>, Vec<_>) =
            // What waits for room is not gone, nor what may be in a file that is being unpacked.
            self.ghosts.drain(..).partition(|ghost| {
                !unpacks && now.saturating_duration_since(ghost.since) >= GHOST_KEPT && !self.room.waiting.contains_key(&ghost.mark.inode)
            });
        self.ghosts = kept;
        for ghost in &expired {
            let lost_bytes = ghost.mark.size.saturating_sub(ghost.mark.offset + ghost.settled_bytes);
            if lost_bytes > 0 {
                self.events.push(Event::Lost(ghost.mark.path.clone(), lost_bytes));
            } else if ghost.id.is_none() {
                self.events.push(Event::Vanished(ghost.mark.path.clone()));
            }
        }
        for LostFile { id, mark, .. } in expired {
            match id {
                Some(id) => self.reserved.push((id, mark.path, mark.offset)),
                None => self.remember(mark),
            }
        }
        self.reserved.iter().map(|(id, ..)| *id).collect()
    }

    /// Frees the number of a file without handle, once it is settled.
    pub fn release_id(&mut self, id: FileId) {
        self.reserved.retain(|(reserved, ..)| *reserved != id);
        for file in self.files.iter_mut().flatten() {
            file.formers.retain(|former| *former != id);
        }
        for ghost in &mut self.ghosts {
            ghost.formers.retain(|former| *former != id);
        }
    }

    /// Every file's place for the checkpoint; `settled` says how far a numbered one is settled.
    pub fn checkpoint_entries(&mut self, settled: impl Fn(FileId) -> Progress) -> Vec<CheckpointEntry> {
        // What replaced a file holds what it held.
        let replaced: HashSet<FileId> = self.files().flat_map(|file| file.formers.iter().copied()).collect();
        // What stands before an end that was written anew, or before a replacement, may have yet to be settled.
        let former = |file: &TrackedFile| Some((file.id, self.unsettled(&file.formers, file.began_at, &settled)?));
        let mut former: HashMap<FileId, Progress> = self.files().filter_map(former).collect();
        let again = |file: &&mut TrackedFile| !file.handle.is_stream() && !replaced.contains(&file.id);
        let open = self.files.iter_mut().flatten().filter(again).map(|file| {
            let at = former.remove(&file.id).unwrap_or_else(|| settled(file.id));
            file.checkpoint_entry(at)
        });
        let mut bookmarks: Vec<CheckpointEntry> = open.collect();
        bookmarks.extend(self.ghosts.iter().map(|ghost| {
            let former = self.unsettled(&ghost.formers, ghost.began_at, &settled).map(|former| former.watermark);
            let own = || ghost.id.map_or_else(|| ghost.mark.watermark(), |id| settled(id).watermark);
            let at = former.unwrap_or_else(own);
            CheckpointEntry { offset: at.offset, boundary: at.boundary, ..ghost.mark.clone() }
        }));
        bookmarks.extend(self.known.values().map(|known| known.mark.clone()));
        bookmarks.extend(self.settled_copies(&settled));
        for mark in &mut bookmarks {
            mark.real = self.real.get(&mark.inode).cloned().or(mark.real.take());
        }
        bookmarks
    }

    /// How far the first is settled of the accounts before one that began at `began_at`, if it is not settled to where the next of them
    /// began.
    fn unsettled(&self, formers: &[FileId], began_at: u64, settled: impl Fn(FileId) -> Progress) -> Option<Progress> {
        let of_lost = |id| self.ghosts.iter().find(|ghost| ghost.id == Some(id)).map(|ghost| ghost.began_at);
        let began = |id: &FileId| self.file(*id).map(|file| file.began_at).or_else(|| of_lost(*id));
        let next = |at: usize| formers.get(at + 1).and_then(began).unwrap_or(began_at);
        let open = formers.iter().enumerate().map(|(at, id)| (settled(*id), next(at)));
        let open = open.filter(|(former, next)| former.watermark.offset < *next).map(|(former, _)| former);
        open.min_by_key(|former| former.watermark.offset)
    }

    /// How many there are of them: what a save costs.
    #[must_use]
    pub fn checkpoint_entry_count(&self) -> usize {
        self.files.len() + self.ghosts.len() + self.known.len() + self.copies.len()
    }

    /// Remembers a file by its inode. Of the file that had that before, a compressed copy may be there.
    pub(super) fn keep(&mut self, inode: Inode, known: Known) {
        let print = known.mark.fingerprint;
        if let Some(former) = self.known.insert(inode, known).filter(|former| former.mark.fingerprint != print) {
            self.remember(former.mark);
        }
    }

    /// Keeps what is known of a file that is gone.
    pub(super) fn remember(&mut self, mark: CheckpointEntry) {
        if mark.fingerprint.head_bytes > 0 {
            self.shipped.truncate(SHIPPED_MAX - 1);
            self.shipped.push_front(mark);
        }
    }
}

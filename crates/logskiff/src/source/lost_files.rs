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
const LOST_KEPT: Duration = Duration::from_secs(10);
/// So many files that are gone are remembered, so that what was compressed of them is known.
const SHIPPED_MAX: usize = 256;
/// So many closed files are remembered, so that they are not read again.
const CLOSED_MAX: usize = 20_000;

/// A file whose content is no longer where it was: truncated, or not there after a restart. A copy of it may appear.
#[derive(Debug)]
pub(super) struct LostFile {
    /// Its number, while this process has read from it.
    pub(super) id: Option<FileId>,
    pub(super) entry: CheckpointEntry,
    /// Its first bytes, while this process has read from it.
    pub(super) head: Vec<u8>,
    /// So many bytes behind the mark are settled all the same.
    pub(super) settled_bytes: u64,
    pub(super) since: Instant,
    /// Those whose account is of what stands before it began, and where it did.
    pub(super) formers: Vec<FileId>,
    pub(super) began_at: u64,
    /// What one of those has to read again is read from here, once it is found.
    pub(super) reread_from: Option<Watermark>,
}

impl LostFile {
    /// A file as the checkpoint tells of it.
    pub(super) fn from_checkpoint(entry: CheckpointEntry, since: Instant) -> Self {
        Self {
            id: None,
            entry,
            head: Vec::new(),
            settled_bytes: 0,
            since,
            formers: Vec::new(),
            began_at: 0,
            reread_from: None,
        }
    }

    /// An open file that is to be closed, though it is not settled; `mark` is its place.
    pub(super) fn from_open(file: &TrackedFile, entry: CheckpointEntry, since: Instant) -> Self {
        let (head, formers) = (file.head().to_vec(), file.formers.clone());
        Self { id: Some(file.id), head, formers, began_at: file.began_at, ..Self::from_checkpoint(entry, since) }
    }
}

/// A file that is read to its end and closed.
#[derive(Debug)]
pub(super) struct ClosedFile {
    /// When its metadata last changed, if that was seen: nothing to look at while it is the same.
    pub(super) changed: Option<(i64, i64)>,
    pub(super) input: usize,
    pub(super) entry: CheckpointEntry,
}

impl FileSource {
    /// Lets go of a file that is settled. It is remembered while its name exists.
    pub fn close(&mut self, id: FileId) {
        let Some(mut file) = self.files.get_mut(id.0 as usize).and_then(Option::take) else { return };
        if file.handle.is_stream() {
            return;
        }
        self.release_id(id);
        self.close_copies(id, file.whole);
        let Ok(entry) = file.closing_entry() else { return };
        if file.phase == Phase::Deleted {
            self.remember_deleted(entry);
        } else if self.closed.len() < CLOSED_MAX {
            self.keep_closed(file.inode, ClosedFile { changed: None, input: file.input, entry });
        }
    }

    /// A file that is found again though it was gone from sight for a while, as with its directory, is known as it was.
    pub(super) fn restore_deleted(&mut self, input: usize, found: &Candidate, handle: &Content) {
        let is = |entry: &CheckpointEntry| entry.inode == found.inode && self.is_file_of(entry, handle);
        if !self.closed.contains_key(&found.inode)
            && let Some(entry) = self.deleted_entries.iter().position(is).and_then(|at| self.deleted_entries.remove(at))
        {
            self.closed.insert(found.inode, ClosedFile { changed: None, input, entry });
        }
    }

    /// Goes on with the content of a file that was lost from sight.
    pub(super) fn resume_lost(
        &mut self,
        LostFile { id, entry, formers, began_at, reread_from, .. }: LostFile,
        found: &Candidate,
        input: usize,
        handle: Content,
        now: Instant,
    ) {
        let at = entry.progress(|print| !handle.is_gzip() && fingerprint::matches(&handle, print).unwrap_or(false));
        let CheckpointEntry { path, origin, incarnation, whole, .. } = entry;
        match id {
            // Its spans may be pending: it keeps its number, and the ledger its account.
            Some(id) => self.reopen_with_id((id, input, path, handle), at.watermark, (origin, incarnation), now),
            None => self.begin((input, path, handle), at, origin, incarnation, now),
        }
        let Some(file) = self.open_mut(found.inode) else { return };
        file.whole = whole;
        if let Some(id) = id.filter(|id| *id == file.id) {
            (file.formers, file.began_at) = (formers, began_at);
            if reread_from.is_some() {
                self.begin_at(id, reread_from, now);
            }
        }
    }

    fn reopen_with_id(
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
                self.retired.push((id, path.clone(), at.offset));
                self.refuse(path, &error.to_string());
            }
        }
    }

    /// Ends the wait for what was not found in time. Returns the numbers that are free once they are settled.
    pub fn expire_lost(&mut self, now: Instant) -> Vec<FileId> {
        let unpacks = self.unpacking.is_deferred_read();
        let (expired, kept): (Vec<_>, Vec<_>) =
            // What waits for room is not gone, nor what may be in a file that is being unpacked.
            self.lost_files.drain(..).partition(|lost| {
                !unpacks && now.saturating_duration_since(lost.since) >= LOST_KEPT && !self.open_limit.waiting.contains_key(&lost.entry.inode)
            });
        self.lost_files = kept;
        for lost in &expired {
            let lost_bytes = lost.entry.size.saturating_sub(lost.entry.offset + lost.settled_bytes);
            if lost_bytes > 0 {
                self.events.push(Event::Lost(lost.entry.path.clone(), lost_bytes));
            } else if lost.id.is_none() {
                self.events.push(Event::Vanished(lost.entry.path.clone()));
            }
        }
        for LostFile { id, entry, .. } in expired {
            match id {
                Some(id) => self.retired.push((id, entry.path, entry.offset)),
                None => self.remember_deleted(entry),
            }
        }
        self.retired.iter().map(|(id, ..)| *id).collect()
    }

    /// Frees the number of a file without handle, once it is settled.
    pub fn release_id(&mut self, id: FileId) {
        self.retired.retain(|(retired, ..)| *retired != id);
        for file in self.files.iter_mut().flatten() {
            file.formers.retain(|former| *former != id);
        }
        for lost in &mut self.lost_files {
            lost.formers.retain(|former| *former != id);
        }
    }

    /// Every file's place for the checkpoint; `settled` says how far a numbered one is settled.
    pub fn checkpoint_entries(&mut self, settled: impl Fn(FileId) -> Progress) -> Vec<CheckpointEntry> {
        // What replaced a file holds what it held.
        let replaced: HashSet<FileId> = self.files().flat_map(|file| file.formers.iter().copied()).collect();
        // What stands before an end that was written anew, or before a replacement, may have yet to be settled.
        let former =
            |file: &TrackedFile| Some((file.id, self.unsettled_former(&file.formers, file.began_at, &settled)?));
        let mut former: HashMap<FileId, Progress> = self.files().filter_map(former).collect();
        let reread_from = |file: &&mut TrackedFile| !file.handle.is_stream() && !replaced.contains(&file.id);
        let open = self.files.iter_mut().flatten().filter(reread_from).map(|file| {
            let at = former.remove(&file.id).unwrap_or_else(|| settled(file.id));
            file.checkpoint_entry(at)
        });
        let mut entries: Vec<CheckpointEntry> = open.collect();
        entries.extend(self.lost_files.iter().map(|lost| {
            let former = self.unsettled_former(&lost.formers, lost.began_at, &settled).map(|former| former.watermark);
            let own = || lost.id.map_or_else(|| lost.entry.watermark(), |id| settled(id).watermark);
            let at = former.unwrap_or_else(own);
            CheckpointEntry { offset: at.offset, boundary: at.boundary, ..lost.entry.clone() }
        }));
        entries.extend(self.closed.values().map(|closed| closed.entry.clone()));
        entries.extend(self.settled_copy_entries(&settled));
        for entry in &mut entries {
            entry.real = self.real.get(&entry.inode).cloned().or(entry.real.take());
        }
        entries
    }

    /// How far the first is settled of the accounts before one that began at `began_at`, if it is not settled to where the next of them
    /// began.
    fn unsettled_former(
        &self,
        formers: &[FileId],
        began_at: u64,
        settled: impl Fn(FileId) -> Progress,
    ) -> Option<Progress> {
        let of_lost = |id| self.lost_files.iter().find(|lost| lost.id == Some(id)).map(|lost| lost.began_at);
        let began = |id: &FileId| self.file(*id).map(|file| file.began_at).or_else(|| of_lost(*id));
        let next = |at: usize| formers.get(at + 1).and_then(began).unwrap_or(began_at);
        let open = formers.iter().enumerate().map(|(at, id)| (settled(*id), next(at)));
        let open = open.filter(|(former, next)| former.watermark.offset < *next).map(|(former, _)| former);
        open.min_by_key(|former| former.watermark.offset)
    }

    /// How many there are of them: what a save costs.
    #[must_use]
    pub fn checkpoint_entry_count(&self) -> usize {
        self.files.len() + self.lost_files.len() + self.closed.len() + self.copies.len()
    }

    /// Remembers a file by its inode. Of the file that had that before, a compressed copy may be there.
    pub(super) fn keep_closed(&mut self, inode: Inode, closed: ClosedFile) {
        let print = closed.entry.fingerprint;
        if let Some(former) = self.closed.insert(inode, closed).filter(|former| former.entry.fingerprint != print) {
            self.remember_deleted(former.entry);
        }
    }

    /// Keeps what is known of a file that is gone.
    pub(super) fn remember_deleted(&mut self, entry: CheckpointEntry) {
        if entry.fingerprint.head_bytes > 0 {
            self.deleted_entries.truncate(SHIPPED_MAX - 1);
            self.deleted_entries.push_front(entry);
        }
    }
}

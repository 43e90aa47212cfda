//! Files without a handle: those that were closed, and those whose content is no longer where it was.
//!
//! Enters: files that are let go, and the checkpoint's. Leaves: what a file that is found can be held against, and what the next
//! checkpoint says of them. Nothing here opens a file.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::content::Content;
use super::discovery::Candidate;
use super::tracked_file::{Incarnation, OpenedFile};
use super::{ClosedFile, Event, FileSource, Phase, TrackedFile, fingerprint};
use event::{CheckpointEntry, FileId, Progress, Watermark};

/// How long a truncated or vanished file's content is looked for under another name.
const LOST_KEPT: Duration = Duration::from_secs(10);
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
        let (head, formers) = (file.head().to_vec(), file.lineage.formers.clone());
        Self {
            id: Some(file.id),
            head,
            formers,
            began_at: file.lineage.began_at,
            ..Self::from_checkpoint(entry, since)
        }
    }
}

impl FileSource {
    /// Lets go of a file that is settled. It is remembered while its name exists.
    pub fn close(&mut self, id: FileId) {
        let Some(mut file) = self.table.remove(id) else { return };
        if file.handle.is_stream() {
            return;
        }
        self.release_id(id);
        self.close_copies(id, file.lineage.whole);
        let Ok(entry) = file.closing_entry() else { return };
        if file.placement.phase == Phase::Deleted {
            self.index.remember_deleted(entry);
        } else if self.index.closed.len() < CLOSED_MAX {
            self.index.keep_closed(file.inode, ClosedFile { changed: None, input: file.input, entry });
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
        let CheckpointEntry { path, origin, incarnation: number, whole, .. } = entry;
        let (opened, incarnation) = (OpenedFile { input, path, handle }, Incarnation { origin, number });
        match id {
            // Its spans may be pending: it keeps its number, and the ledger its account.
            Some(id) => self.reopen_with_id(id, opened, at.watermark, incarnation, now),
            None => self.begin(opened, at, incarnation, now),
        }
        let Some(file) = self.open_mut(found.inode) else { return };
        file.lineage.whole = whole;
        if let Some(id) = id.filter(|id| *id == file.id) {
            (file.lineage.formers, file.lineage.began_at) = (formers, began_at);
            if reread_from.is_some() {
                self.begin_at(id, reread_from, now);
            }
        }
    }

    fn reopen_with_id(
        &mut self,
        id: FileId,
        opened: OpenedFile,
        at: Watermark,
        incarnation: Incarnation,
        now: Instant,
    ) {
        let path = opened.path.clone();
        match TrackedFile::new(id, opened, at, incarnation, now) {
            Ok(mut file) => {
                file.placement.phase = Phase::Rotated;
                self.place(file);
            }
            Err(error) => {
                self.table.retire(id, path.clone(), at.offset);
                self.refuse(path, &error.to_string());
            }
        }
    }

    /// Ends the wait for what was not found in time. Returns the numbers that are free once they are settled.
    pub fn expire_lost(&mut self, now: Instant) -> Vec<FileId> {
        let unpacks = self.unpacking.is_deferred_read();
        let (expired, kept): (Vec<_>, Vec<_>) =
            // What waits for room is not gone, nor what may be in a file that is being unpacked.
            self.index.lost.drain(..).partition(|lost| {
                !unpacks && now.saturating_duration_since(lost.since) >= LOST_KEPT && !self.open_limit.waiting.contains_key(&lost.entry.inode)
            });
        self.index.lost = kept;
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
                Some(id) => self.table.retire(id, entry.path, entry.offset),
                None => self.index.remember_deleted(entry),
            }
        }
        self.table.retired.iter().map(|file| file.id).collect()
    }

    /// Frees the number of a file without handle, once it is settled.
    pub fn release_id(&mut self, id: FileId) {
        self.table.release_id(id);
        self.index.release_id(id);
    }

    /// Every file's place for the checkpoint; `settled` says how far a numbered one is settled.
    pub fn checkpoint_entries(&mut self, settled: impl Fn(FileId) -> Progress) -> Vec<CheckpointEntry> {
        // What replaced a file holds what it held.
        let replaced: HashSet<FileId> = self.files().flat_map(|file| file.lineage.formers.iter().copied()).collect();
        // What stands before an end that was written anew, or before a replacement, may have yet to be settled.
        let former = |file: &TrackedFile| {
            Some((file.id, self.unsettled_former(&file.lineage.formers, file.lineage.began_at, &settled)?))
        };
        let mut former: HashMap<FileId, Progress> = self.files().filter_map(former).collect();
        let is_saved = |file: &&mut TrackedFile| !file.handle.is_stream() && !replaced.contains(&file.id);
        let open = self.table.iter_mut().filter(is_saved).map(|file| {
            let at = former.remove(&file.id).unwrap_or_else(|| settled(file.id));
            file.checkpoint_entry(at)
        });
        let mut entries: Vec<CheckpointEntry> = open.collect();
        entries.extend(self.index.lost.iter().map(|lost| {
            let former = self.unsettled_former(&lost.formers, lost.began_at, &settled).map(|former| former.watermark);
            let own = || lost.id.map_or_else(|| lost.entry.watermark(), |id| settled(id).watermark);
            let at = former.unwrap_or_else(own);
            CheckpointEntry { offset: at.offset, boundary: at.boundary, ..lost.entry.clone() }
        }));
        entries.extend(self.index.closed.values().map(|closed| closed.entry.clone()));
        entries.extend(self.settled_copy_entries(&settled));
        for entry in &mut entries {
            entry.real = self.discovery.real_paths.get(&entry.inode).cloned().or(entry.real.take());
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
        let of_lost = |id| self.index.lost.iter().find(|lost| lost.id == Some(id)).map(|lost| lost.began_at);
        let began = |id: &FileId| self.file(*id).map(|file| file.lineage.began_at).or_else(|| of_lost(*id));
        let next = |at: usize| formers.get(at + 1).and_then(began).unwrap_or(began_at);
        let open = formers.iter().enumerate().map(|(at, id)| (settled(*id), next(at)));
        let open = open.filter(|(former, next)| former.watermark.offset < *next).map(|(former, _)| former);
        open.min_by_key(|former| former.watermark.offset)
    }

    /// How many there are of them: what a save costs.
    #[must_use]
    pub fn checkpoint_entry_count(&self) -> usize {
        self.table.capacity() + self.index.lost.len() + self.index.closed.len() + self.index.copies.len()
    }
}

//! Files without a handle: closed files, and files whose content is no longer where it was.
//!
//! Input: files that are closed, and the checkpoint's. Output: what a found file is compared with, and the entries of
//! the next checkpoint. Nothing here opens a file.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::content::Content;
use super::discovery::Candidate;
use super::resume_points::ResumePoints;
use super::tracked_file::{Incarnation, OpenedFile};
use super::{ClosedFile, Event, Expired, FileSource, Phase, TrackedFile, fingerprint};
use event::{CheckpointEntry, FileId, Progress, Watermark};

/// The content of a truncated or vanished file is searched for under other names for this long.
const LOST_KEPT: Duration = Duration::from_secs(10);
/// At most this many closed files are remembered, so that they are not read again.
const CLOSED_MAX: usize = 20_000;

/// A file whose content is no longer where it was: truncated, or missing after a restart. A copy of it may appear.
#[derive(Debug)]
pub(super) struct LostFile {
    /// Its number, if this process has read from it.
    pub(super) id: Option<FileId>,
    pub(super) entry: CheckpointEntry,
    /// Its first bytes, if this process has read from it.
    pub(super) head: Vec<u8>,
    /// This many bytes after the entry's offset are acknowledged already.
    pub(super) settled_bytes: u64,
    /// Everything before the entry's offset is acknowledged or dropped.
    pub(super) is_settled: bool,
    pub(super) since: Instant,
    /// Earlier incarnations, whose accounts cover the bytes before `began_at`.
    pub(super) formers: Vec<FileId>,
    pub(super) began_at: u64,
    /// Where an earlier incarnation has to be read again, once the file is found.
    pub(super) reread_from: Option<Watermark>,
    /// When the last byte that was seen of it had been written: nanoseconds since the Unix epoch.
    pub(super) written_ns: i64,
    /// Where its lines began, if this process has read from it.
    pub(super) resume_points: ResumePoints,
}

impl LostFile {
    /// A lost file from a checkpoint entry.
    pub(super) fn from_checkpoint(entry: CheckpointEntry, since: Instant) -> Self {
        Self {
            id: None,
            entry,
            head: Vec::new(),
            settled_bytes: 0,
            is_settled: false,
            since,
            formers: Vec::new(),
            began_at: 0,
            reread_from: None,
            written_ns: 0,
            resume_points: ResumePoints::default(),
        }
    }

    /// An open file that is closed before it is acknowledged; `entry` is its checkpoint entry.
    pub(super) fn from_open(file: &TrackedFile, entry: CheckpointEntry, since: Instant) -> Self {
        let (head, formers) = (file.head().to_vec(), file.lineage.formers.clone());
        Self {
            id: Some(file.id),
            head,
            formers,
            began_at: file.lineage.began_at,
            written_ns: file.written_ns(),
            resume_points: file.resume_points().clone(),
            ..Self::from_checkpoint(entry, since)
        }
    }
}

impl FileSource {
    /// Closes an acknowledged file. It is remembered while its name exists.
    pub fn close(&mut self, id: FileId, settled: Progress) {
        let Some(mut file) = self.table.remove(id) else { return };
        if file.handle.is_stream() {
            return;
        }
        self.release_id(id);
        self.close_copies(id, file.lineage.read_from_start);
        let Ok(entry) = file.closing_entry(settled) else { return };
        let changed = file.verified_change();
        if file.placement.phase == Phase::Deleted {
            self.index.remember_deleted(entry);
        } else if self.index.closed.len() < CLOSED_MAX {
            self.index.keep_closed(file.inode, ClosedFile { changed, input: file.input, entry });
        }
    }

    /// Continues a lost file whose content was found.
    pub(super) fn resume_lost(
        &mut self,
        LostFile { id, entry, formers, began_at, reread_from, .. }: LostFile,
        found: &Candidate,
        input: usize,
        handle: Content,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        let at = entry.progress(|print| !handle.is_gzip() && fingerprint::matches(&handle, print).unwrap_or(false));
        let CheckpointEntry { path, origin, incarnation: number, read_from_start, writes, .. } = entry;
        let (opened, incarnation) = (OpenedFile { input, path, handle }, Incarnation { origin, number });
        match id {
            // Its spans may be pending: it keeps its number and its account in the ledger.
            Some(id) => self.reopen_with_id(id, opened, at.watermark, incarnation, now, events),
            None => self.begin(opened, at, incarnation, now, events),
        }
        let Some(file) = self.open_mut(found.inode) else { return };
        file.lineage.read_from_start = read_from_start;
        file.restore_write_times(&writes.steps, now);
        if let Some(id) = id.filter(|id| *id == file.id) {
            (file.lineage.formers, file.lineage.began_at) = (formers, began_at);
            if reread_from.is_some() {
                self.begin_at(id, reread_from, now, events);
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
        events: &mut Vec<Event>,
    ) {
        let path = opened.path.clone();
        match TrackedFile::new(id, opened, at, incarnation, now) {
            Ok(mut file) => {
                file.placement.phase = Phase::Rotated;
                file.forget_settled();
                self.place(file, now);
            }
            Err(error) => {
                self.table.retire(id, path.clone(), at.offset);
                self.refuse(path, &error.to_string(), events);
            }
        }
    }

    /// Ends the search for files that were not found in time.
    pub fn expire_lost(&mut self, now: Instant) -> Expired {
        let is_unpacking = self.unpacking.is_deferred_read();
        let waiting = &self.open_limit.waiting;
        // Files that wait for a free handle are not lost, nor files whose compressed copy is still being decompressed.
        let is_expired = |lost: &LostFile| {
            let is_old = now.saturating_duration_since(lost.since) >= LOST_KEPT;
            !is_unpacking && is_old && !waiting.contains_key(&lost.entry.inode)
        };
        let (expired, kept) = self.index.lost.drain(..).partition::<Vec<_>, _>(is_expired);
        self.index.lost = kept;
        let mut events = Vec::new();
        for lost in &expired {
            let lost_bytes = lost.entry.writes.size.saturating_sub(lost.entry.offset + lost.settled_bytes);
            if lost_bytes > 0 {
                events.push(Event::Lost(lost.entry.path.clone(), lost_bytes));
            } else if lost.id.is_none() {
                events.push(Event::Vanished(lost.entry.path.clone()));
            }
        }
        for LostFile { id, entry, .. } in expired {
            match id {
                Some(id) => self.table.retire(id, entry.path, entry.offset),
                None => self.index.remember_deleted(entry),
            }
        }
        let retired = self.table.retired.iter().map(|file| file.id).collect();
        Expired { retired, events }
    }

    /// Frees the number of a closed file, once its account is closed.
    pub fn release_id(&mut self, id: FileId) {
        self.table.release_id(id);
        self.index.release_id(id);
    }

    /// The checkpoint entries of all files; `settled` returns how far a file is acknowledged or dropped.
    pub fn checkpoint_entries(&mut self, settled: impl Fn(FileId) -> Progress) -> Vec<CheckpointEntry> {
        // The replacement of a file holds its bytes.
        let replaced: HashSet<FileId> = self.files().flat_map(|file| file.lineage.formers.iter().copied()).collect();
        // Bytes before a rewritten end, or before a replacement, may still be unacknowledged.
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
            let entry = lost.entry.clone();
            let former = self.unsettled_former(&lost.formers, lost.began_at, &settled);
            let Some(Progress { watermark: at, records, .. }) = former.or_else(|| lost.id.map(&settled)) else {
                return entry;
            };
            CheckpointEntry { offset: at.offset, boundary: at.boundary, records, ..entry }
        }));
        entries.extend(self.index.closed.values().map(|closed| closed.entry.clone()));
        entries.extend(self.settled_copy_entries(&settled));
        for entry in &mut entries {
            entry.real = self.discovery.real_paths.get(&entry.inode).cloned().or(entry.real.take());
        }
        entries
    }

    /// The earliest unacknowledged position of the earlier incarnations; `None` if each is acknowledged up to where the
    /// next began.
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

    /// How many entries a checkpoint has.
    #[must_use]
    pub fn checkpoint_entry_count(&self) -> usize {
        self.table.capacity() + self.index.lost.len() + self.index.closed.len() + self.index.copies.len()
    }

    /// Whether files have new bytes that are not acknowledged, and the last checkpoint does not tell when these were written.
    #[must_use]
    pub fn has_unsaved_write_times(&self) -> bool {
        self.files().any(TrackedFile::has_unsaved_write_times)
    }
}

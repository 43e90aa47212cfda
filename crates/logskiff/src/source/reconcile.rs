//! Compares the files in the directories with the known files.
//!
//! An open file is followed to its new name. An unknown file is one of these, in this order: a lost file (by inode,
//! then by content); the copy of a live file (it waits until the live file is truncated); a file that a glob matches
//! (read from its start); or a rotated file that logskiff never read (read only if a rotation was seen: otherwise it
//! existed before the start).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use super::content::Content;
use super::discovery::{Candidate, Class, FoundFile, FoundPipe};
use super::gzip_rotation::FoundBytes;
use super::open_beneath::{OpenError, open_beneath};
use super::quiet_files::WalkFilter;
use super::replaced::Replacement;
use super::schedule::CheckpointState;
use super::tracked_file::{Displaced, Incarnation, OpenedFile};
use super::unread::{NOT_NAMED, NOT_ROTATED, PACKED};
use super::{COPY_PATIENCE, ClosedFile, Event, FileSource, LostFile, Phase, Start, fingerprint};
use event::{Boundary, CheckpointEntry, Inode, RecordMemory, Watermark, Writes};

impl FileSource {
    /// Checks the directories: follows renames, and starts reading new files.
    #[must_use]
    pub fn reconcile(&mut self, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        self.refusals.round += 1;
        // A truncation must be known before its copy is found.
        self.poll_files(now, false, &mut events);
        self.schedule.reconcile_due = false;
        self.rotations.forget_old(now);
        if self.schedule.is_long_after_start(now) {
            self.clear_assumed();
        }
        // Before the walk, so that the next check finds changes during it.
        let stamps = self.discovery.stamp_directories();
        self.discovery.guard.refresh();
        let mut pipes = Vec::new();
        let walk_filter = self.walk_filter();
        let mut candidates = self.walk_inputs(&walk_filter, &mut pipes, &mut events);
        self.apply_walk(walk_filter, now, &mut events);
        self.find_former(&mut candidates);
        self.note_real(&candidates);
        self.mark_history(&mut candidates);
        self.claim_orphans(&mut candidates);
        self.reopen_changed_quiet(&candidates);
        self.follow_streams(&pipes, now, &mut events);
        self.discovery.keep_stamps(&stamps);
        let seen: HashMap<Inode, usize> =
            candidates.iter().enumerate().map(|(at, FoundFile { found, .. })| (found.inode, at)).rev().collect();
        self.follow_renames(&candidates, &seen, now);
        let open = self.open_inodes();
        let unknown: Vec<&FoundFile> =
            candidates.iter().filter(|FoundFile { found, .. }| !open.contains(&found.inode)).collect();
        // By inode first, so that a rename counts as a rotation before the new file is examined.
        let (same, other): (Vec<_>, Vec<_>) = unknown
            .into_iter()
            .partition(|FoundFile { found, .. }| self.index.lost.iter().any(|lost| lost.entry.inode == found.inode));
        let held = std::mem::take(&mut self.pending.held);
        self.admit_all(&same, &other, now, &mut events);
        for (inode, held) in held {
            if !seen.contains_key(&inode) {
                self.read_held(held, now, &mut events);
            } else if self.pending.waiting.contains_key(&inode) {
                // It waits under another name.
                self.pending.held.entry(inode).or_insert(held);
            }
        }
        self.pending.waiting.retain(|inode, _| seen.contains_key(inode));
        self.rotations.forget_gone(|inode| seen.contains_key(inode));
        self.index.copies.retain(|inode, _| seen.contains_key(inode));
        let gone: Vec<Inode> = self.index.closed.keys().filter(|inode| !seen.contains_key(inode)).copied().collect();
        for inode in gone {
            self.index.closed_is_deleted(inode);
        }
        self.note_rotated_names(&candidates, &seen);
        self.choose_deletable(&candidates);
        self.note_unread(&candidates);
        self.update_quiet(&candidates, now);
        self.schedule.is_first_round &= self.has_unoffered();
        events
    }

    /// Walks the directories of all inputs. Returns the files; `pipes` are those that are named without a glob.
    fn walk_inputs(
        &mut self,
        walk_filter: &WalkFilter,
        pipes: &mut Vec<FoundPipe>,
        events: &mut Vec<Event>,
    ) -> Vec<FoundFile> {
        let mut candidates: Vec<FoundFile> = Vec::new();
        let mut taken: HashMap<Inode, usize> = HashMap::new();
        let mut directories = Vec::new();
        self.discovery.linked.clear();
        for input in 0..self.discovery.inputs.len() {
            let mut found = self.discovery.inputs[input].globs.find(&self.discovery.guard, walk_filter);
            directories.append(&mut found.directories);
            self.discovery.linked.extend(found.linked);
            for (path, why) in found.unreadable {
                self.refuse(path, &why, events);
            }
            // Of several names of one file, a glob's match counts first.
            found.candidates.sort_by(|one, other| {
                (one.class, one.linked(), &one.path).cmp(&(other.class, other.linked(), &other.path))
            });
            // A pipe is named by at most one named input, which goes before the common one.
            for pipe in found.pipes {
                pipes.retain(|other| other.pipe.inode != pipe.inode);
                pipes.push(FoundPipe { input, pipe });
            }
            for candidate in found.candidates {
                match taken.entry(candidate.inode) {
                    Entry::Vacant(place) => {
                        place.insert(candidates.len());
                        candidates.push(FoundFile { input, found: candidate });
                    }
                    Entry::Occupied(place) => {
                        keep_narrower(&mut candidates[*place.get()], FoundFile { input, found: candidate });
                    }
                }
            }
        }
        directories.sort_unstable();
        directories.dedup();
        if *self.discovery.directories != *directories {
            self.discovery.directories = Arc::from(directories);
        }
        candidates
    }

    /// At a first start, marks rotated files that belong to the history of a log.
    fn mark_history(&mut self, candidates: &mut [FoundFile]) {
        let needs_history = self.needs_history();
        if !needs_history {
            self.forget_named();
        }
        for FoundFile { found, .. } in
            candidates.iter_mut().filter(|FoundFile { found, .. }| found.class != Class::Match)
        {
            let history = needs_history && found.sure_origins().any(|origin| self.has_named(origin));
            found.history = history || self.pending.is_history(found.inode);
        }
    }

    /// Whether rotated files have to be marked as a log's history.
    pub(super) fn needs_history(&self) -> bool {
        self.schedule.checkpoint == CheckpointState::None
            && (self.schedule.is_first_round || self.open_limit.has_early())
    }

    /// Follows the open files to their present names.
    fn follow_renames(&mut self, candidates: &[FoundFile], seen: &HashMap<Inode, usize>, now: Instant) {
        for file in self.table.iter_mut().filter(|file| !file.handle.is_stream()) {
            let here = seen.get(&file.inode).map(|at| &candidates[*at].found);
            let phase = match here {
                Some(here) if here.path == file.path && here.class == Class::Match => Phase::Live,
                _ if file.placement.phase == Phase::Deleted => Phase::Deleted,
                _ => Phase::Rotated,
            };
            match phase {
                Phase::Live => file.placement.displaced = Displaced::No,
                Phase::Rotated if file.placement.displaced == Displaced::No => {
                    file.placement.displaced = Displaced::Seen;
                }
                Phase::Rotated | Phase::Deleted => {}
            }
            file.placement.set_phase(phase, now);
            if phase != Phase::Live && now.saturating_duration_since(file.placement.changed_at) < COPY_PATIENCE {
                self.rotations.note(&file.path, file.placement.changed_at);
            }
        }
    }

    /// Decides what a found file is.
    pub(super) fn admit(&mut self, input: usize, found: &Candidate, now: Instant, events: &mut Vec<Event>) {
        if self.index.is_unchanged(found) || self.is_known_copy(found) {
            return;
        }
        let is_excluded = found.class == Class::Excluded && !self.rotations.owed.contains(&found.inode);
        if is_excluded && self.index.lost.is_empty() && !self.index.closed.contains_key(&found.inode) {
            return;
        }
        if found.class == Class::Compressed {
            return self.refuse(found.path.clone(), PACKED, events);
        }
        if !is_excluded && !self.reserve_handle(found) {
            return;
        }
        let Some(handle) = self.open_found(found, events) else { return };
        self.clear_refusal(&found.path);
        self.index.restore_deleted(input, found, &handle);
        if let Class::Gzip(naming) = found.class {
            return self.admit_gzip(input, naming, &FoundBytes { found, raw: &handle }, now, events);
        }
        // A file that was closed while empty is known by its inode alone: better evidence goes first.
        let was_empty =
            self.index.closed.get(&found.inode).is_some_and(|closed| closed.entry.fingerprint.head_bytes == 0);
        let Some(handle) = (if was_empty { Some(handle) } else { self.reopen_closed(found, handle, now, events) })
        else {
            return;
        };
        let handle = match self.adopt(input, found, handle, now, events) {
            Ok(()) => return,
            Err(handle) => handle,
        };
        if (is_excluded && !was_empty) || self.detect_copy(input, found, &handle, &handle, found.size).unwrap_or(false)
        {
            return;
        }
        if self.wait_for_copy(found, &handle, now) {
            return self.hold_named(input, found, handle);
        }
        let Some(handle) = (if was_empty { self.reopen_closed(found, handle, now, events) } else { Some(handle) })
        else {
            return;
        };
        if is_excluded || self.refuse_overwritten(input, found, &handle, events) {
            return;
        }
        let replacement = self.find_replacement(found, &handle, now);
        if replacement.is_some_and(|replacement| !replacement.is_ready) {
            self.keep_waiting(found, now);
            return self.hold(input, found, handle);
        }
        let was_named = self.pending.waiting.remove(&found.inode).is_some_and(|waiting| waiting.named);
        let offset = match (found.class, replacement) {
            (_, Some(Replacement { offset, .. })) => offset,
            (Class::Match, _) => self.start_offset(input, found, &handle),
            _ if was_named || self.claim_rotated(input, found, events) => 0,
            _ => return self.skip_file(input, found, &handle),
        };
        if offset == 0 && self.repeats_open_file(&handle) {
            events.push(Event::Repeats(found.path.clone()));
        }
        self.begin_new(input, found, handle, offset, now, events);
        self.link_predecessor(found.inode, replacement);
    }

    /// The offset at which a file that a glob matches is first read.
    fn start_offset(&self, input: usize, found: &Candidate, handle: &Content) -> u64 {
        let starts_at_end = self.discovery.inputs[input].config.start == Start::End;
        if starts_at_end && self.schedule.predates_start() { fingerprint::line_start(handle, found.size) } else { 0 }
    }

    /// Opens a found file. Where that fails, notes why.
    fn open_found(&mut self, found: &Candidate, events: &mut Vec<Event>) -> Option<Content> {
        match open_beneath(&found.root, &found.place, &self.discovery.guard) {
            Ok(file) => {
                let handle = Content::Plain(file);
                let is_found = |metadata| fingerprint::inode_from_metadata(&metadata) == found.inode;
                if handle.metadata().is_ok_and(is_found) {
                    return Some(handle);
                }
                // It was replaced between the walk and the open. The next check finds the other file.
                self.schedule.reconcile_due = true;
            }
            Err(OpenError::Gone) => {}
            Err(OpenError::NoDescriptor) => self.note_no_descriptor(found),
            Err(error) => {
                // It may get another name before it can be read.
                if found.class == Class::Match || found.history || self.was_rotated(found) {
                    self.rotations.owe(found.inode);
                }
                self.refuse(found.path.clone(), &error.to_string(), events);
            }
        }
        None
    }

    /// Whether a file that no glob matches belongs to a log: by its rotation, or at a first start by its name.
    pub(super) fn claim_rotated(&mut self, input: usize, found: &Candidate, events: &mut Vec<Event>) -> bool {
        let is_early = self.schedule.predates_start();
        if is_early && self.discovery.inputs[input].config.start == Start::End {
            return false;
        }
        let may_be_history = self.may_be_history(found);
        let is_claimed = found.history || (!is_early && self.was_rotated(found));
        if !is_claimed {
            let why = if may_be_history && !is_early { NOT_ROTATED } else { NOT_NAMED };
            self.refuse(found.path.clone(), why, events);
        }
        if !is_claimed && is_early && may_be_history {
            self.rotations.note_orphan(found.inode);
        }
        is_claimed
    }

    /// Starts reading a new file.
    pub(super) fn begin_new(
        &mut self,
        input: usize,
        found: &Candidate,
        handle: Content,
        offset: u64,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        // A file that was truncated while logskiff was not running is a new incarnation, though its inode is the same.
        let lost_files = self.index.lost.iter().map(|lost| &lost.entry);
        let former = lost_files.chain(self.index.closed.values().map(|closed| &closed.entry));
        let same_inode = former.filter(|entry| entry.inode == found.inode);
        let incarnation = same_inode.map(|entry| entry.incarnation + 1).max().unwrap_or(0);
        if incarnation > 0 {
            events.push(Event::Truncated(found.path.clone()));
        }
        let origin = self.index.origin(&handle, found.inode, incarnation);
        let at = Watermark { offset, boundary: Boundary::LineStart };
        let opened = OpenedFile { input, path: found.path.clone(), handle };
        self.begin(opened, at, Incarnation { origin, number: incarnation }, now, events);
        // Rotated files are read before live ones.
        if found.history
            && let Some(file) = self.open_mut(found.inode)
        {
            file.placement.phase = Phase::Rotated;
        }
    }

    /// Continues a closed file, if it is still the same file.
    fn reopen_closed(
        &mut self,
        found: &Candidate,
        handle: Content,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> Option<Content> {
        let Some(ClosedFile { entry, input, .. }) = self.index.closed.get(&found.inode) else { return Some(handle) };
        // An empty file is known by its name or birth time alone: its inode may be another file's now.
        let may_be_it =
            || entry.fingerprint.head_bytes > 0 || entry.path == found.path || self.index.is_file_of(entry, &handle);
        let has_grown = entry.offset < found.size && self.has_grown_to_copy(found, &handle, entry.offset);
        if has_grown || !(may_be_it() && fingerprint::matches(&handle, &entry.fingerprint).unwrap_or(false)) {
            return Some(handle);
        }
        let (input, entry) = (*input, entry.clone());
        // A file that was skipped may be another log: bytes that are appended to it are skipped too.
        let passed = !entry.read_from_start && entry.path == found.path;
        if passed && found.class == Class::Sibling && !found.is_surely_rotated() {
            self.skip_file(input, found, &handle);
        } else if entry.offset == found.size {
            self.index.closed.insert(found.inode, ClosedFile { changed: Some(found.changed), input, entry });
        } else {
            let read_from_start = entry.read_from_start;
            let mut at = self.position_after_copy(input, found, &handle, entry.watermark(), now)?;
            // Reading may have skipped half a line, for instance of a copy in the making.
            if !read_from_start && at.boundary == Boundary::LineStart {
                at.offset = fingerprint::line_start(&handle, at.offset);
            }
            let CheckpointEntry { path, origin, incarnation: number, .. } = entry;
            self.begin(OpenedFile { input, path, handle }, at, Incarnation { origin, number }, now, events);
            if let Some(file) = self.open_mut(found.inode) {
                file.lineage.read_from_start = read_from_start;
            }
        }
        None
    }

    /// Continues a lost file, if this is it.
    pub(super) fn adopt(
        &mut self,
        input: usize,
        found: &Candidate,
        handle: Content,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> Result<(), Content> {
        let is_found = |lost: &LostFile| {
            let has_bytes = lost.entry.fingerprint.head_bytes > 0;
            // An empty file has only its name and inode to be recognized by.
            let near = found.path.as_os_str() == lost.entry.path.as_os_str()
                || (has_bytes
                    && (lost.entry.inode == found.inode || found.may_hold(&lost.entry.path, lost.entry.offset)));
            let near = near && (has_bytes || lost.entry.inode == found.inode);
            near && fingerprint::matches(&handle, &lost.entry.fingerprint).unwrap_or(false)
        };
        let matching = self.index.lost.iter().enumerate().filter(|(_, lost)| is_found(lost));
        let Some((at, _)) = matching.max_by_key(|(_, lost)| lost.entry.fingerprint.offset) else {
            self.note_rewritten(found, now);
            match self.end_of_shorter_copy(found, &handle, found.size) {
                None => return Err(handle),
                Some(offset) if offset >= found.size => self.skip_file(input, found, &handle),
                Some(offset) => {
                    self.pending.waiting.remove(&found.inode);
                    self.begin_new(input, found, handle, offset, now, events);
                }
            }
            return Ok(());
        };
        let mut lost = self.index.lost.remove(at);
        let (id, entry) = (lost.id, &mut lost.entry);
        if id.is_none() && entry.inode == found.inode {
            let Some(at) = self.position_after_copy(input, found, &handle, entry.watermark(), now) else {
                self.index.keep_closed(found.inode, ClosedFile { changed: None, input, entry: lost.entry });
                return Ok(());
            };
            (entry.offset, entry.boundary) = (at.offset, at.boundary);
        }
        let live = found.path == entry.path && found.class == Class::Match;
        if found.path != entry.path {
            self.rotations.note(&entry.path, now);
        }
        // Where many files are open already, a file without unread bytes is not opened.
        let idle = !live || self.files().count() >= self.open_max();
        if idle && id.is_none() && found.size == entry.offset {
            if found.path != entry.path {
                self.rotations.keep_end(&entry.path, &handle, found.size);
            }
            self.index.keep_closed(found.inode, ClosedFile { changed: Some(found.changed), input, entry: lost.entry });
            return Ok(());
        }
        if entry.writes.size > found.size {
            events.push(Event::Lost(entry.path.clone(), entry.writes.size - found.size));
        }
        self.resume_lost(lost, found, input, handle, now, events);
        Ok(())
    }

    /// A file has the inode of a checkpoint entry, but not its content: it was truncated while logskiff was not
    /// running, or the inode was reused.
    fn note_rewritten(&mut self, found: &Candidate, now: Instant) {
        for lost in &self.index.lost {
            if lost.id.is_none() && lost.entry.inode == found.inode {
                self.rotations.note(&lost.entry.path, now);
            }
        }
    }

    /// Reads every file from its start, rotated ones too, whatever the configuration says of the first start: the
    /// checkpoint is lost.
    pub fn read_all_from_start(&mut self) {
        self.schedule.checkpoint = CheckpointState::Lost;
    }

    /// Whether the file's name fits a recent rotation. After a start, a rotation of any file of the checkpoint is
    /// assumed, if the file's name is certainly that of a rotated file. A log that was created and rotated unseen counts
    /// too.
    pub(super) fn was_rotated(&self, found: &Candidate) -> bool {
        (self.schedule.is_first_round && self.schedule.checkpoint == CheckpointState::Lost)
            || self.rotations.explain(found)
            || self.is_assumed(&found.path)
            || found.sure_origins().any(|base| self.is_assumed(base))
            || self.rotations.owed.contains(&found.inode)
            || self.was_rotated_unseen(found)
    }

    /// Skips a rotated file from before the start.
    pub(super) fn skip_file(&mut self, input: usize, found: &Candidate, handle: &Content) {
        self.remember_closed(input, found, handle, false);
    }

    /// Remembers a file as it is, so that it is not read. `read_from_start`: all of it was shipped.
    pub(super) fn remember_closed(&mut self, input: usize, found: &Candidate, handle: &Content, read_from_start: bool) {
        if let Some(entry) = self.entry_for(found, handle, read_from_start) {
            self.index.keep_closed(found.inode, ClosedFile { changed: Some(found.changed), input, entry });
        }
    }

    /// The checkpoint entry of a file as it is.
    pub(super) fn entry_for(
        &self,
        found: &Candidate,
        handle: &Content,
        read_from_start: bool,
    ) -> Option<CheckpointEntry> {
        let fingerprint = fingerprint::read_fingerprint(handle, found.size).ok()?;
        Some(CheckpointEntry {
            path: found.path.clone(),
            real: None,
            inode: found.inode,
            origin: self.index.origin(handle, found.inode, 0),
            incarnation: 0,
            offset: found.size,
            boundary: Boundary::LineStart,
            read_from_start,
            writes: Writes::acknowledged(found.size),
            fingerprint,
            ahead: None,
            records: RecordMemory::default(),
        })
    }
}

/// Keeps the file for the input with the narrower glob. A file that one input names, and another takes for a copy, is
/// named. Within one input the first counts. Of two equal inputs the later one counts: the first is the common one.
fn keep_narrower(kept: &mut FoundFile, other: FoundFile) {
    if kept.input == other.input {
        return;
    }
    let order = |found: &Candidate| (found.class == Class::Excluded, found.rank);
    let narrower = order(&other.found) <= order(&kept.found);
    let is_named = [kept.found.class, other.found.class].contains(&Class::Match);
    if narrower {
        *kept = other;
    }
    if is_named && kept.found.class == Class::Sibling {
        kept.found.class = Class::Match;
    }
}

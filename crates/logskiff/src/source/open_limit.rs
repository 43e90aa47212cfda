//! How many files may be open at once: more may have something to read than the process may have descriptors.
//!
//! Enters: how many descriptors there are for files, and which found no room. Leaves: which open files make room. None is kept out
//! for good: those that were written to least lately give way, and the next look begins with those that waited.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::discovery::{Candidate, FoundFile};
use super::tracked_file::Phase;
use super::{FileSource, OPEN_MAX, TrackedFile};
use event::{FileId, Inode};

/// So many files are open at the most, however many descriptors there are: each takes a few KiB of memory.
const FILES_MAX: usize = 2048;

/// What there is room for.
#[derive(Debug)]
pub(super) struct OpenLimit {
    /// So many files are open at the most.
    files_max: usize,
    /// Those that were found and not opened at the last look, and since which look each has waited.
    pub(super) waiting: HashMap<Inode, u64>,
    /// The same of the look before, while one is made.
    waited: HashMap<Inode, u64>,
    /// How many looks there were.
    rounds: u64,
    /// Those among them that were there at the first one.
    early: HashSet<Inode>,
}

impl Default for OpenLimit {
    fn default() -> Self {
        let (waiting, waited) = (HashMap::new(), HashMap::new());
        Self { files_max: FILES_MAX, waiting, waited, rounds: 0, early: HashSet::new() }
    }
}

impl OpenLimit {
    /// Whether no look was made yet.
    pub(super) fn is_first(&self) -> bool {
        self.rounds == 0
    }

    /// Whether a file waits that was there at the first look.
    pub(super) fn has_early(&self) -> bool {
        !self.early.is_empty()
    }

    /// What could not be told at the first look is taken as at that look later.
    pub(super) fn found_early(&mut self, inode: Inode) {
        self.early.insert(inode);
    }
}

impl FileSource {
    /// Opens no more than so many files at once.
    pub fn set_open_files_max(&mut self, files_max: usize) {
        self.open_limit.files_max = files_max.clamp(1, FILES_MAX);
    }

    /// Whether files wait for others to be let go.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        !self.open_limit.waiting.is_empty()
    }

    /// Above so many open files, those are closed that are read to their ends and idle.
    pub(super) fn open_max(&self) -> usize {
        OPEN_MAX.min(self.open_limit.files_max)
    }

    /// Whether one more may be opened; else it waits.
    pub(super) fn take_room(&mut self, found: &Candidate) -> bool {
        // Only looked at, and not kept open.
        let is_read = self.index.closed.get(&found.inode).is_some_and(|closed| closed.entry.offset == found.size);
        let has_room = is_read
            || self.table.files.len() < self.open_limit.files_max
            || self.files().count() < self.open_limit.files_max;
        if !has_room {
            self.wait_for_room(found);
        }
        has_room
    }

    /// The system gives no descriptor though there should be some: fewer files are opened from now on.
    pub(super) fn note_no_descriptor(&mut self, found: &Candidate) {
        let open = self.files().count();
        self.open_limit.files_max = self.open_limit.files_max.min(open - open / 8).max(1);
        self.wait_for_room(found);
    }

    fn wait_for_room(&mut self, found: &Candidate) {
        let since = self.open_limit.waited.get(&found.inode).copied().unwrap_or(self.open_limit.rounds);
        self.open_limit.waiting.insert(found.inode, since);
        if self.schedule.is_first_round {
            self.open_limit.early.insert(found.inode);
        }
    }

    /// Admits what is found: what was lost from sight, those that waited, and the others. What was there at the first look and found no room then is taken as at that
    /// look.
    pub(super) fn admit_all(&mut self, same: &[&FoundFile], other: &[&FoundFile], now: Instant) {
        self.open_limit.rounds += 1;
        self.open_limit.waited = std::mem::take(&mut self.open_limit.waiting);
        let mut other = other.to_vec();
        // In their order: else what waits for long would wait for ever.
        other.sort_by_key(|FoundFile { found, .. }| {
            let waited = self.open_limit.waited.get(&found.inode).copied().unwrap_or(u64::MAX);
            // New ones do not wait for very many old ones. The logs that are there are known before their copies and their history, of
            // which the oldest is read first.
            let is_old = found.changed.0 < self.schedule.started_s;
            (
                waited,
                is_old || found.history,
                found.history,
                found.history.then_some(found.modified),
                found.is_surely_rotated(),
            )
        });
        let first = self.schedule.is_first_round;
        self.unpacking.begin_look();
        for FoundFile { input, found } in same.iter().copied().chain(other) {
            // After the first look only what has not changed since was there before us.
            let before_us = first && (self.open_limit.rounds == 1 || found.changed.0 < self.schedule.started_s);
            self.schedule.is_first_round = before_us || self.open_limit.early.remove(&found.inode);
            self.admit(*input, found, now);
        }
        self.unpacking.end_look();
        self.schedule.is_first_round = first;
    }

    /// Files that are open and need not be, so many as there are too many, those first that were written to least lately.
    pub(super) fn surplus(&self, finished: usize, now: Instant) -> Vec<FileId> {
        let crowded = self.is_crowded();
        let open = self.files().count();
        // Those that are deleted and read give way first, and early: new files come faster than looks at the directories.
        let deleted =
            |file: &&TrackedFile| file.placement.phase == Phase::Deleted && file.is_at_end() && !file.is_closable(now);
        let mut given: Vec<&TrackedFile> = self.files().filter(deleted).collect();
        given.sort_by_key(|file| file.placement.changed_at);
        given.truncate(open.saturating_sub(finished + self.open_max() / 2));
        let given = given.iter().map(|file| file.id);
        let kept = if crowded { self.open_limit.files_max / 2 } else { self.open_max() };
        let surplus = open.saturating_sub(finished + given.len() + kept);
        if surplus == 0 {
            return given.collect();
        }
        // Where others wait, it is enough that nothing can be read now: the rest of a line may be long in coming.
        let gives_way = |file: &&TrackedFile| {
            let is_waiting = file.placement.phase == Phase::Live && !file.handle.is_stream() && !file.has_more();
            if crowded { is_waiting } else { file.is_at_end() && file.is_idle(now) }
        };
        let mut idle: Vec<&TrackedFile> = self.files().filter(gives_way).collect();
        idle.sort_by_key(|file| file.placement.changed_at);
        given.chain(idle.iter().take(surplus).map(|file| file.id)).collect()
    }
}

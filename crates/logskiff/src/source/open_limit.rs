//! How many files may be open at once. More files may have unread bytes than the process has descriptors.
//!
//! Input: the number of descriptors, and found files that could not be opened. Output: which open files to close. No
//! file waits for ever: files without recent writes are closed first, and the next check begins with the files that
//! waited.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::discovery::{Candidate, Class, FoundFile};
use super::tracked_file::Phase;
use super::{Event, FileSource, OPEN_MAX, TrackedFile};
use event::{FileId, Inode};

/// At most this many files are open, however many descriptors there are: each uses a few KiB of memory.
const FILES_MAX: usize = 2048;

/// The limit, and the files that wait.
#[derive(Debug)]
pub(super) struct OpenLimit {
    /// At most this many files are open.
    files_max: usize,
    /// Files that the last check found and did not open, and since which check each has waited.
    pub(super) waiting: HashMap<Inode, u64>,
    /// The same from the check before, during a check.
    waited: HashMap<Inode, u64>,
    /// How many checks there were.
    rounds: u64,
    /// Waiting files that existed at the first check.
    early: HashSet<Inode>,
}

impl Default for OpenLimit {
    fn default() -> Self {
        let (waiting, waited) = (HashMap::new(), HashMap::new());
        Self { files_max: FILES_MAX, waiting, waited, rounds: 0, early: HashSet::new() }
    }
}

impl OpenLimit {
    /// Whether there was no check yet.
    pub(super) fn is_first(&self) -> bool {
        self.rounds == 0
    }

    /// Whether a file waits that existed at the first check.
    pub(super) fn has_early(&self) -> bool {
        !self.early.is_empty()
    }

    /// A file that the first check could not identify is later treated as at the first check.
    pub(super) fn note_early(&mut self, inode: Inode) {
        self.early.insert(inode);
    }
}

impl Candidate {
    /// Puts the oldest file first. Of a file and its compressed copy, the file comes first.
    fn order_of_age(&self) -> (i64, bool, i64) {
        (self.modified.seconds, matches!(self.class, Class::Gzip(_)), self.modified.nanoseconds)
    }
}

impl FileSource {
    /// Sets how many files may be open at once.
    pub fn set_open_files_max(&mut self, files_max: usize) {
        self.open_limit.files_max = files_max.clamp(1, FILES_MAX);
    }

    /// Whether files wait for a free handle.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        !self.open_limit.waiting.is_empty()
    }

    /// Above this many open files, idle ones that are read to their ends are closed.
    pub(super) fn open_max(&self) -> usize {
        OPEN_MAX.min(self.open_limit.files_max)
    }

    /// Whether one more file may be opened. Otherwise the file waits.
    pub(super) fn reserve_handle(&mut self, found: &Candidate) -> bool {
        // It is only compared, and not kept open.
        let is_read = self.index.closed.get(&found.inode).is_some_and(|closed| closed.entry.offset == found.size);
        let has_room = is_read
            || self.table.files.len() < self.open_limit.files_max
            || self.files().count() < self.open_limit.files_max;
        if !has_room {
            self.wait_for_room(found);
        }
        has_room
    }

    /// No descriptor is left though the limit is not reached: lowers the limit.
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

    /// Decides what each found file is: first lost files, then files that waited, then the others. Files that existed
    /// at the first check and had to wait are treated as at the first check.
    pub(super) fn admit_all(
        &mut self,
        same: &[&FoundFile],
        other: &[&FoundFile],
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        self.open_limit.rounds += 1;
        self.open_limit.waited = std::mem::take(&mut self.open_limit.waiting);
        let mut other = other.to_vec();
        // In this order no file waits for ever.
        other.sort_by_key(|FoundFile { found, .. }| {
            let waited = self.open_limit.waited.get(&found.inode).copied().unwrap_or(u64::MAX);
            // New files do not wait for a large number of old ones. Live logs come before their copies and rotated
            // files, of which the oldest is read first.
            let is_old = found.changed.seconds < self.schedule.started_s;
            let is_rotated = found.is_surely_rotated();
            (waited, is_old || found.history, found.history, is_rotated, is_rotated.then(|| found.order_of_age()))
        });
        let first = self.schedule.is_first_round;
        self.unpacking.begin_check();
        for FoundFile { input, found } in same.iter().copied().chain(other) {
            // After the first check, only files that have not changed since then existed before logskiff.
            let predates_start =
                first && (self.open_limit.rounds == 1 || found.changed.seconds < self.schedule.started_s);
            self.schedule.is_first_round = predates_start || self.open_limit.early.remove(&found.inode);
            self.admit(*input, found, now, events);
        }
        self.unpacking.end_check();
        self.schedule.is_first_round = first;
    }

    /// Open files to close, because too many are open: those without recent writes first.
    pub(super) fn surplus(&self, finished: usize, now: Instant) -> Vec<FileId> {
        let crowded = self.is_crowded();
        let open = self.files().count();
        // Deleted files that are read are closed first, and early: new files may come faster than checks of the
        // directories.
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
        // Where other files wait, a file needs no unread bytes to be closed: the rest of its last line may take long.
        let gives_way = |file: &&TrackedFile| {
            let can_reopen = file.placement.phase == Phase::Live && !file.handle.is_stream();
            match (crowded, self.has_unoffered()) {
                (true, _) => can_reopen && !file.has_more(),
                (false, true) => can_reopen && file.is_at_end(),
                (false, false) => file.is_at_end() && file.is_idle(now),
            }
        };
        let mut idle: Vec<&TrackedFile> = self.files().filter(gives_way).collect();
        idle.sort_by_key(|file| file.placement.changed_at);
        given.chain(idle.iter().take(surplus).map(|file| file.id)).collect()
    }
}

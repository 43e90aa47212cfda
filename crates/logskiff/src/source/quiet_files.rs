//! Keeps little of closed files that have not changed for a while, where there are many: see [`QuietFiles`].
//!
//! Input: files that checks find unchanged. Output: files that have changed, as closed files again. A walk compares
//! only the metadata of quiet files. It returns a bounded number of unknown files; the others come with later walks.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::content::Content;
use super::discovery::{Candidate, Class, FoundFile};
use super::open_beneath::open_beneath;
use super::{ClosedFile, Event, FileSource, OPEN_MAX};
use event::{Boundary, CheckpointEntry, FileTime, Inode, Quiet, QuietFiles, RecordMemory, Writes, name_hash};

/// At most this many files are known. Above, those that changed longest ago are forgotten.
pub(super) const FILES_MAX: usize = 100_000;
/// How many are forgotten at once.
const FORGET: usize = FILES_MAX / 16;
/// With at least this many closed files, unchanged ones become quiet.
const CLOSED_MANY: usize = 512;
/// A file whose metadata has not changed for this many seconds is quiet. Times are coarse: two changes may look like
/// one.
const STILL_FOR_S: i64 = 3;
/// At most this many unknown files are opened after one walk.
const UNKNOWN_MAX: usize = 2048;
/// While files have not been offered, old ones are offered until this many files are open.
const OLD_OPEN_MAX: usize = OPEN_MAX + UNKNOWN_MAX / 2;
/// At least this many, however many closed files cannot become quiet.
const UNKNOWN_MIN: usize = 256;
/// Quiet files that no walk has found for this long are dropped: a directory may be out of sight for a while. After the
/// same time, a small number of closed files may become quiet too.
const UNMET_FOR: Duration = Duration::from_secs(60);

/// How the reason begins for files that are left out.
pub(super) const TOO_MANY: &str = "left out, like all files without a later change";

/// The time in seconds since 1970, by the file system's clock.
pub(super) fn clock_s() -> i64 {
    seconds(SystemTime::now())
}

/// A time in seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Whether a change was so long ago that a later one has another time.
pub(super) fn is_long_ago(changed_s: i64) -> bool {
    changed_s < clock_s() - STILL_FOR_S
}

fn hash(path: &Path) -> u32 {
    name_hash(path.as_os_str().as_bytes())
}

/// The quiet files, and the results of the walks.
#[derive(Debug, Default)]
pub(super) struct QuietState {
    files: Arc<QuietFiles>,
    /// Since when walks note which quiet files they find.
    met_since: Option<Instant>,
    /// When files last became quiet.
    grew_at: Option<Instant>,
    /// Earlier walks offered this many unknown files, and nothing came of it: the next walk skips them.
    skip: usize,
    /// How many files the last walk did not offer.
    not_offered: usize,
    /// Some files have not been offered since the round began.
    unfinished: bool,
    /// How many files the last walk left out: they have not changed since the oldest files were forgotten.
    left_out: usize,
    /// Hashes of the names that globs matched in the first walk of a first start.
    named: HashSet<u32>,
    /// Hashes of the checkpoint's names, while rotations from before the start are searched for.
    assumed: HashSet<u32>,
}

/// The metadata of a file that a walk found.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeenFile {
    pub(super) inode: Inode,
    /// Its length in bytes.
    pub(super) size: u64,
    /// When its metadata last changed.
    pub(super) changed: FileTime,
}

/// How many unknown files a walk may offer.
#[derive(Debug, Default)]
struct OfferBudget {
    /// At most this many files.
    room: Cell<usize>,
    /// Earlier walks offered this many files, and nothing came of it: this walk skips them.
    skip: Cell<usize>,
    /// At most this many files that changed after the start. They do not wait for a large number of older files.
    fresh_room: Cell<usize>,
    /// When logskiff started, in seconds since 1970.
    fresh_since: i64,
}

impl OfferBudget {
    fn is_fresh(&self, changed_s: i64) -> bool {
        changed_s >= self.fresh_since && self.fresh_room.get() > 0
    }

    /// Uses up the place of a file that changed after the start; false where none is left.
    fn take_fresh(&self, changed_s: i64) -> bool {
        let is_fresh = self.is_fresh(changed_s);
        if is_fresh {
            self.fresh_room.set(self.fresh_room.get() - 1);
        }
        is_fresh
    }

    /// Skips a file that an earlier walk offered; false where all of them are skipped.
    fn skip_one(&self) -> bool {
        let skips = self.skip.get() > 0;
        if skips {
            self.skip.set(self.skip.get() - 1);
        }
        skips
    }

    /// Uses up the place of any file; false where none is left.
    fn take_any(&self) -> bool {
        let has_room = self.room.get() > 0;
        if has_room {
            self.room.set(self.room.get() - 1);
        }
        has_room
    }
}

/// Decides which files a walk returns.
#[derive(Default)]
pub(super) struct WalkFilter {
    quiet: Arc<QuietFiles>,
    /// Inode numbers of open, closed and lost files: returned under any name.
    begun: HashSet<u64>,
    /// Inode numbers of waiting files.
    waiting: HashSet<u64>,
    /// Which quiet files the walk found, by their places.
    met: RefCell<Vec<bool>>,
    /// Hashes of the names that globs match, in the first walk of a first start.
    named: Option<RefCell<HashSet<u32>>>,
    /// Excluded files are returned too: a lost file may have such a name.
    takes_excluded: bool,
    budget: OfferBudget,
    not_offered: Cell<usize>,
    left_out: Cell<usize>,
    /// One of the files that were left out.
    example: RefCell<Option<PathBuf>>,
}

impl WalkFilter {
    /// Returns every file.
    #[cfg(test)]
    pub(super) fn all() -> Self {
        let budget = OfferBudget { room: Cell::new(usize::MAX), ..OfferBudget::default() };
        Self { takes_excluded: true, budget, ..Self::default() }
    }

    /// Whether a file with this inode number was read under some name.
    pub(super) fn is_begun(&self, number: u64) -> bool {
        self.begun.contains(&number) || self.quiet.has_number(number)
    }

    /// Whether a file may be quiet, so that its metadata has to be compared.
    pub(super) fn may_be_quiet(&self, number: u64) -> bool {
        self.quiet.has_number(number)
    }

    /// Whether a file is quiet and unchanged.
    pub(super) fn is_quiet(&self, seen: &SeenFile) -> bool {
        let Some((place, quiet)) = self.quiet.get(seen.inode) else { return false };
        self.met.borrow_mut()[place] = true;
        quiet.fingerprint.offset == seen.size
            && quiet.changed == seen.changed
            && !self.begun.contains(&seen.inode.inode)
    }

    /// Whether to return a file of interest.
    pub(super) fn takes(&self, class: Class, seen: &SeenFile, path: &Path) -> bool {
        let SeenFile { inode, changed, .. } = *seen;
        if class == Class::Match
            && let Some(named) = &self.named
        {
            named.borrow_mut().insert(hash(path));
        }
        if self.wants(inode.inode) {
            return true;
        }
        let was_quiet = self.quiet.has_number(inode.inode);
        if class == Class::Excluded && !self.takes_excluded && !was_quiet {
            return false;
        }
        if !was_quiet && self.quiet.is_forgotten(changed) {
            self.left_out.set(self.left_out.get() + 1);
            self.example.borrow_mut().get_or_insert_with(|| path.to_path_buf());
            return false;
        }
        if !was_quiet && self.budget.take_fresh(changed.seconds) {
            return true;
        }
        let is_skipped = !was_quiet && self.budget.skip_one();
        if !is_skipped && self.budget.take_any() {
            return true;
        }
        self.not_offered.set(self.not_offered.get() + 1);
        false
    }

    /// Whether a file need not be examined, because no more files are returned. `changed` reads when its metadata
    /// changed.
    pub(super) fn is_full_for(&self, number: u64, changed: impl FnOnce() -> Option<FileTime>) -> bool {
        let is_full = self.budget.room.get() == 0
            && self.named.is_none()
            && !self.wants(number)
            && !changed().is_some_and(|changed| self.budget.is_fresh(changed.seconds));
        if is_full {
            self.not_offered.set(self.not_offered.get() + 1);
        }
        is_full
    }

    /// Whether a file with this inode number is always returned.
    fn wants(&self, number: u64) -> bool {
        self.begun.contains(&number) || self.waiting.contains(&number)
    }
}

impl FileSource {
    /// Restores the quiet files of the checkpoint.
    pub fn restore_quiet(&mut self, files: QuietFiles) {
        self.quiet.assumed = files.iter().map(|file| file.name).collect();
        self.quiet.files = Arc::new(files);
    }

    /// The quiet files, for the checkpoint.
    #[must_use]
    pub fn quiet_files(&self) -> &Arc<QuietFiles> {
        &self.quiet.files
    }

    /// How many files are left out because there are too many.
    #[must_use]
    pub fn left_out_files(&self) -> usize {
        self.quiet.left_out
    }

    /// How many unknown files the last walk did not return. Later walks do.
    pub(super) fn not_offered(&self) -> usize {
        self.quiet.not_offered
    }

    /// Which files the next walk returns.
    pub(super) fn walk_filter(&self) -> WalkFilter {
        let open = self.files().map(|file| file.inode);
        let absent = self.index.lost.iter().map(|lost| lost.entry.inode).chain(self.index.closed.keys().copied());
        let room = UNKNOWN_MAX.saturating_sub(self.pending.waiting.len() + self.open_limit.waiting.len());
        let closed = self.index.closed.len().saturating_sub(self.closed_many());
        // Each open file takes some KiB: an old one can wait until others are acknowledged.
        let old = room.saturating_sub(closed).min(OLD_OPEN_MAX.saturating_sub(self.files().count()));
        let waiting = self
            .pending
            .waiting
            .keys()
            .chain(self.open_limit.waiting.keys())
            .chain(self.index.copies.keys())
            .chain(self.pending.held.keys());
        WalkFilter {
            quiet: Arc::clone(&self.quiet.files),
            begun: open.chain(absent).chain(self.rotations.owed.iter().copied()).map(|inode| inode.inode).collect(),
            waiting: waiting.map(|inode| inode.inode).collect(),
            met: RefCell::new(vec![false; self.quiet.files.len()]),
            named: (self.needs_history() && self.open_limit.is_first()).then(RefCell::default),
            takes_excluded: !self.index.lost.is_empty(),
            budget: OfferBudget {
                skip: Cell::new(self.quiet.skip),
                fresh_since: self.schedule.started_s,
                fresh_room: Cell::new(room.min(UNKNOWN_MIN)),
                room: Cell::new(old.max(room.min(UNKNOWN_MIN))),
            },
            not_offered: Cell::new(0),
            left_out: Cell::new(0),
            example: RefCell::new(None),
        }
    }

    /// Takes over the results of a walk.
    pub(super) fn apply_walk(&mut self, walk_filter: WalkFilter, now: Instant, events: &mut Vec<Event>) {
        (self.quiet.not_offered, self.quiet.left_out) = (walk_filter.not_offered.get(), walk_filter.left_out.get());
        if let Some(named) = walk_filter.named {
            self.quiet.named = named.into_inner();
        }
        if let Some(path) = walk_filter.example.into_inner() {
            let why = format!("{TOO_MANY}: there are more than {FILES_MAX} files, and only the newest are read");
            self.refuse(path, &why, events);
        }
        if self.quiet.files.is_empty() {
            return;
        }
        let met = walk_filter.met.into_inner();
        drop(walk_filter.quiet);
        let files = Arc::make_mut(&mut self.quiet.files);
        files.mark_found(|place| met[place]);
        let since = *self.quiet.met_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= UNMET_FOR {
            files.drop_unfound();
            self.quiet.met_since = Some(now);
        }
    }

    /// Whether a glob matched this name in the first walk of a first start.
    pub(super) fn has_named(&self, path: &Path) -> bool {
        !self.quiet.named.is_empty() && self.quiet.named.contains(&hash(path))
    }

    /// The first walk is over, and all its files are examined.
    pub(super) fn forget_named(&mut self) {
        self.quiet.named = HashSet::new();
    }

    /// Whether some files have not been examined yet, because there are many: the next walks return them.
    #[must_use]
    pub fn has_unoffered(&self) -> bool {
        self.quiet.unfinished
    }

    /// Turns quiet files that have changed into closed files.
    pub(super) fn reopen_changed_quiet(&mut self, candidates: &[FoundFile]) {
        if self.quiet.files.is_empty() {
            return;
        }
        let open = self.open_inodes();
        for FoundFile { input, found } in candidates {
            let Some((_, quiet)) = self.quiet.files.get(found.inode) else { continue };
            let is_known = self.index.closed.contains_key(&found.inode)
                || open.contains(&found.inode)
                || self.index.lost.iter().any(|lost| lost.entry.inode == found.inode);
            if !is_known && let Some(entry) = self.entry_of_quiet(found, &quiet) {
                self.index
                    .closed
                    .insert(found.inode, ClosedFile { changed: Some(quiet.changed), input: *input, entry });
            }
        }
    }

    /// The checkpoint entry of a quiet file, as if it had always had its present name.
    fn entry_of_quiet(&self, found: &Candidate, quiet: &Quiet) -> Option<CheckpointEntry> {
        let handle = Content::Plain(open_beneath(&found.root, &found.place, &self.discovery.guard).ok()?);
        let incarnation = quiet.incarnation.into();
        Some(CheckpointEntry {
            path: found.path.clone(),
            real: None,
            inode: found.inode,
            origin: self.index.origin(&handle, found.inode, incarnation),
            incarnation,
            offset: quiet.fingerprint.offset,
            boundary: Boundary::LineStart,
            read_from_start: quiet.whole,
            writes: Writes::acknowledged(quiet.fingerprint.offset),
            fingerprint: quiet.fingerprint,
            ahead: None,
            records: RecordMemory::default(),
        })
    }

    /// Turns closed files that have not changed for a while into quiet files, where there are many, and plans the next
    /// walk.
    pub(super) fn update_quiet(&mut self, candidates: &[FoundFile], now: Instant) {
        let is_long_ago = self.quiet.grew_at.is_none_or(|at| now.saturating_duration_since(at) >= UNMET_FOR);
        if self.index.closed.len() >= if is_long_ago { CLOSED_MANY } else { self.closed_many() } {
            self.quiet.grew_at = Some(now);
            self.move_to_quiet(candidates);
        }
        self.plan_next_walk(candidates);
    }

    /// With this many closed files, some become quiet. Each time all quiet files are written: so it is a share of them,
    /// or what came within a minute.
    fn closed_many(&self) -> usize {
        CLOSED_MANY.max(self.quiet.files.len() / 32)
    }

    fn move_to_quiet(&mut self, candidates: &[FoundFile]) {
        let still = candidates.iter().filter(|FoundFile { input, found }| {
            let is_deleted_rotated = self.discovery.inputs[*input].config.delete_rotated && found.class != Class::Match;
            is_long_ago(found.changed.seconds)
                && !found.linked()
                && !is_deleted_rotated
                && !self.rotations.orphans.contains(&found.inode)
                && self.index.closed.contains_key(&found.inode)
        });
        let quiet: Vec<(Inode, Quiet)> =
            still.filter_map(|FoundFile { found, .. }| Some((found.inode, self.as_quiet(found)?))).collect();
        for (inode, _) in &quiet {
            self.index.closed.remove(inode);
        }
        if quiet.is_empty() {
            return;
        }
        Arc::make_mut(&mut self.quiet.files).insert(quiet);
        let surplus = self.known_files().saturating_sub(FILES_MAX);
        if surplus > 0 {
            Arc::make_mut(&mut self.quiet.files).forget_oldest(surplus + FORGET);
        }
    }

    /// How many files are quiet, closed or open. A quiet file that has changed is also closed or open.
    fn known_files(&self) -> usize {
        let others = self.index.closed.keys().copied().chain(self.table.iter().map(|file| file.inode));
        self.quiet.files.len() + others.filter(|inode| self.quiet.files.get(*inode).is_none()).count()
    }

    /// The quiet form of a closed file, if it is unchanged and the quiet form loses nothing.
    fn as_quiet(&self, found: &Candidate) -> Option<Quiet> {
        let ClosedFile { changed, entry, .. } = self.index.closed.get(&found.inode)?;
        let print = entry.fingerprint;
        let is_settled = *changed == Some(found.changed)
            && entry.offset == found.size
            && print.offset == found.size
            && entry.boundary == Boundary::LineStart
            && entry.path == found.path
            && QuietFiles::can_hold(&print);
        let name = hash(&found.path);
        let incarnation = entry.incarnation.try_into().ok()?;
        is_settled.then_some(Quiet {
            fingerprint: print,
            changed: found.changed,
            name,
            incarnation,
            whole: entry.read_from_start,
        })
    }

    /// Plans what the next walk offers, where this one did not offer all files.
    fn plan_next_walk(&mut self, candidates: &[FoundFile]) {
        // If only skipped files were not offered, all files have been: the next round is not urgent.
        self.quiet.unfinished = self.quiet.not_offered > self.quiet.skip;
        if !self.quiet.unfinished {
            self.quiet.skip = 0;
            return;
        }
        let open = self.open_inodes();
        let is_idle = |found: &Candidate| {
            !open.contains(&found.inode)
                && !self.index.closed.contains_key(&found.inode)
                && !self.quiet.files.has_number(found.inode.inode)
                && !self.pending.waiting.contains_key(&found.inode)
                && !self.open_limit.waiting.contains_key(&found.inode)
        };
        self.quiet.skip += candidates.iter().filter(|FoundFile { found, .. }| is_idle(found)).count();
    }

    /// Whether a file of the checkpoint had this name.
    pub(super) fn is_assumed(&self, path: &Path) -> bool {
        !self.quiet.assumed.is_empty() && self.quiet.assumed.contains(&hash(path))
    }

    /// Ends the search for rotations from before the start.
    pub(super) fn clear_assumed(&mut self) {
        self.rotations.assumed.clear();
        self.quiet.assumed = HashSet::new();
    }
}

#[cfg(test)]
mod tests;

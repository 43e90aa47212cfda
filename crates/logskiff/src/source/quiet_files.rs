//! Of many files that are settled and still, only what tells that they are: [`QuietFiles`].
//!
//! Enters: what the scans find unchanged. Leaves: those that have changed, as closed files again. A walk passes over the quiet ones
//! with one look each, and offers so many unknown files at once as memory allows; the others come with the next walks.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::content::Content;
use super::discovery::{Candidate, Class, FoundFile};
use super::open_beneath::open_beneath;
use super::{ClosedFile, FileSource};
use event::{Boundary, CheckpointEntry, Inode, Quiet, QuietFiles, name_hash};

/// So many files are known at most; of more, those are forgotten that changed least lately.
pub(super) const FILES_MAX: usize = 100_000;
/// So many are forgotten at once.
const FORGET: usize = FILES_MAX / 16;
/// With so many closed files, at least, those among them that are still become quiet ones.
const CLOSED_MANY: usize = 512;
/// A file whose metadata has not changed for so many seconds is still. Times are coarse: two changes in one moment look like one.
const STILL_FOR_S: i64 = 3;
/// So many unknown files are looked into after one walk.
const UNKNOWN_MAX: usize = 2048;
/// But at least so many, however many are closed and cannot become quiet.
const UNKNOWN_MIN: usize = 256;
/// Those that no walk has met for so long are dropped: a directory may be out of sight for a while. After as long some are added, though
/// they are few.
const UNMET_FOR: Duration = Duration::from_secs(60);

/// How it begins what is said of one of those that are left out.
pub(super) const TOO_MANY: &str = "left out, like all files that changed no later than it";

/// Seconds since 1970, by the clock that files go by.
pub(super) fn clock_s() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn hash(path: &Path) -> u32 {
    name_hash(path.as_os_str().as_bytes())
}

/// The quiet files, and what the walks say of them.
#[derive(Debug, Default)]
pub(super) struct QuietState {
    files: Arc<QuietFiles>,
    /// Since when it is noted which of them the walks meet.
    met_since: Option<Instant>,
    /// When some were last added.
    grew_at: Option<Instant>,
    /// So many unknown files were offered before, and nothing came of it: the next walk passes over them.
    skip: usize,
    /// So many were not offered by the last walk.
    not_offered: usize,
    /// Some of them were not offered since the round began.
    unfinished: bool,
    /// So many were left out by it: they have not changed since files were forgotten.
    left_out: usize,
    /// Hashes of the names that globs gave to files at the first look of a first start.
    named: HashSet<u32>,
    /// The names that the checkpoint told of, while what was rotated meanwhile is looked for.
    presumed: HashSet<u32>,
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
    fn is_fresh(&self, changed: (i64, i64)) -> bool {
        changed.0 >= self.fresh_since && self.fresh_room.get() > 0
    }

    /// Takes the place of a file that changed after the start; false where there is none left.
    fn take_fresh(&self, changed: (i64, i64)) -> bool {
        let is_fresh = self.is_fresh(changed);
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

    /// Takes the place of any file; false where there is none left.
    fn take_room(&self) -> bool {
        let has_room = self.room.get() > 0;
        if has_room {
            self.room.set(self.room.get() - 1);
        }
        has_room
    }
}

/// What one walk over the directories of all inputs is to offer.
#[derive(Default)]
pub(super) struct WalkFilter {
    quiet: Arc<QuietFiles>,
    /// Inode numbers of the files that are open, closed or looked for: found whatever they are called now.
    begun: HashSet<u64>,
    /// The same of those that wait to be admitted.
    waiting: HashSet<u64>,
    /// The places of the quiet files that it met.
    met: RefCell<Vec<bool>>,
    /// Hashes of the names that globs give, at the first look of a first start.
    named: Option<RefCell<HashSet<u32>>>,
    /// Files that are left out by `EXCLUDE` are of interest as well: one that is looked for may have got such a name.
    takes_excluded: bool,
    budget: OfferBudget,
    not_offered: Cell<usize>,
    left_out: Cell<usize>,
    /// One that was left out.
    example: RefCell<Option<PathBuf>>,
}

impl WalkFilter {
    /// Asks for all that there is.
    #[cfg(test)]
    pub(super) fn all() -> Self {
        let budget = OfferBudget { room: Cell::new(usize::MAX), ..OfferBudget::default() };
        Self { takes_excluded: true, budget, ..Self::default() }
    }

    /// Whether a file with this inode number was begun under some name.
    pub(super) fn is_begun(&self, number: u64) -> bool {
        self.begun.contains(&number) || self.quiet.has_number(number)
    }

    /// Whether a file may be quiet: it is worth a look.
    pub(super) fn may_be_quiet(&self, number: u64) -> bool {
        self.quiet.has_number(number)
    }

    /// Whether it is quiet, and as it was.
    pub(super) fn is_quiet(&self, inode: Inode, size: u64, changed: (i64, i64)) -> bool {
        let Some((place, quiet)) = self.quiet.get(inode) else { return false };
        self.met.borrow_mut()[place] = true;
        quiet.fingerprint.offset == size && quiet.changed == changed && !self.begun.contains(&inode.inode)
    }

    /// Whether a file that is of interest is to be offered now.
    pub(super) fn takes(&self, class: Class, inode: Inode, changed: (i64, i64), path: &Path) -> bool {
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
        if !was_quiet && self.budget.take_fresh(changed) {
            return true;
        }
        let is_skipped = !was_quiet && self.budget.skip_one();
        if !is_skipped && self.budget.take_room() {
            return true;
        }
        self.not_offered.set(self.not_offered.get() + 1);
        false
    }

    /// Whether a file with this inode number is not wanted any more, and need not be looked at closely; `changed` looks when it changed.
    pub(super) fn is_full_for(&self, number: u64, changed: impl FnOnce() -> Option<(i64, i64)>) -> bool {
        let is_full = self.budget.room.get() == 0
            && self.named.is_none()
            && !self.wants(number)
            && !changed().is_some_and(|changed| self.budget.is_fresh(changed));
        if is_full {
            self.not_offered.set(self.not_offered.get() + 1);
        }
        is_full
    }

    /// Whether a file with this inode number is offered whatever else there is.
    fn wants(&self, number: u64) -> bool {
        self.begun.contains(&number) || self.waiting.contains(&number)
    }
}

impl FileSource {
    /// Takes up the quiet files of the checkpoint.
    pub fn restore_quiet(&mut self, files: QuietFiles) {
        self.quiet.presumed = files.iter().map(|file| file.name).collect();
        self.quiet.files = Arc::new(files);
    }

    /// The quiet files, for the checkpoint.
    #[must_use]
    pub fn quiet_files(&self) -> &Arc<QuietFiles> {
        &self.quiet.files
    }

    /// How many files are left out, since there are too many.
    #[must_use]
    pub fn left_out_files(&self) -> usize {
        self.quiet.left_out
    }

    /// How many unknown files the last walk did not offer; they come with the next ones.
    pub(super) fn not_offered(&self) -> usize {
        self.quiet.not_offered
    }

    /// What the next walk is to offer.
    pub(super) fn walk_filter(&self) -> WalkFilter {
        let open = self.files().map(|file| file.inode);
        let absent = self.index.lost.iter().map(|lost| lost.entry.inode).chain(self.index.closed.keys().copied());
        let room = UNKNOWN_MAX.saturating_sub(self.pending.waiting.len() + self.open_limit.waiting.len());
        let closed = self.index.closed.len().saturating_sub(self.closed_many());
        let waiting = self
            .pending
            .waiting
            .keys()
            .chain(self.open_limit.waiting.keys())
            .chain(self.index.copies.keys())
            .chain(self.pending.held.keys());
        WalkFilter {
            quiet: Arc::clone(&self.quiet.files),
            begun: open.chain(absent).map(|inode| inode.inode).collect(),
            waiting: waiting.map(|inode| inode.inode).collect(),
            met: RefCell::new(vec![false; self.quiet.files.len()]),
            named: (self.needs_history() && self.open_limit.is_first()).then(RefCell::default),
            takes_excluded: !self.index.lost.is_empty(),
            budget: OfferBudget {
                skip: Cell::new(self.quiet.skip),
                fresh_since: self.schedule.started_s,
                fresh_room: Cell::new(room.min(UNKNOWN_MIN)),
                room: Cell::new(room.saturating_sub(closed).max(room.min(UNKNOWN_MIN))),
            },
            not_offered: Cell::new(0),
            left_out: Cell::new(0),
            example: RefCell::new(None),
        }
    }

    /// Takes what a walk says of the quiet files and of those that it did not offer.
    pub(super) fn apply_walk(&mut self, walk_filter: WalkFilter, now: Instant) {
        (self.quiet.not_offered, self.quiet.left_out) = (walk_filter.not_offered.get(), walk_filter.left_out.get());
        if let Some(named) = walk_filter.named {
            self.quiet.named = named.into_inner();
        }
        if let Some(path) = walk_filter.example.into_inner() {
            let why = format!("{TOO_MANY}: there are more than {FILES_MAX}, and the newest are read");
            self.refuse(path, &why);
        }
        if self.quiet.files.is_empty() {
            return;
        }
        let met = walk_filter.met.into_inner();
        drop(walk_filter.quiet);
        let files = Arc::make_mut(&mut self.quiet.files);
        files.meet(|place| met[place]);
        let since = *self.quiet.met_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= UNMET_FOR {
            files.drop_unmet();
            self.quiet.met_since = Some(now);
        }
    }

    /// Whether a glob gave this name to a file at the first look of a first start.
    pub(super) fn has_named(&self, path: &Path) -> bool {
        !self.quiet.named.is_empty() && self.quiet.named.contains(&hash(path))
    }

    /// The first look is over, and all that was there then is looked into.
    pub(super) fn forget_named(&mut self) {
        self.quiet.named = HashSet::new();
    }

    /// Whether some files were not offered yet since the first look.
    pub(super) fn has_unoffered(&self) -> bool {
        self.quiet.unfinished
    }

    /// Quiet files that have changed are closed files again.
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

    /// What is known of a quiet file, as if it had always been called as it is now.
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
            whole: quiet.whole,
            size: quiet.fingerprint.offset,
            fingerprint: quiet.fingerprint,
            ahead: None,
        })
    }

    /// Makes quiet files of the closed ones that have not changed for a while, where there are many, and chooses what the next walk offers.
    pub(super) fn update_quiet(&mut self, candidates: &[FoundFile], now: Instant) {
        let is_long_ago = self.quiet.grew_at.is_none_or(|at| now.saturating_duration_since(at) >= UNMET_FOR);
        if self.index.closed.len() >= if is_long_ago { CLOSED_MANY } else { self.closed_many() } {
            self.quiet.grew_at = Some(now);
            self.move_to_quiet(candidates);
        }
        self.plan_next_walk(candidates);
    }

    /// With so many closed files some become quiet. All that are quiet are written then: so it is a part of them that comes each time, or
    /// what came in a minute.
    fn closed_many(&self) -> usize {
        CLOSED_MANY.max(self.quiet.files.len() / 32)
    }

    fn move_to_quiet(&mut self, candidates: &[FoundFile]) {
        let before = clock_s() - STILL_FOR_S;
        let still = candidates.iter().filter(|FoundFile { input, found }| {
            let is_deleted_rotated = self.discovery.inputs[*input].config.delete_rotated && found.class != Class::Match;
            found.changed.0 < before
                && !found.linked()
                && !is_deleted_rotated
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
        let files = Arc::make_mut(&mut self.quiet.files);
        files.insert(quiet);
        let surplus = (files.len() + self.index.closed.len() + self.table.files.len()).saturating_sub(FILES_MAX);
        if surplus > 0 {
            files.forget_oldest(surplus + FORGET);
        }
    }

    /// What is kept of a closed file, if it is as it was, and nothing is lost with the rest.
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
            whole: entry.whole,
        })
    }

    /// Chooses what the next walk offers, where this one did not offer all.
    fn plan_next_walk(&mut self, candidates: &[FoundFile]) {
        // Where those that were passed over are all that was not offered, all have been: the next round is in no hurry.
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
        self.schedule.reconcile_due |= !self.is_crowded();
    }

    /// Whether a file of the checkpoint had this name.
    pub(super) fn is_presumed(&self, path: &Path) -> bool {
        !self.quiet.presumed.is_empty() && self.quiet.presumed.contains(&hash(path))
    }

    /// Nothing that was rotated while nobody looked is looked for any more.
    pub(super) fn clear_presumed(&mut self) {
        self.rotations.presumed.clear();
        self.quiet.presumed = HashSet::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: where more files are there than are looked into at once, a new one is, and those that are left are counted.
    #[test]
    fn a_new_file_does_not_wait_for_very_many_old_ones() {
        let budget = OfferBudget { room: Cell::new(1), fresh_since: 100, fresh_room: Cell::new(1), skip: Cell::new(0) };
        let walk_filter = WalkFilter { budget, ..WalkFilter::default() };
        let takes = |number: u64, changed_s: i64| {
            let inode = Inode { device: 1, inode: number };
            !walk_filter.is_full_for(number, || Some((changed_s, 0)))
                && walk_filter.takes(Class::Match, inode, (changed_s, 0), Path::new("/log/a.log"))
        };
        assert_eq!([takes(1, 50), takes(2, 60), takes(3, 100), takes(4, 101)], [true, false, true, false]);
        assert_eq!(walk_filter.not_offered.get(), 2);
    }
}

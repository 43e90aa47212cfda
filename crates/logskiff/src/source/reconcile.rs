//! What the directories hold, held against what is known.
//!
//! A file that is open is followed to its new name. One that is not known is, in this order: the continuation of a file
//! that was lost from sight (by inode, then by content), the copy of a live file (it waits for the truncation that tells),
//! a file that a glob names (read from its start), or a rotated one that was never seen live (read only where a rotation
//! was noticed; otherwise it was there before us).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::content::Content;
use super::discovery::{Candidate, Class, Pipe};
use super::open_beneath::{OpenError, open_beneath};
use super::quiet_files::Survey;
use super::replaced::Replacement;
use super::tracked_file::Displaced;
use super::{
    COPY_AWAITED, DIRECTORIES_ASKED_MAX, Event, FileSource, Known, LostFile, Phase, Start, directory_stamp, fingerprint,
};
use event::{Boundary, CheckpointEntry, Inode, Watermark};

/// Why a file is left alone that no glob names and that is no log's history.
pub(super) const UNASKED: &str =
    "called like a rotated file, and no glob names it; name it in the paths if it is a log of its own";

pub(super) const PACKED: &str = "compressed, and not with gzip; it is not read";

/// What is known of what is there at the first scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Past {
    /// There was no checkpoint: it was there before us.
    None,
    /// What the checkpoint tells.
    Known,
    /// There was a checkpoint that cannot be read: what was shipped of it is not known.
    Lost,
}

impl FileSource {
    /// Looks at the directories: follows renames, and begins what is new.
    pub fn reconcile(&mut self, now: Instant) {
        self.looks += 1;
        // What was truncated must be known before its copy is seen.
        self.poll_files(now, &mut Vec::new(), false);
        self.reconcile_due = false;
        self.rotations.retain(|_, since| now.saturating_duration_since(*since) < COPY_AWAITED);
        if now.saturating_duration_since(self.started_at) >= COPY_AWAITED {
            self.presume_nothing();
        }
        // Taken before the walk, so that what changes during it is seen at the next look.
        let stamps: Vec<_> = self.directories.iter().map(|path| (path.clone(), directory_stamp(path))).collect();
        self.guard.look();
        let mut pipes = Vec::new();
        let survey = self.survey();
        let mut candidates = self.find(&survey, &mut pipes);
        self.surveyed(survey, now);
        self.find_former(&mut candidates);
        self.note_real(&candidates);
        self.tell_history(&mut candidates);
        self.wake(&candidates);
        self.follow_streams(&pipes, now);
        self.directory_stamps = self.stamps(&stamps);
        let seen: HashMap<Inode, usize> =
            candidates.iter().enumerate().map(|(at, (_, found))| (found.inode, at)).rev().collect();
        self.follow(&candidates, &seen, now);
        let open = self.open_inodes();
        let unknown: Vec<&(usize, Candidate)> =
            candidates.iter().filter(|(_, found)| !open.contains(&found.inode)).collect();
        // First by inode, so that a rename is known for a rotation before anything is made of the new file.
        let (same, other): (Vec<_>, Vec<_>) =
            unknown.into_iter().partition(|(_, found)| self.ghosts.iter().any(|ghost| ghost.mark.inode == found.inode));
        let held = std::mem::take(&mut self.held);
        self.admit_all(&same, &other, now);
        for (inode, held) in held {
            if !seen.contains_key(&inode) {
                self.read_held(held, now);
            } else if self.waiting.contains_key(&inode) {
                // It waits under another name.
                self.held.entry(inode).or_insert(held);
            }
        }
        self.waiting.retain(|inode, _| seen.contains_key(inode));
        self.copies.retain(|inode, _| seen.contains_key(inode));
        let gone: Vec<Inode> = self.known.keys().filter(|inode| !seen.contains_key(inode)).copied().collect();
        for inode in gone {
            if let Some(known) = self.known.remove(&inode) {
                self.remember(known.mark);
            }
        }
        self.choose_prunable(&candidates);
        self.note_unread(&candidates);
        self.settle_down(&candidates, now);
        self.first &= self.is_half_seen();
    }

    /// Walks the directories of all inputs: files, and `pipes` that are named outright.
    fn find(&mut self, survey: &Survey, pipes: &mut Vec<(usize, Pipe)>) -> Vec<(usize, Candidate)> {
        let mut candidates: Vec<(usize, Candidate)> = Vec::new();
        let mut taken: HashMap<Inode, usize> = HashMap::new();
        let mut directories = Vec::new();
        self.linked.clear();
        for input in 0..self.inputs.len() {
            let mut found = self.inputs[input].0.find(&self.guard, survey);
            directories.append(&mut found.directories);
            self.linked.extend(found.linked);
            for (path, why) in found.unreadable {
                self.refuse(path, &why);
            }
            // Of several names of one file, the one that a glob gives counts.
            found.candidates.sort_by(|one, other| {
                (one.class, one.linked(), &one.path).cmp(&(other.class, other.linked(), &other.path))
            });
            // A pipe is named outright, by one named input alone; that goes before the common one.
            for pipe in found.pipes {
                pipes.retain(|(_, other)| other.inode != pipe.inode);
                pipes.push((input, pipe));
            }
            for candidate in found.candidates {
                match taken.entry(candidate.inode) {
                    Entry::Vacant(place) => {
                        place.insert(candidates.len());
                        candidates.push((input, candidate));
                    }
                    Entry::Occupied(place) => prefer(&mut candidates[*place.get()], input, candidate),
                }
            }
        }
        directories.sort_unstable();
        directories.dedup();
        if *self.directories != *directories {
            self.directories = Arc::from(directories);
        }
        candidates
    }

    /// At a first start, notes which rotated files are the history of a log that is there.
    fn tell_history(&mut self, candidates: &mut [(usize, Candidate)]) {
        if !self.tells_history() {
            return self.forget_named();
        }
        for (_, found) in candidates.iter_mut().filter(|(_, found)| found.class != Class::Match) {
            let history = found.sure_origins().any(|origin| self.has_named(origin));
            found.history = history;
        }
    }

    /// Whether rotated files that are there are to be told for the history of a log.
    pub(super) fn tells_history(&self) -> bool {
        self.past == Past::None && (self.first || self.room.has_early())
    }

    fn stamps(&self, before: &[(PathBuf, Option<(i64, i64)>)]) -> Vec<Option<(i64, i64)>> {
        if self.directories.len() > DIRECTORIES_ASKED_MAX {
            return Vec::new();
        }
        let before = |path: &PathBuf| before.iter().find(|(known, _)| known == path).and_then(|(_, stamp)| *stamp);
        self.directories.iter().map(before).collect()
    }

    /// Follows the open files to where they are now.
    fn follow(&mut self, candidates: &[(usize, Candidate)], seen: &HashMap<Inode, usize>, now: Instant) {
        for file in self.files.iter_mut().flatten().filter(|file| !file.handle.is_stream()) {
            let here = seen.get(&file.inode).map(|at| &candidates[*at].1);
            let phase = match here {
                Some(here) if here.path == file.path && here.class == Class::Match => Phase::Live,
                _ if file.phase == Phase::Deleted => Phase::Deleted,
                _ => Phase::Rotated,
            };
            match phase {
                Phase::Live => file.displaced = Displaced::No,
                Phase::Rotated if file.displaced == Displaced::No => file.displaced = Displaced::Seen,
                Phase::Rotated | Phase::Deleted => {}
            }
            if phase != file.phase {
                file.phase = phase;
                file.changed_at = now;
            }
            if phase != Phase::Live && now.saturating_duration_since(file.changed_at) < COPY_AWAITED {
                self.rotations.insert(file.path.clone(), file.changed_at);
            }
        }
    }

    /// Decides what an unknown file is.
    pub(super) fn admit(&mut self, input: usize, found: &Candidate, now: Instant) {
        let same = |known: &Known| known.changed == Some(found.changed) && known.mark.offset == found.size;
        if self.known.get(&found.inode).is_some_and(same) || self.is_known_copy(found) {
            return;
        }
        if found.class == Class::Excluded && self.ghosts.is_empty() && !self.known.contains_key(&found.inode) {
            return;
        }
        if found.class == Class::Compressed {
            return self.refuse(found.path.clone(), PACKED);
        }
        if found.class != Class::Excluded && !self.has_room(found) {
            return;
        }
        let handle = match open_beneath(&found.root, &found.place, &self.guard) {
            Ok(handle) => Content::Plain(handle),
            Err(OpenError::Gone) => return,
            Err(OpenError::NoDescriptor) => return self.no_descriptor(found),
            Err(error) => return self.refuse(found.path.clone(), &error.to_string()),
        };
        // Swapped between the look and the open: the next scan sees what it is.
        if !handle.metadata().is_ok_and(|metadata| fingerprint::inode(&metadata) == found.inode) {
            self.reconcile_due = true;
            return;
        }
        self.readable(&found.path);
        self.see_again(input, found, &handle);
        if let Class::Gzip(naming) = found.class {
            return self.admit_gzip((input, naming), found, &handle, now);
        }
        // A file that was closed empty is known by its inode alone: whatever is known better comes first.
        let blank = self.known.get(&found.inode).is_some_and(|known| known.mark.fingerprint.head_bytes == 0);
        let Some(handle) = (if blank { Some(handle) } else { self.reopen(found, handle, now) }) else { return };
        let handle = match self.adopt(input, found, handle, now) {
            Ok(()) => return,
            Err(handle) => handle,
        };
        if (found.class == Class::Excluded && !blank)
            || self.is_copy(input, found, (&handle, &handle), found.size).unwrap_or(false)
        {
            return;
        }
        if self.wait(found, &handle, now) {
            return self.hold_named(input, found, handle);
        }
        let Some(handle) = (if blank { self.reopen(found, handle, now) } else { Some(handle) }) else { return };
        if found.class == Class::Excluded || self.overwritten(input, found, &handle) {
            return;
        }
        let replacement = self.replacement(found, &handle, now);
        if replacement.is_some_and(|replacement| !replacement.is_ready) {
            self.waits(found, now);
            return self.hold(input, found, handle);
        }
        let was_named = self.waiting.remove(&found.inode).is_some_and(|waiting| waiting.named);
        let before_us = self.is_before_us();
        let offset = match (found.class, replacement) {
            (_, Some(Replacement { offset, .. })) => offset,
            (Class::Match, _) if before_us && self.inputs[input].1.start == Start::End => {
                fingerprint::line_start(&handle, found.size)
            }
            (Class::Match, _) => 0,
            _ if was_named || self.is_ours(input, found) => 0,
            _ => return self.pass(input, found, &handle),
        };
        self.begin_anew(input, found, handle, offset, now);
        self.succeed(found.inode, replacement);
        // It is read before those that are in their places.
        if found.history
            && let Some(file) = self.open_mut(found.inode)
        {
            file.phase = Phase::Rotated;
        }
    }

    /// Whether a file that no glob names is a log's by the rotation that made it, or at a first start by its name.
    pub(super) fn is_ours(&mut self, input: usize, found: &Candidate) -> bool {
        if !self.is_before_us() {
            return self.rotated(found);
        }
        if self.inputs[input].1.start == Start::End {
            return false;
        }
        if !found.history {
            self.refuse(found.path.clone(), UNASKED);
        }
        found.history
    }

    /// Begins a file that was not read before.
    pub(super) fn begin_anew(&mut self, input: usize, found: &Candidate, handle: Content, offset: u64, now: Instant) {
        // A file that was truncated while nobody looked is another one for event ids, though its inode is the same.
        let ghosts = self.ghosts.iter().map(|ghost| &ghost.mark);
        let former = ghosts.chain(self.known.values().map(|known| &known.mark));
        let same_inode = former.filter(|mark| mark.inode == found.inode);
        let incarnation = same_inode.map(|mark| mark.incarnation + 1).max().unwrap_or(0);
        if incarnation > 0 {
            self.events.push(Event::Truncated(found.path.clone()));
        }
        let origin = fingerprint::origin(&self.scope, &handle, found.inode, incarnation);
        let at = Watermark { offset, boundary: Boundary::LineStart };
        self.begin((input, found.path.clone(), handle), at, origin, incarnation, now);
    }

    /// Goes on with a closed file, if it is still the same one.
    fn reopen(&mut self, found: &Candidate, handle: Content, now: Instant) -> Option<Content> {
        let Some(Known { mark, input, .. }) = self.known.get(&found.inode) else { return Some(handle) };
        // An empty file is known by its name or its birth alone: its inode may be another's by now.
        let may_be_it = || mark.fingerprint.head_bytes > 0 || mark.path == found.path || self.is_file_of(mark, &handle);
        let has_grown = mark.offset < found.size && self.has_grown_to_copy(found, &handle, mark.offset);
        if has_grown || !(may_be_it() && fingerprint::matches(&handle, &mark.fingerprint).unwrap_or(false)) {
            return Some(handle);
        }
        let (input, mark) = (*input, mark.clone());
        // One that was never read and may be another log: what it grows by is not read either.
        let passed = !mark.whole && mark.path == found.path;
        if passed && found.class == Class::Sibling && !found.is_surely_rotated() {
            self.pass(input, found, &handle);
        } else if mark.offset == found.size {
            self.known.insert(found.inode, Known { changed: Some(found.changed), input, mark });
        } else {
            let whole = mark.whole;
            let mut at = self.behind_copy(input, found, &handle, mark.watermark(), now)?;
            // What was passed over may have been half a line, as of a copy in the making.
            if !whole && at.boundary == Boundary::LineStart {
                at.offset = fingerprint::line_start(&handle, at.offset);
            }
            let CheckpointEntry { path, origin, incarnation, .. } = mark;
            self.begin((input, path, handle), at, origin, incarnation, now);
            if let Some(file) = self.open_mut(found.inode) {
                file.whole = whole;
            }
        }
        None
    }

    /// Goes on with a file that was lost from sight, if this is it.
    pub(super) fn adopt(
        &mut self,
        input: usize,
        found: &Candidate,
        handle: Content,
        now: Instant,
    ) -> Result<(), Content> {
        let is = |ghost: &LostFile| {
            let told = ghost.mark.fingerprint.head_bytes > 0;
            // An empty file has nothing to be known by but its name: its inode may be another's by now.
            let near = found.path.as_os_str() == ghost.mark.path.as_os_str()
                || (told && (ghost.mark.inode == found.inode || found.may_hold(&ghost.mark.path, ghost.mark.offset)));
            let near = near && (told || ghost.mark.inode == found.inode);
            near && fingerprint::matches(&handle, &ghost.mark.fingerprint).unwrap_or(false)
        };
        let matching = self.ghosts.iter().enumerate().filter(|(_, ghost)| is(ghost));
        let Some((at, _)) = matching.max_by_key(|(_, ghost)| ghost.mark.fingerprint.offset) else {
            self.rewritten(found, now);
            if self.shorter_copy(found, &handle, found.size) {
                self.pass(input, found, &handle);
                return Ok(());
            }
            return Err(handle);
        };
        let mut ghost = self.ghosts.remove(at);
        let (id, mark) = (ghost.id, &mut ghost.mark);
        if id.is_none() && mark.inode == found.inode {
            let Some(at) = self.behind_copy(input, found, &handle, mark.watermark(), now) else {
                self.keep(found.inode, Known { changed: None, input, mark: ghost.mark });
                return Ok(());
            };
            (mark.offset, mark.boundary) = (at.offset, at.boundary);
        }
        let live = found.path == mark.path && found.class == Class::Match;
        if found.path != mark.path {
            self.rotations.insert(mark.path.clone(), now);
        }
        // Where many are open already, one that has nothing to read is not opened for that.
        let idle = !live || self.files().count() >= self.open_max();
        if idle && id.is_none() && found.size == mark.offset {
            if found.path != mark.path {
                self.keep_end(&mark.path, &handle, found.size);
            }
            self.keep(found.inode, Known { changed: Some(found.changed), input, mark: ghost.mark });
            return Ok(());
        }
        if mark.size > found.size {
            self.events.push(Event::Lost(mark.path.clone(), mark.size - found.size));
        }
        self.go_on(ghost, found, input, handle, now);
        Ok(())
    }

    /// A file of the checkpoint has its inode and not its content: truncated while we were away, or the inode was reused.
    fn rewritten(&mut self, found: &Candidate, now: Instant) {
        for ghost in &self.ghosts {
            if ghost.id.is_none() && ghost.mark.inode == found.inode {
                self.rotations.insert(ghost.mark.path.clone(), now);
            }
        }
    }

    /// Whether what is found now was there before us.
    pub(super) fn is_before_us(&self) -> bool {
        self.first && self.past == Past::None
    }

    /// Every file is read from its start, rotated ones too, whatever is said of the first start: the checkpoint that told what
    /// of them was shipped is lost.
    pub fn read_all_from_start(&mut self) {
        self.past = Past::Lost;
    }

    /// Whether the file that this one may have been lately lost its name; after a start, whatever the checkpoint names may
    /// have, if this one's name is sure to tell of a rotation. Another file under a known copy's name tells the same.
    pub(super) fn rotated(&self, found: &Candidate) -> bool {
        let presumed = |base: &PathBuf| *base == found.path || found.surely_rotated_from(base);
        (self.first && self.past == Past::Lost)
            || self.rotations.keys().any(|base| *base == found.path || found.rotated_from(base))
            || self.presumed.iter().any(presumed)
            || self.is_presumed(&found.path)
            || found.sure_origins().any(|base| self.is_presumed(base))
    }

    /// A rotated file from before our time: what it holds now was never ours to read.
    pub(super) fn pass(&mut self, input: usize, found: &Candidate, handle: &Content) {
        self.know(input, found, handle, false);
    }

    /// Remembers a file as it stands, so that it is not read, and whether everything in it was shipped.
    pub(super) fn know(&mut self, input: usize, found: &Candidate, handle: &Content, whole: bool) {
        if let Some(mark) = self.mark_of(found, handle, whole) {
            self.keep(found.inode, Known { changed: Some(found.changed), input, mark });
        }
    }

    /// What a file is known by as it stands.
    pub(super) fn mark_of(&self, found: &Candidate, handle: &Content, whole: bool) -> Option<CheckpointEntry> {
        let fingerprint = fingerprint::take(handle, found.size).ok()?;
        Some(CheckpointEntry {
            path: found.path.clone(),
            real: None,
            inode: found.inode,
            origin: fingerprint::origin(&self.scope, handle, found.inode, 0),
            incarnation: 0,
            offset: found.size,
            boundary: Boundary::LineStart,
            whole,
            size: found.size,
            fingerprint,
            ahead: None,
        })
    }
}

/// Of two finds of one file keeps the one whose input names it more narrowly; what one input names, and another takes for a copy, is
/// named. Within one input the first counts. Where two inputs are alike, one is the common one, which comes first and gives way.
fn prefer(kept: &mut (usize, Candidate), input: usize, other: Candidate) {
    if kept.0 == input {
        return;
    }
    let is_left_out = |class| class == Class::Excluded;
    let narrower = (is_left_out(other.class), other.rank) <= (is_left_out(kept.1.class), kept.1.rank);
    let is_named = [kept.1.class, other.class].contains(&Class::Match);
    if narrower {
        *kept = (input, other);
    }
    if is_named && kept.1.class == Class::Sibling {
        kept.1.class = Class::Match;
    }
}

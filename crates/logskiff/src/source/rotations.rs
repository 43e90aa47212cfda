//! Recent rotations: which names lost their files, and how those files ended.
//!
//! Input: what was seen of names, and the checkpoint's. Output: whether a file that no glob names comes from a
//! rotation.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::COPY_PATIENCE;
use super::content::Content;
use super::discovery::{Candidate, Class, FoundFile};
use super::fingerprint;
use super::{FileSource, Phase, TrackedFile};
use event::Inode;

/// The ends of at most this many files are kept that were rotated before the first pass over the directories.
const ENDS_MAX: usize = 8;
/// At most this many bytes of each.
const END_BYTES: usize = 64 * 1024;
/// At most this many orphans are remembered, and this many files that could not be opened.
const INODES_MAX: usize = 10_000;

/// The last bytes of a rotated file.
#[derive(Debug)]
pub(super) struct RotatedEnd {
    /// The name that the file had.
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// The rotations that count.
#[derive(Debug, Default)]
pub(super) struct Rotations {
    /// Names whose files were recently moved away, truncated or deleted, and when.
    pub(super) recent: HashMap<PathBuf, Instant>,
    /// The checkpoint's names. Their files may have been rotated while logskiff was not running.
    pub(super) assumed: Vec<PathBuf>,
    /// The ends of files that were rotated while logskiff was not running, and hold nothing new.
    pub(super) ends: VecDeque<RotatedEnd>,
    /// Rotated files that were there at a first start without their log. They are its history once it appears.
    pub(super) orphans: HashSet<Inode>,
    /// Files to read under any name: a glob named them, or a rotation made them, when they could not be opened.
    pub(super) owed: HashSet<Inode>,
}

impl Rotations {
    /// Notes that a name lost its file.
    pub(super) fn note(&mut self, path: &Path, at: Instant) {
        self.recent.insert(path.to_path_buf(), at);
    }

    /// Forgets rotations that are too long ago to explain a new file.
    pub(super) fn forget_old(&mut self, now: Instant) {
        self.recent.retain(|_, since| now.saturating_duration_since(*since) < COPY_PATIENCE);
    }

    /// Whether a file's name fits a recent or assumed rotation.
    pub(super) fn explain(&self, found: &Candidate) -> bool {
        let assumed = |base: &PathBuf| *base == found.path || found.surely_rotated_from(base);
        self.recent.keys().any(|base| *base == found.path || found.rotated_from(base))
            || self.assumed.iter().any(assumed)
    }

    /// Notes that a file has to be read under any later name.
    pub(super) fn owe(&mut self, inode: Inode) {
        if self.owed.len() < INODES_MAX {
            self.owed.insert(inode);
        }
    }

    /// Notes a rotated file whose log is not there.
    pub(super) fn note_orphan(&mut self, inode: Inode) {
        if self.orphans.len() < INODES_MAX {
            self.orphans.insert(inode);
        }
    }

    /// Forgets files that no longer exist.
    pub(super) fn forget_gone(&mut self, is_here: impl Fn(&Inode) -> bool) {
        self.orphans.retain(&is_here);
        self.owed.retain(is_here);
    }

    /// Keeps the last bytes of a rotated file of `size` bytes: its successor may continue a private key that begins
    /// there.
    pub(super) fn keep_end(&mut self, path: &Path, handle: &Content, size: u64) {
        let start = size.saturating_sub(END_BYTES as u64);
        if let Ok(bytes) = fingerprint::read_at(handle, start, END_BYTES) {
            self.ends.truncate(ENDS_MAX - 1);
            self.ends.push_front(RotatedEnd { path: path.to_path_buf(), bytes });
        }
    }

    /// The kept end of the file that had this name.
    pub(super) fn end_of(&self, path: &Path) -> Option<Vec<u8>> {
        self.ends.iter().find(|end| end.path == path).map(|end| end.bytes.clone())
    }
}

impl FileSource {
    /// Whether the file belongs to a log that appeared and was rotated between two checks, or while logskiff was not
    /// running: it was written to since then, and no check has found its log under the log's own name. A rotation of a
    /// log that is followed is seen.
    pub(super) fn was_rotated_unseen(&self, found: &Candidate) -> bool {
        found.modified.seconds >= self.schedule.seen_until_s
            && found.sure_origins().any(|base| self.discovery.names(base) && !self.is_followed(base))
    }

    /// Whether the log that has this name was found some time ago. A walk may find a new log in one check, and what was
    /// rotated meanwhile in the next.
    fn is_followed(&self, path: &Path) -> bool {
        let is_new = |file: &TrackedFile| {
            self.schedule.polled_at.saturating_duration_since(file.placement.opened_at) < COPY_PATIENCE
        };
        let mut files = self.files();
        files.any(|file| file.placement.phase == Phase::Live && file.path.as_os_str() == path && !is_new(file))
    }

    /// Whether a glob names a file from which this one may have been rotated.
    pub(super) fn may_be_history(&self, found: &Candidate) -> bool {
        found.sure_origins().any(|base| self.discovery.names(base))
    }

    /// Rotated files that existed at a first start are the history of a log that appears later.
    pub(super) fn claim_orphans(&mut self, candidates: &mut [FoundFile]) {
        if self.rotations.orphans.is_empty() {
            return;
        }
        let named = candidates.iter().filter(|FoundFile { found, .. }| found.class == Class::Match);
        let named: HashSet<PathBuf> = named.map(|FoundFile { found, .. }| found.path.clone()).collect();
        for FoundFile { found, .. } in candidates {
            if self.rotations.orphans.contains(&found.inode) && found.sure_origins().any(|base| named.contains(base)) {
                self.rotations.orphans.remove(&found.inode);
                self.rotations.owe(found.inode);
                self.index.closed.remove(&found.inode);
                found.history = true;
            }
        }
    }
}

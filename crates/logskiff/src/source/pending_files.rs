//! Files that were found and are not read yet.
//!
//! Input: found files that may be copies in the making. Output: whether each has waited long enough.

use std::collections::HashMap;
use std::time::Instant;

use super::COPY_PATIENCE;
use super::content::Content;
use super::discovery::{Candidate, Class};
use event::Inode;

/// A candidate that is not read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct WaitingFile {
    since: Instant,
    /// Its length in bytes.
    size: u64,
    /// A rotation made it.
    pub(super) rotated: bool,
    /// A glob names it, or named it under its earlier name.
    pub(super) named: bool,
    /// It belongs to the history of a log.
    pub(super) history: bool,
}

/// A file that waits and may be deleted before it is read: its handle is kept.
#[derive(Debug)]
pub(super) struct HeldFile {
    pub(super) input: usize,
    pub(super) found: Candidate,
    pub(super) handle: Content,
}

/// The files that wait.
#[derive(Debug, Default)]
pub(super) struct PendingFiles {
    pub(super) waiting: HashMap<Inode, WaitingFile>,
    /// Those of them that may be deleted before they are read.
    pub(super) held: HashMap<Inode, HeldFile>,
}

impl PendingFiles {
    /// Whether a file is newer, or has grown more recently, than a copy or a rotation takes. `rotated`: a rotation made
    /// it.
    pub(super) fn keep_waiting(&mut self, found: &Candidate, rotated: bool, now: Instant) -> bool {
        let new = WaitingFile {
            since: now,
            size: found.size,
            rotated,
            named: found.class == Class::Match,
            history: found.history,
        };
        let waiting = self.waiting.entry(found.inode).or_insert(new);
        waiting.named |= new.named;
        if waiting.size != found.size {
            let WaitingFile { named, history, .. } = *waiting;
            *waiting = WaitingFile { rotated: rotated || waiting.rotated, named, history, ..new };
        }
        waiting.history |= found.history;
        now.saturating_duration_since(waiting.since) < COPY_PATIENCE
    }

    /// Whether a waiting file belongs to the history of a log.
    pub(super) fn is_history(&self, inode: Inode) -> bool {
        self.waiting.get(&inode).is_some_and(|waiting| waiting.history)
    }

    /// Whether a waiting file is, or was, named by a glob.
    pub(super) fn was_named(&self, inode: Inode) -> bool {
        self.waiting.get(&inode).is_some_and(|waiting| waiting.named)
    }
}

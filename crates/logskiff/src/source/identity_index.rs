//! What is known of files that are not open: enough to recognize each when it is found again.
//!
//! Input: files that are closed, lost or deleted, and the checkpoint's entries. Output: which of them a found file is.
//! Nothing here opens a file.

use std::collections::{HashMap, VecDeque};

use super::content::Content;
use super::copies::KnownCopy;
use super::discovery::Candidate;
use super::fingerprint;
use super::lost_files::LostFile;
use event::{CheckpointEntry, FileId, FileTime, Inode};

/// At most this many deleted files are remembered, to recognize compressed copies of them.
const DELETED_MAX: usize = 256;

/// A file that is read to its end and closed.
#[derive(Debug)]
pub(super) struct ClosedFile {
    /// When its metadata last changed, where that is known: the file needs no check while it is the same.
    pub(super) changed: Option<FileTime>,
    pub(super) input: usize,
    pub(super) entry: CheckpointEntry,
}

/// The files that are not open.
#[derive(Debug)]
pub(super) struct IdentityIndex {
    /// The pod's unique id, which is part of event ids.
    scope: String,
    /// Files whose content is no longer where it was.
    pub(super) lost: Vec<LostFile>,
    /// Files that are read to their ends and closed.
    pub(super) closed: HashMap<Inode, ClosedFile>,
    /// The last files that were read to their ends and then deleted. Compressed copies of them may still appear.
    pub(super) deleted: VecDeque<CheckpointEntry>,
    /// Files that hold only bytes which an open file holds too.
    pub(super) copies: HashMap<Inode, KnownCopy>,
}

impl IdentityIndex {
    /// An index of the lost files that a checkpoint names.
    pub(super) fn new(scope: &str, lost: Vec<LostFile>) -> Self {
        let (closed, deleted, copies) = (HashMap::new(), VecDeque::new(), HashMap::new());
        Self { scope: scope.to_owned(), lost, closed, deleted, copies }
    }

    /// Names an incarnation of a file for event ids.
    pub(super) fn origin(&self, handle: &Content, inode: Inode, incarnation: u32) -> String {
        fingerprint::origin(&self.scope, handle, inode, incarnation)
    }

    /// Names a pipe for event ids: differently at each start.
    pub(super) fn stream_origin(&self, path: &std::path::Path) -> String {
        fingerprint::stream_origin(&self.scope, path)
    }

    /// Whether this is the same file that an entry describes, and no other file that got its inode. The birth time
    /// decides; where the file system keeps none, the answer is no.
    pub(super) fn is_file_of(&self, entry: &CheckpointEntry, handle: &Content) -> bool {
        handle.birth() != (0, 0) && self.origin(handle, entry.inode, entry.incarnation) == entry.origin
    }

    /// Remembers a closed file by its inode. The file that had the inode before may still have compressed copies.
    pub(super) fn keep_closed(&mut self, inode: Inode, closed: ClosedFile) {
        let print = closed.entry.fingerprint;
        if let Some(former) = self.closed.insert(inode, closed).filter(|former| former.entry.fingerprint != print) {
            self.remember_deleted(former.entry);
        }
    }

    /// Remembers a file that was deleted.
    pub(super) fn remember_deleted(&mut self, entry: CheckpointEntry) {
        if entry.fingerprint.head_bytes > 0 {
            self.deleted.truncate(DELETED_MAX - 1);
            self.deleted.push_front(entry);
        }
    }

    /// Moves a closed file to the deleted ones: its name is gone, or another file has its inode.
    pub(super) fn closed_is_deleted(&mut self, inode: Inode) {
        if let Some(former) = self.closed.remove(&inode) {
            self.remember_deleted(former.entry);
        }
    }

    /// A closed file that was out of sight for a while, as with its directory, is a closed file again.
    pub(super) fn restore_deleted(&mut self, input: usize, found: &Candidate, handle: &Content) {
        if self.closed.contains_key(&found.inode) {
            return;
        }
        let is_same = |entry: &CheckpointEntry| entry.inode == found.inode && self.is_file_of(entry, handle);
        if let Some(entry) = self.deleted.iter().position(is_same).and_then(|at| self.deleted.remove(at)) {
            self.closed.insert(found.inode, ClosedFile { changed: None, input, entry });
        }
    }

    /// Whether a found file is a closed one that has not changed since.
    pub(super) fn is_unchanged(&self, found: &Candidate) -> bool {
        let is_same = |closed: &ClosedFile| closed.changed == Some(found.changed) && closed.entry.offset == found.size;
        self.closed.get(&found.inode).is_some_and(is_same)
    }

    /// Frees a number: its account in the ledger is closed.
    pub(super) fn release_id(&mut self, id: FileId) {
        for lost in &mut self.lost {
            lost.formers.retain(|former| *former != id);
        }
    }
}

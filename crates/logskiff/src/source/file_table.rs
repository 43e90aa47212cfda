//! The open files, by their numbers.
//!
//! Input: opened files and the numbers that the ledger still uses. Output: a file by its number or inode, and free
//! numbers. A number is given again only once the ledger has closed its account.

use std::collections::HashSet;
use std::path::PathBuf;

use super::TrackedFile;
use event::{FileId, Inode};

/// A file that is closed for good and whose account in the ledger is still open.
#[derive(Debug)]
pub(super) struct RetiredFile {
    pub(super) id: FileId,
    /// The name under which its records were shipped.
    pub(super) path: PathBuf,
    /// How far it was read: an offset in bytes.
    pub(super) read_to: u64,
}

/// The open files, and the numbers in use.
#[derive(Debug, Default)]
pub(super) struct FileTable {
    /// Indexed by [`FileId`]. The table is as long as the most files that were open at once, and a free entry is small.
    pub(super) files: Vec<Option<Box<TrackedFile>>>,
    /// Files without a handle whose numbers are still in use.
    pub(super) retired: Vec<RetiredFile>,
}

impl FileTable {
    /// The open files.
    pub(super) fn iter(&self) -> impl Iterator<Item = &TrackedFile> {
        self.files.iter().flatten().map(Box::as_ref)
    }

    /// The same, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut TrackedFile> {
        self.files.iter_mut().flatten().map(Box::as_mut)
    }

    /// The open file with this number.
    pub(super) fn get(&self, id: FileId) -> Option<&TrackedFile> {
        self.files.get(id.0 as usize)?.as_deref()
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, id: FileId) -> Option<&mut TrackedFile> {
        self.files.get_mut(id.0 as usize)?.as_deref_mut()
    }

    /// The open file with this inode.
    pub(super) fn by_inode_mut(&mut self, inode: Inode) -> Option<&mut TrackedFile> {
        self.iter_mut().find(|file| file.inode == inode)
    }

    /// The inodes of the open files.
    pub(super) fn inodes(&self) -> HashSet<Inode> {
        self.iter().map(|file| file.inode).collect()
    }

    /// How many entries the table has, free ones included.
    pub(super) fn capacity(&self) -> usize {
        self.files.len()
    }

    /// Removes an open file.
    pub(super) fn remove(&mut self, id: FileId) -> Option<TrackedFile> {
        self.files.get_mut(id.0 as usize)?.take().map(|file| *file)
    }

    /// Adds an open file under its number.
    pub(super) fn insert(&mut self, file: TrackedFile) {
        let place = file.id.0 as usize;
        if self.files.len() <= place {
            self.files.resize_with(place + 1, || None);
        }
        self.files[place] = Some(Box::new(file));
    }

    /// The lowest number that is not in use; `lost` are those of files whose content is searched for.
    pub(super) fn free_id(&self, lost: impl Iterator<Item = FileId>) -> FileId {
        let taken: HashSet<FileId> = self.retired.iter().map(|file| file.id).chain(lost).collect();
        let is_free = |id: &FileId| !taken.contains(id) && self.get(*id).is_none();
        (0..=u32::MAX).map(FileId).find(is_free).unwrap_or(FileId(u32::MAX))
    }

    /// Keeps the number of a file that is closed for good until the ledger has closed its account.
    pub(super) fn retire(&mut self, id: FileId, path: PathBuf, read_to: u64) {
        self.retired.push(RetiredFile { id, path, read_to });
    }

    /// The retired file with this number.
    pub(super) fn retired(&self, id: FileId) -> Option<&RetiredFile> {
        self.retired.iter().find(|file| file.id == id)
    }

    /// Frees a number: its account in the ledger is closed.
    pub(super) fn release_id(&mut self, id: FileId) {
        self.retired.retain(|file| file.id != id);
        for file in self.iter_mut() {
            file.lineage.formers.retain(|former| *former != id);
        }
    }
}

//! Files at the old end of a symbolic link: `current` was pointed to another file while logskiff was not running.
//!
//! Input: the checkpoint's entries with their real paths, and what the walk found. Output: those files that still
//! exist, to be read to their ends. There is no search: a file that is not at that path, with that inode, is left
//! alone.

use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FileType, fstat};

use super::discovery::{Class, FoundFile, Interest};
use super::open_beneath::open_path_beneath;
use super::{FileSource, LostFile, fingerprint, root, walk};

impl FileSource {
    /// Adds the checkpoint's files that are still at their real paths, and to which no glob leads any more.
    pub(super) fn find_former(&self, candidates: &mut Vec<FoundFile>) {
        let former: Vec<FoundFile> = self
            .index
            .lost
            .iter()
            .filter(|lost| lost.id.is_none() && lost.entry.real.is_some())
            .filter(|lost| !candidates.iter().any(|FoundFile { found, .. }| found.inode == lost.entry.inode))
            .filter_map(|lost| self.find_at_old_place(lost))
            .collect();
        candidates.extend(former);
    }

    fn find_at_old_place(&self, lost: &LostFile) -> Option<FoundFile> {
        let path: &Path = lost.entry.real.as_deref()?;
        let (input, rank) = self.discovery.inputs.iter().enumerate().find_map(|(number, input)| {
            input
                .globs
                .follows_links()
                .then(|| input.globs.rank_beneath(&lost.entry.path))
                .flatten()
                .map(|rank| (number, rank))
        })?;
        let (root, place) = (root::open(path.parent()?).ok()?, path.file_name()?);
        if self.discovery.guard.check_directory(&root.handle, root.inode, None).is_some() {
            return None;
        }
        let seen = fstat(open_path_beneath(&root.handle, place.as_ref()).ok()?).ok()?;
        let inode = fingerprint::inode_from_stat(&seen);
        let is_it = inode == lost.entry.inode && FileType::from_raw_mode(seen.st_mode).is_file();
        is_it.then(|| {
            let interest = Interest { class: Class::Excluded, rank };
            let found = walk::candidate(Arc::new(root), path.to_owned(), place.into(), &seen, interest);
            FoundFile { input, found }
        })
    }

    /// Notes the real paths of files that are found through a symbolic link.
    pub(super) fn note_real(&mut self, candidates: &[FoundFile]) {
        if !self.discovery.follows_links() {
            return;
        }
        let open = self.open_inodes();
        self.discovery.real_paths.retain(|inode, _| open.contains(inode));
        let linked = candidates.iter().filter(|FoundFile { found, .. }| found.linked() || found.root.linked);
        self.discovery
            .real_paths
            .extend(linked.map(|FoundFile { found, .. }| (found.inode, found.root.real.join(&found.place))));
    }
}

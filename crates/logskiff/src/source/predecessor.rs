//! The file that another took the place of.
//!
//! Enters: an open file. Leaves: the last bytes of the one before it, in which something may have begun that goes on in this one. It never
//! looks at what they say.

use std::path::Path;

use super::content::Content;
use super::{FileSource, TrackedFile, fingerprint};
use event::FileId;

/// Of so many files the ends are kept that are rotated already at the first look, and how much of each.
const ENDS_MAX: usize = 8;
const END_BYTES: usize = 64 * 1024;

impl FileSource {
    /// The last bytes, up to `most`, of the file that this one took the place of: one of the same name that is rotated, else the one
    /// of its input and directory that changed last. What the application was writing there may go on here.
    #[must_use]
    pub fn predecessor_end(&self, id: FileId, most: usize) -> Option<Vec<u8>> {
        let file = self.file(id)?;
        let others =
            || self.files().filter(|other| other.id != id && other.input == file.input && !other.handle.is_stream());
        let latest = |same: &dyn Fn(&&TrackedFile) -> bool| others().filter(same).max_by_key(|other| other.changed_at);
        let named = latest(&|other| other.path == file.path);
        let end = |other: &TrackedFile| other.last_bytes(most).ok();
        let kept = || self.rotated_ends.iter().find(|(path, _)| *path == file.path).map(|(_, end)| end.clone());
        let near = || latest(&|other| other.path.parent() == file.path.parent()).and_then(end);
        named.and_then(end).or_else(kept).or_else(near)
    }

    /// Keeps the last bytes of a rotated file: its successor may begin with what they are the beginning of.
    pub(super) fn keep_end(&mut self, path: &Path, handle: &Content, size: u64) {
        let start = size.saturating_sub(END_BYTES as u64);
        if let Ok(end) = fingerprint::read_at(handle, start, END_BYTES) {
            self.rotated_ends.truncate(ENDS_MAX - 1);
            self.rotated_ends.push_front((path.to_path_buf(), end));
        }
    }
}

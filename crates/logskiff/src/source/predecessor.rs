//! Finds the file that an open file replaced.
//!
//! Input: an open file. Output: the last bytes of its predecessor, since a private key may begin there and continue in
//! this file. It does not interpret them.

use super::{FileSource, TrackedFile};
use event::FileId;

impl FileSource {
    /// The last bytes, up to `most`, of the file's predecessor: the rotated file of the same name, else the last file
    /// that changed in the same input and directory.
    #[must_use]
    pub fn predecessor_end(&self, id: FileId, most: usize) -> Option<Vec<u8>> {
        let file = self.file(id)?;
        let others =
            || self.files().filter(|other| other.id != id && other.input == file.input && !other.handle.is_stream());
        let latest =
            |same: &dyn Fn(&&TrackedFile) -> bool| others().filter(same).max_by_key(|other| other.placement.changed_at);
        let named = latest(&|other| other.path == file.path);
        let end = |other: &TrackedFile| other.last_bytes(most).ok();
        let kept = || self.rotations.end_of(&file.path);
        let near = || latest(&|other| other.path.parent() == file.path.parent()).and_then(end);
        named.and_then(end).or_else(kept).or_else(near)
    }
}

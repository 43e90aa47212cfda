//! The file that another took the place of.
//!
//! Enters: an open file. Leaves: the last bytes of the one before it, in which something may have begun that goes on in this one. It never
//! looks at what they say.

use super::{FileSource, TrackedFile};
use event::FileId;

impl FileSource {
    /// The last bytes, up to `most`, of the file that this one took the place of: one of the same name that is rotated, else the one
    /// of its input and directory that changed last. What the application was writing there may go on here.
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

//! Finds the file that an open file replaced.
//!
//! Input: an open file. Output: the last bytes of its predecessor, since a private key may begin there and continue in
//! this file. It does not interpret them.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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
        // Each new file is compared with all open files: bytes compare faster than a path's components.
        let named = latest(&|other| other.path.as_os_str() == file.path.as_os_str());
        let end = |other: &TrackedFile| other.last_bytes(most).ok();
        let here = directory(&file.path);
        let kept = || self.rotations.end_of(&file.path);
        let near = || latest(&|other| directory(&other.path) == here).and_then(end);
        named.and_then(end).or_else(kept).or_else(near)
    }
}

/// The directory of a path without repeated slashes.
fn directory(path: &Path) -> &[u8] {
    let path = path.as_os_str().as_bytes();
    &path[..memchr::memrchr(b'/', path).unwrap_or(0)]
}

//! What happens to files.

use std::path::PathBuf;

use event::{FileId, Progress};

/// An event that the shipper has to handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Reading of a file, or of a new incarnation of it, begins here.
    Opened(FileId, Progress),
    /// A compressed file that was rewound is decompressed up to its watermark again, and can be read.
    Unpacked(FileId),
    /// A file was truncated. Its content continues from the start as a new incarnation. The checkpoint has to be saved
    /// before records of the new incarnation are sent.
    Truncated(PathBuf),
    /// At least this many bytes of a file were lost before they were read.
    Lost(PathBuf, u64),
    /// A file of the checkpoint is gone, or was replaced. How many bytes it had after the checkpoint is unknown.
    Vanished(PathBuf),
    /// A rotated file was deleted; its length in bytes.
    Deleted(PathBuf, u64),
    /// A rotated file cannot be deleted, and why. The next check tries again.
    DeleteFailed(PathBuf, String),
    /// A file or directory cannot be read, and why. Logged once; each check tries again.
    Refused(PathBuf, String),
}

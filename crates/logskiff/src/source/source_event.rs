//! What happened to files, as the shipper is told.

use std::path::PathBuf;

use event::{FileId, Progress};

/// What the shipper must know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Reading of a file, or of a new incarnation of it, begins here.
    Opened(FileId, Progress),
    /// A compressed file that was taken back to its watermark is unpacked up to there, and goes on.
    Unpacked(FileId),
    /// A file was truncated under us; its content goes on from the start under another number. The checkpoint is to be
    /// saved before anything of it is shipped.
    Truncated(PathBuf),
    /// At least so many bytes of a file were gone before they were read.
    Lost(PathBuf, u64),
    /// A file of the checkpoint is gone, or is another one now. What it held past the checkpoint is not known.
    Vanished(PathBuf),
    /// A rotated file was deleted, and how long it was.
    Deleted(PathBuf, u64),
    /// A rotated file cannot be deleted, and why. Tried again at each scan.
    DeleteFailed(PathBuf, String),
    /// A file or directory cannot be read, and why. Said once, retried at each look.
    Refused(PathBuf, String),
}

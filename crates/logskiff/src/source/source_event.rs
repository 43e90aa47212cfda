//! What happens to files, and the results that report it.

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
    /// A new file begins with all that was read of another log, and holds more. It is read from its start: it may be a
    /// copy, or another log that began alike.
    Repeats(PathBuf),
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

/// The result of a poll.
#[derive(Debug)]
#[must_use]
pub struct Polled {
    /// The files that may have unread bytes, rotated ones first.
    pub ready: Vec<FileId>,
    /// What happened, in its order.
    pub events: Vec<Event>,
}

/// The result of a rewind.
#[derive(Debug)]
#[must_use]
pub struct Rewound {
    /// The content is still there, or a copy of it is searched for. Otherwise it cannot be read again.
    pub can_read: bool,
    /// What happened, in its order.
    pub events: Vec<Event>,
}

/// The result of reading a span again.
#[derive(Debug)]
#[must_use]
pub enum Reread {
    /// The bytes of the span.
    Bytes(Vec<u8>),
    /// The file no longer holds these bytes.
    Changed,
    /// They cannot be read now: decompression has to continue first, or the file cannot be read, which the events
    /// report.
    Unreadable(Vec<Event>),
}

/// The end of a search for lost files.
#[derive(Debug)]
#[must_use]
pub struct Expired {
    /// The numbers that can be freed once they are acknowledged.
    pub retired: Vec<FileId>,
    /// What happened, in its order.
    pub events: Vec<Event>,
}

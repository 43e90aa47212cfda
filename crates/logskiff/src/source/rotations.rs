//! Recent rotations: which names lost their files, and how those files ended.
//!
//! Input: what was seen of names, and the checkpoint's. Output: whether a file that no glob names comes from a
//! rotation.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::COPY_PATIENCE;
use super::content::Content;
use super::discovery::Candidate;
use super::fingerprint;

/// The ends of at most this many files are kept that were rotated before the first pass over the directories.
const ENDS_MAX: usize = 8;
/// At most this many bytes of each.
const END_BYTES: usize = 64 * 1024;

/// The last bytes of a rotated file.
#[derive(Debug)]
pub(super) struct RotatedEnd {
    /// The name that the file had.
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// The rotations that count.
#[derive(Debug, Default)]
pub(super) struct Rotations {
    /// Names whose files were recently moved away, truncated or deleted, and when.
    pub(super) recent: HashMap<PathBuf, Instant>,
    /// The checkpoint's names. Their files may have been rotated while logskiff was not running.
    pub(super) assumed: Vec<PathBuf>,
    /// The ends of files that were rotated while logskiff was not running, and hold nothing new.
    pub(super) ends: VecDeque<RotatedEnd>,
}

impl Rotations {
    /// Notes that a name lost its file.
    pub(super) fn note(&mut self, path: &Path, at: Instant) {
        self.recent.insert(path.to_path_buf(), at);
    }

    /// Forgets rotations that are too long ago to explain a new file.
    pub(super) fn forget_old(&mut self, now: Instant) {
        self.recent.retain(|_, since| now.saturating_duration_since(*since) < COPY_PATIENCE);
    }

    /// Whether a file's name fits a recent or assumed rotation.
    pub(super) fn explain(&self, found: &Candidate) -> bool {
        let assumed = |base: &PathBuf| *base == found.path || found.surely_rotated_from(base);
        self.recent.keys().any(|base| *base == found.path || found.rotated_from(base))
            || self.assumed.iter().any(assumed)
    }

    /// Keeps the last bytes of a rotated file of `size` bytes: its successor may continue a private key that begins
    /// there.
    pub(super) fn keep_end(&mut self, path: &Path, handle: &Content, size: u64) {
        let start = size.saturating_sub(END_BYTES as u64);
        if let Ok(bytes) = fingerprint::read_at(handle, start, END_BYTES) {
            self.ends.truncate(ENDS_MAX - 1);
            self.ends.push_front(RotatedEnd { path: path.to_path_buf(), bytes });
        }
    }

    /// The kept end of the file that had this name.
    pub(super) fn end_of(&self, path: &Path) -> Option<Vec<u8>> {
        self.ends.iter().find(|end| end.path == path).map(|end| end.bytes.clone())
    }
}

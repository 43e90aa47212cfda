//! Watermarks to disk, so that a restart goes on where the last run was settled.
//!
//! Enters: bookmarks. Leaves: the same, after a restart. Two generations are kept: the newest is renamed into place at
//! every save, so that it survives any death of the process; every few seconds it is also forced to the disk and becomes
//! the older generation, so that one of the two survives the death of the machine. A damaged one is set aside, never
//! trusted, and never a reason not to start. Watermarks only move forward, so an older generation costs doubles, not
//! lines. No line content is written.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::crash;
use crate::record::Bookmark;
use crate::regular::{self, ReadError};

/// The format's number; a checkpoint with another one is set aside.
const VERSION: u32 = 1;
/// How often the newest generation is forced to the disk: a forced write costs the node's disk, in every pod.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// Shipping waits no longer for a save, where it must wait for one. A disk that is only slow is done by then.
pub const SAVE_PATIENCE: Duration = Duration::from_secs(1);
/// A save that takes so long is told as one that fails, and again after as long.
const HANGS_AFTER: Duration = Duration::from_secs(10);
const NEWEST: &str = "checkpoint.json";
const SYNCED: &str = "checkpoint.synced.json";
const LOCK: &str = "lock";
/// A pipe in a file's place is an error, and not waited for.
const NEVER_WAIT: i32 = libc::O_NONBLOCK;
/// What the names of all files in a checkpoint directory begin with.
pub const NAMES: [&str; 2] = ["checkpoint.", LOCK];

/// Where checkpoints are kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// A directory of its own; `None`: nothing is kept, and a restart begins anew.
    pub dir: Option<PathBuf>,
}

/// Why a checkpoint directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The directory cannot be made or written.
    #[error("{0:?} is not a directory that can be written")]
    Unwritable(PathBuf, #[source] io::Error),
    /// Another process holds it.
    #[error("{0:?} is in use by another logskiff; give each its own directory")]
    InUse(PathBuf),
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    /// SHA-256 over the JSON of `files`.
    checksum: String,
    files: Vec<Bookmark>,
}

/// A checkpoint directory that this process alone uses.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    /// Holds the lock as long as it is open.
    lock: File,
    synced_at: Option<Instant>,
}

/// What a checkpoint directory held.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The bookmarks; `None` when there was no checkpoint, or none that is whole.
    pub files: Option<Vec<Bookmark>>,
    /// Damaged generations, and where they were put.
    pub damaged: Vec<PathBuf>,
}

impl Loaded {
    /// Whether there was a checkpoint, and nothing of it can be believed: what it covered is not known any more.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.files.is_none() && !self.damaged.is_empty()
    }
}

impl Store {
    /// Opens and locks a checkpoint directory.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn open(dir: &Path) -> Result<Self, CheckpointError> {
        Ok(Self { dir: dir.to_path_buf(), lock: lock(dir)?, synced_at: None })
    }

    /// Reads the newest whole generation.
    #[must_use]
    pub fn load(&self) -> Loaded {
        let mut damaged = Vec::new();
        for name in [NEWEST, SYNCED] {
            let path = self.dir.join(name);
            let read = regular::read(&path, u64::MAX);
            if matches!(&read, Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound) {
                continue;
            }
            // What is there and cannot be read is no better than what is damaged.
            if let Some(files) = read.ok().and_then(|bytes| decode(&bytes)) {
                return Loaded { files: Some(files), damaged };
            }
            let aside = self.dir.join(format!("{name}.damaged"));
            // Where it can't be moved it is written over by the next save all the same.
            let kept = std::fs::rename(&path, &aside).map_or(path, |()| aside);
            damaged.push(kept);
        }
        Loaded { files: None, damaged }
    }

    /// Saves `files` as the newest generation. Returns whether the directory, or its lock, was gone and was made anew for it.
    ///
    /// # Errors
    /// When it cannot be written, or another process has the directory by now; the generations on disk stay as they were.
    pub fn save(&mut self, files: Vec<Bookmark>, now: Instant) -> io::Result<bool> {
        let remade = self.hold()?;
        let sync = self.synced_at.is_none_or(|at| now.saturating_duration_since(at) >= SYNC_EVERY);
        let bytes = encode(files)?;
        self.write(NEWEST, &bytes, false)?;
        if sync {
            self.write(SYNCED, &bytes, true)?;
            self.synced_at = Some(now);
        }
        Ok(remade)
    }

    /// Sees to it that the lock is the one of the directory as it is now. Where somebody has removed it, another process could
    /// take the directory for free. Returns whether it had to be made anew.
    fn hold(&mut self) -> io::Result<bool> {
        if is_at(&self.lock, &self.dir.join(LOCK))? {
            return Ok(false);
        }
        self.lock = lock(&self.dir).map_err(|error| match error {
            CheckpointError::Unwritable(_, error) => error,
            in_use @ CheckpointError::InUse(_) => io::Error::other(in_use),
        })?;
        self.synced_at = None;
        Ok(true)
    }

    fn write(&self, name: &str, bytes: &[u8], sync: bool) -> io::Result<()> {
        let temporary = self.dir.join(format!("{name}.new"));
        let mut file =
            File::options().write(true).create(true).truncate(true).custom_flags(NEVER_WAIT).open(&temporary)?;
        // In two, so that a test can let the process die in between.
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(half)?;
        crash::point("write");
        file.write_all(rest)?;
        if sync {
            crash::point("before-fsync");
            file.sync_all()?;
            crash::point("after-fsync");
        }
        crash::point("before-rename");
        std::fs::rename(&temporary, self.dir.join(name))?;
        crash::point("after-rename");
        if sync {
            File::open(&self.dir)?.sync_all()?;
        }
        Ok(())
    }
}

/// Makes the directory if need be, and takes its lock.
fn lock(dir: &Path) -> Result<File, CheckpointError> {
    let unwritable = |error: io::Error| CheckpointError::Unwritable(dir.to_path_buf(), error);
    std::fs::create_dir_all(dir).map_err(unwritable)?;
    let path = dir.join(LOCK);
    let lock = File::options().create(true).append(true).custom_flags(NEVER_WAIT).open(&path).map_err(unwritable)?;
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        // Removed between the two steps, it would lock nothing.
        Ok(()) if is_at(&lock, &path).map_err(unwritable)? => Ok(lock),
        Ok(()) | Err(rustix::io::Errno::WOULDBLOCK) => Err(CheckpointError::InUse(dir.to_path_buf())),
        Err(error) => Err(unwritable(error.into())),
    }
}

/// Whether an open file is the one of this name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads the newest whole generation of a directory that another process may be using; `None` when there is none.
#[must_use]
pub fn peek(dir: &Path) -> Option<Vec<Bookmark>> {
    [NEWEST, SYNCED].iter().find_map(|name| decode(&regular::read(&dir.join(name), u64::MAX).ok()?))
}

fn encode(files: Vec<Bookmark>) -> io::Result<Vec<u8>> {
    let checksum = checksum(&files)?;
    Ok(serde_json::to_vec(&Written { version: VERSION, checksum, files })?)
}

fn decode(bytes: &[u8]) -> Option<Vec<Bookmark>> {
    let written: Written = serde_json::from_slice(bytes).ok()?;
    let whole = written.version == VERSION && checksum(&written.files).ok()? == written.checksum;
    whole.then_some(written.files)
}

fn checksum(files: &[Bookmark]) -> io::Result<String> {
    Ok(base16ct::lower::encode_string(&Sha256::digest(serde_json::to_vec(files)?)))
}

#[derive(Debug, Default)]
struct Desk {
    /// The newest bookmarks that are not written yet.
    waiting: Option<Vec<Bookmark>>,
    writing: bool,
    /// Since when the thread has something to do that it has not done.
    since: Option<Instant>,
    /// When it was last told that the volume hangs.
    hangs_told_at: Option<Instant>,
    closed: bool,
    error: Option<io::Error>,
    remade: bool,
}

impl Desk {
    fn is_busy(&self) -> bool {
        self.waiting.is_some() || self.writing
    }

    /// A save has been under way for [`HANGS_AFTER`], and that was not told for as long.
    fn hangs(&mut self, now: Instant) -> bool {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) >= HANGS_AFTER);
        let hangs = is_due(self.since) && (self.hangs_told_at.is_none() || is_due(self.hangs_told_at));
        if hangs {
            self.hangs_told_at = Some(now);
        }
        hangs
    }
}

/// Saves in a thread of its own, for life, so that a slow disk, or one that hangs, does not hold up the shipper. Only the newest
/// bookmarks count.
#[derive(Debug)]
pub struct Saver {
    desk: Arc<(Mutex<Desk>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Saver {
    /// Starts the thread.
    ///
    /// # Errors
    /// When no thread can be made.
    pub fn start(mut store: Store) -> io::Result<Self> {
        Self::saving(move |files| store.save(files, Instant::now()))
    }

    fn saving(mut save: impl FnMut(Vec<Bookmark>) -> io::Result<bool> + Send + 'static) -> io::Result<Self> {
        let desk = Arc::new((Mutex::new(Desk::default()), Condvar::new()));
        let shared = Arc::clone(&desk);
        let work = move || {
            let (desk, bell) = &*shared;
            while let Some(files) = next(desk, bell) {
                let saved = save(files);
                let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
                desk.writing = false;
                desk.since = desk.waiting.is_some().then(Instant::now);
                desk.remade |= matches!(saved, Ok(true));
                desk.error = saved.err();
                bell.notify_all();
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".into()).stack_size(128 * 1024).spawn(work)?;
        Ok(Self { desk, thread: Some(thread) })
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over the newest bookmarks.
    pub fn save(&self, files: Vec<Bookmark>) {
        let mut desk = self.desk();
        desk.waiting = Some(files);
        desk.since.get_or_insert_with(Instant::now);
        self.desk.1.notify_all();
    }

    /// Waits until what was handed over is written, but only until the save has been under way for `patience`: a volume that hangs
    /// is waited for once. Returns the error of the last save, if it failed.
    ///
    /// # Errors
    /// When the last save failed, or is not done by then.
    pub fn settle(&self, patience: Duration) -> io::Result<()> {
        let desk = self.desk();
        let left = desk.since.map_or(patience, |since| patience.saturating_sub(since.elapsed()));
        let waited = self.desk.1.wait_timeout_while(desk, left, |desk| desk.is_busy());
        let (mut desk, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(hangs());
        }
        desk.error.take().map_or(Ok(()), Err)
    }

    /// The error of the last save, once; that a save does not end, now and then.
    #[must_use]
    pub fn error(&self, now: Instant) -> Option<io::Error> {
        let mut desk = self.desk();
        desk.error.take().or_else(|| desk.hangs(now).then(hangs))
    }

    /// Whether the directory had to be made anew since this was last asked.
    #[must_use]
    pub fn remade(&self) -> bool {
        std::mem::take(&mut self.desk().remade)
    }
}

impl Drop for Saver {
    /// Waits for what is being written, unless it hangs: then the thread is left to itself.
    fn drop(&mut self) {
        let is_done = self.settle(SAVE_PATIENCE).is_ok() || !self.desk().is_busy();
        self.desk().closed = true;
        self.desk.1.notify_all();
        if let Some(thread) = self.thread.take().filter(|_| is_done) {
            _ = thread.join();
        }
    }
}

fn hangs() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the state volume does not answer")
}

fn next(desk: &Mutex<Desk>, bell: &Condvar) -> Option<Vec<Bookmark>> {
    let desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
    let idle = |desk: &mut Desk| desk.waiting.is_none() && !desk.closed;
    let mut desk = bell.wait_while(desk, idle).unwrap_or_else(PoisonError::into_inner);
    let files = desk.waiting.take();
    desk.writing = files.is_some();
    files
}

#[cfg(test)]
mod tests;

//! Watermarks to disk, so that a restart goes on where the last run was settled.
//!
//! Enters: bookmarks. Leaves: the same, after a restart. Two generations are kept: the newest is renamed into place at
//! every save, so that it survives any death of the process; every few seconds it is also forced to the disk and becomes
//! the older generation, so that one of the two survives the death of the machine. A damaged one is set aside, never
//! trusted, and never a reason not to start. Watermarks only move forward, so an older generation costs doubles, not
//! lines. No line content is written.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::record::Bookmark;

/// The format's number; a checkpoint with another one is set aside.
const VERSION: u32 = 1;
/// How often the newest generation is forced to the disk: a forced write costs the node's disk, in every pod.
const SYNC_EVERY: Duration = Duration::from_secs(5);
const NEWEST: &str = "checkpoint.json";
const SYNCED: &str = "checkpoint.synced.json";

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
    _lock: File,
    synced_at: Option<Instant>,
}

/// What a checkpoint directory held.
#[derive(Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The bookmarks; `None` when there was no checkpoint, or none that is whole.
    pub files: Option<Vec<Bookmark>>,
    /// Damaged generations, and where they were put.
    pub damaged: Vec<PathBuf>,
}

impl Store {
    /// Opens and locks a checkpoint directory.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn open(dir: &Path) -> Result<Self, CheckpointError> {
        let unwritable = |error: io::Error| CheckpointError::Unwritable(dir.to_path_buf(), error);
        std::fs::create_dir_all(dir).map_err(unwritable)?;
        let lock = File::options().create(true).append(true).open(dir.join("lock")).map_err(unwritable)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { dir: dir.to_path_buf(), _lock: lock, synced_at: None }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(CheckpointError::InUse(dir.to_path_buf())),
            Err(error) => Err(unwritable(error.into())),
        }
    }

    /// Reads the newest whole generation.
    #[must_use]
    pub fn load(&self) -> Loaded {
        let mut damaged = Vec::new();
        for name in [NEWEST, SYNCED] {
            let path = self.dir.join(name);
            let Ok(bytes) = std::fs::read(&path) else { continue };
            if let Some(files) = decode(&bytes) {
                return Loaded { files: Some(files), damaged };
            }
            let aside = self.dir.join(format!("{name}.damaged"));
            // Where it can't be moved it is written over by the next save all the same.
            let kept = std::fs::rename(&path, &aside).map_or(path, |()| aside);
            damaged.push(kept);
        }
        Loaded { files: None, damaged }
    }

    /// Saves `files` as the newest generation.
    ///
    /// # Errors
    /// When it cannot be written; the generations on disk stay as they were.
    pub fn save(&mut self, files: Vec<Bookmark>, now: Instant) -> io::Result<()> {
        let sync = self.synced_at.is_none_or(|at| now.saturating_duration_since(at) >= SYNC_EVERY);
        let bytes = encode(files)?;
        self.write(NEWEST, &bytes, false)?;
        if sync {
            self.write(SYNCED, &bytes, true)?;
            self.synced_at = Some(now);
        }
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8], sync: bool) -> io::Result<()> {
        let temporary = self.dir.join(format!("{name}.new"));
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        if sync {
            file.sync_all()?;
        }
        std::fs::rename(&temporary, self.dir.join(name))?;
        if sync {
            File::open(&self.dir)?.sync_all()?;
        }
        Ok(())
    }
}

/// Reads the newest whole generation of a directory that another process may be using; `None` when there is none.
#[must_use]
pub fn peek(dir: &Path) -> Option<Vec<Bookmark>> {
    [NEWEST, SYNCED].iter().find_map(|name| decode(&std::fs::read(dir.join(name)).ok()?))
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
    closed: bool,
    error: Option<io::Error>,
}

/// Saves in a thread of its own, so that a slow disk does not hold up the shipper. Only the newest bookmarks count.
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
        let desk = Arc::new((Mutex::new(Desk::default()), Condvar::new()));
        let shared = Arc::clone(&desk);
        let work = move || {
            let (desk, bell) = &*shared;
            while let Some(files) = next(desk, bell) {
                let saved = store.save(files, Instant::now());
                let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
                desk.writing = false;
                desk.error = saved.err();
                bell.notify_all();
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".into()).stack_size(128 * 1024).spawn(work)?;
        Ok(Self { desk, thread: Some(thread) })
    }

    /// Hands over the newest bookmarks.
    pub fn save(&self, files: Vec<Bookmark>) {
        let (desk, bell) = &*self.desk;
        desk.lock().unwrap_or_else(PoisonError::into_inner).waiting = Some(files);
        bell.notify_all();
    }

    /// Waits until what was handed over is written. Returns the error of the last save, if it failed.
    ///
    /// # Errors
    /// When the last save failed.
    pub fn settle(&self) -> io::Result<()> {
        let (desk, bell) = &*self.desk;
        let desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = |desk: &mut Desk| desk.waiting.is_some() || desk.writing;
        let mut desk = bell.wait_while(desk, busy).unwrap_or_else(PoisonError::into_inner);
        desk.error.take().map_or(Ok(()), Err)
    }

    /// The error of the last save, once.
    #[must_use]
    pub fn error(&self) -> Option<io::Error> {
        self.desk.0.lock().unwrap_or_else(PoisonError::into_inner).error.take()
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        let (desk, bell) = &*self.desk;
        desk.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        bell.notify_all();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
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
mod tests {
    use super::*;
    use crate::record::{Boundary, Fingerprint, Hash, Inode};

    fn bookmark(offset: u64) -> Bookmark {
        Bookmark {
            path: "/var/log/app/app.log".into(),
            inode: Inode { device: 1, inode: 2 },
            origin: "00ff".into(),
            incarnation: 3,
            offset,
            boundary: Boundary::Cut,
            whole: true,
            size: 99,
            fingerprint: Fingerprint { offset, head_bytes: 4, head: Hash(5), before_bytes: 6, before: Hash(u64::MAX) },
        }
    }

    fn saved(dir: &Path, offsets: &[u64]) {
        let mut store = Store::open(dir).unwrap();
        for offset in offsets {
            store.save(vec![bookmark(*offset)], Instant::now()).unwrap();
        }
    }

    fn load(dir: &Path) -> Option<u64> {
        Store::open(dir).unwrap().load().files.map(|files| files[0].offset)
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()), None);
        saved(dir.path(), &[1, 2]);
        assert_eq!(Store::open(dir.path()).unwrap().load().files, Some(vec![bookmark(2)]));
    }

    #[test]
    fn a_damaged_newest_generation_falls_back_to_the_one_before_and_is_set_aside() {
        for damage in [&b""[..], b"\0\0\0\0", b"{}", b"cut"] {
            let dir = tempfile::tempdir().unwrap();
            saved(dir.path(), &[1, 2]);
            let newest = dir.path().join(NEWEST);
            let bytes = std::fs::read(&newest).unwrap();
            std::fs::write(&newest, if damage == b"cut" { &bytes[..bytes.len() - 9] } else { damage }).unwrap();
            assert_eq!(load(dir.path()), Some(1));
            assert!(dir.path().join("checkpoint.json.damaged").exists());
        }
    }

    #[test]
    fn every_flipped_digit_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        saved(dir.path(), &[7]);
        let bytes = std::fs::read(dir.path().join(NEWEST)).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let same = decode(&flipped).is_none_or(|files| files == [bookmark(7)]);
            assert!(same, "byte {at}");
        }
    }

    #[test]
    fn with_both_generations_damaged_reading_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        saved(dir.path(), &[1]);
        std::fs::write(dir.path().join(NEWEST), "x").unwrap();
        std::fs::write(dir.path().join(SYNCED), "x").unwrap();
        let loaded = Store::open(dir.path()).unwrap().load();
        assert_eq!((loaded.files, loaded.damaged.len()), (None, 2));
    }

    #[test]
    fn two_on_one_directory_is_one_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let held = Store::open(dir.path()).unwrap();
        assert!(matches!(Store::open(dir.path()), Err(CheckpointError::InUse(_))));
        drop(held);
        assert!(Store::open(dir.path()).is_ok());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let error = Store::open(Path::new("/proc/logskiff")).unwrap_err();
        assert!(error.to_string().contains("/proc/logskiff"), "{error}");
    }

    #[test]
    fn the_saver_writes_the_newest_and_tells_of_a_failure() {
        let dir = tempfile::tempdir().unwrap();
        let saver = Saver::start(Store::open(dir.path()).unwrap()).unwrap();
        (1..=50).for_each(|offset| saver.save(vec![bookmark(offset)]));
        saver.settle().unwrap();
        drop(saver);
        assert_eq!(load(dir.path()), Some(50));
        let saver = Saver::start(Store::open(dir.path()).unwrap()).unwrap();
        std::fs::create_dir(dir.path().join("checkpoint.json.new")).unwrap();
        saver.save(vec![bookmark(51)]);
        saver.settle().unwrap_err();
    }
}

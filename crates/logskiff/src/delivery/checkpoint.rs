//! Watermarks to disk, so that a restart goes on where the last run was settled.
//!
//! Enters: bookmarks. Leaves: the same, after a restart. Two generations are kept: the newest is renamed into place at
//! every save, so that it survives any death of the process; every few seconds it is also forced to the disk and becomes
//! the older generation, so that one of the two survives the death of the machine. A damaged one is set aside, never
//! trusted, and never a reason not to start. Watermarks only move forward, so an older generation costs doubles, not
//! lines. Files that are settled and still stand in a file of their own, which is written when they change: before the
//! bookmarks, so that each file is always in one of the two. No line content is written.

mod quiet;
mod saver;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};

pub use self::saver::CheckpointWriter;
use crate::failpoint;
use crate::regular::{self, ReadError};
use event::{CheckpointEntry, QuietFiles};

/// The format's number; a checkpoint with another one is set aside.
const VERSION: u32 = 1;
/// How often the newest generation is forced to the disk: a forced write costs the node's disk, in every pod.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// And no more often than every so many saves: where there are many files, each is large and comes seldom.
const SYNC_EVERY_SAVES: u32 = 4;
/// Shipping waits no longer for a save, where it must wait for one. A disk that is only slow is done by then.
pub const SAVE_PATIENCE: Duration = Duration::from_secs(1);
/// A save that takes so long is told as one that fails, and again after as long.
const HANGS_AFTER: Duration = Duration::from_secs(10);
const NEWEST: &str = "checkpoint.json";
const SYNCED: &str = "checkpoint.synced.json";
const QUIET: &str = "checkpoint.quiet";
const LOCK: &str = "lock";
/// A pipe in a file's place is an error, and not waited for.
const NEVER_WAIT: i32 = OFlags::NONBLOCK.bits().cast_signed();
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

/// What is saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Of each file that is read, was lately, or is looked for.
    pub files: Vec<CheckpointEntry>,
    /// The files that are settled and still.
    pub quiet: Arc<QuietFiles>,
}

impl From<Vec<CheckpointEntry>> for Marks {
    fn from(files: Vec<CheckpointEntry>) -> Self {
        Self { files, quiet: Arc::default() }
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    /// SHA-256 over the JSON of `files`, as it stands.
    checksum: String,
    files: Box<RawValue>,
}

/// Why a generation is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It is not what was written, or cannot be read.
    #[error("it is damaged")]
    Damaged,
    /// Another release wrote it.
    #[error("it has the format {0}, and this release reads format {VERSION}: another release wrote it")]
    Version(u32),
}

/// A checkpoint directory that this process alone uses.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    /// Holds the lock as long as it is open.
    lock: File,
    synced_at: Option<Instant>,
    /// Saves since then.
    unsynced: u32,
    /// The edition of the files that are settled and still that is on disk.
    quiet: Option<u64>,
}

/// What a checkpoint directory held.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The bookmarks; `None` when there was no checkpoint, or none that is whole.
    pub files: Option<Vec<CheckpointEntry>>,
    /// The files that are settled and still.
    pub quiet: QuietFiles,
    /// Generations that are not believed, where they were put, and why.
    pub damaged: Vec<(PathBuf, Damage)>,
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
        Ok(Self { dir: dir.to_path_buf(), lock: lock(dir)?, synced_at: None, unsynced: 0, quiet: Some(0) })
    }

    /// Reads the newest whole generation.
    #[must_use]
    pub fn load(&self) -> Loaded {
        let mut loaded = Loaded::default();
        loaded.files = [NEWEST, SYNCED].iter().find_map(|name| self.believe(name, decode, &mut loaded.damaged));
        // Without bookmarks that were there, this is a first start.
        if loaded.files.is_some() || loaded.is_lost() {
            loaded.quiet = self.believe(QUIET, quiet::decode, &mut loaded.damaged).unwrap_or_default();
        }
        loaded
    }

    /// Reads one file; what is not to be believed is set aside.
    fn believe<T>(
        &self,
        name: &str,
        decode: impl FnOnce(&[u8]) -> Result<T, Damage>,
        damaged: &mut Vec<(PathBuf, Damage)>,
    ) -> Option<T> {
        let path = self.dir.join(name);
        let damage = match regular::read(&path, u64::MAX) {
            Ok(bytes) => match decode(&bytes) {
                Ok(whole) => return Some(whole),
                Err(damage) => damage,
            },
            Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return None,
            // What is there and cannot be read is no better than what is damaged.
            Err(_) => Damage::Damaged,
        };
        let aside = self.dir.join(format!("{name}.damaged"));
        // Where it can't be moved it is written over by the next save all the same.
        let kept = std::fs::rename(&path, &aside).map_or(path, |()| aside);
        damaged.push((kept, damage));
        None
    }

    /// Saves `marks` as the newest generation. Returns whether the directory, or its lock, was gone and was made anew for it.
    ///
    /// # Errors
    /// When it cannot be written, or another process has the directory by now; the generations on disk stay as they were.
    pub fn save(&mut self, marks: impl Into<Marks>, now: Instant) -> io::Result<bool> {
        let Marks { files, quiet } = marks.into();
        let recreated = self.hold()?;
        if self.quiet != Some(quiet.edition()) {
            self.write(QUIET, true, |file| quiet::write(&quiet, file))?;
            self.quiet = Some(quiet.edition());
            failpoint::point("quiet-written");
        }
        let is_old = |at: Instant| now.saturating_duration_since(at) >= SYNC_EVERY && self.unsynced >= SYNC_EVERY_SAVES;
        let sync = self.synced_at.is_none_or(is_old);
        let bytes = encode(&files)?;
        self.write(NEWEST, false, |file| halves(&bytes, file))?;
        self.unsynced += 1;
        if sync {
            self.write(SYNCED, true, |file| halves(&bytes, file))?;
            (self.synced_at, self.unsynced) = (Some(now), 0);
        }
        Ok(recreated)
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
        (self.synced_at, self.quiet) = (None, None);
        Ok(true)
    }

    fn write(&self, name: &str, sync: bool, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let temporary = self.dir.join(format!("{name}.new"));
        let mut file =
            File::options().write(true).create(true).truncate(true).custom_flags(NEVER_WAIT).open(&temporary)?;
        write(&mut file)?;
        if sync {
            failpoint::point("before-fsync");
            file.sync_all()?;
            failpoint::point("after-fsync");
        }
        failpoint::point("before-rename");
        std::fs::rename(&temporary, self.dir.join(name))?;
        failpoint::point("after-rename");
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
pub fn peek(dir: &Path) -> Option<Marks> {
    let read = |name: &str| regular::read(&dir.join(name), u64::MAX).ok();
    let files = [NEWEST, SYNCED].iter().find_map(|name| decode(&read(name)?).ok())?;
    let quiet = read(QUIET).and_then(|bytes| quiet::decode(&bytes).ok()).unwrap_or_default();
    Some(Marks { files, quiet: Arc::new(quiet) })
}

/// Writes in two, so that a test can let the process die in between.
fn halves(bytes: &[u8], file: &mut File) -> io::Result<()> {
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    file.write_all(half)?;
    failpoint::point("write");
    file.write_all(rest)
}

fn encode(files: &[CheckpointEntry]) -> io::Result<Vec<u8>> {
    let files = to_raw_value(files)?;
    Ok(serde_json::to_vec(&Written { version: VERSION, checksum: checksum(&files), files })?)
}

fn decode(bytes: &[u8]) -> Result<Vec<CheckpointEntry>, Damage> {
    let written: Written = serde_json::from_slice(bytes).map_err(|_| Damage::Damaged)?;
    if written.version != VERSION {
        return Err(Damage::Version(written.version));
    }
    if checksum(&written.files) != written.checksum {
        return Err(Damage::Damaged);
    }
    serde_json::from_str(written.files.get()).map_err(|_| Damage::Damaged)
}

fn checksum(files: &RawValue) -> String {
    base16ct::lower::encode_string(&Sha256::digest(files.get()))
}

#[cfg(test)]
mod tests;

//! Saves watermarks to disk, so that a restart resumes at the first byte that is not yet acknowledged or dropped.
//!
//! Input: entries of files. Output: the same entries after a restart. There are two generations. Every save renames the
//! newest one into place, so that it survives any death of the process. Every few seconds it is also synced and becomes
//! the older generation, so that one of the two survives the death of the machine. A damaged generation is set aside,
//! never trusted, and never a reason not to start. Watermarks only move forward, so an older generation costs
//! duplicates, not lines. Quiet files (fully acknowledged and unmodified) have a separate file. It is written when they
//! change, and before the entries, so that each file is always in one of the two. No line content is written.

mod quiet;
mod writer;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::FlockOperation;
use rustix::fs::OFlags;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

pub use self::writer::CheckpointWriter;
use crate::failpoint;
use crate::regular::{self, ReadError};
use event::{CheckpointEntry, QuietFiles};

/// Version of the format. A checkpoint of another version is set aside.
const VERSION: u32 = 1;
/// How often the newest generation is synced: each sync costs disk time on the node, in every pod.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// Minimum number of saves between two syncs: with many files, each save is large and saves are rare.
const SYNC_EVERY_SAVES: u32 = 4;
/// Maximum time that shipping waits for a save. A disk that is only slow is done by then.
pub const SAVE_PATIENCE: Duration = Duration::from_secs(1);
/// A save that takes this long is reported like a failed one, and again after the same time.
const HANGS_AFTER: Duration = Duration::from_secs(10);
const NEWEST: &str = "checkpoint.json";
const SYNCED: &str = "checkpoint.synced.json";
const QUIET: &str = "checkpoint.quiet";
const LOCK: &str = "lock";
/// A pipe in the place of a file is an error; logskiff does not wait for a writer.
const NEVER_WAIT: i32 = OFlags::NONBLOCK.bits().cast_signed();
/// Beginnings of the names of all files in a checkpoint directory.
pub const NAMES: [&str; 2] = ["checkpoint.", LOCK];

/// Where checkpoints are saved.
#[derive(Clone, Debug)]
pub struct Config {
    /// The checkpoint directory, for this process only; `None`: nothing is saved, and a restart reads from the start.
    pub dir: Option<PathBuf>,
}

/// Why a checkpoint directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The directory cannot be created or written.
    #[error("{0:?} is not a directory that can be written")]
    Unwritable(PathBuf, #[source] io::Error),
    /// Another process uses it.
    #[error("{0:?} is in use by another logskiff; give each its own directory")]
    InUse(PathBuf),
}

/// The content of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Entries of all files that are open, were open recently, or are expected to appear again.
    pub files: Vec<CheckpointEntry>,
    /// The quiet files.
    pub quiet: Arc<QuietFiles>,
}

impl From<Vec<CheckpointEntry>> for Checkpoint {
    fn from(files: Vec<CheckpointEntry>) -> Self {
        Self { files, quiet: Arc::default() }
    }
}

#[derive(Deserialize)]
struct Written {
    version: u32,
    /// SHA-256 over the JSON of `files`, byte for byte.
    checksum: String,
    files: Box<RawValue>,
}

/// Why a generation is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It is damaged or unreadable.
    #[error("it is damaged")]
    Damaged,
    /// Another release wrote it, with this version of the format.
    #[error("it has the format {0}, and this release reads format {VERSION}: another release wrote it")]
    Version(u32),
}

/// A checkpoint directory, locked for this process.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    /// Holds the lock while it is open.
    lock: File,
    synced_at: Option<Instant>,
    /// Saves since the last sync.
    unsynced: u32,
    /// The edition of the quiet files on disk.
    quiet: Option<u64>,
}

/// The content of a checkpoint directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The entries; `None` if there was no checkpoint, or no valid one.
    pub files: Option<Vec<CheckpointEntry>>,
    /// The quiet files.
    pub quiet: QuietFiles,
    /// When it was saved.
    pub saved_at: Option<SystemTime>,
    /// Generations that are not trusted: where they were moved, and why.
    pub damaged: Vec<(PathBuf, Damage)>,
}

impl Loaded {
    /// Whether there was a checkpoint, but no valid generation, so that its content is unknown.
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

    /// Reads the newest valid generation.
    #[must_use]
    pub fn load(&self) -> Loaded {
        let mut loaded = Loaded::default();
        for name in [NEWEST, SYNCED] {
            let saved_at = self.dir.join(name).metadata().and_then(|metadata| metadata.modified()).ok();
            loaded.files = self.load_file(name, decode, &mut loaded.damaged);
            if loaded.files.is_some() {
                loaded.saved_at = saved_at;
                break;
            }
        }
        // If there never were entries, this is the first start.
        if loaded.files.is_some() || loaded.is_lost() {
            loaded.quiet = self.load_file(QUIET, quiet::decode, &mut loaded.damaged).unwrap_or_default();
        }
        loaded
    }

    /// Reads one file; sets it aside if it is not trusted.
    fn load_file<T>(
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
            // An unreadable file is treated like a damaged one.
            Err(_) => Damage::Damaged,
        };
        let aside = self.dir.join(format!("{name}.damaged"));
        // If it cannot be moved, the next save overwrites it.
        let kept = std::fs::rename(&path, &aside).map_or(path, |()| aside);
        damaged.push((kept, damage));
        None
    }

    /// Saves `content` as the newest generation. Returns whether the directory or its lock had disappeared and was
    /// created again.
    ///
    /// # Errors
    /// If it cannot be written, or another process uses the directory by now. The generations on disk stay unchanged.
    pub fn save(&mut self, checkpoint: impl Into<Checkpoint>, now: Instant) -> io::Result<bool> {
        let Checkpoint { files, quiet } = checkpoint.into();
        let recreated = self.ensure_lock()?;
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

    /// Ensures that the lock belongs to the directory as it is now. If somebody has removed the lock, another process
    /// could lock the directory too. Returns whether it had to be created again.
    fn ensure_lock(&mut self) -> io::Result<bool> {
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

/// Creates the directory if necessary, and locks it.
fn lock(dir: &Path) -> Result<File, CheckpointError> {
    let unwritable = |error: io::Error| CheckpointError::Unwritable(dir.to_path_buf(), error);
    std::fs::create_dir_all(dir).map_err(unwritable)?;
    let path = dir.join(LOCK);
    let lock = File::options().create(true).append(true).custom_flags(NEVER_WAIT).open(&path).map_err(unwritable)?;
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        // A lock that was removed between the two steps would lock nothing.
        Ok(()) if is_at(&lock, &path).map_err(unwritable)? => Ok(lock),
        Ok(()) | Err(rustix::io::Errno::WOULDBLOCK) => Err(CheckpointError::InUse(dir.to_path_buf())),
        Err(error) => Err(unwritable(error.into())),
    }
}

/// Whether an open file is still at this path.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads the newest valid generation of a directory that another process may be using; `None` if there is none.
#[must_use]
pub fn read_only(dir: &Path) -> Option<Checkpoint> {
    let read = |name: &str| regular::read(&dir.join(name), u64::MAX).ok();
    let files = [NEWEST, SYNCED].iter().find_map(|name| decode(&read(name)?).ok())?;
    let quiet = read(QUIET).and_then(|bytes| quiet::decode(&bytes).ok()).unwrap_or_default();
    Some(Checkpoint { files, quiet: Arc::new(quiet) })
}

/// Writes two halves, so that a test can kill the process in between.
fn halves(bytes: &[u8], file: &mut File) -> io::Result<()> {
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    file.write_all(half)?;
    failpoint::point("write");
    file.write_all(rest)
}

/// The text of a [`Written`]. One buffer: with thousands of files it takes megabytes.
fn encode(files: &[CheckpointEntry]) -> io::Result<Vec<u8>> {
    let head = format!("{{\"version\":{VERSION},\"checksum\":\"");
    let checksum_at = head.len()..head.len() + 2 * <Sha256 as Digest>::output_size();
    let mut bytes = head.into_bytes();
    bytes.resize(checksum_at.end, b'0');
    bytes.extend_from_slice(b"\",\"files\":");
    let files_at = bytes.len();
    serde_json::to_writer(&mut bytes, files)?;
    let checksum = checksum(&bytes[files_at..]);
    bytes[checksum_at].copy_from_slice(checksum.as_bytes());
    bytes.push(b'}');
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Vec<CheckpointEntry>, Damage> {
    let written: Written = serde_json::from_slice(bytes).map_err(|_| Damage::Damaged)?;
    if written.version != VERSION {
        return Err(Damage::Version(written.version));
    }
    if checksum(written.files.get().as_bytes()) != written.checksum {
        return Err(Damage::Damaged);
    }
    serde_json::from_str(written.files.get()).map_err(|_| Damage::Damaged)
}

fn checksum(files: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(files))
}

#[cfg(test)]
mod tests;

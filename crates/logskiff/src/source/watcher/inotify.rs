//! Reports changes in directories, by inotify(7).
//!
//! Input: directories. Output: the names that changed in them. It is read in the runtime's event loop and needs no
//! thread of its own, which the system might refuse. It follows no change itself, and creates no file.
#![allow(unsafe_code, reason = "tokio 1.54 has no safe way to wait for a descriptor that is no socket and no pipe")]

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Changes;

/// Names that appear and disappear, and moves of the directory itself.
const NAMES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);
/// The same, and writes.
const EVENTS: WatchFlags = NAMES.union(WatchFlags::ATTRIB).union(WatchFlags::CLOSE_WRITE).union(WatchFlags::MODIFY);
/// The name belongs to another file now, or to none.
const NAME_CHANGED: ReadFlags =
    ReadFlags::CREATE.union(ReadFlags::DELETE).union(ReadFlags::MOVED_FROM).union(ReadFlags::MOVED_TO);
/// After these a watch is no longer where it was, or the kernel may have dropped such an event.
const WATCHES_INVALID: ReadFlags = ReadFlags::IGNORED.union(ReadFlags::MOVE_SELF).union(ReadFlags::QUEUE_OVERFLOW);
/// Buffer for events that are read at once: some dozens, with short names.
const EVENTS_BYTES: usize = 4096;
/// At most this many events are read before the shipper is woken.
const EVENTS_PER_WAKE_MAX: usize = 4096;

/// An inotify instance and its watches.
#[derive(Debug)]
pub(super) struct Inotify {
    queue: AsyncFd<OwnedFd>,
    /// The directory of each watch.
    watches: HashMap<i32, PathBuf>,
}

/// The result of setting watches.
#[derive(Debug, Default)]
pub(super) struct ArmResult {
    /// Some directories are not watched.
    pub(super) left_out: bool,
    /// The error, unless it concerns one directory only.
    pub(super) error: Option<io::Error>,
}

/// A change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// In a directory.
    InDirectory,
    /// A directory is gone or was moved, or events were dropped: the watches have to be set again.
    WatchesInvalid,
}

impl Inotify {
    /// An instance without watches.
    ///
    /// # Errors
    /// When the system refuses one.
    pub(super) fn new() -> io::Result<Self> {
        let queue = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // SAFETY: the `OwnedFd` is owned here alone, names one open descriptor until it is dropped, and is never taken
        // out.
        let queue = unsafe { AsyncFd::register_with_interest(queue, Interest::READABLE) }?;
        Ok(Self { queue, watches: HashMap::new() })
    }

    /// Watches these directories and no others; unless `quiet`, names only. One that cannot be watched does not affect
    /// the others.
    pub(super) fn set_watches(&mut self, directories: &[PathBuf], quiet: bool) -> ArmResult {
        let (mut result, mut watches) = (ArmResult::default(), HashMap::new());
        let wanted = if quiet { EVENTS } else { NAMES };
        for directory in directories {
            match add_watch(&self.queue, directory, wanted) {
                Ok(watch) => drop(watches.insert(watch, directory.clone())),
                // Gone since it was found, or not readable for this process: the walk reports it.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS | Errno::PERM) => result.left_out = true,
                Err(error) => {
                    result = ArmResult { left_out: true, error: Some(error.into()) };
                    if error == Errno::NOSPC {
                        // The limit of the user is reached (max_user_watches).
                        break;
                    }
                }
            }
        }
        for watch in self.watches.keys().filter(|watch| !watches.contains_key(watch)) {
            // The kernel may have removed it already.
            _ = remove_watch(&self.queue, *watch);
        }
        self.watches = watches;
        result
    }

    /// Waits for changes, combines several into one, and notes their names. Cancellation safe.
    ///
    /// # Errors
    /// When the instance cannot be read.
    pub(super) async fn next_change(&self, changes: &Mutex<Changes>) -> io::Result<Change> {
        loop {
            let mut ready = self.queue.readable().await?;
            // Otherwise there was no event.
            if let Ok(taken) = ready.try_io(|queue| read_events(queue.get_ref(), &self.watches, changes))
                && let Some(change) = taken?
            {
                return Ok(change);
            }
        }
    }
}

/// Reads the events that are there. Events of removed watches are ignored.
fn read_events(
    queue: &OwnedFd,
    watches: &HashMap<i32, PathBuf>,
    changes: &Mutex<Changes>,
) -> io::Result<Option<Change>> {
    let mut buffer = [MaybeUninit::uninit(); EVENTS_BYTES];
    let mut events = Reader::new(queue, &mut buffer);
    let mut change = None;
    let mut changes = changes.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..EVENTS_PER_WAKE_MAX {
        let event = match events.next() {
            Ok(event) => event,
            Err(Errno::AGAIN) if change.is_some() => break,
            Err(error) => return Err(error.into()),
        };
        let flags = event.events();
        let directory = watches.get(&event.wd());
        if directory.is_none() && !flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            continue;
        }
        let moved = flags.intersects(WATCHES_INVALID) || change == Some(Change::WatchesInvalid);
        change = Some(if moved { Change::WatchesInvalid } else { Change::InDirectory });
        match (directory, event.file_name()) {
            (Some(directory), Some(name)) if !flags.contains(ReadFlags::ISDIR) => {
                let path = directory.join(OsStr::from_bytes(name.to_bytes()));
                if flags.contains(ReadFlags::MODIFY) {
                    changes.add_modified(path.clone());
                }
                changes.add_file(path, !flags.intersects(NAME_CHANGED));
            }
            _ => changes.other = true,
        }
    }
    Ok(change)
}

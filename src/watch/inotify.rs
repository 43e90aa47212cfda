//! The kernel's word that something happened in a directory (inotify(7)).
//!
//! Enters: directories. Leaves: that something happened in one of them. It is read where the runtime waits for all else, so
//! that it needs no thread of its own: there may be none to be had. It never follows what happened, and makes no file.
#![allow(unsafe_code, reason = "tokio 1.54 has no safe way to wait for a descriptor that is no socket and no pipe")]

use std::collections::HashSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What may give a reader something to do, and what takes the directory from its place.
const EVENTS: WatchFlags = WatchFlags::ATTRIB
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);
/// After these a watch is not where it was, or the kernel may have left out that it is not.
const MOVED: ReadFlags = ReadFlags::IGNORED.union(ReadFlags::MOVE_SELF).union(ReadFlags::QUEUE_OVERFLOW);
/// As many events as are read at once: some dozens, with short names.
const EVENTS_BYTES: usize = 4096;

/// An inotify instance and its watches.
#[derive(Debug)]
pub(super) struct Inotify {
    queue: AsyncFd<OwnedFd>,
    watches: HashSet<i32>,
}

/// What came of asking for watches.
#[derive(Debug, Default)]
pub(super) struct Armed {
    /// Some directories are not watched.
    pub(super) left_out: bool,
    /// Why, where it is not for something about a directory.
    pub(super) error: Option<io::Error>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// Something in a directory.
    Within,
    /// The same, or not; a directory is gone or moved, or events were left out: the watches are to be asked for again.
    Moved,
}

impl Inotify {
    /// An instance without watches.
    ///
    /// # Errors
    /// When the system gives none, or no descriptor.
    pub(super) fn new() -> io::Result<Self> {
        let queue = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // SAFETY: an `OwnedFd` that is owned here alone names one open descriptor until it is dropped, and nothing takes it out.
        let queue = unsafe { AsyncFd::register_with_interest(queue, Interest::READABLE) }?;
        Ok(Self { queue, watches: HashSet::new() })
    }

    /// Watches these directories and no others. One that cannot be watched keeps no other from it.
    pub(super) fn arm(&mut self, directories: &[PathBuf]) -> Armed {
        let (mut armed, mut watches) = (Armed::default(), HashSet::new());
        for directory in directories {
            match add_watch(&self.queue, directory, EVENTS) {
                Ok(watch) => drop(watches.insert(watch)),
                // Gone since it was found, or not for this process to read: the walk sees to it, and says so.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS | Errno::PERM) => armed.left_out = true,
                Err(error) => {
                    armed = Armed { left_out: true, error: Some(error.into()) };
                    if error == Errno::NOSPC {
                        // The user has as many as he may (max_user_watches).
                        break;
                    }
                }
            }
        }
        for watch in self.watches.difference(&watches) {
            // It may be gone by itself.
            _ = remove_watch(&self.queue, *watch);
        }
        self.watches = watches;
        armed
    }

    /// Waits until something happens, and takes several events as one. Cancellation safe.
    ///
    /// # Errors
    /// When the instance cannot be read.
    pub(super) async fn happened(&self) -> io::Result<Happened> {
        loop {
            let mut ready = self.queue.readable().await?;
            // Else: nothing was there after all.
            if let Ok(taken) = ready.try_io(|queue| take(queue.get_ref(), &self.watches))
                && let Some(happened) = taken?
            {
                return Ok(happened);
            }
        }
    }
}

/// Takes what there is, as far as it fits; of watches that were removed nothing is told.
fn take(queue: &OwnedFd, watches: &HashSet<i32>) -> io::Result<Option<Happened>> {
    let mut buffer = [MaybeUninit::uninit(); EVENTS_BYTES];
    let mut events = Reader::new(queue, &mut buffer);
    let mut happened = None;
    loop {
        let event = events.next()?;
        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) || watches.contains(&event.wd()) {
            let moved = event.events().intersects(MOVED) || happened == Some(Happened::Moved);
            happened = Some(if moved { Happened::Moved } else { Happened::Within });
        }
        if events.is_buffer_empty() {
            return Ok(happened);
        }
    }
}

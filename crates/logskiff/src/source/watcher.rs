//! Wakes the shipper: by inotify while it is quiet, by the clock while it is busy.
//!
//! Input: directories, and whether the shipper is quiet. Output: wake-ups, and the names that changed. An event only
//! says that a check is worthwhile; the check finds out what happened. While the shipper is busy, only new and removed
//! names are reported, at most a hundred times a second, so that the cost depends on time, not on writes. A directory
//! that cannot be watched is polled.

mod inotify;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::sleep;

use self::inotify::{ArmResult, Change, Inotify};

/// Watches that failed are tried again after this long: a directory may have returned, a limit may have been raised.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);
/// The pause after a wake-up. Later events come with the next one.
const PAUSE: Duration = Duration::from_millis(10);
/// At most this many names are kept. With more, the shipper has to check everything.
const FILES_MAX: usize = 256;

/// What wakes the shipper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// inotify where it works, else polling alone.
    Auto,
    /// inotify. If it does not work, an error is logged.
    Inotify,
    /// Polling alone, for volumes without events.
    Poll,
}

/// How files are watched.
#[derive(Clone, Debug)]
pub struct Config {
    /// What wakes the shipper.
    pub mode: Mode,
    /// The poll interval, which also applies with inotify.
    pub poll: Duration,
}

/// A request of the shipper.
#[derive(Clone, Debug)]
enum WatchRequest {
    /// Watch these directories. Unless `quiet`, only names: the shipper polls for writes.
    Watch { directories: Arc<[PathBuf]>, quiet: bool },
    /// Stop.
    Stop,
}

impl WatchRequest {
    /// Whether it asks for these watches.
    fn is_for(&self, wanted: &Arc<[PathBuf]>, wanted_quiet: bool) -> bool {
        match self {
            Self::Watch { directories, quiet } => *quiet == wanted_quiet && Arc::ptr_eq(directories, wanted),
            Self::Stop => false,
        }
    }
}

/// The active watches.
#[derive(Debug)]
struct ActiveWatches {
    directories: Arc<[PathBuf]>,
    quiet: bool,
    /// Every directory is watched.
    complete: bool,
}

/// The changes since the last call.
#[derive(Debug, Default)]
pub struct Changes {
    /// Names that appeared or disappeared, and files that were written to; `true` where there were only writes.
    pub files: HashMap<PathBuf, bool>,
    /// Files whose content was changed, not only their times. Reported while it is quiet.
    pub modified: HashSet<PathBuf>,
    /// Something else happened: everything has to be checked.
    pub other: bool,
}

impl Changes {
    /// Notes that the content of a file was changed.
    fn add_modified(&mut self, path: PathBuf) {
        if self.modified.len() < FILES_MAX {
            self.modified.insert(path);
        }
    }

    /// Notes a change to a file. `written`: it was written to; else its name appeared or disappeared.
    fn add_file(&mut self, path: PathBuf, written: bool) {
        if self.files.len() < FILES_MAX || self.files.contains_key(&path) {
            *self.files.entry(path).or_insert(true) &= written;
        } else {
            self.other = true;
        }
    }
}

/// The shipper's end: requests watches, and takes the changes.
#[derive(Debug)]
pub struct Watch {
    requests: Sender<WatchRequest>,
    active: Receiver<Option<ActiveWatches>>,
    failed: Arc<AtomicBool>,
    changes: Arc<Mutex<Changes>>,
    mode: Mode,
}

/// The runtime's end: does the watching.
#[derive(Debug)]
pub struct Watcher {
    requests: Receiver<WatchRequest>,
    active: Sender<Option<ActiveWatches>>,
    failed: Arc<AtomicBool>,
    changes: Arc<Mutex<Changes>>,
    mode: Mode,
}

/// Makes both ends.
#[must_use]
pub fn watch(mode: Mode) -> (Watch, Watcher) {
    let (request_sender, request_receiver) = channel(WatchRequest::Watch { directories: Arc::from([]), quiet: false });
    let (active_sender, active_receiver) = channel(None);
    let (failed, changes) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::default()));
    (
        Watch {
            requests: request_sender,
            active: active_receiver,
            failed: Arc::clone(&failed),
            changes: Arc::clone(&changes),
            mode,
        },
        Watcher { requests: request_receiver, active: active_sender, failed, changes, mode },
    )
}

impl Watch {
    /// Requests watches for names in `directories`. The shipper polls for writes.
    pub fn watch_names(&self, directories: &Arc<[PathBuf]>) {
        self.request(directories, false);
    }

    /// Requests watches on `directories`. Returns whether they are active: only later changes wake the shipper.
    #[must_use]
    pub fn watch_all(&self, directories: &Arc<[PathBuf]>) -> bool {
        self.request(directories, true);
        let is_active = |active: &ActiveWatches| active.quiet && Arc::ptr_eq(&active.directories, directories);
        self.mode == Mode::Poll || self.active.borrow().as_ref().is_some_and(is_active)
    }

    /// Whether every new and removed name in `directories` is reported.
    #[must_use]
    pub fn covers(&self, directories: &Arc<[PathBuf]>) -> bool {
        let covers = |active: &ActiveWatches| active.complete && Arc::ptr_eq(&active.directories, directories);
        self.active.borrow().as_ref().is_some_and(covers)
    }

    /// Whether inotify is used and works, as far as was tried.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.mode != Mode::Poll && !self.failed.load(Ordering::Relaxed)
    }

    /// The changes since the last call.
    #[must_use]
    pub fn take_changes(&self) -> Changes {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn request(&self, directories: &Arc<[PathBuf]>, quiet: bool) {
        if self.mode == Mode::Poll {
            return;
        }
        self.requests.send_if_modified(|request| {
            let changed = !request.is_for(directories, quiet);
            if changed {
                *request = WatchRequest::Watch { directories: Arc::clone(directories), quiet };
            }
            changed
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.requests.send_replace(WatchRequest::Stop);
    }
}

impl Watcher {
    /// Watches as requested and calls `wake` for changes, until the other end is dropped. Cancellation safe.
    pub async fn run(mut self, wake: impl Fn()) {
        // One instance for the whole run: the system may refuse another.
        let mut inotify = None;
        let mut is_logged = false;
        loop {
            let request = self.requests.borrow_and_update().clone();
            let WatchRequest::Watch { directories, quiet } = request else { return };
            if directories.is_empty() && !quiet {
                if self.requests.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let ArmResult { left_out, error } = set_watches(&mut inotify, &directories, quiet);
            self.failed.store(error.is_some(), Ordering::Relaxed);
            if let Some(error) = error.filter(|_| !is_logged) {
                self.log_failure(&error, inotify.is_some());
                is_logged = true;
            }
            let new = ActiveWatches { directories: Arc::clone(&directories), quiet, complete: !left_out };
            let former = self.active.send_replace(Some(new));
            // Changes from before a directory was watched were not reported.
            let is_new =
                !former.is_some_and(|former| former.complete && Arc::ptr_eq(&former.directories, &directories));
            if is_new {
                self.changes.lock().unwrap_or_else(PoisonError::into_inner).other = true;
            }
            if quiet || is_new {
                wake();
            }
            tokio::select! {
                changed = self.requests.changed() => if changed.is_err() { return },
                () = forward(&mut inotify, &self.changes, &wake) => {}
                () = sleep(RETRY_INTERVAL), if left_out => {}
            }
            if inotify.is_none() {
                self.active.send_replace(None);
            }
        }
    }

    fn log_failure(&self, error: &std::io::Error, is_partial: bool) {
        let what = if is_partial { "inotify cannot watch every directory" } else { "inotify cannot be used" };
        if self.mode == Mode::Inotify {
            tracing::error!(%error, "LOGSKIFF_WATCH=inotify, but {what}; files are polled instead");
        } else {
            tracing::warn!(%error, "{what}; files are polled instead");
        }
    }
}

/// Sets watches on `directories`, and creates an instance if there is none.
fn set_watches(inotify: &mut Option<Inotify>, directories: &[PathBuf], quiet: bool) -> ArmResult {
    if inotify.is_none() {
        match Inotify::new() {
            Ok(created) => *inotify = Some(created),
            Err(error) => return ArmResult { left_out: true, error: Some(error) },
        }
    }
    inotify.as_mut().map(|inotify| inotify.set_watches(directories, quiet)).unwrap_or_default()
}

/// Calls `wake` for changes. Returns when the watches have to be set again.
async fn forward(inotify: &mut Option<Inotify>, changes: &Mutex<Changes>, wake: impl Fn()) {
    while let Some(watching) = inotify {
        match watching.next_change(changes).await {
            Ok(Change::InDirectory) => wake(),
            Ok(Change::WatchesInvalid) => return wake(),
            Err(_) => {
                *inotify = None;
                break;
            }
        }
        sleep(PAUSE).await;
    }
    // After a wait: what cannot be read now may not be readable at once.
    sleep(RETRY_INTERVAL).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Waits for a condition without blocking the watcher.
    async fn until(condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
    }

    /// Runs a watcher next to `shipper`, which gets the other end and the number of wake-ups.
    fn run<'t, S: Future<Output = ()>>(wakes: &'t AtomicUsize, shipper: impl FnOnce(Watch, &'t AtomicUsize) -> S) {
        let (watch, watcher) = watch(Mode::Auto);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let wake = || _ = wakes.fetch_add(1, Ordering::SeqCst);
        runtime.block_on(async { tokio::join!(watcher.run(wake), shipper(watch, wakes)) });
    }

    /// Goal: a file that is created in a watched directory wakes a quiet shipper, and a busy one is left alone.
    #[test]
    fn changes_in_a_watched_directory_wake_a_quiet_shipper() {
        let dir = tempfile::tempdir().unwrap();
        let directories = Arc::from([dir.path().canonicalize().unwrap()]);
        run(&AtomicUsize::new(0), async |watch, wakes| {
            until(|| watch.watch_all(&directories)).await;
            let watched = wakes.load(Ordering::SeqCst);
            std::fs::write(dir.path().join("app.log"), "x").unwrap();
            until(|| wakes.load(Ordering::SeqCst) > watched).await;
            watch.watch_names(&directories);
            until(|| watch.active.borrow().as_ref().is_some_and(|active| !active.quiet)).await;
            assert!(watch.covers(&directories));
            sleep(2 * PAUSE).await;
            let busy = wakes.load(Ordering::SeqCst);
            _ = watch.take_changes();
            std::fs::write(dir.path().join("app.log"), "y").unwrap();
            until(|| watch.watch_all(&directories)).await;
            assert_eq!(wakes.load(Ordering::SeqCst), busy + 1, "one wake, for being watched again");
            assert!(watch.take_changes().files.is_empty());
            watch.watch_names(&directories);
            until(|| watch.active.borrow().as_ref().is_some_and(|active| !active.quiet)).await;
            std::fs::write(dir.path().join("new.log"), "x").unwrap();
            until(|| watch.take_changes().files.contains_key(&directories[0].join("new.log"))).await;
        });
    }

    /// Goal: the names, the contents and unwatchable neighbours of a directory do not matter. A file that is created in
    /// the last directory wakes the shipper.
    #[track_caller]
    fn check(directories: &[PathBuf], works: bool) {
        let directories = Arc::from(directories);
        run(&AtomicUsize::new(0), async |watch, wakes| {
            until(|| watch.watch_all(&directories)).await;
            assert_eq!(watch.is_working(), works);
            let watched = wakes.load(Ordering::SeqCst);
            std::fs::write(directories.last().unwrap().join("app.log"), "x").unwrap();
            until(|| wakes.load(Ordering::SeqCst) > watched).await;
            let changes = watch.take_changes();
            assert!(changes.other || changes.files.contains_key(&directories.last().unwrap().join("app.log")));
        });
    }

    #[test]
    fn a_file_of_any_name_keeps_no_directory_from_being_watched() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".logskiff-watches-this-directory"), "").unwrap();
        check(&[dir.path().to_path_buf()], true);
    }

    #[test]
    fn a_directory_that_is_reached_by_a_relative_link_is_watched() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("releases/5")).unwrap();
        std::os::unix::fs::symlink("releases/5", dir.path().join("current")).unwrap();
        check(&[dir.path().join("current")], true);
    }

    #[test]
    fn unwatchable_directories_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::write(place("file"), "").unwrap();
        std::os::unix::fs::symlink("loop", place("loop")).unwrap();
        std::fs::create_dir(place("last")).unwrap();
        check(&[place("file"), place("gone"), place("loop"), place("last")], true);
        // A name that the system refuses, to stand for unforeseen errors.
        check(&[place(&"x".repeat(300)), place("last")], false);
    }

    /// Goal: a directory that is replaced by another of the same name is watched again.
    #[test]
    fn a_replaced_directory_is_watched_again() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::create_dir(place("logs")).unwrap();
        std::fs::create_dir(place("next")).unwrap();
        let directories = Arc::from([place("logs")]);
        run(&AtomicUsize::new(0), async |watch, wakes| {
            until(|| watch.watch_all(&directories)).await;
            let watched = wakes.load(Ordering::SeqCst);
            rustix::fs::renameat_with(
                rustix::fs::CWD,
                place("logs"),
                rustix::fs::CWD,
                place("next"),
                rustix::fs::RenameFlags::EXCHANGE,
            )
            .unwrap();
            // The event, and the new watch.
            until(|| wakes.load(Ordering::SeqCst) >= watched + 2).await;
            let moved = wakes.load(Ordering::SeqCst);
            std::fs::write(place("logs").join("app.log"), "x").unwrap();
            until(|| wakes.load(Ordering::SeqCst) > moved).await;
        });
    }
}

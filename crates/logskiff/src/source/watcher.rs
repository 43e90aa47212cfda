//! When to look: inotify while it is quiet, the clock while it is busy.
//!
//! Enters: directories, and whether it is quiet. Leaves: a wake-up of the shipper, and which names it is for. An event says only that it
//! is worth looking; what happened is found out by looking. While it is busy only names that come and go are told of, and never
//! more than a hundred times a second, so that the cost follows time and not writes. A directory that cannot be watched is looked at by the clock, and the others are watched.

mod inotify;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::sleep;

use self::inotify::{Armed, Happened, Inotify};

/// What could not be watched is tried again after so long: a directory may have come back, a limit may have been raised.
const ARM_AGAIN: Duration = Duration::from_secs(10);
/// After a wake: what comes meanwhile is told with the next.
const PAUSE: Duration = Duration::from_millis(10);
/// So many names are kept until they are asked for; when there are more, anything may have happened.
const FILES_MAX: usize = 256;

/// What wakes the shipper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// inotify where it works, else the poll alone.
    Auto,
    /// inotify; that it does not work is worth an error in the log.
    Inotify,
    /// The poll alone, for volumes without events.
    Poll,
}

/// How files are watched.
#[derive(Clone, Debug)]
pub struct Config {
    /// What wakes the shipper.
    pub mode: Mode,
    /// The slow poll behind the events.
    pub poll: Duration,
}

/// What the shipper asks for.
#[derive(Clone, Debug)]
enum WatchRequest {
    /// Watches on these directories; while it is busy, the shipper looks by the clock at what is written.
    Watch { directories: Arc<[PathBuf]>, quiet: bool },
    /// The end.
    Over,
}

/// The watches that are there.
#[derive(Debug)]
struct Force {
    directories: Arc<[PathBuf]>,
    quiet: bool,
    /// None is left out.
    whole: bool,
}

/// What happened since this was last asked.
#[derive(Debug, Default)]
pub struct Heard {
    /// Names that came or went, and files that were written to; the latter alone where it is true.
    pub files: HashMap<PathBuf, bool>,
    /// Files whose content was changed: more than their times, while it is quiet.
    pub modified: HashSet<PathBuf>,
    /// And anything else.
    pub more: bool,
}

impl Heard {
    /// The content of a file was changed.
    fn modified(&mut self, path: PathBuf) {
        if self.modified.len() < FILES_MAX {
            self.modified.insert(path);
        }
    }

    /// Something happened to a file; it was `written` to, or its name came or went.
    fn file(&mut self, path: PathBuf, written: bool) {
        if self.files.len() < FILES_MAX || self.files.contains_key(&path) {
            *self.files.entry(path).or_insert(true) &= written;
        } else {
            self.more = true;
        }
    }
}

/// The shipper's end: says what to watch, and hears whether it is being done.
#[derive(Debug)]
pub struct Watch {
    requests: Sender<WatchRequest>,
    force: Receiver<Option<Force>>,
    fails: Arc<AtomicBool>,
    heard: Arc<Mutex<Heard>>,
    mode: Mode,
}

/// The runtime's end: does the watching.
#[derive(Debug)]
pub struct Watcher {
    requests: Receiver<WatchRequest>,
    force: Sender<Option<Force>>,
    fails: Arc<AtomicBool>,
    heard: Arc<Mutex<Heard>>,
    mode: Mode,
}

/// Makes both ends.
#[must_use]
pub fn watch(mode: Mode) -> (Watch, Watcher) {
    let (wish_sender, wish_receiver) = channel(WatchRequest::Watch { directories: Arc::from([]), quiet: false });
    let (force_sender, force_receiver) = channel(None);
    let (fails, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::default()));
    (
        Watch {
            requests: wish_sender,
            force: force_receiver,
            fails: Arc::clone(&fails),
            heard: Arc::clone(&heard),
            mode,
        },
        Watcher { requests: wish_receiver, force: force_sender, fails, heard, mode },
    )
}

impl Watch {
    /// Asks for watches on the names in `directories`: the shipper will look by the clock.
    pub fn busy(&self, directories: &Arc<[PathBuf]>) {
        self.request(directories, false);
    }

    /// Asks for watches on `directories`. Returns whether they are in force: only what changes from then on wakes.
    #[must_use]
    pub fn quiet(&self, directories: &Arc<[PathBuf]>) -> bool {
        self.request(directories, true);
        let in_force = |force: &Force| force.quiet && Arc::ptr_eq(&force.directories, directories);
        self.mode == Mode::Poll || self.force.borrow().as_ref().is_some_and(in_force)
    }

    /// Whether every name that comes or goes in `directories` is told of.
    #[must_use]
    pub fn covers(&self, directories: &Arc<[PathBuf]>) -> bool {
        let covers = |force: &Force| force.whole && Arc::ptr_eq(&force.directories, directories);
        self.force.borrow().as_ref().is_some_and(covers)
    }

    /// Whether inotify is used and works, as far as it was tried.
    #[must_use]
    pub fn works(&self) -> bool {
        self.mode != Mode::Poll && !self.fails.load(Ordering::Relaxed)
    }

    /// What happened since this was last asked.
    #[must_use]
    pub fn heard(&self) -> Heard {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn request(&self, directories: &Arc<[PathBuf]>, quiet: bool) {
        if self.mode == Mode::Poll {
            return;
        }
        self.requests.send_if_modified(|wished| {
            let same = |request: &WatchRequest| matches!(request, WatchRequest::Watch { directories: these, quiet: so } if *so == quiet && Arc::ptr_eq(these, directories));
            let changed = !same(wished);
            if changed {
                *wished = WatchRequest::Watch { directories: Arc::clone(directories), quiet };
            }
            changed
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.requests.send_replace(WatchRequest::Over);
    }
}

impl Watcher {
    /// Watches as asked and calls `wake` for what happens, until the other end is dropped. Cancellation safe.
    pub async fn run(mut self, wake: impl Fn()) {
        // One for life: another could be refused.
        let mut inotify = None;
        let mut said = false;
        loop {
            let request = self.requests.borrow_and_update().clone();
            let WatchRequest::Watch { directories, quiet } = request else { return };
            if directories.is_empty() && !quiet {
                if self.requests.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let Armed { left_out, error } = arm(&mut inotify, &directories, quiet);
            self.fails.store(error.is_some(), Ordering::Relaxed);
            if let Some(error) = error.filter(|_| !said) {
                self.say(&error, inotify.is_some());
                said = true;
            }
            let new = Force { directories: Arc::clone(&directories), quiet, whole: !left_out };
            let former = self.force.send_replace(Some(new));
            // What came before its directory was watched was told by nobody.
            let is_new = !former.is_some_and(|former| former.whole && Arc::ptr_eq(&former.directories, &directories));
            if is_new {
                self.heard.lock().unwrap_or_else(PoisonError::into_inner).more = true;
            }
            if quiet || is_new {
                wake();
            }
            tokio::select! {
                changed = self.requests.changed() => if changed.is_err() { return },
                () = forward(&mut inotify, &self.heard, &wake) => {}
                () = sleep(ARM_AGAIN), if left_out => {}
            }
            if inotify.is_none() {
                self.force.send_replace(None);
            }
        }
    }

    fn say(&self, error: &std::io::Error, in_part: bool) {
        let what = if in_part { "inotify cannot watch every directory" } else { "inotify cannot be used" };
        if self.mode == Mode::Inotify {
            tracing::error!(%error, "LOGSKIFF_WATCH=inotify, but {what}; files are polled instead");
        } else {
            tracing::warn!(%error, "{what}; files are polled instead");
        }
    }
}

/// Asks for watches on `directories`, and for an instance where there is none.
fn arm(inotify: &mut Option<Inotify>, directories: &[PathBuf], quiet: bool) -> Armed {
    if inotify.is_none() {
        match Inotify::new() {
            Ok(made) => *inotify = Some(made),
            Err(error) => return Armed { left_out: true, error: Some(error) },
        }
    }
    inotify.as_mut().map(|inotify| inotify.arm(directories, quiet)).unwrap_or_default()
}

/// Wakes for what happens; ends when the watches are to be asked for anew.
async fn forward(inotify: &mut Option<Inotify>, heard: &Mutex<Heard>, wake: impl Fn()) {
    while let Some(watching) = inotify {
        match watching.happened(heard).await {
            Ok(Happened::Within) => wake(),
            Ok(Happened::Moved) => return wake(),
            Err(_) => {
                *inotify = None;
                break;
            }
        }
        sleep(PAUSE).await;
    }
    // Not at once: what cannot be read once may not be readable the next time.
    sleep(ARM_AGAIN).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Waits until it holds, without holding up the watcher.
    async fn until(condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
    }

    /// Runs a watcher beside what `shipper` does, which has its other end and the count of wakes.
    fn run<'t, S: Future<Output = ()>>(wakes: &'t AtomicUsize, shipper: impl FnOnce(Watch, &'t AtomicUsize) -> S) {
        let (watch, watcher) = watch(Mode::Auto);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let wake = || _ = wakes.fetch_add(1, Ordering::SeqCst);
        runtime.block_on(async { tokio::join!(watcher.run(wake), shipper(watch, wakes)) });
    }

    /// Goal: a file that is made in a watched directory wakes, and a busy shipper is left alone.
    #[test]
    fn what_happens_in_a_watched_directory_wakes_unless_busy() {
        let dir = tempfile::tempdir().unwrap();
        let directories = Arc::from([dir.path().canonicalize().unwrap()]);
        run(&AtomicUsize::new(0), async |watch, wakes| {
            until(|| watch.quiet(&directories)).await;
            let armed = wakes.load(Ordering::SeqCst);
            std::fs::write(dir.path().join("app.log"), "x").unwrap();
            until(|| wakes.load(Ordering::SeqCst) > armed).await;
            watch.busy(&directories);
            until(|| watch.force.borrow().as_ref().is_some_and(|force| !force.quiet)).await;
            assert!(watch.covers(&directories));
            sleep(2 * PAUSE).await;
            let busy = wakes.load(Ordering::SeqCst);
            _ = watch.heard();
            std::fs::write(dir.path().join("app.log"), "y").unwrap();
            until(|| watch.quiet(&directories)).await;
            assert_eq!(wakes.load(Ordering::SeqCst), busy + 1, "one wake, for being armed again");
            assert!(watch.heard().files.is_empty());
            watch.busy(&directories);
            until(|| watch.force.borrow().as_ref().is_some_and(|force| !force.quiet)).await;
            std::fs::write(dir.path().join("new.log"), "x").unwrap();
            until(|| watch.heard().files.contains_key(&directories[0].join("new.log"))).await;
        });
    }

    /// Goal: what a directory is called, what lies in it and what cannot be watched beside it do not matter. What is made in
    /// the last of the directories wakes.
    #[track_caller]
    fn check(directories: &[PathBuf], works: bool) {
        let directories = Arc::from(directories);
        run(&AtomicUsize::new(0), async |watch, wakes| {
            until(|| watch.quiet(&directories)).await;
            assert_eq!(watch.works(), works);
            let armed = wakes.load(Ordering::SeqCst);
            std::fs::write(directories.last().unwrap().join("app.log"), "x").unwrap();
            until(|| wakes.load(Ordering::SeqCst) > armed).await;
            let heard = watch.heard();
            assert!(heard.more || heard.files.contains_key(&directories.last().unwrap().join("app.log")));
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
    fn what_cannot_be_watched_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::write(place("file"), "").unwrap();
        std::os::unix::fs::symlink("loop", place("loop")).unwrap();
        std::fs::create_dir(place("last")).unwrap();
        check(&[place("file"), place("gone"), place("loop"), place("last")], true);
        // A name that the system does not take, for what nobody has thought of.
        check(&[place(&"x".repeat(300)), place("last")], false);
    }

    /// Goal: a directory that gives way to another of its name is watched again.
    #[test]
    fn a_directory_in_the_place_of_one_that_was_moved_is_watched() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::create_dir(place("logs")).unwrap();
        std::fs::create_dir(place("next")).unwrap();
        let directories = Arc::from([place("logs")]);
        run(&AtomicUsize::new(0), async |watch, wakes| {
            until(|| watch.quiet(&directories)).await;
            let armed = wakes.load(Ordering::SeqCst);
            rustix::fs::renameat_with(
                rustix::fs::CWD,
                place("logs"),
                rustix::fs::CWD,
                place("next"),
                rustix::fs::RenameFlags::EXCHANGE,
            )
            .unwrap();
            // The event, and being armed again.
            until(|| wakes.load(Ordering::SeqCst) >= armed + 2).await;
            let moved = wakes.load(Ordering::SeqCst);
            std::fs::write(place("logs").join("app.log"), "x").unwrap();
            until(|| wakes.load(Ordering::SeqCst) > moved).await;
        });
    }
}

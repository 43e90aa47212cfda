//! When to look: inotify while it is quiet, the clock while it is busy.
//!
//! Enters: directories, and whether to watch them. Leaves: a wake-up of the shipper. An event says only that it is worth
//! looking; what happened is found out by looking. While events would come fast the watches are dropped, so that their
//! cost follows time and not writes. A directory that cannot be watched is looked at by the clock, and the others are watched.

mod inotify;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::sleep;

use self::inotify::{Armed, Happened, Inotify};

/// What could not be watched is tried again after so long: a directory may have come back, a limit may have been raised.
const ARM_AGAIN: Duration = Duration::from_secs(10);

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
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    /// No watches: the shipper looks by the clock.
    Busy,
    /// Watches on these directories.
    Quiet(Vec<PathBuf>),
    /// The end.
    Over,
}

/// The shipper's end: says when to watch, and hears whether it is being done.
#[derive(Debug)]
pub struct Watch {
    wishes: Sender<Wish>,
    armed: Receiver<Option<Vec<PathBuf>>>,
    fails: Arc<AtomicBool>,
    happened: Arc<AtomicBool>,
    mode: Mode,
}

/// The runtime's end: does the watching.
#[derive(Debug)]
pub struct Watcher {
    wishes: Receiver<Wish>,
    armed: Sender<Option<Vec<PathBuf>>>,
    fails: Arc<AtomicBool>,
    happened: Arc<AtomicBool>,
    mode: Mode,
}

/// Makes both ends.
#[must_use]
pub fn watch(mode: Mode) -> (Watch, Watcher) {
    let (wish_sender, wish_receiver) = channel(Wish::Busy);
    let (armed_sender, armed_receiver) = channel(None);
    let (fails, happened) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    (
        Watch {
            wishes: wish_sender,
            armed: armed_receiver,
            fails: Arc::clone(&fails),
            happened: Arc::clone(&happened),
            mode,
        },
        Watcher { wishes: wish_receiver, armed: armed_sender, fails, happened, mode },
    )
}

impl Watch {
    /// Drops the watches: the shipper will look by the clock.
    pub fn busy(&self) {
        self.wish(Wish::Busy);
    }

    /// Asks for watches on `directories`. Returns whether they are in force: only what changes from then on wakes.
    #[must_use]
    pub fn quiet(&self, directories: &[PathBuf]) -> bool {
        if self.mode == Mode::Poll {
            return true;
        }
        self.wish(Wish::Quiet(directories.to_vec()));
        self.armed.borrow().as_deref() == Some(directories)
    }

    /// Whether inotify is used and works, as far as it was tried.
    #[must_use]
    pub fn works(&self) -> bool {
        self.mode != Mode::Poll && !self.fails.load(Ordering::Relaxed)
    }

    /// Whether an event came since this was last asked: to a file that is closed, perhaps, so that only a scan tells.
    #[must_use]
    pub fn happened(&self) -> bool {
        self.happened.swap(false, Ordering::AcqRel)
    }

    fn wish(&self, wish: Wish) {
        self.wishes.send_if_modified(|wished| {
            let changed = *wished != wish;
            *wished = wish;
            changed
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.wish(Wish::Over);
    }
}

impl Watcher {
    /// Watches as asked and calls `wake` for what happens, until the other end is dropped. Cancellation safe.
    pub async fn run(mut self, wake: impl Fn()) {
        // One for life: another could be refused. While busy it has no watches.
        let mut inotify = None;
        let mut said = false;
        loop {
            let wish = self.wishes.borrow_and_update().clone();
            let directories = match wish {
                Wish::Over => return,
                Wish::Busy => {
                    self.armed.send_replace(None);
                    _ = inotify.as_mut().map(|inotify: &mut Inotify| inotify.arm(&[]));
                    if self.wishes.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                Wish::Quiet(directories) => directories,
            };
            let Armed { left_out, error } = arm(&mut inotify, &directories);
            self.fails.store(error.is_some(), Ordering::Relaxed);
            if let Some(error) = error.filter(|_| !said) {
                self.say(&error, inotify.is_some());
                said = true;
            }
            self.armed.send_replace(Some(directories));
            wake();
            let happened = || {
                self.happened.store(true, Ordering::Release);
                wake();
            };
            tokio::select! {
                changed = self.wishes.changed() => if changed.is_err() { return },
                () = forward(&mut inotify, happened) => {}
                () = sleep(ARM_AGAIN), if left_out => {}
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
fn arm(inotify: &mut Option<Inotify>, directories: &[PathBuf]) -> Armed {
    if inotify.is_none() {
        match Inotify::new() {
            Ok(made) => *inotify = Some(made),
            Err(error) => return Armed { left_out: true, error: Some(error) },
        }
    }
    inotify.as_mut().map(|inotify| inotify.arm(directories)).unwrap_or_default()
}

/// Wakes for what happens; ends when the watches are to be asked for anew.
async fn forward(inotify: &mut Option<Inotify>, wake: impl Fn()) {
    while let Some(watching) = inotify {
        match watching.happened().await {
            Ok(Happened::Within) => wake(),
            Ok(Happened::Moved) => return wake(),
            Err(_) => *inotify = None,
        }
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
        let directories = [dir.path().canonicalize().unwrap()];
        run(&AtomicUsize::new(0), async |watch, wakes| {
            until(|| watch.quiet(&directories)).await;
            let armed = wakes.load(Ordering::SeqCst);
            std::fs::write(dir.path().join("app.log"), "x").unwrap();
            until(|| wakes.load(Ordering::SeqCst) > armed).await;
            watch.busy();
            until(|| watch.armed.borrow().is_none()).await;
            let busy = wakes.load(Ordering::SeqCst);
            std::fs::write(dir.path().join("other.log"), "x").unwrap();
            until(|| watch.quiet(&directories)).await;
            assert_eq!(wakes.load(Ordering::SeqCst), busy + 1, "one wake, for being armed again");
        });
    }

    /// Goal: what a directory is called, what lies in it and what cannot be watched beside it do not matter. What is made in
    /// the last of the directories wakes.
    #[track_caller]
    fn check(directories: &[PathBuf], works: bool) {
        run(&AtomicUsize::new(0), async |watch, wakes| {
            until(|| watch.quiet(directories)).await;
            assert_eq!(watch.works(), works);
            let armed = wakes.load(Ordering::SeqCst);
            std::fs::write(directories.last().unwrap().join("app.log"), "x").unwrap();
            until(|| wakes.load(Ordering::SeqCst) > armed).await;
            assert!(watch.happened());
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
        let directories = [place("logs")];
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

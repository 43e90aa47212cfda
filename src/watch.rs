//! When to look: inotify while it is quiet, the clock while it is busy.
//!
//! Enters: directories, and whether to watch them. Leaves: a wake-up of the shipper. An event says only that it is worth
//! looking; what happened is found out by looking. While events would come fast the watches are dropped, so that their
//! cost follows time and not writes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use linemux::MuxedEvents;
use tokio::sync::watch::{Receiver, Sender, channel};

/// The name of a file that never exists: asking linemux for it makes it watch the directory.
const NEVER: &str = ".logskiff-watches-this-directory";

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
        let mut said = false;
        loop {
            let wish = self.wishes.borrow_and_update().clone();
            let directories = match wish {
                Wish::Over => return,
                Wish::Busy => {
                    self.armed.send_replace(None);
                    if self.wishes.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                Wish::Quiet(directories) => directories,
            };
            let events = arm(&directories).await;
            self.fails.store(events.is_err(), Ordering::Relaxed);
            self.armed.send_replace(Some(directories));
            wake();
            let happened = || {
                self.happened.store(true, Ordering::Release);
                wake();
            };
            match events {
                Ok(mut events) => {
                    tokio::select! {
                        changed = self.wishes.changed() => if changed.is_err() { return },
                        () = forward(&mut events, &happened) => {}
                    }
                }
                Err(error) => {
                    if !said {
                        self.say(&error);
                        said = true;
                    }
                    if self.wishes.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn say(&self, error: &std::io::Error) {
        let instead = "files are polled instead";
        if self.mode == Mode::Inotify {
            tracing::error!(%error, "LOGSKIFF_WATCH=inotify, but inotify cannot be used; {instead}");
        } else {
            tracing::warn!(%error, "inotify cannot be used; {instead}");
        }
    }
}

async fn arm(directories: &[PathBuf]) -> std::io::Result<MuxedEvents> {
    let mut events = MuxedEvents::new()?;
    for directory in directories {
        match events.add_file(directory.join(NEVER)).await {
            // Gone since it was found: the poll sees to it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            other => drop(other?),
        }
    }
    Ok(events)
}

/// Wakes once an event; ends when the watches break.
async fn forward(events: &mut MuxedEvents, wake: &impl Fn()) {
    loop {
        match events.next_event().await {
            Ok(Some(_)) => wake(),
            Ok(None) => std::future::pending().await,
            // The queue overflowed or a directory is gone: look, and ask anew.
            Err(_) => return wake(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Goal: a file that is made in a watched directory wakes, and a busy shipper is left alone.
    #[test]
    fn what_happens_in_a_watched_directory_wakes_unless_busy() {
        let dir = tempfile::tempdir().unwrap();
        let directories = [dir.path().canonicalize().unwrap()];
        let (watch, watcher) = watch(Mode::Auto);
        let wakes = AtomicUsize::new(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let until = async |condition: &dyn Fn() -> bool| {
                tokio::time::timeout(Duration::from_secs(20), async {
                    while !condition() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                })
                .await
                .unwrap();
            };
            let shipper = async {
                until(&|| watch.quiet(&directories)).await;
                let armed = wakes.load(Ordering::SeqCst);
                std::fs::write(dir.path().join("app.log"), "x").unwrap();
                until(&|| wakes.load(Ordering::SeqCst) > armed).await;
                watch.busy();
                until(&|| watch.armed.borrow().is_none()).await;
                let busy = wakes.load(Ordering::SeqCst);
                std::fs::write(dir.path().join("other.log"), "x").unwrap();
                until(&|| watch.quiet(&directories)).await;
                assert_eq!(wakes.load(Ordering::SeqCst), busy + 1, "one wake, for being armed again");
                drop(watch);
            };
            let wake = || _ = wakes.fetch_add(1, Ordering::SeqCst);
            tokio::join!(watcher.run(wake), shipper);
        });
    }
}

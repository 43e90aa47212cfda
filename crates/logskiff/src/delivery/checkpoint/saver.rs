//! Saves in a thread of its own.
//!
//! Enters: what is to be saved. Leaves: the error of a save that failed, or the news that one does not end. A slow disk, or one that
//! hangs, does not hold up who hands it over; only the newest counts.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{HANGS_AFTER, Marks, SAVE_PATIENCE, Store};

#[derive(Debug, Default)]
struct Desk {
    /// The newest that is not written yet.
    waiting: Option<Marks>,
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

/// The thread, for life.
#[derive(Debug)]
pub struct CheckpointWriter {
    desk: Arc<(Mutex<Desk>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl CheckpointWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// When no thread can be made.
    pub fn start(mut store: Store) -> io::Result<Self> {
        Self::saving(move |marks| store.save(marks, Instant::now()))
    }

    pub(super) fn saving(mut save: impl FnMut(Marks) -> io::Result<bool> + Send + 'static) -> io::Result<Self> {
        let desk = Arc::new((Mutex::new(Desk::default()), Condvar::new()));
        let shared = Arc::clone(&desk);
        let work = move || {
            let (desk, bell) = &*shared;
            while let Some(marks) = next(desk, bell) {
                let saved = save(marks);
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

    /// Hands over the newest.
    pub fn save(&self, marks: impl Into<Marks>) {
        let mut desk = self.desk();
        desk.waiting = Some(marks.into());
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

impl Drop for CheckpointWriter {
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

fn next(desk: &Mutex<Desk>, bell: &Condvar) -> Option<Marks> {
    let desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
    let idle = |desk: &mut Desk| desk.waiting.is_none() && !desk.closed;
    let mut desk = bell.wait_while(desk, idle).unwrap_or_else(PoisonError::into_inner);
    let marks = desk.waiting.take();
    desk.writing = marks.is_some();
    marks
}

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
struct SaveQueue {
    /// The newest that is not written yet.
    waiting: Option<Marks>,
    writing: bool,
    /// Since when the thread has something to do that it has not done.
    since: Option<Instant>,
    /// When it was last told that the volume hangs.
    hangs_told_at: Option<Instant>,
    closed: bool,
    error: Option<io::Error>,
    recreated: bool,
}

impl SaveQueue {
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
    queue: Arc<(Mutex<SaveQueue>, Condvar)>,
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
        let queue = Arc::new((Mutex::new(SaveQueue::default()), Condvar::new()));
        let shared = Arc::clone(&queue);
        let work = move || {
            let (queue, condvar) = &*shared;
            while let Some(marks) = next(queue, condvar) {
                let saved = save(marks);
                let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.writing = false;
                queue.since = queue.waiting.is_some().then(Instant::now);
                queue.recreated |= matches!(saved, Ok(true));
                queue.error = saved.err();
                condvar.notify_all();
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".into()).stack_size(128 * 1024).spawn(work)?;
        Ok(Self { queue, thread: Some(thread) })
    }

    fn queue(&self) -> MutexGuard<'_, SaveQueue> {
        self.queue.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over the newest.
    pub fn save(&self, marks: impl Into<Marks>) {
        let mut queue = self.queue();
        queue.waiting = Some(marks.into());
        queue.since.get_or_insert_with(Instant::now);
        self.queue.1.notify_all();
    }

    /// Waits until what was handed over is written, but only until the save has been under way for `patience`: a volume that hangs
    /// is waited for once. Returns the error of the last save, if it failed.
    ///
    /// # Errors
    /// When the last save failed, or is not done by then.
    pub fn settle(&self, patience: Duration) -> io::Result<()> {
        let queue = self.queue();
        let left = queue.since.map_or(patience, |since| patience.saturating_sub(since.elapsed()));
        let waited = self.queue.1.wait_timeout_while(queue, left, |queue| queue.is_busy());
        let (mut queue, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(hangs());
        }
        queue.error.take().map_or(Ok(()), Err)
    }

    /// The error of the last save, once; that a save does not end, now and then.
    #[must_use]
    pub fn error(&self, now: Instant) -> Option<io::Error> {
        let mut queue = self.queue();
        queue.error.take().or_else(|| queue.hangs(now).then(hangs))
    }

    /// Whether the directory had to be made anew since this was last asked.
    #[must_use]
    pub fn recreated(&self) -> bool {
        std::mem::take(&mut self.queue().recreated)
    }
}

impl Drop for CheckpointWriter {
    /// Waits for what is being written, unless it hangs: then the thread is left to itself.
    fn drop(&mut self) {
        let is_done = self.settle(SAVE_PATIENCE).is_ok() || !self.queue().is_busy();
        self.queue().closed = true;
        self.queue.1.notify_all();
        if let Some(thread) = self.thread.take().filter(|_| is_done) {
            _ = thread.join();
        }
    }
}

fn hangs() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the state volume does not answer")
}

fn next(queue: &Mutex<SaveQueue>, condvar: &Condvar) -> Option<Marks> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let idle = |queue: &mut SaveQueue| queue.waiting.is_none() && !queue.closed;
    let mut queue = condvar.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner);
    let marks = queue.waiting.take();
    queue.writing = marks.is_some();
    marks
}

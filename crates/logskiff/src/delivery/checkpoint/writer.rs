//! Writes checkpoints in a separate thread.
//!
//! Input: checkpoints. Output: the error of a failed save, or a report that a save hangs. A slow or hanging disk does
//! not block the caller. Only the newest checkpoint counts.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Checkpoint, HANGS_AFTER, SAVE_PATIENCE, Store};

#[derive(Debug, Default)]
struct SaveQueue {
    /// The newest checkpoint that is not written yet.
    waiting: Option<Checkpoint>,
    writing: bool,
    /// When the current work of the thread began.
    since: Option<Instant>,
    /// When it was last reported that the volume hangs.
    hangs_reported_at: Option<Instant>,
    closed: bool,
    error: Option<io::Error>,
    recreated: bool,
}

impl SaveQueue {
    fn is_busy(&self) -> bool {
        self.waiting.is_some() || self.writing
    }

    /// Whether a save has taken [`HANGS_AFTER`], and this was not reported for as long.
    fn hangs(&mut self, now: Instant) -> bool {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) >= HANGS_AFTER);
        let hangs = is_due(self.since) && (self.hangs_reported_at.is_none() || is_due(self.hangs_reported_at));
        if hangs {
            self.hangs_reported_at = Some(now);
        }
        hangs
    }
}

/// The checkpoint thread.
#[derive(Debug)]
pub struct CheckpointWriter {
    queue: Arc<(Mutex<SaveQueue>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl CheckpointWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the thread cannot be created.
    pub fn start(mut store: Store) -> io::Result<Self> {
        Self::with_save_function(move |checkpoint| store.save(checkpoint, Instant::now()))
    }

    pub(super) fn with_save_function(
        mut save: impl FnMut(Checkpoint) -> io::Result<bool> + Send + 'static,
    ) -> io::Result<Self> {
        let queue = Arc::new((Mutex::new(SaveQueue::default()), Condvar::new()));
        let shared = Arc::clone(&queue);
        let work = move || {
            let (queue, condvar) = &*shared;
            while let Some(checkpoint) = next(queue, condvar) {
                let saved = save(checkpoint);
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

    /// Queues the newest checkpoint.
    pub fn save(&self, checkpoint: impl Into<Checkpoint>) {
        let mut queue = self.queue();
        queue.waiting = Some(checkpoint.into());
        queue.since.get_or_insert_with(Instant::now);
        self.queue.1.notify_all();
    }

    /// Waits until the queued checkpoint is written, but only until the save has taken `patience`, so that a hanging
    /// volume delays the caller once. Returns the error of the last save, if it failed.
    ///
    /// # Errors
    /// If the last save failed, or is not finished in time.
    pub fn wait_until_saved(&self, patience: Duration) -> io::Result<()> {
        let queue = self.queue();
        let left = queue.since.map_or(patience, |since| patience.saturating_sub(since.elapsed()));
        let waited = self.queue.1.wait_timeout_while(queue, left, |queue| queue.is_busy());
        let (mut queue, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(hangs());
        }
        queue.error.take().map_or(Ok(()), Err)
    }

    /// The error of the last save, reported once; for a hanging save, an error from time to time.
    #[must_use]
    pub fn error(&self, now: Instant) -> Option<io::Error> {
        let mut queue = self.queue();
        queue.error.take().or_else(|| queue.hangs(now).then(hangs))
    }

    /// Whether the directory had to be created again since the last call.
    #[must_use]
    pub fn recreated(&self) -> bool {
        std::mem::take(&mut self.queue().recreated)
    }
}

impl Drop for CheckpointWriter {
    /// Waits for the current save, unless it hangs: then the thread is detached.
    fn drop(&mut self) {
        let is_done = self.wait_until_saved(SAVE_PATIENCE).is_ok() || !self.queue().is_busy();
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

fn next(queue: &Mutex<SaveQueue>, condvar: &Condvar) -> Option<Checkpoint> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let idle = |queue: &mut SaveQueue| queue.waiting.is_none() && !queue.closed;
    let mut queue = condvar.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner);
    let checkpoint = queue.waiting.take();
    queue.writing = checkpoint.is_some();
    checkpoint
}

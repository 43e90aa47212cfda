//! A file that is written anew with the bytes that it had, as a job that prints the same each time does it.
//!
//! Enters: what the looks see, and the kernel's word that something was written. Leaves: whether it is a new run. The times alone tell
//! nothing, since `touch` changes them as well; nor does a write alone, since it may be one that was read already.

use std::time::{Duration, Instant};

/// The kernel's word may come so much later than a look.
const EVENT_PATIENCE: Duration = Duration::from_millis(500);

/// What is known of a file since the last look that saw it grow.
#[derive(Debug, Default)]
pub(super) struct RewriteDetector {
    /// When a look saw a new time of writing, and nothing new.
    suspected: Option<Instant>,
    /// Something was written to it since the last look.
    written: bool,
    /// More was read since then than that look saw: it explains a new time.
    read_more: bool,
}

impl RewriteDetector {
    /// The kernel says that something was written.
    pub(super) fn note_write(&mut self) {
        self.written = true;
    }

    /// Something was read; whether it was `more` than the last look saw.
    pub(super) fn note_read(&mut self, more: bool) {
        self.read_more |= more;
    }

    /// A look saw a change; `is_same`: that of the time of writing alone, with everything read.
    pub(super) fn note_poll(&mut self, is_same: bool, now: Instant) {
        self.suspected = (is_same && !self.read_more).then_some(now);
        self.read_more = false;
    }

    /// Whether it was written anew. Asked at each look, once.
    pub(super) fn take_rewrite(&mut self, now: Instant) -> bool {
        let suspected = self.suspected.is_some_and(|at| now.saturating_duration_since(at) < EVENT_PATIENCE);
        let is_seen = std::mem::take(&mut self.written) && suspected;
        if is_seen {
            self.suspected = None;
        }
        is_seen
    }
}

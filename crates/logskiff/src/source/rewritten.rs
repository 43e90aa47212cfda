//! Detects files that are rewritten with the same bytes, as by a job that prints the same text each time.
//!
//! Input: polls, and inotify's writes. Output: whether the file was rewritten. A new time alone is no proof, since
//! `touch` sets it too. A write alone is none, since its bytes may have been read already.

use std::time::{Duration, Instant};

/// inotify's event may come this long after a poll.
const EVENT_PATIENCE: Duration = Duration::from_millis(500);

/// What is known since the last poll that saw the file grow.
#[derive(Debug, Default)]
pub(super) struct RewriteDetector {
    /// When a poll saw a new modification time and no new bytes.
    suspected: Option<Instant>,
    /// The file was written to since the last poll.
    written: bool,
    /// More bytes were read than the last poll saw: they explain a new time.
    read_more: bool,
}

impl RewriteDetector {
    /// Notes a write that inotify reported.
    pub(super) fn note_write(&mut self) {
        self.written = true;
    }

    /// Notes a read. `more`: it went beyond the end that the last poll saw.
    pub(super) fn note_read(&mut self, more: bool) {
        self.read_more |= more;
    }

    /// Notes a poll. `is_same`: only the modification time changed, and everything is read.
    pub(super) fn note_poll(&mut self, is_same: bool, now: Instant) {
        self.suspected = (is_same && !self.read_more).then_some(now);
        self.read_more = false;
    }

    /// Whether the file was rewritten. True once.
    pub(super) fn take_rewrite(&mut self, now: Instant) -> bool {
        let suspected = self.suspected.is_some_and(|at| now.saturating_duration_since(at) < EVENT_PATIENCE);
        let is_seen = std::mem::take(&mut self.written) && suspected;
        if is_seen {
            self.suspected = None;
        }
        is_seen
    }
}

//! When the files and directories were last checked, and when they have to be checked again.

use std::time::{Duration, Instant};

use super::COPY_PATIENCE;
use super::quiet_files::clock_s;
use super::write_times::Moment;

/// Before a save, the directories may have been unchecked for this many seconds.
const UNCHECKED_S: i64 = 60;

/// The checkpoint's information about files that exist at the first pass over the directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckpointState {
    /// There was no checkpoint: these files existed before logskiff.
    None,
    /// The checkpoint tells how far each was read.
    Known,
    /// There was a checkpoint and it cannot be read: how far each was read is unknown.
    Lost,
}

/// The times of the checks.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) started: Moment,
    /// The same by the file system's clock: seconds since 1970.
    pub(super) started_s: i64,
    /// An unknown file that was written to since then, in the same seconds, holds bytes that no check has seen.
    pub(super) seen_until_s: i64,
    /// No pass over the directories is complete yet.
    pub(super) is_first_round: bool,
    pub(super) checkpoint: CheckpointState,
    /// The directories have to be checked soon.
    pub(super) reconcile_due: bool,
    /// When the open files were last polled.
    pub(super) polled_at: Instant,
    /// Until then only files with unread bytes are polled, where many files are open and one of them has such bytes.
    pub(super) poll_all_at: Instant,
}

impl Schedule {
    /// Nothing has been checked yet.
    pub(super) fn new(checkpoint: CheckpointState, now: Instant) -> Self {
        let started_s = clock_s();
        Self {
            started: Moment::now(now),
            started_s,
            // The times of files may be behind the clock.
            seen_until_s: started_s - 1,
            is_first_round: true,
            checkpoint,
            reconcile_due: false,
            polled_at: now,
            poll_all_at: now,
        }
    }

    /// Whether a file that is found now existed before logskiff first ran.
    pub(super) fn predates_start(&self) -> bool {
        self.is_first_round && self.checkpoint == CheckpointState::None
    }

    /// Whether rotations from before the start no longer explain a new file.
    pub(super) fn is_long_after_start(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.started.at) >= COPY_PATIENCE
    }

    /// The checkpoint is from this second. The check before it may have been earlier.
    pub(super) fn resume_from(&mut self, saved_s: i64) {
        self.seen_until_s = self.seen_until_s.min(saved_s - UNCHECKED_S);
    }

    /// Polls only files with unread bytes for a while: `pause` after `now`.
    pub(super) fn pause_polling(&mut self, now: Instant, pause: Duration) {
        self.poll_all_at = now + pause;
    }
}

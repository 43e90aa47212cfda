//! When the checkpoint is saved.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shipper;
use crate::delivery::checkpoint::Checkpoint;

/// A changed watermark is saved after this time, …
const INTERVAL: Duration = Duration::from_millis(200);
/// … plus this for each file, because a save writes two hundred bytes for each, …
const INTERVAL_PER_FILE: Duration = Duration::from_millis(8);
/// … but at most after this.
const INTERVAL_MAX: Duration = Duration::from_secs(30);
/// While nothing is acknowledged, this often it is saved when the new bytes of files were written.
const WRITE_TIMES_INTERVAL: Duration = Duration::from_secs(10);
/// It is saved earlier once this many bytes were acknowledged: a crash sends them again.
const UNSAVED_BYTES_MAX: u64 = 128 * 1024;
/// The minimum time between saves, …
const SPACING: Duration = Duration::from_millis(20);
/// … plus this for each file.
const SPACING_PER_FILE: Duration = Duration::from_micros(100);

/// What has changed since the last save.
#[derive(Debug)]
pub(super) struct CheckpointSchedule {
    saved_at: Instant,
    /// Bytes that were acknowledged or dropped.
    unsaved_bytes: u64,
}

impl CheckpointSchedule {
    pub(super) fn new(now: Instant) -> Self {
        Self { saved_at: now, unsaved_bytes: 0 }
    }

    /// Notes bytes that were acknowledged or dropped.
    pub(super) fn add(&mut self, bytes: u64) {
        self.unsaved_bytes += bytes;
    }

    /// Whether to save now; `files`: the number of files in the checkpoint.
    fn is_due(&self, now: Instant, files: usize) -> bool {
        let files = u32::try_from(files).unwrap_or(u32::MAX);
        let waited = now.saturating_duration_since(self.saved_at);
        let interval = INTERVAL.saturating_add(INTERVAL_PER_FILE.saturating_mul(files)).min(INTERVAL_MAX);
        let spacing = SPACING.saturating_add(SPACING_PER_FILE.saturating_mul(files));
        (self.unsaved_bytes > 0 && waited >= interval) || (self.unsaved_bytes >= UNSAVED_BYTES_MAX && waited >= spacing)
    }

    /// Whether to save the times of new bytes, if there are any.
    fn is_due_for_write_times(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.saved_at) >= WRITE_TIMES_INTERVAL
    }

    fn note_save(&mut self, now: Instant) {
        (self.saved_at, self.unsaved_bytes) = (now, 0);
    }

    /// The last save has failed: there is something to save.
    fn note_failure(&mut self) {
        self.unsaved_bytes = self.unsaved_bytes.max(1);
    }
}

impl Shipper {
    /// Saves the watermarks if it is time. The writer's thread does it; nothing waits.
    pub(super) fn checkpoint_if_due(&mut self, now: Instant) {
        let Some(checkpoint_writer) = &self.components.checkpoint_writer else { return };
        if let Some(error) = checkpoint_writer.error(now) {
            self.log_save_failure(&error);
        } else if checkpoint_writer.recreated()
            && let Some(left_out) = self.components.log_limit.due("state")
        {
            tracing::warn!(left_out, "the state directory or its lock file was removed while in use; created again");
        }
        let source = &self.components.source;
        if self.checkpoints.is_due(now, source.checkpoint_entry_count())
            || self.checkpoints.is_due_for_write_times(now) && source.has_unsaved_write_times()
        {
            self.checkpoint(now);
        }
    }

    /// Saves the watermarks. The writer's thread does it; nothing waits.
    pub(super) fn checkpoint(&mut self, now: Instant) {
        let (ledger, contexts, source) = (&self.ledger, &self.files, &mut self.components.source);
        let Some(checkpoint_writer) = &self.components.checkpoint_writer else { return };
        let files = source.checkpoint_entries(|file| contexts.progress(file, ledger));
        checkpoint_writer.save(Checkpoint { files, quiet: Arc::clone(source.quiet_files()) });
        self.checkpoints.note_save(now);
    }

    /// Saves the watermarks and waits until they are on disk, up to `patience`. Returns whether they are; true where no
    /// checkpoint is kept.
    pub(super) fn checkpoint_and_wait(&mut self, now: Instant, patience: Duration) -> bool {
        self.checkpoint(now);
        let Some(checkpoint_writer) = &self.components.checkpoint_writer else { return true };
        let Err(error) = checkpoint_writer.wait_until_saved(patience) else { return true };
        self.log_save_failure(&error);
        false
    }

    fn log_save_failure(&mut self, error: &std::io::Error) {
        self.components.metrics.checkpoint_failures.add(1);
        self.checkpoints.note_failure();
        if let Some(left_out) = self.components.log_limit.due("save") {
            tracing::error!(%error, left_out, "cannot save the checkpoint; delivery continues, but a restart would send duplicates");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_comes_after_a_time_or_after_many_bytes() {
        let start = Instant::now();
        let mut schedule = CheckpointSchedule::new(start);
        let later = |time: Duration| start + time;
        assert!(!schedule.is_due(later(INTERVAL_MAX), 0), "nothing has changed");
        schedule.add(1);
        assert!(!schedule.is_due(start, 0) && schedule.is_due(later(INTERVAL), 0));
        assert!(!schedule.is_due(later(INTERVAL), 1) && schedule.is_due(later(INTERVAL_MAX), usize::MAX));
        schedule.add(UNSAVED_BYTES_MAX);
        assert!(!schedule.is_due(start, 0) && schedule.is_due(later(SPACING), 0));
        schedule.note_save(start);
        assert!(!schedule.is_due(later(INTERVAL), 0));
        schedule.note_failure();
        assert!(schedule.is_due(later(INTERVAL), 0));
    }
}

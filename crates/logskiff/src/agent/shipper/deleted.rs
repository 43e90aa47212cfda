//! Deleted files that are open: what they take of the disk, the word before it is too much, and those that are given up then.

use std::time::{Duration, Instant};

use super::{Shipper, log_events, redacted_path};
use crate::source::Abandoned;
use event::{FileId, Span};

/// What lies this near is said: there is time to act.
const SOON: Duration = Duration::from_secs(3_600);

/// What was said of an input's deleted files: each once, until they are far from it again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Warned {
    /// Half of the bound is reached.
    half: bool,
    /// It will be reached soon.
    soon: bool,
}

impl Shipper {
    /// The bound on what deleted files of an input take.
    pub(super) fn deleted_bound(&self, input: usize) -> Option<u64> {
        let volume = self.volumes[input].0.filter(|volume| volume.in_memory);
        self.components.source.deleted_bound(volume.map(|volume| volume.size_bytes))
    }

    /// Gives up deleted files, where they take more of the disk than they may.
    pub(super) fn bound_deleted(&mut self, now: Instant) {
        let ledger = &self.ledger;
        for file in self.components.source.deleted_surplus(|file| ledger.settled(file)) {
            self.give_up_deleted(file, now);
        }
    }

    fn give_up_deleted(&mut self, file: FileId, now: Instant) {
        let Some(open) = self.components.source.file(file) else { return };
        if open.is_at_end() && self.ledger.settled(file) {
            self.components.source.close(file);
            return self.close(file);
        }
        let (input, inode) = (open.input, open.inode.inode);
        let path = redacted_path(&self.components.pipelines, &open.path);
        let start = open.position().offset;
        let rest = Span { start, end: open.size().max(start) };
        match self.components.source.abandon(file, self.ledger.settled_within(file, rest), now) {
            Some(Abandoned::Gone) => {
                let from = self.ledger.refused_from(file).map_or(start, |refused| refused.min(start));
                let bytes = self.ledger.write_off(file, rest);
                self.volumes[input].1.gave_up(now);
                self.components.metrics.lost_bytes.add(bytes);
                self.unsaved_bytes += bytes;
                log_events::log_given_up(
                    &self.components.news,
                    (&path, inode),
                    Span { start: from, end: rest.end },
                    bytes,
                );
                if self.ledger.settled(file) {
                    self.components.source.release_id(file);
                    self.close(file);
                }
            }
            Some(Abandoned::Copied) => {
                if let Some(left_out) = self.components.news.due_each("copied", log_events::FILES_LOGGED_MAX) {
                    tracing::info!(
                        path,
                        left_out,
                        "deleted open files take too much disk space; reading the compressed copy of this one instead"
                    );
                }
            }
            None => {}
        }
    }

    /// What an output refused of a file that can be read no more is lost.
    pub(super) fn write_off_refused(&mut self, file: FileId) {
        let bytes = self.ledger.write_off_refused(file);
        self.components.metrics.lost_bytes.add(bytes);
        if let Some(context) = self.contexts.get_mut(&file) {
            context.retry = None;
            let path = redacted_path(&self.components.pipelines, &context.path);
            if bytes > 0
                && let Some(left_out) = self.components.news.due_each("lost", log_events::FILES_LOGGED_MAX)
            {
                tracing::error!(path, bytes, left_out, "bytes lost: an output rejected them, and the file is gone");
            }
        }
    }

    /// Looks how near the bound is, and says so in time.
    pub(super) fn forecast_deleted(&mut self, now: Instant) {
        let ledger = &self.ledger;
        let open = self.components.source.deleted_open(|file| ledger.settled(file));
        for (input, open) in open.into_iter().enumerate() {
            let (forecast, warned) = (&mut self.volumes[input].1, &mut self.warned[input]);
            let name = &self.config.inputs[input].name;
            forecast.deleted_left(now, open.of.map(|(bytes, bound)| bound.saturating_sub(bytes)));
            let Some((bytes, bound)) = open.of.filter(|(bytes, bound)| *bytes >= bound / 4) else {
                *warned = Warned::default();
                continue;
            };
            let left = forecast.time_to_give_up(now).filter(|left| !left.is_zero() && *left < SOON);
            if !warned.soon
                && let Some(left) = left
            {
                warned.soon = true;
                let seconds = left.as_secs();
                tracing::warn!(
                    input = name,
                    bytes,
                    bound,
                    seconds,
                    "deleted files are kept open until they are acknowledged; at this rate the oldest is lost in `seconds`"
                );
            }
            if !warned.half && bytes >= bound / 2 {
                warned.half = true;
                tracing::warn!(
                    input = name,
                    bytes,
                    bound,
                    "deleted files that are not acknowledged take half of LOGSKIFF_DELETED_OPEN_BYTES_MAX; beyond it the oldest is lost"
                );
            }
        }
    }
}

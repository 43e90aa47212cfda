//! Deleted files that are still open: their limit of disk space, the warnings before it, and the end of the oldest.

use std::time::{Duration, Instant};

use super::{Shipper, log_events, redacted_path};
use crate::agent::log_events::GivenUp;
use crate::source::Abandoned;
use crate::telemetry::loss_forecast::Forecast;
use crate::telemetry::process_stats::Volume;
use event::{FileId, Span};

/// A loss that is expected within this time is logged, so that a user can still act.
const SOON: Duration = Duration::from_secs(3_600);

/// The forecasts of all inputs.
pub(super) struct Forecasts(pub(super) Vec<InputForecast>);

/// The forecast of one input.
#[derive(Default)]
pub(super) struct InputForecast {
    pub(super) volume: Option<Volume>,
    pub(super) forecast: Forecast,
    warned: Warned,
}

/// The warnings about an input's deleted files. Each is logged once, until they are far from their limit again.
#[derive(Clone, Copy, Debug, Default)]
struct Warned {
    /// Half of the limit is reached.
    half: bool,
    /// The limit will be reached soon.
    soon: bool,
}

impl Forecasts {
    pub(super) fn new(inputs: usize) -> Self {
        Self(std::iter::repeat_with(InputForecast::default).take(inputs).collect())
    }
}

impl Shipper {
    /// The limit of disk space for an input's deleted files.
    pub(super) fn deleted_bound(&self, input: usize) -> Option<u64> {
        let volume = self.forecasts.0[input].volume.filter(|volume| volume.in_memory);
        self.components.source.deleted_bound(volume.map(|volume| volume.size_bytes))
    }

    /// Gives up the oldest deleted files while they take more disk space than the limit.
    pub(super) fn bound_deleted(&mut self, now: Instant) {
        let ledger = &self.ledger;
        for file in self.components.source.deleted_surplus(|file| ledger.is_complete(file)) {
            self.give_up_deleted(file, now);
        }
    }

    fn give_up_deleted(&mut self, file: FileId, now: Instant) {
        let Some(open) = self.components.source.file(file) else { return };
        if open.is_at_end() && self.ledger.is_complete(file) {
            self.components.source.close(file, self.files.progress(file, &self.ledger));
            return self.close(file);
        }
        let (input, inode) = (open.input, open.inode.inode);
        let path = redacted_path(&self.components.pipelines, &open.path);
        let start = open.position().offset;
        let rest = Span { start, end: open.size().max(start) };
        match self.components.source.abandon(file, self.ledger.complete_within(file, rest), now) {
            Some(Abandoned::Gone) => {
                let from = self.ledger.refused_from(file).map_or(start, |refused| refused.min(start));
                let bytes = self.ledger.write_off(file, rest);
                self.forecasts.0[input].forecast.gave_up(now);
                self.components.metrics.lost_bytes.add(bytes);
                self.checkpoints.add(bytes);
                let given_up = GivenUp { path: &path, inode, range: Span { start: from, end: rest.end }, bytes };
                log_events::log_given_up(&self.components.log_limit, &given_up);
                if self.ledger.is_complete(file) {
                    self.components.source.release_id(file);
                    self.close(file);
                }
            }
            Some(Abandoned::Copied) => {
                if let Some(left_out) = self.components.log_limit.due_each("copied", log_events::FILES_LOGGED_MAX) {
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

    /// Writes off the refused records of a file that cannot be read any more.
    pub(super) fn write_off_refused(&mut self, file: FileId) {
        let bytes = self.ledger.write_off_refused(file);
        self.components.metrics.lost_bytes.add(bytes);
        if let Some(context) = self.files.open.get_mut(&file) {
            context.retry = None;
            let path = redacted_path(&self.components.pipelines, &context.path);
            if bytes > 0
                && let Some(left_out) = self.components.log_limit.due_each("lost", log_events::FILES_LOGGED_MAX)
            {
                tracing::error!(path, bytes, left_out, "bytes lost: an output rejected them, and the file is gone");
            }
        }
    }

    /// Updates the forecast of the limit, and logs warnings before it is reached.
    pub(super) fn forecast_deleted(&mut self, now: Instant) {
        let ledger = &self.ledger;
        let open = self.components.source.deleted_open(|file| ledger.is_complete(file));
        for (input, open) in open.into_iter().enumerate() {
            let InputForecast { forecast, warned, .. } = &mut self.forecasts.0[input];
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

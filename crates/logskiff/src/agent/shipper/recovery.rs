//! What happens after an output has failed: once nothing is in flight, outputs are reset and files are read again from their watermarks.

use std::time::Instant;

use super::{Shipper, log_events, redacted_path};
use crate::sink::{Error, Resume};
use crate::source::{Event, Rewound};
use event::{FileId, Watermark};

impl Shipper {
    /// The one way back: once nothing is in flight any more, outputs that have failed begin anew, and what is not settled
    /// is read again.
    pub(super) fn recover(&mut self, now: Instant) {
        self.drop_batches();
        self.components.fanout.purge();
        if self.ledger.in_flight() {
            return;
        }
        // An output that could not be reset waits for its backoff.
        if self.components.fanout.has_failed() && self.backoff.is_waiting(now) {
            return;
        }
        let resume = match self.components.fanout.reset() {
            Ok(resume) => resume,
            Err((output, error)) => {
                self.backoff.start(now);
                return self.log_reset_failure(output, &error);
            }
        };
        self.rewind(now);
        if resume == Resume::AtOnce {
            self.backoff.end();
            self.backoff.reset();
        }
    }

    /// What was not taken yet fails as well: it comes back with the rest, in its order.
    pub(super) fn drop_batches(&mut self) {
        for report in self.components.fanout.take_unsent() {
            self.ledger.settle(report.ticket, report.output, report.outcome);
        }
    }

    /// Logs that an output could not be reset.
    pub(super) fn log_reset_failure(&self, output: &str, error: &Error) {
        if let Some(left_out) = self.components.log_limit.due("reset") {
            tracing::error!(output, error = %error.cause(), left_out, "cannot start the output again; retrying");
        }
    }

    /// Reads everything again that is not acknowledged or dropped, after a wait.
    pub(super) fn rewind(&mut self, now: Instant) {
        self.components.metrics.rewinds.add(1);
        let mut events = Vec::new();
        for (file, watermark) in self.ledger.rewind() {
            events.extend(self.rewind_file(file, watermark));
        }
        // A file that was found truncated is a new incarnation from now on, and needs an account.
        self.handle_events(events, now);
        let wait = self.backoff.start(now);
        if let Some(left_out) = self.components.log_limit.due("rewind") {
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                wait_ms,
                left_out,
                "some records were not delivered; reading again from the last acknowledged byte"
            );
        }
    }

    /// Has a file read again from a watermark on.
    #[must_use]
    pub(super) fn rewind_file(&mut self, file: FileId, watermark: Watermark) -> Vec<Event> {
        if let Some(context) = self.files.open.get_mut(&file) {
            context.retry = None;
        }
        let complete_bytes = self.ledger.complete_beyond(file);
        let Rewound { can_read, events } = self.components.source.rewind(file, watermark, complete_bytes);
        if can_read {
            self.restore_pem_state(file);
        } else if let Some(context) = self.files.open.get(&file)
            && let Some(left_out) = self.components.log_limit.due_each("unread", log_events::FILES_LOGGED_MAX)
        {
            let path = redacted_path(&self.components.pipelines, &context.path);
            tracing::error!(path, left_out, "cannot read undelivered lines again: the file is gone");
        }
        events
    }
}

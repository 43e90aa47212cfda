//! What happens after an output has failed: once nothing is in flight, outputs are reset and files are read again from their watermarks.

use std::time::Instant;

use super::{BACKOFF, Shipper, log_events, redacted_path};
use crate::sink::{Error, Resume};
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
        if self.components.fanout.has_failed() && self.resume_at.is_some_and(|at| now < at) {
            return;
        }
        let resume = match self.components.fanout.reset() {
            Ok(resume) => resume,
            Err((output, error)) => {
                self.back_off(now);
                return self.log_reset_failure(output, &error);
            }
        };
        self.rewind(now);
        if resume == Resume::AtOnce {
            self.resume_at = None;
            self.backoff = BACKOFF.0;
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
        if let Some(left_out) = self.components.news.due("reset") {
            tracing::error!(output, error = %error.cause(), left_out, "cannot start the output again; retrying");
        }
    }

    /// Everything that is not settled is read again, after a while.
    pub(super) fn rewind(&mut self, now: Instant) {
        self.components.metrics.rewinds.add(1);
        for (file, watermark) in self.ledger.rewind() {
            self.rewind_file(file, watermark);
        }
        // What was found truncated is another file from here on, and needs an account.
        self.handle_events(now);
        if let Some(left_out) = self.components.news.due("rewind") {
            let wait_ms = u64::try_from(self.backoff.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                wait_ms,
                left_out,
                "some records were not delivered; reading again from the last acknowledged byte"
            );
        }
        self.back_off(now);
    }

    /// Reading waits for a while, and the next time for longer.
    fn back_off(&mut self, now: Instant) {
        self.resume_at = Some(now + self.backoff);
        self.backoff = (self.backoff * 2).min(BACKOFF.1);
    }

    /// Has a file read again from a watermark on.
    pub(super) fn rewind_file(&mut self, file: FileId, watermark: Watermark) {
        if let Some(context) = self.contexts.get_mut(&file) {
            context.retry = None;
        }
        let settled_bytes = self.ledger.settled_beyond(file);
        if self.components.source.rewind(file, watermark, settled_bytes) {
            self.restore_pem_state(file);
        } else if let Some(context) = self.contexts.get(&file)
            && let Some(left_out) = self.components.news.due_each("unread", log_events::FILES_LOGGED_MAX)
        {
            let path = redacted_path(&self.components.pipelines, &context.path);
            tracing::error!(path, left_out, "cannot read undelivered lines again: the file is gone");
        }
    }
}

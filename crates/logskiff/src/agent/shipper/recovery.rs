//! What happens after an output has failed: once nothing is in flight, outputs are reset and files are read again from their watermarks.

use std::time::Instant;

use super::{BACKOFF, Shipper, log_events, redacted_path};
use event::{FileId, Outcome, Part, Watermark};

impl Shipper {
    /// The one way back: once nothing is in flight any more, outputs that have failed begin anew, and what is not settled
    /// is read again.
    pub(super) fn recover(&mut self, now: Instant) {
        self.drop_batches();
        if let Some(kafka) = &self.components.kafka {
            kafka.purge();
        }
        if self.ledger.in_flight() {
            return;
        }
        let mut at_once = false;
        if let Some(kafka) = self.components.kafka.as_mut().filter(|kafka| kafka.needs_reset()) {
            if self.resume_at.is_some_and(|at| now < at) {
                return;
            }
            match kafka.reset() {
                Ok(smaller) => at_once = smaller,
                Err(error) => {
                    self.back_off(now);
                    if let Some(left_out) = self.components.news.due("replace") {
                        tracing::error!(%error, left_out, "cannot create a new Kafka client; retrying");
                    }
                    return;
                }
            }
        }
        if let Some(syslog) = self.components.syslog.as_mut().filter(|syslog| syslog.needs_reset()) {
            // It waits by itself before it connects again.
            syslog.reset();
            at_once = true;
        }
        self.rewind(now);
        if at_once {
            self.resume_at = None;
            self.backoff = BACKOFF.0;
        }
    }

    /// What was not taken yet fails as well: it comes back with the rest, in its order.
    pub(super) fn drop_batches(&mut self) {
        for entry in self.batch.entries.drain(self.sent..) {
            self.ledger.settle(entry.ticket, Part::Record, Outcome::Lost);
        }
        for entry in self.messages.entries.drain(..) {
            self.ledger.settle(entry.ticket, Part::Message, Outcome::Lost);
        }
        self.batch.clear(self.config.batch.bytes);
        self.messages.clear(self.config.batch.bytes);
        (self.sent, self.printed) = (0, false);
        if let Some(kafka) = &mut self.components.kafka {
            kafka.begin_record_anew();
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

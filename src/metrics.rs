//! Counters, each named for what it counts. The set of names is fixed; no line content comes here.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Lines that were framed, blank ones included.
    pub lines: Counter,
    /// Lines without content.
    pub blank: Counter,
    /// Lines that were cut at the limit.
    pub cut: Counter,
    /// Bytes that the cuts left out.
    pub cut_bytes: Counter,
    /// NUL bytes where a line should begin.
    pub hole_bytes: Counter,
    /// Lines that were not of the configured format.
    pub parse_failures: Counter,
    /// Lines dropped because they were not (`LOGSKIFF_PARSE_FAILURE=drop`).
    pub parse_drops: Counter,
    /// Time stamps that could not be read.
    pub time_failures: Counter,
    /// Values that could not be given their type.
    pub type_failures: Counter,
    /// Stretches that were masked.
    pub masked: Counter,
    /// Records left out for their size (`LOGSKIFF_KAFKA_OVERSIZE=drop`).
    pub oversize_drops: Counter,
    /// Syslog messages that were cut (`LOGSKIFF_SYSLOG_BYTES_MAX`).
    pub syslog_truncated: Counter,
    /// Records whose topic was one too many.
    pub topic_overflow: Counter,
    /// Times that everything unsettled was read again.
    pub rewinds: Counter,
    /// Truncations of files under us.
    pub truncations: Counter,
    /// Bytes that were gone before they could be read, as far as they were seen.
    pub lost_bytes: Counter,
    /// Files and directories that could not be read.
    pub refused: Counter,
    /// Checkpoints that could not be saved.
    pub save_failures: Counter,
    /// Batches that could not be written to standard output, while Kafka is the output that counts.
    pub stdout_failures: Counter,
}

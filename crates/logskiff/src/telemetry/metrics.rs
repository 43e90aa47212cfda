//! Counters, gauges and histograms. Their set is fixed; they never hold line content.
//!
//! They are updated from any thread and read one by one, so they are not a consistent snapshot. The byte accounting,
//! which must add up, is in the ledger.

mod histogram;
mod mask_counts;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use self::histogram::Histogram;
pub use self::mask_counts::MaskCounts;

/// Upper bounds of the latency buckets, in milliseconds.
const LATENCY_MS: &[u64] =
    &[5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000];
/// Upper bounds of the batch size buckets, in bytes.
const BATCH_BYTES: &[u64] = &[1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 4 << 20];

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The current value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Messages of logskiff's own log that could not be written to stderr. It is global because the log is set up first.
pub static LOG_LINES_UNWRITTEN: Counter = Counter(AtomicU64::new(0));

/// A boolean gauge.
#[derive(Debug, Default)]
pub struct Flag(AtomicBool);

impl Flag {
    /// Sets the value.
    pub fn set(&self, value: bool) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The current value.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Kinds of errors of an output; a bounded set, usable as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A connection failed.
    Connect,
    /// A connection was lost.
    Lost,
    /// The receiver refused the credentials, or its certificate is not valid.
    Authentication,
    /// A message is too large for the receiver.
    Size,
    /// A message was refused for another reason.
    Delivery,
    /// No progress until the timeout.
    Stalled,
    /// The client failed and must be created again.
    Fatal,
    /// A write failed.
    Write,
}

impl ErrorKind {
    /// All kinds, in the order of their discriminants.
    pub const ALL: [Self; 8] = [
        Self::Connect,
        Self::Lost,
        Self::Authentication,
        Self::Size,
        Self::Delivery,
        Self::Stalled,
        Self::Fatal,
        Self::Write,
    ];

    /// The value of the metrics' label `kind`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Lost => "lost",
            Self::Authentication => "authentication",
            Self::Size => "size",
            Self::Delivery => "delivery",
            Self::Stalled => "stalled",
            Self::Fatal => "fatal",
            Self::Write => "write",
        }
    }
}

/// Number of kinds of JSON repairs; [`event::Repair`] names them.
pub const REPAIRS: usize = 6;

/// Number of redaction modes; [`redact::Action`] names them.
pub const MODES: usize = 5;

/// Counters of one input.
#[derive(Debug, Default)]
pub struct InputMetrics {
    /// Lines that were truncated to the limit.
    pub truncated_lines: Counter,
    /// Lines that do not have the configured format.
    pub parse_failures: Counter,
    /// Timestamps that could not be parsed.
    pub timestamp_parse_failures: Counter,
    /// Lines in which there is no timestamp.
    pub lines_without_time: Counter,
    /// Values that could not be converted to their type.
    pub type_coercion_failures: Counter,
    /// JSON lines that were repaired, indexed by [`event::Repair`].
    pub repaired_lines: [Counter; REPAIRS],
    /// Masks, in the order of the redactor's counters (rule and mode).
    pub redactions: MaskCounts,
    /// Values that were not masked because the user allows them, by rule.
    pub redactions_allowed: MaskCounts,
    /// Values that would have been masked if this were no audit, by rule.
    pub redactions_audited: MaskCounts,
    /// Encodings of made-up secrets that were checked.
    pub canaries_checked: Counter,
    /// Those of them that showed the secret.
    pub canaries_unmasked: Counter,
}

/// Counters of one output.
#[derive(Debug, Default)]
pub struct OutputMetrics {
    /// The output's name.
    pub name: &'static str,
    /// Clients created or connections made.
    pub connects: Counter,
    /// Messages sent, retries included.
    pub sent_messages: Counter,
    /// Bytes sent, before compression.
    pub sent_bytes: Counter,
    /// Errors, indexed by [`ErrorKind`].
    pub errors: [Counter; ErrorKind::ALL.len()],
    /// Whether there is a connection, as far as is known.
    pub connected: Flag,
    /// Whether there was ever a connection. An output without a receiver counts as reached.
    pub reached: Flag,
}

impl OutputMetrics {
    /// Counts an error.
    pub fn failed(&self, kind: ErrorKind) {
        self.errors[kind as usize].add(1);
    }

    /// Records that the receiver answers.
    pub fn answers(&self) {
        self.connected.set(true);
        self.reached.set(true);
    }
}

/// All metrics that are not in the ledger.
#[derive(Debug)]
pub struct Metrics {
    /// The inputs, in the order of the configuration.
    pub inputs: Vec<InputMetrics>,
    /// The outputs, in the order of the configuration.
    pub outputs: Vec<Arc<OutputMetrics>>,
    /// Syslog messages that were truncated to `LOGSKIFF_SYSLOG_BYTES_MAX`.
    pub truncated_messages: Counter,
    /// Records sent to the default topic because their own would exceed `LOGSKIFF_KAFKA_TOPICS_MAX`.
    pub topic_overflow_records: Counter,
    /// Records whose Kafka message has the time of reading because their own is out of range.
    pub timestamp_fallback_records: Counter,
    /// Rewinds.
    pub rewinds: Counter,
    /// Truncations of files while they were read.
    pub truncations: Counter,
    /// Bytes that are known to be lost before they were delivered.
    pub lost_bytes: Counter,
    /// Files and directories that could not be read.
    pub file_open_errors: Counter,
    /// Rotated files that were deleted.
    pub deleted_files: Counter,
    /// Bytes of the deleted files.
    pub deleted_bytes: Counter,
    /// Failures to delete a rotated file.
    pub delete_failures: Counter,
    /// Mistakes in the configuration, for which nothing is shipped.
    pub configuration_mistakes: Counter,
    /// Changed rule files that cannot be used.
    pub rule_file_failures: Counter,
    /// Whether rules are in use that are older than their file.
    pub rule_files_outdated: Flag,
    /// Failures to save a checkpoint.
    pub checkpoint_failures: Counter,
    /// Messages of logskiff's own log that were left out because a similar one was just logged.
    pub log_lines_suppressed: Counter,
    /// Time from the write to the acknowledgement of a record, in milliseconds.
    pub latency_ms: Histogram,
    /// Sizes of the batches given to the outputs, in bytes.
    pub batch_bytes: Histogram,
}

impl Default for Metrics {
    /// Metrics for one input without masks, and no output.
    fn default() -> Self {
        Self::new(&[0], &[])
    }
}

impl Metrics {
    /// All metrics at zero. `masks`: the number of mask counters of each input. `outputs`: the names of the outputs.
    #[must_use]
    pub fn new(masks: &[usize], outputs: &[&'static str]) -> Self {
        let input = |masks: &usize| InputMetrics {
            redactions: MaskCounts::new(*masks),
            redactions_allowed: MaskCounts::new(*masks / MODES),
            redactions_audited: MaskCounts::new(*masks / MODES),
            ..InputMetrics::default()
        };
        let output = |name: &&'static str| Arc::new(OutputMetrics { name, ..OutputMetrics::default() });
        Self {
            inputs: masks.iter().map(input).collect(),
            outputs: outputs.iter().map(output).collect(),
            truncated_messages: Counter::default(),
            topic_overflow_records: Counter::default(),
            timestamp_fallback_records: Counter::default(),
            rewinds: Counter::default(),
            truncations: Counter::default(),
            lost_bytes: Counter::default(),
            file_open_errors: Counter::default(),
            deleted_files: Counter::default(),
            deleted_bytes: Counter::default(),
            delete_failures: Counter::default(),
            configuration_mistakes: Counter::default(),
            rule_file_failures: Counter::default(),
            rule_files_outdated: Flag::default(),
            checkpoint_failures: Counter::default(),
            log_lines_suppressed: Counter::default(),
            latency_ms: Histogram::new(LATENCY_MS),
            batch_bytes: Histogram::new(BATCH_BYTES),
        }
    }

    /// The sum of a counter over all inputs.
    #[must_use]
    pub fn sum(&self, counter: impl Fn(&InputMetrics) -> u64) -> u64 {
        self.inputs.iter().map(counter).sum()
    }

    /// The number of masks of all inputs.
    #[must_use]
    pub fn redactions(&self) -> u64 {
        self.sum(|input| input.redactions.sum())
    }
}

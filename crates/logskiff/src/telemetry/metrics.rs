//! Counters, each named for what it counts. The set of names is fixed; no line content comes here.
//!
//! They are counted where things happen, from any thread; whoever shows them reads them one by one. What has to add up
//! exactly (the bytes) is in the ledger.

mod histogram;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use self::histogram::Histogram;

/// Upper ends of the latency's buckets, in milliseconds.
const LATENCY_MS: &[u64] =
    &[5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000];
/// Upper ends of the batch sizes' buckets, in bytes.
const BATCH_BYTES: &[u64] = &[1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 4 << 20];

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

/// Lines of its own log that standard error did not take: a process has one of it, and writes to it before all else is made.
pub static LOG_LINES_UNWRITTEN: Counter = Counter(AtomicU64::new(0));

/// Something that holds or does not.
#[derive(Debug, Default)]
pub struct Flag(AtomicBool);

impl Flag {
    /// Says whether it holds.
    pub fn set(&self, holds: bool) {
        self.0.store(holds, Ordering::Relaxed);
    }

    /// Whether it holds.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What goes wrong on the way to a receiver; a bounded set, fit for a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No connection can be made.
    Connect,
    /// A connection was lost.
    Lost,
    /// The receiver does not let us in, or is not who it should be.
    Authentication,
    /// Something is too large for the receiver.
    Size,
    /// A message was not taken for another reason.
    Delivery,
    /// Nothing moved for too long.
    Stalled,
    /// The client has to be made anew.
    Fatal,
    /// It cannot be written.
    Write,
}

impl ErrorKind {
    /// All of them, in the order of their numbers.
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

    /// The name that is written to metrics.
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

/// How many kinds of repairs there are: `record` names them.
pub const REPAIRS: usize = 6;

/// What is counted of one input.
#[derive(Debug, Default)]
pub struct InputMetrics {
    /// Lines that were cut at the limit.
    pub cut: Counter,
    /// Lines that were not of the configured format.
    pub parse_failures: Counter,
    /// Time stamps that could not be read.
    pub time_failures: Counter,
    /// Values that could not be given their type.
    pub type_failures: Counter,
    /// Lines of JSON that were repaired, by the number of what was repaired.
    pub repaired: [Counter; REPAIRS],
    /// Stretches that were masked, by rule and mode: the redactor numbers them.
    pub masked: Vec<Counter>,
}

/// What is counted of one output.
#[derive(Debug, Default)]
pub struct OutputMetrics {
    /// Clients or connections made.
    pub connects: Counter,
    /// Messages handed over, those that are sent again included.
    pub sent_messages: Counter,
    /// Their bytes before compression.
    pub sent_bytes: Counter,
    /// What went wrong, by the kind's number.
    pub errors: [Counter; ErrorKind::ALL.len()],
    /// Whether there is a connection, as far as it is known.
    pub connected: Flag,
    /// Whether there was ever one.
    pub reached: Flag,
}

impl OutputMetrics {
    /// Counts something that went wrong.
    pub fn failed(&self, kind: ErrorKind) {
        self.errors[kind as usize].add(1);
    }

    /// Notes that the receiver answers.
    pub fn answers(&self) {
        self.connected.set(true);
        self.reached.set(true);
    }
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    /// By input, in the order of the configuration.
    pub inputs: Vec<InputMetrics>,
    /// Kafka.
    pub kafka: OutputMetrics,
    /// The syslog receiver.
    pub syslog: OutputMetrics,
    /// Standard output.
    pub stdout: OutputMetrics,
    /// Syslog messages that were cut (`LOGSKIFF_SYSLOG_BYTES_MAX`).
    pub syslog_truncated: Counter,
    /// Records whose topic was one too many.
    pub topic_overflow: Counter,
    /// Times that everything unsettled was read again.
    pub rewinds: Counter,
    /// Truncations of files under us.
    pub truncations: Counter,
    /// Bytes that were gone before they could be delivered, as far as they were seen.
    pub lost_bytes: Counter,
    /// Files and directories that could not be read.
    pub refused: Counter,
    /// Rotated files that were deleted once they were settled.
    pub pruned_files: Counter,
    /// The bytes of these.
    pub pruned_bytes: Counter,
    /// Times that one could not be deleted.
    pub prune_failures: Counter,
    /// Checkpoints that could not be saved.
    pub save_failures: Counter,
    /// Lines of its own log that were left out, because their kind had just been told.
    pub log_lines_suppressed: Counter,
    /// From the write to the acknowledgement, in milliseconds, by record.
    pub latency_ms: Histogram,
    /// The sizes of batches that were handed to an output, in bytes.
    pub batch_bytes: Histogram,
}

impl Default for Metrics {
    /// For one input where nothing is masked.
    fn default() -> Self {
        Self::new(&[0])
    }
}

impl Metrics {
    /// Counters at zero; `masks` says how many kinds of masks each input has.
    #[must_use]
    pub fn new(masks: &[usize]) -> Self {
        let input = |masks: &usize| InputMetrics {
            masked: std::iter::repeat_with(Counter::default).take(*masks).collect(),
            ..InputMetrics::default()
        };
        Self {
            inputs: masks.iter().map(input).collect(),
            kafka: OutputMetrics::default(),
            syslog: OutputMetrics::default(),
            stdout: OutputMetrics::default(),
            syslog_truncated: Counter::default(),
            topic_overflow: Counter::default(),
            rewinds: Counter::default(),
            truncations: Counter::default(),
            lost_bytes: Counter::default(),
            refused: Counter::default(),
            pruned_files: Counter::default(),
            pruned_bytes: Counter::default(),
            prune_failures: Counter::default(),
            save_failures: Counter::default(),
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

    /// How many stretches were masked.
    #[must_use]
    pub fn masked(&self) -> u64 {
        self.sum(|input| input.masked.iter().map(Counter::get).sum())
    }
}

//! Snapshots of the program's state, and the channel by which the shipper publishes them on request.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

use crate::delivery::ledger::Balance;
use crate::telemetry::metrics::Counter;
use crate::telemetry::process_stats::Volume;

/// The labels of a counter of masks.
#[derive(Clone, Debug, Default)]
pub struct MaskKind {
    /// The rule's name.
    pub rule: String,
    /// The mode's name.
    pub mode: &'static str,
    /// Whether this is the rule's configured mode. Other modes are shown once they occur.
    pub usual: bool,
}

/// The masks of one input.
#[derive(Clone, Debug, Default)]
pub struct MaskState {
    /// Their labels, in the order of the counters.
    pub kinds: Vec<MaskKind>,
    /// The counters that were in use with these labels.
    pub counts: Arc<Vec<Counter>>,
    /// The counters of allowed values, by rule.
    pub allowed: Arc<Vec<Counter>>,
    /// The counters of values that an audit left, by rule.
    pub audited: Arc<Vec<Counter>>,
}

/// The state of one input.
#[derive(Clone, Debug, Default)]
pub struct InputState {
    /// Name of the input.
    pub name: String,
    /// Its masks.
    pub masks: MaskState,
    /// Byte accounting, including closed files.
    pub balance: Balance,
    /// Bytes in the files that are not read yet, those included that logskiff may not read.
    pub unread_bytes: u64,
    /// Number of files whose permissions do not let logskiff read them.
    pub unreadable_files: u64,
    /// Number of globs that match no file.
    pub unmatched_globs: u64,
    /// Age of the oldest byte that is not yet acknowledged or dropped; zero if there is none.
    pub lag: Duration,
    /// Number of open files: live, rotated, deleted.
    pub files: [u64; 3],
    /// Total size of deleted files that logskiff keeps open, in bytes.
    pub held_bytes: u64,
    /// Disk space of deleted files that are kept open because they are not fully acknowledged, and its limit, if any;
    /// bytes.
    pub deleted_open: (u64, Option<u64>),
    /// The volume of the input's first directory.
    pub volume: Option<Volume>,
    /// Time until lines are lost at the present rates.
    pub time_to_loss: Option<Duration>,
}

/// State of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Has the name under which it was found.
    Live,
    /// Was renamed, or moved out of the watched directories.
    Rotated,
    /// Has no name left.
    Deleted,
    /// Closed: read to its end, and fully acknowledged or dropped.
    Closed,
}

impl FileState {
    /// The name in metrics and in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Rotated => "rotated",
            Self::Deleted => "deleted",
            Self::Closed => "closed",
        }
    }
}

/// Why a file is kept open or not read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// One word.
    pub word: &'static str,
    /// A sentence.
    pub why: &'static str,
}

/// A file that exists and is not open.
#[derive(Clone, Debug)]
pub struct NotRead {
    /// Index of its input, if known.
    pub input: Option<usize>,
    /// Redacted path.
    pub path: String,
    /// `held`, `skipped` or `refused`.
    pub state: &'static str,
    /// The reason.
    pub why: String,
}

/// The state of one file.
#[derive(Clone, Debug)]
pub struct FileReport {
    /// Index of its input.
    pub input: usize,
    /// Redacted path, as in its records.
    pub path: String,
    /// Its state.
    pub state: FileState,
    /// Its size and watermark, in bytes; `None` for a closed file.
    pub extent: Option<(u64, u64)>,
    /// Byte accounting.
    pub balance: Balance,
    /// Bytes that are not read yet.
    pub unread_bytes: u64,
    /// Age of its oldest byte that is not yet acknowledged or dropped.
    pub lag: Duration,
    /// Why a rotated or deleted file is still open, or a live one is not read further.
    pub held: Option<Held>,
}

/// The state of everything at one moment, taken by the shipper.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The inputs, in the order of the configuration.
    pub inputs: Vec<InputState>,
    /// The open files, and the last ones that were closed.
    pub files: Vec<FileReport>,
    /// Some of the files that exist and are not open.
    pub not_read: Vec<NotRead>,
    /// Number of files that exist and are not open, by state.
    pub not_read_counts: Vec<(&'static str, u64)>,
    /// Number of fully acknowledged, unmodified and closed files.
    pub quiet_files: u64,
    /// Number of files that are not read because there are too many.
    pub left_out_files: u64,
    /// Number of records that an output refuses, and that are sent again.
    pub refused_records: u64,
    /// Bytes read but not yet acknowledged.
    pub in_flight_bytes: usize,
    /// Limit of `in_flight_bytes`.
    pub in_flight_limit_bytes: usize,
    /// Whether inotify wakes the shipper; else it polls.
    pub inotify: bool,
    /// Whether the shutdown has begun.
    pub draining: bool,
    /// Time of the last acknowledgement.
    pub acknowledged_at: Option<Instant>,
}

/// How long a request waits for the shipper; after that, the last snapshot is used.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(700);

/// The channel by which the shipper publishes snapshots on request, and its heartbeat.
#[derive(Debug)]
pub struct StatusChannel {
    start: Instant,
    wanted: AtomicBool,
    /// The shipper's last heartbeat, in milliseconds after `start`.
    heartbeat_ms: AtomicU64,
    shipper: OnceLock<Thread>,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl Default for StatusChannel {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            wanted: AtomicBool::new(false),
            heartbeat_ms: AtomicU64::new(0),
            shipper: OnceLock::new(),
            snapshots: watch::channel(Arc::default()).0,
        }
    }
}

impl StatusChannel {
    /// Sets the shipper's thread, which requests wake.
    pub fn set_shipper(&self, shipper: Thread) {
        _ = self.shipper.set(shipper);
    }

    /// Records that the shipper begins an iteration; returns whether a snapshot is requested.
    pub fn heartbeat(&self, now: Instant) -> bool {
        let ms = now.saturating_duration_since(self.start).as_millis();
        self.heartbeat_ms.store(u64::try_from(ms).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.wanted.swap(false, Ordering::AcqRel)
    }

    /// Publishes a snapshot.
    pub fn publish(&self, snapshot: Snapshot) {
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    /// Requests a snapshot; returns whether the shipper answered in time, and the latest snapshot. Without a shipper it
    /// returns at once. Cancellation safe.
    pub async fn request(&self) -> (bool, Arc<Snapshot>) {
        let mut snapshots = self.snapshots.subscribe();
        let Some(shipper) = self.shipper.get() else {
            return (false, Arc::clone(&snapshots.borrow()));
        };
        self.wanted.store(true, Ordering::Release);
        shipper.unpark();
        let answered = timeout(REQUEST_TIMEOUT, snapshots.changed()).await.is_ok_and(|changed| changed.is_ok());
        let snapshot = Arc::clone(&snapshots.borrow());
        (answered, snapshot)
    }

    /// Time since the shipper's last heartbeat.
    #[must_use]
    pub fn heartbeat_age(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(self.heartbeat_ms.load(Ordering::Relaxed)))
    }

    /// Time since the start.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.start.elapsed()
    }
}

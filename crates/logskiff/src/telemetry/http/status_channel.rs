//! How everything stands at one moment, and the status on which the shipper puts it when asked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

use crate::delivery::ledger::Balance;
use crate::telemetry::process_stats::Volume;

/// What masks are counted by.
#[derive(Clone, Debug, Default)]
pub struct MaskKind {
    /// The rule that names them.
    pub rule: String,
    /// What became of them.
    pub mode: &'static str,
    /// Whether that is the rule's mode. Others are shown once there is such a mask.
    pub usual: bool,
}

/// What has become of one input.
#[derive(Clone, Debug, Default)]
pub struct InputState {
    /// Its name.
    pub name: String,
    /// What its masks are counted by, in the order of their counters.
    pub masks: Vec<MaskKind>,
    /// Where its bytes have gone, those of files that were let go included.
    pub balance: Balance,
    /// Bytes that are in the files and not read.
    pub unread_bytes: u64,
    /// How old the oldest byte is that is written and not settled; zero when there is none.
    pub lag: Duration,
    /// Files that are open: live, rotated, deleted.
    pub files: [u64; 3],
    /// The sizes of deleted files that are still open: space that only we hold.
    pub held_bytes: u64,
    /// What deleted files take of the disk that are open because they are not settled, and the bound on that, if there is one.
    pub deleted_open: (u64, Option<u64>),
    /// The volume of the input's first directory.
    pub volume: Option<Volume>,
    /// When lines will be lost at the present rates.
    pub time_to_loss: Option<Duration>,
}

/// Where a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Under the name that it was found under.
    Live,
    /// Under another name, or out of sight.
    Rotated,
    /// Under none.
    Deleted,
    /// Let go: read to its end and settled.
    Closed,
}

impl FileState {
    /// The name that is written to metrics and to the ledger.
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

/// Why a file is not done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// In a word.
    pub word: &'static str,
    /// In a sentence.
    pub why: &'static str,
}

/// A file that is there and not open.
#[derive(Clone, Debug)]
pub struct NotRead {
    /// The number of its input, where it is known.
    pub input: Option<usize>,
    /// Its path, masked by the rules.
    pub path: String,
    /// What becomes of it: it is held, skipped or refused.
    pub state: &'static str,
    /// Why.
    pub why: String,
}

/// What has become of one file.
#[derive(Clone, Debug)]
pub struct FileReport {
    /// The number of its input.
    pub input: usize,
    /// The name under which its records go out, masked by the rules.
    pub path: String,
    /// Where it stands.
    pub state: FileState,
    /// Its size, and up to where it is settled; `None` for a closed one.
    pub extent: Option<(u64, u64)>,
    /// Where its bytes have gone.
    pub balance: Balance,
    /// Bytes that are in it and not read.
    pub unread_bytes: u64,
    /// How old its oldest byte is that is not settled.
    pub lag: Duration,
    /// Why it is out of its place and still open, or in its place and not read on.
    pub held: Option<Held>,
}

/// Everything at one moment, as the shipper sees it.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By input, in the order of the configuration.
    pub inputs: Vec<InputState>,
    /// The files: those that are open, and the last that were closed.
    pub files: Vec<FileReport>,
    /// Files that are there and not open, some of them by name.
    pub not_read: Vec<NotRead>,
    /// How many there are, by state.
    pub not_read_counts: Vec<(&'static str, u64)>,
    /// Files that are settled and still, and of which little more is known.
    pub quiet_files: u64,
    /// Files that are left out, since there are too many.
    pub left_out_files: u64,
    /// What is read and not acknowledged takes so much of the budget …
    pub in_flight_bytes: usize,
    /// … which is this.
    pub in_flight_limit_bytes: usize,
    /// Whether inotify wakes the shipper; else it looks by the clock.
    pub inotify: bool,
    /// Whether the end was asked for.
    pub draining: bool,
    /// When something was last acknowledged.
    pub acknowledged_at: Option<Instant>,
}

/// The shipper answers within this or is busy with one thing for long; then what it last said has to do.
const ASKED_MAX: Duration = Duration::from_millis(700);

/// Where the shipper puts a snapshot when one is wanted, and shows that it turns.
#[derive(Debug)]
pub struct StatusChannel {
    start: Instant,
    wanted: AtomicBool,
    /// When the shipper last began a round, in milliseconds after the start.
    turned_ms: AtomicU64,
    shipper: OnceLock<Thread>,
    shown: watch::Sender<Arc<Snapshot>>,
}

impl Default for StatusChannel {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            wanted: AtomicBool::new(false),
            turned_ms: AtomicU64::new(0),
            shipper: OnceLock::new(),
            shown: watch::channel(Arc::default()).0,
        }
    }
}

impl StatusChannel {
    /// Says which thread is the shipper: it is woken when something is asked.
    pub fn introduce(&self, shipper: Thread) {
        _ = self.shipper.set(shipper);
    }

    /// Says that the shipper begins a round; whether a snapshot is wanted.
    pub fn heartbeat(&self, now: Instant) -> bool {
        let ms = now.saturating_duration_since(self.start).as_millis();
        self.turned_ms.store(u64::try_from(ms).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.wanted.swap(false, Ordering::AcqRel)
    }

    /// Puts a snapshot up.
    pub fn publish(&self, snapshot: Snapshot) {
        self.shown.send_replace(Arc::new(snapshot));
    }

    /// Asks the shipper; whether it has answered, and what it said last. Cancellation safe.
    pub async fn request(&self) -> (bool, Arc<Snapshot>) {
        let mut shown = self.shown.subscribe();
        self.wanted.store(true, Ordering::Release);
        if let Some(shipper) = self.shipper.get() {
            shipper.unpark();
        }
        let answered = timeout(ASKED_MAX, shown.changed()).await.is_ok_and(|changed| changed.is_ok());
        let snapshot = Arc::clone(&shown.borrow());
        (answered, snapshot)
    }

    /// How long ago the shipper last began a round.
    #[must_use]
    pub fn heartbeat_age(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(self.turned_ms.load(Ordering::Relaxed)))
    }

    /// How long the process has been at it.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.start.elapsed()
    }
}

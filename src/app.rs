//! The only file that knows every room: it opens them in order, and closes them in order.
//!
//! Two threads of its own: the *shipper*, which walks from the files to the batch without a lock, and the *runtime*,
//! which waits for signals and file events and wakes the shipper. librdkafka and the checkpoint have theirs.

mod mouth;
pub mod pipeline;
mod shipper;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::mouth::Mouth;
use self::pipeline::{Pipeline, PipelineError};
use self::shipper::{Shipper, Tools};
use crate::checkpoint::{CheckpointError, Saver, Store};
use crate::config::Config;
use crate::ledger::Balance;
use crate::metrics::Metrics;
use crate::output::{kafka, syslog::Syslog};
use crate::tail::{self, GlobError, Tail};
use crate::watch::{self, Watcher};

/// Why logskiff cannot start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The checkpoint directory.
    #[error("LOGSKIFF_STATE_DIR must be a writable directory of this process alone, or none")]
    Checkpoint(#[from] CheckpointError),
    /// A glob.
    #[error("LOGSKIFF_PATHS")]
    Glob(#[from] GlobError),
    /// An input.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The Kafka client.
    #[error("the LOGSKIFF_KAFKA_… variables")]
    Kafka(#[from] kafka::Error),
    /// A thread or the runtime.
    #[error("the system refuses what is needed to run")]
    System(#[source] io::Error),
    /// Standard output is the only output, and is closed.
    #[error("standard output cannot be written")]
    Stdout(#[source] io::Error),
}

impl AppError {
    /// Whether the user's configuration is to blame.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Checkpoint(error) => matches!(error, CheckpointError::Unwritable(..)),
            Self::Glob(_) | Self::Pipeline(_) | Self::Kafka(_) => true,
            Self::System(_) | Self::Stdout(_) => false,
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Where the bytes of each file have gone, by the path under which its records went out.
    pub files: BTreeMap<PathBuf, Balance>,
    /// Bytes that are in the files and not settled, as far as they were seen.
    pub left_bytes: u64,
    /// How many stretches were masked.
    pub masked: u64,
    /// How often everything unsettled was read again.
    pub rewinds: u64,
}

impl Summary {
    /// The balance of all files.
    #[must_use]
    pub fn total(&self) -> Balance {
        self.files.values().fold(Balance::default(), Balance::plus)
    }
}

/// How the shipper is asked to end; each step includes the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// Ship.
    Run = 0,
    /// Read to the end, ship, wait for the acknowledgements, end.
    Drain = 1,
    /// Save the watermark and end.
    Now = 2,
}

/// What the other threads say to the shipper.
#[derive(Debug, Default)]
pub struct Control {
    stage: AtomicU8,
}

impl Control {
    /// What is asked for.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Run,
            1 => Stage::Drain,
            _ => Stage::Now,
        }
    }

    fn next(&self) {
        let stage = self.stage.load(Ordering::Acquire);
        self.stage.store(stage.saturating_add(1).min(Stage::Now as u8), Ordering::Release);
    }
}

/// A running logskiff.
#[derive(Debug)]
pub struct App {
    control: Arc<Control>,
    shipper: JoinHandle<Result<Summary, AppError>>,
}

impl App {
    /// Opens the rooms and starts shipping. `signals`: SIGTERM and SIGINT drain, a second one ends at once.
    ///
    /// # Errors
    /// [`AppError`], when something that is needed cannot be had.
    pub fn start(config: Config, signals: bool) -> Result<Self, AppError> {
        let now = Instant::now();
        // First of all: a SIGTERM that comes during the start must not be the end.
        let beside = Beside::new(signals).map_err(AppError::System)?;
        let store = config.checkpoint.dir.as_deref().map(Store::open).transpose()?;
        let bookmarks = store.as_ref().and_then(|store| {
            let loaded = store.load();
            for path in &loaded.damaged {
                tracing::error!(?path, "a checkpoint is damaged and was set aside; what it covered is read again");
            }
            loaded.files
        });
        let pipelines = config
            .inputs
            .iter()
            .map(|input| Pipeline::new(&config, input))
            .collect::<Result<Vec<_>, PipelineError>>()?;
        mouth::started(&config, &pipelines, bookmarks.as_ref().map(Vec::len));
        let inputs: Vec<tail::Config> = config.inputs.iter().map(|input| input.tail.clone()).collect();
        let scope = config.encode.pod.uid.as_ref().or(config.encode.pod.name.as_ref()).cloned().unwrap_or_default();
        let tail = Tail::new(&inputs, &scope, bookmarks, now)?;
        let saver = store.map(Saver::start).transpose().map_err(AppError::System)?;
        let (watch, watcher) = watch::watch(config.watch.mode);
        let control = Arc::new(Control::default());
        let shared = Arc::clone(&control);
        let (sender, receiver) = std::sync::mpsc::channel();
        let handle = beside.runtime.handle().clone();
        let work = move || {
            let wake = waker();
            let kafka = config.output.kafka.clone().map(|kafka| kafka::Kafka::new(kafka, wake)).transpose();
            _ = sender.send(kafka.as_ref().map(drop).map_err(ToString::to_string));
            let (metrics, mouth) = (Metrics::default(), Mouth::default());
            let syslog = config.output.syslog.clone().map(|syslog| Syslog::new(syslog, handle, waker()));
            let tools = Tools { tail, pipelines, kafka: kafka?, syslog, saver, watch, metrics, mouth };
            Shipper::new(config, tools, shared).run()
        };
        let shipper = std::thread::Builder::new().name("shipper".into()).spawn(work).map_err(AppError::System)?;
        if let Ok(Err(_)) | Err(_) = receiver.recv() {
            let ended = shipper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            return Err(ended.err().unwrap_or_else(|| AppError::System(io::Error::other("the shipper ended early"))));
        }
        beside.run(watcher, Arc::clone(&control), shipper.thread().clone()).map_err(AppError::System)?;
        Ok(Self { control, shipper })
    }

    /// Asks for the next step towards the end, as a SIGTERM does.
    pub fn stop(&self) {
        self.control.next();
        self.shipper.thread().unpark();
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`AppError::Stdout`].
    pub fn wait(self) -> Result<Summary, AppError> {
        self.shipper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Wakes the thread that calls this.
fn waker() -> impl Fn() + Send + Sync + 'static {
    let thread = std::thread::current();
    move || thread.unpark()
}

/// What runs beside the shipper and waits: for signals and file events.
struct Beside {
    runtime: Runtime,
    signals: Option<(Signal, Signal)>,
}

impl Beside {
    /// Begins to listen to SIGTERM and SIGINT, if asked to.
    fn new(listen: bool) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let both = || Ok::<_, io::Error>((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?));
        let signals = listen.then(both).transpose()?;
        drop(entered);
        Ok(Self { runtime, signals })
    }

    fn run(self, watcher: Watcher, control: Arc<Control>, shipper: Thread) -> io::Result<()> {
        let Self { runtime, signals } = self;
        let work = move || {
            runtime.block_on(async {
                let woken = shipper.clone();
                let watch = watcher.run(move || woken.unpark());
                tokio::select! {
                    () = watch => {}
                    () = listen(signals, &control, &shipper) => {}
                }
            });
        };
        std::thread::Builder::new().name("runtime".into()).spawn(work).map(drop)
    }
}

async fn listen(signals: Option<(Signal, Signal)>, control: &Control, shipper: &Thread) {
    let Some((mut terminate, mut interrupt)) = signals else { return std::future::pending().await };
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        control.next();
        shipper.unpark();
    }
}

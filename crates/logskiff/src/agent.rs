//! The only file that knows every room: it opens them in order, and closes them in order.
//!
//! Two threads of its own: the *shipper*, which walks from the files to the batch without a lock, and the *runtime*,
//! which waits for signals and file events and wakes the shipper. librdkafka and the checkpoint have theirs.

mod log_events;
mod sandbox_paths;
mod shipper;
mod shutdown_report;
mod signals;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

use self::shipper::{Components, Shipper};
pub use self::shutdown_report::Summary;
use self::signals::Signals;
use crate::config::{Config, Exit};
use crate::delivery::checkpoint::{CheckpointError, CheckpointWriter, Store};
use crate::pipeline::{Pipeline, PipelineError};
use crate::sink::{self, Fanout, OutputConfig, Services};
use crate::source::watcher::{self, Watcher};
use crate::source::{self, DeletedBound, FileSource, GlobError};
use crate::telemetry::http::{Admin, StatusChannel};
use crate::telemetry::log_rate_limit::LogRateLimit;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::process_stats::{self, System};

/// So many descriptors are for all else, or half of them where there are few: connections to receivers (a dozen brokers), HTTP's 16,
/// state, pipes, the runtime's, directories that are being looked at.
const OTHER_DESCRIPTORS: usize = 64;

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
    /// An output that cannot start, or cannot deliver anything any more.
    #[error(transparent)]
    Output(#[from] sink::Error),
    /// A thread or the runtime.
    #[error("the system refuses what is needed to run")]
    System(#[source] io::Error),
    /// The pod's processes are to be watched, and cannot be seen.
    #[error(
        "LOGSKIFF_EXIT=app: the pod's other processes cannot be seen; say `shareProcessNamespace: true` in its spec"
    )]
    ProcessNamespace,
}

impl AppError {
    /// Whether the user's configuration is to blame.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Checkpoint(error) => matches!(error, CheckpointError::Unwritable(..)),
            Self::Output(error) => error.is_configuration,
            Self::Glob(_) | Self::Pipeline(_) | Self::ProcessNamespace => true,
            Self::System(_) => false,
        }
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
    termination_log: Option<PathBuf>,
}

impl App {
    /// Builds the modules and starts shipping. `alone`: the process is there for nothing else, so SIGTERM and SIGINT
    /// drain, a second one ends at once, and the calling thread is confined to what the configuration names, unless it says otherwise.
    ///
    /// # Errors
    /// [`AppError`], when something that is needed cannot be had.
    pub fn start(config: Config, alone: bool) -> Result<Self, AppError> {
        let now = Instant::now();
        let termination_log = config.process.termination_log.clone();
        if config.process.exit == Exit::App && std::process::id() == 1 {
            return Err(AppError::ProcessNamespace);
        }
        // First of all: a SIGTERM that comes during the start must not be the end.
        let background = BackgroundRuntime::new(alone).map_err(AppError::System)?;
        let store = config.checkpoint.dir.as_deref().map(Store::open).transpose()?;
        let loaded = store.as_ref().map(Store::load).unwrap_or_default();
        for (path, why) in &loaded.damaged {
            tracing::error!(?path, %why, "checkpoint is damaged and was set aside; reading its files again");
        }
        let (is_lost, entries, quiet) = (loaded.is_lost(), loaded.files, loaded.quiet);
        let pipelines = Pipeline::all(&config)?;
        log_events::log_start(&config, &pipelines, entries.as_ref().map(|files| files.len() + quiet.len()));
        let inputs: Vec<source::Config> = config.inputs.iter().map(|input| input.source.clone()).collect();
        let scope = config.encode.pod.uid.as_ref().or(config.encode.pod.name.as_ref()).cloned().unwrap_or_default();
        let mut source = FileSource::new(&inputs, &scope, entries, now)?;
        source.restore_quiet(quiet);
        source.protect(sandbox_paths::protected(&config));
        if let Some(descriptors) = process_stats::descriptors_max() {
            let files = descriptors - OTHER_DESCRIPTORS.min(descriptors / 2);
            log_events::log_open_limit(descriptors, files);
            source.set_open_files_max(files);
        }
        source.set_deleted_bound(config.deleted_open_bytes_max.map(deleted_bound));
        if is_lost {
            source.read_all_from_start();
        }
        if alone {
            // Before the first thread: each inherits it from the one that starts it.
            sandbox_paths::confine(&config);
        }
        let checkpoint_writer = store.map(CheckpointWriter::start).transpose().map_err(AppError::System)?;
        let (watch, watcher) = watcher::watch(config.watch.mode);
        let control = Arc::new(Control::default());
        let rules: Vec<usize> = pipelines.iter().map(|pipeline| pipeline.redactor().counters().count()).collect();
        let outputs: Vec<&str> = config.output.outputs.iter().map(OutputConfig::name).collect();
        let metrics = Arc::new(Metrics::new(&rules, &outputs));
        let status = Arc::new(StatusChannel::default());
        let admin = config.process.http_listen.map(|address| {
            let (status, metrics) = (Arc::clone(&status), Arc::clone(&metrics));
            (address, Arc::new(Admin { status, metrics, system: System::default() }))
        });
        let shared = Arc::clone(&control);
        let shown = Arc::clone(&status);
        let (sender, receiver) = std::sync::mpsc::channel();
        let (begin, go) = std::sync::mpsc::channel();
        let runtime = background.runtime.handle().clone();
        let work = move || {
            let wake = waker();
            let (pod, batch_bytes) = (config.encode.pod.clone(), config.batch.bytes);
            let services = Services { pod, metrics: Arc::clone(&metrics), runtime, wake, batch_bytes };
            let fanout = Fanout::start(&config.output, &services);
            // The caller waits for this, and starts the last thread: a start that fails has shipped nothing.
            _ = sender.send(fanout.is_ok());
            let fanout = fanout?;
            go.recv().map_err(|_| AppError::System(io::Error::other("another thread could not be started")))?;
            let log_limit = LogRateLimit::new(Arc::clone(&metrics));
            let components =
                Components { source, pipelines, fanout, checkpoint_writer, watch, metrics, log_limit, status };
            Shipper::new(config, components, shared).run()
        };
        let shipper = std::thread::Builder::new().name("shipper".into()).spawn(work).map_err(AppError::System)?;
        if receiver.recv() != Ok(true) {
            let ended = shipper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            return Err(ended.err().unwrap_or_else(|| AppError::System(io::Error::other("the shipper ended early"))));
        }
        shown.set_shipper(shipper.thread().clone());
        background.run(watcher, Arc::clone(&control), shipper.thread().clone(), admin).map_err(AppError::System)?;
        _ = begin.send(());
        Ok(Self { control, shipper, termination_log })
    }

    /// Asks for the next step towards the end, as a SIGTERM does.
    pub fn stop(&self) {
        self.control.next();
        self.shipper.thread().unpark();
    }

    /// Waits for the end, and leaves the termination message.
    ///
    /// # Errors
    /// [`AppError::Output`].
    pub fn wait(self) -> Result<Summary, AppError> {
        let summary = self.shipper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        if let Some(path) = &self.termination_log
            && let Err(error) = summary.leave_at(path)
        {
            tracing::warn!(?path, %error, "cannot write the termination message");
        }
        Ok(summary)
    }
}

/// What deleted files may take of the disk, by the setting and the machine.
fn deleted_bound(bytes: u64) -> DeletedBound {
    let limit_bytes = System::default().memory_limit_bytes();
    DeletedBound { bytes, machine_bytes: process_stats::memory_bytes(), limit_bytes }
}

/// Wakes the thread that calls this.
fn waker() -> Arc<dyn Fn() + Send + Sync> {
    let thread = std::thread::current();
    Arc::new(move || thread.unpark())
}

/// What runs beside the shipper and waits: for signals and file events.
struct BackgroundRuntime {
    runtime: Runtime,
    signals: Option<Signals>,
}

impl BackgroundRuntime {
    /// Begins to listen to signals, if asked to.
    fn new(listen: bool) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let signals = listen.then(Signals::new).transpose()?;
        drop(entered);
        Ok(Self { runtime, signals })
    }

    fn run(
        self,
        watcher: Watcher,
        control: Arc<Control>,
        shipper: Thread,
        admin: Option<(SocketAddr, Arc<Admin>)>,
    ) -> io::Result<()> {
        let Self { runtime, signals } = self;
        let work = move || {
            runtime.block_on(async {
                let woken = shipper.clone();
                let watch = watcher.run(move || woken.unpark());
                tokio::select! {
                    () = watch => {}
                    () = listen(signals, &control, &shipper) => {}
                    () = serve(admin) => {}
                }
            });
        };
        std::thread::Builder::new().name("runtime".into()).spawn(work).map(drop)
    }
}

async fn serve(admin: Option<(SocketAddr, Arc<Admin>)>) {
    match admin {
        Some((address, admin)) => admin.serve(address).await,
        None => std::future::pending().await,
    }
}

async fn listen(signals: Option<Signals>, control: &Control, shipper: &Thread) {
    let Some(mut signals) = signals else { return std::future::pending().await };
    loop {
        signals.end().await;
        control.next();
        shipper.unpark();
    }
}

//! Wires all modules: it starts them in order, and stops them in order.
//!
//! It has two threads: the *shipper* reads files and fills batches without a lock. The *runtime* waits for signals and
//! file events, and wakes the shipper. librdkafka and the checkpoint have their own threads.

mod log_events;
mod sandbox_paths;
mod shipper;
mod shutdown_report;
mod signals;
mod standby;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

use self::shipper::{CanarySchedule, Components, GlobFindings, Shipper};
pub use self::shutdown_report::{Summary, write_termination_message};
use self::signals::Signals;
pub use self::standby::stand_by;
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

/// Descriptors that are not for log files: connections to receivers (a dozen brokers), HTTP's 16, state, pipes, the
/// runtime's and directories during a scan. If the limit is low, half of it.
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
    #[error("cannot start a thread or install a signal handler")]
    System(#[source] io::Error),
    /// The pod's other processes must be visible, and are not.
    #[error(
        "LOGSKIFF_EXIT=app: the pod's other processes are not visible; set `shareProcessNamespace: true` in its spec"
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

/// The stages of the shutdown. Each includes the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// No shutdown.
    Run = 0,
    /// Read files to their ends, wait for the acknowledgements, and end.
    Drain = 1,
    /// Save the watermarks and end.
    Now = 2,
}

/// The stage of the shutdown, shared with the shipper.
#[derive(Debug, Default)]
pub struct Control {
    stage: AtomicU8,
}

impl Control {
    /// The current stage.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Run,
            1 => Stage::Drain,
            _ => Stage::Now,
        }
    }

    /// Goes on to a stage, unless it is reached already.
    fn reach(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
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
    /// Builds the modules and starts shipping. `alone`: the process has no other purpose. SIGTERM and SIGINT then start
    /// the drain, a second SIGINT ends it at once, and the calling thread is confined to the configured paths
    /// (`LOGSKIFF_LANDLOCK`).
    ///
    /// # Errors
    /// [`AppError`], when a module cannot start.
    pub fn start(config: Config, alone: bool) -> Result<Self, AppError> {
        let now = Instant::now();
        let termination_log = config.process.termination_log.clone();
        if config.process.exit == Exit::App && std::process::id() == 1 {
            return Err(AppError::ProcessNamespace);
        }
        // This comes first: a SIGTERM during the start must not kill the process.
        let background = BackgroundRuntime::new(alone).map_err(AppError::System)?;
        let store = config.checkpoint.dir.as_deref().map(Store::open).transpose()?;
        let loaded = store.as_ref().map(Store::load).unwrap_or_default();
        for (path, why) in &loaded.damaged {
            tracing::error!(?path, %why, "checkpoint is damaged and was set aside; reading its files again");
        }
        let (is_lost, entries, quiet, saved_at) = (loaded.is_lost(), loaded.files, loaded.quiet, loaded.saved_at);
        let pipelines = Pipeline::all(&config)?;
        log_events::log_start(&config, &pipelines, entries.as_ref().map(|files| files.len() + quiet.len()));
        let inputs: Vec<source::Config> = config.inputs.iter().map(|input| input.source.clone()).collect();
        let scope = config.encode.pod.uid.as_ref().or(config.encode.pod.name.as_ref()).cloned().unwrap_or_default();
        let mut source = FileSource::new(&inputs, &scope, entries, now)?;
        source.restore_quiet(quiet);
        if let Some(saved_at) = saved_at {
            source.set_saved_at(saved_at);
        }
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
            // Before the first thread starts: each inherits the rules from the thread that starts it.
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
            let components = Components {
                source,
                pipelines,
                fanout,
                checkpoint_writer,
                watch,
                metrics,
                log_limit,
                status,
                globs: GlobFindings::new(Instant::now()),
                canaries: CanarySchedule::new(config.canary, Instant::now()),
            };
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

    /// Starts the drain, like a SIGTERM. Another call changes nothing.
    pub fn stop(&self) {
        self.control.reach(Stage::Drain);
        self.shipper.thread().unpark();
    }

    /// Waits for the end, and writes the termination message.
    ///
    /// # Errors
    /// [`AppError::Output`].
    pub fn wait(self) -> Result<Summary, AppError> {
        let summary = self.shipper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        if let Some(path) = &self.termination_log
            && let Err(error) = summary.write_to(path)
        {
            tracing::warn!(?path, %error, "cannot write the termination message");
        }
        Ok(summary)
    }
}

/// The limit of disk space for deleted files, by the setting and the machine.
fn deleted_bound(bytes: u64) -> DeletedBound {
    let limit_bytes = System::default().memory_limit_bytes();
    DeletedBound { bytes, machine_bytes: process_stats::memory_bytes(), limit_bytes }
}

/// Wakes the thread that calls this.
fn waker() -> Arc<dyn Fn() + Send + Sync> {
    let thread = std::thread::current();
    Arc::new(move || thread.unpark())
}

/// The thread that waits for signals, file events and HTTP requests.
struct BackgroundRuntime {
    runtime: Runtime,
    signals: Option<Signals>,
}

impl BackgroundRuntime {
    /// Creates the runtime, and handles signals from now on if `listen` is set.
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
        control.reach(signals.shutdown().await);
        shipper.unpark();
    }
}

//! A folder with logs, a mock broker created on demand, and settings for a sidecar.

use std::cell::OnceCell;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::broker::Message;
use super::mock::Mock;
use super::sidecar::{Settings, Sidecar};

/// The topic of the mock broker.
pub const TOPIC: &str = "logs";
/// Timeout for a run that normally takes a moment; a debug build on a busy machine needs longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A temporary folder with `logs` in it, and a mock broker from its first use on.
pub struct Scene {
    folder: TempDir,
    kafka: OnceCell<Mock>,
}

impl Scene {
    /// An empty scene.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("logskiff-test-").tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self { folder, kafka: OnceCell::new() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The path of a log.
    pub fn log(&self, name: &str) -> PathBuf {
        self.path("logs").join(name)
    }

    /// Writes a file in the folder.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Appends to a file in the folder, which need not exist.
    pub fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    /// The same for a log.
    pub fn append_log(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.append(&format!("logs/{name}"), bytes);
    }

    /// The broker.
    pub fn kafka(&self) -> &Mock {
        self.kafka.get_or_init(|| Mock::start(&[TOPIC]))
    }

    /// `app.log*` to the broker, as raw lines; reconnects quickly after an outage.
    pub fn settings(&self) -> Settings {
        Settings::new(self.folder(), &self.kafka().bootstrap(), TOPIC)
            .with("LOGSKIFF_KAFKA_PROPERTIES", "reconnect.backoff.max.ms=200")
            .with("LOGSKIFF_POLL_INTERVAL", "100ms")
    }

    /// The same, with an HTTP server on a free port, and a termination message at `termination-log`.
    pub fn observed(&self) -> Settings {
        self.write("termination-log", "");
        self.settings()
            .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
            .with("LOGSKIFF_TERMINATION_LOG", &self.path("termination-log").display().to_string())
    }

    /// All files `*.log`, to standard output.
    pub fn to_stdout(&self) -> Settings {
        Settings::stdout(self.folder()).with("LOGSKIFF_PATHS", &self.log("**/*.log").display().to_string())
    }

    /// Starts a sidecar.
    pub fn start(&self, settings: &Settings) -> Sidecar {
        Sidecar::start(self.folder(), settings)
    }

    /// Runs until everything is read and acknowledged, and checks the exit code.
    #[track_caller]
    pub fn run_to_end(&self, settings: Settings) -> Sidecar {
        let mut sidecar = self.start(&settings.with("LOGSKIFF_EXIT", "eof"));
        let (status, _) = sidecar.wait(PATIENCE);
        assert!(status.success(), "the run to the end ended with {status}");
        sidecar
    }

    /// The messages that the broker received.
    #[track_caller]
    pub fn messages(&self) -> Vec<Message> {
        self.kafka().received(TOPIC)
    }

    /// The same, as JSON.
    #[track_caller]
    pub fn records(&self) -> Vec<Value> {
        let parse = |message: &Message| serde_json::from_slice(&message.payload).expect("a record is JSON");
        self.messages().iter().map(parse).collect()
    }

    /// Ships a file `logs/app.log` of these bytes with the default parser; returns the records.
    #[track_caller]
    pub fn ship(&self, bytes: impl AsRef<[u8]>) -> Vec<Value> {
        self.ship_with(bytes, &[])
    }

    /// The same with additional settings.
    #[track_caller]
    pub fn ship_with(&self, bytes: impl AsRef<[u8]>, more: &[(&str, &str)]) -> Vec<Value> {
        self.write("logs/app.log", bytes);
        let settings = self.settings().with("LOGSKIFF_PARSE", "auto");
        self.run_to_end(more.iter().fold(settings, |settings, (name, value)| settings.with(name, value)));
        self.records()
    }

    /// The reason why the last process ended.
    pub fn termination_message(&self) -> String {
        fs::read_to_string(self.path("termination-log")).unwrap()
    }
}

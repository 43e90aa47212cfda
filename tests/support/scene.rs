//! A folder with logs, a mock broker for those who ask for it, and settings for a sidecar there.

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
/// For a run that takes a moment when all is well; a debug build on a busy machine needs more.
const PATIENCE: Duration = Duration::from_secs(30);

/// A temporary folder with `logs` in it, and a mock broker from its first use on.
pub struct Scene {
    folder: TempDir,
    kafka: OnceCell<Mock>,
}

impl Scene {
    /// An empty one.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("logskiff-test-").tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self { folder, kafka: OnceCell::new() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Something in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// A log.
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

    /// `app.log*` to the broker, lines as they are; comes back quickly after an outage.
    pub fn settings(&self) -> Settings {
        Settings::new(self.folder(), &self.kafka().bootstrap(), TOPIC)
            .with("LOGSKIFF_KAFKA_PROPERTIES", "reconnect.backoff.max.ms=200")
            .with("LOGSKIFF_POLL_INTERVAL", "100ms")
    }

    /// The same; answers on a port of its own, and leaves a termination message at `termination-log`.
    pub fn observed(&self) -> Settings {
        self.write("termination-log", "");
        self.settings()
            .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
            .with("LOGSKIFF_TERMINATION_LOG", &self.path("termination-log").display().to_string())
    }

    /// Everything that is called `*.log`, to standard output.
    pub fn to_stdout(&self) -> Settings {
        Settings::stdout(self.folder()).with("LOGSKIFF_PATHS", &self.log("**/*.log").display().to_string())
    }

    /// Starts a sidecar.
    pub fn start(&self, settings: &Settings) -> Sidecar {
        Sidecar::start(self.folder(), settings)
    }

    /// Runs until all that is there is read and acknowledged, and demands a clean end.
    #[track_caller]
    pub fn run_to_end(&self, settings: Settings) -> Sidecar {
        let mut sidecar = self.start(&settings.with("LOGSKIFF_EXIT", "eof"));
        let (status, _) = sidecar.wait(PATIENCE);
        assert!(status.success(), "the run to the end ended with {status}");
        sidecar
    }

    /// What the broker received.
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

    /// Ships a file `logs/app.log` of these bytes with the default parser; the records.
    #[track_caller]
    pub fn ship(&self, bytes: impl AsRef<[u8]>) -> Vec<Value> {
        self.ship_with(bytes, &[])
    }

    /// The same with more settings.
    #[track_caller]
    pub fn ship_with(&self, bytes: impl AsRef<[u8]>, more: &[(&str, &str)]) -> Vec<Value> {
        self.write("logs/app.log", bytes);
        let settings = self.settings().with("LOGSKIFF_PARSE", "auto");
        self.run_to_end(more.iter().fold(settings, |settings, (name, value)| settings.with(name, value)));
        self.records()
    }

    /// Why the last process ended.
    pub fn termination_message(&self) -> String {
        fs::read_to_string(self.path("termination-log")).unwrap()
    }
}

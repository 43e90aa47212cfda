//! Seen, drained, trusted: what a running sidecar tells of itself, and how it ends.
//!
//! Whole processes against librdkafka's mock broker, with `cargo test` alone.

mod balance;
mod commands;
mod disk;
mod ends;
mod hanging;
mod own_log;
mod pipes;
mod probes;
mod reasons;
mod threads;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::mock::Mock;
use crate::support::sidecar::{Settings, Sidecar};

const TOPIC: &str = "logs";
/// For what takes a moment when all is well; a debug build on a busy machine needs more.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder and a broker.
struct Scene {
    folder: TempDir,
    kafka: Mock,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("logskiff-test-").tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self { folder, kafka: Mock::start(&[TOPIC]) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    /// Answers on a port of its own, and leaves a termination message at `termination-log`.
    fn settings(&self) -> Settings {
        let termination_log = self.path("termination-log");
        fs::write(&termination_log, "").unwrap();
        Settings::new(self.folder.path(), &self.kafka.bootstrap(), TOPIC)
            .with("LOGSKIFF_KAFKA_PROPERTIES", "reconnect.backoff.max.ms=200")
            .with("LOGSKIFF_POLL_INTERVAL", "100ms")
            .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
            .with("LOGSKIFF_TERMINATION_LOG", &termination_log.display().to_string())
    }

    fn start(&self, settings: &Settings) -> Sidecar {
        Sidecar::start(self.folder.path(), settings)
    }

    fn termination_message(&self) -> String {
        fs::read_to_string(self.path("termination-log")).unwrap()
    }
}

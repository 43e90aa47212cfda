//! The whole process against librdkafka's mock broker: what is promised, seen from outside, with `cargo test` alone.
//!
//! Each test has a folder, a broker and its own sidecars, so that all can run side by side. The same promises against a
//! real broker are in `tests/real/real_kafka.rs`.

mod canary;
mod canary_everywhere;
mod commands;
mod content;
mod delivery;
mod keys;
mod mistakes;
mod refused;
mod shapes;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::broker::Message;
use crate::support::mock::Mock;
use crate::support::sidecar::{Settings, Sidecar};

/// The topic of tests that need only one.
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

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Lines as they are; comes back quickly after an outage.
    fn settings(&self) -> Settings {
        Settings::new(self.folder.path(), &self.kafka.bootstrap(), TOPIC)
            .with("LOGSKIFF_KAFKA_PROPERTIES", "reconnect.backoff.max.ms=200")
            .with("LOGSKIFF_POLL_INTERVAL", "100ms")
    }

    fn start(&self, settings: &Settings) -> Sidecar {
        Sidecar::start(self.folder.path(), settings)
    }

    /// Runs until all that is there is read and acknowledged, and demands a clean end.
    #[track_caller]
    fn run_to_end(&self, settings: Settings) -> Sidecar {
        let mut sidecar = self.start(&settings.with("LOGSKIFF_EXIT", "eof"));
        let (status, _) = sidecar.wait(PATIENCE);
        assert!(status.success(), "the run to the end ended with {status}");
        sidecar
    }

    #[track_caller]
    fn messages(&self) -> Vec<Message> {
        self.kafka.received(TOPIC)
    }

    /// What was received, as JSON.
    #[track_caller]
    fn records(&self) -> Vec<Value> {
        let parse = |message: &Message| serde_json::from_slice(&message.payload).expect("a record is JSON");
        self.messages().iter().map(parse).collect()
    }

    /// Ships a file `logs/app.log` of these bytes with the default parser; the records.
    #[track_caller]
    fn ship(&self, bytes: impl AsRef<[u8]>) -> Vec<Value> {
        self.ship_with(bytes, &[])
    }

    /// The same with more settings.
    #[track_caller]
    fn ship_with(&self, bytes: impl AsRef<[u8]>, more: &[(&str, &str)]) -> Vec<Value> {
        self.write("logs/app.log", bytes);
        let settings = self.settings().with("LOGSKIFF_PARSE", "auto");
        self.run_to_end(more.iter().fold(settings, |settings, (name, value)| settings.with(name, value)));
        self.records()
    }
}

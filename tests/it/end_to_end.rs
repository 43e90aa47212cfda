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

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::broker::Message;
use crate::support::lines::{Place, Tally, text, write_all};
use crate::support::mock::Mock;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::wait_until;

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

/// Goal: a file that was replaced is read before the one that replaced it, also where that one is deleted meanwhile.
#[test]
fn a_replaced_file_is_read_before_its_replacement() {
    const LINES: u64 = 4_000;
    let scene = Scene::new();
    let (log, aside) = (scene.path("logs/app.log"), scene.path("aside"));
    let mut places = write_all(&log, 0, LINES);
    let settings = scene
        .settings()
        .with("LOGSKIFF_KAFKA_PROPERTIES", "batch.num.messages=10")
        .with("LOGSKIFF_IN_FLIGHT_BYTES", "64KiB")
        .with("LOGSKIFF_BATCH_BYTES", "16KiB")
        .with("LOGSKIFF_LINE_BYTES_MAX", "16KiB");
    scene.kafka.delay(Duration::from_millis(200));
    let sidecar = scene.start(&settings);
    wait_until("the first lines", PATIENCE, || scene.kafka.end_offset(TOPIC) > 0);

    fs::copy(&log, &aside).expect("copied");
    let (mut offset, mut more) = (fs::metadata(&aside).expect("a copy").len(), String::new());
    for seq in LINES..LINES + 500 {
        places.push(Place { file: 0, offset });
        more += &(text(seq) + "\n");
        offset = fs::metadata(&aside).expect("a copy").len() + more.len() as u64;
    }
    File::options().append(true).open(&aside).and_then(|mut file| file.write_all(more.as_bytes())).expect("written");
    fs::rename(&aside, &log).expect("replaced");
    let is_open = || {
        let handles = fs::read_dir(format!("/proc/{}/fd", sidecar.id())).expect("its handles");
        handles.filter_map(|handle| fs::read_link(handle.ok()?.path()).ok()).any(|path| path == log)
    };
    wait_until("the replacement to be opened", PATIENCE, is_open);
    fs::remove_file(&log).expect("deleted");
    wait_until("it to be found deleted", PATIENCE, || !is_open());
    std::thread::sleep(Duration::from_secs(1));
    scene.kafka.delay(Duration::ZERO);
    wait_until("every line", PATIENCE, || Tally::of(&scene.messages(), &places).lost == 0);
    Tally::of(&scene.messages(), &places).check(LINES + 500, 0);
}

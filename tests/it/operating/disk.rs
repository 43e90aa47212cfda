//! Disk usage of deleted files while an output accepts nothing: bounded, and the loss is reported to the byte.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as GRANTED;
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED as FORBIDDEN;

use super::PATIENCE;
use crate::support::http;
use crate::support::scene::{Scene, TOPIC};
use crate::support::sidecar::Sidecar;
use crate::support::wait_until;

const LINE_BYTES: usize = 64;
const FILE_LINES: usize = 2_048;
const FILE_BYTES: u64 = (LINE_BYTES * FILE_LINES) as u64;
/// As many complete files are within the bound.
const FILES_HELD: usize = 4;
const BOUND_BYTES: u64 = FILES_HELD as u64 * FILE_BYTES;
const FILES: usize = 12;

fn line(number: usize) -> String {
    format!("{number:0width$}\n", width = LINE_BYTES - 1)
}

/// The deleted files that the process holds open.
fn deleted_open_bytes(sidecar: &Sidecar) -> u64 {
    let handles = fs::read_dir(format!("/proc/{}/fd", sidecar.id())).unwrap().flatten().map(|entry| entry.path());
    let is_deleted = |handle: &std::path::PathBuf| {
        fs::read_link(handle).is_ok_and(|name| {
            name.to_string_lossy().contains("app.log") && name.to_string_lossy().ends_with(" (deleted)")
        })
    };
    handles.filter(is_deleted).filter_map(|handle| fs::metadata(handle).ok()).map(|found| found.blocks() * 512).sum()
}

/// The sum of the samples with this prefix; all of them are integers.
fn sample(address: &str, name: &str) -> u64 {
    let samples = http::scrape(address).expect("an answer");
    let sum: f64 = samples.iter().filter(|(known, _)| known.starts_with(name)).map(|(_, value)| *value).sum();
    format!("{sum:.0}").parse().expect("a whole number")
}

/// Writes file after file, each of which is deleted once it is open; they exceed the bound only briefly.
fn rotate(scene: &Scene, sidecar: &Sidecar, address: &str, bound: u64) {
    for file in 0..FILES {
        let text: String = (file * FILE_LINES..(file + 1) * FILE_LINES).map(line).collect();
        scene.append_log("app.log", text);
        wait_until("the file to be open", PATIENCE, || {
            sample(address, "logskiff_files{input=\"default\",state=\"live\"}") > 0
        });
        fs::rename(scene.path("logs/app.log"), scene.path("logs/app.log.1")).unwrap();
        fs::remove_file(scene.path("logs/app.log.1")).unwrap();
        wait_until("the disk to be within the bound", PATIENCE, || {
            let is_seen = sample(address, "logskiff_files{input=\"default\",state=\"live\"}") == 0;
            is_seen && deleted_open_bytes(sidecar) <= bound
        });
        assert!(sample(address, "logskiff_deleted_open_bytes") <= bound);
    }
}

/// Received and lost lines together are all written lines.
fn check(scene: &Scene, sidecar: &Sidecar, address: &str, lines: usize) {
    scene.append_log("app.log", line(lines));
    wait_until("the last line and all books to be closed", 2 * PATIENCE, || {
        sample(address, "logskiff_lag_bytes") == 0 && scene.kafka().end_offset(TOPIC) > 0
    });
    let received = scene.kafka().received(TOPIC);
    let text = |payload: &[u8]| {
        let record: serde_json::Value = serde_json::from_slice(payload).unwrap();
        record["message"].as_str().unwrap().parse::<usize>().unwrap()
    };
    let arrived: BTreeSet<usize> = received.iter().map(|message| text(&message.payload)).collect();
    assert!(arrived.contains(&lines), "the line after the outage");
    let missing = lines + 1 - arrived.len();
    let lost_bytes = sample(address, "logskiff_lost_bytes_total");
    assert!(missing > 0 && lost_bytes == (missing * LINE_BYTES) as u64, "{missing} are missing, {lost_bytes} lost");
    // The newest were held.
    let held = FILES_HELD - 1;
    let first_held = lines - held * FILE_LINES;
    assert!((first_held..lines).all(|number| arrived.contains(&number)), "lines within the bound arrive");
    let printed = sidecar.stderr();
    assert!(printed.contains("bytes lost: deleted open files exceed"), "{printed}");
    assert!(printed.contains("take half of LOGSKIFF_DELETED_OPEN_BYTES_MAX"), "{printed}");
}

fn settings(scene: &Scene) -> crate::support::sidecar::Settings {
    scene
        .observed()
        .with("LOGSKIFF_DELETED_OPEN_BYTES_MAX", &format!("{}KiB", BOUND_BYTES / 1024))
        .with("LOGSKIFF_LINE_BYTES_MAX", "1KiB")
        .with("LOGSKIFF_BATCH_BYTES", "16KiB")
        .with("LOGSKIFF_IN_FLIGHT_BYTES", "64KiB")
        .with("LOGSKIFF_LINGER", "5ms")
}

/// Goal: during an outage the disk usage is bounded, the loss is counted to the byte, and records in flight still
/// arrive.
#[test]
fn deleted_files_above_the_bound_are_closed() {
    let scene = Scene::new();
    scene.kafka().down();
    let sidecar = scene.start(&settings(&scene));
    let address = http::address(&sidecar);
    rotate(&scene, &sidecar, &address, BOUND_BYTES);
    scene.kafka().up();
    check(&scene, &sidecar, &address, FILES * FILE_LINES);
    assert!(sidecar.stderr().contains("app.log"), "by name");
    sidecar.drain(PATIENCE);
}

/// Goal: the same if records in flight are refused after their file was closed.
#[test]
fn refused_records_of_an_abandoned_file_are_lost() {
    let scene = Scene::new();
    scene.kafka().down();
    let sidecar = scene.start(&settings(&scene));
    let address = http::address(&sidecar);
    rotate(&scene, &sidecar, &address, BOUND_BYTES);
    scene.kafka().fate_of_requests(&[FORBIDDEN; 2]);
    scene.kafka().up();
    check(&scene, &sidecar, &address, FILES * FILE_LINES);
    sidecar.drain(PATIENCE);
}

/// Goal: the same if an output refuses everything, so that nothing is unread and everything waits for a retry.
#[test]
fn refused_records_of_deleted_files_are_bounded_too() {
    let scene = Scene::new();
    scene.kafka().topic_error(TOPIC, FORBIDDEN);
    let sidecar = scene.start(&settings(&scene));
    let address = http::address(&sidecar);
    rotate(&scene, &sidecar, &address, BOUND_BYTES);
    scene.kafka().topic_error(TOPIC, GRANTED);
    check(&scene, &sidecar, &address, FILES * FILE_LINES);
    sidecar.drain(PATIENCE);
}

/// Goal: with `off` there is no bound.
#[test]
fn without_a_bound_nothing_is_closed() {
    let scene = Scene::new();
    scene.kafka().down();
    let sidecar = scene.start(&settings(&scene).with("LOGSKIFF_DELETED_OPEN_BYTES_MAX", "off"));
    let address = http::address(&sidecar);
    rotate(&scene, &sidecar, &address, u64::MAX);
    assert!(deleted_open_bytes(&sidecar) >= FILES as u64 * FILE_BYTES);
    scene.kafka().up();
    wait_until("every line", PATIENCE, || scene.kafka().end_offset(TOPIC) == (FILES * FILE_LINES) as u64);
    assert!(sample(&address, "logskiff_lost_bytes_total") == 0);
    sidecar.drain(PATIENCE);
}

/// A volume in memory, which is removed with the test.
struct Memory<'p>(&'p Path);

impl<'p> Memory<'p> {
    /// `None`, and a message, if this account may not mount.
    fn mount(at: &'p Path, bytes: u64) -> Option<Self> {
        let size = format!("size={bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(at).status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("skipped: this account may not mount");
            return None;
        }
        Some(Self(at))
    }
}

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Goal: on a volume in memory the bound is a quarter of it, whatever the setting.
#[test]
fn on_a_volume_in_memory_its_size_limits_deleted_files() {
    let scene = Scene::new();
    let logs = scene.path("logs");
    let Some(_memory) = Memory::mount(&logs, 4 * BOUND_BYTES) else { return };
    scene.kafka().down();
    let sidecar = scene.start(&settings(&scene).with("LOGSKIFF_DELETED_OPEN_BYTES_MAX", "1GiB"));
    let address = http::address(&sidecar);
    rotate(&scene, &sidecar, &address, BOUND_BYTES);
    assert!(sample(&address, "logskiff_deleted_open_limit_bytes") == BOUND_BYTES);
    scene.kafka().up();
    check(&scene, &sidecar, &address, FILES * FILE_LINES);
    sidecar.drain(PATIENCE);
}

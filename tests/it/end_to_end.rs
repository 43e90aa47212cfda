//! The whole process with librdkafka's mock broker: the guarantees, seen from outside, with `cargo test` alone.
//!
//! Each test has its own folder, broker and sidecars, so that all can run in parallel. `tests/real/real_kafka.rs` tests
//! the same guarantees with a real broker.

mod canary;
mod canary_everywhere;
mod canary_groups;
mod causes;
mod commands;
mod content;
mod delivery;
mod first_lines;
mod gathering;
mod kafka_messages;
mod keys;
mod mistakes;
mod partitions;
mod records;
mod refused;
mod times;

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use crate::support::lines::{Place, Tally, text, write_all};
use crate::support::scene::{Scene, TOPIC};
use crate::support::wait_until;

/// Timeout for an action that normally takes a moment; a debug build on a busy machine needs longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Goal: a replaced file is read before its replacement, also if the replacement is deleted meanwhile.
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
    scene.kafka().delay(Duration::from_millis(200));
    let sidecar = scene.start(&settings);
    wait_until("the first lines", PATIENCE, || scene.kafka().end_offset(TOPIC) > 0);

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
    scene.kafka().delay(Duration::ZERO);
    wait_until("every line", PATIENCE, || Tally::from_messages(&scene.messages(), &places).lost == 0);
    Tally::from_messages(&scene.messages(), &places).check(LINES + 500, 0);
}

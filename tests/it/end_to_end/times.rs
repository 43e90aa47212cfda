//! The times of records whose lines have none.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::PATIENCE;
use crate::support::http;
use crate::support::scene::Scene;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::wait_until;

/// The clocks of file systems are this far behind, and a write is seen this much later.
const PRECISION: Duration = Duration::from_millis(900);

fn time(record: &Value, name: &str) -> Timestamp {
    record[name].as_str().unwrap_or_else(|| panic!("{name}: {record}")).parse().unwrap()
}

/// The record of a message.
#[track_caller]
fn record<'r>(records: &'r [Value], message: &str) -> &'r Value {
    records.iter().find(|record| record["message"] == message).unwrap_or_else(|| panic!("{message}: {records:?}"))
}

/// Checks the time of a record, where it is from, and that it is not later than the read.
#[track_caller]
fn check(record: &Value, source: &str, at: Timestamp) {
    let stamp = time(record, "@timestamp");
    let apart = Duration::try_from(stamp.duration_since(at).abs()).unwrap();
    assert!(record["event.time_source"] == source && apart < PRECISION, "{source}, {at}: {record}");
    assert!(stamp <= time(record, "event.created"), "{record}");
}

fn settings(scene: &Scene) -> Settings {
    scene.to_stdout().with("LOGSKIFF_PARSE", "auto").with("LOGSKIFF_POLL_INTERVAL", "100ms")
}

/// The records on standard output.
fn shown(sidecar: &Sidecar) -> Vec<Value> {
    sidecar.stdout().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Sets when a log was last written.
fn set_written(scene: &Scene, name: &str, ago: Duration) -> Timestamp {
    let written = SystemTime::now() - ago;
    File::options().append(true).open(scene.log(name)).unwrap().set_modified(written).unwrap();
    Timestamp::try_from(written).unwrap()
}

/// Goal: what an outage delays has the time when it was written, also after a restart.
#[test]
fn an_outage_does_not_change_times() {
    for restarts in [false, true] {
        let scene = Scene::new();
        scene.append_log("app.log", "old\n");
        let old = set_written(&scene, "app.log", Duration::from_secs(3_600));
        let small = ["LOGSKIFF_BATCH_BYTES", "LOGSKIFF_LINE_BYTES_MAX", "LOGSKIFF_IN_FLIGHT_BYTES"];
        let settings = scene.settings().with("LOGSKIFF_PARSE", "auto");
        let settings = small.into_iter().fold(settings, |settings, name| settings.with(name, "64KiB"));
        let mut sidecar = scene.start(&settings);
        wait_until("the first record", PATIENCE, || !scene.messages().is_empty());
        scene.kafka().down();
        let mut written = Vec::new();
        for number in 0..4 {
            // More than is in flight at once.
            scene.append_log("app.log", format!("line {number}\n") + &("x".repeat(1_000) + "\n").repeat(100));
            written.push(Timestamp::now());
            sleep(Duration::from_secs(1));
        }
        if restarts {
            // The checkpoint is saved within 10 s.
            let state = scene.path("state/checkpoint.json");
            let size = fs::metadata(scene.log("app.log")).unwrap().len();
            let saved = format!("[{size},");
            wait_until("the times in the checkpoint", PATIENCE, || {
                fs::read_to_string(&state).unwrap().contains(&saved)
            });
            sidecar.kill();
            sidecar = scene.start(&settings);
            sleep(Duration::from_secs(1));
        }
        scene.kafka().up();
        let recovered = Timestamp::now();
        let line = |number: usize| json!(format!("line {number}"));
        wait_until("all records", PATIENCE, || scene.records().iter().any(|record| record["message"] == line(3)));
        drop(sidecar);
        let records = scene.records();
        check(record(&records, "old"), "file", old);
        for (number, written) in written.into_iter().enumerate() {
            for record in records.iter().filter(|record| record["message"] == line(number)) {
                check(record, "write", written);
            }
        }
        let last = record(&records, "line 3");
        assert!(time(last, "event.created") >= recovered, "the lines waited in the file: {last}");
    }
}

/// Goal: what was there before the start is as old as the file, or older. A file that is created later is seen to grow.
#[test]
fn files_have_the_time_of_their_last_write() {
    let scene = Scene::new();
    scene.append_log("old.log", "old\n2026-11-28 10:15:02 its own\n");
    let old = set_written(&scene, "old.log", Duration::from_secs(7_200));
    scene.append_log("ahead.log", "ahead\n");
    set_written(&scene, "ahead.log", Duration::ZERO);
    File::options()
        .append(true)
        .open(scene.log("ahead.log"))
        .unwrap()
        .set_modified(SystemTime::now() + PATIENCE)
        .unwrap();
    let sidecar = scene.start(&settings(&scene));
    let started = Timestamp::now();
    wait_until("two files", PATIENCE, || shown(&sidecar).len() == 3);
    scene.append_log("new.log", "new\n");
    scene.append_log("old.log", "more\n");
    let now = Timestamp::now();
    wait_until("all records", PATIENCE, || shown(&sidecar).len() == 5);
    let records = shown(&sidecar);
    check(record(&records, "old"), "file", old);
    let ahead = record(&records, "ahead");
    assert!(ahead["event.time_source"] == "file" && time(ahead, "@timestamp") <= time(ahead, "event.created"));
    check(record(&records, "more"), "write", now);
    check(record(&records, "new"), "write", now);
    let own = record(&records, "2026-11-28 10:15:02 its own");
    assert_eq!((&own["@timestamp"], &own["event.time_source"]), (&json!("2026-11-28T10:15:02.000Z"), &json!("line")));
    assert!(time(own, "event.created") >= started - PRECISION);
}

/// Goal: a file that is truncated or replaced while logskiff runs is new content, not content of before the start.
#[test]
fn content_after_a_truncation_is_seen_to_be_written() {
    let scene = Scene::new();
    scene.append_log("app.log", "one\n");
    let sidecar = scene.start(&settings(&scene));
    wait_until("one", PATIENCE, || sidecar.stdout().contains("\"one\""));
    fs::write(scene.log("app.log"), "2\n").unwrap();
    let now = Timestamp::now();
    wait_until("two", PATIENCE, || sidecar.stdout().contains("\"2\""));
    let records = shown(&sidecar);
    check(record(&records, "2"), "write", now);
}

/// Goal: what comes through a pipe has the time of its read.
#[test]
fn standard_input_has_the_time_of_the_read() {
    let scene = Scene::new();
    scene.write("input", "piped\n");
    let settings = settings(&scene).with("LOGSKIFF_PATHS", "-").with("LOGSKIFF_EXIT", "eof");
    let mut cat = Command::new("cat").arg(scene.path("input")).stdout(Stdio::piped()).spawn().unwrap();
    let mut sidecar = Sidecar::reading(scene.folder(), &settings, cat.stdout.take().unwrap());
    let now = Timestamp::now();
    sidecar.wait(PATIENCE);
    cat.wait().unwrap();
    let records = shown(&sidecar);
    check(record(&records, "piped"), "read", now);
}

/// Goal: a stamp that cannot be read is a failure, and a line without one is none.
#[test]
fn lines_without_a_time_are_no_failures() {
    let scene = Scene::new();
    let text = "no time\n2026-13-45 10:15:02 not a day\n2026-11-28 10:15:02 a day\n";
    let fields = "{\"msg\":\"none\"}\n{\"when\":\"soon\"}\n{\"when\":\"2026-11-28T10:15:02Z\"}\n{\"when\":null}\n";
    scene.append_log("app.log", format!("{text}{fields}"));
    let settings = settings(&scene).with("LOGSKIFF_TIME_FIELD", "when").with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0");
    let sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    wait_until("all records", PATIENCE, || shown(&sidecar).len() == 7);
    let samples = http::scrape(&address).unwrap();
    let count = |name: &str| samples[&format!("{name}{{input=\"default\"}}")];
    assert!((count("logskiff_timestamp_parse_failures_total") - 2.0).abs() < 0.1, "{samples:?}");
    assert!((count("logskiff_lines_without_time_total") - 3.0).abs() < 0.1, "{samples:?}");
}

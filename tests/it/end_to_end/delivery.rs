//! Nothing is lost: by a refused record, a crash, a rotation, an outage, a drain that timed out.

use std::fs;
use std::time::Duration;

use rdkafka::types::RDKafkaRespErr as Fate;
use serde_json::Value;

use super::PATIENCE;
use crate::support::lines::{Plan, Tally, Writer, text, write_all};
use crate::support::scene::{Scene, TOPIC};
use crate::support::sidecar::Settings;
use crate::support::wait_until;

const TAKEN: Fate = Fate::RD_KAFKA_RESP_ERR_NO_ERROR;
/// Not retried by the client: the broker refuses this record.
const REFUSED: Fate = Fate::RD_KAFKA_RESP_ERR_INVALID_RECORD;

/// Each record in a request of its own, several pending at once.
fn one_by_one(scene: &Scene) -> Settings {
    scene.kafka().delay(Duration::from_millis(20));
    scene
        .settings()
        .with("LOGSKIFF_BATCH_BYTES", "1KiB")
        .with("LOGSKIFF_KAFKA_PROPERTIES", "reconnect.backoff.max.ms=200\nbatch.num.messages=1")
}

/// The numbers of the received lines, in order.
fn numbers(scene: &Scene) -> Vec<u64> {
    let number = |record: &Value| record["message"].as_str()?.strip_prefix("seq=")?.split(' ').next()?.parse().ok();
    scene.records().iter().map(|record| number(record).expect("a numbered line")).collect()
}

/// Goal: record N fails, N+1 is acknowledged, then a kill: after a restart N arrives.
#[test]
fn a_gap_survives_a_crash() {
    const LINES: u64 = 40;
    let scene = Scene::new();
    // The third is refused, the two after it are accepted, and all later ones are refused: the gap stays open until the
    // crash.
    let mut fates = vec![TAKEN, TAKEN, REFUSED, TAKEN, TAKEN];
    fates.resize(20_000, REFUSED);
    scene.kafka().fate_of_requests(&fates);
    let places = write_all(&scene.path("logs/app.log"), 0, LINES);
    let settings = one_by_one(&scene);
    let sidecar = scene.start(&settings);
    wait_until("the records around the hole", PATIENCE, || scene.kafka().end_offset(TOPIC) == 4);
    // The watermark is on disk: it is before the gap, not after the later records.
    let saved = || {
        let bytes = fs::read(scene.path("state/checkpoint.json")).unwrap_or_default();
        serde_json::from_slice::<Value>(&bytes).unwrap_or_default()["files"][0].clone()
    };
    // So are the records after it, which need not be sent again.
    let ahead = serde_json::json!([[places[3].offset, places[5].offset]]);
    wait_until("a checkpoint", PATIENCE, || saved()["ahead"]["spans"] == ahead);
    sidecar.kill();
    assert_eq!(numbers(&scene), [0, 1, 3, 4], "a hole");
    assert_eq!(saved()["offset"].as_u64(), Some(places[2].offset), "the watermark is at the gap");
    scene.kafka().fate_of_requests(&[]);
    scene.run_to_end(settings);
    let tally = Tally::from_messages(&scene.messages(), &places);
    assert_eq!((tally.arrived, tally.lost, tally.altered, tally.strange), (LINES, 0, 0, 0), "{tally:?}");
    assert_eq!(tally.duplicates, 0, "records after the gap are not sent again: {tally:?}");
}

/// Goal: without a crash a refused record is sent again, and acknowledged records after it are not.
#[test]
fn a_gap_is_filled_without_duplicates() {
    const LINES: u64 = 40;
    let scene = Scene::new();
    scene.kafka().fate_of_requests(&[TAKEN, TAKEN, REFUSED, TAKEN, TAKEN, REFUSED, TAKEN, REFUSED]);
    let places = write_all(&scene.path("logs/app.log"), 0, LINES);
    let sidecar = scene.run_to_end(one_by_one(&scene));
    let tally = Tally::from_messages(&scene.messages(), &places);
    let right = Tally { arrived: LINES, out_of_order: tally.out_of_order, ..Tally::default() };
    assert_eq!(tally, right, "all, none twice");
    assert!(tally.out_of_order >= 1, "there was a hole: {tally:?}");
    assert!(sidecar.stderr().contains("sending it again"), "it says so");
}

/// Goal: a crash at any moment, with rotations in between, loses no line.
#[test]
fn crashes_lose_nothing() {
    const KILLS: u64 = 5;
    let scene = Scene::new();
    let plan = Plan { lines: 9_000, lines_per_s: 3_000, rotate_every: 2_000 };
    let settings = scene.settings();
    let mut sidecar = scene.start(&settings);
    let writer = Writer::start(scene.folder(), plan);
    for kill in 1..=KILLS {
        wait_until("the moment to kill", PATIENCE, || writer.written() >= kill * plan.lines / (KILLS + 1));
        sidecar.kill();
        sidecar = scene.start(&settings);
    }
    let places = writer.finish();
    sidecar.drain(PATIENCE);
    let tally = Tally::from_messages(&scene.messages(), &places);
    eprintln!("crashes: {tally:?}");
    // The watermark is saved every 200 ms: a kill causes as many duplicates as lines are written in that time.
    tally.check(plan.lines, KILLS * plan.lines_per_s / 5);
}

/// Goal: a drain during traffic succeeds, and the next process resumes exactly where it stopped.
#[test]
fn drains_are_exact() {
    let scene = Scene::new();
    let plan = Plan { lines: 6_000, lines_per_s: 3_000, rotate_every: 2_500 };
    let settings = scene.settings();
    let writer = Writer::start(scene.folder(), plan);
    for stop_at in [1_500, 3_000, 4_500] {
        let sidecar = scene.start(&settings.clone().with("LOGSKIFF_DRAIN_TIMEOUT", "2s"));
        // Before it listens to signals, a SIGTERM ends any process.
        wait_until("its start", PATIENCE, || sidecar.stderr().contains("logskiff starts"));
        wait_until("the moment to drain", PATIENCE, || writer.written() >= stop_at);
        sidecar.drain(PATIENCE);
    }
    let places = writer.finish();
    scene.run_to_end(settings);
    Tally::from_messages(&scene.messages(), &places).check(plan.lines, 0);
}

/// Goal: without the broker, a drain ends in time and with 0, the checkpoint keeps the rest, and everything arrives
/// later.
#[test]
fn a_drain_without_a_broker_keeps_the_rest() {
    const LINES: u64 = 1_000;
    let scene = Scene::new();
    let mut places = write_all(&scene.path("logs/app.log.1"), 0, LINES / 2);
    let settings = scene.settings().with("LOGSKIFF_DRAIN_TIMEOUT", "2s");
    let sidecar = scene.start(&settings);
    wait_until("the first half", PATIENCE, || scene.kafka().end_offset(TOPIC) == LINES / 2);
    // Their reports have arrived, too: records that are unacknowledged in the outage would be sent again.
    wait_until("their watermark", PATIENCE, || {
        let size = fs::metadata(scene.path("logs/app.log.1")).unwrap().len();
        fs::read_to_string(scene.path("state/checkpoint.json"))
            .is_ok_and(|s| s.contains(&format!("\"offset\":{size},\"b")))
    });
    scene.kafka().down();
    places.extend(write_all(&scene.path("logs/app.log"), LINES / 2, LINES).into_iter().map(|mut place| {
        place.file = 1;
        place
    }));
    let mut sidecar = sidecar;
    sidecar.terminate();
    let (status, took) = sidecar.wait(Duration::from_secs(5));
    assert!(status.success(), "{status}");
    assert!(took > Duration::from_millis(1_500), "it waited for the broker: {took:?}");
    let size = fs::metadata(scene.path("logs/app.log")).unwrap().len();
    assert!(sidecar.stderr().contains(&format!("\"left_bytes\":{size}")), "it reports the rest: {}", sidecar.stderr());
    scene.kafka().up();
    scene.run_to_end(settings);
    Tally::from_messages(&scene.messages(), &places).check(LINES, 0);
}

/// Goal: an outage during traffic loses no line.
#[test]
fn an_outage_loses_nothing() {
    let scene = Scene::new();
    let plan = Plan { lines: 6_000, lines_per_s: 3_000, rotate_every: 2_500 };
    let sidecar = scene.start(
        &scene
            .settings()
            .with("LOGSKIFF_IN_FLIGHT_BYTES", "128KiB")
            .with("LOGSKIFF_BATCH_BYTES", "16KiB")
            .with("LOGSKIFF_LINE_BYTES_MAX", "64KiB"),
    );
    let writer = Writer::start(scene.folder(), plan);
    wait_until("records before the outage", PATIENCE, || scene.kafka().end_offset(TOPIC) > 500);
    scene.kafka().down();
    wait_until("lines during the outage", PATIENCE, || writer.written() >= 4_000);
    scene.kafka().up();
    let places = writer.finish();
    sidecar.drain(PATIENCE);
    let tally = Tally::from_messages(&scene.messages(), &places);
    eprintln!("outage: {tally:?}");
    tally.check(plan.lines, 0);
}

/// Goal: files that are truncated while the limit is reached, and the checkpoint is saved at that moment, are read on.
#[test]
fn truncations_at_the_in_flight_limit_lose_nothing() {
    const FILES: u64 = 40;
    const LINES: u64 = 10_000;
    let scene = Scene::new();
    let settings = scene
        .settings()
        .with("LOGSKIFF_PATHS", scene.path("logs/*.log").to_str().unwrap())
        .with("LOGSKIFF_KAFKA_PROPERTIES", "reconnect.backoff.max.ms=200\nbatch.num.messages=10")
        .with("LOGSKIFF_IN_FLIGHT_BYTES", "64KiB")
        .with("LOGSKIFF_BATCH_BYTES", "16KiB")
        .with("LOGSKIFF_LINE_BYTES_MAX", "16KiB")
        // A check of the directories would detect the truncations by itself.
        .with("LOGSKIFF_POLL_INTERVAL", "10s");
    let name = |number: u64| format!("logs/{number}.log");
    (0..FILES).for_each(|number| scene.write(&name(number), format!("the line before, of {number}\n")));
    let sidecar = scene.start(&settings);
    wait_until("the lines before", PATIENCE, || scene.kafka().end_offset(TOPIC) == FILES);
    // Reports come slowly: the limit is reached at nearly every moment, and the watermark moves.
    scene.kafka().delay(Duration::from_millis(50));
    let loud: String = (0..LINES).map(|seq| text(seq) + "\n").collect();
    scene.write("logs/loud.log", loud);
    wait_until("some of the lines", PATIENCE, || scene.kafka().end_offset(TOPIC) > FILES + 100);
    for number in 0..FILES {
        scene.write(&name(number), format!("after, {number}\n"));
        std::thread::sleep(Duration::from_millis(60));
    }
    assert!(scene.kafka().end_offset(TOPIC) < LINES, "the budget was spent all the time");
    scene.kafka().delay(Duration::ZERO);
    let all = LINES + 2 * FILES;
    wait_until("every line", PATIENCE, || scene.kafka().end_offset(TOPIC) >= all);
    sidecar.drain(PATIENCE);
    let messages: std::collections::HashSet<String> =
        scene.records().iter().map(|record| record["message"].as_str().unwrap().to_owned()).collect();
    assert_eq!((messages.len() as u64, scene.messages().len() as u64), (all, all), "every line once");
}

/// Goal: however much there is to read, memory stays bounded while nothing can be sent.
#[test]
fn a_missing_broker_is_reported_and_costs_no_memory() {
    const LINES: u64 = 200_000;
    let scene = Scene::new();
    scene.kafka().down();
    write_all(&scene.path("logs/app.log"), 0, LINES);
    let size = fs::metadata(scene.path("logs/app.log")).unwrap().len();
    let mut sidecar = scene.start(&scene.settings().with("LOGSKIFF_DRAIN_TIMEOUT", "1s"));
    wait_until("a word on it", Duration::from_secs(10), || sidecar.stderr().contains("cannot reach Kafka"));
    let peak = sidecar.memory_peak_bytes();
    eprintln!("no broker: {} KiB at the peak, {} KiB in the file", peak >> 10, size >> 10);
    assert!(peak > 0 && peak < size, "{peak} bytes of memory for a file of {size}");
    sidecar.terminate();
    let (status, _) = sidecar.wait(PATIENCE);
    assert!(status.success(), "{status}");
    assert_eq!(fs::metadata(scene.path("logs/app.log")).unwrap().len(), size, "the file is untouched");
}

/// Goal: a broker that appears later gets everything.
#[test]
fn a_broker_that_appears_later_gets_everything() {
    const LINES: u64 = 500;
    let scene = Scene::new();
    scene.kafka().down();
    let places = write_all(&scene.path("logs/app.log"), 0, LINES);
    let sidecar = scene.start(&scene.settings());
    wait_until("a word on it", Duration::from_secs(10), || sidecar.stderr().contains("cannot reach Kafka"));
    scene.kafka().up();
    wait_until("all records", PATIENCE, || scene.kafka().end_offset(TOPIC) >= LINES);
    sidecar.drain(PATIENCE);
    Tally::from_messages(&scene.messages(), &places).check(LINES, 0);
}

/// Goal: two sidecars never share a state directory; the second reports it, and the first continues.
#[test]
fn a_state_directory_has_one_owner() {
    let scene = Scene::new();
    scene.write("logs/app.log", format!("{}\n", text(0)));
    let first = scene.start(&scene.settings());
    wait_until("the first to ship", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    let mut second = scene.start(&scene.settings());
    let (status, _) = second.wait(PATIENCE);
    assert!(!status.success(), "the second ended with {status}");
    let printed = second.stderr();
    assert!(printed.contains("in use") && printed.contains(scene.path("state").to_str().unwrap()), "{printed}");
    first.drain(PATIENCE);
    assert_eq!(scene.messages().len(), 1);
}

/// Goal: everything works without state, and each start reads from the beginning.
#[test]
fn stateless_operation_is_possible() {
    let scene = Scene::new();
    scene.write("logs/app.log", "one\ntwo\n");
    for runs in 1..=2 {
        let sidecar = scene.run_to_end(scene.settings().with("LOGSKIFF_STATE_DIR", "none"));
        assert!(sidecar.stderr().contains("a restart reads without a checkpoint"), "{}", sidecar.stderr());
        assert_eq!(scene.messages().len(), 2 * runs);
    }
    let ids: Vec<_> = scene.records().iter().map(|record| record["event.id"].to_string()).collect();
    assert_eq!(ids[..2], ids[2..], "a consumer can tell the doubles by the event id");
    assert_ne!(ids[0], ids[1]);
}

/// Goal: a path that does not exist yet is awaited, and shipped from its first line.
#[test]
fn a_path_that_appears_later_is_shipped() {
    let scene = Scene::new();
    let settings = scene.settings().with("LOGSKIFF_PATHS", scene.path("late/**/*.log").to_str().unwrap());
    let mut sidecar = scene.start(&settings);
    wait_until("the start", PATIENCE, || sidecar.stderr().contains("logskiff starts"));
    assert!(sidecar.is_running());
    fs::create_dir_all(scene.path("late/deeper")).unwrap();
    scene.write("late/deeper/app.log", "first\n");
    wait_until("the record", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    sidecar.drain(PATIENCE);
    assert_eq!(scene.records()[0]["message"], "first");
}

/// Goal: anything but a regular file is refused, logged once, and blocks nothing else.
#[test]
fn other_types_of_files_are_refused_once() {
    let scene = Scene::new();
    std::os::unix::fs::symlink("/etc/passwd", scene.path("logs/app.log.link")).unwrap();
    fs::create_dir(scene.path("logs/app.log.directory")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(scene.path("logs/app.log.fifo")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    let sidecar = scene.start(&scene.settings().with("LOGSKIFF_LOG", "info"));
    // Several checks of the directory, each with changes.
    for look in 1..=6_u64 {
        scene.write(&format!("logs/app.log.{look}"), format!("line {look}\n"));
        wait_until("the next record", PATIENCE, || scene.kafka().end_offset(TOPIC) == look);
    }
    let printed = sidecar.stderr();
    for name in ["app.log.link", "app.log.fifo"] {
        assert_eq!(printed.matches(name).count(), 1, "{name} is named once: {printed}");
    }
    sidecar.drain(PATIENCE);
    assert!(scene.records().iter().all(|record| record["message"].as_str().unwrap().starts_with("line ")));
}

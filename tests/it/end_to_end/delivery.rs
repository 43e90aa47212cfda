//! Nothing is lost: to a refused record, a crash, a rotation, an outage, a drain that ran out of time.

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
/// Not retried by the client: the broker will not have this record.
const REFUSED: Fate = Fate::RD_KAFKA_RESP_ERR_INVALID_RECORD;

/// Each record in a request of its own, several on their way at once.
fn one_by_one(scene: &Scene) -> Settings {
    scene.kafka().delay(Duration::from_millis(20));
    scene
        .settings()
        .with("LOGSKIFF_BATCH_BYTES", "1KiB")
        .with("LOGSKIFF_KAFKA_PROPERTIES", "reconnect.backoff.max.ms=200\nbatch.num.messages=1")
}

/// The numbers of the lines that were received, in order.
fn numbers(scene: &Scene) -> Vec<u64> {
    let number = |record: &Value| record["message"].as_str()?.strip_prefix("seq=")?.split(' ').next()?.parse().ok();
    scene.records().iter().map(|record| number(record).expect("a numbered line")).collect()
}

/// Goal: record N fails, N+1 is acknowledged, kill: after a restart N arrives.
#[test]
fn a_hole_is_not_forgotten_by_a_crash() {
    const LINES: u64 = 40;
    let scene = Scene::new();
    // The third is refused, the two behind it are taken, and then nothing is: the hole stays open until the crash.
    let mut fates = vec![TAKEN, TAKEN, REFUSED, TAKEN, TAKEN];
    fates.resize(20_000, REFUSED);
    scene.kafka().fate_of_requests(&fates);
    let places = write_all(&scene.path("logs/app.log"), 0, LINES);
    let settings = one_by_one(&scene);
    let sidecar = scene.start(&settings);
    wait_until("the records around the hole", PATIENCE, || scene.kafka().end_offset(TOPIC) == 4);
    // The watermark is on disk: it stands before the hole, not behind what came after it.
    let saved = || {
        let bytes = fs::read(scene.path("state/checkpoint.json")).unwrap_or_default();
        serde_json::from_slice::<Value>(&bytes).unwrap_or_default()["files"][0].clone()
    };
    // So is what came after it, which need not be sent again.
    let ahead = serde_json::json!([[places[3].offset, places[5].offset]]);
    wait_until("a checkpoint", PATIENCE, || saved()["ahead"]["spans"] == ahead);
    sidecar.kill();
    assert_eq!(numbers(&scene), [0, 1, 3, 4], "a hole");
    assert_eq!(saved()["offset"].as_u64(), Some(places[2].offset), "the watermark stands at the hole");
    scene.kafka().fate_of_requests(&[]);
    scene.run_to_end(settings);
    let tally = Tally::of(&scene.messages(), &places);
    assert_eq!((tally.arrived, tally.lost, tally.altered, tally.strange), (LINES, 0, 0, 0), "{tally:?}");
    assert_eq!(tally.doubled, 0, "not even what was taken behind the hole: {tally:?}");
}

/// Goal: without a crash a refused record is sent again by itself, and what was acknowledged behind it is not.
#[test]
fn a_hole_is_filled_and_nothing_is_doubled() {
    const LINES: u64 = 40;
    let scene = Scene::new();
    scene.kafka().fate_of_requests(&[TAKEN, TAKEN, REFUSED, TAKEN, TAKEN, REFUSED, TAKEN, REFUSED]);
    let places = write_all(&scene.path("logs/app.log"), 0, LINES);
    let sidecar = scene.run_to_end(one_by_one(&scene));
    let tally = Tally::of(&scene.messages(), &places);
    let right = Tally { arrived: LINES, disordered: tally.disordered, ..Tally::default() };
    assert_eq!(tally, right, "all, none twice");
    assert!(tally.disordered >= 1, "there was a hole: {tally:?}");
    assert!(sidecar.stderr().contains("sending it again"), "it says so");
}

/// Goal: a crash at any moment, rotations in between, costs no line.
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
    let tally = Tally::of(&scene.messages(), &places);
    eprintln!("crashes: {tally:?}");
    // The watermark is saved every 200 ms: a kill costs as many doubles as lines are written in that time.
    tally.check(plan.lines, KILLS * plan.lines_per_s / 5);
}

/// Goal: a drain in the middle of traffic ends well, and the next process goes on exactly where it stopped.
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
    Tally::of(&scene.messages(), &places).check(plan.lines, 0);
}

/// Goal: with the broker gone, a drain ends in its time and with 0, the checkpoint keeps the rest, and all arrives later.
#[test]
fn a_drain_without_a_broker_keeps_the_rest() {
    const LINES: u64 = 1_000;
    let scene = Scene::new();
    let mut places = write_all(&scene.path("logs/app.log.1"), 0, LINES / 2);
    let settings = scene.settings().with("LOGSKIFF_DRAIN_TIMEOUT", "2s");
    let sidecar = scene.start(&settings);
    wait_until("the first half", PATIENCE, || scene.kafka().end_offset(TOPIC) == LINES / 2);
    // Their reports are in, too: what the outage finds unacknowledged would rightly be sent again.
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
    assert!(sidecar.stderr().contains(&format!("\"left_bytes\":{size}")), "it says what is left: {}", sidecar.stderr());
    scene.kafka().up();
    scene.run_to_end(settings);
    Tally::of(&scene.messages(), &places).check(LINES, 0);
}

/// Goal: an outage in the middle of traffic costs no line.
#[test]
fn an_outage_is_waited_out() {
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
    let tally = Tally::of(&scene.messages(), &places);
    eprintln!("outage: {tally:?}");
    tally.check(plan.lines, 0);
}

/// Goal: files that are truncated while the budget is spent, and the checkpoint saved at that moment, are read on.
#[test]
fn truncations_while_the_budget_is_spent_lose_nothing() {
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
        // A look at the directories would see the truncations by itself.
        .with("LOGSKIFF_POLL_INTERVAL", "10s");
    let name = |number: u64| format!("logs/{number}.log");
    (0..FILES).for_each(|number| scene.write(&name(number), format!("the line before, of {number}\n")));
    let sidecar = scene.start(&settings);
    wait_until("the lines before", PATIENCE, || scene.kafka().end_offset(TOPIC) == FILES);
    // Reports come slowly: the budget is spent at nearly every moment, and the watermark moves.
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

/// Goal: however much there is to read, memory stays within the budget while nothing can be sent.
#[test]
fn a_broker_that_is_not_there_is_said_and_costs_no_memory() {
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
    Tally::of(&scene.messages(), &places).check(LINES, 0);
}

/// Goal: two sidecars never share a state directory; the second says which, and the first goes on.
#[test]
fn a_state_directory_has_one_owner() {
    let scene = Scene::new();
    scene.write("logs/app.log", format!("{}\n", text(0)));
    let first = scene.start(&scene.settings());
    wait_until("the first to ship", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    let mut second = scene.start(&scene.settings());
    let (status, _) = second.wait(PATIENCE);
    assert!(!status.success(), "the second ended with {status}");
    let said = second.stderr();
    assert!(said.contains("in use") && said.contains(scene.path("state").to_str().unwrap()), "{said}");
    first.drain(PATIENCE);
    assert_eq!(scene.messages().len(), 1);
}

/// Goal: without state all works, and each start begins anew.
#[test]
fn no_state_is_possible() {
    let scene = Scene::new();
    scene.write("logs/app.log", "one\ntwo\n");
    for runs in 1..=2 {
        let sidecar = scene.run_to_end(scene.settings().with("LOGSKIFF_STATE_DIR", "none"));
        assert!(sidecar.stderr().contains("a restart begins anew"), "it says so: {}", sidecar.stderr());
        assert_eq!(scene.messages().len(), 2 * runs);
    }
    let ids: Vec<_> = scene.records().iter().map(|record| record["event.id"].to_string()).collect();
    assert_eq!(ids[..2], ids[2..], "a consumer can tell the doubles by the event id");
    assert_ne!(ids[0], ids[1]);
}

/// Goal: a path that does not exist yet is waited for, and shipped from its first line.
#[test]
fn a_path_that_comes_later_is_shipped() {
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

/// Goal: what is not a regular file is refused, named once, and stops nothing else.
#[test]
fn what_is_no_regular_file_is_refused_once() {
    let scene = Scene::new();
    std::os::unix::fs::symlink("/etc/passwd", scene.path("logs/app.log.link")).unwrap();
    fs::create_dir(scene.path("logs/app.log.directory")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(scene.path("logs/app.log.fifo")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    let sidecar = scene.start(&scene.settings().with("LOGSKIFF_LOG", "info"));
    // Several looks at the directory, each with news.
    for look in 1..=6_u64 {
        scene.write(&format!("logs/app.log.{look}"), format!("line {look}\n"));
        wait_until("the next record", PATIENCE, || scene.kafka().end_offset(TOPIC) == look);
    }
    let said = sidecar.stderr();
    for name in ["app.log.link", "app.log.fifo"] {
        assert_eq!(said.matches(name).count(), 1, "{name} is named once: {said}");
    }
    sidecar.drain(PATIENCE);
    assert!(scene.records().iter().all(|record| record["message"].as_str().unwrap().starts_with("line ")));
}

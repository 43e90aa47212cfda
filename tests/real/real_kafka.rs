//! The delivery guarantees with a real Kafka broker and an independent consumer: nothing lost, nothing altered, nothing
//! leaked.
//!
//! Needs `LOGSKIFF_TEST_KAFKA` (a folder of Kafka's jars: `.ci/kafka-install DIR`), Java and kcat. Without the variable
//! the tests report that and pass; with `LOGSKIFF_TEST_REAL=1` they fail. `LOGSKIFF_TEST_BIN` names another binary (a
//! release build). Run with `--test-threads=1`: each test starts its own broker.

mod topics;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::broker::{Broker, Message};
use crate::support::lines::{Place, Plan, Tally, Writer, text, write_all};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{Random, wait_until};

const MIB: u64 = 1024 * 1024;
/// The topic of tests that need only one.
const TOPIC: &str = "logs";
/// `LOGSKIFF_DRAIN_TIMEOUT` is 25 s in [`Settings::new`]; the process itself needs slightly longer.
const DRAIN_DEADLINE: Duration = Duration::from_secs(27);
/// Timeout for work that normally takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// Memory limit of a sidecar with 1 MiB in flight: code, librdkafka's buffers, and the in-flight limit several times
/// over.
const MEMORY_MAX_BYTES: u64 = 40 * MIB;

/// A broker with one topic of one partition, and an empty folder; `None` without real parts.
fn scene() -> Option<(Broker, TempDir)> {
    let broker = Broker::start()?;
    broker.create_topic(TOPIC, 1, &[]);
    Some((broker, folder()))
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("logskiff-real-").tempdir().expect("a temporary folder")
}

/// Runs until everything is read and acknowledged, and checks the exit code.
#[track_caller]
fn run_to_end(folder: &Path, settings: Settings) {
    let mut sidecar = Sidecar::start(folder, &settings.with("LOGSKIFF_EXIT", "eof"));
    let (status, _) = sidecar.wait(PATIENCE);
    assert!(status.success(), "the run to the end ended with {status}");
}

/// The records of a topic, as JSON.
fn records(broker: &Broker, topic: &str) -> Vec<Value> {
    let parse = |m: &Message| serde_json::from_slice(&m.payload).expect("a record is JSON");
    broker.consume(topic).iter().map(parse).collect()
}

/// Goal: lines written across five renames arrive once, in order, unchanged.
#[test]
fn rotations_lose_nothing() {
    let Some((broker, folder)) = scene() else { return };
    let plan = Plan { lines: 200_000, lines_per_s: 20_000, rotate_every: 34_000 };
    let sidecar = Sidecar::start(folder.path(), &Settings::new(folder.path(), &broker.bootstrap(), TOPIC));
    let places = Writer::start(folder.path(), plan).finish();
    assert_eq!(places.last().map(|place| place.file), Some(5), "five renames");
    let drain = sidecar.drain(DRAIN_DEADLINE);
    let tally = Tally::from_messages(&broker.consume(TOPIC), &places);
    eprintln!("rotations: {tally:?}, drained in {drain:?}");
    tally.check(plan.lines, 0);
}

/// Goal: a crash at any moment loses no line, and causes few duplicates.
#[test]
fn crashes_lose_nothing() {
    crash(10, Plan { lines: 200_000, lines_per_s: 4_000, rotate_every: 34_000 });
}

/// Goal: the same at 20,000 lines a second, with a kill and a rotation every 1.5 seconds.
#[test]
fn crashes_and_rotations_at_speed_lose_nothing() {
    crash(25, Plan { lines: 800_000, lines_per_s: 20_000, rotate_every: 31_000 });
}

fn crash(kills: u64, plan: Plan) {
    let Some((broker, folder)) = scene() else { return };
    let seed = std::env::var("LOGSKIFF_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_103);
    eprintln!("crashes: LOGSKIFF_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let settings = Settings::new(folder.path(), &broker.bootstrap(), TOPIC);
    let mut sidecar = Sidecar::start(folder.path(), &settings);
    let writer = Writer::start(folder.path(), plan);
    let part = plan.lines / (kills + 1);
    for kill in 0..kills {
        let moment = kill * part + random.between(part / 4, part + part / 4);
        wait_until("the moment to kill", PATIENCE, || writer.written() >= moment);
        sleep(Duration::from_micros(random.between(0, 40_000)));
        sidecar.kill();
        // Sometimes it restarts immediately, sometimes after files have grown and rotated.
        sleep(Duration::from_millis(random.between(0, 400)));
        sidecar = Sidecar::start(folder.path(), &settings);
    }
    let places = writer.finish();
    sidecar.drain(DRAIN_DEADLINE);
    let tally = Tally::from_messages(&broker.consume(TOPIC), &places);
    let rotations = places.last().map_or(0, |place| place.file);
    let duplicates = tally.duplicates * 10_000 / plan.lines;
    eprintln!("{kills} kills, {rotations} rotations, {tally:?}, duplicates {duplicates} per 10,000");
    tally.check(plan.lines, plan.lines / 20);
}

/// Goal: an outage loses no line, and memory stays bounded however long it lasts.
#[test]
fn outage_loses_nothing() {
    let Some((mut broker, folder)) = scene() else { return };
    let plan = Plan { lines: 80_000, lines_per_s: 2_000, rotate_every: 30_000 };
    let sidecar = Sidecar::start(folder.path(), &Settings::new(folder.path(), &broker.bootstrap(), TOPIC));
    let writer = Writer::start(folder.path(), plan);
    wait_until("records before the outage", PATIENCE, || broker.end_offset(TOPIC) > 8_000);
    let before = sidecar.memory_peak_bytes();
    broker.stop();
    sleep(Duration::from_secs(20));
    let during = sidecar.memory_peak_bytes();
    broker.restart();
    sleep(Duration::from_secs(5));
    // Again without warning: the broker must recover its log, and the producer must continue.
    broker.kill();
    broker.restart();
    let places = writer.finish();
    wait_until("all records", PATIENCE, || broker.end_offset(TOPIC) >= plan.lines);
    let after = sidecar.memory_peak_bytes();
    sidecar.drain(DRAIN_DEADLINE);
    let tally = Tally::from_messages(&broker.consume(TOPIC), &places);
    eprintln!(
        "outage: {tally:?}; memory peak, KiB: {} before, {} during, {} after",
        before >> 10,
        during >> 10,
        after >> 10
    );
    assert!(after > 0 && after < MEMORY_MAX_BYTES, "{after} bytes of memory at the peak");
    tally.check(plan.lines, plan.lines / 20);
}

/// Goal: a gigabyte in ten rotations, written while the broker is away for a minute, arrives, and memory does not grow
/// with it.
#[test]
fn a_backlog_of_a_gigabyte_is_shipped() {
    const FILES: u64 = 10;
    const LINES: u64 = 12_800;
    let Some((mut broker, folder)) = scene() else { return };
    let settings = Settings::new(folder.path(), &broker.bootstrap(), TOPIC).with("LOGSKIFF_ENCODING", "raw");
    let sidecar = Sidecar::start(folder.path(), &settings);
    let log = folder.path().join("logs/app.log");
    let name = |number: u64| log.with_file_name(format!("app.log.{number}"));
    let fill = "a line of eight kibibytes, of which the number matters; ".repeat(146);
    fs::write(&log, "before the outage\n").unwrap();
    wait_until("a record before the outage", PATIENCE, || broker.end_offset(TOPIC) == 1);
    let away = Instant::now();
    broker.stop();
    for file in 0..FILES {
        (1..=file).rev().for_each(|number| fs::rename(name(number), name(number + 1)).unwrap());
        fs::rename(&log, name(1)).unwrap();
        let mut writer = BufWriter::new(File::create(&log).unwrap());
        (0..LINES).for_each(|line| writeln!(writer, "seq={} {fill}", file * LINES + line).unwrap());
        writer.flush().unwrap();
        sleep((away + Duration::from_secs(6 * (file + 1))).saturating_duration_since(Instant::now()));
    }
    let bytes: u64 = (1..=FILES).map(|number| fs::metadata(name(number)).unwrap().len()).sum();
    let (bytes, during) = (bytes + fs::metadata(&log).unwrap().len(), sidecar.memory_peak_bytes());
    broker.restart();
    let (back, all) = (Instant::now(), FILES * LINES + 1);
    wait_until("all records", PATIENCE, || broker.end_offset(TOPIC) >= all);
    let (took, after) = (back.elapsed(), sidecar.memory_peak_bytes());
    sidecar.drain(DRAIN_DEADLINE);
    let mut counts = vec![0_u32; usize::try_from(FILES * LINES).unwrap()];
    for message in broker.consume(TOPIC) {
        let text = std::str::from_utf8(&message.payload).unwrap();
        if let Some((number, rest)) = text.strip_prefix("seq=").and_then(|text| text.split_once(' ')) {
            assert!(rest == fill, "line {number} was altered");
            counts[number.parse::<usize>().unwrap()] += 1;
        }
    }
    let (lost, duplicates) =
        (counts.iter().filter(|count| **count == 0).count(), counts.iter().filter(|count| **count > 1).count());
    eprintln!(
        "{} MiB behind after {:?}: {lost} lost, {duplicates} duplicates, shipped in {took:?}; memory peak, KiB: {} during, {} after",
        bytes >> 20,
        back - away,
        during >> 10,
        after >> 10
    );
    assert!(bytes > 1_000_000_000 && lost == 0 && duplicates == 0);
    assert!(after > 0 && after < MEMORY_MAX_BYTES, "{after} bytes of memory at the peak");
}

/// Goal: a drain during traffic leaves a checkpoint that matches exactly what was received.
#[test]
fn drain_is_exact() {
    let Some((broker, folder)) = scene() else { return };
    let plan = Plan { lines: 60_000, lines_per_s: 4_000, rotate_every: 17_000 };
    let settings = Settings::new(folder.path(), &broker.bootstrap(), TOPIC);
    let writer = Writer::start(folder.path(), plan);
    for stop_at in [15_000, 30_000, 45_000] {
        let sidecar = Sidecar::start(folder.path(), &settings);
        // After its start: before, a signal ends it like any process.
        sleep(Duration::from_secs(1));
        wait_until("the moment to drain", PATIENCE, || writer.written() >= stop_at);
        let asked_at = writer.written();
        let took = sidecar.drain(DRAIN_DEADLINE);
        let received = broker.end_offset(TOPIC);
        eprintln!("drain: asked at line {asked_at}, {received} received, took {took:?}");
        assert!(received >= asked_at, "lines written before the drain are received when it ends");
    }
    let places = writer.finish();
    run_to_end(folder.path(), settings);
    // A watermark above the received records would lose lines here, one below would duplicate them.
    let tally = Tally::from_messages(&broker.consume(TOPIC), &places);
    eprintln!("drain: {tally:?}");
    tally.check(plan.lines, 0);
}

/// Goal: topic and key are rendered from templates, and each compression is the configured one.
#[test]
fn topics_keys_and_compressions() {
    let Some(broker) = Broker::start() else { return };
    for (name, code) in [("none", 0), ("gzip", 1), ("snappy", 2), ("lz4", 3), ("zstd", 4)] {
        let folder = folder();
        let topic = format!("{name}-shop-app.log");
        broker.create_topic(&topic, 1, &[]);
        let places = write_all(&folder.path().join("logs/app.log"), 0, 2_000);
        let settings = Settings::new(folder.path(), &broker.bootstrap(), &format!("{name}-{{namespace}}-{{file}}"))
            .with("LOGSKIFF_KAFKA_KEY", "{pod}/{container:app}")
            .with("LOGSKIFF_KAFKA_COMPRESSION", name)
            .with("POD_NAMESPACE", "shop")
            .with("POD_NAME", "shop-0");
        run_to_end(folder.path(), settings);
        let messages = broker.consume(&topic);
        Tally::from_messages(&messages, &places).check(2_000, 0);
        assert!(messages.iter().all(|m| m.key.as_deref() == Some(b"shop-0/app")), "{name}: each record has the key");
        assert_eq!(broker.compression_on_disk(&topic), code, "{name}: compression of the batch on disk");
    }
}

/// Goal: a record above the topic's limit arrives in parts that name their order; the other records arrive unchanged.
#[test]
fn oversize_records_are_split() {
    const LINES: u64 = 40;
    let Some(broker) = Broker::start() else { return };
    broker.create_topic("small", 1, &[("max.message.bytes", "2000")]);
    let folder = folder();
    let mut random = Random::new(7);
    let words = (0..600).map(|_| format!("{:016x}", random.roll())).collect::<Vec<_>>();
    let long = format!("seq={LINES} {}", words.concat());
    let path = folder.path().join("logs/app.log");
    fs::create_dir_all(path.parent().unwrap()).expect("a folder");
    let lines = (0..LINES / 2).map(text).chain([long.clone()]).chain((LINES / 2..LINES).map(text));
    fs::write(&path, lines.map(|line| line + "\n").collect::<String>()).expect("a log file");
    let settings = Settings::new(folder.path(), &broker.bootstrap(), "small")
        .with("LOGSKIFF_KAFKA_OVERSIZE", "split")
        .with("LOGSKIFF_KAFKA_COMPRESSION", "none");
    run_to_end(folder.path(), settings);

    let (mut whole, mut parts) = (Vec::new(), BTreeMap::<String, BTreeMap<usize, Message>>::new());
    for message in broker.consume("small") {
        match (message.headers.get("id").cloned(), message.headers.get("part").and_then(|part| part.parse().ok())) {
            (Some(id), Some(part)) => drop(parts.entry(id).or_default().insert(part, message)),
            _ => whole.push(message),
        }
    }
    assert_eq!(whole.len() as u64, LINES, "the lines below the limit arrive whole");
    assert_eq!(parts.len(), 1, "one record was split");
    let split = parts.into_values().next().expect("the split record");
    assert!(
        split.values().all(|m| m.headers["parts"] == split.len().to_string()),
        "each part knows how many there are"
    );
    eprintln!("oversize: {} parts", split.len());
    let joined = split.into_values().flat_map(|part| part.payload).collect::<Vec<_>>();
    let record: Value = serde_json::from_slice(&joined).expect("the joined parts are one JSON record");
    assert_eq!(record["message"].as_str(), Some(long.as_str()));
}

/// A line with a secret that must not be shipped.
struct Planted {
    /// Its kind, for the report of a failure.
    case: usize,
    line: String,
    secret: String,
    /// The secret appears only once JSON escapes are decoded, so a line that is not parsed cannot be searched for it.
    escaped: bool,
}

fn planted() -> Vec<Planted> {
    let mut random = Random::new(99);
    let mut planted = Vec::new();
    for n in 0..200 {
        let word = format!("{:016x}", random.roll());
        let token = format!("{:016x}{:016x}", random.roll(), random.roll());
        let jwt = format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{token}{word}");
        let person = format!("person.{word}@example.com");
        let cases = [
            (format!("seq={n} login password={word} ok"), &word),
            (format!("seq={n} login \"password\": \"{word}\" ok"), &word),
            (format!("seq={n} db postgres://shop:{word}@db.internal/shop opened"), &word),
            (format!("seq={n} Authorization: Bearer {token}"), &token),
            (format!("seq={n} session {jwt} opened"), &jwt),
            (format!("seq={n} key AKIAIOSFODNN7EXAMPLE used"), &"AKIAIOSFODNN7EXAMPLE".to_owned()),
            (format!("seq={n} mail to {person} sent"), &person),
            (format!("seq={n} paid with 4111 1111 1111 1111 today"), &"4111 1111 1111 1111".to_owned()),
            (format!("seq={n} paid with 5500005555555559 today"), &"5500005555555559".to_owned()),
            (format!("{{\"seq\":{n},\"msg\":\"hi\",\"user\":{{\"email\":\"{person}\"}}}}"), &person),
            (format!("{{\"seq\":{n},\"msg\":\"hi\",\"password\":\"{word}\"}}"), &word),
            (format!("{{\"seq\":{n},\"{person}\":1}}"), &person),
            (format!("{{\"seq\":{n},\"msg\":\"Authorization: Bearer\\u0020{token}\"}}"), &token),
            (format!("{{\"seq\":{n},\"msg\":\"mail person.{word}\\u0040example.com\"}}"), &word),
        ];
        let case = n % cases.len();
        let (line, secret) = cases[case].clone();
        planted.push(Planted { case, line, secret: secret.clone(), escaped: case >= cases.len() - 2 });
    }
    planted
}

/// Goal: no planted secret is at the broker, in the sidecar's own log or in its state, with any parser.
#[test]
fn secrets_stay_inside() {
    let Some(broker) = Broker::start() else { return };
    let planted = planted();
    let lines = planted.iter().map(|planted| planted.line.clone() + "\n").collect::<String>();
    for (topic, parse, encoding) in [("auto", "auto", "json"), ("whole", "none", "json"), ("raw", "auto", "raw")] {
        broker.create_topic(topic, 1, &[]);
        let folder = folder();
        fs::create_dir_all(folder.path().join("logs")).expect("a folder");
        fs::write(folder.path().join("logs/app.log"), &lines).expect("a log file");
        let settings = Settings::new(folder.path(), &broker.bootstrap(), topic)
            .with("LOGSKIFF_PARSE", parse)
            .with("LOGSKIFF_ENCODING", encoding)
            .with("LOGSKIFF_REDACT", "secrets,email,card")
            .with("LOGSKIFF_LOG", "debug");
        run_to_end(folder.path(), settings);
        let messages = broker.consume(topic);
        assert_eq!(messages.len(), planted.len(), "{topic}: one record a line");
        let mut kept = vec![("sidecar.log".to_owned(), fs::read(folder.path().join("sidecar.log")).expect("the log"))];
        for entry in fs::read_dir(folder.path().join("state")).expect("the state").flatten() {
            kept.push((format!("{:?}", entry.file_name()), fs::read(entry.path()).unwrap_or_default()));
        }
        let mut leaks = Vec::new();
        for (planted, message) in planted.iter().zip(&messages) {
            let Planted { case, secret, escaped, .. } = planted;
            for (place, bytes) in &kept {
                assert!(!holds(bytes, secret), "{topic}: planted case {case} is in {place}");
            }
            if *escaped && parse == "none" {
                continue;
            }
            if messages.iter().any(|m| holds(&m.payload, secret)) || !holds(&message.payload, "<redacted") {
                leaks.push(*case);
            }
        }
        leaks.sort_unstable();
        leaks.dedup();
        assert!(leaks.is_empty(), "{topic}: at the broker, or without a mask, are the planted cases {leaks:?}");
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

/// Goal: a missing broker is reported and awaited; then everything arrives.
#[test]
fn late_broker_is_awaited() {
    let Some(mut broker) = Broker::prepare() else { return };
    let folder = folder();
    let places: Vec<Place> = write_all(&folder.path().join("logs/app.log"), 0, 10_000);
    let settings = Settings::new(folder.path(), &broker.bootstrap(), TOPIC);
    let mut sidecar = Sidecar::start(folder.path(), &settings);
    sleep(Duration::from_secs(5));
    assert!(sidecar.is_running(), "it waits");
    let printed = sidecar.stderr().to_lowercase();
    assert!(printed.contains("broker") && printed.contains("warn"), "it says on stderr that the broker is not there");
    // The broker creates the topic, with one partition, when the producer requests it.
    broker.restart();
    let start = Instant::now();
    wait_until("all records", PATIENCE, || broker.end_offset(TOPIC) >= 10_000);
    eprintln!("late broker: all there {:?} after it was ready", start.elapsed());
    sidecar.drain(DRAIN_DEADLINE);
    Tally::from_messages(&broker.consume(TOPIC), &places).check(10_000, 0);
}

/// Goal: a drain against a missing broker ends in time, keeps the unacknowledged lines, and ships them later.
#[test]
fn drain_without_broker_ends_in_time() {
    let Some((mut broker, folder)) = scene() else { return };
    let places = write_all(&folder.path().join("logs/app.log"), 0, 20_000);
    broker.stop();
    let settings = Settings::new(folder.path(), &broker.bootstrap(), TOPIC);
    let mut sidecar = Sidecar::start(folder.path(), &settings.with("LOGSKIFF_DRAIN_TIMEOUT", "3s"));
    sleep(Duration::from_secs(2));
    sidecar.terminate();
    let (status, took) = sidecar.wait(Duration::from_secs(6));
    eprintln!("drain without broker: {status}, took {took:?}");
    broker.restart();
    run_to_end(folder.path(), Settings::new(folder.path(), &broker.bootstrap(), TOPIC));
    let tally = Tally::from_messages(&broker.consume(TOPIC), &places);
    eprintln!("drain without broker: {tally:?}");
    tally.check(20_000, 0);
}

/// Goal: the tools of these tests detect errors: messages of another producer are read back unchanged.
#[test]
fn the_test_tools_detect_errors() {
    let Some((mut broker, folder)) = scene() else { return };
    let producer: rdkafka::producer::BaseProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .set("compression.type", "zstd")
        .create()
        .expect("a producer");
    let places = write_all(&folder.path().join("logs/app.log"), 0, 1_000);
    let record = |seq: usize, offset: u64| {
        serde_json::json!({ "message": text(seq as u64), "log.offset": offset, "log.file.path": "app.log" }).to_string()
    };
    let send = |seq: usize, offset: u64| {
        use rdkafka::message::{Header, OwnedHeaders};
        use rdkafka::producer::{BaseRecord, Producer};
        let headers = OwnedHeaders::new().insert(Header { key: "id", value: Some("x") });
        let payload = record(seq, offset);
        let message = BaseRecord::to(TOPIC).key("k\ny").payload(&payload).headers(headers);
        producer.send(message).unwrap_or_else(|(error, _)| panic!("not sent: {error}"));
        if seq % 100 == 99 {
            producer.flush(PATIENCE).expect("flushed");
        }
    };
    for (seq, place) in places.iter().enumerate().skip(1) {
        send(seq, place.offset);
        if seq == 500 {
            broker.stop();
            broker.restart();
        }
    }
    send(7, places[7].offset);
    send(8, places[8].offset + 1);
    {
        use rdkafka::producer::Producer;
        producer.flush(PATIENCE).expect("flushed");
    }
    let messages = broker.consume(TOPIC);
    assert_eq!((messages.len(), broker.end_offset(TOPIC)), (1_001, 1_001));
    assert_eq!(broker.compression_on_disk(TOPIC), 4);
    assert!(messages.iter().all(|m| m.key.as_deref() == Some(b"k\ny") && m.headers["id"] == "x"));
    assert_eq!(records(&broker, TOPIC).len(), 1_001);
    let tally = Tally::from_messages(&messages, &places);
    assert_eq!(tally, Tally { arrived: 999, lost: 1, duplicates: 2, altered: 1, ..Tally::default() });
    let backwards: Vec<Message> = messages.into_iter().rev().collect();
    assert!(Tally::from_messages(&backwards, &places).out_of_order > 900, "the order is checked");
}

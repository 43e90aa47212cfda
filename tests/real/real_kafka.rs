//! The promises against a real Kafka broker and an independent consumer: nothing lost, nothing altered, nothing leaked.
//!
//! Needs `LOGSKIFF_TEST_KAFKA` (a folder of Kafka's jars: `.ci/kafka-install DIR`), Java and kcat; without the variable
//! the tests say so and pass, with `LOGSKIFF_TEST_REAL=1` they fail. `LOGSKIFF_TEST_BIN` names another binary (a release
//! build). Run with `--test-threads=1`: each test starts a broker of its own.

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
use crate::support::{Dice, wait_until};

const MIB: u64 = 1024 * 1024;
/// The topic of tests that need only one.
const TOPIC: &str = "logs";
/// `LOGSKIFF_DRAIN_TIMEOUT` is 25 s in [`Settings::new`]; the process itself needs a moment more.
const DRAIN_DEADLINE: Duration = Duration::from_secs(27);
/// For work that takes seconds when all is well.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a sidecar with 1 MiB in flight may hold at most: code, librdkafka's buffers, and the budget several times over.
const MEMORY_MAX_BYTES: u64 = 40 * MIB;

/// A broker with one topic of one partition, and an empty folder; `None` when no real parts were given.
fn scene() -> Option<(Broker, TempDir)> {
    let broker = Broker::start()?;
    broker.create_topic(TOPIC, 1, &[]);
    Some((broker, folder()))
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("logskiff-real-").tempdir().expect("a temporary folder")
}

/// Runs until all that is there is read and acknowledged, and demands a clean end.
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

/// Goal: what is written through five renames arrives once, in order, byte by byte.
#[test]
fn rotations_lose_nothing() {
    let Some((broker, folder)) = scene() else { return };
    let plan = Plan { lines: 200_000, lines_per_s: 20_000, rotate_every: 34_000 };
    let sidecar = Sidecar::start(folder.path(), &Settings::new(folder.path(), &broker.bootstrap(), TOPIC));
    let places = Writer::start(folder.path(), plan).finish();
    assert_eq!(places.last().map(|place| place.file), Some(5), "five renames");
    let drain = sidecar.drain(DRAIN_DEADLINE);
    let tally = Tally::of(&broker.consume(TOPIC), &places);
    eprintln!("rotations: {tally:?}, drained in {drain:?}");
    tally.check(plan.lines, 0);
}

/// Goal: a crash at any moment costs no line, and few doubles.
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
    let mut dice = Dice::new(seed);
    let settings = Settings::new(folder.path(), &broker.bootstrap(), TOPIC);
    let mut sidecar = Sidecar::start(folder.path(), &settings);
    let writer = Writer::start(folder.path(), plan);
    let part = plan.lines / (kills + 1);
    for kill in 0..kills {
        let moment = kill * part + dice.between(part / 4, part + part / 4);
        wait_until("the moment to kill", PATIENCE, || writer.written() >= moment);
        sleep(Duration::from_micros(dice.between(0, 40_000)));
        sidecar.kill();
        // Sometimes back at once, sometimes after a while in which the files grow and rotate.
        sleep(Duration::from_millis(dice.between(0, 400)));
        sidecar = Sidecar::start(folder.path(), &settings);
    }
    let places = writer.finish();
    sidecar.drain(DRAIN_DEADLINE);
    let tally = Tally::of(&broker.consume(TOPIC), &places);
    let rotations = places.last().map_or(0, |place| place.file);
    let doubled = tally.doubled * 10_000 / plan.lines;
    eprintln!("{kills} kills, {rotations} rotations, {tally:?}, doubled {doubled} per 10,000");
    tally.check(plan.lines, plan.lines / 20);
}

/// Goal: an outage costs no line, and memory stays within its budget however long it lasts.
#[test]
fn outage_is_waited_out() {
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
    // Once more without warning: the broker must recover its own log, and the producer its place.
    broker.kill();
    broker.restart();
    let places = writer.finish();
    wait_until("all records", PATIENCE, || broker.end_offset(TOPIC) >= plan.lines);
    let after = sidecar.memory_peak_bytes();
    sidecar.drain(DRAIN_DEADLINE);
    let tally = Tally::of(&broker.consume(TOPIC), &places);
    eprintln!(
        "outage: {tally:?}; memory peak, KiB: {} before, {} during, {} after",
        before >> 10,
        during >> 10,
        after >> 10
    );
    assert!(after > 0 && after < MEMORY_MAX_BYTES, "{after} bytes of memory at the peak");
    tally.check(plan.lines, plan.lines / 20);
}

/// Goal: a gigabyte in ten rotations, written while the broker is away for a minute, arrives, and memory does not grow with it.
#[test]
fn a_gigabyte_behind_in_rotations_is_made_good() {
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
    let (lost, doubled) =
        (counts.iter().filter(|count| **count == 0).count(), counts.iter().filter(|count| **count > 1).count());
    eprintln!(
        "{} MiB behind after {:?}: {lost} lost, {doubled} doubled, shipped in {took:?}; memory peak, KiB: {} during, {} after",
        bytes >> 20,
        back - away,
        during >> 10,
        after >> 10
    );
    assert!(bytes > 1_000_000_000 && lost == 0 && doubled == 0);
    assert!(after > 0 && after < MEMORY_MAX_BYTES, "{after} bytes of memory at the peak");
}

/// Goal: a drain in the middle of traffic leaves a checkpoint that says exactly what was received: neither more nor less.
#[test]
fn drain_is_exact() {
    let Some((broker, folder)) = scene() else { return };
    let plan = Plan { lines: 60_000, lines_per_s: 4_000, rotate_every: 17_000 };
    let settings = Settings::new(folder.path(), &broker.bootstrap(), TOPIC);
    let writer = Writer::start(folder.path(), plan);
    for stop_at in [15_000, 30_000, 45_000] {
        let sidecar = Sidecar::start(folder.path(), &settings);
        // Past its start, in which a signal ends it as it ends any process.
        sleep(Duration::from_secs(1));
        wait_until("the moment to drain", PATIENCE, || writer.written() >= stop_at);
        let asked_at = writer.written();
        let took = sidecar.drain(DRAIN_DEADLINE);
        let received = broker.end_offset(TOPIC);
        eprintln!("drain: asked at line {asked_at}, {received} received, took {took:?}");
        assert!(received >= asked_at, "what was written before the drain was asked for is received when it ends");
    }
    let places = writer.finish();
    run_to_end(folder.path(), settings);
    // A watermark above what was received would lose lines here, one below would double them.
    let tally = Tally::of(&broker.consume(TOPIC), &places);
    eprintln!("drain: {tally:?}");
    tally.check(plan.lines, 0);
}

/// Goal: topic and key are made from templates, and each compression arrives and is the one that was asked for.
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
        Tally::of(&messages, &places).check(2_000, 0);
        assert!(messages.iter().all(|m| m.key.as_deref() == Some(b"shop-0/app")), "{name}: each record has the key");
        assert_eq!(broker.compression_on_disk(&topic), code, "{name}: compression of the batch on disk");
    }
}

/// Goal: a record above the topic's limit arrives in parts that say how they belong together; the others arrive whole.
#[test]
fn oversize_records_are_split() {
    const LINES: u64 = 40;
    let Some(broker) = Broker::start() else { return };
    broker.create_topic("small", 1, &[("max.message.bytes", "2000")]);
    let folder = folder();
    let mut dice = Dice::new(7);
    let words = (0..600).map(|_| format!("{:016x}", dice.roll())).collect::<Vec<_>>();
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

/// A line with what must not leave.
struct Planted {
    /// Which kind it is, for a failure's report.
    case: usize,
    line: String,
    secret: String,
    /// The secret shows only once JSON's escapes are undone, so a line that is not parsed cannot be searched for it.
    escaped: bool,
}

fn planted() -> Vec<Planted> {
    let mut dice = Dice::new(99);
    let mut planted = Vec::new();
    for n in 0..200 {
        let word = format!("{:016x}", dice.roll());
        let token = format!("{:016x}{:016x}", dice.roll(), dice.roll());
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

/// Goal: no planted secret is at the broker, in the sidecar's own log or in its state, however the lines are parsed.
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
                assert!(!holds(bytes, secret), "{topic}: planted case {case} stands in {place}");
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

/// Goal: a broker that is not there yet is named and waited for; then all arrives.
#[test]
fn late_broker_is_waited_for() {
    let Some(mut broker) = Broker::prepare() else { return };
    let folder = folder();
    let places: Vec<Place> = write_all(&folder.path().join("logs/app.log"), 0, 10_000);
    let settings = Settings::new(folder.path(), &broker.bootstrap(), TOPIC);
    let mut sidecar = Sidecar::start(folder.path(), &settings);
    sleep(Duration::from_secs(5));
    assert!(sidecar.is_running(), "it waits");
    let said = sidecar.stderr().to_lowercase();
    assert!(said.contains("broker") && said.contains("warn"), "it says on stderr that the broker is not there");
    // The broker makes the topic, of one partition, when the producer asks for it.
    broker.restart();
    let start = Instant::now();
    wait_until("all records", PATIENCE, || broker.end_offset(TOPIC) >= 10_000);
    eprintln!("late broker: all there {:?} after it was ready", start.elapsed());
    sidecar.drain(DRAIN_DEADLINE);
    Tally::of(&broker.consume(TOPIC), &places).check(10_000, 0);
}

/// Goal: a drain against a broker that is gone ends inside its time, keeps what it could not ship, and ships it later.
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
    let tally = Tally::of(&broker.consume(TOPIC), &places);
    eprintln!("drain without broker: {tally:?}");
    tally.check(20_000, 0);
}

/// Goal: the means of these tests tell right from wrong: what a foreign producer wrote is read back byte by byte.
#[test]
fn means_are_honest() {
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
    let tally = Tally::of(&messages, &places);
    assert_eq!(tally, Tally { arrived: 999, lost: 1, doubled: 2, altered: 1, ..Tally::default() });
    let backwards: Vec<Message> = messages.into_iter().rev().collect();
    assert!(Tally::of(&backwards, &places).disordered > 900, "order is looked at");
}

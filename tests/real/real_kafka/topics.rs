//! What a topic accepts: the size of its messages, and their times.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;

use serde_json::Value;
use tempfile::TempDir;

use super::{DRAIN_DEADLINE, PATIENCE, folder};
use crate::support::broker::{Broker, Message};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{Random, wait_until};

/// `max.message.bytes` of the small topic.
const SMALL_BYTES: usize = 100_000;
const LINES: u64 = 4_000;

/// Runs until everything is acknowledged; returns its log.
#[track_caller]
fn log_of_run(folder: &TempDir, settings: Settings) -> String {
    let mut sidecar = Sidecar::start(folder.path(), &settings.with("LOGSKIFF_EXIT", "eof"));
    let (status, _) = sidecar.wait(PATIENCE);
    assert!(status.success(), "the run to the end ended with {status}");
    sidecar.stderr()
}

/// A text that hardly compresses.
fn noise(random: &mut Random, bytes: u64) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..bytes).map(|_| char::from(letters[usize::try_from(random.between(0, 64)).unwrap()])).collect()
}

/// The records of messages, whose parts are joined, and the number of parts.
fn records(messages: &[Message], kind: &str) -> (Vec<Value>, usize) {
    let (mut records, mut joined, mut parts) = (Vec::new(), Vec::new(), 0);
    let mut read = |bytes: &[u8]| records.push(serde_json::from_slice(bytes).expect("a record is JSON"));
    for message in messages {
        if let Some(part) = message.headers.get("part") {
            assert_eq!(part == "0", joined.is_empty(), "parts are in order");
            joined.extend_from_slice(&message.payload);
            parts += 1;
            if message.headers["parts"] == (part.parse::<usize>().unwrap() + 1).to_string() {
                read(&std::mem::take(&mut joined));
            }
        } else if kind == "batch" {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&message.payload[..]), &mut text).unwrap();
            text.lines().for_each(|line| read(line.as_bytes()));
        } else {
            read(&message.payload);
        }
    }
    (records, parts)
}

/// Goal: a topic that accepts 100 KB gets messages and requests that it accepts, without a refusal, although its first
/// record was encoded before that was known. The messages of the topic beside it stay whole.
#[track_caller]
fn check_small_topic(message: &str, compression: &str) {
    let Some(broker) = Broker::start() else { return };
    broker.create_topic("small", 1, &[("max.message.bytes", &SMALL_BYTES.to_string())]);
    broker.create_topic("large", 1, &[]);
    let folder = folder();
    let mut random = Random::new(26);
    let mut lines = String::new();
    for n in 0..LINES {
        for topic in ["small", "large"] {
            let bytes = if n % 1_000 == 0 { 400_000 } else { 300 };
            _ = writeln!(lines, "{{\"t\":\"{topic}\",\"n\":{n},\"x\":\"{}\"}}", noise(&mut random, bytes));
        }
    }
    fs::create_dir_all(folder.path().join("logs")).unwrap();
    fs::write(folder.path().join("logs/app.log"), lines).unwrap();
    let settings = Settings::new(folder.path(), &broker.bootstrap(), "{field.t}")
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_REDACT", "none")
        .with("LOGSKIFF_KAFKA_MESSAGE", message)
        .with("LOGSKIFF_KAFKA_COMPRESSION", compression);
    let log = log_of_run(&folder, settings);
    let small = broker.consume("small");
    assert!(small.iter().all(|message| message.payload.len() < SMALL_BYTES));
    for (topic, messages, is_split) in [("small", small, true), ("large", broker.consume("large"), false)] {
        let (records, parts) = records(&messages, message);
        let numbers: Vec<_> = records.iter().map(|record| record["n"].as_u64().unwrap()).collect();
        assert!(numbers == (0..LINES).collect::<Vec<_>>(), "{topic}: {} records, once and in order", numbers.len());
        assert_eq!(parts > 0, is_split, "{topic}: {parts} parts");
    }
    assert!(!log.contains("rejected a message"), "{log}");
    assert_eq!(log.matches("using the topic's max.message.bytes").count(), 1, "{log}");
}

#[test]
fn a_small_topic_says_so() {
    check_small_topic("record", "lz4");
    check_small_topic("record", "none");
}

#[test]
fn a_small_topic_says_so_to_batches() {
    check_small_topic("batch", "none");
}

/// Goal: a topic that refuses old times gets all records once and in order: those within its bounds keep their times.
#[test]
fn a_topic_can_refuse_old_times() {
    const HOUR_MS: i64 = 3_600_000;
    let Some(broker) = Broker::start() else { return };
    broker.create_topic("young", 1, &[("message.timestamp.before.max.ms", &(24 * HOUR_MS).to_string())]);
    broker.create_topic("any", 1, &[]);
    let now_ms = jiff::Timestamp::now().as_millisecond();
    // The first one is refused by the young topic, which is asked then. It says 24 hours, of which nine tenths are used.
    let ages_ms = [9_000 * HOUR_MS, 0, 2 * HOUR_MS, 23 * HOUR_MS, -3 * HOUR_MS, HOUR_MS];
    for (topic, kept) in [("young", [1, 2, 5].as_slice()), ("any", &[0, 1, 2, 3, 5])] {
        let folder = folder();
        let line = |age_ms: &i64| {
            let time = jiff::Timestamp::from_millisecond(now_ms - age_ms).unwrap();
            format!("{{\"time\":\"{time}\",\"age\":{age_ms}}}\n")
        };
        fs::create_dir_all(folder.path().join("logs")).unwrap();
        let path = folder.path().join("logs/app.log");
        fs::write(&path, line(&ages_ms[0])).unwrap();
        let settings = Settings::new(folder.path(), &broker.bootstrap(), topic).with("LOGSKIFF_PARSE", "json");
        let sidecar = Sidecar::start(folder.path(), &settings);
        wait_until("the first record", PATIENCE, || broker.end_offset(topic) == 1);
        let mut log = File::options().append(true).open(path).unwrap();
        log.write_all(ages_ms[1..].iter().map(line).collect::<String>().as_bytes()).unwrap();
        wait_until("the others", PATIENCE, || broker.end_offset(topic) == ages_ms.len() as u64);
        let log = sidecar.stderr();
        sidecar.drain(DRAIN_DEADLINE);
        let messages = broker.consume(topic);
        let (found, _) = records(&messages, "record");
        assert_eq!(found.iter().map(|record| record["age"].as_i64().unwrap()).collect::<Vec<_>>(), ages_ms, "{log}");
        assert_eq!(log.matches("does not accept a record's time").count(), usize::from(topic == "young"), "{log}");
        for (index, message) in messages.iter().enumerate() {
            let is_own = message.time_ms == now_ms - ages_ms[index];
            assert_eq!(is_own, kept.contains(&index), "{topic}: record {index} of {ages_ms:?}");
        }
    }
}

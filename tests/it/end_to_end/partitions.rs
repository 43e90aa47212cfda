//! Records and their partitions: where a key goes, in which order its records arrive, and what a partition that takes
//! nothing holds up.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use logskiff::sink::kafka::Partitioner;

use super::PATIENCE;
use crate::support::broker::Message;
use crate::support::mock::Mock;
use crate::support::scene::Scene;
use crate::support::sidecar::Settings;
use crate::support::wait_until;

const TOPIC: &str = "parts";
const PARTITIONS: u32 = 6;
const KEYS: u64 = 50;

/// A scene whose topic has six partitions, and a log of so many lines, each with one of the keys.
fn scene(lines: u64) -> Scene {
    let scene = Scene::new();
    scene.kafka().create(TOPIC, PARTITIONS);
    scene.append_log("app.log", text(0..lines));
    scene
}

fn text(lines: std::ops::Range<u64>) -> String {
    let mut text = String::new();
    for n in lines {
        writeln!(text, "{{\"k\":\"key-{}\",\"n\":{n}}}", n * 7 % KEYS).unwrap();
    }
    text
}

fn settings(scene: &Scene) -> Settings {
    scene
        .settings()
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_ENCODING", "raw")
        .with("LOGSKIFF_KAFKA_TOPIC", TOPIC)
        .with("LOGSKIFF_KAFKA_KEY", "{field.k}")
}

/// Checks that each line arrived once, those of a key in order, and in the partition that `by` gives it.
#[track_caller]
fn check(messages: &[Message], lines: u64, by: Partitioner) {
    let mut last: BTreeMap<&[u8], u64> = BTreeMap::new();
    for message in messages {
        let key = message.key.as_deref().expect("a key");
        let record: serde_json::Value = serde_json::from_slice(&message.payload).expect("the line");
        let n = record["n"].as_u64().expect("a number");
        assert_eq!(record["k"].as_str().map(str::as_bytes), Some(key));
        assert_eq!(message.partition, by.partition(key, PARTITIONS), "the partition of {}", key.escape_ascii());
        assert!(last.insert(key, n).is_none_or(|before| before < n), "line {n} is out of order, or there twice");
    }
    assert_eq!(messages.len() as u64, lines, "each line arrived once");
}

/// Goal: a key goes where other producers of the same kind put it, and its records keep their order.
#[test]
fn a_key_goes_to_the_partition_of_the_configured_function() {
    for (name, by) in [("murmur2", Partitioner::Murmur2), ("crc32", Partitioner::Crc32)] {
        let scene = scene(20_000);
        scene.run_to_end(settings(&scene).with("LOGSKIFF_KAFKA_PARTITIONER", name));
        check(&scene.kafka().received(TOPIC), 20_000, by);
    }
}

/// Goal: many records in one message go to the same partition as each alone, and keep their order.
#[test]
fn batch_messages_keep_partition_and_order() {
    let scene = scene(5_000);
    scene.run_to_end(settings(&scene).with("LOGSKIFF_KAFKA_MESSAGE", "batch"));
    let mut last: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let mut lines = 0;
    for message in scene.kafka().received(TOPIC) {
        let key = message.key.expect("a key");
        assert_eq!(message.partition, Partitioner::Murmur2.partition(&key, PARTITIONS));
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&message.payload[..]), &mut text).unwrap();
        for line in text.lines() {
            let n = serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_u64().unwrap();
            assert!(last.insert(key.clone(), n).is_none_or(|before| before < n), "line {n} is out of order");
            lines += 1;
        }
    }
    assert_eq!(lines, 5_000);
}

/// Goal: without a key, records use all partitions.
#[test]
fn records_without_a_key_use_all_partitions() {
    let scene = scene(60_000);
    scene.kafka().delay(Duration::from_millis(20));
    scene.run_to_end(settings(&scene).without("LOGSKIFF_KAFKA_KEY"));
    let messages = scene.kafka().received(TOPIC);
    let mut counts = BTreeMap::new();
    for message in &messages {
        *counts.entry(message.partition).or_insert(0_u64) += 1;
    }
    assert_eq!((messages.len(), counts.len()), (60_000, PARTITIONS as usize), "{counts:?}");
}

/// Goal: few records without a key have one partition, so that a broker that leads others has nothing to do.
#[test]
fn few_records_without_a_key_use_one_partition() {
    let scene = scene(0);
    let settings = settings(&scene).without("LOGSKIFF_KAFKA_KEY").with("LOGSKIFF_LINGER", "5ms");
    let sidecar = scene.start(&settings.with("POD_NAME", "shop-7"));
    for round in 0..10 {
        scene.append_log("app.log", text(round * 20..(round + 1) * 20));
        wait_until("records", PATIENCE, || scene.kafka().received(TOPIC).len() as u64 == (round + 1) * 20);
    }
    sidecar.drain(PATIENCE);
    let home = Partitioner::Murmur2.partition(b"shop-7", PARTITIONS);
    let used: Vec<u32> = scene.kafka().received(TOPIC).iter().map(|message| message.partition).collect();
    assert_eq!(used, vec![home; 200]);
}

/// Goal: an outage does not change the order of a key's records, and loses none. A broker knows a batch again whose answer
/// was lost, but the mock broker does so only in transactions: such a batch is there twice.
#[test]
fn an_outage_keeps_the_order_of_each_key() {
    let scene = scene(20_000);
    scene.kafka().delay(Duration::from_millis(10));
    let sidecar = scene.start(&settings(&scene).with("LOGSKIFF_IN_FLIGHT_BYTES", "2MiB"));
    for round in 1..4_u64 {
        wait_until("records", PATIENCE, || scene.kafka().received(TOPIC).len() as u64 >= (round - 1) * 20_000 + 500);
        scene.kafka().down();
        scene.append_log("app.log", text(round * 20_000..(round + 1) * 20_000));
        std::thread::sleep(Duration::from_millis(300));
        scene.kafka().up();
    }
    sidecar.drain(PATIENCE);
    let mut messages = scene.kafka().received(TOPIC);
    let mut seen = HashSet::new();
    messages.retain(|message| seen.insert(message.payload.clone()));
    check(&messages, 80_000, Partitioner::Murmur2);
}

/// Goal: while a partition has no leader, the others get their records, also far more than fit into memory. Then it gets
/// what waited, in order and once.
#[test]
fn a_partition_without_a_leader_holds_up_no_other() {
    const LINES: u64 = 60_000;
    let (scene, kafka) = (Scene::new(), Mock::with_brokers(2, &[]));
    let dead = Partitioner::Murmur2.partition(b"key-0", PARTITIONS);
    kafka.create(TOPIC, PARTITIONS);
    kafka.lead(TOPIC, &(0..PARTITIONS).map(|partition| if partition == dead { 2 } else { 1 }).collect::<Vec<_>>());
    scene.append_log("app.log", text(0..1_000));
    let settings =
        settings(&scene).with("LOGSKIFF_KAFKA_BROKERS", &kafka.bootstrap()).with("LOGSKIFF_IN_FLIGHT_BYTES", "1MiB");
    let sidecar = scene.start(&settings);
    wait_until("the first records", PATIENCE, || kafka.received(TOPIC).len() == 1_000);
    kafka.one_down(2);
    scene.append_log("app.log", text(1_000..LINES));
    let start = Instant::now();
    let is_dead =
        |n: u64| Partitioner::Murmur2.partition(format!("key-{}", n * 7 % KEYS).as_bytes(), PARTITIONS) == dead;
    let others = (0..LINES).filter(|n| !is_dead(*n)).count();
    let living = || kafka.received_of(TOPIC, (0..PARTITIONS).filter(|partition| *partition != dead)).len();
    wait_until("the records of the other partitions", 2 * PATIENCE, || living() == others);
    eprintln!("the other partitions had all after {:?}", start.elapsed());
    kafka.up();
    wait_until("the records of that partition", 2 * PATIENCE, || kafka.received(TOPIC).len() as u64 == LINES);
    sidecar.drain(PATIENCE);
    check(&kafka.received(TOPIC), LINES, Partitioner::Murmur2);
}

/// Goal: what a topic accepts is asked of a leader that is up. Else a long line would wait, or be refused later.
#[test]
fn a_topic_is_asked_of_a_broker_that_is_up() {
    let (scene, kafka) = (Scene::new(), Mock::with_brokers(2, &[]));
    // The leader of the first partition, and the first of the brokers.
    let dead = 0;
    let living =
        (1..KEYS).find(|key| Partitioner::Murmur2.partition(format!("key-{key}").as_bytes(), PARTITIONS) != dead);
    kafka.create(TOPIC, PARTITIONS);
    kafka.lead(TOPIC, &(0..PARTITIONS).map(|partition| if partition == dead { 1 } else { 2 }).collect::<Vec<_>>());
    scene.append_log("app.log", text(0..100));
    let settings =
        settings(&scene).with("LOGSKIFF_KAFKA_BROKERS", &kafka.bootstrap()).with("LOGSKIFF_LINE_BYTES_MAX", "1MiB");
    let sidecar = scene.start(&settings);
    wait_until("the first records", PATIENCE, || kafka.received(TOPIC).len() == 100);
    kafka.one_down(1);
    let line = format!("{{\"k\":\"key-{}\",\"n\":100,\"m\":\"{}\"}}\n", living.unwrap(), "x".repeat(100_000));
    scene.append_log("app.log", line);
    let others = || kafka.received_of(TOPIC, (0..PARTITIONS).filter(|partition| *partition != dead));
    wait_until("the long line", PATIENCE, || others().iter().any(|message| message.payload.len() > 100_000));
    // The mock broker does not know the question: that it says so is the answer.
    let log = sidecar.stderr();
    assert!(log.contains("does not say a topic's max.message.bytes") && log.contains("UnsupportedFeature"), "{log}");
    kafka.up();
    sidecar.drain(PATIENCE);
    check(&kafka.received(TOPIC), 101, Partitioner::Murmur2);
}

/// Goal: when partitions get other leaders, and a broker is lost, nothing is lost, repeated or out of order.
#[test]
fn other_leaders_lose_repeat_and_reorder_nothing() {
    const ROUND: u64 = 10_000;
    let (scene, kafka) = (Scene::new(), Mock::with_brokers(3, &[]));
    kafka.create(TOPIC, PARTITIONS);
    kafka.delay(Duration::from_millis(5));
    let settings = settings(&scene).with("LOGSKIFF_KAFKA_BROKERS", &kafka.bootstrap());
    let sidecar = scene.start(&settings);
    for round in 0..9_u64 {
        let of = |partition: u32| i32::try_from((u64::from(partition) + round) % 3 + 1).unwrap();
        kafka.lead(TOPIC, &(0..PARTITIONS).map(of).collect::<Vec<_>>());
        scene.append_log("app.log", text(round * ROUND..(round + 1) * ROUND));
        wait_until("records", PATIENCE, || kafka.received(TOPIC).len() as u64 > round * ROUND + ROUND / 4);
    }
    wait_until("all records", PATIENCE, || kafka.received(TOPIC).len() as u64 == 9 * ROUND);
    sidecar.drain(PATIENCE);
    check(&kafka.received(TOPIC), 9 * ROUND, Partitioner::Murmur2);
}

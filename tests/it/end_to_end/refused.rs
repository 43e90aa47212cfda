//! Records that one topic refuses wait alone: everything else continues.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use rdkafka::types::RDKafkaRespErr as Fate;

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::wait_until;

const NONE: Fate = Fate::RD_KAFKA_RESP_ERR_NO_ERROR;
const MISSING: Fate = Fate::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;

/// Goal: a record for a missing topic delays neither its own file nor others, and arrives once the topic exists.
#[test]
fn a_missing_topic_delays_no_other() {
    const LINES: u64 = 20_000;
    let scene = Scene::new();
    scene.kafka().topic_error("bad", MISSING);
    scene.kafka().topic_error("good", NONE);
    let mut lines = String::from("{\"t\":\"bad\",\"n\":-1}\n");
    for n in 0..LINES {
        _ = writeln!(lines, "{{\"t\":\"good\",\"n\":{n}}}");
        if n % 1_000 == 0 {
            _ = writeln!(lines, "{{\"t\":\"bad\",\"n\":{n}}}");
        }
    }
    fs::write(scene.path("logs/app.log"), lines).unwrap();
    fs::write(scene.path("logs/app.log-other"), "{\"t\":\"good\",\"n\":-2}\n").unwrap();
    let settings = scene
        .settings()
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_KAFKA_TOPIC", "{field.t}")
        // Two batches of the lines above.
        .with("LOGSKIFF_LINE_BYTES_MAX", "64KiB")
        .with("LOGSKIFF_IN_FLIGHT_BYTES", "128KiB")
        .with("LOGSKIFF_BATCH_BYTES", "64KiB")
        .with(
            "LOGSKIFF_KAFKA_PROPERTIES",
            "topic.metadata.propagation.max.ms=200\ntopic.metadata.refresh.interval.ms=200",
        );
    let sidecar = scene.start(&settings);
    wait_until("all of the other topic", PATIENCE, || scene.kafka().end_offset("good") == LINES + 1);
    assert_eq!(scene.kafka().end_offset("bad"), 0);
    let mut log = fs::File::options().append(true).open(scene.path("logs/app.log")).unwrap();
    log.write_all(b"{\"t\":\"good\",\"n\":-3}\n").unwrap();
    wait_until("later lines", PATIENCE, || scene.kafka().end_offset("good") == LINES + 2);
    scene.kafka().topic_error("bad", NONE);
    wait_until("what had to wait", PATIENCE, || scene.kafka().end_offset("bad") == 21);
    sidecar.drain(PATIENCE);
    assert_eq!(scene.kafka().end_offset("good"), LINES + 2, "nothing is sent twice");
    assert_eq!(scene.kafka().end_offset("bad"), 21);
}

/// Goal: records for a topic that never exists are reported as pending, and end with the drain's timeout, not with a
/// loss.
#[test]
fn a_drain_leaves_refused_records_to_the_next_process() {
    let scene = Scene::new();
    scene.kafka().topic_error("bad", MISSING);
    scene.kafka().topic_error("good", NONE);
    fs::write(scene.path("logs/app.log"), "{\"t\":\"bad\"}\n{\"t\":\"good\"}\n").unwrap();
    let settings = scene
        .settings()
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_KAFKA_TOPIC", "{field.t}")
        .with("LOGSKIFF_DRAIN_TIMEOUT", "1s")
        .with("LOGSKIFF_KAFKA_PROPERTIES", "topic.metadata.propagation.max.ms=200");
    let sidecar = scene.start(&settings);
    wait_until("the other topic", PATIENCE, || scene.kafka().end_offset("good") == 1);
    sidecar.drain(PATIENCE);
    scene.kafka().topic_error("bad", NONE);
    scene.run_to_end(settings);
    assert_eq!(scene.kafka().end_offset("bad"), 1);
}

/// Goal: when a broker refuses a partition's records for a while, such as for too few replicas in sync, the log names the
/// partition. librdkafka sends them again without a word.
#[test]
fn a_partition_that_acknowledges_nothing_is_named() {
    let scene = Scene::new();
    let sidecar = scene.start(&scene.settings());
    scene.append_log("app.log", "one\n");
    wait_until("the first record", PATIENCE, || scene.kafka().end_offset("logs") == 1);
    scene.kafka().fate_of_requests(&[Fate::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 1_000]);
    scene.append_log("app.log", "two\n");
    let is_it = |line: &str| line.contains("a partition acknowledges nothing") && line.contains("\"topic\":\"logs\"");
    wait_until("the warning", PATIENCE, || sidecar.stderr().lines().any(is_it));
    let log = sidecar.stderr();
    let line = log.lines().find(|line| is_it(line)).unwrap();
    assert!(
        line.contains("\"partition\":0") && line.contains("\"WARN\"") && line.contains("does not answer"),
        "{line}"
    );
    scene.kafka().fate_of_requests(&[]);
    wait_until("the record", PATIENCE, || scene.kafka().end_offset("logs") == 2);
    sidecar.drain(PATIENCE);
}

//! Streams of a container that print between one another, through the whole program.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use proptest::prelude::*;
use rdkafka::types::RDKafkaRespErr as Fate;
use serde_json::{Value, json};

use super::shipped::write_with_kills;
use super::streams::{cri, interleave};
use super::{corpus, events};
use crate::support::scene::Scene;
use crate::support::wait_until;
use event::Stream::{Stderr, Stdout};

const PATIENCE: Duration = Duration::from_secs(60);
const NONE: Fate = Fate::RD_KAFKA_RESP_ERR_NO_ERROR;
const MISSING: Fate = Fate::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;

/// The offset of the only file in the checkpoint.
fn saved_offset(scene: &Scene) -> Option<u64> {
    let saved = fs::read(scene.path("state/checkpoint.json")).ok()?;
    let saved: Value = serde_json::from_slice(&saved).ok()?;
    saved["files"][0]["offset"].as_u64()
}

/// The numbers of the records of a topic, in order.
fn numbers(scene: &Scene, topic: &str) -> Vec<i64> {
    let parse = |payload: &[u8]| serde_json::from_slice::<Value>(payload).unwrap()["n"].as_i64().unwrap();
    let mut numbers: Vec<i64> = scene.kafka().received(topic).iter().map(|message| parse(&message.payload)).collect();
    numbers.sort_unstable();
    numbers
}

/// Goal: a record that is refused holds the watermark, whichever of two overlapping ones it is, and is sent alone later, also
/// after a restart.
#[test]
fn a_refused_record_among_those_of_the_other_stream_waits_alone() {
    for (outer, inner, held_at) in [("bad", "good", 1), ("good", "bad", 2)] {
        for restarts in [false, true] {
            let lines = [
                cri(1, Stdout, "F", r#"{"t":"good","n":0}"#),
                cri(1, Stderr, "F", "{"),
                cri(1, Stdout, "F", &format!(r#"{{"t":"{inner}","n":1}}"#)),
                cri(1, Stderr, "F", &format!(r#" "t": "{outer}", "n": 2"#)),
                cri(1, Stdout, "F", r#"{"t":"good","n":3}"#),
                cri(1, Stderr, "F", "}"),
                cri(1, Stdout, "F", r#"{"t":"good","n":4}"#),
            ];
            let held_at: usize = lines[..held_at].iter().map(String::len).sum();
            let (refused, others) = if outer == "bad" { (2, [0, 1, 3, 4]) } else { (1, [0, 2, 3, 4]) };
            let scene = Scene::new();
            scene.kafka().topic_error("bad", MISSING);
            scene.kafka().topic_error("good", NONE);
            scene.append_log("app.log", lines.concat());
            let settings =
                scene.settings().with("LOGSKIFF_PARSE", "json").with("LOGSKIFF_KAFKA_TOPIC", "{field.t}").with(
                    "LOGSKIFF_KAFKA_PROPERTIES",
                    "topic.metadata.propagation.max.ms=200\ntopic.metadata.refresh.interval.ms=200",
                );
            let sidecar = scene.start(&settings);
            wait_until("the other topic", PATIENCE, || scene.kafka().end_offset("good") == 4);
            wait_until("a checkpoint", PATIENCE, || saved_offset(&scene) == Some(held_at as u64));
            assert_eq!((numbers(&scene, "good"), scene.kafka().end_offset("bad")), (others.to_vec(), 0));
            if restarts {
                sidecar.kill();
                scene.kafka().topic_error("bad", NONE);
                scene.run_to_end(settings);
                let mut good = numbers(&scene, "good");
                good.dedup();
                assert_eq!(good, others);
            } else {
                scene.kafka().topic_error("bad", NONE);
                wait_until("what had to wait", PATIENCE, || scene.kafka().end_offset("bad") == 1);
                sidecar.drain(PATIENCE);
                assert_eq!(numbers(&scene, "good"), others, "nothing is sent twice");
            }
            assert_eq!(numbers(&scene, "bad"), [refused]);
        }
    }
}

/// Goal: a record in the middle of another one is no reason to wait longer than the timeout for either.
#[test]
fn an_open_record_holds_the_other_stream_up_for_the_timeout_only() {
    let scene = Scene::new();
    let settings = scene.settings().with("LOGSKIFF_PARSE", "auto").with("LOGSKIFF_MULTILINE_TIMEOUT", "200ms");
    scene.append_log("app.log", cri(0, Stderr, "F", "Traceback (most recent call last):"));
    let sidecar = scene.start(&settings);
    let mut ms = 0;
    // The file never rests.
    wait_until("the first record", PATIENCE, || {
        ms += 50;
        scene.append_log("app.log", cri(ms, Stdout, "F", &format!("{{\"at\":{ms}}}")));
        scene.kafka().end_offset(crate::support::scene::TOPIC) > 1
    });
    sidecar.drain(PATIENCE);
    let records = scene.records();
    assert_eq!(records[0]["log.flags"], json!(["multiline", "truncated"]));
    assert!(records[1..].iter().all(|record| record["log.iostream"] == json!("stdout")), "{records:?}");
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts
}

/// The records of a container's file that lies there whole: stream and message.
fn whole(log: &str) -> Vec<String> {
    let scene = Scene::new();
    scene.ship_with(log, &[("LOGSKIFF_REDACT", "none")]).iter().map(text).collect()
}

fn text(record: &Value) -> String {
    format!("{} {}", record["log.iostream"].as_str().unwrap(), record["message"].as_str().unwrap_or_default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..ProptestConfig::default() })]

    /// Goal: however two streams print, and whenever the program is killed or the file rotated, the records are those of each stream
    /// alone.
    #[test]
    fn kills_and_rotations_change_no_record_of_two_streams(
        of_stdout in prop::sample::select(vec!["go", "node"]),
        of_stderr in prop::sample::select(vec!["java", "python"]),
        file in any::<prop::sample::Index>(),
        turns in prop::collection::vec(1..6_usize, 1..20),
        part in 20..200_usize,
        sizes in prop::collection::vec(1..4096_usize, 3..12),
        kills in prop::collection::vec(any::<bool>(), 12),
    ) {
        let halves = |runtime: &str| {
            let corpora = corpus(runtime);
            let events = events(&file.get(&corpora).1);
            let (first, second) = events.split_at(events.len() / 2);
            [first.concat(), second.concat()]
        };
        let (stdout, stderr) = (halves(of_stdout), halves(of_stderr));
        let both = |at: usize| interleave(&stdout[at], &stderr[at], &turns, part, &[0]);
        let alone = |at: usize| [whole(&interleave(&stdout[at], "", &[1], 9999, &[0])), whole(&interleave("", &stderr[at], &[1], 9999, &[0]))].concat();
        let scene = Scene::new();
        let settings = scene.settings().with("LOGSKIFF_PARSE", "auto").with("LOGSKIFF_REDACT", "none").with("LOGSKIFF_MULTILINE_TIMEOUT", "20s");
        let mut sidecar = scene.start(&settings);
        let (mut kills, mut sizes) = (kills.into_iter().cycle(), sizes.into_iter().cycle());
        for at in [0, 1] {
            sidecar = write_with_kills(&scene, &settings, sidecar, &both(at), &mut sizes, &mut kills);
            if at == 0 {
                fs::rename(scene.log("app.log"), scene.log("app.log.1")).unwrap();
            }
        }
        sidecar.kill();
        scene.run_to_end(settings);
        let mut records: BTreeMap<String, String> = BTreeMap::new();
        for record in scene.records() {
            let id = record["event.id"].as_str().unwrap().to_owned();
            let known = records.entry(id).or_insert_with(|| text(&record));
            prop_assert_eq!(&*known, &text(&record), "two records of one id");
        }
        prop_assert_eq!(sorted(records.into_values().collect()), sorted([alone(0), alone(1)].concat()));
    }
}

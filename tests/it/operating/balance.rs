//! The byte accounting under chaos: at every scrape, for each input, read = acknowledged + dropped + pending.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE as TOO_LARGE;
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED as FORBIDDEN;
use serde_json::Value;

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::{Random, http, wait_until};

/// The sum of a family's samples with all of these labels.
fn sum(samples: &BTreeMap<String, f64>, family: &str, labels: &[&str]) -> f64 {
    let of = |name: &str| name == family || name.strip_prefix(family).is_some_and(|rest| rest.starts_with('{'));
    let chosen = samples.iter().filter(|(name, _)| of(name) && labels.iter().all(|label| name.contains(label)));
    chosen.map(|(_, value)| *value).sum()
}

#[track_caller]
fn check(samples: &BTreeMap<String, f64>, before: &mut BTreeMap<String, f64>) {
    for input in ["input=\"plain\"", "input=\"json\""] {
        for unit in ["bytes", "records"] {
            let of = |what: &str| sum(samples, &format!("logskiff_{what}"), &[input]);
            let read = of(&format!("read_{unit}_total"));
            let (acknowledged, dropped) =
                (of(&format!("acknowledged_{unit}_total")), of(&format!("dropped_{unit}_total")));
            let pending = of(&format!("pending_{unit}"));
            let balance = acknowledged + dropped + pending;
            assert!((read - balance).abs() < 0.5, "{input} {unit}: {read} = {acknowledged} + {dropped} + {pending}");
        }
    }
    for (name, value) in samples.iter().filter(|(name, _)| name.contains("_total")) {
        let former = before.get(name).copied().unwrap_or(0.0);
        assert!(*value >= former, "{name} fell from {former} to {value}");
    }
    before.clone_from(samples);
}

fn garbage(random: &mut Random, plain: bool) -> String {
    match random.between(0, 12) {
        0 => "\n".to_owned(),
        1 => "\0\0\0\0\0\0\n".to_owned(),
        2 => format!("{}\n", "long ".repeat(600)),
        3 if !plain => "{\"cut\": \n".to_owned(),
        4 => "no newline yet".to_owned(),
        _ if plain => format!("line {} token=s3cr3t-{}\n", random.roll(), random.roll()),
        _ => format!("{{\"level\":\"info\",\"n\":{}}}\n", random.roll()),
    }
}

/// Whether a file exists, and its last line is complete.
fn is_whole(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.ends_with(b"\n"))
}

/// The file is replaced by one with the same content, copied without truncation, truncated to its middle, or appended
/// to a rotated one. Returns how many of its bytes may be read again.
fn disturb(scene: &Scene, path: &str, how: u64, step: u32) -> u64 {
    let file = scene.path(path);
    let Ok(length) = fs::metadata(&file).map(|metadata| metadata.len()) else { return 0 };
    match how {
        0 => {
            let aside = scene.path("aside");
            fs::copy(&file, &aside).unwrap();
            fs::rename(aside, file).unwrap();
            0
        }
        1 => {
            fs::File::options().write(true).open(file).unwrap().set_len(length / 2).unwrap();
            length / 2
        }
        // Half a line in a file of its own would wait for its end forever.
        _ if !is_whole(&file) => 0,
        2 => {
            fs::copy(&file, scene.path(&format!("{path}.{step}"))).unwrap();
            length
        }
        _ => {
            scene.append(&format!("{path}.1"), fs::read(&file).unwrap());
            fs::File::options().write(true).truncate(true).open(file).unwrap();
            length
        }
    }
}

/// Goal: whatever the files and the broker do, the byte accounting balances at every moment, and at the end nothing is
/// pending.
#[test]
fn the_balance_holds_under_chaos() {
    let scene = Scene::new();
    let seed = 20_261_124;
    let mut random = Random::new(seed);
    let at = |name: &str| scene.path(name).display().to_string();
    let settings = scene
        .observed()
        .without("LOGSKIFF_PATHS")
        .with("LOGSKIFF_INPUT_PLAIN_PATHS", &at("logs/plain.log*"))
        .with("LOGSKIFF_INPUT_JSON_PATHS", &at("logs/json.log*"))
        .with("LOGSKIFF_INPUT_JSON_PARSE", "json")
        .with("LOGSKIFF_PARSE_ON_ERROR", "drop")
        .with("LOGSKIFF_LINE_BYTES_MAX", "1KiB")
        .with("LOGSKIFF_IN_FLIGHT_BYTES", "64KiB")
        .with("LOGSKIFF_BATCH_BYTES", "4KiB")
        .with("LOGSKIFF_LINGER", "5ms");
    let sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    let (mut before, mut written, mut again, mut down) = (BTreeMap::new(), 0, 0, false);
    for step in 0..300 {
        let name = if random.between(0, 2) == 0 { "plain" } else { "json" };
        let path = format!("logs/{name}.log");
        match random.between(0, 40) {
            0 => {
                let to = scene.path(&format!("{path}.{step}"));
                if fs::rename(scene.path(&path), &to).is_ok() && random.between(0, 2) == 0 {
                    fs::remove_file(to).unwrap();
                }
            }
            1 => _ = fs::File::options().write(true).truncate(true).open(scene.path(&path)),
            2 => scene.kafka().fate_of_requests(&[FORBIDDEN, FORBIDDEN]),
            3 if step > 100 => scene.kafka().fate_of_requests(&[TOO_LARGE]),
            4 if !down => {
                scene.kafka().down();
                down = true;
            }
            10..=13 => again += disturb(&scene, &path, random.between(0, 4), step),
            5..=9 if down => {
                scene.kafka().up();
                down = false;
            }
            _ => {
                for _ in 0..random.between(1, 60) {
                    let line = garbage(&mut random, name == "plain");
                    written += line.len();
                    scene.append(&path, line);
                }
            }
        }
        let samples = http::scrape(&address).expect("an answer");
        check(&samples, &mut before);
        sleep(Duration::from_millis(random.between(0, 20)));
    }
    // The faults end: unused refusals would meet retries with longer and longer intervals.
    scene.kafka().up();
    scene.kafka().fate_of_requests(&[]);
    scene.append_log("plain.log", "\nlast\n");
    scene.append_log("json.log", "\n{}\n");
    // Refused records are retried at least every 30 s.
    wait_until("everything to be settled", 2 * PATIENCE, || {
        let samples = http::scrape(&address).expect("an answer");
        check(&samples, &mut before);
        sum(&samples, "logskiff_lag_bytes", &[]) == 0.0
    });
    assert!(
        before["logskiff_rewinds_total"] > 0.0 && before["logskiff_truncations_total"] > 0.0,
        "seed {seed}: no chaos"
    );
    for reason in ["blank", "truncated", "nul_padding", "parse"] {
        let dropped = sum(&before, "logskiff_dropped_bytes_total", &[&format!("reason=\"{reason}\"")]);
        assert!(dropped > 0.0, "seed {seed}: nothing was dropped as {reason}");
    }
    let (_, ledger) = http::get(&address, "/ledger").expect("an answer");
    let ledger: Value = serde_json::from_str(&ledger).unwrap();
    let total = |name: &str| ledger["totals"][name].as_u64().unwrap();
    assert_eq!(total("read_bytes"), total("acknowledged_bytes") + total("dropped_bytes"));
    // Bytes that a truncation removed before they were read are reported as lost, once no copy of them has appeared.
    #[allow(clippy::cast_precision_loss, reason = "a few megabytes")]
    let (read, written, again) = (total("read_bytes") as f64, written as f64 + 13.0, again as f64);
    wait_until("a report of the lost bytes", PATIENCE, || {
        let samples = http::scrape(&address).expect("an answer");
        // Bytes that were read and have disappeared since count as lost, too.
        let gone = sum(&samples, "logskiff_dropped_bytes_total", &["reason=\"file_lost\""]);
        let known = read - gone + samples["logskiff_lost_bytes_total"];
        // If a truncation coincides with a rewind, acknowledged bytes after a gap are reported as lost too: the figure
        // serves as an alarm.
        assert!(known <= 1.1 * (written + again), "seed {seed}: {known} known of {written} written, {again} again");
        known > 0.9 * written
    });
    sidecar.drain(PATIENCE);
    let message = scene.termination_message();
    assert!(message.contains("+ pending 0; left 0 B"), "{message}");
}

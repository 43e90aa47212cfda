//! `/ledger` and `logskiff status` report why a file is held, skipped or refused.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED as FORBIDDEN;
use serde_json::Value;

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::{http, wait_until};

fn ledger(address: &str) -> Value {
    let (_, text) = http::get(address, "/ledger").expect("an answer");
    serde_json::from_str(&text).unwrap()
}

/// The word and the reason of an open file with this name and state.
fn held(address: &str, name: &str, state: &str) -> Option<(String, String)> {
    let ledger = ledger(address);
    let is = |file: &&Value| file["state"] == state && file["path"].as_str().unwrap().ends_with(name);
    let file = ledger["files"].as_array().unwrap().iter().find(is)?;
    Some((file["held"].as_str()?.to_owned(), file["reason"].as_str()?.to_owned()))
}

#[track_caller]
fn wait_for(address: &str, (name, state): (&str, &str), word: &str, why: &str) {
    let mut last = None;
    wait_until(&format!("{name} to be {state}, {word}: {why}"), PATIENCE, || {
        last = held(address, name, state);
        last.as_ref().is_some_and(|(held, reason)| held == word && reason.contains(why))
    });
}

#[test]
fn the_ledger_shows_reasons() {
    let scene = Scene::new();
    scene.append_log("app.log", "one\ntwo");
    scene.append_log("app.log.mapped", "one\n\0\0\0\0");
    scene.append_log("app.log.zst", "packed");
    symlink("/etc/passwd", scene.path("logs/app.log.link")).unwrap();
    let settings = scene.observed();
    let sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    wait_for(&address, ("app.log", "live"), "partial", "no newline");
    wait_for(&address, ("app.log.mapped", "live"), "zeros", "may still fill");
    let not_read = &ledger(&address)["not_read"];
    assert_eq!((&not_read["held"], &not_read["skipped"], &not_read["refused"]), (&0.into(), &1.into(), &1.into()));
    let why = |name: &str| {
        let files = not_read["files"].as_array().unwrap();
        let file = files.iter().find(|file| file["path"].as_str().unwrap().ends_with(name)).unwrap();
        (file["state"].as_str().unwrap().to_owned(), file["reason"].as_str().unwrap().to_owned())
    };
    let (skipped, refused) = (why("app.log.zst"), why("app.log.link"));
    assert!(skipped.0 == "skipped" && skipped.1.contains("not with gzip"), "{skipped:?}");
    assert!(refused.0 == "refused" && refused.1.contains("symbolic link"), "{refused:?}");
    let mut status = settings.with("LOGSKIFF_HTTP_LISTEN", &address).command();
    let table = String::from_utf8(status.arg("status").output().unwrap().stdout).unwrap();
    for expected in ["REASON", "no newline", "not with gzip", "symbolic link"] {
        assert!(table.contains(expected), "no {expected:?} in\n{table}");
    }

    scene.kafka().down();
    let mut writer = fs::OpenOptions::new().append(true).open(scene.log("app.log")).unwrap();
    scene.append_log("app.log", " and\nthree\n");
    fs::rename(scene.path("logs/app.log"), scene.path("logs/app.log.1")).unwrap();
    fs::remove_file(scene.path("logs/app.log.1")).unwrap();
    wait_for(&address, ("app.log", "deleted"), "pending", "it is read to its end but not fully acknowledged");
    scene.kafka().up();
    // A deleted file may grow for 10 s after a write. On a busy machine the acknowledgement may come later than that.
    let mut written_at = Instant::now();
    wait_until("the deleted file to be acknowledged", PATIENCE, || {
        if written_at.elapsed() > Duration::from_secs(3) {
            written_at = Instant::now();
            writer.write_all(b"late\n").unwrap();
        }
        let state = held(&address, "app.log", "deleted");
        state.is_some_and(|(held, reason)| held == "may grow" && reason.contains("fully acknowledged"))
    });
    scene.kafka().fate_of_requests(&[FORBIDDEN; 1_000]);
    scene.append_log("app.log", "four\n");
    wait_for(&address, ("app.log", "live"), "refused", "logskiff retries");
    scene.kafka().fate_of_requests(&[]);
    scene.append_log("app.log", "five\n");
    sidecar.drain(PATIENCE);
}

/// Goal: the number of files does not increase the answer's length without limit.
#[test]
fn some_of_many_files_are_listed_and_all_are_counted() {
    let scene = Scene::new();
    for number in 0..300 {
        symlink("/etc/passwd", scene.path(&format!("logs/app.log.{number}"))).unwrap();
    }
    let sidecar = scene.start(&scene.observed());
    let address = http::address(&sidecar);
    wait_until("the first look", PATIENCE, || ledger(&address)["not_read"]["refused"] == 300);
    let not_read = &ledger(&address)["not_read"];
    assert_eq!((not_read["files"].as_array().unwrap().len(), &not_read["left_out"]), (100, &200.into()));
    sidecar.drain(PATIENCE);
}

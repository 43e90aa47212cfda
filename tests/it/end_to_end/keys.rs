//! Private keys that are being written while their file rotates, and markers that somebody else writes.

use std::fs::{self, OpenOptions};
use std::io::Write;

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::wait_until;

const BEGIN: &str = "-----BEGIN RSA PRIVATE KEY-----";
const END: &str = "-----END RSA PRIVATE KEY-----";

/// Invented body lines of a key, by number.
fn body(number: usize) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..64).map(|at| char::from(letters[(at * 37 + number * 11 + at * at) % 64])).collect()
}

/// The first half of a key after a line, and its second half before one; the rotation splits a line.
fn halves() -> (String, String) {
    let (cut, rest) = (body(3), body(4));
    let first = format!("before\n{BEGIN}\n{}\n{}\n{}", body(0), body(1), &cut[..30]);
    let second = format!("{}\n{rest}\n{}\n{END}\nafter\n", &cut[30..], body(5));
    (first, second)
}

fn append(scene: &Scene, name: &str, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(scene.path(name)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn messages(scene: &Scene) -> Vec<String> {
    scene.records().iter().map(|record| record["message"].as_str().expect("a message").to_owned()).collect()
}

/// Checks that the lines around the key arrived, and nothing of its body.
#[track_caller]
fn check(scene: &Scene) {
    let messages = messages(scene);
    for line in ["before", "after"] {
        assert!(messages.iter().any(|message| message == line), "{line} is missing in {messages:?}");
    }
    for number in [0, 1, 4, 5] {
        let body = body(number);
        let left = messages.iter().find(|message| message.contains(&body[..20]) || message.contains(&body[44..]));
        assert_eq!(left, None, "of line {number} of the body something left");
    }
}

fn wait_for(scene: &Scene, line: &str) {
    wait_until(line, PATIENCE, || messages(scene).iter().any(|message| message == line));
}

fn settings(scene: &Scene) -> Settings {
    scene.settings().with("LOGSKIFF_PATHS", &scene.path("logs/app.log").display().to_string())
}

fn end(mut sidecar: Sidecar) {
    sidecar.terminate();
    assert!(sidecar.wait(PATIENCE).0.success());
}

/// A scene in which the first half was written and is being read.
fn half_read(first: &str) -> (Scene, Sidecar) {
    let scene = Scene::new();
    append(&scene, "logs/app.log", first);
    let sidecar = scene.start(&settings(&scene));
    wait_for(&scene, "before");
    (scene, sidecar)
}

#[test]
fn a_key_continues_in_the_file_after_a_rename() {
    let (first, second) = halves();
    let (scene, sidecar) = half_read(&first);
    fs::rename(scene.path("logs/app.log"), scene.path("logs/app.log.1")).unwrap();
    append(&scene, "logs/app.log", &second);
    wait_for(&scene, "after");
    end(sidecar);
    check(&scene);
}

#[test]
fn a_key_continues_in_a_file_that_was_copied_and_truncated() {
    let (first, second) = halves();
    let (scene, sidecar) = half_read(&format!("{first}\n"));
    wait_until("the key's first lines", PATIENCE, || messages(&scene).len() >= 4);
    fs::copy(scene.path("logs/app.log"), scene.path("logs/app.log.1")).unwrap();
    OpenOptions::new().write(true).open(scene.path("logs/app.log")).unwrap().set_len(0).unwrap();
    append(&scene, "logs/app.log", &second);
    wait_for(&scene, "after");
    end(sidecar);
    check(&scene);
}

#[test]
fn a_key_continues_in_the_file_after_an_unseen_rename() {
    let scene = Scene::new();
    let (first, second) = halves();
    // A file that was read to its end, and one that was not.
    for (name, line_end) in [("logs/app.log", "\n"), ("logs/web.log", "")] {
        append(&scene, name, &format!("{name}\n{first}{line_end}"));
    }
    let both = scene.path("logs/*.log").display().to_string();
    let settings = settings(&scene).with("LOGSKIFF_PATHS", &both);
    let sidecar = scene.start(&settings);
    wait_until("both files", PATIENCE, || messages(&scene).iter().filter(|message| *message == "before").count() == 2);
    end(sidecar);
    for name in ["logs/app.log", "logs/web.log"] {
        fs::rename(scene.path(name), scene.path(&format!("{name}.1"))).unwrap();
        append(&scene, name, &format!("{second}{name}\n"));
    }
    let sidecar = scene.start(&settings);
    wait_until("both files", PATIENCE, || messages(&scene).iter().filter(|message| *message == "after").count() == 2);
    end(sidecar);
    check(&scene);
}

/// Goal: a restart inside the second half, which has no BEGIN line, recognizes the key of the previous file.
#[test]
fn a_restart_inside_the_second_half_changes_nothing() {
    let (first, second) = halves();
    let (scene, sidecar) = half_read(&first);
    fs::rename(scene.path("logs/app.log"), scene.path("logs/app.log.1")).unwrap();
    let (begun, rest) = second.split_at(36 + body(4).len());
    append(&scene, "logs/app.log", begun);
    wait_until("the second half's beginning", PATIENCE, || messages(&scene).len() >= 5);
    end(sidecar);
    append(&scene, "logs/app.log", rest);
    let sidecar = scene.start(&settings(&scene));
    wait_for(&scene, "after");
    end(sidecar);
    check(&scene);
}

/// Goal: a client that sends a marker to an application hides no line of its log, and of its own line only the marker.
#[test]
fn a_marker_in_a_request_hides_no_lines() {
    let scene = Scene::new();
    let access = |path: &str| {
        format!("10.0.0.1 - - [23/Nov/2026:21:15:51 +0000] \"GET {path} HTTP/1.1\" 200 512 \"-\" \"curl/8.9.1\"")
    };
    let marked = access("/-----BEGIN%20PRIVATE%20KEY-----");
    let lines: Vec<String> = (0..50).map(|number| access(&format!("/order/{number}"))).collect();
    let records = scene.ship_with(format!("{marked}\n{}\n", lines.join("\n")), &[("LOGSKIFF_PARSE", "none")]);
    let messages: Vec<_> = records.iter().map(|record| record["message"].as_str().unwrap()).collect();
    assert_eq!(messages[0], access("/<redacted:private_key>"));
    assert_eq!(messages[1..], lines.iter().map(String::as_str).collect::<Vec<_>>());
}

//! `logskiff health` and `logskiff status` with a running sidecar, and with servers that only look like one.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::PATIENCE;
use crate::support::scene::{Scene, TOPIC};
use crate::support::{http, wait_until};

fn run(scene: &Scene, listen: &str, arguments: &[&str]) -> Output {
    let settings = scene.observed().with("LOGSKIFF_HTTP_LISTEN", listen);
    let command: Command = settings.command();
    let mut asked = Command::new(command.get_program());
    // Other mistakes in the environment do not matter for a probe.
    asked.env_clear().env("LOGSKIFF_HTTP_LISTEN", listen).env("LOGSKIFF_LINGER", "wrong");
    asked.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_running_sidecar_is_healthy_and_shows_its_ledger() {
    let scene = Scene::new();
    scene.append_log("app.log", "one\ntwo\n");
    let sidecar = scene.start(&scene.observed());
    let address = http::address(&sidecar);
    wait_until("the lines", PATIENCE, || scene.kafka().end_offset(TOPIC) == 2);
    wait_until("readiness", PATIENCE, || run(&scene, &address, &["health", "--ready"]).status.success());
    let health = run(&scene, &address, &["health"]);
    assert!(health.status.success() && health.stdout.is_empty() && health.stderr.is_empty(), "{health:?}");
    let json: Value = serde_json::from_slice(&run(&scene, &address, &["status", "--json"]).stdout).unwrap();
    assert_eq!(json["totals"]["acknowledged_records"], 2);
}

/// Goal: if nothing answers, each file's state comes from the checkpoint and from the present files.
#[test]
fn the_checkpoint_is_shown_if_nothing_answers() {
    let scene = Scene::new();
    scene.append_log("app.log", "one\ntwo\n");
    let mut sidecar = scene.start(&scene.observed());
    let address = http::address(&sidecar);
    wait_until("the lines", PATIENCE, || scene.kafka().end_offset(TOPIC) == 2);
    sidecar.terminate();
    assert!(sidecar.wait(PATIENCE).0.success());
    scene.append_log("app.log", "three\n");
    let command = |arguments: &[&str]| {
        let settings = scene.observed().with("LOGSKIFF_HTTP_LISTEN", &address);
        let output = settings.command().arg("status").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    std::fs::rename(scene.path("logs/app.log"), scene.path("logs/app.log.1")).unwrap();
    let json: Value = serde_json::from_str(&command(&["--json"])).unwrap();
    let file = &json["files"][0];
    assert_eq!((file["state"].as_str(), file["held"].as_str()), (Some("rotated"), Some("unread")), "{json}");
    assert_eq!((file["size_bytes"].as_u64(), file["watermark_bytes"].as_u64()), (Some(14), Some(8)));
    let without = scene.observed().with("LOGSKIFF_HTTP_LISTEN", &address).with("LOGSKIFF_STATE_DIR", "none");
    let output = without.command().arg("status").output().unwrap();
    assert!(!output.status.success() && text(&output.stderr).contains("keeps no checkpoint"));
}

/// Answers one connection with `answer` and keeps it open for `open`.
fn answering(answer: &'static str, open: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        _ = stream.read(&mut [0; 1024]);
        _ = stream.write_all(answer.as_bytes());
        thread::sleep(open);
    });
    address
}

#[test]
fn failures_are_reported_in_one_line() {
    let scene = Scene::new();
    let cases = [
        (
            "HTTP/1.1 503 x\r\n\r\nthe shipper has not turned for 40 s\n",
            0,
            "/livez returned 503: the shipper has not turned for 40 s",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", 0, "the answer is not HTTP"),
        ("", 0, "the answer is not HTTP"),
        ("HTTP/1.1 200 OK\r\n", 10, "no complete answer within 2 s"),
    ];
    for (answer, open_seconds, expected) in cases {
        let address = answering(answer, Duration::from_secs(open_seconds));
        let start = Instant::now();
        let health = run(&scene, &address, &["health"]);
        let printed = text(&health.stderr);
        assert_eq!(health.status.code(), Some(1), "{printed}");
        assert!(printed.contains(expected) && printed.lines().count() == 1, "{printed}");
        assert!(start.elapsed() < Duration::from_secs(6));
    }
    for (listen, code, expected) in [
        ("127.0.0.1:1", 1, "no answer from 127.0.0.1:1/livez"),
        ("off", 1, "LOGSKIFF_HTTP_LISTEN is off"),
        ("nonsense", 78, "LOGSKIFF_HTTP_LISTEN: \"nonsense\" is not an IP address with a port"),
    ] {
        let health = run(&scene, listen, &["health"]);
        let printed = text(&health.stderr);
        assert!(health.status.code() == Some(code) && printed.contains(expected), "{printed}");
    }
}

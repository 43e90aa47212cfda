//! HTTP requests of probes and people.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::PATIENCE;
use crate::support::scene::{Scene, TOPIC};
use crate::support::{http, wait_until};

/// Goal: ready once the broker was reached; a later outage does not make the application's pod unready.
#[test]
fn it_is_ready_once_the_broker_was_reached_and_stays_so() {
    let scene = Scene::new();
    scene.kafka().down();
    let sidecar = scene.start(&scene.observed());
    let address = http::address(&sidecar);
    assert_eq!(http::get(&address, "/livez"), Some((200, "ok\n".into())));
    assert_eq!(http::get(&address, "/readyz"), Some((503, "not reached yet: kafka\n".into())));
    scene.kafka().up();
    wait_until("readiness without a single line", PATIENCE, || http::get(&address, "/readyz").unwrap().0 == 200);
    assert!((http::scrape(&address).unwrap()["logskiff_output_connected{output=\"kafka\"}"] - 1.0).abs() < 0.1);
    scene.kafka().down();
    scene.append_log("app.log", "line\n");
    let connected = "logskiff_output_connected{output=\"kafka\"}";
    wait_until("the outage to be seen", PATIENCE, || http::scrape(&address).unwrap()[connected] < 0.5);
    assert_eq!(http::get(&address, "/readyz"), Some((200, "ok\n".into())));
    assert_eq!(http::get(&address, "/livez"), Some((200, "ok\n".into())));
    let samples = http::scrape(&address).unwrap();
    assert!(samples["logskiff_output_errors_total{output=\"kafka\",kind=\"connect\"}"] > 0.0);
    let lag = "logskiff_lag_seconds{input=\"default\"}";
    wait_until("the lag to grow", PATIENCE, || http::scrape(&address).unwrap()[lag] > 0.5);
    scene.kafka().up();
    wait_until("the lag to be gone", PATIENCE, || http::scrape(&address).unwrap()[lag] == 0.0);
    let latency = http::scrape(&address).unwrap();
    let slow = latency["logskiff_delivery_latency_seconds_count"]
        - latency["logskiff_delivery_latency_seconds_bucket{le=\"0.5\"}"];
    assert!((slow - 1.0).abs() < 0.1, "the latency of the one line includes the outage");
}

/// Goal: whatever the port receives, lines are shipped and the next request is answered.
#[test]
fn invalid_requests_have_no_effect() {
    let scene = Scene::new();
    let sidecar = scene.start(&scene.observed());
    let address = http::address(&sidecar);
    let huge = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    for request in ["\0\0\0garbage\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", huge.as_str()] {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
    scene.append_log("app.log", "line\n");
    wait_until("the line", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    assert_eq!(http::get(&address, "/nowhere").map(|(status, _)| status), Some(404));
    sidecar.drain(PATIENCE);
}

/// Goal: clients that never send a complete request make room for one that does, however many they are.
#[test]
fn idle_connections_fail_no_probe() {
    let scene = Scene::new();
    let sidecar = scene.start(&scene.observed());
    let address = http::address(&sidecar);
    let connect = |request: &[u8]| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(request).unwrap();
        stream
    };
    for request in [&b""[..], b"GET /livez HTTP/1.1\r\nX: ", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut kept: Vec<TcpStream> = (0..100).map(|_| connect(request)).collect();
        let start = Instant::now();
        assert_eq!(http::get(&address, "/livez").map(|(status, _)| status), Some(200));
        // Heads may take 5 s: there was no wait.
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        // The newest silent connections were not closed for it.
        let last = kept.last_mut().unwrap();
        last.set_nonblocking(true).unwrap();
        let read = last.read(&mut [0; 1]);
        assert!(!matches!(read, Ok(0)), "{read:?}");
    }
    sidecar.drain(PATIENCE);
}

/// Goal: an address in use does not prevent shipping, and is bound once it is free.
#[test]
fn a_port_in_use_is_reported_and_retried() {
    let scene = Scene::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let sidecar = scene.start(&scene.observed().with("LOGSKIFF_HTTP_LISTEN", &address));
    scene.append_log("app.log", "line\n");
    wait_until("the line", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    assert_eq!(sidecar.stderr().matches("cannot bind LOGSKIFF_HTTP_LISTEN").count(), 1);
    drop(taken);
    wait_until("an answer", PATIENCE, || http::get(&address, "/livez").is_some_and(|(status, _)| status == 200));
}

/// Goal: no endpoint shows the content of a line or a file's name.
#[test]
fn no_content_is_shown() {
    let scene = Scene::new();
    let sidecar = scene.start(&scene.observed());
    let address = http::address(&sidecar);
    scene.append_log("app.log.token=hunter2", "password=hunter2 canary-content\n");
    wait_until("the line", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    for path in ["/metrics", "/ledger"] {
        let (_, text) = http::get(&address, path).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("canary"), "{path}: {text}");
    }
    let (_, ledger) = http::get(&address, "/ledger").unwrap();
    assert!(ledger.contains("<redacted:"), "the file is named as it may be shown: {ledger}");
}

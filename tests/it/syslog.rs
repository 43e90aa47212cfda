//! The syslog output as a whole process, with the test's own sockets, which break connections at exact bytes.

mod connections;
mod refusals;
mod relp;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::Duration;

use crate::support::lines::{text, write_all};
use crate::support::scene::Scene;
use crate::support::sidecar::Settings;
use crate::support::{http, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
const LINES: u64 = 5_000;

fn settings(scene: &Scene, address: &str) -> Settings {
    Settings::syslog(scene.folder(), address).with("LOGSKIFF_SYSLOG_BOM", "off").with("LOGSKIFF_EXIT", "eof")
}

/// The complete messages of an octet-counted stream; an incomplete one at the end is ignored.
fn messages(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(space) = stream.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(&stream[..space]).expect("a length").parse().expect("a length");
        let Some(message) = stream.get(space + 1..space + 1 + length) else { break };
        messages.push(message.to_vec());
        stream = &stream[space + 1 + length..];
    }
    messages
}

/// The number of a line whose message ends like the line.
#[track_caller]
fn number(message: &[u8]) -> u64 {
    let message = std::str::from_utf8(message).expect("UTF-8");
    let (_, line) = message.split_once("] seq=").expect("a line after the structured data");
    let seq = line.split(' ').next().and_then(|seq| seq.parse().ok()).expect("a number");
    assert_eq!(format!("seq={line}"), text(seq));
    seq
}

/// Reads until the peer closes, or this many bytes.
fn read(peer: &mut impl Read, bytes_max: usize) -> Vec<u8> {
    let (mut stream, mut buffer) = (Vec::new(), [0; 4096]);
    while stream.len() < bytes_max {
        match peer.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(bytes) => stream.extend_from_slice(&buffer[..bytes]),
        }
    }
    stream
}

/// Goal: broken connections during traffic lose nothing that the receiver had not read, and each connection begins with
/// a complete message. A Unix stream is confirmed up to the bytes that were read, so it can break anywhere.
#[test]
fn a_broken_connection_loses_nothing() {
    let scene = Scene::new();
    write_all(&scene.log("app.log"), 0, LINES);
    let path = scene.path("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    let mut sidecar = scene.start(&settings(&scene, &format!("unix://{}", path.display())));
    let mut arrived = vec![0_u32; usize::try_from(LINES).unwrap()];
    let mut note = |stream: &[u8]| {
        let numbers: Vec<u64> = messages(stream).iter().map(|message| number(message)).collect();
        assert!(numbers.is_sorted(), "a connection keeps the order");
        for seq in numbers {
            arrived[usize::try_from(seq).unwrap()] += 1;
        }
    };
    for cut in 1..=4_usize {
        let (mut peer, _) = listener.accept().expect("a connection");
        note(&read(&mut peer, cut * 40_000));
    }
    let (mut peer, _) = listener.accept().expect("a connection");
    note(&read(&mut peer, usize::MAX));
    assert!(sidecar.wait(PATIENCE).0.success());
    let lost = arrived.iter().filter(|count| **count == 0).count();
    assert_eq!(lost, 0, "of {LINES} lines");
    assert!(sidecar.stderr().contains("lost the connection to the syslog receiver"), "{}", sidecar.stderr());
}

/// Goal: records of a lost connection are read again, and their masks and parse failures are counted once.
#[test]
fn lines_read_again_are_counted_once() {
    const LINES: usize = 2_000;
    let scene = Scene::new();
    let lines = "token=s3cr3t-0123456789\ntoken=known-0123456789\n{\"password\":\"hunter2hunter2\"}\n".repeat(LINES);
    scene.write("logs/app.log", lines);
    let path = scene.path("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    let settings = settings(&scene, &format!("unix://{}", path.display()))
        .without("LOGSKIFF_EXIT")
        .with("LOGSKIFF_REDACT", "secrets")
        .with("LOGSKIFF_REDACT_ALLOW", "/known-\\d+/")
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0");
    let sidecar = scene.start(&settings);
    for cut in 1..=3_usize {
        let (mut peer, _) = listener.accept().expect("a connection");
        read(&mut peer, cut * 20_000);
    }
    let (mut peer, _) = listener.accept().expect("a connection");
    let reader = std::thread::spawn(move || read(&mut peer, usize::MAX));
    let address = http::address(&sidecar);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
    let sum = |name: &str| -> usize {
        let samples = http::scrape(&address).expect("an answer");
        samples.iter().filter(|(sample, _)| sample.starts_with(name)).map(|(_, value)| *value as usize).sum()
    };
    wait_until("every acknowledgement", PATIENCE, || sum("logskiff_pending_bytes") + sum("logskiff_unread_bytes") == 0);
    assert!(sum("logskiff_rewinds_total") >= 3);
    assert_eq!(sum("logskiff_redactions_total"), 2 * LINES);
    assert_eq!(sum("logskiff_redactions_allowed_total"), LINES);
    assert_eq!(sum("logskiff_parse_failures_total"), 2 * LINES);
    drop(sidecar);
    reader.join().expect("the reader");
}

/// Goal: a drain uses its time: when its connection is lost after more than half of it, records that had been read are
/// read again and arrive, and so do lines written by then.
#[test]
fn a_drain_continues_after_a_late_connection_loss() {
    const TIMEOUT: Duration = Duration::from_secs(12);
    let scene = Scene::new();
    let log = scene.log("app.log");
    write_all(&log, 0, LINES);
    let path = scene.path("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    let settings = settings(&scene, &format!("unix://{}", path.display()))
        .without("LOGSKIFF_EXIT")
        .with("LOGSKIFF_IN_FLIGHT_BYTES", "8MiB")
        .with("LOGSKIFF_EXIT_CODE", "strict")
        .with("LOGSKIFF_DRAIN_TIMEOUT", &format!("{}s", TIMEOUT.as_secs()));
    let mut sidecar = scene.start(&settings);
    let (mut stuck, _) = listener.accept().expect("a connection");
    let mut first = read(&mut stuck, 40_000);
    sidecar.terminate();
    wait_until("the drain", PATIENCE, || sidecar.stderr().contains("draining: reading"));
    // A receiver without any progress would be given up earlier.
    let start = std::time::Instant::now();
    while start.elapsed() < TIMEOUT / 2 + Duration::from_secs(1) {
        std::thread::sleep(Duration::from_millis(500));
        first.extend(read(&mut stuck, 32_000));
    }
    assert!(sidecar.is_running(), "it waits for the receiver");
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).expect("the log");
    file.write_all(format!("{}\n", text(LINES)).as_bytes()).expect("written");
    drop(stuck);
    listener.set_nonblocking(true).expect("a socket");
    let mut peer = None;
    wait_until("another connection", TIMEOUT, || {
        peer = listener.accept().ok().map(|(peer, _)| peer);
        peer.is_some()
    });
    let mut peer = peer.expect("a connection");
    peer.set_nonblocking(false).expect("a socket");
    let rest = read(&mut peer, usize::MAX);
    let (status, _) = sidecar.wait(PATIENCE);
    let numbers = |stream: &[u8]| messages(stream).iter().map(|message| number(message)).collect::<Vec<_>>();
    let (first, rest) = (numbers(&first), numbers(&rest));
    let all: Vec<u64> = (0..LINES).filter(|seq| first.contains(seq) || rest.contains(seq)).collect();
    assert_eq!(all.len() as u64, LINES, "all that had been read");
    assert_eq!(rest.last(), Some(&LINES), "and the line that was written late");
    assert!(status.success(), "nothing is left: {status}");
    let printed = sidecar.stderr();
    assert!(printed.contains("\"pending_bytes\":0"), "{printed}");
}

/// Goal: standard output as a second output gets the records too, and acknowledges nothing.
#[test]
fn two_outputs_get_every_line() {
    let scene = Scene::new();
    write_all(&scene.log("app.log"), 0, LINES);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("tcp://{}", listener.local_addr().expect("an address"));
    let both = settings(&scene, &address).with("LOGSKIFF_OUTPUT", "syslog,stdout");
    let mut sidecar = scene.start(&both);
    let (mut peer, _) = listener.accept().expect("a connection");
    let stream = read(&mut peer, usize::MAX);
    assert!(sidecar.wait(PATIENCE).0.success());
    let numbers: Vec<u64> = messages(&stream).iter().map(|message| number(message)).collect();
    assert_eq!(numbers, (0..LINES).collect::<Vec<_>>());
    assert_eq!(sidecar.stdout().lines().count() as u64, LINES);
}

/// Goal: one message per datagram; a framing, which is invalid there, is reported instead of being sent.
#[test]
fn datagrams_hold_one_message_each() {
    let scene = Scene::new();
    write_all(&scene.log("app.log"), 0, 200);
    let path = scene.path("socket");
    let receiver = UnixDatagram::bind(&path).expect("a socket");
    let settings = settings(&scene, &format!("unix://{}", path.display()));
    let framed = settings.clone().with("LOGSKIFF_SYSLOG_FRAMING", "newline").with("LOGSKIFF_DRAIN_TIMEOUT", "1s");
    let mut sidecar = scene.start(&framed);
    wait_until("the word", PATIENCE, || sidecar.stderr().contains("LOGSKIFF_SYSLOG_FRAMING is for streams"));
    sidecar.terminate();
    sidecar.wait(PATIENCE);
    let mut sidecar = scene.start(&settings);
    receiver.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    for seq in 0..200 {
        let mut message = vec![0; 4096];
        let bytes = receiver.recv(&mut message).expect("a datagram");
        assert_eq!(number(&message[..bytes]), seq);
    }
    assert!(sidecar.wait(PATIENCE).0.success());
}

/// Goal: a message that the socket can never accept is dropped and counted, and delays nothing.
#[test]
fn a_datagram_that_is_too_large_is_dropped() {
    let scene = Scene::new();
    let lines = format!("{}\n{}\n{}\n", text(0), "x".repeat(900_000), text(1));
    scene.write("logs/app.log", lines);
    let path = scene.path("socket");
    let receiver = UnixDatagram::bind(&path).expect("a socket");
    let settings = settings(&scene, &format!("unix://{}", path.display())).with("LOGSKIFF_SYSLOG_BYTES_MAX", "1MiB");
    let mut sidecar = scene.start(&settings);
    receiver.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    for seq in 0..2 {
        let mut message = vec![0; 4096];
        let bytes = receiver.recv(&mut message).expect("a datagram");
        assert_eq!(number(&message[..bytes]), seq);
    }
    assert!(sidecar.wait(PATIENCE).0.success());
    let printed = sidecar.stderr();
    assert!(printed.contains(r#""dropped_bytes":900001,"dropped_records":1,"pending_bytes":0"#), "{printed}");
}

/// Goal: a line that is too long arrives truncated, marked and counted, and the lines around it unchanged.
#[test]
fn a_long_line_is_truncated_and_marked() {
    let scene = Scene::new();
    let long = "ü".repeat(4_000);
    scene.write("logs/app.log", format!("{}\n{long}\n{}\n", text(0), text(1)));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("tcp://{}", listener.local_addr().expect("an address"));
    let small = settings(&scene, &address).with("LOGSKIFF_SYSLOG_BYTES_MAX", "1KiB");
    let mut sidecar = scene.start(&small);
    let (mut peer, _) = listener.accept().expect("a connection");
    let messages = messages(&read(&mut peer, usize::MAX));
    assert!(sidecar.wait(PATIENCE).0.success());
    assert_eq!((number(&messages[0]), number(&messages[2]), messages.len()), (0, 1, 3));
    let cut = std::str::from_utf8(&messages[1]).expect("cut between characters");
    assert!(cut.len() <= 1024 && cut.contains("flag=\"truncated\"") && cut.ends_with("ü [truncated]"), "{cut}");
    assert!(sidecar.stderr().contains("\"truncated_messages\":1"), "{}", sidecar.stderr());
}

/// Goal: a receiver that accepts nothing until the timeout is abandoned for the next address, with all messages that it
/// had not read.
#[test]
fn a_stalled_receiver_is_abandoned() {
    let scene = Scene::new();
    write_all(&scene.log("app.log"), 0, LINES);
    let paths = ["first", "second"].map(|name| scene.path(name));
    let [first, second] = [&paths[0], &paths[1]].map(|path| UnixListener::bind(path).expect("a socket"));
    let addresses = paths.map(|path| format!("unix://{}", path.display())).join(",");
    let settings = settings(&scene, &addresses).with("LOGSKIFF_SYSLOG_TIMEOUT", "1s");
    let mut sidecar = scene.start(&settings);
    let (_unread, _) = first.accept().expect("a connection");
    let (mut peer, _) = second.accept().expect("a connection");
    let stream = read(&mut peer, usize::MAX);
    assert!(sidecar.wait(PATIENCE).0.success());
    let numbers: Vec<u64> = messages(&stream).iter().map(|message| number(message)).collect();
    assert_eq!(numbers, (0..LINES).collect::<Vec<_>>());
    assert!(sidecar.stderr().contains("the receiver accepted or acknowledged nothing for 1s"), "{}", sidecar.stderr());
}

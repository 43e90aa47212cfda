//! When the syslog output connects, waits, and gives a connection up.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::relp::{Answer, Relp};
use super::{PATIENCE, messages};
use crate::support::scene::Scene;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{http, wait_until};

/// A connection that lasts longer, or has delivered something, was not refused.
const STABLE: Duration = Duration::from_millis(1_200);
/// A closed connection is made again after 2.5 to 7.5 s.
const LONGER_THAN_REOPENING: Duration = Duration::from_secs(8);

fn settings(scene: &Scene, address: &str) -> Settings {
    Settings::syslog(scene.folder(), address).with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
}

/// A metric, summed over its labels.
fn sum(sidecar: &Sidecar, name: &str) -> f64 {
    let samples = http::scrape(&http::address(sidecar)).expect("an answer");
    samples.iter().filter(|(sample, _)| sample.starts_with(name)).map(|(_, value)| value).sum()
}

#[track_caller]
fn check_no_fault(sidecar: &Sidecar) {
    let log = sidecar.stderr();
    let is_fault = |line: &str| line.contains("\"WARN\"") && line.contains("logskiff::sink");
    assert!(!log.lines().any(is_fault), "{log}");
    assert!(sum(sidecar, "logskiff_output_errors_total") < 0.5, "an error is counted");
    assert!(sum(sidecar, "logskiff_output_connected") > 0.5, "the metric says that there is no connection");
}

/// The next connection, if one comes within this time.
fn accept(listener: &TcpListener, within: Duration) -> Option<TcpStream> {
    listener.set_nonblocking(true).expect("a socket");
    let start = Instant::now();
    while start.elapsed() < within {
        match listener.accept() {
            Ok((peer, _)) => {
                peer.set_nonblocking(false).expect("a socket");
                peer.set_read_timeout(Some(PATIENCE)).expect("a socket");
                return Some(peer);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        sleep(Duration::from_millis(10));
    }
    None
}

/// Reads until a message that ends with the line is there.
#[track_caller]
fn read_line(peer: &mut TcpStream, line: &str) {
    let (mut stream, mut buffer) = (Vec::new(), [0; 4096]);
    while !messages(&stream).iter().any(|message| message.ends_with(format!("] {line}").as_bytes())) {
        let bytes = peer.read(&mut buffer).expect("bytes");
        assert!(bytes > 0, "closed before {line} came");
        stream.extend_from_slice(&buffer[..bytes]);
    }
}

/// Goal: a receiver or a balancer that closes idle connections is no fault. A connection that was of use is made again once,
/// after a while; one that was not, only when there is something to send.
#[test]
fn a_closed_idle_connection_is_made_again_when_needed() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("tcp://{}", listener.local_addr().expect("an address"));
    let sidecar = scene.start(&settings(&scene, &address));
    let close = |peer: TcpStream| {
        // The acknowledgement of the last bytes is seen within a moment.
        sleep(STABLE);
        drop(peer);
    };
    close(accept(&listener, PATIENCE).expect("a connection"));
    assert!(accept(&listener, LONGER_THAN_REOPENING).is_none(), "connected without anything to send");
    scene.append("logs/app.log", "line 1\n");
    let mut peer = accept(&listener, PATIENCE).expect("a connection");
    read_line(&mut peer, "line 1");
    close(peer);
    assert!(accept(&listener, Duration::from_secs(2)).is_none(), "connected at once");
    close(accept(&listener, LONGER_THAN_REOPENING).expect("a connection"));
    assert!(accept(&listener, LONGER_THAN_REOPENING).is_none(), "connected again without anything to send");
    scene.append("logs/app.log", "line 2\n");
    let mut peer = accept(&listener, PATIENCE).expect("a connection");
    read_line(&mut peer, "line 2");
    check_no_fault(&sidecar);
}

/// Goal: a receiver that ends while nothing is to be sent is noticed, and so is its return.
#[test]
fn an_idle_sidecar_knows_whether_the_receiver_is_there() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let sidecar = scene.start(&settings(&scene, &format!("tcp://{address}")));
    let mut peer = accept(&listener, PATIENCE).expect("a connection");
    scene.append("logs/app.log", "line 1\n");
    read_line(&mut peer, "line 1");
    sleep(Duration::from_millis(300));
    drop((peer, listener));
    wait_until("the loss in the metric", PATIENCE, || sum(&sidecar, "logskiff_output_connected") < 0.5);
    assert!(sum(&sidecar, "logskiff_output_errors_total{output=\"syslog\",kind=\"connect\"") > 0.5);
    let listener = TcpListener::bind(address).expect("the port");
    let _peer = accept(&listener, PATIENCE).expect("a connection");
    wait_until("the connection in the metric", PATIENCE, || sum(&sidecar, "logskiff_output_connected") > 0.5);
}

/// Goal: the same for a RELP session that its receiver ends.
#[test]
fn a_relp_session_that_ends_while_idle_is_no_fault() {
    let scene = Scene::new();
    let receiver = Relp::start(|_, _| Answer::Close);
    let sidecar = scene.start(&settings(&scene, &receiver.address));
    for round in 1..=3 {
        scene.append("logs/app.log", format!("line {round}\n"));
        wait_until("the line", PATIENCE, || receiver.count(&format!("line {round}")) == 1);
        sleep(STABLE);
        assert_eq!(receiver.connections(), round, "connected without anything to send");
    }
    check_no_fault(&sidecar);
}

/// Goal: a connection that is idle for longer than the time limit for progress is kept.
#[test]
fn an_idle_time_above_the_timeout_is_no_fault() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("tcp://{}", listener.local_addr().expect("an address"));
    let sidecar = scene.start(&settings(&scene, &address).with("LOGSKIFF_SYSLOG_TIMEOUT", "1s"));
    let mut peer = accept(&listener, PATIENCE).expect("a connection");
    for round in 0..4 {
        sleep(STABLE);
        scene.append("logs/app.log", format!("line {round}\n"));
        read_line(&mut peer, &format!("line {round}"));
    }
    assert!(accept(&listener, Duration::from_millis(100)).is_none(), "a second connection");
    check_no_fault(&sidecar);
}

/// Goal: after a fault, logskiff goes on trying with backoff without anything to send, and then says that it is connected.
#[test]
fn a_refused_connection_is_tried_again_with_backoff() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("tcp://{}", listener.local_addr().expect("an address"));
    let sidecar = scene.start(&settings(&scene, &address));
    let start = Instant::now();
    let mut refused = 0;
    while start.elapsed() < Duration::from_secs(4) {
        refused += u32::from(accept(&listener, Duration::from_millis(100)).is_some());
    }
    // The waits are 0.1, 0.2, 0.4, 0.8, 1.6 and 3.2 s, each times 0.5 to 1.5.
    assert!((3..=8).contains(&refused), "{refused} connections");
    wait_until("the loss in the metric", PATIENCE, || sum(&sidecar, "logskiff_output_connected") < 0.5);
    let _peer = accept(&listener, PATIENCE).expect("a connection");
    wait_until("the connection in the metric", PATIENCE, || sum(&sidecar, "logskiff_output_connected") > 0.5);
    assert!(sidecar.stderr().contains("lost the connection to the syslog receiver"), "{}", sidecar.stderr());
}

/// Goal: a RELP connection on which no response comes is given up within 10 s, if the receiver answers on a new one.
#[test]
fn a_relp_connection_without_responses_is_replaced() {
    let scene = Scene::new();
    let receiver =
        Relp::start(
            |connection, message| {
                if connection == 0 && message.ends_with("two") { Answer::Silence } else { Answer::Accept }
            },
        );
    let sidecar = scene.start(&settings(&scene, &receiver.address));
    scene.append("logs/app.log", "one\n");
    wait_until("the first line", PATIENCE, || receiver.count("one") == 1);
    scene.append("logs/app.log", "two\n");
    let start = Instant::now();
    wait_until("the second line", PATIENCE, || receiver.count("two") == 1);
    assert!(start.elapsed() < Duration::from_secs(10), "after {:?}", start.elapsed());
    assert!(sidecar.stderr().contains("answers on a new connection"), "{}", sidecar.stderr());
}

/// Goal: a drain gives a silent receiver a fifth of its time, and delivers to the next address.
#[test]
fn a_drain_does_not_wait_for_a_silent_receiver() {
    let scene = Scene::new();
    let silent = Relp::start(|_, _| Answer::Silence);
    let works = Relp::start(|_, _| Answer::Accept);
    let addresses = format!("{},{}", silent.address, works.address);
    let mut sidecar = scene.start(&settings(&scene, &addresses).with("LOGSKIFF_DRAIN_TIMEOUT", "10s"));
    wait_until("a connection", PATIENCE, || silent.connections() == 1);
    scene.append("logs/app.log", "one\n");
    wait_until("the line to be read", PATIENCE, || sum(&sidecar, "logskiff_pending_records") > 0.5);
    sidecar.terminate();
    let start = Instant::now();
    wait_until("the line", PATIENCE, || works.count("one") == 1);
    assert!(start.elapsed() < Duration::from_secs(5), "after {:?}", start.elapsed());
    assert!(sidecar.wait(PATIENCE).0.success());
    assert!(sidecar.stderr().contains("\"pending_bytes\":0"), "{}", sidecar.stderr());
}

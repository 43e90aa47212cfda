//! Faults with a real rsyslog: receivers that stop, stall, refuse or do not speak the protocol, and a sidecar that is
//! killed.
//!
//! Needs what `real_syslog.rs` needs, and the `openssl` command. Run with `--test-threads=1`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::authority::{Authority, Issued};
use crate::support::broker::{Message, free_ports};
use crate::support::lines::{Place, Plan, Tally, Writer, write_all};
use crate::support::receiver::{Program, Received, Receiver, Way, real_parts};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{KillOnDrop, wait_until};

/// Timeout for work that normally takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// `LOGSKIFF_DRAIN_TIMEOUT` is 25 s in [`Settings::new`]; the process itself needs slightly longer.
const DRAIN_DEADLINE: Duration = Duration::from_secs(27);
/// Memory limit of a sidecar with 1 MiB in flight.
const MEMORY_MAX_BYTES: u64 = 40 << 20;
const WINDOW: u64 = 128;

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("logskiff-real-").tempdir().expect("a temporary folder")
}

/// Records as JSON, so that each names its origin.
fn settings(folder: &Path, address: &str) -> Settings {
    Settings::syslog(folder, address).with("LOGSKIFF_SYSLOG_ENCODING", "json").with("LOGSKIFF_SYSLOG_BOM", "off")
}

fn messages(receiver: &Receiver) -> Vec<Message> {
    let message = |received: Received| Message {
        partition: 0,
        time_ms: 0,
        offset: 0,
        key: None,
        headers: BTreeMap::new(),
        payload: received.text,
    };
    receiver.received().into_iter().map(message).collect()
}

/// The number of gaps in the lines.
fn holes(messages: &[Message], places: &[Place]) -> u64 {
    let mut arrived = vec![false; places.len()];
    for message in messages {
        let record: Value = serde_json::from_slice(&message.payload).expect("a record");
        let line = record["message"].as_str().expect("a line");
        let seq: usize = line["seq=".len()..].split(' ').next().and_then(|seq| seq.parse().ok()).expect("a number");
        arrived[seq] = true;
    }
    let begins = |at: usize| !arrived[at] && (at == 0 || arrived[at - 1]);
    (0..places.len()).filter(|at| begins(*at)).count() as u64
}

/// Goal: a receiver that stops and returns five times. RELP loses nothing and duplicates at most its window each time.
/// TCP loses lines that were confirmed but not read: at most one gap per stop, before the unconfirmed lines.
#[test]
fn receivers_come_and_go() {
    const BREAKS: u64 = 5;
    if real_parts().is_none() {
        return;
    }
    let case = |way: Way| {
        let mut receiver = Receiver::start(Program::Rsyslog, way, None).expect("the parts are there");
        let folder = folder();
        let plan = Plan { lines: 80_000, lines_per_s: 1_000, rotate_every: 34_000 };
        let sidecar = Sidecar::start(folder.path(), &settings(folder.path(), &receiver.address()));
        let writer = Writer::start(folder.path(), plan);
        for _ in 0..BREAKS {
            let before = receiver.count();
            wait_until("traffic", PATIENCE, || receiver.count() > before + 2_000);
            receiver.stop();
            sleep(Duration::from_secs(10));
            receiver.restart();
        }
        let places = writer.finish();
        sidecar.drain(DRAIN_DEADLINE);
        receiver.stop();
        let messages = messages(&receiver);
        let tally = Tally::from_messages(&messages, &places);
        let holes = holes(&messages, &places);
        eprintln!("come and go, {way:?}: {tally:?}, {holes} holes");
        (tally, holes, plan.lines)
    };
    std::thread::scope(|scope| {
        let relp = scope.spawn(|| case(Way::Relp));
        let (tally, holes, lines) = case(Way::Tcp);
        assert!(holes <= BREAKS && tally.lost + tally.arrived == lines, "TCP: {tally:?}");
        assert_eq!((tally.altered, tally.strange), (0, 0), "TCP: {tally:?}");
        let (tally, _, lines) = relp.join().expect("RELP's case");
        tally.check(lines, BREAKS * WINDOW);
    });
}

/// Goal: a receiver that stalls for 20 s costs no memory and no line.
#[test]
fn a_stalled_receiver_costs_nothing() {
    for way in [Way::Tcp, Way::Relp] {
        let Some(receiver) = Receiver::start(Program::Rsyslog, way, None) else { return };
        let folder = folder();
        let plan = Plan { lines: 120_000, lines_per_s: 5_000, rotate_every: 0 };
        let sidecar = Sidecar::start(folder.path(), &settings(folder.path(), &receiver.address()));
        let writer = Writer::start(folder.path(), plan);
        wait_until("traffic", PATIENCE, || receiver.count() > 5_000);
        receiver.signal("STOP");
        sleep(Duration::from_secs(20));
        let memory = sidecar.memory_peak_bytes();
        receiver.signal("CONT");
        let places = writer.finish();
        sidecar.drain(DRAIN_DEADLINE);
        wait_until("all messages", PATIENCE, || receiver.count() >= plan.lines);
        let tally = Tally::from_messages(&messages(&receiver), &places);
        eprintln!("stall, {way:?}: {tally:?}, memory peak {} KiB", memory >> 10);
        assert!(memory > 0 && memory < MEMORY_MAX_BYTES, "{memory} bytes of memory at the peak");
        tally.check(plan.lines, 0);
    }
}

/// Goal: a crash at any moment loses no line, and causes few duplicates.
#[test]
fn crashes_lose_nothing() {
    const KILLS: u64 = 10;
    for way in [Way::Tcp, Way::Relp] {
        let Some(receiver) = Receiver::start(Program::Rsyslog, way, None) else { return };
        let folder = folder();
        let plan = Plan { lines: 200_000, lines_per_s: 4_000, rotate_every: 34_000 };
        let settings = settings(folder.path(), &receiver.address());
        let mut sidecar = Sidecar::start(folder.path(), &settings);
        let writer = Writer::start(folder.path(), plan);
        for kill in 1..=KILLS {
            wait_until("the moment to kill", PATIENCE, || writer.written() >= kill * plan.lines / (KILLS + 1));
            sidecar.kill();
            sidecar = Sidecar::start(folder.path(), &settings);
        }
        let places = writer.finish();
        sidecar.drain(DRAIN_DEADLINE);
        wait_until("all messages", PATIENCE, || receiver.count() >= plan.lines);
        // Messages of a killed connection may still be read together with those of the next one.
        sleep(Duration::from_secs(1));
        let tally = Tally::from_messages(&messages(&receiver), &places);
        eprintln!("crashes, {way:?}: {KILLS} kills, {tally:?}");
        assert_eq!((tally.lost, tally.altered, tally.strange), (0, 0, 0), "{tally:?}");
        assert!(tally.duplicates <= plan.lines / 20, "{tally:?}");
    }
}

/// Goal: of two addresses the second takes over while the first is away, and fails back without loss or duplicates.
#[test]
fn the_first_address_is_used_again() {
    let (Some(mut first), Some(second)) =
        (Receiver::prepare(Program::Rsyslog, Way::Tcp, None), Receiver::start(Program::Rsyslog, Way::Tcp, None))
    else {
        return;
    };
    let folder = folder();
    let plan = Plan { lines: 12_000, lines_per_s: 1_000, rotate_every: 0 };
    let addresses = format!("{},{}", first.address(), second.address());
    let settings = settings(folder.path(), &addresses).with("LOGSKIFF_SYSLOG_FAILBACK_INTERVAL", "1s");
    let sidecar = Sidecar::start(folder.path(), &settings);
    let writer = Writer::start(folder.path(), plan);
    wait_until("the second receiver to take over", PATIENCE, || second.count() > 2_000);
    first.restart();
    wait_until("the first receiver to take back", PATIENCE, || first.count() > 2_000);
    let places = writer.finish();
    sidecar.drain(DRAIN_DEADLINE);
    wait_until("all messages", PATIENCE, || first.count() + second.count() >= plan.lines);
    let both: Vec<Message> = messages(&second).into_iter().chain(messages(&first)).collect();
    let tally = Tally::from_messages(&both, &places);
    eprintln!("fail over: {tally:?}, {} at the first", first.count());
    tally.check(plan.lines, 0);
}

/// Goal: a receiver that does not speak RELP is reported as such, nothing is delivered, and the drain is not delayed.
#[test]
fn a_receiver_without_relp_is_reported() {
    for (answer, want) in [(&b"220 mail.example ESMTP\r\n"[..], "does not speak RELP"), (b"", "speak RELP?")] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("relp://{}", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            let mut peers = Vec::new();
            for mut peer in listener.incoming().flatten() {
                _ = peer.write_all(answer);
                peers.push(peer);
            }
        });
        let folder = folder();
        write_all(&folder.path().join("logs/app.log"), 0, 100);
        let settings = settings(folder.path(), &address)
            .with("LOGSKIFF_SYSLOG_TIMEOUT", "1s")
            .with("LOGSKIFF_DRAIN_TIMEOUT", "2s");
        let mut sidecar = Sidecar::start(folder.path(), &settings);
        wait_until("the word", PATIENCE, || sidecar.stderr().contains(want));
        sleep(Duration::from_secs(3));
        assert_eq!(sidecar.stderr().matches(want).count(), 1, "said once, not at each attempt");
        sidecar.terminate();
        let (_, took) = sidecar.wait(DRAIN_DEADLINE);
        assert!(took < Duration::from_secs(4), "the drain took {took:?}");
        assert!(sidecar.stderr().contains("\"acknowledged_records\":0"), "{}", sidecar.stderr());
    }
}

/// The role of a certificate authority in a TLS case.
struct Tls {
    authority: Authority,
    server: Issued,
    client: Issued,
}

impl Tls {
    fn new(server_names: &str) -> Self {
        let authority = Authority::new("syslog");
        let (server, client) = (authority.issue("server", server_names), authority.issue("client", "DNS:client"));
        Self { authority, server, client }
    }

    fn settings(&self, folder: &Path, address: &str) -> Settings {
        settings(folder, address)
            .with("LOGSKIFF_SYSLOG_TLS_CA_FILE", &self.authority.certificate().display().to_string())
    }

    fn with_client(&self, settings: Settings) -> Settings {
        settings
            .with("LOGSKIFF_SYSLOG_TLS_CERT_FILE", &self.client.certificate.display().to_string())
            .with("LOGSKIFF_SYSLOG_TLS_KEY_FILE", &self.client.key.display().to_string())
    }
}

/// Checks that the sidecar reports the reason, and that nothing is delivered.
#[track_caller]
fn refused(folder: &Path, settings: &Settings, want: &str) {
    write_all(&folder.join("logs/app.log"), 0, 100);
    let mut sidecar = Sidecar::start(folder, &settings.clone().with("LOGSKIFF_DRAIN_TIMEOUT", "1s"));
    wait_until(want, PATIENCE, || sidecar.stderr().contains(want));
    sidecar.terminate();
    sidecar.wait(DRAIN_DEADLINE);
    assert!(sidecar.stderr().contains("\"acknowledged_records\":0"), "{want}: {}", sidecar.stderr());
}

/// Goal: each reason not to trust, or not to be trusted, is logged, and nothing is sent.
#[test]
fn tls_is_refused_with_a_reason() {
    let start = |tls: &Tls, way| Receiver::start(Program::Rsyslog, way, Some((&tls.authority, &tls.server)));
    let tls = Tls::new("DNS:other.example");
    let Some(receiver) = start(&tls, Way::Tls) else { return };
    let folder_ = folder();
    refused(folder_.path(), &tls.settings(folder_.path(), &receiver.address()), "IP address mismatch");
    assert_eq!(receiver.count(), 0);

    let tls = Tls::new("IP:127.0.0.1");
    let receiver = start(&tls, Way::Tls).expect("a receiver");
    let (folder_, stranger) = (folder(), Tls::new("IP:127.0.0.1"));
    refused(folder_.path(), &stranger.settings(folder_.path(), &receiver.address()), "certificate is refused");
    assert_eq!(receiver.count(), 0);

    let receiver = start(&tls, Way::MutualTls).expect("a receiver");
    let folder_ = folder();
    let settings = tls.settings(folder_.path(), &receiver.address());
    refused(folder_.path(), &settings, "refuses the TLS session");
    assert_eq!(receiver.count(), 0);
    // With a certificate, the same lines are delivered immediately.
    let mut sidecar = Sidecar::start(folder_.path(), &tls.with_client(settings).with("LOGSKIFF_EXIT", "eof"));
    assert!(sidecar.wait(PATIENCE).0.success());
    wait_until("all messages", PATIENCE, || receiver.count() == 100);
}

/// A TLS server that is no syslog receiver, with additional flags; received data is discarded.
struct SServer(KillOnDrop);

impl SServer {
    fn start(port: u16, issued: &Issued, flags: &[&str]) -> Self {
        let server = Command::new("openssl")
            .args(["s_server", "-quiet", "-accept", &port.to_string(), "-cert"])
            .arg(&issued.certificate)
            .arg("-key")
            .arg(&issued.key)
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let server = Self(KillOnDrop(server));
        wait_until("openssl to listen", PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    /// Ends it; returns the received data.
    fn end(mut self) -> Vec<u8> {
        _ = self.0.kill();
        let mut text = Vec::new();
        self.0.stdout.take().expect("its output").read_to_end(&mut text).expect("read");
        text
    }
}

/// Goal: an expired certificate, and a server without a safe version of TLS.
#[test]
fn old_tls_is_refused() {
    if real_parts().is_none() {
        return;
    }
    let tls = Tls::new("IP:127.0.0.1");
    let expired = tls.authority.issue_expired("expired", "IP:127.0.0.1");
    let old = ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"];
    for (issued, flags, want) in [(&expired, &[][..], "certificate has expired"), (&tls.server, &old[..], "TLS")] {
        let port = free_ports(1)[0];
        let server = SServer::start(port, issued, flags);
        let folder = folder();
        refused(folder.path(), &tls.settings(folder.path(), &format!("tls://127.0.0.1:{port}")), want);
        assert_eq!(String::from_utf8_lossy(&server.end()), "", "{want}: something was sent");
    }
}

/// Goal: a certificate that is replaced while messages flow is used, without loss or duplicates.
#[test]
fn certificates_are_read_again() {
    let tls = Tls::new("IP:127.0.0.1");
    let identity = Some((&tls.authority, &tls.server));
    let Some(receiver) = Receiver::start(Program::Rsyslog, Way::MutualTls, identity) else { return };
    let folder = folder();
    let plan = Plan { lines: 8_000, lines_per_s: 1_000, rotate_every: 0 };
    let settings = tls.with_client(tls.settings(folder.path(), &receiver.address()));
    let sidecar = Sidecar::start(folder.path(), &settings.with("LOGSKIFF_SYSLOG_FAILBACK_INTERVAL", "1s"));
    let writer = Writer::start(folder.path(), plan);
    wait_until("traffic", PATIENCE, || receiver.count() > 1_000);
    let next = tls.authority.issue("next", "DNS:client");
    for (from, to) in [(&next.key, &tls.client.key), (&next.certificate, &tls.client.certificate)] {
        std::fs::copy(from, to).expect("copied");
    }
    wait_until("the move", PATIENCE, || sidecar.stderr().contains("switching to a new connection"));
    let places = writer.finish();
    sidecar.drain(DRAIN_DEADLINE);
    wait_until("all messages", PATIENCE, || receiver.count() >= plan.lines);
    let tally = Tally::from_messages(&messages(&receiver), &places);
    eprintln!("certificates: {tally:?}");
    tally.check(plan.lines, 0);
}

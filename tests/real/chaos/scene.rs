//! One seed from start to verdict.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use super::arrivals::{Arrivals, Receiver};
use super::consumer::Consumer;
use super::faults::Receivers;
use super::proxy::Proxy;
use super::relp::Relp;
use super::rotation::Scheme;
use super::watcher::{MEMORY_MAX_BYTES, Watcher, answers_at};
use super::world::{DRAIN_TIMEOUT, World};
use super::writer::{Requests, Writer};
use crate::support::broker::{Broker, Listener, free_ports};
use crate::support::sidecar::Settings;
use crate::support::{Random, http, wait_until};

/// Duration of the faults.
const STORM: Duration = Duration::from_secs(20);
/// Without a new arrival for this long, nothing more will come. The longest waits are for a copy (10 s) and a retry (30
/// s).
const STILL: Duration = Duration::from_secs(40);
/// For a run in which everything is already acknowledged.
const AGAIN: Duration = Duration::from_secs(60);

/// The parts that all seeds share.
pub struct Parts {
    broker: Broker,
    proxy_address: String,
    receivers: Receivers,
}

impl Parts {
    /// A broker that advertises its proxy's address; `None` without real parts.
    pub fn start() -> Option<Self> {
        let listener = Listener { name: "PROXY", host: "127.0.0.1", protocol: "PLAINTEXT", settings: Vec::new() };
        let mut broker = Broker::prepare_with(&[listener], &[])?;
        let upstream = broker.listener("PROXY");
        let upstream = upstream.rsplit_once(':').expect("a port").1.parse().expect("a port");
        let port = free_ports(1)[0];
        let proxy_address = format!("127.0.0.1:{port}");
        broker.configure(&format!("advertised.listeners=PLAINTEXT://{},PROXY://{proxy_address}", broker.bootstrap()));
        broker.restart();
        let kafka = Proxy::start(port, upstream);
        let receivers = Receivers { kafka, relp: Relp::start(), calm: Arc::default() };
        Some(Self { broker, proxy_address, receivers })
    }
}

/// The figures of a seed.
pub struct Row {
    seed: u64,
    receivers: usize,
    lines: u64,
    lost: u64,
    duplicates: [u64; 2],
    other_ids: u64,
    kills: u64,
    drains: u64,
    drain_ms_max: u64,
    rotations: u64,
    peak_bytes: u64,
    reported_lost_bytes: u64,
    took: Duration,
}

impl Row {
    pub const HEAD: &str = "chaos | seed | outputs | lines | lost | duplicates, Kafka % | RELP % | other ids | kills | drains \
                            | longest, s | rotations | memory, MiB | reported lost, B | s";
}

impl fmt::Display for Row {
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |count: u64| count as f64 * 100.0 / self.lines.max(1) as f64;
        write!(
            f,
            "chaos | {} | {} | {} | {} | {:.2} | {:.2} | {} | {} | {} | {:.1} | {} | {:.1} | {} | {:.0}",
            self.seed,
            self.receivers,
            self.lines,
            self.lost,
            part(self.duplicates[0]),
            part(self.duplicates[1]),
            self.other_ids,
            self.kills,
            self.drains,
            self.drain_ms_max as f64 / 1_000.0,
            self.rotations,
            self.peak_bytes as f64 / f64::from(1 << 20),
            self.reported_lost_bytes,
            self.took.as_secs_f64()
        )
    }
}

fn settings(parts: &Parts, folder: &Path, topic: &str, random: &mut Random, receivers: &[Receiver]) -> Settings {
    let at = |name: &str| folder.join(name).display().to_string();
    let outputs = match receivers {
        [Receiver::Kafka] => "kafka",
        [Receiver::Relp] => "syslog",
        _ => "kafka,syslog",
    };
    let mut settings = Settings::new(folder, &parts.proxy_address, topic)
        .without("LOGSKIFF_PATHS")
        .with("LOGSKIFF_INPUT_ORDERS_PATHS", &at("logs/orders/*.log"))
        .with("LOGSKIFF_INPUT_ACCESS_PATHS", &at("logs/access/**/*.log*"))
        .with("LOGSKIFF_OUTPUT", outputs)
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
        .with("LOGSKIFF_DRAIN_TIMEOUT", &format!("{}s", DRAIN_TIMEOUT.as_secs()))
        .with("LOGSKIFF_LINE_BYTES_MAX", "16KiB")
        .with("LOGSKIFF_LINGER", "20ms")
        .with("LOGSKIFF_LOG", "info,librdkafka=error");
    if receivers.contains(&Receiver::Kafka) {
        settings = settings.with("LOGSKIFF_KAFKA_PROPERTIES", "reconnect.backoff.max.ms=500");
    } else {
        for name in ["BROKERS", "TOPIC"] {
            settings = settings.without(&format!("LOGSKIFF_KAFKA_{name}"));
        }
    }
    if receivers.contains(&Receiver::Relp) {
        settings = settings
            .with("LOGSKIFF_SYSLOG_ADDRESS", &parts.receivers.relp.address())
            .with("LOGSKIFF_SYSLOG_ENCODING", "json")
            .with("LOGSKIFF_SYSLOG_STRUCTURED_DATA", "off")
            .with("LOGSKIFF_SYSLOG_BYTES_MAX", "32KiB")
            .with("LOGSKIFF_SYSLOG_TIMEOUT", "2s")
            .with("LOGSKIFF_SYSLOG_RELP_WINDOW", choose(random, &["16", "64", "128"]));
    }
    settings
        .with("LOGSKIFF_IN_FLIGHT_BYTES", choose(random, &["64KiB", "128KiB", "256KiB"]))
        .with("LOGSKIFF_BATCH_BYTES", choose(random, &["16KiB", "64KiB"]))
        .with("LOGSKIFF_WATCH", choose(random, &["auto", "auto", "poll"]))
        .with("LOGSKIFF_POLL_INTERVAL", choose(random, &["100ms", "1s"]))
        .with("LOGSKIFF_DELETE_ROTATED", choose(random, &["off", "off", "off", "acknowledged"]))
}

fn choose<'a>(random: &mut Random, from: &[&'a str]) -> &'a str {
    from[usize::try_from(random.between(0, from.len() as u64)).unwrap()]
}

/// Plays a seed; returns its figures, and the violations.
pub fn run_seed(parts: &Parts, seed: u64) -> (Row, Vec<String>) {
    let start = Instant::now();
    let mut random = Random::new(seed);
    let folder = tempfile::Builder::new().prefix(&format!("logskiff-chaos-{seed}-")).tempdir().expect("a folder");
    let receivers = match seed % 6 {
        4 => &[Receiver::Kafka][..],
        5 => &[Receiver::Relp][..],
        _ => &[Receiver::Kafka, Receiver::Relp][..],
    };
    let topic = format!("chaos-{seed}");
    let partitions = i32::try_from(random.between(1, 4)).unwrap();
    parts.broker.create_topic(&topic, partitions, &[]);
    let arrivals = Arc::new(Arrivals::new(receivers, folder.path()));
    parts.receivers.clear();
    parts.receivers.relp.note_in(Some(Arc::clone(&arrivals)));
    let consumer = Consumer::start(&parts.broker.bootstrap(), &topic, partitions, Arc::clone(&arrivals));
    let settings = settings(parts, folder.path(), &topic, &mut random, receivers);
    let world = Arc::new(World::new(folder.path().to_owned(), settings, Arc::clone(&arrivals)));
    let watcher = Watcher::start(Arc::clone(&world));

    faults(parts, &world, &mut random);
    parts.receivers.clear();
    settle(&world, &watcher);
    let faults = verdict(&world, &watcher, receivers);
    drop(consumer);
    parts.receivers.relp.note_in(None);
    let row = Row {
        seed,
        receivers: receivers.len(),
        lines: arrivals.lines(),
        lost: arrivals.missing().iter().map(|range| range.len() as u64).sum(),
        duplicates: [Receiver::Kafka, Receiver::Relp].map(|receiver| arrivals.duplicates(receiver)),
        other_ids: arrivals.invalid()[2],
        kills: world.kills.load(Ordering::Acquire),
        drains: world.drains.load(Ordering::Acquire),
        drain_ms_max: world.drain_ms_max.load(Ordering::Acquire),
        rotations: world.rotations.load(Ordering::Acquire),
        peak_bytes: watcher.peak_bytes(),
        reported_lost_bytes: watcher.lost_bytes(),
        took: start.elapsed(),
    };
    if !faults.is_empty() && std::env::var_os("LOGSKIFF_CHAOS_KEEP").is_some() {
        eprintln!("seed {seed}: kept {}", folder.keep().display());
    }
    (row, faults)
}

/// Runs all threads until the end of the faults.
fn faults(parts: &Parts, world: &Arc<World>, random: &mut Random) {
    let until = Instant::now() + STORM;
    let mut fork_random = || Random::new(random.roll());
    let schemes = Scheme::shuffled(&mut fork_random());
    let mut threads = Vec::new();
    for (index, name) in ["orders/cart", "orders/billing", "access/web", "access/deep/api"].into_iter().enumerate() {
        let path = world.folder.join(format!("logs/{name}.log"));
        // A file that is moved into a folder matches only the other input's glob.
        let scheme = if index < 2 && schemes[index] == Scheme::Archive { schemes[8] } else { schemes[index] };
        let writer = Writer::new(Arc::clone(world), fork_random(), index, path, scheme);
        threads.push(thread::spawn(move || writer.run(until)));
    }
    let folder =
        world.folder.join(["logs/orders", "logs/access"][usize::try_from(fork_random().between(0, 2)).unwrap()]);
    let requests = Requests { world: Arc::clone(world), random: fork_random(), index: 4, folder };
    threads.push(thread::spawn(move || requests.run(until)));
    // The first start finds the existing and the rotated files.
    sleep(Duration::from_millis(fork_random().between(0, 1_000)));
    // A log that is missing at that moment, because it has just been renamed, would leave its rotated files without an
    // owner.
    let stopped = world.gate.write().unwrap();
    world.start(&[]);
    wait_until("the first look at the files", STILL, || world.reads(&world.folder.join("logs/orders/cart.log")));
    drop(stopped);
    let (receivers, random, shared) = (parts.receivers.clone(), fork_random(), Arc::clone(world));
    threads.push(thread::spawn(move || receivers.cause_faults(&shared, random, until)));
    parts.receivers.restart_processes(world, fork_random(), until);
    for thread in threads {
        if thread.join().is_err() {
            world.fault("a thread of the test panicked");
        }
    }
}

/// Waits until everything has arrived and is acknowledged, ends the process, and starts another one that must find
/// nothing to do.
fn settle(world: &World, watcher: &Watcher) {
    let arrivals = &world.arrivals;
    let (mut messages, mut moved) = (0, Instant::now());
    let mut missing = arrivals.missing();
    while (!missing.is_empty() || !watcher.is_settled()) && moved.elapsed() < STILL {
        sleep(Duration::from_millis(200));
        if arrivals.messages() != messages {
            (messages, moved) = (arrivals.messages(), Instant::now());
        }
        missing = arrivals.missing();
    }
    if !missing.is_empty() {
        let ledger = answers_at(&world.log()).and_then(|address| http::get(&address, "/ledger"));
        world.note(&format!("ledger {}", ledger.map_or_else(String::new, |(_, ledger)| ledger)));
        world.fault(&format!("lost: {missing:?}"));
    }
    if !watcher.is_settled() {
        world.fault("not all that was read is settled");
    }
    if !world.drain_in_calm() {
        world.fault("there is no process to drain");
    }
    sleep(Duration::from_secs(1));
    let before = arrivals.messages();
    world.start(&[("LOGSKIFF_EXIT", "eof")]);
    world.wait(AGAIN);
    sleep(Duration::from_secs(1));
    let again = arrivals.messages() - before;
    if again > 0 && missing.is_empty() {
        world.fault(&format!("{again} messages were sent after a drain that left nothing"));
    }
}

fn verdict(world: &World, watcher: &Watcher, receivers: &[Receiver]) -> Vec<String> {
    let mut faults = world.faults();
    let arrivals = &world.arrivals;
    let lines = arrivals.lines();
    world.note(&format!("under other ids: {:?}", arrivals.changed_ids()));
    let mut duplicates = 0;
    for receiver in receivers {
        world.note(&format!("duplicates at {receiver:?}: {:?}", arrivals.duplicate_ranges(*receiver)));
        duplicates += arrivals.duplicates(*receiver);
    }
    let sent = lines * receivers.len() as u64;
    if duplicates * 20 >= sent {
        faults.push(format!("{duplicates} of {sent} records arrived twice"));
    }
    let [altered, misplaced, _] = arrivals.invalid();
    if altered + misplaced > 0 {
        faults.push(format!("{altered} records are altered, {misplaced} have another offset"));
    }
    let peak = watcher.peak_bytes();
    if peak == 0 || peak > MEMORY_MAX_BYTES {
        faults.push(format!("{} KiB of memory", peak >> 10));
    }
    let log = std::fs::read(world.folder.join("sidecar.log")).unwrap_or_default();
    if String::from_utf8_lossy(&log).contains("internal error (panic) at") {
        faults.push("a panic".to_owned());
    }
    faults
}

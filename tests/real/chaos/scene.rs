//! One seed from its beginning to its verdict.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use super::arrivals::{Arrivals, Receiver};
use super::consumer::Consumer;
use super::proxy::Proxy;
use super::relp::Relp;
use super::rotation::Scheme;
use super::storm::Sky;
use super::watcher::{MEMORY_MAX_BYTES, Watcher, answers_at};
use super::world::{DRAIN_TIMEOUT, World};
use super::writer::{Requests, Writer};
use crate::support::broker::{Broker, Door, free_ports};
use crate::support::sidecar::Settings;
use crate::support::{Dice, http, wait_until};

/// How long it storms.
const STORM: Duration = Duration::from_secs(20);
/// Without a new arrival for so long, nothing more will come: what is waited for longest is a copy (10 s) and a retry (30 s).
const STILL: Duration = Duration::from_secs(40);
/// For a run over what is all known.
const AGAIN: Duration = Duration::from_secs(60);

/// What all seeds share.
pub struct Parts {
    broker: Broker,
    proxy_address: String,
    sky: Sky,
}

impl Parts {
    /// A broker that says that it is where its proxy is; `None` when no real parts were given.
    pub fn start() -> Option<Self> {
        let door = Door { name: "PROXY", host: "127.0.0.1", protocol: "PLAINTEXT", settings: Vec::new() };
        let mut broker = Broker::prepare_with(&[door], &[])?;
        let upstream = broker.door("PROXY");
        let upstream = upstream.rsplit_once(':').expect("a port").1.parse().expect("a port");
        let port = free_ports(1)[0];
        let proxy_address = format!("127.0.0.1:{port}");
        broker.configure(&format!("advertised.listeners=PLAINTEXT://{},PROXY://{proxy_address}", broker.bootstrap()));
        broker.restart();
        let kafka = Proxy::start(port, upstream);
        let sky = Sky { kafka, relp: Relp::start(), calm: Arc::default() };
        Some(Self { broker, proxy_address, sky })
    }
}

/// The figures of a seed.
pub struct Row {
    seed: u64,
    receivers: usize,
    lines: u64,
    lost: u64,
    doubled: [u64; 2],
    other_ids: u64,
    kills: u64,
    drains: u64,
    drain_ms_max: u64,
    rotations: u64,
    peak_bytes: u64,
    told_lost_bytes: u64,
    took: Duration,
}

impl Row {
    pub const HEAD: &str = "chaos | seed | outputs | lines | lost | doubled, Kafka % | RELP % | other ids | kills | drains \
                            | longest, s | rotations | memory, MiB | told as lost, B | s";
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
            part(self.doubled[0]),
            part(self.doubled[1]),
            self.other_ids,
            self.kills,
            self.drains,
            self.drain_ms_max as f64 / 1_000.0,
            self.rotations,
            self.peak_bytes as f64 / f64::from(1 << 20),
            self.told_lost_bytes,
            self.took.as_secs_f64()
        )
    }
}

fn settings(parts: &Parts, folder: &Path, topic: &str, dice: &mut Dice, receivers: &[Receiver]) -> Settings {
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
            .with("LOGSKIFF_SYSLOG_ADDRESS", &parts.sky.relp.address())
            .with("LOGSKIFF_SYSLOG_ENCODING", "json")
            .with("LOGSKIFF_SYSLOG_STRUCTURED_DATA", "off")
            .with("LOGSKIFF_SYSLOG_BYTES_MAX", "32KiB")
            .with("LOGSKIFF_SYSLOG_TIMEOUT", "2s")
            .with("LOGSKIFF_SYSLOG_RELP_WINDOW", choose(dice, &["16", "64", "128"]));
    }
    settings
        .with("LOGSKIFF_IN_FLIGHT_BYTES", choose(dice, &["64KiB", "128KiB", "256KiB"]))
        .with("LOGSKIFF_BATCH_BYTES", choose(dice, &["16KiB", "64KiB"]))
        .with("LOGSKIFF_WATCH", choose(dice, &["auto", "auto", "poll"]))
        .with("LOGSKIFF_POLL_INTERVAL", choose(dice, &["100ms", "1s"]))
        .with("LOGSKIFF_DELETE_ROTATED", choose(dice, &["off", "off", "off", "acknowledged"]))
}

fn choose<'a>(dice: &mut Dice, from: &[&'a str]) -> &'a str {
    from[usize::try_from(dice.between(0, from.len() as u64)).unwrap()]
}

/// Plays a seed; its figures, and what must not be.
pub fn play(parts: &Parts, seed: u64) -> (Row, Vec<String>) {
    let start = Instant::now();
    let mut dice = Dice::new(seed);
    let folder = tempfile::Builder::new().prefix(&format!("logskiff-chaos-{seed}-")).tempdir().expect("a folder");
    let receivers = match seed % 6 {
        4 => &[Receiver::Kafka][..],
        5 => &[Receiver::Relp][..],
        _ => &[Receiver::Kafka, Receiver::Relp][..],
    };
    let topic = format!("chaos-{seed}");
    let partitions = i32::try_from(dice.between(1, 4)).unwrap();
    parts.broker.create_topic(&topic, partitions, &[]);
    let arrivals = Arc::new(Arrivals::new(receivers, folder.path()));
    parts.sky.clear();
    parts.sky.relp.note_in(Some(Arc::clone(&arrivals)));
    let consumer = Consumer::start(&parts.broker.bootstrap(), &topic, partitions, Arc::clone(&arrivals));
    let settings = settings(parts, folder.path(), &topic, &mut dice, receivers);
    let world = Arc::new(World::new(folder.path().to_owned(), settings, Arc::clone(&arrivals)));
    let watcher = Watcher::start(Arc::clone(&world));

    storm(parts, &world, &mut dice);
    parts.sky.clear();
    settle(&world, &watcher);
    let faults = verdict(&world, &watcher, receivers);
    drop(consumer);
    parts.sky.relp.note_in(None);
    let row = Row {
        seed,
        receivers: receivers.len(),
        lines: arrivals.lines(),
        lost: arrivals.missing().iter().map(|range| range.len() as u64).sum(),
        doubled: [Receiver::Kafka, Receiver::Relp].map(|receiver| arrivals.doubled(receiver)),
        other_ids: arrivals.odd()[2],
        kills: world.kills.load(Ordering::Acquire),
        drains: world.drains.load(Ordering::Acquire),
        drain_ms_max: world.drain_ms_max.load(Ordering::Acquire),
        rotations: world.rotations.load(Ordering::Acquire),
        peak_bytes: watcher.peak_bytes(),
        told_lost_bytes: watcher.lost_bytes(),
        took: start.elapsed(),
    };
    if !faults.is_empty() && std::env::var_os("LOGSKIFF_CHAOS_KEEP").is_some() {
        eprintln!("seed {seed}: kept {}", folder.keep().display());
    }
    (row, faults)
}

/// All threads until the storm is over.
fn storm(parts: &Parts, world: &Arc<World>, dice: &mut Dice) {
    let until = Instant::now() + STORM;
    let mut fork = || Dice::new(dice.roll());
    let schemes = Scheme::shuffled(&mut fork());
    let mut threads = Vec::new();
    for (index, name) in ["orders/cart", "orders/billing", "access/web", "access/deep/api"].into_iter().enumerate() {
        let path = world.folder.join(format!("logs/{name}.log"));
        // What is moved into a folder is in reach of the other input's glob alone.
        let scheme = if index < 2 && schemes[index] == Scheme::Archive { schemes[8] } else { schemes[index] };
        let writer = Writer::new(Arc::clone(world), fork(), index, path, scheme);
        threads.push(thread::spawn(move || writer.run(until)));
    }
    let folder = world.folder.join(["logs/orders", "logs/access"][usize::try_from(fork().between(0, 2)).unwrap()]);
    let requests = Requests { world: Arc::clone(world), dice: fork(), index: 4, folder };
    threads.push(thread::spawn(move || requests.run(until)));
    // The first start finds what is there, and what was rotated.
    sleep(Duration::from_millis(fork().between(0, 1_000)));
    // A log that is not there at that moment, because it has just been renamed, would leave its history without an owner.
    let stopped = world.gate.write().unwrap();
    world.start(&[]);
    wait_until("the first look at the files", STILL, || world.reads(&world.folder.join("logs/orders/cart.log")));
    drop(stopped);
    let (sky, weather, shared) = (parts.sky.clone(), fork(), Arc::clone(world));
    threads.push(thread::spawn(move || sky.rage(&shared, weather, until)));
    parts.sky.live(world, fork(), until);
    for thread in threads {
        if thread.join().is_err() {
            world.fault("a thread of the test panicked");
        }
    }
}

/// Waits until all has arrived and is settled, ends the process, and starts one more that has nothing to do.
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
        let ledger = answers_at(&world.said()).and_then(|address| http::get(&address, "/ledger"));
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
    world.note(&format!("under other ids: {:?}", arrivals.renamed()));
    let mut doubled = 0;
    for receiver in receivers {
        world.note(&format!("doubled at {receiver:?}: {:?}", arrivals.doubles(*receiver)));
        doubled += arrivals.doubled(*receiver);
    }
    let sent = lines * receivers.len() as u64;
    if doubled * 20 >= sent {
        faults.push(format!("{doubled} of {sent} records came twice"));
    }
    let [altered, misplaced, _] = arrivals.odd();
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

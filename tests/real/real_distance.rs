//! Kafka at a distance: through a proxy that delays, cuts and counts, with several partitions.
//!
//! Needs what `real_kafka` needs, and javac (`.ci/kafka-install` installs it).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use logskiff::sink::kafka::Partitioner;
use tempfile::TempDir;

use crate::support::broker::{Broker, Listener, Message, free_ports};
use crate::support::proxy::Proxy;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{Random, wait_until};

const TOPIC: &str = "far";
const PARTITIONS: u32 = 6;
const KEYS: u64 = 40;
const PATIENCE: Duration = Duration::from_secs(120);
const DRAIN_DEADLINE: Duration = Duration::from_secs(27);

/// A broker that is reached through a proxy, and an empty folder; `None` without real parts.
fn scene() -> Option<(Broker, Proxy, TempDir)> {
    let [port] = free_ports(1)[..] else { unreachable!("one port") };
    let far = Listener { name: "FAR", host: "127.0.0.1", protocol: "PLAINTEXT", settings: Vec::new() };
    let mut broker = Broker::prepare_with(&[far], &[])?;
    // Clients of this listener come back through the proxy. The last line of a name counts.
    broker.configure(&format!("advertised.listeners=PLAINTEXT://{},FAR://127.0.0.1:{port}", broker.bootstrap()));
    let proxy = Proxy::start(port, broker.listener("FAR"));
    broker.restart();
    let folder = tempfile::Builder::new().prefix("logskiff-far-").tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("logs")).unwrap();
    Some((broker, proxy, folder))
}

fn text(lines: std::ops::Range<u64>) -> String {
    let mut text = String::new();
    for n in lines {
        let fill = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(text, "{{\"k\":\"key-{}\",\"n\":{n},\"request\":\"/api/v1/orders/{fill:016x}\"}}", n * 7 % KEYS)
            .unwrap();
    }
    text
}

fn append(folder: &Path, lines: std::ops::Range<u64>) {
    let path = folder.join("logs/app.log");
    let mut file = fs::File::options().create(true).append(true).open(path).unwrap();
    file.write_all(text(lines).as_bytes()).unwrap();
}

fn settings(folder: &Path, proxy: &Proxy) -> Settings {
    Settings::new(folder, proxy.address(), TOPIC)
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_ENCODING", "raw")
        .with("LOGSKIFF_KAFKA_KEY", "{field.k}")
        .without("LOGSKIFF_IN_FLIGHT_BYTES")
}

fn count(broker: &Broker) -> u64 {
    broker.consume(TOPIC).len() as u64
}

/// Checks that each line arrived once, and those of a key in order.
#[track_caller]
fn check(messages: &[Message], lines: u64) {
    let mut latest: BTreeMap<&[u8], (u32, u64)> = BTreeMap::new();
    let (mut late, mut seen) = (0, vec![0_u32; usize::try_from(lines).unwrap()]);
    for message in messages {
        let key = message.key.as_deref().expect("a key");
        let record: serde_json::Value = serde_json::from_slice(&message.payload).expect("the line");
        let n = record["n"].as_u64().expect("a number");
        seen[usize::try_from(n).unwrap()] += 1;
        let before = latest.insert(key, (message.partition, n));
        late += u64::from(before.is_some_and(|(partition, before)| partition == message.partition && before >= n));
    }
    let lost = seen.iter().filter(|count| **count == 0).count();
    let twice = seen.iter().filter(|count| **count > 1).count();
    eprintln!("{lines} lines: {lost} lost, {twice} twice, {late} out of order");
    assert_eq!((lost, twice, late), (0, 0, 0), "lost, twice, out of order");
}

/// Goal: Kafka's own Java client puts each key into the same partition.
#[test]
fn keys_go_where_java_producers_put_them() {
    const COUNTS: [u32; 4] = [1, 6, 30, 997];
    let Some(broker) = Broker::prepare() else { return };
    let mut random = Random::new(20_261_130);
    let mut keys = vec![Vec::new()];
    while keys.len() < 10_000 {
        let length = random.between(1, 301);
        keys.push((0..length).map(|_| random.roll().to_le_bytes()[3]).collect::<Vec<u8>>());
    }
    assert!(keys.iter().filter(|key| std::str::from_utf8(key).is_err()).count() > 5_000, "most are not UTF-8");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/real/real_distance/Keys.java");
    let mut java = broker.java(source.to_str().unwrap());
    let java = java.args(COUNTS.map(|count| count.to_string())).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut java = java.spawn().expect("java starts");
    let hex: String = keys.iter().fold(String::new(), |mut text, key| {
        for byte in key {
            write!(text, "{byte:02x}").unwrap();
        }
        text + "\n"
    });
    // It answers when it has read all.
    java.stdin.take().unwrap().write_all(hex.as_bytes()).unwrap();
    let output = java.wait_with_output().unwrap();
    assert!(output.status.success(), "java ended with {}", output.status);
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), keys.len());
    for (key, answer) in keys.iter().zip(answers.lines()) {
        let ours = COUNTS.map(|count| Partitioner::Murmur2.partition(key, count).to_string());
        assert_eq!(ours.join(" "), answer.trim(), "{}", key.escape_ascii());
    }
}

/// Goal: nine cuts of all connections lose, repeat and reorder nothing, nor does a restart of the broker.
#[test]
fn cuts_and_a_restart_lose_repeat_and_reorder_nothing() {
    const LINES: u64 = 600_000;
    let Some((mut broker, proxy, folder)) = scene() else { return };
    broker.create_topic(TOPIC, PARTITIONS.cast_signed(), &[]);
    proxy.set_delay(Duration::from_millis(10));
    append(folder.path(), 0..LINES);
    let sidecar = Sidecar::start(folder.path(), &settings(folder.path(), &proxy));
    let mut random = Random::new(7);
    wait_until("the first request", PATIENCE, || proxy.produce_requests() > 0);
    for _ in 0..9 {
        sleep(Duration::from_millis(random.between(150, 700)));
        proxy.cut();
    }
    broker.kill();
    broker.restart();
    wait_until("all records", PATIENCE, || count(&broker) >= LINES);
    sidecar.drain(DRAIN_DEADLINE);
    check(&broker.consume(TOPIC), LINES);
}

/// Goal: leaders that change while lines are sent, because a broker dies or stops in an orderly way, lose, repeat and
/// reorder nothing.
#[test]
fn leader_changes_lose_repeat_and_reorder_nothing() {
    const LINES: u64 = 900_000;
    let Some(mut first) = Broker::prepare() else { return };
    // A dead broker is noticed sooner than by default.
    first.configure("broker.session.timeout.ms=2000\nbroker.heartbeat.interval.ms=500");
    let mut others = [first.prepare_another(2), first.prepare_another(3)];
    first.restart();
    others.iter_mut().for_each(Broker::restart);
    let mut create = first.java("org.apache.kafka.tools.TopicCommand");
    let create = create.args(["--bootstrap-server", &first.bootstrap(), "--create", "--topic", TOPIC]);
    let create = create.args(["--partitions", &PARTITIONS.to_string(), "--replication-factor", "3"]);
    let output = create.output().expect("java runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = tempfile::Builder::new().prefix("logskiff-far-").tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("logs")).unwrap();
    let addresses = [first.bootstrap(), others[0].bootstrap(), others[1].bootstrap()].join(",");
    let settings = Settings::new(folder.path(), &addresses, TOPIC)
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_ENCODING", "raw")
        .with("LOGSKIFF_KAFKA_KEY", "{field.k}")
        .without("LOGSKIFF_IN_FLIGHT_BYTES");
    append(folder.path(), 0..LINES / 3);
    let sidecar = Sidecar::start(folder.path(), &settings);
    wait_until("records", PATIENCE, || count(&first) > 10_000);
    others[0].kill();
    append(folder.path(), LINES / 3..LINES / 3 * 2);
    wait_until("the records of all partitions", PATIENCE, || count(&first) > LINES / 3);
    others[0].restart();
    others[1].stop();
    append(folder.path(), LINES / 3 * 2..LINES);
    wait_until("all records", PATIENCE, || count(&first) >= LINES);
    sidecar.drain(DRAIN_DEADLINE);
    check(&first.consume(TOPIC), LINES);
}

/// Goal: lines that do not compress arrive once and in order, in requests that the broker takes.
#[test]
fn lines_that_do_not_compress_are_taken() {
    const LINES: u64 = 40_000;
    let Some((broker, proxy, folder)) = scene() else { return };
    broker.create_topic(TOPIC, 2, &[]);
    proxy.set_delay(Duration::from_millis(20));
    let (mut random, mut lines) = (Random::new(26), String::new());
    for n in 0..LINES {
        write!(lines, "{{\"k\":\"key-{}\",\"n\":{n},\"x\":\"", n % KEYS).unwrap();
        // Of 57 letters, none of which JSON escapes, lz4 makes hardly anything smaller.
        let length = random.between(100, 1_400);
        lines.extend((0..length).map(|_| char::from(u8::try_from(random.between(35, 92)).unwrap())));
        lines += "\"}\n";
    }
    fs::write(folder.path().join("logs/app.log"), &lines).unwrap();
    let sidecar = Sidecar::start(folder.path(), &settings(folder.path(), &proxy));
    wait_until("all records", PATIENCE, || count(&broker) >= LINES);
    eprintln!("{} bytes in {} requests", lines.len(), proxy.produce_requests());
    let log = sidecar.stderr();
    assert!(!log.contains("rejected a message") && !log.contains("accepts no larger messages"), "{log}");
    sidecar.drain(DRAIN_DEADLINE);
    check(&broker.consume(TOPIC), LINES);
}

/// Goal: when a topic gets more partitions, keys use them from then on, and nothing is lost or repeated.
#[test]
fn more_partitions_are_used() {
    let Some((broker, proxy, folder)) = scene() else { return };
    broker.create_topic(TOPIC, 2, &[]);
    proxy.set_delay(Duration::from_millis(1));
    let settings =
        settings(folder.path(), &proxy).with("LOGSKIFF_KAFKA_PROPERTIES", "topic.metadata.refresh.interval.ms=500");
    append(folder.path(), 0..20_000);
    let sidecar = Sidecar::start(folder.path(), &settings);
    wait_until("records", PATIENCE, || count(&broker) >= 10_000);
    let mut alter = broker.java("org.apache.kafka.tools.TopicCommand");
    let alter = alter.args(["--bootstrap-server", &broker.bootstrap(), "--alter", "--topic", TOPIC, "--partitions"]);
    let output = alter.arg(PARTITIONS.to_string()).output().expect("java runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    append(folder.path(), 20_000..30_000);
    sleep(Duration::from_secs(2));
    append(folder.path(), 30_000..60_000);
    wait_until("all records", PATIENCE, || count(&broker) >= 60_000);
    sidecar.drain(DRAIN_DEADLINE);
    let messages = broker.consume(TOPIC);
    check(&messages, 60_000);
    let (mut later, number) = (0, |message: &Message| {
        serde_json::from_slice::<serde_json::Value>(&message.payload).unwrap()["n"].as_u64().unwrap()
    });
    for message in messages.iter().filter(|message| number(message) >= 30_000) {
        let key = message.key.as_deref().unwrap();
        assert_eq!(message.partition, Partitioner::Murmur2.partition(key, PARTITIONS));
        later += 1;
    }
    assert_eq!(later, 30_000);
}

/// Goal: the client does not spin while a request is under way, and a long round trip costs little.
#[test]
fn a_long_round_trip_costs_little_cpu() {
    let Some((broker, proxy, folder)) = scene() else { return };
    broker.create_topic(TOPIC, 1, &[]);
    append(folder.path(), 0..400_000);
    proxy.set_delay(Duration::from_millis(100));
    let settings = settings(folder.path(), &proxy).with("LOGSKIFF_REDACT", "none");
    let sidecar = Sidecar::start(folder.path(), &settings);
    wait_until("the first request", PATIENCE, || proxy.produce_requests() > 2);
    let (start, cpu, requests) = (Instant::now(), sidecar.cpu(), proxy.produce_requests());
    sleep(Duration::from_secs(3));
    let (took, cpu, requests) =
        (start.elapsed(), sidecar.cpu().saturating_sub(cpu), proxy.produce_requests() - requests);
    let share = cpu.as_secs_f64() / took.as_secs_f64();
    eprintln!("100 ms each way: {requests} requests in {took:?}, {:.1} % of a core", share * 100.0);
    // One request in a round trip, and none of them split.
    assert!((5..=16).contains(&requests), "{requests} requests in {took:?}");
    assert!(share < 0.6, "it spins: {share:.2} of a core");
}

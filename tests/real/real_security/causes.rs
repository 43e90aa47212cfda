//! What logskiff says about a Kafka that it cannot use: one line with the likely cause and the fix.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::{PATIENCE, listener, tls_door};
use crate::support::authority::Authority;
use crate::support::broker::{Broker, real_parts};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::wait_until;

/// A topic that is missing is known by then.
const KNOWN: Duration = Duration::from_secs(5);
/// Time in which librdkafka tries several times.
const RETRIES: Duration = Duration::from_secs(5);

/// A sidecar with one log line for a broker, and what it is to say.
struct Case {
    name: &'static str,
    cause: &'static str,
    fix: &'static str,
    sidecar: Sidecar,
    start: Instant,
    _folder: TempDir,
}

impl Case {
    fn start(name: &'static str, address: &str, variables: &[(&str, &str)], said: [&'static str; 2]) -> Self {
        let folder = tempfile::Builder::new().prefix("logskiff-real-").tempdir().expect("a temporary folder");
        // All instances of inotify may be in use.
        let settings = Settings::new(folder.path(), address, "logs").with("LOGSKIFF_WATCH", "poll");
        let settings = variables.iter().fold(settings, |settings, (name, value)| settings.with(name, value));
        fs::create_dir(folder.path().join("logs")).expect("a folder");
        fs::write(folder.path().join("logs/app.log"), "a line\n").expect("a log");
        let sidecar = Sidecar::start(folder.path(), &settings);
        Self { name, cause: said[0], fix: said[1], sidecar, start: Instant::now(), _folder: folder }
    }

    /// The warnings and errors in its log.
    fn warnings(&self) -> Vec<Value> {
        let log = self.sidecar.stderr();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["level"] == "WARN" || line["level"] == "ERROR").collect()
    }

    fn check(&self) {
        let (name, warnings) = (self.name, self.warnings());
        let [warning] = &warnings[..] else { panic!("{name}: not one warning: {warnings:#?}") };
        for (field, part) in [("cause", self.cause), ("fix", self.fix)] {
            assert!(warning[field].as_str().is_some_and(|text| text.contains(part)), "{name}: {warning}");
        }
    }
}

/// Goal: each fault is one warning with its cause and its fix, whatever librdkafka says about it.
#[test]
fn each_fault_is_one_line_with_cause_and_fix() {
    if real_parts().is_none() {
        return;
    }
    let (ours, foreign) = (Authority::new("ours"), Authority::new("foreign"));
    let issued = ours.issue("broker", "IP:127.0.0.1");
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let scram = [("sasl.enabled.mechanisms", "SCRAM-SHA-512"), ("scram-sha-512.sasl.jaas.config", scram)];
    let listeners = [
        tls_door("TLS", &issued, None),
        listener("SALTED", "SASL_PLAINTEXT", &scram),
        listener("LOST", "PLAINTEXT", &[]),
    ];
    let user = "SCRAM-SHA-512=[name=shop,password=\"Vq9-right\"]";
    let Some(mut broker) = Broker::prepare_with(&listeners, &["--add-scram", user]) else { return };
    let [open, tls, salted] = [broker.bootstrap(), broker.listener("TLS"), broker.listener("SALTED")];
    broker.configure(&format!(
        "advertised.listeners=PLAINTEXT://{open},TLS://{tls},SALTED://{salted},LOST://kafka-0.kafka.invalid:9092"
    ));
    broker.restart();
    broker.create_topic("logs", 3, &[]);
    let lost = broker.listener("LOST");
    let [ours, foreign] = [&ours, &foreign].map(|authority| authority.certificate().display().to_string());
    let on = ("LOGSKIFF_KAFKA_TLS", "on");
    let [ours, foreign] = [&ours, &foreign].map(|path| ("LOGSKIFF_KAFKA_TLS_CA_FILE", path.as_str()));
    let user = ("LOGSKIFF_KAFKA_USERNAME", "shop");
    let wrong = ("LOGSKIFF_KAFKA_PASSWORD", "Vq9-wrong");
    let [plain, scram] = ["plain", "scram-sha-512"].map(|name| ("LOGSKIFF_KAFKA_SASL", name));
    let cases = [
        Case::start("plaintext at SASL", &salted, &[], ["expects SASL", "LOGSKIFF_KAFKA_SASL"]),
        Case::start("plaintext at TLS", &tls, &[], ["expects TLS", "LOGSKIFF_KAFKA_TLS=on"]),
        Case::start("TLS at plaintext", &open, &[on, ours], ["not expect TLS", "LOGSKIFF_KAFKA_TLS=off"]),
        Case::start("TLS at SASL", &salted, &[on, ours], ["not expect TLS", "LOGSKIFF_KAFKA_TLS=off"]),
        Case::start("foreign CA", &tls, &[on, foreign], ["known CA", "LOGSKIFF_KAFKA_TLS_CA_FILE"]),
        Case::start("SASL at plaintext", &open, &[scram, user, wrong], ["not expect SASL", "LOGSKIFF_KAFKA_SASL"]),
        Case::start("mechanism", &salted, &[plain, user, wrong], ["this SASL mechanism", "LOGSKIFF_KAFKA_SASL"]),
        Case::start("password", &salted, &[scram, user, wrong], ["refuses the user", "LOGSKIFF_KAFKA_PASSWORD_FILE"]),
        Case::start("advertised", &lost, &[], ["does not resolve", "advertised.listeners"]),
        Case::start("down", "127.0.0.1:19", &[], ["no broker answers", "LOGSKIFF_KAFKA_BROKERS"]),
        Case::start("no host", "kafka.invalid:9092", &[], ["no such host", "LOGSKIFF_KAFKA_BROKERS"]),
    ];
    for case in &cases {
        wait_until(case.name, PATIENCE, || !case.warnings().is_empty());
    }
    sleep(RETRIES);
    for case in &cases {
        case.check();
    }
    assert!(!cases[7].sidecar.stderr().contains("Vq9-wrong"), "no password is logged");
}

/// Goal: that Kafka and the topic are reached is said once; a topic that is missing is known by name in time, before a
/// line is written for it.
#[test]
fn topics_are_named() {
    let Some(mut broker) = Broker::prepare() else { return };
    broker.configure("auto.create.topics.enable=false");
    broker.restart();
    broker.create_topic("logs", 3, &[]);
    let reached = "Kafka is reached, topic logs has 3 partitions";
    let case = Case::start("reached", &broker.bootstrap(), &[], ["", ""]);
    wait_until(reached, PATIENCE, || case.sidecar.stderr().contains(reached));
    let topic = ("LOGSKIFF_KAFKA_TOPIC", "missing");
    // No line is read.
    let none = ("LOGSKIFF_START_AT", "end");
    let missing = Case::start("missing", &broker.bootstrap(), &[topic, none], ["does not exist", "create it"]);
    wait_until("the missing topic", PATIENCE, || !missing.warnings().is_empty());
    assert!(missing.start.elapsed() < KNOWN, "{:?}", missing.start.elapsed());
    missing.check();
    assert_eq!(missing.warnings()[0]["topic"], "missing");
    broker.create_topic("missing", 1, &[]);
    let reached_late = "Kafka is reached, topic missing has 1 partition\"";
    wait_until(reached_late, PATIENCE, || missing.sidecar.stderr().contains(reached_late));
    assert_eq!(case.sidecar.stderr().matches(reached).count(), 1);
    assert!(case.warnings().is_empty(), "{:?}", case.warnings());
}

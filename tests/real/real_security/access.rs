//! Rights to write and to read, by the commands of `docs/governance.md`.

use std::path::Path;
use std::process::{Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::{DRAIN_DEADLINE, PATIENCE, listener};
use crate::support::broker::Broker;
use crate::support::lines::{Plan, Tally, Writer};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::wait_until;

/// With the prefix that the user `shop` may write to; one partition, so that the order is visible.
const TOPIC: &str = "logs-shop-orders";
const PASSWORD: &str = "Vq7-right=pass+word";
/// Retries are at most 30 s apart, and 15 s after an outage of ten seconds.
const REGAINED: Duration = Duration::from_secs(45);

/// The commands of the document, unchanged.
fn commands() -> Vec<String> {
    let text =
        std::fs::read_to_string(concat!(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."), "/docs/governance.md")).unwrap();
    text.lines().filter(|line| line.starts_with("kafka-")).map(str::to_owned).collect()
}

/// Runs one of Kafka's own commands with this broker.
#[track_caller]
fn run(broker: &Broker, line: &str) -> String {
    let mut words = line.split_whitespace();
    let class = match words.next().unwrap() {
        "kafka-acls" => "org.apache.kafka.tools.AclCommand",
        "kafka-configs" => "kafka.admin.ConfigCommand",
        "kafka-topics" => "org.apache.kafka.tools.TopicCommand",
        other => panic!("no command {other}"),
    };
    let here = |word: &str| if word == "kafka-0.kafka:9092" { broker.bootstrap() } else { word.to_owned() };
    let output = broker.java(class).args(words.map(here)).stdin(Stdio::null()).output().unwrap();
    let text = text_of(&output);
    assert!(output.status.success(), "{line}: {text}");
    text
}

/// kcat as one of the users; returns whether it succeeds, and its output.
fn kcat(broker: &Broker, user: &str, arguments: &[&str], input: &str) -> (bool, String) {
    let (user, password) = (format!("sasl.username={user}"), format!("sasl.password={PASSWORD}"));
    let properties = [
        "security.protocol=SASL_PLAINTEXT",
        "sasl.mechanisms=SCRAM-SHA-512",
        &user,
        &password,
        "message.timeout.ms=5000",
    ];
    let output = assert_cmd::Command::new("kcat")
        .args(["-b", &broker.listener("SALTED")])
        .args(properties.iter().flat_map(|property| ["-X", property]))
        .args(arguments)
        .write_stdin(input)
        .output()
        .expect("kcat runs");
    (output.status.success(), text_of(&output))
}

/// The output of a command, from both streams.
fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A broker that lets the users `shop` and `archive` log in, and gives them no rights.
fn secured() -> Option<Broker> {
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let salted = [("sasl.enabled.mechanisms", "SCRAM-SHA-512"), ("scram-sha-512.sasl.jaas.config", scram)];
    let users = ["shop", "archive"].map(|user| format!("SCRAM-SHA-512=[name={user},password=\"{PASSWORD}\"]"));
    let arguments = ["--add-scram", &users[0], "--add-scram", &users[1]];
    let mut broker = Broker::prepare_with(&[listener("SALTED", "SASL_PLAINTEXT", &salted)], &arguments)?;
    // A client of the plaintext listener has no name, and may do everything.
    broker.configure("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer");
    broker.configure("super.users=User:ANONYMOUS");
    broker.restart();
    Some(broker)
}

/// The settings of logskiff as the user `shop`.
fn shop(broker: &Broker, folder: &Path, topic: &str) -> Settings {
    Settings::new(folder, &broker.listener("SALTED"), topic)
        .with("LOGSKIFF_KAFKA_SASL", "scram-sha-512")
        .with("LOGSKIFF_KAFKA_USERNAME", "shop")
        .with("LOGSKIFF_KAFKA_PASSWORD", PASSWORD)
}

/// Goal: logskiff needs two rights on a topic; without the right to write, lines wait and nothing is lost.
#[test]
fn two_rights_are_enough_and_can_be_revoked() {
    let Some(broker) = secured() else { return };
    let commands = commands();
    assert_eq!(commands.len(), 5, "{commands:?}");
    for line in &commands {
        run(&broker, line);
    }
    let described = run(
        &broker,
        "kafka-configs --bootstrap-server kafka-0.kafka:9092 --describe --entity-type topics --entity-name logs-shop",
    );
    assert!(described.contains("retention.ms=604800000"), "{described}");

    broker.create_topic(TOPIC, 1, &[]);
    let folder = tempfile::Builder::new().prefix("logskiff-real-").tempdir().unwrap();
    let settings = shop(&broker, folder.path(), TOPIC);
    let mut sidecar = Sidecar::start(folder.path(), &settings);
    let plan = Plan { lines: 60_000, lines_per_s: 1_000, rotate_every: 20_000 };
    let writer = Writer::start(folder.path(), plan);
    wait_until("the first lines", PATIENCE, || broker.end_offset(TOPIC) > 1_000);

    // A writer cannot read, and a reader cannot write.
    let read = ["-C", "-e", "-q", "-o", "beginning", "-c", "10", "-t", TOPIC];
    let (own, text) = kcat(&broker, "shop", &read, "");
    assert!(!own && text.contains("authorization failed"), "{text}");
    let (other, text) = kcat(&broker, "archive", &read, "");
    assert!(other && text.contains("seq="), "{text}");
    let (written, text) = kcat(&broker, "archive", &["-P", "-t", TOPIC], "forged\n");
    assert!(!written, "{text}");

    // The right is revoked while lines come, and granted again.
    let grant = commands.iter().find(|line| line.contains("User:shop")).unwrap();
    run(&broker, &grant.replace("--add", "--remove --force"));
    wait_until("the refusal", PATIENCE, || sidecar.stderr().contains("TopicAuthorizationFailed"));
    let before = broker.end_offset(TOPIC);
    sleep(Duration::from_secs(10));
    assert!(sidecar.is_running() && broker.end_offset(TOPIC) <= before + 1_000, "lines went on without the right");
    run(&broker, grant);
    let before = broker.end_offset(TOPIC);
    wait_until("lines once more", REGAINED, || broker.end_offset(TOPIC) > before + 1_000);
    let places = writer.stop();
    sidecar.drain(DRAIN_DEADLINE);
    let lines = places.len() as u64;
    let tally = Tally::from_messages(&broker.consume(TOPIC), &places);
    // Refused records are sent again while new lines are accepted: they arrive after some of them.
    assert!(tally.out_of_order <= 2, "{tally:?}");
    Tally { out_of_order: 0, ..tally }.check(lines, lines / 100);
}

/// Goal: with the right to describe a topic's configuration, its limit is known; without it, refusals show the limit,
/// which is said once. Everything arrives once either way.
#[test]
fn a_limit_is_learned_without_the_right_to_ask_for_it() {
    const SMALL: &str = "logs-shop-small";
    const LINES: u64 = 3_000;
    let Some(broker) = secured() else { return };
    let commands = commands();
    let grant = commands.iter().find(|line| line.contains("User:shop")).unwrap();
    run(&broker, grant);
    broker.create_topic(SMALL, 1, &[("max.message.bytes", "100000")]);
    for (run_number, may_ask) in [(1, false), (2, true)] {
        let folder = tempfile::Builder::new().prefix("logskiff-real-").tempdir().unwrap();
        let line = |n: u64| {
            if n == LINES / 2 { format!("{n} {}\n", "x".repeat(300_000)) } else { format!("{n} {}\n", "y".repeat(300)) }
        };
        std::fs::create_dir_all(folder.path().join("logs")).unwrap();
        std::fs::write(folder.path().join("logs/app.log"), (0..LINES).map(line).collect::<String>()).unwrap();
        if may_ask {
            run(&broker, &grant.replace("--operation Write", "--operation DescribeConfigs"));
        }
        let settings = shop(&broker, folder.path(), SMALL)
            .with("LOGSKIFF_ENCODING", "raw")
            .with("LOGSKIFF_KAFKA_COMPRESSION", "none")
            .with("LOGSKIFF_EXIT", "eof");
        let mut sidecar = Sidecar::start(folder.path(), &settings);
        let (status, _) = sidecar.wait(PATIENCE);
        assert!(status.success(), "the run ended with {status}");
        let log = sidecar.stderr();
        assert_eq!(log.matches("does not say a topic's max.message.bytes").count(), usize::from(!may_ask), "{log}");
        assert_eq!(log.matches("using the topic's max.message.bytes").count(), usize::from(may_ask), "{log}");
        assert_eq!(log.contains("rejected a message"), !may_ask, "{log}");
        let messages = broker.consume(SMALL);
        let whole = messages.iter().filter(|message| !message.headers.contains_key("part"));
        let mut numbers: Vec<u64> = whole
            .map(|message| String::from_utf8_lossy(&message.payload).split_once(' ').unwrap().0.parse().unwrap())
            .collect();
        numbers.sort_unstable();
        let want = (0..LINES).filter(|n| *n != LINES / 2).flat_map(|n| std::iter::repeat_n(n, run_number));
        assert_eq!(numbers, want.collect::<Vec<_>>(), "the lines of {run_number} runs");
        let parts = messages.iter().filter(|message| message.headers.contains_key("part"));
        let bytes: usize = parts.map(|message| message.payload.len()).sum();
        assert!(bytes >= run_number * 300_000, "{bytes} bytes of parts");
    }
}

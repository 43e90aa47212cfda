//! Downstream of logskiff: each example of `docs/downstream.md` with the real aggregator, after a real Kafka or RELP,
//! to a real OpenSearch, an OTLP receiver, or a server with Cloud Logging's interface.
//!
//! Needs `LOGSKIFF_TEST_DOWNSTREAM` (`.ci/downstream-install DIR`), `LOGSKIFF_TEST_KAFKA` and `LOGSKIFF_TEST_SYSLOG`.
//! Without the variables the tests report that and pass; with `LOGSKIFF_TEST_REAL=1` they fail. Run with
//! `--test-threads=1`.

mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use parts::{
    Heads, Program, Search, attribute, documented, documented_collector, documented_variables, example, otlp_receiver,
    otlp_records,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::authority::Authority;
use crate::support::broker::{self, Broker, Listener, free_ports};
use crate::support::receiver::rsyslogd;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{receiver, wait_polling};

const LINES: u64 = 8_000;
/// Timeout for work that normally takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(200);
const TOPIC: &str = "logs";

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("logskiff-downstream-").tempdir().unwrap()
}

/// Lines of an application, from number `from` to before `to`: JSON, plain text, non-ASCII text, some of 100 kB, with
/// values to redact.
fn write(folder: &Path, name: &str, from: u64, to: u64) {
    let line = |seq: u64| match seq % 4 {
        0 => format!(
            r#"{{"time":"2026-11-26T10:15:02.{:03}Z","level":"warn","message":"login failed","seq":{seq},"user":{{"id":7}},"password":"hunter2","status":500}}"#,
            seq % 1000
        ),
        1 => format!(
            r#"{{"time":"2026-11-26T10:15:03Z","level":"error","message":"Zahlung abgelehnt: größer als 5 €","seq":{seq}}}"#
        ),
        2 if seq % 1000 == 2 => {
            format!(r#"{{"time":"2026-11-26T10:15:04.000123Z","seq":{seq},"text":"{}"}}"#, "x".repeat(100_000))
        }
        2 => format!(r#"{{"time":"2026-11-26T10:15:04.000123Z","seq":{seq},"tags":["a","b"]}}"#),
        _ => format!("seq={seq} plain text with \"quotes\" and \\"),
    };
    let text: String = (from..to).map(|seq| line(seq) + "\n").collect();
    fs::create_dir_all(folder.join("logs")).unwrap();
    let mut file = fs::File::options().create(true).append(true).open(folder.join("logs").join(name)).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

/// A sidecar as in a pod, for one file.
fn settings(folder: &Path, brokers: &str, name: &str) -> Settings {
    let labels = folder.join("labels");
    fs::write(&labels, "app=\"shop\"\napp.kubernetes.io/name=\"shop-front\"\n").unwrap();
    let settings = Settings::new(folder, brokers, TOPIC)
        .with("LOGSKIFF_PATHS", &folder.join("logs").join(name).display().to_string())
        .with("LOGSKIFF_LABELS_FILE", &labels.display().to_string())
        .with("LOGSKIFF_PARSE", "json");
    [
        ("POD_NAME", "shop-1"),
        ("POD_NAMESPACE", "shop"),
        ("POD_UID", "9d0bb2b8-8c6c-4c39-9f53-3a4f1e4b6a7d"),
        ("POD_IP", "10.0.0.7"),
        ("NODE_NAME", "node-1"),
        ("CONTAINER_NAME", "app"),
    ]
    .into_iter()
    .fold(settings, |settings, (name, value)| settings.with(name, value))
}

/// Ships a file completely.
fn ship(folder: &Path, settings: &Settings) {
    let settings = settings.clone().with("LOGSKIFF_EXIT", "eof");
    let (status, _) = Sidecar::start(folder, &settings).wait(PATIENCE);
    assert!(status.success(), "{status}");
}

/// Creates Kafka's topic before a consumer requests it.
fn broker() -> Option<Broker> {
    let broker = Broker::start()?;
    broker.create_topic(TOPIC, 3, &[]);
    Some(broker)
}

/// A message of another producer.
fn produce(brokers: &str, message: &str) {
    let mut kcat = assert_cmd::Command::new("kcat");
    kcat.args(["-P", "-b", brokers, "-t", TOPIC]).write_stdin(format!("{message}\n")).assert().success();
}

fn text(value: &str) -> Value {
    json!({"stringValue": value})
}

/// The parts for the tests of rsyslog.
fn with_rsyslog() -> Option<(PathBuf, PathBuf, Broker)> {
    Some((parts::parts()?, receiver::real_parts()?, broker()?))
}

/// rsyslog, as the document starts it, with replacements in its configuration (old and new text).
fn start_rsyslog(syslog: &Path, folder: &Path, broker: &Broker, ports: [u16; 2], other: (&str, &str)) -> Program {
    let [relp_port, search_port] = ports;
    let (variables, conf) = documented("rsyslog-elasticsearch.conf");
    let text = fs::read_to_string(&conf[0]).unwrap();
    assert!(text.contains(other.0), "{}", other.0);
    let conf = folder.join("rsyslog.conf");
    fs::write(&conf, text.replace(other.0, other.1)).unwrap();
    fs::create_dir(folder.join("rsyslog")).unwrap();
    let mut command = rsyslogd(syslog, &conf);
    let values = [
        ("WORK_DIRECTORY", folder.join("rsyslog").display().to_string()),
        ("RELP_PORT", relp_port.to_string()),
        ("KAFKA_BROKERS", broker.bootstrap()),
        ("KAFKA_TOPIC", TOPIC.to_owned()),
        ("SEARCH_SERVER", "127.0.0.1".to_owned()),
        ("SEARCH_PORT", search_port.to_string()),
    ];
    assert_eq!(variables.iter().collect::<BTreeSet<_>>().len(), values.len());
    command.envs(variables.iter().map(|name| {
        let value = values.iter().find(|(known, _)| known == name);
        value.unwrap_or_else(|| panic!("{name} has no value")).clone()
    }));
    Program::start(folder, "rsyslog", command)
}

/// A sidecar with the document's own variables, for this rsyslog.
fn by_relp(folder: &Path, port: u16) -> Settings {
    let state = folder.join("state-relp");
    fs::create_dir(&state).unwrap();
    let settings = settings(folder, "", "relp.log")
        .without("LOGSKIFF_KAFKA_BROKERS")
        .without("LOGSKIFF_KAFKA_TOPIC")
        .with("LOGSKIFF_STATE_DIR", &state.display().to_string());
    documented_variables().into_iter().fold(settings, |settings, (name, value)| {
        settings.with(&name, &value.replace("rsyslog.logging:2514", &format!("127.0.0.1:{port}")))
    })
}

/// Kafka and RELP to OpenSearch, through rsyslog's Elasticsearch output module: every record once, typed as in ECS,
/// also if the store is away, rsyslog is killed, and the lines are sent again.
#[test]
fn rsyslog_stores_each_record_once_in_opensearch() {
    let Some((installed, syslog, broker)) = with_rsyslog() else { return };
    let folder = folder();
    let ports = free_ports(2);
    let mut search = Search::start(&installed, folder.path(), ports[1]);
    search.prepare();
    let work = folder.path().join("rsyslog");
    let mut rsyslog = start_rsyslog(&syslog, folder.path(), &broker, [ports[0], ports[1]], ("", ""));

    let by_kafka = settings(folder.path(), &broker.bootstrap(), "kafka.log");
    let by_relp = by_relp(folder.path(), ports[0]);
    let both = |from: u64, to: u64| {
        write(folder.path(), "kafka.log", from, to);
        write(folder.path(), "relp.log", from, to);
        ship(folder.path(), &by_kafka);
        ship(folder.path(), &by_relp);
    };

    both(0, LINES / 4);
    wait_polling("the first of them", PATIENCE, LOOK, || search.count() == LINES / 2);
    // The store is away; rsyslog queues messages on its disk, and is killed.
    search.program.end("TERM");
    both(LINES / 4, LINES / 2);
    std::thread::sleep(Duration::from_secs(2));
    rsyslog.end("KILL");
    rsyslog.restart();
    search.program.restart();
    search.wait_ready();
    wait_polling("all of them", PATIENCE, LOOK, || search.count() == LINES);

    // Everything again, as after the loss of a checkpoint: there are no duplicates, and the last line shows that
    // everything has arrived.
    write(folder.path(), "kafka.log", LINES / 2, LINES / 2 + 1);
    write(folder.path(), "relp.log", LINES / 2, LINES / 2 + 1);
    ship(folder.path(), &by_kafka.with("LOGSKIFF_STATE_DIR", "none"));
    ship(folder.path(), &by_relp.with("LOGSKIFF_STATE_DIR", "none"));
    wait_polling("one more of each", PATIENCE, LOOK, || search.count() == LINES + 2);
    let written = |name: &str| fs::read_to_string(work.join(name)).unwrap_or_default();
    assert_eq!((written("refused.log"), written("not-json.log")), (String::new(), String::new()));

    // Queries that need the template: ranges of time, terms, types.
    let found = |query: Value| {
        search.request(
            "POST",
            "/logs-logskiff/_search?size=1",
            &json!({"query": query, "track_total_hits": true}).to_string(),
        )
    };
    let range = found(json!({"range": {"@timestamp": {"gte": "2026-11-26T10:15:03Z", "lt": "2026-11-26T10:15:04Z"}}}));
    assert_eq!(range["hits"]["total"]["value"], LINES / 4, "{range}");
    let warned = found(json!({"bool": {"filter": [
        {"term": {"log.level": "warn"}}, {"term": {"kubernetes.pod.ip": "10.0.0.0/8"}}, {"match": {"message": "failed"}}]}}));
    assert_eq!(warned["hits"]["total"]["value"], LINES / 4 + 2, "{warned}");
    let document = &warned["hits"]["hits"][0];
    assert_eq!(document["_source"]["password"], "<redacted:field>");
    assert_eq!(document["_id"], document["_source"]["event.id"]);
    assert_eq!(found(json!({"query_string": {"query": "hunter2"}}))["hits"]["total"]["value"], 0);

    // Messages that are no record, and records that the store refuses, are kept for the operator, and block nothing.
    produce(&broker.bootstrap(), "not JSON");
    produce(&broker.bootstrap(), r#"{"@timestamp":"2026-11-26T10:15:05Z","event.id":"a-1","log.offset":"text"}"#);
    produce(&broker.bootstrap(), r#"{"@timestamp":"2026-11-26T10:15:05Z","event.id":"a-2","log.offset":1}"#);
    wait_polling("what comes after", PATIENCE, LOOK, || search.count() == LINES + 3);
    wait_polling("what is no record", PATIENCE, LOOK, || written("not-json.log").contains("not JSON"));
    wait_polling("what was refused", PATIENCE, LOOK, || {
        let refused = written("refused.log");
        refused.contains("\"a-1\"") && refused.contains("mapper_parsing_exception") && !refused.contains("\"a-2\"")
    });
}

/// A full queue discards nothing: it accepts no more, and the lines wait in their files. It continues when the store is
/// back, also if the store already has half of the lines and reports each as a conflict.
#[test]
fn a_full_rsyslog_makes_logskiff_wait() {
    let Some((installed, syslog, broker)) = with_rsyslog() else { return };
    let folder = folder();
    let ports = free_ports(2);
    let mut search = Search::start(&installed, folder.path(), ports[1]);
    search.prepare();
    let little = ("queue.maxDiskSpace=\"1g\"", "queue.maxDiskSpace=\"500k\" queue.maxFileSize=\"50k\"");
    let _rsyslog = start_rsyslog(&syslog, folder.path(), &broker, [ports[0], ports[1]], little);
    let settings = by_relp(folder.path(), ports[0]).with("LOGSKIFF_EXIT", "eof").with("LOGSKIFF_STATE_DIR", "none");
    write(folder.path(), "relp.log", 0, LINES / 2);
    ship(folder.path(), &settings);
    wait_polling("a half of them", PATIENCE, LOOK, || search.count() == LINES / 2);
    search.program.end("TERM");
    write(folder.path(), "relp.log", LINES / 2, LINES);
    let mut sidecar = Sidecar::start(folder.path(), &settings);
    // Several times rsyslog's default timeout for free space.
    std::thread::sleep(Duration::from_secs(8));
    assert!(sidecar.is_running(), "all of it was taken");
    search.program.restart();
    search.wait_ready();
    let (status, _) = sidecar.wait(PATIENCE);
    assert!(status.success(), "{status}");
    wait_polling("all of them", PATIENCE, LOOK, || search.count() == LINES);
    search.program.end("TERM");
}

/// Through the collector to an OTLP receiver, as for Loki and CloudWatch: every record at least once although the
/// collector is killed and the receiver is away, in OpenTelemetry's terms; a message that is no record blocks nothing.
#[test]
fn the_collector_loses_nothing_on_the_way_to_otlp() {
    let (Some(installed), Some(broker)) = (parts::parts(), broker()) else { return };
    let folder = folder();
    let port = free_ports(1)[0];
    let (mut store, received) = otlp_receiver(&installed, folder.path(), port);
    let url = format!("http://127.0.0.1:{port}");
    let brokers = broker.bootstrap();
    let variables = [("KAFKA_BROKERS", brokers.as_str()), ("KAFKA_TOPIC", TOPIC), ("LOKI_URL", &url)];
    let command = documented_collector(&installed, folder.path(), "loki.yaml", &variables, json!({}));
    let mut aggregator = Program::start(folder.path(), "collector", command);

    let settings = settings(folder.path(), &brokers, "app.log");
    let count = || {
        let mut counts = BTreeMap::<String, u64>::new();
        for (_, record) in otlp_records(&received) {
            let id = attribute(&record["attributes"], "log.record.uid");
            let Some(id) = id["stringValue"].as_str().map(str::to_owned) else { continue };
            *counts.entry(id).or_default() += 1;
        }
        counts
    };
    write(folder.path(), "app.log", 0, LINES / 2);
    ship(folder.path(), &settings);
    wait_polling("a part of them", PATIENCE, LOOK, || !count().is_empty());
    aggregator.end("KILL");
    let at_kill = count().len();
    // A message that is no record, among the others.
    let kcat =
        assert_cmd::Command::new("kcat").args(["-P", "-b", &brokers, "-t", TOPIC]).write_stdin("not JSON\n").ok();
    assert!(kcat.is_ok());
    store.end("KILL");
    write(folder.path(), "app.log", LINES / 2, LINES);
    ship(folder.path(), &settings);
    aggregator.restart();
    wait_polling("the receiver to be missed", PATIENCE, LOOK, || aggregator.log().contains("connection refused"));
    store.restart();
    wait_polling("all of them", PATIENCE, LOOK, || count().len() as u64 == LINES);
    let duplicates = count().values().map(|times| times - 1).sum::<u64>();
    eprintln!("{LINES} records, {at_kill} of them there when the collector was killed, {duplicates} twice");

    let records = otlp_records(&received);
    let by_seq = |seq: u64| {
        let seq = json!({"doubleValue": seq});
        records.iter().find(|(_, record)| attribute(&record["attributes"], "seq") == seq).expect("a record")
    };
    let (resource, record) = by_seq(4);
    for (name, value) in [
        ("k8s.namespace.name", "shop"),
        ("k8s.node.name", "node-1"),
        ("k8s.pod.name", "shop-1"),
        ("k8s.pod.uid", "9d0bb2b8-8c6c-4c39-9f53-3a4f1e4b6a7d"),
        ("k8s.pod.ip", "10.0.0.7"),
        ("k8s.container.name", "app"),
        ("service.name", "shop-front"),
        ("k8s.pod.label.app", "shop"),
    ] {
        assert_eq!(attribute(resource, name), text(value), "{name} in {resource}");
    }
    assert_eq!(record["timeUnixNano"], "1795688102004000000");
    assert_eq!((&record["severityNumber"], &record["severityText"]), (&json!(13), &json!("warn")));
    assert_eq!(record["body"], text("login failed"));
    let attributes = &record["attributes"];
    assert_eq!(attribute(attributes, "password"), text("<redacted:field>"));
    assert_eq!(attribute(attributes, "user")["kvlistValue"]["values"][0]["value"], json!({"doubleValue": 7}));
    for moved in
        ["@timestamp", "event.created", "log.level", "event.id", "message", "kubernetes.pod.name", "kubernetes.labels"]
    {
        assert_eq!(attribute(attributes, moved), Value::Null, "{moved}");
    }
    // A message that is no record is passed on unchanged.
    assert!(records.iter().any(|(_, record)| record["body"] == text("not JSON")));
    // A time finer than milliseconds; no message; a line that is not JSON.
    let (_, record) = by_seq(6);
    assert_eq!(record["timeUnixNano"], "1795688104000123000");
    assert!(record["body"]["kvlistValue"].is_object(), "{record}");
    let plain = records.iter().filter(|(_, record)| attribute(&record["attributes"], "parse.error") == text("json"));
    assert!(plain.count() as u64 >= LINES / 4);
}

/// A store that refuses permanently, because a permission is missing: no record is skipped. The partition waits until
/// the collector is restarted.
#[test]
fn the_collector_skips_no_refused_record() {
    let (Some(installed), Some(broker)) = (parts::parts(), broker()) else { return };
    let folder = folder();
    let store = Heads::start();
    store.answer_with(403);
    write(folder.path(), "app.log", 0, 40);
    ship(folder.path(), &settings(folder.path(), &broker.bootstrap(), "app.log"));
    let (brokers, url) = (broker.bootstrap(), format!("http://127.0.0.1:{}", store.port));
    let variables = [("KAFKA_BROKERS", brokers.as_str()), ("KAFKA_TOPIC", TOPIC), ("LOKI_URL", &url)];
    let command = documented_collector(&installed, folder.path(), "loki.yaml", &variables, json!({}));
    let mut aggregator = Program::start(folder.path(), "collector", command);
    wait_polling("it to stand still", PATIENCE, LOOK, || aggregator.log().contains("pausing partition"));
    store.answer_with(200);
    aggregator.end("TERM");
    aggregator.restart();
    wait_polling("all of them", PATIENCE, LOOK, || store.all().len() == 40);
}

/// With TLS and SCRAM, as in the overlay.
#[test]
fn the_collector_connects_by_tls_and_scram() {
    let (Some(installed), true) = (parts::parts(), broker::real_parts().is_some()) else { return };
    let folder = folder();
    let authority = Authority::new("ours");
    let own = authority.issue("broker", "IP:127.0.0.1");
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let settings_of_door = [
        ("ssl.keystore.type", "PEM"),
        ("ssl.keystore.location", own.both.to_str().unwrap()),
        ("sasl.enabled.mechanisms", "SCRAM-SHA-512"),
        ("scram-sha-512.sasl.jaas.config", scram),
    ];
    let settings_of_door = settings_of_door.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let listener = Listener { name: "SECURE", host: "127.0.0.1", protocol: "SASL_SSL", settings: settings_of_door };
    let user = "SCRAM-SHA-512=[name=archive,password=\"right\"]";
    let mut broker = Broker::prepare_with(&[listener], &["--add-scram", user]).unwrap();
    broker.restart();
    broker.create_topic(TOPIC, 1, &[]);
    let store = Heads::start();
    write(folder.path(), "app.log", 0, 4);
    ship(folder.path(), &settings(folder.path(), &broker.bootstrap(), "app.log"));
    let (brokers, url) = (broker.listener("SECURE"), format!("http://127.0.0.1:{}", store.port));
    let ca = authority.certificate().display().to_string();
    let variables = [
        ("KAFKA_BROKERS", brokers.as_str()),
        ("KAFKA_TOPIC", TOPIC),
        ("LOKI_URL", &url),
        ("KAFKA_CA_FILE", &ca),
        ("KAFKA_USERNAME", "archive"),
        ("KAFKA_PASSWORD", "right"),
    ];
    let mut command = documented_collector(&installed, folder.path(), "loki.yaml", &variables, json!({}));
    command.arg("--config").arg(example("kafka-tls.yaml"));
    let _aggregator = Program::start(folder.path(), "collector", command);
    wait_polling("all of them", PATIENCE, LOOK, || store.all().len() == 4);
}

/// To CloudWatch's OTLP endpoint: signed for its service and region, with the group and the stream.
#[test]
fn requests_to_cloudwatch_are_signed() {
    let (Some(installed), Some(broker)) = (parts::parts(), broker()) else { return };
    let folder = folder();
    let heads = Heads::start();
    write(folder.path(), "app.log", 0, 10);
    ship(folder.path(), &settings(folder.path(), &broker.bootstrap(), "app.log"));
    let (brokers, url) = (broker.bootstrap(), format!("http://127.0.0.1:{}", heads.port));
    let variables = [
        ("KAFKA_BROKERS", brokers.as_str()),
        ("KAFKA_TOPIC", TOPIC),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIATEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("CLOUDWATCH_URL", &url),
        ("LOG_GROUP", "/shop"),
        ("LOG_STREAM", "logskiff"),
    ];
    let start = |variables: &[(&str, &str)]| {
        documented_collector(&installed, folder.path(), "cloudwatch.yaml", variables, json!({}))
    };
    let _aggregator = Program::start(folder.path(), "collector", start(&variables));
    wait_polling("a request", PATIENCE, LOOK, || !heads.all().is_empty());
    let head = &heads.all()[0];
    assert!(head.starts_with("post /v1/logs http/1.1\r\n"), "{head}");
    let header =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default();
    assert_eq!((header("x-aws-log-group"), header("x-aws-log-stream")), ("/shop", "logskiff"));
    assert_eq!(header("content-type"), "application/x-protobuf");
    let signed = header("authorization");
    assert!(signed.starts_with("aws4-hmac-sha256 credential=akiatest/"), "{signed}");
    assert!(
        signed.contains("/eu-central-1/logs/aws4_request, signedheaders=") && signed.contains("signature="),
        "{signed}"
    );
    // Without a configured address, the region's address is used.
    let without: Vec<_> = variables.into_iter().filter(|(name, _)| *name != "CLOUDWATCH_URL").collect();
    let checked = start(&without).arg("validate").output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// To Cloud Logging's interface: entries of a container, with severity, time and the record as payload.
#[test]
fn entries_for_cloud_logging_are_the_records() {
    let (Some(installed), Some(broker)) = (parts::parts(), broker()) else { return };
    let folder = folder();
    let port = free_ports(1)[0].to_string();
    let entries = folder.path().join("entries.json");
    let mut command = Command::new(installed.join("cloud-logging"));
    command.arg(&port).arg(&entries);
    let _server = Program::start(folder.path(), "cloud-logging", command);
    write(folder.path(), "app.log", 0, 1_000);
    ship(folder.path(), &settings(folder.path(), &broker.bootstrap(), "app.log"));
    // Without TLS and credentials here.
    let here =
        json!({"exporters": {"googlecloud": {"log": {"endpoint": format!("127.0.0.1:{port}"), "use_insecure": true}}}});
    let brokers = broker.bootstrap();
    let variables = [
        ("KAFKA_BROKERS", brokers.as_str()),
        ("KAFKA_TOPIC", TOPIC),
        ("GOOGLE_CLOUD_PROJECT", "shop-prod"),
        ("CLUSTER_NAME", "blue"),
        ("CLUSTER_LOCATION", "europe-west1"),
    ];
    let command = documented_collector(&installed, folder.path(), "cloud-logging.yaml", &variables, here);
    let _aggregator = Program::start(folder.path(), "collector", command);
    let received = || {
        let text = fs::read_to_string(&entries).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect::<Vec<_>>()
    };
    wait_polling("all entries", PATIENCE, LOOK, || received().len() == 1_000);
    let entries = received();
    let entry = entries.iter().find(|entry| entry["jsonPayload"]["seq"] == 4).expect("an entry");
    assert_eq!(entry["logName"], "projects/shop-prod/logs/logskiff");
    assert_eq!(entry["resource"]["type"], "k8s_container", "{entry}");
    assert_eq!(
        entry["resource"]["labels"],
        json!({"cluster_name": "blue", "location": "europe-west1", "namespace_name": "shop", "pod_name": "shop-1", "container_name": "app"})
    );
    assert_eq!((&entry["severity"], &entry["timestamp"]), (&json!("WARNING"), &json!("2026-11-26T10:15:02.004Z")));
    let payload = &entry["jsonPayload"];
    assert_eq!((&payload["message"], &payload["status"]), (&json!("login failed"), &json!(500)));
    assert_eq!((&payload["user"]["id"], &payload["password"]), (&json!(7), &json!("<redacted:field>")));
    assert!(entry["labels"]["log.record.uid"].is_string(), "{entry}");
    let severities = entries.iter().filter(|entry| entry["severity"] == "ERROR").count();
    assert_eq!(severities, 250);
}

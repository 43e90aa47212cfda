//! The environment: valid values are read, every invalid one is reported, secrets are never shown.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use logskiff::config::variables::{Kind, PREFIX, RENAMED, VARIABLES};
use logskiff::config::{Config, Environment, Mistakes, effective};
use logskiff::sink::kafka;
use proptest::prelude::*;
use redact::{Action, TokenKey};
use serde_json::Value;

mod formats;
mod kafka_messages;
mod rule_files;
mod slips;
pub mod syslog;

const KAFKA: &[(&str, &str)] = &[("LOGSKIFF_OUTPUT", "kafka"), ("LOGSKIFF_KAFKA_BROKERS", "kafka:9092")];

fn read(variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
    Config::from_vars(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn with_kafka(variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
    read(&[KAFKA, variables].concat())
}

#[track_caller]
fn check_right(variables: &[(&str, &str)]) -> Config {
    with_kafka(variables).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// Checks that there is exactly one mistake, with the variable, the reason and an example.
#[track_caller]
fn check_wrong(variables: &[(&str, &str)], variable: &str, reason: &str) {
    let mistakes = read(variables).err().map_or(Vec::new(), |mistakes| mistakes.0);
    let [mistake] = &mistakes[..] else { panic!("not one mistake: {mistakes:#?}") };
    assert_eq!(mistake.variable, variable, "{mistake}");
    assert!(mistake.reason.contains(reason), "{mistake}");
    assert!(mistake.example.as_ref().is_some_and(|example| !example.is_empty()), "{mistake}");
}

/// The same, with Kafka configured.
#[track_caller]
fn check_wrong_kafka(variables: &[(&str, &str)], variable: &str, reason: &str) {
    check_wrong(&[KAFKA, variables].concat(), variable, reason);
}

#[track_caller]
fn check_property(config: &kafka::Config, name: &str, value: &str) {
    let prevails = config.properties.0.iter().rfind(|(known, _)| known == name);
    assert_eq!(prevails.map(|(_, value)| value.as_str()), Some(value), "{name}");
}

fn as_environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(variables.iter().map(|(name, value)| (name.into(), value.into())))
}

#[test]
fn an_empty_environment_is_valid() {
    let config = read(&[("PATH", "/bin"), ("LOGSKIFF_SERVICE_HOST", "10.0.0.1"), ("LOGSKIFF_LINGER", "")]).unwrap();
    assert_eq!(config.inputs.len(), 1);
    assert_eq!(config.inputs[0].name, "default");
    assert_eq!(config.inputs[0].source.paths, ["/var/log/app/**/*.log"]);
    assert_eq!(config.inputs[0].frame.line_bytes_max, 1 << 20);
    assert_eq!(config.inputs[0].redact.fields.len(), 8);
    assert_eq!(config.batch.linger.as_millis(), 50);
    assert_eq!(config.batch.in_flight_bytes, 6 << 20);
    assert!(matches!(config.output.outputs[..], [logskiff::sink::OutputConfig::Stdout]));
}

/// Goal: a linger that is set does not grow, unless that is set too.
#[test]
fn the_longest_linger_follows_one_that_is_set() {
    let longest = |variables: &[(&str, &str)]| read(variables).unwrap().batch.linger_max.as_millis();
    assert_eq!(longest(&[]), 1_000);
    assert_eq!(longest(&[("LOGSKIFF_LINGER", "2s")]), 2_000);
    assert_eq!(longest(&[("LOGSKIFF_LINGER", "7ms")]), 7);
    assert_eq!(longest(&[("LOGSKIFF_LINGER", "7ms"), ("LOGSKIFF_LINGER_MAX", "3s")]), 3_000);
    assert_eq!(longest(&[("LOGSKIFF_LINGER_MAX", "50ms")]), 50);
}

/// An invalid default would silently become zero.
#[test]
fn every_default_and_every_documented_word_is_valid() {
    for variable in VARIABLES.iter().filter(|variable| !variable.is_family()) {
        let words = match variable.kind {
            Kind::Choice(words) | Kind::Choices(words) => words,
            _ => &[variable.default],
        };
        for word in words {
            let printed = [("LOGSKIFF_KAFKA_BROKERS", "a:1"), ("LOGSKIFF_OUTPUT", "stdout"), (variable.name, *word)];
            let mistakes = read(&printed).err().map_or(Vec::new(), |mistakes| mistakes.0);
            // A method may need more variables; that is a mistake of another variable.
            assert!(mistakes.iter().all(|mistake| mistake.variable != variable.name), "{word}: {mistakes:?}");
        }
        if matches!(variable.kind, Kind::Choice(_) | Kind::Choices(_)) {
            let Mistakes(mistakes) = read(&[(variable.name, "nonsense")]).unwrap_err();
            let expected = format!("\"nonsense\" is not one of {}", words.join(", "));
            assert!(mistakes.iter().any(|mistake| mistake.reason == expected), "{}: {mistakes:?}", variable.name);
        }
    }
}

#[test]
fn every_example_is_valid() {
    for variable in VARIABLES.iter().filter(|variable| !variable.is_family() && !variable.secret) {
        let pod = [("POD_NAMESPACE", "shop"), ("POD_NAME", "shop-0"), ("NODE_NAME", "node-1")];
        let others = pod.into_iter().filter(|(name, _)| *name != variable.name);
        let variables: Vec<_> = others.chain([(variable.name, variable.example)]).collect();
        let Err(Mistakes(mistakes)) = read(&variables) else { continue };
        let only_alone = |reason: &str| {
            reason.contains("set, but")
                || reason.starts_with("patterns need")
                || reason.starts_with("columns need")
                || reason.ends_with("cannot be read: entity not found")
        };
        for mistake in mistakes.iter().filter(|mistake| mistake.variable == variable.name) {
            assert!(only_alone(&mistake.reason), "{mistake}");
        }
    }
}

#[test]
fn all_mistakes_are_reported_with_examples() {
    let Mistakes(mistakes) = read(&[
        ("LOGSKIFF_LINGER", "50"),
        ("LOGSKIFF_OUTPUT", "kafka"),
        ("LOGSKIFF_PATHS", "app.log"),
        ("LOGSKIFF_PARSE", "ngnix"),
        ("LOGSKIFF_TYPO", "1"),
    ])
    .unwrap_err();
    let printed: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(
        printed,
        [
            "LOGSKIFF_TYPO: unknown variable; `logskiff env` lists all variables",
            "LOGSKIFF_PARSE: \"ngnix\" is no format; did you mean nginx? For example nginx,json",
            "LOGSKIFF_PATHS: \"app.log\" is not an absolute path; for example /var/log/app/**/*.log",
            "LOGSKIFF_LINGER: \"50\" has no unit; for example 50ms",
            "LOGSKIFF_KAFKA_BROKERS: not set, but LOGSKIFF_OUTPUT names kafka; \
             for example kafka-0.kafka:9092,kafka-1.kafka:9092",
        ]
    );
}

#[test]
fn invalid_inputs_are_reported() {
    check_wrong(&[("LOGSKIFF_PATHS", "/*.log")], "LOGSKIFF_PATHS", "no fixed directory");
    check_wrong(&[("LOGSKIFF_PATHS", "/app.log")], "LOGSKIFF_PATHS", "no fixed directory");
    check_wrong(&[("LOGSKIFF_PATHS", "/{a,b}/x.log")], "LOGSKIFF_PATHS", "no fixed directory");
    check_wrong(&[("LOGSKIFF_PATHS", "/var/../etc/*")], "LOGSKIFF_PATHS", "`..`");
    check_wrong(&[("LOGSKIFF_PATHS", "/var/log/")], "LOGSKIFF_PATHS", "directory");
    check_wrong(&[("LOGSKIFF_PATHS", "/var/log//app.log")], "LOGSKIFF_PATHS", "`//`");
    check_wrong(&[("LOGSKIFF_PATHS", "/var/./log/*.log")], "LOGSKIFF_PATHS", "`/./`");
    check_wrong(&[("LOGSKIFF_EXCLUDE", "**//debug.log")], "LOGSKIFF_EXCLUDE", "`//`");
    check_wrong(&[("LOGSKIFF_PATHS", "/var/log/[a")], "LOGSKIFF_PATHS", "is not a glob");
    check_wrong(&[("LOGSKIFF_PATHS", ",")], "LOGSKIFF_PATHS", "names no file");
    check_wrong(&[("LOGSKIFF_EXCLUDE", "*.gz")], "LOGSKIFF_EXCLUDE", "would match nothing");
    check_wrong(&[("LOGSKIFF_STATE_DIR", "state")], "LOGSKIFF_STATE_DIR", "not an absolute path");
    check_wrong(&[("LOGSKIFF_POLL_INTERVAL", "10ms")], "LOGSKIFF_POLL_INTERVAL", "below the minimum, 100ms");
    check_wrong(&[("LOGSKIFF_LINE_BYTES_MAX", "1B")], "LOGSKIFF_LINE_BYTES_MAX", "below the minimum, 1KiB");
    check_wrong(&[("LOGSKIFF_LINE_BYTES_MAX", "17MiB")], "LOGSKIFF_LINE_BYTES_MAX", "above the maximum, 16MiB");
    check_wrong(&[("LOGSKIFF_INPUT_A_PARSE", "json")], "LOGSKIFF_INPUT_A_PATHS", "not set");
    check_wrong(
        &[("LOGSKIFF_PATHS", "/a/b"), ("LOGSKIFF_INPUT_DEFAULT_PATHS", "/a/c")],
        "LOGSKIFF_INPUT_DEFAULT_PATHS",
        "already creates",
    );
    check_wrong(
        &[("LOGSKIFF_INPUT_A_PATHS", "/a/b"), ("LOGSKIFF_INPUT_A_START_AT", "middle")],
        "LOGSKIFF_INPUT_A_START_AT",
        "not one of beginning, end",
    );
}

#[test]
fn invalid_parsing_and_redaction_is_reported() {
    check_wrong(&[("LOGSKIFF_PARSE", "regex")], "LOGSKIFF_PARSE_PATTERN", "pattern");
    check_wrong(&[("LOGSKIFF_PARSE_PATTERN", "(?<a>.)")], "LOGSKIFF_PARSE_PATTERN", "LOGSKIFF_PARSE=regex or grok");
    check_wrong(&[("LOGSKIFF_PARSE_TYPES", "status")], "LOGSKIFF_PARSE_TYPES", "field:type");
    check_wrong(&[("LOGSKIFF_PARSE_TYPES", "a:date")], "LOGSKIFF_PARSE_TYPES", "int, float, bool, text");
    check_wrong(&[("LOGSKIFF_PARSE_TYPES", "a:int,a:text")], "LOGSKIFF_PARSE_TYPES", "two types");
    check_wrong(&[("LOGSKIFF_TIME_ZONE", "Mars/Base")], "LOGSKIFF_TIME_ZONE", "Mars/Base");
    check_wrong(&[("LOGSKIFF_MESSAGE_FIELD", "text,a..b")], "LOGSKIFF_MESSAGE_FIELD", "\"a..b\" has an empty part");
    check_wrong(&[("LOGSKIFF_TIME_FIELD", ".at")], "LOGSKIFF_TIME_FIELD", "empty part");
    check_wrong(&[("LOGSKIFF_LEVEL_FIELD", "sev.")], "LOGSKIFF_LEVEL_FIELD", "empty part");
    check_wrong(&[("LOGSKIFF_LEVEL_MAP", "trc:trace,note:inof")], "LOGSKIFF_LEVEL_MAP", "did you mean info?");
    check_wrong(&[("LOGSKIFF_LEVEL_MAP", "note:warm")], "LOGSKIFF_LEVEL_MAP", "did you mean warn?");
    check_wrong(&[("LOGSKIFF_LEVEL_MAP", "note:7")], "LOGSKIFF_LEVEL_MAP", "known are trace, debug, info");
    check_wrong(&[("LOGSKIFF_LEVEL_MAP", "note")], "LOGSKIFF_LEVEL_MAP", "not word:level");
    check_wrong(&[("LOGSKIFF_LEVEL_MAP", ":info")], "LOGSKIFF_LEVEL_MAP", "not word:level");
    check_wrong(&[("LOGSKIFF_LEVEL_MAP", "a:info,A:warn")], "LOGSKIFF_LEVEL_MAP", "two levels");
    check_wrong(
        &[("LOGSKIFF_INPUT_A_PATHS", "/a/b"), ("LOGSKIFF_INPUT_A_LEVEL_MAP", "a:errr")],
        "LOGSKIFF_INPUT_A_LEVEL_MAP",
        "did you mean error?",
    );
    check_wrong(&[("LOGSKIFF_REDACT", "secretz")], "LOGSKIFF_REDACT", "secretz");
    check_wrong(&[("LOGSKIFF_REDACT_RULE_A", "x*")], "LOGSKIFF_REDACT_RULE_A", "empty");
    check_wrong(&[("LOGSKIFF_REDACT_FIELDS", "a..b")], "LOGSKIFF_REDACT_FIELDS", "empty step");
    check_wrong(
        &[("LOGSKIFF_REDACT_ALLOW", "ok\n\n/.*/")],
        "LOGSKIFF_REDACT_ALLOW",
        "line 3: the pattern /.*/ takes any",
    );
    let own = [("LOGSKIFF_INPUT_A_PATHS", "/a/b"), ("LOGSKIFF_INPUT_A_REDACT_ALLOW", "\n@example.com")];
    check_wrong(&own, "LOGSKIFF_INPUT_A_REDACT_ALLOW", "line 2");
    check_wrong(
        &[("LOGSKIFF_REDACT_EXEMPT_FIELDS", "Token")],
        "LOGSKIFF_REDACT_EXEMPT_FIELDS",
        "also masked by its name",
    );
    check_wrong(&[("LOGSKIFF_REDACT_EXEMPT_FIELDS", "*")], "LOGSKIFF_REDACT_EXEMPT_FIELDS", "every field");
}

/// Goal: a stamp is refused where a record could not have it.
#[test]
fn a_stamp_needs_records_with_fields() {
    const STAMP: (&str, &str) = ("LOGSKIFF_REDACT_STAMP", "on");
    let stdout = ("LOGSKIFF_OUTPUT", "stdout");
    let syslog = [("LOGSKIFF_OUTPUT", "syslog"), ("LOGSKIFF_SYSLOG_ADDRESS", "udp://a:514")];
    assert!(read(&[STAMP, stdout]).unwrap().encode.stamp);
    check_wrong(&[STAMP, stdout, ("LOGSKIFF_ENCODING", "raw")], "LOGSKIFF_REDACT_STAMP", "LOGSKIFF_ENCODING=json");
    for without in [("LOGSKIFF_SYSLOG_STRUCTURED_DATA", "off"), ("LOGSKIFF_SYSLOG_FORMAT", "rfc3164")] {
        let reason = "LOGSKIFF_SYSLOG_STRUCTURED_DATA=on";
        check_wrong(&[STAMP, syslog[0], syslog[1], without], "LOGSKIFF_REDACT_STAMP", reason);
    }
    for place in [("LOGSKIFF_SYSLOG_ENCODING", "json"), ("LOGSKIFF_SYSLOG_STRUCTURED_DATA", "on")] {
        assert!(read(&[STAMP, syslog[0], syslog[1], place]).unwrap().encode.stamp);
    }
}

#[test]
fn an_input_may_empty_the_common_allowlist() {
    let config = read(&[
        ("LOGSKIFF_REDACT_ALLOW", "a\n b "),
        ("LOGSKIFF_REDACT_EXEMPT_FIELDS", "trace.id,x"),
        ("LOGSKIFF_INPUT_A_PATHS", "/a/a.log"),
        ("LOGSKIFF_INPUT_B_PATHS", "/b/b.log"),
        ("LOGSKIFF_INPUT_B_REDACT_ALLOW", "none"),
        ("LOGSKIFF_INPUT_B_REDACT_EXEMPT_FIELDS", "none"),
    ])
    .unwrap();
    let [a, b] = &config.inputs[..] else { panic!("two inputs") };
    assert_eq!((a.redact.allow.as_str(), a.redact.exempt_fields.len()), ("a\n b ", 2));
    assert_eq!((b.redact.allow.as_str(), b.redact.exempt_fields.len()), ("", 0));
}

/// The caret must stay below the position that it marks.
#[test]
fn an_invalid_pattern_shows_the_position() {
    for name in ["LOGSKIFF_REDACT_RULE_A", "LOGSKIFF_PARSE_PATTERN"] {
        let mistakes = read(&[("LOGSKIFF_PARSE", "regex"), (name, "id=(?<secret>[0-9]+")]).unwrap_err().to_string();
        let block = &mistakes[mistakes.find(name).unwrap()..];
        let lines: Vec<&str> = block.lines().collect();
        let caret = lines.iter().position(|line| line.trim() == "^").unwrap_or_else(|| panic!("{block}"));
        let column = lines[caret].find('^').unwrap();
        assert_eq!(lines[caret - 1].as_bytes()[column], b'(', "{block}");
    }
}

#[test]
fn invalid_records_outputs_and_process_settings_are_reported() {
    check_wrong(&[("LOGSKIFF_FIELDS", "team")], "LOGSKIFF_FIELDS", "name=value");
    check_wrong(&[("LOGSKIFF_FIELDS", "a=1,a=2")], "LOGSKIFF_FIELDS", "twice");
    check_wrong(&[("LOGSKIFF_FIELDS", "a={field.b}")], "LOGSKIFF_FIELDS", "`field.`");
    check_wrong(&[("LOGSKIFF_FIELDS", "a={id}")], "LOGSKIFF_FIELDS", "only for topics, keys and headers");
    check_wrong(&[("LOGSKIFF_FIELDS", "a={planet}")], "LOGSKIFF_FIELDS", "unknown placeholder {planet}");
    check_wrong(&[("LOGSKIFF_LABELS_FILE", "labels")], "LOGSKIFF_LABELS_FILE", "not an absolute path");
    check_wrong(&[("LOGSKIFF_OUTPUT", "file")], "LOGSKIFF_OUTPUT", "not one of kafka, syslog, stdout");
    check_wrong(&[("LOGSKIFF_OUTPUT", ",")], "LOGSKIFF_OUTPUT", "names no output");
    check_wrong(&[("LOGSKIFF_KAFKA_BROKERS", "a:1")], "LOGSKIFF_OUTPUT", "LOGSKIFF_KAFKA_BROKERS is");
    check_wrong(&[("LOGSKIFF_BATCH_BYTES", "1B")], "LOGSKIFF_BATCH_BYTES", "below the minimum, 1KiB");
    check_wrong(&[("LOGSKIFF_LINGER", "11s")], "LOGSKIFF_LINGER", "above the maximum, 10s");
    check_wrong(
        &[("LOGSKIFF_LINGER", "200ms"), ("LOGSKIFF_LINGER_MAX", "100ms")],
        "LOGSKIFF_LINGER_MAX",
        "100ms is less than LOGSKIFF_LINGER, 200ms; set it to 200ms or more",
    );
    check_wrong(
        &[("LOGSKIFF_LINGER_MAX", "10ms")],
        "LOGSKIFF_LINGER_MAX",
        "10ms is less than LOGSKIFF_LINGER, 50ms; set it to 50ms or more",
    );
    check_wrong(&[("LOGSKIFF_IN_FLIGHT_BYTES", "1KiB")], "LOGSKIFF_IN_FLIGHT_BYTES", "below the minimum, 64KiB");
    check_wrong(
        &[("LOGSKIFF_IN_FLIGHT_BYTES", "512KiB")],
        "LOGSKIFF_IN_FLIGHT_BYTES",
        "512KiB is less than LOGSKIFF_LINE_BYTES_MAX, 1MiB",
    );
    check_wrong(
        &[("LOGSKIFF_DELETED_OPEN_BYTES_MAX", "1B")],
        "LOGSKIFF_DELETED_OPEN_BYTES_MAX",
        "below the minimum, 4KiB",
    );
    check_wrong(
        &[("LOGSKIFF_DELETED_OPEN_BYTES_MAX", "none")],
        "LOGSKIFF_DELETED_OPEN_BYTES_MAX",
        "not a whole number",
    );
    check_wrong(&[("LOGSKIFF_DRAIN_TIMEOUT", "2h")], "LOGSKIFF_DRAIN_TIMEOUT", "above the maximum, 1h");
    check_wrong(&[("LOGSKIFF_LOG", "a=b=c")], "LOGSKIFF_LOG", "is not one of off, error");
}

#[test]
fn invalid_kafka_settings_are_reported() {
    check_wrong(&[("LOGSKIFF_OUTPUT", "kafka")], "LOGSKIFF_KAFKA_BROKERS", "not set");
    for (brokers, reason) in [
        ("kafka", "has no port"),
        ("kafka:0", "from 1 to 65535"),
        ("kafka:http", "from 1 to 65535"),
        ("a:1,:2", "not host:port"),
        ("kafka://a:1", "not host:port"),
        ("[::g]:1", "not host:port"),
    ] {
        let variables = [("LOGSKIFF_OUTPUT", "kafka"), ("LOGSKIFF_KAFKA_BROKERS", brokers)];
        check_wrong(&variables, "LOGSKIFF_KAFKA_BROKERS", reason);
    }
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_TOPIC", "my logs")], "LOGSKIFF_KAFKA_TOPIC", "cannot contain ' '");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_TOPIC", "..")], "LOGSKIFF_KAFKA_TOPIC", "not a valid topic name");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_TOPIC", &"x".repeat(250))], "LOGSKIFF_KAFKA_TOPIC", "249");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_TOPIC", "{label.app:a/b}")], "LOGSKIFF_KAFKA_TOPIC", "cannot contain '/'");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_KEY", "{pod")], "LOGSKIFF_KAFKA_KEY", "unbalanced brace");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_TOPICS_MAX", "0")], "LOGSKIFF_KAFKA_TOPICS_MAX", "below the minimum, 1");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_TLS_CA_FILE", "/x")], "LOGSKIFF_KAFKA_TLS_CA_FILE", "is not on");
    check_wrong_kafka(
        &[("LOGSKIFF_KAFKA_TLS", "on"), ("LOGSKIFF_KAFKA_TLS_CA_FILE", "/nowhere/ca.crt")],
        "LOGSKIFF_KAFKA_TLS_CA_FILE",
        "cannot be read: entity not found",
    );
    let key = [("LOGSKIFF_KAFKA_TLS", "on"), ("LOGSKIFF_KAFKA_TLS_KEY_FILE", "/dev/null")];
    check_wrong_kafka(&key, "LOGSKIFF_KAFKA_TLS_CERT_FILE", "belong together");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_USERNAME", "me")], "LOGSKIFF_KAFKA_USERNAME", "does not use it");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_TOKEN_FILE", "/t")], "LOGSKIFF_KAFKA_TOKEN_FILE", "does not use it");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_SASL", "oauthbearer")], "LOGSKIFF_KAFKA_TOKEN_FILE", "needs it");
    let plain = [("LOGSKIFF_KAFKA_SASL", "plain"), ("LOGSKIFF_KAFKA_USERNAME", "me")];
    check_wrong_kafka(&plain, "LOGSKIFF_KAFKA_PASSWORD", "needs it");
    let header = [("LOGSKIFF_KAFKA_MESSAGE", "batch"), ("LOGSKIFF_EVENT_ID", "header")];
    check_wrong_kafka(&header, "LOGSKIFF_EVENT_ID", "one message per record");
}

#[test]
fn reserved_properties_are_refused_with_the_reason() {
    let refused = |line: &str, reason: &str| {
        check_wrong_kafka(&[("LOGSKIFF_KAFKA_PROPERTIES", line)], "LOGSKIFF_KAFKA_PROPERTIES", reason);
    };
    for name in ["acks", "retries", "message.timeout.ms", "max.in.flight", "transactional.id", "plugin.library.paths"] {
        refused(&format!("{name}=1"), &format!("{name} is refused: it could break the delivery guarantee"));
    }
    refused("dr_msg_cb=1", "callbacks");
    refused("bootstrap.servers=a:1", "LOGSKIFF_KAFKA_BROKERS sets it");
    refused("compression.codec=gzip", "LOGSKIFF_KAFKA_COMPRESSION sets it");
    refused("partitioner=random", "LOGSKIFF_KAFKA_PARTITIONER sets it");
    refused("sasl.password=hunter2", "LOGSKIFF_KAFKA_PASSWORD sets it");
    refused("enable.ssl.certificate.verification=FALSE", "always verified");
    refused("ssl.endpoint.identification.algorithm=none", "always verified");
    refused("client.rack=a\nclient.rack=b", "client.rack is set twice");
    refused("client.rack=a\nhunter2", "line 2 is not name=value");
    refused("Hunter 2=x", "line 1 is not name=value");
    refused("no.such.property=hunter2", "librdkafka has no property no.such.property");
    refused("statistics.interval.ms=hunter2", "librdkafka refuses the value of statistics.interval.ms");
}

#[test]
fn kafka_properties_are_complete_and_custom_ones_come_last() {
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.crt");
    fs::write(&ca_file, syslog::certificate().unwrap().0).unwrap();
    let ca_file = ca_file.to_str().unwrap();
    let config = check_right(&[
        ("LOGSKIFF_KAFKA_BROKERS", "a.b:9092, [::1]:9093"),
        ("LOGSKIFF_KAFKA_TLS", "on"),
        ("LOGSKIFF_KAFKA_TLS_CA_FILE", ca_file),
        ("LOGSKIFF_KAFKA_SASL", "scram-sha-512"),
        ("LOGSKIFF_KAFKA_USERNAME", "me"),
        ("LOGSKIFF_KAFKA_PASSWORD", " hunter=2 "),
        ("LOGSKIFF_KAFKA_PROPERTIES", "client.id=shop\n\nssl.key.password=a=b"),
        ("LOGSKIFF_BATCH_BYTES", "512KiB"),
        ("LOGSKIFF_IN_FLIGHT_BYTES", "8MiB"),
    ]);
    let kafka = config.output.kafka().unwrap();
    for (name, value) in [
        ("bootstrap.servers", "a.b:9092,[::1]:9093"),
        ("client.id", "shop"),
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("message.timeout.ms", "0"),
        ("compression.type", "lz4"),
        ("linger.ms", "5"),
        ("batch.num.messages", "1000000"),
        ("queue.buffering.max.kbytes", "17408"),
        ("security.protocol", "sasl_ssl"),
        ("ssl.ca.location", ca_file),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", "me"),
        ("sasl.password", " hunter=2 "),
        ("ssl.key.password", "a=b"),
    ] {
        check_property(kafka, name, value);
    }
    let client: rdkafka::ClientConfig = kafka.properties.0.clone().into_iter().collect();
    assert!(client.create_native_config().is_ok(), "librdkafka takes the list");
}

#[test]
fn redaction_modes_and_their_key_are_read() {
    const LONG: &str = "0123456789abcdef0123456789abcdef";
    let config = check_right(&[
        ("LOGSKIFF_REDACT_MODE", "token"),
        ("LOGSKIFF_REDACT_MODE_EMAIL", "partial"),
        ("LOGSKIFF_REDACT_MODE_ORDER", "drop"),
        ("LOGSKIFF_REDACT_KEY", LONG),
        ("LOGSKIFF_INPUT_A_PATHS", "/a/a.log"),
        ("LOGSKIFF_INPUT_A_REDACT_RULE_ORDER", "order=1"),
        ("LOGSKIFF_INPUT_B_PATHS", "/b/b.log"),
        ("LOGSKIFF_INPUT_B_REDACT_MODE_EMAIL", "remove"),
    ]);
    let [a, b] = &config.inputs[..] else { panic!("{:?}", config.inputs) };
    let mode = |name: &str, mode| (name.to_owned(), mode);
    assert_eq!((a.redact.mode, b.redact.mode), (Action::Token, Action::Token));
    assert_eq!(a.redact.modes, [mode("email", Action::Partial), mode("order", Action::Drop)]);
    assert_eq!(b.redact.modes, [mode("email", Action::Remove)], "the rule is of the other input alone");
    assert_eq!(a.redact.key.as_ref().map(TokenKey::id), b.redact.key.as_ref().map(TokenKey::id));
    assert!(!format!("{config:?}").contains(LONG));

    check_wrong(&[("LOGSKIFF_REDACT_MODE", "token")], "LOGSKIFF_REDACT_KEY", "needs a key");
    check_wrong(&[("LOGSKIFF_REDACT_MODE_FIELD", "token")], "LOGSKIFF_REDACT_KEY", "the mode of \"field\" is token");
    check_wrong(&[("LOGSKIFF_REDACT_KEY", "short")], "LOGSKIFF_REDACT_KEY", "shorter than 32 characters");
    check_wrong(&[("LOGSKIFF_REDACT_KEY_ID", "k1")], "LOGSKIFF_REDACT_KEY", "not set, but LOGSKIFF_REDACT_KEY_ID is");
    let odd = [("LOGSKIFF_REDACT_KEY", LONG), ("LOGSKIFF_REDACT_KEY_ID", "k 1")];
    check_wrong(&odd, "LOGSKIFF_REDACT_KEY_ID", "key id must have");
    check_wrong(&[("LOGSKIFF_REDACT_MODE_EMIAL", "mask")], "LOGSKIFF_REDACT_MODE_EMIAL", "did you mean \"email\"?");
    check_wrong(&[("LOGSKIFF_REDACT_MODE_EMAIL", "audit")], "LOGSKIFF_REDACT_MODE_EMAIL", "not one of mask, remove");
    check_wrong(&[("LOGSKIFF_REDACT_MODE", "hide")], "LOGSKIFF_REDACT_MODE", "drop, audit");
    let audit = ("LOGSKIFF_REDACT_MODE", "audit");
    let permission = "LOGSKIFF_REDACT_AUDIT_UNMASKED";
    check_wrong(&[audit], permission, "leaves the text of default unmasked");
    check_wrong(&[audit, (permission, "off"), ("LOGSKIFF_OUTPUT", "stdout")], permission, "stdout too");
    let of_b = [
        ("LOGSKIFF_INPUT_A_PATHS", "/a/a.log"),
        ("LOGSKIFF_INPUT_B_PATHS", "/b/b.log"),
        ("LOGSKIFF_INPUT_B_REDACT_MODE", "audit"),
    ];
    check_wrong(&of_b, permission, "leaves the text of b unmasked");
    check_wrong(&[("LOGSKIFF_REDACT_MODE_EMAIL", "hide")], "LOGSKIFF_REDACT_MODE_EMAIL", "not one of mask, remove");
    let input = [("LOGSKIFF_INPUT_A_PATHS", "/a/a.log"), ("LOGSKIFF_INPUT_A_REDACT_MODE_EMAIL", "hide")];
    check_wrong(&input, "LOGSKIFF_INPUT_A_REDACT_MODE_EMAIL", "not one of mask, remove");
    check_wrong(&[("LOGSKIFF_REDACT_KEY_FILE", "/nowhere")], "LOGSKIFF_REDACT_KEY_FILE", "cannot be read");
}

#[test]
fn invalid_redaction_rules_get_a_suggestion() {
    let check = |pattern, reason| check_wrong(&[("LOGSKIFF_REDACT_RULE_A", pattern)], "LOGSKIFF_REDACT_RULE_A", reason);
    check(r"(?<=id=)\d+", r"id=(?<secret>\d+) instead of (?<=id=)\d+");
    check(r"(a)\1", "write the alternatives instead");
    check(r"a*", "+ instead of *");
    check(r"\w{1000}{10}", "smaller bounds");
    check("field:a..b", "empty step");
    check("field: ~ x", "empty step");
    check("field:a ~ x*", "+ instead of *");
}

#[test]
fn named_inputs_override_common_settings() {
    let config = check_right(&[
        ("LOGSKIFF_PARSE", "regex"),
        ("LOGSKIFF_PARSE_PATTERN", "^(?<a>x)"),
        ("LOGSKIFF_REDACT_RULE_ORDER", "order=1"),
        ("LOGSKIFF_REDACT_RULE_CITY", "city=1"),
        ("LOGSKIFF_REDACT_FIELDS", "none"),
        ("LOGSKIFF_INPUT_ACCESS_PATHS", "/var/log/nginx/{access,other}.log"),
        ("LOGSKIFF_INPUT_ACCESS_PARSE", "nginx"),
        ("LOGSKIFF_INPUT_ACCESS_REDACT_RULE_ORDER", "order=2"),
        ("LOGSKIFF_INPUT_B_PATHS", "/var/log/b/*.log"),
        ("LOGSKIFF_INPUT_B_LINE_BYTES_MAX", "2KiB"),
    ]);
    let [access, b] = &config.inputs[..] else { panic!("{:?}", config.inputs) };
    let rule = |name: &str, pattern: &str| (name.to_owned(), pattern.to_owned());
    assert_eq!((access.name.as_str(), b.name.as_str()), ("access", "b"));
    assert_eq!(access.source.paths, ["/var/log/nginx/{access,other}.log"]);
    assert_eq!(access.redact.rules, [rule("city", "city=1"), rule("order", "order=2")]);
    assert_eq!(b.redact.rules, [rule("city", "city=1"), rule("order", "order=1")]);
    assert!(access.parse.patterns.is_empty() && access.redact.fields.is_empty());
    assert_eq!(b.parse.patterns, ["^(?<a>x)"]);
    assert_eq!((access.frame.line_bytes_max, b.frame.line_bytes_max), (1 << 20, 2 << 10));

    let both = check_right(&[("LOGSKIFF_PATHS", "/a/b.log"), ("LOGSKIFF_INPUT_B_PATHS", "/b/b.log")]);
    assert_eq!(both.inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>(), ["default", "b"]);
}

#[test]
fn the_limit_holds_a_batch_and_the_longest_line() {
    assert_eq!(check_right(&[("LOGSKIFF_LINE_BYTES_MAX", "16MiB")]).batch.in_flight_bytes, 16 << 20);
    assert_eq!(check_right(&[("LOGSKIFF_BATCH_BYTES", "8MiB")]).batch.in_flight_bytes, 8 << 20);
}

#[test]
fn a_secret_may_come_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    fs::write(&file, "hunter2\n").unwrap();
    let path = file.to_str().unwrap();
    let sasl = [("LOGSKIFF_KAFKA_SASL", "plain"), ("LOGSKIFF_KAFKA_USERNAME", "me")];
    let named = |path| [&sasl[..], &[("LOGSKIFF_KAFKA_PASSWORD_FILE", path)]].concat();
    check_property(check_right(&named(path)).output.kafka().unwrap(), "sasl.password", "hunter2");

    check_wrong_kafka(
        &named("/nowhere/password"),
        "LOGSKIFF_KAFKA_PASSWORD_FILE",
        "\"/nowhere/password\" cannot be read",
    );
    check_wrong_kafka(&named(directory.path().to_str().unwrap()), "LOGSKIFF_KAFKA_PASSWORD_FILE", "is not a file");
    check_wrong_kafka(&named("/dev/zero"), "LOGSKIFF_KAFKA_PASSWORD_FILE", "is not a file");
    let twice = [&named(path)[..], &[("LOGSKIFF_KAFKA_PASSWORD", "x")]].concat();
    check_wrong_kafka(&twice, "LOGSKIFF_KAFKA_PASSWORD_FILE", "set together with LOGSKIFF_KAFKA_PASSWORD");
}

/// Goal: a secret in the place of its file's path does not appear in the log.
#[test]
fn a_file_variable_without_a_path_is_not_shown() {
    let files =
        VARIABLES.iter().map(|variable| format!("{}{}", variable.name, if variable.secret { "_FILE" } else { "" }));
    for variable in files.filter(|name| name.ends_with("_FILE")) {
        for value in
            ["hunter2", "./hunter2", "/hunter2", "/hunter2+Ab/cd==", "/hunter2/AB", "-----BEGIN hunter2", "hun@ter2"]
        {
            let variables = [(variable.as_str(), value), ("LOGSKIFF_KAFKA_TLS", "on"), ("LOGSKIFF_PATHS", "no path")];
            let mistakes = read(&variables).unwrap_err().to_string();
            assert!(!mistakes.contains("ter2"), "{variable}={value}: {mistakes}");
            if !value.starts_with('/') {
                assert!(mistakes.contains(&format!("{variable}: ")), "{variable}={value}: {mistakes}");
            }
            let variables = variables.map(|(name, value)| (name.into(), value.into()));
            let listed = logskiff::config::effective(&Environment::new(variables));
            assert!(!listed.iter().any(|(_, value)| value.contains("ter2")), "{variable}={value}");
        }
    }
}

#[test]
fn a_value_that_is_not_utf8_is_a_mistake_not_a_panic() {
    use std::os::unix::ffi::OsStringExt;
    let value = std::ffi::OsString::from_vec(vec![b'a', 0xff]);
    let environment = Environment::new([("LOGSKIFF_LINGER".into(), value.clone()), ("OTHER".into(), value)]);
    let mistakes = Config::from_environment(&environment).unwrap_err().to_string();
    assert_eq!(mistakes, "LOGSKIFF_LINGER: the value is not UTF-8; for example 50ms");
}

proptest! {
    /// Whatever a secret contains, and with any other mistakes: it is in no message, no Debug and no listing.
    #[test]
    fn secrets_are_never_shown(secret in "Q[a-z0-9=. :@\n]{6,40}Q", broken in any::<bool>(), named in any::<bool>()) {
        let value = if named { format!("ssl.key.password={secret}") } else { secret.clone() };
        let linger = if broken { "x" } else { "1ms" };
        for variable in VARIABLES.iter().filter(|variable| variable.secret) {
            let mut variables = KAFKA.to_vec();
            variables.extend([
                ("LOGSKIFF_KAFKA_SASL", "plain"), ("LOGSKIFF_KAFKA_USERNAME", "me"), ("LOGSKIFF_LINGER", linger),
                ("LOGSKIFF_KAFKA_PASSWORD", "password"),
            ]);
            variables.retain(|(name, _)| *name != variable.name);
            variables.push((variable.name, &value));
            // A typing error in the name must not publish the secret.
            let slip = format!("{}X", variable.name);
            if broken { variables.push((&slip, &value)); }
            let result = read(&variables);
            let shown = match &result {
                Ok(config) => format!("{config:?}"),
                Err(mistakes) => format!("{mistakes} {mistakes:?}"),
            };
            let listed = format!("{:?}", effective(&as_environment(&variables)));
            prop_assert!(broken <= result.is_err());
            for text in [shown, listed] {
                for piece in secret.split('\n').filter(|piece| piece.len() > 3) {
                    prop_assert!(!text.contains(piece), "{} is in {}", piece, text);
                }
            }
        }
    }
}

#[test]
fn the_document_matches_the_reference() {
    let document = fs::read_to_string(concat!(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."), "/docs/configuration.md"))
        .unwrap_or_default();
    let made = Command::cargo_bin("logskiff").unwrap().args(["env", "--markdown"]).output().unwrap();
    assert_eq!(
        document,
        String::from_utf8(made.stdout).unwrap(),
        "docs/configuration.md is outdated; run: cargo run -- env --markdown > docs/configuration.md"
    );
}

/// Goal: both charts report the new name to users of a former one.
#[test]
fn the_charts_know_every_former_name() {
    for file in ["logskiff-lib/templates/_contradictions.tpl", "logskiff-injector/templates/_names.tpl"] {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts")).join(file);
        let template = fs::read_to_string(path).unwrap().replace(['"', ':'], "");
        for (old, new) in RENAMED {
            let pair = format!("{} {}\n", &old[PREFIX.len()..], &new[PREFIX.len()..]);
            assert!(template.replace(" -}}", "").contains(&pair), "{file} lacks {pair}");
        }
    }
}

/// Goal: the schema of the charts' `env` values is the program's own list.
#[test]
fn the_charts_know_every_variable() {
    let made = Command::cargo_bin("logskiff").unwrap().args(["env", "--schema"]).output().unwrap();
    let mut made: Value = serde_json::from_slice(&made.stdout).unwrap();
    made.as_object_mut().unwrap().remove("$schema");
    let names = made["properties"].as_object().unwrap();
    for variable in VARIABLES.iter().filter(|variable| !variable.is_family()) {
        let file = format!("{}_FILE", variable.name);
        let (name, absent) =
            if variable.secret { (file.as_str(), variable.name) } else { (variable.name, file.as_str()) };
        assert!(names.contains_key(name) && !names.contains_key(absent), "{name}");
    }
    for chart in [
        include_str!("../../charts/logskiff-lib/values.schema.json"),
        include_str!("../../charts/logskiff-injector/values.schema.json"),
    ] {
        let schema: Value = serde_json::from_str(chart).unwrap();
        assert_eq!(schema["definitions"]["environment"], made, "a chart's schema is outdated; run: .ci/charts-make");
    }
}

fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::cargo_bin("logskiff").unwrap_or_else(|error| panic!("{error}"));
    command.env_clear().envs(variables.iter().copied());
    command
}

#[test]
fn an_invalid_environment_ends_with_78_and_one_line_per_mistake() {
    for arguments in [&["check"][..], &["run"], &[], &["try"]] {
        let assert =
            command(&[("LOGSKIFF_LINGER", "50"), ("LOGSKIFF_POLL_INTERVAL", "1")]).args(arguments).assert().code(78);
        let output = assert.get_output();
        assert!(output.stdout.is_empty());
        let printed = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(
            printed,
            "LOGSKIFF_POLL_INTERVAL: \"1\" has no unit; for example 1s\nLOGSKIFF_LINGER: \"50\" has no unit; for example 50ms\n"
        );
    }
    command(&[]).arg("dance").assert().code(2);
    command(&[]).arg("check").assert().success();
    command(&[]).arg("--help").assert().success();
}

#[test]
fn effective_values_are_listed_without_secrets() {
    let variables =
        [KAFKA, &[("LOGSKIFF_KAFKA_PROPERTIES", "client.rack=hunter2"), ("LOGSKIFF_INPUT_A_PATHS", "/a/b")]];
    let assert = command(&variables.concat()).args(["env", "--effective"]).assert().success();
    let printed = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    for line in [
        "LOGSKIFF_LINGER=50ms",
        "LOGSKIFF_OUTPUT=kafka",
        "LOGSKIFF_KAFKA_PROPERTIES=<secret>",
        "LOGSKIFF_KAFKA_PASSWORD=",
        "LOGSKIFF_INPUT_A_PATHS=/a/b",
        "LOGSKIFF_PATHS=",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line} is not in\n{printed}");
    }
    assert!(!printed.contains("hunter2"));
    assert!(printed.lines().filter(|line| line.starts_with(PREFIX)).count() > 40);
}

/// Goal: fields that logskiff writes cannot be configured, and a selection starts from the common one.
#[test]
fn fields_of_logskiff_s_own_and_mixed_selections_are_refused() {
    check_wrong(&[("LOGSKIFF_REDACT", ",")], "LOGSKIFF_REDACT", "is empty");
    check_wrong(&[("LOGSKIFF_REDACT_FIELDS", "-cookie")], "LOGSKIFF_REDACT_FIELDS", "cannot be removed");
    let input = [
        ("LOGSKIFF_REDACT", "card,email"),
        ("LOGSKIFF_INPUT_A_PATHS", "/a/*.log"),
        ("LOGSKIFF_INPUT_A_REDACT", "-card"),
    ];
    assert_eq!(check_right(&input).inputs[0].redact.select, ["card", "email", "-card"], "removed from the common list");
    for name in ["message", "@timestamp", "event.id", "kubernetes.pod.name", "log.level", "kubernetes.labels.app"] {
        check_wrong(&[("LOGSKIFF_FIELDS", &format!("{name}=x"))], "LOGSKIFF_FIELDS", "a reserved field name");
    }
    check_wrong(&[("LOGSKIFF_REDACT", "none,card")], "LOGSKIFF_REDACT", "cannot be combined");
}

/// Goal: a file that two inputs match equally narrowly has no owner, so that is reported at the start.
#[test]
fn inputs_that_are_equally_narrow_are_refused() {
    let both =
        |one: &'static str, other: &'static str| [("LOGSKIFF_INPUT_A_PATHS", one), ("LOGSKIFF_INPUT_B_PATHS", other)];
    for (one, other) in
        [("/log/*.log", "/log/*.log"), ("/log/a.log", "/log/a.log"), ("/log/app-*.log", "/log/*-error.log")]
    {
        check_wrong(&both(one, other), "LOGSKIFF_INPUT_B_PATHS", "neither is more specific");
    }
    for (one, other) in [
        ("/log/*.log", "/log/a.log"),
        ("/log/*.log", "/log/*.json"),
        ("/log/**/*.log", "/log/*.log"),
        ("/log/*.log", "/log/b/*.log"),
        ("/log/**/*.log", "/log/b/**/*.log"),
    ] {
        check_right(&both(one, other));
    }
    check_right(&[("LOGSKIFF_PATHS", "/log/*.log"), ("LOGSKIFF_INPUT_B_PATHS", "/log/*.log")]);
}

/// Goal: custom rules cannot exceed the memory of a sidecar, however they are distributed over inputs, and the first
/// rule above the limit is reported.
#[test]
fn too_many_rules_are_refused_by_name() {
    let many = |inputs: usize, rules: usize, pattern: fn(usize, usize) -> String| {
        let paths = (0..inputs).map(|input| (format!("LOGSKIFF_INPUT_I{input}_PATHS"), format!("/log/i{input}.log")));
        let rules = (0..inputs).flat_map(|input| (0..rules).map(move |rule| (input, rule)));
        let rules =
            rules.map(|(input, rule)| (format!("LOGSKIFF_INPUT_I{input}_REDACT_RULE_R{rule}"), pattern(input, rule)));
        Config::from_vars(paths.chain(rules))
    };
    let own: fn(usize, usize) -> String =
        |input, rule| format!(r"\bcust{input}_{rule}=(?<secret>\d+)|order-{input}-{rule}-\w+");
    let same: fn(usize, usize) -> String = |_, rule| format!(r"\bcust_{rule}=(?<secret>\d+)|order-{rule}-\w+");
    assert!(many(8, 5, own).is_ok());
    assert!(many(40, 20, same).is_ok(), "the same rules count once");
    let mistakes = many(40, 20, own).unwrap_err().0;
    let [mistake] = &mistakes[..] else { panic!("not one mistake: {mistakes:#?}") };
    assert!(
        mistake.variable.starts_with("LOGSKIFF_INPUT_I") && mistake.variable.contains("_REDACT_RULE_R"),
        "{mistake}"
    );
    assert!(mistake.reason.contains("limit of 6MiB"), "{mistake}");
}

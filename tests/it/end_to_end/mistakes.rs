//! Invalid configuration: each mistake ends in exit code 78, names its variable, and suggests a valid value.

use std::time::Duration;

use assert_cmd::Command;

const KAFKA: [(&str, &str); 3] =
    [("LOGSKIFF_OUTPUT", "kafka"), ("LOGSKIFF_KAFKA_BROKERS", "127.0.0.1:1"), ("LOGSKIFF_STATE_DIR", "none")];

/// The output for an environment that must be refused.
#[track_caller]
fn refusal(variables: &[(&str, &str)]) -> String {
    let output = Command::cargo_bin("logskiff")
        .unwrap()
        .env_clear()
        .envs(variables.iter().copied())
        .timeout(Duration::from_secs(20))
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{printed}");
    assert!(output.stdout.is_empty(), "nothing on stdout");
    printed
}

/// Checks that the output contains all `words`.
#[track_caller]
fn check(variables: &[(&str, &str)], words: &[&str]) -> String {
    let printed = refusal(variables);
    for word in words {
        assert!(printed.contains(word), "{word:?} is missing in: {printed}");
    }
    printed
}

#[track_caller]
fn check_kafka(variables: &[(&str, &str)], words: &[&str]) -> String {
    check(&[&KAFKA, variables].concat(), words)
}

#[test]
fn missing_brokers_are_reported() {
    check(&[("LOGSKIFF_OUTPUT", "kafka")], &["LOGSKIFF_KAFKA_BROKERS", "not set", "kafka-0.kafka:9092"]);
}

#[test]
fn an_invalid_pattern_is_shown_with_its_position() {
    let variables = [("LOGSKIFF_PARSE", "regex"), ("LOGSKIFF_PARSE_PATTERN", r"^(?<ok>\d+) [z-a]$")];
    let printed = check_kafka(&variables, &["LOGSKIFF_PARSE_PATTERN", "[z-a]", "for example"]);
    let lines: Vec<&str> = printed.lines().collect();
    let pattern = lines.iter().position(|line| line.contains("[z-a]")).unwrap();
    let caret = lines[pattern + 1].find('^').expect("the place is marked below the pattern");
    let marked = &lines[pattern][caret..];
    assert!(marked.starts_with("z-a"), "the mark is below the error, not {marked:?}: {printed}");
    check_kafka(&[("LOGSKIFF_REDACT_RULE_ORDER", "order=(")], &["LOGSKIFF_REDACT_RULE_ORDER", "order=(", "^"]);
}

#[test]
fn an_unknown_variable_gets_a_suggestion() {
    check_kafka(&[("LOGSKIFF_KAFKA_TOPICS", "logs")], &["LOGSKIFF_KAFKA_TOPICS:", "LOGSKIFF_KAFKA_TOPIC"]);
    check_kafka(&[("LOGSKIFF_PATH", "/var/log/app/*.log")], &["LOGSKIFF_PATH:", "LOGSKIFF_PATHS"]);
}

#[test]
fn an_invalid_property_is_reported_without_its_value() {
    for property in ["sasl.pasword=hunter2zebra", "socket.timeout.ms=hunter2zebra", "acks=hunter2zebra", "hunter2zebra"]
    {
        let name = property.split_once('=').map_or("line 1", |(name, _)| name);
        let printed = check_kafka(&[("LOGSKIFF_KAFKA_PROPERTIES", property)], &["LOGSKIFF_KAFKA_PROPERTIES", name]);
        assert!(!printed.contains("zebra"), "{printed}");
    }
}

#[test]
fn a_property_that_breaks_the_guarantee_is_refused() {
    for property in ["acks=1", "enable.idempotence=false", "message.timeout.ms=1000", "retries=0"] {
        let name = property.split_once('=').unwrap().0;
        check_kafka(&[("LOGSKIFF_KAFKA_PROPERTIES", property)], &["LOGSKIFF_KAFKA_PROPERTIES", name, "guarantee"]);
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let variables = [
        ("LOGSKIFF_OUTPUT", "kafka"),
        ("LOGSKIFF_PATHS", "relative/*.log"),
        ("LOGSKIFF_PARSE", "xml"),
        ("LOGSKIFF_LINGER", "50"),
        ("LOGSKIFF_BATCH_BYTES", "many"),
        ("LOGSKIFF_REDACT", "secretz"),
        ("LOGSKIFF_REDACT_RULE_BAD", "(("),
        ("LOGSKIFF_TIME_ZONE", "Atlantis/Downtown"),
        ("LOGSKIFF_KAFKA_SASL", "plain"),
        ("LOGSKIFF_TYPO", "1"),
    ];
    let printed = refusal(&variables);
    let more = ["LOGSKIFF_KAFKA_BROKERS", "LOGSKIFF_KAFKA_USERNAME", "LOGSKIFF_KAFKA_PASSWORD"];
    for name in variables.iter().map(|(name, _)| *name).filter(|name| *name != "LOGSKIFF_OUTPUT").chain(more) {
        assert!(
            printed.lines().any(|line| line.starts_with(&format!("{name}: ")) || line.contains(name)),
            "{name} is missing in: {printed}"
        );
    }
}

#[test]
fn a_state_directory_that_cannot_be_written_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("state").display().to_string();
    let variables = [KAFKA[0], KAFKA[1], ("LOGSKIFF_STATE_DIR", below.as_str())];
    check(&variables, &["LOGSKIFF_STATE_DIR", &below]);
}

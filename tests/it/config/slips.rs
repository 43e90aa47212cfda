//! Values that look right and would do nothing, or something else, without a word.

use super::{check_right, check_wrong, check_wrong_kafka, read};

#[test]
fn globs_that_yaml_or_a_shell_left_wrong_are_refused() {
    for (paths, reason) in [
        ("/srv/*.log /srv/*.txt", "two globs with a blank between them; separate them with a comma"),
        ("\"/srv/*.log\"", "has quotes"),
        ("'/srv/a.log','/srv/b.log'", "has quotes"),
    ] {
        let mistakes = read(&[("LOGSKIFF_PATHS", paths)]).unwrap_err();
        assert!(mistakes.0.iter().all(|mistake| mistake.variable == "LOGSKIFF_PATHS"), "{mistakes}");
        assert!(mistakes.to_string().contains(reason), "{mistakes}");
    }
    check_right(&[("LOGSKIFF_PATHS", "/srv/my logs/*.log")]);
}

#[test]
fn patterns_for_another_syntax_are_refused() {
    for (pattern, reason) in [("'^(?<day>.{10}) '", "leave the quotes out"), (r"^(?<day>\\d+) ", r"write \d,")] {
        let regex = [("LOGSKIFF_PARSE", "regex"), ("LOGSKIFF_PARSE_PATTERN", pattern)];
        check_wrong(&regex, "LOGSKIFF_PARSE_PATTERN", reason);
        let multiline = [("LOGSKIFF_MULTILINE", "start"), ("LOGSKIFF_MULTILINE_PATTERN", pattern)];
        check_wrong(&multiline, "LOGSKIFF_MULTILINE_PATTERN", reason);
        check_wrong(&[("LOGSKIFF_REDACT_RULE_ORDER", pattern)], "LOGSKIFF_REDACT_RULE_ORDER", reason);
        let own = [("LOGSKIFF_INPUT_A_PATHS", "/a/b"), ("LOGSKIFF_INPUT_A_REDACT_RULE_ORDER", pattern)];
        check_wrong(&own, "LOGSKIFF_INPUT_A_REDACT_RULE_ORDER", reason);
    }
}

/// Goal: a word that is no level is not taken for a target, which would silence everything.
#[test]
fn only_levels_are_levels() {
    for (level, read) in [("WARNING", "warn"), ("Info", "info"), ("warn,librdkafka=ERROR", "warn,librdkafka=error")] {
        assert_eq!(check_right(&[("LOGSKIFF_LOG", level)]).log.filter, read);
    }
    for wrong in ["loud", "logskiff", "info,librdkafka=quiet", "fatal", "verbose"] {
        check_wrong(&[("LOGSKIFF_LOG", wrong)], "LOGSKIFF_LOG", "is not one of off, error, warn, info, debug, trace");
    }
}

#[test]
fn two_properties_on_a_line_are_refused() {
    let reason = "statistics.interval.ms has fetch.max.bytes= behind a comma; write each property on its own line";
    let line = "statistics.interval.ms=0,fetch.max.bytes=1000";
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_PROPERTIES", line)], "LOGSKIFF_KAFKA_PROPERTIES", reason);
    for right in ["debug=broker,topic", "client.rack=a,zone=b"] {
        check_right(&[("LOGSKIFF_KAFKA_PROPERTIES", right)]);
    }
}

#[test]
fn files_without_a_certificate_are_refused() {
    for variable in ["LOGSKIFF_KAFKA_TLS_CA_FILE", "LOGSKIFF_KAFKA_TLS_CERT_FILE"] {
        let key = ("LOGSKIFF_KAFKA_TLS_KEY_FILE", "/dev/null");
        let others = if variable.contains("_CERT_") { vec![key] } else { Vec::new() };
        let variables = [&[("LOGSKIFF_KAFKA_TLS", "on"), (variable, "/dev/null")][..], &others].concat();
        check_wrong_kafka(&variables, variable, "holds no certificate in PEM format");
    }
}

/// Goal: no topic is named `logs-` because the pod's namespace is not known.
#[test]
fn placeholders_of_an_unknown_pod_are_refused() {
    for (variable, value) in [
        ("LOGSKIFF_KAFKA_TOPIC", "logs-{namespace}"),
        ("LOGSKIFF_KAFKA_KEY", "{namespace}-{file}"),
        ("LOGSKIFF_KAFKA_HEADERS", "from={namespace}"),
    ] {
        check_wrong_kafka(&[(variable, value)], variable, "{namespace} needs POD_NAMESPACE, which is not set");
        check_right(&[(variable, value), ("POD_NAMESPACE", "shop")]);
        check_right(&[(variable, &value.replace("space}", "space:none}"))]);
    }
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_KEY", "{pod}")], "LOGSKIFF_KAFKA_KEY", "{pod} needs POD_NAME");
    check_wrong_kafka(&[("LOGSKIFF_KAFKA_KEY", "{node}")], "LOGSKIFF_KAFKA_KEY", "{node} needs NODE_NAME");
}

/// Goal: brokers under a name that is not read do not mean that records go to standard output.
#[test]
fn receivers_without_the_prefix_are_refused() {
    let reason = "KAFKA_BROKERS is, which logskiff does not read; set LOGSKIFF_KAFKA_BROKERS and LOGSKIFF_OUTPUT";
    check_wrong(&[("KAFKA_BROKERS", "kafka:9092")], "LOGSKIFF_OUTPUT", reason);
    let reason = "SYSLOG_ADDRESS is, which logskiff does not read";
    check_wrong(&[("SYSLOG_ADDRESS", "udp://h:514")], "LOGSKIFF_OUTPUT", reason);
    let kafka = [("LOGSKIFF_OUTPUT", "kafka"), ("KAFKA_BROKERS", "kafka:9092")];
    check_wrong(&kafka, "LOGSKIFF_KAFKA_BROKERS", "KAFKA_BROKERS is, which logskiff does not read");
    // The application's own variable, in a sidecar that says where its records go.
    assert!(read(&[("LOGSKIFF_OUTPUT", "stdout"), ("KAFKA_BROKERS", "kafka:9092")]).is_ok());
}

//! Canaries: made-up secrets that are redacted each minute, and leave nothing but two counters.

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::{http, wait_until};

/// Goal: with each mode and encoding, the canaries of all outputs are masked; nothing of them is sent or counted as read.
#[test]
fn canaries_are_masked_and_leave_no_trace() {
    // Each detector's own line, and as JSON where the input may be JSON, for three outputs.
    check(&[("LOGSKIFF_REDACT_MODE", "mask")], 8 * 2 * 3);
    check(&[("LOGSKIFF_REDACT_MODE", "partial"), ("LOGSKIFF_ENCODING", "raw")], 8 * 2 * 3);
    check(&[("LOGSKIFF_REDACT_MODE", "remove"), ("LOGSKIFF_SYSLOG_ENCODING", "raw")], 8 * 2 * 3);
    check(&[("LOGSKIFF_REDACT_MODE", "drop"), ("LOGSKIFF_PARSE", "json")], 8 * 2);
    check(&[("LOGSKIFF_PARSE", "logfmt"), ("LOGSKIFF_KAFKA_TOPIC", "logs-{field.user:none}")], 8 * 3);
    // A detector that is off, and a value that the user shows, are not tried.
    check(
        &[("LOGSKIFF_REDACT", "password,card,email,-password"), ("LOGSKIFF_REDACT_ALLOW", "4111111111111111")],
        2 * 3,
    );
}

/// Goal: an audit shows everything, so its input has no canary.
#[test]
fn an_audit_has_no_canary() {
    let scene = Scene::new();
    scene.write("logs/app.log", "password=hunter2hunter2\n");
    let settings = scene
        .to_stdout()
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
        .with("LOGSKIFF_ENCODING", "raw")
        .with("LOGSKIFF_REDACT_CANARY", "on")
        .with("LOGSKIFF_REDACT_MODE", "audit")
        .with("LOGSKIFF_REDACT_AUDIT_UNMASKED", "on");
    let sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    wait_until("the line leaves", PATIENCE, || sidecar.stdout() == "password=hunter2hunter2\n");
    let samples = http::scrape(&address).unwrap();
    assert!(samples[r#"logskiff_canaries_checked_total{input="default"}"#] < 0.5);
}

#[track_caller]
fn check(more: &[(&str, &str)], checked: u32) {
    let scene = Scene::new();
    scene.write("logs/app.log", "");
    let mut settings = scene
        .to_stdout()
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
        .with("LOGSKIFF_OUTPUT", "kafka,syslog,stdout")
        .with("LOGSKIFF_KAFKA_BROKERS", "127.0.0.1:1")
        .with("LOGSKIFF_SYSLOG_ADDRESS", "tcp://127.0.0.1:1")
        .with("LOGSKIFF_REDACT", "secrets,pii")
        .with("LOGSKIFF_PARSE", "auto")
        .with("LOGSKIFF_REDACT_CANARY", "on");
    for (name, value) in more {
        settings = settings.with(name, value);
    }
    let sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    let sum = |name: &str| {
        let samples = http::scrape(&address).unwrap();
        samples.iter().filter(|(key, _)| key.starts_with(name)).map(|(_, value)| value).sum::<f64>()
    };
    let all = format!("{more:?}: {checked} are checked");
    wait_until(&all, PATIENCE, || (sum("logskiff_canaries_checked_total") - f64::from(checked)).abs() < 0.5);
    for name in ["canaries_unmasked", "read_bytes", "read_records", "dropped_bytes", "redactions", "parse_failures"] {
        let name = format!("logskiff_{name}_total");
        assert!(sum(&name) < 0.5, "{name}: {more:?}");
    }
    assert_eq!(sidecar.stdout(), "");
    let log = sidecar.stderr();
    assert!(!log.contains("made-up secret"), "{log}");
}

//! `LOGSKIFF_REDACT_MODE=audit`: rules are tried on real lines, which stay as they are. It counts and logs where a rule hit,
//! never what.

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::{http, wait_until};

/// Goal: the lines leave as they are; hits are counted by rule and logged by place, a few of each rule, and no content is.
#[test]
fn an_audit_counts_and_leaves_the_text() {
    let scene = Scene::new();
    let line = r#"{"user":{"mail":"ada@example.org"},"ken@example.org":"x","note":"pay 4111111111111111"}"#;
    scene.write("logs/app.log", format!("{line}\n").repeat(20));
    let settings = scene
        .to_stdout()
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
        .with("LOGSKIFF_ENCODING", "raw")
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_REDACT", "pii")
        .with("LOGSKIFF_REDACT_MODE", "audit")
        .with("LOGSKIFF_REDACT_MODE_CARD", "drop")
        .with("LOGSKIFF_REDACT_AUDIT_UNMASKED", "on");
    let sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    let expected = format!("{line}\n").repeat(20);
    wait_until("the lines leave as they are", PATIENCE, || sidecar.stdout() == expected);
    let samples = http::scrape(&address).unwrap();
    let sum = |name: &str| samples.iter().filter(|(key, _)| key.starts_with(name)).map(|(_, value)| value).sum::<f64>();
    assert!(
        (sum(r#"logskiff_redactions_audited_total{input="default",rule="email"}"#) - 40.0).abs() < 0.5,
        "{samples:?}"
    );
    assert!(
        (sum(r#"logskiff_redactions_audited_total{input="default",rule="card"}"#) - 20.0).abs() < 0.5,
        "{samples:?}"
    );
    assert!(sum("logskiff_redactions_total") < 0.5 && sum("logskiff_dropped_records_total") < 0.5, "{samples:?}");
    let log = sidecar.stderr();
    assert!(log.contains("lines of this input leave UNMASKED"), "{log}");
    let hits: Vec<_> = log.lines().filter(|line| line.contains("this rule would mask")).collect();
    assert_eq!(hits.len(), 6, "three of each rule: {log}");
    for (rule, field, offset) in [("email", Some("user.mail"), 17), ("email", None, 36), ("card", Some("note"), 69)] {
        let rule = format!(r#""rule":"{rule}""#);
        let field = field.map(|field| format!(r#""field":"{field}""#));
        let at = format!(r#""offset":{offset},"#);
        let is = |hit: &&&str| {
            let has_field = field.as_ref().map_or(!hit.contains(r#""field""#), |field| hit.contains(field));
            hit.contains(&rule) && hit.contains(&at) && has_field
        };
        assert!(hits.iter().any(|hit| is(&hit)), "{rule} {field:?} {offset}: {log}");
    }
    for content in ["ada@", "ken@", "4111"] {
        assert!(!log.contains(content), "{content}: {log}");
    }
}

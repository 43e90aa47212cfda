//! `logskiff detectors`: publishes the built-in detectors: a table for people, JSON for tools, and TOML for gitleaks and as
//! a rule file.

use std::fmt::Write;

use serde_json::{Value, json};

use super::DetectorsFormat;
use redact::{Detector, PublishedRule};

/// Prints all detectors.
pub(super) fn run(format: DetectorsFormat) -> anyhow::Result<()> {
    let text = match format {
        DetectorsFormat::Table => table(),
        DetectorsFormat::Json => format!("{:#}\n", json()),
        DetectorsFormat::Toml => redact::rule_file(),
    };
    Ok(super::print(&text)?)
}

fn table() -> String {
    let all: Vec<&Detector> = redact::detectors().collect();
    let width = |text: fn(&Detector) -> &str| all.iter().map(|detector| text(detector).len()).max().unwrap_or_default();
    let (names, groups) = (width(|detector| detector.name), width(|detector| detector.group.name()));
    let mut text = String::new();
    for Detector { name, group, description, .. } in all {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:names$}  {:groups$}  {description}", group.name());
    }
    text
}

fn json() -> Value {
    let all = redact::detectors().map(|detector| {
        json!({
            "name": detector.name,
            "group": detector.group.name(),
            "matches": detector.description,
            "does_not_match": detector.not_matched,
            "rules": detector.published().map(|rule| as_json(&rule)).collect::<Vec<_>>(),
        })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "not_expressed": redact::NOT_EXPRESSED,
        "detectors": all.collect::<Vec<_>>(),
    })
}

fn as_json(rule: &PublishedRule) -> Value {
    match &rule.regex {
        Ok(regex) => json!({ "id": rule.id, "regex": regex, "validated": rule.is_validated }),
        Err(reason) => json!({ "id": rule.id, "unpublished": reason.to_string(), "validated": rule.is_validated }),
    }
}

//! A rule file as security teams have it: gitleaks' own, whole, with the samples that its rules are tried with.
//!
//! `.ci/rules-install DIR`, then `LOGSKIFF_TEST_RULES=DIR cargo test --test real real_rule_files::`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use event::Parsed;
use redact::{Config, Hits, PemState, Piece, Redactor, RuleFile, Scratch};
use serde_json::Value;

use crate::support::installed;

/// Rules that are only for files of certain paths.
const FOR_PATHS: usize = 5;

/// Of 1,000 samples, so many may be missed.
const MISSED_MAX: usize = 5;

/// A text in which a rule finds a secret.
struct Sample {
    rule: String,
    text: String,
    secret: String,
}

fn folder() -> Option<PathBuf> {
    installed("LOGSKIFF_TEST_RULES", ".ci/rules-install").map(|folder| fs::canonicalize(folder).unwrap())
}

fn samples(folder: &Path) -> Vec<Sample> {
    let sample = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        Sample { rule: text("rule"), text: text("text"), secret: text("secret") }
    };
    fs::read_to_string(folder.join("samples.jsonl")).unwrap().lines().map(sample).collect()
}

/// Checks that the secrets are gone, but for a few. `what`: the form that the samples had.
#[track_caller]
fn check(what: &str, samples: &[Sample], redacted: &[String]) {
    assert_eq!(samples.len(), redacted.len(), "{what}");
    let all = samples.iter().zip(redacted);
    let missed: Vec<&str> =
        all.filter(|(sample, text)| text.contains(&sample.secret)).map(|(sample, _)| sample.rule.as_str()).collect();
    eprintln!("{what}: {} of {} samples are not masked: {missed:?}", missed.len(), samples.len());
    assert!(samples.len() > 5_000, "{what}: there are only {} samples", samples.len());
    assert!(missed.len() * 1_000 <= samples.len() * MISSED_MAX, "{what}: too many are not masked");
}

/// Goal: the whole file can be used, and its rules alone mask its own samples as records.
#[test]
fn the_samples_are_masked_as_text() {
    let Some(folder) = folder() else { return };
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| error.to_string());
    let file =
        RuleFile::load(&folder.join("gitleaks.toml"), &mut { read }).unwrap_or_else(|errors| panic!("{errors:?}"));
    let not_used = file.unused().iter().filter(|unused| unused.is_rule).count();
    assert_eq!(not_used, FOR_PATHS, "{:?}", file.unused());
    let config = Config { select: vec!["none".to_owned()], files: vec![Arc::new(file)], ..Config::default() };
    let redactor = Redactor::new(&config).unwrap();
    let (parsed, mut hits, mut scratch) = (Parsed::default(), Hits::default(), Scratch::default());
    let samples = samples(&folder);
    let mut redacted = |sample: &Sample| -> String {
        let text = sample.text.as_bytes();
        redactor.scan(text, &mut hits);
        let found = hits.of(0, text.len());
        let redacted = redactor.redact(text, text.len(), &parsed, found, &mut PemState::default(), &mut scratch);
        let pieces = redacted.pieces(redacted.whole());
        pieces
            .map(|piece| if let Piece::Text(text) = piece { String::from_utf8_lossy(text) } else { "*".into() })
            .collect()
    };
    let redacted: Vec<String> = samples.iter().map(&mut redacted).collect();
    check("text", &samples, &redacted);
}

/// Goal: the same in JSON, through the program.
#[test]
fn the_samples_are_masked_in_json() {
    let Some(folder) = folder() else { return };
    let samples = samples(&folder);
    let lines: Vec<String> = samples
        .iter()
        .map(|sample| format!("{}\n", serde_json::json!({"level": "info", "msg": sample.text})))
        .collect();
    let mut preview = Command::new(env!("CARGO_BIN_EXE_logskiff"))
        .args(["try", "--format", "raw"])
        .env_clear()
        .env("LOGSKIFF_REDACT", "none")
        .env("LOGSKIFF_REDACT_FIELDS", "none")
        .env("LOGSKIFF_REDACT_RULES_FROM", folder.join("gitleaks.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = preview.stdin.take().unwrap();
    let feed = std::thread::spawn(move || stdin.write_all(lines.concat().as_bytes()).unwrap());
    let output = preview.wait_with_output().unwrap();
    feed.join().unwrap();
    assert!(output.status.success());
    let message = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"));
        record["msg"].as_str().unwrap().to_owned()
    };
    let redacted: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(message).collect();
    check("JSON", &samples, &redacted);
}

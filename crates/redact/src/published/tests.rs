//! The published rules are read by the project's own reader of rule files, and mask what the detectors mask.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use regex_syntax::ParserBuilder;

use super::{Unpublished, go_pattern, quoted, rule_file};
use crate::{Config, Detector, Hits, PemState, Redactor, RuleFile, Scratch, beyond_bound, detectors};
use event::Parsed;

/// The share of the detectors' own samples, in percent, in which the rules mask at least what the detector masks. The
/// others need a validator that finds the value.
const SAMPLES_PERCENT_MIN: usize = 93;

/// Its value is found by a validator, and its samples are the hard cases: the published rule masks 16 of 117.
const BY_VALIDATOR: &str = "password";

fn config(text: &str) -> Config {
    let file = RuleFile::load(Path::new("/etc/logskiff.toml"), &mut |_| Ok(text.to_owned()));
    let file = file.unwrap_or_else(|errors| panic!("{}", errors[0]));
    assert!(file.unused().is_empty(), "{:?}", file.unused());
    Config { select: vec!["none".into()], files: vec![Arc::new(file)], ..Config::default() }
}

/// The masked ranges of a line.
fn masked(redactor: &Redactor, line: &str) -> Vec<Range<usize>> {
    let (parsed, mut hits) = (Parsed::default(), Hits::default());
    redactor.scan(line.as_bytes(), &mut hits);
    let (mut pem_state, mut scratch) = (PemState::default(), Scratch::default());
    let found = hits.of(0, line.len());
    let redacted = redactor.redact(line.as_bytes(), line.len(), &parsed, found, &mut pem_state, &mut scratch);
    redacted.masked().map(|mask| mask.at.indices()).collect()
}

fn is_within(inner: &[Range<usize>], outer: &[Range<usize>]) -> bool {
    inner.iter().all(|inner| outer.iter().any(|outer| outer.start <= inner.start && inner.end <= outer.end))
}

/// Goal: what is published is a rule file that can be used, and it is worth using.
#[test]
fn the_published_rules_mask_the_samples() {
    let config = config(&rule_file());
    assert!(beyond_bound([&config]).is_none(), "the rules are within the bound of rule files");
    let rules = Redactor::new(&config).unwrap();
    let (mut samples, mut found) = (0, 0);
    for detector in detectors() {
        let is_published = detector.published().any(|rule| rule.regex.is_ok());
        let alone = Redactor::new(&Config { select: vec![detector.name.into()], ..Config::default() }).unwrap();
        let positives = detector.positives.iter().map(|(text, _)| *text);
        let hit = positives.clone().filter(|text| is_within(&masked(&alone, text), &masked(&rules, text))).count();
        assert!(hit > 0 || !is_published, "{}: no sample is masked", detector.name);
        if is_published && detector.name != BY_VALIDATOR {
            (samples, found) = (samples + positives.len(), found + hit);
        }
    }
    assert!(found * 100 >= samples * SAMPLES_PERCENT_MIN, "{found} of {samples} samples are masked");
}

/// Goal: these detectors alone are not published at all; without a fixed text, each line would have to be tried.
#[test]
fn few_detectors_cannot_be_published() {
    let absent = detectors().filter(|detector| detector.published().all(|rule| rule.regex.is_err()));
    let absent: Vec<&str> = absent.map(|detector| detector.name).collect();
    assert_eq!(absent, ["asana", "email", "card", "ipv4", "ipv6", "mac"]);
    let mut reasons = detectors().flat_map(Detector::published).filter_map(|rule| rule.regex.err());
    assert!(reasons.all(|reason| reason != Unpublished::Syntax));
}

/// Goal: both syntaxes mean the same.
#[test]
fn a_pattern_is_written_in_the_syntax_of_go() {
    #[track_caller]
    fn check(pattern: &str, expected: Option<&str>) {
        let hir = ParserBuilder::new().utf8(false).build().parse(pattern).unwrap();
        assert_eq!(go_pattern::write(&hir).as_deref(), expected, "{pattern}");
    }
    check(r"(?xi-u) api [\ _-]? key = ([a-z0-9]{16,})", Some(r"(?i)api[ \-_]?key=([0-9a-z]{16,})"));
    check(r"(?i-u)a(?-i:b)c", Some("[Aa]b[Cc]"));
    check(r"(?-u)\bghp_[0-9A-Za-z]{36}\z", Some(r"\bghp_[0-9A-Za-z]{36}\z"));
    check(r#"(?-u)[^\s"']+?x{2,3}(?:a|bc)*"#, Some(r#"[^\t-\r "']+?x{2,3}(?:a|bc)*"#));
    check(r"(?-u)caf\xc3\xa9|\xe9[\x80-\xff]", Some(r"café|\x{FFFD}[^\x{0}-\x{7F}]"));
    check(r"(?-u)a.b\.c", Some(r"a[^\n]b\.c"));
    check(r"(?-u)(?:[0-9]{100}x){2,20}", None);
    check(r"(?-u)a{1001}", None);
    check(r"(?-u)a{20,1001}", Some("a{20,}"));
    check(r"(?-u:\b{start-half})a", None);
}

#[test]
fn texts_are_quoted_for_toml() {
    for text in ["plain \\d+ \"x\"", "ends with '", "has ''' and \\ and \"", "line\nend\u{7f}"] {
        let table: toml::Table = toml::from_str(&format!("a = {}", quoted(text))).unwrap();
        assert_eq!(table["a"].as_str(), Some(text));
    }
}

//! The detection rate and the false alarms of each detector, as docs/redaction.md publishes them.
//!
//! Input: each detector's examples, as they are and within a JSON string; samples of documented formats, each counted for the
//! detector that finds most of its format; and lines that are common in logs. Output: one row for each detector.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::*;

const START: &str = "<!-- Made by `UPDATE_DOCS=1 cargo test -p redact figures`. Do not edit. -->";
const END: &str = "<!-- The end of the generated part. -->";

/// Found, and all.
#[derive(Clone, Copy, Default)]
struct Rate {
    found: usize,
    all: usize,
}

impl Rate {
    fn count(&mut self, is_found: bool) {
        self.found += usize::from(is_found);
        self.all += 1;
    }

    /// `found of all`, or a dash if nothing was measured.
    fn shown(self) -> String {
        if self.all == 0 { "–".to_owned() } else { format!("{} of {}", self.found, self.all) }
    }
}

/// The figures of one detector.
#[derive(Clone, Copy, Default)]
struct Row {
    examples: Rate,
    in_json: Rate,
    samples: Rate,
    alarms: usize,
}

/// A line as it goes out, and the names of the rules that masked a part of it.
fn masked(line: &str, parsed: &Parsed) -> (String, Vec<String>) {
    let (redactor, mut scratch) = (all_on(), Scratch::default());
    let redacted =
        redactor.redact(line.as_bytes(), line.len(), parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
    let names = redacted.masked().map(|mask| redactor.rules().nth(mask.rule).unwrap().to_owned()).collect();
    (output(&redacted, redacted.whole()), names)
}

/// The parts of an example that its detector masks.
fn secrets<'t>(text: &'t str, detector: &str) -> Vec<&'t str> {
    let (redactor, mut scratch) = (redactor(&[detector], &[], &[]), Scratch::default());
    let parsed = Parsed::default();
    let redacted =
        redactor.redact(text.as_bytes(), text.len(), &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
    let parts: Vec<&str> = redacted.masked().map(|mask| &text[mask.at.indices()]).collect();
    assert!(!parts.is_empty(), "{detector} masks nothing in its example {text:?}");
    parts
}

/// Whether the masked parts of a text are gone: each is left only as often as it stands elsewhere in the text. Those of fewer
/// characters are in other words too.
fn hides(text: &str, clean: &str, secrets: &[&str]) -> bool {
    const CHARACTERS_MIN: usize = 4;
    let is_hidden = |secret: &&str| {
        let elsewhere = text.matches(secret).count() - secrets.iter().filter(|other| other == &secret).count();
        secret.chars().count() < CHARACTERS_MIN || clean.matches(secret).count() <= elsewhere
    };
    secrets.iter().all(is_hidden)
}

fn count_examples(rows: &mut BTreeMap<String, Row>) {
    for detector in detectors() {
        let row = rows.entry(detector.name.to_owned()).or_default();
        for (text, _) in detector.positives {
            let secrets = secrets(text, detector.name);
            row.examples.count(hides(text, &masked(text, &Parsed::default()).0, &secrets));
            let json = format!("{{\"m\":{}}}", serde_json::to_string(text).unwrap());
            let escaped: Vec<String> = secrets.iter().map(|secret| serde_json::to_string(secret).unwrap()).collect();
            let escaped: Vec<&str> = escaped.iter().map(|secret| &secret[1..secret.len() - 1]).collect();
            row.in_json.count(hides(&json, &masked(&json, &parse(&json)).0, &escaped));
        }
    }
}

fn count_samples(rows: &mut BTreeMap<String, Row>) {
    let mut dice = fastrand::Rng::with_seed(SEED);
    for &(name, before, format, after) in formats::GROUPS.iter().flat_map(|(_, formats)| *formats) {
        let (mut rate, mut finders) = (Rate::default(), BTreeMap::<String, usize>::new());
        for _ in 0..SAMPLES {
            let value = text_of(format, &mut dice);
            for line in surroundings(name, &format!("{before}{value}{after}")) {
                let (clean, names) = masked(&line, &Parsed::default());
                let is_found = !clean.contains(&value);
                rate.count(is_found);
                names.into_iter().filter(|_| is_found).for_each(|name| *finders.entry(name).or_default() += 1);
            }
        }
        let (finder, _) = finders.into_iter().max_by_key(|(_, lines)| *lines).expect("a detector finds some");
        let row = rows.entry(finder).or_default();
        (row.samples.found, row.samples.all) = (row.samples.found + rate.found, row.samples.all + rate.all);
    }
}

/// Returns the number of lines.
fn count_alarms(rows: &mut BTreeMap<String, Row>) -> usize {
    let mut dice = fastrand::Rng::with_seed(SEED);
    let kinds = ordinary::KINDS.iter().chain(ordinary::AMBIGUOUS);
    let mut lines = 0;
    for (_, make) in kinds {
        for _ in 0..LINES {
            lines += 1;
            let (name, value) = make(&mut dice);
            let line = dice.choice(surroundings(name, &value)).unwrap();
            for name in masked(&line, &Parsed::default()).1 {
                rows.entry(name).or_default().alarms += 1;
            }
        }
    }
    lines
}

/// The part of the page that is made of the figures.
fn part() -> String {
    let mut rows = BTreeMap::new();
    count_examples(&mut rows);
    count_samples(&mut rows);
    let lines = count_alarms(&mut rows);
    let mut text = format!(
        "{START}\n\n| detector | examples found | in a JSON string | samples found | false alarms in {lines} lines |\n|---|---|---|---|---|\n"
    );
    // In the order of the detectors; another rule would be a mistake of the test.
    for detector in detectors() {
        let Row { examples, in_json, samples, alarms } = rows.remove(detector.name).expect("its examples");
        let (examples, in_json, samples) = (examples.shown(), in_json.shown(), samples.shown());
        writeln!(text, "| `{}` | {examples} | {in_json} | {samples} | {alarms} |", detector.name).unwrap();
    }
    assert!(rows.is_empty(), "rules that are no detectors: {:?}", rows.keys());
    text + "\n" + END
}

#[test]
fn figures_by_detector_are_as_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/redaction.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(START).expect("the start of the generated part");
    let (_, after) = rest.split_once(END).expect("its end");
    let renewed = format!("{before}{}{after}", part());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &renewed).unwrap();
    }
    assert!(
        renewed == std::fs::read_to_string(&path).unwrap(),
        "docs/redaction.md is outdated; run: UPDATE_DOCS=1 cargo test -p redact figures"
    );
}

#[test]
fn a_part_of_a_secret_that_is_left_is_noticed() {
    assert_eq!(secrets("to ada@example.org, ken@example.org", "email"), ["ada@example.org", "ken@example.org"]);
    assert!(hides("a secret", "a <redacted:x>", &["secret"]) && !hides("a secret", "a secret", &["secret"]));
    assert!(hides("same same", "same <redacted:x>", &["same"]) && !hides("same same", "same x", &["same", "same"]));
}

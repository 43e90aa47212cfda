//! Detection rates and false positives, as documented in docs/detectors.md.
//!
//! Samples are generated from the formats that providers document, stated here independently of the detectors'
//! patterns, and placed in lines as in logs. The random generator is seeded, so the figures are the same everywhere.

use std::fmt::Write;

use regex_syntax::hir::{Class, Hir, HirKind};

use super::*;

mod by_detector;
mod formats;
mod ordinary;

/// The seed of every figure.
const SEED: u64 = 8;
/// Samples of a format in each context.
const SAMPLES: usize = 20;
/// Lines of each kind without a match.
const LINES: usize = 1000;
/// An unbounded repetition stops after at most this many more.
const REPEATED_MORE_MAX: u32 = 8;

/// A random text of a format.
pub(super) fn text_of(format: &str, dice: &mut fastrand::Rng) -> String {
    fn add(hir: &Hir, dice: &mut fastrand::Rng, text: &mut String) {
        match hir.kind() {
            HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
            HirKind::Class(Class::Unicode(class)) => {
                let all: Vec<char> = class.ranges().iter().flat_map(|range| range.start()..=range.end()).collect();
                text.push(*dice.choice(&all).unwrap());
            }
            HirKind::Class(Class::Bytes(class)) => {
                let all: Vec<u8> = class.ranges().iter().flat_map(|range| range.start()..=range.end()).collect();
                text.push(char::from(*dice.choice(&all).unwrap()));
            }
            HirKind::Repetition(repetition) => {
                let most = repetition.max.unwrap_or(repetition.min + REPEATED_MORE_MAX);
                for _ in 0..dice.u32(repetition.min..=most) {
                    add(&repetition.sub, dice, text);
                }
            }
            HirKind::Capture(capture) => add(&capture.sub, dice, text),
            HirKind::Concat(parts) => parts.iter().for_each(|part| add(part, dice, text)),
            HirKind::Alternation(parts) => add(dice.choice(parts).unwrap(), dice, text),
            HirKind::Empty | HirKind::Look(_) => {}
        }
    }
    let mut text = String::new();
    add(&regex_syntax::ParserBuilder::new().utf8(false).build().parse(format).unwrap(), dice, &mut text);
    text
}

/// A name with its value, as logs write it; the last context is prose.
fn surroundings(name: &str, value: &str) -> [String; 5] {
    [
        format!("2026-11-23T21:15:51Z INFO starting {name}={value} retries=3"),
        format!(r#"{{"level":"info","{name}":"{value}","n":1}}"#),
        format!(r#"client - - "GET /v1/items?page=2&{name}={value}&x=1 HTTP/1.1" 200 512"#),
        format!("{name}: {value}"),
        format!("request with {name} {value} failed"),
    ]
}

/// The table of docs/detectors.md that begins with `head`.
fn documented(head: &str) -> String {
    let doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/detectors.md"));
    let start = doc.find(head).unwrap_or(doc.len());
    let end = doc[start..].find("\n\n").map_or(doc.len(), |end| start + end + 1);
    doc[start..end].to_owned()
}

#[test]
fn recall_is_as_documented() {
    const HEAD: &str = "| samples of | found | of | not found |\n|---|---|---|---|\n";
    let mut dice = fastrand::Rng::with_seed(SEED);
    let mut table = HEAD.to_owned();
    for (group, formats) in formats::GROUPS {
        let (mut found, mut all, mut missed) = (0, 0, Vec::new());
        for &(name, before, format, after) in *formats {
            for _ in 0..SAMPLES {
                let value = text_of(format, &mut dice);
                let whole = format!("{before}{value}{after}");
                for (place, line) in surroundings(name, &whole).iter().enumerate() {
                    all += 1;
                    if redact(all_on(), line).contains(&value) {
                        let place = ["=", "JSON", "URL", "header", "prose"][place];
                        let what =
                            if name == "value" { before.trim_end().to_owned() + format } else { name.to_owned() };
                        missed.push(format!("{what} in {place}"));
                    } else {
                        found += 1;
                    }
                }
            }
        }
        missed.dedup();
        eprintln!("{group}: {found} of {all}, missed {missed:?}");
        let all_prose = missed.iter().all(|what| what.ends_with("in prose"));
        let left = match (missed.is_empty(), all_prose) {
            (true, _) => "–",
            (_, true) => "what only its name tells, in prose",
            _ => "see the test's output",
        };
        writeln!(table, "| {group} | {found} | {all} | {left} |").unwrap();
    }
    assert_eq!(documented(HEAD), table, "docs/detectors.md should have this table:\n{table}");
}

#[test]
fn false_positives_are_as_documented() {
    const HEAD: &str = "| lines with | lines | false alarms |\n|---|---|---|\n";
    let mut dice = fastrand::Rng::with_seed(SEED);
    let mut table = HEAD.to_owned();
    for (kind, make) in ordinary::KINDS.iter().chain(ordinary::AMBIGUOUS) {
        let mut alarms = 0;
        for _ in 0..LINES {
            let (name, value) = make(&mut dice);
            let line = dice.choice(surroundings(name, &value)).unwrap();
            let clean = redact(all_on(), &line);
            if clean != line {
                alarms += 1;
                assert!(ordinary::AMBIGUOUS.iter().any(|(other, _)| other == kind), "{kind}: {line} -> {clean}");
            }
        }
        writeln!(table, "| {kind} | {LINES} | {alarms} |").unwrap();
    }
    assert_eq!(documented(HEAD), table, "docs/detectors.md should have this table:\n{table}");
}

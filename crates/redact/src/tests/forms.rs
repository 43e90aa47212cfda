//! Goal: values are found in the formats in which programs print them, and similar text stays unchanged.
//!
//! In a template, a secret stands between `⟦` and `⟧`. No part of it may be left; the text around it stays unchanged.

use super::*;

mod calls;
mod commands;
mod neighbours;
mod setup;
mod sql;

/// Checks each template, one a line, with all detectors.
#[track_caller]
fn check_hits(name: &str, templates: &str) {
    check(lines(templates).map(|template| {
        let (mut text, mut expected, mut rest) = (String::new(), String::new(), template);
        while let Some((before, (secret, after))) =
            rest.split_once('⟦').and_then(|(before, rest)| Some((before, rest.split_once('⟧')?)))
        {
            text.extend([before, secret]);
            expected.extend([before, "<redacted:", name, ">"]);
            rest = after;
        }
        assert!(!text.is_empty(), "a template without a secret: {template}");
        (text + rest, expected + rest)
    }));
}

/// Checks that each line stays unchanged, with all detectors.
#[track_caller]
fn check_misses(texts: &str) {
    check(lines(texts).map(|text| (text.to_owned(), text.to_owned())));
}

/// Reports all cases that differ from what is expected.
#[track_caller]
fn check(cases: impl Iterator<Item = (String, String)>) {
    let wrong = cases.filter_map(|(text, expected)| {
        let left = redact(all_on(), &text);
        (left != expected).then(|| format!("is {left}\n not {expected}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty())
}

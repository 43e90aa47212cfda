//! Goal: values are found in the forms in which programs print them, and what looks alike stays.
//!
//! A template has a secret between `⟦` and `⟧`, of which nothing may be left; what stands around it stays as it is.

use super::*;

mod calls;
mod commands;
mod neighbours;
mod setup;
mod sql;

/// Checks each template, one a line, with the whole catalogue on.
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

/// Checks that each line, with the whole catalogue on, stays as it is.
#[track_caller]
fn check_misses(texts: &str) {
    check(lines(texts).map(|text| (text.to_owned(), text.to_owned())));
}

/// Tells of all that are not as expected.
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

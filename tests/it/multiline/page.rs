//! The page that lists the grammar is made from it.

use std::fmt::Write;
use std::fs;

use logskiff::pipeline::frame::multiline::{Preset, examples};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/multiline-grammar.md");
const INTRODUCTION: &str = "# The grammar of events of several lines

<!-- Made from the grammar by a test. Do not edit. -->

Each row is a line that [begins or continues a trace](multiline.md), with an example. A
line that only looks like one does not join: most rows also want a certain line before or behind them.

| runtime | what the line does | example |
|---|---|---|
";

/// A line as a cell of a table, with its blanks and tabs to be seen.
fn cell(line: &str) -> String {
    let visible = line.replace('|', "\\|").replace('\t', "⇥");
    let blanks = visible.len() - visible.trim_start_matches(' ').len();
    let line = "␣".repeat(blanks) + visible.trim_start_matches(' ');
    if line.contains('`') { format!("`` {line} ``") } else { format!("`{line}`") }
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for runtime in Preset::ALL.into_iter().map(Some).chain([None]) {
        for example in examples().filter(|example| example.preset == runtime) {
            let name = runtime.map_or("servers", Preset::name);
            let does = example.reason.map_or("begins a trace", |reason| reason.name());
            writeln!(page, "| {name} | {does} | {} |", cell(example.line)).unwrap();
        }
    }
    page
}

#[test]
fn the_page_lists_the_grammar() {
    if std::env::var_os("LOGSKIFF_TEST_RENEW").is_some() {
        fs::write(PAGE, page()).unwrap();
    }
    assert_eq!(fs::read_to_string(PAGE).unwrap_or_default(), page(), "run the test with LOGSKIFF_TEST_RENEW=1");
}

#[test]
fn every_runtime_has_rows() {
    for preset in Preset::ALL {
        assert!(examples().filter(|example| example.preset == Some(preset)).count() >= 3, "{}", preset.name());
    }
}

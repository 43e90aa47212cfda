//! The table of detectors in docs/detectors.md equals the code's, and docs/redaction.md explains their groups.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use redact::detectors;

const HEAD: &str = "| name | group | matches | does not match |\n|---|---|---|---|\n";

/// One row per detector.
fn table() -> String {
    let mut table = HEAD.to_owned();
    for detector in detectors() {
        let leaves = if detector.not_matched.is_empty() { "–" } else { detector.not_matched };
        let (name, group) = (detector.name, detector.group.name());
        writeln!(table, "| `{name}` | `{group}` | {} | {leaves} |", detector.description).unwrap();
    }
    table
}

#[test]
fn the_table_of_detectors_matches_the_code() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("docs/detectors.md");
    let text = fs::read_to_string(path).expect("docs/detectors.md");
    let start = text.find(HEAD).expect("the table's head");
    let end = text[start..].find("\n\n").map_or(text.len(), |end| start + end + 1);
    assert_eq!(text[start..end], table(), "docs/detectors.md should have this table:\n{}", table());
}

/// The document names all groups.
#[test]
fn every_group_is_explained() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("docs/redaction.md");
    let text = fs::read_to_string(path).expect("docs/redaction.md");
    for group in redact::Group::ALL {
        assert!(text.contains(&format!("- `{}`: ", group.name())), "the group {} has no line of its own", group.name());
    }
}

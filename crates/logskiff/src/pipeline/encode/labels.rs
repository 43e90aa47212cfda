//! The Downward API's labels file.

use std::collections::BTreeMap;

/// Parses lines of `key="value"`, in which the value is escaped by Go's `strconv.Quote`. For the characters that a
/// label may contain, that equals a JSON string. Other lines are ignored.
#[must_use]
pub fn parse(text: &str) -> BTreeMap<String, String> {
    let label = |line: &str| {
        let (key, value) = line.split_once('=')?;
        Some((key.to_owned(), serde_json::from_str(value).ok()?))
    };
    text.lines().filter_map(label).collect()
}

#[test]
fn labels_are_read_as_kubernetes_writes_them() {
    let labels = parse("app.kubernetes.io/name=\"shop\"\nempty=\"\"\nquoted=\"a\\\"b\"\n\nnonsense\n");
    let labels: Vec<_> = labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(labels, [("app.kubernetes.io/name", "shop"), ("empty", ""), ("quoted", "a\"b")]);
}

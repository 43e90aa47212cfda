//! The field that a hit of an audit is in.
//!
//! Input: a parsed line and a range. Output: the field's dotted name, for logskiff's own log. A name is content too: one that
//! a rule hits, that is long or that has other characters than names of fields usually have is not shown.

use event::{Key, Node, Parsed, TextRange};
use redact::Masked;

/// Longer names are no names of fields.
const NAME_BYTES_MAX: usize = 64;

/// The dotted name of the field whose value holds the start of `at`.
pub(super) fn field_of(parsed: &Parsed, text: &[u8], at: TextRange, hits: &[Masked]) -> Option<String> {
    let holds = |value: TextRange| value.start <= at.start && at.start < value.end;
    let mut open: Vec<Key> = Vec::new();
    for node in &parsed.nodes {
        match *node {
            Node::Object { key } | Node::Array { key } => open.push(key),
            Node::End => drop(open.pop()),
            Node::Value { key, at: value, .. } if holds(value) => {
                open.push(key);
                return name(parsed, text, &open, hits);
            }
            Node::Value { .. } => {}
        }
    }
    let others =
        [("trace.id", parsed.trace_id), ("span.id", parsed.span_id), ("message", parsed.message.map(|(at, _)| at))];
    others.into_iter().find(|(_, value)| value.is_some_and(holds)).map(|(name, _)| name.to_owned())
}

/// The names of nested fields, joined.
fn name(parsed: &Parsed, text: &[u8], keys: &[Key], hits: &[Masked]) -> Option<String> {
    let mut joined = String::new();
    for key in keys {
        let step = match *key {
            Key::None => continue,
            Key::Name(number) => parsed.names.get(usize::from(number))?,
            Key::Text(at) if hits.iter().any(|hit| hit.at.overlaps(at)) => return None,
            Key::Text(at) => std::str::from_utf8(text.get(at.indices())?).ok()?,
        };
        if !joined.is_empty() {
            joined.push('.');
        }
        joined.push_str(step);
    }
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_shown = !joined.is_empty() && joined.len() <= NAME_BYTES_MAX && joined.bytes().all(is_usual);
    is_shown.then_some(joined)
}

//! Finds the JSON values at the end of a message, where Monolog writes them.
//!
//! Input: `text {"id":17} []`. Output: the fields of its context and of its extra values, and the text before them. Laravel
//! writes only one of the two, and none if they are empty.

use event::{Key, Node, TextRange};

use super::super::json;

/// Brackets that are tried as the beginning of the context, so that a text of brackets costs little.
const STARTS_MAX: usize = 64;

/// Adds the fields to `nodes`; returns the message before them. `names`: those of the context and of the extra values.
pub(super) fn read(text: &[u8], at: TextRange, names: [u16; 2], nodes: &mut Vec<Node>) -> TextRange {
    // Later lines are a trace, which belongs to no value.
    let range = at.indices();
    let end = memchr::memchr(b'\n', &text[range.clone()]).map_or(range.end, |len| range.start + len);
    let line = &text[..end];
    let mut start = range.start;
    for _ in 0..STARTS_MAX {
        let Some(found) = memchr::memchr2(b'{', b'[', &line[start..]) else { break };
        let first = start + found;
        start = first + 1;
        let is_apart = first == range.start || line[first - 1] == b' ';
        if is_apart && values(text, TextRange::new(first, end), names, nodes) {
            let before = &text[range.start..first];
            let message = before.strip_suffix(b" ").unwrap_or(before);
            return if end == range.end { TextRange::new(range.start, range.start + message.len()) } else { at };
        }
    }
    let trimmed = if end == range.end { line[range.start..].trim_ascii_end().len() } else { range.len() };
    TextRange::new(range.start, range.start + trimmed)
}

/// Adds the one or two JSON values that are all of a range; `false`, and nothing, if it is something else.
fn values(text: &[u8], at: TextRange, names: [u16; 2], nodes: &mut Vec<Node>) -> bool {
    let before = nodes.len();
    let mut at = at;
    for name in names {
        let value = nodes.len();
        let Some(end) = json::read_value(text, at, Key::Name(name), nodes) else {
            nodes.truncate(before);
            return false;
        };
        let is_empty = matches!(nodes[value..], [Node::Object { .. } | Node::Array { .. }, Node::End]);
        if is_empty {
            nodes.truncate(value);
        }
        let rest = &text[end..at.indices().end];
        if rest.trim_ascii().is_empty() {
            return true;
        }
        at = TextRange::new(at.indices().end - rest.trim_ascii_start().len(), at.indices().end);
    }
    nodes.truncate(before);
    false
}

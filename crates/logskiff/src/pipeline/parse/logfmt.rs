//! Reads a line of which every word is `key=value`.
//!
//! Input: a line. Output: a text node for each pair. A quoted value keeps its escapes, if JSON has the same ones.

use event::{Key, Kind, Node, TextRange};

/// Where the format is not known, a line with fewer pairs is a text that has an `=`.
pub(super) const PAIRS_MIN: usize = 2;
/// A line with more pairs is none of a logger.
const PAIRS_MAX: usize = 1000;

/// Fills `nodes`, which must be empty, from a line; `None` if a word of it is no pair, or there are fewer pairs
/// than `pairs_min`.
pub(super) fn read(line: &[u8], pairs_min: usize, nodes: &mut Vec<Node>) -> Option<()> {
    let found = pairs(line, pairs_min, nodes);
    if found.is_none() {
        nodes.clear();
    }
    found
}

fn pairs(line: &[u8], pairs_min: usize, nodes: &mut Vec<Node>) -> Option<()> {
    let mut at = 0;
    while at < line.len() {
        if line[at] == b' ' {
            at += 1;
            continue;
        }
        let key = line[at..].iter().take_while(|byte| is_of_key(**byte)).count();
        if key == 0 || line.get(at + key) != Some(&b'=') || nodes.len() == PAIRS_MAX {
            return None;
        }
        let key = TextRange::new(at, at + key);
        if !is_name(&line[key.indices()]) {
            return None;
        }
        let value = key.indices().end + 1;
        let (kind, inside, end) = value_at(line, value)?;
        nodes.push(Node::Value { key: Key::Text(key), at: inside, kind });
        at = end;
        if line.get(at).is_some_and(|byte| *byte != b' ') {
            return None;
        }
    }
    (nodes.len() >= pairs_min).then_some(())
}

fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b'@' | b':') || !byte.is_ascii()
}

/// Whether all parts of a dotted name have characters.
fn is_name(key: &[u8]) -> bool {
    std::str::from_utf8(key).is_ok_and(|name| name.split('.').all(|part| !part.is_empty()))
}

/// Whether a quoted value with escapes is the inside of a JSON string.
fn is_json(value: &[u8]) -> bool {
    let has_surrogate = || {
        let mut escapes = memchr::memmem::find_iter(value, b"\\u");
        escapes
            .any(|at| matches!(value.get(at + 2..at + 4), Some([b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F'])))
    };
    value.iter().all(|byte| *byte >= b' ') && std::str::from_utf8(value).is_ok() && !has_surrogate()
}

/// A value's kind, its range without quotes, and where it ends.
fn value_at(line: &[u8], start: usize) -> Option<(Kind, TextRange, usize)> {
    if line.get(start) != Some(&b'"') {
        let len = memchr::memchr(b' ', &line[start..]).unwrap_or(line.len() - start);
        let value = &line[start..start + len];
        return (!value.contains(&b'"')).then(|| (Kind::Text, TextRange::new(start, start + len), start + len));
    }
    let (mut at, mut kind) = (start + 1, Kind::Text);
    loop {
        at += memchr::memchr2(b'"', b'\\', line.get(at..)?)?;
        if line[at] == b'"' {
            let inside = TextRange::new(start + 1, at);
            return (kind == Kind::Text || is_json(&line[inside.indices()])).then_some((kind, inside, at + 1));
        }
        kind = Kind::Escaped;
        at += match line.get(at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
            b'u' if line.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
            _ => return None,
        };
    }
}

//! Brackets over several lines: JSON, inspected objects, dumps of variables.

use super::text::Text;

/// An object on one line: it begins with `{`, ends with `}`, and something like a key follows its bracket.
pub(super) fn is_object_line(line: &[u8]) -> bool {
    let key = line.strip_prefix(b"{").and_then(|rest| rest.trim_ascii_start().first());
    matches!(key, Some(b'"' | b'}')) && line.trim_ascii_end().ends_with(b"}")
}

/// The bracket that a line leaves open, and how many of them.
pub(super) fn opened(text: &Text<'_>) -> Option<(u8, u8)> {
    let first = text.body().first().copied().unwrap_or(b' ');
    let last = text.last();
    let bracket = match (first, last) {
        (_, b'{' | b'[' | b'(') => last,
        (b'{', _) => first,
        // An array whose first value is on the same line; not `[INFO] text`.
        (b'[', _) if matches!(text.body().get(1), Some(b'{' | b'[' | b'"')) => first,
        _ => return None,
    };
    let depth = depth_after(text.line, bracket, 0);
    (depth > 0).then_some((bracket, depth))
}

/// Whether the line may stand within a bracket that a line of this indentation opened: deeper, a closing bracket, a quote. An
/// object that is not deeper than an open one is the next record: the open one was cut off.
pub(super) fn is_inner(text: &Text<'_>, bracket: u8, indent: usize) -> bool {
    let first = text.body().first();
    let is_next = bracket == b'{' && first == Some(&b'{');
    text.indent > indent || (!is_next && matches!(first, Some(b'}' | b']' | b')' | b'"' | b'\'' | b'{' | b'[')))
}

/// The depth after a line. Only the kind of bracket that was opened counts, strings are skipped, and none of them reaches over
/// the line's end.
pub(super) fn depth_after(line: &[u8], bracket: u8, mut depth: u8) -> u8 {
    let closing = if bracket == b'(' { b')' } else { bracket + 2 };
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        if byte == bracket {
            depth = depth.saturating_add(1);
        } else if byte == closing {
            depth = depth.saturating_sub(1);
        } else if matches!(byte, b'"' | b'\'' | b'`') {
            at += string_len(&line[at..]).unwrap_or(0);
        }
        at += 1;
    }
    depth
}

/// The distance to the end of the string that begins here. None if it does not end on this line: an apostrophe.
fn string_len(text: &[u8]) -> Option<usize> {
    let quote = text[0];
    let mut at = 1;
    loop {
        let found = memchr::memchr2(quote, b'\\', text.get(at..)?)? + at;
        if text[found] == quote {
            return Some(found);
        }
        at = found + 2;
    }
}

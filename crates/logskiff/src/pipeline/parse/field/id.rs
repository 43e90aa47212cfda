//! Reads the ids of traces and spans.
//!
//! Input: a value with a name of an id. Output: the part of it that is the id, or nothing if it does not look like one:
//! then the value stays an ordinary field.

use event::{Kind, TextRange};

/// No id is longer: 128 bits have 32 hexadecimal digits or 39 decimal ones.
const ID_BYTES_MAX: usize = 64;

/// How an id is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The name is the one in records: any text.
    Own,
    /// The id, perhaps after `0x`.
    Plain,
    /// The last part of a path.
    Path,
    /// The `traceparent` of W3C Trace Context, of which the trace is taken.
    ParentTrace,
    /// The same, of which the span is taken.
    ParentSpan,
}

/// The id in a value.
pub(super) fn read(text: &[u8], at: TextRange, kind: Kind, form: Form) -> Option<TextRange> {
    let written = text.get(at.indices())?;
    let start = at.start as usize;
    let part = match (kind, form) {
        (Kind::Text | Kind::Number, Form::Own) if !written.is_empty() => return Some(at),
        (Kind::Text | Kind::Number, Form::Plain) => after_0x(written),
        (Kind::Text | Kind::Escaped, Form::Path) => memchr::memrchr(b'/', written).map_or(0, |slash| slash + 1),
        (Kind::Text, Form::ParentTrace) => return within(written, start, 3..35),
        (Kind::Text, Form::ParentSpan) => return within(written, start, 36..52),
        _ => return None,
    };
    is_id(&written[part..]).then(|| TextRange::new(start + part, at.end as usize))
}

/// The length of a prefix `0x`.
fn after_0x(written: &[u8]) -> usize {
    if matches!(written, [b'0', b'x' | b'X', ..]) { 2 } else { 0 }
}

/// Whether the text is an id. Zeros and a dash stand for none.
fn is_id(text: &[u8]) -> bool {
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() <= ID_BYTES_MAX && text.iter().all(is_inside) && text.iter().any(|byte| !matches!(byte, b'0' | b'-'))
}

/// A part of a `traceparent`, if it has the form `00-` 32 digits `-` 16 digits `-01`.
fn within(written: &[u8], start: usize, part: std::ops::Range<usize>) -> Option<TextRange> {
    let is_right = |(at, byte): (usize, &u8)| match at {
        2 | 35 | 52 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    let is_parent = written.len() == 55 && written.iter().enumerate().all(is_right);
    (is_parent && is_id(&written[part.clone()])).then(|| TextRange::new(start + part.start, start + part.end))
}

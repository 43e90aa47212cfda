//! Values inside types, as programs print them: `Some(Secret { inner: "…" })`, `(*string)("…")`, `Just "…"`.
//!
//! Input: a name and the position where its value begins. Output: the content of the innermost type.

use std::ops::Range;

use super::named::{Name, VALUES};
use super::place::{after_blanks, after_word, inside, skip_while, starts_with};
use super::prose::{is_state, is_word};
use super::{Text, is_absent};

/// Maximum nesting of types around a value.
const DEPTH_MAX: usize = 4;
/// Maximum length of a type's name with its parameters.
const TYPE_BYTES_MAX: usize = 96;

/// Names of the member that holds a type's value, in addition to [`VALUES`].
const MEMBERS: [&[u8]; 12] = [
    b"inner",
    b"secret",
    b"raw",
    b"data",
    b"text",
    b"string",
    b"content",
    b"plaintext",
    b"some",
    b"expose",
    b"password",
    b"token",
];

/// Signs that open a type's content.
const OPENS: &[u8] = b"({[";

/// The value inside the types that begin at `at`.
pub(super) fn constructed(name: &Name<'_>, mut at: usize) -> Option<Range<usize>> {
    let text = name.text;
    let (mut is_member, start) = (false, at);
    for _ in 0..DEPTH_MAX {
        let (content, opens) = after_type_name(text, at)?;
        let first = after_blanks(text, content);
        at = if opens { after_label(name, first) } else { first };
        is_member |= at > first;
        let letters = usize::from(matches!(text[at..], [b'b' | b'u' | b'r', b'"' | b'\'', ..]));
        if let Some((inside, _)) = inside(text, at + letters) {
            let is_plain = opens && text[content - 1] != b'{';
            return (is_plain || is_member || !opens).then_some(inside);
        }
    }
    (is_member && at > start).then(|| at..bare_end(text, at)).filter(|at| !at.is_empty())
}

/// Whether the type at `at` holds nothing or a hidden value: `SecretStr('**********')`, `Secret([REDACTED
/// alloc::string::String])`.
pub(super) fn is_hidden_within(text: Text<'_>, at: usize) -> bool {
    let Some((content, true)) = after_type_name(text, at) else { return false };
    let start = skip_while(text, content, |byte| OPENS.contains(&byte) || b"<'\"\\ ".contains(&byte));
    let end = skip_while(text, start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'_' | b'.'));
    if end == start { text.get(start) == Some(&b')') } else { is_absent(&text[start..end]) }
}

/// The position after a type's name, and whether a bracket opens its content rather than a blank before a string.
fn after_type_name(text: Text<'_>, at: usize) -> Option<(usize, bool)> {
    let rest = &text[at..text.len().min(at + TYPE_BYTES_MAX)];
    let in_type = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_:.*&[]".contains(*byte);
    let in_generics = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_:.*&[]<>, '".contains(*byte);
    let (within, close) = match rest.first()? {
        b'(' => (rest[1..].iter().take_while(in_type).count() + 1, &b")"[..]),
        first if first.is_ascii_alphabetic() => {
            (rest.iter().take_while(|byte| in_type(byte) && **byte != b'[').count(), &b""[..])
        }
        _ => return None,
    };
    text.charge(within);
    let mut length = rest[within..].starts_with(close).then_some(within + close.len())?;
    if close.is_empty() && rest.get(length) == Some(&b'<') {
        let generics = rest[length..].iter().take_while(in_generics).count();
        length += rest[length..length + generics].iter().rposition(|byte| *byte == b'>')? + 1;
    }
    let end = after_blanks(text, at + length);
    let opens = text.get(end).is_some_and(|byte| OPENS.contains(byte));
    // A cast stands directly before its value; a bracket farther from the name is a remark.
    if opens && (end == at + length || text[end] == b'{') {
        return Some((end + 1, true));
    }
    let named = &rest[..length];
    let begins = named[0].is_ascii_uppercase() && !is_word(named) && !is_state(named) && end > at + length;
    match text.get(end) {
        Some(b'"') if begins => Some((end, false)),
        Some(b'(') if begins && text.get(end + 1).is_some_and(u8::is_ascii_uppercase) => Some((end + 1, true)),
        _ => None,
    }
}

/// The position after the name of the member that holds the value: `inner: `, `value=`.
fn after_label(name: &Name<'_>, at: usize) -> usize {
    let text = name.text;
    let end = skip_while(text, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let sign = after_blanks(text, end);
    if !matches!(text.get(sign), Some(b':' | b'=')) || matches!(text.get(sign + 1), Some(b':' | b'=')) {
        return at;
    }
    let label = &text[at..end];
    let last = label.rsplit(|byte| *byte == b'_').next().unwrap_or_default();
    let holds = label.iter().all(u8::is_ascii_digit)
        || MEMBERS.iter().any(|known| last.eq_ignore_ascii_case(known) || starts_with(label, known))
        || after_word(text, at, &VALUES) == Some(end);
    if holds && end > at { after_blanks(text, sign + 1) } else { at }
}

/// Where a member without quotes ends.
fn bare_end(text: Text<'_>, at: usize) -> usize {
    skip_while(text, at, |byte| !byte.is_ascii_whitespace() && !b"\"',;(){}[]".contains(&byte))
}

//! What stands for a value that is elsewhere: `${DB_PASSWORD}`, `$(cat x)`, `{{ x }}`, `<%= x %>`, `%{x}`, `%(x)s`.
//!
//! In: a text and where a value begins. Out: where the reference ends, and whether it holds no secret of its own, such as a default.

use super::Text;
use super::place::starts_with;

/// A reference is no longer.
const BYTES_MAX: usize = 512;

/// How references open and close.
const FORMS: [(&[u8], &[u8]); 9] = [
    (b"${{", b"}}"),
    (b"${", b"}"),
    (b"$(", b")"),
    (b"{{", b"}}"),
    (b"{%", b"%}"),
    (b"<%", b"%>"),
    (b"%{", b"}"),
    (b"%(", b")s"),
    (b"#{", b"}"),
];

/// What gives a value within a reference.
const GIVES: [&[u8]; 4] = [b"default", b"echo", b"printf", b"base64"];

/// A reference.
pub(super) struct Reference {
    /// Behind what closes it.
    pub(super) end: usize,
    /// Whether it only names something.
    pub(super) is_pure: bool,
}

/// The reference at `at`.
pub(super) fn reference(text: Text<'_>, at: usize) -> Option<Reference> {
    let rest = &text[at..text.len().min(at + BYTES_MAX)];
    let (open, close) = FORMS.iter().find(|(open, _)| rest.starts_with(open))?;
    // Erlang's maps and Ruby's references open alike; a name of the map's has an arrow behind it.
    let length = memchr::memmem::find(&rest[open.len()..], close)?;
    text.charge(length + 1);
    let inside = &rest[open.len()..open.len() + length];
    let end = at + open.len() + length + close.len();
    Some(Reference { end, is_pure: names(open, inside) })
}

/// Whether what a reference holds names something and gives nothing.
fn names(open: &[u8], inside: &[u8]) -> bool {
    let inside = inside.strip_prefix(b"=").unwrap_or(inside).trim_ascii();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    match open {
        b"${" | b"%{" | b"%(" | b"#{" => !inside.is_empty() && inside.iter().all(is_name),
        _ => {
            let sign = |byte: &u8| is_name(byte) || b" -/<|$()[]".contains(byte);
            let quoted = |at: usize| at > 0 && inside[at - 1] == b'[' || inside.get(at + 1) == Some(&b']');
            let fits = |(at, byte): (usize, &u8)| sign(byte) || matches!(byte, b'"' | b'\'') && quoted(at);
            let gives = |word: &[u8]| GIVES.iter().any(|known| starts_with(word, known));
            inside.iter().any(u8::is_ascii_alphabetic)
                && inside.iter().enumerate().all(fits)
                && !inside.split(|byte| !byte.is_ascii_alphanumeric()).any(gives)
        }
    }
}

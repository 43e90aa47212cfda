//! References to a value that is elsewhere: `${DB_PASSWORD}`, `$(cat x)`, `{{ x }}`, `<%= x %>`, `%{x}`, `%(x)s`.
//!
//! Input: a text and the position where a value begins. Output: where the reference ends, and whether it holds no
//! secret itself, such as a default.

use super::Text;
use super::place::starts_with;

/// Maximum length of a reference.
const BYTES_MAX: usize = 512;

/// Opening and closing signs of references.
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

/// Words that introduce a literal value inside a reference.
const LITERALS: [&[u8]; 4] = [b"default", b"echo", b"printf", b"base64"];

/// A reference.
pub(super) struct Reference {
    /// The position after its closing sign.
    pub(super) end: usize,
    /// Whether it only names a value and holds none.
    pub(super) is_pure: bool,
}

/// The reference at `at`.
pub(super) fn reference(text: Text<'_>, at: usize) -> Option<Reference> {
    let rest = &text[at..text.len().min(at + BYTES_MAX)];
    let (open, close) = FORMS.iter().find(|(open, _)| rest.starts_with(open))?;
    // Erlang maps and Ruby references open alike. In a map, an arrow follows the name.
    let length = memchr::memmem::find(&rest[open.len()..], close)?;
    text.charge(length + 1);
    let inside = &rest[open.len()..open.len() + length];
    let end = at + open.len() + length + close.len();
    Some(Reference { end, is_pure: names(open, inside) })
}

/// Whether the content of a reference only names a value.
fn names(open: &[u8], inside: &[u8]) -> bool {
    let inside = inside.strip_prefix(b"=").unwrap_or(inside).trim_ascii();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    match open {
        b"${" | b"%{" | b"%(" | b"#{" => !inside.is_empty() && inside.iter().all(is_name),
        _ => {
            let sign = |byte: &u8| is_name(byte) || b" -/<|$()[]".contains(byte);
            let quoted = |at: usize| at > 0 && inside[at - 1] == b'[' || inside.get(at + 1) == Some(&b']');
            let fits = |(at, byte): (usize, &u8)| sign(byte) || matches!(byte, b'"' | b'\'') && quoted(at);
            let gives = |word: &[u8]| LITERALS.iter().any(|known| starts_with(word, known));
            inside.iter().any(u8::is_ascii_alphabetic)
                && inside.iter().enumerate().all(fits)
                && !inside.split(|byte| !byte.is_ascii_alphanumeric()).any(gives)
        }
    }
}

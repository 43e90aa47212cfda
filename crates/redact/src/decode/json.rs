//! The escapes of JSON strings (RFC 8259, section 7).

use super::Unit;
use event::unicode_escape;

/// The escape at the start of `rest`, and its length: two bytes, six, or twelve for a surrogate pair.
pub(in super::super) fn escape(rest: &[u8]) -> Option<Unit> {
    let simple = match rest.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(rest).map(|(character, length)| Unit::from_char(character, length)),
        _ => return None,
    };
    Some(Unit::from_char(simple, 2))
}

/// The same for `\uXXXX`; half of a surrogate pair has no character.
pub(super) fn unicode(rest: &[u8]) -> Option<(char, usize)> {
    let (character, length) = unicode_escape(rest)?;
    Some((character.unwrap_or(char::REPLACEMENT_CHARACTER), length))
}

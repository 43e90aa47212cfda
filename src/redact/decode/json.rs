//! The escapes of JSON strings (RFC 8259, section 7).

use super::Unit;

/// The escape that `rest` starts with, and its length: two bytes, six, or twelve for a pair of surrogates.
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
        b'u' => return unicode(rest).map(|(character, length)| Unit::of(character, length)),
        _ => return None,
    };
    Some(Unit::of(simple, 2))
}

/// The same for `\uXXXX`.
pub(super) fn unicode(rest: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = rest.get(at..at + 6)?.strip_prefix(br"\u")?;
        digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
    };
    let high = unit(0)?;
    if (0xd800..0xdc00).contains(&high)
        && let Some(low @ 0xdc00..0xe000) = unit(6)
    {
        let code = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
        return Some((char::from_u32(code)?, 12));
    }
    Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6))
}

//! Values within Cookie and Set-Cookie headers (RFC 6265).

use std::ops::Range;

use super::{Text, token};

/// A value without a name counts from this length on: shorter ones are words and switches.
const BARE_BYTES_MIN: usize = 8;

/// Masks the value of each `name=value` of a Cookie header; what follows something else is no cookie any more.
pub(in super::super) fn cookie(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut start = found.start;
    for part in text[found.clone()].split(|&byte| byte == b';') {
        let end = start + part.len();
        let first = start == found.start;
        // What a semicolon ends is a cookie up to there; behind the last one the header itself may end anywhere.
        let whole = end < found.end;
        if !pair(text, start..end, whole, mask) {
            if first {
                bare(text, start..end, mask);
            }
            // Browsers send cookies without a value, and nothing between two semicolons.
            if first || !part.trim_ascii().iter().copied().all(is_in_name) {
                return;
            }
        }
        start = end + 1;
    }
}

/// Masks the value of the first `name=value`; what follows are attributes, or further cookies behind a comma. That of a
/// date has no name behind it.
pub(in super::super) fn set_cookie(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut start = found.start;
    for part in text[found.clone()].split(|&byte| byte == b',') {
        let cookie_end = memchr::memchr(b';', part).map_or(start + part.len(), |at| start + at);
        let whole = cookie_end < start + part.len();
        if !pair(text, start..cookie_end, whole, mask) && start == found.start {
            bare(text, start..cookie_end, mask);
        }
        start += part.len() + 1;
    }
}

/// The same for each string of a JSON array.
pub(in super::super) fn set_cookies(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut start = found.start;
    for part in text[found.clone()].split(|&byte| byte == b'"') {
        let end = start + part.len();
        set_cookie(text, start..end, mask);
        start = end + 1;
    }
}

/// Masks what follows `name=`, up to what no value holds, or all of it; `false` where there is no name.
fn pair(text: Text<'_>, at: Range<usize>, whole: bool, mask: &mut dyn FnMut(Range<usize>)) -> bool {
    let part = &text[at.clone()];
    let Some(equals) = memchr::memchr(b'=', part) else { return false };
    let name = part[..equals].trim_ascii();
    if name.is_empty() || !name.iter().copied().all(is_in_name) {
        return false;
    }
    let start = at.start + equals + 1;
    value(text, start..at.end, whole, mask);
    true
}

/// What a name is made of (RFC 6265, section 4.1.1), and the brackets that browsers send with it.
fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&*+-.^_`|~[]".contains(&byte)
}

/// A value without a name, if it looks like one.
fn bare(text: Text<'_>, at: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let end = value_end(text, at.clone());
    // A sentence goes on with words, and an address is no cookie.
    let rest = text[end..at.end].trim_ascii();
    let is_sentence = rest.contains(&b' ') && rest.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b' ');
    let is_address = text[at.start..end].iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if end - at.start >= BARE_BYTES_MIN && !is_sentence && !is_address {
        token(text, at.start..end, mask);
    }
}

fn value(text: Text<'_>, at: Range<usize>, whole: bool, mask: &mut dyn FnMut(Range<usize>)) {
    let all = &text[at.clone()];
    let quoted = all.strip_prefix(b"\"").and_then(|rest| memchr::memchr(b'"', rest));
    let end = match quoted {
        Some(length) => at.start + length + 2,
        None if whole => at.start + all.trim_ascii_end().len(),
        None => value_end(text, at.clone()),
    };
    if end > at.start {
        mask(at.start..end);
    }
}

fn value_end(text: Text<'_>, at: Range<usize>) -> usize {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b')' | b']' | b'}');
    text[at.clone()].iter().position(ends).map_or(at.end, |end| at.start + end)
}

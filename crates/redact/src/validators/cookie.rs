//! Values in Cookie and Set-Cookie headers (RFC 6265).

use std::ops::Range;

use super::{Text, token};

/// Minimum length of a value without a name; shorter ones are words and flags.
const BARE_BYTES_MIN: usize = 8;

/// Masks the value of each `name=value` of a Cookie header, up to the first part that is no cookie.
pub(in super::super) fn cookie(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut start = found.start;
    for part in text[found.clone()].split(|&byte| byte == b';') {
        let end = start + part.len();
        let first = start == found.start;
        // A semicolon ends a cookie. After the last semicolon the header itself may end anywhere.
        let whole = end < found.end;
        if !pair(text, start..end, whole, mask) {
            if first {
                bare(text, start..end, mask);
            }
            // Browsers send cookies without a value, and empty parts between two semicolons.
            if first || !part.trim_ascii().iter().copied().all(is_in_name) {
                return;
            }
        }
        start = end + 1;
    }
}

/// Masks the value of the first `name=value`. Attributes follow it, or further cookies after a comma; the comma of a
/// date has no name after it.
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

/// Does the same for each string of a JSON array.
pub(in super::super) fn set_cookies(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut start = found.start;
    for part in text[found.clone()].split(|&byte| byte == b'"') {
        let end = start + part.len();
        set_cookie(text, start..end, mask);
        start = end + 1;
    }
}

/// Masks the text after `name=`, up to the first byte that no value holds, or all of it; `false` where there is no
/// name.
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

/// Whether a byte may be part of a name (RFC 6265, section 4.1.1), including the brackets that browsers send.
fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&*+-.^_`|~[]".contains(&byte)
}

/// Masks a value without a name, if it looks like one.
fn bare(text: Text<'_>, at: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let end = value_end(text, at.clone());
    // A sentence continues with words, and an address is no cookie.
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

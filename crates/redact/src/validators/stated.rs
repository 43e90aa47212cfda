//! Values in sentences: `password "…"`, `password is: …`, `password is invalid: "…"`, ``Path `password` (`…`)``.
//!
//! Input: a name and the position after it. Output: the value in the sentence.

use std::ops::Range;

use super::named::{Name, VALUES};
use super::operator::after_operator;
use super::place::{after_blanks, after_word, ends_with, inside, skip_while, starts_with};
use super::prose::{is_state, is_word};
use super::sql::{is_keyword, names_secret};
use super::structure::{after_string, string};
use super::value::value;
use super::{Text, add, is_absent};

/// Words between a keyword and a quoted value.
const LINKING_WORDS: [&[u8]; 4] = [b"is", b"was", b"to", b"from"];

/// Maximum number of words between a keyword and its value.
const WORDS_MAX: usize = 4;

/// How far before the word for a value its name may stand.
const ECHO_BYTES_MAX: usize = 160;

/// How far after a value its option may stand.
const FOR_BYTES_MAX: usize = 64;

/// `password "…"`, `password is '…'`; `at` is after the blanks.
pub(super) fn prose(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let called = &text[name.start..name.end];
    if ![&b"password"[..], b"passwd", b"passphrase"].iter().any(|word| ends_with(called, word)) {
        return;
    }
    let at = after_word(text, at, &LINKING_WORDS).map_or(at, |end| after_blanks(text, end));
    // SQL's kinds of strings.
    let at = at + usize::from(matches!(text[at..], [b'E' | b'N' | b'B' | b'X', b'\'', ..]));
    if let Some((inside, true)) = inside(text, at)
        && !text[inside.start..].starts_with(b",")
        && !b":}]".contains(&text[inside.start])
    {
        add(inside, mask);
    }
}

/// `'db.password' to '…'`; `at` is after the quote of the name and blanks.
pub(super) fn changed_to(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let Some(end) = after_word(name.text, at, &LINKING_WORDS) else { return };
    let value = after_blanks(name.text, end);
    if let Some((inside, true)) = inside(name.text, value) {
        let new_value = &name.text[inside.clone()];
        // The text after a rename is the new name.
        let is_renamed = starts_with(new_value, &name.text[name.start..name.end]);
        if !is_renamed && !is_keyword(new_value) && !is_word(new_value) && !is_state(new_value) {
            add(inside, mask);
        }
    }
}

/// `password is: …`, `password is invalid: "…"`; `at` is after the blanks.
pub(super) fn stated(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let is_paired = matches!(text[..name.whole(b":/")].trim_ascii_end().last(), Some(b':' | b'=' | b'"' | b'\''));
    let linked = after_word(text, at, &LINKING_WORDS);
    let Some(mut end) = linked.or_else(|| after_word(text, at, &VALUES).filter(|_| !is_paired)) else { return };
    let mut words = 0;
    while linked.is_some() && words < WORDS_MAX && text.get(end) == Some(&b' ') {
        let word = skip_while(text, end + 1, |byte| byte.is_ascii_alphabetic());
        if word == end + 1 {
            break;
        }
        (end, words) = (word, words + 1);
    }
    if matches!(text.get(end), Some(b':' | b'='))
        && let Some(at) = after_operator(text, end)
    {
        let at = after_blanks(text, at);
        if words == 0 {
            value(name, at, mask);
        } else if let Some((inside, true)) = string(text, at) {
            add(inside, mask);
        }
    }
}

/// ``Path `password` (`…`) is shorter``; `at` is at the bracket.
pub(super) fn remark(text: Text<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    // In the same quotes as the name.
    if let Some((inside, true)) = string(text, at + 1)
        && text[..at].trim_ascii_end().last() == text.get(at + 1)
        && text.get(after_string(text, inside.end)) == Some(&b')')
    {
        add(inside, mask);
    }
}

/// Masks the value in a validation error; `found` is the position after the word for a value, with a keyword before it:
/// `on field 'password': rejected value […]`, `input_value='…'`.
pub(in super::super) fn echoed(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let before = &text[found.start.saturating_sub(ECHO_BYTES_MAX)..found.start];
    text.charge(before.len());
    let sign = after_blanks(text, skip_while(text, found.start, |byte| matches!(byte, b'"' | b'\'' | b'\\')));
    let signed = after_operator(text, sign);
    let at = after_blanks(text, signed.unwrap_or(sign));
    let inner = if let Some((inside, _)) = string(text, at) {
        inside
    } else if text.get(at) == Some(&b'[') {
        at + 1..bracket_end(text, at + 1)
    } else if signed.is_some() {
        at..skip_while(text, at, |byte| !byte.is_ascii_whitespace() && !b",;)]}\"'".contains(&byte))
    } else {
        return;
    };
    // "The value" may be of any kind.
    let is_any = ends_with(before, b"the value");
    let tells = !is_any && names_secret(before) || is_for_secret(text, after_string(text, inner.end));
    if tells && !is_absent(&text[inner.clone()]) {
        add(inner, mask);
    }
}

/// Whether the value in the error belongs to a keyword: `… for flag -password`, `… is not valid for Password`.
fn is_for_secret(text: Text<'_>, at: usize) -> bool {
    let rest = &text[at..text.len().min(at + FOR_BYTES_MAX)];
    text.charge(rest.len());
    let rest = rest.strip_prefix(b" is not valid").or_else(|| rest.strip_prefix(b" is invalid")).unwrap_or(rest);
    let end = rest.iter().skip(1).position(|byte| b":;.\n".contains(byte)).map_or(rest.len(), |end| end + 1);
    rest.starts_with(b" for ") && names_secret(&rest[..end])
}

/// Where a value in brackets ends: at the closing bracket after which the value does not continue.
fn bracket_end(text: Text<'_>, mut at: usize) -> usize {
    while let Some(end) = text.find(at, b']') {
        if text.get(end + 1).is_none_or(|byte| byte.is_ascii_whitespace() || b";,.\"'\\".contains(byte)) {
            return end;
        }
        at = end + 1;
    }
    text.len()
}

//! Masks of other redactors in the place of a value: `[FILTERED]`, `(redacted)`, `*****`, `xxxxx`.
//!
//! Input: a value. Output: whether it is such a mask.

use std::ops::Range;

use super::Text;

/// Words that stand for a hidden value, with or without brackets. Compared without case.
const HIDDEN: [&str; 10] = [
    "filtered",
    "redacted",
    "masked",
    "hidden",
    "protected",
    "sensitive",
    "removed",
    "known",
    "scrubbed",
    "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER",
];

/// Words that do so in brackets only.
const IN_BRACKETS: [&str; 10] = [
    "secure",
    "secret",
    "omitted",
    "sanitized",
    "obfuscated",
    "encrypted",
    "suppressed",
    "not shown",
    "not displayed",
    "snip",
];

/// Signs that are repeated in place of a value.
const SIGNS: [&[u8]; 5] = [b"*", b"x", b"X", b"#", "•".as_bytes()];

/// Minimum number of repetitions.
const SIGNS_MIN: usize = 4;

/// Whether a value is a word for a hidden value, or a repeated sign.
pub(super) fn is_hidden(value: &[u8]) -> bool {
    let is = |hidden: &&str| value.eq_ignore_ascii_case(hidden.as_bytes());
    HIDDEN.iter().any(is) || is_repeated(value)
}

fn is_repeated(value: &[u8]) -> bool {
    SIGNS.iter().any(|sign| value.len() >= SIGNS_MIN * sign.len() && value.chunks(sign.len()).all(|part| part == *sign))
}

/// The same for a value in quotes. A word counts only in brackets, in capitals, or if nobody would choose it as a
/// password.
pub(super) fn is_hidden_in_quotes(value: &[u8]) -> bool {
    let is_bracket = |byte: &u8| b"[](){}<>*_- ".contains(byte);
    let start = value.iter().take_while(|byte| is_bracket(byte)).count();
    let end = value.len() - value[start..].iter().rev().take_while(|byte| is_bracket(byte)).count();
    let inner = &value[start..end];
    if start > 0 && start < end && end < value.len() {
        return is_hidden_in_brackets(inner);
    }
    let is_capital = !inner.iter().any(u8::is_ascii_lowercase);
    let is_unchosen = inner.eq_ignore_ascii_case(b"redacted") || inner.eq_ignore_ascii_case(b"filtered");
    is_repeated(inner)
        || is_hidden(inner) && (is_capital || is_unchosen)
        || value.len() >= SIGNS_MIN - 1 && value.iter().all(|byte| *byte == b'*')
}

/// The same for a value in brackets: `[secure]`, `<not shown>`.
pub(super) fn is_hidden_in_brackets(value: &[u8]) -> bool {
    is_hidden(value) || IN_BRACKETS.iter().any(|hidden| value.eq_ignore_ascii_case(hidden.as_bytes()))
}

/// Drops masks of other redactors.
pub(in super::super) fn not_hidden(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    if !is_hidden_in_quotes(&text[found.clone()]) {
        mask(found);
    }
}

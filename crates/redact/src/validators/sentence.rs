//! Sentences of validators, parsers and tests after a keyword, in the place of its value.
//!
//! Input: a text and the position where the sentence would begin. Output: whether it is one.

use super::Text;
use super::place::{after_blanks, starts_with};
use super::structure::{after_string, string};

/// Phrases of validators about an invalid or a missing value.
const PHRASES: [&[u8]; 40] = [
    b"must be ",
    b"must not ",
    b"must have ",
    b"must contain ",
    b"must match",
    b"must include ",
    b"is too ",
    b"is required",
    b"is invalid",
    b"is not ",
    b"is missing",
    b"is empty",
    b"is a required",
    b"was not ",
    b"can't be ",
    b"can not ",
    b"cannot be ",
    b"may not be ",
    b"should be ",
    b"should have ",
    b"should not ",
    b"should contain ",
    b"should match",
    b"required",
    b"too short",
    b"too long",
    b"too weak",
    b"too common",
    b"too many ",
    b"does not ",
    b"doesn't ",
    b"do not match",
    b"don't match",
    b"didn't match",
    b"has at least ",
    b"has at most ",
    b"at least ",
    b"needs to ",
    b"has to ",
    b"minimum is ",
];

/// Other beginnings of their sentences, whatever follows.
const OPENINGS: [&[u8]; 6] =
    [b"ensure this ", b"ensure that ", b"please enter ", b"please choose ", b"please provide ", b"field is "];

/// Words before these phrases, in any order.
const SUBJECTS: [&[u8]; 24] = [
    b"the",
    b"this",
    b"your",
    b"new",
    b"password",
    b"passwords",
    b"passphrase",
    b"token",
    b"secret",
    b"credentials",
    b"key",
    b"value",
    b"string",
    b"field",
    b"input",
    b"it",
    b"size",
    b"length",
    b"confirmation",
    b"entered",
    b"provided",
    b"given",
    b"and",
    b"api",
];

/// Maximum number of such words.
const SUBJECTS_MAX: usize = 5;

/// Words before the subject: `Invalid password`.
const BEFORE: [&[u8]; 5] = [b"invalid", b"incorrect", b"wrong", b"missing", b"expired"];

/// Words before or after a quoted name: ``Path `password` is required``, `secret "x" not found`.
const OBJECTS: [&[u8]; 14] = [
    b"path",
    b"secret",
    b"secrets",
    b"configmap",
    b"field",
    b"property",
    b"key",
    b"parameter",
    b"param",
    b"column",
    b"volume",
    b"attribute",
    b"member",
    b"option",
];

/// Beginnings of test reports, in which the test's name is prose.
const REPORTS: [&[u8]; 10] = [
    "✓".as_bytes(),
    "✔".as_bytes(),
    "✗".as_bytes(),
    "✘".as_bytes(),
    "×".as_bytes(),
    "√".as_bytes(),
    b"PASS ",
    b"FAIL ",
    b"--- PASS",
    b"--- FAIL",
];

/// Whether a validator's sentence begins at `at`.
pub(super) fn is_sentence(text: &[u8], at: usize) -> bool {
    let rest = &text[at.min(text.len())..];
    let begins = |rest: &[u8], phrases: &[&[u8]]| phrases.iter().any(|phrase| starts_with(rest, phrase));
    if let Some(phrase) = after_one(rest, &BEFORE).and_then(|rest| rest.strip_prefix(b" ")) {
        return after_one(phrase, &SUBJECTS).is_some();
    }
    let mut phrase = rest;
    for _ in 0..SUBJECTS_MAX {
        if begins(phrase, &PHRASES) && (phrase.len() < rest.len() || phrase.contains(&b' ')) {
            return true;
        }
        let Some(next) = after_one(phrase, &SUBJECTS).and_then(|rest| rest.strip_prefix(b" ")) else { break };
        phrase = next;
    }
    begins(rest, &OPENINGS)
}

/// The rest of a text after the word of `words` that it begins with.
fn after_one<'t>(text: &'t [u8], words: &[&[u8]]) -> Option<&'t [u8]> {
    const WORD_BYTES_MAX: usize = 16;
    let length = text.iter().take(WORD_BYTES_MAX).take_while(|byte| byte.is_ascii_alphabetic()).count();
    words.iter().any(|word| text[..length].eq_ignore_ascii_case(word)).then(|| &text[length..])
}

/// Whether the text at `at..end` describes an object that is named after it, and the sentence continues.
pub(super) fn names_object(text: Text<'_>, at: usize, end: usize) -> bool {
    let next = after_blanks(text, end);
    let Some((inside, true)) = string(text, next).filter(|_| next > end) else { return false };
    let goes_on = matches!(text[after_string(text, inside.end)..], [b' ', b'a'..=b'z', ..]);
    goes_on && OBJECTS.iter().any(|object| text[at..end].eq_ignore_ascii_case(object))
}

/// Whether the line is a test report.
pub(super) fn is_report(text: &[u8]) -> bool {
    let start = text.iter().take(16).take_while(|byte| byte.is_ascii_whitespace()).count();
    let rest = &text[start..];
    // The Test Anything Protocol numbers its tests.
    let counted = rest.strip_prefix(b"not ").unwrap_or(rest).strip_prefix(b"ok ");
    counted.is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
        || REPORTS.iter().any(|report| rest.starts_with(report))
}

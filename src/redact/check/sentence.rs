//! What validators, parsers and tests say behind a telling name, where its value would stand.
//!
//! In: a text and where the sentence would begin. Out: whether it is one.

use super::Text;
use super::place::{behind_blanks, starts_with};
use super::structure::{behind_string, string};

/// How validators begin what they find wrong with a value, or with one that is missing.
const PHRASES: [&[u8]; 44] = [
    b"this field ",
    b"this value ",
    b"this password ",
    b"this is ",
    b"must be ",
    b"must not ",
    b"must have ",
    b"must contain ",
    b"must match",
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
    b"ensure this ",
    b"ensure that ",
    b"ensure it ",
    b"field required",
    b"field is ",
    b"too short",
    b"too long",
    b"too weak",
    b"too common",
    b"too many ",
    b"does not ",
    b"doesn't ",
    b"do not match",
    b"please ",
    b"at least ",
    b"minimum ",
    b"needs to ",
    b"has to ",
];

/// What may stand before them.
const SUBJECTS: [&[u8]; 10] = [
    b"password",
    b"passphrase",
    b"token",
    b"secret",
    b"value",
    b"string",
    b"it",
    b"your password",
    b"the password",
    b"input",
];

/// What is named in quotes behind a colon: ``Path `password` is required``, `secret "x" not found`.
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

/// How the report of a test begins, whose name is prose.
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
    let is_phrase = |rest: &[u8]| PHRASES.iter().any(|phrase| starts_with(rest, phrase));
    let behind_subject =
        |subject: &&[u8]| starts_with(rest, subject).then(|| rest[subject.len()..].strip_prefix(b" ")).flatten();
    is_phrase(rest) || SUBJECTS.iter().filter_map(behind_subject).any(is_phrase)
}

/// Whether what stands at `at..end` is said of an object that is named behind it, and the sentence goes on.
pub(super) fn names_object(text: Text<'_>, at: usize, end: usize) -> bool {
    let next = behind_blanks(text, end);
    let Some((inside, true)) = string(text, next).filter(|_| next > end) else { return false };
    let goes_on = matches!(text[behind_string(text, inside.end)..], [b' ', b'a'..=b'z', ..]);
    goes_on && OBJECTS.iter().any(|object| text[at..end].eq_ignore_ascii_case(object))
}

/// Whether the line is the report of a test.
pub(super) fn is_report(text: &[u8]) -> bool {
    let start = text.iter().take(16).take_while(|byte| byte.is_ascii_whitespace()).count();
    let rest = &text[start..];
    // The Test Anything Protocol counts.
    let counted = rest.strip_prefix(b"not ").unwrap_or(rest).strip_prefix(b"ok ");
    counted.is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
        || REPORTS.iter().any(|report| rest.starts_with(report))
}

//! Values that only their position identifies: arguments of calls, Lisp keywords, numbered fields.
//!
//! Input: a name and the position after it. Output: the value that belongs to it.

use std::ops::Range;

use super::named::{Name, VALUES, before_quote};
use super::operator::after_operator;
use super::place::{after_blanks, after_quote, after_space, ends_with, inside, quote, skip_while, starts_with};
use super::{Text, add};

/// Maximum length of types and calls that wrap an argument.
const WRAPPER_BYTES_MAX: usize = 64;
/// Maximum number of header lines of a form part.
const PART_HEADERS_MAX: usize = 6;
/// Minimum length of an argument without quotes.
const ARGUMENT_BYTES_MIN: usize = 5;
/// Maximum number of arguments of one call.
const ARGUMENTS_MAX: usize = 8;

/// Calls that take names of fields and no values.
pub(super) const LISTERS: [&[u8]; 14] = [
    b"only",
    b"except",
    b"require",
    b"required",
    b"permit",
    b"pick",
    b"omit",
    b"fields",
    b"columns",
    b"select",
    b"fillable",
    b"guarded",
    b"hidden",
    b"filter",
];

/// The content of the string that opens here, in backticks too, and whether it is closed.
pub(super) fn string(text: Text<'_>, at: usize) -> Option<(Range<usize>, bool)> {
    if text[at.min(text.len())..].starts_with(b"\"\"\"") {
        let end = text.find_word(at + 3, b"\"\"\"");
        return Some((at + 3..end.unwrap_or(text.len()), end.is_some()));
    }
    if text.get(at) != Some(&b'`') {
        return inside(text, at);
    }
    let end = text.find(at + 1, b'`');
    Some((at + 1..end.unwrap_or(text.len()), end.is_some()))
}

/// The position after the quote or the backtick that closes a string.
pub(super) fn after_string(text: Text<'_>, at: usize) -> usize {
    if text.get(at) == Some(&b'`') { at + 1 } else { after_quote(text, at) }
}

/// A part of a form (RFC 7578): `name="password"`, headers of the part, an empty line, the value; `at` is after the
/// closing quote, or after a name without quotes.
pub(super) fn part(name: &Name<'_>, mut at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b"[]");
    let before = before_quote(&text[..start]);
    let is_part =
        if before.len() < start { ends_with(before, b"name=") } else { ends_with(before, b"form-data; name=") };
    if !is_part {
        return;
    }
    for _ in 0..PART_HEADERS_MAX {
        let Some(line_end) = text.find(at, b'\n') else { return };
        let start = line_end + 1;
        let empty = start + usize::from(text.get(start) == Some(&b'\r'));
        if text.get(empty) != Some(&b'\n') {
            at = start;
            continue;
        }
        let end = text.find_word(empty, b"\n--").unwrap_or(text.len());
        let end = end - usize::from(text[..end].ends_with(b"\r"));
        if end > empty + 1 {
            add(empty + 1..end, mask);
        }
        return;
    }
}

/// Masks the string arguments of a setter; `at` is at its bracket: `setPassword("…")`.
pub(super) fn arguments(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let called = &text[name.whole(b"")..name.end];
    let called = called.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    if starts_with(called, b"get") {
        return;
    }
    let mut at = at + 1;
    bare_argument(text, after_blanks(text, at), mask);
    for _ in 0..ARGUMENTS_MAX {
        at = after_space(text, at);
        let letters = wrapper(text, at);
        match string(text, at + letters) {
            // An unclosed quote far from its name is an apostrophe.
            Some((_, false)) if letters > 2 => return,
            Some((inside, closes)) => {
                let end = after_string(text, inside.end);
                if takes(&text[at..at + letters]) {
                    add(inside, mask);
                }
                if !closes {
                    return;
                }
                at = end;
            }
            None => at += letters,
        }
        at = skip_while(text, at, |byte| byte.is_ascii_whitespace() || b")]\"#".contains(&byte));
        if text.get(at) != Some(&b',') {
            return;
        }
        at += 1;
    }
}

/// Masks the only argument of a call if it has no quotes and is no expression: `setPassword( … )`.
fn bare_argument(text: Text<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let rest = &text[at..text.len().min(at + WRAPPER_BYTES_MAX)];
    let length =
        rest.iter().take_while(|byte| !byte.is_ascii_whitespace() && !b"\"'`,;()[]{}<>=.:/\\".contains(byte)).count();
    text.charge(length);
    let value = &rest[..length];
    let closes = text.get(after_blanks(text, at + length)) == Some(&b')');
    // An identifier may end with digits, and a word in capitals may follow them.
    let inner_digit = value.windows(2).any(|two| two[0].is_ascii_digit() && two[1].is_ascii_lowercase());
    let has_sign = value.iter().any(|byte| b"!@#$%&+~".contains(byte));
    let has_both = value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic);
    let begins = value.first().is_some_and(|byte| !b"$@%&!".contains(byte));
    if closes && length >= ARGUMENT_BYTES_MIN && has_both && begins && (inner_digit || has_sign) {
        add(at..at + length, mask);
    }
}

/// The number of bytes of a type, a call or a keyword before the string of an argument.
fn wrapper(text: Text<'_>, at: usize) -> usize {
    let wraps = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.:=<>(@$&*#".contains(*byte);
    let new = if text[at..].starts_with(b"new ") { 4 } else { 0 };
    let mut length = new + text[at + new..].iter().take(WRAPPER_BYTES_MAX).take_while(wraps).count();
    if matches!(text[at + length..], [b' ', b'=', b' ', ..]) {
        length += 3;
    }
    text.charge(length);
    length
}

/// Whether the value of a keyword argument belongs to the called name; other keyword arguments have names themselves.
fn takes(wrapper: &[u8]) -> bool {
    let Some(sign) = wrapper.iter().position(|byte| *byte == b'=') else { return true };
    let keyword = wrapper[..sign].trim_ascii_end();
    VALUES.iter().any(|value| keyword.eq_ignore_ascii_case(value))
}

/// Masks the strings of a multiple assignment; `at` is after the comma: `password, err := "…", nil`.
pub(super) fn assigned(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let names = text[at..].iter().take(WRAPPER_BYTES_MAX);
    let names = names.take_while(|byte| byte.is_ascii_alphanumeric() || b"_, ".contains(byte)).count();
    text.charge(names);
    let sign = at + names;
    let is_sign =
        text[sign..].starts_with(b":=") || text[sign..].starts_with(b"=") && text.get(sign + 1) != Some(&b'=');
    let Some(mut at) = after_operator(text, sign).filter(|_| is_sign && names > 0) else { return };
    for _ in 0..ARGUMENTS_MAX {
        let Some((inside, true)) = string(text, after_blanks(text, at)) else { return };
        let next = after_string(text, inside.end);
        add(inside, mask);
        if text.get(next) != Some(&b',') {
            return;
        }
        at = next + 1;
    }
}

/// Whether a quoted name is the first argument of a call or the first item of a tuple, and the value before `next`
/// belongs to it: `put("password", "…")`, `{"password", "…"}`.
pub(super) fn argument(name: &Name<'_>, next: usize) -> bool {
    let text = name.text;
    let before = before_quote(&text[..name.whole(b":/#@")]);
    let letter = [b"b", b"u", b"@"].iter().find_map(|letter| before.strip_suffix(*letter));
    let before = letter.unwrap_or(before);
    let binary = before.strip_suffix(b"<<").unwrap_or(before).trim_ascii_end();
    if let Some(outer) = binary.strip_suffix(b"{") {
        let typed = outer.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"])".contains(byte));
        let end = skip_while(text, next, |byte| byte == b'>');
        return !typed && text.get(after_blanks(text, end)) == Some(&b'}');
    }
    let Some(outer) = before.trim_ascii_end().strip_suffix(b"(") else { return false };
    let length = outer.iter().rev().take(64).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let called = &outer[outer.len() - length..];
    let calls = outer.is_empty() || length > 0 || outer.ends_with(b">") || outer.ends_with(b"!");
    let more = matches!(text.get(next), Some(b',')) && quote(text, after_space(text, next + 1)).is_some();
    calls && !more && !LISTERS.iter().any(|lister| called.eq_ignore_ascii_case(lister))
}

/// `{:password "…"}`, `(:password . "…")`, `set :password "…"`; `at` is after the blanks.
pub(super) fn keyword(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b":/");
    let before = &text[..start];
    let defines = [&b"(def "[..], b"(define ", b"(defvar ", b"(setq ", b"(set! ", b"(let (("]
        .iter()
        .any(|word| before.ends_with(word));
    let is_pair = text[at..].starts_with(b". ");
    if text.get(start) != Some(&b':') && !defines && !(is_pair && before.ends_with(b"(")) {
        return;
    }
    let at = if is_pair { after_blanks(text, at + 1) } else { at };
    if let Some((inside, _)) = inside(text, at) {
        return add(inside, mask);
    }
    let end = skip_while(text, at, |byte| byte.is_ascii_digit());
    add(at..end, mask);
}

/// `a1="--password" a2="…"`, `"--password" "…"`, `argv[1]="--token", argv[2]="…"`, `("password" . "…")`; `at` is after
/// the name's quote and blanks.
pub(super) fn field(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    if text[at..].starts_with(b". ") {
        if let Some((inside, true)) = inside(text, after_blanks(text, at + 1)) {
            add(inside, mask);
        }
        return;
    }
    let start = name.whole(b"");
    let before = before_quote(&text[..start]);
    let is_option = text.get(start) == Some(&b'-');
    let opens = |bracket: &[u8]| before.trim_ascii_end().ends_with(bracket);
    if before.len() == start || !is_option && !opens(b"{") && !opens(b"(") {
        return;
    }
    if let Some((inside, closes)) = inside(text, at) {
        let is_pair = closes && text.get(after_quote(text, inside.end)) == Some(&b')');
        if is_pair || !opens(b"(") {
            add(inside, mask);
        }
        return;
    }
    numbered(text, at, mask);
}

/// `a2=…`, after `a1=--password` and blanks.
pub(super) fn numbered(text: Text<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let label = skip_while(text, at, |byte| byte.is_ascii_alphanumeric() || b"_[]".contains(&byte));
    let is_numbered = label > at && (text[label - 1].is_ascii_digit() || text[label - 1] == b']');
    if !is_numbered || !matches!(text.get(label), Some(b'=' | b':')) {
        return;
    }
    let at = after_blanks(text, label + 1);
    match inside(text, at) {
        Some((inside, _)) => add(inside, mask),
        None => add(at..skip_while(text, at, |byte| !byte.is_ascii_whitespace()), mask),
    }
}

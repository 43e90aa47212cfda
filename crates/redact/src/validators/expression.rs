//! Source code in the place of a value: variables, calls, members, types.
//!
//! Input: a name, the operator after it, and the range of its value. Output: whether the value only names something.

use std::ops::Range;

use super::Text;
use super::named::Name;
use super::place::{ends_with, starts_with};

/// Maximum length of a call or a type.
const EXPRESSION_BYTES_MAX: usize = 96;

/// Words before a call.
const BEFORE_CALLS: [&[u8]; 3] = [b"await ", b"yield ", b"new "];

/// Beginnings of calls that read a value; their string argument is the value's name.
const READS: [&[u8]; 13] = [
    b"get",
    b"fetch",
    b"read",
    b"find",
    b"environ",
    b"require",
    b"lookup",
    b"param",
    b"prompt",
    b"input",
    b"ask",
    b"pop",
    b"question",
];

/// Types of strings, as annotations write them.
const TYPES: [&[u8]; 8] = [b"str", b"string", b"bytes", b"any", b"text", b"varchar", b"object", b"bool"];

/// Whether the range holds a program's expression.
pub(super) fn is_expression(name: &Name<'_>, sign: &[u8], at: &Range<usize>) -> bool {
    let text = name.text;
    let value = &text[at.clone()];
    is_variable(name, value)
        || is_annotation(text, sign, at)
        || is_spaced(sign) && (is_member(name, value) || is_compared(name, sign, at))
}

/// Whether an operator has blanks around it, as in source code, or is an arrow.
fn is_spaced(sign: &[u8]) -> bool {
    sign.starts_with(b" ") || sign.ends_with(b"> ")
}

/// Whether the value is a variable or parameter of the same name, or of that name in capitals: `$DB_PASSWORD`,
/// `%TOKEN%`, `:password`, `@password`.
pub(super) fn is_variable(name: &Name<'_>, value: &[u8]) -> bool {
    let (variable, is_parameter) = match value {
        [b'$', variable @ ..] | [b'%', variable @ .., b'%'] => (variable, false),
        [b':' | b'@', variable @ ..] => (variable, true),
        _ => return false,
    };
    let called = &name.text[name.start..name.end];
    let in_name = variable.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let is_constant = variable.first().is_some_and(u8::is_ascii_uppercase)
        && variable.contains(&b'_')
        && !variable.iter().any(u8::is_ascii_lowercase);
    in_name && (ends_with(variable, called) || is_constant && !is_parameter)
}

/// Whether the value is a type: `password: str)`, `password: Option<String>,`.
fn is_annotation(text: Text<'_>, sign: &[u8], at: &Range<usize>) -> bool {
    let value = &text[at.clone()];
    let is_type = |word: &[u8]| TYPES.iter().any(|known| word.eq_ignore_ascii_case(known));
    let outer = value.iter().position(|byte| matches!(byte, b'<' | b'['));
    let within = outer.map_or(value, |open| &value[open + 1..]);
    let within = within.strip_prefix(b"&").unwrap_or(within);
    let wraps = outer.is_none_or(|open| open > 0 && value[..open].iter().all(u8::is_ascii_alphabetic));
    let ends = text.get(at.end).is_none_or(|byte| b",;)>]=\r\n".contains(byte) || byte.is_ascii_whitespace());
    sign.ends_with(b": ") && wraps && ends && is_type(within)
}

/// The position after the call that a value begins with and whose arguments hold no secret: `get_token(user)`,
/// `os.environ["TOKEN"]`.
pub(super) fn after_call(name: &Name<'_>, at: usize) -> Option<usize> {
    let text = name.text;
    if !is_spaced(&text[name.end..at]) {
        return None;
    }
    let start = BEFORE_CALLS.iter().find(|word| text[at..].starts_with(word)).map_or(at, |word| at + word.len());
    let rest = &text[start..text.len().min(start + EXPRESSION_BYTES_MAX)];
    let in_callee = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.:$".contains(*byte);
    let length = rest.iter().take_while(in_callee).count();
    text.charge(length);
    let callee = &rest[..length];
    let function = callee.rsplit(|byte| b".:".contains(byte)).next().unwrap_or_default();
    let begins = callee.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'$');
    let closes = match rest.get(length) {
        Some(b'(') => b')',
        Some(b'[') => b']',
        _ => return None,
    };
    if opens_lines(&rest[length..]) && callee.iter().any(|byte| b"_.".contains(byte)) && begins {
        return Some(start + length + 1);
    }
    let end = rest[length..].iter().position(|byte| *byte == closes)?;
    let arguments = &rest[length + 1..length + end];
    text.charge(end);
    let reads = READS.iter().any(|read| starts_with(function, read));
    // A type that wraps a value begins with a capital.
    let is_function =
        reads || closes == b']' || function.first().is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'_');
    let is_name = |byte: &u8| byte.is_ascii_alphabetic() || b"_.-, ".contains(byte);
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'\'');
    let names_only = arguments.iter().all(is_name) && (closes == b')' || reads);
    let is_key = (reads || closes == b']')
        && arguments.iter().any(is_quote)
        && arguments.iter().all(|byte| is_name(byte) || is_quote(byte) || b"[(:?".contains(byte));
    // The default for a missing value is a secret.
    let comma = arguments.iter().position(|byte| *byte == b',').unwrap_or(arguments.len());
    let has_default = arguments[comma..].iter().any(is_quote);
    let goes_on = rest.get(length + end + 1).is_some_and(u8::is_ascii_alphanumeric);
    (begins && !goes_on && is_function && (names_only || is_key) && !has_default).then_some(start + length + end + 1)
}

/// Whether a call's arguments, without a string among them, begin on the next line, which may be no part of the text.
fn opens_lines(call: &[u8]) -> bool {
    let arguments = call.split(|byte| *byte == b')').next().unwrap_or_default();
    matches!(arguments, [b'('] | [b'(', b'\n' | b'\r', ..])
        && !arguments.iter().any(|byte| matches!(byte, b'"' | b'\''))
}

/// Whether the value is a variable of the same name, a member of that name, or a member of such an object: `self.token
/// = token`, `token.kind`, `config.password`.
fn is_member(name: &Name<'_>, value: &[u8]) -> bool {
    let called = &name.text[name.start..name.end];
    let whole = &name.text[name.whole(b"$@")..name.end];
    let of_object = [&b"self."[..], b"this.", b"@", b"$this"].iter().any(|object| whole.starts_with(object));
    let in_path = value.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'));
    let names = starts_with(value, called) && value.get(called.len()) == Some(&b'.') && value.len() > called.len() + 1
        || ends_with(value, called) && value[..value.len() - called.len()].contains(&b'.');
    of_object && value == called || in_path && names
}

/// Whether a condition compares two variables: `if (password !== confirm) {`, `if token != expected:`.
fn is_compared(name: &Name<'_>, sign: &[u8], at: &Range<usize>) -> bool {
    let text = name.text;
    let before = &text[..name.whole(b"")];
    let is_condition = [&b"if "[..], b"if (", b"if(", b"while ", b"while (", b"assert ", b"unless "]
        .iter()
        .any(|word| before.ends_with(word));
    let compares = [&b"=="[..], b"!="].iter().any(|equal| sign.trim_ascii_start().starts_with(equal));
    let value = &text[at.clone()];
    let value = value.strip_suffix(b":").unwrap_or(value);
    is_condition
        && compares
        && !value.is_empty()
        && value.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'))
}

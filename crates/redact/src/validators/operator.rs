//! The separator of a name and its value: an operator, a type before it, a modifier, and the blanks between operator
//! and value.
//!
//! Input: a text and the position after a name. Output: the position after the separator. An operator is no word of a
//! list but a short run of signs that assigns (`=`, `:`, an arrow), in groups with blanks between them: `::=`, `: =`,
//! `?=`, `=>`.

use super::Text;
use super::place::{after_blanks, quote, starts_with};

/// Maximum number of consecutive signs of an operator …
const SIGNS_MAX: usize = 8;
/// … and of groups of signs.
const GROUPS_MAX: usize = 4;
/// Minimum number of dots that lead from a name to its value; three dots end a sentence.
const LEADERS_MIN: usize = 4;
/// Maximum length of a type.
const TYPE_BYTES_MAX: usize = 96;
/// Maximum length of PHP's class name and modifier.
const MODIFIER_BYTES_MAX: usize = 256;

/// Maximum number of words of a type without a sign between them.
const TYPE_WORDS_MAX: usize = 4;

/// Signs that an operator may consist of.
pub(super) const SIGNS: &[u8] = b"=:?+-><~|!.^";

/// Signs that an operator may begin with only if blanks or a string follow, as they may be part of an address
/// otherwise.
const ODD_SIGNS: &[u8] = b"%&/@*#$;";

/// Leaders between a name and its value in a table.
const LEADERS: [&[u8]; 6] = [b".", b"_", b"-", b"~", "·".as_bytes(), "…".as_bytes()];

/// Words of a type after a blank.
const TYPE_WORDS: [&[u8]; 9] =
    [b"const", b"mut", b"static", b"dyn", b"unsigned", b"signed", b"final", b"volatile", b"readonly"];

/// Keywords that declare the name after them.
const DECLARATIONS: [&[u8]; 7] = [b"var", b"const", b"let", b"val", b"final", b"static", b"readonly"];

/// Types between a name and `=` without a separator, where no keyword declares the name.
const STRING_TYPES: [&[u8]; 14] = [
    b"string",
    b"*string",
    b"&string",
    b"[]byte",
    b"[]string",
    b"str",
    b"bytes",
    b"text",
    b"varchar",
    b"varchar2",
    b"char",
    b"nvarchar",
    b"any",
    b"interface",
];

/// The position after the operator at `at`. If its end may belong to the value, the shortest form counts.
pub(super) fn after_operator(text: Text<'_>, at: usize) -> Option<usize> {
    if starts_with(&text[at..], b"%3a") || starts_with(&text[at..], b"%3d") {
        return Some(at + 3);
    }
    // Arrows and mathematical operators.
    if let [0xe2, 0x86..=0x8b, _, b' ' | b'"' | b'\'', ..] = &text[at..] {
        return Some(at + 3);
    }
    if let Some(end) = after_leaders(text, at) {
        let next = after_blanks(text, end);
        let goes_on = matches!(text.get(next), Some(b'=' | b':'));
        return Some(group(text, next, b"=:>").filter(|_| goes_on).unwrap_or(end));
    }
    // Java properties escape it.
    let at = at + usize::from(matches!(text[at..], [b'\\', b'=' | b':', ..]));
    let mut end = group(text, at, SIGNS)?;
    for _ in 1..GROUPS_MAX {
        let next = after_blanks(text, end);
        match group(text, next, b"=:>").filter(|after| next > end && ends_group(text, *after)) {
            Some(after) => end = after,
            None => break,
        }
    }
    Some(end)
}

/// The position after dots or other leaders, with or without blanks between them.
fn after_leaders(text: Text<'_>, at: usize) -> Option<usize> {
    let leader = LEADERS.iter().find(|leader| text[at..].starts_with(leader))?;
    let (mut end, mut next, mut count) = (at, at, 0);
    while text[next..].starts_with(leader) {
        end = next + leader.len();
        next = after_blanks(text, end);
        next = if next - end > 1 { end } else { next };
        count += 1;
    }
    text.charge(end - at);
    let least = match leader {
        [b'.'] => LEADERS_MIN,
        [_] => LEADERS_MIN + 2,
        _ => 2,
    };
    // A blank before the value is not a leader.
    (count >= least).then_some(end)
}

/// The position after one group of signs that assigns.
fn group(text: Text<'_>, at: usize, signs: &[u8]) -> Option<usize> {
    let odd = text[at..].iter().take(SIGNS_MAX).take_while(|byte| ODD_SIGNS.contains(byte)).count();
    if odd > 0 {
        let end = at + odd + 1;
        return (text.get(at + odd) == Some(&b'=') && ends_group(text, end)).then_some(end);
    }
    let shortest = at + shortest(&text[at..])?;
    let run = text[at..].iter().take(SIGNS_MAX).take_while(|byte| signs.contains(byte)).count();
    let whole = at + run;
    // A question mark at the end stands for a value, except before a string.
    let is_value =
        text[shortest..whole.max(shortest)].contains(&b'?') && quote(text, after_blanks(text, whole)).is_none();
    let is_whole = whole > shortest && ends_group(text, whole) && !is_value;
    Some(if is_whole { whole } else { shortest })
}

/// The length of the shortest operator that a text begins with.
fn shortest(text: &[u8]) -> Option<usize> {
    let run = text.iter().take(SIGNS_MAX).take_while(|byte| SIGNS.contains(byte)).count();
    let run = &text[..run];
    if run.first()? == &b'>' && !run.starts_with(b">>") {
        return None;
    }
    let arrow = |pair: &[u8]| matches!(pair, [b'-' | b'=' | b'~' | b'>', b'>'] | [b'<', b'-' | b'~']);
    let first = run.iter().position(|byte| matches!(byte, b'=' | b':'));
    let arrow = run.windows(2).position(arrow);
    let end = match (first, arrow) {
        (Some(first), Some(arrow)) if arrow <= first => arrow + 2,
        (Some(first), _) => first + 1 + usize::from(matches!(run.get(first + 1), Some(b'='))),
        (None, Some(arrow)) => arrow + 2,
        (None, None) => return None,
    };
    Some(end)
}

/// Whether the signs end here: the next byte belongs neither to them nor to a value that begins with them.
fn ends_group(text: Text<'_>, at: usize) -> bool {
    text.get(at).is_none_or(|byte| byte.is_ascii_whitespace() || b"'\"`".contains(byte)) || quote(text, at).is_some()
}

/// The position after a type and the operator after it: `str = …`, `Optional[str] = …`, `&'static str = …`, `string |
/// null = …`.
pub(super) fn after_type(text: Text<'_>, at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..text.len().min(at + TYPE_BYTES_MAX)];
    if !rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"&*[_".contains(byte)) {
        return None;
    }
    let (mut length, mut depth, mut words) = (0, 0_usize, 1);
    while let Some(&byte) = rest.get(length) {
        match byte {
            b'<' | b'[' | b'(' => depth += 1,
            b'>' | b']' | b')' => depth = depth.checked_sub(1)?,
            b',' | b' ' | b'=' | b'"' if depth > 0 => {}
            b' ' | b'\t' if rest[length..].trim_ascii_start().first().is_some_and(|next| b"=:".contains(next)) => break,
            b' ' if goes_on(rest, length) => {}
            b' ' if words < TYPE_WORDS_MAX => words += 1,
            b'=' => break,
            b'&' | b'*' | b'\'' | b'_' | b'.' | b':' | b'|' | b'?' | b'!' => {}
            _ if byte.is_ascii_alphanumeric() => {}
            _ => return None,
        }
        length += 1;
    }
    text.charge(length);
    let end = at + length;
    let sign = after_blanks(text, end);
    let is_assigned = [&b"="[..], b":="].iter().any(|sign_of| text[sign..].starts_with(sign_of));
    let after = after_operator(text, sign).filter(|_| is_assigned && depth == 0 && length > 0)?;
    let value = after_blanks(text, after);
    // Without blanks it may be a value that contains an operator; with more words, a sentence.
    (sign > end && words == 1 || quote(text, value).is_some()).then_some((end, value))
}

/// Whether a type has another word after the blank at `at`.
fn goes_on(rest: &[u8], at: usize) -> bool {
    let next = rest[at..].trim_ascii_start();
    let before = rest[..at].trim_ascii_end();
    let word = before.rsplit(|byte| !byte.is_ascii_alphanumeric()).next().unwrap_or_default();
    before.ends_with(b"|") || next.starts_with(b"|") || TYPE_WORDS.contains(&word)
}

/// The position after a type without an operator before it: `var password string = …`; the whole name begins at
/// `start`.
pub(super) fn after_plain_type(text: Text<'_>, start: usize, at: usize) -> Option<usize> {
    let (end, value) = after_type(text, at)?;
    let named = &text[at..end];
    let named = &named[..named.iter().position(|byte| b"({".contains(byte)).unwrap_or(named.len())];
    let before = text[..start].trim_ascii_end();
    let word_at = before.iter().rev().take(16).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &before[before.len() - word_at..];
    let declared = DECLARATIONS.iter().any(|known| word.eq_ignore_ascii_case(known));
    (declared || STRING_TYPES.iter().any(|known| named.eq_ignore_ascii_case(known))).then_some(value)
}

/// The position after PHP's modifier between the name of a member and its closing bracket: `:protected]`,
/// `":"App\User":private]`.
pub(super) fn after_modifier(text: Text<'_>, at: usize) -> Option<usize> {
    let rest = &text[at..text.len().min(at + MODIFIER_BYTES_MAX)];
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_\\:\"'".contains(byte)).count();
    text.charge(length);
    let begins = matches!(rest.first(), Some(b':' | b'"' | b'\'' | b'\\'));
    let is_modifier =
        begins && [&b":private"[..], b":protected", b":public"].iter().any(|end| rest[..length].ends_with(end));
    (is_modifier && rest.get(length) == Some(&b']')).then_some(at + length + 1)
}

//! A value after its operator: in quotes of any depth, in brackets, wrapped by a type, or bare up to its separator.

use std::ops::Range;

use super::constructed::{constructed, is_hidden_within};
use super::expression::after_call;
use super::known::{is_no_secret_in_quotes, is_no_secret_name};
use super::list::{list, object};
use super::named::{Name, before_quote};
use super::operator::after_type;
use super::place::{
    after_blanks, after_entity, after_quote, after_word, closing, inside, quote, skip_while, starts_with,
};
use super::prose::{is_filler, is_no_secret};
use super::reference::reference;
use super::{MASK_START, Text, add, is_absent, token, yaml};

/// Authorization schemes that may stand before credentials.
const SCHEMES: [&[u8]; 6] = [b"bearer", b"basic", b"digest", b"negotiate", b"token", b"apikey"];

/// Maximum number of tags and anchors before a value.
const PROPERTIES_MAX: usize = 3;
/// Maximum number of strings that continue a value.
const REPLACEMENTS_MAX: usize = 8;
/// Maximum length of types and calls that wrap a value.
const WRAPPER_BYTES_MAX: usize = 128;

/// Names of the field that holds the secret in a wrapping struct.
const INNER: [&[u8]; 8] = [b"value", b"inner", b"secret", b"raw", b"data", b"text", b"plain", b"string"];

/// Bytes that no bare value begins with.
const NEVER_FIRST: &[u8] = b"\"'&,;<>(){}[]";

/// Bytes that end a bare value.
const ENDS: &[u8] = b"&,;";

/// Bytes that end it if no letter or digit follows.
const CLOSERS: &[u8] = b"\"')>]}";

/// Masks the value at `at`, and the value that replaces it (`"old" -> "new"`).
pub(super) fn value(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    if is_no_secret_name(name) || at >= text.len() {
        return;
    }
    let at = after_emphasis(name, at);
    if text.get(at) == Some(&b'&')
        && let Some((_, typed)) = after_type(text, at)
    {
        // References to types begin like YAML anchors.
        return plain(name, typed, mask);
    }
    let at = properties(name, at, mask);
    if let Some(block) = yaml::block(text, at) {
        return add(block, mask);
    }
    let is_yaml = text[name.end..at].ends_with(b": ");
    if is_yaml && let Some(joined) = yaml::joined(text, at) {
        return add(joined, mask);
    }
    if let Some((_, typed)) = after_type(text, at) {
        plain(name, typed, mask);
    }
    plain(name, at, mask);
}

/// The position after the closing signs of Markdown emphasis: `**Password:** …`.
fn after_emphasis(name: &Name<'_>, at: usize) -> usize {
    let end = skip_while(name.text, at, |byte| byte == b'*');
    if end == at || end - at > 2 {
        return at;
    }
    let next = after_blanks(name.text, end);
    if next > end && name.text[..name.whole(b" ")].ends_with(&name.text[at..end]) { next } else { at }
}

/// The position after YAML tags and anchors. A property that may itself be the value is masked.
fn properties(name: &Name<'_>, mut at: usize, mask: &mut dyn FnMut(Range<usize>)) -> usize {
    let text = name.text;
    let sign = &text[name.end..at];
    let is_yaml = sign.ends_with(b" ") && sign.trim_ascii_end().ends_with(b":");
    if !is_yaml && !text[at..].starts_with(b"!!") {
        return at;
    }
    for _ in 0..PROPERTIES_MAX {
        let Some((property, next)) = yaml::property(text, at) else { break };
        if !text[property.clone()].starts_with(b"!!") && !yaml::begins_value(text, next) {
            add(property, mask);
        }
        at = yaml::next_line(text, next).unwrap_or(next);
    }
    at
}

/// Masks a value without a type or YAML properties before it.
fn plain(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let at = after_new(text, after_length(text, after_signs(text, at)));
    if let Some(reference) = reference(text, at) {
        // The value may continue after a reference.
        let end = bare_end(text, reference.end);
        if !reference.is_pure || end > reference.end {
            add(at..end, mask);
        }
        return replacement(text, reference.end, mask);
    }
    if let Some(end) = after_call(name, at) {
        return replacement(text, end, mask);
    }
    let Some((inside, closes)) = quoted(name, at) else { return unquoted(name, at, mask) };
    let end = inside.end;
    let only_names = reference(text, inside.start).is_some_and(|known| known.is_pure && known.end == end);
    let found = &text[inside.clone()];
    let separates = is_filler(found) && (!closes || found.iter().any(|byte| b",:{}[]".contains(byte)));
    if !only_names && !separates && !is_no_secret_in_quotes(name, found) {
        add(inside, mask);
    }
    if closes {
        replacement(text, (end + 1).max(after_quote(text, end)).min(text.len()), mask);
    }
}

/// The position after the rest of an operator, if a type or a call follows it: the type or call is then not part of a
/// value.
fn after_signs(text: Text<'_>, at: usize) -> usize {
    let end = skip_while(text, at, |byte| matches!(byte, b'=' | b':' | b'>'));
    if end > at && (wrapped(text, end).is_some() || after_length(text, end) > end) { end } else { at }
}

/// The position after the keyword that creates an object: `new Secret("…")`.
fn after_new(text: Text<'_>, at: usize) -> usize {
    let next = if text[at..].starts_with(b"new ") { after_blanks(text, at + 4) } else { return at };
    if wrapped(text, next).is_some() || text[next..].starts_with(MASK_START) { next } else { at }
}

/// The content of a string. Quotes may be tripled, or doubled as in CSV.
fn quoted(name: &Name<'_>, at: usize) -> Option<(Range<usize>, bool)> {
    let text = name.text;
    let opens = text.get(at) == Some(&b'`');
    if opens && (text[name.end..at].contains(&b'`') || !text[..name.whole(b":/ ")].ends_with(b"`")) {
        let many = if text[at..].starts_with(b"```") { 3 } else { 1 };
        let start = at + many;
        let end = text.find_word(start, &text[at..start]).unwrap_or(text.len());
        return Some((start..end, end < text.len()));
    }
    let many = skip_while(text, at, |byte| byte == b'"') - at;
    let next = text.get(at + many).copied().unwrap_or(b',');
    let opens = many == 3 || many == 2 && !next.is_ascii_whitespace() && !b",:;)]}".contains(&next);
    if !opens {
        return inside(text, at);
    }
    let start = at + many;
    let end = text.find_word(start, &text[at..start]).unwrap_or(text.len());
    Some((start..end, end < text.len()))
}

/// Masks the strings after an arrow, a default operator or a concatenation: `"a" -> "b"`, `env || "a"`, `"a" + "b"`.
fn replacement(text: Text<'_>, mut at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    for _ in 0..REPLACEMENTS_MAX {
        let sign = after_blanks(text, at);
        let length = match text[sign..] {
            [b'-' | b'=', b'>', ..] | [b'|', b'|', ..] | [b'?', b'?' | b':', ..] | [b'o', b'r', b' ', ..] => 2,
            [b'+', b' ' | b'"' | b'\'', ..] | [b'.', b' ', ..] if sign > at => 1,
            _ => return,
        };
        let Some((inside, _)) = inside(text, after_blanks(text, sign + length)) else { return };
        at = after_quote(text, inside.end);
        add(inside, mask);
    }
}

/// Masks the default argument of a call: `environ.get("X", "…")`; `first` ends with its first argument.
fn default_argument(text: Text<'_>, first: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let comma = after_quote(text, first.end);
    let is_call = text[first].contains(&b'(') && text.get(comma) == Some(&b',');
    if is_call
        && let Some((inside, true)) = inside(text, after_blanks(text, comma + 1))
        && text.get(after_quote(text, inside.end)) == Some(&b')')
    {
        add(inside, mask);
    }
}

/// Masks the default for a missing value: `process.env.TOKEN || "…"`, `.password | default "…"`.
pub(super) fn fallback(text: Text<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    match &text[at..] {
        [b'|', b'|', ..] | [b'?', b'?', ..] => replacement(text, at, mask),
        rest if rest.starts_with(b"| default ") => {
            if let Some((inside, true)) = inside(text, after_blanks(text, at + 10)) {
                add(inside, mask);
            }
        }
        _ => {}
    }
}

/// The position after the type and the length that dumps and casts write before a string: `(string) (len=3) "…`,
/// `string(3) "…`, `(char *) "…`.
pub(super) fn after_length(text: Text<'_>, at: usize) -> usize {
    let rest = &text[at..text.len().min(at + WRAPPER_BYTES_MAX)];
    if let Some(cast) = rest.strip_prefix(b"[") {
        let length = cast.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'.').count();
        let end = at + length + 2;
        let is_cast = length > 0 && cast.get(length) == Some(&b']') && quote(text, end.min(text.len())).is_some();
        return if is_cast && !text[end..].starts_with(b"\\") { end } else { at };
    }
    let in_type = |byte: &&u8| byte.is_ascii_alphanumeric() || b"()= _*:".contains(*byte);
    let length = rest.iter().take_while(in_type).count();
    text.charge(length);
    let before = &rest[..length];
    let is_cast = before.ends_with(b") ") && (before.starts_with(b"(") || starts_with(before, b"string("));
    // After the closing bracket of a value no string follows.
    let is_value = before.split(|byte| *byte == b' ').count() > 4;
    if is_cast && !is_value && quote(text, at + length).is_some() { at + length } else { at }
}

fn unquoted(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let entity = after_entity(text, at);
    if entity > at {
        let end = skip_while(text, entity, |byte| byte != b'&' && byte != b'<');
        return if after_entity(text, end) > end { add(entity..end, mask) } else { bare(name, entity, mask) };
    }
    let unreferenced = at + usize::from(text[at..].starts_with(b"&"));
    if text[at..].starts_with(b"[]") {
        if let Some(end) = wrapped(text, at + 2) {
            return add(end, mask);
        }
        // Go slices.
        let open = skip_while(text, at + 2, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'*'));
        if text.get(open) == Some(&b'{') {
            return list(text, open + 1..text.len(), mask);
        }
    }
    if let Some(items) = slice(text, at) {
        return list(text, items..text.len(), mask);
    }
    if let Some(inner) = inner(text, at) {
        return add(inner, mask);
    }
    match text.get(unreferenced) {
        Some(b'[') => list(text, skip_while(text, unreferenced, |byte| byte == b'[')..text.len(), mask),
        Some(b'{') if braced(name, at).is_some() => add(at + 1..braced(name, at).unwrap_or(at + 1), mask),
        Some(b'{') if name.begins_with(b"password") || name.begins_with(b"cred") => {
            object(text, unreferenced + 1..text.len(), mask);
            bare(name, after_openers(text, unreferenced), mask);
        }
        _ if is_hidden_within(text, at) => {}
        _ => {
            let constructed = constructed(name, at);
            if let Some(wrapped) = wrapped(text, at) {
                let is_apart = wrapped.start > at;
                default_argument(text, wrapped.clone(), mask);
                replacement(text, skip_while(text, wrapped.end, |byte| CLOSERS.contains(&byte)), mask);
                add(wrapped, mask);
                if is_apart {
                    return;
                }
            } else if let Some(value) = constructed {
                let end = skip_while(text, value.end, |byte| CLOSERS.contains(&byte));
                add(value, mask);
                return replacement(text, end, mask);
            }
            bare(name, after_openers(text, at), mask);
            let end = bare_end(text, at);
            if end > at {
                replacement(text, end, mask);
            }
        }
    }
}

/// The position after Go's type before the items of a slice: `[]string{"…"}`.
fn slice(text: Text<'_>, at: usize) -> Option<usize> {
    let rest = &text[at..text.len().min(at + WRAPPER_BYTES_MAX)];
    let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    let item = rest.strip_prefix(b"[")?[digits..].strip_prefix(b"]")?;
    let length = item.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.*".contains(byte)).count();
    text.charge(length);
    let empty = if item[length..].starts_with(b" {}") { 3 } else { 0 };
    let opens = length > 0 && item.get(length + empty) == Some(&b'{');
    opens.then_some(at + digits + 2 + length + empty + 1)
}

/// The string in the first field of a wrapping struct, if the field has one of the usual names: `Some(Secret { inner:
/// "…" })`.
fn inner(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..text.len().min(at + WRAPPER_BYTES_MAX)];
    let in_type = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_:(<>".contains(*byte);
    let length = rest.iter().take_while(in_type).count();
    text.charge(length);
    let opened = after_blanks(text, at + length);
    if length == 0 || text.get(opened) != Some(&b'{') {
        return None;
    }
    let field = after_word(text, after_blanks(text, opened + 1), &INNER)?;
    let sign = (text.get(field) == Some(&b':')).then_some(field + 1)?;
    inside(text, after_blanks(text, sign)).map(|(inside, _)| inside)
}

/// Where an ODBC value in braces ends, which may contain signs: `PWD={a;b}`.
fn braced(name: &Name<'_>, at: usize) -> Option<usize> {
    let text = name.text;
    if matches!(text.get(at + 1), Some(b'"' | b'\'' | b'\\')) || !text[name.end..at].ends_with(b"=") {
        return None;
    }
    let mut end = text.find(at, b'}')?;
    while text.get(end + 1) == Some(&b'}') {
        end = text.find(end + 2, b'}')?;
    }
    matches!(text.get(end + 1), None | Some(b';')).then_some(end)
}

fn after_openers(text: Text<'_>, at: usize) -> usize {
    skip_while(text, at, |byte| matches!(byte, b'(' | b'<' | b'{'))
}

/// Where the string ends that a type wraps (`Some(Secret("…`), that has letters before it (`b'…`, `N'…`, `r#"…`) or
/// that signs open (`<<"…`). The letters are masked too, because they may be the end of a bare value.
fn wrapped(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..text.len().min(at + WRAPPER_BYTES_MAX)];
    let wraps = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_:.(<>&@$#*!{}[]".contains(*byte);
    let length = rest.iter().take_while(wraps).count();
    text.charge(length);
    let before = &rest[..length];
    let letters = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let prefix = &before[length - letters..];
    let is_prefix = letters <= 2 && prefix.iter().all(|byte| b"bcurfneLBURFNE8".contains(byte));
    let opened = before[..length - letters].last().is_none_or(|byte| b"(<&@$#*!>".contains(byte));
    let closes_only = before.contains(&b'>') && !before.contains(&b'<');
    let is_mask = closes_only || memchr::memmem::find(before, MASK_START).is_some();
    if is_mask
        || !is_prefix
        || !opened
        || before.first().is_none_or(|byte| byte.is_ascii_digit() || matches!(byte, b'{' | b'['))
    {
        return None;
    }
    let (slashes, quote) = quote(text, at + length)?;
    let inside = at + length + slashes + 1;
    // After the end of a JSON string no value follows.
    let next = text.get(inside).copied().unwrap_or(b',');
    let is_signs = !before.iter().any(u8::is_ascii_alphanumeric);
    let start = if is_signs { inside } else { at };
    (!b",:}]\\\"'".contains(&next)).then(|| start..closing(text, inside, quote, slashes))
}

/// Masks a value without quotes, up to its separator. A scheme's name belongs to it.
fn bare(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let scheme = after_word(text, at, &SCHEMES).map(|end| (end, after_gap(text, end)));
    let start = scheme.filter(|(end, gap)| gap > end).map_or(at, |(_, gap)| gap);
    let mut end = bare_end(text, start);
    if end == start && start > at {
        // The scheme's name is the value.
        end = bare_end(text, at);
    }
    let Some(value) = text.get(at..end).filter(|value| !value.is_empty()) else { return };
    let sign = text[name.end..at].trim_ascii_start();
    if !is_absent(value) && !is_no_secret(name, sign, &(at..end)) {
        let more = [unknown_scheme_end(name, at, end), assignment_end(name, at), paired_end(name, end)];
        mask(at..more.into_iter().flatten().max().unwrap_or(end).max(end));
    }
}

/// Where a value ends that is assigned inside quotes, so that it may contain blanks and signs: `"DB_PASSWORD=a b"`.
fn assignment_end(name: &Name<'_>, at: usize) -> Option<usize> {
    let text = name.text;
    let start = name.whole(b"");
    if at != name.end + 1 || text[name.end] != b'=' {
        return None;
    }
    // An item of a YAML list extends over its whole line.
    let is_constant = !text[start..name.end].iter().any(u8::is_ascii_lowercase);
    if is_constant && text[..start].ends_with(b"- ") && text[..start - 2].iter().all(|byte| *byte == b' ') {
        let line = skip_while(text, at, |byte| !matches!(byte, b'\r' | b'\n'));
        return Some(at + text[at..line].trim_ascii_end().len());
    }
    let quote = *text[..start].last().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let outer = before_quote(&text[..start]);
    let slashes = start - 1 - outer.len();
    // A member of an object is a text that may continue after the value.
    if !is_constant && matches!(outer.trim_ascii_end().last(), Some(b':' | b'=')) {
        return None;
    }
    let end = closing(text, at, quote, slashes);
    let inside = &text[at..end];
    let others = inside.split(|byte| b" ;&,".contains(byte)).skip(1).any(|part| {
        let word = part.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte)).count();
        word > 0 && part.get(word) == Some(&b'=')
    });
    (end < text.len() && !others).then_some(end)
}

/// Where the second of two values ends that follow two names or one name for both, with the same separator and blanks
/// between: `user/pass: ada / …`, `credentials: ada / …`.
fn paired_end(name: &Name<'_>, end: usize) -> Option<usize> {
    let text = name.text;
    let next = after_blanks(text, end);
    let sign = text.get(next).filter(|sign| next > end && matches!(sign, b'/' | b':' | b'|'))?;
    let before = text[..name.whole(b"")].trim_ascii_end().strip_suffix(&[*sign]);
    let follows_word = before.is_some_and(|first| first.trim_ascii_end().last().is_some_and(u8::is_ascii_alphabetic));
    let second = after_blanks(text, next + 1);
    let is_pair = (follows_word || name.begins_with(b"cred")) && second > next + 1;
    is_pair.then(|| bare_end(text, second)).filter(|end| *end > second)
}

/// Where the credentials end of a scheme that is not one of [`SCHEMES`]: `Authorization: NTLM …`.
fn unknown_scheme_end(name: &Name<'_>, at: usize, end: usize) -> Option<usize> {
    let text = name.text;
    let start = after_blanks(text, end);
    let credentials = start..bare_end(text, start);
    let scheme = &text[at..end];
    let known = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let plain = !known && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    if !(plain && start > end && credentials.len() >= 8 && name.begins_with(b"authorization")) {
        return None;
    }
    let mut tells = false;
    token(text, credentials.clone(), &mut |_| tells = true);
    tells.then_some(credentials.end)
}

/// The position after the separator of a scheme's name and its credentials.
fn after_gap(text: Text<'_>, mut at: usize) -> usize {
    loop {
        at += match &text[at..] {
            [b' ' | b'\t' | b'+', ..] => 1,
            [b'%', b'2', b'0', ..] => 3,
            _ => return at,
        };
    }
}

/// Where a bare value ends: before a sign that ends it, or before a quote with its backslashes.
fn bare_end(text: Text<'_>, start: usize) -> usize {
    let end = bare_end_of(&text, start);
    text.charge(end - start + 1);
    end
}

fn bare_end_of(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(&byte) = text.get(at) {
        let more = text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
        if byte == b'\\' {
            let after = at + text[at..].iter().take_while(|byte| **byte == b'\\').count();
            if matches!(text.get(after), Some(b'"' | b'\'')) {
                return at;
            }
            at = after;
        } else if byte.is_ascii_whitespace()
            || at == start && NEVER_FIRST.contains(&byte)
            || at > start && (ENDS.contains(&byte) || CLOSERS.contains(&byte) && !more)
        {
            return at;
        } else {
            at += 1;
        }
    }
    at
}

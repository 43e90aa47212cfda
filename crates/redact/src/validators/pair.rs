//! A keyword and its value in separate members of an object (`"name":"token","value":…`) or items of a list
//! (`["token","…"]`).
//!
//! Input: a name and the position after it. Output: its value after the name, or before the name in the same object.

use std::ops::Range;

use super::list::list;
use super::named::{Name, VALUES, before_quote};
use super::place::{after_blanks, after_quote, after_space, inside, quote, skip_while, starts_with};
use super::prose::is_filler;
use super::structure::{LISTERS, after_string, argument, string};
use super::value::value;
use super::{Text, add, is_absent, yaml};

/// Maximum number of members between the name and a value, or before the name.
const MEMBERS_MAX: usize = 8;
/// Maximum length of nested content in a member between them.
const NESTED_BYTES_MAX: usize = 512;
/// Maximum number of objects and lists around a value.
const DEPTH_MAX: usize = 8;
/// How far before a name its object or list is searched.
const BEFORE_BYTES_MAX: usize = 512;
/// Maximum length of the text before a name in a list of names.
const NAMES_BYTES_MAX: usize = 128;
/// Minimum length of a generated secret; most names are shorter.
const GENERATED_BYTES_MIN: usize = 7;

/// Names of the member that names a field in errors and change logs.
const SUBJECTS: [&[u8]; 17] = [
    b"field",
    b"fieldname",
    b"path",
    b"propertypath",
    b"instancepath",
    b"property",
    b"propertyname",
    b"param",
    b"parameter",
    b"attribute",
    b"attr",
    b"column",
    b"columnname",
    b"setting",
    b"variable",
    b"loc",
    b"key",
];

/// Names of the member that holds its value there, in addition to names that end in `value`.
const CHANGES: [&[u8]; 14] = [
    b"from",
    b"to",
    b"fromstring",
    b"tostring",
    b"old",
    b"new",
    b"before",
    b"after",
    b"previous",
    b"current",
    b"input",
    b"actual",
    b"received",
    b"data",
];

/// Beginnings of names that end in `value` but describe a value.
const ABOUT_VALUES: [&[u8]; 4] = [b"has", b"is", b"min", b"max"];

/// The member whose value is the name of a pair.
struct Subject<'t> {
    /// Its name.
    key: &'t [u8],
    /// Where that name begins.
    start: usize,
    /// Whether the pair's name is an item of a list: `"loc":["body","password"]`.
    in_list: bool,
}

impl Subject<'_> {
    fn is_one_of(&self, words: &[&[u8]]) -> bool {
        words.iter().any(|word| is_same(self.key, word))
    }
}

/// `"name":"DB_PASSWORD","value":"…"`, `"loc":["body","password"],"input":"…"`; `at` is after the name and a comma or a
/// bracket.
pub(super) fn pair(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let Some(subject) = subject(name) else { return };
    // A request path is not the path of a field.
    let is_url = text[name.whole(b"/")] == b'/' && subject.is_one_of(&[b"path"]);
    let tells_of_fields = !is_url && subject.is_one_of(&SUBJECTS);
    if subject.in_list && !tells_of_fields {
        return;
    }
    let mut at = skip_while(text, at, |byte| matches!(byte, b')' | b']' | b',' | b' '));
    for _ in 0..MEMBERS_MAX {
        let (start, end) = member(text, at);
        let called = &text[start..end];
        if is_value(called) || tells_of_fields && CHANGES.iter().any(|word| is_same(called, word)) {
            paired(name, end, mask);
            if !tells_of_fields {
                return;
            }
        }
        let Some(next) = after_member(text, at) else { return };
        at = next;
    }
}

/// Masks the values before the name in its object or element: `{"value":"…","msg":"…","path":"password"}`, `<add
/// value="…" key="ApiKey"/>`.
pub(super) fn pair_before(name: &Name<'_>, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let Some(subject) = subject(name).filter(|subject| subject.is_one_of(&SUBJECTS) || subject.is_one_of(&[b"name"]))
    else {
        return;
    };
    let from = subject.start.saturating_sub(BEFORE_BYTES_MAX);
    let before = &text[from..subject.start];
    text.charge(before.len());
    let Some(opened) = before.iter().rposition(|byte| b"{}(<>".contains(byte)) else { return };
    let tag = if before[opened] == b'<' { skip_while(text, from + opened + 1, in_word) } else { from + opened + 1 };
    let mut at = skip_while(text, tag, |byte| byte == b',' || byte.is_ascii_whitespace());
    while at < subject.start {
        let (start, end) = member(text, at);
        if is_value(&text[start..end])
            && let Some(at) = after_key(text, end)
            && let Some((inside, true)) = inside(text, at)
            && inside.end < subject.start
        {
            add(inside, mask);
        }
        let Some(next) = after_member(text, at) else { return };
        at = next;
    }
}

/// The member whose value is a name, or a list that contains it.
fn subject<'t>(name: &Name<'t>) -> Option<Subject<'t>> {
    let text = name.text;
    let whole = text.bytes();
    let mut before = before_prefix(whole, name.whole(b":/")).trim_ascii_end();
    let in_list = matches!(before.last(), Some(b'[' | b'(' | b','));
    if in_list {
        let in_names = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.-\"'\\, ".contains(*byte);
        let length = before.iter().rev().take(NAMES_BYTES_MAX).take_while(in_names).count();
        text.charge(length);
        let names = &before[..before.len() - length];
        before = names.strip_suffix(b"[").or_else(|| names.strip_suffix(b"("))?.trim_ascii_end();
    }
    let key = before.strip_suffix(b":").or_else(|| before.strip_suffix(b"="))?.trim_ascii_end();
    let key = before_quote(key);
    let length = key.iter().rev().take(NAMES_BYTES_MAX).take_while(|byte| in_word(**byte)).count();
    text.charge(length);
    let start = key.len() - length;
    Some(Subject { key: &key[start..], start: before_quote(&key[..start]).len(), in_list })
}

/// The text before the quote of a name that begins at `start`, and before Python's string prefix.
fn before_prefix(text: &[u8], start: usize) -> &[u8] {
    let before = before_quote(&text[..start]);
    let prefix = before.strip_suffix(b"b").or_else(|| before.strip_suffix(b"u")).filter(|_| before.len() < start);
    prefix.filter(|outer| outer.last().is_none_or(|byte| !byte.is_ascii_alphanumeric())).unwrap_or(before)
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether two words are equal except for case and `_`.
fn is_same(word: &[u8], known: &[u8]) -> bool {
    let letters = word.iter().filter(|byte| **byte != b'_').map(u8::to_ascii_lowercase);
    word.len() < 2 * known.len() + 2 && letters.eq(known.iter().copied())
}

/// Whether a member has the name of a value.
fn is_value(called: &[u8]) -> bool {
    let end = called.strip_suffix(b"s").unwrap_or(called);
    let ends_so = end.len() >= 5 && end[end.len() - 5..].eq_ignore_ascii_case(b"value");
    ends_so && !ABOUT_VALUES.iter().any(|about| starts_with(called, about))
        || VALUES.iter().any(|word| called.eq_ignore_ascii_case(word))
}

/// The name of the member that begins at `at`, without quotes.
fn member(text: Text<'_>, at: usize) -> (usize, usize) {
    let start = after_quote(text, at.min(text.len()));
    (start, skip_while(text, start, in_word))
}

/// The position after the quote that closes a member's name at `end`, and its operator. A Protocol Buffers message has
/// no operator before its brace.
fn after_key(text: Text<'_>, end: usize) -> Option<usize> {
    let sign = after_space(text, after_quote(text, end));
    match text.get(sign)? {
        b':' | b'=' => Some(after_space(text, sign + 1)),
        b'{' if sign > end => Some(sign),
        _ => None,
    }
}

/// The position after one member of an object and its comma.
fn after_member(text: Text<'_>, at: usize) -> Option<usize> {
    let (key, key_end) = member(text, at);
    let start = after_key(text, key_end).filter(|_| key_end > key)?;
    let end = match (text.get(start)?, inside(text, start)) {
        (b'{' | b'[' | b'(', _) => after_nested(text, start)?,
        (_, Some((inside, closes))) => closes.then(|| after_quote(text, inside.end))?,
        _ => skip_while(text, start, |byte| !byte.is_ascii_control() && !b",{}[]()\"'\\".contains(&byte)),
    };
    match text.get(end)? {
        b',' => Some(after_space(text, end + 1)),
        // An attribute.
        b' ' if text[key_end] == b'=' => Some(after_blanks(text, end)),
        _ => None,
    }
}

/// The position after the bracket that closes the one at `at`.
fn after_nested(text: Text<'_>, at: usize) -> Option<usize> {
    let rest = &text[at..text.len().min(at + NESTED_BYTES_MAX)];
    let mut depth = 0_usize;
    let closes = rest.iter().position(|byte| {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    text.charge(closes.unwrap_or(rest.len()));
    closes.map(|length| at + length + 1)
}

/// Masks the value of a pair; the name of its member ends at `end`.
fn paired(name: &Name<'_>, end: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let Some(at) = after_key(text, end) else { return };
    if matches!(text.get(at), Some(b'{')) {
        return nested(name, at, mask);
    }
    if text.get(at) == Some(&b'[') {
        return if text.get(after_space(text, at + 1)) == Some(&b'{') {
            nested(name, at, mask);
        } else {
            list(text, at + 1..text.len(), mask);
        };
    }
    if let Some((inside, _)) = inside(text, at) {
        return add(inside, mask);
    }
    if let Some(block) = yaml::block(text, at) {
        return add(block, mask);
    }
    let end = skip_while(text, at, |byte| !byte.is_ascii_whitespace() && !b"\"'\\,;<>(){}[]".contains(&byte));
    if !is_absent(&text[at..end]) && !is_filler(&text[at..end]) {
        add(at..end, mask);
    }
}

/// Masks members with the name of a value in nested objects and lists (OpenTelemetry, Protocol Buffers):
/// `{"arrayValue":{"values":[{"stringValue":"…"}]}}`.
fn nested(name: &Name<'_>, mut at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let mut depth = 0_usize;
    loop {
        at = skip_while(text, at, |byte| byte.is_ascii_whitespace() || byte == b',');
        match text.get(at) {
            Some(b'{' | b'[') if depth < DEPTH_MAX => depth += 1,
            Some(b'}' | b']') if depth > 1 => depth -= 1,
            Some(b'"' | b'\'' | b'\\' | b'a'..=b'z' | b'A'..=b'Z') => {
                let (start, end) = member(text, at);
                let key = after_key(text, end).filter(|_| is_value(&text[start..end]));
                at = match (key, inside(text, at)) {
                    (Some(next), _) if matches!(text.get(next), Some(b'{' | b'[')) => next,
                    (Some(next), _) => match inside(text, next) {
                        Some((inside, true)) => {
                            let end = after_quote(text, inside.end);
                            add(inside, mask);
                            end
                        }
                        _ => return value(name, next, mask),
                    },
                    (None, Some((inside, true))) if text.get(after_quote(text, inside.end)) != Some(&b':') => {
                        let end = after_quote(text, inside.end);
                        add(inside, mask);
                        end
                    }
                    (None, Some(_)) => match after_member(text, at) {
                        Some(next) => next,
                        None => return,
                    },
                    _ => return,
                };
                continue;
            }
            _ => return,
        }
        at += 1;
    }
}

/// `'db.password' in PropertySource 'x' with value '…'`, `placeholder 'db.password' to '…'`; `at` is after the name's
/// quote.
pub(super) fn reported(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    const WITH: &[u8] = b"with value ";
    let text = name.text;
    let rest = &text[at..text.len().min(at + NESTED_BYTES_MAX)];
    let value_start = if rest.starts_with(WITH) {
        Some(WITH.len())
    } else if rest.starts_with(b"in ") {
        text.charge(rest.len());
        memchr::memmem::find(rest, WITH).map(|found| found + WITH.len())
    } else {
        let is_placeholder = before_quote(&text[..name.whole(b"")]).ends_with(b"placeholder ");
        (is_placeholder && rest.starts_with(b"to ")).then_some(3)
    };
    let Some(length) = value_start else { return };
    if let Some((inside, true)) = inside(text, at + length) {
        add(inside, mask);
    }
}

/// Pydantic's report under the name of a field, `  … [type=…, input_value='…'`; `at` is at the line's end.
pub(super) fn validated(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    const INPUT: &[u8] = b", input_value=";
    let text = name.text;
    let line = after_space(text, at);
    let rest = &text[line..text.len().min(line + NESTED_BYTES_MAX)];
    if !text[..line].ends_with(b"\n  ") || rest.starts_with(b"  ") {
        return;
    }
    let rest = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
    text.charge(rest.len());
    let value_start = memchr::memmem::find(rest, INPUT).map(|found| line + found + INPUT.len());
    if let Some((inside, _)) = value_start.and_then(|at| inside(text, at)) {
        add(inside, mask);
    }
}

/// `["X-Api-Key","…"]`, `["--password","…"]`, `[["password","…"]`, `{password,<<"…">>}`; `at` is after the comma.
pub(super) fn listed(name: &Name<'_>, is_quoted: bool, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let at = at + if text[at..].starts_with(b"<<") { 2 } else { 0 };
    let has_letter = matches!(text.get(at), Some(b'b' | b'u' | b'@' | b'N' | b'L')) && quote(text, at + 1).is_some();
    let at = at + usize::from(has_letter);
    let Some((inside, true)) = string(text, at) else { return bare_item(name, at, mask) };
    let next = after_blanks(text, after_string(text, inside.end));
    let tells = || {
        value_is_next_item(name, is_quoted)
            || is_quoted && argument(name, next)
            || is_quoted && in_map(name)
            || looks_generated(&text[inside.clone()]) && is_all(name, next)
    };
    // An item before a colon is a name.
    if text.get(next) != Some(&b':') && tells() {
        add(inside, mask);
    }
}

/// `[--password, …]`, `[Password, …]`, as Java and .NET print lists and pairs.
fn bare_item(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b"");
    let end = skip_while(text, at, |byte| byte > b' ' && !b"\"'\\,;=:<>(){}[]".contains(&byte));
    let is_option = text[start] == b'-'
        && start > 0
        && matches!(text[start - 1], b'[' | b' ')
        && matches!(text.get(end), Some(b',' | b']'))
        && text[at..end].first().is_some_and(|byte| *byte != b'-');
    if is_option || looks_generated(&text[at..end]) && is_all(name, end) {
        add(at..end, mask);
    }
}

/// Whether a list holds only a name and the value before `next`.
fn is_all(name: &Name<'_>, next: usize) -> bool {
    let before = before_prefix(name.text.bytes(), name.whole(b":/")).trim_ascii_end();
    let lists_names = || subject(name).is_some_and(|subject| subject.is_one_of(&LISTERS));
    before.ends_with(b"[") && name.text.get(next) == Some(&b']') && !lists_names()
}

/// Whether a value looks generated, as no name does (`user_id1`): letters and digits, or with signs.
fn looks_generated(value: &[u8]) -> bool {
    let named = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    if value.contains(&b'_') && value.iter().all(named) {
        return false;
    }
    let mixed = value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic);
    let signs = value.iter().any(|byte| b"!#$%&*+=?^~".contains(byte));
    value.len() >= GENERATED_BYTES_MIN && (mixed || signs) && !value.iter().any(u8::is_ascii_whitespace)
}

/// Masks a value that looks generated.
pub(in super::super) fn generated(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    if looks_generated(&text[found.clone()]) {
        mask(found);
    }
}

/// Whether a call that builds a map takes the name and its value among others: `Map.of("user", "ada", "password",
/// "…")`.
fn in_map(name: &Name<'_>) -> bool {
    let before = &name.text[..name.whole(b":/")];
    let in_names = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.-\"'\\, ".contains(*byte);
    let length = before.iter().rev().take(NAMES_BYTES_MAX).take_while(in_names).count();
    name.text.charge(length);
    before[..before.len() - length].ends_with(b"Map.of(")
}

/// Whether the text before a name in a list shows that the next item is its value.
fn value_is_next_item(name: &Name<'_>, is_quoted: bool) -> bool {
    let text = name.text;
    let start = name.whole(b":");
    let whole = &text[start..name.end];
    if !is_quoted {
        let before = &text[..start];
        let is_argument = [&b"set "[..], b"(", b", "].iter().any(|end| before.ends_with(end));
        return before.ends_with(b"{") || whole.starts_with(b":") && is_argument;
    }
    if before_quote(&text[..start]).len() == start {
        return false;
    }
    let before = before_prefix(text.bytes(), start).trim_ascii_end();
    let in_tuple = before
        .strip_suffix(b"[")
        .or_else(|| before.strip_suffix(b"("))
        .map(<[u8]>::trim_ascii_end)
        .is_some_and(|outer| [&b"["[..], b"(", b"],", b"),"].iter().any(|end| outer.ends_with(end)));
    in_tuple
        || whole.starts_with(b"-")
        || starts_with(whole, b"x-")
        || starts_with(whole, b"proxy-")
        || whole.eq_ignore_ascii_case(b"authorization")
}

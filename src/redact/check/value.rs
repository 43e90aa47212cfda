//! A value behind its sign: in quotes of any depth, in brackets, wrapped by a type, or bare up to what sets it apart.

use std::ops::Range;

use super::list::{list, object};
use super::named::Name;
use super::place::{
    behind, behind_blanks, behind_entity, behind_quote, behind_word, closing, ends_with, inside, quote, starts_with,
};
use super::{Text, add, is_nothing, token};

/// What an authorization scheme's name may be, before its credentials.
const SCHEMES: [&[u8]; 6] = [b"bearer", b"basic", b"digest", b"negotiate", b"token", b"apikey"];

/// After the names `pass` and `pw` numbers so short count something.
const COUNT_DIGITS_MAX: usize = 3;

/// What no bare value begins with.
const NEVER_FIRST: &[u8] = b"\"'&,;<>(){}[]";

/// What ends a bare value.
const ENDS: &[u8] = b"&,;";

/// What ends it where no letter or digit follows.
const CLOSERS: &[u8] = b"\"')>]}";

/// What errors and help go on with after a telling name: `error getting token: context deadline exceeded`.
const WORDS: [&[u8]; 36] = [
    b"and",
    b"are",
    b"can",
    b"cannot",
    b"context",
    b"could",
    b"denied",
    b"dial",
    b"eof",
    b"error",
    b"expired",
    b"failed",
    b"forbidden",
    b"got",
    b"has",
    b"incorrect",
    b"invalid",
    b"is",
    b"missing",
    b"must",
    b"not",
    b"option",
    b"or",
    b"read",
    b"required",
    b"rpc",
    b"should",
    b"string",
    b"to",
    b"unable",
    b"unauthorized",
    b"unexpected",
    b"unknown",
    b"via",
    b"was",
    b"wrong",
];

/// Names that end as telling ones do and hold no secret: .NET's assemblies, parsers' errors, pages.
const NO_SECRETS: [&[u8]; 6] =
    [b"publickeytoken", b"unexpected token", b"nexttoken", b"next_token", b"pagetoken", b"page_token"];

/// Masks the value at `at`, and the one that replaces it (`"old" -> "new"`).
pub(super) fn value(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    if NO_SECRETS.iter().any(|end| ends_with(&text[..name.end], end)) {
        return;
    }
    let at = behind_length(text, at);
    let Some((inside, closes)) = quoted(text, at) else { return unquoted(name, at, mask) };
    let end = inside.end;
    add(inside, mask);
    if closes {
        replacement(text, behind_quote(text, end), mask);
    }
}

/// The inside of a string; quotes may be tripled, or doubled as CSV has them.
fn quoted(text: Text<'_>, at: usize) -> Option<(Range<usize>, bool)> {
    let many = behind(text, at, |byte| byte == b'"') - at;
    let next = text.get(at + many).copied().unwrap_or(b',');
    let opens = many == 3 || many == 2 && !next.is_ascii_whitespace() && !b",:;)]}".contains(&next);
    if !opens {
        return inside(text, at);
    }
    let start = at + many;
    let end = text.find_word(start, &text[at..start]).unwrap_or(text.len());
    Some((start..end, end < text.len()))
}

/// Masks a string behind an arrow.
fn replacement(text: Text<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let arrow = behind_blanks(text, at);
    if matches!(text[arrow..], [b'-' | b'=', b'>', ..])
        && let Some((inside, _)) = inside(text, behind_blanks(text, arrow + 2))
    {
        add(inside, mask);
    }
}

/// Behind the length that dumps write before a string: `(string) (len=3) "…`, `string(3) "…`.
fn behind_length(text: Text<'_>, at: usize) -> usize {
    let length = || {
        let at = at + usize::from(text.get(at)? == &b'(');
        let at = starts_with(&text[at..], b"string").then_some(at + 6)?;
        let at = behind(text, at, |byte| matches!(byte, b')' | b'(' | b' '));
        let at = at + if starts_with(&text[at..], b"len=") { 4 } else { 0 };
        let end = behind(text, at, |byte| byte.is_ascii_digit());
        text[end..].starts_with(b") ").then_some(end + 2)
    };
    length().filter(|end| quote(text, *end).is_some()).unwrap_or(at)
}

fn unquoted(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let entity = behind_entity(text, at);
    if entity > at {
        let end = behind(text, entity, |byte| byte != b'&' && byte != b'<');
        return if behind_entity(text, end) > end { add(entity..end, mask) } else { bare(name, entity, mask) };
    }
    let unreferenced = at + usize::from(text[at..].starts_with(b"&"));
    match text.get(unreferenced) {
        Some(b'[') => list(text, behind(text, unreferenced, |byte| byte == b'[')..text.len(), mask),
        Some(b'{') if name.begins_with(b"password") || name.begins_with(b"cred") => {
            object(text, unreferenced + 1..text.len(), mask);
            bare(name, behind_openers(text, unreferenced), mask);
        }
        _ => {
            if let Some(end) = wrapped(text, at) {
                add(at..end, mask);
            }
            bare(name, behind_openers(text, at), mask);
            let end = behind(text, at, |byte| byte.is_ascii_alphanumeric());
            if text[at..end] == *b"null" {
                replacement(text, end, mask);
            }
        }
    }
}

fn behind_openers(text: Text<'_>, at: usize) -> usize {
    behind(text, at, |byte| matches!(byte, b'(' | b'<' | b'{'))
}

/// Where the string ends that a type wraps (`Some(Secret("…`) or that has letters before it (`b'…`, `N'…`). All of that is
/// masked, for what wraps may as well be the end of a bare value.
fn wrapped(text: Text<'_>, at: usize) -> Option<usize> {
    let mut start = at;
    loop {
        let end = behind(text, start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.'));
        let end = if text[end..].starts_with(b"{}(") { end + 2 } else { end };
        if text.get(end) != Some(&b'(') || text[start].is_ascii_digit() {
            break;
        }
        start = end + 1;
    }
    let letters = behind(text, start, |byte| byte.is_ascii_alphabetic());
    let is_prefix = letters - start <= 2 && text[start..letters].iter().all(|byte| b"burfneBURFNE".contains(byte));
    let open = if is_prefix { letters } else { start };
    let (slashes, quote) = quote(text, open).filter(|_| open > at)?;
    let inside = open + slashes + 1;
    // What follows the end of a string of JSON is no value.
    let next = text.get(inside).copied().unwrap_or(b',');
    (!b",:}]\\\"'".contains(&next)).then(|| closing(text, inside, quote, slashes))
}

/// A value without quotes, up to what sets it apart from the next; a scheme's name belongs to it.
fn bare(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let scheme = behind_word(text, at, &SCHEMES).map(|end| (end, behind_gap(text, end)));
    let start = scheme.filter(|(end, gap)| gap > end).map_or(at, |(_, gap)| gap);
    let mut end = bare_end(text, start);
    if end == start && start > at {
        // The scheme's name is the value.
        end = bare_end(text, at);
    }
    let Some(value) = text.get(at..end).filter(|value| !value.is_empty()) else { return };
    let sign = text[name.end..at].trim_ascii_start();
    let prose = sign.starts_with(b":") && sign.len() > 1 && is_word(value);
    if !(is_nothing(value) || prose || is_count(name, sign, value) || is_directory(name, sign, value)) {
        mask(at..unknown_scheme_end(name, at, end).unwrap_or(end));
    }
}

/// Where the credentials of a scheme end that is not one of [`SCHEMES`]: `Authorization: NTLM …`.
fn unknown_scheme_end(name: &Name<'_>, at: usize, end: usize) -> Option<usize> {
    let text = name.text;
    let start = behind_blanks(text, end);
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

/// Behind what may stand between a scheme's name and its credentials.
fn behind_gap(text: Text<'_>, mut at: usize) -> usize {
    loop {
        at += match &text[at..] {
            [b' ' | b'\t' | b'+', ..] => 1,
            [b'%', b'2', b'0', ..] => 3,
            _ => return at,
        };
    }
}

/// Where a bare value ends: before a sign that ends one, or a quote with the backslashes that escape it.
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
            let behind = at + text[at..].iter().take_while(|byte| **byte == b'\\').count();
            if matches!(text.get(behind), Some(b'"' | b'\'')) {
                return at;
            }
            at = behind;
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

pub(super) fn is_word(value: &[u8]) -> bool {
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether this is where a shell works: `PWD=/srv`, not `DB_PWD=/x` nor `UID=sa;PWD=/x`.
fn is_directory(name: &Name<'_>, sign: &[u8], value: &[u8]) -> bool {
    let called = &name.text[name.start..name.end];
    let own = called == b"PWD" && name.text[..name.start].last().is_none_or(|byte| !b"_;".contains(byte))
        || called == b"DPWD" && name.text[..name.start].ends_with(b"OL");
    own && sign == b"=" && value.starts_with(b"/")
}

/// Whether this is how tests are counted (`pass: 12`) or named (`PASS: TestLogin`).
fn is_count(name: &Name<'_>, sign: &[u8], value: &[u8]) -> bool {
    let called = &name.text[name.start..name.end];
    if called == b"PASS" {
        return sign.trim_ascii_end() == b":";
    }
    let counts = ends_with(called, b"pass") || ends_with(called, b"pw");
    counts && value.len() <= COUNT_DIGITS_MAX && value.iter().all(u8::is_ascii_digit)
}

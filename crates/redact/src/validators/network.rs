//! Network addresses: a match that parses as one and is not something else of the same form.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::Text;

/// Words before four numbers that make them a version.
const VERSION_WORDS: [&[u8]; 15] = [
    b"version",
    b"versions",
    b"ver",
    b"v",
    b"release",
    b"released",
    b"build",
    b"rev",
    b"revision",
    b"tag",
    b"firmware",
    b"driver",
    b"upgrade",
    b"oid",
    b"section",
];

/// How far before an address a word is searched.
const WORD_BYTES_MAX: usize = 24;

/// Keeps four numbers up to 255 that stand alone, are no version, and identify a host.
pub(in super::super) fn ipv4(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let Some(address) = parse::<Ipv4Addr>(&text[found.clone()]) else { return };
    // `x.0.0.0` is a network or a browser version, 255.255.… a netmask.
    let [first, rest @ ..] = address.octets();
    let nobody = address.is_loopback() || rest == [0, 0, 0] || [first, rest[0]] == [255, 255];
    if !nobody && stands_alone(text, &found) && !is_version(&text[..found.start]) {
        mask(found);
    }
}

/// Whether the match is not part of a longer number, name or version.
fn stands_alone(text: Text<'_>, found: &Range<usize>) -> bool {
    let before = &text[..found.start];
    let starts = match before {
        // %3D10.0.0.1 and \n10.0.0.1
        [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
        // A range of addresses, but not name-1.2.3.4.
        [.., last, b'-'] => !last.is_ascii_alphabetic(),
        [.., b'\\', _] | [] => true,
        [.., last] => !(last.is_ascii_alphanumeric() || matches!(last, b'.' | b'_' | b'+')),
    };
    let ends = match &text[found.end..] {
        [b'.', next, ..] => !next.is_ascii_alphanumeric(),
        [b'-' | b'+', next, ..] => !next.is_ascii_alphabetic(),
        [next, ..] => !(next.is_ascii_alphanumeric() || *next == b'_'),
        [] => true,
    };
    starts && ends
}

/// Whether the text before the match announces a version: `version: `, `"ver":"`, `Chrome/`.
fn is_version(before: &[u8]) -> bool {
    let near = &before[before.len().saturating_sub(WORD_BYTES_MAX)..];
    let word_of = |text: &[u8]| {
        let letters = text.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
        text.len() - letters..text.len()
    };
    if let Some(product) = near.strip_suffix(b"/") {
        // Products are capitalized, hosts are not.
        let word = &product[word_of(product)];
        return word.first().is_some_and(u8::is_ascii_uppercase);
    }
    // requests==2.32.3.1
    if near.strip_suffix(b"==").is_some_and(|name| name.last().is_some_and(u8::is_ascii_alphanumeric)) {
        return true;
    }
    let end = near.iter().rposition(|byte| !matches!(byte, b' ' | b'=' | b':' | b'"' | b'\'' | b'(' | b'\\'));
    let Some(end) = end else { return false };
    let word = &near[word_of(&near[..=end])];
    let is_word = |word: &[u8]| VERSION_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
    // `appVersion`, `serverVersion`.
    is_word(word) || word.len() > 7 && word[word.len() - 7..].eq_ignore_ascii_case(b"version")
}

/// Keeps an address of RFC 4291 in a run of hexadecimal digits and colons.
pub(in super::super) fn ipv6(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut at = found;
    // `id:2001:…`: a word that is joined with the run belongs to it, and so does a separate colon.
    let escaped = matches!(text[..at.start], [.., b'%', _, _] | [.., b'\\', _]);
    if !escaped && text[..at.start].last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        let Some(colon) = memchr::memchr(b':', &text[at.clone()]) else { return };
        at.start += colon + 1;
    }
    let run = &text[at.clone()];
    if run.starts_with(b":") && !run.starts_with(b"::") {
        at.start += 1;
    }
    while at.start < at.end {
        let run = &text[at.clone()];
        match run {
            [head @ .., b':'] if !head.ends_with(b":") => at.end -= 1,
            [.., b'.'] => at.end -= 1,
            _ => break,
        }
    }
    let run = &text[at.clone()];
    let Some(address) = parse::<Ipv6Addr>(run) else { return };
    if address.is_loopback() || address.is_unspecified() || !is_written_as_address(run) {
        return;
    }
    let ends = text.get(at.end).is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    if ends {
        mask(at);
    }
}

/// Whether the run is written like an address. `a1::b2` is a path in source code. An address has a digit, and a first
/// group of four digits, three or more groups, or an IPv4 address.
fn is_written_as_address(run: &[u8]) -> bool {
    let groups = run.split(|&byte| byte == b':').filter(|group| !group.is_empty()).count();
    let first = run.iter().position(|&byte| byte == b':').unwrap_or(0);
    run.iter().any(u8::is_ascii_digit) && (groups > 2 || first == 4 || run.contains(&b'.'))
}

/// Keeps six pairs that are neither all zeros nor all ones, and not part of a longer fingerprint.
pub(in super::super) fn mac(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let pairs = &text[found.clone()];
    let digits = || pairs.iter().filter(|byte| byte.is_ascii_hexdigit());
    let separator = pairs.iter().find(|byte| !byte.is_ascii_hexdigit()).copied();
    let uniform = pairs.iter().all(|byte| byte.is_ascii_hexdigit() || Some(*byte) == separator);
    let none = digits().all(|byte| *byte == b'0') || digits().all(|byte| matches!(byte, b'f' | b'F'));
    // Another pair next to it, or a word.
    let joined = |byte: Option<&u8>, next: Option<&u8>| match byte {
        Some(byte) if byte.is_ascii_alphanumeric() => true,
        Some(byte) => Some(*byte) == separator && next.is_some_and(u8::is_ascii_hexdigit),
        None => false,
    };
    let escaped = matches!(text[..found.start], [.., b'%', _, _] | [.., b'\\', _]);
    let before = |back: usize| found.start.checked_sub(back).and_then(|at| text.get(at));
    let starts = escaped || !joined(before(1), before(2));
    if uniform && !none && starts && !joined(text.get(found.end), text.get(found.end + 1)) {
        mask(found);
    }
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

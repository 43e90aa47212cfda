//! Numbers that identify a person: bank accounts, social security numbers, telephone numbers.

use std::ops::Range;

use super::Text;
use super::place::ends_with;

/// The countries of the IBAN registry (SWIFT, ISO 13616) and the lengths of their numbers.
const IBAN_LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Unassigned country codes of E.164.
const UNASSIGNED_CODES: Range<usize> = 280..290;

/// Digits of an E.164 number with its country code. The shortest in use have eight.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// Digits of a number after a keyword.
const NAMED_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Keeps an account number with a known country, its length and the two check digits (ISO 7064, MOD 97-10).
pub(in super::super) fn iban(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let after_word = ends_with(&text[..found.start], b"iban");
    if is_joined(text, found.start) && !after_word {
        return;
    }
    let country = text[found.start..].first_chunk::<2>().map(|code| code.map(|byte| byte.to_ascii_uppercase()));
    let length = IBAN_LENGTHS.iter().find(|(code, _)| Some(**code) == country).map(|(_, length)| *length);
    let Some(length) = length else { return };
    // The match may extend into the next word: only the length of the country's numbers is taken.
    let mut end = found.start;
    let mut characters = Vec::with_capacity(length);
    for (at, &byte) in text[found.clone()].iter().enumerate() {
        if !matches!(byte, b' ' | b'-' | b'+') {
            characters.push(byte);
        }
        if characters.len() == length {
            end = found.start + at + 1;
            break;
        }
    }
    let ends = text.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if characters.len() == length && ends && mod_97(&characters) == 1 {
        mask(found.start..end);
    }
}

fn mod_97(characters: &[u8]) -> u32 {
    let (head, tail) = characters.split_at(4);
    tail.iter().chain(head).fold(0, |rest, &byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.to_ascii_uppercase().saturating_sub(b'A')) + 10) % 97,
    })
}

/// Keeps a number that the Social Security Administration may have issued: no area 000, 666 or 9xx, no group 00, no
/// serial 0000.
pub(in super::super) fn ssn(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let (digits, count) = digits(&text[found.clone()]);
    let (area, group, serial) = (&digits[..3], &digits[3..5], &digits[5..9]);
    let given = count == 9 && !matches!(area, [0, 0, 0] | [6, 6, 6] | [9, ..]) && group != [0, 0] && serial != [0; 4];
    let dash = |at: Option<&u8>, next: Option<&u8>| at == Some(&b'-') && next.is_some_and(u8::is_ascii_alphanumeric);
    let before = |back: usize| found.start.checked_sub(back).and_then(|at| text.get(at));
    let joined = is_joined(text, found.start)
        || before(1) == Some(&b'.')
        || dash(before(1), before(2))
        || text.get(found.end).is_some_and(u8::is_ascii_alphanumeric)
        || dash(text.get(found.end), text.get(found.end + 1));
    if given && !joined {
        mask(found);
    }
}

/// Minimum number of digits that domain registries write after a number's point.
const REGISTRY_DIGITS_MIN: usize = 9;

/// Keeps a number with its country code (E.164), and as many of the following groups as fit.
pub(in super::super) fn phone(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    // `x+12345678` is a sum, or Base64.
    if is_joined(text, found.start) || is_decimal(text, &found) {
        return;
    }
    let encoded = text[found.start] == b'%';
    let first = found.start + if encoded { 3 } else { 1 };
    let (mut number, mut count, mut best) = ([0; 16], 0, None);
    for at in first..found.end {
        if text[at].is_ascii_digit() {
            let Some(place) = number.get_mut(count) else { break };
            *place = text[at] - b'0';
            count += 1;
            let ends = text.get(at + 1).is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
            if ends && is_e164(&number[..count]) {
                best = Some(at + 1);
            }
        }
    }
    if let Some(end) = best {
        mask(found.start..end);
    }
}

/// Whether the number is written as a decimal fraction, with one point and no other separator.
fn is_decimal(text: Text<'_>, found: &Range<usize>) -> bool {
    let number = &text[found.clone()];
    let mut others = number.iter().enumerate().skip(1).filter(|(_, byte)| !byte.is_ascii_digit());
    let (Some((point, b'.')), None) = (others.next(), others.next()) else { return false };
    // Domain registries write a number like this (RFC 5733), in an element or a string: country code, point, digits.
    let is_enclosed = matches!(text[..found.start].last(), Some(b'>' | b'"' | b'\''));
    !is_enclosed || number.len() - point - 1 < REGISTRY_DIGITS_MIN
}

/// Keeps a number in the national form of the North American plan that is not part of a longer row of numbers.
pub(in super::super) fn phone_nanp(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let (digits, count) = digits(&text[found.clone()]);
    let digits = &digits[..count.min(digits.len())];
    let national = if let [1, rest @ ..] = digits { rest } else { digits };
    if is_nanp(national) && is_isolated(text, &found) {
        mask(found);
    }
}

/// Keeps a number in groups that begins with the 0 of a national form and is not part of a longer row of numbers.
pub(in super::super) fn phone_grouped(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let separators = text[found.clone()].iter().filter(|byte| !byte.is_ascii_digit() && !matches!(byte, b'(' | b')'));
    let uniform = separators.clone().all(|byte| separators.clone().next() == Some(byte));
    if uniform && is_isolated(text, &found) {
        mask(found);
    }
}

/// Whether neither a word nor another group of digits stands next to the number.
fn is_isolated(text: Text<'_>, found: &Range<usize>) -> bool {
    let parts = |byte: u8| matches!(byte, b'.' | b'-' | b' ' | b':' | b'/');
    let starts = match &text[..found.start] {
        [.., digit, divider] if parts(*divider) => !digit.is_ascii_digit(),
        before => !before.ends_with(b"_") && !before.ends_with(b"+") && !is_joined(text, found.start),
    };
    let ends = match &text[found.end..] {
        [divider, digit, ..] if parts(*divider) => !digit.is_ascii_digit(),
        after => after.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_'),
    };
    starts && ends
}

/// Keeps any number of the right length after a keyword.
pub(in super::super) fn phone_named(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let (_, count) = digits(&text[found.clone()]);
    let ends = text.get(found.end).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if NAMED_DIGITS.contains(&count) && ends {
        mask(found);
    }
}

/// Whether the digits may be a number with its country code.
fn is_e164(digits: &[u8]) -> bool {
    let code = digits.iter().take(3).fold(0, |code, digit| code * 10 + usize::from(*digit));
    match digits {
        [1, rest @ ..] => is_nanp(rest),
        [7, ..] => digits.len() == 11,
        [0, ..] => false,
        _ => E164_DIGITS.contains(&digits.len()) && !UNASSIGNED_CODES.contains(&code),
    }
}

/// Whether ten digits fit the North American plan: neither area nor exchange begins with 0 or 1, and no area is x11 or
/// x9x.
fn is_nanp(digits: &[u8]) -> bool {
    digits.len() == 10 && digits[0] > 1 && digits[3] > 1 && !matches!(digits[..3], [_, 9, _] | [_, 1, 1])
}

/// Whether a letter or digit stands before `at` that is not part of an escape.
fn is_joined(text: Text<'_>, at: usize) -> bool {
    match &text[..at] {
        [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => false,
        [.., slash, last] => *slash != b'\\' && last.is_ascii_alphanumeric(),
        [last] => last.is_ascii_alphanumeric(),
        [] => false,
    }
}

/// The first sixteen digits of a number, and the number of its digits.
fn digits(number: &[u8]) -> ([u8; 16], usize) {
    let mut digits = [0; 16];
    let mut count = 0;
    for byte in number.iter().filter(|byte| byte.is_ascii_digit()) {
        if let Some(place) = digits.get_mut(count) {
            *place = byte - b'0';
        }
        count += 1;
    }
    (digits, count)
}

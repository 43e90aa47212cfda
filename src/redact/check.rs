//! What a pattern cannot say: check digits, issuers, surroundings.
//!
//! In: a text and where a pattern matched in it. Out: the parts of that match which are to be masked, none where it was a
//! false alarm. Looks at the surroundings, never changes anything, and takes time linear in the match.

use std::ops::Range;

/// Confirms a match by handing on what of it is to be masked.
pub(super) type Check = fn(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>));

/// Values that hide nothing: a missing one and a switch. Compared without case.
const BARE_NOTHINGS: [&str; 7] = ["null", "nil", "none", "undefined", "true", "false", "<nil>"];

/// What a mask of ours starts with: redacting twice changes nothing.
const MASK_START: &[u8] = b"<redacted:";

/// Letters alone are taken for a token from this length on; no English word is that long.
const WORD_BYTES_MAX: usize = 20;

/// The shortest and the longest card number, ISO/IEC 7812.
const CARD_DIGITS: Range<usize> = 13..20;

/// Every group of a card number but its last has at least so many digits (4-4-4-4, 4-6-5, 6-13).
const CARD_GROUP_DIGITS_MIN: usize = 4;

/// Drops empty values and masks of ours.
pub(super) fn unmasked(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let whole_mask = value.starts_with(MASK_START) && value.iter().position(|&b| b == b'>') == Some(value.len() - 1);
    if !value.is_empty() && !whole_mask {
        mask(found);
    }
}

/// Drops what follows a mask of ours: it looks like an XML element.
pub(super) fn element(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let tag = memchr::memrchr(b'<', &text[..found.start]).unwrap_or(found.start);
    if !text[tag..].starts_with(MASK_START) {
        mask(found);
    }
}

/// Like [`unmasked`], drops what stands for no value at all, and adds backslashes at the end that escape no quote.
pub(super) fn bare(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    if !BARE_NOTHINGS.iter().any(|nothing| value.eq_ignore_ascii_case(nothing.as_bytes())) {
        let slashes = text[found.end..].iter().take_while(|&&byte| byte == b'\\').count();
        let quoted = matches!(text.get(found.end + slashes), Some(b'"' | b'\''));
        unmasked(text, found.start..found.end + if quoted { 0 } else { slashes }, mask);
    }
}

/// Drops words of prose: a token has a digit, a sign that words lack, capitals within, or is long.
pub(super) fn token(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let sign = |b: &u8| b.is_ascii_digit() || matches!(b, b'_' | b'~' | b'+' | b'/' | b'=' | b'%');
    let capital = value[1..].iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    if value.iter().any(sign) || capital || value.len() >= WORD_BYTES_MAX {
        mask(found);
    }
}

/// Drops what does not decode to `user:password` (RFC 7617).
pub(super) fn basic_credentials(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let (mut bits, mut bit_count, mut colon) = (0_u32, 0_u32, false);
    for &byte in &text[found.clone()] {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(sextet);
        bit_count += 6;
        if bit_count >= 8 {
            bit_count -= 8;
            let decoded = bits >> bit_count & 0xff;
            if decoded < 0x20 || decoded == 0x7f {
                return;
            }
            colon |= decoded == u32::from(b':');
        }
    }
    if colon {
        mask(found);
    }
}

/// Finds the card numbers within a run of digits that single spaces and dashes divide into groups.
pub(super) fn card(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut at = found.start;
    while at < found.end {
        // Elsewhere than at a group's start there is nothing to find.
        if text[at].is_ascii_digit()
            && starts_number(text, at)
            && let Some(end) = card_from(text, at, found.end)
        {
            mask(at..end);
            at = end;
        } else {
            at += 1;
        }
    }
}

/// The end of the longest card number that starts at `start`.
fn card_from(text: &[u8], start: usize, run_end: usize) -> Option<usize> {
    let mut digits = [0_u8; CARD_DIGITS.end];
    let (mut count, mut group, mut best) = (0, 0, None);
    for at in start..run_end {
        if text[at].is_ascii_digit() {
            if count == CARD_DIGITS.end - 1 {
                break;
            }
            digits[count] = text[at] - b'0';
            count += 1;
            group += 1;
            let ends = !text.get(at + 1).is_some_and(u8::is_ascii_digit);
            if ends && CARD_DIGITS.contains(&count) && is_card(&digits[..count]) && !in_hex(text, start..at + 1) {
                best = Some(at + 1);
            }
        } else if group < CARD_GROUP_DIGITS_MIN {
            break;
        } else {
            group = 0;
        }
    }
    best
}

/// Whether a number may start at `at`: not within a longer one, nor in a fraction. The escapes `%20` and `\n` before it
/// belong to no number.
fn starts_number(text: &[u8], at: usize) -> bool {
    let before = &text[..at];
    match before {
        [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
        [.., digit, b'.'] => !digit.is_ascii_digit(),
        [.., last] => !last.is_ascii_digit(),
        [] => true,
    }
}

/// Whether the digits are part of hexadecimal text: a hash, or a UUID.
fn in_hex(text: &[u8], number: Range<usize>) -> bool {
    let escaped = |at: usize| at >= 3 && text[at - 3] == b'%' || at >= 2 && text[at - 2] == b'\\';
    let letters = |b: &&u8| b.is_ascii_alphanumeric();
    let after = text[number.end..].iter().take_while(letters);
    let before = text[..number.start].iter().rev().take_while(letters);
    let touches = after.clone().next().is_some() || before.clone().next().is_some() && !escaped(number.start);
    if touches && after.chain(before).all(u8::is_ascii_hexdigit) {
        return true;
    }
    // 8-4-4-4-12, wherever in it the number lies.
    (number.start.saturating_sub(36)..=number.start).any(|at| {
        text.get(at..at + 36).is_some_and(|uuid| {
            at + 36 > number.start
                && uuid.iter().enumerate().all(|(i, b)| match i {
                    8 | 13 | 18 | 23 => *b == b'-',
                    _ => b.is_ascii_hexdigit(),
                })
        })
    })
}

/// Issuer's prefix, its lengths, and the check digit.
fn is_card(digits: &[u8]) -> bool {
    let prefix = digits.iter().take(4).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    let lengths: &[usize] = match prefix {
        // Visa.
        4000..=4999 => &[13, 16, 19],
        // Mastercard, Mir.
        2221..=2720 | 5100..=5599 | 2200..=2204 => &[16],
        // American Express.
        3400..=3499 | 3700..=3799 => &[15],
        // Diners Club.
        3000..=3059 | 3095 => &[14],
        3600..=3699 | 3800..=3999 => &[14, 16],
        // JCB, RuPay beside those below.
        3528..=3589 | 8100..=8299 => &[16, 17, 18, 19],
        // Maestro, Discover, UnionPay, RuPay.
        5000..=5099 | 5600..=5899 | 6000..=6999 => &[13, 14, 15, 16, 17, 18, 19],
        _ => &[],
    };
    lengths.contains(&digits.len()) && luhn(digits)
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, digit) {
            (0, digit) => u32::from(digit),
            (_, digit) => u32::from(digit) * 2 - if digit > 4 { 9 } else { 0 },
        })
        .sum();
    sum.is_multiple_of(10)
}

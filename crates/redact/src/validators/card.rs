//! Payment card numbers: issuers, lengths, the check digit, and numbers that only look like one.

use std::ops::Range;

use super::Text;

/// The shortest and the longest card number, ISO/IEC 7812.
const CARD_DIGITS: Range<usize> = 12..20;

/// A run of more groups of digits is a row of numeric columns.
const GROUPS_MAX: usize = 9;

/// Digits of a group that another group follows: as on the card (4-4-4-4), 4-6-5, 6-13, 8-8.
const CARD_GROUPS: [&[usize]; 3] = [&[4, 6, 8], &[4, 6], &[4]];

/// How far on either side letters and digits are checked. No word or hash is longer, and Base64 has another letter by
/// then.
const HEX_BYTES_MAX: usize = 160;

/// Finds the card numbers in a run of digits that single spaces and dashes divide into groups.
pub(in super::super) fn card(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let groups = text[found.clone()].split(|byte| !byte.is_ascii_digit()).count();
    let mut at = found.start;
    while at < found.end {
        // A number can start only at the start of a group.
        if text[at].is_ascii_digit()
            && starts_number(text, at)
            && let Some(end) = card_from(text, at, found.end)
            && (groups <= GROUPS_MAX || text[at..end].iter().all(u8::is_ascii_digit))
        {
            mask(at..end);
            at = end;
        } else {
            at += 1;
        }
    }
}

/// Finds a card number whose groups are joined by dots or `_`, and which is not part of a longer name or number.
pub(in super::super) fn card_joined(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let begins = found.start == 0 || !in_name(&text[found.start - 1]);
    let goes_on = match &text[found.end..] {
        [b'.' | b'_' | b'-', next, ..] | [next, ..] => next.is_ascii_alphanumeric(),
        [] => false,
    };
    let digits: Vec<u8> =
        text[found.clone()].iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect();
    if begins && !goes_on && is_card(&digits, 1) {
        mask(found);
    }
}

/// The end of the longest card number that starts at `start`.
fn card_from(text: Text<'_>, start: usize, run_end: usize) -> Option<usize> {
    let mut digits = [0_u8; CARD_DIGITS.end];
    let (mut count, mut group, mut groups, mut best) = (0, 0, 0, None);
    for at in start..run_end {
        if text[at].is_ascii_digit() {
            if count == CARD_DIGITS.end - 1 {
                break;
            }
            digits[count] = text[at] - b'0';
            count += 1;
            group += 1;
            let ends = !text.get(at + 1).is_some_and(u8::is_ascii_digit);
            if ends
                && CARD_DIGITS.contains(&count)
                && is_card(&digits[..count], groups)
                && (in_track(text, start..at + 1) || !in_hex(text, start..at + 1))
            {
                best = Some(at + 1);
            }
        } else if CARD_GROUPS[groups.min(CARD_GROUPS.len() - 1)].contains(&group) {
            groups += 1;
            group = 0;
        } else {
            break;
        }
    }
    best
}

/// Whether a number may start at `at`: not inside a longer one, nor in a fraction. The escapes `%20` and `
/// ` before it do not belong to the number.
fn starts_number(text: Text<'_>, at: usize) -> bool {
    let before = &text[..at];
    match before {
        [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
        [.., digit, b'.'] => !digit.is_ascii_digit(),
        // blk_-1608999687919862906, order_4111…
        [.., b'_'] | [.., b'_', b'-'] => false,
        [.., last] => !last.is_ascii_digit(),
        [] => true,
    }
}

/// Whether the digits are part of hexadecimal text: a hash, or a UUID.
fn in_hex(text: Text<'_>, number: Range<usize>) -> bool {
    let escaped = |at: usize| at >= 3 && text[at - 3] == b'%' || at >= 2 && text[at - 2] == b'\\';
    let letters = |b: &&u8| b.is_ascii_alphanumeric();
    let after = text[number.end..].iter().take(HEX_BYTES_MAX).take_while(letters);
    let before = text[..number.start].iter().rev().take(HEX_BYTES_MAX).take_while(letters);
    let touches = after.clone().next().is_some() || before.clone().next().is_some() && !escaped(number.start);
    if touches && after.chain(before).all(u8::is_ascii_hexdigit) {
        return true;
    }
    // 8-4-4-4-12, wherever the number lies in it.
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

/// Whether the number is in a track of a magnetic stripe (ISO/IEC 7813): after `%B` and before `^`, or before a
/// separator, the expiry month and the service code.
fn in_track(text: Text<'_>, number: Range<usize>) -> bool {
    let month = |rest: &[u8]| match rest {
        [_, _, b'0', b'1'..=b'9', code @ ..] | [_, _, b'1', b'0'..=b'2', code @ ..] => {
            rest[..2].iter().all(u8::is_ascii_digit)
                && code.iter().take(3).filter(|byte| byte.is_ascii_digit()).count() == 3
        }
        _ => false,
    };
    match &text[number.end..] {
        [b'^', ..] => true,
        [b'D' | b'd' | b'=', rest @ ..] => month(rest),
        _ => false,
    }
}

/// Whether issuer prefix, length and check digit match; `groups`: the number of groups before the last one.
fn is_card(digits: &[u8], groups: usize) -> bool {
    let prefix = digits.iter().take(4).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    let lengths: &[usize] = match prefix {
        // Maestro's shortest numbers look like any other number unless they are grouped.
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 if digits.len() == 12 => &[12],
        // Visa.
        4000..=4999 => &[13, 16, 19],
        // Mastercard, Mir, Troy.
        2221..=2720 | 5100..=5599 | 2200..=2204 | 9792 => &[16],
        // American Express.
        3400..=3499 | 3700..=3799 => &[15],
        // Diners Club.
        3000..=3059 | 3095 => &[14],
        3600..=3699 | 3800..=3999 => &[14, 16],
        // JCB, and RuPay in addition to the ranges below.
        3528..=3589 | 8100..=8299 => &[16, 17, 18, 19],
        // Maestro, Discover, UnionPay, RuPay.
        5000..=5099 | 5600..=5899 | 6000..=6999 => &[13, 14, 15, 16, 17, 18, 19],
        _ => &[],
    };
    lengths.contains(&digits.len()) && (digits.len() > 12 || groups > 0) && luhn(digits)
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

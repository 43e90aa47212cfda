//! Reads Unix times: decimal numbers of seconds or parts of them.

use super::super::number::digits;
use super::fraction;

/// The longest number with an exponent, and its digits after that.
pub(super) const DIGITS_MAX: usize = 40;

/// Reads a number whose unit its size tells, also with an exponent: `1795860902.123`, `1795860902123`, `1.795860902e9`.
pub(super) fn guess(text: &[u8]) -> Option<i64> {
    with_exponent(text).or_else(|| read(text, unit(text)?))
}

/// `1.795860902123e9`: its digits with the point where the exponent puts it.
fn with_exponent(text: &[u8]) -> Option<i64> {
    let at = text.iter().position(|byte| matches!(byte, b'e' | b'E'))?;
    let exponent = text[at + 1..].strip_prefix(b"+").unwrap_or(&text[at + 1..]);
    let (mantissa, exponent) = (&text[..at], std::str::from_utf8(exponent).ok()?.parse::<usize>().ok()?);
    let whole = digits(mantissa);
    let decimals = mantissa.get(whole..)?.strip_prefix(b".").unwrap_or_default();
    let is_number = whole > 0 && digits(decimals) == decimals.len() && !mantissa.ends_with(b".");
    let is_number = is_number && (whole == mantissa.len() || mantissa[whole] == b'.');
    let point = whole.checked_add(exponent)?;
    if !is_number || point + 1 + decimals.len() > DIGITS_MAX {
        return None;
    }
    let mut buffer = [b'0'; DIGITS_MAX];
    let all = mantissa[..whole].iter().chain(decimals);
    for (at, digit) in all.enumerate() {
        buffer[if at < point { at } else { at + 1 }] = *digit;
    }
    buffer[point] = b'.';
    let len = (whole + decimals.len()).max(point) + 1;
    let number = buffer[..len].strip_suffix(b".").unwrap_or(&buffer[..len]);
    read(number, unit(number)?)
}

/// The unit of a Unix time, as the exponent of its nanoseconds, by its digits before the point: this distinguishes all
/// of 1973 to 5138, and excludes small numbers (durations, counters).
fn unit(text: &[u8]) -> Option<u32> {
    match digits(text) {
        9..=11 => Some(9),
        12..=14 => Some(6),
        15..=17 => Some(3),
        18..=19 => Some(0),
        _ => None,
    }
}

/// Reads a decimal number of units of 10^`unit` nanoseconds.
pub(super) fn read(text: &[u8], unit: u32) -> Option<i64> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |text| (true, text));
    let (whole, rest) = text.split_at(digits(text));
    let part = match rest {
        [] => 0,
        [b'.', decimals @ ..] if !decimals.is_empty() && digits(decimals) == decimals.len() => {
            i64::from(fraction(decimals, unit))
        }
        _ => return None,
    };
    if whole.is_empty() {
        return None;
    }
    let whole = whole.iter().try_fold(0_i64, |sum, digit| sum.checked_mul(10)?.checked_add(i64::from(digit - b'0')))?;
    let instant = whole.checked_mul(10_i64.pow(unit))?.checked_add(part)?;
    Some(if negative { -instant } else { instant })
}

//! Converts text to numbers and booleans by narrowing a range: `007` becomes its `7`.
//!
//! No value is computed. The result is always a valid JSON number (RFC 8259, section 6) within the text.

use event::{Kind, TextRange};

use super::Type;

/// Gives a value its configured type; `None` if it does not fit and stays unchanged.
pub(super) fn convert(text: &[u8], at: TextRange, kind: Kind, wanted: Type) -> Option<(TextRange, Kind)> {
    match (kind, wanted) {
        (Kind::Null, _)
        | (Kind::Escaped | Kind::Quoted(_), Type::Text)
        | (Kind::Number, Type::Float)
        | (Kind::Scaled(_) | Kind::Code(_), Type::Int | Type::Float)
        | (Kind::True | Kind::False, Type::Bool) => Some((at, kind)),
        (_, Type::Text) => Some((at, Kind::Text)),
        (Kind::Text | Kind::Number, Type::Int) => Some((narrow(text, at, false)?, Kind::Number)),
        (Kind::Text, Type::Float) => Some((narrow(text, at, true)?, Kind::Number)),
        (Kind::Text, Type::Bool) => {
            let value = text[at.indices()].trim_ascii();
            let is = |name: &str| value.eq_ignore_ascii_case(name.as_bytes());
            is("true").then_some((at, Kind::True)).or_else(|| is("false").then_some((at, Kind::False)))
        }
        (Kind::Escaped | Kind::Quoted(_) | Kind::True | Kind::False, Type::Int | Type::Float)
        | (Kind::Escaped | Kind::Quoted(_) | Kind::Number | Kind::Scaled(_) | Kind::Code(_), Type::Bool) => None,
    }
}

/// The part of `at` that is a valid JSON number: without surrounding blanks, a plus sign or leading zeros.
fn narrow(text: &[u8], at: TextRange, fraction: bool) -> Option<TextRange> {
    let (mut start, mut end) = (at.start as usize, at.end as usize);
    while start < end && text[start].is_ascii_whitespace() {
        start += 1;
    }
    while start < end && text[end - 1].is_ascii_whitespace() {
        end -= 1;
    }
    if start < end && text[start] == b'+' {
        start += 1;
        if text.get(start) == Some(&b'-') {
            return None;
        }
    }
    while start + 1 < end && text[start] == b'0' && text[start + 1].is_ascii_digit() {
        start += 1;
    }
    is_number(&text[start..end], fraction).then(|| TextRange::new(start, end))
}

/// Whether all of `text` is a JSON number, without fraction and exponent unless `fraction`.
fn is_number(text: &[u8], fraction: bool) -> bool {
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if !fraction {
        return rest.is_empty();
    }
    if let Some(decimals) = rest.strip_prefix(b".") {
        let count = digits(decimals);
        if count == 0 {
            return false;
        }
        rest = &decimals[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = if let [b'+' | b'-', unsigned @ ..] = exponent { unsigned } else { exponent };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

/// The number of digits at the start of `text`.
pub(super) fn digits(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

#[cfg(test)]
mod tests;

//! Reads values that their format spells in another way than JSON: doubled quotes, numbers in other units.

/// Passes on the parts of a text without the bytes that only mark the one behind them (see [`event::Kind::Quoted`]).
pub(super) fn unquoted(text: &[u8], mark: u8, part: &mut impl FnMut(&[u8])) {
    let (mut kept, mut at) = (0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr(mark, rest)) {
        at += found + 1;
        if matches!(text.get(at), Some(b'"' | b'\\' | b']')) {
            part(&text[kept..at - 1]);
            kept = at;
            at += 1;
        }
    }
    part(&text[kept..]);
}

/// Writes digits, perhaps with a fraction, as the whole number of units that they are with `exponent` more places. What is
/// smaller than a unit is left out.
pub(super) fn write_scaled(number: &[u8], exponent: u8, out: &mut Vec<u8>) {
    let point = memchr::memchr(b'.', number).unwrap_or(number.len());
    let decimals = number.get(point + 1..).unwrap_or_default();
    let moved = decimals.iter().copied().chain(std::iter::repeat(b'0')).take(exponent.into());
    let before = out.len();
    out.extend(number[..point].iter().copied().chain(moved).skip_while(|digit| *digit == b'0'));
    if out.len() == before {
        out.push(b'0');
    }
}

#[cfg(test)]
mod tests {
    use super::{unquoted, write_scaled};

    #[test]
    fn marks_are_left_out() {
        let check = |text: &str, mark: u8, want: &str| {
            let mut found = Vec::new();
            unquoted(text.as_bytes(), mark, &mut |part: &[u8]| found.extend_from_slice(part));
            assert_eq!(String::from_utf8(found).unwrap(), want, "{text}");
        };
        check(r#"a ""b"" c"#, b'"', r#"a "b" c"#);
        check(r#""""]"#, b'"', r#""]"#);
        check(r#"x \"y\" [1\] C:\\d \n"#, b'\\', r#"x "y" [1] C:\d \n"#);
        check("plain", b'"', "plain");
        check("", b'"', "");
    }

    #[test]
    fn numbers_are_scaled() {
        let check = |number: &str, exponent: u8, want: &str| {
            let mut out = Vec::new();
            write_scaled(number.as_bytes(), exponent, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want, "{number}");
        };
        check("56", 6, "56000000");
        check("2.113000", 9, "2113000000");
        check("0.000001", 9, "1000");
        check("0", 6, "0");
        check("0.0", 9, "0");
        check("007", 0, "7");
        check("1.23456789012", 9, "1234567890");
    }
}

//! Parses durations, sizes, lists and secrets.
//!
//! Input: text. Output: a typed value or an error. Nothing here knows a variable's name. An error shows the value only
//! through `quote`.

use std::fmt;
use std::time::Duration;

use super::error::quote;
use crate::units::{DURATION_UNITS_MS, SIZE_UNITS_BYTES};
pub use crate::units::{bytes_text, duration_text};

/// A value that must not appear in `Debug` output, errors or listings.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that passes it to a library.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Reads `250ms`, `5s`, `2m`, `1h`.
///
/// # Errors
/// If the number or the unit is missing or unknown, or the value is too large.
pub fn duration(text: &str) -> Result<Duration, String> {
    with_unit(text, &DURATION_UNITS_MS).map(Duration::from_millis)
}

/// Reads `512B`, `64KiB`, `8MiB`, `1MB`.
///
/// # Errors
/// If the number or the unit is missing or unknown, or the value is too large.
pub fn bytes(text: &str) -> Result<u64, String> {
    with_unit(text, &SIZE_UNITS_BYTES)
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    if number.is_empty() || unit.starts_with(['.', ',']) {
        return Err(format!("{} is not a whole number with a unit", quote(text)));
    }
    if unit.is_empty() {
        return Err(format!("{} has no unit", quote(text)));
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        let known = super::error::join(units.iter().map(|(name, _)| *name));
        return Err(format!("{} has an unknown unit; use one of {known}", quote(text)));
    };
    let scaled = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor));
    scaled.ok_or_else(|| format!("{} is too large", quote(text)))
}

/// The items of a list, separated by commas or newlines, trimmed, without empty ones. A comma inside braces or brackets
/// does not separate, so that the glob `/a/{b,c}` is one item.
#[must_use]
pub fn list(text: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let separates = |c: char| {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            // A newline always ends an item: an unclosed brace must not swallow the next item.
            '\n' => depth = 0,
            _ => {}
        }
        c == '\n' || (c == ',' && depth == 0)
    };
    trimmed(text.split(separates))
}

/// The non-empty lines, trimmed.
#[must_use]
pub fn lines(text: &str) -> Vec<String> {
    trimmed(text.lines())
}

fn trimmed<'t>(items: impl Iterator<Item = &'t str>) -> Vec<String> {
    items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_duration(text: &str, expected: Result<u64, &str>) {
        assert_eq!(duration(text), expected.map(Duration::from_millis).map_err(str::to_owned), "{text}");
    }

    #[track_caller]
    fn check_bytes(text: &str, expected: Result<u64, &str>) {
        assert_eq!(bytes(text), expected.map_err(str::to_owned), "{text}");
    }

    #[track_caller]
    fn check_list(text: &str, expected: &[&str]) {
        assert_eq!(list(text), expected, "{text}");
    }

    #[test]
    fn durations_need_a_number_and_a_unit() {
        check_duration("250ms", Ok(250));
        check_duration("5s", Ok(5_000));
        check_duration("2m", Ok(120_000));
        check_duration("1 h", Ok(3_600_000));
        check_duration("0ms", Ok(0));
        check_duration("50", Err("\"50\" has no unit"));
        check_duration("ms", Err("\"ms\" is not a whole number with a unit"));
        check_duration("-1s", Err("\"-1s\" is not a whole number with a unit"));
        check_duration("1.5s", Err("\"1.5s\" is not a whole number with a unit"));
        check_duration("5 parsec", Err("\"5 parsec\" has an unknown unit; use one of ms, s, m, h"));
        check_duration("99999999999999999999s", Err("\"99999999999999999999s\" is too large"));
        check_duration("18446744073709551615h", Err("\"18446744073709551615h\" is too large"));
    }

    #[test]
    fn sizes_need_a_number_and_a_unit() {
        check_bytes("64KiB", Ok(65_536));
        check_bytes("8MiB", Ok(8 << 20));
        check_bytes("8Mi", Ok(8 << 20));
        check_bytes("1MB", Ok(1_000_000));
        check_bytes("12B", Ok(12));
        check_bytes("64", Err("\"64\" has no unit"));
        check_bytes("64kb", Err("\"64kb\" has an unknown unit; use one of B, KiB, MiB, GiB, KB, MB, GB, Ki, Mi, Gi"));
    }

    #[test]
    fn lists_split_at_commas_outside_braces_and_at_newlines() {
        check_list("a,b\nc", &["a", "b", "c"]);
        check_list(" a , ,b,", &["a", "b"]);
        check_list("/x/{a,b}/*.log,/y/[,]z", &["/x/{a,b}/*.log", "/y/[,]z"]);
        check_list("/x/{a\n/y,/z", &["/x/{a", "/y", "/z"]);
        check_list("", &[]);
    }

    proptest! {
        #[test]
        fn formatted_values_parse_back(ms in 0_u64..=1 << 40, size in 0_usize..=1 << 40) {
            prop_assert_eq!(duration(&duration_text(Duration::from_millis(ms))), Ok(Duration::from_millis(ms)));
            prop_assert_eq!(bytes(&bytes_text(size)), Ok(size as u64));
        }
    }

    #[test]
    fn a_secret_is_not_in_its_debug() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2".to_owned()))), "Some(<secret>)");
    }
}

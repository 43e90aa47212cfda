//! Reads times whose date is incomplete or written without separators, where a format is known to have them.

use super::{Clock, civil, digits, fraction, pair};

impl Clock {
    /// Parses a timestamp of a preset: any layout, also `10:15:02.123` and `261128 101502`.
    pub(in crate::pipeline::parse) fn of_preset(&self, text: &[u8]) -> Option<i64> {
        let text = text.trim_ascii();
        self.guess(text).or_else(|| self.time_of_day(text)).or_else(|| self.compact(text))
    }

    /// The instant nearest to now with this time of day.
    fn time_of_day(&self, text: &[u8]) -> Option<i64> {
        let (clock, nanosecond) = time(text)?;
        let today = self.today();
        let days = [today.yesterday().ok()?, today, today.tomorrow().ok()?];
        let instants = days.into_iter().filter_map(|date| {
            let when = civil(date.year(), date.month(), date.day(), clock, nanosecond)?;
            self.zones.instant(when, None)
        });
        let now_ns = i64::try_from(self.now().as_nanosecond()).ok()?;
        instants.min_by_key(|instant| instant.abs_diff(now_ns))
    }

    fn compact(&self, text: &[u8]) -> Option<i64> {
        if digits(text) != 6 || text.get(6) != Some(&b' ') {
            return None;
        }
        let year = 2000 + i16::from(pair(text, 0)?);
        let (month, day) = (pair(text, 2)?, pair(text, 4)?);
        let rest = &text[7..];
        if rest.len() != 6 || digits(rest) != 6 {
            return None;
        }
        let clock = [pair(rest, 0)?, pair(rest, 2)?, pair(rest, 4)?];
        self.zones.instant(civil(year, month, day, clock, 0)?, None)
    }
}

/// Hour, minute, second and nanosecond of `10:15:02.123`; the hour may have one digit.
fn time(text: &[u8]) -> Option<([i8; 3], i32)> {
    let hour_digits = digits(text);
    let hour = match hour_digits {
        1 => i8::try_from(text[0] - b'0').ok()?,
        2 => pair(text, 0)?,
        _ => return None,
    };
    let rest = text.get(hour_digits..).filter(|rest| rest.len() >= 6 && rest[0] == b':' && rest[3] == b':')?;
    let clock = [hour, pair(rest, 1)?, pair(rest, 4)?];
    let nanosecond = match &rest[6..] {
        [] => 0,
        [b'.' | b',', decimals @ ..] if !decimals.is_empty() && digits(decimals) == decimals.len() => {
            fraction(decimals, 9)
        }
        _ => return None,
    };
    Some((clock, nanosecond))
}

//! Parses timestamps into nanoseconds since the Unix epoch.
//!
//! Input: the text of a time field. Output: the instant, or nothing if it is not certain. The two layouts of nearly
//! every log (RFC 3339 and its variants, and the access logs' one) are parsed here, digit by digit. `jiff` handles
//! dates, zones and every other layout. The current time is never used: a timestamp without a year is not guessed.

use jiff::civil::DateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{Offset, TimeZone};

use super::number::digits;
use super::{Config, Error};

/// Parses the timestamps of one input.
pub(super) struct Clock {
    /// Tried in order; empty: guessed.
    layouts: Vec<Layout>,
    /// For timestamps without a zone.
    zone: TimeZone,
}

/// The layout of a timestamp.
#[derive(Debug)]
enum Layout {
    /// `2026-10-12T13:55:36.123Z`; also a blank for the `T`, a decimal comma, any or no zone.
    Rfc3339,
    /// `12/Oct/2026:13:55:36 +0000`; also with a fraction of the second.
    Access,
    /// A decimal number of units that are 10^n nanoseconds long.
    Unix(u32),
    /// A `strptime` format.
    Custom {
        format: String,
        /// Whether it contains the zone.
        zoned: bool,
    },
}

/// [`Layout::Access`] as a `strptime` format.
const ACCESS: &str = "%d/%b/%Y:%H:%M:%S %z";

impl Clock {
    /// Checks zone and formats; adds mistakes to `errors`.
    pub(super) fn new(config: &Config, errors: &mut Vec<Error>) -> Self {
        let name = &config.time_zone;
        let zone = if name == "UTC" { Ok(TimeZone::UTC) } else { TimeZone::get(name) };
        let zone = zone.unwrap_or_else(|_| {
            errors.push(Error::TimeZone { name: name.clone() });
            TimeZone::UTC
        });
        let mut layouts = Vec::with_capacity(config.time_formats.len());
        for (index, format) in config.time_formats.iter().enumerate() {
            match layout(format) {
                Ok(layout) => layouts.push(layout),
                Err(message) => errors.push(Error::TimeFormat { index, format: format.clone(), message }),
            }
        }
        Self { layouts, zone }
    }

    /// Parses a timestamp with the first of the configured layouts that fits.
    pub(super) fn read(&self, text: &[u8]) -> Option<i64> {
        let text = text.trim_ascii();
        if self.layouts.is_empty() {
            self.guess(text)
        } else {
            self.layouts.iter().find_map(|layout| self.read_as(layout, text))
        }
    }

    /// Parses a timestamp with any of the layouts that cannot be confused.
    pub(super) fn guess(&self, text: &[u8]) -> Option<i64> {
        match (text.get(2), text.get(4)) {
            (Some(b'/'), _) => access(text),
            (_, Some(b'-')) => self.rfc3339(text),
            _ => unix(text, unit(text)?),
        }
    }

    fn read_as(&self, layout: &Layout, text: &[u8]) -> Option<i64> {
        match layout {
            Layout::Rfc3339 => self.rfc3339(text),
            Layout::Access => access(text),
            Layout::Unix(unit) => unix(text, *unit),
            Layout::Custom { format, zoned } => {
                let parts = BrokenDownTime::parse(format, text).ok()?;
                if *zoned {
                    i64::try_from(parts.to_timestamp().ok()?.as_nanosecond()).ok()
                } else {
                    self.instant(parts.to_datetime().ok()?, None)
                }
            }
        }
    }

    fn rfc3339(&self, text: &[u8]) -> Option<i64> {
        let (stamp, mut rest) = text.split_at_checked(19)?;
        if [stamp[4], stamp[7], stamp[13], stamp[16]] != *b"--::" || !matches!(stamp[10], b'T' | b't' | b' ') {
            return None;
        }
        let mut nanosecond = 0;
        if let [b'.' | b',', decimals @ ..] = rest {
            let count = digits(decimals);
            if count == 0 {
                return None;
            }
            nanosecond = fraction(&decimals[..count], 9);
            rest = &decimals[count..];
        }
        if let [b' ', zone @ ..] = rest {
            rest = zone;
        }
        let offset = match rest {
            [] => None,
            [b'Z' | b'z'] => Some(0),
            _ => Some(offset(rest)?),
        };
        let year = i16::from(pair(stamp, 0)?) * 100 + i16::from(pair(stamp, 2)?);
        let clock = [pair(stamp, 11)?, pair(stamp, 14)?, pair(stamp, 17)?];
        self.instant(civil(year, pair(stamp, 5)?, pair(stamp, 8)?, clock, nanosecond)?, offset)
    }

    /// The instant at which a clock with this offset shows `when`; without one, the clock of the configured zone. In
    /// the hour that summer time skips or repeats, the offset before the change applies (RFC 5545, section 3.3.5).
    fn instant(&self, when: DateTime, offset: Option<i32>) -> Option<i64> {
        let instant = match offset {
            Some(seconds) => Offset::from_seconds(seconds).ok()?.to_timestamp(when),
            None => self.zone.to_timestamp(when),
        };
        i64::try_from(instant.ok()?.as_nanosecond()).ok()
    }
}

/// The layout of a configured format, tested by formatting an instant with it and parsing it again.
fn layout(format: &str) -> Result<Layout, String> {
    Ok(match format {
        "rfc3339" => Layout::Rfc3339,
        "unix" => Layout::Unix(9),
        "unix_ms" => Layout::Unix(6),
        "unix_us" => Layout::Unix(3),
        "unix_ns" => Layout::Unix(0),
        ACCESS => Layout::Access,
        _ if !format.contains('%') => {
            return Err(
                "expected rfc3339, unix, unix_ms, unix_us, unix_ns or a strptime format such as %Y-%m-%d %H:%M:%S"
                    .into(),
            );
        }
        _ => {
            let sample = jiff::Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
            let written = strtime::format(format, &sample).map_err(|error| error.to_string())?;
            let parts = BrokenDownTime::parse(format, &written).map_err(|error| error.to_string())?;
            let zoned = parts.to_timestamp().is_ok();
            if !zoned {
                parts.to_datetime().map_err(|_| "it does not give a full date (year, month, day)".to_owned())?;
            }
            Layout::Custom { format: format.to_owned(), zoned }
        }
    })
}

/// `12/Oct/2026:13:55:36 +0000`; also with a fraction of the second.
fn access(text: &[u8]) -> Option<i64> {
    let (text, mut rest) = text.split_first_chunk::<20>()?;
    if [text[2], text[6], text[11], text[14], text[17]] != *b"//:::" {
        return None;
    }
    let mut nanosecond = 0;
    if let [b'.' | b',', decimals @ ..] = rest {
        let count = digits(decimals);
        if count == 0 {
            return None;
        }
        nanosecond = fraction(&decimals[..count], 9);
        rest = &decimals[count..];
    }
    let zone: &[u8; 6] = rest.try_into().ok()?;
    let [b' ', zone @ ..] = zone else { return None };
    let month = match &text[3..6] {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    };
    let year = i16::from(pair(text, 7)?) * 100 + i16::from(pair(text, 9)?);
    let clock = [pair(text, 12)?, pair(text, 15)?, pair(text, 18)?];
    let when = civil(year, month, pair(text, 0)?, clock, nanosecond)?;
    let instant = Offset::from_seconds(offset(zone)?).ok()?.to_timestamp(when).ok()?;
    i64::try_from(instant.as_nanosecond()).ok()
}

/// A date and time that exist. A leap second counts as the second before it, as in the Unix epoch and in `jiff`.
fn civil(year: i16, month: i8, day: i8, [hour, minute, second]: [i8; 3], nanosecond: i32) -> Option<DateTime> {
    let second = if second == 60 { 59 } else { second };
    DateTime::new(year, month, day, hour, minute, second, nanosecond).ok()
}

/// The offset of `+hh:mm`, `+hhmm` or `+hh`, in seconds.
fn offset(text: &[u8]) -> Option<i32> {
    let minute = match text.len() {
        3 => 0,
        5 => pair(text, 3)?,
        6 if text[3] == b':' => pair(text, 4)?,
        _ => return None,
    };
    let hour = pair(text, 1)?;
    if hour > 23 || minute > 59 {
        return None;
    }
    let seconds = i32::from(hour) * 3600 + i32::from(minute) * 60;
    match text[0] {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
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

/// A decimal number of units of 10^`unit` nanoseconds.
fn unix(text: &[u8], unit: u32) -> Option<i64> {
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

/// The first `places` (at most 9) decimals as an integer; the rest is truncated.
fn fraction(decimals: &[u8], places: u32) -> i32 {
    let digit = |place: u32| decimals.get(place as usize).map_or(0, |digit| i32::from(digit - b'0'));
    (0..places).fold(0, |sum, place| sum * 10 + digit(place))
}

/// The two digits at `at`.
fn pair(text: &[u8], at: usize) -> Option<i8> {
    let digit = |at: usize| text.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0');
    i8::try_from(digit(at)? * 10 + digit(at + 1)?).ok()
}

#[cfg(test)]
mod tests;

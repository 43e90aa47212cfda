//! Parses timestamps into nanoseconds since the Unix epoch.
//!
//! Input: the text of a time field, or a text that begins with a time. Output: the instant, or nothing if it is not certain.
//! Common layouts are read digit by digit (`stamp`), numbers as Unix times (`epoch`). `jiff` handles dates, zones and every
//! other layout. A timestamp without a year is of the year that is nearest to now.

mod epoch;
mod partial;
mod stamp;
mod zones;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

use self::stamp::{Stamp, Zone};
use self::zones::{Named, Zones};
use super::number::digits;
use super::{Config, Error};

/// Parses the timestamps of one input.
pub(super) struct Clock {
    /// Tried in order; empty: guessed.
    layouts: Vec<Layout>,
    zones: Zones,
    /// The present time in nanoseconds; `None`: the machine's.
    now_ns: Option<i64>,
}

/// The layout of a timestamp.
#[derive(Debug)]
enum Layout {
    /// `2026-10-12T13:55:36.123Z`; also a blank for the `T`, a decimal comma, any or no zone.
    Rfc3339,
    /// A decimal number of units that are 10^n nanoseconds long.
    Unix(u32),
    /// A `strptime` format.
    Custom {
        format: String,
        /// The zone that its text names.
        zone: Option<Named>,
    },
}

/// A timestamp at the beginning of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its length in bytes.
    pub(super) len: usize,
    /// Nanoseconds since the epoch; `None`: there is no such time, or its zone is unknown.
    pub(super) time_ns: Option<i64>,
    /// Whether its year is written.
    pub(super) has_year: bool,
}

impl Clock {
    /// Checks zone and formats; adds mistakes to `errors`.
    pub(super) fn new(config: &Config, errors: &mut Vec<Error>) -> Self {
        let name = &config.time_zone;
        let zone = if name == "UTC" { Ok(TimeZone::UTC) } else { TimeZone::get(name) };
        let zone = zone.unwrap_or_else(|_| {
            errors.push(Error::TimeZone { name: name.clone() });
            TimeZone::UTC
        });
        let zones = Zones::new(zone);
        let mut layouts = Vec::with_capacity(config.time_formats.len());
        for (index, format) in config.time_formats.iter().enumerate() {
            match layout(format, &zones) {
                Ok(layout) => layouts.push(layout),
                Err(message) => errors.push(Error::TimeFormat { index, format: format.clone(), message }),
            }
        }
        Self { layouts, zones, now_ns: config.now_ns }
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
        self.stamp(text).or_else(|| epoch::guess(text))
    }

    /// Parses a timestamp that is no number.
    fn stamp(&self, text: &[u8]) -> Option<i64> {
        self.find(text).filter(|found| found.len == text.len())?.time_ns
    }

    /// Finds the timestamp that the text begins with.
    pub(super) fn find(&self, text: &[u8]) -> Option<Found> {
        let stamp = Stamp::read(text)?;
        let (zone, len) = match stamp.zone {
            Zone::None => (None, stamp.len),
            Zone::Offset(seconds) => (Some(Named::Offset(seconds)), stamp.len),
            Zone::Name(name) => match self.zones.named(name) {
                Some(zone) => (Some(zone), stamp.zoned_len),
                None => (None, stamp.len),
            },
        };
        Some(Found { len, time_ns: self.instant(&stamp, zone.as_ref()), has_year: stamp.year.is_some() })
    }

    fn instant(&self, stamp: &Stamp<'_>, zone: Option<&Named>) -> Option<i64> {
        let Stamp { year, month, day, clock, nanosecond, .. } = *stamp;
        let of_year = |year| {
            let when = civil(year, month, day, clock, nanosecond)?;
            self.zones.instant(when, zone)
        };
        match year {
            Some(year) => of_year(year),
            None => self.nearest(of_year),
        }
    }

    /// The instant nearest to now, of those of this year and the ones beside it.
    fn nearest(&self, of_year: impl Fn(i16) -> Option<i64>) -> Option<i64> {
        let now = self.now();
        let this = now.to_zoned_datetime(TimeZone::UTC).year();
        let now_ns = i64::try_from(now.as_nanosecond()).ok()?;
        (this - 1..=this + 1).filter_map(of_year).min_by_key(|instant| instant.abs_diff(now_ns))
    }

    /// The present time.
    fn now(&self) -> Timestamp {
        let fixed = self.now_ns.and_then(|now| Timestamp::from_nanosecond(i128::from(now)).ok());
        fixed.unwrap_or_else(Timestamp::now)
    }

    /// The present date in the configured zone.
    fn today(&self) -> Date {
        self.zones.date(self.now())
    }

    fn read_as(&self, layout: &Layout, text: &[u8]) -> Option<i64> {
        match layout {
            Layout::Rfc3339 => self.stamp(text).filter(|_| text.get(4) == Some(&b'-')),
            Layout::Unix(unit) => epoch::read(text, *unit),
            Layout::Custom { format, zone } => {
                let parts = BrokenDownTime::parse(format, text).ok()?;
                if let Ok(instant) = parts.to_timestamp() {
                    return i64::try_from(instant.as_nanosecond()).ok();
                }
                let instant = |parts: &BrokenDownTime| self.zones.instant(parts.to_datetime().ok()?, zone.as_ref());
                if parts.year().is_some() {
                    return instant(&parts);
                }
                self.nearest(|year| {
                    let mut parts = BrokenDownTime::parse(format, text).ok()?;
                    parts.set_year(Some(year)).ok()?;
                    instant(&parts)
                })
            }
        }
    }
}

/// The layout of a configured format, tested by formatting an instant with it and parsing it again.
fn layout(format: &str, zones: &Zones) -> Result<Layout, String> {
    Ok(match format {
        "rfc3339" => Layout::Rfc3339,
        "unix" => Layout::Unix(9),
        "unix_ms" => Layout::Unix(6),
        "unix_us" => Layout::Unix(3),
        "unix_ns" => Layout::Unix(0),
        _ if !format.contains('%') => {
            return Err(
                "expected rfc3339, unix, unix_ms, unix_us, unix_ns or a strptime format such as %Y-%m-%d %H:%M:%S"
                    .into(),
            );
        }
        _ => {
            let sample = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
            let written = strtime::format(format, &sample).map_err(|error| error.to_string())?;
            let mut parts = BrokenDownTime::parse(format, &written).map_err(|error| error.to_string())?;
            if parts.to_timestamp().is_err() {
                if parts.year().is_none() {
                    parts.set_year(Some(1970)).map_err(|error| error.to_string())?;
                }
                parts.to_datetime().map_err(|_| "it does not give a full date (month and day)".to_owned())?;
            }
            Layout::Custom { format: format.to_owned(), zone: zones.in_format(format)? }
        }
    })
}

/// Finds the Unix time that the text begins with: a number of as many digits as times of these years have.
pub(super) fn find_unix(text: &[u8]) -> Option<Found> {
    let is_part = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+');
    let len = text.iter().take(epoch::DIGITS_MAX).take_while(is_part).count();
    let is_whole = matches!(digits(&text[..len]), 1 | 10 | 13 | 16 | 19);
    let ends = text.get(len).is_none_or(|byte| matches!(byte, b' ' | b'\t' | b']' | b')' | b',' | b'"' | b'|'));
    let ends = ends || text[len..].starts_with(b": ");
    let time_ns = epoch::guess(&text[..len]).filter(|_| is_whole && ends)?;
    Some(Found { len, time_ns: Some(time_ns), has_year: true })
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

//! Zones of timestamps: the configured one, and those that a timestamp names.

use std::cell::RefCell;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// Abbreviations that loggers write. Most name several zones, so that only those of the configured zone can be read.
const ABBREVIATIONS: [&str; 40] = [
    "ACDT", "ACST", "ADT", "AEDT", "AEST", "AKDT", "AKST", "AST", "AWST", "BRT", "BST", "CAT", "CDT", "CEST", "CET",
    "CST", "EAT", "EDT", "EEST", "EET", "EST", "HKT", "HST", "IDT", "IST", "JST", "KST", "MDT", "MSK", "MST", "NZDT",
    "NZST", "PDT", "PHT", "PST", "SAST", "SGT", "WAT", "WEST", "WET",
];

/// The zone that a timestamp names.
#[derive(Clone, Debug)]
pub(super) enum Named {
    /// Seconds east of Greenwich.
    Offset(i32),
    /// One of the zone database.
    Zone(TimeZone),
    /// It is not known which one is meant.
    Unknown,
}

/// The zones of an input.
pub(super) struct Zones {
    /// For timestamps without a zone.
    configured: TimeZone,
    /// Abbreviations of the configured zone, and their seconds east of Greenwich.
    abbreviations: Vec<(Box<[u8]>, i32)>,
    /// The last zone that a timestamp named.
    last: RefCell<Option<(Vec<u8>, TimeZone)>>,
}

impl Zones {
    pub(super) fn new(configured: TimeZone) -> Self {
        let mut abbreviations: Vec<(Box<[u8]>, i32)> =
            ["UTC", "GMT", "UT"].map(|name| (name.as_bytes().into(), 0)).into();
        // Both halves of a recent year, for summer time.
        for second in [1_767_225_600, 1_782_864_000] {
            let Ok(instant) = Timestamp::new(second, 0) else { continue };
            let info = configured.to_offset_info(instant);
            let name = info.abbreviation().as_bytes();
            if name.iter().all(u8::is_ascii_uppercase) && !abbreviations.iter().any(|(known, _)| **known == *name) {
                abbreviations.push((name.into(), info.offset().seconds()));
            }
        }
        Self { configured, abbreviations, last: RefCell::new(None) }
    }

    /// The date of an instant in the configured zone.
    pub(super) fn date(&self, instant: Timestamp) -> Date {
        self.configured.to_datetime(instant).date()
    }

    /// The zone with this name; `None` if it is another word.
    pub(super) fn named(&self, name: &[u8]) -> Option<Named> {
        if let Some((_, seconds)) = self.abbreviations.iter().find(|(known, _)| **known == *name) {
            return Some(Named::Offset(*seconds));
        }
        if !name.contains(&b'/') {
            return ABBREVIATIONS.iter().any(|known| known.as_bytes() == name).then_some(Named::Unknown);
        }
        if let Some((known, zone)) = &*self.last.borrow()
            && *known == *name
        {
            return Some(Named::Zone(zone.clone()));
        }
        let zone = TimeZone::get(std::str::from_utf8(name).ok()?).ok()?;
        let mut last = self.last.borrow_mut();
        // The names of a log take turns: their buffer stays.
        let mut known = last.take().map_or_else(Vec::new, |(known, _)| known);
        known.clear();
        known.extend_from_slice(name);
        *last = Some((known, zone.clone()));
        Some(Named::Zone(zone))
    }

    /// The zone that the text of a `strptime` format names.
    ///
    /// # Errors
    /// It is not known which one is meant.
    pub(super) fn in_format(&self, format: &str) -> Result<Option<Named>, String> {
        let mut parts = format.split('%');
        let first = parts.next().unwrap_or_default();
        // The letter of a directive is no text.
        let texts =
            parts.map(|part| part.trim_start_matches(['-', '_', '0', '^', '#', '.', ':', '1', '2', '3', '6', '9']));
        let texts = texts.map(|part| part.get(1..).unwrap_or_default());
        for text in std::iter::once(first).chain(texts) {
            for word in text.split(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '/' | '_'))) {
                match self.named(word.as_bytes()) {
                    None => {}
                    Some(Named::Unknown) => {
                        return Err(format!(
                            "it is unclear which zone {word} is; set LOGSKIFF_TIME_ZONE to a zone that has this abbreviation"
                        ));
                    }
                    zone => return Ok(zone),
                }
            }
        }
        Ok(None)
    }

    /// The instant, in nanoseconds, at which clocks of the zone show `when`; of the configured zone if there is none. In the
    /// hour that summer time skips or repeats, the offset before the change applies (RFC 5545, section 3.3.5).
    pub(super) fn instant(&self, when: DateTime, zone: Option<&Named>) -> Option<i64> {
        let instant = match zone {
            Some(Named::Offset(seconds)) => Offset::from_seconds(*seconds).ok()?.to_timestamp(when),
            Some(Named::Zone(zone)) => zone.to_timestamp(when),
            Some(Named::Unknown) => return None,
            None => self.configured.to_timestamp(when),
        };
        i64::try_from(instant.ok()?.as_nanosecond()).ok()
    }
}

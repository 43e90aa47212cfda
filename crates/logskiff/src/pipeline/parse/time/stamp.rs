//! Reads the time stamp that a text begins with, in any common layout.
//!
//! Input: a text. Output: the parts of the stamp as they are written, and how long it is. A layout that can be read in two
//! ways, as `01/02/2026`, is none of them.

use super::super::number::digits;
use super::{fraction, pair};

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
const WEEKDAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
/// The blank that newer versions of Java write before `AM`: U+202F.
const NARROW_BLANK: &[u8] = "\u{202f}".as_bytes();
/// The longest name of a zone: `America/Argentina/ComodRivadavia`.
const ZONE_BYTES_MAX: usize = 32;

/// A stamp as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp<'t> {
    /// Its length without the zone's name.
    pub(super) len: usize,
    /// Its length with the zone's name.
    pub(super) zoned_len: usize,
    /// `None`: the year is not written.
    pub(super) year: Option<i16>,
    pub(super) month: i8,
    pub(super) day: i8,
    /// Hour, minute and second.
    pub(super) clock: [i8; 3],
    pub(super) nanosecond: i32,
    pub(super) zone: Zone<'t>,
}

/// The zone of a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone<'t> {
    /// It is not written.
    None,
    /// Seconds east of Greenwich.
    Offset(i32),
    /// A name or an abbreviation. It may be another word.
    Name(&'t [u8]),
}

/// A date without its time.
#[derive(Clone, Copy)]
struct Date {
    year: Option<i16>,
    month: i8,
    day: i8,
}

impl<'t> Stamp<'t> {
    /// Reads the stamp at the beginning of `text`.
    pub(super) fn read(text: &'t [u8]) -> Option<Self> {
        let mut cursor = Cursor { text, at: 0 };
        if text.first()?.is_ascii_digit() {
            return cursor.number_first();
        }
        cursor.word_first()
    }

    /// The year may be the last word: `Sat Nov 28 10:15:02.123456 2026`, `Sat Nov 28 10:15:02 CET 2026`.
    fn with_year_at_end(&mut self, text: &'t [u8]) {
        let mut after = Cursor { text, at: self.zoned_len };
        let year = after.eat(b" ").and_then(|()| after.fixed(4));
        if year.is_some() && !after.rest().first().is_some_and(|byte| matches!(byte, b':' | b'-' | b'.')) {
            (self.year, self.zoned_len) = (year, after.at);
            if !matches!(self.zone, Zone::Name(_)) {
                self.len = after.at;
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t [u8] {
        &self.text[self.at..]
    }

    fn eat(&mut self, text: &[u8]) -> Option<()> {
        self.rest().starts_with(text).then(|| self.at += text.len())
    }

    /// One of these bytes.
    fn eat_any(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = *self.rest().first().filter(|byte| bytes.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    /// A number of exactly this many digits.
    fn fixed(&mut self, count: usize) -> Option<i16> {
        if digits(self.rest().get(..(count + 1).min(self.rest().len()))?) != count {
            return None;
        }
        let number = self.rest()[..count].iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0'));
        self.at += count;
        Some(number)
    }

    /// A number of one or two digits.
    fn short(&mut self) -> Option<i8> {
        let count = digits(&self.rest()[..self.rest().len().min(3)]);
        i8::try_from(self.fixed(Some(count).filter(|count| (1..=2).contains(count))?)?).ok()
    }

    /// A number of two digits that may be followed by more.
    fn two(&mut self) -> Option<i8> {
        let number = pair(self.rest(), 0)?;
        self.at += 2;
        Some(number)
    }

    fn name(&mut self, names: &[&[u8; 3]]) -> Option<i8> {
        let first = self.rest().first_chunk::<3>()?;
        let at = names.iter().position(|name| *name == first)?;
        self.at += 3;
        i8::try_from(at + 1).ok()
    }

    fn month(&mut self) -> Option<i8> {
        self.name(&MONTHS)
    }

    /// A blank, and perhaps a second one before a number of one digit.
    fn blank(&mut self) -> Option<()> {
        self.eat(b" ")?;
        let _ = self.eat(b" ");
        Some(())
    }

    fn number_first(&mut self) -> Option<Stamp<'t>> {
        let count = digits(&self.text[..self.text.len().min(9)]);
        match (count, self.text.get(count)?) {
            (4, b'-' | b'/' | b'.') => self.year_first(),
            (8, b'T') => self.basic(),
            (6 | 8, b' ') => self.compact(count),
            (1..=2, b'/') if self.text.get(count + 1)?.is_ascii_digit() => self.short_year_first(),
            (1..=2, b'/' | b'-' | b' ') => self.day_first(),
            _ => None,
        }
    }

    /// `2026-11-28T10:15:02`, also with `/` or `.`, and with a blank, `_` or `:` before the time.
    fn year_first(&mut self) -> Option<Stamp<'t>> {
        let year = Some(self.fixed(4)?);
        let separator = self.eat_any(b"-/.")?;
        let month = self.two()?;
        self.eat(&[separator])?;
        let day = self.two()?;
        self.eat_any(b"Tt _:")?;
        // One blank more before an hour of one digit.
        if self.rest().first() == Some(&b' ') && self.rest().get(2) == Some(&b':') {
            self.at += 1;
        }
        self.with_time(Date { year, month, day })
    }

    /// `20261128T101502Z`.
    fn basic(&mut self) -> Option<Stamp<'t>> {
        let (century, of_century) = (self.two()?, self.two()?);
        let year = Some(i16::from(century) * 100 + i16::from(of_century));
        let (month, day) = (self.two()?, self.two()?);
        self.eat(b"T")?;
        let clock = [self.two()?, self.two()?, self.two()?];
        self.with_clock(Date { year, month, day }, clock)
    }

    /// `261128 10:15:02`, `20261128 10:15:02`, `261128 101502 88 INFO`; one blank more before an hour of one digit.
    fn compact(&mut self, count: usize) -> Option<Stamp<'t>> {
        let century = if count == 8 { self.two()? } else { 20 };
        let year = Some(i16::from(century) * 100 + i16::from(self.two()?));
        let (month, day) = (self.two()?, self.two()?);
        // Else it is another number.
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        self.blank()?;
        let date = Date { year, month, day };
        if digits(&self.rest()[..self.rest().len().min(7)]) == 6 {
            let clock = [self.two()?, self.two()?, self.two()?];
            // Else it is another number.
            return if is_process_and_level(self.rest()) { self.with_clock(date, clock) } else { None };
        }
        self.with_time(date)
    }

    /// `26/11/28 10:15:02`.
    fn short_year_first(&mut self) -> Option<Stamp<'t>> {
        let year = Some(2000 + self.fixed(2)?);
        self.eat(b"/")?;
        let month = self.two()?;
        self.eat(b"/")?;
        let day = self.two()?;
        self.eat(b" ")?;
        self.with_time(Date { year, month, day })
    }

    /// `28/Nov/2026:10:15:02`, `28-Nov-2026 10:15:02`, `28 Nov 2026 10:15:02`.
    fn day_first(&mut self) -> Option<Stamp<'t>> {
        let day = self.short()?;
        let separator = self.eat_any(b"/- ")?;
        let month = self.month()?;
        self.eat(&[separator])?;
        let year = Some(self.fixed(4)?);
        self.eat_any(b": ")?;
        self.with_time(Date { year, month, day })
    }

    fn word_first(&mut self) -> Option<Stamp<'t>> {
        if self.name(&WEEKDAYS).is_some() {
            if self.eat(b", ").is_some() {
                return self.day_first();
            }
            self.eat(b" ")?;
        }
        if let Some(month) = self.month() {
            self.blank()?;
            return self.month_first(month);
        }
        self.letter_first()
    }

    /// What follows `Nov `: `28 10:15:02`, also with the year after it; `28 2026 10:15:02`, `28, 2026 10:15:02 AM`.
    fn month_first(&mut self, month: i8) -> Option<Stamp<'t>> {
        let day = self.short()?;
        let comma = self.eat(b",").is_some();
        self.eat(b" ")?;
        let year = self.fixed(4);
        if comma && year.is_none() {
            return None;
        }
        if year.is_some() {
            let _ = self.eat(b",");
            self.eat(b" ")?;
        }
        let mut stamp = self.with_time(Date { year, month, day })?;
        if year.is_none() {
            stamp.with_year_at_end(self.text);
        }
        Some(stamp)
    }

    /// `E1128 10:15:02.123456` of klog, `E20261128 10:15:02.123456` of glog.
    fn letter_first(&mut self) -> Option<Stamp<'t>> {
        self.eat_any(b"IWEFDVT")?;
        let year = match digits(&self.rest()[..self.rest().len().min(9)]) {
            4 => None,
            8 => Some(i16::from(self.two()?) * 100 + i16::from(self.two()?)),
            _ => return None,
        };
        let (month, day) = (self.two()?, self.two()?);
        self.eat(b" ")?;
        self.with_time(Date { year, month, day })
    }

    /// `10:15:02`, and what may follow it.
    fn with_time(&mut self, date: Date) -> Option<Stamp<'t>> {
        let hour = self.short()?;
        self.eat(b":")?;
        let minute = self.two()?;
        self.eat(b":")?;
        let second = self.two()?;
        self.with_clock(date, [hour, minute, second])
    }

    /// A fraction of the second, `AM` or `PM`, and the zone.
    fn with_clock(&mut self, date: Date, mut clock: [i8; 3]) -> Option<Stamp<'t>> {
        let Date { year, month, day } = date;
        if self.rest().first().is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let nanosecond = self.fraction();
        self.half_of_day(&mut clock)?;
        let before = self.at;
        let zone = self.zone();
        let len = if matches!(zone, Zone::Name(_)) { before } else { self.at };
        Some(Stamp { len, zoned_len: self.at, year, month, day, clock, nanosecond, zone })
    }

    fn fraction(&mut self) -> i32 {
        let [b'.' | b',', decimals @ ..] = self.rest() else { return 0 };
        let count = digits(decimals);
        self.at += if count > 0 { count + 1 } else { 0 };
        fraction(&decimals[..count], 9)
    }

    /// ` AM` or ` PM`: `None` if the hour has no such half.
    fn half_of_day(&mut self, clock: &mut [i8; 3]) -> Option<()> {
        let rest = self.rest();
        let after = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(NARROW_BLANK)).unwrap_or_default();
        let is_after_noon = match after.first_chunk() {
            Some(b"AM") => false,
            Some(b"PM") => true,
            _ => return Some(()),
        };
        if after.get(2).is_some_and(u8::is_ascii_alphanumeric) {
            return Some(());
        }
        self.at += rest.len() - after.len() + 2;
        if !(1..=12).contains(&clock[0]) {
            return None;
        }
        clock[0] = clock[0] % 12 + if is_after_noon { 12 } else { 0 };
        Some(())
    }

    fn zone(&mut self) -> Zone<'t> {
        let start = self.at;
        let is_apart = self.eat(b" ").is_some();
        let found = self.offset(is_apart).or_else(|| self.zone_name());
        let Some(zone) = found else {
            self.at = start;
            return Zone::None;
        };
        // The name of a zone whose offset stands before it.
        let named = self.rest().strip_prefix(b"[").map_or(0, zone_bytes);
        if named > 0 && self.rest().get(named + 1) == Some(&b']') {
            self.at += named + 2;
        }
        zone
    }

    /// `Z`, `+01:00`, `+0100`, `+01`.
    fn offset(&mut self, is_apart: bool) -> Option<Zone<'t>> {
        let rest = self.rest();
        let (seconds, len) = match rest {
            [b'Z' | b'z', after @ ..] if !after.first().is_some_and(u8::is_ascii_alphanumeric) => (0, 1),
            [b'+' | b'-', after @ ..] => {
                let len = match (digits(&after[..after.len().min(5)]), after.get(2)) {
                    (4, _) => 5,
                    (2, Some(b':')) => 6,
                    (2, after) if !is_apart || after.is_none() => 3,
                    _ => return None,
                };
                (super::offset(rest.get(..len)?)?, len)
            }
            _ => return None,
        };
        self.at += len;
        Some(Zone::Offset(seconds))
    }

    /// `UTC`, `CET`, `Europe/Berlin`, `[Europe/Berlin]`.
    fn zone_name(&mut self) -> Option<Zone<'t>> {
        let bracket = usize::from(self.rest().first() == Some(&b'['));
        let name = &self.rest()[bracket..];
        let name = &name[..zone_bytes(name)];
        let is_abbreviation = (3..=5).contains(&name.len()) && name.iter().all(u8::is_ascii_uppercase);
        let is_place = name.contains(&b'/') && name[0].is_ascii_uppercase();
        let closes = bracket == 0 || self.rest().get(bracket + name.len()) == Some(&b']');
        if !(is_place || is_abbreviation && bracket == 0) || !closes {
            return None;
        }
        self.at += name.len() + 2 * bracket;
        Some(Zone::Name(name))
    }
}

/// Whether the number of a process and a level follow.
fn is_process_and_level(after: &[u8]) -> bool {
    let Some(after) = after.strip_prefix(b" ") else { return false };
    let number = digits(after);
    let Some(after) = after[number..].strip_prefix(b" ").filter(|_| number > 0) else { return false };
    let levels: [&[u8]; 6] = [b"INFO ", b"WARN ", b"ERROR ", b"FATAL ", b"DEBUG ", b"TRACE "];
    levels.iter().any(|level| after.starts_with(level))
}

/// The length of a word that may name a zone.
fn zone_bytes(text: &[u8]) -> usize {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+');
    text.iter().take(ZONE_BYTES_MAX + 1).take_while(is_part).count()
}

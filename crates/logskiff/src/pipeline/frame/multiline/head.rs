//! Heads: the shapes of stamps, levels and prefixes that the events of a file begin with.
//!
//! A shape is a hash of a line's beginning up to the end of its stamp, where a number counts by its length and a word as a
//! word: `2026-11-29 23:24:42` and `2026-11-30 01:00:00` have one shape, `11/29/26 23:24:42` has another.

use super::key::{is_access, is_clf_stamp};
use super::level::{is_word, level};
use super::text::{Text, after_digits, digits, has_any, is_blank, letters};

/// Bytes of a line that may belong to its head: a stamp after an address and a user (access logs).
const HEAD_BYTES: usize = 64;

/// How sure it is that a head is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A stamp.
    Stamp,
    /// A priority of syslog.
    Priority,
    /// A level at the start of the line.
    Level,
    /// A line of an access log, which is whole by itself.
    Access,
    /// It is a head if it is seen often: a stamp after a name, a number in brackets.
    Weak,
    /// A stamp in a text. Nothing joins it for want of a head.
    Stray,
}

/// What a line begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Never 0.
    pub(super) shape: u32,
    /// Where the head ends in [`Text::start`].
    pub(super) end: usize,
}

/// The shape of `<13>`.
const PRIORITY_SHAPE: u32 = 1;
/// Shapes of [`Scan`] are at least this.
const SCANNED: u32 = 8;
/// The shape of all lines of access logs.
const ACCESS_SHAPE: u32 = 2;

impl Head {
    /// Whether a line's beginning up to the head's end is all that the head depends on.
    pub(super) fn is_local(&self) -> bool {
        self.kind == Kind::Priority || self.kind == Kind::Stamp && self.shape >= SCANNED
    }
}

/// The head of a line, if it has one.
pub(super) fn find(text: &Text<'_>) -> Option<Head> {
    let start = text.start();
    let opens = matches!(text.body().first(), Some(b'<' | b'['));
    if !opens && !has_stamp_digits(&start[..start.len().min(HEAD_BYTES)]) {
        return level_first(text);
    }
    if is_access(text.line) {
        return Some(Head { kind: Kind::Access, shape: ACCESS_SHAPE, end: 0 });
    }
    if let Some(head) = priority(start) {
        return Some(head);
    }
    if let Some(head) = level_first(text) {
        return Some(head);
    }
    let stamp = if text.indent >= HEAD_BYTES { None } else { Scan::new(text).run() };
    match (stamp, access(start)) {
        // A stamp before the bracket of an access log.
        (Some(stamp), Some(access)) if stamp.kind == Kind::Stamp && stamp.end < access.end => Some(stamp),
        (stamp, access) => access.or(stamp),
    }
}

/// Whether three bytes stand there that every stamp has some of: digits, or a separator between two of them.
fn has_stamp_digits(text: &[u8]) -> bool {
    // `-`, `.` and `/`, the digits, and `:` stand side by side in ASCII.
    let is_joint = |byte: &u8| (b'-'..=b':').contains(byte);
    let triples = text.iter().zip(text.iter().skip(1)).zip(text.iter().skip(2));
    has_any(text.iter(), u8::is_ascii_digit)
        && has_any(triples, |((first, second), third)| {
            first.is_ascii_digit() & is_joint(second) & third.is_ascii_digit()
        })
}

/// `<13>` of syslog.
fn priority(start: &[u8]) -> Option<Head> {
    let rest = after_digits(start.strip_prefix(b"<")?)?;
    let end = start.len() - rest.len() + 1;
    (rest.first() == Some(&b'>') && end <= 5).then_some(Head { kind: Kind::Priority, shape: PRIORITY_SHAPE, end })
}

/// `192.0.2.7 - user [29/Nov/2026:09:00:00`, with an address, name and user of any kind.
fn access(start: &[u8]) -> Option<Head> {
    let bracket = memchr::memchr_iter(b'[', start).find(|at| start[..*at].ends_with(b" "))? - 1;
    let before = &start[..bracket];
    let words = before.split(|byte| *byte == b' ').count();
    let whole = is_clf_stamp(&start[bracket + 2..]) && (3..=4).contains(&words) && !before.starts_with(b" ");
    whole.then_some(Head { kind: Kind::Access, shape: ACCESS_SHAPE, end: bracket + 13 })
}

/// A level at the very start, as `INFO:name:`, `WARN  text`, `[ERROR] text`, `info: Category[0]`, `level=info`.
fn level_first(text: &Text<'_>) -> Option<Head> {
    word_first(text, |word| level(word).is_some())
}

/// The same of a configured level. `levels` are in lower case.
pub(super) fn configured_first(text: &Text<'_>, levels: &[String]) -> Option<Head> {
    word_first(text, |word| levels.iter().any(|level| level.as_bytes().eq_ignore_ascii_case(word)))
}

fn word_first(text: &Text<'_>, is_level: impl Fn(&[u8]) -> bool) -> Option<Head> {
    let start = text.start();
    let (open, rest) = match start.first()? {
        b'[' => (1, &start[1..]),
        byte if byte.is_ascii_alphabetic() => (0, start),
        _ => return None,
    };
    let key = usize::from(rest.starts_with(b"level=")) * b"level=".len();
    let rest = &rest[key..];
    let quote = usize::from(key > 0 && rest.first() == Some(&b'"'));
    let count = letters(&rest[quote..]);
    let word = &rest[quote..][..count];
    if word.is_empty() || !is_level(word) {
        return None;
    }
    let after_word = &rest[quote + count..];
    let next = after_word.trim_ascii_start();
    let end = open + key + quote + count;
    let upper = word.iter().all(u8::is_ascii_uppercase);
    let lower = word.iter().all(u8::is_ascii_lowercase) && !is_word(word);
    if !upper && !lower || level(&next[..letters(next)]).is_some() {
        // `Error: text` is an exception, `FATAL ERROR: text` the text of one.
        return None;
    }
    let after = start.get(end).copied().unwrap_or(b'\n');
    let known = match after {
        b':' if start.get(end + 1).is_none_or(|byte| !byte.is_ascii_digit()) => true,
        b']' => open == 1,
        b' ' | b'\t' => open == 0 && (upper || key > 0),
        b'[' | b'|' => open == 0 && upper,
        b'"' => quote == 1,
        _ => false,
    };
    // A stamp after the level in brackets is part of the head: `INFO[2026-11-29T23:54:36Z]`.
    let kind = if !upper && after == b':' && text.last() == b']' { Kind::Stamp } else { Kind::Level };
    known.then(|| Head { kind, shape: 3 + u32::from(open == 1) + 2 * u32::from(key > 0), end })
}

/// Reads a line's beginning until its stamp ends.
struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    hash: u32,
    /// Words before the stamp that are neither a level, a month nor the key of a stamp.
    words: u32,
    /// One of these words is the key of a value, `Date: `, or no log has such a head.
    is_text: bool,
    has_date: bool,
}

impl<'t> Scan<'t> {
    fn new(text: &Text<'t>) -> Self {
        let bytes = text.start();
        let bytes = &bytes[..bytes.len().min(HEAD_BYTES)];
        let indented = u8::from(text.indent > 0);
        let mut scan = Self { bytes, at: text.indent, hash: 0x811c_9dc5, words: 0, is_text: false, has_date: false };
        scan.add(indented);
        scan
    }

    fn add(&mut self, class: u8) {
        self.hash = (self.hash ^ u32::from(class)).wrapping_mul(0x0100_0193);
    }

    fn rest(&self) -> &'t [u8] {
        &self.bytes[self.at..]
    }

    fn head(&self, kind: Kind) -> Head {
        let kind = match kind {
            Kind::Stamp if self.is_text || self.words > 1 => Kind::Stray,
            Kind::Stamp if self.words > 0 => Kind::Weak,
            kind => kind,
        };
        Head { kind, shape: self.hash | SCANNED, end: self.at }
    }

    fn run(mut self) -> Option<Head> {
        let first = self.at;
        if let Some(head) = self.number_in_brackets() {
            return Some(head);
        }
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte.is_ascii_digit() {
                if let Some(head) = self.number(first) {
                    return Some(head);
                }
            } else if byte.is_ascii_alphabetic() {
                self.word()?;
            } else {
                self.punctuation(byte);
            }
        }
        self.has_date.then(|| self.head(Kind::Weak))
    }

    /// `[   12.345678]` of the kernel, `[1795994682000]` of pino, and `[4711]`, which may be anything.
    fn number_in_brackets(&mut self) -> Option<Head> {
        let rest = self.rest().strip_prefix(b"[")?;
        let blanks = rest.iter().take_while(|byte| is_blank(**byte)).count();
        let count = digits(&rest[blanks..]);
        let after = &rest[blanks + count..];
        let fraction = after.strip_prefix(b".").map_or(0, digits);
        let after = if fraction > 0 { &after[fraction + 1..] } else { after };
        if count == 0 || after.first() != Some(&b']') {
            return None;
        }
        let sure = fraction >= 3 || matches!(count, 10 | 13);
        if !sure && after.get(2) == Some(&b'[') {
            // `[4711] [2026-11-29 …]`.
            return None;
        }
        self.add(if sure { b'K' } else { b'P' });
        self.at += 2 + self.rest().len() - 1 - after.len();
        Some(self.head(if sure { Kind::Stamp } else { Kind::Weak }))
    }

    /// Reads a number, or the rest of a date. Some when a stamp ends here.
    fn number(&mut self, first: usize) -> Option<Head> {
        let rest = self.rest();
        let count = digits(rest);
        if let Some(len) = time(rest) {
            self.add(b't');
            self.at += len;
            let sure = len >= 7 || self.has_date;
            let kind = if sure { Kind::Stamp } else { Kind::Stray };
            return Some(self.head(kind));
        }
        if let Some((len, class)) = date(rest) {
            self.add(class);
            self.at += len;
            self.has_date = true;
            return None;
        }
        let opening = self.at == first || matches!(self.bytes[self.at - 1], b'[' | b'=' | b'"' | b'(');
        if let Some(len) = epoch(rest, count).filter(|_| opening) {
            self.add(b'e');
            self.at += len;
            return Some(self.head(Kind::Stamp));
        }
        self.add(match count {
            1..=3 => b'd',
            4 => b'y',
            _ => b'n',
        });
        self.at += count;
        None
    }

    /// Reads a word. None if there are too many for a head.
    fn word(&mut self) -> Option<()> {
        let rest = self.rest();
        let count = letters(rest);
        let word = &rest[..count];
        let joins_digits = self.at > 0 && self.bytes[self.at - 1].is_ascii_digit();
        let class = if word[0].is_ascii_uppercase() && level(word).is_some() {
            b'L'
        } else if count == 1 && joins_digits {
            b'T'
        } else {
            if !(count == 1 || is_month(rest) || is_stamp_key(rest, &self.bytes[..self.at])) {
                self.words += 1;
                self.is_text |= rest.get(count) == Some(&b':');
            }
            b'a'
        };
        self.add(class);
        self.at += count;
        (self.words <= 3).then_some(())
    }

    fn punctuation(&mut self, byte: u8) {
        if is_blank(byte) {
            let blanks = self.rest().iter().take_while(|byte| is_blank(**byte)).count();
            self.at += blanks;
            self.add(b' ');
        } else {
            // `?` stands for no terminal in a list of processes.
            self.is_text |= byte == b'?';
            self.add(byte);
            self.at += 1;
        }
    }
}

/// `HH:MM` and perhaps `:SS`: its length.
fn time(text: &[u8]) -> Option<usize> {
    let hours = digits(text);
    let minutes = text.get(hours + 1..)?;
    if !(1..=2).contains(&hours) || text[hours] != b':' || digits(minutes) != 2 {
        return None;
    }
    let seconds = minutes.get(3..).filter(|rest| minutes[2] == b':' && digits(rest) == 2);
    if minutes.get(2) == Some(&b':') && seconds.is_none() {
        return None;
    }
    Some(hours + 3 + if seconds.is_some() { 3 } else { 0 })
}

/// Digits, `-`, `/` or `.`, digits, the same, digits: its length, and its class by the separator and the place of the year.
fn date(text: &[u8]) -> Option<(usize, u8)> {
    let first = digits(text);
    let separator = *text.get(first).filter(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
    let rest = &text[first + 1..];
    let second = digits(rest);
    let last = rest.get(second + 1..).filter(|_| rest[second] == separator)?;
    let third = digits(last);
    let class = match (first, second, third) {
        (4, 1..=2, 1..=2) => 0,
        (1..=2, 1..=2, 4) => 1,
        (1..=2, 1..=2, 2) if separator != b'.' => 2,
        _ => return None,
    };
    let after = last.get(third).copied().unwrap_or(b' ');
    (after != separator).then_some((first + second + third + 2, separator ^ (class << 6)))
}

/// Seconds or milliseconds since 1970, perhaps in scientific notation: the length.
fn epoch(text: &[u8], count: usize) -> Option<usize> {
    let after = &text[count..];
    // An address has leading zeros.
    if matches!(count, 10 | 13 | 16 | 19) && text[0] != b'0' {
        let ends = after.first().is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'.' | b']' | b':' | b',' | b'|'));
        return ends.then_some(count);
    }
    let fraction = digits(after.strip_prefix(b".")?);
    let scientific = count == 1 && fraction > 3 && after[1 + fraction..].starts_with(b"e+");
    scientific.then_some(count + 1 + fraction + 2)
}

/// Whether the word is followed or could be followed by a day or a year: `Nov 29`, `Sun Nov 29`, `29-Nov-2026`, `nov. 29`.
fn is_month(text: &[u8]) -> bool {
    let count = letters(text);
    let after = &text[count..];
    let after = after.strip_prefix(b".").or_else(|| after.strip_prefix(b",")).unwrap_or(after);
    let Some(after) = after.first().filter(|byte| matches!(byte, b' ' | b'-' | b'/')).map(|_| &after[1..]) else {
        return false;
    };
    let after = after.strip_prefix(b" ").unwrap_or(after);
    let day = count == 3 && letters(after) == 3 && digits(after.get(4..).unwrap_or(b"")) > 0;
    count == 3 && digits(after) > 0 || day
}

/// A key before a stamp: `time=`, `"ts":`, `# Time: `; not `Date: `.
fn is_stamp_key(text: &[u8], before: &[u8]) -> bool {
    let count = letters(text);
    let word = &text[..count];
    let known = [&b"time"[..], b"ts", b"timestamp", b"date", b"datetime", b"at", b"t"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name));
    known && (matches!(text.get(count), Some(b'=' | b'"')) || before == b"# " && text.get(count) == Some(&b':'))
}

//! Heads: the shapes of stamps, levels and prefixes that the events of a file begin with.
//!
//! A shape is a hash of a line's beginning up to the end of its stamp, where a number counts by its length and a word as a
//! word: `2026-11-29 23:24:42` and `2026-11-30 01:00:00` have one shape, `11/29/26 23:24:42` has another.

use super::text::{Text, after_digits, digits, is_blank, letters, position};

/// Bytes of a line that may belong to its head: a stamp after an address and a user (access logs).
const HEAD_BYTES: usize = 64;
/// Bytes that [`fast_key`] looks at.
const KEY_BYTES: usize = 16;

/// How sure it is that a head is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A stamp, a level or a priority, which begins a record wherever it stands.
    Stamp,
    /// A level at the start of the line.
    Level,
    /// A line of an access log, which is whole by itself.
    Access,
    /// Something that might be a head: a stamp after words, a number in brackets. Nothing joins it for want of a head.
    Weak,
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

/// A key of the line's first bytes, equal for lines that surely have the same head: digits and blanks are alike, and so are
/// addresses before ` - `. 0 if there is none. It costs some 30 instructions.
#[inline]
pub(super) fn fast_key(line: &[u8]) -> u32 {
    let Some(bytes) = line.first_chunk::<KEY_BYTES>() else { return 0 };
    if bytes[1] == b'.' || bytes[2] == b'.' || bytes[3] == b'.' {
        return address_key(line, bytes);
    }
    let mut same = [0; KEY_BYTES];
    for (to, &byte) in same.iter_mut().zip(bytes) {
        *to = if byte.wrapping_sub(b'0') < 10 || byte == b' ' { b'0' } else { byte };
    }
    let all = u128::from_le_bytes(same);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    let (low, high) = (all as u64, (all >> 64) as u64);
    let mixed = (low ^ high.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    #[expect(clippy::cast_possible_truncation, reason = "the upper half was taken")]
    let key = (mixed >> 32) as u32;
    key | 1
}

/// One key for all lines that begin with an address and ` - `.
#[inline]
fn address_key(line: &[u8], bytes: &[u8; KEY_BYTES]) -> u32 {
    let blanks = u128::from_le_bytes(*bytes) ^ u128::from_le_bytes([b' '; KEY_BYTES]);
    let found =
        blanks.wrapping_sub(u128::from_le_bytes([1; KEY_BYTES])) & !blanks & u128::from_le_bytes([0x80; KEY_BYTES]);
    let blank = (found.trailing_zeros() / 8) as usize;
    let is_address = line.get(blank..blank + 3) == Some(b" - ") && bytes[0].is_ascii_digit();
    if is_address { 2 } else { 0 }
}

/// The head of a line, if it has one.
pub(super) fn find(text: &Text<'_>) -> Option<Head> {
    let start = text.start();
    if let Some(head) = priority(start) {
        return Some(head);
    }
    if let Some(head) = level_first(text) {
        return Some(head);
    }
    if let Some(head) = access(start) {
        return Some(head);
    }
    Scan::new(text).run()
}

/// `<13>` of syslog.
fn priority(start: &[u8]) -> Option<Head> {
    let rest = after_digits(start.strip_prefix(b"<")?)?;
    let end = start.len() - rest.len() + 1;
    (rest.first() == Some(&b'>') && end <= 5).then_some(Head { kind: Kind::Stamp, shape: 1, end })
}

/// `192.0.2.7 - user [29/Nov/2026:09:00:00`, with an address, name and user of any kind.
fn access(start: &[u8]) -> Option<Head> {
    let bracket = position(&start[..start.len().min(4 * HEAD_BYTES)], b" [")?;
    let before = &start[..bracket];
    let words = before.split(|byte| *byte == b' ').count();
    let date = &start[bracket + 2..];
    let clf =
        date.len() > 20 && [2, 6].iter().all(|at| date[*at] == b'/') && [11, 14, 17].iter().all(|at| date[*at] == b':');
    let clf = clf && digits(date) == 2 && letters(&date[3..]) == 3 && digits(&date[7..]) == 4;
    let whole = clf && (3..=4).contains(&words) && !before.starts_with(b" ");
    whole.then_some(Head { kind: Kind::Access, shape: 2, end: bracket + 22 })
}

/// Words for levels, and whether they tell of a failure. Upper case is matched too.
const LEVELS: &[(&[u8], bool)] = &[
    (b"info", false),
    (b"error", true),
    (b"warn", true),
    (b"warning", true),
    (b"debug", false),
    (b"trace", false),
    (b"fatal", true),
    (b"critical", true),
    (b"notice", false),
    (b"severe", true),
    (b"config", false),
    (b"fine", false),
    (b"finer", false),
    (b"finest", false),
    (b"fail", true),
    (b"crit", true),
    (b"trce", false),
    (b"dbug", false),
    (b"err", true),
    (b"erro", true),
    (b"debu", false),
    (b"trac", false),
    (b"fata", true),
    (b"pani", true),
    (b"panic", true),
    (b"inf", false),
    (b"wrn", true),
    (b"dbg", false),
    (b"trc", false),
    (b"vrb", false),
    (b"ftl", true),
    (b"alert", true),
    (b"emerg", true),
    (b"emergency", true),
    (b"verbose", false),
    (b"success", false),
    (b"log", false),
    (b"exception", true),
];

/// Whether the word is a level, and one of a failure.
fn level(word: &[u8]) -> Option<bool> {
    if !(3..=9).contains(&word.len()) {
        return None;
    }
    LEVELS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, fails)| *fails)
}

/// A level at the very start, as `INFO:name:`, `WARN  text`, `[ERROR] text`, `info: Category[0]`, `level=info`.
fn level_first(text: &Text<'_>) -> Option<Head> {
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
    level(word)?;
    let end = open + key + quote + count;
    let upper = word.iter().all(u8::is_ascii_uppercase);
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
    known.then(|| Head { kind: Kind::Level, shape: 3 + u32::from(open == 1) + 2 * u32::from(key > 0), end })
}

/// What the head and the words after it tell of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Unknown,
    Low,
    High,
}

/// The severity that a headed line names: by its first word that is a level, else by words for failures.
pub(super) fn severity(text: &Text<'_>) -> Severity {
    let start = text.start();
    let words = start.split(|byte| !byte.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    for word in words.take(12) {
        let cased = word.iter().all(u8::is_ascii_uppercase) || word.iter().all(u8::is_ascii_lowercase);
        if let Some(fails) = level(word).filter(|_| cased) {
            return if fails { Severity::High } else { Severity::Low };
        }
    }
    if is_klog(start) {
        return if start[0] == b'I' { Severity::Low } else { Severity::High };
    }
    let fails = |word: &str| text.has(word);
    let words = ["fail", "Fail", "rror", "xception", "panic", "abort", "crash", "not be "];
    if words.iter().any(|word| fails(word)) { Severity::High } else { Severity::Unknown }
}

fn is_klog(start: &[u8]) -> bool {
    matches!(start.first(), Some(b'I' | b'W' | b'E' | b'F')) && digits(&start[1..]) == 4
}

/// Reads a line's beginning until its stamp ends.
struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    hash: u32,
    /// Words before the stamp that are neither a level, a month nor the key of a stamp.
    words: u32,
    has_date: bool,
}

impl<'t> Scan<'t> {
    fn new(text: &Text<'t>) -> Self {
        let bytes = text.start();
        let bytes = &bytes[..bytes.len().min(HEAD_BYTES)];
        let indented = u8::from(text.indent > 0);
        let mut scan = Self { bytes, at: text.indent, hash: 0x811c_9dc5, words: 0, has_date: false };
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
        let kind = if self.words > 0 { Kind::Weak } else { kind };
        Head { kind, shape: self.hash | 8, end: self.at }
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
        let fraction = after.strip_prefix(b".").map_or(0, |after| digits(after));
        let after = if fraction > 0 { &after[fraction + 1..] } else { after };
        if count == 0 || after.first() != Some(&b']') || (after.len() > 2 && after.get(2) == Some(&b'[')) {
            return None;
        }
        let sure = fraction >= 3 || matches!(count, 10 | 13);
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
            return Some(self.head(if sure { Kind::Stamp } else { Kind::Weak }));
        }
        if let Some((len, class)) = date(rest) {
            self.add(class);
            self.at += len;
            self.has_date = true;
            return None;
        }
        let opening = self.at == first || matches!(self.bytes[self.at - 1], b'[' | b'=' | b'"' | b'(');
        if opening && is_epoch(rest, count) {
            self.add(b'e');
            self.at += count;
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
        let class = if level(word).is_some() {
            b'L'
        } else if count == 1 && joins_digits {
            b'T'
        } else {
            if !(count == 1 || is_month(rest) || is_stamp_key(rest)) {
                self.words += 1;
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

/// Seconds or milliseconds since 1970, perhaps in scientific notation.
fn is_epoch(text: &[u8], count: usize) -> bool {
    let after = &text[count..];
    if matches!(count, 10 | 13 | 16 | 19) {
        return after.first().is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'.' | b']' | b':' | b',' | b'|'));
    }
    let scientific = |fraction: &[u8]| {
        let digits = digits(fraction);
        digits > 3 && fraction[digits..].starts_with(b"e+")
    };
    count == 1 && after.strip_prefix(b".").is_some_and(scientific)
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

/// A key before a stamp: `time=`, `"ts":`, `# Time: `.
fn is_stamp_key(text: &[u8]) -> bool {
    let count = letters(text);
    let word = &text[..count];
    let known = [&b"time"[..], b"ts", b"timestamp", b"date", b"datetime", b"at", b"t"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name));
    known && matches!(text.get(count), Some(b'=' | b'"' | b':'))
}

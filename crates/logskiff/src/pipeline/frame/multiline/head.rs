//! Heads: the shapes of stamps, levels and prefixes that the events of a file begin with.
//!
//! A shape is a hash of a line's beginning up to the end of its stamp, where a number counts by its length and a word as a
//! word: `2026-11-29 23:24:42` and `2026-11-30 01:00:00` have one shape, `11/29/26 23:24:42` has another.

use super::text::{Text, after_digits, digits, is_blank, letters};

/// Bytes of a line that may belong to its head: a stamp after an address and a user (access logs).
const HEAD_BYTES: usize = 64;
/// Bytes that a key can cover.
const KEY_BYTES: usize = 24;
const KEY_WORDS: usize = KEY_BYTES / 8;
/// An address of IPv6 and the blank after it.
const ADDRESS_BYTES: usize = 40;

/// How sure it is that a head is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A stamp, a level or a priority, which begins a record wherever it stands.
    Stamp,
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

/// The key of all lines of an access log that begin with an address and no user.
pub(super) const ACCESS_KEY: u32 = 1;

/// A key of a line whose head ends at `end`: lines of one key surely have the same head. 0 if there is none, because the head
/// is too long, or the line is too short. The key holds `end`, for [`has_key`].
pub(super) fn key(line: &[u8], end: usize) -> u32 {
    let covered = end + 1;
    if covered > KEY_BYTES {
        return 0;
    }
    line.first_chunk().map_or(0, |bytes| hash(bytes, covered) & !0xff | small(covered))
}

/// Whether the line has this key, which is not 0. It costs some 40 instructions.
#[inline]
pub(super) fn has_key(line: &[u8], key: u32) -> bool {
    if key == ACCESS_KEY {
        return is_access(line);
    }
    let covered = key & 0xff;
    line.first_chunk().is_some_and(|bytes| (hash(bytes, covered as usize) ^ key) & !0xff == 0)
}

/// The same byte in each place of a word.
const fn every(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The bytes of a key that count, by how many are covered.
const MASKS: [[u64; KEY_WORDS]; KEY_BYTES + 1] = masks();

const fn masks() -> [[u64; KEY_WORDS]; KEY_BYTES + 1] {
    let (mut masks, mut covered) = ([[0; KEY_WORDS]; KEY_BYTES + 1], 0);
    while covered <= KEY_BYTES {
        let mut byte = 0;
        while byte < covered {
            masks[covered][byte / 8] |= 0xff << (8 * (byte % 8));
            byte += 1;
        }
        covered += 1;
    }
    masks
}

/// A hash of the first `covered` bytes where digits are alike, in the upper bits.
#[inline]
fn hash(bytes: &[u8; KEY_BYTES], covered: usize) -> u32 {
    const FACTORS: [u64; KEY_WORDS] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9];
    let masks = &MASKS[covered.min(KEY_BYTES)];
    let (words, _) = bytes.as_chunks();
    let mut hash = 0_u64;
    for at in 0..KEY_WORDS {
        let word = same_digits(u64::from_le_bytes(words[at])) & masks[at];
        hash = hash.wrapping_add(word.wrapping_mul(FACTORS[at]));
    }
    (hash >> 32) as u32
}

/// The word with `0` for each digit.
#[inline]
fn same_digits(word: u64) -> u64 {
    let from_zero = word ^ every(b'0');
    // The upper bit of each byte that is no digit: 10 or more, counted from `0`.
    let others = ((from_zero & every(0x7f)) + every(0x80 - 10) | from_zero) & every(0x80);
    let digits = (every(0x80) ^ others) >> 7;
    word & !(digits * 0x0f)
}

/// A line of an access log that begins with an address and no user.
#[inline]
fn is_access(line: &[u8]) -> bool {
    let (words, _) = line[..line.len().min(ADDRESS_BYTES)].as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let blanks = u64::from_le_bytes(*word) ^ every(b' ');
        let found = blanks.wrapping_sub(every(1)) & !blanks & every(0x80);
        if found != 0 {
            let blank = 8 * at + (found.trailing_zeros() / 8) as usize;
            return blank > 0 && line[blank..].strip_prefix(b" - - [").is_some_and(is_clf_stamp);
        }
    }
    false
}

/// `29/Nov/2026:09:00:00 +0000`.
#[inline]
fn is_clf_stamp(text: &[u8]) -> bool {
    let Some(stamp) = text.first_chunk::<20>() else { return false };
    stamp[0].is_ascii_digit() && stamp[2] == b'/' && stamp[6] == b'/' && stamp[11] == b':'
}

fn small(covered: usize) -> u32 {
    u32::try_from(covered).unwrap_or(0)
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
    let stamp = if text.indent >= HEAD_BYTES { None } else { Scan::new(text).run() };
    match (stamp, access(start)) {
        // A stamp before the bracket of an access log.
        (Some(stamp), Some(access)) if stamp.kind == Kind::Stamp && stamp.end < access.end => Some(stamp),
        (stamp, access) => access.or(stamp),
    }
}

/// `<13>` of syslog.
fn priority(start: &[u8]) -> Option<Head> {
    let rest = after_digits(start.strip_prefix(b"<")?)?;
    let end = start.len() - rest.len() + 1;
    (rest.first() == Some(&b'>') && end <= 5).then_some(Head { kind: Kind::Stamp, shape: 1, end })
}

/// `192.0.2.7 - user [29/Nov/2026:09:00:00`, with an address, name and user of any kind.
fn access(start: &[u8]) -> Option<Head> {
    let bracket = memchr::memchr(b'[', start)?.checked_sub(1).filter(|at| start[*at] == b' ')?;
    let before = &start[..bracket];
    let words = before.split(|byte| *byte == b' ').count();
    let whole = is_clf_stamp(&start[bracket + 2..]) && (3..=4).contains(&words) && !before.starts_with(b" ");
    whole.then_some(Head { kind: Kind::Access, shape: 2, end: bracket + 13 })
}

/// Words for levels that tell of no failure, in lower case.
const LOW: [u64; 17] = packed([
    "info", "debug", "trace", "notice", "config", "fine", "finer", "finest", "trce", "dbug", "debu", "trac", "inf",
    "dbg", "trc", "vrb", "verbose",
]);
/// Words for levels that tell of a failure, in lower case.
const HIGH: [u64; 16] = packed([
    "error", "warn", "warning", "fatal", "critical", "severe", "fail", "crit", "err", "erro", "fata", "pani", "wrn",
    "ftl", "alert", "emerg",
]);

const fn packed<const N: usize>(words: [&str; N]) -> [u64; N] {
    let (mut all, mut at) = ([0; N], 0);
    while at < N {
        all[at] = pack(words[at].as_bytes());
        at += 1;
    }
    all
}

/// A word of at most eight letters as a number, in lower case.
const fn pack(word: &[u8]) -> u64 {
    let (mut number, mut at) = (0, 0);
    while at < word.len() {
        number = number << 8 | (word[at] | 0x20) as u64;
        at += 1;
    }
    number
}

/// Whether the word is a level, and one of a failure.
fn level(word: &[u8]) -> Option<bool> {
    if !(3..=8).contains(&word.len()) {
        return None;
    }
    let word = pack(word);
    if HIGH.contains(&word) {
        return Some(true);
    }
    LOW.contains(&word).then_some(false)
}

/// Levels that are words as well, unless they are in upper case.
fn is_word(word: &[u8]) -> bool {
    [&b"config"[..], b"fine", b"finer", b"finest", b"severe"].contains(&word)
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
    if ["panic", "recover"].iter().any(|word| text.has(word)) {
        return Severity::High;
    }
    let words = start.split(|byte| !byte.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    for word in words.take(12) {
        let cased = word.iter().all(u8::is_ascii_uppercase) || word.iter().all(u8::is_ascii_lowercase);
        if let Some(fails) = level(word).filter(|_| cased) {
            return if fails { Severity::High } else { Severity::Low };
        }
    }
    if let Some(severity) = severity_letter(start) {
        return severity;
    }
    let fails = |word: &str| text.has(word);
    let words = ["fail", "Fail", "rror", "xception", "panic", "abort", "crash", "not be "];
    if words.iter().any(|word| fails(word)) { Severity::High } else { Severity::Unknown }
}

/// `E1129 09:00:00.000000` of klog, `E 09:00:00` of others.
fn severity_letter(start: &[u8]) -> Option<Severity> {
    let after = start.get(1).filter(|byte| byte.is_ascii_digit() || **byte == b' ' || **byte == b',');
    after.and(match start[0] {
        b'I' | b'D' | b'V' | b'T' => Some(Severity::Low),
        b'W' | b'E' | b'F' | b'C' => Some(Severity::High),
        _ => None,
    })
}

/// Reads a line's beginning until its stamp ends.
struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    hash: u32,
    /// Words before the stamp that are neither a level, a month nor the key of a stamp.
    words: u32,
    /// One of these words is the key of a value: `Date: `.
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

/// A key before a stamp: `time=`, `"ts":`, `# Time: `; not `Date: `.
fn is_stamp_key(text: &[u8], before: &[u8]) -> bool {
    let count = letters(text);
    let word = &text[..count];
    let known = [&b"time"[..], b"ts", b"timestamp", b"date", b"datetime", b"at", b"t"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name));
    known && (matches!(text.get(count), Some(b'=' | b'"')) || before == b"# " && text.get(count) == Some(&b':'))
}

//! Writes the content of JSON strings, and timestamps in RFC 3339 format.

use std::fmt::Write as _;

use jiff::Timestamp;

use event::unicode_escape;

/// Writes `bytes` as the content of a JSON string: escaped, with U+FFFD for invalid UTF-8.
pub(super) fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    write_of_kinds(bytes, kinds(bytes), out);
}

/// The same for bytes of known kinds.
fn write_of_kinds(bytes: &[u8], kinds: u8, out: &mut Vec<u8>) {
    if kinds & BEYOND_ASCII == 0 {
        return escape(bytes, kinds, out);
    }
    for chunk in bytes.utf8_chunks() {
        escape(chunk.valid().as_bytes(), kinds, out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice(REPLACEMENT);
        }
    }
}

/// Writes text of one or several lines as the content of a JSON string. A carriage return before a newline is part of the
/// line end, and left out.
pub(super) fn write_lines(text: &[u8], out: &mut Vec<u8>) {
    let kinds = kinds(text);
    if kinds & CONTROL == 0 {
        return write_of_kinds(text, kinds, out);
    }
    let mut start = 0;
    for line_end in memchr::memchr_iter(b'\r', text).filter(|at| text.get(at + 1) == Some(&b'\n')) {
        write_escaped(&text[start..line_end], out);
        start = line_end + 1;
    }
    write_escaped(&text[start..], out);
}

/// Writes the content of an invalid JSON string, repaired (see [`event::Repair`]): escapes stay, control characters are
/// escaped, a carriage return before a newline is left out, and U+FFFD replaces half of a surrogate pair and invalid UTF-8.
pub(super) fn write_repaired(string: &[u8], out: &mut Vec<u8>) {
    for chunk in string.utf8_chunks() {
        let mut rest = chunk.valid().as_bytes();
        while let Some(&first) = rest.first() {
            let (length, is_half) = match first {
                b'\\' => unicode_escape(rest).map_or((2, false), |(character, length)| (length, character.is_none())),
                _ => (1, false),
            };
            let (unit, behind) = rest.split_at(length.min(rest.len()));
            match first {
                _ if is_half => out.extend_from_slice(REPLACEMENT),
                b'\r' if behind.first() == Some(&b'\n') => {}
                0..b' ' => escape(unit, CONTROL, out),
                _ => out.extend_from_slice(unit),
            }
            rest = behind;
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice(REPLACEMENT);
        }
    }
}

/// U+FFFD, the replacement character.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Bytes that JSON requires to be escaped: quotes and backslashes, and control characters.
const MARK: u8 = 1;
const CONTROL: u8 = 2;
/// Bytes that are not ASCII: UTF-8, or not.
const BEYOND_ASCII: u8 = 4;

/// The kinds of bytes in `text`; tests eight bytes at once in one word ("Bit Twiddling Hacks", S. E. Anderson).
fn kinds(text: &[u8]) -> u8 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // Nonzero if one of the bytes is below `most`, which is at most 128.
    let below = |word: u64, most: u8| word.wrapping_sub(ONES * u64::from(most)) & !word & HIGH;
    let (mut marks, mut controls, mut beyond) = (0, 0, 0);
    let mut ask = |bytes: &[u8; 8]| {
        let word = u64::from_ne_bytes(*bytes);
        marks |= below(word ^ (ONES * u64::from(b'"')), 1) | below(word ^ (ONES * u64::from(b'\\')), 1);
        controls |= below(word, b' ');
        beyond |= word & HIGH;
    };
    if let Some(last) = text.last_chunk() {
        // The last word may share bytes with the one before.
        text.as_chunks().0.iter().chain([last]).for_each(&mut ask);
    } else {
        let mut word = [b' '; 8];
        word.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        ask(&word);
    }
    u8::from(marks != 0) * MARK + u8::from(controls != 0) * CONTROL + u8::from(beyond != 0) * BEYOND_ASCII
}

/// Copies valid UTF-8 and escapes bytes as JSON requires (RFC 8259, section 7); `kinds`: the kinds of bytes in it.
fn escape(text: &[u8], kinds: u8, out: &mut Vec<u8>) {
    let mut copied = 0;
    let escape = |at: usize| {
        out.extend_from_slice(&text[copied..at]);
        copied = at + 1;
        match text[at] {
            mark @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', mark]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(control >> 4), digit(control & 15)]);
            }
        }
    };
    if kinds & CONTROL != 0 {
        let escaped = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\');
        (0..text.len()).filter(|&at| escaped(text[at])).for_each(escape);
    } else if kinds & MARK != 0 {
        memchr::memchr2_iter(b'"', b'\\', text).for_each(escape);
    }
    out.extend_from_slice(&text[copied..]);
}

/// Writes timestamps; caches the last second, which most lines share with the previous one.
#[derive(Debug, Default)]
pub(super) struct Clock {
    second: Option<i64>,
    written: String,
}

impl Clock {
    /// Writes `time_ns`, nanoseconds since the Unix epoch, as RFC 3339 in UTC: with milliseconds, or with nanoseconds
    /// if needed.
    pub(super) fn write(&mut self, time_ns: i64, out: &mut Vec<u8>) {
        let (second, nanosecond) = (time_ns.div_euclid(1_000_000_000), time_ns.rem_euclid(1_000_000_000));
        if self.second != Some(second) {
            self.second = Some(second);
            self.written.clear();
            let instant = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
            let written = write!(self.written, "{instant:.0}");
            debug_assert!(written.is_ok(), "writing to a string does not fail");
            self.written.truncate("1970-01-01T00:00:00".len());
        }
        out.extend_from_slice(self.written.as_bytes());
        out.push(b'.');
        let (mut unit, value) =
            if nanosecond % 1_000_000 == 0 { (100, nanosecond / 1_000_000) } else { (100_000_000, nanosecond) };
        while unit > 0 {
            out.push(b'0' + u8::try_from(value / unit % 10).unwrap_or_default());
            unit /= 10;
        }
        out.push(b'Z');
    }
}

/// Writes `event.created` and the beginning of `event.time_source`; caches them, because the lines of a chunk share the time
/// of their read.
#[derive(Debug, Default)]
pub(super) struct ReadTime {
    read_ns: Option<i64>,
    clock: Clock,
    members: Vec<u8>,
}

impl ReadTime {
    /// Writes the members up to the source's name, for a line that was read at `read_ns`.
    pub(super) fn write(&mut self, read_ns: i64, out: &mut Vec<u8>) {
        if self.read_ns != Some(read_ns) {
            self.read_ns = Some(read_ns);
            self.members.clear();
            self.members.extend_from_slice(b",\"event.created\":\"");
            self.clock.write(read_ns, &mut self.members);
            self.members.extend_from_slice(b"\",\"event.time_source\":\"");
        }
        out.extend_from_slice(&self.members);
    }
}

/// Writes a number.
pub(super) fn write_number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instants_are_written_as_rfc_3339() {
        #[track_caller]
        fn check(time_ns: i64, want: &str) {
            let mut out = Vec::new();
            Clock::default().write(time_ns, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
        check(0, "1970-01-01T00:00:00.000Z");
        check(-1, "1969-12-31T23:59:59.999999999Z");
        check(1_795_471_200_123_000_000, "2026-11-23T22:00:00.123Z");
        check(i64::MAX, "2262-04-11T23:47:16.854775807Z");
    }

    proptest! {
        #[test]
        fn escaped_text_parses_back(bytes in prop::collection::vec(any::<u8>(), 0..64), number: u64, time_ns: i64) {
            let mut out = vec![b'"'];
            write_escaped(&bytes, &mut out);
            out.push(b'"');
            let read: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(read, String::from_utf8_lossy(&bytes));
            let mut out = Vec::new();
            write_number(number, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
            let mut out = Vec::new();
            Clock::default().write(time_ns, &mut out);
            let read: Timestamp = std::str::from_utf8(&out).unwrap().parse().unwrap();
            prop_assert_eq!(read.as_nanosecond(), i128::from(time_ns));
        }
    }
}

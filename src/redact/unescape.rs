//! Decodes the inside of a JSON string, or percent-encoding, and remembers which bytes came from where.
//!
//! In: a range of a line's text (RFC 8259, section 7; RFC 3986, section 2.1). Out: the decoded bytes in a reused buffer,
//! and positions mapped both ways. What is no valid JSON string content is an error, and the caller
//! masks all of it, unless it asks for a loose reading of a text that need not be JSON.

use crate::record::TextRange;

/// The range is not the inside of a JSON string.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// A decoded string, reused from value to value.
#[derive(Debug, Default)]
pub(super) struct Unescaped {
    bytes: Vec<u8>,
    runs: Vec<Run>,
}

/// A stretch of plain bytes, or one escape. A last one marks the end.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Where it starts in the text.
    raw: usize,
    /// Where it starts in the decoded bytes.
    decoded: usize,
    escape: bool,
}

impl Unescaped {
    /// The decoded bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Decodes `text[at]`. A surrogate without its other half becomes U+FFFD: JSON allows it, UTF-8 does not.
    ///
    /// # Errors
    /// When an escape is not one of JSON's.
    pub(super) fn decode(&mut self, text: &[u8], at: TextRange) -> Result<(), Invalid> {
        self.read(text, at, b'\\', |rest, out| {
            let (character, length) = escape(rest)?;
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            Some(length)
        })
    }

    /// Decodes what reads as an escape in any text; a backslash that begins none stands for itself.
    pub(super) fn decode_loosely(&mut self, text: &[u8], at: TextRange) {
        let read = self.read(text, at, b'\\', |rest, out| {
            let (character, length) = escape(rest).unwrap_or(('\\', 1));
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            Some(length)
        });
        debug_assert!(read.is_ok(), "nothing is invalid here");
    }

    /// Decodes `%XX`; a percent sign that begins none stands for itself.
    pub(super) fn decode_percent(&mut self, text: &[u8]) {
        let read = self.read(text, TextRange::new(0, text.len()), b'%', |rest, out| {
            let (byte, length) = percent(rest).map_or((b'%', 1), |byte| (byte, 3));
            out.push(byte);
            Some(length)
        });
        debug_assert!(read.is_ok(), "nothing is invalid here");
    }

    /// Copies stretches up to each `mark`, from which on `decode` writes what it reads and says how long it was.
    fn read(
        &mut self,
        text: &[u8],
        at: TextRange,
        mark: u8,
        decode: impl Fn(&[u8], &mut Vec<u8>) -> Option<usize>,
    ) -> Result<(), Invalid> {
        self.bytes.clear();
        self.runs.clear();
        let end = at.indices().end;
        let mut raw = at.indices().start;
        while raw < end {
            let plain = memchr::memchr(mark, &text[raw..end]).unwrap_or(end - raw);
            if plain > 0 {
                self.runs.push(Run { raw, decoded: self.bytes.len(), escape: false });
                self.bytes.extend_from_slice(&text[raw..raw + plain]);
                raw += plain;
                continue;
            }
            self.runs.push(Run { raw, decoded: self.bytes.len(), escape: true });
            raw += decode(&text[raw..end], &mut self.bytes).ok_or(Invalid)?;
        }
        self.runs.push(Run { raw: end, decoded: self.bytes.len(), escape: false });
        Ok(())
    }

    /// The range of the text that the decoded bytes `at` came from, whole escapes.
    pub(super) fn to_raw(&self, at: TextRange) -> TextRange {
        let start = self.find(at.start as usize, |run| run.decoded);
        let last = self.find(at.end as usize - 1, |run| run.decoded);
        let within = |run: Run, decoded: usize| run.raw + decoded - run.decoded;
        let first =
            if self.runs[start].escape { self.runs[start].raw } else { within(self.runs[start], at.start as usize) };
        let end =
            if self.runs[last].escape { self.runs[last + 1].raw } else { within(self.runs[last], at.end as usize) };
        TextRange::new(first, end)
    }

    /// Grows a range of the text to whole escapes. What of it lies outside the decoded value stays as it is.
    pub(super) fn grow(&self, at: TextRange) -> TextRange {
        let (start, end) = (at.start as usize, at.end as usize);
        let (value_start, value_end) = (self.runs[0].raw, self.runs[self.runs.len() - 1].raw);
        let mut grown = (start, end);
        if value_start < start && start < value_end {
            let run = self.find(start, |run| run.raw);
            grown.0 = if self.runs[run].escape { self.runs[run].raw } else { start };
        }
        if value_start < end && end < value_end {
            let run = self.find(end - 1, |run| run.raw);
            grown.1 = if self.runs[run].escape { self.runs[run + 1].raw } else { end };
        }
        TextRange::new(grown.0, grown.1)
    }

    /// The run that holds `position`.
    fn find(&self, position: usize, start: impl Fn(&Run) -> usize) -> usize {
        self.runs.partition_point(|run| start(run) <= position).saturating_sub(1)
    }
}

/// Whether a text has a `%XX`.
pub(super) fn has_percent(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).any(|at| percent(&text[at..]).is_some())
}

/// The byte of the `%XX` that `rest` starts with.
fn percent(rest: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*rest.get(at)?).to_digit(16);
    u8::try_from(digit(1)? << 4 | digit(2)?).ok()
}

/// The escape that `rest` starts with, and its length: two bytes, six, or twelve for a pair of surrogates.
fn escape(rest: &[u8]) -> Option<(char, usize)> {
    let simple = match rest.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(rest),
        _ => return None,
    };
    Some((simple, 2))
}

/// The same for `\uXXXX`.
fn unicode(rest: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = rest.get(at..at + 6)?.strip_prefix(br"\u")?;
        digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
    };
    let high = unit(0)?;
    if (0xd800..0xdc00).contains(&high)
        && let Some(low @ 0xdc00..0xe000) = unit(6)
    {
        let code = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
        return Some((char::from_u32(code)?, 12));
    }
    Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(raw: &str, expected: Option<&str>) {
        let mut unescaped = Unescaped::default();
        let result = unescaped.decode(raw.as_bytes(), TextRange::new(0, raw.len()));
        assert_eq!(result.ok().map(|()| unescaped.bytes()), expected.map(str::as_bytes), "{raw}");
    }

    #[test]
    fn decodes_what_json_allows_and_nothing_else() {
        check(r#"a\"\\\/\b\f\n\r\tz"#, Some("a\"\\/\u{8}\u{c}\n\r\tz"));
        check(r"\u0041\u00e9\u20AC", Some("Aé€"));
        check(r"\ud83d\ude00!", Some("😀!"));
        check(r"\ud83d!\ude00", Some("\u{fffd}!\u{fffd}"));
        check(r"\ud83d\u0041", Some("\u{fffd}A"));
        check("", Some(""));
        for bad in [r"\", r"a\x", r"\u12", r"\u12g4", r"\u+123", r"\U0041"] {
            check(bad, None);
        }
    }

    #[test]
    fn percent_signs_are_decoded_where_they_encode() {
        let mut unescaped = Unescaped::default();
        unescaped.decode_percent(b"a%40b%C3%a9 100% %4 %zz%");
        assert_eq!(unescaped.bytes(), "a@bé 100% %4 %zz%".as_bytes());
        assert_eq!(unescaped.to_raw(TextRange::new(1, 2)).indices(), 1..4);
        assert_eq!(unescaped.to_raw(TextRange::new(0, 4)).indices(), 0..8, "half of é");
        assert!(has_percent(b"100% %20") && !has_percent(b"100% of %d, %"));
    }

    #[test]
    fn maps_to_whole_escapes() {
        let text = br"..a\u00e9b\ud83d\ude00c..";
        let mut unescaped = Unescaped::default();
        unescaped.decode(text, TextRange::new(2, text.len() - 2)).unwrap();
        assert_eq!(unescaped.bytes(), "aéb😀c".as_bytes());
        let raw = |start, end| unescaped.to_raw(TextRange::new(start, end)).indices();
        assert_eq!(raw(0, 1), 2..3);
        assert_eq!(raw(1, 2), 3..9, "half of é");
        assert_eq!(raw(2, 4), 3..10);
        assert_eq!(raw(5, 6), 10..22, "a quarter of the emoji");
        assert_eq!(raw(0, 9), 2..23);
        let grown = |start, end| unescaped.grow(TextRange::new(start, end)).indices();
        assert_eq!(grown(5, 7), 3..9);
        assert_eq!(grown(2, 4), 2..9);
        assert_eq!(grown(9, 16), 9..22, "the second half of a pair");
        assert_eq!(grown(0, 25), 0..25);
        assert_eq!(grown(1, 5), 1..9);
        assert_eq!(grown(20, 24), 10..24);
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(value in any::<String>()) {
            let json = serde_json::to_string(&value).unwrap();
            let inner = TextRange::new(1, json.len() - 1);
            let mut unescaped = Unescaped::default();
            prop_assert_eq!(unescaped.decode(json.as_bytes(), inner), Ok(()));
            prop_assert_eq!(unescaped.bytes(), value.as_bytes());
            if !value.is_empty() {
                prop_assert_eq!(unescaped.to_raw(TextRange::new(0, value.len())), inner);
            }
        }
    }
}

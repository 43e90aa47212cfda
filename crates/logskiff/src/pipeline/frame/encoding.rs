//! How a file's text is encoded, and UTF-16 into UTF-8.
//!
//! In: the first bytes of a file; later its lines. Out: where a line ends, and its text. UTF-16 is told by its byte order mark, or by NULs
//! in every other byte, as text in Latin letters has them.

use event::Line;

/// So many bytes of a file without a mark tell.
const TOLD_BY_BYTES: usize = 64;
/// A first line tells that has so many at least.
const TOLD_BY_BYTES_MIN: usize = 8;

/// How a file's text is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, or what else has bytes for characters.
    #[default]
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
}

impl Encoding {
    /// That of a file that begins with `head`.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0xFF, 0xFE, ..] => Self::Utf16Le,
            [0xFE, 0xFF, ..] => Self::Utf16Be,
            _ if Self::Utf16Le.is_told_by(head) => Self::Utf16Le,
            _ if Self::Utf16Be.is_told_by(head) => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }

    /// Whether every other byte is NUL, of a first line that is whole or of as many bytes as tell. Not of a line that may go on: what it
    /// goes on with could say otherwise.
    fn is_told_by(self, head: &[u8]) -> bool {
        let most = &head[..head.len().min(TOLD_BY_BYTES)];
        let line = self.line_end(most).map(|at| &most[..at + 2]);
        let Some(told) = line.or_else(|| (most.len() == TOLD_BY_BYTES).then_some(most)) else { return false };
        let high = usize::from(self == Self::Utf16Le);
        let fits = |(at, byte): (usize, &u8)| (*byte == 0) == (at % 2 == high);
        told.len() >= TOLD_BY_BYTES_MIN && told.iter().enumerate().all(fits)
    }

    /// What a file may begin with that is no text.
    #[must_use]
    #[inline]
    pub(super) fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf8 => "\u{feff}".as_bytes(),
            Self::Utf16Le => &[0xFF, 0xFE],
            Self::Utf16Be => &[0xFE, 0xFF],
        }
    }

    /// How many bytes a character has at least.
    #[must_use]
    #[inline]
    pub(crate) fn unit_bytes(self) -> usize {
        if self == Self::Utf8 { 1 } else { 2 }
    }

    /// Where the first character that ends a line begins in `text`, which begins with a whole character.
    #[must_use]
    #[inline]
    pub(super) fn line_end(self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Utf8 => memchr::memchr(b'\n', text),
            Self::Utf16Le => memchr::memchr_iter(b'\n', text).find(|at| at % 2 == 0 && text.get(at + 1) == Some(&0)),
            Self::Utf16Be => {
                let low = memchr::memchr_iter(b'\n', text).find(|at| at % 2 == 1 && text[at - 1] == 0);
                low.map(|at| at - 1)
            }
        }
    }

    /// A line without the carriage return at its end.
    #[inline]
    pub(super) fn strip_return(self, text: &[u8]) -> &[u8] {
        let end: &[u8] = match self {
            Self::Utf8 => b"\r",
            Self::Utf16Le => b"\r\0",
            Self::Utf16Be => b"\0\r",
        };
        text.strip_suffix(end).unwrap_or(text)
    }

    /// Text as UTF-8. What stands for no character becomes U+FFFD.
    pub fn decode(self, text: &[u8], decoded: &mut String) {
        let unit =
            |pair: &[u8; 2]| if self == Self::Utf16Be { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
        let (pairs, rest) = text.as_chunks::<2>();
        let characters = char::decode_utf16(pairs.iter().map(unit));
        decoded.extend(characters.map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)));
        if !rest.is_empty() {
            decoded.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// Several lines as UTF-8.
    #[must_use]
    pub fn to_utf8(self, text: Vec<u8>) -> Vec<u8> {
        if self == Self::Utf8 {
            return text;
        }
        let mut decoded = String::new();
        self.decode(&text, &mut decoded);
        decoded.into_bytes()
    }

    /// A line of UTF-16 as UTF-8, which is written to `decoded`.
    #[must_use]
    pub fn decode_line<'t>(self, line: &Line<'_>, decoded: &'t mut String) -> Line<'t> {
        decoded.clear();
        self.decode(&line.text[..line.keep], decoded);
        let keep = decoded.len();
        self.decode(&line.text[line.keep..], decoded);
        Line { span: line.span, text: decoded.as_bytes(), keep, boundary: line.boundary }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_told_by_its_mark_or_by_nuls() {
        #[track_caller]
        fn check(head: &[u8], expected: Encoding) {
            assert_eq!(Encoding::of(head), expected, "{head:?}");
        }
        let le: Vec<u8> = "2026-11-29 a line".repeat(3).encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = le.as_chunks::<2>().0.iter().flat_map(|[low, high]| [*high, *low]).collect();
        check(&le, Encoding::Utf16Le);
        check(&be, Encoding::Utf16Be);
        check(&le[..62], Encoding::Utf8);
        let short: Vec<u8> = "short\n日本".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let short_be: Vec<u8> = short.as_chunks::<2>().0.iter().flat_map(|[low, high]| [*high, *low]).collect();
        check(&short, Encoding::Utf16Le);
        check(&short_be, Encoding::Utf16Be);
        check(&short[..10], Encoding::Utf8);
        check(b"\n\0\0\0\n\0", Encoding::Utf8);
        check(&[0xFF, 0xFE], Encoding::Utf16Le);
        check(&[0xFE, 0xFF, 0, b'a'], Encoding::Utf16Be);
        check(&[0; 256], Encoding::Utf8);
        check(&[b'a'; 256], Encoding::Utf8);
        check(b"", Encoding::Utf8);
    }

    #[test]
    fn what_is_no_character_is_replaced() {
        let mut decoded = String::new();
        Encoding::Utf16Le.decode(&[b'a', 0, 0x3D, 0xD8, b'b', 0, 0x3D, 0xD8, 0, 0xDE, b'c'], &mut decoded);
        assert_eq!(decoded, "a\u{fffd}b\u{1f600}\u{fffd}");
    }
}

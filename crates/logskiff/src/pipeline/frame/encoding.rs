//! Detects the encoding of a file's text, and converts UTF-16 to UTF-8.
//!
//! Input: the first bytes of a file; later its lines. Output: line ends and text. UTF-16 is recognized by its byte
//! order mark, or by NUL in every other byte, as in Latin text.

use event::Line;

/// Bytes that are examined in a file without a byte order mark.
const EXAMINED_BYTES: usize = 64;
/// Minimum length of a complete first line that is examined.
const EXAMINED_BYTES_MIN: usize = 8;

/// Encoding of a file's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, or another encoding in which a newline is one byte.
    #[default]
    Utf8,
    /// UTF-16, little endian.
    Utf16Le,
    /// UTF-16, big endian.
    Utf16Be,
}

impl Encoding {
    /// Detects the encoding of a file that begins with `head`.
    #[must_use]
    pub fn detect(head: &[u8]) -> Self {
        match head {
            [0xFF, 0xFE, ..] => Self::Utf16Le,
            [0xFE, 0xFF, ..] => Self::Utf16Be,
            _ if Self::Utf16Le.fits(head) => Self::Utf16Le,
            _ if Self::Utf16Be.fits(head) => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }

    /// Whether every other byte of the first line is NUL. A line that may continue is examined only if it has
    /// [`EXAMINED_BYTES`].
    fn fits(self, head: &[u8]) -> bool {
        let most = &head[..head.len().min(EXAMINED_BYTES)];
        let line = self.line_end(most).map(|at| &most[..at + 2]);
        let Some(examined) = line.or_else(|| (most.len() == EXAMINED_BYTES).then_some(most)) else { return false };
        let high = usize::from(self == Self::Utf16Le);
        let fits = |(at, byte): (usize, &u8)| (*byte == 0) == (at % 2 == high);
        examined.len() >= EXAMINED_BYTES_MIN && examined.iter().enumerate().all(fits)
    }

    /// The byte order mark.
    #[must_use]
    #[inline]
    pub(super) fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf8 => "\u{feff}".as_bytes(),
            Self::Utf16Le => &[0xFF, 0xFE],
            Self::Utf16Be => &[0xFE, 0xFF],
        }
    }

    /// Minimum number of bytes of a character.
    #[must_use]
    #[inline]
    pub(crate) fn unit_bytes(self) -> usize {
        if self == Self::Utf8 { 1 } else { 2 }
    }

    /// The position of the first newline in `text`, which begins with a complete character.
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

    /// The line without a carriage return at its end.
    #[inline]
    pub(super) fn strip_return(self, text: &[u8]) -> &[u8] {
        match (self, text) {
            (Self::Utf8, [line @ .., b'\r'])
            | (Self::Utf16Le, [line @ .., b'\r', 0])
            | (Self::Utf16Be, [line @ .., 0, b'\r']) => line,
            _ => text,
        }
    }

    /// Appends the text as UTF-8 to `decoded`. Invalid units become U+FFFD.
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

    /// Converts lines to UTF-8.
    #[must_use]
    pub fn to_utf8(self, text: Vec<u8>) -> Vec<u8> {
        if self == Self::Utf8 {
            return text;
        }
        let mut decoded = String::new();
        self.decode(&text, &mut decoded);
        decoded.into_bytes()
    }

    /// Converts a line of UTF-16 to UTF-8; the text is written to `decoded`.
    #[must_use]
    pub fn decode_line<'t>(self, line: &Line<'_>, decoded: &'t mut String) -> Line<'t> {
        decoded.clear();
        self.decode(&line.text[..line.keep], decoded);
        let keep = decoded.len();
        self.decode(&line.text[line.keep..], decoded);
        let Line { span, boundary, flags, printed, .. } = *line;
        Line { span, text: decoded.as_bytes(), keep, boundary, flags, printed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_recognized_by_its_mark_or_by_nuls() {
        #[track_caller]
        fn check(head: &[u8], expected: Encoding) {
            assert_eq!(Encoding::detect(head), expected, "{head:?}");
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
    fn invalid_units_are_replaced() {
        let mut decoded = String::new();
        Encoding::Utf16Le.decode(&[b'a', 0, 0x3D, 0xD8, b'b', 0, 0x3D, 0xD8, 0, 0xDE, b'c'], &mut decoded);
        assert_eq!(decoded, "a\u{fffd}b\u{1f600}\u{fffd}");
    }
}

//! Detects lines of UTF-16, which rules cannot search. In Latin text, every second byte is NUL.

/// One in this many bytes must be NUL.
const BYTES_EACH: usize = 4;

/// Whether a line is likely to be UTF-16: a quarter of its bytes are NUL. NULs at its ends do not count: they are
/// preallocated space, or half of the line's end.
#[must_use]
pub fn is_likely(line: &[u8]) -> bool {
    let Some(first) = memchr::memchr(0, line) else { return false };
    let Some(start) = line.iter().position(|byte| *byte != 0) else { return false };
    let end = line.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let inner = &line[start..end];
    first < end && memchr::memchr_iter(0, inner).count() >= inner.len().div_ceil(BYTES_EACH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn utf_16_lines_differ_from_preallocated_space() {
        #[track_caller]
        fn check(line: &[u8], expected: bool) {
            assert_eq!(is_likely(line), expected, "{line:?}");
        }
        check(&utf16("password=hunter2"), true);
        check(&[&[0], &utf16("password=hunter2")[..]].concat(), true);
        check(&utf16("größe 漢字 ab cd"), true);
        check(b"password=hunter2", false);
        check(&[&b"password=hunter2"[..], &[0; 500]].concat(), false);
        check(&[&[0; 500], &b"password=hunter2"[..]].concat(), false);
        check(b"a few \0 of \0 them", false);
        check(&[0; 10], false);
        check(b"", false);
    }
}

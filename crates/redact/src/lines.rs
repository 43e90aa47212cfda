//! The lines of a record.
//!
//! Input: a text that may have line ends. Output: the ranges of its lines, in order, without LF or CR LF.

use std::ops::Range;

/// Whether the text has several lines.
pub(super) fn is_several(text: &[u8]) -> bool {
    memchr::memchr(b'\n', text).is_some()
}

/// The lines of a text; after a line end at the end of the text, an empty one.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text).map(Some).chain([None]);
    ends.map(move |newline| {
        let line = &text[start..newline.unwrap_or(text.len())];
        let bytes = match newline {
            Some(_) => line.strip_suffix(b"\r").unwrap_or(line).len(),
            // The line end of a record is already removed.
            None => line.len(),
        };
        let range = start..start + bytes;
        start = newline.map_or(text.len(), |newline| newline + 1);
        range
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_no_line_ends() {
        let split = |text: &str| lines(text.as_bytes()).map(|at| text[at].to_owned()).collect::<Vec<_>>();
        assert_eq!(split("a\r\nb\r\r\n\nc\r"), ["a", "b\r", "", "c\r"]);
        assert_eq!(split("a\n"), ["a", ""]);
        assert_eq!(split(""), [""]);
    }
}

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

/// The lines of which something may be shipped: those that begin in the first `keep` bytes. The lines after them come
/// again with the next record.
pub(super) fn kept_lines(text: &[u8], keep: usize) -> impl Iterator<Item = Range<usize>> {
    lines(text).take_while(move |line| line.start < keep.max(1))
}

/// A line and its line end.
pub(super) fn with_end<'t>(text: &'t [u8], at: &Range<usize>) -> &'t [u8] {
    let end = at.end + usize::from(text[at.end..].starts_with(b"\r\n"));
    &text[at.start..text.len().min(end + 1)]
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

    #[test]
    fn lines_after_a_cut_are_left_out() {
        let kept = |keep| kept_lines(b"ab\nc\nd", keep).count();
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 9].map(kept), [1, 1, 1, 1, 2, 2, 3, 3]);
    }
}

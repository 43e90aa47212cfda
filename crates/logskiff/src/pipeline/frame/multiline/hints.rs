//! What a line tells of those after it by its end, and whether it looks like a print.

use super::shape;
use super::text::{Text, is_blank};

/// Words of a line that may be a print.
const PRINT_WORDS_MAX: usize = 3;

/// Whether a line calls for another one by its end.
pub(super) fn expects(text: &Text<'_>) -> bool {
    matches!(text.last(), b':' | b',') || text.end.ends_with(b"Array") || text.end.ends_with(b" Object")
}

/// Whether the text after a head is empty, or opens a bracket.
pub(super) fn ends_open(text: &Text<'_>) -> bool {
    matches!(text.last(), b'{' | b'[' | b'(' | b'\\' | b'|') || text.end.ends_with(b" -")
}

/// Whether nothing but a fraction or a zone follows a stamp.
pub(super) fn is_rest_of_stamp(rest: &[u8]) -> bool {
    rest.first().is_none_or(|byte| matches!(byte, b'.' | b',' | b'Z' | b'+' | b'-' | b']'))
        && !rest.iter().any(|byte| is_blank(*byte))
}

/// Whether a line without a head looks like a print: few words, an assignment, only punctuation.
pub(super) fn is_print(text: &Text<'_>) -> bool {
    if shape::is_named_exception(text) || (text.begins("<!") || text.begins("<?")) {
        return false;
    }
    let body = text.body();
    let words = body.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty()).count();
    words <= PRINT_WORDS_MAX
        || words <= 2 * PRINT_WORDS_MAX && body.contains(&b'=')
        || !body.iter().any(u8::is_ascii_alphabetic)
}

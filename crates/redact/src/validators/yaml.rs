//! YAML between a colon and a value: tags, anchors, block scalars, an indented line.
//!
//! Input: a text that may have line ends, and a position in it. Output: the position of a value, or the range of a
//! block.

use std::ops::Range;

use super::Text;
use super::place::{after_blanks, quote, skip_while};

/// Maximum length of a tag or an anchor.
const PROPERTY_BYTES_MAX: usize = 128;

/// The tag or anchor at `at`, and where the value after it begins: `!vault |`, `&pw v`.
pub(super) fn property(text: Text<'_>, at: usize) -> Option<(Range<usize>, usize)> {
    if !matches!(text.get(at)?, b'!' | b'&') {
        return None;
    }
    let rest = &text[at..text.len().min(at + PROPERTY_BYTES_MAX)];
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"!&_-./:<>,".contains(*byte);
    let length = rest.iter().take_while(in_name).count();
    text.charge(length);
    let end = at + length;
    let value = after_blanks(text, end);
    (length > 1 && value > end && value < text.len()).then_some((at..end, value))
}

/// Whether the text at `at` shows that a tag or an anchor stood before it.
pub(super) fn begins_value(text: Text<'_>, at: usize) -> bool {
    // The lines of a block may be no part of the text.
    let is_header = |signs: usize| after_blanks(text, signs) == text.len();
    quote(text, at).is_some()
        || after_header(text, at).is_some()
        || after_signs(text, at).is_some_and(is_header)
        || matches!(text[at], b'!' | b'&' | b'\r' | b'\n')
}

/// The block scalar whose header is at `at`: the more indented lines that follow, without the blanks around them.
pub(super) fn block(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let first = after_header(text, at)?;
    indented(text, first, indent(text, at) + 1)
}

/// The list or, if `of_names`, the mapping on the lines after `at`.
pub(super) fn nested(text: Text<'_>, at: usize, of_names: bool) -> Option<Range<usize>> {
    let first = after_line_end(text, at)?;
    let start = after_blanks(text, first);
    let word = skip_while(text, start, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let is_mapping = word > start && text.get(word) == Some(&b':');
    let is_list = text[start..].starts_with(b"- ");
    let indent = indent(text, at) + usize::from(!is_list);
    (is_list || of_names && is_mapping).then(|| indented(text, first, indent)).flatten()
}

/// The lines from `line` on that are indented by `least` or more, without the blanks around them; lists need a dash.
fn indented(text: Text<'_>, mut line: usize, least: usize) -> Option<Range<usize>> {
    let mut found: Option<Range<usize>> = None;
    let first = after_blanks(text, line);
    let is_list = text[first.min(text.len())..].starts_with(b"- ") && first - line < least + 1;
    while line < text.len() {
        let end = text.find(line, b'\n').unwrap_or(text.len());
        let start = after_blanks(text, line);
        let content = text[start..end.max(start)].trim_ascii_end().len();
        if content > 0 {
            let is_item = text[start..].starts_with(b"- ");
            if start - line < least || is_list && !is_item && start - line <= first.min(least) {
                break;
            }
            found = Some(found.map_or(start, |found| found.start)..start + content);
        }
        line = end + 1;
    }
    found
}

/// A block whose lines were joined, up to the next name: `password: >- a b user: ada`.
pub(super) fn joined(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let signs = after_signs(text, at)?;
    let start = after_blanks(text, signs);
    if start == signs || start == text.len() || matches!(text[start], b'\r' | b'\n') {
        return None;
    }
    let mut end = start;
    loop {
        let word = skip_while(text, end, |byte| !byte.is_ascii_whitespace());
        // No word: the end of the line or the text, or a sign that is neither a blank nor part of a word.
        if word == end || end > start && matches!(text[word - 1], b':' | b'|') {
            break;
        }
        end = after_blanks(text, word);
    }
    Some(start..start + text[start..end].trim_ascii_end().len())
}

/// The position after `|`, `>-`, `|2+`.
fn after_signs(text: Text<'_>, at: usize) -> Option<usize> {
    let signs = matches!(text.get(at), Some(b'|' | b'>')).then_some(at + 1)?;
    Some(signs + text[signs..].iter().take(2).take_while(|byte| b"+-123456789".contains(byte)).count())
}

/// The position after the line end that follows `|`, `>-`, `|2+`, `| # comment`.
fn after_header(text: Text<'_>, at: usize) -> Option<usize> {
    let signs = after_signs(text, at)?;
    let end = after_blanks(text, signs);
    let end =
        if end > signs && text.get(end) == Some(&b'#') { skip_while(text, end, |byte| byte != b'\n') } else { end };
    after_line_end(text, end)
}

fn after_line_end(text: Text<'_>, at: usize) -> Option<usize> {
    let at = at + usize::from(text.get(at) == Some(&b'\r'));
    (text.get(at) == Some(&b'\n')).then_some(at + 1)
}

/// Where a value begins on the next line, if that is indented more than the line of `at`.
pub(super) fn next_line(text: Text<'_>, at: usize) -> Option<usize> {
    let end = if text[at..].starts_with(b"# ") { skip_while(text, at, |byte| byte != b'\n') } else { at };
    let mut line = after_line_end(text, end)?;
    loop {
        let start = after_blanks(text, line);
        let Some(next) = after_line_end(text, start) else {
            let is_value = start - line > indent(text, at) && start < text.len() && !begins_other(text, start);
            return is_value.then_some(start);
        };
        line = next;
    }
}

/// Whether another thing than a value begins the line after a name: a mapping, a list, a frame of a stack trace.
fn begins_other(text: Text<'_>, at: usize) -> bool {
    const FRAMES: [&[u8]; 5] = [b"at ", b"from ", b"in ", b"File \"", b"... "];
    let word = skip_while(text, at, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let is_mapping = word > at && matches!(text[word..], [b':'] | [b':', b' ' | b'\t' | b'\r' | b'\n', ..]);
    is_mapping || text[at..].starts_with(b"- ") || FRAMES.iter().any(|frame| text[at..].starts_with(frame))
}

/// The indentation of the line of `at`, the dashes of lists included.
fn indent(text: Text<'_>, at: usize) -> usize {
    let line = text.before(at, |byte| byte != b'\n');
    let mut start = after_blanks(text, line);
    while text[start..].starts_with(b"- ") {
        start = after_blanks(text, start + 1);
    }
    start - line
}

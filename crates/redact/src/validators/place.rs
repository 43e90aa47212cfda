//! Blanks, operators, quotes and strings at a position of a text.
//!
//! Input: a text and a position in it. Output: the position after the matched bytes, or the same position if nothing
//! matches.

use std::ops::Range;

use super::Text;

/// The position after all bytes that are `within`.
pub(super) fn skip_while(text: Text<'_>, at: usize, within: impl Fn(u8) -> bool) -> usize {
    text.skip_while(at, within)
}

/// The position after spaces, tabs and other invisible characters except line ends.
pub(super) fn after_blanks(text: Text<'_>, at: usize) -> usize {
    skip_while(text, at, |byte| matches!(byte, 0x01..=0x09 | 0x0b | 0x0c | 0x0e..=0x1f | b' '))
}

/// The position after blanks and line ends.
pub(super) fn after_space(text: Text<'_>, at: usize) -> usize {
    skip_while(text, at, |byte| byte.is_ascii_whitespace())
}

/// The position after the word of `words` that stands here and is not the start of a longer one.
pub(super) fn after_word(text: Text<'_>, at: usize, words: &[&[u8]]) -> Option<usize> {
    let end = skip_while(text, at, |byte| byte.is_ascii_alphanumeric());
    words.iter().any(|word| text[at..end].eq_ignore_ascii_case(word)).then_some(end)
}

/// Whether a text begins with a word, compared without case.
pub(super) fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Whether a text ends with a word, compared without case.
pub(super) fn ends_with(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
}

/// The number of backslashes before a quote here, and the quote.
pub(super) fn quote(text: Text<'_>, at: usize) -> Option<(usize, u8)> {
    let slashes = skip_while(text, at, |byte| byte == b'\\') - at;
    let quote = *text.get(at + slashes)?;
    matches!(quote, b'"' | b'\'').then_some((slashes, quote))
}

/// The position after a quote and its backslashes.
pub(super) fn after_quote(text: Text<'_>, at: usize) -> usize {
    quote(text, at).map_or(at, |(slashes, _)| at + slashes + 1)
}

/// The position after a quote that is written as an XML entity.
pub(super) fn after_entity(text: Text<'_>, at: usize) -> usize {
    const QUOTES: [&[u8]; 6] = [b"&quot;", b"&apos;", b"&#34;", b"&#39;", b"&#x22;", b"&#x27;"];
    let length = QUOTES.iter().find(|entity| starts_with(&text[at..], entity)).map_or(0, |entity| entity.len());
    at + length
}

/// The position after the operator before a value: `=`, `:`, `=>` and so on, also percent-encoded.
pub(super) fn after_sign(text: Text<'_>, at: usize) -> Option<usize> {
    let length = match &text[at..] {
        [b'=' | b'-', b'>', ..] | [b':' | b'=', b'=', ..] => 2,
        [b'=' | b':', ..] => 1,
        rest if starts_with(rest, b"%3a") || starts_with(rest, b"%3d") => 3,
        _ => return None,
    };
    Some(at + length)
}

/// The content of the string that opens here, and whether it is closed. An unclosed string goes to the end of the text.
pub(super) fn inside(text: Text<'_>, at: usize) -> Option<(Range<usize>, bool)> {
    let (slashes, quote) = quote(text, at)?;
    let start = at + slashes + 1;
    let mut end = closing(text, start, quote, slashes);
    // A doubled quote belongs to the value.
    while quote == b'\'' && slashes == 0 && text[end..].starts_with(b"''") {
        end = closing(text, end + 2, quote, slashes);
    }
    Some((start..end, end < text.len()))
}

/// Where the string ends that opened with `slashes` backslashes and a quote; the end of the text if it is not closed. A
/// quote with fewer backslashes closes the string around it.
pub(super) fn closing(text: Text<'_>, inside: usize, quote: u8, slashes: usize) -> usize {
    end_of(text, inside, quote, slashes, |before, spelled| before <= slashes && !spelled)
}

/// The same, but only a quote of the same depth closes the string: the string around it may be broken.
pub(in super::super) fn same_depth_closing(text: Text<'_>, inside: usize, quote: u8, slashes: usize) -> usize {
    end_of(text, inside, quote, slashes, |before, _| before == slashes)
}

/// `closes` decides whether a quote closes the string, by the number of backslashes before it, and by whether `\u005c`
/// stands before them. In JSON in a string that makes the quote part of the value.
fn end_of(text: Text<'_>, inside: usize, quote: u8, slashes: usize, closes: impl Fn(usize, bool) -> bool) -> usize {
    let mut at = inside;
    while let Some(end) = text.find(at, quote) {
        let before = text[inside..end].iter().rev().take_while(|&&byte| byte == b'\\').count();
        // In JSON in a string, a quote of the value itself has more backslashes than the closing one.
        let spelled = before > 0 && ends_with(&text[inside..end - before], b"\\u005c");
        if closes(before, spelled) || slashes == 0 && before % 2 == 0 {
            return end - before.min(slashes);
        }
        at = end + 1;
    }
    text.len()
}

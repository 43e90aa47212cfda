//! What stands at a place of a text: blanks, signs, quotes, strings.
//!
//! In: a text and a position in it. Out: the position behind what is there, the same one where there is nothing of the kind.

use std::ops::Range;

use super::Text;

/// Behind all bytes that are `within`.
pub(super) fn behind(text: Text<'_>, at: usize, within: impl Fn(u8) -> bool) -> usize {
    text.behind(at, within)
}

/// Behind spaces, tabs and other signs that no one sees, but for line ends.
pub(super) fn behind_blanks(text: Text<'_>, at: usize) -> usize {
    behind(text, at, |byte| matches!(byte, 0x01..=0x09 | 0x0b | 0x0c | 0x0e..=0x1f | b' '))
}

/// Behind blanks and line ends.
pub(super) fn behind_space(text: Text<'_>, at: usize) -> usize {
    behind(text, at, |byte| byte.is_ascii_whitespace())
}

/// Behind the word of `words` that stands here, and is not the start of a longer one.
pub(super) fn behind_word(text: Text<'_>, at: usize, words: &[&[u8]]) -> Option<usize> {
    let end = behind(text, at, |byte| byte.is_ascii_alphanumeric());
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

/// How many backslashes stand here before a quote, and the quote.
pub(super) fn quote(text: Text<'_>, at: usize) -> Option<(usize, u8)> {
    let slashes = behind(text, at, |byte| byte == b'\\') - at;
    let quote = *text.get(at + slashes)?;
    matches!(quote, b'"' | b'\'').then_some((slashes, quote))
}

/// Behind a quote and its backslashes.
pub(super) fn behind_quote(text: Text<'_>, at: usize) -> usize {
    quote(text, at).map_or(at, |(slashes, _)| at + slashes + 1)
}

/// Behind a quote that is written as an entity of XML.
pub(super) fn behind_entity(text: Text<'_>, at: usize) -> usize {
    const QUOTES: [&[u8]; 6] = [b"&quot;", b"&apos;", b"&#34;", b"&#39;", b"&#x22;", b"&#x27;"];
    let length = QUOTES.iter().find(|entity| starts_with(&text[at..], entity)).map_or(0, |entity| entity.len());
    at + length
}

/// Behind what sets a value apart: `=`, `:`, `=>` and so on, also percent-encoded.
pub(super) fn behind_sign(text: Text<'_>, at: usize) -> Option<usize> {
    let length = match &text[at..] {
        [b'=' | b'-', b'>', ..] | [b':' | b'=', b'=', ..] => 2,
        [b'=' | b':', ..] => 1,
        rest if starts_with(rest, b"%3a") || starts_with(rest, b"%3d") => 3,
        _ => return None,
    };
    Some(at + length)
}

/// The inside of the string that opens here, and whether it closes; where it does not, it goes to the text's end.
pub(super) fn inside(text: Text<'_>, at: usize) -> Option<(Range<usize>, bool)> {
    let (slashes, quote) = quote(text, at)?;
    let start = at + slashes + 1;
    let mut end = closing(text, start, quote, slashes);
    // A quote that is doubled is one of the value's.
    while quote == b'\'' && slashes == 0 && text[end..].starts_with(b"''") {
        end = closing(text, end + 2, quote, slashes);
    }
    Some((start..end, end < text.len()))
}

/// Where the string ends that opened with `slashes` backslashes and a quote; the text's end where it does not. A quote with
/// fewer backslashes closes what it stands in.
pub(super) fn closing(text: Text<'_>, inside: usize, quote: u8, slashes: usize) -> usize {
    end_of(text, inside, quote, slashes, |before, spelled| before <= slashes && !spelled)
}

/// The same where no quote but one of its own depth is taken to close it: what holds it may be broken.
pub(in super::super) fn own_closing(text: Text<'_>, inside: usize, quote: u8, slashes: usize) -> usize {
    end_of(text, inside, quote, slashes, |before, _| before == slashes)
}

/// `closes`: whether a quote does, by the number of backslashes before it, and whether one that is spelled `\u005c` comes before
/// them: in JSON in a string that makes the quote one of the value's.
fn end_of(text: Text<'_>, inside: usize, quote: u8, slashes: usize, closes: impl Fn(usize, bool) -> bool) -> usize {
    let mut at = inside;
    while let Some(end) = text.find(at, quote) {
        let before = text[inside..end].iter().rev().take_while(|&&byte| byte == b'\\').count();
        // Within JSON in a string, a quote of the value itself has more backslashes than the one that closes it.
        let spelled = before > 0 && ends_with(&text[inside..end - before], b"\\u005c");
        if closes(before, spelled) || slashes == 0 && before % 2 == 0 {
            return end - before.min(slashes);
        }
        at = end + 1;
    }
    text.len()
}

//! Removes terminal sequences from messages: colours, cursor movements, titles, links (ECMA-48).
//!
//! Input: a part of a redacted message. Output: the parts of it between the sequences. A sequence that does not end within
//! its line stays. Time is linear: a sequence is read up to the next one, or to its longest length.

use std::ops::RangeInclusive;

/// What happens to terminal sequences in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ansi {
    /// JSON records lose them, raw ones keep them.
    #[default]
    Auto,
    /// They are removed.
    Strip,
    /// They stay.
    Keep,
}

/// How a text spells control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As they are.
    Plain,
    /// As the content of a JSON string.
    Json,
}

/// The longest sequence in characters, its command string included.
const SEQUENCE_CHARS_MAX: usize = 2048;

const BELL: u8 = 0x07;
const ESCAPE: u8 = 0x1b;
/// The control characters that stand for the escape character and a letter (ECMA-48, 5.3).
const C1: RangeInclusive<u8> = 0x80..=0x9f;
const STRING_TERMINATOR: u8 = 0x9c;

/// Passes on the parts of `text` between terminal sequences.
pub(super) fn without_sequences<'t>(text: &'t [u8], spelling: Spelling, mut part: impl FnMut(&'t [u8])) {
    let (mut kept, mut at) = (0, 0);
    while let Some(length) = introducer(&text[at..], spelling) {
        at += length;
        match sequence(text, at, spelling) {
            Some(end) => {
                part(&text[kept..at]);
                (kept, at) = (end, end);
            }
            // An escaped backslash begins no escape.
            None => at += if text[at..].starts_with(br"\\") && spelling == Spelling::Json { 2 } else { 1 },
        }
    }
    part(&text[kept..]);
}

/// The position of the first byte that may begin a sequence.
fn introducer(text: &[u8], spelling: Spelling) -> Option<usize> {
    match spelling {
        Spelling::Plain => memchr::memchr2(ESCAPE, 0xc2, text),
        Spelling::Json => memchr::memchr3(ESCAPE, 0xc2, b'\\', text),
    }
}

/// The position after the sequence at `at`.
fn sequence(text: &[u8], at: usize, spelling: Spelling) -> Option<usize> {
    let (first, next) = character(text, at, spelling)?;
    let (kind, next) = match first {
        ESCAPE => character(text, next, spelling)?,
        control if C1.contains(&control) => (control - 0x40, next),
        _ => return None,
    };
    match kind {
        b'[' => after_parameters(text, next, spelling, 0x20..=0x3f),
        b']' | b'P' | b'X' | b'^' | b'_' => after_command(text, next, spelling),
        b' '..=b'/' => after_parameters(text, next, spelling, 0x20..=0x2f),
        b'0'..=b'~' if first == ESCAPE => Some(next),
        _ => None,
    }
}

/// The position after parameters and the letter that ends them.
fn after_parameters(text: &[u8], mut at: usize, spelling: Spelling, within: RangeInclusive<u8>) -> Option<usize> {
    for _ in 0..SEQUENCE_CHARS_MAX {
        let (character, next) = character(text, at, spelling)?;
        if !within.contains(&character) {
            return matches!(character, b'0'..=b'~').then_some(next);
        }
        at = next;
    }
    None
}

/// The position after a command string and its terminator.
fn after_command(text: &[u8], mut at: usize, spelling: Spelling) -> Option<usize> {
    for _ in 0..SEQUENCE_CHARS_MAX {
        let (first, next) = character(text, at, spelling)?;
        match first {
            BELL | STRING_TERMINATOR => return Some(next),
            ESCAPE => return character(text, next, spelling).filter(|(sign, _)| *sign == b'\\').map(|(_, end)| end),
            b'\n' => return None,
            control if C1.contains(&control) => return None,
            _ => at = next,
        }
    }
    None
}

/// The character at `at`, and the position after it. A byte above ASCII that begins no control character is `0xff`.
fn character(text: &[u8], at: usize, spelling: Spelling) -> Option<(u8, usize)> {
    match text.get(at..)? {
        [0xc2, control @ 0x80..=0x9f, ..] => Some((*control, at + 2)),
        [b'\\', b'u', b'0', b'0', digits @ ..] if spelling == Spelling::Json => {
            let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, at + 6))
        }
        [b'\\', b'n', ..] if spelling == Spelling::Json => Some((b'\n', at + 2)),
        [b'\\', sign, ..] if spelling == Spelling::Json => Some((*sign, at + 2)),
        [byte, ..] => Some((if byte.is_ascii() { *byte } else { 0xff }, at + 1)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(spelling: Spelling, text: &str, want: &str) {
        let mut kept = Vec::new();
        without_sequences(text.as_bytes(), spelling, |part| kept.extend_from_slice(part));
        assert_eq!(String::from_utf8(kept).unwrap(), want, "{text:?}");
    }

    #[test]
    fn sequences_are_removed_in_every_spelling() {
        check(Spelling::Plain, "\x1b[1;32mINFO\x1b[0m started é", "INFO started é");
        check(Spelling::Plain, "\x1b]8;;https://x\x07link\x1b]8;;\x1b\\ \x1b]0;title\u{9c}.\x1b(B\x1bc", "link .");
        check(Spelling::Plain, "\u{9b}31mred\u{9b}m", "red");
        check(Spelling::Plain, "a\x1b[2J\nb\x1b[38;5;208m\nc", "a\nb\nc");
        check(
            Spelling::Json,
            r"\u001b[36mINFO\u001B[0m a\\u001b[0m \u001b]0;t\u0007b\u001b\\c",
            r"INFO a\\u001b[0m bc",
        );
        check(Spelling::Json, r"\u001b]8;;x\u001b\\link \u009b1mx", "link x");
    }

    #[test]
    fn other_text_and_open_sequences_stay() {
        for text in
            ["", "é [0m ^[[0m", "a\x1b", "a\x1b[", "a\x1b[1;3", "a\x1b]0;title", "\x1b]0;a\nb\x07", "\u{c2}\u{a0}"]
        {
            check(Spelling::Plain, text, text);
        }
        for text in [r"a\n\t\u00e9\\", r"\\u001b[0m", r"\u001b", r"\u001b[", r"\u001b]0;a\nb\u0007", r"\u00"] {
            check(Spelling::Json, text, text);
        }
    }

    /// Goal: a text of nothing but beginnings of sequences stays, and takes linear time.
    #[test]
    fn beginnings_of_sequences_cost_no_more_than_their_bytes() {
        for unit in ["\x1b]", "\u{9d}", "\x1bP", "\x1b[", "\u{9b}", "\x1b"] {
            let text = unit.repeat(1 << 19);
            let mut kept_bytes = 0;
            without_sequences(text.as_bytes(), Spelling::Plain, |part| kept_bytes += part.len());
            assert_eq!(kept_bytes, text.len(), "{unit:?}");
        }
    }
}

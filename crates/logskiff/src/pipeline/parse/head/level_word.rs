//! Words that are levels in the head of a text line.
//!
//! Many names of levels are words of their own, so that only some spellings count.

use event::Level;

use super::super::level::{self, Levels, Scale};

/// How a level has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// In upper case, and no word that titles have: `ERROR`, not `Error`, `FAIL` or `NOTE`.
    Upper,
    /// In upper case.
    Capitals,
    /// Where nothing but a level stands: in brackets, before a colon.
    Any,
}

/// Levels that are words as well: in upper case alone they tell nothing.
const WORDS: [&[u8]; 10] =
    [b"FAIL", b"LOG", b"NOTE", b"SUCCESS", b"SYSTEM", b"CONFIG", b"HTTP", b"FINE", b"ALERT", b"EXCEPTION"];

/// Reads a word as a level. A configured word is one in any spelling.
pub(super) fn read(word: &[u8], spelling: Spelling, levels: &Levels) -> Option<Level> {
    levels.mapped_word(word).or_else(|| read_usual(word, spelling))
}

fn read_usual(word: &[u8], spelling: Spelling) -> Option<Level> {
    let is_name = word.len() >= 3 && word[0].is_ascii_alphabetic();
    let is_upper = || word.iter().all(|byte| !byte.is_ascii_lowercase());
    let is_level = match spelling {
        Spelling::Upper => is_upper() && !WORDS.contains(&word),
        Spelling::Capitals => is_upper(),
        Spelling::Any => true,
    };
    if is_name && is_level { level::read_word(word) } else { None }
}

/// The level of a letter, as klog, glog and Ruby write it.
pub(super) fn letter(letter: u8, levels: &Levels) -> Option<Level> {
    levels.mapped_word(&[letter]).or_else(|| match letter {
        b'V' => Some(Level::Trace),
        b'A'..=b'Z' => level::read_word(&[letter]),
        _ => None,
    })
}

/// The level of `<34>`, syslog's priority (RFC 5424, section 6.2.1).
pub(super) fn priority(text: &[u8]) -> Option<Level> {
    let rest = text.strip_prefix(b"<")?;
    let close = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let number: u8 = std::str::from_utf8(&rest[..close]).ok()?.parse().ok()?;
    Scale::Syslog.level(u32::from(number % 8))
}

/// The level of the mark that Redis writes after its stamp.
pub(super) fn of_redis(mark: u8) -> Option<Level> {
    Some(match mark {
        b'.' | b'-' => Level::Debug,
        b'*' => Level::Info,
        b'#' => Level::Warn,
        _ => return None,
    })
}

/// The level of PHP's errors, whose names have two words: `Fatal error:`. `word`: the first one; `rest`: what follows it.
pub(super) fn of_php(word: &[u8], rest: &[u8]) -> Option<Level> {
    match word {
        b"Fatal" | b"Parse" if rest.starts_with(b" error:") => Some(Level::Fatal),
        b"Recoverable" if rest.starts_with(b" fatal error:") => Some(Level::Error),
        b"Deprecated" => Some(Level::Info),
        _ => None,
    }
}

//! Finds the time and the level at the beginning of a text line.
//!
//! Input: a line. Output: its time and level, as far as it has them. Both are looked for only in what a logger writes before
//! its message: stamps, levels, numbers, names in brackets. The first word of another kind begins the message, so that a
//! sentence that tells of a time or an error has neither.

mod level_word;
mod token;

use event::Level;

use self::level_word::{Spelling, letter, priority};
use self::token::{Token, Tokens};
use super::colours;
use super::level::Levels;
use super::number::digits;
use super::time::{self, Clock, Found};

/// Bytes of a line that are looked at.
const HEAD_BYTES: usize = 256;
/// Words before the stamp of an access log: addresses, a host, an identity, a user.
const CLIENT_WORDS_MAX: usize = 5;
/// Words, names and numbers before a stamp or a level.
const TOKENS_MAX: usize = 8;

/// What a line's head tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Nanoseconds since the epoch.
    pub(super) time_ns: Option<i64>,
    /// There is a stamp, but no such time.
    pub(super) time_failed: bool,
    pub(super) level: Option<Level>,
}

/// Reads the head of a line.
pub(super) fn read(line: &[u8], clock: &Clock, levels: &Levels) -> Head {
    let start = &line[..line.len().min(HEAD_BYTES)];
    if !colours::may_have(start) {
        return read_plain(start, clock, levels);
    }
    let mut buffer = [0; HEAD_BYTES];
    let mut len = 0;
    for (to, at) in colours::kept(start).enumerate() {
        buffer[to] = start[at];
        len = to + 1;
    }
    read_plain(&buffer[..len], clock, levels)
}

fn read_plain(text: &[u8], clock: &Clock, levels: &Levels) -> Head {
    let Some((at, stamp)) = find_stamp(text, clock, levels) else {
        let of_day = behind_time_of_day(text).and_then(|after| level_in_head(after, levels));
        return Head { level: of_day.or_else(|| first_level(text, levels)), ..Head::default() };
    };
    let (before, after) = (&text[..at], &text[at + stamp.len..]);
    let level = level_before(before, &text[at..], levels).or_else(|| level_after(before, stamp, after, levels));
    let time_ns = request_time(stamp, after, clock).or(stamp.time_ns);
    Head { time_ns, time_failed: time_ns.is_none(), level }
}

/// The time of an access log in a message of syslog, which is more exact.
fn request_time(stamp: Found, after: &[u8], clock: &Clock) -> Option<i64> {
    if stamp.has_year {
        return None;
    }
    let mut brackets = memchr::memmem::find_iter(after, b" [");
    let at = brackets.find(|at| after.get(at + 4) == Some(&b'/'))?;
    clock.find(&after[at + 2..])?.time_ns
}

/// The first stamp before the message, and where it begins.
fn find_stamp(text: &[u8], clock: &Clock, levels: &Levels) -> Option<(usize, Found)> {
    let mut tokens = Tokens::new(text);
    let mut words = 0;
    for number in 0..TOKENS_MAX {
        let at = tokens.next_start()?;
        // After a word, only the stamp of an access log is one: it stands in a bracket.
        if words == 0 || text[at] == b'[' {
            match stamp_at(text, at, clock) {
                Some((start, found)) if words == 0 || text.get(start + 2) == Some(&b'/') => {
                    return Some((start, found));
                }
                Some(_) => return None,
                None => {}
            }
        }
        let is_of_head = match tokens.next()? {
            Token::Group(_) | Token::Number | Token::Mark => true,
            Token::Word(word) => is_before_stamp(word, number, levels),
            Token::Text => return None,
        };
        words += usize::from(!is_of_head);
        if words > CLIENT_WORDS_MAX {
            return None;
        }
    }
    None
}

/// The stamp at `at`, or behind the bracket, quote or key there.
fn stamp_at(text: &[u8], at: usize, clock: &Clock) -> Option<(usize, Found)> {
    let rest = &text[at..];
    let key = match rest[0] {
        b't' | b'd' => {
            [&b"time="[..], b"ts=", b"t=", b"timestamp=", b"date="].into_iter().find(|key| rest.starts_with(key))
        }
        _ => None,
    };
    let key = key.map_or(0, <[u8]>::len);
    let opening = rest[key..].iter().take_while(|byte| matches!(byte, b'[' | b'(' | b'"' | b' ')).take(2).count();
    let mut start = at + key + opening;
    if bracket_letter(&text[..(start + 2).min(text.len())]).is_some() {
        start += 2;
    }
    let found = match text.get(start)? {
        b'0'..=b'9' => clock.find(&text[start..]).or_else(|| time::find_unix(&text[start..])),
        b'A'..=b'Z' => clock.find(&text[start..]),
        _ => None,
    }?;
    Some((start, found))
}

/// The letter between a bracket and a stamp, as Tornado and Jupyter write it: `[I 2026-11-28 10:15:02`.
fn bracket_letter(before: &[u8]) -> Option<u8> {
    match before {
        [.., b'[', letter @ b'A'..=b'Z', b' '] => Some(*letter),
        _ => None,
    }
}

/// What follows a time of day that begins the line. It has no date, so that it is no time.
fn behind_time_of_day(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"[").unwrap_or(text);
    let rest = &text[digits(text).min(2)..];
    let [b':', b'0'..=b'5', minute, b':', b'0'..=b'6', second, after @ ..] = rest else { return None };
    let fraction = match after {
        [b'.' | b',', decimals @ ..] => 1 + digits(decimals),
        _ => 0,
    };
    let after = &after[fraction..];
    let is_time = minute.is_ascii_digit() && second.is_ascii_digit() && rest.len() < text.len();
    let after = after.strip_prefix(b"]").unwrap_or(after);
    (is_time && matches!(after.first(), Some(b' ' | b'\t'))).then_some(after)
}

/// Whether the word may stand before a stamp in any log: a level, a level's letter, a program's name with a colon.
fn is_before_stamp(word: &[u8], number: usize, levels: &Levels) -> bool {
    let name = word.strip_suffix(b":").unwrap_or(word);
    level_word::read(word, Spelling::Upper, levels).is_some()
        || number == 0 && name.len() < word.len() && !name.eq_ignore_ascii_case(b"date")
        || word == b"Time:"
        || matches!(word, [letter, b','] if letter.is_ascii_uppercase())
        || word.iter().any(u8::is_ascii_digit) && word.contains(&b':')
}

/// The level in what stands before a stamp, or in the letter that is part of it.
fn level_before(before: &[u8], stamp: &[u8], levels: &Levels) -> Option<Level> {
    if let Some(level) = priority(before) {
        return Some(level);
    }
    if let [first, second, ..] = stamp
        && second.is_ascii_digit()
        && first.is_ascii_uppercase()
    {
        return letter(*first, levels);
    }
    if let Some(first) = bracket_letter(before) {
        return letter(first, levels);
    }
    for token in Tokens::new(before) {
        let level = match token {
            Token::Group(inside) => level_word::read(inside, Spelling::Any, levels),
            Token::Word([first, b',']) => letter(*first, levels),
            Token::Word(word) => level_word::read(word, Spelling::Upper, levels),
            _ => None,
        };
        if level.is_some() {
            return level;
        }
    }
    None
}

/// The level between a stamp and the message.
fn level_after(before: &[u8], stamp: Found, after: &[u8], levels: &Levels) -> Option<Level> {
    if !stamp.has_year {
        // Syslog: the host, then the program.
        return level_in_syslog(after, levels);
    }
    if before.contains(&b':') && matches!(after, [b' ', b'.' | b'-' | b'*' | b'#', b' ', ..]) {
        return level_word::of_redis(after[1]);
    }
    level_in_head(after, levels)
}

/// The level in what a logger writes between the time and the message.
fn level_in_head(after: &[u8], levels: &Levels) -> Option<Level> {
    let mut tokens = Tokens::new(after);
    let mut is_first = true;
    for _ in 0..TOKENS_MAX {
        match tokens.next()? {
            Token::Group(inside) => {
                is_first = false;
                let last = inside.rsplit(|byte| *byte == b':').next().unwrap_or(inside);
                if let Some(level) = level_word::read(last.trim_ascii(), Spelling::Any, levels) {
                    return Some(level);
                }
            }
            Token::Number | Token::Mark => {}
            // Telegraf.
            Token::Word([first, b'!']) if is_first => return letter(*first, levels),
            Token::Word(word) => {
                let spelling = spelling(is_first, tokens.rest());
                is_first = false;
                match level_of_word(word, tokens.rest(), spelling, levels) {
                    Some(level) => return Some(level),
                    None if is_between(word, &tokens, levels) => {}
                    None => return None,
                }
            }
            Token::Text => return None,
        }
    }
    None
}

/// How a level has to be written: right behind the stamp any word in upper case is one, and between tabs any word.
fn spelling(is_first: bool, rest: &[u8]) -> Spelling {
    match rest.first() {
        Some(b'\t') => Spelling::Any,
        _ if is_first => Spelling::Capitals,
        _ => Spelling::Upper,
    }
}

/// The level that a word of the head is, or that it has at its end (`app.INFO:`), its beginning (`INFO/MainProcess]`) or
/// behind a key (`level=info`).
fn level_of_word(word: &[u8], rest: &[u8], spelling: Spelling, levels: &Levels) -> Option<Level> {
    let first = word.split(|byte| matches!(byte, b'/' | b':')).next().unwrap_or(word);
    if let Some(level) = level_word::read(first, spelling, levels) {
        return Some(level);
    }
    if let Some(name) = word.strip_suffix(b":") {
        let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
        if last == b"http" && levels.mapped_word(last).is_none() {
            // A package of Go more often than a level of winston.
            return None;
        }
        return level_word::read(last, Spelling::Any, levels).or_else(|| level_word::of_php(name, rest));
    }
    let key = [&b"level="[..], b"lvl=", b"severity="].into_iter().find_map(|key| word.strip_prefix(key));
    if let Some(value) = key {
        return level_word::read(value, Spelling::Any, levels);
    }
    level_word::of_php(word, rest)
}

/// Whether the word may stand between a stamp and a level: a key with a value, a user, a host with a number, a logger before
/// ` - `, and any word soon before `INFO:`.
fn is_between(word: &[u8], after: &Tokens<'_>, levels: &Levels) -> bool {
    let is_joint = |byte: &u8| matches!(byte, b'-' | b'[' | b'#' | b':');
    let numbered = word.iter().any(u8::is_ascii_digit) && word.iter().any(is_joint);
    let is_level = |token: Token<'_>| match token {
        Token::Word(word) => {
            word.strip_suffix(b":").is_some_and(|name| level_word::read(name, Spelling::Upper, levels).is_some())
        }
        _ => false,
    };
    word.contains(&b'=')
        || word.contains(&b'@')
        || numbered
        || word == b"PHP"
        || after.rest().starts_with(b" - ")
        || after.clone().take(2).any(is_level)
}

/// The level in a message of syslog: `HOST PROGRAM[PID]: error: text`.
fn level_in_syslog(after: &[u8], levels: &Levels) -> Option<Level> {
    let mut tokens = Tokens::new(after);
    let numbered = matches!(tokens.clone().next(), Some(Token::Number));
    if numbered {
        // klog: the level is the letter before the stamp.
        return None;
    }
    tokens.next()?;
    let rest = tokens.rest().trim_ascii_start();
    let tag = memchr::memmem::find(rest, b": ")?;
    if rest[..tag].contains(&b' ') {
        return None;
    }
    let message = rest[tag + 2..].trim_ascii_start();
    match Tokens::new(message).next()? {
        Token::Group(inside) => level_word::read(inside, Spelling::Any, levels),
        Token::Word(word) => {
            let name = word.strip_suffix(b":")?;
            level_word::read(name, Spelling::Any, levels)
        }
        _ => None,
    }
}

/// The level at the beginning of a line without a stamp: `<6>text`, `WARNING:logger:text`, `info: text`, `[ERROR] text`.
fn first_level(text: &[u8], levels: &Levels) -> Option<Level> {
    if let Some(level) = priority(text) {
        return Some(level);
    }
    let text = text.trim_ascii_start();
    if let Some(rest) = text.strip_prefix(b"[") {
        let close = memchr::memchr(b']', rest)?;
        let inside = rest[..close].trim_ascii();
        let first = inside.split(|byte| *byte == b' ').next().unwrap_or(inside);
        return level_word::read(inside, Spelling::Any, levels)
            .or_else(|| level_word::read(first, Spelling::Upper, levels));
    }
    let first = text.split(|byte| matches!(byte, b':' | b' ' | b'\t' | b'|' | b'[')).next().unwrap_or(text);
    if let Some(level) = levels.mapped_word(first) {
        return Some(level);
    }
    let count = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, after) = text.split_at(count);
    match after.first() {
        Some(b':') if after.get(1) != Some(&b'/') && !word.first()?.is_ascii_uppercase() => {
            level_word::read(word, Spelling::Any, levels)
        }
        Some(b':') => level_word::read(word, Spelling::Capitals, levels),
        None | Some(b' ' | b'\t' | b'|' | b'[') => level_word::read(word, Spelling::Upper, levels),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

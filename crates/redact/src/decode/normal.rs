//! Normalizes a text: removes JSON escapes at any depth, percent-encoding (RFC 3986, section 2.1) and XML and HTML
//! entities however often they were applied, colours and other terminal sequences (ECMA-48), and Unicode variants of
//! ASCII characters: full-width forms, no-break spaces, typographic quotes.
//!
//! Escaped quotes and backslashes stay unchanged, because they show where a string ends. Each unit is decoded from its
//! own position and reads a bounded number of bytes, so that a text can be decoded again from any unit. No unit but the
//! backslash that continues a command on the next line reaches over a line's end.

use super::Unit;
use super::json::unicode;

/// Maximum number of backslashes before an escape: strings in strings in strings.
const SLASHES_MAX: usize = 16;
/// Maximum depth of `&amp;amp;…` and `%2525…`.
const DEPTH_MAX: usize = 8;
/// The longest name or number of an entity.
const ENTITY_CHARS_MAX: usize = 9;
/// The most parameters of a control sequence.
const PARAMETERS_MAX: usize = 64;
/// The longest command string of a terminal: a title, a link.
const COMMAND_CHARS_MAX: usize = 2048;

/// The entities of characters that rules look at; `amp` is one of them.
const ENTITIES: [(&[u8], char); 12] = [
    (b"amp", '&'),
    (b"quot", '"'),
    (b"apos", '\''),
    (b"lt", '<'),
    (b"gt", '>'),
    (b"nbsp", ' '),
    (b"colon", ':'),
    (b"equals", '='),
    (b"commat", '@'),
    (b"period", '.'),
    (b"sol", '/'),
    (b"hyphen", '-'),
];

/// How syslog daemons write separators of lines and words.
const CONTROLS: [(&[u8; 4], char); 3] = [(b"#011", '\t'), (b"#012", '\n'), (b"#015", '\r')];

/// The value at a position of the text, before entities and sequences are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Char(char),
    /// Part of a character, or no character.
    Byte(u8),
}

impl Sign {
    fn is(self, character: char) -> bool {
        self == Self::Char(character)
    }

    fn ascii(self) -> Option<u8> {
        if let Self::Char(character) = self { u8::try_from(character).ok().filter(u8::is_ascii) } else { None }
    }

    fn of_byte(byte: u8) -> Self {
        if byte.is_ascii() { Self::Char(char::from(byte)) } else { Self::Byte(byte) }
    }
}

/// Whether a byte may begin a unit that does not stand for itself.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let bytes = b"\\%&^#\x1b\xc2\xe2\xe3\xef";
    let mut at = 0;
    while at < bytes.len() {
        special[bytes[at] as usize] = true;
        at += 1;
    }
    special
};

/// The position of the first byte that may begin such a unit.
pub(super) fn special(rest: &[u8]) -> Option<usize> {
    rest.iter().position(|byte| SPECIAL[usize::from(*byte)])
}

/// Whether a text differs from its normalized form.
pub(in super::super) fn differs(text: &[u8]) -> bool {
    let rare = memchr::memchr3(b'\\', b'%', 0x1b, text).is_some() || memchr::memchr3(b'&', b'^', b'#', text).is_some();
    if !rare && text.is_ascii() {
        return false;
    }
    let mut at = 0;
    while let Some(plain) = special(&text[at..]) {
        if unit(text, at + plain).is_some() {
            return true;
        }
        at += plain + 1;
    }
    false
}

/// The unit at `at`; `None`: the byte stands for itself.
pub(super) fn unit(text: &[u8], at: usize) -> Option<Unit> {
    if let Some(length) = sequence(text, at) {
        return Some(Unit::nothing(length));
    }
    if let Some((written, control)) = CONTROLS.iter().find(|(written, _)| text[at..].starts_with(*written)) {
        return Some(Unit::from_char(*control, written.len()));
    }
    match text[at..] {
        [b'\\', b'\n', ..] => return Some(Unit::from_char(' ', 2)),
        [b'\\', b'\r', b'\n', ..] => return Some(Unit::from_char(' ', 3)),
        _ => {}
    }
    let (sign, length) = encoded(text, at)?;
    if let Some(quoted) = spelled_quote(text, at, sign, length) {
        return Some(quoted);
    }
    if sign.is('&') {
        return entity(text, at).or_else(|| (length > 1).then(|| Unit::from_byte(b'&', length)));
    }
    match sign {
        Sign::Byte(byte) => (length > 1).then(|| Unit::from_byte(byte, length)),
        Sign::Char(character) if is_invisible(character) => Some(Unit::nothing(length)),
        Sign::Char(character) => {
            let is_written_otherwise = length > character.len_utf8();
            fold(character).or(is_written_otherwise.then_some(character)).map(|read| Unit::from_char(read, length))
        }
    }
}

/// A quote or backslash written as `\u0022`: it is decoded like its neighbours, with a backslash before it.
fn spelled_quote(text: &[u8], at: usize, sign: Sign, length: usize) -> Option<Unit> {
    let sign = sign.ascii().filter(|byte| matches!(byte, b'"' | b'\'' | b'\\'))?;
    let slashes = text[at..at + length].iter().take_while(|byte| **byte == b'\\').count();
    let is_spelled = text.get(at + slashes) == Some(&b'u') && slashes > 0;
    is_spelled.then(|| Unit::escaped(sign, slashes, length))
}

/// Whether a character is invisible: joiners, byte order marks, soft hyphens.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

/// The ASCII character that a character looks like, if it is another one.
fn fold(character: char) -> Option<char> {
    let folded = match character {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => '-',
        '\u{2018}'..='\u{201b}' | '\u{2032}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '«' | '»' => '"',
        '\u{2236}' | '\u{fe55}' => ':',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0)?,
        _ => return None,
    };
    Some(folded)
}

/// A character and its length in bytes, without JSON escapes at any depth.
fn escaped(text: &[u8], at: usize) -> Option<(Sign, usize)> {
    let byte = *text.get(at)?;
    if byte == b'\\' {
        return Some(escape(text, at).unwrap_or((Sign::Char('\\'), 1)));
    }
    if byte.is_ascii() {
        return Some((Sign::Char(char::from(byte)), 1));
    }
    let character =
        text[at..text.len().min(at + 4)].utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    Some(character.map_or((Sign::Byte(byte), 1), |character| (Sign::Char(character), character.len_utf8())))
}

/// The value of the escape at `at`.
fn escape(text: &[u8], at: usize) -> Option<(Sign, usize)> {
    let slashes = text[at..].iter().take(SLASHES_MAX + 1).take_while(|byte| **byte == b'\\').count();
    if slashes > SLASHES_MAX {
        return None;
    }
    let after = slashes + 1;
    let sign = match text.get(at + slashes)? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'/' => '/',
        b'u' => return surrogates(text, at, slashes).map(|(character, length)| (Sign::Char(character), length)),
        b'x' => {
            let byte = hex(*text.get(at + after)?)? << 4 | hex(*text.get(at + after + 1)?)?;
            return Some((Sign::of_byte(byte), after + 2));
        }
        _ => return None,
    };
    Some((Sign::Char(sign), after))
}

/// `\uXXXX` after `slashes` backslashes; in a pair, the second half has as many.
fn surrogates(text: &[u8], at: usize, slashes: usize) -> Option<(char, usize)> {
    let first = at + slashes - 1;
    if slashes == 1 {
        return unicode(&text[at..]);
    }
    let mut pair = [0; 12];
    let high = text.get(first..first + 6)?;
    pair[..6].copy_from_slice(high);
    let second = first + 6 + slashes - 1;
    let spelled = text.get(first + 6..second).is_some_and(|between| between.iter().all(|byte| *byte == b'\\'));
    if let (true, Some(low)) = (spelled, text.get(second..second + 6)) {
        pair[6..].copy_from_slice(low);
    }
    let (character, length) = unicode(&pair)?;
    let length = if length == 12 { second + 6 - at } else { first + 6 - at };
    Some((character, length))
}

/// The value of a hexadecimal digit.
pub(in super::super) fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A character and its length in bytes, without escapes and percent-encoding, `%2540` included.
fn encoded(text: &[u8], at: usize) -> Option<(Sign, usize)> {
    let (sign, mut length) = escaped(text, at)?;
    let mut byte = sign.ascii().filter(|byte| *byte == b'%');
    let mut is_encoded = false;
    for _ in 0..DEPTH_MAX {
        if byte != Some(b'%') {
            break;
        }
        let digit = |at: usize| {
            let (sign, length) = escaped(text, at)?;
            Some((hex(sign.ascii()?)?, length))
        };
        let Some((high, first)) = digit(at + length) else { break };
        let Some((low, second)) = digit(at + length + first) else { break };
        length += first + second;
        byte = Some(high << 4 | low);
        is_encoded = true;
    }
    Some((byte.filter(|_| is_encoded).map_or(sign, Sign::of_byte), length))
}

/// The entity at `at`: `&#64;`, `&#x40;`, `&quot;`, also `&amp;quot;`.
fn entity(text: &[u8], at: usize) -> Option<Unit> {
    let mut end = at + encoded(text, at)?.1;
    let mut found = None;
    for _ in 0..DEPTH_MAX {
        let Some((character, after)) = entity_name(text, end) else { break };
        end = after;
        found = Some(character);
        if character != '&' {
            break;
        }
    }
    let character = found?;
    let character = fold(character).unwrap_or(character);
    Some(Unit::from_char(character, end - at))
}

/// The character for the name or number up to a semicolon, and where it ends.
fn entity_name(text: &[u8], mut at: usize) -> Option<(char, usize)> {
    let (mut name, mut count) = ([0; ENTITY_CHARS_MAX], 0);
    loop {
        let (sign, length) = encoded(text, at)?;
        at += length;
        match sign.ascii()? {
            b';' => break,
            byte if byte.is_ascii_alphanumeric() || byte == b'#' => *name.get_mut(count)? = byte.to_ascii_lowercase(),
            _ => return None,
        }
        count += 1;
    }
    let name = &name[..count];
    let number = |digits: &[u8], radix| u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok();
    let character = match name {
        [b'#', b'x', digits @ ..] => char::from_u32(number(digits, 16)?)?,
        [b'#', digits @ ..] => char::from_u32(number(digits, 10)?)?,
        _ => ENTITIES.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((character, at))
}

/// The length of the terminal sequence at `at`: colours, cursor movements, titles, links.
fn sequence(text: &[u8], at: usize) -> Option<usize> {
    let (kind, first, is_written_out) = kind(text, at)?;
    let end = match kind {
        b'[' => parameters(text, first, 0x20..=0x3f)?,
        _ if is_written_out => return None,
        b']' | b'P' | b'X' | b'^' | b'_' => command_end(text, first)?,
        0x20..=0x2f => parameters(text, first, 0x20..=0x2f)?,
        0x30..=0x7e => first,
        _ => return None,
    };
    Some(end - at)
}

/// The letter that says what a sequence is, the position after it, and whether its escape character is written in letters.
fn kind(text: &[u8], at: usize) -> Option<(u8, usize, bool)> {
    let (sign, length) = encoded(text, at)?;
    let (begin, is_written_out) = match sign {
        // One character stands for the escape character and the letter (ECMA-48, section 5.3).
        Sign::Char(control @ '\u{80}'..='\u{9f}') => {
            let letter = u8::try_from(u32::from(control) - 0x40).ok().filter(|letter| b"[]PX^_".contains(letter))?;
            return Some((letter, at + length, false));
        }
        Sign::Char('\u{1b}') => (at + length, false),
        _ => (at + written_escape(&text[at..])?, true),
    };
    let (kind, length) = encoded(text, begin)?;
    Some((kind.ascii()?, begin + length, is_written_out))
}

/// The length of an escape character that is written in letters, as in logs of logs.
fn written_escape(rest: &[u8]) -> Option<usize> {
    match rest[0] {
        b'^' | b'#' => {
            let written = [&b"^["[..], b"#033"].into_iter().find(|written| rest.starts_with(written))?;
            Some(written.len())
        }
        b'\\' => {
            let slashes = rest.iter().take(SLASHES_MAX + 1).take_while(|byte| **byte == b'\\').count();
            let written = [&b"e"[..], b"033"].into_iter().find(|written| rest[slashes..].starts_with(written))?;
            Some(slashes + written.len())
        }
        _ => None,
    }
}

/// The position after parameters and the letter that ends them.
fn parameters(text: &[u8], mut at: usize, within: std::ops::RangeInclusive<u8>) -> Option<usize> {
    for _ in 0..PARAMETERS_MAX {
        let (sign, length) = encoded(text, at)?;
        let byte = sign.ascii()?;
        at += length;
        if (0x40..=0x7e).contains(&byte) || (0x30..=0x7e).contains(&byte) && !within.contains(&byte) {
            return Some(at);
        }
        if !within.contains(&byte) {
            return None;
        }
    }
    None
}

/// The position after the bell or the string terminator that ends a command; another sequence inside it ends the
/// search.
fn command_end(text: &[u8], mut at: usize) -> Option<usize> {
    for _ in 0..COMMAND_CHARS_MAX {
        if text.get(at) == Some(&b'\n') {
            return None;
        }
        let (sign, length) = encoded(text, at)?;
        at += length;
        if sign.is('\u{7}') || sign.is('\u{9c}') {
            return Some(at);
        }
        if let Sign::Char('\u{80}'..='\u{9f}') = sign {
            return None;
        }
        if sign.is('\u{1b}') {
            // A backslash that is written as it is begins no escape with the letter after it.
            if length == 1 && text.get(at) == Some(&b'\\') {
                return Some(at + 1);
            }
            let (next, length) = escaped(text, at)?;
            return next.is('\\').then_some(at + length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::{Decoded, Reading};
    use super::*;
    use event::TextRange;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut decoded = Decoded::default();
        decoded.decode(text.as_bytes(), TextRange::new(0, text.len()), Reading::Normal).unwrap();
        assert_eq!(String::from_utf8_lossy(decoded.bytes()), expected, "{text}");
        assert_eq!(differs(text.as_bytes()), text != expected, "{text}");
    }

    #[test]
    fn escapes_are_decoded_at_any_depth_and_quotes_stay() {
        check(r"a\nb\\\\tc\/d", "a\nb\tc/d");
        check(r#"\"p\u0061ss\\u0077ord\":\"a\\\"b\""#, r#"\"password\":\"a\\\"b\""#);
        check(r"\x22password\x22", "\"password\"");
        check(r"\ud83d\ude00 \\ud83d\\ude00", "😀 😀");
        check(r"C:\dir \q \", r"C:\dir \q \");
        check("run \\\n  --now \\\r\n  it", "run    --now    it");
    }

    #[test]
    fn percent_encoding_and_entities_are_decoded_at_any_depth() {
        check("a%40b %2540 %252540 %4 %zz%", "a@b @ @ %4 %zz%");
        check(r"%\u0034\u0030", "@");
        check("%C3%A9", "é");
        check("ada&#64;x &#x40; &quot;a&quot; &amp;quot;b&amp;amp;quot; &amp;", "ada@x @ \"a\" \"b\" &");
        check("?a=1&b=2&c;&#;&#xffffffff;", "?a=1&b=2&c;&#;&#xffffffff;");
        check("%26%2364%3B", "@");
    }

    #[test]
    fn terminal_sequences_are_removed() {
        check("\u{1b}[36mpassword\u{1b}[0m=\u{1b}[38;5;3mx\u{1b}[K", "password=x");
        check(r"\u001b[36mname\u001b[0m \\u001b[1m \x1b[2m \e[3m \033[4m ^[[5m #033[6m", "name      ");
        check("\u{1b}]8;;https://x\u{7}link\u{1b}]8;;\u{1b}\\ \u{1b}(B\u{1b}7", "link ");
        check("\u{1b}[ \u{1b}", "\u{1b}[ \u{1b}");
        check("\u{1b}]8;;\u{1b}\\rd \u{1b}]8;;\u{1b}\\nx", "rd nx");
        check("\u{1b}]0;a\nb\u{7}", "\u{1b}]0;a\nb\u{7}");
        check("\u{9b}32ma\u{9b}0m \u{9d}0;title\u{9c}b", "a b");
        check("[a-z] ^[a-z] #0 \\event", "[a-z] ^[a-z] #0 \\event");
    }

    #[test]
    fn look_alike_characters_become_ascii() {
        check("password：ｘ　“a” ‘b’ 4111\u{a0}1111‑22 pass\u{200b}word", "password:x \"a\" 'b' 4111 1111-22 password");
        check("é 漢字 …", "é 漢字 …");
    }
}

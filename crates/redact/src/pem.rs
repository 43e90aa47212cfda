//! The formats of private keys: markers, headers, and bodies of Base64.
//!
//! Input: a text. Output: the positions of a key's parts. Supports PEM (RFC 7468, RFC 1421, RFC 4880), SSH2 (RFC 4716)
//! and `PuTTY` files, with real or escaped line ends and JSON escapes. Runs in time linear in the text.

use std::ops::Range;

use memchr::memmem;

/// Maximum length of the name of a kind of key.
const KIND_BYTES_MAX: usize = 64;
/// Number of dashes around a marker: five in PEM, four in SSH2.
const DASHES: Range<usize> = 4..6;
/// Markers of a `PuTTY` key.
const PUTTY: [&[u8]; 2] = [b"Private-Lines:", b"Private-MAC:"];
/// Minimum length of Base64 after a blank that counts as a piece of a key that was written in one line. Most words are
/// shorter.
pub(super) const PIECE_BYTES_MIN: usize = 16;
/// Minimum length of a body line. Lines have 64 characters (PEM), 70 (`OpenSSH`, SSH2) or 76 (MIME); some tools write
/// slightly shorter ones.
pub(super) const LINE_BYTES_MIN: usize = 40;
/// Headers before a body, or before the parts of a `PuTTY` key (RFC 1421, RFC 4880, RFC 4716).
const HEADERS: [&[u8]; 19] = [
    b"Proc-Type:",
    b"DEK-Info:",
    b"Version:",
    b"Comment:",
    b"Charset:",
    b"Hash:",
    b"MessageID:",
    b"Subject:",
    b"Content-Domain:",
    b"Key-Info:",
    b"Originator-ID:",
    b"Bag Attributes",
    b"friendlyName:",
    b"localKeyID:",
    b"Key Attributes",
    b"Key-Derivation:",
    b"Argon2-",
    b"x-",
    b"X-",
];
/// Maximum length of a header whose end only blanks show.
const HEADER_BYTES_MAX: usize = 128;
/// The number of headers at the end of the list that no other line contains.
const DISTINCTIVE_HEADERS: usize = 2;

/// One of a key's two markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// The beginning of a key.
    Begin,
    /// The end of a key.
    End,
}

impl Edge {
    fn word(self) -> &'static [u8] {
        match self {
            Self::Begin => b"BEGIN",
            Self::End => b"END",
        }
    }
}

/// The first such marker of a private key.
pub(super) fn marker(edge: Edge, text: &[u8]) -> Option<Range<usize>> {
    let armor = armors(edge, text).next();
    // Text after the first marker is not searched.
    let before = &text[..armor.as_ref().map_or(text.len(), |armor| armor.start)];
    putties(edge, before).next().or(armor)
}

/// The last such marker of a private key.
pub(super) fn last_marker(edge: Edge, text: &[u8]) -> Option<Range<usize>> {
    let last = [armors(edge, text).last(), putties(edge, text).last()];
    last.into_iter().flatten().max_by_key(|marker| marker.end)
}

/// The markers of PEM and SSH2, in order.
fn armors(edge: Edge, text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let word = edge.word();
    memmem::find_iter(text, word).filter_map(move |at| {
        let kind = &text[at + word.len()..];
        let kind = &kind[..kind.len().min(KIND_BYTES_MAX)];
        let length = memmem::find(kind, b"----")?;
        memmem::find(&kind[..length], b"PRIVATE")?;
        let end = at + word.len() + length;
        let dashes = text[end..].iter().take(DASHES.end - 1).take_while(|byte| **byte == b'-').count();
        Some(dashes_before(text, at, dashes)?..end + dashes)
    })
}

/// Where the dashes before a marker's first word begin, with or without blanks between. At most as many as after the
/// marker, because further dashes may be a logger's.
fn dashes_before(text: &[u8], at: usize, after: usize) -> Option<usize> {
    let before = &text[..at];
    let end = before.len() - before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'+')).count();
    let dashes = before[..end].iter().rev().take(after).take_while(|byte| **byte == b'-').count();
    DASHES.contains(&dashes).then(|| end - dashes)
}

/// `Private-Lines: 14` and `Private-MAC: 0a1b…`, without the rest of their lines, in order.
fn putties(edge: Edge, text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let name = PUTTY[usize::from(edge == Edge::End)];
    memmem::find_iter(text, name).filter_map(move |at| {
        let value = &text[at + name.len()..];
        let blanks = value.iter().take_while(|byte| matches!(byte, b' ' | b'+')).count();
        let digits = value[blanks..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        (digits > 0).then(|| at..at + name.len() + blanks + digits)
    })
}

/// Whether the text begins with a header. `distinctive_only`: only headers that no other kind of line contains.
pub(super) fn is_header(text: &[u8], distinctive_only: bool) -> bool {
    let known = if distinctive_only { &HEADERS[..DISTINCTIVE_HEADERS] } else { &HEADERS[..] };
    known.iter().any(|header| text.starts_with(header))
}

/// Where the first header begins that no other kind of line contains.
pub(super) fn distinctive_header(text: &[u8]) -> Option<usize> {
    HEADERS[..DISTINCTIVE_HEADERS].iter().filter_map(|header| memmem::find(text, header)).min()
}

/// Whether the byte belongs to the Base64 alphabet.
pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// The length in bytes of the Base64 at the start of the text, and its number of characters: JSON may escape three of
/// them.
pub(super) fn run(text: &[u8]) -> (usize, usize) {
    let (mut at, mut characters) = (0, 0);
    while let Some(byte) = text.get(at) {
        let bytes = if is_base64(*byte) { 1 } else { escaped_sign(&text[at..]) };
        if bytes == 0 {
            break;
        }
        at += bytes;
        characters += 1;
    }
    (at, characters)
}

/// The length of the escape of `+`, `/` or `=` at the start of the text; 0 if there is none.
fn escaped_sign(text: &[u8]) -> usize {
    let slashes = text.iter().take(SLASHES_MAX).take_while(|byte| **byte == b'\\').count();
    if slashes == 0 {
        return 0;
    }
    match &text[slashes..] {
        [b'/', ..] => slashes + 1,
        [b'u', b'0', b'0', b'2', b'b' | b'B' | b'f' | b'F', ..] | [b'u', b'0', b'0', b'3', b'd' | b'D', ..] => {
            slashes + 5
        }
        _ => 0,
    }
}

/// Line ends as programs write them inside one line: in URLs, HTML, terminals, syslog (`#012`), and Unicode's own.
const LINE_ENDS: &[&[u8]] = &[
    b"%0A",
    b"%0a",
    b"%0D",
    b"%0d",
    b"<br>",
    b"<br/>",
    b"<br />",
    b"<BR>",
    b"^M",
    b"^J",
    b"#012",
    b"#015",
    b"&#10;",
    b"&#13;",
    b"&#xA;",
    b"&#xa;",
    b"&#xD;",
    b"&#xd;",
    b"&#x0A;",
    "\u{85}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{2029}".as_bytes(),
];
/// Maximum number of backslashes before a sign, from repeated escaping.
const SLASHES_MAX: usize = 64;
/// The rest of an escape after its backslashes; longer ones first.
const ESCAPED_LINE_ENDS: &[&[u8]] = &[
    b"u000a", b"u000A", b"u000d", b"u000D", b"u2028", b"u2029", b"u0085", b"x0a", b"x0A", b"x0d", b"x0D", b"012",
    b"015", b"n", b"r", b"v",
];

/// The text after a line's end, which may be literal or escaped once or more as in JSON and URLs.
pub(super) fn line_end(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'\n' | b'\r' | 0x0b | 0x0c, rest @ ..] => Some(rest),
        [b'\\', ..] => {
            let slashes = text.iter().take(SLASHES_MAX).take_while(|byte| **byte == b'\\').count();
            ESCAPED_LINE_ENDS.iter().find_map(|end| text[slashes..].strip_prefix(*end))
        }
        [b'%' | b'<' | b'^' | b'#' | b'&' | 0xc2 | 0xe2, ..] => {
            LINE_ENDS.iter().find_map(|end| text.strip_prefix(*end))
        }
        _ => None,
    }
}

/// The text without the blanks and line ends at its start, and whether a line's end was among them.
pub(super) fn skip_blanks(mut text: &[u8]) -> (&[u8], bool) {
    let mut ended = false;
    loop {
        if let Some(rest) = line_end(text) {
            (text, ended) = (rest, true);
        } else if let [b' ' | b'\t', rest @ ..] = text {
            text = rest;
        } else {
            return (text, ended);
        }
    }
}

/// The start of a text after a BEGIN marker, as far as it belongs to the key's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its length, including headers and line ends between its pieces.
    pub(super) bytes: usize,
    /// The number of Base64 characters in it.
    pub(super) characters: usize,
}

/// Reads the pieces of a body from the start of `text`: pieces that are adjacent or separated by line ends, and long
/// ones after blanks.
pub(super) fn stretch(text: &[u8]) -> Stretch {
    let mut found = Stretch::default();
    let (mut rest, mut whole_line) = (text, false);
    loop {
        let (next, ended) = skip_blanks(rest);
        let near = ended || next.len() == rest.len();
        if let Some(length) = header_bytes(next, ended) {
            rest = &next[length..];
            found.bytes = text.len() - rest.len();
            continue;
        }
        let (bytes, characters) = run(next);
        let piece = near || characters >= PIECE_BYTES_MIN || (whole_line && characters.is_multiple_of(4));
        // A word that continues with other characters is not Base64.
        let word =
            characters < LINE_BYTES_MIN && matches!(next.get(bytes), Some(b'.' | b':' | b'_' | b'@' | b'?' | b'!'));
        if bytes == 0 || !piece || word {
            return found;
        }
        rest = &next[bytes..];
        whole_line = characters >= LINE_BYTES_MIN;
        found.bytes = text.len() - rest.len();
        found.characters += characters;
    }
}

/// The length of the header at the start of the text, up to the end of its line or string, or to the next header or
/// full body line. `whole`: it stands in a line of its own, which may end with the text.
fn header_bytes(text: &[u8], whole: bool) -> Option<usize> {
    let name = HEADERS.iter().find(|header| text.starts_with(header))?.len();
    let colon = text.iter().take(HEADER_BYTES_MAX).position(|byte| *byte == b':');
    let mut at = colon.map_or(name, |colon| name.max(colon + 1));
    at += text[at..].iter().take(HEADER_BYTES_MAX).take_while(|byte| b" \t+".contains(byte)).count();
    let quote = text[at..].iter().take_while(|byte| **byte == b'\\').count();
    if text.get(at + quote) == Some(&b'"') {
        // The value itself is quoted.
        at += quote + 1;
        at += memchr::memchr(b'"', &text[at..text.len().min(at + HEADER_BYTES_MAX)]).map_or(0, |end| end + 1);
    }
    let stop = at + HEADER_BYTES_MAX;
    while at < text.len() {
        let rest = &text[at..];
        let (bytes, characters) = run(rest);
        if rest[0] == b'"' || line_end(rest).is_some() || is_header(rest, false) || characters >= LINE_BYTES_MIN {
            return Some(at);
        }
        if at >= stop && !whole {
            return None;
        }
        at += bytes.max(1);
    }
    whole.then_some(at)
}

/// Whether `text`, which lies between two markers, holds only a body, its headers and line separators.
pub(super) fn is_body(text: &[u8]) -> bool {
    let separates = |byte: u8| byte.is_ascii_whitespace() || b"\"',[]()|>\\%;*#^".contains(&byte);
    let (mut rest, mut apart) = (text, true);
    while let Some(byte) = rest.first() {
        if let Some(after) = line_end(rest) {
            (rest, apart) = (skip_blanks(after).0, true);
        } else if let Some(length) = header_bytes(rest, false).filter(|_| apart) {
            (rest, apart) = (&rest[length..], true);
        } else if is_base64(*byte) || separates(*byte) {
            apart = !byte.is_ascii_alphanumeric();
            rest = &rest[1..];
        } else {
            return false;
        }
    }
    true
}

/// Whether Base64 of this length looks like random bytes, not like a path, a word or hexadecimal digits.
pub(super) fn is_dense(run: &[u8]) -> bool {
    let has = |of: fn(&u8) -> bool| run.iter().any(of);
    let signs = run.iter().filter(|byte| matches!(byte, b'/' | b'+')).count();
    // Names in camel case have few capitals and no digit.
    let capitals = run.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    has(u8::is_ascii_lowercase)
        && capitals > 0
        && (has(u8::is_ascii_digit) || capitals * 4 >= run.len())
        && signs * 6 <= run.len()
}

/// Whether it may be a word: letters, of which only the first or all are capitals.
pub(super) fn is_word(run: &[u8]) -> bool {
    let rest = &run[run.len().min(1)..];
    run.iter().all(u8::is_ascii_alphabetic)
        && (rest.iter().all(u8::is_ascii_lowercase) || rest.iter().all(u8::is_ascii_uppercase))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARTS: [&[u8]; 16] = [
        b"x-",
        b"X-",
        b"Comment:",
        b"Proc-Type: 4",
        b"Bag Attributes",
        b"Argon2-",
        b"\\n",
        b"\n",
        b"<br>",
        b"\\",
        b"\"",
        b" ",
        b"a",
        b"AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKK",
        b":",
        b",",
    ];

    proptest! {
        /// Goal: whatever headers the text has, reading ends and stays within the text.
        #[test]
        fn reading_a_body_ends(parts in proptest::collection::vec(0..PARTS.len(), 0..24)) {
            let text: Vec<u8> = parts.into_iter().flat_map(|part| PARTS[part].to_vec()).collect();
            prop_assert!(stretch(&text).bytes <= text.len());
            is_body(&text);
        }
    }
}

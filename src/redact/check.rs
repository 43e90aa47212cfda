//! What a pattern cannot say: check digits, issuers, surroundings.
//!
//! In: a text and where a pattern matched in it. Out: the parts of that match which are to be masked, none where it was a
//! false alarm. Looks at the surroundings, never changes anything, and takes time linear in the match.

mod card;
mod cookie;
mod list;
mod network;
mod person;
mod sql;

use std::ops::Range;

pub(super) use card::card;
pub(super) use cookie::{cookie, set_cookie, set_cookies};
pub(super) use list::{closing, list, object};
pub(super) use network::{ipv4, ipv6, mac};
pub(super) use person::{iban, phone, phone_grouped, phone_named, phone_nanp, ssn};
pub(super) use sql::insert;

/// Confirms a match by handing on what of it is to be masked.
pub(super) type Check = fn(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>));

/// Values that hide nothing: a missing one, a switch, and what others put in the place of one. Compared without case.
const NOTHINGS: [&str; 17] = [
    "null",
    "nil",
    "none",
    "undefined",
    "<nil>",
    "true",
    "false",
    "yes",
    "no",
    "filtered",
    "redacted",
    "masked",
    "hidden",
    "protected",
    "sensitive",
    "removed",
    "known",
];

/// What errors and help go on with after a telling name: `error getting token: context deadline exceeded`.
const WORDS: [&str; 36] = [
    "and",
    "are",
    "can",
    "cannot",
    "context",
    "could",
    "denied",
    "dial",
    "eof",
    "error",
    "expired",
    "failed",
    "forbidden",
    "got",
    "has",
    "incorrect",
    "invalid",
    "is",
    "missing",
    "must",
    "not",
    "option",
    "or",
    "read",
    "required",
    "rpc",
    "should",
    "string",
    "to",
    "unable",
    "unauthorized",
    "unexpected",
    "unknown",
    "via",
    "was",
    "wrong",
];

/// Names that end as telling ones do and hold no secret: .NET's assemblies, parsers' errors, pages.
const NO_SECRETS: [&[u8]; 6] =
    [b"publickeytoken", b"unexpected token", b"nexttoken", b"next_token", b"pagetoken", b"page_token"];

/// Letters alone are taken for a token from this length on; no English word is that long.
const WORD_BYTES_MAX: usize = 20;

/// What a mask of ours starts with; an XML element of this name is none.
const MASK_START: &[u8] = b"<redacted:";

/// After the names `pass` and `pw` numbers so short count something.
const COUNT_DIGITS_MAX: usize = 3;

/// Drops empty values.
pub(super) fn filled(_: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    if !found.is_empty() {
        mask(found);
    }
}

/// Drops what follows a mask of ours: it looks like an XML element.
pub(super) fn element(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let tag = memchr::memrchr(b'<', &text[..found.start]).unwrap_or(found.start);
    if !text[tag..].starts_with(MASK_START) {
        mask(found);
    }
}

/// Drops what stands for no value at all, and adds backslashes at the end that escape no quote.
pub(super) fn bare(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let slashes = text[found.end..].iter().take_while(|&&byte| byte == b'\\').count();
    let quote = text.get(found.end + slashes).filter(|byte| matches!(byte, b'"' | b'\''));
    let before = text[..found.start].trim_ascii_end();
    let other = is_count(before, value) || is_directory(before, value) || is_no_secret(before);
    if !is_nothing(value) && !is_word(value) && !other {
        mask(found.start..found.end + if quote.is_some() { 0 } else { slashes });
    }
}

/// Drops empty values, and those of names that only end as telling ones do.
pub(super) fn quoted(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    if !found.is_empty() && !is_no_secret(&text[..found.start]) {
        mask(found);
    }
}

/// Drops what stands for no value, unless it is in quotes.
pub(super) fn given(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let quoted = matches!(text[..found.start].last(), Some(b'"' | b'\''));
    if !found.is_empty() && (quoted || !is_nothing(&text[found.clone()])) {
        mask(found);
    }
}

/// Drops words of prose about an option: `use --password or --token`.
pub(super) fn option(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    if !is_word(&text[found.clone()]) {
        mask(found);
    }
}

/// Drops two words of prose: a scheme is followed by a token.
pub(super) fn scheme(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let second = text[found.clone()].iter().rposition(u8::is_ascii_whitespace).map_or(0, |at| at + 1);
    token(text, found.start + second..found.end, &mut |_| mask(found.clone()));
}

/// Whether a value stands for none.
fn is_nothing(value: &[u8]) -> bool {
    NOTHINGS.iter().any(|nothing| value.eq_ignore_ascii_case(nothing.as_bytes())) || is_placeholder(value)
}

/// Whether a statement's parameter stands there (`?`, `$1`, `@p0`, `%s`), or asterisks do.
fn is_placeholder(value: &[u8]) -> bool {
    let number = value.strip_prefix(b"$").or_else(|| value.strip_prefix(b"@p"));
    let digits = |number: &[u8]| matches!(number.len(), 1..=2) && number.iter().all(u8::is_ascii_digit);
    number.is_some_and(digits)
        || matches!(value, b"?" | b"%s" | b"%d" | b"%v")
        || value.iter().all(|&byte| byte == b'*')
}

fn is_word(value: &[u8]) -> bool {
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether the name before a value is one of [`NO_SECRETS`].
fn is_no_secret(before: &[u8]) -> bool {
    let name = &before[..before.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1)];
    let ends = |end: &&[u8]| name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end);
    NO_SECRETS.iter().any(ends)
}

/// Whether this is where a shell works: `PWD=/srv`, not `DB_PWD=/x`.
fn is_directory(before: &[u8], value: &[u8]) -> bool {
    let Some(name) = before.strip_suffix(b"=").filter(|_| value.starts_with(b"/")) else { return false };
    let rest = name.strip_suffix(b"OLDPWD").or_else(|| name.strip_suffix(b"PWD"));
    // `UID=sa;PWD=/x` is a connection string.
    rest.is_some_and(|rest| {
        rest.last().is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b';'))
    })
}

/// Whether this is how tests are counted (`pass: 12`) or named (`PASS: TestLogin`).
fn is_count(before: &[u8], value: &[u8]) -> bool {
    let end = before.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
    let (name, sets) = before.split_at(end);
    let is_word = |rest: &[u8]| rest.last().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    if name.strip_suffix(b"PASS").is_some_and(is_word) {
        return sets == b":";
    }
    let ends = |end: &[u8]| name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end);
    let counts = ends(b"pass") || ends(b"pw");
    counts && value.len() <= COUNT_DIGITS_MAX && value.iter().all(u8::is_ascii_digit)
}

/// Drops words of prose: a token has a digit, a sign that words lack, capitals within, or is long.
pub(super) fn token(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let sign = |b: &u8| b.is_ascii_digit() || matches!(b, b'_' | b'~' | b'+' | b'/' | b'=' | b'%');
    let capital = value[1..].iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    if value.iter().any(sign) || capital || value.len() >= WORD_BYTES_MAX {
        mask(found);
    }
}

/// Drops what does not decode to `user:password` (RFC 7617).
pub(super) fn basic_credentials(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut colon = false;
    let is_text = decoded(&text[found.clone()]).all(|byte| {
        colon |= byte == b':';
        byte >= 0x20 && byte != 0x7f
    });
    if is_text && colon {
        mask(found);
    }
}

/// Drops what does not decode to text and what separates its parts (RFC 4616: NUL, XOAUTH2: 0x01).
pub(super) fn base64_text(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let whole = value.len().is_multiple_of(4) || value.ends_with(b"=");
    if whole && decoded(value).all(|byte| byte.is_ascii() && (byte >= 0x20 || byte <= 1)) {
        mask(found);
    }
}

/// What Base64 holds, up to what is no letter of it.
fn decoded(value: &[u8]) -> impl Iterator<Item = u8> {
    let (mut bits, mut bit_count) = (0_u32, 0_u32);
    value.iter().map_while(|&byte| sextet(byte)).filter_map(move |sextet| {
        bits = bits << 6 | sextet;
        bit_count += 6;
        (bit_count >= 8).then(|| {
            bit_count -= 8;
            let [.., byte] = (bits >> bit_count).to_be_bytes();
            byte
        })
    })
}

/// Drops what is no person's address: a repository's user, a unit of systemd, a file (`icon@2x.png`).
pub(super) fn email(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    const ENDS: [&[u8]; 15] = [
        b"service", b"socket", b"timer", b"mount", b"slice", b"scope", b"device", b"png", b"jpg", b"jpeg", b"gif",
        b"svg", b"webp", b"js", b"jar",
    ];
    let address = &text[found.clone()];
    let end = address.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    let names_file = ENDS.iter().any(|known| end.eq_ignore_ascii_case(known));
    if !names_file && !address.starts_with(b"git@") {
        mask(found);
    }
}

/// Drops what has no digit or no letter: a name, a number, a filler.
pub(super) fn random(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    if value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic) {
        mask(found);
    }
}

/// Drops what has not digits, small letters and capitals: generated tokens of 24 characters and more have all three.
pub(super) fn mixed(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    if has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) {
        mask(found);
    }
}

/// Drops what does not begin with Base64 of a bot's id, which is a number.
pub(super) fn discord_bot(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let id = text[found.clone()].split(|&byte| byte == b'.').next().unwrap_or_default();
    // A digit is 0x30 to 0x39: four letters of Base64 that hold three of them.
    let digits = id.chunks(4).all(|four| match decode_four(four) {
        Some((bytes, count)) => bytes[..count].iter().all(u8::is_ascii_digit),
        None => false,
    });
    if digits {
        mask(found);
    }
}

/// Up to four letters of Base64 and how many bytes they hold.
fn decode_four(four: &[u8]) -> Option<([u8; 3], usize)> {
    let mut bits = 0_u32;
    for &byte in four {
        bits = bits << 6 | sextet(byte)?;
    }
    bits <<= 6 * (4 - four.len());
    let [_, bytes @ ..] = bits.to_be_bytes();
    Some((bytes, four.len().saturating_sub(1)))
}

/// What a letter of Base64 stands for, either alphabet of RFC 4648.
fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

//! What a pattern cannot say: check digits, issuers, surroundings.
//!
//! In: a text and where a pattern matched in it. Out: the parts of that match which are to be masked, none where it was a
//! false alarm. Looks at the surroundings, never changes anything, and takes time linear in the match.

mod bound;
mod card;
mod constructed;
mod cookie;
mod element;
mod expression;
mod hidden;
mod known;
mod list;
mod named;
mod network;
mod operator;
mod pair;
mod pem;
mod person;
mod place;
mod prose;
mod reference;
mod sentence;
mod setting;
mod sql;
mod stated;
mod structure;
mod text;
mod value;
mod yaml;

use std::ops::Range;

use super::decode::base64;
use hidden::is_hidden;

pub(super) use bound::{bound, strings};
pub(super) use card::{card, card_joined};
pub(super) use cookie::{cookie, set_cookie, set_cookies};
pub(super) use hidden::not_hidden;
pub(super) use list::object;
pub(super) use named::named;
pub(super) use network::{ipv4, ipv6, mac};
pub(super) use pair::generated;
pub(super) use pem::{private_key, private_member};
pub(super) use person::{iban, phone, phone_grouped, phone_named, phone_nanp, ssn};
pub(super) use place::own_closing;
pub(super) use prose::connection_password;
pub(super) use sql::insert;
pub(super) use stated::echoed;
pub(super) use text::{Budget, Text};

/// Confirms a match by handing on what of it is to be masked.
pub(super) type Check = fn(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>));

/// Values that hide nothing: a missing one, and a switch. Compared without case.
const NOTHINGS: [&str; 9] = ["null", "nil", "none", "undefined", "<nil>", "true", "false", "yes", "no"];

/// Letters alone are taken for a token from this length on; no English word is that long.
const WORD_BYTES_MAX: usize = 20;

/// What a mask of ours starts with; an XML element of this name is none.
const MASK_START: &[u8] = b"<redacted:";

/// Masks what is not empty.
fn add(at: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    if !at.is_empty() {
        mask(at);
    }
}

/// Whether a value stands for none.
fn is_nothing(value: &[u8]) -> bool {
    NOTHINGS.iter().any(|nothing| value.eq_ignore_ascii_case(nothing.as_bytes()))
        || is_hidden(value)
        || is_placeholder(value)
}

/// Whether a statement's parameter stands there (`?`, `$1`, `@p0`, `%s`), or asterisks do.
fn is_placeholder(value: &[u8]) -> bool {
    let number = value.strip_prefix(b"$").or_else(|| value.strip_prefix(b"@p"));
    let digits = |number: &[u8]| matches!(number.len(), 1..=2) && number.iter().all(u8::is_ascii_digit);
    number.is_some_and(digits)
        || matches!(value, b"?" | b"%s" | b"%d" | b"%v")
        || value.iter().all(|&byte| byte == b'*')
}

/// Drops words of prose: a token has a digit, a sign that words lack, capitals within, or is long. Nor is a
/// constant's name one (`OAUTHBEARER_OIDC`, `CRC32C_HW`).
pub(super) fn token(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let sign = |b: &u8| b.is_ascii_digit() || matches!(b, b'_' | b'~' | b'+' | b'/' | b'=' | b'%');
    let capital = value[1..].iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    let fits = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let is_constant = value.len() < WORD_BYTES_MAX
        && value.iter().all(fits)
        && (value.contains(&b'_') || !value.iter().any(u8::is_ascii_digit));
    // The sign behind a name: `token_type=bearer expires_in=3600`.
    let is_name = value.ends_with(b"=") && text.get(found.end).is_some_and(u8::is_ascii_alphanumeric);
    let tells = !is_constant && value.iter().any(sign) || capital || value.len() >= WORD_BYTES_MAX;
    if tells && !is_name {
        mask(found);
    }
}

/// Drops what does not decode to `user:password` (RFC 7617).
pub(super) fn basic_credentials(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut decoded = Vec::new();
    let is_text =
        base64::decode(&text[found.clone()], &mut decoded) && decoded.iter().all(|&byte| byte >= 0x20 && byte != 0x7f);
    if is_text && decoded.contains(&b':') {
        mask(found);
    }
}

/// Drops what does not decode to text and what separates its parts (RFC 4616: NUL, XOAUTH2: 0x01).
pub(super) fn base64_text(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let whole = value.len().is_multiple_of(4) || value.ends_with(b"=");
    let mut decoded = Vec::new();
    if whole
        && base64::decode(value, &mut decoded)
        && decoded.iter().all(|&byte| byte <= 1 || (0x20..0x80).contains(&byte))
    {
        mask(found);
    }
}

/// Drops what is no person's address: a repository's user, a unit of systemd, a file (`icon@2x.png`).
pub(super) fn email(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    // SSH calls algorithms and extensions so (RFC 4251, section 6).
    const ALGORITHMS: [&[u8]; 3] = [b"@openssh.com", b"@libssh.org", b"@lysator.liu.se"];
    const ENDS: [&[u8]; 15] = [
        b"service", b"socket", b"timer", b"mount", b"slice", b"scope", b"device", b"png", b"jpg", b"jpeg", b"gif",
        b"svg", b"webp", b"js", b"jar",
    ];
    let address = &text[found.clone()];
    let end = address.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    let names_algorithm = ALGORITHMS.iter().any(|end| address.ends_with(end));
    let names_file = ENDS.iter().any(|known| end.eq_ignore_ascii_case(known));
    if !names_file && !names_algorithm && !address.starts_with(b"git@") {
        mask(found);
    }
}

/// Drops what has no digit or no letter: a name, a number, a filler.
pub(super) fn random(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    if value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic) {
        mask(found);
    }
}

/// Drops what has not digits, small letters and capitals: generated tokens have all three,
/// but for one in 60 of 24 letters and digits, and fewer the longer they are.
pub(super) fn mixed(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    if has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) {
        mask(found);
    }
}

/// Drops what does not begin with Base64 of a bot's id, which is a number.
pub(super) fn discord_bot(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let id = text[found.clone()].split(|&byte| byte == b'.').next().unwrap_or_default();
    let mut digits = Vec::new();
    if base64::decode(id, &mut digits) && digits.iter().all(u8::is_ascii_digit) {
        mask(found);
    }
}

/// Keeps the users of a JAAS configuration: `…LoginModule required user_ada="…";`.
pub(super) fn jaas_user(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    /// A configuration in one line has room for some users.
    const BYTES_BEFORE_MAX: usize = 2048;
    let before = &text[found.start.saturating_sub(BYTES_BEFORE_MAX)..found.start];
    text.charge(before.len());
    if memchr::memmem::rfind(before, b"LoginModule").is_some() {
        mask(found);
    }
}

//! Checks that a regular expression cannot make: check digits, issuers, surroundings.
//!
//! Input: a text and the range of a match. Output: the ranges of that match to mask, none for a false positive. A
//! validator reads the surroundings, changes nothing, and takes time linear in the match.

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
pub(super) use place::same_depth_closing;
pub(super) use prose::connection_password;
pub(super) use sql::insert;
pub(super) use stated::echoed;
pub(super) use text::{Budget, Text};

/// A validator: passes each range to mask to `mask`, or none if the match is a false positive.
pub(super) type Check = fn(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>));

/// Values that hide nothing: a missing value or a boolean. Compared without case.
const ABSENT_VALUES: [&str; 9] = ["null", "nil", "none", "undefined", "<nil>", "true", "false", "yes", "no"];

/// A value of letters alone is a token from this length on; no English word is that long.
const WORD_BYTES_MAX: usize = 20;

/// The start of a mask of ours. An XML element of this name is a mask.
const MASK_START: &[u8] = b"<redacted:";

/// Masks the range unless it is empty.
fn add(at: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    if !at.is_empty() {
        mask(at);
    }
}

/// Whether a value means that there is none.
fn is_absent(value: &[u8]) -> bool {
    ABSENT_VALUES.iter().any(|nothing| value.eq_ignore_ascii_case(nothing.as_bytes()))
        || is_hidden(value)
        || is_placeholder(value)
}

/// Whether a statement's parameter (`?`, `$1`, `@p0`, `%s`) or asterisks stand there.
fn is_placeholder(value: &[u8]) -> bool {
    let number = value.strip_prefix(b"$").or_else(|| value.strip_prefix(b"@p"));
    let digits = |number: &[u8]| matches!(number.len(), 1..=2) && number.iter().all(u8::is_ascii_digit);
    number.is_some_and(digits)
        || matches!(value, b"?" | b"%s" | b"%d" | b"%v")
        || value.iter().all(|&byte| byte == b'*')
}

/// Drops words of prose and names of constants (`OAUTHBEARER_OIDC`, `CRC32C_HW`). A token has a digit, a sign that
/// words lack, capitals inside, or is long.
pub(super) fn token(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let sign = |b: &u8| b.is_ascii_digit() || matches!(b, b'_' | b'~' | b'+' | b'/' | b'=' | b'%');
    let capital = value[1..].iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    let fits = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let is_constant = value.len() < WORD_BYTES_MAX
        && value.iter().all(fits)
        && (value.contains(&b'_') || !value.iter().any(u8::is_ascii_digit));
    // The sign after a name: `token_type=bearer expires_in=3600`.
    let is_name = value.ends_with(b"=") && text.get(found.end).is_some_and(u8::is_ascii_alphanumeric);
    let tells = !is_constant && value.iter().any(sign) || capital || value.len() >= WORD_BYTES_MAX;
    if tells && !is_name {
        mask(found);
    }
}

/// Drops values that do not decode to `user:password` (RFC 7617).
pub(super) fn basic_credentials(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut decoded = Vec::new();
    let is_text =
        base64::decode(&text[found.clone()], &mut decoded) && decoded.iter().all(|&byte| byte >= 0x20 && byte != 0x7f);
    if is_text && decoded.contains(&b':') {
        mask(found);
    }
}

/// Drops values that do not decode to text and its separators (RFC 4616: NUL, XOAUTH2: 0x01).
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

/// Drops addresses of no person: a repository's user, a systemd unit, a file (`icon@2x.png`).
pub(super) fn email(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    // SSH names of algorithms and extensions (RFC 4251, section 6).
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

/// Drops values without a digit or without a letter: a name, a number, a filler.
pub(super) fn random(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    if value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic) {
        mask(found);
    }
}

/// Drops values without digits, lower case and upper case letters. Generated tokens have all three, except one in 60 of
/// 24 letters and digits, and fewer the longer they are.
pub(super) fn mixed(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[found.clone()];
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    if has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) {
        mask(found);
    }
}

/// Drops values that do not begin with Base64 of a bot's id, which is a number.
pub(super) fn discord_bot(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let id = text[found.clone()].split(|&byte| byte == b'.').next().unwrap_or_default();
    let mut digits = Vec::new();
    if base64::decode(id, &mut digits) && digits.iter().all(u8::is_ascii_digit) {
        mask(found);
    }
}

/// Keeps the users of a JAAS configuration: `…LoginModule required user_ada="…";`.
pub(super) fn jaas_user(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    /// Long enough for a configuration of several users in one line.
    const BYTES_BEFORE_MAX: usize = 2048;
    let before = &text[found.start.saturating_sub(BYTES_BEFORE_MAX)..found.start];
    text.charge(before.len());
    if memchr::memmem::rfind(before, b"LoginModule").is_some() {
        mask(found);
    }
}

//! The values that a statement writes into columns named by keywords, or that a message reports for them.

use std::ops::Range;

use super::named::Name;
use super::place::{after_blanks, skip_while};
use super::{Text, add, is_absent};

/// Ends of names of secret columns.
const KEYWORDS: [&[u8]; 12] = [
    b"password",
    b"passwd",
    b"passphrase",
    b"pwd",
    b"pass",
    b"secret",
    b"token",
    b"api_key",
    b"apikey",
    b"access_key",
    b"private_key",
    b"secret_key",
];

/// Suffixes that may follow them.
const SUFFIXES: [&[u8]; 4] = [b"_hash", b"_digest", b"_encrypted", b"hash"];

/// Maximum length of a value that is searched to its end: statements may be nested, and each would search on.
const VALUE_BYTES_MAX: usize = 4096;

/// Maximum length of a tuple's columns on either side of one.
const COLUMNS_BYTES_MAX: usize = 256;

/// Masks the values of secret columns in each of the lists after `VALUES`; `found` is the bracket's content after a
/// table's name.
pub(in super::super) fn insert(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let columns = &text[found.clone()];
    if !columns.split(|&byte| byte == b',').any(is_keyword) {
        return;
    }
    let Some(open) = text.find(found.end, b'(') else { return };
    let mut at = open + 1;
    loop {
        for column in columns.split(|&byte| byte == b',') {
            at = at.min(text.len());
            let end = value_end(text, at);
            if end - at >= VALUE_BYTES_MAX {
                // The order of the values is unknown from here on.
                return mask(at..text.len());
            }
            if is_keyword(column) {
                value(text, at..end, mask);
            }
            at = end + 1;
            if text.get(end) != Some(&b',') {
                break;
            }
        }
        // The next list.
        let open = text.skip_while(at.min(text.len()), |byte| byte.is_ascii_whitespace() || byte == b',');
        if text.get(open) != Some(&b'(') {
            return;
        }
        at = open + 1;
    }
}

/// Whether a text holds a keyword that is not part of a longer word.
pub(super) fn names_secret(text: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    KEYWORDS.iter().any(|keyword| {
        let mut ends = memchr::memmem::find_iter(&text, keyword).map(|at| at + keyword.len());
        ends.any(|end| !text.get(end).is_some_and(u8::is_ascii_alphabetic))
    })
}

/// Masks the value of a secret column in a tuple of columns and a tuple of values: `(email, reset_token)=(a@x.org, …)`,
/// as `PostgreSQL` reports a duplicate key. Returns whether it is one.
pub(super) fn tuple(name: &Name<'_>, mask: &mut dyn FnMut(Range<usize>)) -> bool {
    let text = name.text;
    if !matches!(text.get(name.end), Some(b',' | b')' | b':' | b'"')) {
        return false;
    }
    let Some(before) = columns_before(&text[name.start.saturating_sub(COLUMNS_BYTES_MAX)..name.start]) else {
        return false;
    };
    let rest = &text[name.end..text.len().min(name.end + COLUMNS_BYTES_MAX)];
    let in_columns = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_,.: ()\"'->$".contains(*byte);
    let length = rest.iter().take_while(in_columns).count();
    text.charge(length + COLUMNS_BYTES_MAX);
    let closed = name.end + length;
    if text.get(closed) != Some(&b'=') || !text[..closed].trim_ascii_end().ends_with(b")") {
        return false;
    }
    let open = after_blanks(text, closed + 1);
    if text.get(open) != Some(&b'(') {
        return false;
    }
    let count = before + 1 + memchr::memchr_iter(b',', &rest[..length]).count();
    let values = open + 1..tuple_end(text, open + 1);
    let parts: Vec<&[u8]> = text[values.clone()].split(|byte| *byte == b',').collect();
    if parts.len() != count {
        // The order of the values is unknown.
        add(values, mask);
        return true;
    }
    let start = values.start + parts[..before].iter().map(|part| part.len() + 1).sum::<usize>();
    value(text, start..start + parts[before].len(), mask);
    true
}

/// Where a tuple ends: at a closing bracket after which the value does not continue.
fn tuple_end(text: Text<'_>, mut at: usize) -> usize {
    loop {
        at = skip_while(text, at, |byte| byte != b'\n' && byte != b')');
        if text.get(at) != Some(&b')') || !text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) {
            return at;
        }
        at += 1;
    }
}

/// The number of columns before the last one of a text that opens a tuple; `None` if it opens none.
fn columns_before(text: &[u8]) -> Option<usize> {
    let (mut count, mut depth) = (0, 0_usize);
    for (at, byte) in text.iter().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' if depth > 0 => depth -= 1,
            // A call around a column: `lower(token)`.
            b'(' if at > 0 && text[at - 1].is_ascii_alphanumeric() => {}
            b'(' => return Some(count),
            b',' if depth == 0 => count += 1,
            _ if byte.is_ascii_alphanumeric() || b"_.:, \"'->$".contains(byte) => {}
            _ => return None,
        }
    }
    None
}

pub(super) fn is_keyword(column: &[u8]) -> bool {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let end = column.iter().rposition(name).map_or(0, |last| last + 1);
    let column = column[..end].to_ascii_lowercase();
    let made = SUFFIXES.iter().find_map(|made| column.strip_suffix(*made)).unwrap_or(&column);
    KEYWORDS.iter().any(|keyword| made.ends_with(keyword))
}

/// Masks the quoted strings of a value, or all of a value that contains strings (`md5('…')`).
fn value(text: Text<'_>, at: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let start = at.start + text[at.clone()].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let inside = match text[start..at.end].trim_ascii_end() {
        [quote @ (b'\'' | b'"'), inside @ .., last] if quote == last => start + 1..start + 1 + inside.len(),
        all => start..start + all.len(),
    };
    if !inside.is_empty() && !is_absent(&text[inside.clone()]) {
        mask(inside);
    }
}

/// Where a value ends: at a comma or an unmatched closing bracket, or at the end of the text.
pub(super) fn value_end(text: Text<'_>, from: usize) -> usize {
    let (mut at, mut depth, mut quote) = (from.min(text.len()), 0_usize, None);
    let stop = text.len().min(at + VALUE_BYTES_MAX);
    while let Some(&byte) = text[..stop].get(at) {
        match (byte, quote) {
            (b'\\', _) => at += 1,
            // A doubled quote closes and opens again.
            (_, Some(open)) => quote = Some(open).filter(|&open| open != byte),
            (b'\'' | b'"', None) => quote = Some(byte),
            (b'(', None) => depth += 1,
            (b')' | b',', None) if depth == 0 => break,
            (b')', None) => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    let end = at.min(stop);
    text.charge(end - from.min(end) + 1);
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::Budget;

    #[track_caller]
    fn check(columns: &str, rest: &str, expected: &[&str]) {
        let text = format!("{columns}{rest}");
        let mut found = Vec::new();
        let budget = Budget::new(text.len());
        insert(Text::new(text.as_bytes(), &budget), 0..columns.len(), &mut |at| found.push(text[at].to_owned()));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values_belong_to_columns_by_position() {
        check("name, \"password\",n", ") VALUES ('a', 'b, ''c'')', 1), ('d' , 'e',2);", &["b, ''c'')", "e"]);
        check("api_key,x", ") values (md5('a'), 'b')", &["md5('a')"]);
        check("x,password_hash", ") values ('a', N'b c') returning (id)", &["N'b c'"]);
        check("token", ") values ('no end", &["'no end"]);
        check("a,token", ") values (1)", &[]);
        check("token,pwd,pass", ") values ($1, ?, NULL)", &[]);
        check("token_count,password_changed_at", ") values (1, 'x')", &[]);
        check("token", ") values", &[]);
        check("token", r") values ('a\'b', 'c", &[r"a\'b"]);
    }
}

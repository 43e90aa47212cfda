//! The values that a statement puts into columns named by keywords, or a message tells of them.

use std::ops::Range;

use super::named::Name;
use super::place::{behind, behind_blanks};
use super::{Text, add, is_nothing};

/// Ends of columns' names whose values are secret.
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

/// What may stand behind them.
const MADE: [&[u8]; 4] = [b"_hash", b"_digest", b"_encrypted", b"hash"];

/// A longer value is not looked through to its end: statements may stand within statements, and each would look on.
const VALUE_BYTES_MAX: usize = 4096;

/// The columns of a tuple take no more on either side of one.
const COLUMNS_BYTES_MAX: usize = 256;

/// `found` is what stands in the brackets behind a table's name; masks what stands for its secret columns in each of the
/// lists behind `VALUES`.
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
                // Which value stands where cannot be told any more.
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
        let open = text.behind(at.min(text.len()), |byte| byte.is_ascii_whitespace() || byte == b',');
        if text.get(open) != Some(&b'(') {
            return;
        }
        at = open + 1;
    }
}

/// Whether a keyword stands in a text, not as part of a longer word.
pub(super) fn names_secret(text: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    KEYWORDS.iter().any(|keyword| {
        let mut ends = memchr::memmem::find_iter(&text, keyword).map(|at| at + keyword.len());
        ends.any(|end| !text.get(end).is_some_and(u8::is_ascii_alphabetic))
    })
}

/// Masks the value of a secret column in a tuple of columns and a tuple of values: `(email, reset_token)=(a@x.org, …)`, as
/// `PostgreSQL` tells a key that is there twice; whether it is one.
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
    let open = behind_blanks(text, closed + 1);
    if text.get(open) != Some(&b'(') {
        return false;
    }
    let count = before + 1 + memchr::memchr_iter(b',', &rest[..length]).count();
    let values = open + 1..tuple_end(text, open + 1);
    let parts: Vec<&[u8]> = text[values.clone()].split(|byte| *byte == b',').collect();
    if parts.len() != count {
        // Which value stands where cannot be told.
        add(values, mask);
        return true;
    }
    let start = values.start + parts[..before].iter().map(|part| part.len() + 1).sum::<usize>();
    value(text, start..start + parts[before].len(), mask);
    true
}

/// Where a tuple ends: at a bracket that closes and that no more of a value follows.
fn tuple_end(text: Text<'_>, mut at: usize) -> usize {
    loop {
        at = behind(text, at, |byte| byte != b'\n' && byte != b')');
        if text.get(at) != Some(&b')') || !text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) {
            return at;
        }
        at += 1;
    }
}

/// How many columns stand before the last of a text that opens a tuple; `None`: it opens none.
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
    let made = MADE.iter().find_map(|made| column.strip_suffix(*made)).unwrap_or(&column);
    KEYWORDS.iter().any(|keyword| made.ends_with(keyword))
}

/// Masks what is in quotes, or all of a value that is made of such (`md5('…')`).
fn value(text: Text<'_>, at: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let start = at.start + text[at.clone()].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let inside = match text[start..at.end].trim_ascii_end() {
        [quote @ (b'\'' | b'"'), inside @ .., last] if quote == last => start + 1..start + 1 + inside.len(),
        all => start..start + all.len(),
    };
    if !inside.is_empty() && !is_nothing(&text[inside.clone()]) {
        mask(inside);
    }
}

/// Where a value ends: at a comma or a bracket that none within it has opened, or at the text's end.
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
    fn values_go_by_the_places_of_their_columns() {
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

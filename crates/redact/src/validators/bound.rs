//! Bound parameters of a statement that belong to secret columns: `SET password=? … -- PARAMETERS: ["…"]`.
//!
//! Input: the position where the parameters of a statement begin. Output: the parameters for columns named by keywords.
//! Also the strings and values that errors and conditions list for such columns.

use std::ops::Range;

use super::list::item;
use super::place::{after_blanks, after_quote, inside, starts_with};
use super::sql::{is_keyword, value_end};
use super::{Text, add, is_absent};

/// How far before the parameters the statement is searched.
const STATEMENT_BYTES_MAX: usize = 4096;
/// Maximum number of parameters of a statement that are checked.
const PARAMETERS_MAX: usize = 256;

/// Masks the parameters after `found` that belong to secret columns of the statement before it.
pub(in super::super) fn bound(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let before = found.start.saturating_sub(STATEMENT_BYTES_MAX)..found.start;
    text.charge(before.len());
    let Some(start) = statement(&text[before.clone()]).map(|start| before.start + start) else { return };
    let is_insert = starts_with(&text[start..], b"insert");
    let numbers = if is_insert { inserted(text, start..found.start) } else { compared(&text[start..found.start]) };
    let Some(&last) = numbers.iter().max() else { return };
    if text[found.end..].starts_with(b"$") {
        return numbers.into_iter().for_each(|number| numbered(text, found.end, number, mask));
    }
    let mut at = found.end + usize::from(matches!(text.get(found.end), Some(b'[' | b'(')));
    for number in 0..=last {
        let Some(parameter) = item(text, at, b",;])") else { return };
        if numbers.contains(&number) && !is_absent(&text[parameter.at.clone()]) {
            add(parameter.at, mask);
        }
        at = parameter.end;
    }
}

/// Where the last statement of a text begins: its last one that writes, or else its first one that reads.
fn statement(text: &[u8]) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let last = |word: &[u8]| memchr::memmem::rfind(&lower, word);
    let first = |word: &[u8]| memchr::memmem::find(&lower, word);
    last(b"insert into ").max(last(b"update ")).or_else(|| first(b"select ")).or_else(|| first(b"delete from "))
}

/// The number of the parameter that a placeholder stands for; a placeholder without a number takes the next one.
fn parameter(placeholder: &[u8], next: usize) -> Option<usize> {
    let digits = placeholder.strip_prefix(b"$").or_else(|| placeholder.strip_prefix(b":"));
    match digits {
        Some(digits) => std::str::from_utf8(digits).ok()?.parse::<usize>().ok()?.checked_sub(1),
        None => matches!(placeholder, b"?" | b"%s").then_some(next),
    }
    .filter(|number| *number < PARAMETERS_MAX)
}

/// The numbers of the parameters that an INSERT puts into secret columns.
fn inserted(text: Text<'_>, at: Range<usize>) -> Vec<usize> {
    let (mut numbers, mut next) = (Vec::new(), 0);
    let statement = &text[at.clone()];
    let Some(open) = memchr::memchr(b'(', statement) else { return numbers };
    let Some(close) = memchr::memchr(b')', &statement[open..]).map(|length| open + length) else { return numbers };
    let Some(values) = memchr::memchr(b'(', &statement[close..]) else { return numbers };
    let mut from = at.start + close + values + 1;
    for column in statement[open + 1..close].split(|byte| *byte == b',') {
        let end = value_end(text, from).min(at.end);
        let Some(value) = text.get(from..end) else { break };
        if let Some(number) = parameter(value.trim_ascii(), next) {
            next += 1;
            if is_keyword(column) {
                numbers.push(number);
            }
        }
        from = end + 1;
    }
    numbers
}

/// The numbers of the parameters that are compared with secret columns or assigned to them.
fn compared(statement: &[u8]) -> Vec<usize> {
    let (mut numbers, mut next) = (Vec::new(), 0);
    for start in memchr::memchr3_iter(b'?', b'%', b'$', statement) {
        let rest = &statement[start..];
        let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
        let length = match rest {
            [b'?', ..] => 1,
            [b'%', b's', ..] => 2,
            [b'$', ..] => digits + 1,
            _ => continue,
        };
        let Some(number) = parameter(&rest[..length], next) else { continue };
        next += 1;
        let before = statement[..start].trim_ascii_end();
        let column = before.strip_suffix(b"=").unwrap_or(before).trim_ascii_end();
        let column = column.rsplit(|byte| byte.is_ascii_whitespace() || b",(".contains(byte)).next();
        if before.ends_with(b"=") && column.is_some_and(is_keyword) {
            numbers.push(number);
        }
    }
    numbers
}

/// Masks a parameter as `PostgreSQL` lists it: `$1 = '…'`.
fn numbered(text: Text<'_>, at: usize, number: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let label = format!("${} = ", number + 1);
    let rest = &text[at..text.len().min(at + STATEMENT_BYTES_MAX)];
    text.charge(rest.len());
    let Some(found) = memchr::memmem::find(rest, label.as_bytes()) else { return };
    if let Some((inside, _)) = inside(text, at + found + label.len()) {
        add(inside, mask);
    }
}

/// Masks the strings of a list that begins where `found` does: `token IN ('…', '…')`.
pub(in super::super) fn strings(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut at = found.start;
    while let Some((inside, closes)) = inside(text, at) {
        let next = after_blanks(text, after_quote(text, inside.end));
        add(inside, mask);
        if !closes || text.get(next) != Some(&b',') {
            return;
        }
        at = after_blanks(text, next + 1);
    }
}

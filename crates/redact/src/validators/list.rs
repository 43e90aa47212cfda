//! Values in brackets: `[a, "b"]`, `{name: "a"}`.

use std::ops::Range;

use super::hidden::is_hidden_in_quotes;
use super::place::{closing, quote, skip_while};
use super::sentence::is_sentence;
use super::{Text, add, is_absent};

/// An item of a list.
pub(super) struct Item {
    /// Its range without quotes.
    pub(super) at: Range<usize>,
    /// The position after it and its closing quote.
    pub(super) end: usize,
}

/// Masks each value from the start of `found` to the closing bracket, or to a nested one.
pub(in super::super) fn list(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut at = found.start;
    while let Some(item) = item(text, at, b",;]") {
        add_value(text, item.at, mask);
        at = item.end;
    }
}

/// Masks the value of each name from the start of `found` to the closing brace, or to a nested one.
pub(in super::super) fn object(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let mut at = found.start;
    while let Some(name) = item(text, at, b",;:=}") {
        at = name.end;
        let start = skip_while(text, at, |byte| matches!(byte, b':' | b'=' | b'>' | b' ' | b'\t'));
        if !text[at..start].iter().any(|byte| matches!(byte, b':' | b'=')) {
            continue;
        }
        let Some(value) = item(text, start, b",;}") else { return };
        add_value(text, value.at, mask);
        at = value.end;
    }
}

fn add_value(text: Text<'_>, at: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let value = &text[at.clone()];
    if !(is_absent(value) || is_hidden_in_quotes(value) || is_sentence(value, 0) && value.contains(&b' ')) {
        add(at, mask);
    }
}

/// The next item after separators, in quotes or up to one of `ends`; `None` at a closing bracket, a nested one, or the
/// end of the text.
pub(super) fn item(text: Text<'_>, from: usize, ends: &[u8]) -> Option<Item> {
    let separates = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b';');
    let start = text.skip_while(from.min(text.len()), separates);
    text.get(start)?;
    let letter = usize::from(matches!(text[start], b'b' | b'u') && matches!(text.get(start + 1), Some(b'"' | b'\'')));
    if let Some((slashes, quote)) = quote(text, start + letter) {
        let inside = start + letter + slashes + 1;
        let at = inside..closing(text, inside, quote, slashes);
        let end = (at.end + slashes + 1).min(text.len());
        return Some(Item { at, end });
    }
    match *text.get(skip_while(text, start, |byte| byte == b'\\'))? {
        b']' | b'}' | b'[' | b'{' => None,
        _ => {
            let stops = |byte: u8| ends.contains(&byte) || matches!(byte, b'[' | b'{' | b'"' | b'\'');
            let end = text.skip_while(start, |byte| !stops(byte));
            let length = text[start..end].trim_ascii_end().len();
            (end > start).then(|| Item { at: start..start + length, end })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::Budget;
    use crate::validators::Check;

    #[track_caller]
    fn check(check: Check, text: &str, expected: &[&str]) {
        let mut found = Vec::new();
        let budget = Budget::new(text.len());
        check(Text::new(text.as_bytes(), &budget), 0..0, &mut |at| found.push(&text[at]));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn each_value_of_a_list_is_found() {
        check(list, r#""a]b", 'c' , d e,none] f"#, &["a]b", "c", "d e"]);
        check(list, r#"\"a\\\"b\",\"c\"] "d""#, &[r#"a\\\"b"#, "c"]);
        check(list, "b'a', u\"b\"]", &["a", "b"]);
        check(list, r#""no end"#, &["no end"]);
        check(list, "a{b", &["a"]);
        for nothing in ["]", "", " , ]", "[a]", "null]", "\\"] {
            check(list, nothing, &[]);
        }
    }

    #[test]
    fn each_value_of_an_object_is_found() {
        check(object, r#""sid":"a}b", 'n' : 1, x = y z} "k":"v""#, &["a}b", "1", "y z"]);
        check(object, r#"\"sid\":\"a\"}"#, &["a"]);
        check(object, "sid => 'a'; t: b}", &["a", "b"]);
        check(object, r#""a","b":"c"}"#, &["c"]);
        check(object, r#""a":{"b":"c"}}"#, &[]);
        check(object, r#""a":"#, &[]);
        check(object, "", &[]);
    }
}

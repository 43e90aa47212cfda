//! The value of a keyword (`db_password`, `X-Api-Key`), wherever it may stand.
//!
//! Input: the position where a keyword ends. Output: its value after an operator (`=`, `:` …), in an element, in a pair
//! (`"name":"token", "value":…`), in a list of headers, options or tuples, after an option, or in quotes after the word
//! password. If the end of a value is unknown, the value goes to the end of the text.

use std::ops::Range;

use super::element::{attribute, element, sibling};
use super::operator::{SIGNS, after_modifier, after_operator, after_plain_type};
use super::pair::{listed, pair, pair_before, reported, validated};
use super::place::{
    after_blanks, after_entity, after_quote, after_sign, after_space, inside, quote, skip_while, starts_with,
};
use super::prose::is_word;
use super::sentence::is_sentence;
use super::setting::{set_as_flag, setting};
use super::sql::tuple;
use super::stated::{changed_to, prose, remark, stated};
use super::structure::{arguments, assigned, field, keyword, numbered, part};
use super::value::{after_length, fallback, value};
use super::yaml;
use super::{Text, add};

/// Names of the member that holds a pair's value.
pub(super) const VALUES: [&[u8]; 9] =
    [b"value", b"val", b"v", b"values", b"vals", b"vs", b"parametervalue", b"optionvalue", b"stringvalue"];

/// How far before an option the start of its list is searched.
const LIST_BYTES_MAX: usize = 256;

/// A keyword, or a longer name that ends with one.
pub(super) struct Name<'t> {
    pub(super) text: Text<'t>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Masks the value of the keyword `found`.
pub(in super::super) fn named(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let found = found.start..name_end(text, &found);
    let name = Name { text, start: found.start, end: found.end };
    if is_process(&name) || tuple(&name, mask) {
        return;
    }
    let closed = closed(text, found.end);
    let is_quoted = closed > found.end;
    let next = if is_quoted { after_space(text, closed) } else { after_blanks(text, closed) };
    if let Some(at) = after_operator(text, next).or_else(|| after_php(text, closed)) {
        let of_names = name.begins_with(b"password") || name.begins_with(b"cred");
        if let Some(block) = yaml::nested(text, after_blanks(text, at), of_names) {
            let sentences = text[block.clone()].strip_prefix(b"- ").is_some_and(|item| is_sentence(item, 0));
            if !sentences {
                add(block, mask);
            }
            return;
        }
        let at = after_gap(text, at, is_quoted);
        if text[at..].starts_with(b"</") {
            return sibling(&name, at, mask);
        }
        // The operator may be part of the name: `"token: ":"…"`.
        let again = quote(text, at).and_then(|_| after_sign(text, after_blanks(text, after_quote(text, at))));
        let again = again.filter(|_| closed == found.end).map(|at| after_blanks(text, at));
        return value(&name, again.filter(|at| quote(text, *at).is_some()).unwrap_or(at), mask);
    }
    if is_quoted {
        pair_before(&name, mask);
    }
    match text.get(next) {
        Some(b',') => {
            let after_comma = after_space(text, next + 1);
            pair(&name, after_comma, mask);
            listed(&name, is_quoted, after_comma, mask);
            if !is_quoted {
                assigned(&name, after_comma, mask);
                listed_option(&name, after_comma, mask);
            }
        }
        Some(b'<') if text.get(next + 1) == Some(&b'/') => sibling(&name, next, mask),
        Some(b'(' | b'{') if !is_quoted => arguments(&name, next, mask),
        Some(b'(') if next > closed => remark(text, next, mask),
        Some(b'>' | b'&') if !is_quoted => element(&name, next, mask),
        Some(_) if is_quoted => {
            pair(&name, next, mask);
            attribute(&name, next, mask);
            field(&name, next, mask);
            reported(&name, next, mask);
            part(&name, closed, mask);
            if next > closed {
                changed_to(&name, next, mask);
                fallback(text, next, mask);
                setting(&name, next, mask);
            }
        }
        Some(quote @ (b'"' | b'\'' | b'\\')) if next > found.end && spaced(&name, *quote, next, mask) => {}
        Some(b'\r' | b'\n') => {
            pair(&name, after_space(text, next), mask);
            validated(&name, next, mask);
            part(&name, closed, mask);
        }
        Some(_) if next > found.end => after_name(&name, next, mask),
        _ => {}
    }
}

/// Masks the value after a name and blanks.
fn after_name(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    pair(name, at, mask);
    element(name, at, mask);
    option(name, at, mask);
    prose(name, at, mask);
    keyword(name, at, mask);
    stated(name, at, mask);
    setting(name, at, mask);
    fallback(name.text, at, mask);
    let typed = if starts_with(&name.text[at..], b"as ") { after_blanks(name.text, at + 2) } else { at };
    if let Some(at) = after_plain_type(name.text, name.whole(b""), typed) {
        value(name, at, mask);
    }
}

/// The position after the blanks before a value, and after the line end that YAML or pretty-printed JSON has there.
fn after_gap(text: Text<'_>, at: usize, is_quoted: bool) -> usize {
    let at = after_blanks(text, at);
    let space = after_space(text, at);
    let opens = is_quoted
        && space > at
        && (quote(text, after_length(text, space)).is_some() || matches!(text.get(space), Some(b'[' | b'{')));
    if opens || space > at && is_line(text, space) { space } else { yaml::next_line(text, at).unwrap_or(at) }
}

/// Whether a string is all of the line at `at`.
fn is_line(text: Text<'_>, at: usize) -> bool {
    let Some((inside, true)) = inside(text, at) else { return false };
    let next = after_blanks(text, after_quote(text, inside.end));
    let ends = matches!(text[next..], [] | [b'\r' | b'\n', ..] | [b',' | b';', b'\r' | b'\n', ..] | [b',' | b';']);
    ends && !text[inside].contains(&b'\n')
}

/// Where a name ends: a dash or a dot before an operator is part of the operator (`password->`).
fn name_end(text: Text<'_>, found: &Range<usize>) -> usize {
    let joins = matches!(text[found.end - 1], b'-' | b'.');
    let goes_on = text.get(found.end).is_some_and(|byte| SIGNS.contains(byte));
    found.end - usize::from(joins && goes_on)
}

/// Whether this is a program's name and process id (`passwd[123]: …`), or the end of a name that contains a bracket
/// (`gdm-password]: …`).
fn is_process(name: &Name<'_>) -> bool {
    let (text, mut at) = (name.text, name.end);
    if text.get(at) == Some(&b']') {
        let start = name.whole(b"");
        at += 1;
        if start > 0 && !text[start - 1].is_ascii_whitespace() {
            return false;
        }
        if text[at..].starts_with(b": ") {
            return true;
        }
    }
    if text.get(at) != Some(&b'[') {
        return false;
    }
    let digits = skip_while(text, at + 1, |byte| byte.is_ascii_digit());
    digits > at + 1 && text[digits..].starts_with(b"]: ")
}

impl Name<'_> {
    /// Where the whole name begins whose end is the keyword; `more`: further bytes of a name besides letters, digits
    /// and `_.-`.
    pub(super) fn whole(&self, more: &[u8]) -> usize {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte) || more.contains(&byte);
        self.text.before(self.start, in_name)
    }

    /// Whether the keyword begins with `word`, or with one letter and `word`.
    pub(super) fn begins_with(&self, word: &[u8]) -> bool {
        let name = &self.text[self.start..self.end];
        starts_with(name, word) || starts_with(name.get(1..).unwrap_or_default(), word)
    }
}

/// The position after the bytes that close a name: its quote, its bracket, or an index.
fn closed(text: Text<'_>, at: usize) -> usize {
    let at = after_index(text, at);
    if let Some(end) = after_modifier(text, at) {
        return end;
    }
    let quoted = match text.get(at) {
        Some(b'`' | b')' | b'}') => at + 1,
        Some(b'*') => at + text[at..].iter().take(2).take_while(|&&byte| byte == b'*').count(),
        Some(b'&') => after_entity(text, at),
        // CSV doubles a quote.
        Some(b'"') => at + text[at..].iter().take(2).take_while(|&&byte| byte == b'"').count(),
        _ => after_quote(text, at),
    };
    // Erlang's binaries.
    let quoted = quoted + if quoted > at && text[quoted..].starts_with(b">>") { 2 } else { 0 };
    after_index(text, quoted)
}

/// The position after a closing bracket with an index in it, also percent-encoded: `user[password]`, `token[0]`.
fn after_index(text: Text<'_>, at: usize) -> usize {
    let opened = match &text[at..] {
        [b'[', ..] => at + 1,
        rest if starts_with(rest, b"%5b") => at + 3,
        _ => at,
    };
    let digits = skip_while(text, opened, |byte| byte.is_ascii_digit());
    match &text[digits..] {
        [b']', ..] => digits + 1,
        rest if starts_with(rest, b"%5d") => digits + 3,
        _ => at,
    }
}

/// The position after PHP's length between a name and its value: `"password";s:3:"…"`.
fn after_php(text: Text<'_>, at: usize) -> Option<usize> {
    let length = text[at..].starts_with(b";s:").then_some(at + 3)?;
    let end = skip_while(text, length, |byte| byte.is_ascii_digit());
    (text.get(end) == Some(&b':')).then_some(end + 1)
}

/// Masks the value of a name with a blank before its quote, `"password ":"…"`; returns whether it is one.
fn spaced(name: &Name<'_>, quote: u8, at: usize, mask: &mut dyn FnMut(Range<usize>)) -> bool {
    let text = name.text;
    let opened = name.whole(b" ");
    let is_quoted = quote == b'\\' || opened > 0 && text[opened - 1] == quote;
    let sign = after_sign(text, after_blanks(text, after_quote(text, at))).filter(|_| is_quoted);
    if let Some(sign) = sign {
        value(name, after_blanks(text, sign), mask);
    }
    sign.is_some()
}

/// `--password …`; `at` is after the blanks.
fn option(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b"");
    if start > 1 && text[start - 1] == b'=' && text[start - 2].is_ascii_digit() && text[start] == b'-' {
        return numbered(text, at, mask);
    }
    let begins = start == 0 || text[start - 1].is_ascii_whitespace() || b"\"'`([,".contains(&text[start - 1]);
    if !begins || text[start] != b'-' {
        return;
    }
    match (inside(text, at), text[at]) {
        (Some((inside, _)), _) => add(inside, mask),
        (None, b'<' | b'-') => {}
        (None, _) if set_as_flag(name, start, at, mask) => {}
        (None, _) => {
            let end = skip_while(text, at, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\''));
            if !is_word(&text[at..end]) {
                add(at..end, mask);
            }
        }
    }
}

/// `[--password, …, --x]`; `at` is after the comma.
fn listed_option(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b"");
    let before = &text[start.saturating_sub(LIST_BYTES_MAX)..start];
    let opened = before.iter().rev().find(|byte| matches!(byte, b'[' | b']')) == Some(&b'[');
    if text[start] != b'-' || !opened || text.get(at) == Some(&b'-') {
        return;
    }
    text.charge(before.len());
    let end = skip_while(text, at, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b',' | b']'));
    if matches!(text.get(end), Some(b',' | b']')) && !is_word(&text[at..end]) {
        add(at..end, mask);
    }
}

/// The text without a quote at its end and the backslashes of that quote.
pub(super) fn before_quote(text: &[u8]) -> &[u8] {
    let Some(before) = text.strip_suffix(b"\"").or_else(|| text.strip_suffix(b"'")) else { return text };
    &before[..before.iter().rposition(|byte| *byte != b'\\').map_or(0, |last| last + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::Budget;

    /// Checks which values are found after the name `token`; they stand between `|` and `|`.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let (before, rest) = text.split_once('|').unwrap();
        let (name, after) = rest.split_once('|').unwrap();
        let text = [before, name, after].concat();
        let mut found = Vec::new();
        let budget = Budget::new(text.len());
        let whole = Text::new(text.as_bytes(), &budget);
        named(whole, before.len()..before.len() + name.len(), &mut |at| found.push(text[at].to_owned()));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values_after_operators_are_found_bare_and_in_quotes() {
        for sign in
            ["=", ": ", "=>", " -> ", ":=", " == ", "%3D", "\": ", "\\\\\":", "]=", "[3]=", "%5B0%5D=", "&quot;:"]
        {
            check(&format!("|token|{sign}abc d"), &["abc"]);
            check(&format!("|token|{sign}\"a\\\"b c\" d"), &["a\\\"b c"]);
            check(&format!("|token|{sign}\\'a b\\' d"), &["a b"]);
            check(&format!("|token|{sign}&quot;abc&quot;"), &["abc"]);
        }
        check("|token|='it''s' x", &["it''s"]);
        check("|token|=\"no end", &["no end"]);
        check(r"|token|=ab\cd\\", &[r"ab\cd\\"]);
        check(r#"{"m":"|token|=ab\\"}"#, &["ab"]);
        check(r#"{"m":"\"|token|\":\"a\\\"b\u0022}","n":"c"}"#, &[r#"a\\\"b\u0022}"#]);
        check("|token|=Bearer%20abc&d", &["Bearer%20abc"]);
        check("|token|=token abc", &["token abc"]);
        check("|token|=Basic", &["Basic"]);
        check("|token|=<{abc}>", &["abc"]);
        for nothing in ["=", "=null", ": \"\"", "=&x", " abc", "", "\"", "=[]", "={}", ": true", "=(none)"] {
            check(&format!("|token|{nothing}"), &[]);
        }
        check("|pass|: 12", &[]);
        check("|pass|=1234", &["1234"]);
        check("|PASS|: TestLogin", &[]);
        check("|PASS|=abc", &["abc"]);
    }

    #[test]
    fn values_in_brackets_and_types_are_found() {
        check("|token|=[a b, \"c\"]", &["a b", "c"]);
        check("|token|:&[abc]", &["abc"]);
        check(r#"|token|: Some(Secret("a b")) "#, &[r#"Some(Secret("a b"#, "Some(Secret(\"a"]);
        check("'|token|': b'a b'", &["b'a b", "b'a"]);
        check("|token|=Optional[abc]", &["Optional[abc"]);
        check(r#"|password|={"a":"b c","d":1}"#, &["b c", "1"]);
        check(r#"|token|={"a":"b c"}"#, &[]);
        check("|PWD|={abc};", &["abc"]);
    }

    #[test]
    fn values_in_elements_pairs_lists_options_and_prose_are_found() {
        check("<a:|token|>a b</a:token>", &["a b"]);
        check("<my-|token| x=\"y\"> <![CDATA[a<b]]>", &["a<b"]);
        check("<redacted:|token|>a b", &[]);
        check("<|token|/>a", &[]);
        check("a |token| > b <", &[]);
        check(r#"{"name":"DB_|token|","value":"a b"}"#, &["a b"]);
        check(r#"{\"name\":\"DB_|token|\",\"value\":\"a b\"}"#, &["a b"]);
        check("name: |token| value: abc", &["abc"]);
        check("<add key='|token|' value='a b'/>", &["a b"]);
        check(r#"["|token|","value":"a"]"#, &[]);
        check(r#"["x-|token|", "a b"]"#, &["a b"]);
        check("['--|token|','a b'", &["a b"]);
        check("(b'|authorization|', b'a b')", &["a b"]);
        check(r#"["|token|","a b"]"#, &[]);
        check("x --my-|token| abc d", &["abc"]);
        check("-|token| 'a b'", &["a b"]);
        check("x --|token| <TOKEN>", &[]);
        check("x-|token| abc", &[]);
        check("the |password| 'a b' is", &["a b"]);
        check(r#"|password| was \"a b\" x"#, &["a b"]);
        check("|password| 'a b", &[]);
        check("|token| 'a b'", &[]);
        check("|password| reset", &[]);
    }
}

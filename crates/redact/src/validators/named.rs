//! The value of a keyword (`db_password`, `X-Api-Key`), wherever it may stand beside it.
//!
//! In: where a keyword ends. Out: its value behind a sign (`=`, `:` …), in an element, in a pair (`"name":"token",
//! "value":…`), in a list of headers, options or tuples, behind an option, or in quotes after the word password. Where a
//! value's end cannot be told, it is the text's.

use std::ops::Range;

use super::element::{attribute, element, sibling};
use super::operator::{SIGNS, behind_modifier, behind_operator, behind_plain_type};
use super::pair::{listed, pair, pair_before, reported, validated};
use super::place::{
    behind, behind_blanks, behind_entity, behind_quote, behind_sign, behind_space, inside, quote, starts_with,
};
use super::prose::is_word;
use super::setting::{set_as_flag, setting};
use super::sql::tuple;
use super::stated::{changed_to, prose, remark, stated};
use super::structure::{arguments, assigned, field, keyword, numbered, part};
use super::value::{behind_length, fallback, value};
use super::yaml;
use super::{Text, add};

/// What the value of a pair is called.
pub(super) const VALUES: [&[u8]; 9] =
    [b"value", b"val", b"v", b"values", b"vals", b"vs", b"parametervalue", b"optionvalue", b"stringvalue"];

/// A list opens so far before an option at most.
const LIST_BYTES_MAX: usize = 256;

/// A keyword, or a longer name that ends with one.
pub(super) struct Name<'t> {
    pub(super) text: Text<'t>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Masks the value of the keyword `found`.
pub(in super::super) fn named(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let found = found.start..own_end(text, &found);
    let name = Name { text, start: found.start, end: found.end };
    if is_process(&name) || tuple(&name, mask) {
        return;
    }
    let closed = closed(text, found.end);
    let is_quoted = closed > found.end;
    let next = if is_quoted { behind_space(text, closed) } else { behind_blanks(text, closed) };
    if let Some(at) = behind_operator(text, next).or_else(|| behind_php(text, closed)) {
        let of_names = name.begins_with(b"password") || name.begins_with(b"cred");
        if let Some(block) = yaml::nested(text, behind_blanks(text, at), of_names) {
            return add(block, mask);
        }
        let at = behind_gap(text, at, is_quoted);
        if text[at..].starts_with(b"</") {
            return sibling(&name, at, mask);
        }
        // The sign may be part of the name: `"token: ":"…"`.
        let again = quote(text, at).and_then(|_| behind_sign(text, behind_blanks(text, behind_quote(text, at))));
        let again = again.filter(|_| closed == found.end).map(|at| behind_blanks(text, at));
        return value(&name, again.filter(|at| quote(text, *at).is_some()).unwrap_or(at), mask);
    }
    if is_quoted {
        pair_before(&name, mask);
    }
    match text.get(next) {
        Some(b',') => {
            let behind = behind_space(text, next + 1);
            pair(&name, behind, mask);
            listed(&name, is_quoted, behind, mask);
            if !is_quoted {
                assigned(&name, behind, mask);
                listed_option(&name, behind, mask);
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
            pair(&name, behind_space(text, next), mask);
            validated(&name, next, mask);
            part(&name, closed, mask);
        }
        Some(_) if next > found.end => beside(&name, next, mask),
        _ => {}
    }
}

/// What stands behind a name and blanks.
fn beside(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    pair(name, at, mask);
    element(name, at, mask);
    option(name, at, mask);
    prose(name, at, mask);
    keyword(name, at, mask);
    stated(name, at, mask);
    setting(name, at, mask);
    fallback(name.text, at, mask);
    let typed = if starts_with(&name.text[at..], b"as ") { behind_blanks(name.text, at + 2) } else { at };
    if let Some(at) = behind_plain_type(name.text, name.whole(b""), typed) {
        value(name, at, mask);
    }
}

/// Behind blanks before a value, and the line end that YAML or pretty JSON puts there.
fn behind_gap(text: Text<'_>, at: usize, is_quoted: bool) -> usize {
    let at = behind_blanks(text, at);
    let space = behind_space(text, at);
    let opens = is_quoted
        && space > at
        && (quote(text, behind_length(text, space)).is_some() || matches!(text.get(space), Some(b'[' | b'{')));
    if opens { space } else { yaml::next_line(text, at).unwrap_or(at) }
}

/// Where a name ends: a dash or a dot before a sign is part of the operator (`password->`).
fn own_end(text: Text<'_>, found: &Range<usize>) -> usize {
    let joins = matches!(text[found.end - 1], b'-' | b'.');
    let goes_on = text.get(found.end).is_some_and(|byte| SIGNS.contains(byte));
    found.end - usize::from(joins && goes_on)
}

/// Whether this is the name of a program and the number of its process (`passwd[123]: …`), or the end of one that holds a bracket
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
    let digits = behind(text, at + 1, |byte| byte.is_ascii_digit());
    digits > at + 1 && text[digits..].starts_with(b"]: ")
}

impl Name<'_> {
    /// Where the whole name begins that it is the end of; `more`: what may be in one besides letters, digits and `_.-`.
    pub(super) fn whole(&self, more: &[u8]) -> usize {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte) || more.contains(&byte);
        self.text.before(self.start, in_name)
    }

    /// Whether its keyword begins with `word`; a letter may stand before that.
    pub(super) fn begins_with(&self, word: &[u8]) -> bool {
        let name = &self.text[self.start..self.end];
        starts_with(name, word) || starts_with(name.get(1..).unwrap_or_default(), word)
    }
}

/// Behind what closes a name: its quote, the bracket that it stands in, or an index.
fn closed(text: Text<'_>, at: usize) -> usize {
    let at = behind_index(text, at);
    if let Some(end) = behind_modifier(text, at) {
        return end;
    }
    let quoted = match text.get(at) {
        Some(b'`' | b')' | b'}') => at + 1,
        Some(b'*') => at + text[at..].iter().take(2).take_while(|&&byte| byte == b'*').count(),
        Some(b'&') => behind_entity(text, at),
        // CSV doubles it.
        Some(b'"') => at + text[at..].iter().take(2).take_while(|&&byte| byte == b'"').count(),
        _ => behind_quote(text, at),
    };
    // Erlang's binaries.
    let quoted = quoted + if quoted > at && text[quoted..].starts_with(b">>") { 2 } else { 0 };
    behind_index(text, quoted)
}

/// Behind a bracket that closes, with an index in it and percent-encoded too: `user[password]`, `token[0]`.
fn behind_index(text: Text<'_>, at: usize) -> usize {
    let opened = match &text[at..] {
        [b'[', ..] => at + 1,
        rest if starts_with(rest, b"%5b") => at + 3,
        _ => at,
    };
    let digits = behind(text, opened, |byte| byte.is_ascii_digit());
    match &text[digits..] {
        [b']', ..] => digits + 1,
        rest if starts_with(rest, b"%5d") => digits + 3,
        _ => at,
    }
}

/// Behind what PHP writes between a name and its value: `"password";s:3:"…"`.
fn behind_php(text: Text<'_>, at: usize) -> Option<usize> {
    let length = text[at..].starts_with(b";s:").then_some(at + 3)?;
    let end = behind(text, length, |byte| byte.is_ascii_digit());
    (text.get(end) == Some(&b':')).then_some(end + 1)
}

/// A name with a blank before its quote, `"password ":"…"`; whether it is one.
fn spaced(name: &Name<'_>, quote: u8, at: usize, mask: &mut dyn FnMut(Range<usize>)) -> bool {
    let text = name.text;
    let opened = name.whole(b" ");
    let is_quoted = quote == b'\\' || opened > 0 && text[opened - 1] == quote;
    let sign = behind_sign(text, behind_blanks(text, behind_quote(text, at))).filter(|_| is_quoted);
    if let Some(sign) = sign {
        value(name, behind_blanks(text, sign), mask);
    }
    sign.is_some()
}

/// `--password …`, where `at` is behind the blanks.
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
            let end = behind(text, at, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\''));
            if !is_word(&text[at..end]) {
                add(at..end, mask);
            }
        }
    }
}

/// `[--password, …, --x]`, where `at` is behind the comma.
fn listed_option(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b"");
    let before = &text[start.saturating_sub(LIST_BYTES_MAX)..start];
    let opened = before.iter().rev().find(|byte| matches!(byte, b'[' | b']')) == Some(&b'[');
    if text[start] != b'-' || !opened || text.get(at) == Some(&b'-') {
        return;
    }
    text.charge(before.len());
    let end = behind(text, at, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b',' | b']'));
    if matches!(text.get(end), Some(b',' | b']')) && !is_word(&text[at..end]) {
        add(at..end, mask);
    }
}

/// Without a quote at the end, and its backslashes.
pub(super) fn before_quote(text: &[u8]) -> &[u8] {
    let Some(before) = text.strip_suffix(b"\"").or_else(|| text.strip_suffix(b"'")) else { return text };
    &before[..before.iter().rposition(|byte| *byte != b'\\').map_or(0, |last| last + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::Budget;

    /// What is found behind the name `token`, which stands between `|` and `|`.
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
    fn values_stand_behind_signs_bare_and_in_quotes() {
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
    fn values_stand_in_brackets_and_types() {
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
    fn values_stand_in_elements_pairs_lists_options_and_prose() {
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

//! The value of a telling name (`db_password`, `X-Api-Key`), wherever it may stand beside it.
//!
//! In: where a telling name ends. Out: its value behind a sign (`=`, `:` …), in an element, in a pair (`"name":"token",
//! "value":…`), in a list of headers or options, behind an option, or in quotes after the word password. Values are bare, in
//! quotes of any depth, in brackets, or wrapped by a type. Where a value's end cannot be told, it is the text's.

use std::ops::Range;

use super::list::{closing, list, object};
use super::{MASK_START, is_nothing};

/// What an authorization scheme's name may be, before its credentials.
const SCHEMES: [&[u8]; 6] = [b"bearer", b"basic", b"digest", b"negotiate", b"token", b"apikey"];

/// What the value of a pair is called.
const VALUES: [&[u8]; 3] = [b"value", b"val", b"v"];

/// What a password may be told by in prose, before its quote.
const TOLD_BY: [&[u8]; 4] = [b"is", b"was", b"to", b"from"];

/// An HTML entity for a quote.
const ENTITY: &[u8] = b"&quot;";

/// What opens a text in XML that holds signs as they are.
const CDATA: &[u8] = b"<![CDATA[";

/// After the names `pass` and `pw` numbers so short count something.
const COUNT_DIGITS_MAX: usize = 3;

/// Masks the value of the telling name that ends with `found`.
pub(in super::super) fn named(text: &[u8], found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let name = Name { text, start: found.start, end: found.end };
    let closed = behind_index(text, behind_quote(text, found.end));
    let next = behind_blanks(text, closed);
    if let Some(at) = behind_sign(text, next) {
        return value(&name, behind_blanks(text, at), mask);
    }
    let quoted = closed > found.end;
    match text.get(next) {
        Some(b'>') if !quoted => element(&name, next, mask),
        Some(b',') if quoted => {
            pair(&name, behind_blanks(text, next + 1), mask);
            listed(&name, behind_blanks(text, next + 1), mask);
        }
        Some(_) if next > found.end => {
            pair(&name, next, mask);
            if !quoted && next > closed {
                element(&name, next, mask);
                option(&name, next, mask);
                prose(&name, next, mask);
            }
        }
        _ => {}
    }
}

/// Where a telling name, or the telling end of a longer one, stands.
struct Name<'t> {
    text: &'t [u8],
    start: usize,
    end: usize,
}

impl Name<'_> {
    /// Where the whole name begins that it is the end of; `more`: what may be in one besides letters, digits and `_.-`.
    fn whole(&self, more: &[u8]) -> usize {
        let before = &self.text[..self.start];
        let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte) || more.contains(byte);
        before.iter().rposition(|byte| !in_name(byte)).map_or(0, |last| last + 1)
    }

    /// Whether its telling part begins with `word`; a letter may stand before that.
    fn begins_with(&self, word: &[u8]) -> bool {
        let name = &self.text[self.start..self.end];
        starts_with(name, word) || starts_with(name.get(1..).unwrap_or_default(), word)
    }
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn ends_with(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
}

fn behind(text: &[u8], at: usize, within: impl Fn(u8) -> bool) -> usize {
    at + text[at..].iter().take_while(|&&byte| within(byte)).count()
}

fn behind_blanks(text: &[u8], at: usize) -> usize {
    behind(text, at, |byte| matches!(byte, b' ' | b'\t'))
}

/// Behind the word of `words` that stands at `at`, and nothing longer.
fn behind_word(text: &[u8], at: usize, words: &[&[u8]]) -> Option<usize> {
    let end = behind(text, at, |byte| byte.is_ascii_alphanumeric());
    words.iter().any(|word| text[at..end].eq_ignore_ascii_case(word)).then_some(end)
}

/// The backslashes and the quote at `at`.
fn quote(text: &[u8], at: usize) -> Option<(usize, u8)> {
    let slashes = behind(text, at, |byte| byte == b'\\') - at;
    let quote = *text.get(at + slashes)?;
    matches!(quote, b'"' | b'\'').then_some((slashes, quote))
}

/// Behind a name's closing quote, if there is one.
fn behind_quote(text: &[u8], at: usize) -> usize {
    match quote(text, at) {
        Some((slashes, _)) => at + slashes + 1,
        None if text[at..].starts_with(ENTITY) => at + ENTITY.len(),
        None => at,
    }
}

/// Behind a bracket that closes, with an index in it and percent-encoded too: `user[password]`, `token[0]`.
fn behind_index(text: &[u8], at: usize) -> usize {
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

/// Behind what sets a value apart.
fn behind_sign(text: &[u8], at: usize) -> Option<usize> {
    let length = match &text[at..] {
        [b'=' | b'-', b'>', ..] | [b':', b'=', ..] | [b'=', b'=', ..] => 2,
        [b'=' | b':', ..] => 1,
        rest if starts_with(rest, b"%3a") || starts_with(rest, b"%3d") => 3,
        _ => return None,
    };
    Some(at + length)
}

/// The inside of the string that opens at `at`, and whether it closes.
fn inside(text: &[u8], at: usize) -> Option<(Range<usize>, bool)> {
    let (slashes, quote) = quote(text, at)?;
    let start = at + slashes + 1;
    let mut end = closing(text, start, quote, slashes);
    // A quote that is doubled is one of the value's.
    while quote == b'\'' && slashes == 0 && text[end..].starts_with(b"''") {
        end = closing(text, end + 2, quote, slashes);
    }
    Some((start..end, end < text.len()))
}

/// A value at `at`, behind its sign.
fn value(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    if let Some((inside, _)) = inside(text, at) {
        return add(inside, mask);
    }
    if text[at..].starts_with(ENTITY) {
        return bare(name, at + ENTITY.len(), mask);
    }
    let unreferenced = at + usize::from(text[at..].starts_with(b"&"));
    match text.get(unreferenced) {
        Some(b'[') => list(text, behind(text, unreferenced, |byte| byte == b'[')..text.len(), mask),
        Some(b'{') if name.begins_with(b"password") || name.begins_with(b"cred") => {
            object(text, unreferenced + 1..text.len(), mask);
            bare(name, behind_openers(text, unreferenced), mask);
        }
        _ => {
            if let Some(end) = wrapped(text, at) {
                add(at..end, mask);
            }
            bare(name, behind_openers(text, at), mask);
        }
    }
}

fn add(at: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    if !at.is_empty() {
        mask(at);
    }
}

fn behind_openers(text: &[u8], at: usize) -> usize {
    behind(text, at, |byte| matches!(byte, b'(' | b'<' | b'{'))
}

/// Where the string ends that a type wraps (`Some(Secret("…`) or that has a letter before it (`b'…`). All of that is
/// masked, for what wraps may as well be the end of a bare value.
fn wrapped(text: &[u8], at: usize) -> Option<usize> {
    let mut start = at;
    loop {
        let end = behind(text, start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.'));
        if text.get(end) != Some(&b'(') || text[start].is_ascii_digit() {
            break;
        }
        start = end + 1;
    }
    start += usize::from(matches!(text.get(start), Some(b'b' | b'u')));
    let (inside, _) = inside(text, start).filter(|_| start > at)?;
    Some(inside.end)
}

/// A value without quotes, up to what sets it apart from the next; a scheme's name belongs to it.
fn bare(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let scheme = behind_word(text, at, &SCHEMES).map(|end| (end, behind_gap(text, end)));
    let start = scheme.filter(|(end, gap)| gap > end).map_or(at, |(_, gap)| gap);
    let mut end = bare_end(text, start, b"\"'&,;<>(){}[]");
    if end == start && start > at {
        // The scheme's name is the value.
        end = bare_end(text, at, b"\"'&,;<>(){}[]");
    }
    if end > at && !is_nothing(&text[at..end]) && !is_count(name, at, &text[at..end]) {
        mask(at..end);
    }
}

/// Behind what may stand between a scheme's name and its credentials.
fn behind_gap(text: &[u8], mut at: usize) -> usize {
    loop {
        at += match &text[at..] {
            [b' ' | b'\t' | b'+', ..] => 1,
            [b'%', b'2', b'0', ..] => 3,
            _ => return at,
        };
    }
}

/// Where a bare value ends that begins with none of `never_first`: at a sign that only begins another, or before a quote,
/// with the backslashes that escape it.
fn bare_end(text: &[u8], start: usize, never_first: &[u8]) -> usize {
    let mut at = start;
    while let Some(&byte) = text.get(at) {
        if byte == b'\\' {
            let behind = behind(text, at, |byte| byte == b'\\');
            if matches!(text.get(behind), Some(b'"' | b'\'')) {
                return at;
            }
            at = behind;
        } else if byte.is_ascii_whitespace()
            || if at == start { never_first.contains(&byte) } else { b"\"'&,;>)}]".contains(&byte) }
        {
            return at;
        } else {
            at += 1;
        }
    }
    at
}

/// Whether this is how tests are counted (`pass: 12`) or named (`PASS: TestLogin`).
fn is_count(name: &Name<'_>, value_at: usize, value: &[u8]) -> bool {
    let called = &name.text[name.start..name.end];
    if called == b"PASS" {
        return name.text[name.end..value_at].trim_ascii() == b":";
    }
    let counts = ends_with(called, b"pass") || ends_with(called, b"pw");
    counts && value.len() <= COUNT_DIGITS_MAX && value.iter().all(u8::is_ascii_digit)
}

/// `<password type="x">…</password>`, where `at` is behind the name.
fn element(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let tag = name.whole(b":");
    if tag == 0 || text[tag - 1] != b'<' || text[tag - 1..].starts_with(MASK_START) {
        return;
    }
    let Some(end) = memchr::memchr2(b'<', b'>', &text[at..]).map(|length| at + length) else { return };
    if text[end] == b'<' || text[end - 1] == b'/' {
        return;
    }
    let start = behind_blanks(text, end + 1);
    let (start, closes) = if text[start..].starts_with(CDATA) { (start + CDATA.len(), b']') } else { (start, b'<') };
    let length = memchr::memchr(closes, &text[start..]).unwrap_or(text.len() - start);
    add(start..start + length, mask);
}

/// `"name":"DB_PASSWORD","value":"…"`, where `at` is behind the name and a comma.
fn pair(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let key = quote(text, at).map_or(at, |(slashes, _)| at + slashes + 1);
    let Some(key_end) = behind_word(text, key, &VALUES) else { return };
    let sign = behind_blanks(text, behind_quote(text, key_end));
    let before = text[..name.whole(b":/")].trim_ascii_end();
    let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'")).unwrap_or(before);
    let before = &before[..before.iter().rposition(|byte| *byte != b'\\').map_or(0, |last| last + 1)];
    let is_pair = before.trim_ascii_end().ends_with(b":") || before.trim_ascii_end().ends_with(b"=");
    if is_pair && matches!(text.get(sign), Some(b':' | b'=')) {
        value(name, behind_blanks(text, sign + 1), mask);
    }
}

/// `["X-Api-Key","…"]`, `["--password","…"]`, where `at` is behind the comma.
fn listed(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b"");
    let whole = &text[start..name.end];
    let is_quoted = start > 0 && matches!(text[start - 1], b'"' | b'\'');
    let tells = whole.starts_with(b"-")
        || starts_with(whole, b"x-")
        || starts_with(whole, b"proxy-")
        || whole.eq_ignore_ascii_case(b"authorization");
    let at = at + usize::from(text.get(at) == Some(&b'b'));
    if let Some((inside, true)) = inside(text, at).filter(|_| is_quoted && tells) {
        add(inside, mask);
    }
}

/// `--password …`, where `at` is behind the blanks.
fn option(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b"");
    let begins = start == 0 || text[start - 1].is_ascii_whitespace() || b"\"'`([,".contains(&text[start - 1]);
    if !begins || text[start] != b'-' {
        return;
    }
    match (inside(text, at), text[at]) {
        (Some((inside, _)), _) => add(inside, mask),
        (None, b'<' | b'-') => {}
        (None, _) => {
            let end = behind(text, at, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\''));
            add(at..end, mask);
        }
    }
}

/// `password "…"`, `password is '…'`, where `at` is behind the blanks.
fn prose(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let called = &text[name.start..name.end];
    if ![&b"password"[..], b"passwd", b"passphrase"].iter().any(|word| ends_with(called, word)) {
        return;
    }
    let at = behind_word(text, at, &TOLD_BY).map_or(at, |end| behind_blanks(text, end));
    if let Some((inside, true)) = inside(text, at) {
        add(inside, mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found behind the name `token`, which stands between `|` and `|`.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let (before, rest) = text.split_once('|').unwrap();
        let (name, after) = rest.split_once('|').unwrap();
        let text = [before, name, after].concat();
        let mut found = Vec::new();
        named(text.as_bytes(), before.len()..before.len() + name.len(), &mut |at| found.push(text[at].to_owned()));
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
        check(r#"|token|: Some(Secret("a b")) "#, &[r#"Some(Secret("a b"#, "Some(Secret("]);
        check("'|token|': b'a b'", &["b'a b", "b"]);
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

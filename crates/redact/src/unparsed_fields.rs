//! Fields by their names in a line that could not be parsed: JSON that is broken, cut, too deep, or inside another
//! format.
//!
//! Input: a text without fields. Output: the values after a configured name in quotes and a colon. Of paths, only the
//! last step counts. If the end of a value is unclear, everything up to the end of the text is masked.

use regex::bytes::{Regex, RegexBuilder};

use super::rule::PATTERN_BYTES_MAX;
use super::validators::{Text, same_depth_closing};
use event::TextRange;

/// The names, in quotes and with a colon.
#[derive(Debug)]
pub(super) struct UnparsedFields(Regex);

impl UnparsedFields {
    /// `names` are last steps of paths; `None` if there are none, or too many for one pattern.
    pub(super) fn new(names: &[String]) -> Option<Self> {
        if names.is_empty() {
            return None;
        }
        let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
        let pattern = format!(r#"(?i)["'](?:[^"'\\]*\.)?(?:{})\\*["']\s*:\s*"#, names.join("|"));
        RegexBuilder::new(&pattern).size_limit(PATTERN_BYTES_MAX).build().ok().map(Self)
    }

    /// Finds the values, except nulls.
    pub(super) fn mark(&self, text: Text<'_>, mut found: impl FnMut(TextRange)) {
        let mut at = 0;
        while let Some(name) = self.0.find_at(&text, at) {
            let start = name.end();
            let (value, next) = value(text, start);
            if !text[value.clone()].eq_ignore_ascii_case(b"null") && !value.is_empty() {
                found(TextRange::new(value.start, value.end));
            }
            at = next.max(start);
        }
    }
}

/// The value that begins at `start`, without its quotes, and the position to continue from.
fn value(text: Text<'_>, start: usize) -> (std::ops::Range<usize>, usize) {
    let slashes = text[start..].iter().take_while(|&&byte| byte == b'\\').count();
    match text.get(start + slashes) {
        Some(quote @ (b'"' | b'\'')) => {
            let inside = start + slashes + 1;
            let end = same_depth_closing(text, inside, *quote, slashes);
            (inside..end, end)
        }
        Some(b'{' | b'[') => (start..text.len(), text.len()),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            let end = text[start..].iter().position(ends).map_or(text.len(), |length| start + length);
            if is_prose(&text[start..], end - start) { (start..start, end) } else { (start..end, end) }
        }
    }
}

/// Whether a sentence follows the colon: a word and, after a blank, a quoted text without a colon of its own (`volume
/// "token" : secret "x" not found`).
fn is_prose(rest: &[u8], word: usize) -> bool {
    const QUOTED_BYTES_MAX: usize = 256;
    let [b' ', quote @ (b'"' | b'\''), quoted @ ..] = &rest[word..] else { return false };
    let quoted = &quoted[..quoted.len().min(QUOTED_BYTES_MAX)];
    let end = quoted.iter().position(|byte| byte == quote);
    let goes_on = end.is_some_and(|end| quoted[end + 1..].starts_with(b" "));
    word > 0 && goes_on && rest[..word].iter().all(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::Budget;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let fields = UnparsedFields::new(&["pin".to_owned(), "größe".to_owned()]).unwrap();
        let mut found = Vec::new();
        let budget = Budget::new(text.len());
        fields.mark(Text::new(text.as_bytes(), &budget), |at| found.push(&text[at.indices()]));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values_after_their_names_are_found_in_broken_json() {
        check(r#"{"pin":"12\"34","n":1"#, &[r#"12\"34"#]);
        check(r#"{"PIN" : 1234, "n":1"#, &["1234"]);
        check(r#"x {"a.pin":"12 34"#, &["12 34"]);
        check(r"{'pin':'1','GRÖßE':tall}", &["1", "tall"]);
        check(r#"{"pin":{"a":1},"n":1"#, &[r#"{"a":1},"n":1"#]);
        check(r#"{"m":"{\"pin\":\"1\\\"2\",\"n\":1}"#, &[r#"1\\\"2"#]);
        check(r#"{"pin":null,"spin":1,"pins":2,"pin":"","#, &[]);
        check("pin: 1", &[]);
        check(r#"volume "pin" : secret "x" not found"#, &[]);
        check(r#"{"pin": tall "n": 1"#, &["tall"]);
    }
}

//! Slips of writing: quotes and backslashes that YAML, a shell or an `.env` file should have taken, and lists without commas.
//!
//! Input: a value. Output: what is wrong with it, and what would be right. A value is never shown in full: a pattern may
//! hold a secret.

use super::parser::Reader;
use crate::pipeline::encode::template::{Part, Place, Template};

/// What a pattern shows to be written for another syntax. A quote or a backslash that is meant has another spelling.
pub(super) fn pattern(pattern: &str) -> Option<String> {
    if let Some(quote) = surrounding_quote(pattern) {
        let code = if quote == '"' { r"\x22" } else { r"\x27" };
        return Some(format!(
            "a pattern has {quote} around it, which would have to be in the text; leave the quotes out, or write {code} for \
             those that are meant"
        ));
    }
    let doubled = doubled_escape(pattern)?;
    Some(format!(
        "a pattern has {doubled}, a backslash before a letter, which is hardly meant; write {}, or [\\\\] for a backslash \
         that is meant",
        &doubled[1..]
    ))
}

/// What a glob shows to be written for another syntax.
pub(super) fn glob(glob: &str) -> Option<&'static str> {
    if surrounding_quote(glob).is_some() || glob.starts_with(['"', '\'']) || glob.ends_with(['"', '\'']) {
        return Some("has quotes, which would have to be in the path; leave them out");
    }
    let mut words = glob.split_ascii_whitespace();
    (words.clone().count() > 1 && words.all(|word| word.starts_with('/')))
        .then_some("holds two globs with a blank between them; separate them with a comma")
}

/// Placeholders of the pod that have no value and no default: `{namespace}` without `POD_NAMESPACE`.
pub(super) fn places(template: &Template, reader: &Reader<'_>) -> Option<String> {
    template.0.iter().find_map(|part| {
        let (place, variable) = match part {
            Part::Place(Place::Namespace, None) => ("namespace", "POD_NAMESPACE"),
            Part::Place(Place::Pod, None) => ("pod", "POD_NAME"),
            Part::Place(Place::Node, None) => ("node", "NODE_NAME"),
            _ => return None,
        };
        (!reader.is_set(variable)).then(|| {
            format!(
                "{{{place}}} needs {variable}, which is not set; set it from the Downward API, or give a default such as \
                 {{{place}:none}}"
            )
        })
    })
}

/// The quote at both ends, if there is none between them.
fn surrounding_quote(text: &str) -> Option<char> {
    ['"', '\''].into_iter().find(|quote| {
        let inner = text.strip_prefix(*quote).and_then(|rest| rest.strip_suffix(*quote));
        inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(*quote))
    })
}

/// The first class of a pattern that is escaped twice, as in `\\d+`, if no escape in it is simple.
fn doubled_escape(pattern: &str) -> Option<&str> {
    let mut doubled = None;
    let mut at = 0;
    while let Some(next) = pattern[at..].find('\\') {
        at += next;
        let escape = &pattern.as_bytes()[at..];
        match escape {
            [b'\\', b'\\', b'd' | b'D' | b's' | b'S' | b'w' | b'W', b'+' | b'*' | b'?' | b'{' | b')' | b']', ..]
            | [b'\\', b'\\', b'd' | b'D' | b's' | b'S' | b'w' | b'W'] => {
                doubled = doubled.or(Some(&pattern[at..at + 3]));
                at += 3;
            }
            [b'\\', b'\\', ..] => at += 2,
            _ => return None,
        }
    }
    doubled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_for_another_syntax_are_known() {
        #[track_caller]
        fn check(text: &str, words: &str) {
            let reason = pattern(text);
            assert!(reason.as_ref().is_some_and(|reason| reason.contains(words)), "{text}: {reason:?}");
        }
        check(r#""^order [0-9]+$""#, "leave the quotes out");
        check("'^order'", r"\x27");
        check(r"^\\d+ x", r"write \d,");
        check(r"order (?<id>\\w+)", r"write \w,");
        check(r"[\\s]", r"write \s,");
        check(r"a\\.b \\d{4}", r"write \d,");
    }

    #[test]
    fn patterns_with_quotes_and_backslashes_of_their_own_are_right() {
        for text in [
            r#""token":"(?<secret>[^"]+)""#,
            r#"key="[^"]*""#,
            r"C:\\data\\(?<file>\w+)",
            r"\\\\server\\share",
            r"C:\\dir",
            r"\d+\\d+",
            "'",
            "''",
            "\"",
            r"^\d+$",
            r"\\",
        ] {
            assert_eq!(pattern(text), None, "{text}");
        }
    }

    #[test]
    fn globs_without_a_comma_are_known() {
        assert!(glob("/a/*.log /b/*.log").is_some_and(|reason| reason.contains("comma")));
        assert!(glob("/a/*.log\n/b/*.log").is_some_and(|reason| reason.contains("comma")));
        assert!(glob("\"/a/*.log\"").is_some_and(|reason| reason.contains("quotes")));
        for right in ["/a/my file.log", "/a/b c/*.log", "/a/*.log"] {
            assert_eq!(glob(right), None, "{right}");
        }
    }
}

//! Encoded values after a keyword: Base64 (RFC 4648, sections 4 and 5), and the hexadecimal digits that auditd writes
//! for commands and arguments with blanks in them. Each value is decoded once, searched, and masked completely if the
//! search finds anything.
//!
//! Input: a text with a prefilter hit. Output: the encoded values with a match. A value that does not decode to text is
//! left unchanged: it is a word, a hash or a picture.

use std::ops::Range;

use regex::bytes::Regex;

use super::decode::base64;
use super::decode::normal::hex;
use super::masks::RuleRef;
use super::rule::Rule;
use super::search::Found;
use super::validators::Text;
use event::TextRange;

/// Keywords after which a value may be Base64, also at the end of a longer name.
macro_rules! keyword {
    () => {
        r"(?:secret|pass(?:word|wd|phrase)?|pwd|token|credentials?|auth|authorization|cookie|key)"
    };
}

/// Names that state the encoding.
macro_rules! encoded {
    () => {
        concat!("(?:", keyword!(), r"[_.-]?)?(?:b64|base64)")
    };
}

/// The operator before a value, with the value's opening quote.
macro_rules! sets {
    () => {
        r#"(?:\\*["'])?\]?[\ \t]*(?:=>|:=|=|:)[\ \t]*(?:\\*["'])?"#
    };
}

/// Marks a Kubernetes Secret, in which every value is Base64.
macro_rules! manifest {
    () => {
        r#"kind(?:\\*["'])?[\ \t]*:[\ \t]*(?:\\*["'])?secret(?:list)?\b"#
    };
}

/// Fields of auditd records whose value is hexadecimal if it contains blanks, quotes or control characters.
macro_rules! audited {
    () => {
        r"\b(?-i:proctitle|cmd|data|a[0-9]{1,3}(?:\[[0-9]+\])?)="
    };
}

/// Occurs in every line that must be searched for encoded values.
pub(super) const PATTERN: &str = concat!(
    "(?xi-u)",
    encoded!(),
    sets!(),
    "[a-z0-9+/_-]{4} | ",
    keyword!(),
    sets!(),
    r"(?:basic[\ \t+]+)?[a-z0-9+/_-]{12} | basic(?:[\ \t+]|%20)+[a-z0-9+/_-]{12} | ",
    manifest!(),
    " | ",
    audited!(),
    "(?-i:[0-9A-F]{8})"
);

/// Such a field and its value.
const AUDITED: &str = concat!("(?xi-u)", audited!(), r"((?-i:(?:[0-9A-F]{2}){4,}))(?:\W|\z)");

/// A keyword and the first letters of a value; if the name does not state the encoding, the value must be longer than a
/// short word.
const NAMED: &str = concat!(
    "(?xi-u)(",
    encoded!(),
    ")",
    sets!(),
    "([a-z0-9+/_-]{4}) | (",
    keyword!(),
    ")",
    sets!(),
    r"(?:basic[\ \t+]+)?([a-z0-9+/_-]{12}) | (basic)(?:[\ \t+]|%20)+([a-z0-9+/_-]{12})"
);

/// A value of a manifest; whole groups of four, so that values differ from names.
const IN_MANIFEST: &str = r#"(?xi-u):[\ \t]*(?:\\*["'])?((?:[a-z0-9+/]{4})*(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=|[a-z0-9+/]{4}))(?:[\\"',}\s]|\z)"#;

/// Limit for the total length of the values, which may overlap, as a multiple of the text's length. Ordinary texts stay
/// at about 1.
const SEARCHED_FACTOR_MAX: usize = 2;

/// Searched in place of the name: a secret is found by its name, as it would be if it were not encoded.
const AS_SECRET: &[u8] = b"secret=";

/// The patterns that find encoded values.
#[derive(Debug)]
pub(super) struct Encoded {
    named: Regex,
    audited: Regex,
    manifest: Regex,
    in_manifest: Regex,
}

impl Encoded {
    /// `None` if no rule could find anything.
    pub(super) fn new(rules: &[Rule]) -> Option<Self> {
        if rules.iter().all(|rule| rule.fields.is_some()) {
            return None;
        }
        // The patterns are constants that the tests compile.
        let compile = |pattern| Regex::new(pattern).ok();
        let manifest = compile(concat!("(?xi-u)", manifest!()))?;
        Some(Self { named: compile(NAMED)?, audited: compile(AUDITED)?, manifest, in_manifest: compile(IN_MANIFEST)? })
    }

    /// Passes on the encoded values in which `search` finds something.
    pub(super) fn mark(&self, text: Text<'_>, search: impl Fn(&[u8], &mut Found<'_>), found: &mut Found<'_>) {
        let mut opened = Vec::new();
        let mut look = |at: Range<usize>, head: &[u8], open: fn(&[u8], &mut Vec<u8>) -> bool| {
            opened.clear();
            opened.extend_from_slice(head);
            text.charge(at.len());
            if open(&text[at.clone()], &mut opened) {
                let mut longest: Option<(u32, RuleRef)> = None;
                search(&opened, &mut |part, by| {
                    let bytes = part.end - part.start;
                    if part.end as usize > head.len() && longest.is_none_or(|(most, _)| bytes > most) {
                        longest = Some((bytes, by));
                    }
                });
                if let Some((_, by)) = longest {
                    found(TextRange::new(at.start, at.end), by);
                }
            }
        };
        let (mut at, mut searched_bytes) = (0, 0);
        while let Some(groups) = self.named.captures_at(&text, at) {
            // One of the patterns has matched, with both its groups.
            let form = [(1, 2), (3, 4), (5, 6)];
            let both = form.iter().find_map(|(name, value)| Some((groups.get(*name)?, groups.get(*value)?)));
            let Some((name, value)) = both else { break };
            let letters = base64::letters(&text[value.start()..]);
            let end = value.start() + letters;
            let padding = text[end..].iter().take(2).take_while(|&&byte| byte == b'=').count();
            look(value.start()..end + padding, head(name.as_bytes()), open_base64);
            // A value may contain a name; a text of nothing but such names would take forever.
            searched_bytes += letters;
            at = if searched_bytes > text.len().saturating_mul(SEARCHED_FACTOR_MAX) { end } else { value.start() };
        }
        for groups in self.audited.captures_iter(&text) {
            if let Some(value) = groups.get(1) {
                look(value.range(), b"", open_hexadecimal);
            }
        }
        if self.manifest.is_match(&text) {
            for groups in self.in_manifest.captures_iter(&text) {
                if let Some(value) = groups.get(1) {
                    look(value.range(), AS_SECRET, open_base64);
                }
            }
        }
    }
}

/// The text that is put before a value with the name `name` for the search.
fn head(name: &[u8]) -> &'static [u8] {
    let starts = |word: &[u8]| name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    let content = [&b"b64"[..], b"base64", b"key", b"cookie"];
    if content.iter().any(|word| starts(word)) { b"" } else { AS_SECRET }
}

/// Decodes pairs of digits to the end of `out`; returns whether they are text. A NUL between two arguments is decoded
/// as a blank.
fn open_hexadecimal(value: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let digit = |byte: u8| hex(byte).unwrap_or_default();
    out.extend(value.chunks_exact(2).map(|pair| match digit(pair[0]) << 4 | digit(pair[1]) {
        0 => b' ',
        byte => byte,
    }));
    is_text(out, start)
}

/// Decodes Base64 to the end of `out`; returns whether it is text.
fn open_base64(value: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    base64::decode(value, out) && is_text(out, start)
}

/// Whether the bytes decoded from `start` on are text. An incomplete character at the end is removed.
fn is_text(out: &mut Vec<u8>, start: usize) -> bool {
    let printable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    let text = match std::str::from_utf8(&out[start..]) {
        Ok(text) => text,
        // A truncated value may end inside a character.
        Err(error) if error.error_len().is_none() => {
            out.truncate(start + error.valid_up_to());
            std::str::from_utf8(&out[start..]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patterns_compile() {
        for pattern in [PATTERN, NAMED, AUDITED, IN_MANIFEST] {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn a_value_truncated_inside_a_character_is_text() {
        let whole = "cGFzc3dvcmQ6IGjDvG50ZXIy";
        check_open(whole, Some("password: hünter2"));
        check_open(&whole[..16], Some("password: h"));
        check_open("w7w", Some("ü"));
        check_open("ww", None);
    }

    #[track_caller]
    fn check_open(value: &str, expected: Option<&str>) {
        let mut out = b"x".to_vec();
        let opened = open_base64(value.as_bytes(), &mut out);
        assert_eq!(opened.then(|| String::from_utf8_lossy(&out[1..]).into_owned()).as_deref(), expected, "{value}");
    }

    #[test]
    fn only_text_is_decoded() {
        check_open("YWRhQGV4YW1wbGUub3Jn", Some("ada@example.org"));
        check_open("YQ==", Some("a"));
        check_open("YQ", Some("a"));
        check_open("w6nDqcOp", Some("ééé"));
        check_open("Pz8/Pz8+", Some("?????>"));
        check_open("Pz8_Pz8-", Some("?????>"));
        check_open("", None);
        check_open("some-long-word", None);
        check_open("9fceb02d0ae598e95dc970b74767f193", None);
    }
}

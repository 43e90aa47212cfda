//! Creates the labels that replace masked bytes.
//!
//! Input: a text with merged masks. Output: each mask with its label. A label shows only as much of a match as its mode
//! allows: its last characters, or a keyed hash.

use std::sync::LazyLock;

use memchr::memmem;

use super::action::{self, Action};
use super::decode::{Decoded, Reading, normal};
use super::detectors;
use super::key::{self, TokenKey};
use super::masks::{Mask, Masks};

use super::{BUDGET, FIELD, UNDECODABLE};
use event::{Key, Node, Parsed, TextRange};

/// Beginning of every label.
const START: &str = "<redacted:";

/// Finds masks; made once, because that costs more than to search a line.
static MASKS: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(START));

/// Longer than any label: a name, an id, a digest.
const LABEL_BYTES_MAX: usize = 160;

/// The label of a rule that shows only its name.
pub(super) fn fixed(name: &str) -> Box<str> {
    format!("{START}{name}>").into_boxed_str()
}

/// The labels that were made for one text, and reusable buffers for making them.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// The labels, concatenated.
    pub(super) text: String,
    value: Vec<u8>,
    decoded: Decoded,
}

/// Makes labels of one text.
pub(super) struct Replacer<'l> {
    /// The key of tokens.
    pub(super) key: Option<&'l TokenKey>,
    /// By rule number.
    pub(super) fixed: &'l [Box<str>],
    /// The length of the text that may be output.
    pub(super) keep: usize,
    /// The parsed form of the text.
    pub(super) parsed: &'l Parsed,
}

impl Replacer<'_> {
    /// Sets the labels of the merged masks of `text`.
    pub(super) fn label(&self, text: &[u8], masks: &mut Masks, made: &mut Made) {
        made.text.clear();
        // Names and masks are in the order of the text, so one pass is enough.
        let mut names = self.parsed.nodes.iter().filter_map(name).peekable();
        for mask in masks.merged_mut() {
            while names.next_if(|name| name.end <= mask.at.start).is_some() {}
            let in_name = names.peek().is_some_and(|name| name.overlaps(mask.at));
            let start = made.text.len();
            mask.by.mode = self.write(text, mask, in_name, made);
            if mask.by.mode != Action::Mask {
                mask.label = Some(TextRange::new(start, made.text.len()));
            }
        }
    }

    /// Writes the label of one mask, unless it is the rule's fixed one; returns the mode that was applied.
    fn write(&self, text: &[u8], mask: &Mask, in_name: bool, made: &mut Made) -> Action {
        let fixed = self.fixed.get(mask.by.rule as usize).map_or(START, |label| label);
        let head = fixed.strip_suffix('>').unwrap_or(fixed);
        let value = &text[mask.found.indices()];
        match (mask.by.mode, self.key) {
            // Some receivers reject a member without a name.
            (Action::Remove, _) if !in_name => Action::Remove,
            // The end of one match may be the whole of another, and text after the cut is never output.
            (Action::Partial, _) if mask.is_single && mask.found.end as usize <= self.keep => {
                made.read(value);
                let Some(shown) = action::visible_end(&made.value) else { return Action::Mask };
                made.text.extend([head, ":", shown, ">"]);
                Action::Partial
            }
            (Action::Token, Some(key)) => {
                made.read(value);
                made.text.extend([head, ":"]);
                key.write(&made.value, &mut made.text);
                made.text.push('>');
                Action::Token
            }
            _ => Action::Mask,
        }
    }
}

impl Made {
    /// Reads a normalized value: without JSON escapes, encodings and colours.
    fn read(&mut self, value: &[u8]) {
        let Self { value: read, decoded, .. } = self;
        read.clear();
        read.extend_from_slice(value);
        for reading in [Reading::Lenient, Reading::Normal] {
            let differs = match reading {
                Reading::Normal => normal::differs(read),
                _ => memchr::memchr(b'\\', read).is_some(),
            };
            // Nothing is invalid in these readings.
            if differs && decoded.decode(read, TextRange::new(0, read.len()), reading).is_ok() {
                read.clear();
                read.extend_from_slice(decoded.bytes());
            }
        }
    }
}

/// The range of a field's name in the text.
fn name(node: &Node) -> Option<TextRange> {
    match *node {
        Node::Value { key: Key::Text(name), .. }
        | Node::Object { key: Key::Text(name) }
        | Node::Array { key: Key::Text(name) } => Some(name),
        _ => None,
    }
}

/// Finds the masks that the text already contains, from an earlier redaction. Of tokens only those of the same key
/// count, because an id could be any text.
pub(super) fn find_masks(text: &[u8], own: &[Box<str>], key: Option<&TokenKey>, found: &mut Vec<TextRange>) {
    found.clear();
    for start in MASKS.find_iter(text) {
        let rest = &text[start..text.len().min(start + LABEL_BYTES_MAX)];
        if let Some(end) = memchr::memchr(b'>', rest)
            && std::str::from_utf8(&rest[START.len()..end]).is_ok_and(|inside| is_label(inside, own, key))
        {
            found.push(TextRange::new(start, start + end + 1));
        }
    }
}

/// Whether this is the content of a label: a rule's name, followed by nothing, the end of a match, or a token.
fn is_label(inside: &str, own: &[Box<str>], key: Option<&TokenKey>) -> bool {
    let mut parts = inside.split(':');
    let name = parts.next().unwrap_or_default();
    let ours = |label: &str| label.strip_prefix(START).and_then(|rest| rest.strip_suffix('>')) == Some(name);
    let known = || detectors::detectors().any(|detector| detector.name == name);
    let named = [FIELD, UNDECODABLE, BUDGET].contains(&name) || own.iter().any(|label| ours(label)) || known();
    named
        && match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => true,
            (Some(end), None, _) => end.len() == action::PARTIAL_CHARS && end.bytes().all(action::is_plain),
            (Some(id), Some(digest), None) => key.is_some_and(|key| key.id() == id) && key::is_digest(digest),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_plain(value: &str, expected: &str) {
        let mut made = Made::default();
        made.read(value.as_bytes());
        assert_eq!(made.value, expected.as_bytes(), "{value}");
    }

    #[test]
    fn a_value_is_found_in_every_encoding() {
        for written in [
            "ada@example.org",
            r"\u0061da\u0040example.org",
            "ada%40example.org",
            "ada%2540example.org",
            r"ada\u002540example.org",
        ] {
            check_plain(written, "ada@example.org");
        }
        check_plain("100% of", "100% of");
        check_plain(r"a\qb", r"a\qb");
    }

    #[track_caller]
    fn check_masks(text: &str, expected: &[&str]) {
        let mut found = Vec::new();
        let key = TokenKey::new("0123456789abcdef0123456789abcdef", Some("k1")).unwrap();
        find_masks(text.as_bytes(), &[fixed("order")], Some(&key), &mut found);
        let found: Vec<_> = found.into_iter().map(|at| &text[at.indices()]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn our_masks_are_recognized_and_similar_text_is_not() {
        check_masks("a <redacted:email> b <redacted:order>", &["<redacted:email>", "<redacted:order>"]);
        check_masks("<redacted:field><redacted:card:1111>", &["<redacted:field>", "<redacted:card:1111>"]);
        check_masks("<redacted:email:k1:xt5gvjlef5x7ucrv>", &["<redacted:email:k1:xt5gvjlef5x7ucrv>"]);
        check_masks("<redacted:<redacted:email>", &["<redacted:email>"]);
        for look_alike in [
            "<redacted:hunter2>",
            "<redacted:email",
            "<redacted:card:11111>",
            "<redacted:card:11\"1>",
            "<redacted:email:k1:hunter2>",
            "<redacted:email:hunter2:xt5gvjlef5x7ucrv>",
            "<redacted:email:k1:xt5gvjlef5x7ucrv:x>",
            "<redacted:>",
        ] {
            check_masks(look_alike, &[]);
        }
    }
}

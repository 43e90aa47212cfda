//! Values in elements of XML and HTML: in the element whose tag is the name, or in the one next to the element that
//! holds the name.
//!
//! Input: a name and the position after it. Output: the element's content that belongs to it.

use std::ops::Range;

use super::named::{Name, VALUES, before_quote};
use super::operator::after_operator;
use super::place::{after_blanks, after_space, ends_with, skip_while};
use super::value::value;
use super::{MASK_START, Text, add};

/// Opens a section of XML whose text is taken literally.
const CDATA: &[u8] = b"<![CDATA[";

/// Maximum number of siblings between a name and its value, such as a type or a description.
const SIBLINGS_MAX: usize = 3;
/// Maximum nesting of elements around a value.
const DEPTH_MAX: usize = 4;
/// Elements without content.
const VOID: [&[u8]; 4] = [b"input", b"br", b"hr", b"img"];

/// Elements that have siblings of the same kind.
const ITEMS: [&[u8]; 5] = [b"li", b"option", b"th", b"label", b"string"];

/// `<password type="x">…</password>`, also as entities; `at` is after the name.
pub(super) fn element(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let tag = name.whole(b":");
    if text[..tag].ends_with(b"&lt;") {
        let Some(open) = text.find_word(at, b"&gt;") else { return };
        let tag = &text[at..open];
        if !tag.contains(&b'<') && memchr::memmem::find(tag, b"&lt;").is_none() {
            let start = after_blanks(text, open + 4);
            let end = text.find_word(start, b"&lt;").unwrap_or(text.len());
            add(start..end, mask);
        }
    } else if tag > 0 && text[tag - 1] == b'<' && !text[tag - 1..].starts_with(MASK_START) {
        content(text, at, mask);
    }
}

/// The position after the tag whose rest begins at `at`, if that tag opens an element.
fn after_tag(text: Text<'_>, at: usize) -> Option<usize> {
    let end = text.find_either(at, *b"<>")?;
    (text[end] == b'>' && text[end - 1] != b'/').then_some(end + 1)
}

/// Masks the content of an element; the rest of its tag begins at `at`.
fn content(text: Text<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let Some(opened) = after_tag(text, at) else { return };
    let start = after_blanks(text, opened);
    let (start, closes) = if text[start..].starts_with(CDATA) { (start + CDATA.len(), b']') } else { (start, b'<') };
    let end = text.find(start, closes).unwrap_or(text.len());
    // A name in angle brackets inside a sentence is no element.
    if start == opened || closes == b']' || text[end..].starts_with(b"</") {
        add(start..end, mask);
    }
}

/// `<entry key="password">…</entry>`, `<property name="password"><value>…`; `at` is after the closing quote.
pub(super) fn attribute(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let before = before_quote(&text[..name.whole(b":/")]);
    if !(ends_with(before, b"name=") || ends_with(before, b"key=")) {
        return;
    }
    let Some(opened) = after_tag(text, at) else { return };
    let start = after_blanks(text, opened);
    if text.get(start) != Some(&b'<') || text[start..].starts_with(CDATA) {
        return content(text, at, mask);
    }
    let tag = skip_while(text, start + 1, |byte| byte.is_ascii_alphanumeric() || byte == b':');
    if ends_with(&text[start + 1..tag], b"value") && text.get(tag) == Some(&b'>') {
        content(text, tag, mask);
    }
}

/// `<name>password</name><value><string>…</string></value>`, `<key>password</key><string>…`; `at` is at the closing
/// tag.
pub(super) fn sibling(name: &Name<'_>, at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    let text = name.text;
    let start = name.whole(b":/ ");
    let Some(mut behind_name) = after_tag(text, at + 1).filter(|_| text[..start].ends_with(b">")) else { return };
    let closed = tag(&text, at + 2);
    let next = after_blanks(text, behind_name);
    let sign = after_operator(text, next).or((at > name.end).then_some(next));
    if let Some(sign) = sign.filter(|sign| !matches!(text.get(after_space(text, *sign)), None | Some(b'<'))) {
        return value(name, after_blanks(text, sign), mask);
    }
    for _ in 0..SIBLINGS_MAX {
        let open = after_space(text, behind_name);
        let opened = tag(&text, open + 1);
        if text.get(open) != Some(&b'<') || opened.is_empty() || VOID.contains(&opened) {
            return;
        }
        let same = opened == closed && !text[..start].ends_with(b"<entry><string>");
        if same && ITEMS.iter().any(|item| opened.eq_ignore_ascii_case(item)) {
            return;
        }
        let is_value = VALUES.iter().any(|value| ends_with(opened, value));
        let describes = [&b"type"[..], b"description", b"secure", b"encrypted", b"final"].contains(&opened);
        if is_value || !describes {
            return deepest(text, open, mask);
        }
        let Some(end) = text.find_word(open, b"</").and_then(|end| after_tag(text, end + 1)) else { return };
        behind_name = end;
    }
}

/// Masks the content of the innermost element of those that open at `at`.
fn deepest(text: Text<'_>, mut at: usize, mask: &mut dyn FnMut(Range<usize>)) {
    for _ in 0..DEPTH_MAX {
        let Some(opened) = after_tag(text, at + 1) else { return };
        let next = after_space(text, opened);
        let nested = text.get(next) == Some(&b'<') && text.get(next + 1).is_some_and(u8::is_ascii_alphabetic);
        if !nested {
            return content(text, at + 1, mask);
        }
        at = next;
    }
}

/// The name of the tag at `at`.
fn tag<'t>(text: &Text<'t>, at: usize) -> &'t [u8] {
    let text = text.bytes();
    let at = at.min(text.len());
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b":_-.".contains(*byte);
    let length = text[at..].iter().take(64).take_while(in_name).count();
    &text[at..at + length]
}

//! Parses one JSON object into nodes.
//!
//! Input: a line. Output: nodes in the order of the text; every key and value is a range of it, numbers as written.
//! Only `serde_json` decides what is valid: it reads the text, and [`Walk`] follows one step later and records the
//! positions of the tokens. A rejected line is parsed again with known faults replaced (see [`mod@repair`]). After a
//! failure there are no nodes.

mod repair;

use std::fmt;

use memchr::{memchr, memchr2};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use event::{Key, Kind, Node, ParseFailure, Repair, Repairs, TextRange, unicode_escape};

/// Maximum nesting of objects and arrays. Real logs stay far below it, and later modules may recurse safely.
const DEPTH_MAX: usize = 32;

/// Fills `nodes`, which must be empty, with the members of the single object in `text`; returns the repairs.
pub(super) fn read(text: &[u8], nodes: &mut Vec<Node>) -> Result<Repairs, ParseFailure> {
    // An error of `serde_json` allocates. Plain lines between objects are common and must not.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(ParseFailure::Json);
    }
    let failure = match std::str::from_utf8(text).map(|valid| walk(valid, nodes)) {
        Ok(Ok(())) => return Ok(Repairs::default()),
        Ok(Err(failure @ ParseFailure::Depth)) => return Err(failure),
        Ok(Err(failure)) => failure,
        Err(_) => ParseFailure::Json,
    };
    let (covered, repairs) = repair::cover(text).ok_or(failure)?;
    walk(&covered, nodes)?;
    if repairs.has(Repair::NotANumber) {
        for node in nodes {
            repair::uncover(text, node);
        }
    }
    Ok(repairs)
}

/// Adds the object or array that the range begins with, under `key`; returns where it ends. `None`, and no nodes: there is
/// none.
pub(super) fn read_value(text: &[u8], at: TextRange, key: Key, nodes: &mut Vec<Node>) -> Option<usize> {
    let range = at.indices();
    if !matches!(text[range.clone()].first(), Some(b'{' | b'[')) {
        return None;
    }
    let before = nodes.len();
    let valid = std::str::from_utf8(&text[range.clone()]).ok()?;
    let has_escapes = memchr(b'\\', valid.as_bytes()).is_some();
    let mut walk = Walk { text: &text[..range.end], at: range.start, nodes, depth: 0, too_deep: false, has_escapes };
    let mut source = serde_json::Deserializer::from_str(valid);
    let is_read = Member { walk: &mut walk, key }.deserialize(&mut source).is_ok();
    let end = walk.at;
    if !is_read {
        nodes.truncate(before);
    }
    is_read.then_some(end)
}

/// Fills `nodes` from a valid object.
fn walk(text: &str, nodes: &mut Vec<Node>) -> Result<(), ParseFailure> {
    let has_escapes = memchr(b'\\', text.as_bytes()).is_some();
    let mut walk = Walk { text: text.as_bytes(), at: 0, nodes, depth: 0, too_deep: false, has_escapes };
    let mut source = serde_json::Deserializer::from_str(text);
    let done = source.deserialize_map(Members(&mut walk)).and_then(|()| source.end());
    if done.is_ok() {
        return Ok(());
    }
    let failure = if walk.too_deep { ParseFailure::Depth } else { ParseFailure::Json };
    nodes.clear();
    Err(failure)
}

/// The position in the text: never ahead of the input that `serde_json` has accepted by more than separators.
struct Walk<'t, 'n> {
    text: &'t [u8],
    at: usize,
    nodes: &'n mut Vec<Node>,
    depth: usize,
    too_deep: bool,
    /// Whether a string may have escapes.
    has_escapes: bool,
}

impl Walk<'_, '_> {
    /// Moves to the next token and returns its first byte, 0 at the end. `serde_json` checks the separators.
    fn peek(&mut self) -> u8 {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':') => self.at += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    /// Moves past the brace or bracket that `serde_json` has just accepted.
    fn step<E: serde::de::Error>(&mut self, expected: u8) -> Result<(), E> {
        if self.peek() != expected {
            return Err(E::custom("unexpected token"));
        }
        self.at += 1;
        Ok(())
    }

    fn enter<E: serde::de::Error>(&mut self, bracket: u8) -> Result<(), E> {
        if self.depth == DEPTH_MAX {
            self.too_deep = true;
            return Err(E::custom("nested too deep"));
        }
        self.depth += 1;
        self.step(bracket)
    }

    fn leave<E: serde::de::Error>(&mut self, bracket: u8) -> Result<(), E> {
        self.depth -= 1;
        self.step(bracket)
    }

    /// Moves past a token of known length.
    fn advance(&mut self, len: usize) -> TextRange {
        let start = self.at;
        self.at += len;
        TextRange::new(start, self.at)
    }

    /// Moves past a number that `serde_json` has accepted.
    fn take_number(&mut self) -> TextRange {
        let rest = &self.text[self.at..];
        let inside = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
        self.advance(rest.iter().position(|byte| !inside(byte)).unwrap_or(rest.len()))
    }

    /// Moves past a string without escapes and its quotes; returns the range of its content.
    fn take_plain(&mut self, len: usize) -> TextRange {
        self.at += 1;
        let inside = self.advance(len);
        self.at += 1;
        inside
    }

    /// Whether the string here has escapes.
    fn is_escaped(&self) -> bool {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        self.has_escapes && memchr2(b'"', b'\\', rest).is_some_and(|end| rest[end] == b'\\')
    }

    /// Moves past a string with escapes that `serde_json` has accepted, but for halves of surrogate pairs.
    fn take_escaped<E: serde::de::Error>(&mut self) -> Result<TextRange, E> {
        let start = self.at + 1;
        let mut end = start;
        while let Some(offset) = self.text.get(end..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
            end += offset;
            if self.text[end] == b'"' {
                break;
            }
            end += match unicode_escape(&self.text[end..]) {
                Some((None, _)) => return Err(E::custom("half of a surrogate pair")),
                Some((_, len)) => len,
                None => 2,
            };
        }
        self.at = end + 1;
        Ok(TextRange::new(start, end))
    }
}

/// The members of an object, from its opening to its closing brace.
struct Members<'w, 't, 'n>(&'w mut Walk<'t, 'n>);

impl<'de> Visitor<'de> for Members<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.enter(b'{')?;
        while let Some((key, _)) = map.next_key_seed(Text(self.0))? {
            map.next_value_seed(Member { walk: self.0, key: Key::Text(key) })?;
        }
        self.0.leave(b'}')
    }
}

/// The elements of an array, from its opening to its closing bracket.
struct Elements<'w, 't, 'n>(&'w mut Walk<'t, 'n>);

impl<'de> Visitor<'de> for Elements<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.enter(b'[')?;
        while seq.next_element_seed(Member { walk: self.0, key: Key::None })?.is_some() {}
        self.0.leave(b']')
    }
}

/// One value of any kind.
struct Member<'w, 't, 'n> {
    walk: &'w mut Walk<'t, 'n>,
    key: Key,
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        let Self { walk, key } = self;
        let (at, kind) = match walk.peek() {
            b'"' => Text(walk).deserialize(source)?,
            b'{' => {
                walk.nodes.push(Node::Object { key });
                source.deserialize_map(Members(walk))?;
                walk.nodes.push(Node::End);
                return Ok(());
            }
            b'[' => {
                walk.nodes.push(Node::Array { key });
                source.deserialize_seq(Elements(walk))?;
                walk.nodes.push(Node::End);
                return Ok(());
            }
            // Numbers are validated, not converted: their text counts.
            first => {
                source.deserialize_ignored_any(IgnoredAny)?;
                match first {
                    b't' => (walk.advance(4), Kind::True),
                    b'f' => (walk.advance(5), Kind::False),
                    b'n' => (walk.advance(4), Kind::Null),
                    b'-' | b'0'..=b'9' => (walk.take_number(), Kind::Number),
                    _ => return Err(D::Error::custom("unexpected token")),
                }
            }
        };
        walk.nodes.push(Node::Value { key, at, kind });
        Ok(())
    }
}

/// A string, as a key or as a value.
struct Text<'w, 't, 'n>(&'w mut Walk<'t, 'n>);

impl<'de> DeserializeSeed<'de> for Text<'_, '_, '_> {
    type Value = (TextRange, Kind);

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        self.0.peek();
        if self.0.is_escaped() {
            // To decode a string, `serde_json` would allocate.
            source.deserialize_ignored_any(IgnoredAny)?;
            return Ok((self.0.take_escaped()?, Kind::Escaped));
        }
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text<'_, '_, '_> {
    type Value = (TextRange, Kind);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    /// `serde_json` lends a string if it has no escapes.
    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok((self.0.take_plain(text.len()), Kind::Text))
    }
}

#[cfg(test)]
mod tests;

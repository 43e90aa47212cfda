//! One JSON object becomes nodes.
//!
//! In: a line. Out: nodes in the order of the text, every key and value as a range of it, numbers as they were written.
//! `serde_json` alone decides what is valid: it walks the text, and [`Walk`] follows a step behind and notes where the
//! tokens stand. A line that it refuses is walked once more with the faults covered that [`mod@repair`] knows. After a
//! failure no node is left.

mod repair;

use std::fmt;

use memchr::memchr2;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use event::{Key, Kind, Node, ParseFailure, Repair, Repairs, TextRange};

/// How many objects and arrays may stand in each other. Real logs stay far below; every later room may recurse safely.
const DEPTH_MAX: usize = 32;

/// Fills `nodes`, which must be empty, with the members of the one object that `text` consists of, and says what is wrong
/// with it all the same.
pub(super) fn read(text: &[u8], nodes: &mut Vec<Node>) -> Result<Repairs, ParseFailure> {
    // An error of `serde_json` allocates; the plain lines between objects, which are common, need none.
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

/// Fills `nodes` from a valid object.
fn walk(text: &str, nodes: &mut Vec<Node>) -> Result<(), ParseFailure> {
    let mut walk = Walk { text: text.as_bytes(), at: 0, nodes, depth: 0, too_deep: false };
    let mut source = serde_json::Deserializer::from_str(text);
    let done = source.deserialize_map(Members(&mut walk)).and_then(|()| source.end());
    if done.is_ok() {
        return Ok(());
    }
    let failure = if walk.too_deep { ParseFailure::Depth } else { ParseFailure::Json };
    nodes.clear();
    Err(failure)
}

/// Where we are in the text: never ahead of what `serde_json` has accepted by more than separators.
struct Walk<'t, 'n> {
    text: &'t [u8],
    at: usize,
    nodes: &'n mut Vec<Node>,
    depth: usize,
    too_deep: bool,
}

impl Walk<'_, '_> {
    /// Goes to the next token and shows its first byte, 0 at the end. Which separators are right is for `serde_json` to say.
    fn peek(&mut self) -> u8 {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':') => self.at += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    /// Steps over the brace or bracket that `serde_json` has just accepted.
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

    /// Steps over a token of known length.
    fn advance(&mut self, len: usize) -> TextRange {
        let start = self.at;
        self.at += len;
        TextRange::new(start, self.at)
    }

    /// Steps over a number that `serde_json` has accepted.
    fn take_number(&mut self) -> TextRange {
        let rest = &self.text[self.at..];
        let inside = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
        self.advance(rest.iter().position(|byte| !inside(byte)).unwrap_or(rest.len()))
    }

    /// Steps over a string without escapes, quotes included; the range is its inside.
    fn take_plain(&mut self, len: usize) -> TextRange {
        self.at += 1;
        let inside = self.advance(len);
        self.at += 1;
        inside
    }

    /// Steps over a string with escapes that `serde_json` has accepted.
    fn take_escaped(&mut self) -> TextRange {
        let start = self.at + 1;
        let mut end = start;
        while let Some(offset) = self.text.get(end..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
            end += offset;
            if self.text[end] == b'"' {
                break;
            }
            end += 2;
        }
        self.at = end + 1;
        TextRange::new(start, end)
    }
}

/// The members of an object, from its brace to the other.
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

/// The elements of an array, from its bracket to the other.
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

/// One value, whatever it is.
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
            // Numbers are checked, not converted: their text is what counts.
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
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text<'_, '_, '_> {
    type Value = (TextRange, Kind);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    /// `serde_json` lends a string exactly when there was nothing to unescape.
    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok((self.0.take_plain(text.len()), Kind::Text))
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok((self.0.take_escaped(), Kind::Escaped))
    }
}

#[cfg(test)]
mod tests;

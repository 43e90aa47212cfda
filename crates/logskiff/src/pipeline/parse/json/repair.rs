//! Repairs lines that are JSON except for known faults of loggers.
//!
//! Input: a line that is not JSON. Output: a copy of the same length with a valid replacement for each fault, so that
//! positions stay valid. If the copy is invalid too, the line has another fault and is not JSON. Repaired are invalid
//! UTF-8, halves of surrogate pairs and control characters, all of them inside strings, and numbers that JSON does not
//! have.

use event::{Kind, Node, Repair, Repairs, unicode_escape};

/// Replaces a byte of a string. Outside of a string it is as invalid as the original byte.
const CHARACTER: u8 = b'?';

/// Replaces half of a surrogate pair: the string keeps an escape.
const ESCAPE: &[u8] = br"\ufffd";

/// Replaces each byte of a number that JSON does not have: a sequence of them is a number.
const DIGIT: u8 = b'1';

/// Numbers that JSON does not have, in any case, with or without a sign: as JavaScript, Python and C write them.
const NOT_NUMBERS: [&[u8]; 3] = [b"nan", b"infinity", b"inf"];

/// Replaces the faults of `line`; `None`: it has no known fault.
pub(super) fn cover(line: &[u8]) -> Option<(String, Repairs)> {
    let mut cover = Cover { text: line.to_vec(), at: 0, repairs: Repairs::default() };
    cover.bytes(line);
    while cover.at < line.len() {
        match cover.text[cover.at] {
            b'"' => cover.string(),
            b'n' | b'N' | b'i' | b'I' | b'+' | b'-' => cover.number(),
            _ => cover.at += 1,
        }
    }
    let Cover { text, repairs, .. } = cover;
    let text = String::from_utf8(text).ok()?;
    (!repairs.is_empty()).then_some((text, repairs))
}

/// Restores the original text of a number that JSON does not have.
pub(super) fn uncover(line: &[u8], node: &mut Node) {
    if let Node::Value { at, kind: kind @ Kind::Number, .. } = node
        && not_a_number(&line[at.indices()]) == Some(at.indices().len())
    {
        *kind = Kind::Null;
    }
}

struct Cover {
    text: Vec<u8>,
    at: usize,
    repairs: Repairs,
}

impl Cover {
    /// Replaces invalid UTF-8.
    fn bytes(&mut self, line: &[u8]) {
        let mut at = 0;
        for chunk in line.utf8_chunks() {
            at += chunk.valid().len();
            let behind = at + chunk.invalid().len();
            self.cover(at, behind, CHARACTER, Repair::InvalidUtf8);
            at = behind;
        }
    }

    /// Moves past a string.
    fn string(&mut self) {
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' => match unicode_escape(&self.text[self.at..]) {
                    Some((None, length)) => {
                        self.text[self.at..self.at + length].copy_from_slice(ESCAPE);
                        self.repairs.add(Repair::LoneSurrogate);
                        self.at += length;
                    }
                    Some((_, length)) => self.at += length,
                    None => self.at += 2,
                },
                0..b' ' => {
                    self.cover(self.at, self.at + 1, CHARACTER, Repair::ControlCharacter);
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    /// Moves past a token outside of strings, which may be an invalid number.
    fn number(&mut self) {
        let length = not_a_number(&self.text[self.at..]).unwrap_or(0);
        // It must be the whole value.
        let before = self.text[..self.at].last();
        let behind = self.text.get(self.at + length);
        let is_blank = |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if length > 0
            && before.is_some_and(|byte| is_blank(*byte) || b":[,".contains(byte))
            && behind.is_some_and(|byte| is_blank(*byte) || b",]}".contains(byte))
        {
            self.cover(self.at, self.at + length, DIGIT, Repair::NotANumber);
        }
        self.at += length.max(1);
    }

    fn cover(&mut self, start: usize, end: usize, with: u8, repair: Repair) {
        if start < end {
            self.text[start..end].fill(with);
            self.repairs.add(repair);
        }
    }
}

/// The length of the number at the start of `rest` that JSON does not have.
fn not_a_number(rest: &[u8]) -> Option<usize> {
    let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
    let is = |name: &&&[u8]| rest[sign..].get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    NOT_NUMBERS.iter().find(is).map(|name| sign + name.len())
}

//! Lines that are JSON but for faults that loggers are known for.
//!
//! In: a line that is not JSON. Out: a copy of the same length that has something valid in the place of each fault, so
//! that every position in it is one of the line. What of it is not valid then is another fault, and the line no JSON.
//! Covered are bytes that are not UTF-8, halves of surrogate pairs and control characters, all of them within strings, and
//! numbers that JSON does not have.

use event::{Kind, Node, Repair, Repairs, unicode_escape};

/// Stands for a byte of a string. Outside of a string it is as invalid as the byte was.
const CHARACTER: u8 = b'?';

/// Stands for half of a surrogate pair: the string keeps an escape.
const ESCAPE: &[u8] = br"\ufffd";

/// Stands for each byte of a number that JSON does not have: so many of them are a number.
const DIGIT: u8 = b'1';

/// The numbers that JSON does not have, in any case, with or without a sign: as JavaScript, Python and C write them.
const NOT_NUMBERS: [&[u8]; 3] = [b"nan", b"infinity", b"inf"];

/// Covers the faults of `line`; `None`: it has none of those that are known here.
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

/// Gives a node of a covered line back what stands in the line: a number that JSON does not have.
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
    /// Covers what of the line is not UTF-8.
    fn bytes(&mut self, line: &[u8]) {
        let mut at = 0;
        for chunk in line.utf8_chunks() {
            at += chunk.valid().len();
            let behind = at + chunk.invalid().len();
            self.cover(at, behind, CHARACTER, Repair::InvalidUtf8);
            at = behind;
        }
    }

    /// Goes over a string to what is behind it.
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

    /// Goes over what is outside of strings and may be no number.
    fn number(&mut self) {
        let length = not_a_number(&self.text[self.at..]).unwrap_or(0);
        // It must be all of a value.
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

/// How long the number is that `rest` starts with and JSON does not have.
fn not_a_number(rest: &[u8]) -> Option<usize> {
    let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
    let is = |name: &&&[u8]| rest[sign..].get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    NOT_NUMBERS.iter().find(is).map(|name| sign + name.len())
}

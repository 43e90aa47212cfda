//! A redacted line.
//!
//! Input: a text and its masks, from `redact` only. Output: unmasked text, and the labels of masks. A [`Redacted`]
//! gives no access to masked bytes, except as a mask's mode allows.

use std::fmt;

use super::action::Action;
use super::allowed::Match;
use super::masks::Mask;
use event::{Key, Node, Parsed, TextRange};

/// Flags of records with a withheld value, in the order of the last rules' numbers.
const WITHHELD: [&str; 2] = ["redaction_undecodable", "redaction_budget"];

/// One redacted line: the only type that can be encoded, and only `redact` creates it.
#[derive(Clone, Copy)]
pub struct Redacted<'t> {
    text: &'t [u8],
    parsed: &'t Parsed,
    masks: &'t [Mask],
    labels: Labels<'t>,
    allowed: &'t [Match],
    /// What would be masked, if this were no audit.
    audited: &'t [Mask],
}

/// The labels that replace masked bytes.
#[derive(Clone, Copy)]
pub(super) struct Labels<'t> {
    /// By rule number.
    pub(super) fixed: &'t [Box<str>],
    /// The labels that were made for this text, concatenated.
    pub(super) made: &'t str,
}

impl<'t> Labels<'t> {
    fn label(self, mask: &Mask) -> &'t str {
        let label = match mask.label {
            Some(at) => self.made.get(at.indices()),
            None => self.fixed.get(mask.by.rule as usize).map(|label| &**label),
        };
        label.unwrap_or("<redacted>")
    }
}

/// One mask, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The number of the rule that names it ([`super::Redactor::rules`]).
    pub rule: usize,
    /// The mode that was applied.
    pub mode: Action,
    /// Its position in the line.
    pub at: TextRange,
}

impl Masked {
    /// The number of its counter ([`super::Redactor::counters`]).
    #[must_use]
    pub fn counter(&self) -> usize {
        self.rule * Action::ALL.len() + self.mode as usize
    }
}

/// A part of a redacted text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Bytes that no rule has matched.
    Text(&'t [u8]),
    /// The replacement of masked bytes: `<redacted:NAME>`, or another form by the rule's mode; may be empty.
    Mask(&'t str),
}

impl<'t> Redacted<'t> {
    /// `text` without its look-ahead; `masks` are sorted and disjoint.
    pub(super) fn new(text: &'t [u8], parsed: &'t Parsed, masks: &'t [Mask], labels: Labels<'t>) -> Self {
        Self { text, parsed, masks, labels, allowed: &[], audited: &[] }
    }

    /// The same, with the settled matches that the user allows.
    pub(super) fn with_allowed(self, allowed: &'t [Match]) -> Self {
        Self { allowed, ..self }
    }

    /// The same, with what would be masked.
    pub(super) fn with_audited(self, audited: &'t [Mask]) -> Self {
        Self { audited, ..self }
    }

    /// The result of `parse`, in positions of the same text.
    #[must_use]
    pub fn parsed(&self) -> &'t Parsed {
        self.parsed
    }

    /// The range of the line that may be output.
    #[must_use]
    pub fn whole(&self) -> TextRange {
        TextRange::new(0, self.text.len())
    }

    /// Whether any of the range is masked.
    #[must_use]
    pub fn is_masked(&self, at: TextRange) -> bool {
        self.overlapping(at).is_some_and(|mask| mask.at.overlaps(at))
    }

    /// The bytes of the range, if no mask overlaps it and all of it may be output.
    #[must_use]
    pub fn plain(&self, at: TextRange) -> Option<&'t [u8]> {
        if self.masks.is_empty() || !self.is_masked(at) { self.text.get(at.indices()) } else { None }
    }

    /// The parts of the range, in order: unmasked text, and once each mask that overlaps it, wherever it begins. Parts
    /// outside [`Redacted::whole`] are omitted.
    #[must_use]
    pub fn pieces(&self, at: TextRange) -> Pieces<'t> {
        let end = (at.end as usize).min(self.text.len());
        let first = self.masks.partition_point(|mask| mask.at.end <= at.start);
        Pieces { text: self.text, masks: &self.masks[first..], labels: self.labels, at: at.start as usize, end }
    }

    /// All parts of the line as a text of its own. A line that is JSON stays JSON: masks keep its punctuation, and the
    /// label of a number or boolean is in quotes.
    pub fn line(&self, mut write: impl FnMut(Piece<'t>)) {
        if self.masks.is_empty() {
            return write(Piece::Text(self.text));
        }
        let mut at = 0;
        let mut message = self.json_message();
        for (key, value) in self.parsed.nodes.iter().map(member) {
            for (part, scalar) in key.map(|key| (key, false)).into_iter().chain(value) {
                // The message stands between the members, and is none of them.
                if let Some(message) = message.take_if(|message| message.start < part.start) {
                    self.punctuation(TextRange { start: at, end: message.start }, &mut write);
                    self.pieces(message).for_each(&mut write);
                    at = message.end;
                }
                self.punctuation(TextRange { start: at, end: part.start }, &mut write);
                let quoted = scalar && self.is_masked(part);
                if quoted {
                    write(Piece::Text(b"\""));
                }
                self.pieces(part).for_each(&mut write);
                if quoted {
                    write(Piece::Text(b"\""));
                }
                at = part.end;
            }
        }
        if let Some(message) = message {
            self.punctuation(TextRange { start: at, end: message.start }, &mut write);
            self.pieces(message).for_each(&mut write);
            at = message.end;
        }
        self.punctuation(TextRange { start: at, end: self.whole().end.max(at) }, &mut write);
    }

    /// The message, if it is a string of a JSON object.
    fn json_message(&self) -> Option<TextRange> {
        let (at, _) = self.parsed.message?;
        let quote = |at: Option<usize>| at.and_then(|at| self.text.get(at)) == Some(&b'"');
        let is_object = self.text.trim_ascii_start().starts_with(b"{");
        let is_string = quote((at.start as usize).checked_sub(1)) && quote(Some(at.end as usize));
        (is_object && is_string).then_some(at)
    }

    /// Writes the text between the members of JSON; anything other than punctuation with its masks.
    fn punctuation(&self, at: TextRange, write: &mut impl FnMut(Piece<'t>)) {
        let is_sign = |byte: &u8| b"{}[]:,\" \t\r\n".contains(byte);
        let between = self.text.get(at.indices()).unwrap_or_default();
        let before = between.iter().take_while(|byte| is_sign(byte)).count();
        if before == between.len() {
            return write(Piece::Text(between));
        }
        if at.start == 0 && at.end as usize >= self.text.len() {
            return self.pieces(at).for_each(write);
        }
        // What is in between are members that are none of the fields, such as the level, and the message's name.
        let after = between.iter().rev().take_while(|byte| is_sign(byte)).count();
        let middle = TextRange::new(at.start as usize + before, at.start as usize + between.len() - after);
        write(Piece::Text(&between[..before]));
        self.pieces(middle).for_each(&mut *write);
        write(Piece::Text(&between[between.len() - after..]));
    }

    /// Each mask that may be output, in order.
    pub fn masked(&self) -> impl Iterator<Item = Masked> + use<'t> {
        self.leaving(self.masks)
    }

    /// Each mask that would be output if this were no audit, in order. The text stays.
    pub fn audited(&self) -> impl Iterator<Item = Masked> + use<'t> {
        self.leaving(self.audited)
    }

    fn leaving(&self, masks: &'t [Mask]) -> impl Iterator<Item = Masked> + use<'t> {
        let end = self.text.len();
        let leaving = masks.iter().take_while(move |mask| (mask.at.start as usize) < end);
        leaving.map(move |mask| {
            let at = TextRange::new(mask.at.start as usize, (mask.at.end as usize).min(end));
            Masked { rule: mask.by.rule as usize, mode: if mask.drops { Action::Drop } else { mask.by.mode }, at }
        })
    }

    /// The rule's number of each value that may be output because the user allows it.
    pub fn allowed(&self) -> impl Iterator<Item = usize> + use<'t> {
        let end = self.text.len();
        let shown = self.allowed.iter().filter(move |allowed| (allowed.at.start as usize) < end);
        shown.map(|allowed| allowed.rule as usize)
    }

    /// Why a part of the line is withheld without a matching rule: `redaction_undecodable`, `redaction_budget`.
    pub fn withheld(&self) -> impl Iterator<Item = &'static str> + use<'t> {
        let first = self.labels.fixed.len().saturating_sub(WITHHELD.len());
        let masks = self.masks;
        let end = self.text.len();
        WITHHELD.into_iter().enumerate().filter_map(move |(at, reason)| {
            let is = |mask: &&Mask| mask.by.rule as usize == first + at && (mask.at.start as usize) < end;
            masks.iter().find(is).map(|_| reason)
        })
    }

    /// Whether a rule drops the record.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.masked().any(|mask| mask.mode == Action::Drop)
    }

    /// The first mask that ends after the range's start.
    fn overlapping(&self, at: TextRange) -> Option<&'t Mask> {
        self.masks.get(self.masks.partition_point(|mask| mask.at.end <= at.start))
    }
}

/// The ranges of the name and the value of a JSON member, and whether the value has no quotes. In other formats the
/// names are not part of the text, so there are no members.
fn member(node: &Node) -> (Option<TextRange>, Option<(TextRange, bool)>) {
    let name = |key| if let Key::Text(at) = key { Some(at) } else { None };
    match *node {
        Node::Value { key: Key::Name(_), .. } | Node::End => (None, None),
        Node::Value { key, at, kind } => (name(key), Some((at, kind.is_scalar()))),
        Node::Object { key } | Node::Array { key } => (name(key), None),
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redacted({} bytes, {} masks)", self.text.len(), self.masks.len())
    }
}

impl fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Mask(label) => write!(f, "Mask({label})"),
        }
    }
}

/// Iterates over [`Redacted::pieces`].
#[derive(Clone)]
pub struct Pieces<'t> {
    text: &'t [u8],
    masks: &'t [Mask],
    labels: Labels<'t>,
    at: usize,
    end: usize,
}

impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pieces({} bytes left)", self.end.saturating_sub(self.at))
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        if self.at >= self.end {
            return None;
        }
        let from = self.at;
        let Some((mask, rest)) = self.masks.split_first().filter(|(mask, _)| (mask.at.start as usize) < self.end)
        else {
            self.at = self.end;
            return Some(Piece::Text(&self.text[from..self.end]));
        };
        let start = mask.at.start as usize;
        if from < start {
            self.at = start;
            return Some(Piece::Text(&self.text[from..start]));
        }
        self.at = mask.at.end as usize;
        self.masks = rest;
        Some(Piece::Mask(self.labels.label(mask)))
    }
}

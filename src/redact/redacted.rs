//! A line that may leave.
//!
//! In: a text and its masks, from `redact` alone. Out: what is not masked, and what stands for the masks. There is no way
//! from a [`Redacted`] to the masked bytes but what a mask's mode shows of them.

use std::fmt;

use super::masks::Mask;
use super::mode::Mode;
use crate::record::{Key, Kind, Node, Parsed, TextRange};

/// One line, redacted: the only thing that can be encoded, and only `redact` makes it.
#[derive(Clone, Copy)]
pub struct Redacted<'t> {
    text: &'t [u8],
    parsed: &'t Parsed,
    masks: &'t [Mask],
    labels: Labels<'t>,
}

/// What stands for masked bytes.
#[derive(Clone, Copy)]
pub(super) struct Labels<'t> {
    /// By the rule's number.
    pub(super) fixed: &'t [Box<str>],
    /// Those that were made for this text, one after the other.
    pub(super) made: &'t str,
}

impl<'t> Labels<'t> {
    fn of(self, mask: &Mask) -> &'t str {
        let label = match mask.label {
            Some(at) => self.made.get(at.indices()),
            None => self.fixed.get(mask.by.rule).map(|label| &**label),
        };
        label.unwrap_or("<redacted>")
    }
}

/// One mask, told without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The number of the rule that names it ([`super::Redactor::rules`]).
    pub rule: usize,
    /// What became of it.
    pub mode: Mode,
    /// Where it stands in the line.
    pub at: TextRange,
}

impl Masked {
    /// The number of its counter ([`super::Redactor::counters`]).
    #[must_use]
    pub fn counter(&self) -> usize {
        self.rule * Mode::ALL.len() + self.mode as usize
    }
}

/// A part of a redacted text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Bytes that no rule has matched.
    Text(&'t [u8]),
    /// What stands for masked bytes: `<redacted:NAME>`, or what the rule's mode says; may be empty.
    Mask(&'t str),
}

impl<'t> Redacted<'t> {
    /// `text` without its look-ahead; `masks` are sorted and disjoint.
    pub(super) fn new(text: &'t [u8], parsed: &'t Parsed, masks: &'t [Mask], labels: Labels<'t>) -> Self {
        Self { text, parsed, masks, labels }
    }

    /// What `parse` found, in positions of the same text.
    #[must_use]
    pub fn parsed(&self) -> &'t Parsed {
        self.parsed
    }

    /// All that may leave of the line.
    #[must_use]
    pub fn whole(&self) -> TextRange {
        TextRange::new(0, self.text.len())
    }

    /// Whether any of the range is masked.
    #[must_use]
    pub fn is_masked(&self, at: TextRange) -> bool {
        self.overlapping(at).is_some_and(|mask| mask.at.overlaps(at))
    }

    /// The range in parts, in order: what is not masked, and once each mask that overlaps it, wherever it begins.
    /// What lies beyond [`Redacted::whole`] is left out.
    #[must_use]
    pub fn pieces(&self, at: TextRange) -> Pieces<'t> {
        let end = (at.end as usize).min(self.text.len());
        let first = self.masks.partition_point(|mask| mask.at.end <= at.start);
        Pieces { text: self.text, masks: &self.masks[first..], labels: self.labels, at: at.start as usize, end }
    }

    /// All of it as it is to stand alone: as [`Redacted::pieces`], but in a line that is JSON, what stands for a number or a
    /// truth value is in quotes, so that it stays JSON.
    pub fn line(&self) -> impl Iterator<Item = Piece<'t>> + use<'t> {
        let Self { text, parsed, masks, labels } = *self;
        let mut scalars = parsed.nodes.iter().filter_map(scalar).peekable();
        let is_json = parsed.nodes.first().is_some_and(is_member);
        let leaving = masks.iter().take_while(move |mask| (mask.at.start as usize) < text.len());
        let pieces = leaving.map(Some).chain([None]).scan(0, move |at, mask| {
            let Some(mask) = mask else {
                let rest = &text[(*at).min(text.len())..];
                return Some([Piece::Text(rest), Piece::Text(b""), Piece::Text(b""), Piece::Text(b"")]);
            };
            while scalars.next_if(|scalar| scalar.end <= mask.at.start).is_some() {}
            let quote: &[u8] = if is_json && scalars.peek() == Some(&mask.at) { b"\"" } else { b"" };
            let before = &text[*at..mask.at.start as usize];
            *at = mask.at.end as usize;
            Some([Piece::Text(before), Piece::Text(quote), Piece::Mask(labels.of(mask)), Piece::Text(quote)])
        });
        pieces.flatten()
    }

    /// Each mask that may leave, in order.
    pub fn masked(&self) -> impl Iterator<Item = Masked> + use<'t> {
        let end = self.text.len();
        let leaving = self.masks.iter().take_while(move |mask| (mask.at.start as usize) < end);
        leaving.map(move |mask| {
            let at = TextRange::new(mask.at.start as usize, (mask.at.end as usize).min(end));
            Masked { rule: mask.by.rule, mode: if mask.drops { Mode::Drop } else { mask.by.mode }, at }
        })
    }

    /// Whether a rule drops the record.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.masked().any(|mask| mask.mode == Mode::Drop)
    }

    /// The first mask that ends behind the range's start.
    fn overlapping(&self, at: TextRange) -> Option<&'t Mask> {
        self.masks.get(self.masks.partition_point(|mask| mask.at.end <= at.start))
    }
}

/// Where a value stands that JSON writes without quotes.
fn scalar(node: &Node) -> Option<TextRange> {
    match *node {
        Node::Value { at, kind: Kind::Number | Kind::True | Kind::False, .. } => Some(at),
        _ => None,
    }
}

/// Whether its name stands in the line, as JSON's do.
fn is_member(node: &Node) -> bool {
    matches!(
        node,
        Node::Value { key: Key::Text(_), .. } | Node::Object { key: Key::Text(_) } | Node::Array { key: Key::Text(_) }
    )
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
        Some(Piece::Mask(self.labels.of(mask)))
    }
}

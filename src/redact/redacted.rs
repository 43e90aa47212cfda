//! A line that may leave.
//!
//! In: a text and its masks, from `redact` alone. Out: what is not masked, and the masks' names. There is no way from a
//! [`Redacted`] to the masked bytes.

use std::fmt;

use super::masks::Mask;
use crate::record::{Parsed, TextRange};

/// One line, redacted: the only thing that can be encoded, and only `redact` makes it.
#[derive(Clone, Copy)]
pub struct Redacted<'t> {
    text: &'t [u8],
    parsed: &'t Parsed,
    masks: &'t [Mask],
    labels: &'t [Box<str>],
}

/// A part of a redacted text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Bytes that no rule has matched.
    Text(&'t [u8]),
    /// What stands for masked bytes: `<redacted:NAME>`.
    Mask(&'t str),
}

impl<'t> Redacted<'t> {
    /// `text` without its look-ahead; `masks` are sorted and disjoint.
    pub(super) fn new(text: &'t [u8], parsed: &'t Parsed, masks: &'t [Mask], labels: &'t [Box<str>]) -> Self {
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

    /// The number of the rule ([`super::Redactor::rules`]) of each mask that may leave, in order.
    pub fn masked(&self) -> impl Iterator<Item = usize> + use<'t> {
        let end = self.text.len();
        self.masks.iter().take_while(move |mask| (mask.at.start as usize) < end).map(|mask| mask.rule)
    }

    /// The first mask that ends behind the range's start.
    fn overlapping(&self, at: TextRange) -> Option<&'t Mask> {
        self.masks.get(self.masks.partition_point(|mask| mask.at.end <= at.start))
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
    labels: &'t [Box<str>],
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
        Some(Piece::Mask(self.labels.get(mask.rule).map_or("<redacted>", |label| label)))
    }
}

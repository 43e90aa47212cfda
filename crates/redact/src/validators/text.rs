//! A text that validators read, and what they may still read of it.
//!
//! In: a text and the budget of its line. Out: positions. Whatever looks on for more than a few bytes is charged to the budget, so that
//! all validators together take time linear in the line, whatever it holds.

use std::cell::Cell;
use std::ops::Deref;

/// Validators may read a line so many times over. Honest lines stay below 2; what is above is made to cost time.
const FACTOR: usize = 16;

/// So much is free, for short lines.
const FREE_BYTES: usize = 4096;

/// How many bytes the validators may still read for one line, all its decoded forms included.
#[derive(Debug)]
pub(in super::super) struct Budget(Cell<usize>);

impl Budget {
    /// The budget of a line of so many bytes.
    pub(in super::super) fn new(line_bytes: usize) -> Self {
        Self(Cell::new(line_bytes.saturating_mul(FACTOR).saturating_add(FREE_BYTES)))
    }

    /// Takes out what was read.
    pub(in super::super) fn charge(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_sub(bytes));
    }

    /// Whether nothing is left: what was not checked by now is withheld.
    pub(in super::super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// A text with the budget of its line.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Text<'t> {
    bytes: &'t [u8],
    budget: &'t Budget,
}

impl<'t> Text<'t> {
    /// A text whose reading is charged to `budget`.
    pub(in super::super) fn new(bytes: &'t [u8], budget: &'t Budget) -> Self {
        Self { bytes, budget }
    }

    /// Another text whose reading is charged to the same budget.
    pub(in super::super) fn with<'o>(self, bytes: &'o [u8]) -> Text<'o>
    where
        't: 'o,
    {
        Text { bytes, budget: self.budget }
    }

    /// Whether validators may read no more.
    pub(in super::super) fn is_spent(self) -> bool {
        self.budget.is_spent()
    }

    /// Takes what was read otherwise out of the budget.
    pub(in super::super) fn charge(self, bytes: usize) {
        self.budget.charge(bytes);
    }

    /// What it holds.
    pub(super) fn bytes(self) -> &'t [u8] {
        self.bytes
    }

    /// Behind all bytes from `at` on that are `within`.
    pub(super) fn behind(self, at: usize, within: impl Fn(u8) -> bool) -> usize {
        let count = self.bytes[at..].iter().take_while(|&&byte| within(byte)).count();
        self.charge(count + 1);
        at + count
    }

    /// Where the bytes begin that end at `end` and are all `within`.
    pub(super) fn before(self, end: usize, within: impl Fn(u8) -> bool) -> usize {
        let count = self.bytes[..end].iter().rev().take_while(|&&byte| within(byte)).count();
        self.charge(count + 1);
        end - count
    }

    /// Where the first of these bytes stands from `at` on.
    pub(super) fn find(self, at: usize, byte: u8) -> Option<usize> {
        self.found(at, memchr::memchr(byte, &self.bytes[at..]))
    }

    /// Where the first of either byte stands from `at` on.
    pub(super) fn find_either(self, at: usize, bytes: [u8; 2]) -> Option<usize> {
        self.found(at, memchr::memchr2(bytes[0], bytes[1], &self.bytes[at..]))
    }

    /// Where the first `word` stands from `at` on.
    pub(super) fn find_word(self, at: usize, word: &[u8]) -> Option<usize> {
        self.found(at, memchr::memmem::find(&self.bytes[at..], word))
    }

    fn found(self, at: usize, length: Option<usize>) -> Option<usize> {
        self.charge(length.unwrap_or(self.bytes.len() - at) + 1);
        length.map(|length| at + length)
    }
}

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

//! A text that validators read, with the budget for reading it.
//!
//! Input: a text and the budget of its line. Output: positions. A search of more than a few bytes is charged to the
//! budget, so that all validators together take time linear in the line, whatever it holds.

use std::cell::Cell;
use std::ops::Deref;

/// How many times validators may read a line. Ordinary lines stay below 2; more is an attempt to cost time.
const FACTOR: usize = 16;

/// The free part of the budget, for short lines.
const FREE_BYTES: usize = 4096;

/// The number of bytes that validators may still read for one line, all its decoded forms included.
#[derive(Debug)]
pub(in super::super) struct Budget(Cell<usize>);

impl Budget {
    /// The budget of a line of `line_bytes` bytes.
    pub(in super::super) fn new(line_bytes: usize) -> Self {
        Self(Cell::new(line_bytes.saturating_mul(FACTOR).saturating_add(FREE_BYTES)))
    }

    /// Subtracts the bytes that were read.
    pub(in super::super) fn charge(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_sub(bytes));
    }

    /// Whether nothing is left. Matches that are not checked by then are withheld.
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

    /// Subtracts bytes that were read by other means.
    pub(in super::super) fn charge(self, bytes: usize) {
        self.budget.charge(bytes);
    }

    /// The bytes of the text.
    pub(super) fn bytes(self) -> &'t [u8] {
        self.bytes
    }

    /// The position after all bytes from `at` on for which `within` holds.
    pub(super) fn skip_while(self, at: usize, within: impl Fn(u8) -> bool) -> usize {
        let count = self.bytes[at..].iter().take_while(|&&byte| within(byte)).count();
        self.charge(count + 1);
        at + count
    }

    /// The start of the run of bytes before `end` for which `within` holds.
    pub(super) fn before(self, end: usize, within: impl Fn(u8) -> bool) -> usize {
        let count = self.bytes[..end].iter().rev().take_while(|&&byte| within(byte)).count();
        self.charge(count + 1);
        end - count
    }

    /// The position of the first such byte from `at` on.
    pub(super) fn find(self, at: usize, byte: u8) -> Option<usize> {
        self.found(at, memchr::memchr(byte, &self.bytes[at..]))
    }

    /// The position of the first of either byte from `at` on.
    pub(super) fn find_either(self, at: usize, bytes: [u8; 2]) -> Option<usize> {
        self.found(at, memchr::memchr2(bytes[0], bytes[1], &self.bytes[at..]))
    }

    /// The position of the first `word` from `at` on.
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

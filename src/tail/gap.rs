//! Zeros behind the position, which a writer may have yet to fill.
//!
//! Enters: what was read. Leaves: whether it is worth being read again. A writer that maps a file, or writes its pages in another order,
//! fills them without a sign.

use std::io;

use super::content::Content;
use super::identity;

/// Zeros further from the position are not looked for.
const LOOKED_FOR_BYTES: usize = 64 * 1024;

/// The first of the zeros behind a position.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gap {
    /// How far behind the position it is.
    first: Option<usize>,
    /// It was read once more after the file had been still.
    tried: bool,
}

impl Gap {
    /// That of the bytes that follow the position.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { first: memchr::memchr(0, &bytes[..bytes.len().min(LOOKED_FOR_BYTES)]), tried: false }
    }

    /// So many bytes were passed.
    pub(super) fn pass(&mut self, bytes: usize) {
        // What was passed with zeros in it says nothing of what follows: a look will tell.
        self.first = self.first.map(|first| first.saturating_sub(bytes));
    }

    /// Whether there are zeros.
    pub(super) fn is_open(self) -> bool {
        self.first.is_some()
    }

    /// Whether they begin elsewhere by now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn has_moved(&mut self, file: &Content, offset: u64) -> io::Result<bool> {
        let now = Self::of(&identity::read_at(file, offset, LOOKED_FOR_BYTES)?);
        let moved = now.first != self.first;
        if moved {
            *self = now;
        }
        Ok(moved)
    }

    /// Whether it is to be read once more now that the file is still.
    pub(super) fn is_due(&mut self, still: bool) -> bool {
        still && !std::mem::replace(&mut self.tried, still)
    }
}

//! Zeros after the position, which a writer may still fill.
//!
//! Input: the bytes that were read. Output: whether to read again. A writer that maps the file, or writes its pages in
//! another order, fills zeros without a change of length or time.

use std::io;
use std::time::{Duration, Instant};

use super::content::Content;
use super::fingerprint;

/// Zeros are searched only this far after the position.
const SEARCHED_BYTES: usize = 64 * 1024;

/// Zeros before other bytes are final after this long: pages of one write may arrive in another order.
const FINAL_AFTER: Duration = Duration::from_secs(2);

/// The first zeros after a position.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NulPadding {
    /// The offset of the first zero.
    first: Option<u64>,
    /// When it was first seen.
    since: Option<Instant>,
    /// Only zeros follow, as far as was searched.
    is_end: bool,
    /// The zeros were read once more after they became final.
    tried: bool,
}

impl NulPadding {
    /// Notes the bytes at `offset`, where reading continues.
    pub(super) fn note_bytes(&mut self, offset: u64, bytes: &[u8], now: Instant) {
        let first = memchr::memchr(0, &bytes[..bytes.len().min(SEARCHED_BYTES)]).map(|first| offset + first as u64);
        if first != self.first {
            *self = Self { first, since: Some(now), is_end: false, tried: false };
        }
        let zeros = first.map_or(0, |first| usize::try_from(first - offset).unwrap_or(usize::MAX));
        self.is_end = first.is_some() && bytes[zeros..].iter().all(|byte| *byte == 0);
    }

    /// Whether there are zeros.
    pub(super) fn is_open(self) -> bool {
        self.first.is_some()
    }

    /// How many of the file's `size` bytes were written, as far as is known: preallocated space was not.
    pub(super) fn written_bytes(self, size: u64) -> u64 {
        self.first.filter(|_| self.is_end).map_or(size, |first| first.min(size))
    }

    /// Whether the zeros have been there for so long that no writer will fill them.
    pub(super) fn is_final(self, now: Instant) -> bool {
        self.is_open() && self.since.is_some_and(|since| now.saturating_duration_since(since) >= FINAL_AFTER)
    }

    /// Searches again. Returns whether the first zero moved.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn refresh(&mut self, file: &Content, offset: u64, now: Instant) -> io::Result<bool> {
        let before = self.first;
        self.note_bytes(offset, &fingerprint::read_at(file, offset, SEARCHED_BYTES)?, now);
        Ok(self.first != before)
    }

    /// Whether to read once more, because the zeros became final. True once.
    pub(super) fn take_retry(&mut self, now: Instant) -> bool {
        self.is_final(now) && !std::mem::replace(&mut self.tried, true)
    }
}

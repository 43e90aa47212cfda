//! Zeros behind the position, which a writer may have yet to fill.
//!
//! Enters: what was read. Leaves: whether it is worth being read again. A writer that maps a file, or writes its pages in another order,
//! fills them without a sign.

use std::io;
use std::time::{Duration, Instant};

use super::content::Content;
use super::fingerprint;

/// Zeros further from the position are not looked for.
const SEARCHED_BYTES: usize = 64 * 1024;

/// Zeros before other bytes are a hole once they have been there for so long: pages of one write may arrive in another order.
const FINAL_AFTER: Duration = Duration::from_secs(2);

/// The first of the zeros behind a position.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NulPadding {
    /// Where in the file it is.
    first: Option<u64>,
    /// Since when it is there.
    since: Option<Instant>,
    /// There was nothing else behind it, as far as was looked.
    is_end: bool,
    /// It was read once more after that had been long enough.
    tried: bool,
}

impl NulPadding {
    /// These bytes stand at `offset`, where reading goes on.
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

    /// How much of a file of `size` bytes was written, as far as it is known: space that is allocated in advance was not.
    pub(super) fn written_bytes(self, size: u64) -> u64 {
        self.first.filter(|_| self.is_end).map_or(size, |first| first.min(size))
    }

    /// Whether they have been there for so long that nobody will fill them.
    pub(super) fn is_final(self, now: Instant) -> bool {
        self.is_open() && self.since.is_some_and(|since| now.saturating_duration_since(since) >= FINAL_AFTER)
    }

    /// Whether they begin elsewhere by now than they did.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn refresh(&mut self, file: &Content, offset: u64, now: Instant) -> io::Result<bool> {
        let before = self.first;
        self.note_bytes(offset, &fingerprint::read_at(file, offset, SEARCHED_BYTES)?, now);
        Ok(self.first != before)
    }

    /// Whether it is to be read once more: they have been there for long.
    pub(super) fn take_retry(&mut self, now: Instant) -> bool {
        self.is_final(now) && !std::mem::replace(&mut self.tried, true)
    }
}

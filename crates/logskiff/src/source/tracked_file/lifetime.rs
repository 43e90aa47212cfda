//! Whether more of a file is expected, by its place in the directory and the time since it last changed.

use std::time::Instant;

use super::{
    DELETED_HELD, DELETED_HELD_BYTES, DELETED_QUIET, Displaced, IDLE_QUIET, Phase, ROTATED_QUIET, TrackedFile,
};

impl TrackedFile {
    /// Whether the file has been out of its place, and still, for so long that nothing more is expected.
    #[must_use]
    pub fn is_final(&self, now: Instant) -> bool {
        let quiet = self.placement.quiet_for(now);
        match self.placement.phase {
            Phase::Live => self.seen.ended,
            Phase::Rotated => quiet >= ROTATED_QUIET,
            Phase::Deleted => quiet >= DELETED_QUIET,
        }
    }

    /// Whether it can be let go: nothing more is expected. A small one that is deleted is held longer, for a slow writer cannot be told
    /// from none.
    #[must_use]
    pub fn is_closable(&self, now: Instant) -> bool {
        let quiet = self.placement.quiet_for(now);
        let may_be_written = self.seen.size <= DELETED_HELD_BYTES && self.placement.displaced != Displaced::Compressed;
        let is_held = self.placement.phase == Phase::Deleted && may_be_written && quiet < DELETED_HELD;
        self.is_final(now) && !is_held
    }

    /// Whether no writer has yet to fill what is zero in it: what came through a pipe is not written to again.
    #[must_use]
    pub fn is_filled(&self, now: Instant) -> bool {
        self.handle.is_stream() || self.is_final(now)
    }

    /// Whether what is zero before other bytes is zero for good: pages of one write may arrive in another order.
    #[must_use]
    pub fn are_zeros_final(&self, now: Instant) -> bool {
        self.is_filled(now) || self.detectors.padding.is_final(now)
    }

    /// Whether its bytes come once only.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.handle.is_stream()
    }

    /// Whether it is in its place and has not been written to for a while.
    #[must_use]
    pub fn is_idle(&self, now: Instant) -> bool {
        self.placement.phase == Phase::Live && !self.handle.is_stream() && self.placement.quiet_for(now) >= IDLE_QUIET
    }
}

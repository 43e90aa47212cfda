//! Whether more of a file is expected, by its place in the directory and the time since it last changed.

use std::time::{Duration, Instant};

use super::{
    DELETED_HELD, DELETED_HELD_BYTES, DELETED_QUIET, Displaced, IDLE_QUIET, Phase, ROTATED_QUIET, TrackedFile,
};

impl TrackedFile {
    /// Whether the file is rotated or deleted and has not changed for so long that no more bytes are expected.
    #[must_use]
    pub fn is_final(&self, now: Instant) -> bool {
        let quiet = self.placement.quiet_for(now);
        match self.placement.phase {
            Phase::Live => self.seen.ended,
            Phase::Rotated => quiet >= ROTATED_QUIET,
            Phase::Deleted => quiet >= DELETED_QUIET,
        }
    }

    /// Whether it can be closed: no more bytes are expected. A small deleted file stays open longer, since its writer
    /// may be slow.
    #[must_use]
    pub fn is_closable(&self, now: Instant) -> bool {
        let quiet = self.placement.quiet_for(now);
        let may_be_written = self.seen.size <= DELETED_HELD_BYTES && self.placement.displaced != Displaced::Compressed;
        let is_held = self.placement.phase == Phase::Deleted && may_be_written && quiet < DELETED_HELD;
        self.is_final(now) && !is_held
    }

    /// Whether no writer will fill zeros in it. A pipe is never written to again.
    #[must_use]
    pub fn is_filled(&self, now: Instant) -> bool {
        self.handle.is_stream() || self.is_final(now)
    }

    /// Whether zeros before other bytes are final: pages of one write may arrive in another order.
    #[must_use]
    pub fn are_zeros_final(&self, now: Instant) -> bool {
        self.is_filled(now) || self.detectors.padding.is_final(now)
    }

    /// Whether it is a pipe: its bytes come once.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.handle.is_stream()
    }

    /// How long it has not grown or changed, also before it was opened.
    #[must_use]
    pub fn unchanged_for(&self, now: Instant) -> Duration {
        let written = self.write_time(self.seen.length.saturating_sub(1));
        let age = written.map(|(_, written)| now.saturating_duration_since(written.at)).unwrap_or_default();
        self.placement.quiet_for(now).max(age)
    }

    /// Whether it is live and has not been written to for a while.
    #[must_use]
    pub fn is_idle(&self, now: Instant) -> bool {
        self.placement.phase == Phase::Live && !self.handle.is_stream() && self.placement.quiet_for(now) >= IDLE_QUIET
    }
}

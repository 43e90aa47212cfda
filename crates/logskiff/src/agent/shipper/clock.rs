//! The age of lines.
//!
//! Enters: when lines were written and acknowledged. Leaves: 32-bit times for the ledger, and ages.

use std::time::{Duration, Instant};

/// The clock starts this long before the process, or when the machine started: lines that were written before the process
/// started have an age too.
const AHEAD_HOURS: u32 = 24;
const HOUR: Duration = Duration::from_secs(3_600);

/// A clock that counts milliseconds modulo 2^32: ages are right for 49 days.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    /// When a record was last acknowledged.
    acknowledged_at: Option<Instant>,
}

impl Clock {
    pub(super) fn new(now: Instant) -> Self {
        let start = (0..=AHEAD_HOURS).rev().find_map(|hours| now.checked_sub(HOUR * hours)).unwrap_or(now);
        Self { start, acknowledged_at: None }
    }

    /// The time of something that was written at `at`. Earlier times than the clock's start count as the start.
    pub(super) fn written_ms(&self, at: Instant) -> u32 {
        millis(at.saturating_duration_since(self.start))
    }

    /// The age of something that was written at this time.
    pub(super) fn age(&self, written_ms: u32, now: Instant) -> Duration {
        Duration::from_millis(self.written_ms(now).wrapping_sub(written_ms).into())
    }

    /// Notes that a record was acknowledged.
    pub(super) fn note_ack(&mut self, now: Instant) {
        self.acknowledged_at = Some(now);
    }

    /// When a record was last acknowledged.
    pub(super) fn acknowledged_at(&self) -> Option<Instant> {
        self.acknowledged_at
    }
}

#[allow(clippy::cast_possible_truncation, reason = "counted modulo 2^32 on purpose")]
fn millis(duration: Duration) -> u32 {
    duration.as_millis() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_right_also_when_the_count_starts_again() {
        let now = Instant::now();
        let clock = Clock::new(now);
        for days in [0, 30, 60] {
            let written = now + Duration::from_secs(days * 24 * 3_600);
            let age = Duration::from_secs(90);
            assert_eq!(clock.age(clock.written_ms(written), written + age), age, "{days}");
        }
    }
}

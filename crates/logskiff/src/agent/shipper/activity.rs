//! How often there is something to read: decides between events and polling.
//!
//! Enters: the times of reads. Leaves: whether it is quiet. Events announce occasional writes without delay. While
//! writes come fast, polling is cheaper.

use std::time::{Duration, Instant};

/// It is quiet after this time without a read.
const QUIET_AFTER: Duration = Duration::from_secs(2);
/// Reads at longer intervals than this are occasional.
const OCCASIONAL: Duration = Duration::from_millis(500);
/// Reads within this time count as one.
const PASS: Duration = Duration::from_millis(10);
/// This many frequent reads in a row end the quiet.
const BUSY_MIN: u32 = 4;

/// How often something was read lately.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    /// The time of the last read.
    last_read: Instant,
    /// The number of frequent reads, which falls while there are none.
    heat: u32,
}

impl Activity {
    /// The activity after a start, when there may be much to read.
    pub(super) fn new(now: Instant) -> Self {
        Self { last_read: now, heat: BUSY_MIN }
    }

    /// Notes a read.
    pub(super) fn note_read(&mut self, now: Instant) {
        let waited = now.saturating_duration_since(self.last_read);
        let cooled = u32::try_from(waited.as_millis() / OCCASIONAL.as_millis()).unwrap_or(u32::MAX);
        let more = u32::from(waited >= PASS || self.heat == 0);
        self.heat = (self.heat.saturating_sub(cooled) + more).min(2 * BUSY_MIN);
        self.last_read = now;
    }

    /// The time since the last read.
    pub(super) fn quiet_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last_read)
    }

    /// Whether it is quiet enough to wait for events, or for the slow poll if there are no events.
    pub(super) fn is_quiet(&self, now: Instant, has_events: bool) -> bool {
        (has_events && self.heat < BUSY_MIN) || self.quiet_for(now) >= QUIET_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: it is quiet with occasional reads, and not with frequent ones.
    #[test]
    fn occasional_reads_leave_it_quiet() {
        #[track_caller]
        fn check(every_ms: u64, quiet: bool) {
            let start = Instant::now();
            let mut activity = Activity::new(start);
            let at = |time: u64| start + Duration::from_millis(5_000 + time * every_ms);
            (0..20).for_each(|time| activity.note_read(at(time)));
            assert_eq!([true, false].map(|events| activity.is_quiet(at(19), events)), [quiet, false], "{every_ms} ms");
            assert!(activity.is_quiet(at(19) + QUIET_AFTER, false));
        }
        check(50, false);
        check(300, false);
        check(600, true);
        check(2_000, true);
    }
}

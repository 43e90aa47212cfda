//! How much there is to read: whether events are worth their cost.
//!
//! Enters: when something was read. Leaves: whether it is quiet. What comes now and then is told of by events, which say more than a look;
//! what comes fast is looked at by the clock.

use std::time::{Duration, Instant};

/// After so long without anything to read it is quiet.
const QUIET_AFTER: Duration = Duration::from_secs(2);
/// What comes less often than once in this time comes now and then.
const SELDOM: Duration = Duration::from_millis(500);
/// What is read within one pass counts once.
const PASS: Duration = Duration::from_millis(10);
/// So often in a row something has to come faster than that.
const BUSY_MIN: u32 = 4;

/// What was read lately.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    /// When something was last read.
    at: Instant,
    /// How often something came fast, less the time that it did not.
    heat: u32,
}

impl Activity {
    /// As after a start, when there may be much to read.
    pub(super) fn new(now: Instant) -> Self {
        Self { at: now, heat: BUSY_MIN }
    }

    /// Something was read.
    pub(super) fn read(&mut self, now: Instant) {
        let waited = now.saturating_duration_since(self.at);
        let cooled = u32::try_from(waited.as_millis() / SELDOM.as_millis()).unwrap_or(u32::MAX);
        let more = u32::from(waited >= PASS || self.heat == 0);
        self.heat = (self.heat.saturating_sub(cooled) + more).min(2 * BUSY_MIN);
        self.at = now;
    }

    /// How long nothing was read.
    pub(super) fn still_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }

    /// Whether it is quiet enough to wait for events, or, where there are none, for the slow poll.
    pub(super) fn is_quiet(&self, now: Instant, has_events: bool) -> bool {
        (has_events && self.heat < BUSY_MIN) || self.still_for(now) >= QUIET_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what comes now and then leaves it quiet, and what comes fast does not.
    #[test]
    fn what_comes_seldom_is_no_hurry() {
        #[track_caller]
        fn check(every_ms: u64, quiet: bool) {
            let start = Instant::now();
            let mut activity = Activity::new(start);
            let at = |time: u64| start + Duration::from_millis(5_000 + time * every_ms);
            (0..20).for_each(|time| activity.read(at(time)));
            assert_eq!([true, false].map(|events| activity.is_quiet(at(19), events)), [quiet, false], "{every_ms} ms");
            assert!(activity.is_quiet(at(19) + QUIET_AFTER, false));
        }
        check(50, false);
        check(300, false);
        check(600, true);
        check(2_000, true);
    }
}

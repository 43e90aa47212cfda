//! The time of a message.
//!
//! Enters: when a record happened, when it was read, and what its topic accepts. Leaves: a time that brokers accept. A
//! batch with one time out of range would be refused with all its records.

/// Which time a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp {
    /// The record's own.
    Event,
    /// When the record was read.
    Read,
}

/// A record cannot happen after it was read, but clocks differ. Kafka 4 refuses what is an hour ahead of the broker.
const AHEAD_MS_MAX: i64 = 10 * 60 * 1000;

/// The times that a topic accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Bounds {
    /// From 1970 to a little after the time of reading.
    #[default]
    Usual,
    /// What the topic was said to accept, before and after the time of reading.
    Told {
        /// A record may be so old.
        before_ms: i64,
        /// It may be so far ahead.
        after_ms: i64,
    },
    /// It refused a time: only that of reading, until the topic is asked.
    Asked,
    /// It refused a time within what it was said to accept: only that of reading.
    Nothing,
}

impl Bounds {
    /// Learns from a refusal, with what the topic was said to accept before. Returns false if there is nothing to learn.
    pub(super) fn learn(&mut self, before_ms: Option<i64>, after_ms: Option<i64>) -> bool {
        let next = match self {
            Self::Usual => Self::Asked,
            Self::Told { .. } => Self::Nothing,
            Self::Asked | Self::Nothing => return false,
        };
        let is_known = before_ms.is_some() || after_ms.is_some();
        *self = if is_known && next == Self::Asked { Self::Nothing } else { next };
        true
    }

    /// Takes what the topic is said to accept.
    pub(super) fn tell(&mut self, before_ms: Option<i64>, after_ms: Option<i64>) {
        if *self == Self::Nothing {
            return;
        }
        if before_ms.is_none() && after_ms.is_none() {
            if *self == Self::Asked {
                *self = Self::Nothing;
            }
            return;
        }
        // A message is a little older when it arrives.
        let before_ms = before_ms.map_or(i64::MAX, |before_ms| before_ms / 10 * 9);
        *self = Self::Told { before_ms, after_ms: after_ms.unwrap_or(i64::MAX).min(AHEAD_MS_MAX) };
    }

    fn holds(self, own_ms: i64, read_ms: i64) -> bool {
        // 0 and less stand for no time.
        let (age_ms, ahead_ms) = (read_ms.saturating_sub(own_ms), own_ms.saturating_sub(read_ms));
        own_ms > 0
            && match self {
                Self::Usual => ahead_ms <= AHEAD_MS_MAX,
                Self::Told { before_ms, after_ms } => age_ms <= before_ms && ahead_ms <= after_ms,
                Self::Asked | Self::Nothing => false,
            }
    }
}

/// A record's own time, which its topic does not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfRange;

/// The millisecond of a time in nanoseconds.
pub(super) fn to_millis(time_ns: i64) -> i64 {
    time_ns.div_euclid(1_000_000)
}

impl Timestamp {
    /// The time of a message, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When the record's own is out of range.
    pub(super) fn choose(self, bounds: Bounds, own_ms: i64, read_ms: i64) -> Result<i64, OutOfRange> {
        match self {
            Self::Read => Ok(read_ms),
            Self::Event if bounds.holds(own_ms, read_ms) => Ok(own_ms),
            Self::Event => Err(OutOfRange),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const READ_MS: i64 = 1_795_471_200_000;

    #[track_caller]
    fn check(bounds: Bounds, own_ms: i64, is_kept: bool) {
        let want = if is_kept { Ok(own_ms) } else { Err(OutOfRange) };
        assert_eq!(Timestamp::Event.choose(bounds, own_ms, READ_MS), want, "{bounds:?}, {own_ms}");
        assert_eq!(Timestamp::Read.choose(bounds, own_ms, READ_MS), Ok(READ_MS));
    }

    #[test]
    fn times_out_of_range_become_the_time_of_reading() {
        check(Bounds::Usual, READ_MS - 12, true);
        check(Bounds::Usual, 1, true);
        check(Bounds::Usual, 0, false);
        check(Bounds::Usual, -1, false);
        check(Bounds::Usual, READ_MS + AHEAD_MS_MAX, true);
        check(Bounds::Usual, READ_MS + AHEAD_MS_MAX + 1, false);
        let told = Bounds::Told { before_ms: HOUR_MS, after_ms: 1_000 };
        check(told, READ_MS - HOUR_MS, true);
        check(told, READ_MS - HOUR_MS - 1, false);
        check(told, READ_MS + 1_000, true);
        check(told, READ_MS + 1_001, false);
        check(Bounds::Asked, READ_MS, false);
        check(Bounds::Nothing, READ_MS, false);
    }

    #[test]
    fn a_refused_time_is_learned_once_and_the_topic_may_say_more() {
        let mut bounds = Bounds::default();
        assert!(bounds.learn(None, None));
        assert_eq!(bounds, Bounds::Asked);
        assert!(!bounds.learn(None, None), "the time of reading is all there is");
        bounds.tell(Some(10 * HOUR_MS), Some(i64::MAX));
        assert_eq!(bounds, Bounds::Told { before_ms: 9 * HOUR_MS, after_ms: AHEAD_MS_MAX });
        assert!(bounds.learn(Some(10 * HOUR_MS), None));
        bounds.tell(Some(10 * HOUR_MS), None);
        assert_eq!(bounds, Bounds::Nothing, "it refused what it said it accepts");
        let mut bounds = Bounds::Asked;
        bounds.tell(None, None);
        assert_eq!(bounds, Bounds::Nothing, "an old broker says nothing of times");
        let mut bounds = Bounds::default();
        bounds.tell(None, None);
        assert_eq!(bounds, Bounds::Usual);
    }
}

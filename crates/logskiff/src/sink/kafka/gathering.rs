//! While few records come, they gather for one request.
//!
//! A request costs a broker much more than a record. So after a request the next one waits, until enough records have
//! come or the time is over. A record that comes after that time leaves at once.

use std::time::{Duration, Instant};

use super::pacing::Pace;

/// So many records are worth a request …
const RECORDS: usize = 100;
/// … and so many bytes.
const BYTES: usize = 64 * 1024;

/// When what waits is sent, while no more comes at once.
pub(super) struct Gathering {
    /// The longest time; `None`: nothing gathers.
    max: Option<Duration>,
    sent_at: Option<Instant>,
    /// What waits gathers until then.
    until: Option<Instant>,
    /// Something waits that must not.
    has_urgent: bool,
}

impl Gathering {
    pub(super) fn new(pace: Pace) -> Self {
        let max = (pace.linger_max > pace.linger).then_some(pace.linger_max);
        Self { max, sent_at: None, until: None, has_urgent: false }
    }

    /// What waits is sent soon.
    pub(super) fn note_urgent(&mut self) {
        self.has_urgent = true;
    }

    /// A request was sent.
    pub(super) fn note_sent(&mut self, now: Instant) {
        self.sent_at = Some(now);
    }

    /// Decides whether so many records, of so many bytes together, gather for longer.
    pub(super) fn decide(&mut self, records: usize, bytes: usize, now: Instant) -> bool {
        self.has_urgent &= records > 0;
        let is_enough = self.has_urgent || records >= RECORDS || bytes >= BYTES;
        let until = self.sent_at.zip(self.max).map(|(at, max)| at + max);
        self.until = until.filter(|until| records > 0 && !is_enough && now < *until);
        self.until.is_some()
    }

    /// Nothing gathers for now.
    pub(super) fn end(&mut self) {
        self.until = None;
    }

    /// Until when what waits gathers.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_millis(50);
    const MAX: Duration = Duration::from_secs(1);

    fn gathering(linger_max: Duration) -> Gathering {
        Gathering::new(Pace { budget_bytes: 7_000_000, linger: LINGER, linger_max })
    }

    #[test]
    fn the_first_record_after_a_pause_leaves_at_once_and_the_next_ones_gather() {
        let (mut gathering, start) = (gathering(MAX), Instant::now());
        assert!(!gathering.decide(1, 100, start), "nothing was sent yet");
        gathering.note_sent(start);
        assert!(gathering.decide(1, 100, start + LINGER));
        assert_eq!(gathering.until(), Some(start + MAX));
        assert!(gathering.decide(RECORDS - 1, BYTES - 1, start + MAX / 2));
        assert!(!gathering.decide(RECORDS - 1, BYTES - 1, start + MAX));
        assert_eq!(gathering.until(), None);
        assert!(!gathering.decide(0, 0, start + LINGER), "nothing waits");
        assert_eq!(gathering.until(), None, "and nobody is woken for it");
    }

    #[test]
    fn enough_records_or_bytes_and_urgent_ones_do_not_wait() {
        let (mut gathering, start) = (gathering(MAX), Instant::now());
        gathering.note_sent(start);
        assert!(!gathering.decide(RECORDS, 100, start));
        assert!(!gathering.decide(1, BYTES, start));
        gathering.note_urgent();
        assert!(!gathering.decide(1, 100, start));
        assert!(!gathering.decide(1, 100, start), "it still waits");
        assert!(!gathering.decide(0, 0, start));
        assert!(gathering.decide(1, 100, start), "it was sent");
    }

    #[test]
    fn nothing_gathers_for_longer_than_a_linger_that_is_set() {
        let (mut gathering, start) = (gathering(LINGER), Instant::now());
        gathering.note_sent(start);
        assert!(!gathering.decide(1, 100, start));
    }
}

//! The wait before lines that were not delivered are read again.

use std::time::{Duration, Instant};

/// The first wait.
pub(super) const FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// A wait that doubles with each failure, until something is delivered.
#[derive(Debug)]
pub(super) struct Backoff {
    /// Reading resumes then; `None`: it does not wait.
    resume_at: Option<Instant>,
    /// The next wait.
    wait: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { resume_at: None, wait: FIRST }
    }
}

impl Backoff {
    /// Starts a wait. Returns how long it is.
    pub(super) fn start(&mut self, now: Instant) -> Duration {
        let wait = self.wait;
        self.resume_at = Some(now + wait);
        self.wait = next(wait);
        wait
    }

    /// Whether the wait is not over yet.
    pub(super) fn is_waiting(&self, now: Instant) -> bool {
        self.resume_at.is_some_and(|at| now < at)
    }

    /// Whether a wait was started and not ended.
    pub(super) fn is_started(&self) -> bool {
        self.resume_at.is_some()
    }

    /// The rest of a wait that was started.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        self.resume_at.map(|at| at.saturating_duration_since(now))
    }

    /// Ends the wait.
    pub(super) fn end(&mut self) {
        self.resume_at = None;
    }

    /// The next wait is the first one again: something was delivered.
    pub(super) fn reset(&mut self) {
        self.wait = FIRST;
    }
}

/// The wait after this one.
pub(super) fn next(wait: Duration) -> Duration {
    (wait * 2).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_until_something_is_delivered() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        assert!(!backoff.is_waiting(now));
        let waits: Vec<Duration> = (0..12).map(|_| backoff.start(now)).collect();
        assert_eq!((waits[0], waits[1], waits[11]), (FIRST, 2 * FIRST, LONGEST));
        assert!(backoff.is_waiting(now) && !backoff.is_waiting(now + LONGEST));
        assert_eq!(backoff.remaining(now + Duration::from_secs(10)), Some(Duration::from_secs(20)));
        backoff.end();
        assert!(!backoff.is_started() && backoff.remaining(now).is_none());
        backoff.reset();
        assert_eq!(backoff.start(now), FIRST);
    }
}

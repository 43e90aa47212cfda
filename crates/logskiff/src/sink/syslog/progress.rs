//! Notices a connection that makes no progress, and sooner one whose packets are lost without a word: its peer, or the way
//! to it, is gone.
//!
//! `TCP_USER_TIMEOUT` would also end a connection to a receiver that lives and reads nothing for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::connect::ConnectError;
use super::socket::Sent;

/// A connection is given up after this time of silence. With the interval of the checks this is less than 10 s.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(7);
/// The longest interval of the checks.
const INTERVAL_MAX: Duration = Duration::from_secs(1);
/// Checks in the time of silence that is allowed.
const CHECKS: u32 = 5;

/// How patient to be with a connection that has unacknowledged messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The time without any progress.
    pub(super) progress: Duration,
    /// The time in which the peer's kernel acknowledges nothing of what is on the way.
    pub(super) silence: Duration,
}

/// The progress of a connection with unacknowledged messages.
#[derive(Debug)]
pub(super) struct Progress {
    at: Instant,
    check_at: Instant,
    silence: Silence,
}

impl Progress {
    pub(super) fn new(now: Instant) -> Self {
        Self { at: now, check_at: now, silence: Silence { since: now, acknowledged: 0 } }
    }

    /// Nothing was unacknowledged until now.
    pub(super) fn restart(&mut self, limits: Limits, now: Instant) {
        self.at = now;
        self.silence.since = now;
        self.check_at = now + interval(limits);
    }

    /// Something was written or acknowledged.
    pub(super) fn note(&mut self, now: Instant) {
        self.at = now;
    }

    /// When there was progress last.
    pub(super) fn at(&self) -> Instant {
        self.at
    }

    /// When to call [`Progress::check`].
    pub(super) fn next_check(&self, limits: Limits) -> Instant {
        self.check_at.min(self.at + limits.progress)
    }

    /// Checks a connection that has unacknowledged messages. `sent`: what its kernel has of the `written` bytes.
    ///
    /// # Errors
    /// When a limit is reached.
    pub(super) fn check(
        &mut self,
        sent: Option<Sent>,
        written: u64,
        limits: Limits,
        now: Instant,
    ) -> Result<(), ConnectError> {
        self.check_at = now + interval(limits);
        if sent.is_some_and(|sent| self.silence.measure(sent, written, now) >= limits.silence) {
            return Err(ConnectError::Vanished(limits.silence));
        }
        if now >= self.at + limits.progress { Err(ConnectError::Stalled(limits.progress)) } else { Ok(()) }
    }
}

/// The interval of the checks.
fn interval(limits: Limits) -> Duration {
    (limits.silence / CHECKS).min(INTERVAL_MAX)
}

/// How long bytes have been on the way without any acknowledgement.
#[derive(Debug)]
struct Silence {
    since: Instant,
    /// The position in the stream up to which the peer's kernel has acknowledged.
    acknowledged: u64,
}

impl Silence {
    /// How long the peer's kernel has been silent, with `written` bytes of the stream given to this one's.
    fn measure(&mut self, sent: Sent, written: u64, now: Instant) -> Duration {
        let acknowledged = written.saturating_sub(sent.unacknowledged);
        // A peer without room answers, and gets nothing more.
        if acknowledged > self.acknowledged || sent.on_the_way == 0 {
            self.since = now;
        }
        self.acknowledged = acknowledged;
        now.saturating_duration_since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bytes_on_the_way_without_progress_are_silence() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence { since: start, acknowledged: 0 };
        let mut check = |second, unacknowledged, on_the_way, want| {
            let got = silence.measure(Sent { unacknowledged, on_the_way }, 1_000, at(second));
            assert_eq!(got, Duration::from_secs(want), "second {second}");
        };
        check(1, 900, 900, 0);
        check(2, 900, 500, 1);
        check(5, 800, 400, 0);
        check(8, 800, 0, 0);
        check(20, 800, 0, 0);
        check(21, 800, 1, 1);
        check(29, 800, 1, 9);
        check(30, 0, 0, 0);
    }

    #[test]
    fn the_limits_of_a_connection() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let limits = Limits { progress: Duration::from_secs(30), silence: SILENCE_MAX };
        assert!(SILENCE_MAX + interval(limits) < Duration::from_secs(10));
        let mut progress = Progress::new(start);
        progress.restart(limits, at(60_000));
        assert_eq!(progress.next_check(limits), at(61_000));
        let waiting = Some(Sent { unacknowledged: 10, on_the_way: 0 });
        let lost = Some(Sent { unacknowledged: 10, on_the_way: 10 });
        assert!(progress.check(lost, 10, limits, at(61_000)).is_ok());
        assert!(progress.check(lost, 10, limits, at(66_900)).is_ok());
        assert!(matches!(progress.check(lost, 10, limits, at(67_000)), Err(ConnectError::Vanished(SILENCE_MAX))));
        assert!(progress.check(waiting, 10, limits, at(80_000)).is_ok());
        assert_eq!(progress.next_check(limits), at(81_000));
        assert!(progress.check(None, 10, limits, at(89_999)).is_ok());
        assert_eq!(progress.next_check(limits), at(90_000));
        assert!(matches!(progress.check(waiting, 10, limits, at(90_000)), Err(ConnectError::Stalled(_))));
        progress.note(at(90_000));
        assert!(progress.check(waiting, 10, limits, at(90_000)).is_ok());
        let short = Limits { progress: Duration::from_millis(500), silence: Duration::from_millis(500) };
        assert_eq!(interval(short), Duration::from_millis(100));
    }
}

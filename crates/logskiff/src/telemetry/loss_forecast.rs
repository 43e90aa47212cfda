//! Predicts when lines will be lost at the present rates.
//!
//! Input: measurements of free space, of the space left for deleted open files, and of the lifetimes of rotated files.
//! Output: a time, or `None`. Lines are lost in three ways: the volume fills up, so that the application cannot write;
//! deleted open files exceed their limit, so that the oldest is given up; a rotated file is deleted before it is fully
//! acknowledged (this loses lines only if the sidecar restarts afterwards, because it keeps the file open).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Rates are computed over this time; it is longer than most rotation intervals on small volumes.
const WINDOW: Duration = Duration::from_secs(120);
/// Minimum time between two measurements.
const SPACING: Duration = Duration::from_secs(5);
/// A rate over a shorter time is noise.
const SPAN_MIN: Duration = Duration::from_secs(10);
/// Number of lifetimes of rotated files that are remembered.
const LIFETIMES_MAX: usize = 8;

/// The measurements of one input.
#[derive(Debug, Default)]
pub struct Forecast {
    /// Free space of the volume, in bytes.
    free: Trend,
    /// Space left for deleted open files, in bytes.
    deleted: Trend,
    /// When a deleted open file was last given up.
    gave_up_at: Option<Instant>,
    /// Times from rotation to deletion, oldest first.
    lifetimes: VecDeque<Duration>,
}

impl Forecast {
    /// Adds a measurement of free space.
    pub fn free(&mut self, now: Instant, bytes: u64) {
        self.free.add(now, bytes);
    }

    /// Adds a measurement of the space left for deleted open files; `None`: there are none, or there is no limit.
    pub fn deleted_left(&mut self, now: Instant, bytes: Option<u64>) {
        match bytes {
            Some(bytes) => self.deleted.add(now, bytes),
            None => self.deleted = Trend::default(),
        }
    }

    /// Records that a deleted open file was given up.
    pub fn gave_up(&mut self, now: Instant) {
        self.gave_up_at = Some(now);
    }

    /// Records that a rotated file was deleted, `after` its rotation.
    pub fn deleted(&mut self, after: Duration) {
        if self.lifetimes.len() == LIFETIMES_MAX {
            self.lifetimes.pop_front();
        }
        self.lifetimes.push_back(after);
    }

    /// Time from `now` to the first expected loss. `oldest_rotated`: rotation time of the oldest rotated file that is
    /// not fully acknowledged.
    #[must_use]
    pub fn time_to_loss(&self, now: Instant, oldest_rotated: Option<Instant>) -> Option<Duration> {
        let lifetime = self.lifetimes.iter().min().copied();
        let deletion =
            oldest_rotated.zip(lifetime).map(|(since, life)| life.saturating_sub(now.saturating_duration_since(since)));
        [self.free.time_to_zero(now), self.time_to_give_up(now), deletion].into_iter().flatten().min()
    }

    /// Time until a deleted open file is given up.
    #[must_use]
    pub fn time_to_give_up(&self, now: Instant) -> Option<Duration> {
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < WINDOW;
        self.gave_up_at.filter(is_recent).map(|_| Duration::ZERO).or_else(|| self.deleted.time_to_zero(now))
    }
}

/// Measurements of the space left, in bytes, oldest first.
#[derive(Debug, Default)]
struct Trend(VecDeque<(Instant, u64)>);

impl Trend {
    fn add(&mut self, now: Instant, bytes: u64) {
        if self.0.back().is_some_and(|(at, _)| now.saturating_duration_since(*at) < SPACING) {
            return;
        }
        self.0.push_back((now, bytes));
        while self.0.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > WINDOW) {
            self.0.pop_front();
        }
    }

    /// Time until no space is left; `None` if space recovers within the window, as it does when rotation deletes old
    /// files.
    fn time_to_zero(&self, now: Instant) -> Option<Duration> {
        let ((start, at_first), (end, at_last)) = (*self.0.front()?, *self.0.back()?);
        let recovers = self.0.iter().skip(1).any(|(_, left)| *left >= at_first);
        let span = end.saturating_duration_since(start);
        if recovers || span < SPAN_MIN || at_last >= at_first {
            return None;
        }
        #[allow(clippy::cast_precision_loss, reason = "a forecast needs no more than 52 bits")]
        let seconds = at_last as f64 / ((at_first - at_last) as f64 / span.as_secs_f64());
        Duration::try_from_secs_f64(seconds).ok().map(|left| left.saturating_sub(now.saturating_duration_since(end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(what: &str, free: &[(u64, u64)], expected: Option<u64>) {
        let start = Instant::now();
        let mut forecast = Forecast::default();
        for (seconds, bytes) in free {
            forecast.free(start + Duration::from_secs(*seconds), *bytes);
        }
        let now = start + Duration::from_secs(free.last().map_or(0, |(seconds, _)| *seconds));
        assert_eq!(forecast.time_to_loss(now, None).map(|left| left.as_secs()), expected, "{what}");
    }

    #[test]
    fn a_steadily_filling_volume_is_predicted() {
        check("nothing seen", &[], None);
        check("one look", &[(0, 100)], None);
        check("too short a time", &[(0, 100), (5, 50)], None);
        check("5 a second, 150 left", &[(0, 300), (10, 250), (20, 200), (30, 150)], Some(30));
        check("full", &[(0, 300), (30, 0)], Some(0));
        check("steady", &[(0, 300), (30, 300)], None);
        check("freed", &[(0, 300), (30, 400)], None);
        check("a rotation gives space back", &[(0, 300), (30, 100), (60, 300), (90, 100)], None);
        check("only the last two minutes count", &[(0, 10_000), (100, 300), (200, 300), (220, 300)], None);
    }

    #[test]
    fn a_rotated_file_is_expected_to_live_as_long_as_earlier_ones() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut forecast = Forecast::default();
        assert_eq!(forecast.time_to_loss(at(100), Some(at(0))), None, "none was ever deleted");
        forecast.deleted(Duration::from_secs(600));
        forecast.deleted(Duration::from_secs(300));
        assert_eq!(forecast.time_to_loss(at(100), Some(at(0))), Some(Duration::from_secs(200)));
        assert_eq!(forecast.time_to_loss(at(400), Some(at(0))), Some(Duration::ZERO), "any moment");
        assert_eq!(forecast.time_to_loss(at(400), None), None, "nothing waits");
        (0..8).for_each(|_| forecast.deleted(Duration::from_secs(1_000)));
        assert_eq!(forecast.time_to_loss(at(100), Some(at(0))), Some(Duration::from_secs(900)), "the latest count");
    }

    #[test]
    fn deleted_files_are_given_up_when_their_bound_is_reached() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut forecast = Forecast::default();
        for seconds in [0, 5, 10] {
            forecast.deleted_left(at(seconds), Some(1_000 - 10 * seconds));
        }
        assert_eq!(forecast.time_to_loss(at(10), None), Some(Duration::from_secs(90)));
        forecast.deleted_left(at(15), None);
        assert_eq!(forecast.time_to_loss(at(15), None), None, "all were acknowledged");
        forecast.gave_up(at(20));
        assert_eq!(forecast.time_to_give_up(at(60)), Some(Duration::ZERO), "it happens now");
        assert_eq!(forecast.time_to_give_up(at(200)), None);
    }
}

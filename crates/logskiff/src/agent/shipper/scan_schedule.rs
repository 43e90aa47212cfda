//! When the directories are scanned.

use std::time::{Duration, Instant};

/// A scan is followed by a pause of its duration times this …
const PAUSE_SHARE: u32 = 100;
/// … up to this, or to the poll interval if that is longer.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// If names have changed, the pause is the duration of the shorter of the last two scans times this …
const CHANGED_SHARE: u32 = 20;
/// … and at least this. Files may be deleted soon after they are created.
const CHANGED_PAUSE_MIN: Duration = Duration::from_millis(10);
/// If files remain that no scan has examined yet, the pause is the scan's duration: reading has half of the time.
const REMAINING_SHARE: u32 = 2;
/// If files wait for others to be closed, the pause is this long.
const CROWDED_PAUSE: Duration = Duration::from_millis(200);

/// When the directories were scanned, and when they are next.
#[derive(Debug)]
pub(super) struct ScanSchedule {
    next_at: Instant,
    last_at: Instant,
    /// How long the last scan took.
    took: Duration,
    /// The pause after the last scan if names have changed.
    changed_pause: Duration,
}

impl ScanSchedule {
    /// The first scan is due at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { next_at: now, last_at: now, took: Duration::ZERO, changed_pause: Duration::ZERO }
    }

    /// Whether a scan is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.next_at
    }

    /// The time until the next scan.
    pub(super) fn until_next(&self, now: Instant) -> Duration {
        self.next_at.saturating_duration_since(now)
    }

    /// The next scan is due at once.
    pub(super) fn scan_at_once(&mut self, now: Instant) {
        self.next_at = now;
    }

    /// Names have changed in the directories: the next scan comes earlier.
    pub(super) fn names_changed(&mut self) {
        self.next_at = self.next_at.min(self.last_at + self.changed_pause);
    }

    /// A file that others waited for was closed: the next scan comes earlier.
    pub(super) fn file_closed(&mut self) {
        self.next_at = self.next_at.min(self.last_at + CROWDED_PAUSE);
    }

    /// The last scan did not examine all files, because there are many: the next one comes soon.
    pub(super) fn files_remain(&mut self) {
        let pause = (self.took * REMAINING_SHARE).clamp(CHANGED_PAUSE_MIN, PAUSE_MAX);
        self.next_at = self.next_at.min(self.last_at + pause);
    }

    /// Notes a scan that began at `now` and took this long.
    pub(super) fn finish(&mut self, now: Instant, took: Duration, poll_interval: Duration) {
        // One slow scan, as while other processes have the processor, must not hide files that live for a moment.
        let usual = took.min(std::mem::replace(&mut self.took, took));
        self.last_at = now;
        self.changed_pause = (usual * CHANGED_SHARE).clamp(CHANGED_PAUSE_MIN, PAUSE_MAX);
        self.next_at = now + (took * PAUSE_SHARE).clamp(poll_interval, PAUSE_MAX.max(poll_interval));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_scans_are_rare_and_changed_names_are_seen_soon() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let poll = ms(250);
        for (took, pause, changed) in
            [(ms(0), poll, ms(10)), (ms(50), ms(5_000), ms(1_000)), (ms(5_000), PAUSE_MAX, PAUSE_MAX)]
        {
            let mut scans = ScanSchedule::new(start);
            assert!(scans.is_due(start));
            scans.finish(start, took, poll);
            scans.finish(start, took, poll);
            assert_eq!(scans.until_next(start), pause);
            scans.names_changed();
            assert_eq!(scans.until_next(start), changed);
        }
        let mut scans = ScanSchedule::new(start);
        scans.finish(start, ms(50), poll);
        scans.file_closed();
        assert_eq!(scans.until_next(start), CROWDED_PAUSE);
        scans.files_remain();
        assert_eq!(scans.until_next(start), ms(100));
        scans.scan_at_once(start);
        assert!(scans.is_due(start));
    }

    #[test]
    fn one_slow_scan_does_not_hide_short_lived_files() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut scans = ScanSchedule::new(start);
        for (took, changed) in
            [(ms(1), ms(10)), (ms(500), ms(20)), (ms(1), ms(20)), (ms(500), ms(20)), (ms(500), ms(10_000))]
        {
            scans.finish(start, took, ms(250));
            scans.names_changed();
            assert_eq!(scans.until_next(start), changed.min(PAUSE_MAX), "{took:?}");
        }
    }
}

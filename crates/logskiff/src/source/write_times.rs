//! When a file's bytes were written, as far as polls can tell.
//!
//! Input: lengths, and when they were seen. Output: a time for an offset, never later than the poll that first saw it.
//! It is for metrics, and for how long a file has not grown.

use std::collections::VecDeque;
use std::time::Instant;

/// At most this many steps are kept. With more, neighbours are merged and get the earlier time.
const STEPS_MAX: usize = 32;

/// When a file grew.
#[derive(Debug, Default)]
pub(super) struct WriteTimes {
    /// Where a step ended, and when it was written. Both increase.
    steps: VecDeque<(u64, Instant)>,
}

impl WriteTimes {
    /// Notes that the file is `length` bytes long, and that its new bytes were written at `written`.
    pub(super) fn record(&mut self, length: u64, written: Instant) {
        if self.steps.back().is_some_and(|(end, _)| *end >= length) {
            return;
        }
        if self.steps.len() >= STEPS_MAX {
            let coarse = |pair: &[(u64, Instant)]| (pair[pair.len() - 1].0, pair[0].1);
            self.steps = self.steps.make_contiguous().chunks(2).map(coarse).collect();
        }
        self.steps.push_back((length, written));
    }

    /// When the byte at `offset` was written, and the offset up to which that holds.
    pub(super) fn time_of(&self, offset: u64) -> Option<(u64, Instant)> {
        self.steps.iter().find(|(end, _)| *end > offset).copied()
    }

    /// Forgets the times of bytes before `offset`.
    pub(super) fn forget(&mut self, offset: u64) {
        while self.steps.front().is_some_and(|(end, _)| *end <= offset) {
            self.steps.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_offset_has_the_time_of_its_step() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut write_times = WriteTimes::default();
        write_times.record(10, at(1));
        write_times.record(10, at(2));
        write_times.record(30, at(3));
        assert_eq!(write_times.time_of(0), Some((10, at(1))));
        assert_eq!(write_times.time_of(10), Some((30, at(3))));
        assert_eq!(write_times.time_of(30), None);
        write_times.forget(10);
        assert_eq!(write_times.time_of(0), Some((30, at(3))));
    }

    /// Goal: however long an outage is, memory is bounded and no byte seems newer than it is.
    #[test]
    fn many_steps_become_coarser_and_never_younger() {
        let start = Instant::now();
        let mut write_times = WriteTimes::default();
        for step in 0..1_000 {
            write_times.record(10 * (step + 1), start + Duration::from_secs(step));
            assert!(write_times.steps.len() <= STEPS_MAX);
        }
        for offset in 0..10_000 {
            let (end, written) = write_times.time_of(offset).unwrap();
            assert!(offset < end && written <= start + Duration::from_secs(offset / 10));
        }
    }
}

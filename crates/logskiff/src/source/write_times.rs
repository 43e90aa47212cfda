//! When a file's bytes were written, as far as polls can tell.
//!
//! Input: lengths, and when they were seen. Output: a time for an offset, never later than the poll that first saw it.
//! It is for records without a time, for metrics, and for how long a file has not grown.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::{TimeSource, WriteStep};

/// At most this many steps are kept. With more, the older ones become coarser: of an outage of an hour, they last up to 72 s each.
const STEPS_MAX: usize = 128;
/// The newest steps stay as they are: lines that are read when they are written have exact times.
const STEPS_EXACT: usize = 16;
/// The older ones become about this many.
const STEPS_COARSE: u32 = 100;
/// At most about this many are saved in the checkpoint: 1 KiB for a file.
const STEPS_SAVED: u32 = 32;

/// A moment on two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// On the clock of this process.
    pub(super) at: Instant,
    /// On the machine's: nanoseconds since the Unix epoch.
    pub(super) time_ns: i64,
}

/// When bytes were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteTime {
    /// On the clock of this process.
    pub at: Instant,
    /// In nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// How it is known.
    pub source: TimeSource,
}

/// When a file grew.
#[derive(Debug, Default)]
pub(super) struct WriteTimes {
    steps: VecDeque<Step>,
    /// Some of them are newer than the last save.
    is_unsaved: bool,
}

/// Bytes that are taken to be written at one time. From step to step both increase.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// One past the last byte.
    end: u64,
    written: WriteTime,
}

impl Moment {
    /// The moment `now`, which has just been, on both clocks.
    pub(super) fn now(now: Instant) -> Self {
        Self { at: now, time_ns: time_ns(SystemTime::now()) }
    }

    /// Seen from this moment, the moment of a file's time stamp: not after this one.
    pub(super) fn of_stamp(self, stamp_ns: i64) -> Self {
        let time_ns = stamp_ns.min(self.time_ns);
        let age = Duration::from_nanos(self.time_ns.abs_diff(time_ns));
        Self { at: self.at.checked_sub(age).unwrap_or(self.at), time_ns }
    }

    /// Seen from this moment, the first write to a file after the moment `seen`; its last was at `stamp_ns`.
    pub(super) fn of_write_after(self, seen: Self, stamp_ns: i64) -> Self {
        let last = self.of_stamp(stamp_ns);
        Self { at: last.at.max(seen.at), time_ns: last.time_ns.max(seen.time_ns.min(self.time_ns)) }
    }

    /// As the time of a write.
    pub(super) fn written(self, source: TimeSource) -> WriteTime {
        WriteTime { at: self.at, time_ns: self.time_ns, source }
    }
}

impl WriteTimes {
    /// Notes that the file is `length` bytes long, and when its new bytes were written.
    pub(super) fn record(&mut self, length: u64, written: WriteTime) {
        if let Some(last) = self.steps.back_mut() {
            if last.end >= length {
                return;
            }
            if last.written.time_ns == written.time_ns && last.written.source == written.source {
                last.end = length;
                self.is_unsaved = true;
                return;
            }
        }
        if self.steps.len() >= STEPS_MAX {
            self.steps = coarsen(self.steps.make_contiguous(), STEPS_EXACT, STEPS_COARSE).into();
        }
        self.is_unsaved = true;
        self.steps.push_back(Step { end: length, written });
    }

    /// When the byte at `offset` was written, and the offset up to which that holds.
    pub(super) fn time_of(&self, offset: u64) -> Option<(u64, WriteTime)> {
        let step = self.steps.get(self.steps.partition_point(|step| step.end <= offset))?;
        Some((step.end, step.written))
    }

    /// Forgets the times of bytes before `offset`.
    pub(super) fn forget(&mut self, offset: u64) {
        while self.steps.front().is_some_and(|step| step.end <= offset) {
            self.steps.pop_front();
        }
        if self.steps.is_empty() {
            self.is_unsaved = false;
            // Most of very many files are quiet.
            self.steps = VecDeque::new();
        }
    }

    /// The steps, for a checkpoint: if there are many, coarser.
    pub(super) fn save(&mut self) -> Vec<WriteStep> {
        self.is_unsaved = false;
        let steps = coarsen(self.steps.make_contiguous(), 1, STEPS_SAVED);
        let saved = |Step { end, written: WriteTime { time_ns, source, .. } }: &Step| WriteStep {
            end: *end,
            time_ns: *time_ns,
            source: *source,
        };
        steps.iter().map(saved).collect()
    }

    /// Whether there are steps that were not saved.
    pub(super) fn is_unsaved(&self) -> bool {
        self.is_unsaved
    }

    /// Takes over saved steps. There must be no other ones.
    pub(super) fn restore(&mut self, saved: &[WriteStep], now: Moment) {
        for WriteStep { end, time_ns, source } in saved {
            self.record(*end, now.of_stamp(*time_ns).written(*source));
        }
    }
}

/// Merges all but the newest `exact` steps with the ones before them, whose time they get, where that is not too early. If
/// there are more, about `most` are left.
fn coarsen(steps: &[Step], exact: usize, most: u32) -> Vec<Step> {
    let older = steps.len().saturating_sub(exact);
    let [first, .., last] = &steps[..older] else { return steps.to_vec() };
    if older <= most as usize {
        return steps.to_vec();
    }
    // Of what is left, any two neighbours together are longer: so there are few, and none is longer alone.
    let longest = last.written.at.saturating_duration_since(first.written.at) * 2 / most;
    let mut coarse: Vec<Step> = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        let until = steps.get(at + 1).unwrap_or(step).written.at;
        match coarse.last_mut() {
            Some(before)
                if at < older
                    && before.written.source == step.written.source
                    && until.saturating_duration_since(before.written.at) <= longest =>
            {
                before.end = step.end;
            }
            _ => coarse.push(*step),
        }
    }
    coarse
}

/// A time in nanoseconds since the Unix epoch.
pub(super) fn time_ns(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// A file's time stamp, seconds and nanoseconds, in nanoseconds.
pub(super) fn stamp_ns(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    /// The first moment, and a function that makes times of writes.
    fn clock() -> (Moment, impl Fn(u64) -> WriteTime) {
        let start = Moment { at: Instant::now(), time_ns: 0 };
        let after = move |seconds: u64| Moment {
            at: start.at + Duration::from_secs(seconds),
            time_ns: i64::try_from(seconds * SECOND_NS).unwrap(),
        };
        (start, move |seconds| after(seconds).written(TimeSource::Write))
    }

    #[test]
    fn an_offset_has_the_time_of_its_step() {
        let (_, at) = clock();
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

    /// Goal: however long an outage is, memory is bounded, no byte seems newer than it is, and none much older.
    #[test]
    fn many_steps_become_coarser_and_never_younger() {
        let (start, at) = clock();
        let mut write_times = WriteTimes::default();
        write_times.record(5, start.written(TimeSource::File));
        for step in 0..10_000 {
            write_times.record(10 * (step + 1), at(step));
            assert!(write_times.steps.len() <= STEPS_MAX);
            if step > 16 {
                let newest = write_times.time_of(10 * step - 50).unwrap().1;
                assert_eq!(newest, at(step - 5), "the newest steps are exact");
            }
        }
        assert_eq!(write_times.time_of(4).unwrap().1, start.written(TimeSource::File));
        for offset in 5..100_000 {
            let (end, written) = write_times.time_of(offset).unwrap();
            let exact = at(offset / 10);
            assert!(offset < end && written.time_ns <= exact.time_ns, "{offset}");
            let error = exact.at - written.at;
            assert!(error <= Duration::from_secs(10_000 / 50), "{offset}: {error:?} too early");
        }
        write_times.forget(100_000);
        assert_eq!(write_times.steps.capacity(), 0);
    }

    /// Goal: a restart changes no time, unless there are many; then none is later.
    #[test]
    fn saved_steps_are_restored() {
        let (start, at) = clock();
        for count in [0, 1, 20, 100_u64] {
            let (mut before, mut after) = (WriteTimes::default(), WriteTimes::default());
            before.record(7, start.written(TimeSource::File));
            before.forget(if count == 0 { 7 } else { 3 });
            for step in 1..count {
                before.record(10 * step, at(step));
            }
            assert_eq!(before.is_unsaved(), count > 0);
            let saved = before.save();
            assert!(!before.is_unsaved() && saved.len() <= 34, "{}", saved.len());
            let now = Moment { at: at(500).at, time_ns: at(500).time_ns };
            after.restore(&saved, now);
            for offset in 0..10 * count {
                let (one, other) = (before.time_of(offset), after.time_of(offset));
                let is_earlier = one
                    .zip(other)
                    .is_some_and(|((_, one), (_, other))| other.time_ns <= one.time_ns && other.source == one.source);
                assert!(one == other || count == 100 && is_earlier, "{count}, {offset}: {one:?}, {other:?}");
            }
        }
    }

    #[test]
    fn a_stamp_is_never_in_the_future() {
        let now = Moment { at: Instant::now(), time_ns: 5_000_000_000 };
        assert_eq!(now.of_stamp(9_000_000_007), now);
        assert_eq!(now.of_stamp(i64::MAX), now);
        let earlier = now.of_stamp(3_000_000_007);
        assert_eq!((now.at - earlier.at, earlier.time_ns), (Duration::from_nanos(1_999_999_993), 3_000_000_007));
        assert_eq!(now.of_write_after(earlier, 2_000_000_000), earlier);
        assert_eq!(now.of_write_after(earlier, 4_000_000_000), now.of_stamp(4_000_000_000));
        // The machine's clock was set back since then.
        let ahead = Moment { at: earlier.at, time_ns: 8_000_000_000 };
        assert_eq!(now.of_write_after(ahead, 4_000_000_000).time_ns, now.time_ns);
    }
}

//! When a line was written and read.

use serde::{Deserialize, Serialize};

/// Where the time of a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeSource {
    /// The line has it, or the container's runtime wrote it before the line.
    Line,
    /// When the line was written: logskiff saw the file grow.
    Write,
    /// The modification time of a file that was there before. The line is as old or older.
    File,
    /// When the line was read.
    Read,
}

impl TimeSource {
    /// The name in `event.time_source`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Write => "write",
            Self::File => "file",
            Self::Read => "read",
        }
    }
}

/// Bytes of a file that were written at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, i64, TimeSource)", into = "(u64, i64, TimeSource)")]
pub struct WriteStep {
    /// One past the last byte. The first one follows the step before.
    pub end: u64,
    /// When they were written, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// How that is known.
    pub source: TimeSource,
}

impl From<(u64, i64, TimeSource)> for WriteStep {
    fn from((end, time_ns, source): (u64, i64, TimeSource)) -> Self {
        Self { end, time_ns, source }
    }
}

impl From<WriteStep> for (u64, i64, TimeSource) {
    fn from(step: WriteStep) -> Self {
        (step.end, step.time_ns, step.source)
    }
}

/// The times of a line that it does not have itself: whole milliseconds, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTimes {
    read_ns: i64,
    written_ns: i64,
    source: TimeSource,
}

impl LineTimes {
    /// Of a line that was read at `read_ns`, and of which no more is known.
    #[must_use]
    pub fn read(read_ns: i64) -> Self {
        Self::written(read_ns, read_ns, TimeSource::Read)
    }

    /// Of a line that was written at `written_ns`, as `source` says. It was not written after it was read.
    #[must_use]
    pub fn written(read_ns: i64, written_ns: i64, source: TimeSource) -> Self {
        Self { read_ns: whole_millis(read_ns), written_ns: whole_millis(written_ns.min(read_ns)), source }
    }

    /// When the line was read.
    #[must_use]
    pub fn read_ns(self) -> i64 {
        self.read_ns
    }

    /// When the line was written, at most [`LineTimes::read_ns`].
    #[must_use]
    pub fn written_ns(self) -> i64 {
        self.written_ns
    }

    /// Where that is from.
    #[must_use]
    pub fn source(self) -> TimeSource {
        self.source
    }
}

/// The start of a time's millisecond: file systems know times no better.
fn whole_millis(time_ns: i64) -> i64 {
    time_ns - time_ns.rem_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: whatever the clocks say, no line seems to be written after it was read.
    #[test]
    fn a_line_is_written_before_it_is_read() {
        #[track_caller]
        fn check(read_ns: i64, written_ns: i64, want: (i64, i64)) {
            let times = LineTimes::written(read_ns, written_ns, TimeSource::Write);
            assert_eq!((times.read_ns(), times.written_ns()), want);
        }
        check(5_999_999, 3_000_001, (5_000_000, 3_000_000));
        check(5_999_999, 5_000_001, (5_000_000, 5_000_000));
        check(5_999_999, 6_000_000, (5_000_000, 5_000_000));
        check(-1, i64::MAX, (-1_000_000, -1_000_000));
        assert_eq!(LineTimes::read(7_000_000), LineTimes::written(7_000_000, 9_000_000, TimeSource::Read));
    }
}

//! Histograms: counts of values by range.

use super::Counter;

/// Counts of values by range. A reader may miss an observation in progress; counts never decrease.
#[derive(Debug)]
pub struct Histogram {
    ends: &'static [u64],
    /// One more than `ends`: the last counts larger values.
    counts: Vec<Counter>,
    sum: Counter,
}

impl Histogram {
    /// An empty histogram. `ends`: inclusive upper bounds of the ranges, ascending, in the value's unit.
    #[must_use]
    pub fn new(ends: &'static [u64]) -> Self {
        let counts = std::iter::repeat_with(Counter::default).take(ends.len() + 1).collect();
        Self { ends, counts, sum: Counter::default() }
    }

    /// Counts a value `times` times.
    pub fn observe(&self, value: u64, times: u64) {
        self.counts[self.ends.partition_point(|end| *end < value)].add(times);
        self.sum.add(value.saturating_mul(times));
    }

    /// The sum of all values.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum.get()
    }

    /// The upper bound of each range (`None` for the last) and its count; not cumulative.
    pub fn ranges(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        self.ends.iter().copied().map(Some).chain([None]).zip(self.counts.iter().map(Counter::get))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_the_range_that_ends_at_or_above_them() {
        let histogram = Histogram::new(&[10, 100]);
        for (value, times) in [(0, 1), (10, 2), (11, 3), (100, 4), (101, 5)] {
            histogram.observe(value, times);
        }
        assert_eq!(histogram.ranges().collect::<Vec<_>>(), [(Some(10), 3), (Some(100), 7), (None, 5)]);
        assert_eq!(histogram.sum(), 20 + 33 + 400 + 505);
    }
}

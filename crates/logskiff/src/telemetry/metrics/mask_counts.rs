//! The counters of an input's masks, which are replaced when its rules change.

use std::sync::{Arc, PoisonError, RwLock};

use super::Counter;

/// Counters in the order of the redactor's.
#[derive(Debug, Default)]
pub struct MaskCounts {
    current: RwLock<Arc<Vec<Counter>>>,
    /// What rules that are gone have masked.
    former: Counter,
}

impl MaskCounts {
    /// So many counters at zero.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let counters = std::iter::repeat_with(Counter::default).take(count).collect();
        Self { current: RwLock::new(Arc::new(counters)), former: Counter::default() }
    }

    /// The present counters.
    #[must_use]
    pub fn current(&self) -> Arc<Vec<Counter>> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the counters. `sources`: for each new one, the old one that it goes on with.
    pub fn replace(&self, sources: &[Option<usize>]) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let before: u64 = current.iter().map(Counter::get).sum();
        let counters: Vec<Counter> = sources
            .iter()
            .map(|source| {
                let counter = Counter::default();
                counter.add(source.and_then(|at| current.get(at)).map_or(0, Counter::get));
                counter
            })
            .collect();
        let after: u64 = counters.iter().map(Counter::get).sum();
        self.former.add(before.saturating_sub(after));
        *current = Arc::new(counters);
    }

    /// All masks, also of rules that are gone.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.former.get() + self.current().iter().map(Counter::get).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_stays_keeps_its_count() {
        let counts = MaskCounts::new(2);
        counts.current()[0].add(3);
        counts.current()[1].add(4);
        counts.replace(&[None, Some(0)]);
        let now: Vec<u64> = counts.current().iter().map(Counter::get).collect();
        assert_eq!((now, counts.sum()), (vec![0, 3], 7));
    }
}

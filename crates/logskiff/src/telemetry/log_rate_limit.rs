//! What is worth saying again: of each kind of trouble its own log tells once in a while, and how much was left out.

mod own_log;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use self::own_log::OwnLog;
use crate::telemetry::metrics::Metrics;

/// The same kind is told once in so long.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Remembers what was told.
#[derive(Debug)]
pub struct News {
    told: Mutex<HashMap<String, Told>>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    /// How often since then.
    times: u64,
    left_out: u64,
}

impl News {
    /// Nothing was told yet; what will be left out is counted in `metrics`.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { told: Mutex::default(), metrics }
    }

    /// Whether news of this kind are due, and are taken to be told now; if so, how many were left out since the last.
    /// Kinds are a bounded set.
    pub fn due(&self, kind: &str) -> Option<u64> {
        self.due_at(kind, 1, Instant::now())
    }

    /// The same for what is told once each, such as files: up to `most` at a time.
    pub fn due_each(&self, kind: &str, most: u64) -> Option<u64> {
        self.due_at(kind, most, Instant::now())
    }

    fn due_at(&self, kind: &str, most: u64, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = told.get_mut(kind) else {
            told.insert(kind.to_owned(), Told { at: now, times: 1, left_out: 0 });
            return Some(0);
        };
        if now.saturating_duration_since(known.at) < TOLD_AGAIN_AFTER {
            if known.times < most {
                known.times += 1;
                return Some(0);
            }
            known.left_out += 1;
            self.metrics.log_lines_suppressed.add(1);
            return None;
        }
        (known.at, known.times) = (now, 1);
        Some(std::mem::take(&mut known.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_news_are_told_once_in_a_while_and_what_was_left_out_is_counted() {
        let metrics = Arc::new(Metrics::default());
        let (news, start) = (News::new(Arc::clone(&metrics)), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(news.due_at("disk", 1, at(0)), Some(0));
        assert_eq!(news.due_at("disk", 1, at(1)), None);
        assert_eq!(news.due_at("disk", 1, at(2)), None);
        assert_eq!(news.due_at("net", 1, at(2)), Some(0));
        assert_eq!(news.due_at("disk", 1, at(31)), Some(2));
        assert_eq!(news.due_at("disk", 1, at(62)), Some(0));
        assert_eq!(metrics.log_lines_suppressed.get(), 2);
        let told: Vec<Option<u64>> = (0..4).map(|_| news.due_at("file", 3, at(0))).collect();
        assert_eq!(told, [Some(0), Some(0), Some(0), None]);
        assert_eq!(news.due_at("file", 3, at(30)), Some(1));
    }
}

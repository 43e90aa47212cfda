//! Rate limit of logskiff's own log: similar messages are logged once per interval, with the number left out.

mod own_log;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use self::own_log::OwnLog;
use crate::telemetry::metrics::Metrics;

/// Interval for messages of the same kind.
const INTERVAL: Duration = Duration::from_secs(30);

/// Remembers when each kind of message was last logged.
#[derive(Debug)]
pub struct LogRateLimit {
    kinds: Mutex<HashMap<String, Logged>>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Logged {
    /// Start of the current interval.
    at: Instant,
    /// Messages logged in the current interval.
    times: u64,
    /// Messages left out since the last one that was logged.
    left_out: u64,
}

impl LogRateLimit {
    /// Creates an empty limiter; left out messages are counted in `metrics`.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { kinds: Mutex::default(), metrics }
    }

    /// Returns `Some` if a message of this kind should be logged now: the number left out since the last one. The
    /// caller must then log it. Kinds are a bounded set.
    pub fn due(&self, kind: &str) -> Option<u64> {
        self.due_at(kind, 1, Instant::now())
    }

    /// Like [`LogRateLimit::due`], but allows `most` messages per interval, for example one per file.
    pub fn due_each(&self, kind: &str, most: u64) -> Option<u64> {
        self.due_at(kind, most, Instant::now())
    }

    fn due_at(&self, kind: &str, most: u64, now: Instant) -> Option<u64> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = kinds.get_mut(kind) else {
            kinds.insert(kind.to_owned(), Logged { at: now, times: 1, left_out: 0 });
            return Some(0);
        };
        if now.saturating_duration_since(known.at) < INTERVAL {
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
    fn similar_messages_are_limited_and_counted() {
        let metrics = Arc::new(Metrics::default());
        let (log_limit, start) = (LogRateLimit::new(Arc::clone(&metrics)), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(log_limit.due_at("disk", 1, at(0)), Some(0));
        assert_eq!(log_limit.due_at("disk", 1, at(1)), None);
        assert_eq!(log_limit.due_at("disk", 1, at(2)), None);
        assert_eq!(log_limit.due_at("net", 1, at(2)), Some(0));
        assert_eq!(log_limit.due_at("disk", 1, at(31)), Some(2));
        assert_eq!(log_limit.due_at("disk", 1, at(62)), Some(0));
        assert_eq!(metrics.log_lines_suppressed.get(), 2);
        let due: Vec<Option<u64>> = (0..4).map(|_| log_limit.due_at("file", 3, at(0))).collect();
        assert_eq!(due, [Some(0), Some(0), Some(0), None]);
        assert_eq!(log_limit.due_at("file", 3, at(30)), Some(1));
    }
}

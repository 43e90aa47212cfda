//! What is worth saying again: the same kind of trouble is told once in a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The same kind is told once in so long.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Remembers what was told.
#[derive(Debug, Default)]
pub(super) struct News {
    told: Mutex<HashMap<String, Instant>>,
}

impl News {
    /// Whether this kind has not been told lately; it is taken to be told now. Kinds are a bounded set.
    pub(super) fn is_news(&self, kind: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let news = told.get(kind).is_none_or(|at| now.duration_since(*at) >= TOLD_AGAIN_AFTER);
        if news {
            told.insert(kind.to_owned(), now);
        }
        news
    }
}

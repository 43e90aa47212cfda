//! Compiled objects that the redactors of one process share: patterns, and the automata of the prefilter.
//!
//! Input: sources. Output: the object compiled from the same source before, if it is still in use, or a new one. Inputs
//! whose rules differ only slightly take memory only for the differing rules.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak};

use regex_automata::meta::Regex;

use super::prefilter::sharded_dfa::ShardedDfa;

/// An object that its first user makes; `None` inside: it cannot be made.
type Made<T> = OnceLock<Option<T>>;

/// A pattern, compiled when a line first needs it; `None` inside: it cannot be compiled.
pub(super) type Compiled = Arc<Made<Regex>>;

/// The automaton of patterns, built when a text first needs it; `None` inside: there is none, or they are too large to be
/// joined.
pub(super) type Automaton = Arc<Made<ShardedDfa>>;

static PATTERNS: LazyLock<Pool<String, Made<Regex>>> = LazyLock::new(Pool::default);
static AUTOMATA: LazyLock<Pool<Arc<[String]>, Made<ShardedDfa>>> = LazyLock::new(Pool::default);

/// The shared cell of a pattern, which the first user compiles.
pub(super) fn pattern(source: &str) -> Compiled {
    PATTERNS.get(source.to_owned(), |_| Some(OnceLock::new())).unwrap_or_default()
}

/// The shared cell of the automaton of patterns, which the first user builds.
pub(super) fn automaton(patterns: &Arc<[String]>) -> Automaton {
    AUTOMATA.get(Arc::clone(patterns), |_| Some(OnceLock::new())).unwrap_or_default()
}

/// The objects in use, by their source.
struct Pool<K, V>(Mutex<HashMap<K, Weak<V>>>);

impl<K, V> Default for Pool<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V> Pool<K, V> {
    fn get(&self, key: K, make: impl FnOnce(&K) -> Option<V>) -> Option<Arc<V>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = known.get(&key).and_then(Weak::upgrade) {
            return Some(used);
        }
        let fresh = Arc::new(make(&key)?);
        // Unused entries are removed before the map grows.
        if known.len() == known.capacity() {
            known.retain(|_, used| used.strong_count() > 0);
        }
        known.insert(key, Arc::downgrade(&fresh));
        Some(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_objects_are_shared_and_unused_ones_dropped() {
        let pool: Pool<usize, usize> = Pool::default();
        let one = pool.get(1, |key| Some(key * 10)).unwrap();
        assert!(Arc::ptr_eq(&one, &pool.get(1, |_| unreachable!("it is there")).unwrap()));
        drop(one);
        assert_eq!(*pool.get(1, |_| Some(11)).unwrap(), 11);
        for key in 2..10_000 {
            assert!(pool.get(key, |key| Some(*key)).is_some());
        }
        assert!(pool.0.lock().unwrap().len() < 100, "nobody uses them");
        assert!(pool.get(0, |_| None).is_none());
    }
}

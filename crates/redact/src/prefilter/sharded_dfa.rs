//! All triggers in one automaton, or in several for texts that need too many states for one.
//!
//! A state of an automaton stands for the progress of all of its triggers. In random characters (such as Base64 or
//! encrypted text) nearly every byte of one large automaton needs a new state, and building a state takes a thousand
//! times as long as advancing to a known one. Automata of a few triggers have few states each, but each of them
//! searches the whole text.

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::multi_dfa::{MultiDfa, Numbers};

/// Limit for the states of the one automaton. When it is reached, the cache is cleared and states are built again,
/// which takes time. All detectors take half of it on the lines of the benchmark.
const CACHE_BYTES_MAX: usize = 2 << 20;
/// If the limit was reached after less text than this, the text is unsuitable for one automaton.
const SOON_BYTES: usize = 4 << 20;
/// Several automata search this much text before the one is tried again.
const SPLIT_BYTES: usize = 64 << 20;
/// Number of these automata. With fewer, each has more states; with more, the text is searched more often.
const PARTS: usize = 8;
/// Limit for the states of each of them.
const PART_CACHE_BYTES_MAX: usize = CACHE_BYTES_MAX / 4;

/// The triggers, numbered in their order.
#[derive(Debug)]
pub(crate) struct ShardedDfa {
    sources: Vec<String>,
    bytes_max: usize,
    joined: MultiDfa,
    /// Built when first needed; `None`: they cannot be built.
    parts: OnceLock<Option<Vec<Part>>>,
    phase: Mutex<Phase>,
}

/// An automaton of some of the triggers.
#[derive(Debug)]
struct Part {
    automaton: MultiDfa,
    /// The numbers of its triggers in the whole set.
    numbers: Vec<usize>,
}

/// Which automata are in use, and for how many bytes.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The one automaton has searched this many bytes since its cache was last cleared.
    Joined(usize),
    /// The several automata search this many more bytes.
    Split(usize),
}

impl ShardedDfa {
    /// Joins the triggers; `None` if they are too large, or cannot be searched byte by byte.
    pub(crate) fn new(sources: Vec<String>, bytes_max: usize) -> Option<Self> {
        Self::with_cache(sources, bytes_max, CACHE_BYTES_MAX)
    }

    fn with_cache(sources: Vec<String>, bytes_max: usize, cache_bytes: usize) -> Option<Self> {
        let joined = MultiDfa::new(&sources, bytes_max, cache_bytes)?;
        Some(Self { sources, bytes_max, joined, parts: OnceLock::new(), phase: Mutex::new(Phase::Joined(0)) })
    }

    /// The number of triggers.
    pub(crate) fn count(&self) -> usize {
        self.sources.len()
    }

    /// The triggers that match in `text`.
    pub(crate) fn which(&self, text: &[u8]) -> Numbers {
        let Some(parts) = self.active_parts() else { return self.joined.which(text) };
        let mut numbers = Numbers::none(self.sources.len());
        for part in parts {
            let which = part.automaton.which(text);
            part.numbers
                .iter()
                .enumerate()
                .filter(|(at, _)| which.contains(*at))
                .for_each(|(_, number)| numbers.add(*number));
        }
        numbers
    }

    /// Adds the lines of `chunk` in which a trigger matches to `hits`: start and end of each, unsorted and with
    /// duplicates.
    pub(crate) fn lines(&self, chunk: &[u8], hits: &mut Vec<(usize, usize)>) {
        match self.active_parts() {
            Some(parts) => parts.iter().for_each(|part| part.automaton.lines(chunk, hits)),
            None => self.joined.lines(chunk, hits),
        }
        let mut phase = self.phase();
        *phase = match *phase {
            Phase::Split(left) if left > chunk.len() => Phase::Split(left - chunk.len()),
            Phase::Split(_) => Phase::Joined(0),
            Phase::Joined(searched) if self.joined.clear_count() == 0 => Phase::Joined(searched + chunk.len()),
            Phase::Joined(searched) => {
                self.joined.clear();
                if searched + chunk.len() < SOON_BYTES { Phase::Split(SPLIT_BYTES) } else { Phase::Joined(0) }
            }
        };
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The several automata, while they are in use.
    fn active_parts(&self) -> Option<&[Part]> {
        let is_split = matches!(*self.phase(), Phase::Split(_));
        is_split.then(|| self.parts.get_or_init(|| self.part()).as_deref()).flatten()
    }

    /// Distributes the triggers, the longest first, each to the part with the shortest total.
    fn part(&self) -> Option<Vec<Part>> {
        let mut order: Vec<usize> = (0..self.sources.len()).collect();
        order.sort_by_key(|number| Reverse(self.sources[*number].len()));
        let mut hands: [(usize, Vec<usize>); PARTS] = Default::default();
        for number in order {
            if let Some((bytes, hand)) = hands.iter_mut().min_by_key(|(bytes, _)| *bytes) {
                *bytes += self.sources[number].len();
                hand.push(number);
            }
        }
        let part = |(_, numbers): (usize, Vec<usize>)| {
            let sources: Vec<&str> = numbers.iter().map(|number| self.sources[*number].as_str()).collect();
            let automaton = MultiDfa::new(&sources, self.bytes_max, PART_CACHE_BYTES_MAX)?;
            Some(Part { automaton, numbers })
        };
        hands.into_iter().filter(|(_, hand)| !hand.is_empty()).map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefilter::merge;

    fn triggers(cache_bytes: usize) -> ShardedDfa {
        let sources = (0..20).map(|number| format!("(?-u)key{number}[a-z]{{2}}|{number}of[0-9]{{3}}")).collect();
        ShardedDfa::with_cache(sources, 1 << 20, cache_bytes).unwrap()
    }

    fn lines(triggers: &ShardedDfa, text: &str) -> Vec<(usize, usize)> {
        let mut hits = Vec::new();
        triggers.lines(text.as_bytes(), &mut hits);
        merge(&mut hits);
        hits
    }

    /// Goal: if the one automaton's cache is cleared early, several take over for a while, and find the same.
    #[test]
    fn several_automata_find_the_same_as_one() {
        let text = "nothing\na key7ab and 11of123\nkey0 key\n19of999\n\nkey19xy key4of123 key3zz".repeat(50);
        let (roomy, tight) = (triggers(CACHE_BYTES_MAX), triggers(0));
        let expected = lines(&roomy, &text);
        assert!(roomy.active_parts().is_none());
        assert_eq!(lines(&tight, &text), expected);
        assert!(tight.active_parts().is_some());
        assert_eq!(lines(&tight, &text), expected);
        for line in text.lines() {
            let (one, several) = (roomy.which(line.as_bytes()), tight.which(line.as_bytes()));
            assert!((0..20).all(|number| one.contains(number) == several.contains(number)), "{line}");
        }
        *tight.phase() = Phase::Split(1);
        assert_eq!(lines(&tight, &text), expected);
        assert!(tight.active_parts().is_none(), "the one automaton is tried again");
    }
}

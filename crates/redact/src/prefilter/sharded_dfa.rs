//! All windows in one automaton, or in several for texts that need too many states for one.
//!
//! A state of an automaton stands for the progress of all of its windows. In random characters (such as Base64 or
//! encrypted text) nearly every byte of one large automaton needs a new state, and building a state takes a thousand
//! times as long as advancing to a known one. Automata of a few patterns have few states each, but each of them
//! searches the whole text.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::multi_dfa::{MultiDfa, Numbers};
use super::window::{Window, windows};

/// Limit for the states of the one automaton. When it is reached, the cache is cleared and states are built again,
/// which takes time. Lines of Base64 need most of it, other ones a quarter.
const CACHE_BYTES_MAX: usize = 4 << 20;
/// If the limit was reached after less text than this, the text is unsuitable for one automaton.
const SOON_BYTES: usize = 4 << 20;
/// Several automata search this much text before the one is tried again.
const SPLIT_BYTES: usize = 64 << 20;
/// Number of these automata. With fewer, each has more states; with more, the text is searched more often.
const PARTS: usize = 8;
/// Limit for the states of each of them.
const PART_CACHE_BYTES_MAX: usize = 512 << 10;

/// The windows of patterns, which are numbered in their order.
#[derive(Debug)]
pub(crate) struct ShardedDfa {
    patterns: Arc<[String]>,
    joined: MultiDfa,
    /// Built when first needed; `None`: they cannot be built.
    parts: OnceLock<Option<Vec<Part>>>,
    phase: Mutex<Phase>,
}

/// An automaton of some of the patterns.
#[derive(Debug)]
struct Part {
    automaton: MultiDfa,
    /// The numbers of its patterns in the whole set.
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
    /// Joins the windows of patterns; `None` if there is none, or they are too large.
    pub(crate) fn new(patterns: &Arc<[String]>) -> Option<Self> {
        if patterns.is_empty() { None } else { Self::with_cache(Arc::clone(patterns), CACHE_BYTES_MAX) }
    }

    fn with_cache(patterns: Arc<[String]>, cache_bytes: usize) -> Option<Self> {
        let windows = windows_of(&patterns)?;
        let joined = MultiDfa::new(windows.iter().map(Vec::as_slice), cache_bytes)?;
        Some(Self { patterns, joined, parts: OnceLock::new(), phase: Mutex::new(Phase::Joined(0)) })
    }

    /// Adds the numbers of the patterns that may match in `text`; the first one has the number `first`.
    pub(crate) fn add_which(&self, text: &[u8], first: usize, numbers: &mut Numbers) {
        let Some(parts) = self.active_parts() else {
            return self.joined.which(text, |number| numbers.add(first + number));
        };
        for part in parts {
            part.automaton.which(text, |number| numbers.add(first + part.numbers[number]));
        }
    }

    /// Adds the lines of `chunk` in which a window matches to `hits`: start and end of each, unsorted and with
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

    /// Distributes the patterns, the longest first, each to the part with the shortest total.
    fn part(&self) -> Option<Vec<Part>> {
        let mut order: Vec<usize> = (0..self.patterns.len()).collect();
        order.sort_by_key(|number| Reverse(self.patterns[*number].len()));
        let mut hands: [(usize, Vec<usize>); PARTS] = Default::default();
        for number in order {
            if let Some((bytes, hand)) = hands.iter_mut().min_by_key(|(bytes, _)| *bytes) {
                *bytes += self.patterns[number].len();
                hand.push(number);
            }
        }
        let windows = windows_of(&self.patterns)?;
        let part = |(_, numbers): (usize, Vec<usize>)| {
            let windows = numbers.iter().map(|number| windows[*number].as_slice());
            let automaton = MultiDfa::new(windows, PART_CACHE_BYTES_MAX)?;
            Some(Part { automaton, numbers })
        };
        hands.into_iter().filter(|(_, hand)| !hand.is_empty()).map(part).collect()
    }
}

/// The windows of each pattern; `None`: one of them cannot be parsed.
fn windows_of(patterns: &[String]) -> Option<Vec<Vec<Window>>> {
    patterns.iter().map(|pattern| windows(pattern)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefilter::merge;

    fn automaton(cache_bytes: usize) -> ShardedDfa {
        let patterns = (0..20).map(|number| format!("(?-u)key{number}[a-z]{{2}}|{number}of[0-9]{{3}}")).collect();
        ShardedDfa::with_cache(patterns, cache_bytes).unwrap()
    }

    fn lines(automaton: &ShardedDfa, text: &str) -> Vec<(usize, usize)> {
        let mut hits = Vec::new();
        automaton.lines(text.as_bytes(), &mut hits);
        merge(&mut hits);
        hits
    }

    /// Goal: if the one automaton's cache is cleared early, several take over for a while, and find the same.
    #[test]
    fn several_automata_find_the_same_as_one() {
        let text = "nothing\na key7ab and 11of123\nkey0 key\n19of999\n\nkey19xy key4of123 key3zz".repeat(50);
        let (roomy, tight) = (automaton(CACHE_BYTES_MAX), automaton(0));
        let expected = lines(&roomy, &text);
        assert!(roomy.active_parts().is_none());
        assert_eq!(lines(&tight, &text), expected);
        assert!(tight.active_parts().is_some());
        assert_eq!(lines(&tight, &text), expected);
        for line in text.lines() {
            let [one, several] = [&roomy, &tight].map(|automaton| {
                let mut numbers = Numbers::none(20);
                automaton.add_which(line.as_bytes(), 0, &mut numbers);
                numbers.iter().collect::<Vec<_>>()
            });
            assert_eq!(one, several, "{line}");
        }
        *tight.phase() = Phase::Split(1);
        assert_eq!(lines(&tight, &text), expected);
        assert!(tight.active_parts().is_none(), "the one automaton is tried again");
    }
}

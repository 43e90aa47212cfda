//! All triggers in one automaton, and in several for texts that one has too many states for.
//!
//! A state of an automaton is what all of its triggers have seen so far. In random characters (Base64, say, or what is
//! encrypted) nearly every byte of one large automaton leads to a state that it never had, and to make one takes a
//! thousand times as long as to walk on. Automata of a few triggers each have few states, but each walks the whole text.

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::multi_dfa::{MultiDfa, Numbers};

/// The states of the one automaton take so much at most; when that is full they are made anew as they are met, which takes
/// time. The whole catalogue takes half of it on the lines of the benchmark.
const CACHE_BYTES_MAX: usize = 2 << 20;
/// Where it was full after less text than this, the text is not for it.
const SOON_BYTES: usize = 4 << 20;
/// So much is then walked by several automata before the one is tried again.
const PARTED_BYTES: usize = 64 << 20;
/// How many automata that is. With fewer each has more states, with more the text is walked more often.
const PARTS: usize = 8;
/// What the states of each of them take at most.
const PART_CACHE_BYTES_MAX: usize = CACHE_BYTES_MAX / 4;

/// The triggers, numbered in their order.
#[derive(Debug)]
pub(crate) struct ShardedDfa {
    sources: Vec<String>,
    bytes_max: usize,
    joined: MultiDfa,
    /// Made when they are first needed; `None`: they cannot be.
    parts: OnceLock<Option<Vec<Part>>>,
    course: Mutex<Course>,
}

/// Some of the triggers.
#[derive(Debug)]
struct Part {
    automaton: MultiDfa,
    /// What the automaton's triggers are called here.
    numbers: Vec<usize>,
}

/// Whose turn it is, and for how long it was or will be.
#[derive(Clone, Copy, Debug)]
enum Course {
    /// The one automaton has walked so many bytes since it last forgot its states.
    Joined(usize),
    /// Several are to walk so many bytes yet.
    Parted(usize),
}

impl ShardedDfa {
    /// Joins the triggers; `None` where they are too large for that, or cannot be walked byte by byte.
    pub(crate) fn new(sources: Vec<String>, bytes_max: usize) -> Option<Self> {
        Self::with_cache(sources, bytes_max, CACHE_BYTES_MAX)
    }

    fn with_cache(sources: Vec<String>, bytes_max: usize, cache_bytes: usize) -> Option<Self> {
        let joined = MultiDfa::new(&sources, bytes_max, cache_bytes)?;
        Some(Self { sources, bytes_max, joined, parts: OnceLock::new(), course: Mutex::new(Course::Joined(0)) })
    }

    /// The triggers that match in `text`.
    pub(crate) fn which(&self, text: &[u8]) -> Numbers {
        let Some(parts) = self.parts_in_use() else { return self.joined.which(text) };
        let mut numbers = Numbers::none(self.sources.len());
        for part in parts {
            let which = part.automaton.which(text);
            part.numbers
                .iter()
                .enumerate()
                .filter(|(at, _)| which.has(*at))
                .for_each(|(_, number)| numbers.add(*number));
        }
        numbers
    }

    /// Adds the lines of `chunk` in which a trigger matches to `hits`: start and end of each, not in order, and some more
    /// than once.
    pub(crate) fn lines(&self, chunk: &[u8], hits: &mut Vec<(usize, usize)>) {
        match self.parts_in_use() {
            Some(parts) => parts.iter().for_each(|part| part.automaton.lines(chunk, hits)),
            None => self.joined.lines(chunk, hits),
        }
        let mut course = self.course();
        *course = match *course {
            Course::Parted(left) if left > chunk.len() => Course::Parted(left - chunk.len()),
            Course::Parted(_) => Course::Joined(0),
            Course::Joined(walked) if self.joined.forgotten() == 0 => Course::Joined(walked + chunk.len()),
            Course::Joined(walked) => {
                self.joined.forget();
                if walked + chunk.len() < SOON_BYTES { Course::Parted(PARTED_BYTES) } else { Course::Joined(0) }
            }
        };
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The several automata, while it is their turn.
    fn parts_in_use(&self) -> Option<&[Part]> {
        let parted = matches!(*self.course(), Course::Parted(_));
        parted.then(|| self.parts.get_or_init(|| self.part()).as_deref()).flatten()
    }

    /// Deals the triggers out, the longest first, each to the part that has the least yet.
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

    /// Goal: where the one automaton forgets soon, several take its place for a while, and find the same.
    #[test]
    fn several_find_what_one_finds() {
        let text = "nothing\na key7ab and 11of123\nkey0 key\n19of999\n\nkey19xy key4of123 key3zz".repeat(50);
        let (roomy, tight) = (triggers(CACHE_BYTES_MAX), triggers(0));
        let expected = lines(&roomy, &text);
        assert!(roomy.parts_in_use().is_none());
        assert_eq!(lines(&tight, &text), expected);
        assert!(tight.parts_in_use().is_some());
        assert_eq!(lines(&tight, &text), expected);
        for line in text.lines() {
            let (one, several) = (roomy.which(line.as_bytes()), tight.which(line.as_bytes()));
            assert!((0..20).all(|number| one.has(number) == several.has(number)), "{line}");
        }
        *tight.course() = Course::Parted(1);
        assert_eq!(lines(&tight, &text), expected);
        assert!(tight.parts_in_use().is_none(), "the one is tried again");
    }
}

//! The windows of many patterns in one automaton, which finds the lines of a chunk with a match, and the patterns that
//! may match in a text.
//!
//! Input: a chunk of whole lines, or one text. Output: ranges of whole lines, or the numbers of patterns. False
//! positives are possible, false negatives are not. The automaton is a lazy DFA: a state is built when a byte first
//! leads to it. Each byte depends on the state before it, so the processor mostly waits. Therefore a chunk is searched
//! in several interleaved lanes.

use std::array;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::{Input, MatchKind};

use super::tree;
use super::window::Window;

/// Number of parts of a chunk that are searched in parallel.
const LANES: usize = 4;

/// Limit for the automaton without its states.
const NFA_BYTES_MAX: usize = 4 << 20;

/// The automaton of all windows, each of which matches within a line.
#[derive(Debug)]
pub(super) struct MultiDfa {
    dfa: DFA,
    /// The states built so far; locked once per chunk.
    cache: Mutex<Cache>,
}

/// A set of numbers of patterns.
#[derive(Clone, Debug)]
pub(crate) struct Numbers(Box<[u64]>);

impl Numbers {
    /// The empty set, for numbers below `count`.
    pub(crate) fn none(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)].into_boxed_slice())
    }

    /// Adds a number.
    pub(crate) fn add(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    /// Whether the set is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Adds all numbers of another set for the same patterns.
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    /// Whether the set contains the number.
    pub(crate) fn contains(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word & 1 << (number % 64) != 0)
    }

    /// The numbers, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        let bits = |mut word: u64| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
                word &= word - 1;
                Some(bit)
            })
        };
        self.0.iter().enumerate().flat_map(move |(at, word)| bits(*word).map(move |bit| at * 64 + bit))
    }
}

/// Whole lines of a chunk, and how far they are searched.
struct Lane {
    /// Where the first unsearched line begins.
    from: usize,
    at: usize,
    end: usize,
    /// The state after the bytes before `at`; an ordinary state, which needs no action.
    state: LazyStateID,
    /// Start and end of the lines with a hit, in order.
    hits: Vec<(usize, usize)>,
}

impl Lane {
    fn new(start: usize, end: usize) -> Self {
        Self { from: start, at: start, end, state: LazyStateID::default(), hits: Vec::new() }
    }

    /// Returns to the beginning of the last byte's line: the automaton reports a match one byte late.
    fn rewind(&mut self, chunk: &[u8]) {
        let line = &chunk[self.from..self.at.saturating_sub(1).max(self.from)];
        self.from += memchr::memrchr(b'\n', line).map_or(0, |newline| newline + 1);
        self.at = self.from;
    }

    /// Records the last byte's line as a hit, and continues after it.
    fn hit(&mut self, chunk: &[u8]) {
        self.rewind(chunk);
        self.at = line_end(chunk, self.from);
        self.hits.push((self.from, self.at));
        self.from = self.at;
    }

    /// Records the whole rest as a hit.
    fn hit_rest(&mut self) {
        self.hits.push((self.from, self.end));
        (self.from, self.at) = (self.end, self.end);
    }
}

impl MultiDfa {
    /// Joins the windows of patterns, which are numbered in their order. `None` if they are too large. `cache_bytes`: the
    /// limit for its states.
    pub(super) fn new<'w>(patterns: impl ExactSizeIterator<Item = &'w [Window]>, cache_bytes: usize) -> Option<Self> {
        let config = DFA::config().match_kind(MatchKind::All);
        let dfa = DFA::builder()
            // The minimum for one step is always allocated.
            .configure(config.cache_capacity(cache_bytes).skip_cache_capacity_check(true))
            .build_from_nfa(tree::automaton(patterns, NFA_BYTES_MAX)?)
            .ok()?;
        let cache = Mutex::new(dfa.create_cache());
        Some(Self { dfa, cache })
    }

    /// Passes on the numbers of the patterns that match in `text`.
    pub(super) fn which(&self, text: &[u8], mut found: impl FnMut(usize)) {
        if self.search_text(text, &mut self.cache(), &mut found).is_none() {
            (0..self.dfa.pattern_len()).for_each(found);
        }
    }

    /// How often the state cache was cleared to make room.
    pub(super) fn clear_count(&self) -> usize {
        self.cache().clear_count()
    }

    /// Drops the states and frees their memory.
    pub(super) fn clear(&self) {
        *self.cache() = self.dfa.create_cache();
    }

    /// Adds the lines of `chunk` in which a window matches to `hits`: start and end of each, in order.
    pub(super) fn lines(&self, chunk: &[u8], hits: &mut Vec<(usize, usize)>) {
        let mut start = 0;
        let mut lanes: [Lane; LANES] = array::from_fn(|lane| {
            let end = line_end(chunk, start.max(chunk.len() * (lane + 1) / LANES));
            Lane::new(mem::replace(&mut start, end), end)
        });
        let cache = &mut self.cache();
        // If the lanes cannot continue in parallel, each continues alone.
        let _ = self.search(chunk, &mut lanes, cache);
        for lane in &mut lanes {
            self.finish(chunk, lane, cache);
            hits.append(&mut lane.hits);
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Searches one lane to its end. If that fails, the rest of the lane is a hit.
    fn finish(&self, chunk: &[u8], lane: &mut Lane, cache: &mut Cache) {
        let searched = self.search(chunk, array::from_mut(lane), cache);
        if searched.and_then(|()| self.end(chunk, lane, cache)).is_none() {
            lane.hit_rest();
        }
    }

    /// Searches lanes in parallel until one ends. `None`: they cannot continue in parallel, because the automaton has
    /// cleared its cache, which invalidates the states of all lanes but one.
    fn search<const N: usize>(&self, chunk: &[u8], lanes: &mut [Lane; N], cache: &mut Cache) -> Option<()> {
        let clears = cache.clear_count();
        let holds = |cache: &Cache| (N == 1 || cache.clear_count() == clears).then_some(());
        for lane in &mut *lanes {
            lane.rewind(chunk);
            lane.state = self.start(chunk, lane.at, cache)?;
        }
        holds(cache)?;
        loop {
            let steps = lanes.iter().map(|lane| lane.end - lane.at).min().unwrap_or(0);
            if self.search_known(chunk, lanes, steps, cache) == steps {
                return Some(());
            }
            for lane in &mut *lanes {
                self.step(chunk, lane, cache)?;
                holds(cache)?;
            }
        }
    }

    /// Advances the lanes by up to `steps` bytes while they reach known, ordinary states; returns the number of bytes.
    fn search_known<const N: usize>(&self, chunk: &[u8], lanes: &mut [Lane; N], steps: usize, cache: &Cache) -> usize {
        let bytes: [&[u8]; N] = lanes.each_ref().map(|lane| &chunk[lane.at..lane.at + steps]);
        let mut states = lanes.each_ref().map(|lane| lane.state);
        let mut searched = 0;
        while searched < steps {
            let next: [LazyStateID; N] =
                array::from_fn(|lane| self.dfa.next_state_untagged(cache, states[lane], bytes[lane][searched]));
            if next.iter().any(LazyStateID::is_tagged) {
                break;
            }
            states = next;
            searched += 1;
        }
        for (lane, state) in lanes.iter_mut().zip(states) {
            lane.at += searched;
            lane.state = state;
        }
        searched
    }

    /// Advances a lane by one byte, whatever state that leads to.
    fn step(&self, chunk: &[u8], lane: &mut Lane, cache: &mut Cache) -> Option<()> {
        let next = self.dfa.next_state(cache, lane.state, chunk[lane.at]).ok()?;
        if next.is_match() {
            lane.hit(chunk);
            lane.state = self.start(chunk, lane.at, cache)?;
        } else if next.is_tagged() {
            return None;
        } else {
            lane.state = next;
            lane.at += 1;
        }
        Some(())
    }

    /// Makes the automaton report a match that ends with the lane's last byte.
    fn end(&self, chunk: &[u8], lane: &mut Lane, cache: &mut Cache) -> Option<()> {
        if self.after(chunk, lane.end, lane.state, cache)?.is_match() {
            lane.hit(chunk);
        }
        Some(())
    }

    /// Passes on the numbers of the patterns that match in `text`.
    fn search_text(&self, text: &[u8], cache: &mut Cache, found: &mut dyn FnMut(usize)) -> Option<()> {
        let mut state = self.start(text, 0, cache)?;
        for &byte in text {
            let known = (!state.is_tagged()).then(|| self.dfa.next_state_untagged(cache, state, byte));
            if let Some(next) = known.filter(|next| !next.is_tagged()) {
                state = next;
            } else {
                state = self.dfa.next_state(cache, state, byte).ok()?;
                self.pass_on(state, cache, found);
            }
        }
        state = self.after(text, text.len(), state, cache)?;
        self.pass_on(state, cache, found);
        Some(())
    }

    /// Passes on the numbers of the patterns that end with this state.
    fn pass_on(&self, state: LazyStateID, cache: &Cache, found: &mut dyn FnMut(usize)) {
        if state.is_match() {
            for index in 0..self.dfa.match_len(cache, state) {
                found(self.dfa.match_pattern(cache, state, index).as_usize());
            }
        }
    }

    /// The state before the byte at `at`, where a line's end may precede.
    fn start(&self, chunk: &[u8], at: usize, cache: &mut Cache) -> Option<LazyStateID> {
        let state = self.dfa.start_state_forward(cache, &Input::new(chunk).span(at..chunk.len())).ok()?;
        (!state.is_tagged()).then_some(state)
    }

    /// The state after `end`, which reports the matches up to there.
    fn after(&self, chunk: &[u8], end: usize, state: LazyStateID, cache: &mut Cache) -> Option<LazyStateID> {
        match chunk.get(end) {
            Some(&byte) => self.dfa.next_state(cache, state, byte).ok(),
            None => self.dfa.next_eoi_state(cache, state).ok(),
        }
    }
}

/// The position after the newline of the line at `at`.
pub(super) fn line_end(chunk: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &chunk[at..]).map_or(chunk.len(), |newline| at + newline + 1)
}

#[cfg(test)]
mod tests {
    use super::super::window::windows;
    use super::*;
    use proptest::prelude::*;
    use regex::bytes::Regex;
    use std::sync::LazyLock;

    const PATTERNS: [&str; 5] =
        [r"(?-u)ab+c", r"(?-u)\bkey\b", r"(?-u)[0-9]{4}[^0-9\n]", r"(?m-u)é|z$", "(?i-u)x.{3}y"];

    fn automaton(cache_bytes: usize) -> MultiDfa {
        let windows = PATTERNS.map(|pattern| windows(pattern).unwrap());
        MultiDfa::new(windows.iter().map(Vec::as_slice), cache_bytes).unwrap()
    }

    /// Goal: the lines are those in which a pattern is found, wherever lanes begin and the cache is cleared; and each pattern
    /// that matches is found.
    fn assert_as_one_by_one(automaton: &MultiDfa, text: &str) {
        static ONE_BY_ONE: LazyLock<Vec<Regex>> =
            LazyLock::new(|| PATTERNS.iter().map(|one| Regex::new(one).unwrap()).collect());
        let (mut hits, mut expected, mut start) = (Vec::new(), Vec::new(), 0);
        automaton.lines(text.as_bytes(), &mut hits);
        for line in text.split_inclusive('\n') {
            let bare = line.trim_end_matches('\n').as_bytes();
            let mut numbers = Numbers::none(PATTERNS.len());
            automaton.which(bare, |number| numbers.add(number));
            for (number, one) in ONE_BY_ONE.iter().enumerate() {
                assert!(numbers.contains(number) || !one.is_match(bare), "{number} in {line:?}");
            }
            if !numbers.is_empty() {
                expected.push((start, start + line.len()));
            }
            start += line.len();
        }
        assert_eq!(hits, expected, "{text:?}");
    }

    proptest! {
        #[test]
        fn lanes_find_the_same_lines_as_one_search(lines in proptest::collection::vec("[abckeyxz 0-9]{0,12}(abc|key|12345|é|z|XaaaY)?", 0..24), ends in any::<bool>()) {
            static ROOMY: LazyLock<MultiDfa> = LazyLock::new(|| automaton(2 << 20));
            static TIGHT: LazyLock<MultiDfa> = LazyLock::new(|| automaton(0));
            let text = lines.join("\n") + if ends { "\n" } else { "" };
            for automaton in [&*ROOMY, &*TIGHT] {
                assert_as_one_by_one(automaton, &text);
            }
        }
    }

    /// Goal: the test above covers an automaton whose cache is cleared.
    #[test]
    fn a_small_cache_is_cleared() {
        let automaton = automaton(0);
        let text = "ab abc key 1234 x12y ".repeat(20) + "\n";
        assert_as_one_by_one(&automaton, &text.repeat(40));
        assert!(automaton.clear_count() > 1);
    }
}

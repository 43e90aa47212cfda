//! The windows of all patterns as one automaton: what begins alike is one branch, and each end names its patterns.
//!
//! Input: the windows of each pattern. Output: a nondeterministic automaton, whose matches have the patterns' numbers.

use std::collections::HashMap;

use regex_automata::nfa::thompson::{Builder, NFA, Transition};
use regex_automata::util::look::{Look, LookMatcher};
use regex_automata::util::primitives::StateID;

use super::window::{Part, Window};

/// Where windows go on alike.
#[derive(Default)]
struct Node<'w> {
    next: Vec<(&'w Part, Node<'w>)>,
    /// The patterns whose windows end here.
    ends: Vec<usize>,
}

impl<'w> Node<'w> {
    fn add(&mut self, window: &'w [Part], pattern: usize) {
        let [first, rest @ ..] = window else {
            if !self.ends.contains(&pattern) {
                self.ends.push(pattern);
            }
            return;
        };
        let at = self.next.iter().position(|(part, _)| *part == first).unwrap_or(self.next.len());
        if at == self.next.len() {
            self.next.push((first, Node::default()));
        }
        self.next[at].1.add(rest, pattern);
    }
}

/// The automaton of the windows of all patterns, which are numbered in their order. `None`: it would take more than
/// `bytes_max`.
pub(super) fn automaton<'w>(patterns: impl ExactSizeIterator<Item = &'w [Window]>, bytes_max: usize) -> Option<NFA> {
    let (mut root, count) = (Node::default(), patterns.len());
    for (number, windows) in patterns.enumerate() {
        for window in windows {
            root.add(window, number);
        }
    }
    let mut builder = Builder::new();
    builder.set_size_limit(Some(bytes_max)).ok()?;
    builder.set_look_matcher(LookMatcher::new());
    let matches = (0..count).map(|_| {
        builder.start_pattern().ok()?;
        let end = builder.add_match().ok()?;
        builder.finish_pattern(end).ok()?;
        Some(end)
    });
    let matches: Vec<StateID> = matches.collect::<Option<_>>()?;
    let start = Compiler { builder: &mut builder, matches: &matches, known: HashMap::new(), unions: HashMap::new() }
        .node(&root)?;
    let again = builder.add_union(vec![start]).ok()?;
    let any = builder.add_range(Transition { start: 0, end: u8::MAX, next: again }).ok()?;
    builder.patch(again, any).ok()?;
    builder.build(start, again).ok()
}

struct Compiler<'b, 'w> {
    builder: &'b mut Builder,
    /// The match of each pattern.
    matches: &'b [StateID],
    /// The states made so far, by part and what follows: what ends alike is one branch, too.
    known: HashMap<(&'w Part, StateID), StateID>,
    unions: HashMap<Vec<StateID>, StateID>,
}

impl<'w> Compiler<'_, 'w> {
    /// The state at which a node begins.
    fn node(&mut self, node: &Node<'w>) -> Option<StateID> {
        let mut ways: Vec<StateID> = node.ends.iter().map(|pattern| self.matches[*pattern]).collect();
        for (part, next) in &node.next {
            let next = self.node(next)?;
            ways.push(self.part(part, next)?);
        }
        self.union(ways)
    }

    fn union(&mut self, ways: Vec<StateID>) -> Option<StateID> {
        match ways[..] {
            [] => self.builder.add_fail().ok(),
            [one] => Some(one),
            _ => {
                if let Some(known) = self.unions.get(&ways) {
                    return Some(*known);
                }
                let union = self.builder.add_union(ways.clone()).ok()?;
                self.unions.insert(ways, union);
                Some(union)
            }
        }
    }

    /// The state at which a part begins that goes on at `next`.
    fn part(&mut self, part: &'w Part, next: StateID) -> Option<StateID> {
        if let Some(known) = self.known.get(&(part, next)) {
            return Some(*known);
        }
        let state = self.part_anew(part, next)?;
        self.known.insert((part, next), state);
        Some(state)
    }

    fn part_anew(&mut self, part: &'w Part, next: StateID) -> Option<StateID> {
        match part {
            Part::Byte(bytes) => {
                let ranges = bytes.ranges();
                let way = |range: &std::ops::RangeInclusive<u8>| Transition {
                    start: *range.start(),
                    end: *range.end(),
                    next,
                };
                match &ranges[..] {
                    [one] => self.builder.add_range(way(one)).ok(),
                    _ => self.builder.add_sparse(ranges.iter().map(way).collect()).ok(),
                }
            }
            Part::Boundary => self.builder.add_look(next, Look::WordAscii).ok(),
            Part::End => {
                let end = self.builder.add_look(next, Look::EndLF).ok()?;
                let before = self.builder.add_range(Transition { start: b'\r', end: b'\r', next: end }).ok()?;
                self.union(vec![end, before])
            }
            Part::All(parts) => parts.iter().rev().try_fold(next, |next, part| self.part(part, next)),
            Part::One(parts) => {
                let ways: Vec<StateID> = parts.iter().map(|part| self.part(part, next)).collect::<Option<_>>()?;
                self.union(ways)
            }
            Part::Repeat { part, min, max } => {
                let mut next = match max {
                    None => {
                        let more = self.builder.add_union(vec![next]).ok()?;
                        let once = self.part(part, more)?;
                        self.builder.patch(more, once).ok()?;
                        more
                    }
                    Some(max) => (*min..*max).try_fold(next, |end, _| {
                        let once = self.part(part, end)?;
                        self.union(vec![next, once])
                    })?,
                };
                for _ in 0..*min {
                    next = self.part(part, next)?;
                }
                Some(next)
            }
        }
    }
}

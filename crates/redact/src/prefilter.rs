//! The first stage of detection: finds the lines of a chunk that may have a match.
//!
//! Input: a chunk of whole lines. Output: ranges of whole lines outside which no rule matches. It may hit too many lines, but
//! never misses a line with a match.

mod multi_dfa;
pub(super) mod sharded_dfa;

use std::sync::Arc;

use regex_automata::Input;
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;

use self::multi_dfa::{Numbers, line_end};
use self::sharded_dfa::ShardedDfa;
use super::rule::{PATTERN_BYTES_MAX, Rule};
use super::shared;

/// The triggers of all rules, joined.
#[derive(Debug, Default)]
pub(super) struct Prefilter {
    /// The catalogue's triggers, of which none crosses a line's end.
    catalogue: Option<Arc<ShardedDfa>>,
    /// Those of the own rules, apart: one bad pattern must not slow the others down.
    own: Option<Regex>,
    /// The number of the first own rule.
    own_first: usize,
}

/// Which rules a text needs.
pub(super) struct Which {
    /// By the number of the catalogue's rules, which come first; `None`: they could not be joined.
    catalogue: Option<Numbers>,
    /// The number of the first own rule.
    own_first: usize,
    /// Whether an own rule with a trigger may match.
    own: bool,
}

impl Which {
    /// Whether the rule with this number may match, if it has a trigger.
    pub(super) fn may_match(&self, number: usize) -> bool {
        if number < self.own_first {
            self.catalogue.as_ref().is_none_or(|matches| matches.has(number))
        } else {
            self.own
        }
    }

    /// Whether something encoded may stand in it: its trigger follows those of the catalogue's rules.
    pub(super) fn may_hold_encoded(&self) -> bool {
        self.catalogue.as_ref().is_none_or(|matches| matches.has(self.own_first))
    }
}

/// The lines of one chunk that may have a match; reused for each chunk.
#[derive(Clone, Debug, Default)]
pub struct Hits {
    /// Start and end, in positions of the chunk.
    ranges: Vec<(usize, usize)>,
}

impl Hits {
    /// Whether `start..end` of the chunk shares a byte with a line that was hit.
    #[must_use]
    pub fn touch(&self, start: usize, end: usize) -> bool {
        let next = self.ranges.partition_point(|range| range.1 <= start);
        self.ranges.get(next).is_some_and(|range| range.0 < end)
    }
}

impl Prefilter {
    /// Joins the triggers, the first `built_in` rules apart from the others. Where they are too large to be joined, the
    /// rules lose theirs and are tried on each line. `own_first`: the number that the first own rule will have.
    pub(super) fn new(rules: &mut [Rule], built_in: usize, own_first: usize) -> Self {
        let (catalogue, own) = rules.split_at_mut(built_in);
        Self { catalogue: automaton(catalogue), own: join(own), own_first }
    }

    /// Which rules may match in `text`.
    pub(super) fn which(&self, text: &[u8]) -> Which {
        Which {
            catalogue: self.catalogue.as_ref().map(|triggers| triggers.which(text)),
            own_first: self.own_first,
            own: self.own.as_ref().is_some_and(|own| own.is_match(text)),
        }
    }

    /// Finds the lines of `chunk` that a rule with a trigger may match.
    pub(super) fn scan(&self, chunk: &[u8], hits: &mut Hits) {
        hits.ranges.clear();
        if let Some(triggers) = &self.catalogue {
            triggers.lines(chunk, &mut hits.ranges);
        }
        if let Some(trigger) = &self.own {
            let mut at = 0;
            while let Some(found) = trigger.find(Input::new(chunk).span(at..chunk.len())) {
                // No match begins before this one, and every line that it reaches into is taken: a match that crosses a
                // line's end hides no other.
                let start = memchr::memrchr(b'\n', &chunk[at..found.start()]).map_or(at, |newline| at + newline + 1);
                at = line_end(chunk, found.end());
                hits.ranges.push((start, at));
                if at == chunk.len() {
                    break;
                }
            }
        }
        merge(&mut hits.ranges);
    }
}

/// Sorts ranges, and makes one of those that overlap.
pub(super) fn merge(ranges: &mut Vec<(usize, usize)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlap = next.0 < kept.1;
        if overlap {
            kept.1 = kept.1.max(next.1);
        }
        overlap
    });
}

/// The rules' triggers as one.
fn join(rules: &mut [Rule]) -> Option<Regex> {
    let triggers: Vec<_> =
        rules.iter().filter_map(|rule| rule.trigger.as_deref()).map(|one| format!("(?:{one})")).collect();
    if triggers.is_empty() {
        return None;
    }
    let config = Regex::config().which_captures(WhichCaptures::Implicit).onepass(false).utf8_empty(false);
    let joined = Regex::builder()
        .configure(config.nfa_size_limit(Some(limit_bytes(&triggers))))
        .syntax(syntax::Config::new().utf8(false))
        .build(&triggers.join("|"));
    if joined.is_err() {
        forget(rules);
    }
    joined.ok()
}

/// The rules' triggers as one that tells them apart.
fn automaton(rules: &mut [Rule]) -> Option<Arc<ShardedDfa>> {
    let triggers: Option<Vec<_>> = rules.iter().map(|rule| rule.trigger.clone()).collect();
    let triggers = triggers.filter(|triggers| !triggers.is_empty());
    let joined = triggers.and_then(|triggers| {
        let bytes_max = limit_bytes(&triggers);
        shared::automata(triggers, bytes_max)
    });
    if joined.is_none() {
        forget(rules);
    }
    joined
}

/// Leaves the rules without triggers, to be tried on each line.
fn forget(rules: &mut [Rule]) {
    for rule in rules {
        rule.trigger = None;
    }
}

fn limit_bytes<T>(triggers: &[T]) -> usize {
    PATTERN_BYTES_MAX.saturating_mul(triggers.len() + 1)
}

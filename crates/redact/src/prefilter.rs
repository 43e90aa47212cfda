//! The first stage of detection: finds the lines of a chunk that may have a match.
//!
//! Input: a chunk of whole lines. Output: ranges of whole lines outside which no rule matches. It may hit too many
//! lines, but never misses a line with a match.

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
    /// The triggers of the detectors. None of them crosses a line's end.
    built_in: Option<Arc<ShardedDfa>>,
    /// The triggers of the custom rules, separate: a bad pattern must not slow the others down.
    custom: Option<Regex>,
    /// The number of the first custom rule.
    custom_first: usize,
}

/// Which rules a text needs.
pub(super) struct Which {
    /// By the number of the detector's rule, which come first; `None`: the triggers could not be joined.
    built_in: Option<Numbers>,
    /// The number of the first custom rule.
    custom_first: usize,
    /// Whether a custom rule with a trigger may match.
    custom: bool,
}

impl Which {
    /// Whether the rule with this number may match, if it has a trigger.
    pub(super) fn may_match(&self, number: usize) -> bool {
        if number < self.custom_first {
            self.built_in.as_ref().is_none_or(|matches| matches.contains(number))
        } else {
            self.custom
        }
    }

    /// Adds the rules that another part of the text needs.
    pub(super) fn add(&mut self, other: &Self) {
        match (&mut self.built_in, &other.built_in) {
            (Some(numbers), Some(others)) => numbers.add_all(others),
            (numbers, _) => *numbers = None,
        }
        self.custom |= other.custom;
    }

    /// Whether some rule with a trigger may match.
    pub(super) fn is_hit(&self) -> bool {
        self.custom || self.built_in.as_ref().is_none_or(|numbers| !numbers.is_empty())
    }

    /// Whether the text may contain an encoded value. The trigger for encoded values follows the detectors' triggers.
    pub(super) fn may_hold_encoded(&self) -> bool {
        self.built_in.as_ref().is_none_or(|matches| matches.contains(self.custom_first))
    }
}

/// The lines of one chunk that may have a match; reused for each chunk.
#[derive(Clone, Debug, Default)]
pub struct Hits {
    /// Start and end, in positions of the chunk.
    ranges: Vec<(usize, usize)>,
}

impl Hits {
    /// Whether `start..end` of the chunk overlaps a line with a hit.
    #[must_use]
    pub fn touch(&self, start: usize, end: usize) -> bool {
        let next = self.ranges.partition_point(|range| range.1 <= start);
        self.ranges.get(next).is_some_and(|range| range.0 < end)
    }
}

impl Prefilter {
    /// Joins the triggers, those of the first `built_in` rules separately from the others. If they are too large to
    /// join, the rules lose their triggers and are tried on each line. `custom_first`: the number of the first custom
    /// rule.
    pub(super) fn new(rules: &mut [Rule], built_in: usize, custom_first: usize) -> Self {
        let (detectors, custom) = rules.split_at_mut(built_in);
        Self { built_in: joined_dfa(detectors), custom: join(custom), custom_first }
    }

    /// No rules.
    pub(super) fn none(&self) -> Which {
        let built_in = self.built_in.as_ref().map(|triggers| Numbers::none(triggers.count()));
        Which { built_in, custom_first: self.custom_first, custom: false }
    }

    /// The rules that may match in `text`, if the detectors among them are those that `of_lines`, its lines, need: the
    /// triggers of detectors do not reach over a line's end.
    pub(super) fn which_of_lines(&self, of_lines: Which, text: &[u8]) -> Which {
        Which { custom: self.custom.as_ref().is_some_and(|custom| custom.is_match(text)), ..of_lines }
    }

    /// The rules that may match in `text`.
    pub(super) fn which(&self, text: &[u8]) -> Which {
        Which {
            built_in: self.built_in.as_ref().map(|triggers| triggers.which(text)),
            custom_first: self.custom_first,
            custom: self.custom.as_ref().is_some_and(|custom| custom.is_match(text)),
        }
    }

    /// Finds the lines of `chunk` in which a rule with a trigger may match.
    pub(super) fn scan(&self, chunk: &[u8], hits: &mut Hits) {
        hits.ranges.clear();
        if let Some(triggers) = &self.built_in {
            triggers.lines(chunk, &mut hits.ranges);
        }
        if let Some(trigger) = &self.custom {
            let mut at = 0;
            while let Some(found) = trigger.find(Input::new(chunk).span(at..chunk.len())) {
                // No match begins before this one, and every line that it overlaps is taken: a match across a line's
                // end hides no other match.
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

/// Sorts ranges and merges those that overlap.
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

/// Joins the rules' triggers into one regular expression.
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
        remove_triggers(rules);
    }
    joined.ok()
}

/// Joins the rules' triggers into one automaton that reports which of them match.
fn joined_dfa(rules: &mut [Rule]) -> Option<Arc<ShardedDfa>> {
    let triggers: Option<Vec<_>> = rules.iter().map(|rule| rule.trigger.clone()).collect();
    let triggers = triggers.filter(|triggers| !triggers.is_empty());
    let joined = triggers.and_then(|triggers| {
        let bytes_max = limit_bytes(&triggers);
        shared::automata(triggers, bytes_max)
    });
    if joined.is_none() {
        remove_triggers(rules);
    }
    joined
}

/// Removes the rules' triggers, so that the rules are tried on each line.
fn remove_triggers(rules: &mut [Rule]) {
    for rule in rules {
        rule.trigger = None;
    }
}

fn limit_bytes<T>(triggers: &[T]) -> usize {
    PATTERN_BYTES_MAX.saturating_mul(triggers.len() + 1)
}

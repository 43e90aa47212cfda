//! The first stage of detection: which lines of a chunk may hold something.
//!
//! In: a chunk of whole lines. Out: ranges of it, each some whole lines, outside which no rule matches. It may say yes
//! too often, never no where a rule would match the line.

use regex::bytes::{Regex, RegexBuilder};

use super::rule::{PATTERN_BYTES_MAX, Rule};

/// The triggers of all rules, joined.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// The catalogue's triggers, and those of the own rules: one bad pattern must not slow the others down.
    triggers: Vec<Regex>,
}

/// The lines of one chunk that may hold something; reused from chunk to chunk.
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

impl Stage {
    /// Joins the triggers, the first `built_in` rules apart from the others. Where they are too large to be joined, the
    /// rules lose theirs and are tried on each line.
    pub(super) fn new(rules: &mut [Rule], built_in: usize) -> Self {
        let mut triggers = Vec::new();
        let (catalogue, own) = rules.split_at_mut(built_in);
        for part in [catalogue, own] {
            let joined: Vec<String> =
                part.iter().filter_map(|rule| rule.trigger.as_ref()).map(|trigger| format!("(?:{trigger})")).collect();
            if joined.is_empty() {
                continue;
            }
            let limit = PATTERN_BYTES_MAX.saturating_mul(joined.len() + 1);
            if let Ok(regex) = RegexBuilder::new(&joined.join("|")).size_limit(limit).build() {
                triggers.push(regex);
            } else {
                for rule in part {
                    rule.trigger = None;
                }
            }
        }
        Self { triggers }
    }

    /// Whether a rule with a trigger may match somewhere in `text`.
    pub(super) fn may_match(&self, text: &[u8]) -> bool {
        self.triggers.iter().any(|trigger| trigger.is_match(text))
    }

    /// Finds the lines of `chunk` that a rule with a trigger may match.
    pub(super) fn scan(&self, chunk: &[u8], hits: &mut Hits) {
        hits.ranges.clear();
        for trigger in &self.triggers {
            let mut at = 0;
            while let Some(found) = trigger.find_at(chunk, at) {
                // No match begins before this one, and every line that it reaches into is taken: a match that crosses a
                // line's end hides no other.
                let start = memchr::memrchr(b'\n', &chunk[at..found.start()]).map_or(at, |newline| at + newline + 1);
                let end = memchr::memchr(b'\n', &chunk[found.end()..]);
                let end = end.map_or(chunk.len(), |newline| found.end() + newline + 1);
                hits.ranges.push((start, end));
                if end == chunk.len() {
                    break;
                }
                at = end;
            }
        }
        if self.triggers.len() > 1 {
            hits.ranges.sort_unstable();
            hits.ranges.dedup_by(|next, kept| {
                let overlap = next.0 < kept.1;
                if overlap {
                    kept.1 = kept.1.max(next.1);
                }
                overlap
            });
        }
    }
}

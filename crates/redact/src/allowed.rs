//! The allowed matches of a text.
//!
//! Input: allowed matches in any order, and the values of exempt fields. Output: each part of the text that would be
//! masked without the user's lists, once, with its rule; a part under a mask of another rule is not among them.

use super::masks::Mask;
use event::TextRange;

/// How many are kept for each text, so that a text full of them takes little memory; ordinary lines have fewer. More are
/// allowed too, but not counted.
const ALLOWED_MAX: usize = 4096;

/// One allowed match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// Where it is.
    pub(super) at: TextRange,
    /// The rule's number.
    pub(super) rule: u32,
}

/// The allowed matches, and what is known before they are searched.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    list: Vec<Match>,
    /// The values of exempt fields, in order.
    pub(super) exempt: Vec<TextRange>,
}

impl Allowed {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.exempt.clear();
    }

    /// Adds a match.
    pub(super) fn add(&mut self, at: TextRange, rule: u32) {
        if self.list.len() >= 2 * ALLOWED_MAX {
            self.join();
            self.list.truncate(ALLOWED_MAX);
        }
        self.list.push(Match { at, rule });
    }

    /// Adds those of a part of the text that begins at `start`.
    pub(super) fn add_part(&mut self, part: &Self, start: u32) {
        for Match { at, rule } in &part.list {
            self.add(TextRange { start: at.start + start, end: at.end + start }, *rule);
        }
    }

    /// Takes over the exempt values in the part `at` of a text.
    pub(super) fn exempt_within(&mut self, whole: &Self, at: TextRange) {
        let within = whole.exempt.iter().filter(|value| value.overlaps(at));
        self.exempt.extend(within.map(|value| TextRange {
            start: value.start.max(at.start) - at.start,
            end: value.end.min(at.end) - at.start,
        }));
    }

    /// Whether a range lies within the value of an exempt field.
    pub(super) fn is_exempt(&self, at: TextRange) -> bool {
        let next = self.exempt.partition_point(|value| value.end < at.end);
        self.exempt.get(next).is_some_and(|value| value.start <= at.start)
    }

    /// Leaves out what is masked nevertheless, and counts overlapping matches once, by the longest.
    pub(super) fn settle(&mut self, masks: &[Mask]) {
        let is_masked = |at: TextRange| {
            let next = masks.partition_point(|mask| mask.at.end <= at.start);
            masks.get(next).is_some_and(|mask| mask.at.overlaps(at))
        };
        self.list.retain(|allowed| !is_masked(allowed.at));
        self.join();
    }

    fn join(&mut self) {
        self.list.sort_by_key(|allowed| (allowed.at.start, std::cmp::Reverse(allowed.at.end), allowed.rule));
        self.list.dedup_by(|next, kept| {
            let overlap = next.at.start < kept.at.end;
            if overlap && next.at.end - next.at.start > kept.at.end - kept.at.start {
                *kept = *next;
            }
            overlap
        });
    }

    /// The matches, once settled.
    pub(super) fn list(&self) -> &[Match] {
        &self.list
    }
}

//! The masks of a text: ranges, each with the index of the rule that names it.
//!
//! Input: matches in any order, which may overlap. Output: sorted, disjoint masks, up to a limit; above it, close masks
//! are joined, with the text between them. A match never gets smaller, and is dropped only inside a mask of an earlier
//! redaction.

use super::action::Action;
use super::allowed::Allowed;
use event::TextRange;

/// A text may always have this many masks …
const MASKS_MIN: usize = 256;
/// … and one for each 8 bytes, twice over; ordinary lines have fewer …
const BYTES_EACH: usize = 8;
/// … but above this number only one …
const DENSE_MAX: usize = 1 << 17;
/// … for each 64 bytes: the masks of a 16 MiB line must take no more memory than the line.
const BYTES_EACH_LARGE: usize = 64;

/// The rule of a match, and its action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RuleRef {
    /// The rule's number.
    pub(super) rule: u32,
    /// Its action.
    pub(super) mode: Action,
    /// Whether the match's value is in the allowlist.
    pub(super) is_allowed: bool,
    /// Whether the rule masks nothing in exempt fields.
    pub(super) is_exempting: bool,
}

impl RuleRef {
    /// A rule for all values and fields.
    pub(super) const fn new(rule: u32, mode: Action) -> Self {
        Self { rule, mode, is_allowed: false, is_exempting: false }
    }
}

/// One masked range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    /// The masked range.
    pub(super) at: TextRange,
    /// The rule that names it: in a union, the longest match's.
    pub(super) by: RuleRef,
    /// The longest match in it.
    pub(super) found: TextRange,
    /// Whether it is one match, or several with the same range and action.
    pub(super) is_single: bool,
    /// Whether one of its matches drops the record.
    pub(super) drops: bool,
    /// Its replacement, as a range of the buffer of replacements; `None`: the rule's own.
    pub(super) label: Option<TextRange>,
}

impl Mask {
    fn found_bytes(&self) -> u32 {
        self.found.end - self.found.start
    }
}

/// The masks of one text.
#[derive(Debug)]
pub(super) struct Masks {
    list: Vec<Mask>,
    /// The number of masks, from the front, that are sorted and disjoint.
    merged: usize,
    /// The number of masks at which they are merged; afterwards at most half of it may be left.
    limit: usize,
    /// The rule that names masks that were joined because there were too many.
    withheld: RuleRef,
    /// The matches that are not masked because the user allows them.
    pub(super) allowed: Allowed,
}

impl Default for Masks {
    fn default() -> Self {
        let withheld = RuleRef::new(0, Action::Mask);
        Self { list: Vec::new(), merged: 0, limit: MASKS_MIN, withheld, allowed: Allowed::default() }
    }
}

impl Masks {
    /// Clears the masks, for a text of `text_bytes`. `withheld` names masks that are joined because there are too many.
    pub(super) fn clear(&mut self, text_bytes: usize, withheld: RuleRef) {
        self.list.clear();
        self.allowed.clear();
        self.merged = 0;
        self.limit = MASKS_MIN.max((text_bytes / BYTES_EACH).min(DENSE_MAX + text_bytes / BYTES_EACH_LARGE));
        self.withheld = withheld;
    }

    /// Whether nothing is masked.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a match. An empty match hides nothing and is ignored.
    pub(super) fn add(&mut self, at: TextRange, by: RuleRef) {
        if at.start < at.end {
            if by.is_allowed || by.is_exempting && self.allowed.is_exempt(at) {
                return self.allowed.add(at, by.rule);
            }
            let drops = by.mode == Action::Drop;
            self.push(Mask { at, by, found: at, is_single: true, drops, label: None });
        }
    }

    /// Adds the merged masks of a part of the text that begins at `start`.
    pub(super) fn add_part(&mut self, part: &Self, start: usize) {
        let start = TextRange::new(start, start).start;
        self.allowed.add_part(&part.allowed, start);
        let shift = |at: TextRange| TextRange { start: at.start + start, end: at.end + start };
        for mask in part.merged() {
            self.push(Mask { at: shift(mask.at), found: shift(mask.found), ..*mask });
        }
    }

    fn push(&mut self, mask: Mask) {
        if self.list.len() >= self.limit {
            self.merge();
            let mut gap_bytes = 1;
            while self.list.len() > self.limit / 2 {
                self.join(gap_bytes);
                gap_bytes *= 2;
            }
        }
        self.list.push(mask);
    }

    /// Joins merged masks with at most `gap_bytes` between them, including that gap.
    fn join(&mut self, gap_bytes: u32) {
        let withheld = self.withheld;
        self.list.dedup_by(|next, kept| {
            let close = next.at.start - kept.at.end <= gap_bytes;
            if close {
                kept.at.end = next.at.end;
                kept.drops |= next.drops;
                (kept.by, kept.found, kept.is_single) = (withheld, kept.at, false);
            }
            close
        });
        self.merged = self.list.len();
    }

    /// Drops matches that were added since the last merge and lie within one of `ranges`, which are in order and
    /// disjoint.
    pub(super) fn drop_within(&mut self, ranges: &[TextRange]) {
        let within = |at: TextRange| {
            let next = ranges.partition_point(|range| range.end < at.end);
            ranges.get(next).is_some_and(|range| range.start <= at.start)
        };
        let mut next = self.merged;
        for index in self.merged..self.list.len() {
            let mask = self.list[index];
            if !within(mask.at) {
                self.list[next] = mask;
                next += 1;
            }
        }
        self.list.truncate(next);
    }

    /// Sorts the added matches and merges overlapping ones. The longest match names a union; of equal ones, the first
    /// added.
    pub(super) fn merge(&mut self) {
        if self.list.len() > self.merged {
            self.list.sort_by_key(|mask| mask.at.start);
            self.list.dedup_by(|next, kept| {
                let overlap = next.at.start < kept.at.end;
                if overlap {
                    kept.at.end = kept.at.end.max(next.at.end);
                    kept.is_single &= next.is_single && kept.found == next.found && kept.by.mode == next.by.mode;
                    kept.drops |= next.drops;
                    if next.found_bytes() > kept.found_bytes() {
                        (kept.by, kept.found) = (next.by, next.found);
                    }
                }
                overlap
            });
        }
        self.merged = self.list.len();
    }

    /// Settles which allowed matches are shown; the masks must be merged.
    pub(super) fn settle_allowed(&mut self) {
        if !self.allowed.list().is_empty() {
            self.allowed.settle(&self.list[..self.merged]);
        }
    }

    /// The masks, once merged.
    pub(super) fn merged(&self) -> &[Mask] {
        &self.list[..self.merged]
    }

    /// The same, to set their replacements.
    pub(super) fn merged_mut(&mut self) -> &mut [Mask] {
        &mut self.list[..self.merged]
    }

    /// Turns the actions drop and remove into a mask.
    pub(super) fn drop_to_mask(&mut self) {
        for mask in &mut self.list {
            mask.drops = false;
            if matches!(mask.by.mode, Action::Drop | Action::Remove) {
                mask.by.mode = Action::Mask;
            }
        }
    }

    /// Grows the merged masks that overlap `within` to the result of `grow`, which must contain them. They may overlap
    /// afterwards: merge again.
    pub(super) fn grow(&mut self, within: TextRange, grow: impl Fn(TextRange) -> TextRange) {
        let first = self.list[..self.merged].partition_point(|mask| mask.at.end <= within.start);
        let mut grown = Vec::new();
        for index in first..self.merged {
            let mask = self.list[index];
            if mask.at.start >= within.end {
                break;
            }
            let at = grow(mask.at);
            debug_assert!(at.start <= mask.at.start && mask.at.end <= at.end, "a mask became smaller");
            // A copy is added, because a mask that starts earlier would break the order of the merged ones.
            if at != mask.at {
                grown.push(Mask { at, ..mask });
            }
        }
        for mask in grown {
            self.push(mask);
        }
    }

    /// Grows every mask to whole UTF-8 characters, so that no unmasked piece begins or ends inside a character.
    pub(super) fn grow_to_characters(&mut self, text: &[u8]) {
        // No more than a character has: text that is not UTF-8 must not be masked for that reason.
        const CONTINUATION_BYTES_MAX: usize = 3;
        let continues = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        let any = |mask: &Mask| continues(mask.at.start as usize) || continues(mask.at.end as usize);
        if !self.list.iter().any(any) {
            return;
        }
        self.grow(TextRange { start: 0, end: u32::MAX }, |at| {
            let (start, end) = (at.start as usize, at.end as usize);
            let lead = (start.saturating_sub(CONTINUATION_BYTES_MAX)..=start).rev().find(|&at| !continues(at));
            let next = (end..=end + CONTINUATION_BYTES_MAX).find(|&at| !continues(at));
            TextRange::new(lead.unwrap_or(start), next.unwrap_or(end))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: RuleRef = RuleRef::new(1, Action::Mask);
    const WITHHELD: RuleRef = RuleRef::new(2, Action::Mask);

    /// Goal: with any number of masks, memory is bounded and every match stays masked.
    #[test]
    fn too_many_masks_are_joined() {
        let bytes = 1 << 20;
        let mut masks = Masks::default();
        masks.clear(bytes, WITHHELD);
        for start in (0..bytes).step_by(4) {
            masks.add(TextRange::new(start, start + 1), BY);
            assert!(masks.list.len() <= masks.limit);
        }
        masks.merge();
        assert!(masks.merged().iter().any(|mask| mask.by == WITHHELD));
        for start in (0..bytes).step_by(4) {
            let next = masks.merged().partition_point(|mask| (mask.at.end as usize) <= start);
            assert!(masks.merged()[next].at.start as usize <= start, "the match at {start} is masked");
        }
    }

    /// Goal: a line with as many masks as an ordinary one may have keeps them separate.
    #[test]
    fn ordinary_lines_keep_their_masks() {
        let bytes = 1 << 20;
        let mut masks = Masks::default();
        masks.clear(bytes, WITHHELD);
        for _ in 0..3 {
            (0..bytes).step_by(32).for_each(|start| masks.add(TextRange::new(start, start + 8), BY));
        }
        masks.merge();
        assert_eq!(masks.merged().len(), bytes / 32);
        assert!(masks.merged().iter().all(|mask| mask.by == BY));
    }
}

//! The masks of a text: ranges, each with the index of the rule that names it.
//!
//! Input: matches in any order, which may overlap. Output: sorted, disjoint masks, up to a limit; above it, close masks are
//! joined, with the text between them. A match never gets smaller, and is dropped only inside a mask of an earlier redaction.

use super::action::Action;
use event::TextRange;

/// A text has at least room for so many masks …
const MASKS_MIN: usize = 256;
/// … and for one in so many bytes, twice over: honest lines have fewer …
const BYTES_EACH: usize = 8;
/// … but beyond so many only for one in …
const DENSE_MAX: usize = 1 << 17;
/// … so many bytes: a line of 16 MiB is to take no more than its own size for them.
const BYTES_EACH_LARGE: usize = 64;

/// The rule of a match, and its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RuleRef {
    /// The rule's number.
    pub(super) rule: u32,
    /// Its mode.
    pub(super) mode: Action,
}

/// One masked range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    /// What is masked.
    pub(super) at: TextRange,
    /// What names it: of a union, the longest match.
    pub(super) by: RuleRef,
    /// The longest match in it.
    pub(super) found: TextRange,
    /// Whether it is one match, or several of the same range and mode.
    pub(super) alone: bool,
    /// Whether one of its matches drops the record.
    pub(super) drops: bool,
    /// What stands in its place, in positions of the labels that were made; `None`: the rule's own label.
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
    /// How many, from the front, are sorted and disjoint.
    united: usize,
    /// How many there may be before they are united, and twice as many as may be left then.
    most: usize,
    /// What names those that were joined because there were too many.
    withheld: RuleRef,
}

impl Default for Masks {
    fn default() -> Self {
        let withheld = RuleRef { rule: 0, mode: Action::Mask };
        Self { list: Vec::new(), united: 0, most: MASKS_MIN, withheld }
    }
}

impl Masks {
    /// Forgets all, for a text of so many bytes. `withheld` names masks that are joined because there are too many.
    pub(super) fn clear(&mut self, text_bytes: usize, withheld: RuleRef) {
        self.list.clear();
        self.united = 0;
        self.most = MASKS_MIN.max((text_bytes / BYTES_EACH).min(DENSE_MAX + text_bytes / BYTES_EACH_LARGE));
        self.withheld = withheld;
    }

    /// Whether nothing is masked.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a match; an empty one hides nothing and is left out.
    pub(super) fn add(&mut self, at: TextRange, by: RuleRef) {
        if at.start < at.end {
            let drops = by.mode == Action::Drop;
            self.push(Mask { at, by, found: at, alone: true, drops, label: None });
        }
    }

    fn push(&mut self, mask: Mask) {
        if self.list.len() >= self.most {
            self.merge();
            let mut gap_bytes = 1;
            while self.list.len() > self.most / 2 {
                self.join(gap_bytes);
                gap_bytes *= 2;
            }
        }
        self.list.push(mask);
    }

    /// Joins the united masks that are so close, with what lies between.
    fn join(&mut self, gap_bytes: u32) {
        let withheld = self.withheld;
        self.list.dedup_by(|next, kept| {
            let close = next.at.start - kept.at.end <= gap_bytes;
            if close {
                kept.at.end = next.at.end;
                kept.drops |= next.drops;
                (kept.by, kept.found, kept.alone) = (withheld, kept.at, false);
            }
            close
        });
        self.united = self.list.len();
    }

    /// Forgets what was added since the last union and lies within one of `ranges`, which are in order and disjoint.
    pub(super) fn drop_within(&mut self, ranges: &[TextRange]) {
        let within = |at: TextRange| {
            let next = ranges.partition_point(|range| range.end < at.end);
            ranges.get(next).is_some_and(|range| range.start <= at.start)
        };
        let mut next = self.united;
        for index in self.united..self.list.len() {
            let mask = self.list[index];
            if !within(mask.at) {
                self.list[next] = mask;
                next += 1;
            }
        }
        self.list.truncate(next);
    }

    /// Sorts what was added and unites what overlaps. The longest match names a union, of equal ones the first added.
    pub(super) fn merge(&mut self) {
        if self.list.len() > self.united {
            self.list.sort_by_key(|mask| mask.at.start);
            self.list.dedup_by(|next, kept| {
                let overlap = next.at.start < kept.at.end;
                if overlap {
                    kept.at.end = kept.at.end.max(next.at.end);
                    kept.alone &= next.alone && kept.found == next.found && kept.by.mode == next.by.mode;
                    kept.drops |= next.drops;
                    if next.found_bytes() > kept.found_bytes() {
                        (kept.by, kept.found) = (next.by, next.found);
                    }
                }
                overlap
            });
        }
        self.united = self.list.len();
    }

    /// The masks, once united.
    pub(super) fn united(&self) -> &[Mask] {
        &self.list[..self.united]
    }

    /// The same, to be labelled.
    pub(super) fn united_mut(&mut self) -> &mut [Mask] {
        &mut self.list[..self.united]
    }

    /// Lets no mask drop a record or leave nothing behind.
    pub(super) fn drop_to_mask(&mut self) {
        for mask in &mut self.list {
            mask.drops = false;
            if matches!(mask.by.mode, Action::Drop | Action::Remove) {
                mask.by.mode = Action::Mask;
            }
        }
    }

    /// Grows the united masks that overlap `within` to what `grow` makes of them, which must hold them. They may overlap
    /// afterwards: merge again.
    pub(super) fn grow(&mut self, within: TextRange, grow: impl Fn(TextRange) -> TextRange) {
        let first = self.list[..self.united].partition_point(|mask| mask.at.end <= within.start);
        let mut grown = Vec::new();
        for index in first..self.united {
            let mask = self.list[index];
            if mask.at.start >= within.end {
                break;
            }
            let at = grow(mask.at);
            debug_assert!(at.start <= mask.at.start && mask.at.end <= at.end, "a mask was made smaller");
            // A copy is added, because a mask that starts earlier would put the united ones out of order.
            if at != mask.at {
                grown.push(Mask { at, ..mask });
            }
        }
        for mask in grown {
            self.push(mask);
        }
    }

    /// Grows every mask to whole UTF-8 characters, so that no piece beside one begins or ends within a character.
    pub(super) fn grow_to_characters(&mut self, text: &[u8]) {
        // Not more than a character has: text that is not UTF-8 must not be masked for that.
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

    const BY: RuleRef = RuleRef { rule: 1, mode: Action::Mask };
    const WITHHELD: RuleRef = RuleRef { rule: 2, mode: Action::Mask };

    /// Goal: however many there are, memory is bounded and every match stays masked.
    #[test]
    fn too_many_masks_are_joined() {
        let bytes = 1 << 20;
        let mut masks = Masks::default();
        masks.clear(bytes, WITHHELD);
        for start in (0..bytes).step_by(4) {
            masks.add(TextRange::new(start, start + 1), BY);
            assert!(masks.list.len() <= masks.most);
        }
        masks.merge();
        assert!(masks.united().iter().any(|mask| mask.by == WITHHELD));
        for start in (0..bytes).step_by(4) {
            let next = masks.united().partition_point(|mask| (mask.at.end as usize) <= start);
            assert!(masks.united()[next].at.start as usize <= start, "the match at {start} is masked");
        }
    }

    /// Goal: a line with as many masks as an honest one may have keeps them apart.
    #[test]
    fn honest_lines_keep_their_masks() {
        let bytes = 1 << 20;
        let mut masks = Masks::default();
        masks.clear(bytes, WITHHELD);
        for _ in 0..3 {
            (0..bytes).step_by(32).for_each(|start| masks.add(TextRange::new(start, start + 8), BY));
        }
        masks.merge();
        assert_eq!(masks.united().len(), bytes / 32);
        assert!(masks.united().iter().all(|mask| mask.by == BY));
    }
}

//! Where a text is masked: ranges of it, each with the number of the rule that names it.
//!
//! In: matches in any order, overlapping as they like. Out: sorted, disjoint masks. A match is never made smaller, and
//! never dropped unless it lies within a mask of ours that the text holds already.

use super::mode::Mode;
use crate::record::TextRange;

/// What a match is named by, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct By {
    /// The rule's number.
    pub(super) rule: usize,
    /// Its mode.
    pub(super) mode: Mode,
}

/// One masked range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    /// What is masked.
    pub(super) at: TextRange,
    /// What names it: of a union, the longest match.
    pub(super) by: By,
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
#[derive(Debug, Default)]
pub(super) struct Masks {
    list: Vec<Mask>,
    /// How many, from the front, are sorted and disjoint.
    united: usize,
}

impl Masks {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.united = 0;
    }

    /// Whether nothing is masked.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a match; an empty one hides nothing and is left out.
    pub(super) fn add(&mut self, at: TextRange, by: By) {
        if at.start < at.end {
            let drops = by.mode == Mode::Drop;
            self.list.push(Mask { at, by, found: at, alone: true, drops, label: None });
        }
    }

    /// Adds the matches of another text, each where `place` says that it stands in this one.
    pub(super) fn add_from(&mut self, other: &Self, place: impl Fn(TextRange) -> TextRange) {
        for mask in &other.list {
            self.add(place(mask.at), mask.by);
        }
    }

    /// Keeps the matches that are where they may be.
    pub(super) fn retain(&mut self, may_be: impl Fn(TextRange) -> bool) {
        self.list.retain(|mask| may_be(mask.at));
        self.united = 0;
    }

    /// The longest match that ends behind `start`.
    pub(super) fn longest_behind(&self, start: usize) -> Option<&Mask> {
        let behind = self.list.iter().filter(|mask| mask.at.end as usize > start);
        behind.max_by_key(|mask| mask.found_bytes())
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
    pub(super) fn unite(&mut self) {
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
    pub(super) fn soften(&mut self) {
        for mask in &mut self.list {
            mask.drops = false;
            if matches!(mask.by.mode, Mode::Drop | Mode::Remove) {
                mask.by.mode = Mode::Mask;
            }
        }
    }

    /// Grows the united masks that overlap `within` to what `grow` makes of them, which must hold them. They may overlap
    /// afterwards: unite again.
    pub(super) fn grow(&mut self, within: TextRange, grow: impl Fn(TextRange) -> TextRange) {
        let first = self.list[..self.united].partition_point(|mask| mask.at.end <= within.start);
        for index in first..self.united {
            let mask = self.list[index];
            if mask.at.start >= within.end {
                break;
            }
            let at = grow(mask.at);
            debug_assert!(at.start <= mask.at.start && mask.at.end <= at.end, "a mask was made smaller");
            // A copy is added, because a mask that starts earlier would put the united ones out of order.
            if at != mask.at {
                self.list.push(Mask { at, ..mask });
            }
        }
    }

    /// Grows every mask to whole UTF-8 characters, so that no piece beside one begins or ends within a character.
    pub(super) fn grow_to_characters(&mut self, text: &[u8]) {
        // Not more than a character has: text that is not UTF-8 must not be masked for that.
        const CONTINUATION_BYTES_MAX: usize = 3;
        let continues = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        self.grow(TextRange { start: 0, end: u32::MAX }, |at| {
            let (start, end) = (at.start as usize, at.end as usize);
            let lead = (start.saturating_sub(CONTINUATION_BYTES_MAX)..=start).rev().find(|&at| !continues(at));
            let next = (end..=end + CONTINUATION_BYTES_MAX).find(|&at| !continues(at));
            TextRange::new(lead.unwrap_or(start), next.unwrap_or(end))
        });
    }
}

//! Where a text is masked: ranges of it, each with the number of the rule that names it.
//!
//! In: matches in any order, overlapping as they like. Out: sorted, disjoint masks. A match is never dropped and never
//! made smaller.

use crate::record::TextRange;

/// One masked range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    /// What is masked.
    pub(super) at: TextRange,
    /// The rule that names it.
    pub(super) rule: usize,
    /// Bytes of the longest match in it, which is the one that names it.
    longest: u32,
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
    pub(super) fn add(&mut self, at: TextRange, rule: usize) {
        if at.start < at.end {
            self.list.push(Mask { at, rule, longest: at.end - at.start });
        }
    }

    /// Sorts what was added and unites what overlaps. The longest match names a union, of equal ones the first added.
    pub(super) fn unite(&mut self) {
        if self.list.len() > self.united {
            self.list.sort_by_key(|mask| mask.at.start);
            self.list.dedup_by(|next, kept| {
                let overlap = next.at.start < kept.at.end;
                if overlap {
                    kept.at.end = kept.at.end.max(next.at.end);
                    if next.longest > kept.longest {
                        (kept.rule, kept.longest) = (next.rule, next.longest);
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

//! The spans of one file.
//!
//! Enters: spans, and what became of their messages. Leaves: the watermark, and what is to be read again. What is settled behind a
//! span that waits is merged, so that it takes no more memory than what waits.

use std::collections::VecDeque;

use super::{Balance, Outgoing, Refused};
use event::{Boundary, FileId, MessageCounts, Outcome, OutputId, OutputSet, Span, Ticket, Watermark};

/// An account has room for so many settled entries, beside as many as are pending, before neighbours are merged. Few in the tests, whose
/// accounts are short.
pub(super) const UNMERGED_MAX: usize = if cfg!(test) { 8 } else { 1024 };

/// A span, or settled spans that follow each other without a gap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) span: Span,
    boundary: Boundary,
    /// It goes out once more.
    pub(super) again: bool,
    /// One of its messages was too large for its receiver, which does not have it.
    pub(super) oversize: bool,
    /// These outputs did not take all of its messages, and nothing of it is out to them.
    refused: OutputSet,
    /// The messages that are still out.
    out: MessageCounts,
    /// Counted from one entry to the next, modulo 2^32; after a merge those between are missing.
    sequence: u32,
    /// What the record takes of the budget, while it is out.
    pub(super) cost_bytes: u32,
    /// When it was written; the caller knows the clock.
    pub(super) written_ms: u32,
}

impl Entry {
    /// A span with nothing out.
    pub(super) fn settled(span: Span, boundary: Boundary) -> Self {
        Self {
            span,
            boundary,
            again: false,
            oversize: false,
            refused: OutputSet::default(),
            out: MessageCounts::default(),
            sequence: 0,
            cost_bytes: 0,
            written_ms: 0,
        }
    }

    /// A span whose messages are out.
    pub(super) fn out(outgoing: &Outgoing) -> Self {
        let Outgoing { span, boundary, messages, written_ms, .. } = *outgoing;
        Self { out: messages, cost_bytes: outgoing.cost_bytes(), written_ms, ..Self::settled(span, boundary) }
    }

    #[inline]
    pub(super) fn is_out(&self) -> bool {
        !self.out.is_empty()
    }

    /// Whether something of it was refused, and nothing is out.
    pub(super) fn is_refused(&self) -> bool {
        !self.is_out() && !self.refused.is_empty()
    }

    /// The outputs that refused something of it.
    pub(super) fn refused(&self) -> OutputSet {
        self.refused
    }

    #[inline]
    pub(super) fn is_settled(&self) -> bool {
        !self.is_out() && self.refused.is_empty()
    }

    /// Takes the outcome of one message. After a loss the others are not awaited: all is read again.
    #[inline]
    pub(super) fn take(&mut self, output: OutputId, outcome: Outcome) {
        if outcome == Outcome::Lost {
            self.refused = self.refused.union(self.out.outputs());
            self.out = MessageCounts::default();
            return;
        }
        self.out.take_one(output);
        if outcome == Outcome::Refused {
            self.refused.insert(output);
        }
        self.oversize |= outcome == Outcome::Oversize;
    }

    /// Its refused messages are out again.
    pub(super) fn send_again(&mut self, messages: MessageCounts) {
        self.again = true;
        self.out = messages;
        self.refused = OutputSet::default();
    }

    /// Its refused messages are not sent again.
    pub(super) fn give_up(&mut self) {
        (self.out, self.refused) = (MessageCounts::default(), OutputSet::default());
    }

    /// Takes in what follows, if both are settled and nothing lies between.
    fn takes_in(&mut self, next: &Self) -> bool {
        let joins = self.is_settled() && next.is_settled() && self.span.end == next.span.start;
        if joins {
            (self.span.end, self.boundary) = (next.span.end, next.boundary);
        }
        joins
    }
}

#[derive(Debug, Default)]
pub(super) struct Account {
    /// What the next entry is numbered.
    pub(super) next_sequence: u32,
    /// In the order of their numbers.
    pub(super) entries: VecDeque<Entry>,
    /// How many of them are not settled.
    pub(super) pending: usize,
    /// How many of these wait to be read again.
    pub(super) refused: usize,
    pub(super) watermark: Watermark,
    /// Spans past a hole that were settled before a rewind: they are not sent twice. Sorted, disjoint.
    pub(super) ahead: VecDeque<Span>,
    /// Everything before was read once already: what a rewind reads again is counted once.
    pub(super) read_to: u64,
    pub(super) input: usize,
    pub(super) balance: Balance,
}

impl Account {
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        if !entry.is_settled() {
            self.pending += 1;
            self.entries.push_back(Entry { sequence, ..entry });
        } else if !self.entries.back_mut().is_some_and(|last| last.takes_in(&entry)) {
            self.entries.push_back(Entry { sequence, ..entry });
        }
        sequence
    }

    /// The entry with this number; `None` where it was settled or given up.
    #[inline]
    pub(super) fn entry(&mut self, sequence: u32) -> Option<&mut Entry> {
        let first = self.entries.front()?.sequence;
        let of = sequence.wrapping_sub(first);
        // Nothing before it is merged, as a rule.
        let index = match self.entries.get(of as usize) {
            Some(entry) if entry.sequence == sequence => of as usize,
            _ => self.entries.binary_search_by_key(&of, |entry| entry.sequence.wrapping_sub(first)).ok()?,
        };
        self.entries.get_mut(index)
    }

    /// Merges settled neighbours, once there are so many of them that it pays.
    #[inline]
    pub(super) fn merge(&mut self) {
        if self.entries.len() > 2 * self.pending + UNMERGED_MAX {
            self.merge_all();
        }
    }

    #[cold]
    fn merge_all(&mut self) {
        let mut kept = 0;
        for index in 1..self.entries.len() {
            let next = self.entries[index];
            if !self.entries[kept].takes_in(&next) {
                kept += 1;
                self.entries[kept] = next;
            }
        }
        self.entries.truncate(kept + 1);
        self.entries.shrink_to(2 * self.pending + 2 * UNMERGED_MAX);
    }

    /// The first refused spans, within `bytes` from where the first of them begins.
    pub(super) fn first_refused(&self, file: FileId, most: usize, bytes: u64) -> Vec<Refused> {
        let mut found: Vec<Refused> = Vec::new();
        let (mut at, mut before) = (self.watermark.offset, self.watermark.boundary);
        for entry in &self.entries {
            let end = found.first().map_or(u64::MAX, |first| first.span.start.saturating_add(bytes));
            if found.len() == most.min(self.refused) || entry.span.end > end {
                break;
            }
            if entry.is_refused() {
                let ticket = Ticket { file, sequence: entry.sequence };
                let before = if at == entry.span.start { before } else { Boundary::LineStart };
                found.push(Refused { ticket, span: entry.span, before, outputs: entry.refused() });
            }
            (at, before) = (entry.span.end, entry.boundary);
        }
        found
    }

    /// How much of a span lies beyond what was ever read.
    pub(super) fn new_bytes(&self, span: Span) -> u64 {
        span.end.saturating_sub(span.start.max(self.read_to))
    }

    /// How much of a span was settled before a rewind.
    pub(super) fn settled_within(&self, span: Span) -> u64 {
        let settled = |ahead: &Span| ahead.end.min(span.end).saturating_sub(ahead.start.max(span.start));
        self.ahead.iter().map(settled).sum()
    }

    /// Counts a span that is read: what is new of it, and what was settled before under another cut of the lines.
    pub(super) fn count(&mut self, span: Span) {
        let again = self.settled_within(Span { start: span.start, end: span.end.min(self.read_to) });
        self.balance.read(self.new_bytes(span) + again, span.end > self.read_to);
    }

    /// Moves the watermark over the settled prefix.
    #[inline]
    pub(super) fn advance(&mut self) {
        while let Some(entry) = self.entries.front().filter(|entry| entry.is_settled()) {
            self.watermark = Watermark { offset: entry.span.end, boundary: entry.boundary };
            self.entries.pop_front();
        }
    }

    /// What is settled behind the watermark, and what an earlier rewind remembered and this reading has not come to yet.
    pub(super) fn settled_ahead(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let settled = self.entries.iter().filter(|entry| entry.is_settled()).map(|entry| entry.span);
        for span in settled.chain(self.ahead.iter().copied()) {
            match spans.last_mut() {
                Some(last) if last.end >= span.start => last.end = last.end.max(span.end),
                _ => spans.push(span),
            }
        }
        spans
    }

    pub(super) fn rewind(&mut self) {
        self.ahead = self.settled_ahead().into();
        self.entries.clear();
        (self.pending, self.refused) = (0, 0);
    }
}

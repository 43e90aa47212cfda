//! The spans of one file.
//!
//! Enters: spans, and the outcomes of their messages. Leaves: the watermark, and the spans to be read again. Complete
//! spans behind a pending one are merged, so memory grows only with the number of pending spans.

use std::collections::VecDeque;

use super::{Balance, Outgoing, Refused};
use event::{
    Boundary, DropReason, FileId, MessageCounts, Outcome, OutputId, OutputSet, Share, Span, Ticket, Watermark,
};

/// Neighbours are merged once there are this many more complete entries than pending ones. It is small in tests, whose
/// accounts are short.
pub(super) const UNMERGED_MAX: usize = if cfg!(test) { 8 } else { 1024 };

/// A span, or merged complete spans without a gap between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) span: Span,
    boundary: Boundary,
    /// Its bytes are also those of other records: see [`Share`].
    is_mixed: bool,
    /// An output refused it, and it was sent again.
    pub(super) was_refused: bool,
    /// Why a receiver does not get one of its messages.
    pub(super) dropped: Option<DropReason>,
    /// The outputs that refused messages of it, or lost them.
    refused: OutputSet,
    /// The messages in flight.
    in_flight: MessageCounts,
    /// Its number, modulo 2^32. A merge leaves out the numbers between its first and last entry.
    sequence: u32,
    /// Its share of the budget while it is in flight.
    pub(super) cost_bytes: u32,
    /// When it was written, by the caller's clock.
    pub(super) written_ms: u32,
}

impl Entry {
    /// A span that is acknowledged or dropped.
    pub(super) fn complete(Share { span, boundary, is_mixed }: Share) -> Self {
        Self {
            span,
            boundary,
            is_mixed,
            was_refused: false,
            dropped: None,
            refused: OutputSet::default(),
            in_flight: MessageCounts::default(),
            sequence: 0,
            cost_bytes: 0,
            written_ms: 0,
        }
    }

    /// A span whose messages are in flight.
    pub(super) fn in_flight(outgoing: &Outgoing) -> Self {
        let Outgoing { share, messages, written_ms, .. } = *outgoing;
        Self { in_flight: messages, cost_bytes: outgoing.cost_bytes(), written_ms, ..Self::complete(share) }
    }

    #[inline]
    pub(super) fn is_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Whether messages of it were refused, and none is in flight.
    pub(super) fn is_refused(&self) -> bool {
        !self.is_in_flight() && !self.refused.is_empty()
    }

    /// The outputs that refused messages of it.
    pub(super) fn refused(&self) -> OutputSet {
        self.refused
    }

    #[inline]
    pub(super) fn is_complete(&self) -> bool {
        !self.is_in_flight() && self.refused.is_empty()
    }

    /// Applies the outcome of one message. After a loss, the outcomes of the others no longer count: the whole span is
    /// read again.
    #[inline]
    pub(super) fn apply(&mut self, output: OutputId, outcome: Outcome) {
        if outcome == Outcome::Lost {
            self.refused = self.refused.union(self.in_flight.outputs());
            self.in_flight = MessageCounts::default();
            return;
        }
        self.in_flight.take_one(output);
        if outcome == Outcome::Refused {
            self.refused.insert(output);
        }
        self.dropped = match outcome {
            Outcome::Oversize => Some(DropReason::Oversize),
            Outcome::Rejected => Some(DropReason::Refused),
            Outcome::Delivered | Outcome::Refused | Outcome::Lost => self.dropped,
        };
    }

    /// Its refused messages are in flight again.
    pub(super) fn send_again(&mut self, messages: MessageCounts) {
        self.was_refused = true;
        self.in_flight = messages;
        self.refused = OutputSet::default();
    }

    /// Its refused messages are not sent again.
    pub(super) fn mark_complete(&mut self) {
        (self.in_flight, self.refused) = (MessageCounts::default(), OutputSet::default());
    }

    /// Merges the next entry into this one, if both are complete without a gap between them. Returns whether it did.
    fn merge(&mut self, next: &Self) -> bool {
        let is_alike = self.span.end == next.span.start && self.is_mixed == next.is_mixed;
        let is_mergeable = is_alike && self.is_complete() && next.is_complete();
        if is_mergeable {
            (self.span.end, self.boundary) = (next.span.end, next.boundary);
        }
        is_mergeable
    }
}

/// A complete span behind the watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ahead {
    pub(super) span: Span,
    /// Its bytes are also those of other records: only a record with the same share is complete.
    pub(super) is_mixed: bool,
}

/// The spans of one file, and its balance.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The number of the next entry.
    pub(super) next_sequence: u32,
    /// In the order of their numbers.
    pub(super) entries: VecDeque<Entry>,
    /// How many of them are pending.
    pub(super) pending: usize,
    /// How many of them are refused or lost.
    pub(super) refused: usize,
    pub(super) watermark: Watermark,
    /// Spans behind the watermark that were complete before a rewind: they are not sent twice. Sorted and disjoint.
    pub(super) ahead: VecDeque<Ahead>,
    /// The end of the bytes that were ever read: bytes that a rewind reads again are counted once.
    pub(super) read_to: u64,
    pub(super) input: usize,
    pub(super) balance: Balance,
}

impl Account {
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        if !entry.is_complete() {
            self.pending += 1;
            self.entries.push_back(Entry { sequence, ..entry });
        } else if !self.entries.back_mut().is_some_and(|last| last.merge(&entry)) {
            self.entries.push_back(Entry { sequence, ..entry });
        }
        sequence
    }

    /// The entry with this number; `None` if it is merged, or before the watermark.
    #[inline]
    pub(super) fn entry(&mut self, sequence: u32) -> Option<&mut Entry> {
        let first = self.entries.front()?.sequence;
        let distance = sequence.wrapping_sub(first);
        // Usually no entry before it is merged.
        let index = match self.entries.get(distance as usize) {
            Some(entry) if entry.sequence == sequence => distance as usize,
            _ => self.entries.binary_search_by_key(&distance, |entry| entry.sequence.wrapping_sub(first)).ok()?,
        };
        self.entries.get_mut(index)
    }

    /// Merges complete neighbours once there are many.
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
            if !self.entries[kept].merge(&next) {
                kept += 1;
                self.entries[kept] = next;
            }
        }
        self.entries.truncate(kept + 1);
        self.entries.shrink_to(2 * self.pending + 2 * UNMERGED_MAX);
    }

    /// The first refused spans from this offset on: `most` at most, all within `bytes` from the start of the first.
    pub(super) fn refused_spans(&self, file: FileId, from: u64, most: usize, bytes: u64) -> Vec<Refused> {
        let mut found: Vec<Refused> = Vec::new();
        let (mut at, mut before) = (self.watermark.offset, self.watermark.boundary);
        for entry in &self.entries {
            let end = found.first().map_or(u64::MAX, |first| first.span.start.saturating_add(bytes));
            if found.len() == most.min(self.refused) || entry.span.end > end {
                break;
            }
            if entry.is_refused() && entry.span.start >= from {
                let ticket = Ticket { file, sequence: entry.sequence };
                let before = if at == entry.span.start { before } else { Boundary::LineStart };
                found.push(Refused { ticket, span: entry.span, before, outputs: entry.refused() });
            }
            (at, before) = (entry.span.end, entry.boundary);
        }
        found
    }

    /// The number of bytes of a span that were never read before.
    pub(super) fn new_bytes(&self, span: Span) -> u64 {
        span.end.saturating_sub(span.start.max(self.read_to))
    }

    /// The number of bytes of a span that were complete before a rewind.
    pub(super) fn complete_within(&self, span: Span) -> u64 {
        let overlap = |ahead: &Span| ahead.end.min(span.end).saturating_sub(ahead.start.max(span.start));
        self.ahead.iter().map(|ahead| overlap(&ahead.span)).sum()
    }

    /// Counts a span that is read: its new bytes, and bytes that were complete before with other line boundaries.
    pub(super) fn count(&mut self, span: Span) {
        let again = self.complete_within(Span { start: span.start, end: span.end.min(self.read_to) });
        self.balance.read(self.new_bytes(span) + again, span.end > self.read_to);
    }

    /// Moves the watermark over the prefix of complete spans.
    #[inline]
    pub(super) fn advance(&mut self) {
        while let Some(entry) = self.entries.front().filter(|entry| entry.is_complete()) {
            self.watermark = Watermark { offset: entry.span.end, boundary: entry.boundary };
            self.entries.pop_front();
        }
    }

    /// The complete spans behind the watermark, and those that an earlier rewind remembered and that are not read again
    /// yet.
    pub(super) fn complete_ahead(&self) -> Vec<Ahead> {
        let mut spans: Vec<Ahead> = Vec::new();
        let complete = self.entries.iter().filter(|entry| entry.is_complete());
        let complete = complete.map(|entry| Ahead { span: entry.span, is_mixed: entry.is_mixed });
        for next in complete.chain(self.ahead.iter().copied()) {
            match spans.last_mut() {
                Some(last) if last.span.end >= next.span.end => {}
                Some(last) if last.span.end >= next.span.start && last.is_mixed == next.is_mixed => {
                    last.span.end = next.span.end;
                }
                Some(last) => {
                    let start = next.span.start.max(last.span.end);
                    spans.push(Ahead { span: Span { start, ..next.span }, ..next });
                }
                None => spans.push(next),
            }
        }
        spans
    }

    /// Removes all entries, and remembers the complete spans behind the watermark.
    pub(super) fn rewind(&mut self) {
        self.ahead = self.complete_ahead().into();
        self.entries.clear();
        (self.pending, self.refused) = (0, 0);
    }
}

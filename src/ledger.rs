//! What became of every span: pending, acknowledged, or dropped and counted.
//!
//! Enters: spans in the order in which they were read, and later, in any order, what became of them. Leaves: the
//! watermark of each file, which is the end of the longest prefix of spans that are all settled. It never lets a later
//! success carry the watermark past a span that failed, and it never sees content.

mod balance;

use std::collections::VecDeque;

pub use self::balance::Balance;
use crate::record::{Boundary, DropReason, FileId, Span, Ticket, Watermark};

/// What an acknowledgement settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The bytes of its span.
    pub bytes: u64,
    /// When they were written, as it was given to [`Ledger::pending`].
    pub written_ms: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// This many messages of the record are still out.
    Pending(u16),
    Acknowledged,
    Dropped,
    /// Never settled: the file must be read again from before it.
    Failed,
}

impl State {
    fn is_settled(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Dropped)
    }
}

/// An account has room for so many settled entries, beside as many as are pending, before neighbours are merged. Few in the tests, whose
/// accounts are short.
const UNMERGED_MAX: usize = if cfg!(test) { 8 } else { 1024 };

/// A span, or settled spans that follow each other without a gap.
#[derive(Clone, Copy, Debug)]
struct Entry {
    span: Span,
    boundary: Boundary,
    state: State,
    /// Counted from one entry to the next, modulo 2^32; after a merge those between are missing.
    sequence: u32,
    /// What the record takes of the budget.
    cost_bytes: u32,
    /// When it was written; the caller knows the clock.
    written_ms: u32,
}

#[derive(Debug, Default)]
struct Account {
    /// What the next entry is numbered.
    next_sequence: u32,
    /// In the order of their numbers.
    entries: VecDeque<Entry>,
    /// How many of them are not settled.
    pending: usize,
    watermark: Watermark,
    /// Spans past a hole that were settled before a rewind: they are not sent twice. Sorted, disjoint.
    ahead: VecDeque<Span>,
    /// Everything before was read once already: what a rewind reads again is counted once.
    read_to: u64,
    input: usize,
    balance: Balance,
}

/// The spans of all files.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Indexed by [`FileId`]; a settled account's place may be taken by the next file.
    accounts: Vec<Account>,
    /// The sum of the closed accounts, by input.
    closed: Vec<Balance>,
    in_flight_bytes: usize,
    in_flight_records: usize,
    failed: bool,
    /// The largest room for entries that an account had and needs no more: for the next one that needs some.
    spare: VecDeque<Entry>,
}

impl Ledger {
    /// Opens the account of a file of an input that is settled up to `watermark`. `file` may have stood for another before.
    pub fn open(&mut self, file: FileId, input: usize, watermark: Watermark) {
        self.close(file);
        let place = file.0 as usize;
        if self.accounts.len() <= place {
            self.accounts.resize_with(place + 1, Account::default);
        }
        let account = &mut self.accounts[place];
        // The sequence goes on where the former file's stopped, so that a late report can't be taken for the new file's.
        let next_sequence = account.next_sequence;
        *account = Account { next_sequence, watermark, read_to: watermark.offset, input, ..Account::default() };
    }

    /// Closes the account of a file that is let go: what it still owes is gone. Returns its last balance.
    pub fn close(&mut self, file: FileId) -> Balance {
        let Some(account) = self.accounts.get_mut(file.0 as usize) else { return Balance::default() };
        account.balance.give_up();
        let balance = std::mem::take(&mut account.balance);
        let input = account.input;
        if self.closed.len() <= input {
            self.closed.resize_with(input + 1, Balance::default);
        }
        self.closed[input] = self.closed[input].plus(&balance);
        balance
    }

    /// Where the bytes of all files of an input have gone, closed ones included.
    #[must_use]
    pub fn total(&self, input: usize) -> Balance {
        let closed = self.closed.get(input).copied().unwrap_or_default();
        self.accounts
            .iter()
            .filter(|account| account.input == input)
            .fold(closed, |sum, account| sum.plus(&account.balance))
    }

    /// Whether every span of `file` that was read is settled.
    #[must_use]
    pub fn settled(&self, file: FileId) -> bool {
        self.known(file).is_none_or(|account| account.entries.is_empty())
    }

    /// Whether `span` was settled before a rewind and needs no second sending; if so it is accounted for.
    pub fn settled_before(&mut self, file: FileId, span: Span, boundary: Boundary) -> bool {
        let account = self.account(file);
        while account.ahead.front().is_some_and(|ahead| ahead.end <= span.start) {
            account.ahead.pop_front();
        }
        let settled = account.ahead.front().is_some_and(|ahead| ahead.start <= span.start && span.end <= ahead.end);
        if settled {
            self.push(file, Entry::new(span, boundary, State::Acknowledged));
            self.advance(file);
        }
        settled
    }

    /// Notes a span whose record goes out as `messages` messages, and takes `cost_bytes` of the budget for it.
    /// `written_ms` comes back when it is acknowledged.
    pub fn pending(
        &mut self,
        file: FileId,
        (span, boundary): (Span, Boundary),
        cost_bytes: usize,
        messages: u16,
        written_ms: u32,
    ) -> Ticket {
        let cost_bytes = u32::try_from(cost_bytes).unwrap_or(u32::MAX);
        self.in_flight_bytes += cost_bytes as usize;
        self.in_flight_records += 1;
        let account = self.account(file);
        account.count(span);
        account.balance.resent_bytes += span.bytes() - account.beyond(span);
        account.read_to = account.read_to.max(span.end);
        let entry = Entry::new(span, boundary, State::Pending(messages.max(1)));
        let sequence = self.push(file, Entry { cost_bytes, written_ms, ..entry });
        Ticket { file, sequence }
    }

    /// Notes a span that has no record, and why.
    pub fn dropped(&mut self, file: FileId, span: Span, boundary: Boundary, reason: DropReason) {
        let account = self.account(file);
        account.count(span);
        account.read_to = account.read_to.max(span.end);
        account.balance.drop_pending(span.bytes(), reason);
        self.push(file, Entry::new(span, boundary, State::Dropped));
        self.advance(file);
    }

    /// Takes what became of one message; returns what it settled. A ticket from before a rewind is ignored.
    pub fn settle(&mut self, ticket: Ticket, delivered: bool) -> Option<Settled> {
        let account = self.accounts.get_mut(ticket.file.0 as usize)?;
        let entry = account.entry(ticket.sequence)?;
        let State::Pending(messages) = entry.state else { return None };
        if delivered && messages > 1 {
            entry.state = State::Pending(messages - 1);
            return None;
        }
        let Entry { span, cost_bytes, written_ms, .. } = *entry;
        self.in_flight_bytes -= cost_bytes as usize;
        self.in_flight_records -= 1;
        if delivered {
            entry.state = State::Acknowledged;
            account.pending -= 1;
            account.balance.acknowledge(span.bytes());
            self.advance(ticket.file);
            Some(Settled { bytes: span.bytes(), written_ms })
        } else {
            // It stays pending: it will be read once more.
            entry.state = State::Failed;
            self.failed = true;
            None
        }
    }

    /// Whether a span has failed since the last rewind.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// How many bytes of `file` from `offset` on were read once already, and will be read again.
    #[must_use]
    pub fn to_reread(&self, file: FileId, offset: u64) -> u64 {
        self.known(file).map_or(0, |account| account.read_to.saturating_sub(offset))
    }

    /// When the oldest span of `file` that is read and not settled was written.
    #[must_use]
    pub fn oldest_ms(&self, file: FileId) -> Option<u32> {
        self.known(file)?.entries.front().map(|entry| entry.written_ms)
    }

    /// Whether anything waits for its acknowledgement.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.in_flight_records > 0
    }

    /// What the pending records take of the budget.
    #[must_use]
    pub fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    /// How far `file` is settled.
    #[must_use]
    pub fn watermark(&self, file: FileId) -> Watermark {
        self.known(file).map_or_else(Watermark::default, |account| account.watermark)
    }

    /// Where the bytes of `file` have gone.
    #[must_use]
    pub fn balance(&self, file: FileId) -> Balance {
        self.known(file).map_or_else(Balance::default, |account| account.balance)
    }

    /// Takes every file back to its watermark: the caller reads again from there. Whatever is still pending stays so until
    /// then; whatever was settled past the hole is remembered and not sent twice. Returns the files to read again.
    pub fn rewind(&mut self) -> Vec<(FileId, Watermark)> {
        let mut again = Vec::new();
        for (place, account) in self.accounts.iter_mut().enumerate() {
            if account.entries.is_empty() {
                continue;
            }
            account.rewind();
            again.push((FileId(u32::try_from(place).unwrap_or(u32::MAX)), account.watermark));
        }
        self.in_flight_bytes = 0;
        self.in_flight_records = 0;
        self.failed = false;
        again
    }

    fn known(&self, file: FileId) -> Option<&Account> {
        self.accounts.get(file.0 as usize)
    }

    fn account(&mut self, file: FileId) -> &mut Account {
        &mut self.accounts[file.0 as usize]
    }

    /// Notes an entry of `file`, in the spare room where its account has none.
    fn push(&mut self, file: FileId, entry: Entry) -> u32 {
        let account = &mut self.accounts[file.0 as usize];
        if account.entries.capacity() == 0 {
            account.entries = std::mem::take(&mut self.spare);
        }
        account.push(entry)
    }

    /// Moves the watermark of `file` over the settled prefix, and merges what is settled behind a hole. The room of an account that is settled is the next one's: a
    /// thousand files that were read once need none.
    fn advance(&mut self, file: FileId) {
        let account = &mut self.accounts[file.0 as usize];
        account.advance();
        account.merge();
        if account.entries.is_empty() {
            let room = std::mem::take(&mut account.entries);
            if room.capacity() > self.spare.capacity() {
                self.spare = room;
            }
        }
    }
}

impl Entry {
    fn new(span: Span, boundary: Boundary, state: State) -> Self {
        Self { span, boundary, state, sequence: 0, cost_bytes: 0, written_ms: 0 }
    }

    /// Takes in what follows, if both are settled and nothing lies between.
    fn takes_in(&mut self, next: &Self) -> bool {
        let joins = self.state.is_settled() && next.state.is_settled() && self.span.end == next.span.start;
        if joins {
            (self.span.end, self.boundary) = (next.span.end, next.boundary);
        }
        joins
    }
}

impl Account {
    fn push(&mut self, entry: Entry) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        self.pending += usize::from(!entry.state.is_settled());
        if !self.entries.back_mut().is_some_and(|last| last.takes_in(&entry)) {
            self.entries.push_back(Entry { sequence, ..entry });
        }
        sequence
    }

    /// The entry with this number; `None` where it was settled or given up.
    fn entry(&mut self, sequence: u32) -> Option<&mut Entry> {
        let first = self.entries.front()?.sequence;
        let place = |entry: &Entry| entry.sequence.wrapping_sub(first);
        let of = sequence.wrapping_sub(first);
        // Nothing before it is merged, as a rule.
        let direct = self.entries.get(of as usize).filter(|entry| entry.sequence == sequence).map(|_| of as usize);
        let index = direct.or_else(|| self.entries.binary_search_by_key(&of, place).ok())?;
        self.entries.get_mut(index)
    }

    /// Merges settled neighbours, once there are so many of them that it pays: what waits behind a hole takes no more than what is
    /// pending.
    fn merge(&mut self) {
        if self.entries.len() <= 2 * self.pending + UNMERGED_MAX {
            return;
        }
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

    /// How much of a span lies beyond what was ever read.
    fn beyond(&self, span: Span) -> u64 {
        span.end.saturating_sub(span.start.max(self.read_to))
    }

    /// Counts a span that is read: what is new of it, and what was settled before under another cut of the lines.
    fn count(&mut self, span: Span) {
        let settled = |ahead: &Span| ahead.end.min(span.end).saturating_sub(ahead.start.max(span.start));
        let again: u64 = self.ahead.iter().map(settled).sum();
        self.balance.read(self.beyond(span) + again, span.end > self.read_to);
    }

    /// Moves the watermark over the settled prefix.
    fn advance(&mut self) {
        while let Some(entry) = self.entries.front() {
            if !entry.state.is_settled() {
                break;
            }
            self.watermark = Watermark { offset: entry.span.end, boundary: entry.boundary };
            self.entries.pop_front();
        }
    }

    fn rewind(&mut self) {
        let mut ahead: VecDeque<Span> = VecDeque::new();
        let mut note = |span: Span| match ahead.back_mut() {
            Some(last) if last.end >= span.start => last.end = last.end.max(span.end),
            _ => ahead.push_back(span),
        };
        self.entries.drain(..).filter(|entry| entry.state.is_settled()).for_each(|entry| note(entry.span));
        self.pending = 0;
        // What an earlier rewind remembered and this reading had not come to yet still holds.
        self.ahead.drain(..).for_each(note);
        self.ahead = ahead;
    }
}

#[cfg(test)]
mod tests;

//! What became of every span: pending, acknowledged, or dropped and counted.
//!
//! Enters: spans in the order in which they were read, and later, in any order, what became of them. Leaves: the
//! watermark of each file, which is the end of the longest prefix of spans that are all settled. It never lets a later
//! success carry the watermark past a span that failed, and it never sees content.

use std::collections::VecDeque;

use crate::record::{Boundary, FileId, Span, Ticket, Watermark};

/// Where every byte read from one file has gone; `read = acknowledged + dropped + pending` always holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Bytes that were read into spans.
    pub read_bytes: u64,
    /// Bytes whose records the outputs have acknowledged.
    pub acknowledged_bytes: u64,
    /// Bytes that were dropped for a counted reason, blank lines included.
    pub dropped_bytes: u64,
    /// Bytes that wait for their acknowledgement.
    pub pending_bytes: u64,
    /// Records acknowledged.
    pub acknowledged_records: u64,
    /// Records pending.
    pub pending_records: u64,
}

impl Balance {
    /// The sum of two files' balances.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            read_bytes: self.read_bytes + other.read_bytes,
            acknowledged_bytes: self.acknowledged_bytes + other.acknowledged_bytes,
            dropped_bytes: self.dropped_bytes + other.dropped_bytes,
            pending_bytes: self.pending_bytes + other.pending_bytes,
            acknowledged_records: self.acknowledged_records + other.acknowledged_records,
            pending_records: self.pending_records + other.pending_records,
        }
    }
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

#[derive(Clone, Copy, Debug)]
struct Entry {
    span: Span,
    boundary: Boundary,
    state: State,
    /// What the record takes of the budget.
    cost_bytes: usize,
}

#[derive(Debug, Default)]
struct Account {
    /// The sequence number of `entries[0]`.
    first_sequence: u32,
    entries: VecDeque<Entry>,
    watermark: Watermark,
    /// Spans past a hole that were settled before a rewind: they are not sent twice. Sorted, disjoint.
    ahead: VecDeque<Span>,
    balance: Balance,
}

/// The spans of all files.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Indexed by [`FileId`]; a settled account's place may be taken by the next file.
    accounts: Vec<Account>,
    in_flight_bytes: usize,
    in_flight_records: usize,
    failed: bool,
}

impl Ledger {
    /// Opens the account of a file that is settled up to `watermark`. `file` may have stood for another before.
    pub fn open(&mut self, file: FileId, watermark: Watermark) {
        let place = file.0 as usize;
        if self.accounts.len() <= place {
            self.accounts.resize_with(place + 1, Account::default);
        }
        let account = &mut self.accounts[place];
        // The sequence goes on where the former file's stopped, so that a late report can't be taken for the new file's.
        let first_sequence = account.first_sequence;
        *account = Account { first_sequence, watermark, ..Account::default() };
    }

    /// Whether every span of `file` that was read is settled.
    #[must_use]
    pub fn settled(&self, file: FileId) -> bool {
        self.accounts[file.0 as usize].entries.is_empty()
    }

    /// Whether `span` was settled before a rewind and needs no second sending; if so it is accounted for.
    pub fn settled_before(&mut self, file: FileId, span: Span, boundary: Boundary) -> bool {
        let account = self.account(file);
        while account.ahead.front().is_some_and(|ahead| ahead.end <= span.start) {
            account.ahead.pop_front();
        }
        let settled = account.ahead.front().is_some_and(|ahead| ahead.start <= span.start && span.end <= ahead.end);
        if settled {
            account.push(Entry { span, boundary, state: State::Acknowledged, cost_bytes: 0 });
            account.advance();
        }
        settled
    }

    /// Notes a span whose record goes out as `messages` messages, and takes `cost_bytes` of the budget for it.
    pub fn pending(
        &mut self,
        file: FileId,
        span: Span,
        boundary: Boundary,
        cost_bytes: usize,
        messages: u16,
    ) -> Ticket {
        self.in_flight_bytes += cost_bytes;
        self.in_flight_records += 1;
        let account = self.account(file);
        account.balance.read_bytes += span.bytes();
        account.balance.pending_bytes += span.bytes();
        account.balance.pending_records += 1;
        let sequence = account.push(Entry { span, boundary, state: State::Pending(messages.max(1)), cost_bytes });
        Ticket { file, sequence }
    }

    /// Notes a span that has no record: blank, skipped, or dropped by a rule that was asked for. The caller counts why.
    pub fn dropped(&mut self, file: FileId, span: Span, boundary: Boundary) {
        let account = self.account(file);
        account.balance.read_bytes += span.bytes();
        account.balance.dropped_bytes += span.bytes();
        account.push(Entry { span, boundary, state: State::Dropped, cost_bytes: 0 });
        account.advance();
    }

    /// Takes what became of one message; returns the bytes that it settled. A ticket from before a rewind is ignored.
    pub fn settle(&mut self, ticket: Ticket, delivered: bool) -> u64 {
        let Some(account) = self.accounts.get_mut(ticket.file.0 as usize) else { return 0 };
        let index = ticket.sequence.wrapping_sub(account.first_sequence) as usize;
        let Some(entry) = account.entries.get_mut(index) else { return 0 };
        let State::Pending(messages) = entry.state else { return 0 };
        if delivered && messages > 1 {
            entry.state = State::Pending(messages - 1);
            return 0;
        }
        let (bytes, cost_bytes) = (entry.span.bytes(), entry.cost_bytes);
        account.balance.pending_bytes -= bytes;
        account.balance.pending_records -= 1;
        if delivered {
            entry.state = State::Acknowledged;
            account.balance.acknowledged_bytes += bytes;
            account.balance.acknowledged_records += 1;
            account.advance();
        } else {
            entry.state = State::Failed;
            // It will be read once more; until then it is as if it had not been.
            account.balance.read_bytes -= bytes;
            self.failed = true;
        }
        self.in_flight_bytes -= cost_bytes;
        self.in_flight_records -= 1;
        if delivered { bytes } else { 0 }
    }

    /// Whether a span has failed since the last rewind.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.failed
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
        self.accounts[file.0 as usize].watermark
    }

    /// Where the bytes of `file` have gone.
    #[must_use]
    pub fn balance(&self, file: FileId) -> Balance {
        self.accounts[file.0 as usize].balance
    }

    /// Takes every file back to its watermark: the caller reads again from there. Whatever is still pending counts as
    /// failed; whatever was settled past the hole is remembered and not sent twice. Returns the files to read again.
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

    fn account(&mut self, file: FileId) -> &mut Account {
        &mut self.accounts[file.0 as usize]
    }
}

impl Account {
    fn push(&mut self, entry: Entry) -> u32 {
        #[allow(clippy::cast_possible_truncation, reason = "sequence numbers are counted modulo 2^32 on purpose")]
        let sequence = self.first_sequence.wrapping_add(self.entries.len() as u32);
        self.entries.push_back(entry);
        sequence
    }

    /// Moves the watermark over the settled prefix.
    fn advance(&mut self) {
        while let Some(entry) = self.entries.front() {
            if !matches!(entry.state, State::Acknowledged | State::Dropped) {
                break;
            }
            self.watermark = Watermark { offset: entry.span.end, boundary: entry.boundary };
            self.entries.pop_front();
            self.first_sequence = self.first_sequence.wrapping_add(1);
        }
    }

    fn rewind(&mut self) {
        let mut ahead: VecDeque<Span> = VecDeque::new();
        let mut note = |span: Span| match ahead.back_mut() {
            Some(last) if last.end == span.start => last.end = span.end,
            _ => ahead.push_back(span),
        };
        #[allow(clippy::cast_possible_truncation, reason = "sequence numbers are counted modulo 2^32 on purpose")]
        let passed = self.entries.len() as u32;
        for entry in self.entries.drain(..) {
            match entry.state {
                State::Acknowledged | State::Dropped => note(entry.span),
                State::Pending(_) => {
                    self.balance.pending_bytes -= entry.span.bytes();
                    self.balance.pending_records -= 1;
                    self.balance.read_bytes -= entry.span.bytes();
                }
                State::Failed => {}
            }
        }
        self.first_sequence = self.first_sequence.wrapping_add(passed);
        // What an earlier rewind remembered and this reading had not come to yet still holds.
        self.ahead.drain(..).for_each(note);
        self.ahead = ahead;
    }
}

#[cfg(test)]
mod tests;

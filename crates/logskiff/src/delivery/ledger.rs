//! The state of each span: in flight, refused, acknowledged or dropped.
//!
//! A span is *pending* while it is in flight or refused, and *complete* once it is acknowledged or dropped.
//!
//! Enters: spans in the order in which they were read, and later their outcomes in any order. Leaves: the watermark of
//! each file, which is the end of the longest prefix of complete spans, and refused spans, which are read again. A
//! later success never moves the watermark past a pending span. The ledger never sees content.

mod account;
mod balance;

use std::collections::VecDeque;

use self::account::{Account, Ahead, Entry};
pub use self::balance::Balance;
use event::{
    Boundary, DropReason, FileId, MessageCounts, Outcome, OutputId, OutputSet, Progress, Share, Span, Ticket, Watermark,
};

/// At most this many complete spans behind a file's watermark are saved for the next start.
const AHEAD_MAX: usize = 1024;

/// A span that is now complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completed {
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was written, as passed to [`Ledger::track`].
    pub written_ms: u32,
    /// Whether an output had refused it before.
    pub was_refused: bool,
}

/// A span whose messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The span.
    pub share: Share,
    /// What it takes of the byte budget.
    pub cost_bytes: usize,
    /// The number of its messages for each output; at least one.
    pub messages: MessageCounts,
    /// When it was written. It is returned once the span is complete.
    pub written_ms: u32,
}

impl Outgoing {
    fn cost_bytes(&self) -> u32 {
        u32::try_from(self.cost_bytes).unwrap_or(u32::MAX)
    }
}

/// A refused span, which must be read and sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its ticket, which stays valid.
    pub ticket: Ticket,
    /// The span.
    pub span: Span,
    /// Where it starts: at a line's start or within a line.
    pub before: Boundary,
    /// The outputs that refused messages of it.
    pub outputs: OutputSet,
}

/// The spans of all files.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Indexed by [`FileId`]. The next file may get the index of a closed account.
    accounts: Vec<Account>,
    /// The sum of the closed accounts, by input.
    closed: Vec<Balance>,
    in_flight_bytes: usize,
    in_flight_records: usize,
    failed: bool,
    /// The largest buffer of entries that an account no longer needs, for the next account that needs one.
    spare: VecDeque<Entry>,
}

impl Ledger {
    /// Opens the account of a file of an input. `progress` names its complete spans. `file` may be reused from another
    /// file.
    pub fn open(&mut self, file: FileId, input: usize, progress: impl Into<Progress>) {
        let Progress { watermark, ahead, .. } = progress.into();
        self.close(file);
        let index = file.0 as usize;
        if self.accounts.len() <= index {
            self.accounts.resize_with(index + 1, Account::default);
        }
        let account = &mut self.accounts[index];
        // Sequence numbers continue after those of the former file, so its late reports match no span of the new file.
        let next_sequence = account.next_sequence;
        let ahead = ahead.into_iter().map(|span| Ahead { span, is_mixed: false }).collect();
        let read_to = watermark.offset;
        *account = Account { next_sequence, watermark, ahead, read_to, input, ..Account::default() };
    }

    /// Closes the account of a closed file, and drops its pending bytes. Returns its last balance.
    pub fn close(&mut self, file: FileId) -> Balance {
        let Some(account) = self.accounts.get_mut(file.0 as usize) else { return Balance::default() };
        account.balance.drop_all_pending(DropReason::FileLost);
        let balance = std::mem::take(&mut account.balance);
        let input = account.input;
        if self.closed.len() <= input {
            self.closed.resize_with(input + 1, Balance::default);
        }
        self.closed[input] = self.closed[input].plus(&balance);
        balance
    }

    /// The balance of all files of an input, closed files included.
    #[must_use]
    pub fn total(&self, input: usize) -> Balance {
        let closed = self.closed.get(input).copied().unwrap_or_default();
        self.accounts
            .iter()
            .filter(|account| account.input == input)
            .fold(closed, |sum, account| sum.plus(&account.balance))
    }

    /// Whether all spans of `file` that were read are acknowledged or dropped.
    #[must_use]
    pub fn is_complete(&self, file: FileId) -> bool {
        self.account(file).is_none_or(|account| account.entries.is_empty())
    }

    /// Skips a span if it was complete before a rewind. Returns whether it was.
    pub fn skip_if_acknowledged(&mut self, file: FileId, share: Share) -> bool {
        let (account, span) = (self.account_mut(file), share.span);
        while account.ahead.front().is_some_and(|ahead| ahead.span.end <= span.start) {
            account.ahead.pop_front();
        }
        let holds = |ahead: &Ahead| ahead.span.start <= span.start && span.end <= ahead.span.end;
        let is_complete = account.ahead.front().is_some_and(|ahead| holds(ahead) && ahead.is_mixed == share.is_mixed);
        if is_complete {
            self.push(file, Entry::complete(share));
            self.advance(file);
        }
        is_complete
    }

    /// Whether `span` has bytes that were never read before.
    #[must_use]
    pub fn is_new(&self, file: FileId, span: Span) -> bool {
        self.account(file).is_none_or(|account| account.new_bytes(span) > 0)
    }

    /// Adds a span whose messages are sent.
    pub fn track(&mut self, file: FileId, outgoing: &Outgoing) -> Ticket {
        self.in_flight_bytes += outgoing.cost_bytes() as usize;
        self.in_flight_records += 1;
        let (account, span) = (self.account_mut(file), outgoing.share.span);
        account.count(span);
        account.balance.resent_bytes += span.bytes() - account.new_bytes(span);
        account.read_to = account.read_to.max(span.end);
        let sequence = self.push(file, Entry::in_flight(outgoing));
        Ticket { file, sequence }
    }

    /// Adds a span that is dropped for a reason.
    pub fn dropped(&mut self, file: FileId, share: Share, reason: DropReason) {
        let (account, span) = (self.account_mut(file), share.span);
        account.count(span);
        account.read_to = account.read_to.max(span.end);
        account.balance.drop_pending(span.bytes(), reason);
        self.push(file, Entry::complete(share));
        self.advance(file);
    }

    /// Records the outcome of one message. Returns its span if that is complete now. A ticket from before a rewind is
    /// ignored.
    pub fn settle(&mut self, ticket: Ticket, output: OutputId, outcome: Outcome) -> Option<Completed> {
        let account = self.accounts.get_mut(ticket.file.0 as usize)?;
        let entry = account.entry(ticket.sequence)?;
        if !entry.is_in_flight() {
            return None;
        }
        entry.apply(output, outcome);
        self.failed |= outcome == Outcome::Lost;
        if entry.is_in_flight() {
            return None;
        }
        self.in_flight_bytes -= std::mem::take(&mut entry.cost_bytes) as usize;
        self.in_flight_records -= 1;
        if !entry.is_complete() {
            // It stays pending until it is read and sent again.
            account.refused += 1;
            return None;
        }
        let dropped = entry.dropped;
        let completed =
            Completed { bytes: entry.span.bytes(), written_ms: entry.written_ms, was_refused: entry.was_refused };
        account.pending -= 1;
        match dropped {
            Some(reason) => account.balance.drop_pending(completed.bytes, reason),
            None => account.balance.acknowledge(completed.bytes),
        }
        self.advance(ticket.file);
        Some(completed)
    }

    /// The number of refused or lost spans of a file that are not in flight again.
    #[must_use]
    pub fn refused(&self, file: FileId) -> usize {
        self.account(file).map_or(0, |account| account.refused)
    }

    /// The same for all files.
    #[must_use]
    pub fn all_refused(&self) -> usize {
        self.accounts.iter().map(|account| account.refused).sum()
    }

    /// The first of these spans from an offset on: `most` at most, all within `bytes` from the start of the first.
    #[must_use]
    pub fn refused_spans(&self, file: FileId, from: u64, most: usize, bytes: u64) -> Vec<Refused> {
        self.account(file).map_or_else(Vec::new, |account| account.refused_spans(file, from, most, bytes))
    }

    /// The refused messages of a span are in flight again: this many, which take `cost_bytes` of the budget.
    pub fn send_again(&mut self, ticket: Ticket, cost_bytes: usize, messages: MessageCounts) {
        let account = &mut self.accounts[ticket.file.0 as usize];
        let Some(entry) = account.entry(ticket.sequence).filter(|entry| entry.is_refused()) else { return };
        entry.cost_bytes = u32::try_from(cost_bytes).unwrap_or(u32::MAX);
        entry.send_again(messages);
        let (cost_bytes, span_bytes) = (entry.cost_bytes as usize, entry.span.bytes());
        account.refused -= 1;
        account.balance.resent_bytes += span_bytes;
        self.in_flight_bytes += cost_bytes;
        self.in_flight_records += 1;
    }

    /// Drops a refused span for a reason.
    pub fn drop_refused(&mut self, ticket: Ticket, reason: DropReason) {
        let account = &mut self.accounts[ticket.file.0 as usize];
        let Some(entry) = account.entry(ticket.sequence).filter(|entry| entry.is_refused()) else { return };
        entry.mark_complete();
        let bytes = entry.span.bytes();
        account.refused -= 1;
        account.pending -= 1;
        account.balance.drop_pending(bytes, reason);
        self.advance(ticket.file);
    }

    /// The number of bytes within `rest` that were complete before a rewind.
    #[must_use]
    pub fn complete_within(&self, file: FileId, rest: Span) -> u64 {
        self.account(file).map_or(0, |account| account.complete_within(rest))
    }

    /// The first byte of `file` that is refused and not in flight again.
    #[must_use]
    pub fn refused_from(&self, file: FileId) -> Option<u64> {
        self.refused_spans(file, 0, 1, 0).first().map(|refused| refused.span.start)
    }

    /// Drops the refused spans of a file that cannot be read again. Returns the number of their bytes.
    pub fn write_off_refused(&mut self, file: FileId) -> u64 {
        let refused = self.refused_spans(file, 0, usize::MAX, u64::MAX);
        for refused in &refused {
            self.drop_refused(refused.ticket, DropReason::FileLost);
        }
        refused.iter().map(|refused| refused.span.bytes()).sum()
    }

    /// Also gives up `rest`, the bytes of the file that cannot be read any more. Returns the number of bytes that are
    /// lost. Spans in flight may still be acknowledged.
    pub fn write_off(&mut self, file: FileId, rest: Span) -> u64 {
        let bytes = self.write_off_refused(file) + rest.bytes() - self.complete_within(file, rest);
        if let Some(account) = self.accounts.get_mut(file.0 as usize) {
            account.ahead.clear();
        }
        bytes
    }

    /// Whether a message was lost since the last rewind.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// The number of bytes of `file` behind `offset` that were read before and will be read again.
    #[must_use]
    pub fn to_reread(&self, file: FileId, offset: u64) -> u64 {
        self.account(file).map_or(0, |account| account.read_to.saturating_sub(offset))
    }

    /// When the oldest pending span of `file` was written.
    #[must_use]
    pub fn oldest_ms(&self, file: FileId) -> Option<u32> {
        self.account(file)?.entries.front().map(|entry| entry.written_ms)
    }

    /// Whether any span is in flight.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.in_flight_records > 0
    }

    /// The bytes of the budget that spans in flight take.
    #[must_use]
    pub fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    /// The end of the longest prefix of complete spans of `file`.
    #[must_use]
    pub fn watermark(&self, file: FileId) -> Watermark {
        self.account(file).map_or_else(Watermark::default, |account| account.watermark)
    }

    /// The watermark of `file`, and the complete spans behind it: the largest ones if there are too many. Without mixed
    /// ones: another process may form other records, and then lines in them are not acknowledged.
    #[must_use]
    pub fn progress(&self, file: FileId) -> Progress {
        let Some(account) = self.account(file) else { return Progress::default() };
        let whole = account.complete_ahead().into_iter().filter(|ahead| !ahead.is_mixed);
        let mut ahead: Vec<Span> = whole.map(|ahead| ahead.span).collect();
        if ahead.len() > AHEAD_MAX {
            ahead.sort_unstable_by_key(|span| std::cmp::Reverse(span.bytes()));
            ahead.truncate(AHEAD_MAX);
            ahead.sort_unstable_by_key(|span| span.start);
        }
        Progress { watermark: account.watermark, ahead, ..Progress::default() }
    }

    /// The number of complete bytes behind the watermark of `file` that are not read again yet since its rewind.
    #[must_use]
    pub fn complete_beyond(&self, file: FileId) -> u64 {
        self.account(file).map_or(0, |account| account.ahead.iter().map(|ahead| ahead.span.bytes()).sum())
    }

    /// The balance of `file`.
    #[must_use]
    pub fn balance(&self, file: FileId) -> Balance {
        self.account(file).map_or_else(Balance::default, |account| account.balance)
    }

    /// Rewinds each file with pending spans to its watermark. Complete spans behind the watermark are remembered and
    /// not sent twice. Returns the files, which the caller must read again from their watermarks.
    pub fn rewind(&mut self) -> Vec<(FileId, Watermark)> {
        let files = (0..self.accounts.len()).map(|index| FileId(u32::try_from(index).unwrap_or(u32::MAX)));
        let rewound = files.filter_map(|file| Some((file, self.rewind_file(file)?))).collect();
        self.failed = false;
        rewound
    }

    /// The same for one file; `None` if it has no pending spans.
    pub fn rewind_file(&mut self, file: FileId) -> Option<Watermark> {
        let account = self.accounts.get_mut(file.0 as usize).filter(|account| !account.entries.is_empty())?;
        let in_flight = account.entries.iter().filter(|entry| entry.is_in_flight());
        let (records, bytes) = in_flight.fold((0, 0), |sum, entry| (sum.0 + 1, sum.1 + entry.cost_bytes as usize));
        self.in_flight_records -= records;
        self.in_flight_bytes -= bytes;
        account.rewind();
        Some(account.watermark)
    }

    fn account(&self, file: FileId) -> Option<&Account> {
        self.accounts.get(file.0 as usize)
    }

    fn account_mut(&mut self, file: FileId) -> &mut Account {
        &mut self.accounts[file.0 as usize]
    }

    /// Adds an entry of `file`. An account without a buffer takes the spare one.
    fn push(&mut self, file: FileId, entry: Entry) -> u32 {
        let account = &mut self.accounts[file.0 as usize];
        if account.entries.capacity() == 0 {
            account.entries = std::mem::take(&mut self.spare);
        }
        account.push(entry)
    }

    /// Moves the watermark of `file` over the prefix of complete spans, and merges complete spans behind a pending one.
    /// An account without entries gives its buffer to the next one, so a thousand idle files need no memory for
    /// entries.
    fn advance(&mut self, file: FileId) {
        let account = &mut self.accounts[file.0 as usize];
        account.advance();
        account.merge();
        if account.entries.is_empty() {
            let buffer = std::mem::take(&mut account.entries);
            if buffer.capacity() > self.spare.capacity() {
                self.spare = buffer;
            }
        }
    }
}

#[cfg(test)]
mod tests;

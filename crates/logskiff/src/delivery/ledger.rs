//! What became of every span: pending, acknowledged, refused, or dropped and counted.
//!
//! Enters: spans in the order in which they were read, and later, in any order, what became of them. Leaves: the
//! watermark of each file, which is the end of the longest prefix of spans that are all settled, and the spans that an output
//! refused, to be read again. It never lets a later success carry the watermark past a span that failed, and it never sees content.

mod account;
mod balance;

use std::collections::VecDeque;

use self::account::{Account, Entry};
pub use self::balance::Balance;
use event::{
    Boundary, DropReason, FileId, MessageCounts, Outcome, OutputId, OutputSet, Progress, Span, Ticket, Watermark,
};

/// So many spans of a file that are settled behind its watermark are remembered over a restart.
const AHEAD_MAX: usize = 1024;

/// What an acknowledgement settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The bytes of its span.
    pub bytes: u64,
    /// When they were written, as it was given to [`Ledger::track`].
    pub written_ms: u32,
    /// An output had refused it before.
    pub again: bool,
}

/// A span whose messages go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What was read.
    pub span: Span,
    /// What follows it.
    pub boundary: Boundary,
    /// What it takes of the byte budget.
    pub cost_bytes: usize,
    /// Its messages; at least one.
    pub messages: MessageCounts,
    /// When it was written; returned when it is acknowledged.
    pub written_ms: u32,
}

impl Outgoing {
    fn cost_bytes(&self) -> u32 {
        u32::try_from(self.cost_bytes).unwrap_or(u32::MAX)
    }
}

/// A span that is to be read and sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Names it still.
    pub ticket: Ticket,
    /// What is to be read.
    pub span: Span,
    /// What stands before it.
    pub before: Boundary,
    /// The outputs that refused something of it.
    pub outputs: OutputSet,
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
    /// Opens the account of a file of an input that is settled as far as `progress` says. `file` may have stood for another before.
    pub fn open(&mut self, file: FileId, input: usize, progress: impl Into<Progress>) {
        let Progress { watermark, ahead } = progress.into();
        self.close(file);
        let place = file.0 as usize;
        if self.accounts.len() <= place {
            self.accounts.resize_with(place + 1, Account::default);
        }
        let account = &mut self.accounts[place];
        // The sequence goes on where the former file's stopped, so that a late report can't be taken for the new file's.
        let next_sequence = account.next_sequence;
        let (read_to, ahead) = (watermark.offset, ahead.into());
        *account = Account { next_sequence, watermark, ahead, read_to, input, ..Account::default() };
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
    pub fn skip_if_acknowledged(&mut self, file: FileId, span: Span, boundary: Boundary) -> bool {
        let account = self.account(file);
        while account.ahead.front().is_some_and(|ahead| ahead.end <= span.start) {
            account.ahead.pop_front();
        }
        let settled = account.ahead.front().is_some_and(|ahead| ahead.start <= span.start && span.end <= ahead.end);
        if settled {
            self.push(file, Entry::settled(span, boundary));
            self.advance(file);
        }
        settled
    }

    /// Whether some of `span` was never read before.
    #[must_use]
    pub fn is_new(&self, file: FileId, span: Span) -> bool {
        self.known(file).is_none_or(|account| account.new_bytes(span) > 0)
    }

    /// Notes a span whose messages go out.
    pub fn track(&mut self, file: FileId, outgoing: &Outgoing) -> Ticket {
        self.in_flight_bytes += outgoing.cost_bytes() as usize;
        self.in_flight_records += 1;
        let (account, span) = (self.account(file), outgoing.span);
        account.count(span);
        account.balance.resent_bytes += span.bytes() - account.new_bytes(span);
        account.read_to = account.read_to.max(span.end);
        let sequence = self.push(file, Entry::out(outgoing));
        Ticket { file, sequence }
    }

    /// Notes a span that has no record, and why.
    pub fn dropped(&mut self, file: FileId, span: Span, boundary: Boundary, reason: DropReason) {
        let account = self.account(file);
        account.count(span);
        account.read_to = account.read_to.max(span.end);
        account.balance.drop_pending(span.bytes(), reason);
        self.push(file, Entry::settled(span, boundary));
        self.advance(file);
    }

    /// Takes what became of one message; returns what it settled. A ticket from before a rewind is ignored.
    pub fn settle(&mut self, ticket: Ticket, output: OutputId, outcome: Outcome) -> Option<Settled> {
        let account = self.accounts.get_mut(ticket.file.0 as usize)?;
        let entry = account.entry(ticket.sequence)?;
        if !entry.is_out() {
            return None;
        }
        entry.take(output, outcome);
        self.failed |= outcome == Outcome::Lost;
        if entry.is_out() {
            return None;
        }
        self.in_flight_bytes -= std::mem::take(&mut entry.cost_bytes) as usize;
        self.in_flight_records -= 1;
        if !entry.is_settled() {
            // It stays pending: it will be read once more.
            account.refused += 1;
            return None;
        }
        let is_oversize = entry.oversize;
        let settled = Settled { bytes: entry.span.bytes(), written_ms: entry.written_ms, again: entry.again };
        account.pending -= 1;
        if is_oversize {
            account.balance.drop_pending(settled.bytes, DropReason::Oversize);
        } else {
            account.balance.acknowledge(settled.bytes);
        }
        self.advance(ticket.file);
        Some(settled)
    }

    /// How many spans of a file were refused, or lost, and are not out again.
    #[must_use]
    pub fn refused(&self, file: FileId) -> usize {
        self.known(file).map_or(0, |account| account.refused)
    }

    /// The same of all files.
    #[must_use]
    pub fn all_refused(&self) -> usize {
        self.accounts.iter().map(|account| account.refused).sum()
    }

    /// The first of these spans, up to `most`, that lie within `bytes` from where the first of them begins.
    #[must_use]
    pub fn first_refused(&self, file: FileId, most: usize, bytes: u64) -> Vec<Refused> {
        self.known(file).map_or_else(Vec::new, |account| account.first_refused(file, most, bytes))
    }

    /// What was refused of a span goes out again, as so many messages, and takes `cost_bytes` of the budget again.
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

    /// A span that was refused has no record any more, and why.
    pub fn drop_refused(&mut self, ticket: Ticket, reason: DropReason) {
        let account = &mut self.accounts[ticket.file.0 as usize];
        let Some(entry) = account.entry(ticket.sequence).filter(|entry| entry.is_refused()) else { return };
        entry.give_up();
        let bytes = entry.span.bytes();
        account.refused -= 1;
        account.pending -= 1;
        account.balance.drop_pending(bytes, reason);
        self.advance(ticket.file);
    }

    /// How many bytes of a stretch that is to be read again are settled.
    #[must_use]
    pub fn settled_within(&self, file: FileId, rest: Span) -> u64 {
        self.known(file).map_or(0, |account| account.settled_within(rest))
    }

    /// The first byte of `file` that was refused and is not out again.
    #[must_use]
    pub fn refused_from(&self, file: FileId) -> Option<u64> {
        self.first_refused(file, 1, 0).first().map(|refused| refused.span.start)
    }

    /// What was refused of a file cannot be read again. Returns how many bytes that are.
    pub fn write_off_refused(&mut self, file: FileId) -> u64 {
        let refused = self.first_refused(file, usize::MAX, u64::MAX);
        for refused in &refused {
            self.drop_refused(refused.ticket, DropReason::FileLost);
        }
        refused.iter().map(|refused| refused.span.bytes()).sum()
    }

    /// The same, and nor can what follows the last span that was read, up to `rest`'s end. What is out may still be acknowledged.
    pub fn write_off(&mut self, file: FileId, rest: Span) -> u64 {
        let bytes = self.write_off_refused(file) + rest.bytes() - self.settled_within(file, rest);
        if let Some(account) = self.accounts.get_mut(file.0 as usize) {
            account.ahead.clear();
        }
        bytes
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

    /// The same, and what is settled behind it: of very many spans the largest.
    #[must_use]
    pub fn progress(&self, file: FileId) -> Progress {
        let Some(account) = self.known(file) else { return Progress::default() };
        let mut ahead = account.settled_ahead();
        if ahead.len() > AHEAD_MAX {
            ahead.sort_unstable_by_key(|span| std::cmp::Reverse(span.bytes()));
            ahead.truncate(AHEAD_MAX);
            ahead.sort_unstable_by_key(|span| span.start);
        }
        Progress { watermark: account.watermark, ahead }
    }

    /// How many bytes of a file that was taken back to its watermark are settled beyond it, and not read again since.
    #[must_use]
    pub fn settled_beyond(&self, file: FileId) -> u64 {
        self.known(file).map_or(0, |account| account.ahead.iter().map(|span| span.bytes()).sum())
    }

    /// Where the bytes of `file` have gone.
    #[must_use]
    pub fn balance(&self, file: FileId) -> Balance {
        self.known(file).map_or_else(Balance::default, |account| account.balance)
    }

    /// Takes every file back to its watermark: the caller reads again from there. Whatever is still pending stays so until
    /// then; whatever was settled past the hole is remembered and not sent twice. Returns the files to read again.
    pub fn rewind(&mut self) -> Vec<(FileId, Watermark)> {
        let files = (0..self.accounts.len()).map(|place| FileId(u32::try_from(place).unwrap_or(u32::MAX)));
        let again = files.filter_map(|file| Some((file, self.rewind_file(file)?))).collect();
        self.failed = false;
        again
    }

    /// The same for one file; `None` where nothing of it is unsettled.
    pub fn rewind_file(&mut self, file: FileId) -> Option<Watermark> {
        let account = self.accounts.get_mut(file.0 as usize).filter(|account| !account.entries.is_empty())?;
        let out = account.entries.iter().filter(|entry| entry.is_out());
        let (records, bytes) = out.fold((0, 0), |sum, entry| (sum.0 + 1, sum.1 + entry.cost_bytes as usize));
        self.in_flight_records -= records;
        self.in_flight_bytes -= bytes;
        account.rewind();
        Some(account.watermark)
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

#[cfg(test)]
mod tests;

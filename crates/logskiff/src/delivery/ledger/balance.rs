//! The byte accounting of a file or an input.

use event::DropReason;

/// Bytes and records by their state. `read = acknowledged + dropped + pending` always holds for bytes. All figures but
/// pending only grow. Bytes that are read again after a rewind are counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Bytes that were read into spans.
    pub read_bytes: u64,
    /// Bytes whose records the outputs have acknowledged.
    pub acknowledged_bytes: u64,
    /// Bytes that were dropped, by the reason's number.
    pub dropped_bytes: [u64; DropReason::ALL.len()],
    /// Bytes that are read but not acknowledged or dropped: in flight, refused, or to be read again.
    pub pending_bytes: u64,
    /// Bytes that were sent again: the receiver may have duplicates of them.
    pub resent_bytes: u64,
    /// Spans that were read: lines, and skipped bytes.
    pub read_records: u64,
    /// Records acknowledged.
    pub acknowledged_records: u64,
    /// Spans dropped, by the reason's number.
    pub dropped_records: [u64; DropReason::ALL.len()],
}

impl Balance {
    /// The sum of two balances.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        let sum = |one: [u64; DropReason::ALL.len()], other: &[u64; DropReason::ALL.len()]| {
            std::array::from_fn(|reason| one[reason] + other[reason])
        };
        Self {
            read_bytes: self.read_bytes + other.read_bytes,
            acknowledged_bytes: self.acknowledged_bytes + other.acknowledged_bytes,
            dropped_bytes: sum(self.dropped_bytes, &other.dropped_bytes),
            pending_bytes: self.pending_bytes + other.pending_bytes,
            resent_bytes: self.resent_bytes + other.resent_bytes,
            read_records: self.read_records + other.read_records,
            acknowledged_records: self.acknowledged_records + other.acknowledged_records,
            dropped_records: sum(self.dropped_records, &other.dropped_records),
        }
    }

    /// The bytes that were dropped, for all reasons together.
    #[must_use]
    pub fn all_dropped_bytes(&self) -> u64 {
        self.dropped_bytes.iter().sum()
    }

    /// Spans that are read but not acknowledged or dropped. A line whose boundaries change at a rewind may count twice.
    #[must_use]
    pub fn pending_records(&self) -> u64 {
        let complete = self.acknowledged_records + self.dropped_records.iter().sum::<u64>();
        self.read_records.saturating_sub(complete)
    }

    /// Whether all read bytes are accounted for.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.read_bytes == self.acknowledged_bytes + self.all_dropped_bytes() + self.pending_bytes
    }

    pub(super) fn read(&mut self, bytes: u64, is_new: bool) {
        self.read_bytes += bytes;
        self.pending_bytes += bytes;
        self.read_records += u64::from(is_new);
    }

    pub(super) fn acknowledge(&mut self, bytes: u64) {
        self.pending_bytes -= bytes;
        self.acknowledged_bytes += bytes;
        self.acknowledged_records += 1;
    }

    pub(super) fn drop_pending(&mut self, bytes: u64, reason: DropReason) {
        self.pending_bytes -= bytes;
        self.dropped_bytes[reason as usize] += bytes;
        self.dropped_records[reason as usize] += 1;
    }

    /// Drops all pending bytes.
    pub(super) fn drop_all_pending(&mut self, reason: DropReason) {
        if self.pending_bytes > 0 {
            self.dropped_records[reason as usize] += self.pending_records();
            self.dropped_bytes[reason as usize] += std::mem::take(&mut self.pending_bytes);
        }
    }
}

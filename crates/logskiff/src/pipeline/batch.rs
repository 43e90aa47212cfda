//! Encoded records on their way to the outputs.
//!
//! Input: bytes that `encode` wrote, with the ticket of their span. Output: a batch, once it is full or lingered long enough.
//! One buffer holds all payloads, so that a record costs no allocation.

use std::ops::Range;
use std::time::Duration;

use event::Ticket;

/// Limits of a batch and of the bytes in flight.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// A batch is sent at this size in bytes …
    pub bytes: usize,
    /// … or at this age, whichever comes first.
    pub linger: Duration,
    /// While few records come, an output whose requests cost more than their records gathers them for this time.
    pub linger_max: Duration,
    /// Limit of bytes in flight: read but not yet acknowledged.
    pub in_flight_bytes: usize,
}

/// Memory overhead of a record: its entries in the batch, the ledger and the client's queue.
const RECORD_OVERHEAD_BYTES: usize = 192;

/// One record of a batch.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The record's bytes.
    pub payload: Range<usize>,
    /// Bytes that only the output reads, such as a message key. May be empty.
    pub extra: Range<usize>,
    /// The ticket to return to the ledger.
    pub ticket: Ticket,
}

/// Records in one buffer.
#[derive(Debug, Default)]
pub struct Batch {
    /// The buffer that the entries' ranges point into.
    pub bytes: Vec<u8>,
    /// The records, in order.
    pub entries: Vec<Entry>,
}

impl Batch {
    /// Whether the batch has reached its size.
    #[must_use]
    pub fn is_full(&self, bytes_max: usize) -> bool {
        self.bytes.len() >= bytes_max
    }

    /// Empties the batch and keeps its buffer, unless one huge record made it much larger than the `usual_bytes` of a full
    /// batch, which the last record always exceeds.
    pub fn clear(&mut self, usual_bytes: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(2 * usual_bytes);
        self.entries.clear();
    }
}

/// The bytes in flight of a record with this many encoded bytes, read from this many bytes of a file.
#[must_use]
pub fn cost_bytes(encoded_bytes: usize, read_bytes: u64) -> usize {
    encoded_bytes.max(usize::try_from(read_bytes).unwrap_or(usize::MAX)).saturating_add(RECORD_OVERHEAD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cleared_batch_does_not_keep_a_huge_record_s_buffer() {
        let mut batch = Batch::default();
        batch.bytes.resize(1 << 20, 0);
        batch.clear(1 << 16);
        assert!(batch.bytes.capacity() <= 1 << 17);
    }
}

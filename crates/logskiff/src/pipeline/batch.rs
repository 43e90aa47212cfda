//! Encoded records on their way to the outputs.
//!
//! Input: bytes that `encode` wrote, with the ticket of their span. Output: a batch, once it is full or lingered long enough.
//! One buffer holds all payloads, so that a record costs no allocation.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use crate::telemetry::metrics::Metrics;
use event::{FileId, Ticket};

/// Limits of a batch and of the bytes in flight.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// A batch is sent at this size in bytes …
    pub bytes: usize,
    /// … or at this age, whichever comes first.
    pub linger: Duration,
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
    /// Its message key; may be empty.
    pub key: Range<usize>,
    /// Its event id, if that is a message header; else empty.
    pub id: Range<usize>,
    /// The topic's number in [`Topics`].
    pub topic: u16,
    /// The ticket to return to the ledger.
    pub ticket: Ticket,
}

impl Entry {
    /// An entry without key, id and topic; the ticket is set later.
    #[must_use]
    pub fn new(payload: Range<usize>) -> Self {
        let ticket = Ticket { file: FileId(0), sequence: 0 };
        Self { payload, key: 0..0, id: 0..0, topic: 0, ticket }
    }
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

/// The topics that templates have produced: a bounded set.
#[derive(Debug)]
pub struct Topics {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
    most: usize,
}

/// Kafka's maximum length of a topic name.
const TOPIC_BYTES_MAX: usize = 249;

impl Topics {
    /// A set of at most `most` topics; number 0 is `default`, which replaces all further ones.
    #[must_use]
    pub fn new(default: &str, most: usize) -> Self {
        let mut topics =
            Self { names: Vec::new(), numbers: HashMap::new(), most: most.clamp(1, usize::from(u16::MAX)) };
        topics.number(default);
        topics
    }

    /// The number of a topic; characters that Kafka does not allow become `_`. `None` if there are too many topics.
    fn number(&mut self, name: &str) -> Option<u16> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let name = valid(name);
        if let Some(number) = self.numbers.get(&name) {
            return Some(*number);
        }
        let number = u16::try_from(self.names.len()).ok().filter(|_| self.names.len() < self.most)?;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        Some(number)
    }

    /// The number of a topic; if there are too many, counts it and returns 0.
    pub fn number_or_default(&mut self, name: &str, metrics: &Metrics) -> u16 {
        self.number(name).unwrap_or_else(|| {
            metrics.topic_overflow.add(1);
            0
        })
    }

    /// A topic's name.
    #[must_use]
    pub fn name(&self, number: u16) -> &str {
        self.names.get(usize::from(number)).map_or("logs", String::as_str)
    }
}

fn valid(name: &str) -> String {
    let allowed =
        |byte: u8| if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) { char::from(byte) } else { '_' };
    let name: String = name.bytes().take(TOPIC_BYTES_MAX).map(allowed).collect();
    if matches!(name.as_str(), "" | "." | "..") { "logs".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_valid_and_bounded() {
        let mut topics = Topics::new("logs", 3);
        assert_eq!(topics.number("team a/b"), Some(1));
        assert_eq!(topics.name(1), "team_a_b");
        assert_eq!(topics.number(".."), Some(0), "no name of a topic");
        let long = "x".repeat(300);
        assert_eq!(topics.number(&long), Some(2));
        assert_eq!(topics.number("one too many"), None);
        assert_eq!(topics.number("team a/b"), Some(1), "a known one is still found");
        assert_eq!(topics.number(&(long + "y")), Some(2), "Kafka would not tell them apart");
        assert!(topics.numbers.keys().all(|name| name.len() <= TOPIC_BYTES_MAX), "nothing longer is kept");
        assert_eq!(topics.number("logs"), Some(0));
    }

    #[test]
    fn a_cleared_batch_does_not_keep_a_huge_record_s_buffer() {
        let mut batch = Batch::default();
        batch.bytes.resize(1 << 20, 0);
        batch.clear(1 << 16);
        assert!(batch.bytes.capacity() <= 1 << 17);
    }
}

//! Encoded records on their way to the outputs.
//!
//! Enters: bytes that `encode` wrote, with the ticket of the span they stand for. Leaves: a batch, once it is full or the
//! shipper has come to the end of its look. One buffer holds all payloads, so that a record costs no allocation.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use crate::telemetry::metrics::Metrics;
use event::{FileId, Ticket};

/// How records are gathered.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// A batch leaves when it has so many bytes …
    pub bytes: usize,
    /// … or its first record is so old, whichever comes first.
    pub linger: Duration,
    /// The budget for all that is read and not yet acknowledged.
    pub in_flight_bytes: usize,
}

/// What a record takes of memory besides its own bytes: its entries in the batch, the ledger and the client's queue.
const RECORD_OVERHEAD_BYTES: usize = 192;

/// One record of a batch.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its bytes.
    pub payload: Range<usize>,
    /// Its message key; empty when it has none.
    pub key: Range<usize>,
    /// Its event id, where that goes into a header; else empty.
    pub id: Range<usize>,
    /// The topic, a number of [`Topics`].
    pub topic: u16,
    /// What to hand back when it is delivered.
    pub ticket: Ticket,
}

impl Entry {
    /// The entry of bytes that have neither key, id nor topic, and no ticket yet.
    #[must_use]
    pub fn of(payload: Range<usize>) -> Self {
        let ticket = Ticket { file: FileId(0), sequence: 0 };
        Self { payload, key: 0..0, id: 0..0, topic: 0, ticket }
    }
}

/// Records in one buffer.
#[derive(Debug, Default)]
pub struct Batch {
    /// Everything that the entries' ranges point into.
    pub bytes: Vec<u8>,
    /// The records, in order.
    pub entries: Vec<Entry>,
}

impl Batch {
    /// Whether it is time to hand it on.
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

/// What a record of so many encoded bytes, read from so many bytes of a file, takes of the budget.
#[must_use]
pub fn cost_bytes(encoded_bytes: usize, read_bytes: u64) -> usize {
    encoded_bytes.max(usize::try_from(read_bytes).unwrap_or(usize::MAX)).saturating_add(RECORD_OVERHEAD_BYTES)
}

/// The topics that templates have made: a bounded set.
#[derive(Debug)]
pub struct Topics {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
    most: usize,
}

/// Kafka allows no longer name.
const TOPIC_BYTES_MAX: usize = 249;

impl Topics {
    /// A set of at most `most` topics; number 0 is `default`, which stands in for all beyond.
    #[must_use]
    pub fn new(default: &str, most: usize) -> Self {
        let mut topics =
            Self { names: Vec::new(), numbers: HashMap::new(), most: most.clamp(1, usize::from(u16::MAX)) };
        topics.number(default);
        topics
    }

    /// The number of a topic, made valid first: what Kafka does not allow in a name becomes `_`. `None` when there are
    /// too many already.
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

    /// The same, with number 0 for what is one too many: counted.
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

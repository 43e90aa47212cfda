//! The records of one partition that wait to be handed to the client, and those that the client has.
//!
//! Enters: records. Leaves: the same records in the same order. Records are copied into segments, which are freed as
//! they are handed over, so that a partition holds no more memory than its records need.

use std::collections::VecDeque;
use std::time::Instant;

use super::pacing::message_cost;
use event::Ticket;

/// Most segments have this size. A larger record has one of its own.
const SEGMENT_BYTES: usize = 16 * 1024;
/// The first bytes of a segment of a partition that gets few records.
const SEGMENT_BYTES_MIN: usize = 1024;

/// A record on its way into an [`Outbox`], or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'b> {
    /// The span that it belongs to.
    pub(super) ticket: Ticket,
    /// The message's content.
    pub(super) payload: &'b [u8],
    /// Topic, key and id, as in the batch.
    pub(super) extra: &'b [u8],
}

impl Record<'_> {
    /// The bytes that it takes while it waits.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.payload.len() + self.extra.len() + size_of::<Item>()
    }

    /// The memory that it takes in the client.
    fn cost(&self) -> usize {
        message_cost(self.payload.len() + self.extra.len())
    }
}

/// A record in a segment.
#[derive(Clone, Copy)]
struct Item {
    ticket: Ticket,
    /// Its payload ends here; the extra bytes follow …
    payload_end: u32,
    /// … up to here.
    end: u32,
}

struct Segment {
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// When the first record came.
    since: Instant,
}

impl Segment {
    fn record(&self, at: usize) -> Option<Record<'_>> {
        let start = at.checked_sub(1).and_then(|before| self.items.get(before)).map_or(0, |item| item.end);
        let Item { ticket, payload_end, end } = *self.items.get(at)?;
        let [start, payload_end, end] = [start, payload_end, end].map(|at| at as usize);
        Some(Record { ticket, payload: &self.bytes[start..payload_end], extra: &self.bytes[payload_end..end] })
    }
}

/// A batch that the client has.
#[derive(Debug)]
pub(super) struct Out {
    /// The records, in the order of the messages.
    pub(super) tickets: Vec<Ticket>,
    /// Where the records of each message end in `tickets`. Empty: each message is one record.
    pub(super) ends: Vec<u32>,
    /// The number of messages without a report.
    pub(super) left: usize,
    /// The memory that it takes in the client.
    pub(super) cost: usize,
    /// The broker that it goes to.
    pub(super) broker: i32,
    /// When it was handed over.
    pub(super) since: Instant,
    /// The log has said that it is held up.
    pub(super) is_reported: bool,
}

impl Out {
    /// The records of a message.
    pub(super) fn records(&self, message: usize) -> &[Ticket] {
        let range = match message.checked_sub(1) {
            _ if self.ends.is_empty() => message..message + 1,
            previous => {
                let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
                previous.map_or(0, end)..end(message)
            }
        };
        self.tickets.get(range).unwrap_or_default()
    }
}

/// The records of one partition.
pub(super) struct Outbox {
    /// The number of its topic.
    pub(super) topic: u16,
    /// The partition; `None`: librdkafka chooses it for each message.
    pub(super) partition: Option<i32>,
    segments: VecDeque<Segment>,
    /// The first record, within the first segment.
    next: usize,
    /// The bytes that wait: [`Record::waiting_bytes`] of each.
    pub(super) waiting_bytes: usize,
    /// The memory that the same records take in the client.
    pub(super) waiting_cost: usize,
    /// The number of the same records.
    pub(super) waiting_records: usize,
    /// The first record is sent in parts, and this many of them are handed over.
    pub(super) parts_sent: usize,
    /// The one batch that the client has.
    pub(super) out: Option<Out>,
    /// It has taken nothing for long: its records wait in their files.
    pub(super) is_closed: bool,
}

impl Outbox {
    pub(super) fn new(topic: u16, partition: Option<i32>) -> Self {
        Self {
            topic,
            partition,
            segments: VecDeque::new(),
            next: 0,
            waiting_bytes: 0,
            waiting_cost: 0,
            waiting_records: 0,
            parts_sent: 0,
            out: None,
            is_closed: false,
        }
    }

    /// Whether no record waits.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// When the oldest of the records came that wait, to the segment.
    pub(super) fn since(&self) -> Option<Instant> {
        self.segments.front().map(|segment| segment.since)
    }

    pub(super) fn push(&mut self, record: Record<'_>, now: Instant) {
        let length = record.payload.len() + record.extra.len();
        let has_room = |segment: &Segment| segment.bytes.len() + length <= SEGMENT_BYTES;
        if !self.segments.back().is_some_and(has_room) {
            let usual = if self.segments.is_empty() { SEGMENT_BYTES_MIN } else { SEGMENT_BYTES };
            let bytes = Vec::with_capacity(length.max(usual));
            // As many as in the one before.
            let items = Vec::with_capacity(self.segments.back().map_or(0, |before| before.items.len()));
            self.segments.push_back(Segment { bytes, items, since: now });
        }
        let Some(Segment { bytes, items, .. }) = self.segments.back_mut() else { return };
        bytes.extend_from_slice(record.payload);
        let payload_end = offset(bytes.len());
        bytes.extend_from_slice(record.extra);
        items.push(Item { ticket: record.ticket, payload_end, end: offset(bytes.len()) });
        self.waiting_bytes += record.waiting_bytes();
        self.waiting_cost += record.cost();
        self.waiting_records += 1;
    }

    /// The first record that waits.
    pub(super) fn first(&self) -> Option<Record<'_>> {
        self.segments.front()?.record(self.next)
    }

    /// Shows the records that wait, in order, while `take` wants more. Returns the number of those that it wanted.
    pub(super) fn peek_while(&self, mut take: impl FnMut(Record<'_>) -> bool) -> usize {
        let mut taken = 0;
        for (segment, skip) in self.segments.iter().zip(std::iter::once(self.next).chain(std::iter::repeat(0))) {
            for at in skip..segment.items.len() {
                if !segment.record(at).is_some_and(&mut take) {
                    return taken;
                }
                taken += 1;
            }
        }
        taken
    }

    /// Takes the first record out.
    pub(super) fn pop(&mut self) {
        let Some(record) = self.first() else { return };
        let (bytes, cost) = (record.waiting_bytes(), record.cost());
        self.waiting_bytes -= bytes;
        self.waiting_cost -= cost;
        self.waiting_records -= 1;
        self.parts_sent = 0;
        self.next += 1;
        if self.segments.front().is_some_and(|segment| self.next >= segment.items.len()) {
            self.segments.pop_front();
            self.next = 0;
        }
    }

    /// Takes all records out that wait.
    pub(super) fn take_waiting(&mut self, mut take: impl FnMut(Record<'_>)) {
        while let Some(record) = self.first() {
            take(record);
            self.pop();
        }
    }
}

/// An offset in a segment, which holds one record of at most 4 GiB, or is small.
fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'b>(number: u32, payload: &'b [u8], extra: &'b [u8]) -> Record<'b> {
        Record { ticket: Ticket::from_bits(u64::from(number)), payload, extra }
    }

    #[test]
    fn records_leave_in_order_and_free_their_memory() {
        let (mut outbox, now) = (Outbox::new(0, Some(0)), Instant::now());
        let payload = |number: u32| vec![number.to_le_bytes()[0]; (number as usize * 37) % 900];
        let mut taken = 0;
        for number in 0..2_000 {
            outbox.push(record(number, &payload(number), b"key"), now);
            if number % 3 == 0 {
                assert_eq!(outbox.first(), Some(record(taken, &payload(taken), b"key")));
                outbox.pop();
                taken += 1;
            }
        }
        let held: usize = outbox.segments.iter().map(|segment| segment.bytes.capacity()).sum();
        assert!(held < outbox.waiting_bytes + 3 * SEGMENT_BYTES, "{held} bytes for {}", outbox.waiting_bytes);
        outbox.take_waiting(|found| {
            assert_eq!(found, record(taken, &payload(taken), b"key"));
            taken += 1;
        });
        assert_eq!((taken, outbox.waiting_bytes, outbox.segments.len()), (2_000, 0, 0));
    }

    #[test]
    fn a_huge_record_has_a_segment_of_its_own() {
        let (mut outbox, now) = (Outbox::new(0, None), Instant::now());
        let huge = vec![b'x'; 3 * SEGMENT_BYTES];
        for (number, payload) in [(0, &b"a"[..]), (1, &huge), (2, b"b"), (3, b"")] {
            outbox.push(record(number, payload, b""), now);
        }
        let mut sizes = Vec::new();
        outbox.take_waiting(|record| sizes.push(record.payload.len()));
        assert_eq!(sizes, [1, huge.len(), 1, 0]);
    }

    #[test]
    fn a_report_of_a_message_is_one_of_its_records() {
        let tickets: Vec<Ticket> = (0..5).map(Ticket::from_bits).collect();
        let out = |ends: &[u32]| Out {
            tickets: tickets.clone(),
            ends: ends.to_vec(),
            left: 0,
            cost: 0,
            broker: 0,
            since: Instant::now(),
            is_reported: false,
        };
        assert_eq!(out(&[]).records(3), &tickets[3..4]);
        assert_eq!(out(&[2, 5]).records(0), &tickets[..2]);
        assert_eq!(out(&[2, 5]).records(1), &tickets[2..]);
        assert!(out(&[2, 5]).records(2).is_empty() && out(&[]).records(5).is_empty());
    }
}

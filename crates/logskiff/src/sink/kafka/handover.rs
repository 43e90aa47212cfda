//! Hands the records of a partition to the client, as one batch, which becomes one request.
//!
//! Enters: an outbox. Leaves: messages in the client's queue. A record that is larger than a message goes in parts.

use std::io::{BufWriter, IntoInnerError, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::BaseRecord;

use super::client::Client;
use super::config::{Limits, Message};
use super::context::AckQueue;
use super::extra::Extra;
use super::headers::Headers;
use super::outbox::{Outbox, Record};
use super::pacing::message_cost;
use super::topic_handle::{Plain, TopicHandle};
use event::Ticket;

/// The size of the parts in which a batch message is compressed.
const GZIP_PART_BYTES: usize = 32 * 1024;
/// The bytes that a message takes in a request besides its payload, time, key and headers. A few more are no harm: brokers
/// take 1,048,588 bytes where librdkafka's default is 1,000,000.
const MESSAGE_OVERHEAD_BYTES: usize = 12;
/// librdkafka's bound of the same.
const MESSAGE_RESERVE_BYTES: usize = 64;

/// Where the messages go.
pub(super) struct HandOver<'k> {
    pub(super) client: &'k Client,
    pub(super) acks: &'k AckQueue,
    pub(super) limits: Limits,
    pub(super) headers: &'k Headers,
    /// The number of the outbox.
    pub(super) number: usize,
    pub(super) topic: &'k str,
    pub(super) handle: Option<&'k TopicHandle>,
    pub(super) partition: Option<i32>,
}

/// The messages of one batch.
#[derive(Default)]
pub(super) struct Handed {
    pub(super) tickets: Vec<Ticket>,
    /// Where the records of each message end. Empty: each message is one record.
    pub(super) ends: Vec<u32>,
    pub(super) messages: usize,
    /// The memory that they take in the client.
    pub(super) cost: usize,
    /// Their size in a request, and librdkafka's bound of it.
    bytes: usize,
    reserve_bytes: usize,
    /// The next record was encoded for a larger limit. It must be read again.
    pub(super) is_outdated: bool,
}

impl Handed {
    /// Whether another message fits into the same request.
    fn has_room(&self, bytes: usize, limits: &Limits) -> bool {
        self.messages == 0
            || (self.cost + message_cost(bytes) <= limits.cost
                && self.bytes + bytes + MESSAGE_OVERHEAD_BYTES <= limits.batch_bytes
                && self.reserve_bytes + bytes + MESSAGE_RESERVE_BYTES <= limits.reserve_bytes
                && self.messages < limits.messages)
    }

    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.cost += message_cost(bytes);
        self.bytes += bytes + MESSAGE_OVERHEAD_BYTES;
        self.reserve_bytes += bytes + MESSAGE_RESERVE_BYTES;
    }
}

impl HandOver<'_> {
    /// Hands over as many records as one request holds.
    pub(super) fn batch(&self, outbox: &mut Outbox, message: Message) -> Handed {
        let mut handed = Handed::default();
        match message {
            Message::Record => self.records(outbox, &mut handed),
            Message::Batch => self.groups(outbox, &mut handed),
        }
        handed
    }

    fn records(&self, outbox: &mut Outbox, handed: &mut Handed) {
        while self.first_record(outbox, handed) {}
    }

    /// Hands over what is left of the first record. Returns whether all of it is handed over.
    fn first_record(&self, outbox: &mut Outbox, handed: &mut Handed) -> bool {
        let Some(record) = outbox.first() else { return false };
        let extra = Extra::read(record.extra);
        // The ledger counts so many messages, also if the limit has changed since.
        let (parts, mut sent) = (usize::from(extra.parts), outbox.parts_sent);
        let part_bytes = record.payload.len().div_ceil(parts);
        if part_bytes > self.limits.part_bytes {
            handed.is_outdated = true;
            return false;
        }
        let bytes = part_bytes + record.extra.len() + self.headers.overhead(&extra);
        while sent < parts {
            let start = (sent * part_bytes).min(record.payload.len());
            let part = &record.payload[start..record.payload.len().min(start + part_bytes)];
            if !handed.has_room(bytes, &self.limits) || !self.part(record, part, sent, handed.messages) {
                break;
            }
            handed.add(bytes);
            handed.tickets.push(record.ticket);
            sent += 1;
        }
        outbox.parts_sent = sent;
        if sent == parts {
            outbox.pop();
        }
        sent == parts
    }

    /// Sends one part of a record. Returns false if the client's queue is full.
    fn part(&self, record: Record<'_>, bytes: &[u8], part: usize, index: usize) -> bool {
        let mut extra = Extra::read(record.extra);
        if extra.parts == 1 {
            return self.produce(&extra, bytes, self.headers.of_record(&extra), index);
        }
        let name = part_key(record.ticket, record.payload.len());
        let headers = self.headers.of_part(&extra, &name, part);
        // All parts of a record go to one partition, in order, also if librdkafka chooses it.
        extra.key = Some(extra.key.unwrap_or(name.as_bytes()));
        self.produce(&extra, bytes, headers, index)
    }

    /// Sends records of one key and the same headers as one message, as often as there is room.
    fn groups(&self, outbox: &mut Outbox, handed: &mut Handed) {
        let room = self.limits.part_bytes.min(self.limits.batch_bytes);
        let mut raw_bytes = 0;
        while let Some(first) = outbox.first().filter(|_| raw_bytes < room / 2) {
            if !self.may_join(first, room) {
                // Parts, and what no message of many records holds, are a batch of their own.
                if handed.messages == 0 {
                    self.first_record(outbox, handed);
                }
                return;
            }
            // It must fit even if compression does not make it smaller.
            if raw_bytes + joined_bytes(first) > room {
                return;
            }
            let Some(bytes) = self.group(outbox, room - raw_bytes, handed) else { return };
            raw_bytes += bytes;
        }
    }

    /// Whether a record may be one of many in a message of this size.
    fn may_join(&self, record: Record<'_>, room: usize) -> bool {
        let is_whole = Extra::read(record.extra).parts == 1 && record.payload.len() <= self.limits.part_bytes;
        is_whole && joined_bytes(record) <= room
    }

    /// Sends the first records of one key and the same headers as one message of at most this size. The first one fits.
    /// Returns their size, or nothing if the client's queue is full.
    fn group(&self, outbox: &mut Outbox, room: usize, handed: &mut Handed) -> Option<usize> {
        // Compression in large parts is cheaper than one call for each line.
        let mut lines = BufWriter::with_capacity(GZIP_PART_BYTES, GzEncoder::new(Vec::new(), Compression::fast()));
        let first = outbox.first()?.extra.to_vec();
        let mut extra = Extra::read(&first);
        let (mut raw_bytes, start) = (0, handed.tickets.len());
        let taken = outbox.peek_while(|record| {
            let Extra { key, values, time_ms, .. } = Extra::read(record.extra);
            let bytes = joined_bytes(record);
            let joins = (key, values) == (extra.key, extra.values)
                && self.may_join(record, room)
                && raw_bytes + bytes <= room
                // Writing to memory does not fail.
                && lines.write_all(record.payload).and_then(|()| lines.write_all(b"\n")).is_ok();
            if joins {
                raw_bytes += bytes;
                // A consumer that seeks a time finds all later records.
                extra.time_ms = extra.time_ms.max(time_ms);
                handed.tickets.push(record.ticket);
            }
            joins
        });
        let gzip = lines.into_inner().map_err(IntoInnerError::into_error).and_then(GzEncoder::finish);
        let sent = gzip.is_ok_and(|payload| {
            let headers = self.headers.of_group(extra.values, taken);
            let sent = self.produce(&extra, &payload, headers, handed.messages);
            if sent {
                handed.add(payload.len() + first.len() + self.headers.overhead(&extra));
            }
            sent
        });
        if !sent {
            handed.tickets.truncate(start);
            return None;
        }
        (0..taken).for_each(|_| outbox.pop());
        handed.ends.push(u32::try_from(handed.tickets.len()).unwrap_or(u32::MAX));
        Some(raw_bytes)
    }

    /// Hands one message to the client. Returns false if the client's queue is full.
    fn produce(&self, extra: &Extra<'_>, payload: &[u8], headers: Option<OwnedHeaders>, index: usize) -> bool {
        let opaque = to_opaque(self.number, index);
        let Extra { key, time_ms, .. } = *extra;
        let sent = match (headers, self.handle) {
            (None, Some(handle)) => handle.send(&Plain { partition: self.partition, time_ms, key, payload, opaque }),
            (headers, _) => {
                let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(self.topic, opaque).payload(payload);
                (record.key, record.headers, record.partition) = (key, headers, self.partition);
                record.timestamp = Some(time_ms);
                let sent = self.client.producer.send(record);
                sent.map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown))
            }
        };
        match sent {
            Ok(()) => {
                let counts = self.acks.counts();
                counts.sent_messages.add(1);
                counts.sent_bytes.add(payload.len() as u64);
            }
            Err(RDKafkaErrorCode::QueueFull) => return false,
            // The client did not accept the message. It counts as sent and failed.
            Err(code) => {
                self.acks.note_refusal(self.topic, code);
                self.acks.add_report(opaque, Err(code));
            }
        }
        true
    }
}

/// The bytes of a record among others in a message.
fn joined_bytes(record: Record<'_>) -> usize {
    record.payload.len() + 2
}

/// The key of a record's parts, if it has none.
pub(super) fn part_key(ticket: Ticket, payload_bytes: usize) -> String {
    format!("{:016x}-{payload_bytes}", ticket.to_bits())
}

const _: () = assert!(usize::BITS == 64, "the numbers of an outbox and of a message fit in a pointer-sized value");

/// The value that a message carries: its outbox, and its number in the batch.
fn to_opaque(outbox: usize, message: usize) -> usize {
    outbox << 32 | message
}

/// The inverse of [`to_opaque`].
pub(super) fn from_opaque(opaque: usize) -> (usize, usize) {
    (opaque >> 32, opaque & 0xffff_ffff)
}

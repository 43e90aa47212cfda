//! Hands the records of a partition to the client, as one batch, which becomes one request.
//!
//! Enters: an outbox. Leaves: messages in the client's queue. A record that is larger than a message goes in parts.

use std::io::{BufWriter, IntoInnerError, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;

use super::client::Client;
use super::config::{Limits, Message};
use super::context::AckQueue;
use super::outbox::{Outbox, Record};
use super::pacing::message_cost;
use super::targets::Extra;
use super::topic_handle::{Plain, TopicHandle};
use event::Ticket;

/// The size of the parts in which a batch message is compressed.
const GZIP_PART_BYTES: usize = 32 * 1024;
/// The bytes that a message takes in a request besides its payload, key and event id. A few more are no harm: brokers
/// take 1,048,588 bytes where librdkafka's default is 1,000,000.
const MESSAGE_OVERHEAD_BYTES: usize = 12;
/// librdkafka's bound of the same.
const MESSAGE_RESERVE_BYTES: usize = 64;

/// Where the messages go.
pub(super) struct HandOver<'k> {
    pub(super) client: &'k Client,
    pub(super) acks: &'k AckQueue,
    pub(super) limits: Limits,
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
}

impl Handed {
    /// Whether another message fits into the same request.
    fn has_room(&self, bytes: usize, limits: &Limits) -> bool {
        self.messages == 0
            || (self.cost + message_cost(bytes) <= limits.batch_cost
                && self.bytes + bytes + MESSAGE_OVERHEAD_BYTES <= limits.message_bytes
                && self.reserve_bytes + bytes + MESSAGE_RESERVE_BYTES <= limits.request_bytes
                && self.messages < limits.request_messages)
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
        let (parts, mut sent) = (self.limits.parts(record.payload.len()), outbox.parts_sent);
        while sent < parts {
            let bytes = record.payload.len().min(self.limits.part_bytes()) + record.extra.len();
            if !handed.has_room(bytes, &self.limits) || !self.part(record, sent, parts, handed.messages) {
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

    /// Sends one of this many parts of a record. Returns false if the client's queue is full.
    fn part(&self, record: Record<'_>, part: usize, parts: usize, index: usize) -> bool {
        let Record { ticket, payload, extra } = record;
        let Extra { key, id, .. } = Extra::read(extra);
        if parts == 1 {
            let headers =
                (!id.is_empty()).then(|| OwnedHeaders::new().insert(Header { key: "event.id", value: Some(id) }));
            return self.produce(key, payload, headers, index);
        }
        let name = part_key(ticket, payload.len());
        let mut headers = OwnedHeaders::new();
        for (key, value) in [("id", name.as_str()), ("part", &part.to_string()), ("parts", &parts.to_string())] {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let start = part * self.limits.part_bytes();
        let bytes = &payload[start..payload.len().min(start + self.limits.part_bytes())];
        // All parts of a record go to one partition, in order, also if librdkafka chooses it.
        self.produce(Some(key.unwrap_or(name.as_bytes())), bytes, Some(headers), index)
    }

    /// Sends records of one key as one message, as often as there is room.
    fn groups(&self, outbox: &mut Outbox, handed: &mut Handed) {
        let mut raw_bytes = 0;
        while let Some(first) = outbox.first().filter(|_| raw_bytes < self.limits.part_bytes() / 2) {
            if first.payload.len() >= self.limits.part_bytes() {
                // Parts are a batch of their own.
                if handed.messages == 0 {
                    self.records(outbox, handed);
                }
                return;
            }
            let Some(bytes) = self.group(outbox, handed) else { return };
            raw_bytes += bytes;
        }
    }

    /// Sends the first records of one key as one message. Returns their size, or nothing if the client's queue is full.
    fn group(&self, outbox: &mut Outbox, handed: &mut Handed) -> Option<usize> {
        // Compression in large parts is cheaper than one call for each line.
        let mut lines = BufWriter::with_capacity(GZIP_PART_BYTES, GzEncoder::new(Vec::new(), Compression::fast()));
        let (mut group_key, mut raw_bytes, start) = (None, 0, handed.tickets.len());
        let taken = outbox.peek_while(|record| {
            let key = Extra::read(record.extra).key.map(<[u8]>::to_vec);
            let bytes = record.payload.len() + 2;
            // It must fit even if compression does not make it smaller.
            let joins =
                *group_key.get_or_insert_with(|| key.clone()) == key && raw_bytes + bytes <= self.limits.part_bytes();
            // Writing to memory does not fail.
            let joins = joins && lines.write_all(record.payload).and_then(|()| lines.write_all(b"\n")).is_ok();
            if joins {
                raw_bytes += bytes;
                handed.tickets.push(record.ticket);
            }
            joins
        });
        let gzip = lines.into_inner().map_err(IntoInnerError::into_error).and_then(GzEncoder::finish);
        let headers = OwnedHeaders::new()
            .insert(Header { key: "content-encoding", value: Some("gzip") })
            .insert(Header { key: "records", value: Some(&taken.to_string()) });
        let sent = gzip.is_ok_and(|payload| {
            let sent = self.produce(group_key.flatten().as_deref(), &payload, Some(headers), handed.messages);
            if sent {
                handed.add(payload.len());
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
    fn produce(&self, key: Option<&[u8]>, payload: &[u8], headers: Option<OwnedHeaders>, index: usize) -> bool {
        let opaque = to_opaque(self.number, index);
        let sent = match (headers, self.handle) {
            (None, Some(handle)) => handle.send(&Plain { partition: self.partition, key, payload, opaque }),
            (headers, _) => {
                let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(self.topic, opaque).payload(payload);
                (record.key, record.headers, record.partition) = (key, headers, self.partition);
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
            Err(code) => self.acks.add_report(opaque, Err(code)),
        }
        true
    }
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

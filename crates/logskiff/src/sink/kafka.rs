//! Sends records to Kafka. The delivery report of a message returns its ticket.
//!
//! The producer is idempotent, waits for all in-sync replicas and retries without limit. If a message fails all the same
//! (its topic is missing, or not authorised), it is refused, and the shipper sends it again later. After a message that is
//! too large, or a fatal producer error, all messages in flight are lost, and a new client takes over.

mod client;
mod config;
mod context;
mod files;
mod targets;
mod topics;

use std::fmt;
use std::io::{BufWriter, IntoInnerError, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use flate2::Compression;
use flate2::write::GzEncoder;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, PurgeConfig};

use self::client::{Connected, connect};
pub use self::config::{Config, Message, Oversize, Properties};
use self::context::{AckQueue, Callbacks};
use self::files::Content;
pub use self::files::Files;
use self::targets::{Extra, KEY_BYTES_MAX, Targets};
use super::{Ack, Context, Encoded, Health, Resume, Sink};
use crate::pipeline::batch::{Batch, Entry};
use crate::pipeline::encode::{Encoder, Envelope, RedactedLine};
use event::{DropReason, FileId, Outcome, Ticket};

impl From<Error> for super::Error {
    fn from(error: Error) -> Self {
        Self::configuration("the LOGSKIFF_KAFKA_… variables", error)
    }
}

/// A client that cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// librdkafka does not know the property or does not accept its value, which may be a secret and is not shown.
    #[error("librdkafka does not accept the property {name:?}: {reason}")]
    Property {
        /// The property.
        name: String,
        /// librdkafka's reason.
        reason: String,
    },
    /// Anything else.
    #[error("cannot create a Kafka client: {0}")]
    Client(String),
}

/// What a message's key, frame and headers take of Kafka's limit.
const FRAME_BYTES: usize = KEY_BYTES_MAX + 256;
/// No limit below this is believed.
const MESSAGE_BYTES_MIN: usize = 1024;
/// librdkafka's `batch.num.messages`: no request holds more.
const REQUEST_MESSAGES_MAX: usize = 10_000;
/// What a message takes of a request besides its payload, key and event id, at most.
const MESSAGE_OVERHEAD_BYTES: usize = 64;
/// So much of a batch is compressed at once.
const GZIP_PART_BYTES: usize = 32 * 1024;
/// Marks the ticket of a message that holds a batch; no file has so high a number.
const GROUP: u64 = 1 << 63;
/// No more is handed over while more messages than these are out. An idempotent client sends a partition's next messages when
/// fewer than five are on their way, and as long as others are ready to be sent it asks the clock and the socket over and over,
/// with all of a core. Nothing is lost by waiting: the next batch is made meanwhile.
const OUT_MAX: usize = 4;

/// A producer and what is out.
pub struct Kafka {
    config: Config,
    producer: Arc<BaseProducer<Callbacks>>,
    acks: Arc<AckQueue>,
    poller: Option<JoinHandle<()>>,
    over: Arc<AtomicBool>,
    /// The size of the largest message that the broker takes, as far as is known.
    message_bytes_max: usize,
    targets: Targets,
    /// The next record, if some of its parts were taken: the client's queue holds one part at a time, not the record.
    partial: Option<Partial>,
    /// The records of each batch message in flight.
    groups: Vec<Option<Vec<Ticket>>>,
    /// Hashes of the files' content when they were last read.
    content: Content,
    /// A client made from changed files, which is not in use yet.
    next: Option<(Connected, Arc<AckQueue>)>,
}

/// A record of which some parts were taken.
#[derive(Clone, Copy)]
struct Partial {
    ticket: Ticket,
    parts: usize,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Kafka {
    /// Makes a client. It connects by itself, and retries until it is connected.
    ///
    /// # Errors
    /// When librdkafka does not accept the configuration.
    pub(super) fn new(config: Config, context: &Context) -> Result<Self, super::Error> {
        let limit = config.message_bytes_max();
        let acks = Arc::new(AckQueue::new(context));
        let (producer, over, poller) = connect(&config, limit, &acks)?;
        Ok(Self {
            producer,
            acks,
            poller: Some(poller),
            over,
            message_bytes_max: limit,
            targets: Targets::new(&config, &context.services),
            partial: None,
            groups: Vec::new(),
            content: config.files.content(),
            next: None,
            config,
        })
    }

    /// The number of messages of a record of this size; `None`: it is left out for its size.
    fn messages(&self, payload_bytes: usize) -> Option<u16> {
        let parts = self.parts(payload_bytes);
        if parts > 1 && self.config.oversize == Oversize::Drop {
            return None;
        }
        // A record of more parts than the ledger can count is always left out.
        u16::try_from(parts).ok()
    }

    fn parts(&self, payload_bytes: usize) -> usize {
        payload_bytes.div_ceil(self.part_bytes()).max(1)
    }

    fn part_bytes(&self) -> usize {
        self.message_bytes_max.saturating_sub(FRAME_BYTES).max(MESSAGE_BYTES_MIN / 2)
    }

    /// Sends entries of a batch, as many as one request holds.
    fn send_records(&mut self, batch: &Batch, from: usize) -> usize {
        let (mut left, mut messages) = (self.config.request_bytes(self.message_bytes_max), 0);
        for (at, entry) in batch.entries.iter().enumerate().skip(from) {
            let parts = self.parts(entry.payload.len());
            while self.parts_sent(entry.ticket) < parts {
                let part_bytes = entry.payload.len().min(self.part_bytes());
                let cost = part_bytes + entry.extra.len() + MESSAGE_OVERHEAD_BYTES;
                // A message beyond one request would be ready to be sent while that request is out.
                let fits = messages == 0 || (cost <= left && messages < REQUEST_MESSAGES_MAX);
                if !fits || !self.send_part(batch, entry, parts) {
                    return at;
                }
                left = left.saturating_sub(cost);
                messages += 1;
            }
            self.partial = None;
        }
        batch.entries.len()
    }

    /// The number of parts that were taken of a record.
    fn parts_sent(&self, ticket: Ticket) -> usize {
        self.partial.filter(|partial| partial.ticket == ticket).map_or(0, |partial| partial.parts)
    }

    /// Sends the next of this many parts of a record.
    fn send_part(&mut self, batch: &Batch, entry: &Entry, parts: usize) -> bool {
        let payload = &batch.bytes[entry.payload.clone()];
        let Extra { topic, key, id } = Extra::read(&batch.bytes[entry.extra.clone()]);
        let ticket = entry.ticket.to_bits();
        let topic = self.targets.topic(topic);
        let part = self.parts_sent(entry.ticket);
        let sent = if parts == 1 {
            let headers =
                (!id.is_empty()).then(|| OwnedHeaders::new().insert(Header { key: "event.id", value: Some(id) }));
            self.produce(topic, key, payload, headers, ticket)
        } else {
            let name = format!("{ticket:016x}-{}", payload.len());
            let mut headers = OwnedHeaders::new();
            for (key, value) in [("id", name.as_str()), ("part", &part.to_string()), ("parts", &parts.to_string())] {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            let start = part * self.part_bytes();
            let bytes = &payload[start..payload.len().min(start + self.part_bytes())];
            // All parts of a record go to one partition, in order.
            self.produce(topic, Some(key.unwrap_or(name.as_bytes())), bytes, Some(headers), ticket)
        };
        self.partial = Some(Partial { ticket: entry.ticket, parts: part + usize::from(sent) });
        sent
    }

    /// Sends the records of each topic as one message.
    fn send_groups(&mut self, batch: &Batch, from: usize) -> usize {
        let mut at = from;
        while let Some(first) = batch.entries.get(at).filter(|_| self.acks.out() <= OUT_MAX) {
            let fits = |entry: &Entry| entry.payload.len() < self.part_bytes();
            let target = |entry: &Entry| {
                let Extra { topic, key, .. } = Extra::read(&batch.bytes[entry.extra.clone()]);
                (topic, key)
            };
            let alike = |entry: &&Entry| target(entry) == target(first) && fits(entry);
            let group: Vec<&Entry> = batch.entries[at..].iter().take_while(alike).collect();
            let group = &group[..self.fitting(&group)];
            if group.is_empty() {
                let parts = self.parts(first.payload.len());
                if !self.send_part(batch, first, parts) {
                    return at;
                }
                if self.parts_sent(first.ticket) == parts {
                    self.partial = None;
                    at += 1;
                }
            } else if self.send_group(batch, group) {
                at += group.len();
            } else {
                return at;
            }
        }
        at
    }

    /// How many entries make a message that cannot be too large, even if nothing of it can be compressed.
    fn fitting(&self, group: &[&Entry]) -> usize {
        let mut bytes = 0;
        let fits = |entry: &&&Entry| {
            bytes += entry.payload.len() + 2;
            bytes <= self.part_bytes()
        };
        group.iter().take_while(fits).count()
    }

    fn send_group(&mut self, batch: &Batch, group: &[&Entry]) -> bool {
        // Compressed in large parts: each call has its cost, also for one line.
        let mut lines = BufWriter::with_capacity(GZIP_PART_BYTES, GzEncoder::new(Vec::new(), Compression::fast()));
        let written = group.iter().try_for_each(|entry| {
            lines.write_all(&batch.bytes[entry.payload.clone()])?;
            lines.write_all(b"\n")
        });
        let gzip = written.and_then(|()| lines.into_inner().map_err(IntoInnerError::into_error));
        let Ok(payload) = gzip.and_then(GzEncoder::finish) else { return false };
        let place = self.groups.iter().position(Option::is_none).unwrap_or_else(|| {
            self.groups.push(None);
            self.groups.len() - 1
        });
        let headers = OwnedHeaders::new()
            .insert(Header { key: "content-encoding", value: Some("gzip") })
            .insert(Header { key: "records", value: Some(&group.len().to_string()) });
        let ticket = GROUP | place as u64;
        let Extra { topic, key, .. } = Extra::read(&batch.bytes[group[0].extra.clone()]);
        let sent = self.produce(self.targets.topic(topic), key, &payload, Some(headers), ticket);
        self.groups[place] = sent.then(|| group.iter().map(|entry| entry.ticket).collect());
        sent
    }

    /// Hands one message to the client; false when its queue is full or it has failed for good.
    fn produce(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        payload: &[u8],
        headers: Option<OwnedHeaders>,
        ticket: u64,
    ) -> bool {
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, to_opaque(ticket)).payload(payload);
        record.key = key;
        record.headers = headers;
        self.acks.expect();
        match self.producer.send(record) {
            Ok(()) => {
                let counts = self.acks.counts();
                counts.sent_messages.add(1);
                counts.sent_bytes.add(payload.len() as u64);
                true
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                self.acks.expect_less();
                false
            }
            Err((error, _)) => {
                // The message was not taken; what it stands for fails like one that was.
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                self.acks.put(ticket, Err(code));
                true
            }
        }
    }

    fn take_over(&mut self, (producer, over, poller): Connected, acks: Arc<AckQueue>) {
        self.stop();
        (self.producer, self.over, self.poller, self.acks) = (producer, over, Some(poller), acks);
        self.groups.clear();
        self.partial = None;
    }

    fn stop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.acks.retire();
        // The poller notices within its wait; nothing of this client is of interest any more.
        drop(self.poller.take());
    }
}

impl Sink for Kafka {
    fn encode(
        &mut self,
        line: &RedactedLine<'_>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, DropReason> {
        let start = out.len();
        encoder.encode(line, out);
        let payload_end = out.len();
        let messages = self.messages(payload_end - start).ok_or(DropReason::Oversize)?;
        self.targets.write_extra(line, encoder, out);
        Ok(Encoded { payload_end, messages })
    }

    fn set_file(&mut self, file: FileId, envelope: &Envelope) {
        self.targets.set_file(file, envelope);
    }

    /// Takes as many entries as one request holds, unless earlier requests or the client's queue are full.
    fn offer(&mut self, batch: &mut Batch, from: usize) -> usize {
        if self.acks.out() > OUT_MAX {
            return from;
        }
        if let Some(first) = batch.entries.get(from) {
            self.acks.note_topic(self.targets.topic(Extra::read(&batch.bytes[first.extra.clone()]).topic));
        }
        match self.config.message {
            Message::Record => self.send_records(batch, from),
            Message::Batch => self.send_groups(batch, from),
        }
    }

    fn poll_acks(&mut self, acks: &mut Vec<Ack>) -> Result<(), super::Error> {
        for (ticket, outcome) in self.acks.take() {
            if let Err(RDKafkaErrorCode::MessageSizeTooLarge) = outcome {
                self.acks.note_too_large();
            }
            let outcome = match outcome {
                Ok(()) => Outcome::Delivered,
                // The next client sends them, in smaller parts if they were too large.
                Err(
                    RDKafkaErrorCode::MessageSizeTooLarge
                    | RDKafkaErrorCode::PurgeQueue
                    | RDKafkaErrorCode::PurgeInflight
                    | RDKafkaErrorCode::Fatal,
                ) => Outcome::Lost,
                Err(_) => Outcome::Refused,
            };
            if ticket & GROUP == 0 {
                acks.push(Ack::new(Ticket::from_bits(ticket), outcome));
                continue;
            }
            let place = usize::try_from(ticket & !GROUP).unwrap_or(usize::MAX);
            let group = self.groups.get_mut(place).and_then(Option::take);
            acks.extend(group.into_iter().flatten().map(|ticket| Ack::new(ticket, outcome)));
        }
        Ok(())
    }

    fn health(&self) -> Health {
        let has_failed = self.producer.client().fatal_error().is_some() || self.acks.is_too_large();
        if has_failed { Health::Failed } else { Health::Works }
    }

    fn purge(&mut self) {
        if self.producer.client().fatal_error().is_some() {
            self.producer.purge(PurgeConfig::default().queue().inflight());
        }
    }

    /// Replaces the client. Late reports of the old one are ignored: all its messages count as lost.
    fn reset(&mut self) -> Result<Resume, super::Error> {
        let is_smaller = self.acks.is_too_large() && self.message_bytes_max > MESSAGE_BYTES_MIN;
        // Without the right to describe the topic, only attempts find the limit.
        let half = (self.message_bytes_max / 2).max(MESSAGE_BYTES_MIN);
        let bytes = if is_smaller { half } else { self.message_bytes_max };
        let acks = Arc::new(self.acks.successor());
        let connected = connect(&self.config, bytes, &acks)?;
        self.message_bytes_max = bytes;
        if is_smaller {
            tracing::warn!(bytes, "the broker accepts no larger messages; splitting larger records");
        }
        self.take_over(connected, acks);
        Ok(if is_smaller { Resume::AtOnce } else { Resume::AfterBackoff })
    }

    /// Creates a client from changed files. If that fails, it logs why, and waits for the next change.
    fn prepare_reload(&mut self) -> bool {
        let content = self.config.files.content();
        if content == self.content {
            return false;
        }
        self.content = content;
        let mut config = self.config.clone();
        let error = match config.files.refresh(&mut config.properties) {
            Ok(()) => {
                let acks = Arc::new(self.acks.successor());
                match connect(&config, self.message_bytes_max, &acks) {
                    Ok(connected) => {
                        self.next = Some((connected, acks));
                        self.config = config;
                        return true;
                    }
                    Err(error) => error.to_string(),
                }
            }
            Err(path) => format!("{} cannot be read, or is empty", path.display()),
        };
        self.acks.log_reload_failure(&error);
        false
    }

    fn reload(&mut self) {
        if let Some((connected, acks)) = self.next.take() {
            self.take_over(connected, acks);
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.stop();
    }
}

const _: () = assert!(usize::BITS == 64, "a ticket is carried as a pointer-sized opaque");

#[allow(clippy::cast_possible_truncation, reason = "the assertion above")]
fn to_opaque(ticket: u64) -> usize {
    ticket as usize
}

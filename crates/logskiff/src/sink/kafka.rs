//! Sends records to Kafka. The delivery report of a message returns its ticket.
//!
//! The producer is idempotent, waits for all in-sync replicas and retries without limit. A message that still fails
//! (its topic is missing, or not authorised) is refused, and the shipper sends it again later. After a message that is
//! too large, or a fatal producer error, all messages in flight count as lost, and a new client replaces the old one.

mod client;
mod config;
mod context;
mod describe;
mod extra;
mod files;
mod headers;
mod message_time;
mod requests;
mod targets;
mod topic_limits;
mod topics;

use std::fmt;
use std::io::{BufWriter, IntoInnerError, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, Producer, PurgeConfig};

use self::client::{Client, connect};
pub use self::config::{Config, Message, Oversize, Properties};
use self::context::AckQueue;
use self::extra::{Extra, VALUE_BYTES_MAX};
use self::files::Content;
pub use self::files::Files;
pub use self::headers::OWN as OWN_HEADERS;
pub use self::message_time::Timestamp;
use self::message_time::to_millis;
use self::requests::Requests;
use self::targets::Targets;
use self::topic_limits::{Question, TopicLimits};
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
    /// Any other error.
    #[error("cannot create a Kafka client: {0}")]
    Client(String),
}

/// The part of Kafka's size limit for a message's key, frame and logskiff's own headers.
const FRAME_BYTES: usize = VALUE_BYTES_MAX + 256;
/// A part of a record is never smaller.
const PART_BYTES_MIN: usize = 512;
/// The most bytes of a message in a request besides its payload, key and event id.
const MESSAGE_OVERHEAD_BYTES: usize = 64;
/// The size of the parts in which a batch is compressed.
const GZIP_PART_BYTES: usize = 32 * 1024;
/// Marks the ticket of a message with several records. No file has a number this high.
const GROUP: u64 = 1 << 63;
/// No messages are sent while more than this many are in flight. An idempotent client sends at most five messages at a
/// time to a partition. While others are ready to be sent, it polls without a pause and uses a whole core. Waiting
/// costs nothing: the next batch is filled meanwhile.
const IN_FLIGHT_MAX: usize = 4;

/// A Kafka client, and its messages in flight.
pub struct Kafka {
    config: Config,
    client: Client,
    acks: Arc<AckQueue>,
    /// What the topics accept, as far as is known.
    limits: TopicLimits,
    /// What was handed over last.
    requests: Requests,
    targets: Targets,
    /// The next record, if some of its parts are sent: the client's queue holds one part at a time, not the record.
    partial: Option<Partial>,
    /// The records of each batch message in flight.
    groups: Vec<Option<Vec<Ticket>>>,
    /// Hashes of the files' content when they were last read.
    content: Content,
    /// A client from changed files, which is not in use yet.
    next: Option<(Client, Arc<AckQueue>)>,
}

/// A record of which some parts are sent.
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
    /// Creates a client. It connects by itself, and retries until it is connected.
    ///
    /// # Errors
    /// When librdkafka does not accept the configuration.
    pub(super) fn new(config: Config, context: &Context) -> Result<Self, super::Error> {
        let acks = Arc::new(AckQueue::new(context));
        let client = connect(&config, &acks)?;
        let bytes = config.message_bytes_max();
        Ok(Self {
            client,
            acks,
            limits: TopicLimits::new(bytes, config.request_bytes(bytes)),
            requests: Requests::default(),
            targets: Targets::new(&config, &context.services),
            partial: None,
            groups: Vec::new(),
            content: config.files.content(),
            next: None,
            config,
        })
    }

    /// The number of messages for a record of this size; `None` if the record is too large.
    fn messages(&self, topic: u16, payload_bytes: usize) -> Option<u16> {
        let parts = payload_bytes.div_ceil(self.part_bytes(topic)).max(1);
        if parts > 1 && self.config.oversize == Oversize::Drop {
            return None;
        }
        // A record with more parts than the ledger can count is always dropped.
        u16::try_from(parts).ok()
    }

    /// The most bytes of a record in one message to a topic.
    fn part_bytes(&self, topic: u16) -> usize {
        let frame_bytes = FRAME_BYTES + self.targets.headers().bytes_max();
        self.limits.message_bytes(topic).saturating_sub(frame_bytes).max(PART_BYTES_MIN)
    }

    /// Whether this much may be handed over to a topic at once; if that is not known, the topic is asked.
    fn may_send(&mut self, topic: u16, bytes: usize) -> bool {
        if self.limits.must_wait(topic, bytes) {
            let (producer, wake, name) = (&self.client.producer, self.acks.wake(), self.targets.topic(topic));
            self.limits.ask(&Question { producer, wake, number: topic, topic: name });
        }
        // What follows a record that is read again waits for it.
        !self.limits.must_wait(topic, bytes) && !self.limits.has_changed()
    }

    /// Sends entries of a batch, as many as one request to each topic holds.
    fn send_records(&mut self, batch: &Batch, from: usize) -> usize {
        self.requests.begin(self.acks.in_flight());
        for (index, entry) in batch.entries.iter().enumerate().skip(from) {
            let Extra { topic, parts, .. } = Extra::read(&batch.bytes[entry.extra.clone()]);
            let parts = usize::from(parts);
            while self.parts_sent(entry.ticket) < parts {
                let bytes = entry.payload.len().div_ceil(parts) + entry.extra.len() + MESSAGE_OVERHEAD_BYTES;
                let may_send = self.may_send(topic, self.requests.bytes_with(topic, bytes))
                    && self.requests.takes(&self.limits, topic, bytes);
                if !may_send || !self.send_part(batch, entry) {
                    return index;
                }
            }
            self.partial = None;
        }
        batch.entries.len()
    }

    /// The number of parts of a record that are sent.
    fn parts_sent(&self, ticket: Ticket) -> usize {
        self.partial.filter(|partial| partial.ticket == ticket).map_or(0, |partial| partial.parts)
    }

    /// Sends the next part of a record. Returns false if the client's queue is full.
    fn send_part(&mut self, batch: &Batch, entry: &Entry) -> bool {
        let payload = &batch.bytes[entry.payload.clone()];
        let mut extra = Extra::read(&batch.bytes[entry.extra.clone()]);
        let part_bytes = payload.len().div_ceil(usize::from(extra.parts));
        let ticket = entry.ticket.to_bits();
        let part = self.parts_sent(entry.ticket);
        let headers = self.targets.headers();
        let sent = if part_bytes > self.part_bytes(extra.topic) {
            // The topic's limit was not known when the record was encoded. It is read again.
            self.limits.note_outdated();
            self.acks.add_in_flight();
            self.acks.add_report(ticket, Err(RDKafkaErrorCode::MessageSizeTooLarge));
            true
        } else if extra.parts == 1 {
            self.produce(&extra, payload, headers.of_record(&extra), ticket)
        } else {
            let name = format!("{ticket:016x}-{}", payload.len());
            let headers = headers.of_part(&extra, &name, part);
            // All parts of a record go to one partition, in order.
            extra.key = Some(extra.key.unwrap_or(name.as_bytes()));
            let start = part * part_bytes;
            let bytes = &payload[start..payload.len().min(start + part_bytes)];
            self.produce(&extra, bytes, headers, ticket)
        };
        self.partial = Some(Partial { ticket: entry.ticket, parts: part + usize::from(sent) });
        sent
    }

    /// Sends the records of each topic as one message.
    fn send_groups(&mut self, batch: &Batch, from: usize) -> usize {
        let mut next = from;
        while let Some(first) = batch.entries.get(next).filter(|_| self.acks.in_flight() <= IN_FLIGHT_MAX) {
            let target = |entry: &Entry| {
                let Extra { topic, key, values, .. } = Extra::read(&batch.bytes[entry.extra.clone()]);
                (topic, key, values)
            };
            let Extra { topic, parts, .. } = Extra::read(&batch.bytes[first.extra.clone()]);
            let fits = |entry: &Entry| entry.payload.len() < self.part_bytes(topic);
            let joins = |entry: &&Entry| target(entry) == target(first) && fits(entry);
            let group: Vec<&Entry> = batch.entries[next..].iter().take_while(joins).collect();
            let group = &group[..self.count_fitting(topic, &group)];
            let bytes = group.iter().map(|entry| entry.payload.len()).sum::<usize>();
            let bytes = if group.is_empty() { first.payload.len().div_ceil(usize::from(parts)) } else { bytes };
            if !self.may_send(topic, bytes) || self.limits.is_small(topic) && self.acks.in_flight() > 0 {
                return next;
            }
            if group.is_empty() {
                if !self.send_part(batch, first) {
                    return next;
                }
                if self.parts_sent(first.ticket) == usize::from(parts) {
                    self.partial = None;
                    next += 1;
                }
            } else if self.send_group(batch, group) {
                next += group.len();
            } else {
                return next;
            }
        }
        next
    }

    /// The number of entries that fit in a message, even if compression does not make them smaller.
    fn count_fitting(&self, topic: u16, group: &[&Entry]) -> usize {
        let mut bytes = 0;
        let fits = |entry: &&&Entry| {
            bytes += entry.payload.len() + 2;
            bytes <= self.part_bytes(topic)
        };
        group.iter().take_while(fits).count()
    }

    fn send_group(&mut self, batch: &Batch, group: &[&Entry]) -> bool {
        // Compression in large parts is cheaper than one call for each line.
        let mut lines = BufWriter::with_capacity(GZIP_PART_BYTES, GzEncoder::new(Vec::new(), Compression::fast()));
        let written = group.iter().try_for_each(|entry| {
            lines.write_all(&batch.bytes[entry.payload.clone()])?;
            lines.write_all(b"\n")
        });
        let gzip = written.and_then(|()| lines.into_inner().map_err(IntoInnerError::into_error));
        let Ok(payload) = gzip.and_then(GzEncoder::finish) else { return false };
        let index = self.groups.iter().position(Option::is_none).unwrap_or_else(|| {
            self.groups.push(None);
            self.groups.len() - 1
        });
        let extras = group.iter().map(|entry| Extra::read(&batch.bytes[entry.extra.clone()]));
        // A consumer that seeks a time finds all later records.
        let Some(extra) = extras.max_by_key(|extra| extra.time_ms) else { return false };
        let headers = self.targets.headers().of_group(extra.values, group.len());
        let sent = self.produce(&extra, &payload, headers, GROUP | index as u64);
        self.groups[index] = sent.then(|| group.iter().map(|entry| entry.ticket).collect());
        sent
    }

    /// Hands one message to the client. Returns false if the client's queue is full.
    fn produce(&self, extra: &Extra<'_>, payload: &[u8], headers: Option<OwnedHeaders>, ticket: u64) -> bool {
        let topic = self.targets.topic(extra.topic);
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, to_opaque(ticket)).payload(payload);
        record.key = extra.key;
        record.headers = headers;
        record.timestamp = Some(extra.time_ms);
        self.acks.add_in_flight();
        match self.client.producer.send(record) {
            Ok(()) => {
                let counts = self.acks.counts();
                counts.sent_messages.add(1);
                counts.sent_bytes.add(payload.len() as u64);
                true
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                self.acks.remove_in_flight();
                false
            }
            Err((error, _)) => {
                // The client did not accept the message. It counts as sent and failed.
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                self.acks.note_refusal(topic, code);
                self.acks.add_report(ticket, Err(code));
                true
            }
        }
    }

    fn replace_client(&mut self, client: Client, acks: Arc<AckQueue>) {
        self.client.stop(&self.acks);
        (self.client, self.acks) = (client, acks);
        self.groups.clear();
        self.partial = None;
        self.limits.reset();
    }

    /// Takes the brokers' answers, and learns from what topics refused for good.
    fn update_limits(&mut self) {
        self.limits.take_answers(|topic| self.targets.topic(topic));
        for (name, refusal) in self.acks.take_refusals() {
            if let Some(topic) = self.targets.number_of(&name) {
                self.limits.learn(topic, refusal, &name);
            }
        }
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
        match self.config.message {
            Message::Record => encoder.encode(line, out),
            // Newlines separate the records of a batch.
            Message::Batch => encoder.encode_in_one_line(line, out),
        }
        let payload_end = out.len();
        let topic = self.targets.topic_of(line);
        let parts = self.messages(topic, payload_end - start).ok_or(DropReason::Oversize)?;
        let (own_ms, read_ms) = (to_millis(line.time().0), to_millis(line.times.read_ns()));
        let time_ms = self.config.timestamp.choose(self.limits.bounds(topic), own_ms, read_ms);
        let extra = Extra { topic, parts, time_ms: time_ms.unwrap_or(read_ms), ..Extra::default() };
        self.targets.write_extra(line, encoder, extra, out);
        if time_ms.is_err() {
            self.targets.count_time_out_of_range(line);
        }
        Ok(Encoded { payload_end, messages: parts })
    }

    fn set_file(&mut self, file: FileId, envelope: &Envelope) {
        self.targets.set_file(file, envelope);
    }

    /// Takes as many entries as one request holds, unless earlier requests or the client's queue are full.
    fn offer(&mut self, batch: &mut Batch, from: usize) -> usize {
        if self.acks.in_flight() > IN_FLIGHT_MAX {
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
        let reports = self.acks.take_reports();
        self.update_limits();
        for (ticket, outcome) in reports {
            let outcome = match outcome {
                Ok(()) => Outcome::Delivered,
                // The next client sends them.
                Err(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight | RDKafkaErrorCode::Fatal) => {
                    Outcome::Lost
                }
                // In smaller parts, or with another time.
                Err(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidTimestamp)
                    if self.limits.has_changed() =>
                {
                    Outcome::Lost
                }
                Err(_) => Outcome::Refused,
            };
            if ticket & GROUP == 0 {
                acks.push(Ack::new(Ticket::from_bits(ticket), outcome));
                continue;
            }
            let index = usize::try_from(ticket & !GROUP).unwrap_or(usize::MAX);
            let group = self.groups.get_mut(index).and_then(Option::take);
            acks.extend(group.into_iter().flatten().map(|ticket| Ack::new(ticket, outcome)));
        }
        Ok(())
    }

    fn health(&self) -> Health {
        let has_failed = self.client.producer.client().fatal_error().is_some() || self.limits.has_changed();
        if has_failed { Health::Failed } else { Health::Works }
    }

    fn purge(&mut self) {
        if self.client.producer.client().fatal_error().is_some() {
            self.client.producer.purge(PurgeConfig::default().queue().inflight());
        }
    }

    /// Replaces the client. Late reports of the old one are ignored: all its messages count as lost.
    fn reset(&mut self) -> Result<Resume, super::Error> {
        let acks = Arc::new(self.acks.for_next_client());
        let client = connect(&self.config, &acks)?;
        let resume = if self.limits.has_changed() { Resume::AtOnce } else { Resume::AfterBackoff };
        self.replace_client(client, acks);
        Ok(resume)
    }

    /// Creates a client from changed files. If that fails, it logs the error, and waits for the next change.
    fn prepare_reload(&mut self) -> bool {
        let content = self.config.files.content();
        if content == self.content {
            return false;
        }
        self.content = content;
        let mut config = self.config.clone();
        let error = match config.files.refresh(&mut config.properties) {
            Ok(()) => {
                let acks = Arc::new(self.acks.for_next_client());
                match connect(&config, &acks) {
                    Ok(client) => {
                        self.next = Some((client, acks));
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
        if let Some((client, acks)) = self.next.take() {
            self.replace_client(client, acks);
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.client.stop(&self.acks);
    }
}

const _: () = assert!(usize::BITS == 64, "a ticket fits in a pointer-sized opaque value");

#[allow(clippy::cast_possible_truncation, reason = "the assertion above")]
fn to_opaque(ticket: u64) -> usize {
    ticket as usize
}

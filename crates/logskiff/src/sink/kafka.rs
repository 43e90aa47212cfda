//! Records to Kafka, each with a ticket that its delivery report brings back.
//!
//! The producer is idempotent, waits for all in-sync replicas and never gives up on its own. A message that fails all
//! the same (the topic is gone, or not authorised) is reported as refused, and the shipper sends it again later. One that is too large,
//! or a fatal producer error, ends the client: everything in flight is reported as lost, and a new client takes over.

mod client;
mod context;
mod files;

use std::fmt;
use std::io::{BufWriter, IntoInnerError, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use flate2::Compression;
use flate2::write::GzEncoder;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, PurgeConfig};

use self::client::{Connected, connect};
use self::context::{AckQueue, Context};
use self::files::Content;
pub use self::files::Files;
use super::Report;
use crate::pipeline::batch::{Batch, Entry, Topics};
use crate::pipeline::encode::template::Template;
use crate::telemetry::log_rate_limit::News;
use crate::telemetry::metrics::Metrics;
use event::{Outcome, Ticket};

/// What to do with a record above the size that the broker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oversize {
    /// Send it in parts, with headers `id`, `part` and `parts`.
    Split,
    /// Leave it out, counted.
    Drop,
}

/// What one Kafka message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// One record.
    Record,
    /// Many records, one a line, compressed with gzip: header `content-encoding: gzip`.
    Batch,
}

/// librdkafka properties. Values may be secrets: they are never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(pub Vec<(String, String)>);

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// How records go to Kafka.
#[derive(Clone, Debug)]
pub struct Config {
    /// The topic.
    pub topic: Template,
    /// The message key.
    pub key: Option<Template>,
    /// How many topics the template may make; the default topic, its name without record fields, takes the others.
    pub topics_max: usize,
    /// What becomes of a record that is too large.
    pub oversize: Oversize,
    /// What a message holds.
    pub message: Message,
    /// Everything that librdkafka is told.
    pub properties: Properties,
    /// Where the OAUTHBEARER token is read from, again before it expires.
    pub token_file: Option<PathBuf>,
    /// What else is read from files, again when they change.
    pub files: Files,
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A property that librdkafka does not know or take; its value may be a secret and is not shown.
    #[error("librdkafka does not accept the property {name:?}: {reason}")]
    Property {
        /// The property.
        name: String,
        /// librdkafka's reason.
        reason: String,
    },
    /// Anything else.
    #[error("no Kafka client can be made: {0}")]
    Client(String),
}

/// Kafka's own limit for a message, where nothing else is said.
const MESSAGE_BYTES_MAX: usize = 1_000_000;
/// A longer key is cut: a record is to fit whatever its key is made of.
pub const KEY_BYTES_MAX: usize = 256;
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
    producer: Arc<BaseProducer<Context>>,
    acks: Arc<AckQueue>,
    poller: Option<JoinHandle<()>>,
    over: Arc<AtomicBool>,
    /// The largest message that the broker is known to take.
    message_bytes_max: usize,
    /// So many parts of the record that is next were taken: the client's queue is to hold one part, not all of a record.
    parts_sent: usize,
    /// The records of each batch message that is out.
    groups: Vec<Option<Vec<Ticket>>>,
    /// What the files held when they were last looked at.
    content: Content,
    /// A client that was made from renewed files and takes over soon.
    next: Option<(Connected, Arc<AckQueue>)>,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Kafka {
    /// Makes a client; it connects by itself, and goes on trying. `wake` is called when reports have come.
    ///
    /// # Errors
    /// [`Error`], when librdkafka does not accept the configuration.
    pub fn new(config: Config, metrics: Arc<Metrics>, wake: impl Fn() + Send + Sync + 'static) -> Result<Self, Error> {
        let limit = number(&config, "message.max.bytes").unwrap_or(MESSAGE_BYTES_MAX);
        let acks = Arc::new(AckQueue::new(Box::new(wake), metrics));
        let (producer, over, poller) = connect(&config, limit, &acks)?;
        let poller = Some(poller);
        let (groups, content) = (Vec::new(), config.files.content());
        Ok(Self {
            config,
            producer,
            acks,
            poller,
            over,
            message_bytes_max: limit,
            parts_sent: 0,
            groups,
            content,
            next: None,
        })
    }

    /// Into how many messages a record of so many bytes goes; `None` when it is left out for its size.
    #[must_use]
    pub fn messages(&self, payload_bytes: usize) -> Option<u16> {
        let parts = self.parts(payload_bytes);
        if parts > 1 && self.config.oversize == Oversize::Drop {
            return None;
        }
        // What would go in more parts than the ledger counts is left out whatever is asked for.
        u16::try_from(parts).ok()
    }

    fn parts(&self, payload_bytes: usize) -> usize {
        payload_bytes.div_ceil(self.part_bytes()).max(1)
    }

    fn part_bytes(&self) -> usize {
        self.message_bytes_max.saturating_sub(FRAME_BYTES).max(MESSAGE_BYTES_MIN / 2)
    }

    /// Sends a batch from entry `from` on, as far as one request goes. Returns the number of the first entry that was not
    /// taken, or taken in part: another request is still out, the client's queue was full, or it has failed. What was taken is reported in time.
    pub fn send(&mut self, batch: &Batch, topics: &Topics, from: usize) -> usize {
        if self.acks.out() > OUT_MAX {
            return from;
        }
        if let Some(first) = batch.entries.get(from) {
            self.acks.note_topic(topics.name(first.topic));
        }
        if self.config.message == Message::Batch {
            return self.send_groups(batch, topics, from);
        }
        let (mut left, mut messages) = (request_bytes(&self.config, self.message_bytes_max), 0);
        for (at, entry) in batch.entries.iter().enumerate().skip(from) {
            let parts = self.parts(entry.payload.len());
            while self.parts_sent < parts {
                let part_bytes = entry.payload.len().min(self.part_bytes());
                let cost = part_bytes + entry.key.len() + entry.id.len() + MESSAGE_OVERHEAD_BYTES;
                // What one request does not hold would be ready while that is out.
                let fits = messages == 0 || (cost <= left && messages < REQUEST_MESSAGES_MAX);
                if !fits || !self.send_part(batch, entry, topics, parts) {
                    return at;
                }
                left = left.saturating_sub(cost);
                messages += 1;
            }
            self.parts_sent = 0;
        }
        batch.entries.len()
    }

    /// What was taken of a record in part is to be sent from its start.
    pub fn begin_record_anew(&mut self) {
        self.parts_sent = 0;
    }

    /// Sends the next of so many parts of a record.
    fn send_part(&mut self, batch: &Batch, entry: &Entry, topics: &Topics, parts: usize) -> bool {
        let payload = &batch.bytes[entry.payload.clone()];
        let id = &batch.bytes[entry.id.clone()];
        let ticket = entry.ticket.to_bits();
        let topic = topics.name(entry.topic);
        let sent = if parts == 1 {
            let headers =
                (!id.is_empty()).then(|| OwnedHeaders::new().insert(Header { key: "event.id", value: Some(id) }));
            self.produce(topic, key(batch, entry), payload, headers, ticket)
        } else {
            let name = format!("{ticket:016x}-{}", payload.len());
            let part = self.parts_sent;
            let mut headers = OwnedHeaders::new();
            for (key, value) in [("id", name.as_str()), ("part", &part.to_string()), ("parts", &parts.to_string())] {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            let start = part * self.part_bytes();
            let bytes = &payload[start..payload.len().min(start + self.part_bytes())];
            // All parts of a record go to one partition, in order.
            let key = key(batch, entry).unwrap_or(name.as_bytes());
            self.produce(topic, Some(key), bytes, Some(headers), ticket)
        };
        self.parts_sent += usize::from(sent);
        sent
    }

    /// Sends the records of each topic as one message.
    fn send_groups(&mut self, batch: &Batch, topics: &Topics, from: usize) -> usize {
        let mut at = from;
        while let Some(first) = batch.entries.get(at).filter(|_| self.acks.out() <= OUT_MAX) {
            let fits = |entry: &Entry| entry.payload.len() < self.part_bytes();
            let alike = |entry: &&Entry| {
                entry.topic == first.topic
                    && batch.bytes[entry.key.clone()] == batch.bytes[first.key.clone()]
                    && fits(entry)
            };
            let group: Vec<&Entry> = batch.entries[at..].iter().take_while(alike).collect();
            let group = &group[..self.fitting(&group)];
            if group.is_empty() {
                let parts = self.parts(first.payload.len());
                if !self.send_part(batch, first, topics, parts) {
                    return at;
                }
                if self.parts_sent == parts {
                    self.parts_sent = 0;
                    at += 1;
                }
            } else if self.send_group(batch, group, topics) {
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

    fn send_group(&mut self, batch: &Batch, group: &[&Entry], topics: &Topics) -> bool {
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
        let sent = self.produce(topics.name(group[0].topic), key(batch, group[0]), &payload, Some(headers), ticket);
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

    /// Collects what became of messages.
    pub fn reports(&mut self, reports: &mut Vec<Report>) {
        for (ticket, outcome) in self.acks.take() {
            if let Err(RDKafkaErrorCode::MessageSizeTooLarge) = outcome {
                self.acks.note_too_large();
            }
            let outcome = match outcome {
                Ok(()) => Outcome::Delivered,
                // The next client sends them, in smaller parts where they were too large.
                Err(
                    RDKafkaErrorCode::MessageSizeTooLarge
                    | RDKafkaErrorCode::PurgeQueue
                    | RDKafkaErrorCode::PurgeInflight
                    | RDKafkaErrorCode::Fatal,
                ) => Outcome::Lost,
                Err(_) => Outcome::Refused,
            };
            if ticket & GROUP == 0 {
                reports.push(Report::record(Ticket::from_bits(ticket), outcome));
                continue;
            }
            let place = usize::try_from(ticket & !GROUP).unwrap_or(usize::MAX);
            let group = self.groups.get_mut(place).and_then(Option::take);
            reports.extend(group.into_iter().flatten().map(|ticket| Report::record(ticket, outcome)));
        }
    }

    /// Whether the client must be replaced before anything more can be delivered.
    #[must_use]
    pub fn needs_reset(&self) -> bool {
        self.producer.client().fatal_error().is_some() || self.acks.is_too_large()
    }

    /// Gives up what is in flight of a client that has failed for good: it is reported as failed.
    pub fn purge(&self) {
        if self.producer.client().fatal_error().is_some() {
            self.producer.purge(PurgeConfig::default().queue().inflight());
        }
    }

    /// Replaces a client that has failed. Its late reports are never seen: everything it had counts as failed. Returns
    /// whether the failure was one of size, which the new client does not repeat: it need not be waited for.
    ///
    /// # Errors
    /// [`Error`], when no new one can be made.
    pub fn reset(&mut self) -> Result<bool, Error> {
        let smaller = self.acks.is_too_large() && self.message_bytes_max > MESSAGE_BYTES_MIN;
        // Nothing but trying tells the limit where describing the topic is not authorised.
        let half = (self.message_bytes_max / 2).max(MESSAGE_BYTES_MIN);
        let bytes = if smaller { half } else { self.message_bytes_max };
        let acks = Arc::new(self.acks.successor());
        let connected = connect(&self.config, bytes, &acks)?;
        self.message_bytes_max = bytes;
        if smaller {
            tracing::warn!(bytes, "the broker accepts no larger messages; splitting larger records");
        }
        self.take_over(connected, acks);
        Ok(smaller)
    }

    /// Looks at the files that the client is made from; whether they have changed and a new client is ready to take over.
    /// What cannot be used is told, and looked at again when it changes.
    pub fn prepare_renewal(&mut self, news: &News) -> bool {
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
        if let Some(left_out) = news.due("renewal") {
            tracing::warn!(
                error,
                left_out,
                "cannot create a Kafka client from the changed files; keeping the old client"
            );
        }
        false
    }

    /// Lets the client that was made from renewed files take over. Late reports of the old one are never seen.
    pub fn renew(&mut self) {
        let Some((connected, acks)) = self.next.take() else { return };
        self.take_over(connected, acks);
    }

    fn take_over(&mut self, (producer, over, poller): Connected, acks: Arc<AckQueue>) {
        self.stop();
        (self.producer, self.over, self.poller, self.acks) = (producer, over, Some(poller), acks);
        self.groups.clear();
        self.parts_sent = 0;
    }

    fn stop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.acks.retire();
        // The poller notices within its wait; nothing of this client is of interest any more.
        drop(self.poller.take());
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.stop();
    }
}

fn key<'b>(batch: &'b Batch, entry: &Entry) -> Option<&'b [u8]> {
    (!entry.key.is_empty()).then(|| &batch.bytes[entry.key.clone()])
}

const _: () = assert!(usize::BITS == 64, "a ticket is carried as a pointer-sized opaque");

#[allow(clippy::cast_possible_truncation, reason = "the assertion above")]
fn to_opaque(ticket: u64) -> usize {
    ticket as usize
}

/// How large a request may become, before compression.
fn request_bytes(config: &Config, message_bytes_max: usize) -> usize {
    number(config, "batch.size").unwrap_or(MESSAGE_BYTES_MAX).min(message_bytes_max)
}

/// How much the client's queue holds: the largest message, whatever the budget is, or that would never be taken.
fn queue_kbytes(config: &Config, message_bytes_max: usize) -> usize {
    number(config, "queue.buffering.max.kbytes").unwrap_or_default().max(message_bytes_max.div_ceil(1024))
}

fn number(config: &Config, property: &str) -> Option<usize> {
    let said = config.properties.0.iter().rev().find(|(name, _)| name == property);
    said.and_then(|(_, number)| number.parse().ok())
}

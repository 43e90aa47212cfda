//! Sends records to Kafka. The delivery report of a message returns its ticket.
//!
//! The producer is idempotent, waits for all in-sync replicas and retries without limit. A message that still fails
//! (its topic is missing, or not authorised) is refused, and the shipper sends it again later. After a message that is
//! too large, or a fatal producer error, all messages in flight count as lost, and a new client replaces the old one.

mod client;
mod config;
mod context;
mod files;
mod handover;
mod metadata;
mod outbox;
mod pacing;
mod partitioner;
mod targets;
mod topic_handle;
mod topic_partitions;
mod topics;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{Producer, PurgeConfig};

use self::client::{Client, connect};
pub use self::config::{Config, Message, Oversize, Properties};
use self::config::{Limits, MESSAGE_BYTES_MIN};
use self::context::AckQueue;
use self::files::Content;
pub use self::files::Files;
use self::handover::{HandOver, Handed, from_opaque, part_key};
use self::metadata::Metadata;
use self::outbox::{Out, Outbox, Record};
use self::pacing::Outboxes;
pub use self::pacing::Pace;
pub use self::partitioner::{Partitioner, murmur2};
use self::targets::{Extra, KEY_BYTES_MAX, Targets};
use self::topic_partitions::{Target, TopicPartitions};
use super::{Ack, Context, Encoded, Health, Resume, Sink, Supply};
use crate::pipeline::batch::{Batch, Entry};
use crate::pipeline::encode::{Encoder, Envelope, RedactedLine};
use event::{DropReason, FileId, Outcome};

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

/// A Kafka client, and the records that it has or that wait for it.
pub struct Kafka {
    config: Config,
    client: Client,
    acks: Arc<AckQueue>,
    /// The largest message that the broker accepts, as far as is known.
    message_bytes_max: usize,
    targets: Targets,
    partitions: TopicPartitions,
    outboxes: Outboxes,
    /// Outcomes of records that were taken and not sent.
    unsent: Vec<Ack>,
    /// Hashes of the files' content when they were last read.
    content: Content,
    /// A client from changed files, which is not in use yet.
    next: Option<(Client, Arc<AckQueue>)>,
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
        let limit = config.message_bytes_max();
        let metadata = Arc::new(Metadata::new(config.refresh(), Arc::clone(&context.services.wake)));
        let acks = Arc::new(AckQueue::new(context, Arc::clone(&metadata)));
        let client = connect(&config, limit, &acks)?;
        Ok(Self {
            client,
            acks,
            message_bytes_max: limit,
            targets: Targets::new(&config, &context.services),
            partitions: TopicPartitions::new(metadata, config.partitioner),
            outboxes: Outboxes::new(config.pace),
            unsent: Vec::new(),
            content: config.files.content(),
            next: None,
            config,
        })
    }

    /// The number of messages for a record of this size; `None` if the record is too large.
    fn messages(&self, payload_bytes: usize) -> Option<u16> {
        let parts = self.limits().parts(payload_bytes);
        if parts > 1 && self.config.oversize == Oversize::Drop {
            return None;
        }
        // A record with more parts than the ledger can count is always dropped.
        u16::try_from(parts).ok()
    }

    fn limits(&self) -> Limits {
        self.config.limits(self.message_bytes_max, self.outboxes.batch_cost_max())
    }

    /// Puts a record into the outbox of its partition.
    fn route(&mut self, record: Record<'_>, now: Instant) {
        let Extra { topic, key, .. } = Extra::read(record.extra);
        // The parts of a record stay together.
        let is_split = key.is_none() && self.limits().parts(record.payload.len()) > 1;
        let part_key = is_split.then(|| part_key(record.ticket, record.payload.len()));
        let key = key.or(part_key.as_ref().map(String::as_bytes));
        let target = Target { topic, name: self.targets.topic(topic), key };
        let number = self.partitions.outbox(target, &mut self.outboxes);
        if self.outboxes.get(number).is_closed {
            self.unsent.push(Ack::new(record.ticket, Outcome::Refused));
        } else {
            self.outboxes.change(number, |outbox| outbox.push(record, now));
        }
    }

    /// Moves records whose partition is known by now to its outbox.
    fn assign(&mut self, now: Instant) {
        self.partitions.update();
        for number in self.partitions.assignable() {
            let outbox = self.outboxes.get(number);
            if outbox.out.is_some() || outbox.parts_sent > 0 || outbox.is_empty() {
                continue;
            }
            let fresh = Outbox::new(outbox.topic, outbox.partition);
            let mut waiting = self.outboxes.change(number, |outbox| std::mem::replace(outbox, fresh));
            waiting.take_waiting(|record| self.route(record, now));
        }
    }

    /// Hands a batch of an outbox to the client. Returns whether it took any.
    fn hand_over(&mut self, number: usize, now: Instant) -> bool {
        let outbox = self.outboxes.get(number);
        let broker = self.partitions.leader(outbox);
        self.partitions.note_handed_over(outbox);
        self.client.prepare_topic(outbox.topic, self.targets.topic(outbox.topic));
        let hand_over = HandOver {
            client: &self.client,
            acks: &self.acks,
            limits: self.limits(),
            number,
            topic: self.targets.topic(outbox.topic),
            handle: self.client.topic(outbox.topic),
            partition: outbox.partition,
        };
        let message = self.config.message;
        let Handed { tickets, ends, messages, cost, .. } =
            self.outboxes.change(number, |outbox| hand_over.batch(outbox, message));
        if messages > 0 {
            self.outboxes.set_out(number, Out { tickets, ends, left: messages, cost, broker, since: now });
            self.acks.add_batch(number, messages);
        }
        messages > 0
    }

    /// Refuses what waits for partitions that take nothing while others do. Their records wait in the files, and the
    /// others go on.
    fn close_stalled(&mut self, now: Instant) {
        for number in self.outboxes.stalled(now) {
            let unsent = &mut self.unsent;
            let (topic, partition) = self.outboxes.change(number, |outbox| {
                outbox.is_closed = true;
                outbox.take_waiting(|record| unsent.push(Ack::new(record.ticket, Outcome::Refused)));
                (outbox.topic, outbox.partition)
            });
            if let Some(left_out) = self.acks.log_limit().due("stalled") {
                let topic = self.targets.topic(topic);
                tracing::warn!(topic, partition, left_out, "a partition takes no records; they wait in their files");
            }
        }
    }

    /// Whether the client is of no more use.
    fn has_failed(&self) -> bool {
        self.client.producer.client().fatal_error().is_some() || self.acks.is_too_large()
    }

    fn replace_client(&mut self, client: Client, acks: Arc<AckQueue>) {
        self.client.stop(&self.acks);
        (self.client, self.acks) = (client, acks);
        self.outboxes.clear();
        self.unsent.clear();
        self.acks.metadata().ask();
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
        let messages = self.messages(payload_end - start).ok_or(DropReason::Oversize)?;
        self.targets.write_extra(line, encoder, out);
        Ok(Encoded { payload_end, messages })
    }

    fn set_file(&mut self, file: FileId, envelope: &Envelope) {
        self.targets.set_file(file, envelope);
    }

    /// Takes entries until its memory is used up.
    fn offer(&mut self, batch: &mut Batch, from: usize) -> usize {
        let now = Instant::now();
        self.assign(now);
        for (index, Entry { payload, extra, ticket }) in batch.entries.iter().enumerate().skip(from) {
            if self.outboxes.is_full() {
                return index;
            }
            let (payload, extra) = (&batch.bytes[payload.clone()], &batch.bytes[extra.clone()]);
            self.route(Record { ticket: *ticket, payload, extra }, now);
        }
        batch.entries.len()
    }

    fn send(&mut self, supply: Supply, now: Instant) {
        if self.health() != Health::Works {
            // What failed is sent again first.
            return;
        }
        self.assign(now);
        let supply = if self.outboxes.is_full() { Supply::Waits } else { supply };
        if supply == Supply::Waits {
            self.close_stalled(now);
        }
        while let Some(number) = self.outboxes.due(supply, now, |outbox| self.partitions.leader(outbox)) {
            if !self.hand_over(number, now) {
                break;
            }
        }
    }

    fn poll_acks(&mut self, acks: &mut Vec<Ack>) -> Result<(), super::Error> {
        acks.append(&mut self.unsent);
        let now = Instant::now();
        for (opaque, outcome) in self.acks.take_reports() {
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
            let (number, message) = from_opaque(opaque);
            self.outboxes.settle(number, message, now, |ticket| acks.push(Ack::new(*ticket, outcome)));
        }
        Ok(())
    }

    fn health(&self) -> Health {
        if self.has_failed() || self.outboxes.can_reopen() { Health::Failed } else { Health::Works }
    }

    fn purge(&mut self) {
        let lost = self.outboxes.give_up();
        self.unsent.extend(lost.into_iter().map(|ticket| Ack::new(ticket, Outcome::Lost)));
        if self.client.producer.client().fatal_error().is_some() {
            self.client.producer.purge(PurgeConfig::default().queue().inflight());
        } else if self.has_failed() && self.outboxes.has_stalled(Instant::now()) {
            // A partition without a leader would hold up the next client for as long.
            self.client.producer.purge(PurgeConfig::default().queue());
        }
    }

    /// Replaces the client. Late reports of the old one are ignored: all its messages count as lost. If partitions only
    /// take records again, the client stays, and what waited for them is read again, in its order.
    fn reset(&mut self) -> Result<Resume, super::Error> {
        if !self.has_failed() && self.outboxes.can_reopen() {
            self.outboxes.reopen();
            return Ok(Resume::AtOnce);
        }
        let is_smaller = self.acks.is_too_large() && self.message_bytes_max > MESSAGE_BYTES_MIN;
        // Without permission to describe the topic, only attempts find the limit.
        let half = (self.message_bytes_max / 2).max(MESSAGE_BYTES_MIN);
        let bytes = if is_smaller { half } else { self.message_bytes_max };
        let acks = Arc::new(self.acks.for_next_client());
        let client = connect(&self.config, bytes, &acks)?;
        self.message_bytes_max = bytes;
        if is_smaller {
            tracing::warn!(bytes, "the broker accepts no larger messages; splitting larger records");
        }
        self.replace_client(client, acks);
        Ok(if is_smaller { Resume::AtOnce } else { Resume::AfterBackoff })
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
                match connect(&config, self.message_bytes_max, &acks) {
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

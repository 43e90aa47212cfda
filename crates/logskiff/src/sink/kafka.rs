//! Sends records to Kafka. The delivery report of a message returns its ticket.
//!
//! The producer is idempotent, waits for all in-sync replicas and retries without limit. A message that still fails
//! (its topic is missing, or not authorised) is refused, and the shipper sends it again later. After a message that is
//! too large, or a fatal producer error, all messages in flight count as lost, and a new client replaces the old one.

mod causes;
mod client;
mod config;
mod context;
mod describe;
mod extra;
mod files;
mod gathering;
mod handover;
mod headers;
mod hold_ups;
mod message_time;
mod metadata;
mod outbox;
mod pacing;
mod partitioner;
mod targets;
mod topic_handle;
mod topic_limits;
mod topic_notice;
mod topic_partitions;
mod topics;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{Producer, PurgeConfig};

use self::client::{Client, connect};
pub use self::config::{Config, Message, Oversize, Properties};
use self::config::{Limits, request_bytes};
use self::context::AckQueue;
use self::extra::{Extra, VALUE_BYTES_MAX};
use self::files::Content;
pub use self::files::Files;
use self::handover::{HandOver, Handed, from_opaque, part_key};
pub use self::headers::OWN as OWN_HEADERS;
use self::hold_ups::{HoldUp, REPORT_AFTER};
pub use self::message_time::Timestamp;
use self::message_time::to_millis;
use self::metadata::Metadata;
use self::outbox::{Out, Outbox, Record};
use self::pacing::Outboxes;
pub use self::pacing::{COPY_BYTES_MAX, Pace};
pub use self::partitioner::{Partitioner, murmur2};
use self::targets::Targets;
use self::topic_limits::{Question, TopicLimits};
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

/// The part of Kafka's size limit for a message's key, frame and logskiff's own headers.
const FRAME_BYTES: usize = VALUE_BYTES_MAX + 256;
/// A part of a record is never smaller.
const PART_BYTES_MIN: usize = 512;

/// A Kafka client, and the records that it has or that wait for it.
pub struct Kafka {
    config: Config,
    client: Client,
    acks: Arc<AckQueue>,
    /// What the topics accept, as far as is known.
    limits: TopicLimits,
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
        let metadata = Arc::new(Metadata::new(config.refresh(), Arc::clone(&context.services.wake)));
        let acks = Arc::new(AckQueue::new(context, Arc::clone(&metadata)));
        let pod = context.services.pod.name.as_deref().unwrap_or_default();
        let targets = Targets::new(&config, &context.services);
        if let Some(topic) = targets.only_topic() {
            // It is known before the first line whether the topic can be used.
            metadata.leaders(topic);
        }
        let client = connect(&config, &acks)?;
        Ok(Self {
            client,
            acks,
            limits: TopicLimits::new(config.message_bytes_max()),
            targets,
            partitions: TopicPartitions::new(metadata, config.partitioner, pod),
            outboxes: Outboxes::new(config.pace),
            unsent: Vec::new(),
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

    fn batch_limits(&self, topic: u16) -> Limits {
        Limits {
            part_bytes: self.part_bytes(topic),
            batch_bytes: self.limits.request_bytes(topic),
            reserve_bytes: request_bytes(self.config.message_bytes_max()),
            messages: self.config.request_messages(),
            cost: self.outboxes.batch_cost_max(),
        }
    }

    /// Puts a record into the outbox of its partition.
    fn route(&mut self, record: Record<'_>, now: Instant) {
        let Extra { topic, parts, key, .. } = Extra::read(record.extra);
        // The parts of a record stay together.
        let part_key = (key.is_none() && parts > 1).then(|| part_key(record.ticket, record.payload.len()));
        let key = key.or(part_key.as_ref().map(String::as_bytes));
        let target = Target { topic, name: self.targets.topic(topic), key };
        let number = self.partitions.outbox(target, &mut self.outboxes, now);
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

    /// Asks the topics for which much waits.
    fn ask_topics(&mut self) {
        for outbox in self.outboxes.waiting() {
            if self.limits.is_to_ask(outbox.topic, outbox.waiting_bytes) {
                let (producer, wake) = (&self.client.producer, self.acks.wake());
                let (metadata, topic) = (self.acks.metadata(), self.targets.topic(outbox.topic));
                self.limits.ask(&Question { producer, metadata, wake, number: outbox.topic, topic });
            }
        }
    }

    /// The broker of an outbox, unless its topic must answer first.
    fn broker(&self, outbox: &Outbox) -> Option<i32> {
        let first_bytes = outbox.first().map_or(0, |record| record.payload.len());
        let must_wait = self.limits.must_wait(outbox.topic, first_bytes) || self.partitions.awaits_answer(outbox);
        (!must_wait).then(|| self.partitions.leader(outbox))
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
            limits: self.batch_limits(outbox.topic),
            headers: self.targets.headers(),
            number,
            topic: self.targets.topic(outbox.topic),
            handle: self.client.topic(outbox.topic),
            partition: outbox.partition,
        };
        let message = self.config.message;
        let Handed { tickets, ends, messages, cost, is_outdated, .. } =
            self.outboxes.change(number, |outbox| hand_over.batch(outbox, message));
        if messages > 0 {
            self.outboxes
                .set_out(number, Out { tickets, ends, left: messages, cost, broker, since: now, is_reported: false });
            self.acks.add_batch(number, messages);
        }
        if is_outdated {
            self.limits.note_outdated();
        }
        messages > 0 && !is_outdated
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

    /// Logs why a partition acknowledges nothing. If no broker is reached, the log says that already.
    fn report_hold_up(&mut self, now: Instant) {
        let Some(outbox) = self.outboxes.take_held_up(REPORT_AFTER, now) else { return };
        if !self.acks.counts().connected.get() {
            return;
        }
        let Some(left_out) = self.acks.log_limit().due("held up") else { return };
        let waited = outbox.out.as_ref().map_or(REPORT_AFTER, |out| now.saturating_duration_since(out.since));
        let topic = self.targets.topic(outbox.topic).to_owned();
        let hold_up = HoldUp { topic, partition: outbox.partition, waited, left_out };
        // Without a thread, the metrics still tell.
        _ = hold_ups::report(&self.client.producer, hold_up);
    }

    /// Whether the client is of no more use.
    fn has_failed(&self) -> bool {
        self.client.producer.client().fatal_error().is_some() || self.limits.has_changed()
    }

    fn replace_client(&mut self, client: Client, acks: Arc<AckQueue>) {
        self.client.stop(&self.acks);
        (self.client, self.acks) = (client, acks);
        self.outboxes.clear();
        self.unsent.clear();
        self.limits.reset();
        self.acks.metadata().ask();
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
        if line.is_error() {
            self.outboxes.gathering.note_urgent();
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
        self.ask_topics();
        self.report_hold_up(now);
        if self.outboxes.decide_gathering(supply, now) {
            return;
        }
        while let Some(number) = self.outboxes.due(supply, now, |outbox| self.broker(outbox)) {
            if !self.hand_over(number, now) {
                break;
            }
        }
    }

    fn send_at(&self) -> Option<Instant> {
        self.outboxes.gathering.until()
    }

    fn poll_acks(&mut self, acks: &mut Vec<Ack>) -> Result<(), super::Error> {
        acks.append(&mut self.unsent);
        let (now, reports) = (Instant::now(), self.acks.take_reports());
        self.update_limits();
        for (opaque, outcome) in reports {
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

//! How records go to Kafka.
//!
//! Enters: settings from `config`. Leaves: limits, a description of the receiver, and the files that the client needs.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use super::files::Files;
use super::message_time::Timestamp;
use super::metadata::REFRESH;
use super::pacing::Pace;
use super::partitioner::Partitioner;
use crate::pipeline::encode::template::Template;

/// What to do with a record above the size that the broker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oversize {
    /// Send it in parts, with headers `id`, `part` and `parts`.
    Split,
    /// Drop it, and count it.
    Drop,
}

/// The content of one Kafka message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// One record.
    Record,
    /// Many records, one in each line, compressed with gzip (header `content-encoding: gzip`).
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
    /// Headers of each message, by name.
    pub headers: Vec<(String, Template)>,
    /// Which time a message has.
    pub timestamp: Timestamp,
    /// At most this many topics. Further records go to the default topic, which is the template without record fields.
    pub topics_max: usize,
    /// Whether a record that is too large is split or dropped.
    pub oversize: Oversize,
    /// The content of a message.
    pub message: Message,
    /// The partition of a key.
    pub partitioner: Partitioner,
    /// Limits of memory and of batches.
    pub pace: Pace,
    /// librdkafka's properties.
    pub properties: Properties,
    /// The OAUTHBEARER token's file, read again before the token expires.
    pub token_file: Option<PathBuf>,
    /// Certificates and the password's file, read again when they change.
    pub files: Files,
}

impl Config {
    /// The brokers and the topic.
    pub(in crate::sink) fn receiver(&self) -> String {
        format!("{} topic {}", self.property("bootstrap.servers").unwrap_or_default(), self.topic)
    }

    /// The topic, the brokers, compression and authentication. No other properties are shown.
    pub(in crate::sink) fn describe(&self) -> String {
        let property = |name| self.property(name).unwrap_or_default();
        let mut text = format!(
            "topic {} at {}, compression {}, {}",
            self.topic,
            property("bootstrap.servers"),
            property("compression.type"),
            property("security.protocol"),
        );
        if let Some(mechanism) = self.property("sasl.mechanism") {
            // Writing to a String cannot fail.
            _ = write!(text, " with {mechanism}");
        }
        text
    }

    /// Certificates, keys and secrets. librdkafka reads each property that is an absolute path.
    pub(in crate::sink) fn files(&self) -> Vec<PathBuf> {
        let properties = self.properties.0.iter().map(|(_, value)| PathBuf::from(value));
        let properties = properties.filter(|path| path.is_absolute());
        let files = self.files.tls.iter().chain(&self.files.password).chain(&self.token_file);
        files.cloned().chain(properties).collect()
    }

    /// The most messages in a request.
    pub(super) fn request_messages(&self) -> usize {
        self.number("batch.num.messages").unwrap_or(usize::MAX)
    }

    /// How often a topic is asked for, if the user has said so.
    pub(super) fn refresh(&self) -> Duration {
        let ms = self.number("topic.metadata.refresh.interval.ms").filter(|ms| *ms > 0);
        ms.and_then(|ms| u64::try_from(ms).ok()).map_or(REFRESH, Duration::from_millis)
    }

    /// The size of the client's queue in KiB. It is at least the size of the largest message, or that message could
    /// never be queued.
    pub(super) fn queue_kbytes(&self, message_bytes_max: usize) -> usize {
        self.number("queue.buffering.max.kbytes").unwrap_or_default().max(message_bytes_max.div_ceil(1024))
    }

    /// The maximum size of a message in bytes.
    pub(super) fn message_bytes_max(&self) -> usize {
        self.number("message.max.bytes").unwrap_or(MESSAGE_BYTES_MAX)
    }

    /// The last value of a property.
    fn property(&self, name: &str) -> Option<&str> {
        self.properties.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, property: &str) -> Option<usize> {
        self.property(property)?.parse().ok()
    }
}

/// Kafka's default limit of a message.
const MESSAGE_BYTES_MAX: usize = 1_000_000;
/// librdkafka's limit of a request. It reserves more for a message than the message takes, and a batch must not be split.
pub(super) fn request_bytes(message_bytes_max: usize) -> usize {
    2 * message_bytes_max + 64 * 1024
}

/// The limits of messages and of the batch that becomes a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The largest part of a record in one message.
    pub(super) part_bytes: usize,
    /// The largest request that the topic accepts, as far as is known.
    pub(super) batch_bytes: usize,
    /// The largest request that librdkafka forms, by its own bound of a message's size.
    pub(super) reserve_bytes: usize,
    /// The most messages in a request.
    pub(super) messages: usize,
    /// The memory that a batch may take in the client.
    pub(super) cost: usize,
}

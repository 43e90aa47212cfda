//! The demo's consumer: reads the topic from its beginning.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

use super::count_secrets;

/// The embedded broker is in this process, so all its messages arrive within this time.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// One record.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) text: String,
}

/// The messages of the topic.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) messages: usize,
    /// The records by `log:sequence`.
    pub(super) records: BTreeMap<String, Record>,
    pub(super) secrets: usize,
}

/// Reads `messages` messages.
///
/// # Errors
/// If the consumer cannot be created, or a record is not JSON.
pub(super) fn receive(brokers: &str, topic: &str, messages: u64) -> anyhow::Result<Received> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "demo")
        .create()
        .context("cannot create the consumer")?;
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&partitions)?;
    let (mut received, deadline) = (Received::default(), Instant::now() + WAIT_MAX);
    while (received.messages as u64) < messages && Instant::now() < deadline {
        let Some(message) = consumer.poll(Duration::from_millis(100)).transpose().ok().flatten() else { continue };
        add_record(message.payload().unwrap_or_default(), &mut received)?;
    }
    Ok(received)
}

fn add_record(payload: &[u8], received: &mut Received) -> anyhow::Result<()> {
    let record: Value = serde_json::from_slice(payload).context("a record is not JSON")?;
    let path = record["log.file.path"].as_str().unwrap_or_default();
    let sequence = match &record["seq"] {
        Value::Number(sequence) => sequence.to_string(),
        _ => sequence_from_url(record["url.original"].as_str().unwrap_or_default()),
    };
    // A file that was rotated before it was found has its rotated name.
    let log = if path.contains("access.log") { "access" } else { "app" };
    received.messages += 1;
    // The decoded record reveals escaped secrets too.
    received.secrets += count_secrets(&record.to_string());
    let text = String::from_utf8_lossy(payload).into_owned();
    received.records.insert(format!("{log}:{sequence}"), Record { text });
    Ok(())
}

fn sequence_from_url(url: &str) -> String {
    let after = url.split("seq=").nth(1).unwrap_or_default();
    after.chars().take_while(char::is_ascii_digit).collect()
}

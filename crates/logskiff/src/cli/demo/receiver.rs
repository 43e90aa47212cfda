//! The demo's consumer: reads the topic from its beginning.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

use super::secrets_in;

/// The embedded broker is in this process: whatever it has comes within this time.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// One record.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) text: String,
}

/// What the topic held.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) messages: usize,
    /// By `log:sequence`.
    pub(super) records: BTreeMap<String, Record>,
    pub(super) secrets: usize,
}

/// Reads as many messages as were acknowledged.
///
/// # Errors
/// When the consumer cannot be made, or a record is not JSON.
pub(super) fn receive(brokers: &str, topic: &str, messages: u64) -> anyhow::Result<Received> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "demo")
        .create()
        .context("the consumer cannot be made")?;
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&partitions)?;
    let (mut received, deadline) = (Received::default(), Instant::now() + WAIT_MAX);
    while (received.messages as u64) < messages && Instant::now() < deadline {
        let Some(message) = consumer.poll(Duration::from_millis(100)).transpose().ok().flatten() else { continue };
        take(message.payload().unwrap_or_default(), &mut received)?;
    }
    Ok(received)
}

fn take(payload: &[u8], received: &mut Received) -> anyhow::Result<()> {
    let record: Value = serde_json::from_slice(payload).context("a record is not JSON")?;
    let path = record["log.file.path"].as_str().unwrap_or_default();
    let sequence = match &record["seq"] {
        Value::Number(sequence) => sequence.to_string(),
        _ => sequence_of(record["url.original"].as_str().unwrap_or_default()),
    };
    // A file that was rotated before it was seen goes by its later name.
    let log = if path.contains("access.log") { "access" } else { "app" };
    received.messages += 1;
    // Decoded, an escaped secret shows as well.
    received.secrets += secrets_in(&record.to_string());
    let text = String::from_utf8_lossy(payload).into_owned();
    received.records.insert(format!("{log}:{sequence}"), Record { text });
    Ok(())
}

fn sequence_of(url: &str) -> String {
    let after = url.split("seq=").nth(1).unwrap_or_default();
    after.chars().take_while(char::is_ascii_digit).collect()
}

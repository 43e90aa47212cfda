//! Making a client, and the thread that takes what it tells.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer};

use super::context::{AckQueue, Callbacks};
use super::{Config, Error};
use crate::regular;

/// A client, what ends its thread, and the thread.
pub(super) type Connected = (Arc<BaseProducer<Callbacks>>, Arc<AtomicBool>, JoinHandle<()>);

/// How long the poller waits for events at a time: it sleeps while there are none.
const POLL: Duration = Duration::from_secs(10);
/// The same until a broker has told the cluster's name, which shows that it is reached: from the first to the second, doubling.
const POLL_AT_FIRST: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
/// How long the answer to a question about the first topic is waited for.
const ASK: Duration = Duration::from_secs(1);

/// Makes a client, and starts the thread that hands on to `acks` what it tells.
///
/// # Errors
/// [`Error`], when librdkafka does not accept the configuration.
pub(super) fn connect(config: &Config, message_bytes_max: usize, acks: &Arc<AckQueue>) -> Result<Connected, Error> {
    let mut client = ClientConfig::new();
    for (name, value) in &config.properties.0 {
        client.set(name, value);
    }
    client.set("message.max.bytes", message_bytes_max.to_string());
    client.set("batch.size", config.request_bytes(message_bytes_max).to_string());
    client.set("queue.buffering.max.kbytes", config.queue_kbytes(message_bytes_max).to_string());
    // librdkafka opens them by itself, and would wait for a pipe.
    if let Some((name, _)) =
        config.properties.0.iter().find(|(_, value)| value.starts_with('/') && regular::is_special(Path::new(value)))
    {
        return Err(Error::Client(format!("{name} names something that is not a file")));
    }
    let context = Callbacks::new(Arc::clone(acks), config.token_file.clone());
    let producer: BaseProducer<Callbacks> = client.create_with_context(context).map_err(|error| match error {
        KafkaError::ClientConfig(_, reason, name, _) => {
            Error::Property { reason: without_value(&reason, &client, &name), name }
        }
        other => Error::Client(other.to_string()),
    })?;
    let producer = Arc::new(producer);
    let over = Arc::new(AtomicBool::new(false));
    let (polled, ended) = (Arc::clone(&producer), Arc::clone(&over));
    acks.counts().connects.add(1);
    let told = Arc::clone(acks);
    let poll = move || {
        let is_over = || ended.load(Ordering::Relaxed);
        let mut wait = POLL_AT_FIRST.0;
        while !is_over() && polled.client().fetch_cluster_id(Duration::ZERO).is_none() {
            polled.poll(wait);
            wait = (wait * 2).min(POLL_AT_FIRST.1);
        }
        if !is_over() {
            told.counts().answers();
            ask(&polled, &told);
        }
        while !is_over() {
            polled.poll(POLL);
        }
    };
    let thread = std::thread::Builder::new().name("kafka-reports".into()).stack_size(256 * 1024).spawn(poll);
    Ok((producer, over, thread.map_err(|error| Error::Client(error.to_string()))?))
}

/// Asks the cluster about the topic of the first message, where there is one already. An idempotent client needs an id from a broker
/// before it sends anything, and asks for it when a broker has answered a question, or else after half a second. The question with
/// which it began does not help: its connection is given up for one to the same broker by its own name.
fn ask(producer: &BaseProducer<Callbacks>, acks: &AckQueue) {
    if let Some(topic) = acks.first_topic() {
        // What comes of it, the client keeps; a failure shows in other ways, and costs the half second.
        drop(producer.client().fetch_metadata(Some(topic), ASK));
    }
}

/// librdkafka's reasons quote the value.
fn without_value(reason: &str, client: &ClientConfig, name: &str) -> String {
    match client.get(name) {
        Some(value) if !value.is_empty() => reason.replace(value, "…"),
        _ => reason.to_owned(),
    }
}

//! Creates a client, and starts the thread that polls its events.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer};

use super::context::{AckQueue, Callbacks};
use super::{Config, Error};
use crate::regular;

/// A producer with the thread that polls it.
pub(super) struct Client {
    pub(super) producer: Arc<BaseProducer<Callbacks>>,
    /// Ends the thread, which is not waited for.
    stop: Arc<AtomicBool>,
}

/// The time limit of one poll: the thread sleeps while there are no events.
const POLL: Duration = Duration::from_secs(10);
/// The same until a broker has sent the cluster's id, which shows that it is reached. It doubles from the minimum to
/// the maximum.
const CONNECT_POLL_MIN: Duration = Duration::from_millis(5);
const CONNECT_POLL_MAX: Duration = Duration::from_millis(100);
/// The time limit of the metadata request.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

impl Client {
    /// Ends the thread, and ignores the client's further reports.
    pub(super) fn stop(&self, acks: &AckQueue) {
        self.stop.store(true, Ordering::Relaxed);
        acks.retire();
    }
}

/// Creates a client, and starts the thread that passes its delivery reports to `acks`.
///
/// # Errors
/// [`Error`], when librdkafka does not accept the configuration.
pub(super) fn connect(config: &Config, acks: &Arc<AckQueue>) -> Result<Client, Error> {
    let message_bytes_max = config.message_bytes_max();
    let mut properties = ClientConfig::new();
    for (name, value) in &config.properties.0 {
        properties.set(name, value);
    }
    properties.set("message.max.bytes", message_bytes_max.to_string());
    properties.set("batch.size", config.request_bytes(message_bytes_max).to_string());
    properties.set("queue.buffering.max.kbytes", config.queue_kbytes(message_bytes_max).to_string());
    // librdkafka opens these files itself, and would wait for a pipe.
    if let Some((name, _)) =
        config.properties.0.iter().find(|(_, value)| value.starts_with('/') && regular::is_special(Path::new(value)))
    {
        return Err(Error::Client(format!("{name} names a path that is not a regular file")));
    }
    let context = Callbacks::new(Arc::clone(acks), config.token_file.clone());
    let producer: BaseProducer<Callbacks> = properties.create_with_context(context).map_err(|error| match error {
        KafkaError::ClientConfig(_, reason, name, _) => {
            Error::Property { reason: without_value(&reason, &properties, &name), name }
        }
        other => Error::Client(other.to_string()),
    })?;
    let producer = Arc::new(producer);
    let stop = Arc::new(AtomicBool::new(false));
    let client = Client { producer: Arc::clone(&producer), stop: Arc::clone(&stop) };
    acks.counts().connects.add(1);
    let acks = Arc::clone(acks);
    let poll = move || {
        let is_stopped = || stop.load(Ordering::Relaxed);
        let mut wait = CONNECT_POLL_MIN;
        while !is_stopped() && producer.client().fetch_cluster_id(Duration::ZERO).is_none() {
            producer.poll(wait);
            wait = (wait * 2).min(CONNECT_POLL_MAX);
        }
        if !is_stopped() {
            acks.counts().answers();
            request_metadata(&producer, &acks);
        }
        while !is_stopped() {
            producer.poll(POLL);
        }
    };
    let thread = std::thread::Builder::new().name("kafka-reports".into()).stack_size(256 * 1024).spawn(poll);
    thread.map_err(|error| Error::Client(error.to_string()))?;
    Ok(client)
}

/// Requests the metadata of the first message's topic, if there is a message. An idempotent client needs an id from a
/// broker before it sends messages. It asks for the id once a broker has answered a request, or else after half a
/// second. The client's own first request does not count: its connection is replaced by one to the same broker's
/// advertised name.
fn request_metadata(producer: &BaseProducer<Callbacks>, acks: &AckQueue) {
    if let Some(topic) = acks.first_topic() {
        // The client keeps the answer. A failure only costs the half second.
        drop(producer.client().fetch_metadata(Some(topic), METADATA_TIMEOUT));
    }
}

/// A reason without the value, which librdkafka quotes.
fn without_value(reason: &str, properties: &ClientConfig, name: &str) -> String {
    match properties.get(name) {
        Some(value) if !value.is_empty() => reason.replace(value, "…"),
        _ => reason.to_owned(),
    }
}

//! Creates a client, and starts the threads that poll its events and ask for its topics.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer};

use super::config::request_bytes;
use super::context::{AckQueue, Callbacks};
use super::topic_handle::TopicHandle;
use super::{Config, Error};
use crate::regular;

/// A producer with its threads.
pub(super) struct Client {
    pub(super) producer: Arc<BaseProducer<Callbacks>>,
    /// By the number of the topic.
    topics: Vec<Option<TopicHandle>>,
    /// Ends the threads, which are not waited for.
    stop: Arc<AtomicBool>,
}

/// The time limit of one poll: the thread sleeps while there are no events.
const POLL: Duration = Duration::from_secs(10);
/// The same until a broker has sent the cluster's id, which shows that it is reached. It doubles from the minimum to
/// the maximum.
const CONNECT_POLL_MIN: Duration = Duration::from_millis(5);
const CONNECT_POLL_MAX: Duration = Duration::from_millis(100);

impl Client {
    /// Ends the threads, and ignores the client's further reports.
    pub(super) fn stop(&self, acks: &AckQueue) {
        self.stop.store(true, Ordering::Relaxed);
        acks.retire();
        acks.metadata().ask();
    }

    /// The handle of a topic, from its first use on.
    pub(super) fn prepare_topic(&mut self, number: u16, name: &str) {
        let number = usize::from(number);
        if self.topics.len() <= number {
            self.topics.resize_with(number + 1, || None);
        }
        if self.topics[number].is_none() {
            self.topics[number] = TopicHandle::new(&self.producer, name);
        }
    }

    /// The same, if it has been prepared.
    pub(super) fn topic(&self, number: u16) -> Option<&TopicHandle> {
        self.topics.get(usize::from(number))?.as_ref()
    }

    /// Passes the client's reports on, until it is stopped.
    fn poll(&self, acks: &AckQueue) {
        let is_stopped = || self.stop.load(Ordering::Relaxed);
        let mut wait = CONNECT_POLL_MIN;
        while !is_stopped() && self.producer.client().fetch_cluster_id(Duration::ZERO).is_none() {
            self.producer.poll(wait);
            wait = (wait * 2).min(CONNECT_POLL_MAX);
        }
        if !is_stopped() {
            // A bootstrap server has answered. Whether its brokers can be reached is seen when they are asked for a topic.
            if acks.metadata().is_empty() {
                acks.counts().answers();
            }
            // An idempotent client needs an id from a broker before it sends messages. It asks for the id once a broker
            // has answered a request, or else after half a second. The client's own first request does not count: its
            // connection is replaced by one to the same broker's advertised name.
            acks.metadata().ask();
        }
        while !is_stopped() {
            self.producer.poll(POLL);
        }
    }
}

/// Creates a client, and starts the threads that pass its delivery reports to `acks`, and ask for its topics.
///
/// # Errors
/// [`Error`], when librdkafka does not accept the configuration.
pub(super) fn connect(config: &Config, acks: &Arc<AckQueue>) -> Result<Client, Error> {
    let message_bytes_max = config.message_bytes_max();
    let mut properties = ClientConfig::new();
    // Connections that the broker closes are only logged, at this level.
    properties.set_log_level(RDKafkaLogLevel::Info);
    for (name, value) in &config.properties.0 {
        properties.set(name, value);
    }
    // The limits of logskiff's own batches come first.
    for property in ["message.max.bytes", "batch.size"] {
        properties.set(property, request_bytes(message_bytes_max).to_string());
    }
    properties.set("partitioner", config.partitioner.property());
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
    let client = Client { producer: Arc::clone(&producer), topics: Vec::new(), stop: Arc::clone(&stop) };
    acks.counts().connects.add(1);
    let polling = Client { producer: Arc::clone(&producer), topics: Vec::new(), stop: Arc::clone(&stop) };
    let polling_acks = Arc::clone(acks);
    spawn("kafka-reports", move || polling.poll(&polling_acks))?;
    let (metadata, topic_acks) = (Arc::clone(acks.metadata()), Arc::clone(acks));
    spawn("kafka-topics", move || metadata.keep_asking(&producer, &stop, topic_acks.counts()))?;
    Ok(client)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let thread = std::thread::Builder::new().name(name.into()).stack_size(256 * 1024).spawn(run);
    thread.map(drop).map_err(|error| Error::Client(error.to_string()))
}

/// A reason without the value, which librdkafka quotes.
fn without_value(reason: &str, properties: &ClientConfig, name: &str) -> String {
    match properties.get(name) {
        Some(value) if !value.is_empty() => reason.replace(value, "…"),
        _ => reason.to_owned(),
    }
}

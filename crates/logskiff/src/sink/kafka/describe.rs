//! Asks a broker for a topic's configuration (`DescribeConfigs`, KIP-133), through the producer's connections.
//!
//! Enters: a client and a topic. Leaves: one [`Answer`], from a thread of its own. The safe `AdminClient` of rdkafka is
//! a second client: it has its own connections and logins, and cannot log in with OAUTHBEARER.

#![allow(unsafe_code, reason = "rdkafka 0.39 has no safe way to ask through a producer")]

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer};

use super::context::Callbacks;
use super::metadata::Metadata;

/// The time limits of the requests, the next of which goes to another leader if there is one: a broker may be down before
/// the cluster knows. A request also waits for a connection.
const TIMEOUTS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// How long it waits for a leader.
const LEADER_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a waiting thread looks whether its client is still in use.
const POLL: Duration = Duration::from_millis(100);

/// What a topic accepts, as far as the broker says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TopicConfig {
    /// `max.message.bytes`: the size of a batch, compressed.
    pub(super) message_bytes: Option<usize>,
    /// `message.timestamp.before.max.ms`: how old a message's time may be.
    pub(super) before_ms: Option<i64>,
    /// `message.timestamp.after.max.ms`: how far it may be in the future.
    pub(super) after_ms: Option<i64>,
}

/// An answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// What the topic accepts.
    Told(TopicConfig),
    /// The broker does not say, and why.
    Refused(RDKafkaErrorCode),
}

/// Who is asked.
pub(super) struct Asked {
    /// The client.
    pub(super) producer: Arc<BaseProducer<Callbacks>>,
    /// What is known of its topics.
    pub(super) metadata: Arc<Metadata>,
    /// The topic.
    pub(super) topic: String,
    /// Ends the question.
    pub(super) stop: Arc<AtomicBool>,
}

/// Asks on a thread of its own until there is an answer, or the question ends. While no broker is reached it asks again,
/// and it asks another leader than one that does not answer.
///
/// # Errors
/// When the system has no thread for it.
pub(super) fn ask(asked: Asked, answered: impl FnOnce(Answer) + Send + 'static) -> std::io::Result<()> {
    use RDKafkaErrorCode as Code;
    let name = CString::new(asked.topic.as_str())?;
    let run = move || {
        let mut tries = 0;
        while !asked.is_over() {
            let answer = asked.leader(tries).and_then(|broker| describe(&asked, &name, Try { broker, number: tries }));
            let is_reached = asked.producer.client().fetch_cluster_id(Duration::ZERO).is_some();
            match answer {
                Err(Code::OperationTimedOut | Code::BrokerTransportFailure | Code::LeaderNotAvailable)
                    if !is_reached => {}
                Err(Code::NotLeaderForPartition) => {}
                Err(Code::OperationTimedOut | Code::BrokerTransportFailure) if tries + 1 < TIMEOUTS.len() => {
                    tries += 1;
                    asked.metadata.note_error();
                }
                answer => return answered(answer.map_or_else(Answer::Refused, Answer::Told)),
            }
        }
    };
    std::thread::Builder::new().name("kafka-limits".into()).stack_size(128 * 1024).spawn(run).map(drop)
}

impl Asked {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// A broker that leads a part of the topic, another one each try: the client is connected to it anyway. By itself
    /// librdkafka asks the controller.
    fn leader(&self, tries: usize) -> Result<i32, RDKafkaErrorCode> {
        let start = Instant::now();
        while start.elapsed() < LEADER_TIMEOUT && !self.is_over() {
            let brokers = self.metadata.wait_for_brokers(&self.topic, POLL);
            if !brokers.is_empty() {
                return Ok(brokers[tries % brokers.len()]);
            }
        }
        Err(RDKafkaErrorCode::LeaderNotAvailable)
    }

    /// Whether a broker leads no part of the topic any more.
    fn leads_no_more(&self, broker: i32) -> bool {
        let brokers = self.metadata.wait_for_brokers(&self.topic, Duration::ZERO);
        !brokers.is_empty() && !brokers.contains(&broker)
    }
}

/// One request.
#[derive(Clone, Copy)]
struct Try {
    broker: i32,
    /// From zero.
    number: usize,
}

fn describe(asked: &Asked, topic: &CStr, this: Try) -> Result<TopicConfig, RDKafkaErrorCode> {
    let client = asked.producer.client().native_ptr();
    let timeout = TIMEOUTS[this.number];
    let mut reason = [0 as c_char; 128];
    // SAFETY: `client` lives as long as `producer`, which is borrowed. librdkafka copies the resource and the options
    // before `rd_kafka_DescribeConfigs` returns, and each object is destroyed once, below, after its last use. The
    // queue is destroyed after the event from it. librdkafka's clients and queues may be used by any thread.
    unsafe {
        let options =
            sys::rd_kafka_AdminOptions_new(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason.as_mut_ptr(), reason.len());
        sys::rd_kafka_AdminOptions_set_broker(options, this.broker, reason.as_mut_ptr(), reason.len());
        let queue = sys::rd_kafka_queue_new(client);
        let mut resource =
            sys::rd_kafka_ConfigResource_new(sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, topic.as_ptr());
        sys::rd_kafka_DescribeConfigs(client, &raw mut resource, 1, options, queue);
        sys::rd_kafka_ConfigResource_destroy(resource);
        sys::rd_kafka_AdminOptions_destroy(options);
        // librdkafka answers at the time limit itself; twice the time is for a clock that was set.
        let event = wait(queue, 2 * timeout, || asked.is_over() || asked.leads_no_more(this.broker));
        let config = match event.is_null() {
            false => read(event),
            true if asked.leads_no_more(this.broker) => Err(RDKafkaErrorCode::NotLeaderForPartition),
            true => Err(RDKafkaErrorCode::OperationTimedOut),
        };
        if !event.is_null() {
            sys::rd_kafka_event_destroy(event);
        }
        sys::rd_kafka_queue_destroy(queue);
        config
    }
}

/// The event of the answer; null if there is none in time, or it is no longer wanted.
///
/// # Safety
/// The queue must live.
unsafe fn wait(
    queue: *mut sys::rd_kafka_queue_t,
    timeout: Duration,
    is_over: impl Fn() -> bool,
) -> *mut sys::rd_kafka_event_t {
    let poll_ms = i32::try_from(POLL.as_millis()).unwrap_or(i32::MAX);
    let start = Instant::now();
    while start.elapsed() < timeout && !is_over() {
        // SAFETY: the caller's.
        let event = unsafe { sys::rd_kafka_queue_poll(queue, poll_ms) };
        if !event.is_null() {
            return event;
        }
    }
    ptr::null_mut()
}

/// Reads the answer of one resource.
///
/// # Safety
/// The event must live.
unsafe fn read(event: *mut sys::rd_kafka_event_t) -> Result<TopicConfig, RDKafkaErrorCode> {
    let failed = |code: sys::rd_kafka_resp_err_t| match RDKafkaErrorCode::from(code) {
        RDKafkaErrorCode::NoError => Ok(()),
        code => Err(code),
    };
    // SAFETY: the event lives, and everything that is read here belongs to it. An event of another type has no result,
    // which is a null pointer. The arrays have the lengths that come with them.
    unsafe {
        failed(sys::rd_kafka_event_error(event))?;
        let result = sys::rd_kafka_event_DescribeConfigs_result(event);
        if result.is_null() {
            return Err(RDKafkaErrorCode::Unknown);
        }
        let mut count = 0;
        let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
        if resources.is_null() || count == 0 {
            return Err(RDKafkaErrorCode::Unknown);
        }
        let resource = *resources;
        failed(sys::rd_kafka_ConfigResource_error(resource))?;
        let entries = sys::rd_kafka_ConfigResource_configs(resource, &raw mut count);
        let mut config = TopicConfig::default();
        for index in 0..if entries.is_null() { 0 } else { count } {
            let entry = *entries.add(index);
            if let (Some(name), Some(value)) =
                (text(sys::rd_kafka_ConfigEntry_name(entry)), text(sys::rd_kafka_ConfigEntry_value(entry)))
            {
                config.set(name, value);
            }
        }
        Ok(config)
    }
}

/// A text of C.
///
/// # Safety
/// It is null, or ends with NUL and lives long enough.
unsafe fn text<'t>(text: *const c_char) -> Option<&'t str> {
    // SAFETY: the caller's.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }).and_then(|text| text.to_str().ok())
}

impl TopicConfig {
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "max.message.bytes" => self.message_bytes = value.parse().ok(),
            "message.timestamp.before.max.ms" => self.before_ms = value.parse().ok(),
            "message.timestamp.after.max.ms" => self.after_ms = value.parse().ok(),
            _ => {}
        }
    }
}

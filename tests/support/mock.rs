//! librdkafka's own mock broker, in the test's process on loopback: no Java, no installation, failures on demand.
//!
//! It keeps at most 5 MiB per partition, as compressed as received: tests that compare what was received with what was
//! written stay well below that.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::consumer::DefaultConsumerContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, bind, shutdown, socket_with, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use super::broker::Message;

/// Loopback answers within milliseconds; a busy machine needs longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mock cluster, usually of one broker.
pub struct Mock {
    cluster: MockCluster<'static, DefaultProducerContext>,
    /// Holds the broker's port while it is down: librdkafka ends the process if another socket has it then.
    port: Mutex<Option<OwnedFd>>,
}

/// Binds a port without listening: connections are refused, and only a listener with the same option can bind it.
fn hold_port(address: &str) -> OwnedFd {
    let address: SocketAddr = address.parse().expect("an address");
    let held = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).expect("a socket");
    sockopt::set_socket_reuseaddr(&held, true).expect("an option");
    bind(&held, &address).expect("the broker's port");
    held
}

/// Ends the connections to a port of this process. librdkafka lets child processes inherit a mock broker's connections,
/// and a connection that it closes stays open as long as such a process runs.
fn end_connections(address: &str) {
    let (_, port) = address.rsplit_once(':').expect("an address");
    let local = format!("0100007F:{:04X}", port.parse::<u16>().expect("a port"));
    // A listener must not be touched: the broker closes it and binds its port again at once.
    let table = fs::read_to_string("/proc/net/tcp").expect("the connections");
    let established = table.lines().filter_map(|row| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        (fields.get(1) == Some(&local.as_str()) && fields.get(3) == Some(&"01"))
            .then(|| format!("socket:[{}]", fields[9]))
    });
    let established: Vec<String> = established.collect();
    // Where a sandbox forbids these calls, a connection may stay open.
    let Ok(own) = pidfd_open(getpid(), PidfdFlags::empty()) else { return };
    for entry in fs::read_dir("/proc/self/fd").expect("the descriptors").flatten() {
        let is_one = |to: PathBuf| established.iter().any(|name| to.as_os_str() == name.as_str());
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(number) = number.filter(|_| fs::read_link(entry.path()).is_ok_and(is_one)) else { continue };
        if let Ok(descriptor) = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) {
            _ = shutdown(&descriptor, Shutdown::Both);
        }
    }
}

impl Mock {
    /// Starts a broker with these topics, of one partition each.
    pub fn start(topics: &[&str]) -> Self {
        Self::with_brokers(1, topics)
    }

    /// The same with more brokers.
    pub fn with_brokers(brokers: i32, topics: &[&str]) -> Self {
        let cluster = MockCluster::new(brokers).expect("a mock cluster");
        for topic in topics {
            cluster.create_topic(topic, 1, 1).expect("a topic");
        }
        Self { cluster, port: Mutex::default() }
    }

    /// Creates a topic.
    pub fn create(&self, topic: &str, partitions: u32) {
        self.cluster.create_topic(topic, i32::try_from(partitions).unwrap(), 1).expect("a topic");
    }

    /// Has these brokers lead the partitions of a topic, in their order. Brokers are counted from 1.
    pub fn lead(&self, topic: &str, leaders: &[i32]) {
        for (partition, leader) in (0..).zip(leaders) {
            self.cluster.partition_leader(topic, partition, Some(*leader)).expect("a leader");
        }
    }

    /// As [`Mock::down`], for one of several brokers.
    pub fn one_down(&self, broker: i32) {
        let bootstrap = self.bootstrap();
        let address = bootstrap.split(',').nth(usize::try_from(broker - 1).unwrap()).expect("a broker");
        self.take_down(broker, address);
    }

    /// `host:port` of each broker, which never changes.
    pub fn bootstrap(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Ends all connections and refuses new ones.
    pub fn down(&self) {
        self.take_down(-1, &self.bootstrap());
    }

    fn take_down(&self, broker: i32, address: &str) {
        end_connections(address);
        self.cluster.broker_down(broker).expect("the broker goes down");
        *self.port.lock().unwrap() = Some(hold_port(address));
    }

    /// Accepts connections again.
    pub fn up(&self) {
        self.cluster.broker_up(-1).expect("the broker comes up");
        self.port.lock().unwrap().take();
    }

    /// Delays each answer by this time.
    pub fn delay(&self, by: Duration) {
        self.cluster.broker_round_trip_time(-1, by).expect("a delay");
    }

    /// Sets the outcomes of the next produce requests, in order; later ones succeed. A refused request is not stored.
    pub fn fate_of_requests(&self, fates: &[RDKafkaRespErr]) {
        self.cluster.clear_request_errors(RDKafkaApiKey::Produce);
        self.cluster.request_errors(RDKafkaApiKey::Produce, fates);
    }

    /// Sets the answer to requests for a topic's metadata. A new topic has one partition.
    pub fn topic_error(&self, topic: &str, error: RDKafkaRespErr) {
        // It must exist before, or it would get four partitions.
        let _ = self.cluster.create_topic(topic, 1, 1);
        self.cluster.topic_error(topic, error).expect("an answer");
    }

    /// The names of all topics.
    #[track_caller]
    pub fn topics(&self) -> Vec<String> {
        let metadata = self.consumer().fetch_metadata(None, PATIENCE).expect("topics are known");
        metadata.topics().iter().map(|topic| topic.name().to_owned()).collect()
    }

    /// All messages that a topic holds now, partition by partition.
    #[track_caller]
    pub fn received(&self, topic: &str) -> Vec<Message> {
        let metadata = self.consumer().fetch_metadata(Some(topic), PATIENCE).expect("the topic is known");
        let partitions = metadata.topics()[0].partitions().len();
        self.received_of(topic, 0..u32::try_from(partitions).expect("a number"))
    }

    /// The same of some partitions.
    #[track_caller]
    pub fn received_of(&self, topic: &str, partitions: impl Iterator<Item = u32>) -> Vec<Message> {
        let consumer = self.consumer();
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            let partition = i32::try_from(partition).expect("a partition");
            list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
        }
        consumer.assign(&list).expect("assigned");
        let (mut messages, mut at_end, start) = (Vec::new(), 0, Instant::now());
        while at_end < list.count() {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => messages.push(to_message(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => at_end += 1,
                Some(Err(_)) | None => assert!(start.elapsed() < PATIENCE, "topic {topic} cannot be read"),
            }
        }
        messages.sort_by_key(|message| (message.partition, message.offset));
        messages
    }

    /// The number of messages in a topic of one partition.
    pub fn end_offset(&self, topic: &str) -> u64 {
        let marks = self.consumer().fetch_watermarks(topic, 0, PATIENCE);
        marks.map_or(0, |(_, high)| u64::try_from(high).unwrap_or(0))
    }

    fn consumer(&self) -> BaseConsumer<DefaultConsumerContext> {
        ClientConfig::new()
            .set("bootstrap.servers", self.bootstrap())
            .set("group.id", "test")
            .set("enable.partition.eof", "true")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "10")
            .set("reconnect.backoff.max.ms", "200")
            .set("log_level", "0")
            .create()
            .expect("a consumer")
    }
}

fn to_message(message: &rdkafka::message::BorrowedMessage<'_>) -> Message {
    let mut headers = BTreeMap::new();
    for header in message.headers().into_iter().flat_map(Headers::iter) {
        let value = String::from_utf8_lossy(header.value.unwrap_or_default()).into_owned();
        headers.insert(header.key.to_owned(), value);
    }
    Message {
        partition: u32::try_from(message.partition()).expect("a partition"),
        offset: u64::try_from(message.offset()).expect("an offset"),
        time_ms: message.timestamp().to_millis().expect("a time"),
        key: message.key().map(<[u8]>::to_vec),
        headers,
        payload: message.payload().unwrap_or_default().to_vec(),
    }
}

//! A real Apache Kafka broker of one node (`KRaft`) on loopback, and an independent consumer (`kcat`).
//!
//! Input: a folder of jars, named by `LOGSKIFF_TEST_KAFKA` (`.ci/kafka-install DIR` fills it). Output: a bootstrap
//! address and the received messages. The data is in a temporary folder, and the broker ends when its value is dropped.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;

use super::{KillOnDrop, Random, signal, tail_of, wait_until};

/// On a busy machine with two cores, a broker starts in 2 to 10 s; several times that is a failure.
const READY_DEADLINE: Duration = Duration::from_secs(60);
/// Kafka's orderly shutdown takes about a second.
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// Below the kernel's range of ports for outgoing connections. Otherwise a client of a stopped broker could get the
/// broker's port, connect to itself, and prevent the broker's restart.
const PORTS: (u64, u64) = (20_000, 32_000);
/// Any 16 bytes in base64.
const CLUSTER_ID: &str = "bG9nc2tpZmYtdGVzdC1rYQ";
/// A test broker holds a few hundred megabytes on disk, little in memory.
const JVM: [&str; 4] =
    ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"];

/// One broker with its data; ends when dropped, and shows its log if a test fails.
pub struct Broker {
    folder: TempDir,
    jars: PathBuf,
    port: u16,
    listeners: Vec<(String, String)>,
    process: Option<KillOnDrop>,
}

/// An additional listener of a broker, with its own security. The plaintext listener stays, for the test's own
/// requests.
pub struct Listener {
    /// The listener's name: upper case letters.
    pub name: &'static str,
    /// The address that it listens on.
    pub host: &'static str,
    /// `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub protocol: &'static str,
    /// Settings of this listener, such as `ssl.client.auth`.
    pub settings: Vec<(String, String)>,
}

/// One message as the consumer got it.
#[derive(Debug)]
pub struct Message {
    pub partition: u32,
    pub offset: u64,
    /// The message's time, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    pub key: Option<Vec<u8>>,
    pub headers: BTreeMap<String, String>,
    pub payload: Vec<u8>,
}

impl Broker {
    /// Starts a broker and waits until it answers; `None`, and a message on stderr, without real parts.
    ///
    /// # Panics
    /// If `LOGSKIFF_TEST_REAL=1` and a part is missing, or the broker does not start.
    pub fn start() -> Option<Self> {
        let mut broker = Self::prepare()?;
        broker.restart();
        Some(broker)
    }

    /// Reserves an address and formats the storage, but does not start: [`Broker::restart`] does.
    ///
    /// # Panics
    /// As [`Broker::start`].
    pub fn prepare() -> Option<Self> {
        Self::prepare_with(&[], &[])
    }

    /// As [`Broker::prepare`], with additional listeners and additional arguments of `kafka-storage format`.
    ///
    /// # Panics
    /// As [`Broker::start`].
    pub fn prepare_with(listeners: &[Listener], format_arguments: &[&str]) -> Option<Self> {
        let jars = real_parts()?;
        let folder = tempfile::Builder::new().prefix("logskiff-kafka-").tempdir().expect("a temporary folder");
        let ports = free_ports(2 + listeners.len());
        let (port, controller_port) = (ports[0], ports[1]);
        let properties = folder.path().join("server.properties");
        let text = server_properties(folder.path(), port, controller_port, listeners, &ports[2..]);
        fs::write(&properties, text).expect("properties written");
        let address =
            |(listener, port): (&Listener, &u16)| (listener.name.to_owned(), format!("{}:{port}", listener.host));
        let listeners = listeners.iter().zip(&ports[2..]).map(address).collect();
        let broker = Self { folder, jars, port, listeners, process: None };
        broker.format(format_arguments);
        Some(broker)
    }

    /// Formats the storage, as the properties say.
    fn format(&self, arguments: &[&str]) {
        let formatted = java(&self.jars)
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
            .arg(self.folder.path().join("server.properties"))
            .args(arguments)
            .output()
            .expect("java runs");
        assert!(formatted.status.success(), "formatting failed: {}", String::from_utf8_lossy(&formatted.stderr));
    }

    /// Prepares another broker of the same cluster, whose only controller the first one stays.
    ///
    /// # Panics
    /// As [`Broker::start`].
    pub fn prepare_another(&self, number: u32) -> Self {
        let properties = fs::read_to_string(self.folder.path().join("server.properties")).expect("the properties");
        let voters = properties.lines().find(|line| line.starts_with("controller.quorum.voters=")).expect("voters");
        let other = Self::prepare().expect("real parts, as for the first broker");
        // The last line of a name counts.
        other.configure(&format!("process.roles=broker\nnode.id={number}\n{voters}"));
        other.configure(&format!("listeners=PLAINTEXT://{0}\nadvertised.listeners=PLAINTEXT://{0}", other.bootstrap()));
        // It was formatted as the first one.
        let data = other.folder.path().join("data");
        fs::remove_dir_all(&data).expect("its data removed");
        other.format(&[]);
        other
    }

    /// Adds a line to the broker's properties, before it starts.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn configure(&self, line: &str) {
        let path = self.folder.path().join("server.properties");
        let mut file = OpenOptions::new().append(true).open(path).expect("the properties");
        writeln!(file, "{line}").expect("written");
    }

    /// The broker as a command, to be started without the value's help, that logs through log4j with a configuration.
    pub fn java_logging(&self, jars: &Path, log4j: &Path) -> Command {
        let mut command = Command::new("java");
        // The first binding counts.
        let path = format!("{0}/log4j/*:{0}/*", jars.display());
        command.args(JVM).arg(format!("-Dlog4j2.configurationFile={}", log4j.display()));
        command.args(["-cp", &path, "kafka.Kafka"]).arg(self.folder.path().join("server.properties"));
        command
    }

    /// One of Kafka's own commands, by the name of its class.
    pub fn java(&self, class: &str) -> Command {
        let mut command = java(&self.jars);
        command.arg(class);
        command
    }

    /// `host:port` of one of the additional listeners.
    ///
    /// # Panics
    /// If there is no such listener.
    #[track_caller]
    pub fn listener(&self, name: &str) -> String {
        let (_, address) =
            self.listeners.iter().find(|(listener, _)| listener == name).expect("a listener of this name");
        address.clone()
    }

    /// `host:port` of the broker, the same after restarts.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Stops in an orderly way (SIGTERM) and waits for the end.
    pub fn stop(&mut self) {
        self.end("TERM");
    }

    /// Stops without warning (SIGKILL).
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    /// Starts on the same port and data, and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the broker runs already");
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).expect("a log file");
        let process = java(&self.jars)
            .arg("kafka.Kafka")
            .arg(self.folder.path().join("server.properties"))
            .stdout(Stdio::from(log.try_clone().expect("a second handle")))
            .stderr(Stdio::from(log))
            .spawn()
            .expect("java starts");
        self.process = Some(KillOnDrop(process));
        self.wait_ready();
    }

    /// Creates a topic with settings such as `("max.message.bytes", "2000")`.
    pub fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let admin: AdminClient<_> = self.client().create().expect("an admin client");
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for &(key, value) in configs {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(READY_DEADLINE));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let results = runtime.block_on(admin.create_topics([&topic], &options)).expect("the request is answered");
        for result in results {
            result.unwrap_or_else(|(topic, code)| panic!("topic {topic} was not created: {code}"));
        }
    }

    /// The end offset of partition 0: the number of messages in a topic with one partition.
    pub fn end_offset(&self, topic: &str) -> u64 {
        let consumer: BaseConsumer = self.client().create().expect("a consumer");
        let marks = consumer.fetch_watermarks(topic, 0, Duration::from_secs(10));
        marks.map_or(0, |(_, high)| u64::try_from(high).unwrap_or(0))
    }

    /// All messages of the topic, read by kcat from the beginning, in the order of the partitions.
    pub fn consume(&self, topic: &str) -> Vec<Message> {
        let output = Command::new("kcat")
            .args(["-C", "-q", "-e", "-o", "beginning", "-b", &self.bootstrap(), "-t", topic])
            .args(["-f", "%p %o %T %K %S %h\n%k%s\n"])
            .stdin(Stdio::null())
            .output()
            .expect("kcat runs");
        assert!(output.status.success(), "kcat failed: {}", String::from_utf8_lossy(&output.stderr));
        messages(&output.stdout)
    }

    /// The compression of the first batch on disk: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    ///
    /// Read from the record batch's header (Kafka's message format 2): the low three bits of the attributes, bytes 21
    /// and 22.
    pub fn compression_on_disk(&self, topic: &str) -> u8 {
        let segment = self.folder.path().join(format!("data/{topic}-0/00000000000000000000.log"));
        let bytes = fs::read(&segment).expect("the first segment");
        assert!(bytes.len() > 22 && bytes[16] == 2, "no batch of format 2 in {}", segment.display());
        bytes[22] & 7
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap()).set("log_level", "0");
        config
    }

    fn wait_ready(&mut self) {
        let consumer: BaseConsumer = self.client().create().expect("a consumer");
        let start = Instant::now();
        loop {
            let metadata = consumer.fetch_metadata(None, Duration::from_millis(500));
            if metadata.is_ok_and(|m| !m.brokers().is_empty()) {
                return;
            }
            let ended = self.process.as_mut().and_then(|p| p.try_wait().expect("a status"));
            assert!(ended.is_none(), "the broker ended by itself: {ended:?}");
            assert!(start.elapsed() < READY_DEADLINE, "the broker is not ready after {READY_DEADLINE:?}");
        }
    }

    fn end(&mut self, name: &str) {
        let Some(mut process) = self.process.take() else { return };
        signal(process.id(), name);
        wait_until("the broker's end", STOP_DEADLINE, || process.try_wait().expect("a status").is_some());
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("broker.log")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Its remaining output is not needed.
        self.process = None;
        if std::thread::panicking() {
            eprintln!("the broker's log ends:\n{}", tail_of(&self.log_path(), 30));
        }
    }
}

/// The folder of jars, or `None` and a message on how to get one.
///
/// # Panics
/// If `LOGSKIFF_TEST_REAL=1` requires the parts, or `LOGSKIFF_TEST_KAFKA` names them, and one is missing.
pub fn real_parts() -> Option<PathBuf> {
    const HOW: &str =
        ".ci/kafka-install DIR && LOGSKIFF_TEST_KAFKA=DIR cargo test --test real real_kafka:: -- --test-threads=1";
    let Some(jars) = env::var_os("LOGSKIFF_TEST_KAFKA").map(PathBuf::from) else {
        let required = env::var_os("LOGSKIFF_TEST_REAL").is_some_and(|value| value == "1");
        assert!(!required, "LOGSKIFF_TEST_REAL=1 demands a broker, but LOGSKIFF_TEST_KAFKA is not set; try: {HOW}");
        eprintln!("skipped: this test needs a real Kafka; to run it: {HOW}");
        return None;
    };
    let is_kafka = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("kafka_2.13-");
    let has_kafka = fs::read_dir(&jars).is_ok_and(|entries| entries.flatten().any(is_kafka));
    assert!(has_kafka, "no Kafka jars in {}; try: {HOW}", jars.display());
    for (program, flag) in [("java", "-version"), ("kcat", "-V")] {
        let runs = Command::new(program).arg(flag).output().is_ok_and(|output| output.status.success());
        assert!(runs, "{program} is not installed; try: {HOW}");
    }
    Some(jars)
}

fn java(jars: &Path) -> Command {
    let mut command = Command::new("java");
    command.args(JVM).arg("-cp").arg(jars.join("*")).stdin(Stdio::null());
    command
}

fn server_properties(folder: &Path, port: u16, controller_port: u16, additional: &[Listener], ports: &[u16]) -> String {
    let mut listeners = format!("PLAINTEXT://127.0.0.1:{port}");
    let mut protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned();
    let mut settings = String::new();
    for (Listener { name, host, protocol, settings: own }, port) in additional.iter().zip(ports) {
        listeners += &format!(",{name}://{host}:{port}");
        protocols += &format!(",{name}:{protocol}");
        for (key, value) in own {
            settings += &format!("listener.name.{}.{key}={value}\n", name.to_lowercase());
        }
    }
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
         controller.listener.names=CONTROLLER\n\
         listeners={listeners},CONTROLLER://127.0.0.1:{controller_port}\n\
         advertised.listeners={listeners}\n\
         listener.security.protocol.map={protocols}\n\
         log.dirs={}\n\
         log.retention.ms=-1\n\
         num.partitions=1\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         {settings}",
        folder.join("data").display()
    )
}

/// Free ports on loopback, each once. Another process may take one before the broker does; then the broker fails to
/// start, with an error. The clock is the seed, so that test binaries in parallel choose different ports.
pub fn free_ports(count: usize) -> Vec<u16> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock past 1970");
    let mut random = Random::new(u64::from(now.subsec_nanos()) ^ u64::from(std::process::id()) << 32);
    let free = std::iter::repeat_with(|| u16::try_from(random.between(PORTS.0, PORTS.1)).expect("a port"))
        .filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
        .take(count)
        // All sockets stay open until all are found, so that none is found twice.
        .collect::<Vec<_>>();
    free.iter().map(|socket| socket.local_addr().expect("an address").port()).collect()
}

/// Parses kcat's output: a line `partition offset time key-length payload-length headers`, then key and payload as bytes.
fn messages(mut output: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while !output.is_empty() {
        let line_end = output.iter().position(|&byte| byte == b'\n').expect("a line");
        let line = std::str::from_utf8(&output[..line_end]).expect("kcat's own words");
        let mut words = line.splitn(6, ' ');
        let mut number = || words.next().and_then(|word| word.parse::<i64>().ok()).expect("a number");
        let (partition, offset, time_ms) = (number(), number(), number());
        let (key_bytes, payload_bytes) = (number(), number());
        let headers = words.next().unwrap_or("");
        output = &output[line_end + 1..];
        let mut take = |bytes: i64| {
            let (taken, rest) = output.split_at(usize::try_from(bytes).unwrap_or(0));
            output = rest;
            taken.to_vec()
        };
        let key = take(key_bytes);
        let payload = take(payload_bytes);
        assert_eq!(take(1), b"\n", "kcat's output is out of step");
        messages.push(Message {
            partition: u32::try_from(partition).expect("a partition"),
            offset: u64::try_from(offset).expect("an offset"),
            time_ms,
            key: (key_bytes >= 0).then_some(key),
            headers: headers.split(',').filter_map(|h| h.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect(),
            payload,
        });
    }
    messages
}

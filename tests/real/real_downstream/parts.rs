//! The parts downstream of the topic: OpenSearch, rsyslog, the OpenTelemetry Collector, and receivers in place of a
//! cloud.
//!
//! Input: a folder that `.ci/downstream-install DIR` has filled, named by `LOGSKIFF_TEST_DOWNSTREAM`. All parts listen
//! on loopback, store data in a temporary folder, and end when their value is dropped.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::support::shell::variables;
use crate::support::{KillOnDrop, http, installed, signal, tail_of, wait_polling, wait_until};

/// OpenSearch is up in 5 to 15 s, the others at once.
const READY_DEADLINE: Duration = Duration::from_secs(120);
const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// The folder of the parts; `None`, and a message on stderr, if none was given.
///
/// # Panics
/// If `LOGSKIFF_TEST_REAL=1` and there is none.
pub fn parts() -> Option<PathBuf> {
    installed("LOGSKIFF_TEST_DOWNSTREAM", ".ci/downstream-install")
}

/// A file of the examples.
pub fn example(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("examples/downstream").join(name)
}

/// A command of the document, found by one of its files: its variables, and the files in its arguments. The tests run
/// it with their own values.
#[track_caller]
pub fn documented(file: &str) -> (Vec<String>, Vec<PathBuf>) {
    let text = fs::read_to_string(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("docs/downstream.md"))
        .unwrap();
    let command = text.lines().find(|line| line.starts_with("    KAFKA_BROKERS=") && line.ends_with(file));
    let words = command.unwrap_or_else(|| panic!("no command with {file}")).split_whitespace();
    let variables = words.clone().filter_map(|word| Some(word.split_once('=')?.0.to_owned())).collect();
    let named = |word: &str| Path::new(word).extension().is_some_and(|ending| ending == "yaml" || ending == "conf");
    (variables, words.filter(|word| named(word)).map(example).collect())
}

/// The logskiff variables in the document.
pub fn documented_variables() -> Vec<(String, String)> {
    let text = fs::read_to_string(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("docs/downstream.md"))
        .unwrap();
    let (_, block) = text.split_once("```env\n").expect("a block of variables");
    variables(block.split_once("```").expect("its end").0)
}

/// A program that can be started again. It is killed when dropped, and its log is shown if a test fails.
pub struct Program {
    name: &'static str,
    command: Command,
    log: PathBuf,
    process: Option<KillOnDrop>,
}

impl Program {
    /// Starts it with its log in `folder`.
    pub fn start(folder: &Path, name: &'static str, command: Command) -> Self {
        let mut program = Self { name, command, log: folder.join(format!("{name}.log")), process: None };
        program.restart();
        program
    }

    pub fn restart(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        self.command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(KillOnDrop(self.command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.name))));
    }

    /// Ends it by a signal and waits.
    pub fn end(&mut self, by: &str) {
        let mut process = self.process.take().expect("it runs");
        signal(process.id(), by);
        wait_until(&format!("the end of {}", self.name), STOP_DEADLINE, || process.try_wait().unwrap().is_some());
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process = None;
        if std::thread::panicking() {
            eprintln!("--- {} said:\n{}", self.name, tail_of(&self.log, 30));
        }
    }
}

/// One node of OpenSearch.
pub struct Search {
    pub program: Program,
    pub port: u16,
}

impl Search {
    pub fn start(parts: &Path, folder: &Path, port: u16) -> Self {
        let mut command = Command::new("java");
        command.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
        command.arg(format!("{0}/classes:{0}/jars/*", parts.display())).arg("Search");
        command.arg(folder.join("search")).arg(port.to_string());
        let search = Self { program: Program::start(folder, "opensearch", command), port };
        search.wait_ready();
        search
    }

    /// Installs the example's template, as in the document.
    pub fn prepare(&self) {
        let template = fs::read_to_string(example("elasticsearch-template.json")).unwrap();
        self.request("PUT", "/_index_template/logskiff", &template);
    }

    pub fn wait_ready(&self) {
        wait_polling("OpenSearch", READY_DEADLINE, Duration::from_millis(200), || {
            http::get_plain(&self.address(), "/_cluster/health").is_some_and(|text| text.contains("\"status\""))
        });
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The answer to a request, which must succeed.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, body: &str) -> Value {
        let json = [("Content-Type", "application/json")];
        let (status, text) = http::send(&self.address(), method, path, &json, body).expect("OpenSearch answers");
        assert!((200..300).contains(&status), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The number of documents.
    pub fn count(&self) -> u64 {
        let json = [("Content-Type", "application/json")];
        // Before the first document there is no index.
        let answer = http::send(&self.address(), "GET", "/logs-logskiff/_count", &json, "").map(|(_, text)| text);
        answer.and_then(|text| serde_json::from_str::<Value>(&text).ok()?["count"].as_u64()).unwrap_or_default()
    }
}

/// The OpenTelemetry Collector, as the document starts it with a store's file, with other values of its variables and
/// overrides of its configuration.
#[track_caller]
pub fn documented_collector(
    parts: &Path,
    folder: &Path,
    file: &str,
    values: &[(&str, &str)],
    mut here: Value,
) -> Command {
    let (variables, mut configs) = documented(file);
    for name in &variables {
        assert!(values.iter().any(|(known, _)| known == name), "{name} has no value");
    }
    // Its own metrics would need the same port for each collector.
    here["service"]["telemetry"]["metrics"]["level"] = "none".into();
    configs.push(folder.join("here.yaml"));
    fs::write(&configs[configs.len() - 1], here.to_string()).unwrap();
    collector(parts, &configs, values)
}

fn collector(parts: &Path, configs: &[PathBuf], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(parts.join("otelcol"));
    for config in configs {
        command.arg("--config").arg(config);
    }
    command.env_clear().envs(variables.iter().copied());
    command
}

/// An OTLP receiver that writes each request to a file as a line of JSON.
pub fn otlp_receiver(parts: &Path, folder: &Path, port: u16) -> (Program, PathBuf) {
    let received = folder.join("received.json");
    let config = serde_json::json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}"), "logs_url_path": "/otlp/v1/logs"}}}},
        "exporters": {"file": {"path": received, "append": true}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["file"]}},
        },
    });
    let path = folder.join("receiver.yaml");
    fs::write(&path, config.to_string()).unwrap();
    (Program::start(folder, "receiver", collector(parts, &[path], &[])), received)
}

/// One record as received by OTLP: the attributes of its resource, and the record.
pub type Otlp = (Value, Value);

/// The records in a file of requests. An incomplete last line is ignored.
pub fn otlp_records(received: &Path) -> Vec<Otlp> {
    let text = fs::read_to_string(received).unwrap_or_default();
    let requests = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let mut records = Vec::new();
    for resource in requests.flat_map(|request| list(&request, "resourceLogs")) {
        for scope in list(&resource, "scopeLogs") {
            let of_scope = list(&scope, "logRecords").into_iter();
            records.extend(of_scope.map(|record| (resource["resource"]["attributes"].clone(), record)));
        }
    }
    records
}

/// The value of an attribute, as OTLP writes it: `{"stringValue": …}`.
pub fn attribute(attributes: &Value, name: &str) -> Value {
    let named = |attribute: &&Value| attribute["key"] == name;
    let found = attributes.as_array().and_then(|all| all.iter().find(named));
    found.map_or(Value::Null, |attribute| attribute["value"].clone())
}

/// A receiver that answers HTTP requests with a configured status, and keeps the heads of accepted requests.
pub struct Heads {
    pub port: u16,
    status: Arc<AtomicU16>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Heads {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (status, taken) = (Arc::new(AtomicU16::new(200)), Arc::new(Mutex::new(Vec::new())));
        let (says, kept) = (Arc::clone(&status), Arc::clone(&taken));
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let status = says.load(Ordering::SeqCst);
                let head = answer(stream, status);
                kept.lock().unwrap().extend(head.filter(|_| status == 200));
            }
        });
        Self { port, status, taken }
    }

    /// Sets the answer to the next requests.
    pub fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub fn all(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

/// Reads one request from a connection; returns its head.
fn answer(mut stream: TcpStream, status: u16) -> Option<String> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    let head = loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if bytes.len() >= end + 4 + length.unwrap_or_default() {
                break head;
            }
        }
        match stream.read(&mut part).ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&part[..read]),
        }
    };
    let answer = format!("HTTP/1.1 {status} As-Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).ok()?;
    Some(head)
}

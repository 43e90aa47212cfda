//! Input: the environment. Output: one validated [`Config`], or all mistakes at once.
//!
//! `environment` reads texts, `parser` turns them into typed values with the defaults of `variables`, and this file and
//! its children build each module's configuration. Nothing is started here, and no secret is ever printed.

mod environment;
mod error;
mod formats;
mod input;
mod kafka;
mod memory;
mod multiline;
mod overlap;
mod own_log;
mod parser;
pub(crate) mod pem;
mod process;
mod redact;
pub(crate) mod rule_files;
mod slips;
mod suggest;
mod syslog;
pub mod units;
pub mod variables;
mod words;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub use self::environment::Environment;
use self::environment::FILE_SUFFIX;
pub use self::error::{Mistake, Mistakes};
pub use self::overlap::{Overlap, overlaps};
pub use self::own_log::{Log, LogFormat};
use self::parser::Reader;
pub use self::process::{despite_mistakes, http_listen_from, on_mistake_from, termination_log_from};
use crate::delivery::checkpoint;
use crate::pipeline::batch;
use crate::pipeline::encode;
use crate::pipeline::encode::syslog::Framing;
use crate::pipeline::encode::template::Template;
use crate::pipeline::encode::{Encoding, EventId};
use crate::pipeline::frame;
use crate::pipeline::parse;
use crate::sink::kafka::Message;
use crate::sink::{self, OutputConfig};
use crate::source;
use crate::source::watcher;

/// Below, polling costs more than inotify saves; above, a volume without events seems to stall.
const POLL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3_600);
/// Smaller batches are mostly overhead; larger ones do not fit a sidecar's memory.
const BATCH_BYTES: RangeInclusive<usize> = 1 << 10..=16 << 20;
/// A longer linger would cause too many duplicates after a crash.
const LINGER: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(10);
/// Below, reading and sending block each other; above, librdkafka's queue, which is twice this size, gets too large.
const IN_FLIGHT_BYTES: RangeInclusive<usize> = 64 << 10..=1 << 30;
/// Input that cannot be read twice is freed in chunks, so its buffer exceeds the in-flight limit and one line by this
/// much.
const KEPT_SLACK_BYTES: usize = 192 << 10;
/// At least one block of a file system; no upper limit.
const DELETED_OPEN_BYTES: RangeInclusive<usize> = 4 << 10..=usize::MAX;

const FIELDS: &str = "LOGSKIFF_FIELDS";
const IN_FLIGHT: &str = "LOGSKIFF_IN_FLIGHT_BYTES";
const LINGER_NAME: &str = "LOGSKIFF_LINGER";
const LINGER_MAX: &str = "LOGSKIFF_LINGER_MAX";
const STAMP: &str = "LOGSKIFF_REDACT_STAMP";
const OUTPUT: &str = "LOGSKIFF_OUTPUT";

/// One input: its files, and how their lines are framed, parsed and redacted.
#[derive(Clone, Debug)]
pub struct Input {
    /// Name in lower case; `default` for the input that the common variables create.
    pub name: String,
    /// Which files are read, and how.
    pub source: source::Config,
    /// How bytes are split into lines.
    pub frame: frame::Config,
    /// How the files' lines are framed; `None`: as the first line of each file tells.
    pub framing: Option<event::Framing>,
    /// How lines are joined to records.
    pub grouping: frame::GroupingConfig,
    /// How lines are parsed into fields.
    pub parse: parse::Config,
    /// What is redacted.
    pub redact: ::redact::Config,
    /// What happens to terminal sequences in messages.
    pub ansi: encode::Ansi,
}

/// When the process exits by itself: in each case only once everything is read and acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Only on SIGTERM or SIGINT.
    Signal,
    /// Once everything is read and acknowledged.
    Eof,
    /// Once this file exists.
    File(PathBuf),
    /// Once the pod's other processes have ended; needs a shared process namespace.
    App,
}

/// What a process does whose configuration has mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMistake {
    /// Exit.
    Exit,
    /// Ship nothing, and answer probes until SIGTERM or SIGINT.
    Wait,
}

/// Shutdown, HTTP and confinement of the process.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// Address of the HTTP server; `None`: no server.
    pub http_listen: Option<SocketAddr>,
    /// Time limit of a drain.
    pub drain_timeout: Duration,
    /// What starts the drain.
    pub exit: Exit,
    /// Whether the exit code is 75 if a drain left unacknowledged lines; else it is 0.
    pub strict_exit_code: bool,
    /// File of the container's termination message; `None`: none is written.
    pub termination_log: Option<PathBuf>,
    /// Whether the process gives up access to files it does not need, as far as the kernel supports it.
    pub landlock: bool,
}

/// The validated configuration of all modules.
#[derive(Clone, Debug)]
pub struct Config {
    /// At least one.
    pub inputs: Vec<Input>,
    /// Limit for the disk space of deleted files that are kept open, in bytes; `None`: no limit.
    pub deleted_open_bytes_max: Option<u64>,
    /// What wakes the reader.
    pub watch: watcher::Config,
    /// Content and format of records.
    pub encode: encode::Config,
    /// Batch size, linger, and the limit of bytes in flight.
    pub batch: batch::Config,
    /// Where records go.
    pub output: sink::Config,
    /// Where checkpoints are stored.
    pub checkpoint: checkpoint::Config,
    /// Shutdown, HTTP and confinement.
    pub process: ProcessConfig,
    /// Logskiff's own log.
    pub log: Log,
    /// Whether made-up secrets are redacted each minute, to see that they are masked.
    pub canary: bool,
    /// All files that `…_FILE` variables name, whether they are used or not.
    pub secret_files: Vec<PathBuf>,
}

impl Config {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn from_env() -> Result<Self, Mistakes> {
        Self::from_environment(&Environment::read())
    }

    /// Reads these variables; the environment and memory limit of the process are ignored.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn from_vars(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, Mistakes> {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self::from_environment(&Environment::new(variables))
    }

    /// Reads an [`Environment`].
    ///
    /// # Errors
    /// All mistakes at once: wrong names first, then in the order of the reference.
    pub fn from_environment(environment: &Environment) -> Result<Self, Mistakes> {
        let mut mistakes = environment.mistakes().to_vec();
        let reader = &mut Reader::new(environment, &mut mistakes);
        let config = read_all(reader);
        redact::check_audit(&config.inputs, reader);
        if mistakes.is_empty() { Ok(config) } else { Err(Mistakes(mistakes)) }
    }

    /// Reads an [`Environment`] for a command that ships nothing: text may stay unmasked without a permission.
    ///
    /// # Errors
    /// As [`Self::from_environment`].
    pub fn for_samples(environment: &Environment) -> Result<Self, Mistakes> {
        let mut mistakes = environment.mistakes().to_vec();
        let config = read_all(&mut Reader::new(environment, &mut mistakes));
        if mistakes.is_empty() { Ok(config) } else { Err(Mistakes(mistakes)) }
    }
}

fn read_all(reader: &mut Reader<'_>) -> Config {
    let mut inputs = input::inputs(reader);
    let deleted_open_bytes_max =
        reader.bytes_or_off("LOGSKIFF_DELETED_OPEN_BYTES_MAX", &DELETED_OPEN_BYTES).map(|bytes| bytes as u64);
    let watch = watch(reader);
    let checkpoint = checkpoint(reader);
    let mut encode = encode(reader);
    let line_bytes_max = inputs.iter().map(|input| input.frame.line_bytes_max).max().unwrap_or_default();
    let batch = batch(reader, line_bytes_max);
    for input in &mut inputs {
        input.source.kept_bytes_max = batch.in_flight_bytes + input.frame.window_bytes() + KEPT_SLACK_BYTES;
    }
    let output;
    (output, encode.syslog) = self::output(reader, &batch);
    let batched = output.kafka().is_some_and(|kafka| kafka.message == Message::Batch);
    if batched && encode.event_id == EventId::Header {
        reader.mistake(
            "LOGSKIFF_EVENT_ID",
            "\"header\" needs one message per record, but LOGSKIFF_KAFKA_MESSAGE is batch",
        );
    }
    check_stamp(&encode, &output, reader);
    let secret_files = reader.environment().named_files();
    let (process, log, canary) = (process::process(reader), own_log::log(reader), redact::canary(reader));
    Config {
        inputs,
        deleted_open_bytes_max,
        watch,
        encode,
        batch,
        output,
        checkpoint,
        process,
        log,
        canary,
        secret_files,
    }
}

/// A record that is only the line has no place for a stamp.
fn check_stamp(encode: &encode::Config, output: &sink::Config, reader: &mut Reader<'_>) {
    let is_syslog = |output: &&OutputConfig| matches!(output, OutputConfig::Syslog(_));
    let without = |syslog: &encode::syslog::Config| {
        let has_data = syslog.format == encode::syslog::Format::Rfc5424 && syslog.structured_data.is_some();
        syslog.message == encode::syslog::Message::Raw && !has_data
    };
    let reason = if encode.encoding == Encoding::Raw && !output.outputs.iter().all(|output| is_syslog(&output)) {
        "\"on\" needs LOGSKIFF_ENCODING=json: a raw record is only the line"
    } else if encode.syslog.as_ref().is_some_and(without) {
        "\"on\" needs LOGSKIFF_SYSLOG_ENCODING=json or LOGSKIFF_SYSLOG_STRUCTURED_DATA=on: a raw message is only the line"
    } else {
        return;
    };
    if encode.stamp {
        reader.mistake(STAMP, reason);
    }
}

fn watch(reader: &mut Reader<'_>) -> watcher::Config {
    let modes = [("auto", watcher::Mode::Auto), ("inotify", watcher::Mode::Inotify), ("poll", watcher::Mode::Poll)];
    watcher::Config {
        poll: reader.duration("LOGSKIFF_POLL_INTERVAL", &POLL),
        mode: reader.choice("LOGSKIFF_WATCH", &modes),
    }
}

fn checkpoint(reader: &mut Reader<'_>) -> checkpoint::Config {
    const STATE_DIR: &str = "LOGSKIFF_STATE_DIR";
    let none = reader.text(STATE_DIR).as_deref() == Some("none");
    checkpoint::Config { dir: if none { None } else { reader.path(STATE_DIR) } }
}

fn encode(reader: &mut Reader<'_>) -> encode::Config {
    encode::Config {
        syslog: None,
        stamp: reader.choice(STAMP, &[("on", true), ("off", false)]),
        fields: reader.read(FIELDS, fields).unwrap_or_default(),
        pod: encode::Pod {
            name: reader.text("POD_NAME"),
            namespace: reader.text("POD_NAMESPACE"),
            uid: reader.text("POD_UID"),
            ip: reader.text("POD_IP"),
            node: reader.text("NODE_NAME"),
            container: reader.text("CONTAINER_NAME"),
            labels_file: reader.path("LOGSKIFF_LABELS_FILE"),
        },
        encoding: reader.choice("LOGSKIFF_ENCODING", &[("json", Encoding::Json), ("raw", Encoding::Raw)]),
        event_id: reader.choice(
            "LOGSKIFF_EVENT_ID",
            &[("off", EventId::Off), ("field", EventId::Field), ("header", EventId::Header)],
        ),
    }
}

fn fields(text: &str) -> Result<Vec<(String, Template)>, String> {
    let mut fields: Vec<(String, Template)> = Vec::new();
    for item in units::list(text) {
        let named = item.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, template)) = named.filter(|(name, _)| !name.is_empty()) else {
            return Err(format!("{} is not name=value", error::quote(&item)));
        };
        if fields.iter().any(|(known, _)| known == name) {
            return Err(format!("{} is set twice", error::quote(name)));
        }
        if encode::is_reserved(name) {
            return Err(format!("{} is a reserved field name; choose another, such as app.{name}", error::quote(name)));
        }
        let template: Template = template.parse().map_err(|error| format!("{}: {error}", error::quote(name)))?;
        if template.by_record() {
            return Err(format!(
                "{}: `field.`, `id` and `offset` are only for topics, keys and headers; the record already has them",
                error::quote(name)
            ));
        }
        fields.push((name.to_owned(), template));
    }
    Ok(fields)
}

fn batch(reader: &mut Reader<'_>, line_bytes_max: usize) -> batch::Config {
    let bytes = reader.bytes("LOGSKIFF_BATCH_BYTES", &BATCH_BYTES);
    let linger = reader.duration(LINGER_NAME, &LINGER);
    let linger_max = linger_max(reader, linger);
    let given = reader.bytes(IN_FLIGHT, &IN_FLIGHT_BYTES);
    // A batch or line that is larger than the limit could never be read.
    let least = [("LOGSKIFF_BATCH_BYTES", bytes), ("LOGSKIFF_LINE_BYTES_MAX", line_bytes_max)];
    let in_flight_bytes = if reader.is_set(IN_FLIGHT) {
        for (variable, bytes) in least.into_iter().filter(|(_, bytes)| given < *bytes) {
            let (given, bytes) = (units::bytes_text(given), units::bytes_text(bytes));
            reader.mistake(IN_FLIGHT, format!("{given} is less than {variable}, {bytes}"));
        }
        given
    } else {
        let lowered = memory::budget_bytes(given, reader.environment().memory_limit_bytes());
        least.into_iter().map(|(_, bytes)| bytes).fold(lowered, usize::max)
    };
    batch::Config { bytes, linger, linger_max, in_flight_bytes }
}

/// The longest linger. A linger that the user has set does not grow by itself.
fn linger_max(reader: &mut Reader<'_>, linger: Duration) -> Duration {
    let given = reader.duration(LINGER_MAX, &LINGER);
    if !reader.is_set(LINGER_MAX) {
        return if reader.is_set(LINGER_NAME) { linger } else { given };
    }
    if given < linger {
        let (given, linger) = (units::duration_text(given), units::duration_text(linger));
        reader.mistake(LINGER_MAX, format!("{given} is less than {LINGER_NAME}, {linger}; set it to {linger} or more"));
    }
    given
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sink {
    Kafka,
    Syslog,
    Stdout,
}

/// The outputs, and the encoding for the syslog receiver, if there is one.
fn output(reader: &mut Reader<'_>, batch: &batch::Config) -> (sink::Config, Option<encode::syslog::Config>) {
    let sinks = reader.choices(OUTPUT, &[("kafka", Sink::Kafka), ("syslog", Sink::Syslog), ("stdout", Sink::Stdout)]);
    if sinks.is_empty() {
        reader.mistake(OUTPUT, "names no output; use one or more of kafka, syslog, stdout");
    }
    for (receiver, place) in [("LOGSKIFF_KAFKA_BROKERS", "Kafka"), (syslog::ADDRESS, "syslog")] {
        if !reader.is_set(OUTPUT) && reader.is_set(receiver) {
            reader.mistake(OUTPUT, format!("not set, but {receiver} is; set it to send records to {place}"));
        } else if !reader.is_set(OUTPUT) && reader.environment().is_set_without_prefix(receiver) {
            let set = receiver.trim_start_matches(variables::PREFIX);
            let reason = format!(
                "not set, but {set} is, which logskiff does not read; set {receiver} and {OUTPUT}, or {OUTPUT}=stdout"
            );
            reader.mistake(OUTPUT, reason);
        }
    }
    let [to_kafka, to_syslog, stdout] = [Sink::Kafka, Sink::Syslog, Sink::Stdout].map(|sink| sinks.contains(&sink));
    let kafka = kafka::config(reader, batch, to_kafka);
    let (messages, receiver) = syslog::config(reader, to_syslog);
    let outputs = [
        to_kafka.then(|| OutputConfig::Kafka(Box::new(kafka))),
        to_syslog.then(|| OutputConfig::Syslog(Box::new(receiver))),
        stdout.then_some(OutputConfig::Stdout),
    ];
    (sink::Config { outputs: outputs.into_iter().flatten().collect() }, to_syslog.then_some(messages))
}

/// The effective value of each variable, in the order of the reference; of families, those that are set. Secrets become
/// `<secret>`; invalid values are returned as they were set.
#[must_use]
pub fn effective(environment: &Environment) -> Vec<(String, String)> {
    const HIDDEN: &str = "<secret>";
    let config = Config::from_environment(environment).ok();
    let mut lines = Vec::new();
    for variable in variables::VARIABLES {
        if let Some((prefix, _)) = variable.name.split_once('<') {
            let set = environment.values().filter(|(name, _)| name.starts_with(prefix));
            lines.extend(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
            continue;
        }
        let value = match environment.value(variable.name) {
            Some(_) if variable.secret => HIDDEN.to_owned(),
            // A value that is not a path may be the secret itself.
            Some(value) if variable.name.ends_with(FILE_SUFFIX) && !error::looks_like_a_path(value) => {
                HIDDEN.to_owned()
            }
            Some(value) => value.to_owned(),
            // With named inputs, `LOGSKIFF_PATHS` has no default.
            None if variable.name == "LOGSKIFF_PATHS" && !environment.input_names().is_empty() => String::new(),
            None => config
                .as_ref()
                .and_then(|config| computed(config, variable.name))
                .unwrap_or_else(|| variable.default.to_owned()),
        };
        lines.push((variable.name.to_owned(), value));
    }
    lines
}

/// The value of an unset variable if it depends on other variables or the machine; `None`: its default.
fn computed(config: &Config, variable: &str) -> Option<String> {
    let syslog = config.encode.syslog.as_ref();
    match variable {
        IN_FLIGHT => Some(units::bytes_text(config.batch.in_flight_bytes)),
        syslog::BYTES_MAX => syslog.map(|syslog| units::bytes_text(syslog.bytes_max)),
        syslog::HOSTNAME => syslog.map(|syslog| syslog.hostname.to_string()),
        syslog::FRAMING => syslog.filter(|syslog| syslog.framing == Framing::None).map(|_| String::new()),
        _ => None,
    }
}

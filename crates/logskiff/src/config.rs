//! The environment in, one checked [`Config`] out, or every mistake at once.
//!
//! `raw` reads texts, `reader` makes them typed with the defaults of `reference`, and this file and its children gather
//! what each room asks for. Nothing here starts anything, and no secret is ever printed.

mod environment;
mod error;
mod input;
mod kafka;
mod memory;
mod overlap;
mod parser;
mod redact;
mod suggest;
mod syslog;
pub mod units;
pub mod variables;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

pub use self::environment::Environment;
use self::environment::FILE_SUFFIX;
pub use self::error::{Mistake, Mistakes};
pub use self::overlap::{Overlap, overlaps};
use self::parser::Reader;
use crate::delivery::checkpoint;
use crate::pipeline::batch;
use crate::pipeline::encode;
use crate::pipeline::encode::syslog::Framing;
use crate::pipeline::encode::template::Template;
use crate::pipeline::encode::{Encoding, EventId};
use crate::pipeline::frame;
use crate::pipeline::parse;
use crate::sink;
use crate::sink::kafka::Message;
use crate::source;
use crate::source::watcher;

/// Below, polling costs more than inotify saves; above, a volume without events looks dead.
const POLL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3_600);
/// Smaller batches are all overhead; larger ones do not fit a sidecar.
const BATCH_BYTES: RangeInclusive<usize> = 1 << 10..=16 << 20;
/// Longer, and a crash would ship too much again.
const LINGER: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(10);
/// The least that keeps reading and sending apart; the most that librdkafka's queue, which is twice this, should hold.
const IN_FLIGHT_BYTES: RangeInclusive<usize> = 64 << 10..=1 << 30;
/// Of what cannot be read twice so much more is kept than is in flight and than one line may have: it is let go in pieces.
const KEPT_SLACK_BYTES: usize = 192 << 10;
/// Less leaves no time for one round trip; more than any pod's grace period.
const DRAIN_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// One block of a file system at the least; at the most what `bytes` reads.
const DELETED_OPEN_BYTES: RangeInclusive<usize> = 4 << 10..=usize::MAX;

const FIELDS: &str = "LOGSKIFF_FIELDS";
const IN_FLIGHT: &str = "LOGSKIFF_IN_FLIGHT_BYTES";
const OUTPUT: &str = "LOGSKIFF_OUTPUT";

/// One input: which files, and how their lines become redacted records.
#[derive(Clone, Debug)]
pub struct Input {
    /// Lower case; `default` for the one that the common variables make.
    pub name: String,
    /// Which files.
    pub source: source::Config,
    /// What a line is.
    pub frame: frame::Config,
    /// What to make of a line.
    pub parse: parse::Config,
    /// What must not leave.
    pub redact: ::redact::Config,
}

/// When the process ends by itself. Whatever it is, it ends when everything is read and acknowledged, not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// When told to.
    Signal,
    /// When all is read and acknowledged.
    Eof,
    /// When this file is there.
    File(PathBuf),
    /// When the pod's other processes are gone; they are seen in a shared process namespace.
    App,
}

/// How the process ends, and who may ask how it is.
#[derive(Clone, Debug)]
pub struct Life {
    /// Where it answers HTTP; `None`: nowhere.
    pub http_listen: Option<SocketAddr>,
    /// How long a drain may take.
    pub drain_timeout: Duration,
    /// What starts it.
    pub exit: Exit,
    /// Whether what a drain left behind makes the exit code 75; else it is 0.
    pub strict_exit_code: bool,
    /// The file that Kubernetes shows as the container's termination message; `None`: none is written.
    pub termination_log: Option<PathBuf>,
    /// Whether the process confines itself to the files that it needs, as far as the kernel goes along.
    pub landlock: bool,
}

/// How its own log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For eyes.
    Text,
}

/// Its own log.
#[derive(Clone, Debug)]
pub struct Log {
    /// A filter that `tracing_subscriber::EnvFilter` reads.
    pub filter: String,
    /// How it looks.
    pub format: LogFormat,
}

/// Everything that the modules ask for, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// At least one.
    pub inputs: Vec<Input>,
    /// How much of the disk deleted files may take that are held open; `None`: any.
    pub deleted_open_bytes_max: Option<u64>,
    /// What wakes the reader.
    pub watch: watcher::Config,
    /// What a record holds.
    pub encode: encode::Config,
    /// When a batch leaves, and the byte budget.
    pub batch: batch::Config,
    /// Where records go.
    pub output: sink::Config,
    /// What is remembered over a restart.
    pub checkpoint: checkpoint::Config,
    /// How it ends.
    pub life: Life,
    /// Its own log.
    pub log: Log,
    /// The files that secrets were read from, and every other that a `…_FILE` names, whether its feature is in use or not.
    pub secret_files: Vec<PathBuf>,
}

impl Config {
    /// The configuration that the environment of this process asks for.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn from_env() -> Result<Self, Mistakes> {
        Self::from_environment(&Environment::read())
    }

    /// The same from variables as given, whatever the process and the machine say.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn from_vars(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, Mistakes> {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self::from_environment(&Environment::new(variables))
    }

    /// The same from an environment that was read before.
    ///
    /// # Errors
    /// All mistakes at once: of names first, then in the order of the reference.
    pub fn from_environment(environment: &Environment) -> Result<Self, Mistakes> {
        let mut mistakes = environment.mistakes().to_vec();
        let config = gather(&mut Reader::new(environment, &mut mistakes));
        if mistakes.is_empty() { Ok(config) } else { Err(Mistakes(mistakes)) }
    }
}

fn gather(reader: &mut Reader<'_>) -> Config {
    let mut inputs = input::all(reader);
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
    let batched = output.kafka.as_ref().is_some_and(|kafka| kafka.message == Message::Batch);
    if batched && encode.event_id == EventId::Header {
        reader
            .mistake("LOGSKIFF_EVENT_ID", "\"header\" needs one message a record, and LOGSKIFF_KAFKA_MESSAGE is batch");
    }
    let secret_files = reader.environment().named_files();
    let (life, log) = (life(reader), log(reader));
    Config { inputs, deleted_open_bytes_max, watch, encode, batch, output, checkpoint, life, log, secret_files }
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
            return Err(format!("{} is not name=value", error::shown(&item)));
        };
        if fields.iter().any(|(known, _)| known == name) {
            return Err(format!("{} is given twice", error::shown(name)));
        }
        if encode::is_reserved(name) {
            return Err(format!(
                "{} is a name that logskiff writes itself; choose another, such as app.{name}",
                error::shown(name)
            ));
        }
        let template: Template = template.parse().map_err(|error| format!("{}: {error}", error::shown(name)))?;
        if template.by_record() {
            return Err(format!(
                "{}: `field.` is for topics and keys; the record has its fields already",
                error::shown(name)
            ));
        }
        fields.push((name.to_owned(), template));
    }
    Ok(fields)
}

fn batch(reader: &mut Reader<'_>, line_bytes_max: usize) -> batch::Config {
    let bytes = reader.bytes("LOGSKIFF_BATCH_BYTES", &BATCH_BYTES);
    let linger = reader.duration("LOGSKIFF_LINGER", &LINGER);
    let said = reader.bytes(IN_FLIGHT, &IN_FLIGHT_BYTES);
    // What is larger than the whole budget could never be let in.
    let least = [("LOGSKIFF_BATCH_BYTES", bytes), ("LOGSKIFF_LINE_BYTES_MAX", line_bytes_max)];
    let in_flight_bytes = if reader.is_set(IN_FLIGHT) {
        for (variable, bytes) in least.into_iter().filter(|(_, bytes)| said < *bytes) {
            let (said, bytes) = (units::bytes_text(said), units::bytes_text(bytes));
            reader.mistake(IN_FLIGHT, format!("{said} is less than {variable}, {bytes}"));
        }
        said
    } else {
        let lowered = memory::budget_bytes(said, reader.environment().memory_limit_bytes());
        least.into_iter().map(|(_, bytes)| bytes).fold(lowered, usize::max)
    };
    batch::Config { bytes, linger, in_flight_bytes }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sink {
    Kafka,
    Syslog,
    Stdout,
}

/// Where records go, and how they are written for a syslog receiver, if they go to one.
fn output(reader: &mut Reader<'_>, batch: &batch::Config) -> (sink::Config, Option<encode::syslog::Config>) {
    let sinks = reader.choices(OUTPUT, &[("kafka", Sink::Kafka), ("syslog", Sink::Syslog), ("stdout", Sink::Stdout)]);
    if sinks.is_empty() {
        reader.mistake(OUTPUT, "names no output; known are kafka, syslog, stdout");
    }
    for (receiver, place) in [("LOGSKIFF_KAFKA_BROKERS", "Kafka"), (syslog::ADDRESS, "syslog")] {
        if !reader.is_set(OUTPUT) && reader.is_set(receiver) {
            reader.mistake(OUTPUT, format!("not set, but {receiver} is; without it nothing would go to {place}"));
        }
    }
    let [to_kafka, to_syslog, stdout] = [Sink::Kafka, Sink::Syslog, Sink::Stdout].map(|sink| sinks.contains(&sink));
    let kafka = kafka::config(reader, batch, to_kafka);
    let (messages, receiver) = syslog::config(reader, to_syslog);
    let output = sink::Config { stdout, kafka: to_kafka.then_some(kafka), syslog: to_syslog.then_some(receiver) };
    (output, to_syslog.then_some(messages))
}

fn life(reader: &mut Reader<'_>) -> Life {
    const TERMINATION_LOG: &str = "LOGSKIFF_TERMINATION_LOG";
    let silent = reader.text(TERMINATION_LOG).as_deref() == Some("off");
    Life {
        http_listen: http_listen(reader),
        drain_timeout: reader.duration("LOGSKIFF_DRAIN_TIMEOUT", &DRAIN_TIMEOUT),
        exit: reader.read("LOGSKIFF_EXIT", exit).unwrap_or(Exit::Signal),
        strict_exit_code: reader.choice("LOGSKIFF_EXIT_CODE", &[("lenient", false), ("strict", true)]),
        termination_log: if silent { None } else { reader.path(TERMINATION_LOG) },
        landlock: reader.choice("LOGSKIFF_LANDLOCK", &[("auto", true), ("off", false)]),
    }
}

fn http_listen(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let address = |text: &str| match text {
        "off" => Ok(None),
        _ => text.parse().map(Some).map_err(|_| format!("{} is not an IP address with a port", error::shown(text))),
    };
    reader.read("LOGSKIFF_HTTP_LISTEN", address).flatten()
}

fn exit(text: &str) -> Result<Exit, String> {
    match (text, text.strip_prefix("file:")) {
        ("signal", _) => Ok(Exit::Signal),
        ("eof", _) => Ok(Exit::Eof),
        ("app", _) => Ok(Exit::App),
        (_, Some(path)) if path.starts_with('/') => Ok(Exit::File(path.into())),
        (_, Some(path)) => Err(format!("{} is not an absolute path", error::shown(path))),
        _ => Err(format!("{} is not one of signal, eof, app, file:PATH", error::shown(text))),
    }
}

fn log(reader: &mut Reader<'_>) -> Log {
    let filter = |text: &str| match EnvFilter::builder().with_regex(false).parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("{} is not a level or a list of target=level", error::shown(text))),
    };
    Log {
        filter: reader.read("LOGSKIFF_LOG", filter).unwrap_or_default(),
        format: reader.choice("LOGSKIFF_LOG_FORMAT", &[("json", LogFormat::Json), ("text", LogFormat::Text)]),
    }
}

/// Where HTTP is answered, from this one variable alone: a probe must not fail for another's mistake.
///
/// # Errors
/// When that variable is wrong.
pub fn http_listen_of(environment: &Environment) -> Result<Option<SocketAddr>, Mistakes> {
    let mut mistakes = Vec::new();
    let listen = http_listen(&mut Reader::new(environment, &mut mistakes));
    if mistakes.is_empty() { Ok(listen) } else { Err(Mistakes(mistakes)) }
}

/// What is in force, variable by variable in the order of the reference, families by what is set of them. Secrets are
/// given as `<secret>`; wrong values are given as they were set.
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
            // What is no path may be what the file should hold.
            Some(value) if variable.name.ends_with(FILE_SUFFIX) && !error::is_shown_file(value) => HIDDEN.to_owned(),
            Some(value) => value.to_owned(),
            // Named inputs take the place of the default one.
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

/// What follows from other variables and the machine where a variable is not set; `None`: its default.
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

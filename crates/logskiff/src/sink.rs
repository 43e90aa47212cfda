//! Sends batches to the outputs, and takes their acknowledgements back.
//!
//! Enters: redacted lines. Leaves: [`Report`]s, one for each message, in any order. An output never drops a message
//! silently: it reports each message that it took as delivered, refused, too large or lost.
//!
//! A new output is one folder that implements [`Sink`], one variant of [`OutputConfig`] with its arms below, and its
//! variables in `config`.

mod fanout;
pub mod kafka;
pub mod stdout;
pub mod syslog;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

pub use self::fanout::{Fanout, Staged};
use self::kafka::Kafka;
use self::stdout::Stdout;
use self::syslog::Syslog;
use crate::pipeline::batch::Batch;
use crate::pipeline::encode::{self, Encoder, Envelope, Pod, RedactedLine};
use crate::telemetry::metrics::{Metrics, OutputMetrics};
use event::{DropReason, FileId, Outcome, OutputId, Ticket};

/// An output.
///
/// The shipper's thread calls all methods, and none may block. Methods with a default are for outputs with a connection.
pub trait Sink {
    /// Appends a line's payload to `out`, and after it bytes that only this output reads when the batch is offered. By
    /// default it is the record, in one message. Not each line that is encoded is offered.
    ///
    /// # Errors
    /// [`DropReason::Oversize`], for a line that the output leaves out for its size. No output gets it then.
    fn encode(
        &mut self,
        line: &RedactedLine<'_>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, DropReason> {
        encoder.encode(line, out);
        Ok(Encoded { payload_end: out.len(), messages: 1 })
    }

    /// Takes entries of a batch, beginning with number `from`, and returns the number of the first that it did not take.
    /// It may take the whole batch out of its place. It reports each message that it took later.
    fn offer(&mut self, batch: &mut Batch, from: usize) -> usize;

    /// Sends what it took and kept, as far as it is worth it. Called after offers and when outcomes were taken.
    fn send(&mut self, _supply: Supply, _now: Instant) {}

    /// When [`Self::send`] is to be called again at the latest, for what it kept.
    fn send_at(&self) -> Option<Instant> {
        None
    }

    /// Adds the outcomes of messages to `acks`.
    ///
    /// # Errors
    /// When nothing can be delivered any more: logskiff ends.
    fn poll_acks(&mut self, acks: &mut Vec<Ack>) -> Result<(), Error>;

    /// A file has this envelope from now on. `file` may have stood for another file before.
    fn set_file(&mut self, _file: FileId, _envelope: &Envelope) {}

    /// Whether it works.
    fn health(&self) -> Health {
        Health::Works
    }

    /// Gives up the messages in flight of a failed output: it reports them as lost.
    fn purge(&mut self) {}

    /// Starts again after a failure, once nothing is in flight.
    ///
    /// # Errors
    /// When it cannot start again now.
    fn reset(&mut self) -> Result<Resume, Error> {
        Ok(Resume::AtOnce)
    }

    /// Looks for changed credentials. Returns whether new ones are ready to be used.
    fn prepare_reload(&mut self) -> bool {
        false
    }

    /// Uses the new credentials. Messages that are still in flight are never reported.
    fn reload(&mut self) {}

    /// The process ends within this time: reconnects soon, and does not wait long for a silent receiver.
    fn start_drain(&self, _within: Duration) {}

    /// Closes the connection within this time. The outcomes of messages no longer matter.
    fn close(&mut self, _within: Duration) {}
}

/// What comes next from the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// More lines, at once: a larger batch is worth a moment.
    More,
    /// Nothing for now: all is read.
    Done,
    /// Nothing until lines are acknowledged: the byte budget is used up.
    Waits,
    /// Nothing until all is acknowledged: the process ends, or new credentials are about to be used.
    Last,
}

/// A line that an output has encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The end of the payload in the buffer.
    pub payload_end: usize,
    /// The number of messages that the output will report; at least one.
    pub messages: u16,
}

/// Whether an output works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It takes messages.
    Works,
    /// The connection is lost, and all its messages are reported. [`Sink::reset`] connects again.
    Disconnected,
    /// It has failed, and messages may still be in flight. It works again after [`Sink::reset`].
    Failed,
}

/// When reading resumes after a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// At once: the output waits by itself before it connects again, or the failure cannot recur.
    AtOnce,
    /// After a backoff.
    AfterBackoff,
}

/// The outcome of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The span that it belongs to.
    pub ticket: Ticket,
    /// Its outcome.
    pub outcome: Outcome,
}

impl Ack {
    /// The outcome of the message with this ticket.
    #[must_use]
    pub fn new(ticket: Ticket, outcome: Outcome) -> Self {
        Self { ticket, outcome }
    }
}

/// The outcome of one message of one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The output.
    pub output: OutputId,
    /// The span that the message belongs to.
    pub ticket: Ticket,
    /// The message's outcome.
    pub outcome: Outcome,
}

/// An output that cannot start, or has to end the process.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    what: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
    /// Whether the user's configuration is to blame.
    pub is_configuration: bool,
}

impl Error {
    /// The output's variables are wrong; `what` names them.
    pub fn configuration(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what: what.into(), source: source.into(), is_configuration: true }
    }

    /// Why.
    #[must_use]
    pub fn cause(&self) -> &(dyn std::error::Error + Send + Sync) {
        self.source.as_ref()
    }

    /// The system refuses something.
    #[must_use]
    pub fn system(what: impl Into<String>, source: io::Error) -> Self {
        Self { what: what.into(), source: source.into(), is_configuration: false }
    }
}

/// What all outputs work with.
#[derive(Clone)]
pub struct Services {
    /// The pod, for templates.
    pub pod: Pod,
    /// All metrics.
    pub metrics: Arc<Metrics>,
    /// For tasks that wait for a connection.
    pub runtime: Handle,
    /// Wakes the shipper: there are acknowledgements, or the output can take more.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// The usual size of a batch in bytes.
    pub batch_bytes: usize,
}

/// What one output works with.
pub struct Context {
    /// The same for all outputs.
    pub services: Services,
    /// The metrics of this output.
    pub counts: Arc<OutputMetrics>,
    /// Whether spans wait for its acknowledgements. If not, it gets copies only.
    pub acknowledges: bool,
}

/// The outputs in use.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Each of them once.
    pub outputs: Vec<OutputConfig>,
}

/// One output.
#[derive(Clone, Debug)]
pub enum OutputConfig {
    /// Records to Kafka.
    Kafka(Box<kafka::Config>),
    /// Messages to a syslog receiver.
    Syslog(Box<syslog::Config>),
    /// Records to standard output. Next to another output these are copies.
    Stdout,
    /// An output of the program that embeds logskiff.
    Custom(Custom),
}

/// An output of the program that embeds logskiff.
#[derive(Clone)]
pub struct Custom {
    /// Its name in metrics and in the status.
    pub name: &'static str,
    /// Starts it.
    pub start: Arc<StartSink>,
}

/// Starts an output.
pub type StartSink = dyn Fn(Context) -> Result<Box<dyn Sink>, Error> + Send + Sync;

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Config {
    /// Kafka, if it is an output.
    #[must_use]
    pub fn kafka(&self) -> Option<&kafka::Config> {
        self.outputs.iter().find_map(|output| match output {
            OutputConfig::Kafka(config) => Some(config.as_ref()),
            _ => None,
        })
    }

    /// The syslog receiver, if it is an output.
    #[must_use]
    pub fn syslog(&self) -> Option<&syslog::Config> {
        self.outputs.iter().find_map(|output| match output {
            OutputConfig::Syslog(config) => Some(config.as_ref()),
            _ => None,
        })
    }
}

impl OutputConfig {
    /// Its name in metrics, in the status and in `LOGSKIFF_OUTPUT`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kafka(_) => "kafka",
            Self::Syslog(_) => "syslog",
            Self::Stdout => "stdout",
            Self::Custom(custom) => custom.name,
        }
    }

    /// Whether spans wait for its acknowledgements, also next to other outputs.
    fn always_acknowledges(&self) -> bool {
        !matches!(self, Self::Stdout)
    }

    /// Starts it.
    fn start(&self, context: Context) -> Result<Box<dyn Sink>, Error> {
        Ok(match self {
            Self::Kafka(config) => Box::new(Kafka::new(config.as_ref().clone(), &context)?),
            Self::Syslog(config) => Box::new(Syslog::new(config.as_ref().clone(), &context)),
            Self::Stdout => Box::new(Stdout::start(io::stdout(), &context)?),
            Self::Custom(custom) => (custom.start)(context)?,
        })
    }

    /// The receiver, in a few words; empty where the name says it all.
    #[must_use]
    pub fn receiver(&self) -> String {
        match self {
            Self::Kafka(config) => config.receiver(),
            Self::Syslog(config) => config.receiver(),
            Self::Stdout | Self::Custom(_) => String::new(),
        }
    }

    /// What it sends, where and how, for `logskiff check`. Secrets are never shown.
    #[must_use]
    pub fn describe(&self, encode: &encode::Config) -> String {
        let records = encode.encoding.describe();
        match self {
            Self::Kafka(config) => format!("{records}, {}", config.describe()),
            Self::Syslog(config) => {
                encode.syslog.as_ref().map_or_else(String::new, |messages| config.describe(messages))
            }
            Self::Stdout | Self::Custom(_) => records.to_owned(),
        }
    }

    /// A weakness of the configuration that the log should name at the start.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        match self {
            Self::Syslog(config) => config.warning(),
            Self::Kafka(_) | Self::Stdout | Self::Custom(_) => None,
        }
    }

    /// The files that it reads again while it runs: certificates, keys, passwords, tokens.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Kafka(config) => config.files(),
            Self::Syslog(config) => config.files(),
            Self::Stdout | Self::Custom(_) => Vec::new(),
        }
    }
}

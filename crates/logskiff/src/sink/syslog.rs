//! Syslog messages to a receiver, over one connection at a time.
//!
//! Enters: batches of messages as `encode` has written them. Leaves: one report for each message. A task on the runtime
//! owns the connection. When the connection is lost, the task reports all unacknowledged messages as lost and ends, and
//! the shipper starts the next task. No content is ever logged.

mod ack_mailbox;
pub mod address;
mod connect;
mod connection_task;
mod datagrams;
mod lookup;
mod peers;
mod progress;
mod reconnect_state;
mod relp;
mod session;
mod socket;
pub mod tls;
mod unacknowledged;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::ack_mailbox::AckMailbox;
use self::address::{Address, Transport};
use self::connection_task::ConnectionTask;
use self::reconnect_state::ReconnectState;
use super::{Ack, Context, Encoded, Error, Health, Resume, Sink};
use crate::pipeline::batch::Batch;
use crate::pipeline::encode::{Encoder, RedactedLine, syslog as messages};
use crate::telemetry::metrics::{Metrics, OutputMetrics};
use crate::units::bytes_text;
use event::{DropReason, Outcome};

/// How messages get to a receiver.
#[derive(Clone, Debug)]
pub struct Config {
    /// At least one, all of one transport; the first that can be reached is used.
    pub addresses: Vec<Address>,
    /// Whether messages already have their framing. If not, a stream frames them by octet counting.
    pub framed: bool,
    /// Whether the stream is compressed as one zlib stream, flushed with each write (rsyslog's `stream:always`).
    pub compression: bool,
    /// Settings of TLS, for the transports that use it.
    pub tls: tls::Config,
    /// The most RELP transactions that may wait for their responses.
    pub relp_window: usize,
    /// What becomes of a message that the receiver refuses (RELP).
    pub refused: Refused,
    /// The time limit to connect, and for a connection with messages in flight to make no progress.
    pub timeout: Duration,
    /// The interval at which earlier addresses are tried again, and certificates are checked for changes.
    pub return_after: Duration,
}

/// What becomes of a message that the receiver refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is sent again with backoff; others go on.
    Wait,
    /// It is dropped and counted.
    Drop,
}

impl Refused {
    fn outcome(self) -> Outcome {
        match self {
            Self::Wait => Outcome::Refused,
            Self::Drop => Outcome::Rejected,
        }
    }
}

impl Config {
    /// The addresses.
    pub(super) fn receiver(&self) -> String {
        self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    /// The format of messages, the addresses and the transport.
    pub(super) fn describe(&self, encode: &messages::Config) -> String {
        let format = match encode.format {
            messages::Format::Rfc5424 => "rfc5424",
            messages::Format::Rfc3164 => "rfc3164",
        };
        let transport = self.addresses.first().map(|address| address.transport);
        let framing = match encode.framing {
            messages::Framing::OctetCounting => "octet-counting".to_owned(),
            messages::Framing::Newline => "newline".to_owned(),
            messages::Framing::None if transport.is_some_and(Transport::is_relp) => {
                format!("RELP window {}", self.relp_window)
            }
            messages::Framing::None if transport == Some(Transport::Unix) => "datagrams or octet-counting".to_owned(),
            messages::Framing::None => "one message per datagram".to_owned(),
        };
        let message = match encode.message {
            messages::Message::Raw => "redacted lines",
            messages::Message::Json => "JSON records",
        };
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let bytes_max = bytes_text(encode.bytes_max);
        let mut text =
            format!("{format} at {}, {framing}, {message}, messages up to {bytes_max}", addresses.join(", "));
        if self.refused == Refused::Drop {
            text.push_str(", refused messages dropped");
        }
        if self.compression {
            text.push_str(", compression zlib");
        }
        if transport.is_some_and(Transport::is_tls) {
            text.push_str(if self.tls.verify { ", receiver verified" } else { ", receiver NOT verified" });
            text.push_str(if self.tls.cert_file.is_some() { ", with a client certificate" } else { "" });
        }
        text
    }

    /// A warning if an attacker could read the records.
    pub(super) fn warning(&self) -> Option<&'static str> {
        let is_unverified = !self.tls.verify && self.addresses.iter().any(|address| address.transport.is_tls());
        is_unverified.then_some(
            "LOGSKIFF_SYSLOG_TLS_VERIFY is off: the receiver is not authenticated, and any host at this address can read the records",
        )
    }

    /// Certificates and keys.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        [&self.tls.ca_file, &self.tls.cert_file, &self.tls.key_file].into_iter().flatten().cloned().collect()
    }
}

/// The syslog receivers, one of which is connected at a time.
pub struct Syslog {
    config: Arc<Config>,
    runtime: Handle,
    metrics: Arc<Metrics>,
    counts: Arc<OutputMetrics>,
    reconnect_state: Arc<ReconnectState>,
    mailbox: Arc<AckMailbox>,
    /// `None` once it is closed. The byte budget bounds it, because its messages are in flight.
    queue: Option<UnboundedSender<Batch>>,
    batch_bytes: usize,
    /// Acks of messages that were offered after the connection was lost.
    lost: Vec<Ack>,
    is_disconnected: bool,
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syslog").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Syslog {
    /// Starts to connect, and retries until it is connected.
    pub(super) fn new(config: Config, context: &Context) -> Self {
        let (services, counts) = (&context.services, Arc::clone(&context.counts));
        let config = Arc::new(config);
        let reconnect_state = Arc::new(ReconnectState::new(Arc::clone(&services.metrics), Arc::clone(&counts)));
        let mailbox = Arc::new(AckMailbox::new(Arc::clone(&services.wake)));
        let queue = Some(start(&config, &services.runtime, &reconnect_state, &mailbox));
        Self {
            config,
            runtime: services.runtime.clone(),
            metrics: Arc::clone(&services.metrics),
            counts,
            reconnect_state,
            mailbox,
            queue,
            batch_bytes: services.batch_bytes,
            lost: Vec::new(),
            is_disconnected: false,
        }
    }
}

impl Sink for Syslog {
    fn encode(
        &mut self,
        line: &RedactedLine<'_>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, DropReason> {
        let is_truncated = encoder.syslog(line, out);
        self.metrics.truncated_messages.add(u64::from(is_truncated && line.is_new));
        Ok(Encoded { payload_end: out.len(), messages: 1 })
    }

    /// Takes the whole batch, and leaves an empty one.
    fn offer(&mut self, batch: &mut Batch, from: usize) -> usize {
        let Some(queue) = &self.queue else { return from };
        let full = std::mem::replace(batch, self.mailbox.empty_batch(self.batch_bytes));
        let entries = full.entries.len();
        self.counts.sent_messages.add(entries as u64);
        self.counts.sent_bytes.add(full.bytes.len() as u64);
        if let Err(unsent) = queue.send(full) {
            self.lost.extend(unsent.0.entries.iter().map(|entry| Ack::new(entry.ticket, Outcome::Lost)));
        }
        entries
    }

    fn poll_acks(&mut self, acks: &mut Vec<Ack>) -> Result<(), Error> {
        self.is_disconnected |= self.mailbox.collect(acks);
        acks.append(&mut self.lost);
        Ok(())
    }

    fn health(&self) -> Health {
        if self.is_disconnected { Health::Disconnected } else { Health::Works }
    }

    /// Connects again. The connection task applies its own backoff.
    fn reset(&mut self) -> Result<Resume, Error> {
        self.mailbox = Arc::new(self.mailbox.for_next_connection());
        self.queue = Some(start(&self.config, &self.runtime, &self.reconnect_state, &self.mailbox));
        self.is_disconnected = false;
        Ok(Resume::AtOnce)
    }

    fn start_drain(&self, within: Duration) {
        self.reconnect_state.start_drain(within);
    }

    fn close(&mut self, within: Duration) {
        self.queue = None;
        let start = Instant::now();
        while !self.mailbox.collect(&mut Vec::new()) && start.elapsed() < within {
            std::thread::park_timeout(within.saturating_sub(start.elapsed()));
        }
    }
}

fn start(
    config: &Arc<Config>,
    runtime: &Handle,
    reconnect_state: &Arc<ReconnectState>,
    mailbox: &Arc<AckMailbox>,
) -> UnboundedSender<Batch> {
    let (queue, messages) = unbounded_channel();
    let task = ConnectionTask {
        config: Arc::clone(config),
        queue: messages,
        mailbox: Arc::clone(mailbox),
        reconnect_state: Arc::clone(reconnect_state),
        held: None,
        has_delivered: false,
    };
    runtime.spawn(task.run());
    queue
}

//! Syslog messages to a receiver, over one connection at a time.
//!
//! Enters: batches of messages as `encode` has written them. Leaves: one report a message. A task on the runtime, the
//! *link*, owns the connection; when it is lost the link reports what is not confirmed as failed and ends, and the shipper
//! asks for the next one. No content is ever said.

mod ack_mailbox;
pub mod address;
mod connect;
mod connection_task;
mod lookup;
mod relp;
mod session;
mod socket;
pub mod tls;
mod unacknowledged;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::ack_mailbox::AckMailbox;
use self::address::Address;
use self::connection_task::{ConnectionTask, ReconnectState};
use super::Report;
use crate::pipeline::batch::Batch;
use crate::telemetry::metrics::Metrics;
use event::Outcome;

/// How messages get to a receiver.
#[derive(Clone, Debug)]
pub struct Config {
    /// At least one, all of one transport; the first that can be reached is used.
    pub addresses: Vec<Address>,
    /// Whether messages come with their framing; else a stream frames them by octet counting.
    pub framed: bool,
    /// Whether the stream is compressed as one zlib stream, flushed with each write (rsyslog's `stream:always`).
    pub compression: bool,
    /// How TLS is spoken; only used by the transports that do.
    pub tls: tls::Config,
    /// How many RELP transactions may wait for their responses.
    pub relp_window: usize,
    /// How long a connection may take to be made, and one with messages out may make no progress.
    pub timeout: Duration,
    /// How often an address before the one in use is tried, and the certificates' files are looked at.
    pub return_after: Duration,
}

/// The way to a receiver.
pub struct Syslog {
    config: Arc<Config>,
    runtime: Handle,
    reconnect_state: Arc<ReconnectState>,
    mailbox: Arc<AckMailbox>,
    /// Its bound is the byte budget: every message in it is in flight.
    queue: UnboundedSender<Batch>,
    /// Messages that came too late for a link that was over.
    late: Vec<Report>,
    over: bool,
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syslog").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Syslog {
    /// Begins to connect, and goes on trying. `wake` is called when reports have come.
    pub fn new(
        config: Config,
        metrics: Arc<Metrics>,
        runtime: Handle,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let config = Arc::new(config);
        let reconnect_state = Arc::new(ReconnectState::new(metrics));
        let mailbox = Arc::new(AckMailbox::new(Arc::new(wake)));
        let queue = start(&config, &runtime, &reconnect_state, &mailbox);
        Self { config, runtime, reconnect_state, mailbox, queue, late: Vec::new(), over: false }
    }

    /// Takes all messages of a batch and leaves it empty. Each of them is reported in time.
    pub fn send(&mut self, batch: &mut Batch, keep_bytes: usize) {
        let full = std::mem::replace(batch, self.mailbox.spare(keep_bytes));
        let counts = self.reconnect_state.counts();
        counts.sent_messages.add(full.entries.len() as u64);
        counts.sent_bytes.add(full.bytes.len() as u64);
        if let Err(late) = self.queue.send(full) {
            self.late.extend(late.0.entries.iter().map(|entry| Report::message(entry.ticket, Outcome::Lost)));
        }
    }

    /// Collects what became of messages.
    pub fn reports(&mut self, reports: &mut Vec<Report>) {
        self.over |= self.mailbox.take(reports);
        reports.append(&mut self.late);
    }

    /// Whether the connection is lost, and everything that it had is reported.
    #[must_use]
    pub fn needs_reset(&self) -> bool {
        self.over
    }

    /// Begins anew, once the connection is lost.
    pub fn reset(&mut self) {
        self.mailbox = Arc::new(self.mailbox.successor());
        self.queue = start(&self.config, &self.runtime, &self.reconnect_state, &self.mailbox);
        self.over = false;
    }

    /// Says that the process is about to end: attempts to connect are not put off for long any more.
    pub fn shorten_backoff(&self) {
        self.reconnect_state.is_ending.store(true, Ordering::Relaxed);
        self.reconnect_state.ending.notify_one();
    }

    /// Closes the connection in an orderly way, waiting at most so long.
    pub fn close(self, within: Duration) {
        let Self { queue, mailbox, .. } = self;
        drop(queue);
        let start = Instant::now();
        while !mailbox.take(&mut Vec::new()) && start.elapsed() < within {
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
    let link = ConnectionTask {
        config: Arc::clone(config),
        queue: messages,
        mailbox: Arc::clone(mailbox),
        reconnect_state: Arc::clone(reconnect_state),
    };
    runtime.spawn(link.run());
    queue
}

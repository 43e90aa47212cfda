//! The task that owns one connection: it connects, sends batches and collects acknowledgements.
//!
//! A task ends when its connection is lost or when no more batches can come. It then reports all unacknowledged
//! messages as lost. The shipper reads their lines again and sends them to the next task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until, timeout};

use super::ack_mailbox::AckMailbox;
use super::connect::{ConnectError, Connection, READ_BYTES, write_all};
use super::session::{Session, SessionError};
use super::socket::{Datagrams, Stream};
use super::{Config, tls};
use crate::pipeline::batch::Batch;
use crate::sink::Ack;
use crate::telemetry::log_rate_limit::LogRateLimit;
use crate::telemetry::metrics::{ErrorKind, Metrics, OutputMetrics};
use event::Outcome;

/// The backoff before the next attempt starts at the minimum and doubles up to the maximum. Jitter is added, because
/// the sidecars of a cluster must not all reconnect at once.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// The longest backoff while the process ends.
const BACKOFF_ENDING: Duration = Duration::from_millis(250);
/// The interval between two reads of the kernel's count: it doubles from the minimum to the maximum.
const COUNT_INTERVAL_MIN: Duration = Duration::from_millis(1);
const COUNT_INTERVAL_MAX: Duration = Duration::from_millis(32);
/// The time limit to close a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// At most this many connections are logged at once: a receiver that keeps failing makes many.
const CONNECTIONS_LOGGED_MAX: u64 = 5;
/// A connection that has lasted this long was not refused.
const STABLE_AFTER: Duration = Duration::from_secs(1);

/// State that all connection tasks of an output share.
#[derive(Debug)]
pub(super) struct ReconnectState {
    /// Failed attempts since the last acknowledgement.
    failures: AtomicU32,
    /// The index of the address to try first.
    first_address: AtomicUsize,
    /// Wakes a task that waits for its backoff when the process is about to end.
    ending: Notify,
    is_ending: AtomicBool,
    log_limit: LogRateLimit,
    counts: Arc<OutputMetrics>,
}

impl ReconnectState {
    pub(super) fn new(metrics: Arc<Metrics>, counts: Arc<OutputMetrics>) -> Self {
        Self {
            failures: AtomicU32::new(0),
            first_address: AtomicUsize::new(0),
            ending: Notify::new(),
            is_ending: AtomicBool::new(false),
            log_limit: LogRateLimit::new(metrics),
            counts,
        }
    }

    /// The metrics of the output.
    fn counts(&self) -> &OutputMetrics {
        &self.counts
    }

    /// Shortens the backoff, because the process is about to end.
    pub(super) fn shorten_backoff(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.ending.notify_one();
    }
}

/// Connects to a receiver, and sends the batches of a queue to it.
pub(super) struct ConnectionTask {
    pub(super) config: Arc<Config>,
    pub(super) queue: UnboundedReceiver<Batch>,
    pub(super) mailbox: Arc<AckMailbox>,
    pub(super) reconnect_state: Arc<ReconnectState>,
}

/// Why the task stopped using a connection that works.
enum Stopped {
    /// No more batches can come, and all messages are acknowledged.
    Done,
    /// A preferred connection replaces it.
    Replaced(Connected),
}

/// A connection, and the index of its address.
struct Connected {
    connection: Connection,
    address_index: usize,
}

type Attempt = Pin<Box<dyn Future<Output = Option<Connected>> + Send>>;

impl ConnectionTask {
    /// Connects, and uses the connection until it is lost or no longer needed.
    pub(super) async fn run(mut self) {
        let mut unacknowledged = Vec::new();
        let mut next = self.connect().await;
        while let Some(Connected { connection, address_index }) = next.take() {
            let start = Instant::now();
            let files = tls::Session::files(&self.config.tls);
            let (stopped, tickets) = match connection {
                Connection::Stream(stream, session) => self.serve(stream, session, address_index, files).await,
                Connection::Datagrams(socket) => self.send_datagrams(&socket).await,
            };
            unacknowledged = tickets;
            match stopped {
                Ok(Stopped::Done) => {}
                Ok(Stopped::Replaced(connected)) => next = Some(connected),
                Err(error) => self.handle_loss(&error, address_index, start),
            }
        }
        self.queue.close();
        while let Ok(batch) = self.queue.try_recv() {
            unacknowledged.extend(batch.entries.iter().map(|entry| entry.ticket));
        }
        let mut acks: Vec<Ack> = unacknowledged.into_iter().map(|ticket| Ack::new(ticket, Outcome::Lost)).collect();
        self.mailbox.end(&mut acks);
    }

    /// Connects to the first address that can be reached, however long it takes; `None` if no more batches can come.
    async fn connect(&mut self) -> Option<Connected> {
        loop {
            self.back_off().await;
            let count = self.config.addresses.len();
            let first = self.reconnect_state.first_address.swap(0, Ordering::Relaxed);
            for address_index in (0..count).map(|nth| (first + nth) % count) {
                let address = &self.config.addresses[address_index];
                let opened = tokio::select! {
                    opened = Connection::open(&self.config, address) => opened,
                    () = wait_until_closed(&self.queue) => return None,
                };
                match opened {
                    Ok(connection) => {
                        if let Some(left_out) =
                            self.reconnect_state.log_limit.due_each("connected", CONNECTIONS_LOGGED_MAX)
                        {
                            tracing::info!(%address, left_out, "connected to the syslog receiver");
                        }
                        self.reconnect_state.counts().connects.add(1);
                        self.reconnect_state.counts().answers();
                        return Some(Connected { connection, address_index });
                    }
                    Err(error) => self.log_unreachable(&error, address_index),
                }
            }
            self.reconnect_state.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn log_unreachable(&self, error: &ConnectError, address_index: usize) {
        self.reconnect_state.counts().failed(error_kind(error, ErrorKind::Connect));
        if let Some(left_out) = self.reconnect_state.log_limit.due(&format!("connect {address_index}")) {
            let address = &self.config.addresses[address_index];
            let error = error_text(error);
            tracing::warn!(%address, error, left_out, "cannot connect to the syslog receiver; the lines stay in their files, and logskiff retries");
        }
    }

    /// Logs the loss of a connection, and decides how soon and where to connect next.
    fn handle_loss(&self, error: &ConnectError, address_index: usize, since: Instant) {
        self.reconnect_state.counts().failed(error_kind(error, ErrorKind::Lost));
        self.reconnect_state.counts().connected.set(false);
        if let Some(left_out) = self.reconnect_state.log_limit.due("lost") {
            let address = &self.config.addresses[address_index];
            let error = error_text(error);
            tracing::warn!(%address, error, left_out, "lost the connection to the syslog receiver; sending unacknowledged messages again");
        }
        if since.elapsed() >= STABLE_AFTER {
            self.reconnect_state.failures.store(1, Ordering::Relaxed);
        } else {
            self.reconnect_state.failures.fetch_add(1, Ordering::Relaxed);
        }
        // A receiver that accepts connections but no messages must not prevent attempts at the other addresses.
        let is_unusable = matches!(error, ConnectError::Stalled(_)) || since.elapsed() < STABLE_AFTER;
        let next = if is_unusable { (address_index + 1) % self.config.addresses.len() } else { 0 };
        self.reconnect_state.first_address.store(next, Ordering::Relaxed);
    }

    async fn back_off(&self) {
        let failures = self.reconnect_state.failures.load(Ordering::Relaxed);
        if failures == 0 {
            return;
        }
        let exponential = BACKOFF_MIN.saturating_mul(1 << (failures - 1).min(10)).min(BACKOFF_MAX);
        let wait = exponential.mul_f64(0.5 + fastrand::f64());
        let start = Instant::now();
        if !self.reconnect_state.is_ending.load(Ordering::Relaxed) {
            tokio::select! {
                () = sleep_until(start + wait) => return,
                () = self.reconnect_state.ending.notified() => {}
            }
        }
        sleep_until(start + wait.min(BACKOFF_ENDING)).await;
    }

    /// Sends messages one by one. A message counts as delivered once the system has taken it.
    async fn send_datagrams(&mut self, socket: &Datagrams) -> (Result<Stopped, ConnectError>, Vec<event::Ticket>) {
        let start = Instant::now();
        let mut acks = Vec::new();
        while let Some(batch) = self.queue.recv().await {
            for (index, entry) in batch.entries.iter().enumerate() {
                let message = &batch.bytes[entry.payload.clone()];
                let sent = timeout(self.config.timeout, socket.send(message)).await;
                let outcome = match sent {
                    Ok(Ok(_)) => Ok(Outcome::Delivered),
                    Ok(Err(error)) if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => {
                        self.log_too_large(message.len());
                        Ok(Outcome::Oversize)
                    }
                    Ok(Err(error)) => Err(ConnectError::Io(error)),
                    Err(_) => Err(ConnectError::Stalled(self.config.timeout)),
                };
                match outcome {
                    Ok(outcome) => acks.push(Ack::new(entry.ticket, outcome)),
                    Err(error) => {
                        self.mailbox.add(&mut acks);
                        return (Err(error), batch.entries[index..].iter().map(|entry| entry.ticket).collect());
                    }
                }
            }
            self.mailbox.add(&mut acks);
            self.mailbox.recycle(batch);
            if start.elapsed() >= STABLE_AFTER {
                self.reconnect_state.failures.store(0, Ordering::Relaxed);
            }
        }
        (Ok(Stopped::Done), Vec::new())
    }

    fn log_too_large(&self, bytes: usize) {
        self.reconnect_state.counts().failed(ErrorKind::Size);
        if let Some(left_out) = self.reconnect_state.log_limit.due("too large") {
            tracing::error!(
                bytes,
                left_out,
                "dropped a message that is too large for the receiver's socket; lower LOGSKIFF_SYSLOG_BYTES_MAX"
            );
        }
    }

    /// Uses a stream until it is lost or no longer needed. Also returns the unacknowledged messages.
    async fn serve(
        &mut self,
        stream: Stream,
        mut session: Box<Session>,
        address_index: usize,
        files: tls::Files,
    ) -> (Result<Stopped, ConnectError>, Vec<event::Ticket>) {
        let mut acks = Vec::new();
        let stopped = self.drive(&stream, &mut session, &mut acks, address_index, files).await;
        self.mailbox.add(&mut acks);
        if stopped.is_ok() {
            _ = timeout(CLOSE_TIMEOUT, close(&stream, &mut session)).await;
        }
        (stopped, session.into_unacknowledged())
    }

    async fn drive(
        &mut self,
        stream: &Stream,
        session: &mut Session,
        acks: &mut Vec<Ack>,
        address_index: usize,
        mut files: tls::Files,
    ) -> Result<Stopped, ConnectError> {
        let mut buffer = vec![0; READ_BYTES];
        let mut is_closed = false;
        let mut count_interval = COUNT_INTERVAL_MIN;
        let mut progress_at = Instant::now();
        let mut count_at = progress_at;
        let mut attempt_at = progress_at + self.config.return_after;
        let mut attempt: Option<Attempt> = None;
        let mut replacement = None;
        loop {
            if let Some(batch) = session.fill()? {
                self.mailbox.recycle(batch);
            }
            let pending = session.is_pending();
            if !pending {
                progress_at = Instant::now();
                if let Some(connected) = replacement.take() {
                    return Ok(Stopped::Replaced(connected));
                }
                if is_closed {
                    return Ok(Stopped::Done);
                }
            }
            let takes_batch = session.is_idle() && !is_closed && replacement.is_none();
            let writes = !session.to_write().is_empty();
            let counts = pending && session.is_counted();
            tokio::select! {
                batch = self.queue.recv(), if takes_batch => match batch {
                    Some(batch) => session.start_batch(batch),
                    None => is_closed = true,
                },
                writable = stream.writable(), if writes => {
                    writable?;
                    if let Some(bytes) = stream.write(session.to_write())? {
                        session.mark_written(bytes);
                        progress_at = Instant::now();
                        (count_interval, count_at) = (COUNT_INTERVAL_MIN, progress_at + COUNT_INTERVAL_MIN);
                        if session.is_counted() {
                            acknowledge_counted(stream, session, acks)?;
                        }
                    }
                }
                readable = stream.readable() => {
                    readable?;
                    match stream.read(&mut buffer)? {
                        Some(0) => return Err(SessionError::Closed.into()),
                        Some(bytes) => session.receive(&buffer[..bytes], acks)?,
                        None => {}
                    }
                }
                () = sleep_until(count_at), if counts => {
                    count_interval = (count_interval * 2).min(COUNT_INTERVAL_MAX);
                    count_at = Instant::now() + count_interval;
                    acknowledge_counted(stream, session, acks)?;
                }
                () = sleep_until(progress_at + self.config.timeout), if pending => {
                    return Err(ConnectError::Stalled(self.config.timeout));
                }
                () = sleep_until(attempt_at), if attempt.is_none() && replacement.is_none() => {
                    attempt_at = Instant::now() + self.config.return_after;
                    attempt = self.attempt_preferred(address_index, &mut files);
                }
                connected = poll(&mut attempt), if attempt.is_some() => {
                    attempt = None;
                    replacement = connected;
                }
            }
            if !acks.is_empty() {
                progress_at = Instant::now();
                self.reconnect_state.failures.store(0, Ordering::Relaxed);
                self.mailbox.add(acks);
            }
        }
    }

    /// An attempt to connect to an address before the one in use. If the certificates have changed, it also tries the
    /// one in use again.
    fn attempt_preferred(&self, address_index: usize, files: &mut tls::Files) -> Option<Attempt> {
        let now = tls::Session::files(&self.config.tls);
        let renewed = now != *files;
        *files = now;
        let count = if renewed { address_index + 1 } else { address_index };
        if count == 0 {
            return None;
        }
        let config = Arc::clone(&self.config);
        let reconnect_state = Arc::clone(&self.reconnect_state);
        Some(Box::pin(async move {
            for address_index in 0..count {
                let address = &config.addresses[address_index];
                match Connection::open(&config, address).await {
                    Ok(connection) => {
                        tracing::info!(%address, renewed, "switching to a new connection to the syslog receiver");
                        reconnect_state.counts().connects.add(1);
                        return Some(Connected { connection, address_index });
                    }
                    Err(error) if renewed && reconnect_state.log_limit.due("renew").is_some() => {
                        let error = error_text(&error);
                        tracing::warn!(%address, error, "cannot connect with the new certificates; keeping the old connection");
                    }
                    Err(_) => {}
                }
            }
            None
        }))
    }
}

/// Acknowledges messages by the kernel's count of unacknowledged bytes.
fn acknowledge_counted(stream: &Stream, session: &mut Session, acks: &mut Vec<Ack>) -> Result<(), ConnectError> {
    if let Some(bytes) = stream.unacknowledged_bytes()? {
        session.acknowledge(bytes, acks);
    }
    Ok(())
}

/// Waits for the end of an attempt; forever if there is none.
async fn poll(attempt: &mut Option<Attempt>) -> Option<Connected> {
    match attempt {
        Some(attempt) => attempt.await,
        None => std::future::pending().await,
    }
}

/// Closes a connection so that the receiver reads all of it.
async fn close(stream: &Stream, session: &mut Session) -> Result<(), ConnectError> {
    session.close()?;
    write_all(stream, session).await?;
    stream.shut_down()?;
    let mut buffer = vec![0; READ_BYTES];
    // Bytes that are left unread here would make the kernel reset the connection.
    while stream.readable().await.is_ok() && stream.read(&mut buffer)? != Some(0) {}
    Ok(())
}

/// The kind of an error; `default` for errors without a kind of their own.
fn error_kind(error: &ConnectError, default: ErrorKind) -> ErrorKind {
    match error {
        ConnectError::Session(SessionError::Tls(_)) => ErrorKind::Authentication,
        ConnectError::Stalled(_) => ErrorKind::Stalled,
        _ => default,
    }
}

/// The text of an error with its causes.
fn error_text(error: &ConnectError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Waits until no more batches can come.
async fn wait_until_closed(queue: &UnboundedReceiver<Batch>) {
    // tokio's channel cannot wait for this without taking a batch. While there is no connection, slow polling is
    // enough.
    while !(queue.is_closed() && queue.is_empty()) {
        tokio::time::sleep(BACKOFF_ENDING).await;
    }
}

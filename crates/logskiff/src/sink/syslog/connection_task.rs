//! The task that owns one connection: it connects, sends batches and collects acknowledgements.
//!
//! A task ends when its connection is lost or when no more batches can come. It then reports all unacknowledged
//! messages as lost. The shipper reads their lines again and sends them to the next task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until, timeout};

use super::ack_mailbox::AckMailbox;
use super::connect::{ConnectError, Connection, Opened, READ_BYTES, write_all};
use super::progress::Progress;
use super::reconnect_state::{BACKOFF_ENDING, ReconnectState};
use super::session::{Session, SessionError};
use super::socket::Stream;
use super::{Config, Refused, tls};
use crate::pipeline::batch::Batch;
use crate::sink::Ack;
use crate::telemetry::metrics::ErrorKind;
use event::{Outcome, Ticket};

/// The interval between two reads of the kernel's count: it doubles from the minimum to the maximum.
const COUNT_INTERVAL_MIN: Duration = Duration::from_millis(1);
const COUNT_INTERVAL_MAX: Duration = Duration::from_millis(32);
/// The time limit to close a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// At most this many connections are logged at once: a receiver that keeps failing makes many.
const CONNECTIONS_LOGGED_MAX: u64 = 5;
/// A connection that has lasted this long was not refused.
pub(super) const STABLE_AFTER: Duration = Duration::from_secs(1);
/// After about this time, a connection that was closed while idle is made again without anything to send. A receiver that
/// is restarted is back by then. Jitter is added, because the sidecars of a cluster must not all reconnect at once.
const REOPEN_AFTER: Duration = Duration::from_secs(5);
/// After this time without a response, a new RELP connection is tried. If the receiver answers there, the old one is
/// given up. A receiver that is only slow does not answer there either, and keeps its connection.
const PROBE_AFTER: Duration = Duration::from_secs(5);

/// Connects to a receiver, and sends the batches of a queue to it.
pub(super) struct ConnectionTask {
    pub(super) config: Arc<Config>,
    pub(super) queue: UnboundedReceiver<Batch>,
    pub(super) mailbox: Arc<AckMailbox>,
    pub(super) reconnect_state: Arc<ReconnectState>,
    /// A batch that came while there was no connection.
    pub(super) held: Option<Batch>,
    /// Whether the connection in use has delivered anything.
    pub(super) has_delivered: bool,
}

/// Why the task stopped using a connection, without a fault.
pub(super) enum Stopped {
    /// No more batches can come, and all messages are acknowledged.
    Done,
    /// The receiver has closed it while nothing was unacknowledged, or its name has moved. The next batch needs another.
    Closed,
    /// A preferred connection replaces it.
    Replaced(Connected),
}

/// A connection, and the index of its address.
pub(super) struct Connected {
    opened: Opened,
    address_index: usize,
}

/// A connection in use.
struct InUse {
    stream: Stream,
    session: Box<Session>,
    address_index: usize,
    /// The files of TLS as they were when it was made.
    files: tls::Files,
    since: Instant,
}

type Pending<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

impl ConnectionTask {
    /// Connects, and uses connections until one is lost or none is needed any more.
    pub(super) async fn run(mut self) {
        let mut unacknowledged = Vec::new();
        let mut next = self.connect().await;
        while let Some(Connected { opened: Opened { connection, peer }, address_index }) = next.take() {
            let since = Instant::now();
            self.has_delivered = false;
            let (stopped, tickets) = match connection {
                Connection::Stream(stream, session) => {
                    let files = tls::Session::files(&self.config.tls);
                    self.serve(InUse { stream, session, address_index, files, since }).await
                }
                Connection::Datagrams(socket) => self.send_datagrams(&socket, address_index, peer).await,
            };
            unacknowledged = tickets;
            match stopped {
                Ok(Stopped::Done) => {}
                Ok(Stopped::Replaced(connected)) => next = Some(connected),
                Ok(Stopped::Closed) => {
                    if since.elapsed() >= STABLE_AFTER {
                        self.reconnect_state.failures.store(0, Ordering::Relaxed);
                    }
                    next = self.reopen().await;
                }
                Err(error) => {
                    self.reconnect_state.avoid(peer);
                    self.handle_loss(&error, address_index, since);
                }
            }
        }
        self.queue.close();
        while let Some(batch) = self.held.take().or_else(|| self.queue.try_recv().ok()) {
            unacknowledged.extend(batch.entries.iter().map(|entry| entry.ticket));
        }
        let mut acks: Vec<Ack> = unacknowledged.into_iter().map(|ticket| Ack::new(ticket, Outcome::Lost)).collect();
        self.mailbox.end(&mut acks);
    }

    /// The batch that is held, or the next one of the queue. Cancellation safe.
    pub(super) async fn next_batch(&mut self) -> Option<Batch> {
        match self.held.take() {
            None => self.queue.recv().await,
            held => held,
        }
    }

    /// Connects again after a connection was closed while idle: for the next batch, or once without one, to see whether the
    /// receiver is still there. `None` if no more batches can come.
    async fn reopen(&mut self) -> Option<Connected> {
        let wait = if self.has_delivered { REOPEN_AFTER.mul_f64(0.5 + fastrand::f64()) } else { Duration::MAX };
        if let Ok(batch) = timeout(wait, self.next_batch()).await {
            self.held = Some(batch?);
        }
        self.connect().await
    }

    /// Connects to the first address that can be reached, however long it takes; `None` if no more batches can come.
    async fn connect(&mut self) -> Option<Connected> {
        loop {
            self.reconnect_state.back_off().await;
            let count = self.config.addresses.len();
            let first = self.reconnect_state.first_address.swap(0, Ordering::Relaxed);
            for address_index in (0..count).map(|nth| (first + nth) % count) {
                let address = &self.config.addresses[address_index];
                let attempt = self.reconnect_state.attempt(self.config.timeout);
                let opened = tokio::select! {
                    opened = Connection::open(&self.config, address, attempt) => opened,
                    () = wait_until_closed(&self.queue), if self.held.is_none() => return None,
                    // What is left of the time is shared by all addresses.
                    () = self.reconnect_state.wait_for_end(), if !self.reconnect_state.is_ending() => {
                        let attempt = self.reconnect_state.attempt(self.config.timeout);
                        Connection::open(&self.config, address, attempt).await
                    }
                };
                match opened {
                    Ok(opened) => {
                        // A connection in place of one that was closed while idle is no news.
                        if !self.reconnect_state.counts.connected.get()
                            && let Some(left_out) =
                                self.reconnect_state.log_limit.due_each("connected", CONNECTIONS_LOGGED_MAX)
                        {
                            tracing::info!(%address, left_out, "connected to the syslog receiver");
                        }
                        self.reconnect_state.counts.connects.add(1);
                        self.reconnect_state.counts.answers();
                        return Some(Connected { opened, address_index });
                    }
                    Err(error) => self.log_unreachable(&error, address_index),
                }
            }
            self.reconnect_state.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn log_unreachable(&self, error: &ConnectError, address_index: usize) {
        self.reconnect_state.counts.failed(error_kind(error, ErrorKind::Connect));
        self.reconnect_state.counts.connected.set(false);
        if let Some(left_out) = self.reconnect_state.log_limit.due(&format!("connect {address_index}")) {
            let address = &self.config.addresses[address_index];
            let error = error_text(error);
            tracing::warn!(%address, error, left_out, "cannot connect to the syslog receiver; the lines stay in their files, and logskiff retries");
        }
    }

    /// Logs the loss of a connection, and decides how soon and where to connect next.
    fn handle_loss(&self, error: &ConnectError, address_index: usize, since: Instant) {
        self.reconnect_state.counts.failed(error_kind(error, ErrorKind::Lost));
        self.reconnect_state.counts.connected.set(false);
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
        let is_unusable = error.is_silence() || since.elapsed() < STABLE_AFTER;
        let next = if is_unusable { (address_index + 1) % self.config.addresses.len() } else { 0 };
        self.reconnect_state.first_address.store(next, Ordering::Relaxed);
    }

    /// Uses a stream until it is lost or no longer needed. Also returns the unacknowledged messages.
    async fn serve(&mut self, mut used: InUse) -> (Result<Stopped, ConnectError>, Vec<Ticket>) {
        let mut acks = Vec::new();
        if let Some(batch) = self.held.take() {
            used.session.start_batch(batch);
        }
        let stopped = self.drive(&mut used, &mut acks).await;
        self.mailbox.add(&mut acks);
        let InUse { stream, mut session, since, .. } = used;
        let stopped = match stopped {
            // A receiver that closes at once, without having taken anything, refuses the client.
            Err(error)
                if error.is_close()
                    && !session.is_pending()
                    && (self.has_delivered || since.elapsed() >= STABLE_AFTER) =>
            {
                Ok(Stopped::Closed)
            }
            Ok(stopped) => {
                _ = timeout(CLOSE_TIMEOUT, close(&stream, &mut session)).await;
                Ok(stopped)
            }
            lost => lost,
        };
        (stopped, session.into_unacknowledged())
    }

    async fn drive(&mut self, used: &mut InUse, acks: &mut Vec<Ack>) -> Result<Stopped, ConnectError> {
        let InUse { stream, session, address_index, files, .. } = used;
        let mut buffer = vec![0; READ_BYTES];
        let mut is_closed = false;
        let mut count_interval = COUNT_INTERVAL_MIN;
        let start = Instant::now();
        let mut progress = Progress::new(start);
        let (mut count_at, mut probe_at) = (start, start);
        let mut attempt_at = start + self.config.return_after;
        let mut attempt: Pending<Option<Connected>> = None;
        let mut probe: Pending<bool> = None;
        let mut replacement = None;
        loop {
            if let Some(batch) = session.fill()? {
                self.mailbox.recycle(batch);
            }
            let pending = session.is_pending();
            let limits = self.reconnect_state.limits(self.config.timeout);
            if !pending {
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
            let probes = pending && !session.is_counted();
            tokio::select! {
                batch = self.queue.recv(), if takes_batch => match batch {
                    Some(batch) => {
                        session.start_batch(batch);
                        if !pending {
                            progress.restart(limits, Instant::now());
                        }
                    }
                    None => is_closed = true,
                },
                writable = stream.writable(), if writes => {
                    writable?;
                    if let Some(bytes) = stream.write(session.to_write())? {
                        session.mark_written(bytes);
                        let now = Instant::now();
                        progress.note(now);
                        (count_interval, count_at) = (COUNT_INTERVAL_MIN, now + COUNT_INTERVAL_MIN);
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
                () = sleep_until(progress.next_check(limits)), if pending => {
                    progress.check(stream.sent_bytes()?, session.written(), limits, Instant::now())?;
                }
                () = self.reconnect_state.wait_for_end(), if !self.reconnect_state.is_ending() => {}
                () = sleep_until(probe_at.max(progress.at() + PROBE_AFTER)), if probes && probe.is_none() => {
                    probe = Some(self.probe(*address_index));
                }
                answers = poll(&mut probe), if probe.is_some() => {
                    (probe, probe_at) = (None, Instant::now() + PROBE_AFTER);
                    if answers {
                        return Err(ConnectError::Unresponsive(PROBE_AFTER));
                    }
                }
                () = sleep_until(attempt_at), if attempt.is_none() && replacement.is_none() => {
                    attempt_at = Instant::now() + self.config.return_after;
                    attempt = self.attempt_preferred(*address_index, files);
                }
                connected = poll(&mut attempt), if attempt.is_some() => {
                    attempt = None;
                    replacement = connected;
                }
            }
            if let Some(status) = session.take_refused_status() {
                self.log_refused(status);
            }
            if !acks.is_empty() {
                progress.note(Instant::now());
                probe = None;
                self.has_delivered = true;
                self.reconnect_state.failures.store(0, Ordering::Relaxed);
                self.mailbox.add(acks);
            }
        }
    }

    fn log_refused(&self, status: u16) {
        self.reconnect_state.counts.failed(ErrorKind::Delivery);
        if let Some(left_out) = self.reconnect_state.log_limit.due("refused") {
            match self.config.refused {
                Refused::Wait => tracing::error!(
                    status,
                    left_out,
                    "the syslog receiver refuses records; each waits alone and is sent again (LOGSKIFF_SYSLOG_REFUSED=wait)"
                ),
                Refused::Drop => tracing::error!(
                    status,
                    left_out,
                    "dropped records that the syslog receiver refuses (LOGSKIFF_SYSLOG_REFUSED=drop)"
                ),
            }
        }
    }

    /// Tries a new connection to the address in use. Returns whether the receiver answers.
    fn probe(&self, address_index: usize) -> Pin<Box<dyn Future<Output = bool> + Send>> {
        let (config, reconnect_state) = (Arc::clone(&self.config), Arc::clone(&self.reconnect_state));
        Box::pin(async move {
            let attempt = reconnect_state.attempt(config.timeout);
            match Connection::open(&config, &config.addresses[address_index], attempt).await {
                Ok(Opened { connection: Connection::Stream(stream, mut session), .. }) => {
                    _ = timeout(CLOSE_TIMEOUT, close(&stream, &mut session)).await;
                    true
                }
                _ => false,
            }
        })
    }

    /// An attempt to connect to an address before the one in use. If the certificates have changed, it also tries the
    /// one in use again.
    fn attempt_preferred(&self, address_index: usize, files: &mut tls::Files) -> Pending<Option<Connected>> {
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
                match Connection::open(&config, address, reconnect_state.attempt(config.timeout)).await {
                    Ok(opened) => {
                        tracing::info!(%address, renewed, "switching to a new connection to the syslog receiver");
                        reconnect_state.counts.connects.add(1);
                        return Some(Connected { opened, address_index });
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

/// Waits for a result; forever if none is pending.
async fn poll<T>(pending: &mut Pending<T>) -> T {
    match pending {
        Some(pending) => pending.await,
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
        ConnectError::Peer { error, .. } => error_kind(error, default),
        ConnectError::Session(SessionError::Tls(_)) => ErrorKind::Authentication,
        error if error.is_silence() => ErrorKind::Stalled,
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

//! One connection's life: made, used, lost or left.
//!
//! A link ends when its connection is lost or when no more batches can come. Whatever it was given and is not confirmed
//! is then reported as failed; the shipper reads it again and hands it to the next link.

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

/// The wait before the next attempt doubles from the first to the second with each one that fails, times a factor around 1:
/// the sidecars of a cluster must not all come back at once.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// While the process ends, it waits no longer than this.
const BACK_OFF_ENDING: Duration = Duration::from_millis(250);
/// How long the kernel's count is waited for between two looks: it doubles from the first to the second.
const COUNT: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(32));
/// How long the receiver may take to see that we leave.
const LEAVE: Duration = Duration::from_millis(500);
/// So many connections are told of at once; a receiver that comes and goes makes many.
const CONNECTIONS_TOLD_MAX: u64 = 5;
/// A link that has lived so long was not refused.
const PROVEN_AFTER: Duration = Duration::from_secs(1);

/// What outlives a link.
#[derive(Debug)]
pub(super) struct ReconnectState {
    /// Attempts that failed since something was last confirmed.
    failures: AtomicU32,
    /// The address to begin with.
    first: AtomicUsize,
    /// The process is about to end.
    pub(super) ending: Notify,
    pub(super) is_ending: AtomicBool,
    log_limit: LogRateLimit,
    counts: Arc<OutputMetrics>,
}

impl ReconnectState {
    pub(super) fn new(metrics: Arc<Metrics>, counts: Arc<OutputMetrics>) -> Self {
        Self {
            failures: AtomicU32::new(0),
            first: AtomicUsize::new(0),
            ending: Notify::new(),
            is_ending: AtomicBool::new(false),
            log_limit: LogRateLimit::new(metrics),
            counts,
        }
    }

    /// What is counted of syslog.
    pub(super) fn counts(&self) -> &OutputMetrics {
        &self.counts
    }
}

/// What a link works with.
pub(super) struct ConnectionTask {
    pub(super) config: Arc<Config>,
    pub(super) queue: UnboundedReceiver<Batch>,
    pub(super) mailbox: Arc<AckMailbox>,
    pub(super) reconnect_state: Arc<ReconnectState>,
}

/// How the use of a connection ended.
enum Ended {
    /// Nothing more can come, and all is confirmed.
    Done,
    /// A better connection is there.
    Moved(Connection, usize),
}

type Attempt = Pin<Box<dyn Future<Output = Option<(Connection, usize)>> + Send>>;

impl ConnectionTask {
    /// Lives the link's life.
    pub(super) async fn run(mut self) {
        let mut unconfirmed = Vec::new();
        if let Some((mut connection, mut at)) = self.connect().await {
            loop {
                let start = Instant::now();
                let files = tls::Session::files(&self.config.tls);
                let (ended, left) = match connection {
                    Connection::Stream(stream, session) => self.serve(stream, session, at, files).await,
                    Connection::Datagrams(socket) => self.send(&socket).await,
                };
                unconfirmed = left;
                match ended {
                    Ok(Ended::Done) => break,
                    Ok(Ended::Moved(next, address)) => (connection, at) = (next, address),
                    Err(error) => {
                        self.lost(&error, at, start);
                        break;
                    }
                }
            }
        }
        self.queue.close();
        while let Ok(batch) = self.queue.try_recv() {
            unconfirmed.extend(batch.entries.iter().map(|entry| entry.ticket));
        }
        let mut acks: Vec<Ack> = unconfirmed.into_iter().map(|ticket| Ack::new(ticket, Outcome::Lost)).collect();
        self.mailbox.end(&mut acks);
    }

    /// Connects to the first address that can be reached, however long it takes; `None` when nothing more can come.
    async fn connect(&mut self) -> Option<(Connection, usize)> {
        loop {
            self.back_off().await;
            let count = self.config.addresses.len();
            let first = self.reconnect_state.first.swap(0, Ordering::Relaxed);
            for at in (0..count).map(|nth| (first + nth) % count) {
                let address = &self.config.addresses[at];
                let opened = tokio::select! {
                    opened = Connection::open(&self.config, address) => opened,
                    () = closed(&self.queue) => return None,
                };
                match opened {
                    Ok(connection) => {
                        if let Some(left_out) =
                            self.reconnect_state.log_limit.due_each("connected", CONNECTIONS_TOLD_MAX)
                        {
                            tracing::info!(%address, left_out, "connected to the syslog receiver");
                        }
                        self.reconnect_state.counts().connects.add(1);
                        self.reconnect_state.counts().answers();
                        return Some((connection, at));
                    }
                    Err(error) => self.unreachable(&error, at),
                }
            }
            self.reconnect_state.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn unreachable(&self, error: &ConnectError, at: usize) {
        self.reconnect_state.counts().failed(kind(error, ErrorKind::Connect));
        if let Some(left_out) = self.reconnect_state.log_limit.due(&format!("connect {at}")) {
            let address = &self.config.addresses[at];
            let error = said(error);
            tracing::warn!(%address, error, left_out, "cannot connect to the syslog receiver; the lines stay in their files, and logskiff retries");
        }
    }

    fn lost(&self, error: &ConnectError, at: usize, since: Instant) {
        self.reconnect_state.counts().failed(kind(error, ErrorKind::Lost));
        self.reconnect_state.counts().connected.set(false);
        if let Some(left_out) = self.reconnect_state.log_limit.due("lost") {
            let address = &self.config.addresses[at];
            let error = said(error);
            tracing::warn!(%address, error, left_out, "lost the connection to the syslog receiver; sending unacknowledged messages again");
        }
        if since.elapsed() >= PROVEN_AFTER {
            self.reconnect_state.failures.store(1, Ordering::Relaxed);
        } else {
            self.reconnect_state.failures.fetch_add(1, Ordering::Relaxed);
        }
        // One that takes connections and no messages must not keep the others from being tried.
        let helpless = matches!(error, ConnectError::Stalled(_)) || since.elapsed() < PROVEN_AFTER;
        let next = if helpless { (at + 1) % self.config.addresses.len() } else { 0 };
        self.reconnect_state.first.store(next, Ordering::Relaxed);
    }

    async fn back_off(&self) {
        let failures = self.reconnect_state.failures.load(Ordering::Relaxed);
        if failures == 0 {
            return;
        }
        let doubled = BACK_OFF.0.saturating_mul(1 << (failures - 1).min(10)).min(BACK_OFF.1);
        let wait = doubled.mul_f64(0.5 + fastrand::f64());
        let start = Instant::now();
        if !self.reconnect_state.is_ending.load(Ordering::Relaxed) {
            tokio::select! {
                () = sleep_until(start + wait) => return,
                () = self.reconnect_state.ending.notified() => {}
            }
        }
        sleep_until(start + wait.min(BACK_OFF_ENDING)).await;
    }

    /// Sends messages one by one. What the system takes is all that can be known.
    async fn send(&mut self, socket: &Datagrams) -> (Result<Ended, ConnectError>, Vec<event::Ticket>) {
        let start = Instant::now();
        let mut acks = Vec::new();
        while let Some(batch) = self.queue.recv().await {
            for (at, entry) in batch.entries.iter().enumerate() {
                let message = &batch.bytes[entry.payload.clone()];
                let sent = timeout(self.config.timeout, socket.send(message)).await;
                let outcome = match sent {
                    Ok(Ok(_)) => Ok(Outcome::Delivered),
                    Ok(Err(error)) if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => {
                        self.too_large(message.len());
                        Ok(Outcome::Oversize)
                    }
                    Ok(Err(error)) => Err(ConnectError::Io(error)),
                    Err(_) => Err(ConnectError::Stalled(self.config.timeout)),
                };
                match outcome {
                    Ok(outcome) => acks.push(Ack::new(entry.ticket, outcome)),
                    Err(error) => {
                        self.mailbox.put(&mut acks);
                        return (Err(error), batch.entries[at..].iter().map(|entry| entry.ticket).collect());
                    }
                }
            }
            self.mailbox.put(&mut acks);
            self.mailbox.give_back(batch);
            if start.elapsed() >= PROVEN_AFTER {
                self.reconnect_state.failures.store(0, Ordering::Relaxed);
            }
        }
        (Ok(Ended::Done), Vec::new())
    }

    fn too_large(&self, bytes: usize) {
        self.reconnect_state.counts().failed(ErrorKind::Size);
        if let Some(left_out) = self.reconnect_state.log_limit.due("too large") {
            tracing::error!(
                bytes,
                left_out,
                "dropped a message that is too large for the receiver's socket; lower LOGSKIFF_SYSLOG_BYTES_MAX"
            );
        }
    }

    async fn serve(
        &mut self,
        stream: Stream,
        mut session: Box<Session>,
        at: usize,
        files: tls::Files,
    ) -> (Result<Ended, ConnectError>, Vec<event::Ticket>) {
        let mut acks = Vec::new();
        let ended = self.drive(&stream, &mut session, &mut acks, at, files).await;
        self.mailbox.put(&mut acks);
        if ended.is_ok() {
            _ = timeout(LEAVE, leave(&stream, &mut session)).await;
        }
        (ended, session.into_unconfirmed())
    }

    async fn drive(
        &mut self,
        stream: &Stream,
        session: &mut Session,
        acks: &mut Vec<Ack>,
        at: usize,
        mut files: tls::Files,
    ) -> Result<Ended, ConnectError> {
        let mut buffer = vec![0; READ_BYTES];
        let mut closed = false;
        let mut count_after = COUNT.0;
        let mut progress_at = Instant::now();
        let mut count_at = progress_at;
        let mut look_at = progress_at + self.config.return_after;
        let mut attempt: Option<Attempt> = None;
        let mut successor = None;
        loop {
            if let Some(batch) = session.fill()? {
                self.mailbox.give_back(batch);
            }
            let pending = session.is_pending();
            if !pending {
                progress_at = Instant::now();
                if let Some((connection, address)) = successor.take() {
                    return Ok(Ended::Moved(connection, address));
                }
                if closed {
                    return Ok(Ended::Done);
                }
            }
            let wants = session.is_idle() && !closed && successor.is_none();
            let writes = !session.to_write().is_empty();
            let counts = pending && session.is_counted();
            tokio::select! {
                batch = self.queue.recv(), if wants => match batch {
                    Some(batch) => session.take(batch),
                    None => closed = true,
                },
                writable = stream.writable(), if writes => {
                    writable?;
                    if let Some(bytes) = stream.write(session.to_write())? {
                        session.wrote(bytes);
                        progress_at = Instant::now();
                        (count_after, count_at) = (COUNT.0, progress_at + COUNT.0);
                        if session.is_counted() {
                            count(stream, session, acks)?;
                        }
                    }
                }
                readable = stream.readable() => {
                    readable?;
                    match stream.read(&mut buffer)? {
                        Some(0) => return Err(SessionError::Closed.into()),
                        Some(bytes) => session.received(&buffer[..bytes], acks)?,
                        None => {}
                    }
                }
                () = sleep_until(count_at), if counts => {
                    count_after = (count_after * 2).min(COUNT.1);
                    count_at = Instant::now() + count_after;
                    count(stream, session, acks)?;
                }
                () = sleep_until(progress_at + self.config.timeout), if pending => {
                    return Err(ConnectError::Stalled(self.config.timeout));
                }
                () = sleep_until(look_at), if attempt.is_none() && successor.is_none() => {
                    look_at = Instant::now() + self.config.return_after;
                    attempt = self.better(at, &mut files);
                }
                better = poll(&mut attempt), if attempt.is_some() => {
                    attempt = None;
                    successor = better;
                }
            }
            if !acks.is_empty() {
                progress_at = Instant::now();
                self.reconnect_state.failures.store(0, Ordering::Relaxed);
                self.mailbox.put(acks);
            }
        }
    }

    /// An attempt to do better than address number `at`: at one before it, or at the same with new certificates.
    fn better(&self, at: usize, files: &mut tls::Files) -> Option<Attempt> {
        let now = tls::Session::files(&self.config.tls);
        let renewed = now != *files;
        *files = now;
        let most = if renewed { at + 1 } else { at };
        if most == 0 {
            return None;
        }
        let config = Arc::clone(&self.config);
        let reconnect_state = Arc::clone(&self.reconnect_state);
        Some(Box::pin(async move {
            for at in 0..most {
                let address = &config.addresses[at];
                match Connection::open(&config, address).await {
                    Ok(connection) => {
                        tracing::info!(%address, renewed, "switching to a new connection to the syslog receiver");
                        reconnect_state.counts().connects.add(1);
                        return Some((connection, at));
                    }
                    Err(error) if renewed && reconnect_state.log_limit.due("renew").is_some() => {
                        let error = said(&error);
                        tracing::warn!(%address, error, "cannot connect with the new certificates; keeping the old connection");
                    }
                    Err(_) => {}
                }
            }
            None
        }))
    }
}

/// Takes what the kernel knows to be confirmed.
fn count(stream: &Stream, session: &mut Session, acks: &mut Vec<Ack>) -> Result<(), ConnectError> {
    if let Some(bytes) = stream.unacknowledged_bytes()? {
        session.unacknowledged(bytes, acks);
    }
    Ok(())
}

async fn poll(attempt: &mut Option<Attempt>) -> Option<(Connection, usize)> {
    match attempt {
        Some(attempt) => attempt.await,
        None => std::future::pending().await,
    }
}

/// Ends a conversation so that the receiver reads all of it.
async fn leave(stream: &Stream, session: &mut Session) -> Result<(), ConnectError> {
    session.close()?;
    write_all(stream, session).await?;
    stream.shut_down()?;
    let mut buffer = vec![0; READ_BYTES];
    // Until it closes, too: what is left unread here would make our kernel reset the connection.
    while stream.readable().await.is_ok() && stream.read(&mut buffer)? != Some(0) {}
    Ok(())
}

/// What kind of trouble an error is; `plain` where it is of no special kind.
fn kind(error: &ConnectError, plain: ErrorKind) -> ErrorKind {
    match error {
        ConnectError::Session(SessionError::Tls(_)) => ErrorKind::Authentication,
        ConnectError::Stalled(_) => ErrorKind::Stalled,
        _ => plain,
    }
}

/// An error with what caused it.
fn said(error: &ConnectError) -> String {
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

/// Waits until nothing more can come.
async fn closed(queue: &UnboundedReceiver<Batch>) {
    // There is no way to wait for it without taking what comes first; while there is no connection a slow look is enough.
    while !(queue.is_closed() && queue.is_empty()) {
        tokio::time::sleep(BACK_OFF_ENDING).await;
    }
}

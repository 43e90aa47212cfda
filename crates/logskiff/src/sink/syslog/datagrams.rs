//! Sends messages as datagrams. Nothing confirms them, so the host name is resolved again now and then.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;
use tokio::time::{Instant, timeout};

use super::address::{Address, Place};
use super::connect::ConnectError;
use super::connection_task::{ConnectionTask, STABLE_AFTER, Stopped};
use super::lookup::resolve;
use super::socket::Datagrams;
use crate::pipeline::batch::Batch;
use crate::sink::Ack;
use crate::telemetry::metrics::ErrorKind;
use event::{Outcome, Ticket};

/// A host name is resolved again before a message if the last answer is older.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(30);
/// The time limit for the answer; then the former address is kept.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

impl ConnectionTask {
    /// Sends messages one by one. A message counts as delivered once the system has taken it. Also returns the messages
    /// that it has not taken.
    pub(super) async fn send_datagrams(
        &mut self,
        socket: &Datagrams,
        address_index: usize,
        peer: Option<SocketAddr>,
    ) -> (Result<Stopped, ConnectError>, Vec<Ticket>) {
        let start = Instant::now();
        let mut resolved_at = start;
        while let Some(batch) = self.next_batch().await {
            if let Some(peer) = peer.filter(|_| resolved_at.elapsed() >= RESOLVE_INTERVAL) {
                resolved_at = Instant::now();
                if has_moved(&self.config.addresses[address_index], peer).await {
                    tracing::info!(address = %self.config.addresses[address_index], "the syslog receiver's name has other addresses now");
                    self.held = Some(batch);
                    return (Ok(Stopped::Closed), Vec::new());
                }
            }
            if let Err((error, unsent)) = self.send_batch(socket, batch).await {
                return (Err(error), unsent);
            }
            if start.elapsed() >= STABLE_AFTER {
                self.reconnect_state.failures.store(0, Ordering::Relaxed);
            }
        }
        (Ok(Stopped::Done), Vec::new())
    }

    async fn send_batch(&self, socket: &Datagrams, batch: Batch) -> Result<(), (ConnectError, Vec<Ticket>)> {
        let mut acks = Vec::new();
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
                    return Err((error, batch.entries[index..].iter().map(|entry| entry.ticket).collect()));
                }
            }
        }
        self.mailbox.add(&mut acks);
        self.mailbox.recycle(batch);
        Ok(())
    }

    fn log_too_large(&self, bytes: usize) {
        self.reconnect_state.counts.failed(ErrorKind::Size);
        if let Some(left_out) = self.reconnect_state.log_limit.due("too large") {
            tracing::error!(
                bytes,
                left_out,
                "dropped a message that is too large for the receiver's socket; lower LOGSKIFF_SYSLOG_BYTES_MAX"
            );
        }
    }
}

/// Whether the host name has other addresses now.
async fn has_moved(address: &Address, peer: SocketAddr) -> bool {
    let Place::Host { name, port } = &address.place else { return false };
    match timeout(RESOLVE_TIMEOUT, resolve(name, *port)).await {
        Ok(Ok(found)) => !found.is_empty() && !found.contains(&peer),
        _ => false,
    }
}

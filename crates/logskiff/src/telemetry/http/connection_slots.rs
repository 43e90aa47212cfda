//! Limits the number of open connections, and picks the one to close for a new one.
//!
//! It never exceeds the limit, and never closes a connection whose request is being answered.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

/// Maximum number of connections; a further one replaces an idle one.
const CONNECTIONS_MAX: usize = 16;

/// State of a connection: no complete request yet.
const SILENT: u8 = 0;
/// State of a connection: its last request was answered.
const ANSWERED: u8 = 1;
/// State of a connection: a request is being answered.
const ACTIVE: u8 = 2;

/// The connections, oldest first.
#[derive(Debug, Default)]
pub(super) struct ConnectionSlots {
    connections: Vec<Connection>,
    tasks: JoinSet<()>,
    /// Notified when a request was answered or a connection has ended.
    freed: Arc<Notify>,
}

/// Tracks the requests of one connection.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    state: Arc<AtomicU8>,
    freed: Arc<Notify>,
}

#[derive(Debug)]
struct Connection {
    progress: Progress,
    handle: AbortHandle,
}

impl ConnectionSlots {
    /// Waits for a free slot; if necessary, closes an idle connection. It waits only while all connections have a request
    /// that is being answered. Cancellation safe.
    pub(super) async fn wait_for_slot(&mut self) {
        loop {
            while self.tasks.try_join_next().is_some() {}
            self.connections.retain(|connection| !connection.handle.is_finished());
            if self.connections.len() < CONNECTIONS_MAX {
                return;
            }
            let state = |connection: &Connection| connection.progress.state.load(Ordering::Relaxed);
            let states: Vec<u8> = self.connections.iter().map(state).collect();
            match oldest_idle(&states) {
                Some(at) => self.connections.remove(at).handle.abort(),
                None => self.freed.notified().await,
            }
        }
    }

    /// Spawns the task of a connection; it reports its requests by the [`Progress`] it gets.
    pub(super) fn spawn<W>(&mut self, task: impl FnOnce(Progress) -> W)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let progress = Progress { state: Arc::new(AtomicU8::new(SILENT)), freed: Arc::clone(&self.freed) };
        let (task, freed) = (task(progress.clone()), Arc::clone(&self.freed));
        let handle = self.tasks.spawn(async move {
            task.await;
            freed.notify_one();
        });
        self.connections.push(Connection { progress, handle });
    }
}

impl Progress {
    /// A complete request was received.
    pub(super) fn request_received(&self) {
        self.state.store(ACTIVE, Ordering::Relaxed);
    }

    /// The request was answered.
    pub(super) fn request_answered(&self) {
        self.state.store(ANSWERED, Ordering::Relaxed);
        self.freed.notify_one();
    }
}

/// The connection to close: the oldest without a complete request, else the oldest whose request was answered.
fn oldest_idle(states: &[u8]) -> Option<usize> {
    let oldest = |wanted: u8| states.iter().position(|state| *state == wanted);
    oldest(SILENT).or_else(|| oldest(ANSWERED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_idle_connection_is_closed() {
        #[track_caller]
        fn check(states: &[u8], want: Option<usize>) {
            assert_eq!(oldest_idle(states), want, "{states:?}");
        }
        check(&[ACTIVE, SILENT, ANSWERED, SILENT], Some(1));
        check(&[ANSWERED, SILENT], Some(1));
        check(&[ACTIVE, ANSWERED, ANSWERED], Some(1));
        check(&[ACTIVE, ACTIVE], None);
        check(&[], None);
    }
}

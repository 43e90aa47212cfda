//! The connections that are held at a time, and which of them gives way to a further one.
//!
//! Enters: a connection's work. It never takes more than it has places, and never ends one whose request is being answered.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

/// More do not ask at once: a further one takes the place of one that asks nothing.
const CONNECTIONS_MAX: usize = 16;

/// What a connection's client has done: it has not sent a whole request yet.
const SILENT: u8 = 0;
/// It has sent one before, and was answered.
const ANSWERED: u8 = 1;
/// It has sent one, and waits for the answer.
const ASKING: u8 = 2;

/// The connections, oldest first.
#[derive(Debug, Default)]
pub(super) struct Places {
    held: Vec<Held>,
    work: JoinSet<()>,
    /// That a request was answered, or a connection has ended.
    freed: Arc<Notify>,
}

/// How a connection stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    state: Arc<AtomicU8>,
    freed: Arc<Notify>,
}

#[derive(Debug)]
struct Held {
    standing: Standing,
    handle: AbortHandle,
}

impl Places {
    /// Waits until there is a place for one more, which is at once unless every client waits for its answer. Cancellation safe.
    pub(super) async fn make_way(&mut self) {
        loop {
            while self.work.try_join_next().is_some() {}
            self.held.retain(|held| !held.handle.is_finished());
            if self.held.len() < CONNECTIONS_MAX {
                return;
            }
            let states: Vec<u8> = self.held.iter().map(|held| held.standing.state.load(Ordering::Relaxed)).collect();
            match gives_way(&states) {
                Some(at) => self.held.remove(at).handle.abort(),
                None => self.freed.notified().await,
            }
        }
    }

    /// Takes a connection on, whose work says by its standing how far its client is.
    pub(super) fn take<W>(&mut self, work: impl FnOnce(Standing) -> W)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let standing = Standing { state: Arc::new(AtomicU8::new(SILENT)), freed: Arc::clone(&self.freed) };
        let (work, freed) = (work(standing.clone()), Arc::clone(&self.freed));
        let handle = self.work.spawn(async move {
            work.await;
            freed.notify_one();
        });
        self.held.push(Held { standing, handle });
    }
}

impl Standing {
    /// A whole request has come.
    pub(super) fn asks(&self) {
        self.state.store(ASKING, Ordering::Relaxed);
    }

    /// It is answered.
    pub(super) fn is_answered(&self) {
        self.state.store(ANSWERED, Ordering::Relaxed);
        self.freed.notify_one();
    }
}

/// Which one gives way: the oldest that has not sent a whole request, else the oldest that was answered.
fn gives_way(states: &[u8]) -> Option<usize> {
    let oldest = |wanted: u8| states.iter().position(|state| *state == wanted);
    oldest(SILENT).or_else(|| oldest(ANSWERED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_asks_nothing_gives_way() {
        #[track_caller]
        fn check(states: &[u8], want: Option<usize>) {
            assert_eq!(gives_way(states), want, "{states:?}");
        }
        check(&[ASKING, SILENT, ANSWERED, SILENT], Some(1));
        check(&[ANSWERED, SILENT], Some(1));
        check(&[ASKING, ANSWERED, ANSWERED], Some(1));
        check(&[ASKING, ASKING], None);
        check(&[], None);
    }
}

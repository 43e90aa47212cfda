//! Hands a connection's acks and empty buffers to the shipper.

use std::sync::{Arc, Mutex, PoisonError};

use crate::pipeline::batch::Batch;
use crate::sink::Ack;

/// One or two buffers are in use at any time; no more are kept.
const SPARES_MAX: usize = 2;

/// One connection's acks and empty buffers.
pub(super) struct AckMailbox {
    content: Mutex<Content>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Content {
    acks: Vec<Ack>,
    spares: Vec<Batch>,
    /// Whether the connection has ended.
    is_ended: bool,
}

impl AckMailbox {
    pub(super) fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { content: Mutex::default(), wake }
    }

    /// An empty mailbox for the next connection.
    pub(super) fn for_next_connection(&self) -> Self {
        Self::new(Arc::clone(&self.wake))
    }

    /// Adds acks, and empties the list.
    pub(super) fn add(&self, acks: &mut Vec<Ack>) {
        if acks.is_empty() {
            return;
        }
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        // The shipper takes all acks at once: only the first must wake it.
        let first = content.acks.is_empty();
        content.acks.append(acks);
        drop(content);
        if first {
            (self.wake)();
        }
    }

    /// Adds the last acks: the connection has ended.
    pub(super) fn end(&self, acks: &mut Vec<Ack>) {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.acks.append(acks);
        content.is_ended = true;
        drop(content);
        (self.wake)();
    }

    /// Moves all acks to `acks`. Returns true if the connection has ended, and these were its last acks.
    pub(super) fn collect(&self, acks: &mut Vec<Ack>) -> bool {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        acks.append(&mut content.acks);
        content.is_ended
    }

    /// Keeps the buffers of a sent batch for the next one.
    pub(super) fn recycle(&self, batch: Batch) {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        if content.spares.len() < SPARES_MAX {
            content.spares.push(batch);
        }
    }

    /// An empty batch, with the buffers of an earlier one if one is kept.
    pub(super) fn empty_batch(&self, keep_bytes: usize) -> Batch {
        let mut batch = self.content.lock().unwrap_or_else(PoisonError::into_inner).spares.pop().unwrap_or_default();
        batch.clear(keep_bytes);
        batch
    }
}

//! Where a link leaves its acks, and its empty buffers, for the shipper.

use std::sync::{Arc, Mutex, PoisonError};

use crate::pipeline::batch::Batch;
use crate::sink::Ack;

/// A buffer or two are on their way at any time; more are not kept.
const SPARES_MAX: usize = 2;

/// One link's way back.
pub(super) struct AckMailbox {
    held: Mutex<Held>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Held {
    acks: Vec<Ack>,
    spares: Vec<Batch>,
    over: bool,
}

impl AckMailbox {
    pub(super) fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { held: Mutex::default(), wake }
    }

    /// The mailbox of the next link: empty.
    pub(super) fn successor(&self) -> Self {
        Self::new(Arc::clone(&self.wake))
    }

    /// Leaves acks, and empties the list.
    pub(super) fn put(&self, acks: &mut Vec<Ack>) {
        if acks.is_empty() {
            return;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // The shipper takes all at once: only the first needs to wake it.
        let first = held.acks.is_empty();
        held.acks.append(acks);
        drop(held);
        if first {
            (self.wake)();
        }
    }

    /// Leaves the last acks: the link is over.
    pub(super) fn end(&self, acks: &mut Vec<Ack>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.acks.append(acks);
        held.over = true;
        drop(held);
        (self.wake)();
    }

    /// Takes the acks; whether the link is over, and these were its last.
    pub(super) fn take(&self, acks: &mut Vec<Ack>) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        acks.append(&mut held.acks);
        held.over
    }

    /// Gives a batch back whose messages are on their way.
    pub(super) fn give_back(&self, batch: Batch) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.spares.len() < SPARES_MAX {
            held.spares.push(batch);
        }
    }

    /// An empty batch, with the buffer of an earlier one if there is any.
    pub(super) fn spare(&self, keep_bytes: usize) -> Batch {
        let mut batch = self.held.lock().unwrap_or_else(PoisonError::into_inner).spares.pop().unwrap_or_default();
        batch.clear(keep_bytes);
        batch
    }
}

//! Where a link leaves its reports, and its empty buffers, for the shipper.

use std::sync::{Arc, Mutex, PoisonError};

use crate::pipeline::batch::Batch;
use crate::sink::Report;

/// A buffer or two are on their way at any time; more are not kept.
const SPARES_MAX: usize = 2;

/// One link's way back.
pub(super) struct AckMailbox {
    held: Mutex<Held>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Held {
    reports: Vec<Report>,
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

    /// Leaves reports, and empties the list.
    pub(super) fn put(&self, reports: &mut Vec<Report>) {
        if reports.is_empty() {
            return;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // The shipper takes all at once: only the first needs to wake it.
        let first = held.reports.is_empty();
        held.reports.append(reports);
        drop(held);
        if first {
            (self.wake)();
        }
    }

    /// Leaves the last reports: the link is over.
    pub(super) fn end(&self, reports: &mut Vec<Report>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.reports.append(reports);
        held.over = true;
        drop(held);
        (self.wake)();
    }

    /// Takes the reports; whether the link is over, and these were its last.
    pub(super) fn take(&self, reports: &mut Vec<Report>) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        reports.append(&mut held.reports);
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

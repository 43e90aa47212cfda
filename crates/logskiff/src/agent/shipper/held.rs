//! Why a file is held: out of its place and still open, or in its place and not read on.

use std::time::Instant;

use super::Shipper;
use super::refused::REFUSED_MAX;
use crate::source::{Phase, TrackedFile};
use crate::telemetry::http::Held;

/// It has no handle any more.
pub(super) const GONE: Held = Held { word: "pending", why: "can be read no more; what is on its way is waited for" };
pub(super) const LOOKED_FOR: Held =
    Held { word: "pending", why: "its content is no longer where it was; a copy of it is looked for" };

const FULL: Held = Held { word: "refused", why: "outputs refuse too many records; it is read on once they are taken" };
const REFUSED: Held =
    Held { word: "refused", why: "an output refuses records of it; they are sent again from time to time" };
const ZEROS: Held = Held { word: "zeros", why: "zeros follow what was read, which its writer may have yet to fill" };
const PARTIAL: Held = Held { word: "partial", why: "its last line has no newline yet" };
const BACKOFF: Held = Held { word: "unread", why: "an output has failed; reading goes on after a wait" };
const BUDGET: Held =
    Held { word: "unread", why: "as much is on its way as may be; it is read on once some is acknowledged" };
const UNREAD: Held = Held { word: "unread", why: "not read to its end yet" };
const PENDING: Held = Held { word: "pending", why: "not everything in it is acknowledged" };
const MAY_GROW: Held = Held { word: "may grow", why: "all of it is acknowledged; its writer may not be done with it" };

impl Shipper {
    /// Why an open file is held, of which so many bytes are read and not settled.
    pub(super) fn held(&self, open: &TrackedFile, pending_bytes: u64, now: Instant) -> Option<Held> {
        let refused = self.ledger.refused(open.id);
        // What the last look saw was read, as far as there was anything to take.
        let waits = !open.is_at_end() && !open.has_more() && !open.is_stream();
        if refused > 0 {
            return Some(if self.ledger.all_refused() >= REFUSED_MAX { FULL } else { REFUSED });
        }
        if waits {
            return Some(if open.has_zeros() { ZEROS } else { PARTIAL });
        }
        if open.phase() == Phase::Live {
            return None;
        }
        Some(if open.is_at_end() && pending_bytes > 0 {
            PENDING
        } else if open.is_at_end() {
            MAY_GROW
        } else if self.ledger.failed() || self.backoff.is_waiting(now) {
            BACKOFF
        } else if self.is_full() {
            BUDGET
        } else {
            UNREAD
        })
    }
}

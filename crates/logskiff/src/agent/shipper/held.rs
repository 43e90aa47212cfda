//! Why a file is held: rotated away and still open, or in its place and not read further.

use std::time::Instant;

use super::Shipper;
use super::refused::REFUSED_MAX;
use crate::source::{Phase, TrackedFile};
use crate::telemetry::http::Held;

/// It is closed.
pub(super) const GONE: Held =
    Held { word: "pending", why: "it cannot be read any more; its bytes in flight wait for acknowledgement" };
/// Its content has moved.
pub(super) const LOOKED_FOR: Held =
    Held { word: "pending", why: "its content is no longer where it was; logskiff looks for a copy" };

const FULL: Held =
    Held { word: "refused", why: "outputs reject too many records; reading resumes once they accept them" };
const REFUSED: Held = Held { word: "refused", why: "an output rejects records of it; logskiff retries with backoff" };
const ZEROS: Held = Held { word: "zeros", why: "NUL bytes follow, which its writer may still fill" };
const PARTIAL: Held = Held { word: "partial", why: "its last line has no newline yet" };
const UNFINISHED: Held = Held { word: "partial", why: "its last record may go on; it is sent after a timeout" };
const BACKOFF: Held = Held { word: "unread", why: "an output has failed; reading resumes after a backoff" };
const BUDGET: Held =
    Held { word: "unread", why: "the in-flight limit is reached; reading resumes once bytes are acknowledged" };
const UNREAD: Held = Held { word: "unread", why: "it is not read to its end yet" };
const PENDING: Held = Held { word: "pending", why: "it is read to its end but not fully acknowledged" };
const MAY_GROW: Held = Held { word: "may grow", why: "it is fully acknowledged; its writer may still append" };

impl Shipper {
    /// Why an open file with this many pending bytes is held; `None` if it is not held.
    pub(super) fn held(&self, open: &TrackedFile, pending_bytes: u64, now: Instant) -> Option<Held> {
        let refused = self.ledger.refused(open.id);
        // Everything that the last poll saw is read, but an incomplete line or NUL bytes are left.
        let waits = !open.is_at_end() && !open.has_more() && !open.is_stream();
        if refused > 0 {
            return Some(if self.ledger.all_refused() >= REFUSED_MAX { FULL } else { REFUSED });
        }
        if waits {
            return Some(match (open.has_zeros(), self.reading.is_held(open.id)) {
                (true, _) => ZEROS,
                (false, true) => UNFINISHED,
                (false, false) => PARTIAL,
            });
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

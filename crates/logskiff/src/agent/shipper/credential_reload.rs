//! Changed certificates and passwords: outputs use them between records, once nothing is in flight.

use std::time::{Duration, Instant};

use super::Shipper;

/// How often files are checked for changes. Kubernetes itself takes up to a minute to change them.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// The old client gets this long to deliver what is in flight. The rest is then read again …
const SETTLE_WITHIN: Duration = Duration::from_secs(30);
/// … and sooner if it has no connection: the old secret may be why.
const SETTLE_WITHIN_UNCONNECTED: Duration = Duration::from_secs(2);

/// When the files were checked, and since when new credentials wait to be used.
#[derive(Debug)]
pub(super) struct CredentialReload {
    checked_at: Instant,
    since: Option<Instant>,
}

impl CredentialReload {
    pub(super) fn new(now: Instant) -> Self {
        Self { checked_at: now, since: None }
    }

    /// Whether reading waits until the new credentials are used.
    pub(super) fn waits(&self) -> bool {
        self.since.is_some()
    }
}

impl Shipper {
    /// Checks for changed credentials, and has the outputs use them once nothing is in flight.
    pub(super) fn reload_credentials(&mut self, now: Instant) {
        let fanout = &mut self.components.fanout;
        let Some(since) = self.reloads.credentials.since else {
            if now.saturating_duration_since(self.reloads.credentials.checked_at) >= CHECK_INTERVAL {
                self.reloads.credentials.checked_at = now;
                self.reloads.credentials.since = fanout.prepare_reload().then_some(now);
            }
            return;
        };
        let idle = !self.ledger.in_flight() && fanout.is_empty();
        let patience = if fanout.reloads_connected() { SETTLE_WITHIN } else { SETTLE_WITHIN_UNCONNECTED };
        if !idle && now.saturating_duration_since(since) < patience {
            return;
        }
        self.reloads.credentials.since = None;
        let outputs = fanout.reload().join(", ");
        tracing::info!(outputs, in_flight = !idle, "certificates or passwords have changed; switched to a new client");
        if !idle {
            self.drop_batches();
            self.rewind(now);
            self.backoff.end();
        }
    }
}

//! Certificates and passwords that change while it runs: a new Kafka client takes over from the old one, between records.

use std::time::{Duration, Instant};

use super::Shipper;

/// How often the files are looked at: Kubernetes itself takes up to a minute to change them.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long what is in flight may take to be acknowledged by the old client. After that it is read again …
const SETTLE_WITHIN: Duration = Duration::from_secs(30);
/// … and sooner where there is no connection: the old secret may be why.
const SETTLE_WITHIN_UNCONNECTED: Duration = Duration::from_secs(2);

/// When the files were looked at, and since when a new client waits.
#[derive(Debug)]
pub(super) struct CredentialReload {
    looked_at: Instant,
    since: Option<Instant>,
}

impl CredentialReload {
    pub(super) fn new(now: Instant) -> Self {
        Self { looked_at: now, since: None }
    }

    /// Whether nothing more is to be read until the new client has taken over.
    pub(super) fn waits(&self) -> bool {
        self.since.is_some()
    }
}

impl Shipper {
    /// Looks for renewed files, and lets the new client take over once nothing is in flight.
    pub(super) fn reload_credentials(&mut self, now: Instant) {
        let Some(kafka) = &mut self.components.kafka else { return };
        let Some(since) = self.credential_reload.since else {
            if now.saturating_duration_since(self.credential_reload.looked_at) >= LOOK_EVERY {
                self.credential_reload.looked_at = now;
                if kafka.prepare_renewal(&self.components.news) {
                    self.credential_reload.since = Some(now);
                }
            }
            return;
        };
        let idle = !self.ledger.in_flight() && self.batch.entries.is_empty() && self.messages.entries.is_empty();
        let connected = self.components.metrics.kafka.connected.get();
        let patience = if connected { SETTLE_WITHIN } else { SETTLE_WITHIN_UNCONNECTED };
        if !idle && now.saturating_duration_since(since) < patience {
            return;
        }
        self.credential_reload.since = None;
        kafka.renew();
        tracing::info!(in_flight = !idle, "Kafka's certificates or password have changed; switched to a new client");
        if !idle {
            self.drop_batches();
            self.rewind(now);
            self.resume_at = None;
        }
    }
}

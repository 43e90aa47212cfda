//! What the connection tasks of an output share: the backoff, and how long to be patient with a receiver.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::connect::Attempt;
use super::progress::{Limits, SILENCE_MAX};
use crate::telemetry::log_rate_limit::LogRateLimit;
use crate::telemetry::metrics::{Metrics, OutputMetrics};

/// The backoff before the next attempt starts at the minimum and doubles up to the maximum. Jitter is added, because
/// the sidecars of a cluster must not all reconnect at once.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// The longest backoff while the process ends.
pub(super) const BACKOFF_ENDING: Duration = Duration::from_millis(250);
/// The longest time limit to connect, whatever the timeout of a connection in use: another address may work.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// A drain gives a silent receiver this part of its time, so that others can be tried.
const DRAIN_PARTS: u32 = 5;
/// But not less: a packet that was lost on the way must come again.
const DRAIN_PATIENCE_MIN: Duration = Duration::from_millis(500);

/// State that all connection tasks of an output share.
#[derive(Debug)]
pub(super) struct ReconnectState {
    /// Failed attempts since the last acknowledgement.
    pub(super) failures: AtomicU32,
    /// The index of the address to try first.
    pub(super) first_address: AtomicUsize,
    /// The address of a host name whose connection was lost last.
    avoided: Mutex<Option<SocketAddr>>,
    /// Wakes a task that waits when the process is about to end.
    ending: Notify,
    /// The process is about to end: how long a receiver may be silent.
    patience: OnceLock<Duration>,
    pub(super) log_limit: LogRateLimit,
    pub(super) counts: Arc<OutputMetrics>,
}

impl ReconnectState {
    pub(super) fn new(metrics: Arc<Metrics>, counts: Arc<OutputMetrics>) -> Self {
        Self {
            failures: AtomicU32::new(0),
            first_address: AtomicUsize::new(0),
            avoided: Mutex::new(None),
            ending: Notify::new(),
            patience: OnceLock::new(),
            log_limit: LogRateLimit::new(metrics),
            counts,
        }
    }

    /// The process ends within this time: shortens the backoff, and the patience with a silent receiver.
    pub(super) fn start_drain(&self, within: Duration) {
        _ = self.patience.set((within / DRAIN_PARTS).max(DRAIN_PATIENCE_MIN));
        self.ending.notify_one();
    }

    /// Whether the process is about to end.
    pub(super) fn is_ending(&self) -> bool {
        self.patience.get().is_some()
    }

    /// Waits until the process is about to end. Cancellation safe.
    pub(super) async fn wait_for_end(&self) {
        self.ending.notified().await;
    }

    /// How patient to be with a connection now.
    pub(super) fn limits(&self, timeout: Duration) -> Limits {
        let progress = timeout.min(self.patience.get().copied().unwrap_or(Duration::MAX));
        Limits { progress, silence: progress.min(SILENCE_MAX) }
    }

    /// How to connect now.
    pub(super) fn attempt(&self, timeout: Duration) -> Attempt {
        let avoided = *self.avoided.lock().unwrap_or_else(PoisonError::into_inner);
        Attempt { limit: self.limits(timeout).progress.min(CONNECT_MAX), avoided }
    }

    /// A connection to this address of a host name was lost.
    pub(super) fn avoid(&self, peer: Option<SocketAddr>) {
        *self.avoided.lock().unwrap_or_else(PoisonError::into_inner) = peer;
    }

    /// Waits before the next attempt.
    pub(super) async fn back_off(&self) {
        let failures = self.failures.load(Ordering::Relaxed);
        if failures == 0 {
            return;
        }
        let wait = backoff(failures).mul_f64(0.5 + fastrand::f64());
        let start = Instant::now();
        if !self.is_ending() {
            tokio::select! {
                () = sleep_until(start + wait) => return,
                () = self.ending.notified() => {}
            }
        }
        sleep_until(start + wait.min(BACKOFF_ENDING)).await;
    }
}

/// The backoff after this many failures, without its jitter.
fn backoff(failures: u32) -> Duration {
    BACKOFF_MIN.saturating_mul(1 << (failures - 1).min(10)).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_its_maximum() {
        let waits: Vec<u128> = (1..=12).map(|failures| backoff(failures).as_millis()).collect();
        assert_eq!(waits[..9], [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600]);
        assert_eq!(waits[9..], [30_000; 3]);
    }

    #[test]
    fn a_drain_is_less_patient() {
        let state = ReconnectState::new(Arc::default(), Arc::default());
        let seconds = Duration::from_secs;
        assert_eq!(state.limits(seconds(30)).progress, seconds(30));
        assert_eq!(state.limits(seconds(30)).silence, SILENCE_MAX);
        assert_eq!(state.attempt(seconds(30)).limit, CONNECT_MAX);
        state.start_drain(seconds(25));
        assert!(state.is_ending());
        assert_eq!(state.limits(seconds(30)).progress, seconds(5));
        assert_eq!(state.limits(seconds(3)).progress, seconds(3));
        assert_eq!(state.limits(seconds(30)).silence, seconds(5));
        assert_eq!(state.attempt(seconds(30)).limit, seconds(5));
        let short = ReconnectState::new(Arc::default(), Arc::default());
        short.start_drain(Duration::from_millis(1));
        assert_eq!(short.limits(seconds(30)).progress, DRAIN_PATIENCE_MIN);
    }
}

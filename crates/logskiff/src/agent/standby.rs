//! A process whose configuration has mistakes, with `LOGSKIFF_ON_MISTAKE=wait`: it answers HTTP, and waits for its end.
//!
//! It ships nothing, reads no file, and tries nothing again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{BackgroundRuntime, serve};
use crate::telemetry::http::{Admin, StatusChannel};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::process_stats::System;

/// Answers HTTP at `listen`, as alive and not ready, until SIGTERM or SIGINT.
///
/// # Errors
/// When the runtime cannot be created, or the system refuses a signal handler.
pub fn stand_by(mistakes: u64, listen: Option<SocketAddr>) -> io::Result<()> {
    let BackgroundRuntime { runtime, signals } = BackgroundRuntime::new(true)?;
    let metrics = Metrics::new(&[], &[]);
    metrics.configuration_mistakes.add(mistakes);
    tracing::error!(
        mistakes,
        "the configuration has mistakes, so nothing is shipped; waiting for SIGTERM (LOGSKIFF_ON_MISTAKE=wait)"
    );
    let (status, metrics) = (Arc::new(StatusChannel::default()), Arc::new(metrics));
    let admin = listen.map(|address| (address, Arc::new(Admin { status, metrics, system: System::default() })));
    runtime.block_on(async {
        tokio::select! {
            () = shutdown(signals) => {}
            () = serve(admin) => {}
        }
    });
    Ok(())
}

async fn shutdown(signals: Option<super::Signals>) {
    match signals {
        Some(mut signals) => {
            // Nothing is in flight: the first signal ends it, whatever it would begin elsewhere.
            signals.shutdown().await;
        }
        None => std::future::pending().await,
    }
}

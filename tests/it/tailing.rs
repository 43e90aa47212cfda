//! Tailing as a whole process, with standard output as the receiver: the cost of watching, its fallbacks, thousands of
//! files, fairness, and files that are not logs.

mod checkpoints;
mod delete_rotated;
mod hostile;
mod sandbox;
mod scale;
mod streams;
mod watching;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::support::sidecar::Sidecar;

/// Timeout for an action that normally takes a moment; a debug build on a busy machine needs longer.
const PATIENCE: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;

/// Whether to use the full documented sizes: they take gigabytes of disk space for temporary files.
pub(crate) fn in_full() -> bool {
    std::env::var_os("LOGSKIFF_TEST_REAL").is_some()
}

/// The received messages, and how often each came.
pub(crate) fn counted(sidecar: &Sidecar) -> HashMap<String, usize> {
    let mut counted = HashMap::new();
    for line in sidecar.stdout().lines() {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        *counted.entry(record["message"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counted
}

//! Tailing as the machine sees it: what watching costs, what replaces it, thousands of files, fairness, and files that are
//! none. The whole process, with standard output for a receiver.

mod checkpoints;
mod confined;
mod hostile;
mod pruning;
mod scale;
mod streams;
mod watching;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::support::sidecar::Sidecar;

/// For what takes a moment when all is well; a debug build on a busy machine needs more.
const PATIENCE: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;

/// Whether the sizes are to be those that are promised: they take gigabytes of the disk for temporary files.
pub(crate) fn in_full() -> bool {
    std::env::var_os("LOGSKIFF_TEST_REAL").is_some()
}

/// The messages that came, and how often.
pub(crate) fn counted(sidecar: &Sidecar) -> HashMap<String, usize> {
    let mut counted = HashMap::new();
    for line in sidecar.stdout().lines() {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        *counted.entry(record["message"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counted
}

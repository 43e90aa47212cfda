//! Operation: what a running sidecar reports about itself, and how it ends.
//!
//! Whole processes with librdkafka's mock broker, with `cargo test` alone.

mod audit;
mod balance;
mod canary;
mod commands;
mod disk;
mod hanging;
mod mistakes;
mod own_log;
mod pipes;
mod probes;
mod reasons;
mod rule_files;
mod shutdown;
mod threads;
mod unmatched;

use std::time::Duration;

/// Timeout for an action that normally takes a moment; a debug build on a busy machine needs longer.
const PATIENCE: Duration = Duration::from_secs(30);

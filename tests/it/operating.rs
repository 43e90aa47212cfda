//! Seen, drained, trusted: what a running sidecar tells of itself, and how it ends.
//!
//! Whole processes against librdkafka's mock broker, with `cargo test` alone.

mod balance;
mod commands;
mod disk;
mod ends;
mod hanging;
mod own_log;
mod pipes;
mod probes;
mod reasons;
mod threads;

use std::time::Duration;

/// For what takes a moment when all is well; a debug build on a busy machine needs more.
const PATIENCE: Duration = Duration::from_secs(30);

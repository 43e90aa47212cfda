//! Tests that need only the program: whole processes with librdkafka's mock broker and the tests' own sockets, models,
//! and the documents. `cargo test --test it end_to_end::` runs one module.
#![allow(unreachable_pub, clippy::print_stderr, reason = "a test crate exports nothing, and its figures go to stderr")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod architecture;
mod config;
#[cfg(feature = "failpoints")]
mod crash_points;
mod custom_output;
mod delivery_docs;
mod docs_blocks;
mod end_to_end;
mod examples;
mod formats;
mod memory_limit;
mod mock_broker;
mod multiline;
mod operating;
mod parsed;
mod redaction_docs;
mod snapshots;
#[path = "../support/mod.rs"]
mod support;
mod syslog;
mod tail_model;
mod tailing;
mod whole_line;

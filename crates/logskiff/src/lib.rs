//! logskiff: tails an application's log files and ships redacted records, at least once.
//!
//! ```text
//!   source ─▶ pipeline: frame ─▶ parse ─▶ redact ─▶ encode ─▶ batch ─▶ sink
//!      ▲                                                                 │
//!      └───────────── checkpoint ◀── ledger: delivery ◀──────────────────┘
//! ```
//!
//! The modules are listed in the order in which a line passes them. Only `agent` knows all of them.

pub mod cli;
pub mod config;

pub mod agent;

pub mod source;

pub mod pipeline;

pub mod sink;

pub mod delivery;

pub mod telemetry;

pub mod sandbox;

pub mod failpoint;

pub mod regular;

pub mod units;

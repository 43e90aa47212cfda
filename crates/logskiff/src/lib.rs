//! logskiff: tails an application's log files and ships redacted records, at least once.
//!
//! ```text
//!   watch ─▶ tail ─▶ frame ─▶ parse ─▶ redact ─▶ encode ─▶ batch ─▶ output
//!               ▲                                                     │
//!               └────────── checkpoint ◀────── ledger ◀───────────────┘
//! ```
//!
//! The modules stand in the order in which a line meets them; `app` is the only one that knows them all.

pub mod cli;
pub mod config;

pub mod app;

pub mod watch;

pub mod tail;

pub mod frame;

pub mod parse;

pub mod encode;

pub mod batch;

pub mod output;

pub mod ledger;

pub mod checkpoint;

pub mod crash;

pub mod metrics;

pub mod news;

pub mod system;

pub mod regular;

pub mod confine;

pub mod forecast;

pub mod admin;

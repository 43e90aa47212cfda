//! What logskiff reports about itself: metrics, health and the ledger over HTTP, and its own log.

pub mod http;
pub mod log_rate_limit;
pub mod loss_forecast;
pub mod metrics;
pub mod process_stats;

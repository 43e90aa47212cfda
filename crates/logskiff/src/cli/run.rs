//! `logskiff run`: ship, until told to end.

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::agent::App;
use crate::config::{Config, Log, LogFormat};
use crate::telemetry::log_rate_limit::OwnLog;
use crate::telemetry::process_stats::allow_descriptors;

/// Ships as configured until SIGTERM or SIGINT, or until everything is read where the configuration says so.
///
/// # Errors
/// When it cannot start, or standard output is the only output and fails.
pub fn run(config: Config) -> anyhow::Result<()> {
    own_log(&config.log)?;
    allow_descriptors();
    let strict = config.life.strict_exit_code;
    let summary = App::start(config, true)?.wait()?;
    if strict && summary.left_bytes > 0 { Err(Left(summary.left_bytes).into()) } else { Ok(()) }
}

/// The end came before everything was delivered, and that is to be a failure.
#[derive(Debug, thiserror::Error)]
#[error("{0} bytes were left undelivered; LOGSKIFF_EXIT_CODE is strict")]
pub struct Left(u64);

/// Sends logskiff's own log to stderr, where it cannot be mistaken for records. What stderr does not take is counted.
///
/// # Errors
/// When the filter cannot be read.
pub fn own_log(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter).context("LOGSKIFF_LOG cannot be read")?;
    let out = OwnLog::default();
    // Told on stderr, a failure to write there would be the next one, and the end.
    let lines = tracing_subscriber::fmt().log_internal_errors(false).with_env_filter(filter);
    let lines = lines.with_writer(move || out.clone());
    let set = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_ansi(false).try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("the log cannot be set up: {error}"))
}

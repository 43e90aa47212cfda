//! `logskiff run`: ships logs until SIGTERM.

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::agent::{App, stand_by};
use crate::config::{self, Config, Environment, Log, LogFormat, OnMistake};
use crate::telemetry::log_rate_limit::OwnLog;
use crate::telemetry::process_stats::raise_descriptor_limit;

/// Ships as configured until SIGTERM or SIGINT, or until the event that `LOGSKIFF_EXIT` names.
///
/// # Errors
/// If it cannot start, or standard output is the only output and fails, or lines are left and the exit code is strict.
pub fn run(config: Config) -> anyhow::Result<()> {
    init_log(&config.log)?;
    raise_descriptor_limit();
    let strict = config.process.strict_exit_code;
    let summary = App::start(config, true)?.wait()?;
    if strict && summary.left_bytes > 0 { Err(Undelivered(summary.left_bytes).into()) } else { Ok(()) }
}

/// With `LOGSKIFF_ON_MISTAKE=wait`, answers probes until SIGTERM or SIGINT. It reads only the variables that it needs,
/// and uses the defaults of those that are mistakes.
///
/// # Errors
/// If it cannot wait.
pub fn wait_if_asked(environment: &Environment, mistakes: u64) -> anyhow::Result<()> {
    if config::on_mistake_from(environment) == OnMistake::Exit {
        return Ok(());
    }
    let (listen, log) = config::despite_mistakes(environment);
    // A mistake that the start finds comes after the log is set up.
    if !tracing::dispatcher::has_been_set() {
        init_log(&log)?;
    }
    stand_by(mistakes, listen).context("cannot wait with the mistakes")
}

/// The shutdown left unacknowledged bytes, and `LOGSKIFF_EXIT_CODE` is `strict`.
#[derive(Debug, thiserror::Error)]
#[error("{0} bytes were not delivered; LOGSKIFF_EXIT_CODE is strict")]
pub struct Undelivered(u64);

/// Writes logskiff's own log to stderr, separate from records on stdout. Messages that stderr does not accept are
/// counted.
///
/// # Errors
/// If the filter is invalid.
pub fn init_log(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter).context("invalid filter in LOGSKIFF_LOG")?;
    let out = OwnLog::default();
    // A write error on stderr must not be logged: writing that would fail again.
    let lines = tracing_subscriber::fmt().log_internal_errors(false).with_env_filter(filter);
    let lines = lines.with_writer(move || out.clone());
    let set = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_ansi(false).try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("cannot set up the log: {error}"))
}

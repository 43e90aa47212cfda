//! The process itself: its HTTP server, its end, its own log, and what it does about mistakes.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::parser::Reader;
use super::{Environment, Exit, Log, Mistakes, OnMistake, ProcessConfig, error, own_log};

/// Below, there is no time for one round trip; above, it is longer than any pod's grace period.
const DRAIN_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

pub(super) fn process(reader: &mut Reader<'_>) -> ProcessConfig {
    // It is used only if there are mistakes, and then read alone.
    on_mistake(reader);
    ProcessConfig {
        http_listen: http_listen(reader),
        drain_timeout: reader.duration("LOGSKIFF_DRAIN_TIMEOUT", &DRAIN_TIMEOUT),
        exit: reader.read("LOGSKIFF_EXIT", exit).unwrap_or(Exit::Signal),
        strict_exit_code: reader.choice("LOGSKIFF_EXIT_CODE", &[("lenient", false), ("strict", true)]),
        termination_log: termination_log(reader),
        landlock: reader.choice("LOGSKIFF_LANDLOCK", &[("auto", true), ("off", false)]),
    }
}

fn http_listen(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let address = |text: &str| match text {
        "off" => Ok(None),
        _ => text.parse().map(Some).map_err(|_| format!("{} is not an IP address with a port", error::quote(text))),
    };
    reader.read("LOGSKIFF_HTTP_LISTEN", address).flatten()
}

fn exit(text: &str) -> Result<Exit, String> {
    match (text, text.strip_prefix("file:")) {
        ("signal", _) => Ok(Exit::Signal),
        ("eof", _) => Ok(Exit::Eof),
        ("app", _) => Ok(Exit::App),
        (_, Some(path)) if path.starts_with('/') => Ok(Exit::File(path.into())),
        (_, Some(path)) => Err(format!("{} is not an absolute path", error::quote(path))),
        _ => Err(format!("{} is not one of signal, eof, app, file:PATH", error::quote(text))),
    }
}

/// The HTTP server's address, read from its variable alone: a probe must not fail because another variable is wrong.
///
/// # Errors
/// If that variable is invalid.
pub fn http_listen_from(environment: &Environment) -> Result<Option<SocketAddr>, Mistakes> {
    let mut mistakes = Vec::new();
    let listen = http_listen(&mut Reader::new(environment, &mut mistakes));
    if mistakes.is_empty() { Ok(listen) } else { Err(Mistakes(mistakes)) }
}

/// The termination log, read from its variable alone: mistakes in others are written there.
#[must_use]
pub fn termination_log_from(environment: &Environment) -> Option<PathBuf> {
    termination_log(&mut Reader::new(environment, &mut Vec::new()))
}

/// What to do about mistakes in other variables, read from its variable alone. A mistake in it ends the process.
#[must_use]
pub fn on_mistake_from(environment: &Environment) -> OnMistake {
    on_mistake(&mut Reader::new(environment, &mut Vec::new()))
}

fn on_mistake(reader: &mut Reader<'_>) -> OnMistake {
    reader.choice("LOGSKIFF_ON_MISTAKE", &[("exit", OnMistake::Exit), ("wait", OnMistake::Wait)])
}

/// The HTTP server's address and the log of a process with mistakes: where they are mistakes themselves, their defaults.
#[must_use]
pub fn despite_mistakes(environment: &Environment) -> (Option<SocketAddr>, Log) {
    let mut mistakes = Vec::new();
    let mut reader = Reader::new(environment, &mut mistakes);
    (http_listen(&mut reader), own_log::log(&mut reader))
}

fn termination_log(reader: &mut Reader<'_>) -> Option<PathBuf> {
    const TERMINATION_LOG: &str = "LOGSKIFF_TERMINATION_LOG";
    let is_off = reader.text(TERMINATION_LOG).as_deref() == Some("off");
    if is_off { None } else { reader.path(TERMINATION_LOG) }
}

//! Input: the variables of logskiff's own log. Output: its filter and format.

use tracing_subscriber::EnvFilter;

use super::parser::Reader;
use super::{error, units};

/// Format of logskiff's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Text for people.
    Text,
}

/// Logskiff's own log.
#[derive(Clone, Debug)]
pub struct Log {
    /// A filter in the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
    /// Its format.
    pub format: LogFormat,
}

/// Reads the level and the format.
pub(super) fn log(reader: &mut Reader<'_>) -> Log {
    let filter = |text: &str| {
        let filter = units::list(text).iter().map(|item| directive(item)).collect::<Result<Vec<_>, _>>()?.join(",");
        match EnvFilter::builder().with_regex(false).parse(&filter) {
            Ok(_) => Ok(filter),
            Err(_) => Err(format!("{} is not a level or a list of target=level", error::quote(text))),
        }
    };
    Log {
        filter: reader.read("LOGSKIFF_LOG", filter).unwrap_or_default(),
        format: reader.choice("LOGSKIFF_LOG_FORMAT", &[("json", LogFormat::Json), ("text", LogFormat::Text)]),
    }
}

/// A level, or `target=level`. A word that is no level would be taken for a target, and nothing else would be logged.
fn directive(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let (target, level) = match text.split_once('=') {
        Some((target, level)) => (Some(target.trim()), level.trim()),
        None => (None, text.trim()),
    };
    let lower = level.to_ascii_lowercase();
    let level = if lower == "warning" { "warn" } else { &lower };
    if !LEVELS.contains(&level) {
        return Err(format!("{} is not one of {}", error::quote(text), error::join(LEVELS)));
    }
    Ok(target.map_or_else(|| level.to_owned(), |target| format!("{target}={level}")))
}

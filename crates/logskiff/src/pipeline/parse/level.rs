//! Maps the names of severities to six levels.

use event::Level;

/// Longer than any known name, so that longer text is no name.
const NAME_BYTES_MAX: usize = 16;

/// Parses a severity as loggers write it: a name in any case, its initial, or a number of bunyan and pino.
pub(super) fn read(text: &[u8]) -> Option<Level> {
    let text = text.trim_ascii();
    let mut buffer = [0; NAME_BYTES_MAX];
    let name = buffer.get_mut(..text.len())?;
    name.copy_from_slice(text);
    name.make_ascii_lowercase();
    Some(match &*name {
        b"info" | b"information" | b"informational" | b"notice" | b"i" | b"30" => Level::Info,
        b"error" | b"err" | b"severe" | b"e" | b"50" => Level::Error,
        b"warn" | b"warning" | b"w" | b"40" => Level::Warn,
        b"debug" | b"fine" | b"d" | b"20" => Level::Debug,
        b"trace" | b"verbose" | b"finest" | b"t" | b"10" => Level::Trace,
        b"fatal" | b"critical" | b"crit" | b"alert" | b"emerg" | b"emergency" | b"panic" | b"f" | b"60" => Level::Fatal,
        _ => return None,
    })
}

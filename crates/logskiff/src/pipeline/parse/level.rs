//! Maps severities, as words or numbers, to levels.
//!
//! Input: the text of a value, and the scale of its field. Output: the level, or nothing if the text is none.

use event::Level::{self, Alert, Debug, Emergency, Error, Fatal, Info, Notice, Trace, Warn};

/// Longer than any known word, so that longer text is none.
const WORD_BYTES_MAX: usize = 16;
/// Longer than any number of a scale.
const DIGITS_MAX: usize = 6;

/// Where levels begin: each holds up to the next number.
type Steps = &'static [(u32, Option<Level>)];

/// Numbers that cannot be confused: syslog's (RFC 5424, 6.2.1), then those of pino and bunyan, Monolog, logback.
const COMMON: Steps = &[
    (0, Some(Emergency)),
    (1, Some(Alert)),
    (2, Some(Fatal)),
    (3, Some(Error)),
    (4, Some(Warn)),
    (5, Some(Notice)),
    (6, Some(Info)),
    (7, Some(Debug)),
    (8, None),
    (10, Some(Trace)),
    (20, Some(Debug)),
    (30, Some(Info)),
    (40, Some(Warn)),
    (50, Some(Error)),
    (60, Some(Fatal)),
    (70, None),
    (100, Some(Debug)),
    (200, Some(Info)),
    (250, Some(Notice)),
    (300, Some(Warn)),
    (400, Some(Error)),
    (500, Some(Fatal)),
    (550, Some(Alert)),
    (600, Some(Emergency)),
    (601, None),
    (5_000, Some(Trace)),
    (10_000, Some(Debug)),
    (20_000, Some(Info)),
    (30_000, Some(Warn)),
    (40_000, Some(Error)),
    (50_000, Some(Fatal)),
    (50_001, None),
];
const SYSLOG: Steps = &[
    (0, Some(Emergency)),
    (1, Some(Alert)),
    (2, Some(Fatal)),
    (3, Some(Error)),
    (4, Some(Warn)),
    (5, Some(Notice)),
    (6, Some(Info)),
    (7, Some(Debug)),
    (8, None),
];
/// Syslog's, then those of Google Cloud's `LogSeverity`.
const SEVERITY: Steps = &[
    (0, Some(Emergency)),
    (1, Some(Alert)),
    (2, Some(Fatal)),
    (3, Some(Error)),
    (4, Some(Warn)),
    (5, Some(Notice)),
    (6, Some(Info)),
    (7, Some(Debug)),
    (8, None),
    (100, Some(Debug)),
    (200, Some(Info)),
    (300, Some(Notice)),
    (400, Some(Warn)),
    (500, Some(Error)),
    (600, Some(Fatal)),
    (700, Some(Alert)),
    (800, Some(Emergency)),
    (801, None),
];
const OTEL: Steps = &[
    (1, Some(Trace)),
    (5, Some(Debug)),
    (9, Some(Info)),
    (13, Some(Warn)),
    (17, Some(Error)),
    (21, Some(Fatal)),
    (25, None),
];
const PYTHON: Steps = &[
    (1, Some(Trace)),
    (10, Some(Debug)),
    (20, Some(Info)),
    (30, Some(Warn)),
    (40, Some(Error)),
    (50, Some(Fatal)),
    (60, None),
];
/// `Microsoft.Extensions.Logging.LogLevel`.
const DOTNET: Steps = &[
    (0, Some(Trace)),
    (1, Some(Debug)),
    (2, Some(Info)),
    (3, Some(Warn)),
    (4, Some(Error)),
    (5, Some(Fatal)),
    (6, None),
];

/// What the numbers of a field mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scale {
    /// The field has only words.
    Words,
    /// As far as numbers cannot be confused.
    #[default]
    Common,
    /// 0 to 7, descending.
    Syslog,
    /// As syslog, or 100 to 800 of Google Cloud.
    Severity,
    /// OpenTelemetry: 1 to 24.
    Otel,
    /// 10 to 50.
    Python,
    /// .NET: 0 to 5.
    Dotnet,
}

impl Scale {
    /// The level of a number written in digits.
    fn read(self, digits: &[u8]) -> Option<Level> {
        if digits.len() > DIGITS_MAX || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.level(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    /// The level of a number.
    pub(super) fn level(self, number: u32) -> Option<Level> {
        let steps = match self {
            Self::Words => return None,
            Self::Common => COMMON,
            Self::Syslog => SYSLOG,
            Self::Severity => SEVERITY,
            Self::Otel => OTEL,
            Self::Python => PYTHON,
            Self::Dotnet => DOTNET,
        };
        steps[..steps.partition_point(|(from, _)| *from <= number)].last()?.1
    }
}

/// Reads levels as one input writes them.
#[derive(Debug)]
pub(super) struct Levels {
    /// The configured words and numbers, which come before the usual ones.
    map: Vec<(Box<[u8]>, Level)>,
}

impl Levels {
    /// `map`: words or numbers in any case, and their levels.
    pub(super) fn new(map: &[(String, Level)]) -> Self {
        Self { map: map.iter().map(|(word, level)| (word.as_bytes().into(), *level)).collect() }
    }

    /// Reads a word, or a number of this scale.
    pub(super) fn read(&self, text: &[u8], scale: Scale) -> Option<Level> {
        let text = text.trim_ascii();
        let usual = || if text.first()?.is_ascii_digit() { scale.read(text) } else { read_word(text) };
        self.mapped(text).or_else(usual)
    }

    /// The configured level of a word of a text; a number there is none, because it is rather that of a thread.
    pub(super) fn mapped_word(&self, word: &[u8]) -> Option<Level> {
        if self.map.is_empty() || word.iter().all(u8::is_ascii_digit) { None } else { self.mapped(word) }
    }

    /// The configured level of a word or number.
    fn mapped(&self, text: &[u8]) -> Option<Level> {
        self.map.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, level)| *level)
    }
}

/// Reads a word in any case, as loggers write it: a name, its short form or initial, of Go's `slog` with an offset
/// (`INFO+2`), of others with a degree (`DEBUG3`, `D2`).
pub(super) fn read_word(word: &[u8]) -> Option<Level> {
    let mut buffer = [0; WORD_BYTES_MAX];
    let lower = buffer.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    match lower {
        [.., b'0'..=b'9'] => with_number(lower),
        _ => name(lower),
    }
}

/// Whether a word stands where a level is written, and says none.
pub(super) fn is_no_level(word: &[u8]) -> bool {
    let names: [&[u8]; 8] = [b"any", b"notset", b"none", b"default", b"mark", b"audit", b"all", b"off"];
    names.iter().any(|name| name.eq_ignore_ascii_case(word))
}

/// A level's name in lower case.
fn name(lower: &[u8]) -> Option<Level> {
    Some(match lower {
        b"info" | b"information" | b"informational" | b"note" | b"inf" | b"i" | b"log" | b"success" | b"system"
        | b"deprecated" => Info,
        b"notice" => Notice,
        b"error" | b"err" | b"eror" | b"severe" | b"fail" | b"e" | b"exception" => Error,
        b"warn" | b"warning" | b"wrn" | b"w" => Warn,
        b"debug" | b"dbg" | b"dbug" | b"fine" | b"finer" | b"config" | b"d" | b"http" => Debug,
        b"trace" | b"trc" | b"trce" | b"verbose" | b"vrb" | b"finest" | b"silly" | b"t" => Trace,
        b"fatal" | b"ftl" | b"critical" | b"crit" | b"crse" | b"dpanic" | b"f" => Fatal,
        b"alert" => Alert,
        b"emerg" | b"emergency" | b"panic" => Emergency,
        _ => return None,
    })
}

/// A level's name and its degree or offset: one or two digits, the latter after a sign.
fn with_number(lower: &[u8]) -> Option<Level> {
    let end = lower.iter().rposition(|byte| !byte.is_ascii_digit())?;
    let (word, digits) = lower.split_at(end + 1);
    let number = match digits {
        [one] => i32::from(one - b'0'),
        [ten, one] => i32::from(ten - b'0') * 10 + i32::from(one - b'0'),
        _ => return None,
    };
    let (word, offset) = match word {
        [word @ .., b'+'] => (word, number),
        [word @ .., b'-'] => (word, -number),
        b"trace" | b"debug" | b"info" | b"warn" | b"error" | b"fatal" | b"d" if digits.len() == 1 => return name(word),
        _ => return None,
    };
    // The numbers of `log/slog`.
    let base = match word {
        b"debug" => -4,
        b"info" => 0,
        b"warn" => 4,
        b"error" => 8,
        _ => return None,
    };
    Some(match base + offset {
        ..-4 => Trace,
        -4..0 => Debug,
        0..4 => Info,
        4..8 => Warn,
        8..12 => Error,
        _ => Fatal,
    })
}

#[cfg(test)]
mod tests;

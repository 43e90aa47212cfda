//! What the values of a preset's layouts become.

use event::{Kind, Level, TextRange};

use super::super::Type;
use super::super::grok::Capture;
use super::super::number;
use super::super::pattern::name_index;

/// What a value becomes. Fields are named by their index in the parser's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The record's time. The last one counts.
    Time,
    /// The record's time, if none stands before it.
    FallbackTime,
    /// The record's level: a word, a letter, or a number that cannot be confused. With another word the text has another
    /// layout.
    Level,
    /// The record's level, if the word is one.
    MaybeLevel,
    /// The record's level, as the mark that Redis writes.
    RedisLevel,
    /// The record's message.
    Message,
    /// The record's message, with two JSON values at its end.
    Monolog { context: u16, extra: u16 },
    /// The id of the line's trace.
    TraceId,
    /// The id of its span.
    SpanId,
    /// Syslog's priority, of which facility and severity are parts.
    Priority { priority: u16, facility: u16, severity: u16 },
    /// Syslog's severity.
    Severity(u16),
    /// An address, and perhaps a port behind its last colon.
    HostPort(u16, u16),
    /// Syslog's structured data.
    StructuredData(u16),
    /// A field.
    Field(u16, Convert),
}

/// How a field's value is converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Convert {
    /// It stays text.
    Text,
    /// A name or an address that may be unknown: `[unknown]` and `[local]` are no values.
    Known,
    /// A number of this type.
    Number(Type),
    /// A duration, in units of 10^n nanoseconds.
    Duration(u8),
    /// An address, perhaps in brackets.
    Address,
}

impl Target {
    /// The target of a capture: by the name of its field, and what stands behind that.
    pub(super) fn new(capture: &Capture, names: &mut Vec<Box<str>>) -> Self {
        let field = &*capture.field;
        let mut index = |name: &str| name_index(name, names);
        match (field, capture.suffix.as_deref().unwrap_or_default()) {
            ("time", "fallback") => Self::FallbackTime,
            ("time", _) => Self::Time,
            ("level", "redis") => Self::RedisLevel,
            ("level", "maybe") => Self::MaybeLevel,
            ("level", _) => Self::Level,
            ("message", "monolog") => {
                Self::Monolog { context: index("monolog.context"), extra: index("monolog.extra") }
            }
            ("message", _) => Self::Message,
            ("trace.id", _) => Self::TraceId,
            ("span.id", _) => Self::SpanId,
            ("log.syslog.priority", _) => Self::Priority {
                priority: index(field),
                facility: index("log.syslog.facility.code"),
                severity: index("log.syslog.severity.code"),
            },
            ("log.syslog.severity.code", _) => Self::Severity(index(field)),
            ("log.syslog.structured_data", _) => Self::StructuredData(index(field)),
            ("source.address", "port") => Self::HostPort(index(field), index("source.port")),
            ("destination.address", "port") => Self::HostPort(index(field), index("destination.port")),
            ("url.domain", "port") => Self::HostPort(index(field), index("url.port")),
            (_, suffix) => Self::Field(index(field), Convert::of(suffix)),
        }
    }

    /// The target of a column, which is written as behind the name of a reference; `None`: the column is left out.
    pub(super) fn of_column(column: &str, names: &mut Vec<Box<str>>) -> Option<Self> {
        let (field, suffix) = column.split_once(':').map_or((column, None), |(field, suffix)| (field, Some(suffix)));
        let capture = Capture { field: field.to_owned(), suffix: suffix.map(str::to_owned) };
        (!field.is_empty()).then(|| Self::new(&capture, names))
    }
}

impl Convert {
    fn of(suffix: &str) -> Self {
        match suffix {
            "int" => Self::Number(Type::Int),
            "float" => Self::Number(Type::Float),
            "known" => Self::Known,
            "address" => Self::Address,
            "ms" => Self::Duration(6),
            "s" => Self::Duration(9),
            _ => Self::Text,
        }
    }

    /// The part of the text that is the value, and its kind if that is not the one of the text; `None`: it is none.
    pub(super) fn apply(self, text: &[u8], at: TextRange) -> Option<(TextRange, Option<Kind>)> {
        match self {
            Self::Text => Some((at, None)),
            Self::Known => (!matches!(&text[at.indices()], b"[unknown]" | b"[local]")).then_some((at, None)),
            Self::Number(wanted) => {
                let (at, kind) = number::convert(text, at, Kind::Text, wanted)?;
                Some((at, Some(kind)))
            }
            Self::Duration(exponent) => {
                let (at, _) = number::convert(text, at, Kind::Text, Type::Float)?;
                let is_plain = text[at.indices()].iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
                is_plain.then_some((at, Some(Kind::Scaled(exponent))))
            }
            Self::Address => Some((without_brackets(text, at), None)),
        }
    }
}

/// The level of the mark that Redis writes after its stamp.
pub(super) fn level_of_redis(mark: &[u8]) -> Option<Level> {
    match mark {
        b"." | b"-" => Some(Level::Debug),
        b"*" => Some(Level::Info),
        b"#" => Some(Level::Warn),
        _ => None,
    }
}

/// Syslog's priority, at most 191 (RFC 5424, section 6.2.1).
pub(super) fn priority(digits: &[u8]) -> Option<u8> {
    let number: u8 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number <= 191).then_some(number)
}

fn without_brackets(text: &[u8], at: TextRange) -> TextRange {
    match &text[at.indices()] {
        [b'[', inside @ .., b']'] if inside.contains(&b':') => TextRange { start: at.start + 1, end: at.end - 1 },
        _ => at,
    }
}

/// The address and the port of `192.0.2.10:80`, `[2001:db8::1]:80`, `2001:db8::1:80` or `shop.example`.
pub(super) fn host_and_port(text: &[u8], at: TextRange) -> (TextRange, Option<TextRange>) {
    let value = &text[at.indices()];
    let port = memchr::memrchr(b':', value).filter(|colon| {
        let digits = &value[colon + 1..];
        *colon > 0 && (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) && digits[0] != b'0'
    });
    let Some(colon) = port else { return (without_brackets(text, at), None) };
    let colon = at.indices().start + colon;
    let host = without_brackets(text, TextRange::new(at.indices().start, colon));
    (host, Some(TextRange::new(colon + 1, at.indices().end)))
}

#[cfg(test)]
mod tests {
    use super::{host_and_port, priority};
    use event::TextRange;

    #[test]
    fn addresses_lose_their_port() {
        let check = |text: &str, host: &str, port: Option<&str>| {
            let (found, number) = host_and_port(text.as_bytes(), TextRange::new(0, text.len()));
            assert_eq!((&text[found.indices()], number.map(|at| &text[at.indices()])), (host, port), "{text}");
        };
        check("192.0.2.10:80", "192.0.2.10", Some("80"));
        check("[2001:db8::5]:8443", "2001:db8::5", Some("8443"));
        check("2001:db8::1f:40022", "2001:db8::1f", Some("40022"));
        check("shop.example", "shop.example", None);
        check("[local]", "[local]", None);
        check("/run/app.sock", "/run/app.sock", None);
        check("a:port", "a:port", None);
    }

    #[test]
    fn a_priority_has_a_limit() {
        assert_eq!(priority(b"191"), Some(191));
        assert_eq!(priority(b"192"), None);
        assert_eq!(priority(b"x"), None);
    }
}

//! Encodes a line as a message, and checks that the message contains everything of the line.
//!
//! The fuzz target `syslog_rfc5424` shares this file and the strict parser.

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::encode::syslog::{Config, Format, Framing, Message};
use super::encode::{self, Encoder, Encoding, Envelope, EventId, Pod, RedactedLine, Source};
use super::parse::{self, Parser};
use super::strict;
use event::{FileId, Level, LineFlags, LineTimes, Parsed, Span};
use redact::{PemState, Redactor, Scratch};

/// When the lines were read: 2026-11-23T22:00:00.123456789Z.
const READ_NS: i64 = 1_795_471_200_123_456_789;
/// Marks a truncated message.
const TRUNCATED: &[u8] = b" [truncated]";
const BOM: &[u8] = "\u{feff}".as_bytes();
/// Fields that the record itself has.
const OWN: [&str; 4] = ["message", "msg", "@timestamp", "log.level"];

/// Messages as most receivers get them.
pub(super) fn config(format: Format, framing: Framing) -> Config {
    Config {
        format,
        facility: 16,
        hostname: "{pod}".parse().unwrap(),
        app_name: "{container:app}".parse().unwrap(),
        proc_id: None,
        msg_id: None,
        message: Message::Raw,
        structured_data: Some(32473),
        bom: true,
        bytes_max: 8192,
        tag_bytes_max: 32,
        framing,
        zone: TimeZone::UTC,
    }
}

/// Nothing is masked.
pub(super) fn no_rules() -> redact::Config {
    redact::Config { select: vec!["none".into()], ..redact::Config::default() }
}

/// The output for a line.
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    pub(super) cut: bool,
    /// The same line as a JSON record.
    record: Vec<u8>,
    parsed: Parsed,
    flags: LineFlags,
}

/// Encodes a line with the real parser, the rules and the encoder.
pub(super) fn encode(
    syslog: &Config,
    format: parse::Format,
    rules: &redact::Config,
    line: &[u8],
    flags: LineFlags,
) -> Encoded {
    let redactor = Redactor::new(rules).unwrap();
    let mut parser = Parser::new(&parse::Config { formats: vec![format], ..parse::Config::default() }).unwrap();
    let mut parsed = parser.parsed();
    parser.parse(line, &mut parsed);
    let mut scratch = Scratch::default();
    let redacted =
        redactor.redact(line, line.len(), &parsed, redact::TextHits::ALL, &mut PemState::default(), &mut scratch);
    let span = Span { start: 7, end: 7 + line.len() as u64 };
    let config = encode::Config {
        stamp: true,
        encoding: Encoding::Raw,
        event_id: EventId::Field,
        fields: Vec::new(),
        pod: Pod { name: Some("shop-1".into()), namespace: Some("sh\"op]".into()), ..Pod::default() },
        syslog: Some(syslog.clone()),
    };
    let labels = BTreeMap::new();
    let source = Source { input: "default", path: "/log/app.log", origin: "00ff", labels: &labels, attrs: None };
    let envelope = Envelope::new(&config, &source, |name, value| redactor.redact_field(name, value));
    let envelope = envelope.stamped(&config, Some("00ff00ff"));
    let mut encoder = Encoder::new(&config);
    let mut bytes = Vec::new();
    // The second message follows the first, whose length is cached.
    let (redacted, envelope) = (&redacted, &envelope);
    let line = RedactedLine {
        redacted,
        envelope,
        file: FileId(0),
        span,
        flags,
        printed: None,
        times: LineTimes::read(READ_NS),
        is_new: true,
    };
    encoder.syslog(&line, &mut bytes);
    let first = bytes.clone();
    let cut = encoder.syslog(&line, &mut bytes);
    let bytes = bytes.split_off(first.len());
    assert_eq!(first, bytes, "the same line, the same message");
    let mut record = Vec::new();
    let config = encode::Config { encoding: Encoding::Json, ..config };
    Encoder::new(&config).encode(&line, &mut record);
    Encoded { bytes, cut, record, parsed, flags }
}

/// Checks the message of a line in which nothing is masked.
pub(super) fn check_message(encoded: &Encoded, config: &Config, line: &[u8]) -> Result<(), String> {
    let bytes = strict::remove_framing(config.framing, &encoded.bytes)?;
    if bytes.len() > config.bytes_max {
        return Err(format!("{} bytes", bytes.len()));
    }
    let message = strict::rfc5424(bytes)?;
    let severity = match encoded.parsed.level {
        Some(Level::Trace | Level::Debug) => 7,
        Some(Level::Info) | None => 6,
        Some(Level::Notice) => 5,
        Some(Level::Warn) => 4,
        Some(Level::Error) => 3,
        Some(Level::Fatal) => 2,
        Some(Level::Alert) => 1,
        Some(Level::Emergency) => 0,
    };
    equal("priority", &message.priority, &(u32::from(config.facility) * 8 + severity))?;
    let microsecond = encoded.parsed.time_ns.unwrap_or(LineTimes::read(READ_NS).read_ns()).div_euclid(1_000);
    equal("time", &message.time.as_nanosecond(), &(i128::from(microsecond) * 1_000))?;
    equal("names", &message.names, &["shop-1", "app", "-", "-"].map(str::to_owned))?;
    check_location(encoded, config, &message)?;
    check_fields(encoded, config, &message, line)?;
    check_text(encoded, config, &message, line)
}

fn equal<T: fmt::Debug + PartialEq>(what: &str, got: &T, want: &T) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("{what}: {got:?} instead of {want:?}")) }
}

/// The first element: where the line comes from.
fn check_location(encoded: &Encoded, config: &Config, message: &strict::Message) -> Result<(), String> {
    let Some(number) = config.structured_data else { return equal("elements", &message.data.len(), &0) };
    let place = message.data.first().ok_or("no place")?;
    equal("element", &place.id, &format!("logskiff@{number}"))?;
    let mut want = vec![("file", "/log/app.log"), ("pod", "shop-1"), ("namespace", "sh\"op]"), ("rules", "00ff00ff")];
    want.extend([("offset", "7"), ("id", "00ff-7")]);
    want.extend(encoded.parsed.time_ns.is_none().then_some(("time_source", "read")));
    let cut = if encoded.cut { LineFlags::TRUNCATED } else { LineFlags::NONE };
    want.extend(encoded.flags.and(cut).names().map(|flag| ("flag", flag)));
    want.extend(encoded.parsed.repairs.iter().map(|repair| ("flag", repair.flag())));
    want.extend(encoded.parsed.failure.map(|failure| ("error", failure.name())));
    let want: Vec<_> = want.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    equal("place", &place.params, &want)
}

/// The second element: the fields, in order; in a truncated message some may be missing.
fn check_fields(encoded: &Encoded, config: &Config, message: &strict::Message, line: &[u8]) -> Result<(), String> {
    let Some(number) = config.structured_data else { return Ok(()) };
    let mut want = Vec::new();
    if !encoded.parsed.nodes.is_empty() {
        collect_values("", std::str::from_utf8(line).map_err(|error| error.to_string())?, &mut want)?;
    }
    let none = Vec::new();
    let got = match &message.data[1..] {
        [] => &none,
        [element] => {
            equal("element", &element.id, &format!("fields@{number}"))?;
            &element.params
        }
        more => return Err(format!("{} more elements", more.len())),
    };
    let mut got = got.iter().peekable();
    let mut own = 0;
    for (path, value) in want {
        let value = if config.framing == Framing::Newline { octal(value.as_bytes()) } else { value.into_bytes() };
        let is_next = |(name, read): &&(String, String)| *name == sd_name(&path) && read.as_bytes() == value;
        if got.next_if(is_next).is_some() || encoded.cut {
            continue;
        }
        own += 1;
        if !OWN.contains(&path.as_str()) || own > 3 {
            return Err(format!("{path:?} is left out"));
        }
    }
    got.next().map_or(Ok(()), |(name, _)| Err(format!("{name:?} is no field, or stands elsewhere")))
}

/// MSG: the line or the record; in a truncated message, its beginning.
fn check_text(encoded: &Encoded, config: &Config, message: &strict::Message, line: &[u8]) -> Result<(), String> {
    let separated = config.framing == Framing::Newline;
    let want = if config.message == Message::Raw { line_ends(line, separated) } else { encoded.record.clone() };
    let mut want = if separated { octal(&want) } else { want };
    let is_utf8 = std::str::from_utf8(&want).is_ok();
    let begins_marked = want.starts_with(BOM);
    if config.bom && begins_marked && !is_utf8 {
        want = String::from_utf8_lossy(&want).into_owned().into_bytes();
    }
    let marked = config.bom && !want.is_ascii() && (is_utf8 || begins_marked);
    if marked {
        want = [BOM, &want].concat();
    }
    let got = if message.marked { [BOM, &message.text].concat() } else { message.text.clone() };
    if !encoded.cut {
        return equal("text", &got, &want);
    }
    let kept = got.strip_suffix(TRUNCATED).ok_or("cut, and not marked")?;
    if !want.starts_with(kept) {
        return Err("not the beginning of the text".into());
    }
    let whole = std::str::from_utf8(&want).is_err() || std::str::from_utf8(kept).is_ok();
    if whole { Ok(()) } else { Err("cut within a character".into()) }
}

/// The members of an object as written, including duplicates.
struct Members<'r>(Vec<(String, &'r RawValue)>);

impl<'de: 'r, 'r> Deserialize<'de> for Members<'r> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Gather;
        impl<'de> Visitor<'de> for Gather {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        source.deserialize_map(Gather)
    }
}

/// The values of a JSON text with their paths, in order.
fn collect_values(path: &str, text: &str, into: &mut Vec<(String, String)>) -> Result<(), String> {
    let failed = |error: serde_json::Error| error.to_string();
    let text = text.trim_ascii();
    match text.as_bytes().first() {
        Some(b'{') => {
            for (name, value) in serde_json::from_str::<Members<'_>>(text).map_err(failed)?.0 {
                let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                collect_values(&path, value.get(), into)?;
            }
        }
        Some(b'[') => {
            for value in serde_json::from_str::<Vec<&RawValue>>(text).map_err(failed)? {
                collect_values(path, value.get(), into)?;
            }
        }
        Some(b'"') => into.push((path.to_owned(), serde_json::from_str(text).map_err(failed)?)),
        Some(b'n') => into.push((path.to_owned(), String::new())),
        _ => into.push((path.to_owned(), text.to_owned())),
    }
    Ok(())
}

fn sd_name(path: &str) -> String {
    let allowed = |c: char| if c.is_ascii_graphic() && !"=]\"".contains(c) { c } else { '_' };
    let name: String = path.chars().map(allowed).collect();
    match name.len() {
        0 => "_".to_owned(),
        1..=32 => name,
        _ => format!("{}_{:08x}", &name[..23], fnv(path.as_bytes())),
    }
}

/// FNV-1a with 64 bits, folded to 32 by its authors' rule.
pub(super) fn fnv(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 14_695_981_039_346_656_037;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211);
    }
    hash >> 32 ^ hash & 0xffff_ffff
}

/// The text without the carriage returns before its newlines, which are two characters if newlines separate messages.
fn line_ends(text: &[u8], separated: bool) -> Vec<u8> {
    let newline: &[u8] = if separated { br"\n" } else { b"\n" };
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if let Some((_, before)) = lines.split_last_mut() {
        for line in before {
            *line = line.strip_suffix(b"\r").unwrap_or(line);
        }
    }
    lines.join(newline)
}

fn octal(text: &[u8]) -> Vec<u8> {
    let escaped = |byte: &u8| {
        if byte.is_ascii_control() { format!("#{byte:03o}").into_bytes() } else { vec![*byte] }
    };
    text.iter().flat_map(escaped).collect()
}

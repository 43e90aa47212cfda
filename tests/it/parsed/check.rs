//! Any bytes as a line through the parser: properties of what it finds.
//!
//! The fuzz targets `logfmt`, `time`, `syslog_head` and `line_head` share this file.

use std::cell::RefCell;
use std::collections::BTreeMap;

use event::{Key, Kind, Level, Node, Parsed, TextRange};
use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};

use super::parse::{Config, Format, Parser};

/// The present time: 2026-11-28T10:15:02Z.
const NOW_NS: i64 = 1_795_860_902_000_000_000;
/// Nothing behind these bytes of a line tells of its time or level.
const HEAD_BYTES: usize = 256;
/// A zone with daylight saving time, and one with an unusual offset.
const ZONES: [&str; 3] = ["UTC", "Europe/Berlin", "Asia/Kathmandu"];
/// UTC, a part of Australia, Newfoundland.
const OFFSETS_S: [i32; 3] = [0, 31_500, -12_600];
/// Configured layouts, the layout to write an instant in, and the nanoseconds of its smallest unit.
const LAYOUTS: [(&str, &str, i64); 6] = [
    ("rfc3339", "%Y-%m-%dT%H:%M:%S%.fZ", 1),
    ("unix", "%s", 1_000_000_000),
    ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f+0000", 1),
    ("%d/%m/%Y %H:%M:%S %z", "%d/%m/%Y %H:%M:%S +0000", 1_000_000_000),
    ("%Y%m%d %H%M", "%Y%m%d %H%M", 60_000_000_000),
    ("%b %d %H:%M:%S", "%b %d %H:%M:%S", 1_000_000_000),
];
/// The levels of syslog's severities.
const SEVERITIES: [Level; 8] =
    [Level::Emergency, Level::Alert, Level::Fatal, Level::Error, Level::Warn, Level::Notice, Level::Info, Level::Debug];
/// Fields that the record has itself: they are no nodes.
const IN_RECORD: [&[u8]; 2] = [b"@timestamp=", b"log.level="];

/// Whether a property holds; otherwise which one does not.
type Check = Result<(), String>;

thread_local! {
    /// By zone and configured layout. A parser costs more than a line.
    static PARSERS: RefCell<BTreeMap<(&'static str, &'static str), Parser>> = const { RefCell::new(BTreeMap::new()) };
}

/// What a parser finds that was built for earlier texts. `layout`: the one of times in JSON; empty: any format of lines.
fn parsed(zone: &'static str, layout: &'static str, text: &[u8]) -> Parsed {
    PARSERS.with_borrow_mut(|parsers| {
        let parser = parsers.entry((zone, layout)).or_insert_with(|| {
            let is_any = layout.is_empty();
            let config = Config {
                formats: vec![if is_any { Format::Auto } else { Format::Json }],
                time_zone: zone.to_owned(),
                time_formats: if is_any { Vec::new() } else { vec![layout.to_owned()] },
                now_ns: Some(NOW_NS),
                ..Config::default()
            };
            Parser::new(&config).unwrap_or_else(|errors| panic!("{errors:?}"))
        });
        let mut parsed = parser.parsed();
        parser.parse(text, &mut parsed);
        parsed
    })
}

fn parsed_in(zone: &'static str, text: &[u8]) -> Parsed {
    parsed(zone, "", text)
}

fn holds(holds: bool, property: &str) -> Check {
    if holds { Ok(()) } else { Err(property.to_owned()) }
}

/// Whether all of the line is its message, and it has nothing else.
fn is_text(parsed: &Parsed, text: &[u8]) -> bool {
    let whole = parsed.message == Some((TextRange::new(0, text.len()), Kind::Text));
    whole && parsed.nodes.is_empty() && parsed.taken.is_empty() && parsed.trace_id.is_none() && parsed.span_id.is_none()
}

/// The head of any line or record.
///
/// # Errors
/// The violated property.
pub(crate) fn check_line(text: &[u8]) -> Check {
    let zone = ZONES[text.len() % ZONES.len()];
    let parsed = parsed_in(zone, text);
    check_positions(&parsed, text)?;
    holds(parsed.failure.is_none(), "auto takes any line")?;
    holds(
        !parsed.time_failed || parsed.time_ns.is_none() || text.contains(&b'\n'),
        "a time that was read did not fail",
    )?;
    parsed_in(zone, br#"{"level":"warn","time":"2026-11-28T10:15:02Z","msg":"a","trace_id":"b"}"#);
    let again = parsed_in(zone, text);
    holds(format!("{parsed:?}") == format!("{again:?}"), "a line does not depend on the lines before it")?;
    if !text.contains(&b'{') && !text.contains(&b'=') {
        holds(is_text(&parsed, text), "no byte of a text line is lost")?;
    }
    if is_text(&parsed, text) && text.len() > HEAD_BYTES && !text.contains(&b'\n') {
        let other = [&text[..HEAD_BYTES], b" with another end"].concat();
        let cut = parsed_in(zone, &other);
        let found = |parsed: &Parsed| (parsed.time_ns, parsed.level, parsed.time_failed);
        holds(!is_text(&cut, &other) || found(&cut) == found(&parsed), "time and level are those of the head")?;
    }
    Ok(())
}

/// Whether all ranges are in the text, on bytes of their kind, and every object has its end.
pub(crate) fn check_positions(parsed: &Parsed, text: &[u8]) -> Check {
    let bytes = |at: TextRange| text.get(at.indices()).ok_or_else(|| format!("{at:?} is outside"));
    for at in [parsed.message.map(|(at, _)| at), parsed.trace_id, parsed.span_id].into_iter().flatten() {
        bytes(at)?;
    }
    for nodes in [&parsed.nodes, &parsed.taken] {
        let mut depth = 0_usize;
        for node in nodes {
            match *node {
                Node::Value { key: Key::Text(key), .. }
                | Node::Object { key: Key::Text(key) }
                | Node::Array { key: Key::Text(key) } => bytes(key).map(drop)?,
                _ => {}
            }
            match *node {
                Node::Object { .. } | Node::Array { .. } => depth += 1,
                Node::End => depth = depth.checked_sub(1).ok_or("an end without a beginning")?,
                Node::Value { at, kind, .. } => {
                    let value = bytes(at)?;
                    let is_of_kind = match kind {
                        Kind::Number => value.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-'),
                        Kind::True => value == b"true",
                        Kind::False => value == b"false",
                        Kind::Null => value == b"null" || !parsed.repairs.is_empty(),
                        Kind::Escaped => !parsed.repairs.is_empty() || decoded(value).is_some(),
                        Kind::Scaled(_) => value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'),
                        Kind::Text | Kind::Quoted(_) | Kind::Code(_) => true,
                    };
                    holds(is_of_kind, "a value has its kind")?;
                }
            }
        }
        holds(depth == 0, "every object has an end")?;
    }
    Ok(())
}

/// The text of the inside of a JSON string.
fn decoded(inside: &[u8]) -> Option<String> {
    serde_json::from_slice(&[b"\"", inside, b"\""].concat()).ok()
}

/// A line that may be logfmt, and the bytes as values of pairs.
///
/// # Errors
/// The violated property.
pub(crate) fn check_logfmt(bytes: &[u8]) -> Check {
    let line: Vec<u8> = bytes.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
    check_line(&line)?;
    check_pairs(&parsed_in("UTC", &line), &line)?;
    check_values(bytes)
}

/// Whether the pairs of a line of logfmt, with blanks between them, are all of it.
fn check_pairs(parsed: &Parsed, line: &[u8]) -> Check {
    let mut pairs: Vec<_> = parsed.nodes.iter().chain(&parsed.taken).collect();
    let key_of = |node: &Node| if let Node::Value { key: Key::Text(key), .. } = *node { Some(key) } else { None };
    if pairs.first().and_then(|node| key_of(node)).is_none_or(|key| line.get(key.indices().end) != Some(&b'=')) {
        return Ok(());
    }
    pairs.sort_by_key(|node| key_of(node));
    let is_between = |gap: &[u8]| {
        let gap = gap.trim_ascii_start();
        gap.is_empty() || IN_RECORD.iter().any(|pair| gap.starts_with(pair))
    };
    let mut end = 0;
    for node in pairs {
        let Node::Value { key: Key::Text(key), at, kind } = *node else { return Err("a node is no pair".into()) };
        holds(line.get(end..key.indices().start).is_some_and(is_between), "the pairs are all of the line")?;
        let quoted = at.indices().start == key.indices().end + 2;
        holds(quoted || at.indices().start == key.indices().end + 1, "a value follows its key")?;
        holds(line[key.indices().end] == b'=' && (!quoted || line[at.indices().start - 1] == b'"'), "a pair has `=`")?;
        holds(quoted || kind == Kind::Text && !line[at.indices()].contains(&b' '), "a value has no blank")?;
        end = at.indices().end + usize::from(quoted);
        holds(line.get(end).is_none_or(|byte| *byte == b' '), "a pair ends with a blank")?;
    }
    holds(is_between(&line[end..]), "the pairs are all of the line")
}

/// Whether values that are written as logfmt are read as they were.
fn check_values(bytes: &[u8]) -> Check {
    let values: Vec<_> = bytes.split(|byte| *byte == 0).map(String::from_utf8_lossy).take(9).collect();
    if values.len() < 2 {
        return Ok(());
    }
    let is_plain = |value: &str| !value.contains(|byte: char| byte == ' ' || byte == '"' || byte.is_control());
    let written = values.iter().enumerate().map(|(number, value)| match value {
        value if is_plain(value) => format!("k{number}={value}"),
        value => format!("k{number}={}", serde_json::Value::from(&**value)),
    });
    let line = written.collect::<Vec<_>>().join(" ");
    let parsed = parsed_in("UTC", line.as_bytes());
    let read = parsed.nodes.iter().map(|node| match *node {
        Node::Value { at, kind: Kind::Escaped, .. } => decoded(&line.as_bytes()[at.indices()]),
        Node::Value { at, kind: Kind::Text, .. } => line.get(at.indices()).map(str::to_owned),
        _ => None,
    });
    let read: Option<Vec<_>> = read.collect();
    holds(read.is_some_and(|read| read == values), "values are read as they were written")
}

/// A stamp at the head of a line, and as a field in a configured layout.
///
/// # Errors
/// The violated property.
pub(crate) fn check_time(input: &[u8]) -> Check {
    let [zone, layout, stamp @ ..] = input else { return Ok(()) };
    let zone = ZONES[usize::from(*zone) % ZONES.len()];
    let line = [stamp, b" INFO started"].concat();
    check_line(&line)?;
    if let Some(time_ns) = parsed_in(zone, &line).time_ns {
        for offset in OFFSETS_S {
            let again = format!("{} INFO started", with_offset(time_ns, offset)?);
            holds(parsed_in(zone, again.as_bytes()).time_ns == Some(time_ns), "the time of a line is read again")?;
        }
    }
    let field = |time: &str| serde_json::json!({ "time": time }).to_string().into_bytes();
    let stamp = String::from_utf8_lossy(stamp);
    if let Some(time_ns) = parsed_in(zone, &field(&stamp)).time_ns {
        let again = parsed_in(zone, &field(&rfc3339(time_ns)?));
        holds(again.time_ns == Some(time_ns) && !again.time_failed, "the time of a field is read again")?;
    }
    let (format, written, unit_ns) = LAYOUTS[usize::from(*layout) % LAYOUTS.len()];
    let read = parsed("UTC", format, &field(&stamp));
    holds(read.time_ns.is_some() != read.time_failed, "a time is read or it failed")?;
    if let Some(time_ns) = read.time_ns {
        // What is smaller than a unit is not written.
        let whole = i128::from(time_ns - time_ns % unit_ns);
        let instant = Timestamp::from_nanosecond(whole).map_err(|error| error.to_string())?;
        let again =
            strtime::format(written, &instant.to_zoned_datetime(TimeZone::UTC)).map_err(|error| error.to_string())?;
        let read = parsed("UTC", format, &field(&again)).time_ns;
        holds(read.map(i128::from) == Some(whole), &format!("{format}: {again} is read again"))?;
    }
    Ok(())
}

fn rfc3339(time_ns: i64) -> Result<String, String> {
    Ok(Timestamp::from_nanosecond(time_ns.into()).map_err(|error| error.to_string())?.to_string())
}

/// The same with the offset of a zone.
fn with_offset(time_ns: i64, offset_s: i32) -> Result<String, String> {
    let instant = Timestamp::from_nanosecond(time_ns.into()).map_err(|error| error.to_string())?;
    let offset = Offset::from_seconds(offset_s).map_err(|error| error.to_string())?;
    Ok(instant.display_with_offset(offset).to_string())
}

/// A message of syslog with any text: its priority and its time count, and all of it is the message.
///
/// # Errors
/// The violated property.
pub(crate) fn check_syslog(input: &[u8]) -> Check {
    let [priority, header, minute, text @ ..] = input else { return Ok(()) };
    let text: Vec<u8> = text.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
    let (priority, minute) = (priority % 192, minute % 60);
    let (header, has_time) = match header % 3 {
        0 => (String::new(), false),
        1 => (format!("1 2026-11-28T10:{minute:02}:02.25Z host app 17 ID47 - "), true),
        // A message of a web server may have a time of its own, in brackets.
        _ => (format!("Nov 28 10:{minute:02}:02 host app[17]: "), !text.contains(&b'[')),
    };
    let line = [format!("<{priority}>{header}").as_bytes(), &text].concat();
    check_line(&line)?;
    let parsed = parsed_in("UTC", &line);
    holds(is_text(&parsed, &line), "no byte of a message is lost")?;
    holds(parsed.level == Some(SEVERITIES[usize::from(priority % 8)]), "the priority has the level")?;
    let fraction_ns = if header.starts_with('1') { 250_000_000 } else { 0 };
    let time_ns = NOW_NS + (i64::from(minute) - 15) * 60_000_000_000 + fraction_ns;
    holds(!has_time || parsed.time_ns == Some(time_ns), "the header has the time")
}

//! Logs of many formats with the time, level, message and fields of each record, written by hand.
//! `formats/corpus/README.md` says what the files mean.
//!
//! These tests check the corpus itself: that expectations and lines belong together, and that every value is possible.
//! `objects` compares the records of JSON logs with it, `records` the list of fields.

mod changed;
mod defaults;
mod layouts;
mod objects;
mod page;
mod programs;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::str::FromStr as _;

use event::Level;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/it/formats/corpus");
const FORMATS_MIN: usize = 50;
/// At least so many formats must be right without configuration.
const DEFAULT_MIN: usize = 45;
const RECORDS_MIN: usize = 8;
/// Nanoseconds: what a time can have, and the longest fraction in a log.
const FRACTION_DIGITS_MAX: usize = 9;

const LEVELS: [Level; 6] = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];

/// The presets that read one format. `csv`, `regex` and `grok` need columns or a pattern.
const PRESETS: &[&str] = &[
    "apache",
    "apache_error",
    "caddy",
    "cri",
    "dotnet",
    "envoy",
    "gelf",
    "glog",
    "gunicorn",
    "hadoop",
    "haproxy",
    "hdfs",
    "json",
    "kafka",
    "klog",
    "log4j",
    "logback",
    "logfmt",
    "mongodb",
    "monolog",
    "mysql",
    "mysql_slow",
    "nginx",
    "nginx_error",
    "openstack",
    "postgres",
    "postgres_csv",
    "python",
    "rails",
    "redis",
    "serilog",
    "spark",
    "spring",
    "syslog3164",
    "syslog5424",
    "tracing",
    "traefik",
    "uvicorn",
    "zookeeper",
];
/// Formats that must be right without configuration.
const MUST_BE_DEFAULT: &[&str] = &[
    "apache",
    "apache_error",
    "bunyan",
    "dotnet",
    "envoy",
    "gunicorn",
    "haproxy_http",
    "kafka",
    "klog",
    "log4j",
    "logback",
    "logfmt",
    "logrus_json",
    "logrus_text",
    "mongodb",
    "monolog",
    "mysql",
    "nginx",
    "nginx_error",
    "pino",
    "postgres",
    "python",
    "rails",
    "redis",
    "serilog",
    "slog_json",
    "slog_text",
    "spring_boot_2",
    "spring_boot_3",
    "syslog3164",
    "syslog5424",
    "tracing",
    "uvicorn",
    "winston_json",
    "zap_console",
    "zap_json",
];

/// The content of `NAME.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    preset: Option<String>,
    default: bool,
    parsed_by_default: bool,
    zone: String,
    now: String,
    source: String,
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    line: usize,
    #[serde(default = "one")]
    lines: usize,
    #[serde(default)]
    split_by_default: Vec<usize>,
    time: Option<String>,
    level: Option<String>,
    message: String,
    logger: Option<String>,
    thread: Option<String>,
    fields: Map<String, Value>,
}

fn one() -> usize {
    1
}

/// The expectations and the lines of a log, by the name of its format.
fn corpus() -> BTreeMap<String, (Format, Vec<String>)> {
    let mut formats = BTreeMap::new();
    for name in names("json") {
        let path = Path::new(CORPUS).join(&name);
        let text = fs::read_to_string(path.with_extension("json")).unwrap();
        let format = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let log = fs::read_to_string(path.with_extension("log")).unwrap();
        assert!(log.ends_with('\n'), "{name}: the last line has no end");
        formats.insert(name, (format, log.lines().map(str::to_owned).collect()));
    }
    formats
}

/// The names of the files with this extension.
fn names(extension: &str) -> BTreeSet<String> {
    let paths = fs::read_dir(CORPUS).unwrap().map(|entry| entry.unwrap().path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    wanted.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The lines of a record, joined by line feeds.
fn text_of(record: &Record, lines: &[String]) -> String {
    lines[record.line - 1..record.line - 1 + record.lines].join("\n")
}

/// Why a time is not an instant in UTC with a capital `T` and `Z`, if it is not.
fn fault_of_time(time: &str) -> Option<&'static str> {
    let Some((_, rest)) = time.strip_suffix('Z').and_then(|time| time.split_at_checked(19)) else {
        return Some("not in UTC or too short");
    };
    let fraction = rest.strip_prefix('.').unwrap_or(rest);
    let is_fraction = rest.is_empty()
        || rest.starts_with('.')
            && (1..=FRACTION_DIGITS_MAX).contains(&fraction.len())
            && fraction.bytes().all(|digit| digit.is_ascii_digit());
    if !is_fraction || time.as_bytes().get(10) != Some(&b'T') {
        return Some("not RFC 3339");
    }
    Timestamp::from_str(time).is_err().then_some("no such instant")
}

/// The words that the record's text does not have. Text with escapes is not searched: it has the words in another form.
fn missing_words<'r>(record: &'r Record, text: &str) -> Vec<&'r str> {
    let parts = [Some(&record.message), record.logger.as_ref(), record.thread.as_ref()];
    let words = parts.into_iter().flatten().flat_map(|part| part.split_whitespace());
    words.filter(|word| !text.contains('\\') && !text.contains(word)).collect()
}

#[test]
fn every_log_has_expectations() {
    assert_eq!(names("log"), names("json"));
    let count = names("log").len();
    assert!(count >= FORMATS_MIN, "only {count} formats");
}

#[test]
fn the_readme_names_every_format() {
    let readme = fs::read_to_string(Path::new(CORPUS).join("README.md")).unwrap();
    let missing: Vec<_> = names("log").into_iter().filter(|name| !readme.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_records_are_the_lines() {
    for (name, (format, lines)) in corpus() {
        assert!(format.records.len() >= RECORDS_MIN, "{name}: only {} records", format.records.len());
        let mut next = 1;
        for record in &format.records {
            assert_eq!(record.line, next, "{name}: a record begins at another line");
            assert!(record.lines > 0, "{name}:{next}: a record without a line");
            next += record.lines;
            let inside = record.line + 1..next;
            assert!(record.split_by_default.is_sorted(), "{name}:{}: split in another order", record.line);
            for line in &record.split_by_default {
                assert!(inside.contains(line), "{name}:{}: split at line {line}", record.line);
            }
        }
        assert_eq!(next, lines.len() + 1, "{name}: lines after the last record");
    }
}

#[test]
fn times_and_levels_are_possible() {
    let levels = LEVELS.map(Level::name);
    for (name, (format, _)) in corpus() {
        for record in &format.records {
            let fault = record.time.as_deref().and_then(fault_of_time);
            assert_eq!(fault, None, "{name}:{}: {:?}", record.line, record.time);
            let is_level = record.level.as_deref().is_none_or(|level| levels.contains(&level));
            assert!(is_level, "{name}:{}: {:?}", record.line, record.level);
        }
        assert_eq!(fault_of_time(&format.now), None, "{name}: {}", format.now);
        assert!(TimeZone::get(&format.zone).is_ok(), "{name}: {}", format.zone);
    }
}

#[test]
fn faults_of_times_are_found() {
    let check = |time: &str, fault: Option<&str>| assert_eq!(fault_of_time(time), fault, "{time}");
    check("2026-11-28T10:15:02Z", None);
    check("2026-11-28T10:15:02.123456789Z", None);
    check("2026-11-28T10:15:02+00:00", Some("not in UTC or too short"));
    check("2026-11-28T10:15Z", Some("not in UTC or too short"));
    check("2026-11-28 10:15:02Z", Some("not RFC 3339"));
    check("2026-11-28T10:15:02.Z", Some("not RFC 3339"));
    check("2026-11-28T10:15:02,5Z", Some("not RFC 3339"));
    check("2026-11-28T10:15:02.1234567890Z", Some("not RFC 3339"));
    check("2026-02-29T10:15:02Z", Some("no such instant"));
}

#[test]
fn messages_are_in_the_lines() {
    for (name, (format, lines)) in corpus() {
        for record in &format.records {
            let text = text_of(record, &lines);
            let missing = missing_words(record, &text);
            assert!(missing.is_empty(), "{name}:{}: {missing:?} is not in {text:?}", record.line);
        }
    }
}

#[test]
fn presets_are_known_and_all_have_a_log() {
    let formats = corpus();
    let used: BTreeSet<_> = formats.values().filter_map(|(format, _)| format.preset.as_deref()).collect();
    assert_eq!(used, PRESETS.iter().copied().collect());
    for (name, (format, _)) in &formats {
        assert!(format.source.ends_with('.'), "{name}: the source is no sentence");
        let has_fields = format.records.iter().any(|record| !record.fields.is_empty());
        let is_read = format.preset.is_some() || format.parsed_by_default;
        assert!(is_read || !has_fields, "{name}: fields that nothing gives");
    }
}

#[test]
fn the_common_formats_need_no_configuration() {
    let formats = corpus();
    let defaults: BTreeSet<_> =
        formats.iter().filter(|(_, (format, _))| format.default).map(|(name, _)| &**name).collect();
    assert!(defaults.len() >= DEFAULT_MIN, "only {} formats", defaults.len());
    let missing: Vec<_> = MUST_BE_DEFAULT.iter().filter(|name| !defaults.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_level_is_in_many_formats() {
    let mut counts = BTreeMap::new();
    for (format, _) in corpus().values() {
        let levels: BTreeSet<_> = format.records.iter().filter_map(|record| record.level.clone()).collect();
        for level in levels {
            *counts.entry(level).or_insert(0) += 1;
        }
    }
    for level in LEVELS.map(Level::name) {
        let count = counts.get(level).copied().unwrap_or(0);
        assert!(count >= FORMATS_MIN, "{level} is in {count} formats");
    }
}

//! The records of logs, as the parser finds them: those of JSON without configuration, all with their presets.

use std::collections::BTreeMap;

use event::{FileId, LineFlags, LineTimes, Parsed, Printed, Span};
use logskiff::pipeline::encode::{self, Encoder, Encoding, Envelope, EventId, Pod, RedactedLine, Source};
use logskiff::pipeline::parse::{self, Config, Parser, Preset};
use redact::{Hits, PemState, Redactor, Scratch};
use serde_json::{Map, Value};

use super::{Format, Record, corpus, text_of};

/// Formats of container runtimes, whose lines the framing unwraps before they are parsed.
pub(super) const UNWRAPPED: &[&str] = &["cri", "docker_json"];

/// How a line becomes a record.
pub(super) struct Setting {
    pub(super) parse: Config,
    pub(super) redact: redact::Config,
    pub(super) encode: encode::Config,
    /// The pod's labels, and what Docker writes to each line.
    pub(super) labels: BTreeMap<String, String>,
    pub(super) flags: LineFlags,
    pub(super) printed: Option<Printed>,
}

impl Setting {
    /// Without other configuration and redaction.
    pub(super) fn plain(parse: &Config) -> Self {
        Self {
            parse: parse.clone(),
            redact: redact::Config { select: vec!["none".to_owned()], fields: Vec::new(), ..redact::Config::default() },
            encode: encode::Config {
                encoding: Encoding::Json,
                event_id: EventId::Off,
                fields: Vec::new(),
                pod: Pod::default(),
                syslog: None,
            },
            labels: BTreeMap::new(),
            flags: LineFlags::NONE,
            printed: None,
        }
    }

    /// The record of one line, and what the parser found.
    pub(super) fn record(&self, line: &[u8]) -> (Map<String, Value>, Parsed) {
        let mut parser = Parser::new(&self.parse).unwrap();
        let mut parsed = parser.parsed();
        parser.parse(line, &mut parsed);
        let redactor = Redactor::new(&self.redact).unwrap();
        let (mut hits, mut scratch, mut pem) = (Hits::default(), Scratch::default(), PemState::default());
        redactor.scan(line, &mut hits);
        let hit = hits.of(0, line.len());
        let redacted = redactor.redact(line, line.len(), &parsed, hit, &mut pem, &mut scratch);
        let attrs = self.printed.map(|_| &self.labels);
        let source = Source { input: "", path: "/log/app.log", origin: "0", labels: &self.labels, attrs };
        let mut written = Vec::new();
        Encoder::new(&self.encode).encode(
            &RedactedLine {
                redacted: &redacted,
                envelope: &Envelope::new(&self.encode, &source, |_, value| value.to_owned()),
                file: FileId(0),
                span: Span { start: 0, end: line.len() as u64 },
                flags: self.flags,
                printed: self.printed,
                times: LineTimes::read(0),
                is_new: true,
            },
            &mut written,
        );
        (serde_json::from_slice(&written).unwrap(), parsed)
    }
}

/// The record of one line without redaction, and whether it has the format.
pub(super) fn record_of(line: &[u8], config: &Config) -> (Map<String, Value>, bool) {
    let (mut record, parsed) = Setting::plain(config).record(line);
    let is_constant =
        |name: &str| ["log.file.path", "log.offset", "event.created", "event.time_source"].contains(&name);
    record.retain(|name, _| !is_constant(name));
    if parsed.time_ns.is_none() {
        record.remove("@timestamp");
    }
    (record, parsed.failure.is_none())
}

/// The members of a value by dotted names; elements of arrays by number.
fn flat(value: &Value, name: &str, into: &mut BTreeMap<String, Value>) {
    let inner = |step: &str| if name.is_empty() { step.to_owned() } else { format!("{name}.{step}") };
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(step, value)| flat(value, &inner(step), into));
        }
        Value::Array(elements) if !elements.is_empty() => {
            elements.iter().enumerate().for_each(|(at, value)| flat(value, &inner(&at.to_string()), into));
        }
        _ if name.is_empty() => {}
        // `0.0` is 0.
        Value::Number(number) if number.as_f64() == Some(0.0) => {
            into.insert(name.to_owned(), Value::from(0));
        }
        _ => {
            into.insert(name.to_owned(), value.clone());
        }
    }
}

fn flattened(value: &Value) -> BTreeMap<String, Value> {
    let mut members = BTreeMap::new();
    flat(value, "", &mut members);
    members
}

/// What is wrong with the record of a line.
fn faults(config: &Config, expected: &Record, line: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut record, is_of_format) = record_of(line.as_bytes(), config);
    if !is_of_format {
        return vec!["no match".to_owned()];
    }
    let time = record.remove("@timestamp").map(|time| time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
    let expected_time = expected.time.as_deref().map(|time| time.parse().unwrap());
    if time != expected_time {
        faults.push(format!("time {time:?} is not {expected_time:?}"));
    }
    let level = record.remove("log.level");
    if level.as_ref().and_then(Value::as_str) != expected.level.as_deref() {
        faults.push(format!("level {level:?} is not {:?}", expected.level));
    }
    // An object without a message keeps all that it says in its fields, so that the record does not say it twice.
    let message = record.remove("message").map_or(line.to_owned(), |message| message.as_str().unwrap().to_owned());
    if message != expected.message {
        faults.push(format!("message {message:?} is not {:?}", expected.message));
    }
    let mut fields = flattened(&Value::Object(expected.fields.clone()));
    let names = [("log.logger", &expected.logger), ("process.thread.name", &expected.thread)];
    for (name, value) in names {
        fields.extend(value.clone().map(|value| (name.to_owned(), Value::String(value))));
    }
    let found = flattened(&Value::Object(record));
    for (name, value) in &fields {
        if found.get(name) != Some(value) {
            faults.push(format!("{name}: {:?} is not {value}", found.get(name)));
        }
    }
    // What the expectation leaves out was taken as time or level, and may stay as it is in the line.
    let object = line.find('{').and_then(|start| serde_json::from_str(&line[start..]).ok());
    let own = object.map(|object: Value| flattened(&object));
    let is_own = |name: &str, value: &Value| match &own {
        Some(own) => own.get(name) == Some(value),
        None => line.contains(&format!("{name}=")),
    };
    for (name, value) in found.iter().filter(|(name, _)| !fields.contains_key(*name)) {
        if !is_own(name, value) {
            faults.push(format!("{name}: {value} is not in the line"));
        }
    }
    faults
}

/// Goal: every log of the corpus in JSON or logfmt is right without configuration.
#[test]
fn json_and_logfmt_are_read_without_configuration() {
    check(|format| if format.parsed_by_default { Some(vec![parse::Format::Auto]) } else { None });
}

/// The format of a log with a preset; `cri` is a framing.
pub(super) fn preset_of(format: &Format) -> Option<parse::Format> {
    Some(match format.preset.as_deref().filter(|name| *name != "cri")? {
        "json" => parse::Format::Json,
        "logfmt" => parse::Format::Logfmt,
        name => parse::Format::Preset(Preset::from_name(name).unwrap_or_else(|| panic!("no preset {name}"))),
    })
}

/// Goal: every log with a preset is right with it.
#[test]
fn every_preset_reads_its_logs() {
    check(|format| Some(vec![preset_of(format)?]));
}

/// Compares all records of the logs for which there are formats.
#[track_caller]
fn check(formats: impl Fn(&Format) -> Option<Vec<parse::Format>>) {
    let mut wrong = Vec::new();
    for (name, (format, lines)) in corpus() {
        if UNWRAPPED.contains(&&*name) {
            continue;
        }
        let Some(formats) = formats(&format) else { continue };
        let now_ns = i64::try_from(format.now.parse::<jiff::Timestamp>().unwrap().as_nanosecond()).unwrap();
        let config = Config { formats, time_zone: format.zone.clone(), now_ns: Some(now_ns), ..Config::default() };
        for (number, record) in (1..).zip(&format.records) {
            let line = text_of(record, &lines);
            let faults = faults(&config, record, &line);
            wrong.extend(faults.iter().map(|fault| format!("{name}:{number}: {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

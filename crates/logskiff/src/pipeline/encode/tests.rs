//! Encodes records from lines with the real parser and the real rules.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

mod repaired;
mod several_lines;

use super::*;
use crate::pipeline::parse::{self, Format, Parser};
use redact::{self, PemState, Redactor, Scratch};

fn config(encoding: Encoding, fields: &[(&str, &str)]) -> Config {
    let fields = fields.iter().map(|(name, template)| ((*name).to_owned(), template.parse().unwrap())).collect();
    let pod = Pod { name: Some("shop-1".into()), labels_file: None, ..Pod::default() };
    Config { encoding, event_id: EventId::Field, fields, pod, syslog: None, stamp: false }
}

fn envelope(config: &Config, redactor: &Redactor) -> Envelope {
    let labels = [("app".to_owned(), "shop".to_owned()), ("owner".to_owned(), "ada@example.org".to_owned())].into();
    let source =
        Source { input: "default", path: "/log/ada@example.org/app.log", origin: "00ff", labels: &labels, attrs: None };
    Envelope::new(config, &source, |name, value| redactor.redact_field(name, value))
}

/// Goal: the pod's own address is never masked. Any other text in its place is redacted.
#[test]
fn the_pods_own_address_stays() {
    for (ip, shown) in [("10.244.0.7", "10.244.0.7"), ("fd00::7", "fd00::7"), ("10.244.0.7 x", "masked")] {
        let pod = Pod { ip: Some(ip.to_owned()), ..Pod::default() };
        let config = Config {
            encoding: Encoding::Json,
            event_id: EventId::Off,
            fields: vec![],
            pod,
            syslog: None,
            stamp: false,
        };
        let labels = BTreeMap::new();
        let source = Source { input: "default", path: "/log/app.log", origin: "00ff", labels: &labels, attrs: None };
        let envelope =
            Envelope::new(
                &config,
                &source,
                |_, value| if value == "x" { value.to_owned() } else { "masked".to_owned() },
            );
        let members = String::from_utf8(envelope.members).unwrap();
        assert!(members.contains(&format!(r#""kubernetes.pod.ip":"{shown}""#)), "{ip}: {members}");
    }
}

fn encoded(config: &Config, format: Format, line: &[u8], flags: LineFlags) -> Vec<u8> {
    let mut out = Vec::new();
    with_line(config, format, line, flags, |line| Encoder::new(config).encode(line, &mut out));
    out
}

/// Calls `encode` with a line that is parsed and redacted.
fn with_line(config: &Config, format: Format, line: &[u8], flags: LineFlags, encode: impl FnOnce(&RedactedLine<'_>)) {
    let fields = vec!["password".to_owned()];
    let redactor = Redactor::new(&redact::Config {
        select: vec!["secrets".into(), "pii".into()],
        fields,
        ..redact::Config::default()
    })
    .unwrap();
    let mut parser = Parser::new(&parse::Config { formats: vec![format], ..parse::Config::default() }).unwrap();
    let mut parsed = parser.parsed();
    parser.parse(line, &mut parsed);
    let mut scratch = Scratch::default();
    let redacted =
        redactor.redact(line, line.len(), &parsed, redact::TextHits::ALL, &mut PemState::default(), &mut scratch);
    let span = Span { start: 7, end: 7 + line.len() as u64 };
    let (redacted, envelope) = (&redacted, &envelope(config, &redactor));
    let line = RedactedLine {
        redacted,
        envelope,
        file: FileId(0),
        span,
        flags,
        printed: None,
        times: LineTimes::read(0),
        is_new: true,
    };
    encode(&line);
}

/// The record of a line, without the constant fields.
#[track_caller]
fn record(format: Format, line: &str) -> Map<String, Value> {
    let out = encoded(&config(Encoding::Json, &[]), format, line.as_bytes(), LineFlags::NONE);
    let Value::Object(mut record) = serde_json::from_slice(&out).unwrap() else { panic!("no object") };
    for (name, want) in [
        ("log.offset", json!(7)),
        ("log.file.path", json!("/log/<redacted:email>/app.log")),
        ("event.id", json!("00ff-7")),
        ("event.created", json!("1970-01-01T00:00:00.000Z")),
        ("kubernetes.pod.name", json!("shop-1")),
        ("kubernetes.labels", json!({"app": "shop", "owner": "<redacted:email>"})),
    ] {
        assert_eq!(record.remove(name), Some(want), "{name}");
    }
    let is_own = line.contains("2026-11-2");
    assert_eq!(record.remove("event.time_source"), Some(json!(if is_own { "line" } else { "read" })), "{line}");
    record
}

#[test]
#[allow(clippy::needless_pass_by_value, reason = "json! makes values")]
fn lines_become_records() {
    #[track_caller]
    fn check(format: Format, line: &str, want: Value) {
        assert_eq!(Value::Object(record(format, line)), want, "{line}");
    }
    let epoch = "1970-01-01T00:00:00.000Z";
    check(Format::None, "a \"b\"\t\\", json!({"@timestamp": epoch, "message": "a \"b\"\t\\"}));
    check(Format::Auto, "{broken", json!({"@timestamp": epoch, "message": "{broken"}));
    check(Format::Json, "{broken", json!({"@timestamp": epoch, "message": "{broken", "parse.error": "json"}));
    check(
        Format::Json,
        r#"{"@timestamp":"2026-11-23T22:00:00.5Z","level":"WARNING","msg":"hi","n":1.10,"o":{"a":[1,{"b":null}],"c":[]},"t":true}"#,
        json!({"@timestamp": "2026-11-23T22:00:00.500Z", "log.level": "warn", "message": "hi", "level": "WARNING",
            "n": 1.10, "o": {"a": [1, {"b": null}], "c": []}, "t": true}),
    );
    // Masks in strings, escaped strings, numbers, keys and whole fields leave valid JSON.
    check(
        Format::Json,
        r#"{"a":"x ada@example.org y","b":"\u0061da\u0040example.org\n","c":4111111111111111,"ada@example.org":1,"password":true}"#,
        json!({"@timestamp": epoch, "a": "x <redacted:email> y", "b": "<redacted:email>\n", "c": "<redacted:card>",
            "<redacted:email>": 1, "password": "<redacted:field>"}),
    );
    // A field of the line never replaces a field of logskiff.
    check(
        Format::Json,
        r#"{"log.offset":1,"event.id":"x","\u006cog.offset":3,"log":{"level":"x"},"a":1,"a":2,"\u0061":3,"parsed.a":4,"message":"m","kubernetes":{}}"#,
        json!({"@timestamp": epoch, "message": "m", "parsed.log.offset": 1, "parsed.event.id": "x",
            "parsed.log.offset_2": 3, "parsed.log": {"level": "x"}, "a": 1, "parsed.a_2": 2, "parsed.a_3": 3,
            "parsed.a": 4, "parsed.kubernetes": {}, "log.flags": ["json_duplicate_key"]}),
    );
    // An object beside names that begin with its own stays, unless it has one of them.
    check(
        Format::Json,
        r#"{"log":{"logger":"a","file":{"line":7},"origin":[{"level":1}]},"event":{"kind":"x","\u0069d":"y"},"parse":7,"kubernetes":{"labels":{"a":"b"}}}"#,
        json!({"@timestamp": epoch, "log": {"logger": "a", "file": {"line": 7}, "origin": [{"level": 1}]},
            "parsed.event": {"kind": "x", "id": "y"}, "parsed.parse": 7, "parsed.kubernetes": {"labels": {"a": "b"}}}),
    );
    check(
        Format::Json,
        r#"{"kubernetes":{"container":"x"}}"#,
        json!({"@timestamp": epoch, "parsed.kubernetes": {"container": "x"}}),
    );
    check(
        Format::Json,
        r#"{"kubernetes":{"container":{"image":"x"}}}"#,
        json!({"@timestamp": epoch, "kubernetes": {"container": {"image": "x"}}}),
    );
    check(
        Format::Json,
        r#"{"log":{"file":{"path":"x"}},"log":{"logger":"b"},"event":{"kind":"x"},"event":{"kind":"y"}}"#,
        json!({"@timestamp": epoch, "parsed.log": {"file": {"path": "x"}}, "parsed.log_2": {"logger": "b"}, "event": {"kind": "x"},
            "parsed.event": {"kind": "y"}, "log.flags": ["json_duplicate_key"]}),
    );
    // Ids are text of one name, beside which a value of the name before the dot would be a conflict in stores.
    check(
        Format::Json,
        r#"{"trace":"at a","span":{"name":"b"},"dd":{"trace_id":17,"span_id":"0x2a"},"trace.id":null}"#,
        json!({"@timestamp": epoch, "trace.id": "17", "span.id": "2a", "parsed.trace": "at a", "span": {"name": "b"},
            "parsed.trace.id": null}),
    );
    check(Format::Json, r#"{"trace":"at a"}"#, json!({"@timestamp": epoch, "trace": "at a"}));
}

/// Goal: a hostile line costs time by its length, however often it repeats a name.
#[test]
fn a_repeated_name_costs_no_more_than_its_bytes() {
    let line = format!("{{{}\"a\":0}}", "\"a\":1,\"\\u0061\":2,".repeat(10_000));
    let out = encoded(&config(Encoding::Json, &[]), Format::Json, line.as_bytes(), LineFlags::NONE);
    assert!(out.len() < 4 * line.len(), "{} bytes of {}", out.len(), line.len());
    let Value::Object(record) = serde_json::from_slice(&out).unwrap() else { panic!("no object") };
    assert!(record.len() > 20_000, "all are there, {}", record.len());
}

#[test]
fn a_new_name_is_not_an_added_field_s() {
    let out =
        encoded(&config(Encoding::Json, &[("parsed.a", "mine")]), Format::Json, br#"{"a":1,"a":2}"#, LineFlags::NONE);
    let record: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&record["a"], &record["parsed.a"], &record["parsed.a_2"]), (&json!(1), &json!("mine"), &json!(2)));
}

#[test]
fn added_fields_are_reserved_and_rendered() {
    let config = config(Encoding::Json, &[("team", "shop-{label.app}-{pod}"), ("mail", "{label.owner}")]);
    let out = encoded(&config, Format::Json, br#"{"team":"evil"}"#, LineFlags::NONE);
    let record: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(record["team"], "shop-shop-shop-1");
    assert_eq!(record["mail"], "<redacted:email>");
    assert_eq!(record["parsed.team"], "evil");
}

/// Goal: rules and templates find what became the message or an id by its name in the line, and in the record.
#[test]
fn members_that_were_taken_out_are_found_by_both_names() {
    let line = br#"{"fields":{"message":"hunter2","a":1},"dd":{"trace_id":17,"b":2},"@sp":"x1","short_message":"c"}"#;
    let record = |names: &[&str]| {
        let fields = names.iter().map(|name| (*name).to_owned()).collect();
        let redactor = Redactor::new(&redact::Config { fields, ..redact::Config::default() }).unwrap();
        let (mut parser, mut hits) = (Parser::new(&parse::Config::default()).unwrap(), redact::Hits::default());
        let mut parsed = parser.parsed();
        parser.parse(line, &mut parsed);
        redactor.scan(line, &mut hits);
        let (mut pem, mut scratch) = (PemState::default(), Scratch::default());
        let redacted = redactor.redact(line, line.len(), &parsed, hits.of(0, line.len()), &mut pem, &mut scratch);
        ["short_message", "trace.id", "@sp", "span.id", "a"].map(|name| super::field(&redacted, name))
    };
    let [message, id, span] = ["c", "17", "x1"].map(|value| Some(value.to_owned()));
    let masked = Some("<redacted:field>".to_owned());
    let plain = [message, id, span.clone(), span, None];
    assert_eq!(record(&["password"]), plain);
    for (name, at) in [
        ("short_message", 0..1),
        ("trace.id", 1..2),
        ("dd.trace_id", 1..2),
        ("trace_id", 1..2),
        ("@SP", 2..4),
        ("span.id", 2..4),
        ("dd", 1..2),
        ("message", 0..1),
    ] {
        let mut expected = plain.clone();
        expected[at].fill(masked.clone());
        assert_eq!(record(&[name]), expected, "{name}");
    }
}

/// Goal: labels and static fields are masked by their names like fields of a line.
#[test]
fn labels_and_static_fields_are_masked_by_their_names() {
    let mut config = config(Encoding::Json, &[("team", "shop"), ("password", "{label.token}"), ("env", "{label.env}")]);
    config.pod.namespace = Some("prod".into());
    config.pod.ip = Some("10.1.2.3".into());
    let labels = [("token", "hunter2"), ("env", "dev")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let source = Source { input: "app", path: "/log/app.log", origin: "0", labels: &labels, attrs: None };
    let redactor = Redactor::new(&redact::Config {
        select: vec!["secrets".into(), "pii".into()],
        fields: vec!["team".into()],
        rules: vec![("place".into(), "field:kubernetes.namespace".into()), ("part".into(), "field:env ~ ^d".into())],
        ..redact::Config::default()
    })
    .unwrap();
    let envelope = Envelope::new(&config, &source, |name, value| redactor.redact_field(name, value));
    let members: Value =
        serde_json::from_str(&format!("{{\"a\":1{}}}", String::from_utf8_lossy(&envelope.members))).unwrap();
    for (name, expected) in [
        ("team", json!("<redacted:field>")),
        ("password", json!("<redacted:password>")),
        ("env", json!("<redacted:part>ev")),
        ("kubernetes.namespace", json!("<redacted:place>")),
        ("kubernetes.pod.ip", json!("10.1.2.3")),
        ("kubernetes.labels", json!({"token": "<redacted:password>", "env": "<redacted:part>ev"})),
    ] {
        assert_eq!(members[name], expected, "{name}");
    }
    assert_eq!(
        envelope.render(&"{namespace}-{label.token}".parse().unwrap(), None),
        "<redacted:place>-<redacted:password>"
    );
}

#[test]
fn raw_is_only_the_redacted_line() {
    let out = encoded(&config(Encoding::Raw, &[]), Format::Auto, b"to ada@example.org \xff", LineFlags::NONE);
    assert_eq!(out, b"to <redacted:email> \xff");
    // JSON stays JSON.
    let line = br#"{"a":4111111111111111,"password":true,"b":[4111111111111111, 1],"n":2}"#;
    let out = encoded(&config(Encoding::Raw, &[]), Format::Auto, line, LineFlags::NONE);
    assert_eq!(
        String::from_utf8_lossy(&out),
        r#"{"a":"<redacted:card>","password":"<redacted:field>","b":["<redacted:card>", 1],"n":2}"#
    );
    let line = br#"{"m":"Enter password: ","b":{"c":"-----BEGIN PRIVATE KEY-----","d":["e",1]}}"#;
    let out = encoded(&config(Encoding::Raw, &[]), Format::Auto, line, LineFlags::NONE);
    let key = "<redacted:private_key>";
    assert_eq!(String::from_utf8_lossy(&out), format!(r#"{{"m":"Enter password: ","b":{{"c":"{key}","d":["e",1]}}}}"#));
    let line = b"n=4111111111111111, {4111111111111111}";
    let out = encoded(&config(Encoding::Raw, &[]), Format::Auto, line, LineFlags::NONE);
    assert_eq!(out, b"n=<redacted:card>, {<redacted:card>}");
}

#[test]
fn a_record_with_a_withheld_value_is_flagged() {
    let line = [&b"a\0b\0"[..], &b"c\0".repeat(20)].concat();
    let out = encoded(&config(Encoding::Json, &[]), Format::None, &line, LineFlags::NONE);
    let record: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(record["message"], "<redacted:undecodable>");
    assert_eq!(record["log.flags"], json!(["redaction_undecodable"]));
    let line = "pw=a&".repeat(1 << 12);
    let out = encoded(&config(Encoding::Json, &[]), Format::None, line.as_bytes(), LineFlags::NONE);
    let record: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(record["log.flags"], json!(["redaction_budget"]));
}

#[test]
fn a_truncated_line_is_flagged_and_invalid_utf_8_is_repaired() {
    let out = encoded(&config(Encoding::Json, &[]), Format::None, b"half \xff", LineFlags::TRUNCATED);
    let record: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&record["message"], &record["log.flags"]), (&json!("half \u{fffd}"), &json!(["truncated"])));
}

#[test]
fn the_flags_of_framing_come_first() {
    let line = b"a\nb\0c\0d\0e\0";
    let flags = LineFlags::TRUNCATED.and(LineFlags::MULTILINE);
    let record: Value =
        serde_json::from_slice(&encoded(&config(Encoding::Json, &[]), Format::None, line, flags)).unwrap();
    assert_eq!(record["log.flags"], json!(["multiline", "truncated", "redaction_undecodable"]));
}

/// The record of a line, raw or the message of its JSON, with all that an encoder can be told.
fn written(encoding: Encoding, ansi: Ansi, in_one_line: bool, line: &[u8]) -> Vec<u8> {
    let config = config(encoding, &[]);
    let mut out = Vec::new();
    with_line(&config, Format::Auto, line, LineFlags::MULTILINE, |line| {
        let mut encoder = Encoder::new(&config).with_ansi(ansi);
        if in_one_line { encoder.encode_in_one_line(line, &mut out) } else { encoder.encode(line, &mut out) }
    });
    if encoding == Encoding::Raw {
        return out;
    }
    let record: Value = serde_json::from_slice(&out).unwrap();
    record["message"].as_str().unwrap_or_default().as_bytes().to_vec()
}

#[test]
fn line_ends_within_a_record() {
    #[track_caller]
    fn check(line: &str, message: &str, raw: &str, in_one_line: &str) {
        let written =
            |encoding, whole| String::from_utf8(self::written(encoding, Ansi::Auto, whole, line.as_bytes())).unwrap();
        assert_eq!(written(Encoding::Json, false), message, "{line:?}");
        assert_eq!(written(Encoding::Raw, false), raw, "{line:?}");
        assert_eq!(written(Encoding::Raw, true), in_one_line, "{line:?}");
    }
    check("a\nb\r\nc", "a\nb\nc", "a\nb\nc", r"a\nb\nc");
    check("a\rb\r\r\n\n c\r", "a\rb\r\n\n c\r", "a\rb\r\n\n c\r", "a\rb\r\\n\\n c\r");
    check(
        "\u{e9}\r\npassword=x\r\nb",
        "\u{e9}\npassword=<redacted:password>\nb",
        "\u{e9}\npassword=<redacted:password>\nb",
        "\u{e9}\\npassword=<redacted:password>\\nb",
    );
    // An unescaped line end in a string, which is repaired.
    check("{\"msg\":\"a\r\nb\",\r\n\"n\":1}", "a\nb", "{\"msg\":\"a\nb\",\n\"n\":1}", r#"{"msg":"a\nb",\n"n":1}"#);
    // JSON over several lines stays JSON, with a masked number as a string.
    check(
        "{\n \"msg\": \"m\",\n \"password\": 12345\n}",
        "m",
        "{\n \"msg\": \"m\",\n \"password\": \"<redacted:field>\"\n}",
        "{\\n \"msg\": \"m\",\\n \"password\": \"<redacted:field>\"\\n}",
    );
}

#[test]
fn terminal_sequences_are_removed_from_messages() {
    #[track_caller]
    fn check(line: &str, stripped: &str, kept: &str) {
        let message = |encoding, ansi| String::from_utf8(written(encoding, ansi, false, line.as_bytes())).unwrap();
        assert_eq!(message(Encoding::Json, Ansi::Auto), stripped, "{line:?}");
        assert_eq!(message(Encoding::Json, Ansi::Strip), stripped, "{line:?}");
        assert_eq!(message(Encoding::Json, Ansi::Keep), kept, "{line:?}");
        if !line.starts_with('{') {
            assert_eq!(message(Encoding::Raw, Ansi::Auto), kept, "{line:?}");
            assert_eq!(message(Encoding::Raw, Ansi::Keep), kept, "{line:?}");
            assert_eq!(message(Encoding::Raw, Ansi::Strip), stripped, "{line:?}");
        }
    }
    check("\x1b[32mINFO\x1b[0m a\n\x1b[1mb\x1b[0m", "INFO a\nb", "\x1b[32mINFO\x1b[0m a\n\x1b[1mb\x1b[0m");
    check("password=hun\x1b[1mter2\x1b[0m x", "password=<redacted:password> x", "password=<redacted:password> x");
    check(r#"{"msg":"\u001b[36ma\u001b[0m","f":"\u001b[1mx"}"#, "a", "\x1b[36ma\x1b[0m");
    check("no sequences [0m", "no sequences [0m", "no sequences [0m");
    // Other fields keep theirs.
    let out = encoded(&config(Encoding::Json, &[]), Format::Auto, br#"{"msg":"a","f":"\u001b[1mx"}"#, LineFlags::NONE);
    let record: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(record["f"], json!("\x1b[1mx"));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[^@=:]{0,12}|[\"\\\\\n\u{1}]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[b-f]{1,4}", inner, 0..5).prop_map(|map| Value::from(Map::from_iter(map))),
        ]
    })
}

proptest! {
    /// Goal: where newlines separate records, a batch splits back into its records, whatever lines they hold.
    #[test]
    fn a_batch_splits_into_its_records(
        lines in prop::collection::vec("([a-z\\\\=]{0,5}|password=\\PC{0,6}|\\{\"a\":\"|\"\\}|\r|\n|\x1b\\[1m){1,8}", 1..6),
        is_json: bool,
    ) {
        let encoding = if is_json { Encoding::Json } else { Encoding::Raw };
        let config = config(encoding, &[]);
        let mut batch = Vec::new();
        for line in &lines {
            with_line(&config, Format::Auto, line.as_bytes(), LineFlags::MULTILINE, |line| {
                Encoder::new(&config).encode_in_one_line(line, &mut batch);
            });
            batch.push(b'\n');
        }
        batch.pop();
        prop_assert_eq!(batch.split(|byte| *byte == b'\n').count(), lines.len());
    }

    /// Whatever object a line holds, and however many fields: the record is one JSON object, its names are distinct,
    /// and it contains every field of the line under its name or `parsed.NAME`.
    #[test]
    fn every_object_arrives_whole(fields in prop::collection::hash_map("[a-c.@]{1,4}|log.offset|event.id|log|x[a-z]{2}", values(), 0..40)) {
        let line = serde_json::to_vec(&fields).unwrap();
        let out = encoded(&config(Encoding::Json, &[]), Format::Json, &line, LineFlags::NONE);
        let record: Map<String, Value> = serde_json::from_slice(&out).unwrap();
        for (name, value) in &fields {
            // A text of this name is the message, which loses terminal sequences.
            if name == "log" && value.is_string() {
                prop_assert!(record["message"].is_string());
                continue;
            }
            let name = name.split('.').map(|part| if part.is_empty() { "_" } else { part }).collect::<Vec<_>>().join(".");
            let arrived = record.get(&format!("parsed.{name}")).or_else(|| record.get(&name));
            prop_assert_eq!(arrived, Some(value), "{}", name);
        }
        prop_assert_eq!(record.len(), fields.len() + 8 + usize::from(record.contains_key("log.flags")));
    }
}

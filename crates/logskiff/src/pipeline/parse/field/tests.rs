use proptest::prelude::*;

use super::usual::{LEVELS, MESSAGES, NANOSECONDS, SPANS, TIMES, TRACES};
use crate::pipeline::parse::{Config, Format, Parser};
use event::{Key, Kind, Level, Node, Parsed, Repair};

fn parsed(config: &Config, text: &str) -> Parsed {
    let mut parser = Parser::new(config).map_err(|errors| format!("{errors:?}")).unwrap();
    let mut parsed = parser.parsed();
    parser.parse(text.as_bytes(), &mut parsed);
    assert_eq!(parsed.failure, None, "{text}");
    parsed
}

/// A value with this dotted name, as one name or as nested objects.
fn object(name: &str, value: &str, is_nested: bool) -> String {
    let steps: Vec<_> = if is_nested { name.split('.').collect() } else { vec![name] };
    format!("{{\"{}\":{value}{}", steps.join("\":{\""), "}".repeat(steps.len()))
}

/// Everything that was found, in one line.
fn found(text: &str, parsed: &Parsed) -> String {
    let part = |at: event::TextRange| &text[at.indices()];
    let mut out = Vec::new();
    out.extend(parsed.message.map(|(at, _)| format!("message={}", part(at))));
    out.extend(parsed.time_ns.map(|time_ns| format!("time={time_ns}")));
    out.extend(parsed.time_failed.then(|| "no time".to_owned()));
    out.extend(parsed.level.map(|level| level.name().to_owned()));
    out.extend(parsed.trace_id.map(|at| format!("trace={}", part(at))));
    out.extend(parsed.span_id.map(|at| format!("span={}", part(at))));
    let names = parsed.nodes.iter().filter_map(|node| match node {
        Node::Value { key: Key::Text(key), .. } => Some(part(*key)),
        Node::Object { .. } => Some("{"),
        Node::End => Some("}"),
        _ => None,
    });
    out.push(format!("[{}]", names.collect::<Vec<_>>().join(" ")));
    out.join(" ")
}

#[track_caller]
fn check(config: &Config, text: &str, expected: &str) {
    assert_eq!(found(text, &parsed(config, text)), expected, "{text}");
}

fn of(message: &[&str], time: &[&str], level: &[&str]) -> Config {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Config { message_fields: names(message), time_fields: names(time), level_fields: names(level), ..Config::default() }
}

#[test]
fn every_usual_name_is_found_dotted_and_nested() {
    let auto = Config::default();
    for is_nested in [false, true] {
        for name in MESSAGES {
            let text = object(name, "\"hello\"", is_nested);
            check(&auto, &text, &format!("message=hello{} []", if *name == "short_message" { " fatal" } else { "" }));
        }
        for (name, _) in TIMES {
            let parsed = parsed(&auto, &object(name, "1791812136", is_nested));
            assert_eq!(parsed.time_ns, Some(1_791_812_136_000_000_000), "{name}");
            assert_eq!(parsed.nodes.is_empty(), *name == "@timestamp", "{name}: only what the record has goes");
        }
        for (name, _, _) in LEVELS {
            assert_eq!(parsed(&auto, &object(name, "\"WARN\"", is_nested)).level, Some(Level::Warn), "{name}");
        }
        for name in TRACES.iter().chain(SPANS) {
            let text = object(name, "\"00-6f9b1d2c3e4f5a6b7c8d9e0f1a2b3c4d-1a2b3c4d5e6f7a8b-01\"", is_nested);
            let parsed = parsed(&auto, &text);
            assert!(parsed.trace_id.is_some() || parsed.span_id.is_some(), "{name}");
            assert!(parsed.nodes.is_empty() && !parsed.taken.is_empty(), "{name}");
        }
    }
    for (nanoseconds, seconds) in NANOSECONDS {
        let text = format!("{{\"{nanoseconds}\":7,\"{seconds}\":\"1791812136\"}}");
        assert_eq!(parsed(&auto, &text).time_ns, Some(1_791_812_136_000_000_007), "{seconds}");
    }
}

#[test]
fn other_spellings_are_ordinary_fields() {
    let auto = Config::default();
    check(&auto, r#"{"tIme":1791812136,"lEvel":"warn","mSG":"x","TRACE_ID":"a"}"#, "[tIme lEvel mSG TRACE_ID]");
    check(&auto, r#"{"message":{"a":1},"body":[1],"event":{"b":2},"log":7}"#, "[{ a } } { b } log]");
}

#[test]
fn configured_names_come_first_in_any_case() {
    let config = of(&["text", "payload.Summary"], &["At", "meta.time"], &["importance", "STATUS"]);
    check(&config, r#"{"msg":"a","Text":"b"}"#, "message=b [msg]");
    check(&config, r#"{"msg":"a","PAYLOAD":{"summary":"b","x":1}}"#, "message=b [msg { x }]");
    check(&config, r#"{"payload.summary":"b","text":"c"}"#, "message=c [payload.summary]");
    check(&config, r#"{"msg":"a"}"#, "message=a []");
    check(&config, r#"{"time":1791812136,"META":{"Time":1791812137}}"#, "time=1791812137000000000 [time { Time }]");
    check(&config, r#"{"at":"soon","time":1791812136}"#, "time=1791812136000000000 [at time]");
    check(&config, r#"{"at":"soon"}"#, "no time [at]");
    check(&config, r#"{"level":"warn","status":"ERROR"}"#, "error [level status]");
    check(&config, r#"{"level":"warn","Status":40}"#, "warn [level Status]");
    check(&config, r#"{"level":"warn","Status":"x","Importance":"y"}"#, "warn [level Status Importance]");
    // The name decides what a number means.
    check(
        &of(&[], &[], &["SEVERITYNUMBER"]),
        r#"{"level":"warn","severitynumber":17}"#,
        "error [level severitynumber]",
    );
    // One field can have several meanings.
    let same = of(&["log.level", "trace_id"], &[], &[]);
    check(&same, r#"{"a":1,"log.level":"error"}"#, "message=error error [a]");
    check(&same, r#"{"a":1,"trace_id":"7"}"#, "message=7 trace=7 [a]");
}

#[test]
fn spellings_of_a_configured_name_are_no_duplicates() {
    let config = of(&["text"], &[], &[]);
    let has_duplicate = |text| parsed(&config, text).repairs.has(Repair::DuplicateKey);
    assert!(!has_duplicate(r#"{"text":"a","TEXT":"b"}"#));
    assert!(has_duplicate(r#"{"text":"a","text":"b"}"#));
    assert!(has_duplicate(r#"{"log.level":"warn","log":{"level":"warn"}}"#));
}

#[test]
fn a_time_that_only_may_be_one_is_no_failure() {
    let auto = Config::default();
    check(&auto, r#"{"t":"x","T":5,"created":true,"date":"2026-11-28","instant":"now"}"#, "[t T created date instant]");
    check(&auto, r#"{"time":"3ms"}"#, "no time [time]");
    check(
        &auto,
        r#"{"instant":{"epochSecond":1791812136,"nanoOfSecond":1000000000}}"#,
        "time=1791812136000000000 [{ epochSecond nanoOfSecond }]",
    );
    check(
        &auto,
        r#"{"timestampSeconds":1791812136.5,"timestampNanos":7}"#,
        "time=1791812136500000000 [timestampSeconds timestampNanos]",
    );
}

#[test]
fn formats_that_omit_a_level_imply_it() {
    let auto = Config::default();
    check(&auto, r#"{"@t":"1791812136","@mt":"a"}"#, "message=a time=1791812136000000000 info [@t]");
    check(&auto, r#"{"@t":"1791812136","@mt":"a","@l":"loud"}"#, "message=a time=1791812136000000000 [@t @l]");
    check(&auto, r#"{"short_message":"a"}"#, "message=a fatal []");
    check(&auto, r#"{"short_message":"a","level":6}"#, "message=a info [level]");
}

#[test]
fn ids_are_taken_as_they_look() {
    let auto = Config::default();
    let parent = "00-6f9b1d2c3e4f5a6b7c8d9e0f1a2b3c4d-1a2b3c4d5e6f7a8b-01";
    check(
        &auto,
        &format!("{{\"traceparent\":\"{parent}\"}}"),
        "trace=6f9b1d2c3e4f5a6b7c8d9e0f1a2b3c4d span=1a2b3c4d5e6f7a8b []",
    );
    check(&auto, r#"{"traceparent":"00-1-2-01"}"#, "[traceparent]");
    check(&auto, r#"{"trace_id":"0x2A","span_id":7}"#, "trace=2A span=7 []");
    check(&auto, r#"{"dd":{"trace_id":"1","service":"s","span_id":"2"}}"#, "trace=1 span=2 [{ service }]");
    check(&auto, r#"{"logging.googleapis.com/trace":"projects\/p\/traces\/2a"}"#, "trace=2a []");
    // What is none stays where it is.
    check(
        &auto,
        r#"{"trace_id":"0","span_id":"","traceId":"a b","spanId":null,"traceid":"-"}"#,
        "[trace_id span_id traceId spanId traceid]",
    );
    check(&auto, r#"{"trace_id":true,"span_id":"a\u0062","TraceId":1.5}"#, "[trace_id span_id TraceId]");
    // The name in records comes first.
    check(&auto, r#"{"trace_id":"b","trace":{"id":"a","x":1}}"#, "trace=a [trace_id { x }]");
    check(&auto, r#"{"trace_id":"b","trace.id":""}"#, "trace=b [trace.id]");
    let pattern = Config {
        formats: vec![Format::Regex],
        patterns: vec![r"^(?<trace_id>\w+) (?<trace.id>\w+) (?<message>.*)$".to_owned()],
        ..Config::default()
    };
    check(&pattern, "a b c", "message=c trace=b []");
}

/// Goal: what was taken out keeps its name and the objects around it, for redaction and templates.
#[test]
fn taken_members_keep_their_names() {
    let text = r#"{"a":{"x":1},"fields":{"message":"hi","b":{"c":[1]}},"dd":{"trace_id":"7"},"@sp":"8"}"#;
    let parsed = parsed(&Config::default(), text);
    let name = |key| if let Key::Text(at) = key { &text[at.indices()] } else { "" };
    let shown = parsed.taken.iter().map(|node| match *node {
        Node::Value { key, at, kind: Kind::Text } => format!("{}={}", name(key), &text[at.indices()]),
        Node::Object { key } => format!("{}{{", name(key)),
        Node::End => "}".to_owned(),
        other => panic!("{other:?}"),
    });
    assert_eq!(shown.collect::<Vec<_>>().join(" "), "@sp=8 dd{ trace_id=7 } fields{ message=hi }");
}

proptest! {
    /// Goal: each usual name is found in its bucket, and near names are not.
    #[test]
    fn only_the_names_have_roles(name in "[@_]?[a-zA-Z.]{0,12}") {
        let parsed = parsed(&Config::default(), &object(&name, "\"a b\"", false));
        let is_taken = MESSAGES.contains(&&*name) || [TRACES[0], SPANS[0]].contains(&&*name);
        prop_assert_eq!(parsed.nodes.is_empty(), is_taken, "{}", name);
    }
}

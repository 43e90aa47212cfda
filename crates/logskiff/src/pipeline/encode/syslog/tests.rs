//! Encodes messages with the real parser and the real rules, and parses them with a strict parser.

mod sent;
mod strict;

use proptest::prelude::*;

use self::sent::{check_message, config};
use super::*;
use crate::pipeline::encode;
use crate::pipeline::parse;

fn encode(config: &Config, format: parse::Format, line: &[u8]) -> sent::Encoded {
    let rules =
        redact::Config { select: vec!["email".into()], fields: vec!["password".into()], ..redact::Config::default() };
    sent::encode(config, format, &rules, line, LineFlags::NONE)
}

#[track_caller]
fn check(config: &Config, format: parse::Format, line: &str, want: &str) {
    let encoded = encode(config, format, line.as_bytes());
    assert_eq!(String::from_utf8_lossy(&encoded.bytes), want);
}

const PLACE: &str = r#"[logskiff@32473 file="/log/app.log" pod="shop-1" namespace="sh\"op\]" rules="00ff00ff" offset="7" id="00ff-7" time_source="read"]"#;

#[test]
fn messages_follow_the_rfcs() {
    let rfc5424 = config(Format::Rfc5424, Framing::None);
    let head = "2026-11-23T22:00:00.123Z shop-1 app - -";
    check(&rfc5424, parse::Format::None, "hi", &format!("<134>1 {head} {PLACE} hi"));
    check(&rfc5424, parse::Format::None, "grüß", &format!("<134>1 {head} {PLACE} \u{feff}grüß"));
    check(&Config { bom: false, ..rfc5424.clone() }, parse::Format::None, "ü", &format!("<134>1 {head} {PLACE} ü"));
    check(
        &Config { structured_data: None, ..rfc5424.clone() },
        parse::Format::None,
        "x",
        &format!("<134>1 {head} - x"),
    );
    let line = r#"{"level":"error","ts":"2026-01-02T03:04:05Z","a":{"b":[1,"x\n\"]"]},"c d":null,"password":"p","to":"a@b.example"}"#;
    let fields = r#"[fields@32473 level="error" ts="2026-01-02T03:04:05Z" a.b="1" a.b="x
\"\]" c_d="" password="<redacted:field>" to="<redacted:email>"]"#;
    let text = r#"{"level":"error","ts":"2026-01-02T03:04:05Z","a":{"b":[1,"x\n\"]"]},"c d":null,"password":"<redacted:field>","to":"<redacted:email>"}"#;
    let place = PLACE.replace(" time_source=\"read\"", "");
    let want = format!("<131>1 2026-01-02T03:04:05.000Z shop-1 app - - {place}{fields} {text}");
    check(&rfc5424, parse::Format::Auto, line, &want);
    // Repairs are flagged and applied to fields; the line itself stays unchanged.
    let line = "{\"a\":\"x\\ud83d\\n\ty\",\"n\":NaN}";
    let place = PLACE.strip_suffix(']').unwrap();
    let flags = r#"flag="json_lone_surrogate" flag="json_control_character" flag="json_not_a_number""#;
    let fields = "[fields@32473 a=\"x\u{fffd}\n\ty\" n=\"\"]";
    check(&rfc5424, parse::Format::Auto, line, &format!("<134>1 {head} {place} {flags}]{fields} {line}"));
    let named = Config {
        facility: 4,
        app_name: "two words{field.app}".parse().unwrap(),
        proc_id: Some("{input}".parse().unwrap()),
        msg_id: Some("{field.event}".parse().unwrap()),
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        structured_data: None,
        ..rfc5424.clone()
    };
    let line = r#"{"event":"paid","app":"é"}"#;
    let want = format!("<38>1 2026-11-23T23:00:00.123+01:00 shop-1 two_words_ default paid - \u{feff}{line}");
    check(&named, parse::Format::Auto, line, &want);
    let rfc3164 = Config { proc_id: Some("12".parse().unwrap()), ..config(Format::Rfc3164, Framing::None) };
    check(&rfc3164, parse::Format::None, "grüß", "<134>Nov 23 22:00:00 shop-1 app[12]: grüß");
    let line = r#"{"ts":"2026-01-02T03:04:05Z","level":"debug"}"#;
    check(&rfc3164, parse::Format::Auto, line, &format!("<135>Jan  2 03:04:05 shop-1 app[12]: {line}"));
}

/// Goal: a name costs its length once, and not once for each value.
#[test]
fn a_long_name_is_not_read_for_each_value() {
    let (name, values) = ("é".repeat(400_000), 100_000);
    let line = format!(r#"{{"{name}":[{}1]}}"#, "1,".repeat(values - 1));
    let encoded = encode(&config(Format::Rfc5424, Framing::None), parse::Format::Auto, line.as_bytes());
    let param = format!(r#" {}_{:08x}="1""#, "_".repeat(23), sent::fnv(name.as_bytes()));
    let params = String::from_utf8_lossy(&encoded.bytes).matches(&param).count();
    assert!(params > 0, "{} bytes", encoded.bytes.len());
}

/// Goal: a masked number of a preset is its mask, without quotes of its own.
#[test]
fn values_of_presets_are_written_as_their_reader_sees_them() {
    let traefik = parse::Format::Preset(parse::Preset::from_name("traefik").unwrap());
    let line = br#"192.0.2.7 - - [23/Nov/2026:22:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "a" 1 "r" "-" 56ms"#;
    let masked = |fields: &[&str]| {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        let rules = redact::Config { select: vec!["none".to_owned()], fields, ..redact::Config::default() };
        let config = config(Format::Rfc5424, Framing::None);
        String::from_utf8(sent::encode(&config, traefik, &rules, line, LineFlags::NONE).bytes).unwrap()
    };
    assert!(masked(&[]).contains(r#" event.duration="56000000""#), "{}", masked(&[]));
    let fields = ["event.duration"];
    assert!(masked(&fields).contains(r#" event.duration="<redacted:field>""#), "{}", masked(&fields));
    let syslog = parse::Format::Preset(parse::Preset::from_name("syslog5424").unwrap());
    let line = br#"<14>1 2026-11-23T22:00:00Z web app - - [a@1 by="an \"x\" [1\]"] text"#;
    let encoded = encode(&config(Format::Rfc5424, Framing::None), syslog, line);
    let text = String::from_utf8(encoded.bytes).unwrap();
    let name = format!("log.syslog.structured_d_{:08x}", sent::fnv(b"log.syslog.structured_data.a@1.by"));
    assert!(text.contains(&format!(r#" {name}="an \"x\" [1\]""#)), "{text}");
}

/// Goal: each of syslog's severities, by its name or its number, stays what it is; other levels have the nearest.
#[test]
fn severities_keep_their_own() {
    #[track_caller]
    fn check(level: &str, severity: u32) {
        let line = format!(r#"{{"level":{level},"msg":"x"}}"#);
        let bytes = encode(&config(Format::Rfc5424, Framing::None), parse::Format::Json, line.as_bytes()).bytes;
        assert_eq!(strict::rfc5424(&bytes).unwrap().priority % 8, severity, "{level}");
    }
    for number in 0..8 {
        check(&number.to_string(), number);
    }
    let names = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    for (name, number) in names.iter().zip(0..) {
        check(&format!("\"{name}\""), number);
    }
    for (name, number) in [("emergency", 0), ("panic", 0), ("critical", 2), ("fatal", 2), ("error", 3), ("trace", 7)] {
        check(&format!("\"{name}\""), number);
    }
}

/// Goal: a tag has RFC 3164's 32 characters, unless more are allowed.
#[test]
fn a_tag_is_as_long_as_allowed() {
    let app_name = "payments-api-gateway-authorization-v2";
    for tag_bytes_max in [32, 36, 37, 255] {
        let config =
            Config { app_name: app_name.parse().unwrap(), tag_bytes_max, ..config(Format::Rfc3164, Framing::None) };
        let tag = &app_name[..tag_bytes_max.min(app_name.len())];
        check(&config, parse::Format::None, "x", &format!("<134>Nov 23 22:00:00 shop-1 {tag}: x"));
    }
}

/// Goal: fields whose names are too long for structured data keep different names.
#[test]
fn long_names_stay_distinct() {
    let line =
        br#"{"order":{"shipping":{"address":{"street_name":"A","street_number":5,"street_number_suffix":"b"}}}}"#;
    let bytes = encode(&config(Format::Rfc5424, Framing::None), parse::Format::Json, line).bytes;
    let message = strict::rfc5424(&bytes).unwrap();
    let names: std::collections::BTreeSet<&String> = message.data[1].params.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn frames_keep_messages_apart() {
    let plain = encode(&config(Format::Rfc3164, Framing::None), parse::Format::None, b"a\tb").bytes;
    for line_bytes in [2, 80, 200, 1_500] {
        let line = vec![b'x'; line_bytes];
        let message = encode(&config(Format::Rfc3164, Framing::None), parse::Format::None, &line).bytes;
        let framed = encode(&config(Format::Rfc3164, Framing::OctetCounting), parse::Format::None, &line).bytes;
        assert_eq!(framed, [message.len().to_string().as_bytes(), b" ", &message].concat());
    }
    let line = encode(&config(Format::Rfc3164, Framing::Newline), parse::Format::None, b"a\tb").bytes;
    assert_eq!(line, [&plain[..plain.len() - 3], b"a#011b\n"].concat());
}

#[test]
fn a_json_message_is_the_record() {
    let json = Config { message: Message::Json, ..config(Format::Rfc5424, Framing::Newline) };
    let encoded = encode(&json, parse::Format::None, "a\tü".as_bytes()).bytes;
    let message = strict::rfc5424(encoded.strip_suffix(b"\n").unwrap()).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&message.text).unwrap();
    assert_eq!(record["message"], "a\tü");
    assert_eq!(record["log.offset"], 7);
}

#[test]
fn values_that_do_not_fit_are_omitted_completely() {
    #[track_caller]
    fn check(config: &Config, line: &str, begin: &str, end: &str) {
        let encoded = encode(config, parse::Format::Auto, line.as_bytes());
        let text = String::from_utf8(encoded.bytes).unwrap();
        assert!(encoded.cut && text.starts_with(begin) && text.ends_with(end), "{text}");
        assert!((477..=480).contains(&text.len()), "{} bytes", text.len());
    }
    let head = "2026-11-23T22:00:00.123Z shop-1 app - -";
    let place = PLACE.strip_suffix(']').unwrap();
    let small = Config { bytes_max: 480, ..config(Format::Rfc5424, Framing::None) };
    let line = "€".repeat(200);
    check(&small, &line, &format!("<134>1 {head} {place} flag=\"truncated\"] \u{feff}€€"), "€ [truncated]");
    let line = format!(r#"{{"long":"{}","short":[1,2]}}"#, "x".repeat(480));
    let want = format!("{place} flag=\"truncated\"][fields@32473 short=\"1\" short=\"2\"] {{\"long\"");
    check(&small, &line, &format!("<134>1 {head} {want}"), "xx [truncated]");
    // A name that takes half of a message is omitted, and a file position that does not fit is omitted.
    let long =
        Config { app_name: "a".repeat(48).parse().unwrap(), hostname: "h".repeat(255).parse().unwrap(), ..small };
    check(&long, &"x".repeat(480), &format!("<134>1 2026-11-23T22:00:00.123Z - - - - {place} fl"), "x [truncated]");
    let id = Config {
        structured_data: Some(u32::MAX),
        proc_id: Some("p".repeat(128).parse().unwrap()),
        ..config(Format::Rfc5424, Framing::None)
    };
    let id = Config { bytes_max: 480, ..id };
    let want = r#"[logskiff@4294967295 file="/log/app.log" pod="shop-1" offset="7" id="00ff-7" time_source="read" flag="truncated"] x"#;
    let names = format!("shop-1 app {} -", "p".repeat(128));
    check(&id, &"x".repeat(480), &format!("<134>1 2026-11-23T22:00:00.123Z {names} {want}"), "x [truncated]");
    // The escape of a control character is not split either.
    for filler in 0..4 {
        let lines = Config { bytes_max: 480, ..config(Format::Rfc3164, Framing::Newline) };
        let line = format!("{}{}", "x".repeat(filler), "\t".repeat(200));
        let bytes = encode(&lines, parse::Format::None, line.as_bytes()).bytes;
        assert!(bytes.ends_with(b"#011 [truncated]\n"), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn the_strict_parser_can_fail() {
    #[track_caller]
    fn check(message: &str, want: Option<&str>) {
        let got = strict::rfc5424(message.as_bytes()).err();
        assert_eq!(got.as_deref(), want, "{message}");
    }
    let now = "2026-11-23T22:00:00.1Z";
    check(&format!("<134>1 {now} h a - - - text"), None);
    check("<0>1 2026-11-23T22:00:00-05:30 h a - - [x a=\"\\]\" a=\"\"][y]", None);
    check(&format!("<192>1 {now} h a - - -"), Some("priority 192"));
    check(&format!("<034>1 {now} h a - - -"), Some("priority 034"));
    check(&format!("<34> {now} h a - - -"), Some("no priority and version"));
    check("<34>1 2026-11-23t22:00:00Z h a - - -", Some("another form of time"));
    check("<34>1 2026-11-23T22:00:00.1234567Z h a - - -", Some("a fraction of 7 digits"));
    check("<34>1 2026-11-23T22:00:00.Z h a - - -", Some("a fraction of 0 digits"));
    check("<34>1 2026-11-23T22:00:00+0100 h a - - -", Some("another form of offset"));
    check(&format!("<34>1 {now} h  - - -"), Some("a header field of 0 bytes"));
    check(&format!("<34>1 {now} h é - - -"), Some("a header field of 2 bytes"));
    check(&format!("<34>1 {now} h {} - - -", "a".repeat(49)), Some("a header field of 49 bytes"));
    check(&format!("<34>1 {now} h a - - text"), Some("no structured data"));
    check(&format!("<34>1 {now} h a - - -text"), Some("no space before the text"));
    check(&format!("<34>1 {now} h a - - [x][x]"), Some("an element twice"));
    check(&format!("<34>1 {now} h a - - [x a=\"]\"]"), Some("a value that is not escaped"));
    check(&format!("<34>1 {now} h a - - [x a=\"\\n\"]"), Some("a value that is not escaped"));
    check(&format!("<34>1 {now} h a - - [x a=\"b\" "), Some("a name of 0 bytes"));
}

/// Lines as in logs, and lines that could break the encoding.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let plain = "[ -~\\t\\u{1b}\\u{0}\\n\u{feff}äß日😀\"\\]\\\\]{0,80}".prop_map(String::into_bytes);
    let bytes = prop::collection::vec(any::<u8>(), 0..80);
    let marked = bytes.clone().prop_map(|bytes| [BOM, &bytes].concat());
    prop_oneof![plain, bytes, marked, object()]
}

/// Objects with times, levels and messages, and nested names and values of every kind.
fn object() -> impl Strategy<Value = Vec<u8>> {
    let text = "[ -~\\t\\u{0}\\u{1b}\\u{7f}\\nü😀\"\\]\\\\]{0,20}";
    let leaf = prop_oneof![
        text.prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<Option<bool>>().prop_map(|value| serde_json::json!(value)),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |value| {
        let members = prop::collection::vec(("[ -~ü]{0,40}", value.clone()), 0..4);
        let object = members.prop_map(|members| serde_json::Value::Object(members.into_iter().collect()));
        prop_oneof![prop::collection::vec(value, 0..4).prop_map(serde_json::Value::Array), object]
    });
    let level = prop::sample::select(vec!["trace", "DEBUG", "info", "Warning", "error", "fatal", "else"]);
    let name = prop::sample::select(vec!["level", "severity", "log.level"]);
    let second = -9_000_000_000..9_000_000_000_i64;
    let time = (second, 0..1_000_000_000).prop_filter_map("a time", |(second, nanosecond)| {
        Some(jiff::Timestamp::new(second, nanosecond).ok()?.to_string())
    });
    (level, name, time, text, prop::collection::vec(("[ -~ü]{0,40}", value), 0..4)).prop_map(
        |(level, name, time, text, members)| {
            let mut object = serde_json::json!({ name: level, "ts": time, "msg": text });
            for (name, value) in members {
                object[name] = value;
            }
            object.to_string().into_bytes()
        },
    )
}

/// Every way to write RFC 5424.
fn configs() -> impl Strategy<Value = Config> {
    let framing = prop::sample::select(vec![Framing::None, Framing::OctetCounting, Framing::Newline]);
    let message = prop::sample::select(vec![Message::Raw, Message::Json]);
    let number = prop::option::of(any::<u32>());
    let zone = prop::sample::select(vec!["UTC", "Europe/Berlin", "Asia/Kathmandu", "Africa/Monrovia"]);
    (framing, message, number, zone, any::<bool>(), 0..24_u8).prop_map(
        |(framing, message, structured_data, zone, bom, facility)| Config {
            message,
            structured_data,
            bom,
            facility,
            zone: TimeZone::get(zone).unwrap(),
            ..config(Format::Rfc5424, framing)
        },
    )
}

fn format() -> impl Strategy<Value = parse::Format> {
    prop::sample::select(vec![parse::Format::None, parse::Format::Json, parse::Format::Auto])
}

/// Checks a line without masks: the message must contain everything of the line.
fn unmasked(config: &Config, format: parse::Format, line: &[u8], flags: LineFlags) -> sent::Encoded {
    sent::encode(config, format, &sent::no_rules(), line, flags)
}

proptest! {
    #[test]
    fn a_strict_parser_reads_every_message(config in configs(), format in format(), line in line(), cut: bool) {
        let config = Config { bytes_max: 1 << 20, ..config };
        let flags = if cut { LineFlags::TRUNCATED } else { LineFlags::NONE };
        let encoded = unmasked(&config, format, &line, flags);
        prop_assert!(!encoded.cut);
        check_message(&encoded, &config, &line).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn a_truncated_message_is_short_marked_and_valid(
        config in configs(),
        format in format(),
        line in line(),
        repeat in 1..60_usize,
        bytes_max in 480..700_usize,
    ) {
        let line = line.repeat(repeat);
        let config = Config { bytes_max, ..config };
        let encoded = unmasked(&config, format, &line, LineFlags::NONE);
        check_message(&encoded, &config, &line).map_err(TestCaseError::fail)?;
    }
}

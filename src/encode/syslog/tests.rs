//! Messages through the real parser and the real rules, read back by a strict parser.

mod strict;

use proptest::prelude::*;

use self::strict::Frame;
use super::*;
use crate::encode::{EventId, Pod, Source};
use crate::parse::{self, Parser};
use crate::redact::{self, Carry, Redactor, Scratch};

fn config(format: Format, framing: Framing) -> Config {
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
        framing,
        zone: TimeZone::UTC,
    }
}

/// When the lines were read: 2026-11-23T22:00:00.123456789Z.
const READ_NS: i64 = 1_795_471_200_123_456_789;

struct Made {
    bytes: Vec<u8>,
    cut: bool,
}

/// The message of a line in which e-mail addresses and passwords are masked.
fn made(config: &Config, format: parse::Format, line: &[u8]) -> Made {
    made_with("email", config, format, line)
}

fn made_with(rule: &str, config: &Config, format: parse::Format, line: &[u8]) -> Made {
    let rules = redact::Config { select: vec![rule.into()], rules: Vec::new(), fields: vec!["password".into()] };
    let redactor = Redactor::new(&rules).unwrap();
    let mut parser = Parser::new(&parse::Config {
        format,
        patterns: Vec::new(),
        types: Vec::new(),
        time_field: None,
        time_formats: Vec::new(),
        time_zone: "UTC".into(),
        level_field: None,
        drop_failures: false,
    })
    .unwrap();
    let mut parsed = parser.parsed();
    parser.parse(line, &mut parsed);
    let mut scratch = Scratch::default();
    let redacted = redactor.redact(line, line.len(), &parsed, true, &mut Carry::default(), &mut scratch);
    let span = Span { start: 7, end: 7 + line.len() as u64 };
    let config = super::super::Config {
        encoding: Encoding::Raw,
        event_id: EventId::Field,
        fields: Vec::new(),
        pod: Pod { name: Some("shop-1".into()), namespace: Some("sh\"op]".into()), ..Pod::default() },
        syslog: Some(config.clone()),
    };
    let labels = std::collections::BTreeMap::new();
    let source = Source { input: "default", path: "/log/app.log", origin: "00ff", labels: &labels };
    let envelope = Envelope::new(&config, &source, |text| redactor.redact_text(text));
    let mut encoder = Encoder::new(&config);
    let mut bytes = Vec::new();
    // The second message goes where the first one's length is remembered.
    encoder.syslog(&redacted, &envelope, (span, Boundary::Line), READ_NS, &mut bytes);
    bytes.clear();
    let cut = encoder.syslog(&redacted, &envelope, (span, Boundary::Line), READ_NS, &mut bytes);
    Made { bytes, cut }
}

#[track_caller]
fn check(config: &Config, format: parse::Format, line: &str, want: &str) {
    let made = made(config, format, line.as_bytes());
    assert_eq!(String::from_utf8_lossy(&made.bytes), want);
}

const PLACE: &str = r#"[logskiff@32473 file="/log/app.log" pod="shop-1" namespace="sh\"op\]" offset="7" id="00ff-7"]"#;

#[test]
fn messages_are_written_as_the_rfcs_want_them() {
    let rfc5424 = config(Format::Rfc5424, Framing::None);
    let head = "2026-11-23T22:00:00.123456Z shop-1 app - -";
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
    let want = format!("<131>1 2026-01-02T03:04:05.000Z shop-1 app - - {PLACE}{fields} {text}");
    check(&rfc5424, parse::Format::Auto, line, &want);
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
    let want = format!("<38>1 2026-11-23T23:00:00.123456+01:00 shop-1 two_words_ default paid - \u{feff}{line}");
    check(&named, parse::Format::Auto, line, &want);
    let rfc3164 = Config { proc_id: Some("12".parse().unwrap()), ..config(Format::Rfc3164, Framing::None) };
    check(&rfc3164, parse::Format::None, "grüß", "<134>Nov 23 22:00:00 shop-1 app[12]: grüß");
    let line = r#"{"ts":"2026-01-02T03:04:05Z","level":"debug"}"#;
    check(&rfc3164, parse::Format::Auto, line, &format!("<135>Jan  2 03:04:05 shop-1 app[12]: {line}"));
}

#[test]
fn frames_keep_messages_apart() {
    let plain = made(&config(Format::Rfc3164, Framing::None), parse::Format::None, b"a\tb").bytes;
    for line_bytes in [2, 80, 200, 1_500] {
        let line = vec![b'x'; line_bytes];
        let message = made(&config(Format::Rfc3164, Framing::None), parse::Format::None, &line).bytes;
        let framed = made(&config(Format::Rfc3164, Framing::OctetCounting), parse::Format::None, &line).bytes;
        assert_eq!(framed, [message.len().to_string().as_bytes(), b" ", &message].concat());
    }
    let line = made(&config(Format::Rfc3164, Framing::Newline), parse::Format::None, b"a\tb").bytes;
    assert_eq!(line, [&plain[..plain.len() - 3], b"a#011b\n"].concat());
}

#[test]
fn a_message_of_json_is_the_record() {
    let json = Config { message: Message::Json, ..config(Format::Rfc5424, Framing::Newline) };
    let made = made(&json, parse::Format::None, "a\tü".as_bytes()).bytes;
    let message = strict::rfc5424(made.strip_suffix(b"\n").unwrap()).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&message.text).unwrap();
    assert_eq!(record["message"], "a\tü");
    assert_eq!(record["log.offset"], 7);
}

/// Text such as logs hold, and such as breaks things.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let plain = "[ -~\\t\\u{1b}\\u{0}\\n\u{feff}äß日😀\"\\]\\\\]{0,80}".prop_map(String::into_bytes);
    let bytes = prop::collection::vec(any::<u8>(), 0..80);
    let fields = ("[ -~ü]{0,6}", "[ -~\\t\\nü\"\\]\\\\]{0,40}", any::<i64>()).prop_map(|(name, text, number)| {
        serde_json::json!({ "level": "warn", "msg": text, name: { "x": [text, number, null, true] } })
            .to_string()
            .into()
    });
    let marked = bytes.clone().prop_map(|bytes| [BOM, &bytes].concat());
    prop_oneof![plain, bytes, fields, marked]
}

proptest! {
    #[test]
    fn a_strict_parser_reads_back_what_went_in(line in line(), bom: bool, framing in 0..3_usize) {
        let framing = [Framing::None, Framing::OctetCounting, Framing::Newline][framing];
        let made = made_with("none", &Config { bom, ..config(Format::Rfc5424, framing) }, parse::Format::Auto, &line);
        strict::reads_back(&made.bytes, Frame::of(framing), &line, bom).map_err(TestCaseError::fail)?;
        prop_assert!(!made.cut);
    }

    #[test]
    fn a_message_that_is_cut_is_short_marked_and_whole(line in line(), repeat in 2..60_usize, bytes_max in 480..700_usize) {
        let line = line.repeat(repeat);
        let config = Config { bytes_max, ..config(Format::Rfc5424, Framing::None) };
        let made = made(&config, parse::Format::Auto, &line);
        prop_assert!(made.bytes.len() <= bytes_max);
        let message = strict::rfc5424(&made.bytes).map_err(TestCaseError::fail)?;
        let marked = message.data[0].params.contains(&("truncated".to_owned(), "true".to_owned()));
        prop_assert_eq!(marked, made.cut);
        prop_assert_eq!(message.text.ends_with(TRUNCATED), made.cut);
    }
}

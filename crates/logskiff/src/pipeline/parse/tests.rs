use proptest::prelude::*;

use super::*;
use event::{Key, Node};

fn config(format: Format) -> Config {
    Config { formats: vec![format], ..Config::default() }
}

fn patterns(patterns: &[&str]) -> Config {
    Config { patterns: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(), ..config(Format::Regex) }
}

fn typed(config: Config, types: &[(&str, Type)]) -> Config {
    Config { types: types.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(), ..config }
}

/// Everything in one line: `name:kind=text` for a field, then the properties of the record.
fn show(text: &[u8], parsed: &Parsed) -> String {
    let part = |at: TextRange| String::from_utf8_lossy(&text[at.indices()]).into_owned();
    let name = |key: Key| match key {
        Key::None => String::new(),
        Key::Name(name) => parsed.names[usize::from(name)].to_string(),
        Key::Text(at) => part(at),
    };
    let mut out: Vec<String> = parsed
        .nodes
        .iter()
        .map(|node| match *node {
            Node::Value { key, at, kind } => format!("{}:{kind:?}={}", name(key), part(at)),
            Node::Object { key } => format!("{}{{", name(key)),
            Node::Array { key } => format!("{}[", name(key)),
            Node::End => "}".to_owned(),
        })
        .collect();
    out.extend(parsed.message.map(|(at, kind)| format!("<message {kind:?}={}>", part(at))));
    out.extend(parsed.time_ns.map(|time| format!("<time {}>", jiff::Timestamp::from_nanosecond(time.into()).unwrap())));
    out.extend(parsed.time_failed.then(|| "<time failed>".to_owned()));
    out.extend(parsed.level.map(|level| format!("<{}>", level.name())));
    out.extend((parsed.type_failures > 0).then(|| format!("<{} types failed>", parsed.type_failures)));
    out.extend(parsed.failure.map(|failure| format!("<{}>", failure.name())));
    out.join(" ")
}

#[track_caller]
fn check(config: &Config, text: &str, expected: &str) {
    let mut parser = Parser::new(config).map_err(|errors| format!("{errors:?}")).unwrap();
    let mut parsed = parser.parsed();
    // A previous line must leave no trace.
    parser.parse(br#"{"@timestamp":"2020-01-01T00:00:00Z","level":"fatal","log":{"level":{"x":[1"#, &mut parsed);
    parser.parse(br#"{"@timestamp":"2020-01-01T00:00:00Z","level":"fatal","log":{"level":{"x":[1]}}}"#, &mut parsed);
    parser.parse(text.as_bytes(), &mut parsed);
    assert_eq!(show(text.as_bytes(), &parsed), expected, "{text}");
}

/// Goal: in a record of several lines the first line that has the format gives the fields, and nothing is lost.
#[test]
fn a_record_of_several_lines_has_the_fields_of_one() {
    let config = patterns(&[r"^(?<time>\S+Z) (?<level>[A-Z]+) (?<message>.*)$"]);
    let fields =
        "time:Text=2026-10-12T01:02:03Z level:Text=ERROR <message Text=TEXT> <time 2026-10-12T01:02:03Z> <error>";
    for text in [
        "2026-10-12T01:02:03Z ERROR order failed\n\tat a.B(B.java:1)\n2026-10-12T09:09:09Z INFO quoted",
        "2026-10-12T01:02:03Z ERROR order failed\r\n\tat a.B(B.java:1)",
        "\n\nOct 12, 2026 shop.Order take\n2026-10-12T01:02:03Z ERROR order failed",
        "1\n2\n3\n4\n5\n6\n7\n2026-10-12T01:02:03Z ERROR the eighth",
    ] {
        check(&config, text, &fields.replace("TEXT", text));
    }
    let late = "1\n2\n3\n4\n5\n6\n7\n8\n2026-10-12T01:02:03Z ERROR the ninth";
    check(&config, late, &format!("<message Text={late}> <no_match>"));
    check(&config, "2026-10-12T01:02:03Z ERROR one", &fields.replace("TEXT", "one"));

    let access = "10.0.0.1 - - [12/Oct/2026:01:02:03 +0000] \"GET /a HTTP/1.1\" 200 5";
    let shown = |text: &str| {
        let mut parser = Parser::new(&self::config(nginx())).unwrap();
        let mut parsed = parser.parsed();
        parser.parse(text.as_bytes(), &mut parsed);
        show(text.as_bytes(), &parsed)
    };
    let two = format!("a warning\n{access}");
    assert_eq!(shown(&two), shown(access).replace(access, &two));

    let object = "{\n  \"time\": \"2026-10-12T01:02:03Z\",\r\n  \"level\": \"error\",\n  \"msg\": \"a\",\n  \"n\": [\n    1\n  ]\n}";
    for format in [Format::Json, Format::Auto] {
        check(
            &self::config(format),
            object,
            "time:Text=2026-10-12T01:02:03Z level:Text=error n[ :Number=1 } <message Text=a> <time 2026-10-12T01:02:03Z> <error>",
        );
    }
}

#[test]
fn plain_lines_are_messages() {
    for format in [Format::None, Format::Auto] {
        for line in ["", "hello", "level=error 2026-10-12T00:00:00Z", " [1]"] {
            check(&config(format), line, &format!("<message Text={line}>"));
        }
    }
    check(&config(Format::None), "{\"a\":1}", "<message Text={\"a\":1}>");
}

#[test]
fn auto_parses_objects_and_keeps_other_lines() {
    check(&config(Format::Auto), " {\"a\":1}", "a:Number=1");
    check(&config(Format::Auto), "{\"a\":1", "<message Text={\"a\":1>");
    check(&config(Format::Auto), "{\"a\":1} x", "<message Text={\"a\":1} x>");
}

/// Goal: a configured word is a level wherever the head of a text line has one, and a number is none there.
#[test]
fn configured_words_are_levels_in_heads() {
    let map = [
        ("audit", Level::Warn),
        ("xx", Level::Trace),
        ("L_5", Level::Fatal),
        ("error", Level::Info),
        ("7", Level::Debug),
    ];
    let level_map = map.map(|(word, level)| (word.to_owned(), level)).to_vec();
    let config = Config { level_map, ..Config::default() };
    let mut parser = Parser::new(&config).unwrap();
    let mut parsed = parser.parsed();
    for (line, level) in [
        ("2026-10-12T01:02:03Z AUDIT a", Some(Level::Warn)),
        ("2026-10-12T01:02:03Z audit a", Some(Level::Warn)),
        ("2026-10-12T01:02:03Z [main] Audit a", Some(Level::Warn)),
        ("2026-10-12T01:02:03Z [xx] a", Some(Level::Trace)),
        ("2026-10-12T01:02:03Z xx: a", Some(Level::Trace)),
        ("2026-10-12T01:02:03Z xx/worker: a", Some(Level::Trace)),
        ("2026-10-12T01:02:03Z app.audit: a", Some(Level::Warn)),
        ("2026-10-12T01:02:03Z level=xx a", Some(Level::Trace)),
        ("2026-10-12T01:02:03Z L_5 a", Some(Level::Fatal)),
        ("2026-10-12T01:02:03Z ERROR a", Some(Level::Info)),
        ("audit 2026-10-12T01:02:03Z a", Some(Level::Warn)),
        ("[XX] 2026-10-12T01:02:03Z a", Some(Level::Trace)),
        ("Oct 12 01:02:03 web shop[7]: audit: a", Some(Level::Warn)),
        ("[xx] a", Some(Level::Trace)),
        ("XX: a", Some(Level::Trace)),
        ("l_5: a", Some(Level::Fatal)),
        ("L_5 a", Some(Level::Fatal)),
        ("2026-10-12T01:02:03Z [7] a", None),
        ("2026-10-12T01:02:03Z the audit xx", None),
        ("an audit: xx", None),
    ] {
        parser.parse(line.as_bytes(), &mut parsed);
        assert_eq!(parsed.level, level, "{line}");
    }
}

#[test]
fn json_failures_keep_the_line() {
    check(&config(Format::Json), "oops", "<message Text=oops> <json>");
    check(&config(Format::Json), "", "<message Text=> <json>");
    check(&config(Format::Json), "{\"a\":{\"b\":1}", "<message Text={\"a\":{\"b\":1}> <json>");
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    check(&config(Format::Json), &deep, &format!("<message Text={deep}> <depth>"));
}

#[test]
fn json_messages_are_removed_from_the_fields() {
    let json = config(Format::Json);
    check(&json, r#"{"a":1,"message":"hi","b":2}"#, "a:Number=1 b:Number=2 <message Text=hi>");
    check(&json, r#"{"msg":"a\nb"}"#, r"<message Escaped=a\nb>");
    check(&json, r#"{"msg":"x","message":"y"}"#, "msg:Text=x <message Text=y>");
    check(&json, r#"{"message":{"a":1},"msg":"x"}"#, "message{ a:Number=1 } <message Text=x>");
    check(&json, r#"{"message":1}"#, "message:Number=1");
    check(&json, r#"{"message":"a","message":"b"}"#, "message:Text=b <message Text=a>");
    check(&json, r#"{"o":{"message":"in"},"l":[{"msg":"in"}]}"#, "o{ message:Text=in } l[ { msg:Text=in } }");
}

#[test]
fn json_times() {
    let json = config(Format::Json);
    let at = "<time 2026-10-12T13:35:36Z>";
    check(&json, r#"{"@timestamp":"2026-10-12T13:35:36Z","a":1}"#, &format!("a:Number=1 {at}"));
    check(&json, r#"{"ts":1791812136}"#, &format!("ts:Number=1791812136 {at}"));
    check(
        &json,
        r#"{"date":"12\/Oct\/2026:13:35:36 +0000"}"#,
        &format!(r"date:Escaped=12\/Oct\/2026:13:35:36 +0000 {at}"),
    );
    check(&json, r#"{"time":"3ms","ts":"1791812136"}"#, &format!("time:Text=3ms ts:Text=1791812136 {at}"));
    check(&json, r#"{"@timestamp":"soon"}"#, "@timestamp:Text=soon <time failed>");
    check(&json, r#"{"ts":"2026\u002d10-12T13:35:36Z"}"#, r"ts:Escaped=2026\u002d10-12T13:35:36Z <time failed>");
    check(&json, r#"{"ts":null}"#, "ts:Null=null");
    check(&json, r#"{"o":{"ts":"2026-10-12T13:35:36Z"}}"#, "o{ ts:Text=2026-10-12T13:35:36Z }");
    let named = Config { time_fields: vec!["event.at".to_owned()], ..json };
    check(
        &named,
        r#"{"ts":1,"event":{"at":"2026-10-12T13:35:36Z"}}"#,
        &format!("ts:Number=1 event{{ at:Text=2026-10-12T13:35:36Z }} {at}"),
    );
    check(&named, r#"{"event.at":"2026-10-12T13:35:36Z"}"#, &format!("event.at:Text=2026-10-12T13:35:36Z {at}"));
    check(&named, r#"{"event":[{"at":"2026-10-12T13:35:36Z"}]}"#, "event[ { at:Text=2026-10-12T13:35:36Z } }");
}

#[test]
fn json_levels() {
    let json = config(Format::Json);
    check(&json, r#"{"level":"WARNING"}"#, "level:Text=WARNING <warn>");
    check(&json, r#"{"level":30}"#, "level:Number=30 <info>");
    check(&json, r#"{"level":"loud"}"#, "level:Text=loud");
    check(&json, r#"{"level":"loud","severity":"err"}"#, "level:Text=loud severity:Text=err <error>");
    check(&json, r#"{"log.level":"error","a":1}"#, "a:Number=1 <error>");
    check(&json, r#"{"log.level":"loud"}"#, "log.level:Text=loud");
    check(&json, r#"{"log":{"level":"error","logger":"x"}}"#, "log{ logger:Text=x } <error>");
    check(&json, r#"{"log":{"level":"error"},"a":1}"#, "a:Number=1 <error>");
    check(
        &json,
        r#"{"message":"m","log":{"level":"error"},"@timestamp":"1791812136"}"#,
        "<message Text=m> <time 2026-10-12T13:35:36Z> <error>",
    );
    let named = Config { level_fields: vec!["sev".to_owned()], ..json };
    check(&named, r#"{"level":"error","sev":"i"}"#, "level:Text=error sev:Text=i <info>");
}

#[test]
fn types_are_applied() {
    let json = typed(
        config(Format::Json),
        &[("id", Type::Text), ("n", Type::Int), ("http.status", Type::Int), ("ok", Type::Bool)],
    );
    check(&json, r#"{"id":1.10,"n":"007","ok":"True"}"#, "id:Text=1.10 n:Number=7 ok:True=True");
    check(&json, r#"{"n":"x","ok":1}"#, "n:Text=x ok:Number=1 <2 types failed>");
    check(&json, r#"{"n":"-"}"#, "n:Text=- <1 types failed>");
    check(&json, r#"{"http":{"status":"200","n":"1"}}"#, "http{ status:Number=200 n:Text=1 }");
    check(&json, r#"{"http":{"x":{"status":"1"},"status":"200"}}"#, "http{ x{ status:Text=1 } status:Number=200 }");
    check(
        &json,
        r#"{"http.status":"200","a":{"http":{"status":"1"}}}"#,
        "http.status:Number=200 a{ http{ status:Text=1 } }",
    );
    let regex = typed(patterns(&["^(?<a>[^ ]*) (?<b>.*)$"]), &[("a", Type::Int), ("b", Type::Float)]);
    check(&regex, "7 0.5", "a:Number=7 b:Number=0.5 <message Text=7 0.5>");
    check(&regex, " -", "a:Text= b:Text=- <message Text= -> <2 types failed>");
}

#[test]
fn captures_become_fields() {
    let regex = patterns(&[
        r"^(?<time>\S+) (?<level>[A-Z]+) (?:\[(?<thread>[^\]]*)\] )?(?<message>.*)$",
        "^(?<k>[a-z]+)=(?<v>.*)",
    ]);
    check(
        &regex,
        "2026-10-12T13:35:36Z INFO [main] up é",
        "time:Text=2026-10-12T13:35:36Z level:Text=INFO thread:Text=main <message Text=up é> <time 2026-10-12T13:35:36Z> <info>",
    );
    check(&regex, "now INFO up", "time:Text=now level:Text=INFO <message Text=up> <time failed> <info>");
    check(&regex, "a=b c", "k:Text=a v:Text=b c <message Text=a=b c>");
    check(&regex, "nothing", "<message Text=nothing> <no_match>");
    check(&patterns(&["(?<msg>.*)"]), "x", "msg:Text=x <message Text=x>");
    check(&patterns(&["(?<log.level>.*)"]), "w", "<message Text=w> <warn>");
}

#[test]
fn names_are_shared_between_patterns() {
    let parser = Parser::new(&patterns(&["(?<a>x)(?<b>y)", "(?<b>z)(?<c>z)"])).map_err(|_| ()).unwrap();
    assert_eq!(parser.parsed().names.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn access_logs() {
    let nginx = config(nginx());
    check(
        &nginx,
        r#"::1 - - [10/Oct/2026:13:55:36 +0200] "GET /level HTTP/1.1" 200 012 "-" "time" 1.50"#,
        "source.address:Text=::1 http.request.method:Text=GET url.original:Text=/level http.version:Text=1.1 \
         http.response.status_code:Number=200 http.response.body.bytes:Number=12 user_agent.original:Text=time \
         nginx.request_time:Number=1.50 \
         <message Text=::1 - - [10/Oct/2026:13:55:36 +0200] \"GET /level HTTP/1.1\" 200 012 \"-\" \"time\" 1.50> <time 2026-10-10T11:55:36Z>",
    );
    let broken = r#"::1 - - [32/Oct/2026:13:55:36 +0200] "-" 400 0"#;
    let fields = "source.address:Text=::1 http.response.status_code:Number=400 http.response.body.bytes:Number=0";
    check(&nginx, broken, &format!("{fields} <message Text={broken}> <time failed>"));
    check(&nginx, "nothing", "<message Text=nothing> <no_match>");
    let vhost = r#"a.org:443 ::1, ::2 - - [10/Oct/2026:13:55:36.5 +0200] "-" 400 0"#;
    check(
        &nginx,
        vhost,
        &format!(
            "url.domain:Text=a.org url.port:Number=443 source.address:Text=::1 nginx.remote_addresses:Text=::1, ::2 \
             http.response.status_code:Number=400 http.response.body.bytes:Number=0 <message Text={vhost}> \
             <time 2026-10-10T11:55:36.5Z>"
        ),
    );
    let text = typed(nginx, &[("http.response.status_code", Type::Text)]);
    check(
        &text,
        broken,
        &format!("{} <message Text={broken}> <time failed>", fields.replace("code:Number", "code:Text")),
    );
}

#[test]
fn mistakes_are_reported_at_once() {
    let wrong = Config {
        time_zone: "Nowhere".to_owned(),
        time_formats: vec!["soon".to_owned()],
        ..patterns(&["(?<a>x", "no names", "(?<ok>x)"])
    };
    let errors = Parser::new(&wrong).err().unwrap();
    assert_eq!(errors.len(), 4, "{errors:#?}");
    assert!(matches!(errors[0], Error::TimeZone { .. }));
    assert!(matches!(errors[1], Error::TimeFormat { index: 0, .. }));
    // The position is marked under the pattern.
    assert!(
        matches!(&errors[2], Error::Pattern { index: 0, message } if message.contains('^') && message.contains("unclosed group"))
    );
    assert_eq!(errors[3], Error::NoNamedCapture { index: 1 });
    assert_eq!(Parser::new(&patterns(&[])).err().unwrap(), [Error::NoPattern]);
    let many = (0..=pattern::NAMES_MAX).map(|n| format!("(?<n{n}>)")).collect::<Vec<_>>().concat();
    assert_eq!(Parser::new(&patterns(&[&many])).err().unwrap(), [Error::TooManyNames { count: 1_001 }]);
}

/// Checks that every range lies in the text, every object and array ends, and a failed line has no fields.
fn sound(text: &[u8], parsed: &Parsed) {
    let mut open = 0_usize;
    let within = |at: TextRange| assert!(at.start <= at.end && at.end as usize <= text.len());
    for node in &parsed.nodes {
        if let Node::Value { key: Key::Text(key), .. }
        | Node::Object { key: Key::Text(key) }
        | Node::Array { key: Key::Text(key) } = node
        {
            within(*key);
        }
        match node {
            Node::Value { at, .. } => within(*at),
            Node::Object { .. } | Node::Array { .. } => open += 1,
            Node::End => open = open.checked_sub(1).expect("an end without a beginning"),
        }
    }
    assert_eq!(open, 0);
    parsed.message.iter().for_each(|(at, _)| within(*at));
    if parsed.failure.is_some() {
        assert!(parsed.nodes.is_empty() && parsed.message == Some((TextRange::new(0, text.len()), Kind::Text)));
    }
}

fn all() -> Vec<Parser> {
    let types = [("a", Type::Int), ("o.a", Type::Float), ("k", Type::Bool), ("url.original", Type::Int)];
    let formats = [Format::None, Format::Json, nginx(), Format::Auto].map(config);
    let regex = patterns(&["^(?<a>.)(?<time>.*)$", "(?-u)(?<level>[^ ]*) (?<message>.*)"]);
    let make = |config| Parser::new(&typed(config, &types)).map_err(|_| ()).unwrap();
    formats.into_iter().chain([regex]).map(make).collect()
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_soundly(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..4)) {
        for mut parser in all() {
            let mut parsed = parser.parsed();
            for line in &lines {
                parser.parse(line, &mut parsed);
                sound(line, &parsed);
            }
        }
    }

    /// Fields with a meaning, in any order and at any depth, with any value.
    #[test]
    fn objects_are_parsed_soundly(members in prop::collection::vec(
        (
            prop::sample::select(vec!["a", "o", "log", "level", "log.level", "message", "msg", "@timestamp", "ts", "o.a", ""]),
            prop::sample::select(vec!["1", "\"error\"", "\"2026-10-12T13:35:36Z\"", "null", "{", "[{", "}", "}]", "\"\\/\"", "true", "\"7\""]),
        ),
        0..12,
    )) {
        let mut text = "{".to_owned();
        let mut open = Vec::new();
        for (name, value) in members {
            match value {
                "}" | "}]" => text.extend(open.pop()),
                _ => {
                    let comma = if text.ends_with('{') { "" } else { "," };
                    text.extend([comma, "\"", name, "\":", value]);
                    open.extend(match value { "{" => Some("}"), "[{" => Some("}]"), _ => None });
                }
            }
        }
        text.extend(open.into_iter().rev());
        text.push('}');
        let mut parser = Parser::new(&typed(config(Format::Json), &[("a", Type::Int), ("o.a", Type::Float)])).map_err(|_| ()).unwrap();
        let mut parsed = parser.parsed();
        parser.parse(text.as_bytes(), &mut parsed);
        prop_assert_eq!(parsed.failure, None, "{}", text);
        sound(text.as_bytes(), &parsed);
    }
}

fn nginx() -> Format {
    Format::Preset(super::Preset::from_name("nginx").unwrap())
}

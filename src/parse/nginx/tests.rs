use proptest::prelude::*;
use regex::bytes::Regex;

use super::*;

/// What the module's doc says, with a name for each field.
struct Oracle {
    line: Regex,
    request: Regex,
}

type Fields = Vec<(u16, std::ops::Range<usize>)>;

impl Oracle {
    fn new() -> Self {
        let line = r#"(?s-u)^([^ ]+) [^ ]+ ([^\[]+) \[([^\]]*)\] "(Q)" (\d{3}) (\d+|-)(?: "(Q)" "(Q)"(?: "(Q)")?(?: (\d+(?:\.\d+)?|-))?)?$"#;
        Self {
            line: Regex::new(&line.replace('Q', r#"(?:[^"\\]|\\.)*"#)).unwrap(),
            request: Regex::new(r"(?s-u)^([A-Z][A-Z_-]*) ([^ ].*?)(?: HTTP/(\d+(?:\.\d+)?))?$").unwrap(),
        }
    }

    fn read(&self, text: &[u8]) -> Option<(Vec<u8>, Fields)> {
        let line = self.line.captures(text)?;
        let mut fields = Vec::new();
        for (group, name) in [(1, 0), (2, 1), (5, 5), (6, 6), (7, 7), (8, 8), (9, 9), (10, 10)] {
            fields.extend(line.get(group).map(|found| (name, found.range())));
        }
        let request = line.get(4).unwrap();
        if let Some(parts) = self.request.captures(request.as_bytes()) {
            let moved = |part: regex::bytes::Match| part.start() + request.start()..part.end() + request.start();
            fields.extend((1_usize..4).zip(2..).filter_map(|(group, name)| Some((name, moved(parts.get(group)?)))));
        }
        fields.retain(|(_, at)| !matches!(&text[at.clone()], b"" | b"-"));
        fields.sort_by_key(|(name, _)| *name);
        Some((line[3].to_vec(), fields))
    }
}

fn scan(text: &[u8]) -> Option<(Vec<u8>, Fields)> {
    let mut nodes = Vec::new();
    let stamp = read(text, &mut nodes).map(<[u8]>::to_vec);
    let fields = nodes.iter().map(|node| match node {
        Node::Value { key: Key::Name(name), at, kind: Kind::Text } => (*name, at.indices()),
        other => panic!("{other:?}"),
    });
    let fields: Fields = fields.collect();
    assert!(stamp.is_some() || fields.is_empty(), "a failed line must leave nothing");
    stamp.map(|stamp| (stamp, fields))
}

/// `fields` as `name=value`, without the names' first parts where they are clear.
#[track_caller]
fn check(text: &str, expected: Option<&str>) {
    let shown = scan(text.as_bytes()).map(|(_, fields)| {
        let field = |(name, at): &(u16, std::ops::Range<usize>)| {
            format!("{}={}", NAMES[usize::from(*name)].rsplit('.').next().unwrap(), &text[at.clone()])
        };
        fields.iter().map(field).collect::<Vec<_>>().join(" | ")
    });
    assert_eq!(shown.as_deref(), expected, "{text}");
    assert_eq!(scan(text.as_bytes()), Oracle::new().read(text.as_bytes()), "{text}");
}

#[test]
fn lines_of_both_formats() {
    check(
        r#"10.0.0.1 - ada [10/Oct/2026:13:55:36 +0000] "GET /cart?x=1 HTTP/1.1" 200 12 "https://a/" "curl/8" 0.123"#,
        Some(
            "address=10.0.0.1 | name=ada | method=GET | original=/cart?x=1 | version=1.1 | status_code=200 | bytes=12 | referrer=https://a/ | original=curl/8 | request_time=0.123",
        ),
    );
    check(
        r#"2001:db8::1 - - [10/Oct/2026:13:55:36 +0000] "POST / HTTP/2" 304 -"#,
        Some("address=2001:db8::1 | method=POST | original=/ | version=2 | status_code=304"),
    );
    check(
        r#"::1 - John Doe [t] "GET /a b HTTP/1.0" 404 0 "-" "Mozilla \"x\" \\" "1.2.3.4, 5.6.7.8" -"#,
        Some(
            r#"address=::1 | name=John Doe | method=GET | original=/a b | version=1.0 | status_code=404 | bytes=0 | original=Mozilla \"x\" \\ | forwarded_for=1.2.3.4, 5.6.7.8"#,
        ),
    );
    check(
        r#"h - - [t] "GET /old" 200 5 "" "a""#,
        Some("address=h | method=GET | original=/old | status_code=200 | bytes=5 | original=a"),
    );
    check(
        r#"h - - [t] "M-SEARCH * HTTP/1.1" 200 5"#,
        Some("address=h | method=M-SEARCH | original=* | version=1.1 | status_code=200 | bytes=5"),
    );
}

#[test]
fn malformed_requests_still_parse() {
    for request in [
        r"\x16\x03\x01",
        "-",
        "",
        "GET",
        "GET ",
        "GET  HTTP/1.1",
        "get / HTTP/1.1",
        " / HTTP/1.1",
        r"\x16 /",
        "-X / HTTP/1.1",
    ] {
        check(&format!("h - - [t] \"{request}\" 400 150 \"-\" \"-\""), Some("address=h | status_code=400 | bytes=150"));
    }
    check(
        "h - - [t] \"GET / HTTP/1.\" 400 1",
        Some("address=h | method=GET | original=/ HTTP/1. | status_code=400 | bytes=1"),
    );
}

#[test]
fn other_lines_fail() {
    for line in [
        "",
        "h",
        "h - -",
        "h - - [t]",
        "h - - [t] ",
        "h - - [t] \"",
        "h - - [t] \"-\"",
        "h - - [t] \"-\" 200",
        "h - - [t] \"-\" 200 ",
        "h - - [t] \"-\" 20 1",
        "h - - [t] \"-\" 2000 1",
        "h - - [t] \"-\" 200 1 ",
        "h - - [t] \"-\" 200 1 \"a\"",
        "h - - [t] \"-\" 200 1 \"a\" \"b\" ",
        "h - - [t] \"-\" 200 1 \"a\" \"b\" 1.",
        "h - - [t] \"-\" 200 1 \"a\" \"b\" 0.1 x",
        "h - - [t] \"-\" 200 1x",
        "h - -[t] \"-\" 200 1",
        "h -  [t] \"-\" 200 1",
        " - - [t] \"-\" 200 1",
        "h - - [t] \"\\\" 200 1",
        "{\"a\":1}",
        "h - - [t] \"-\" 200 1 \"a\" \"b\"\"c\"",
        "h - - [t] \"-\" 200 1 \"a\" \"b\" \"c\" \"d\"",
    ] {
        check(line, None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// The scanner and the expression in the module's doc say the same of lines, nearly lines and broken lines.
    #[test]
    fn scanner_agrees_with_the_expression(
        head in r"[a-f0-9:.]{0,9} [ -]-? [a-z \[-]{0,6} \[[0-9/A-Za-z: +\]]{0,8}\] ",
        request in r#"("([A-Z_ -]{0,5} ?/?[a-z \\\[]{0,4}( HTTP/[0-9.]{0,3})?)"|"[a-z \\"-]{0,6}") "#,
        tail in r#"[0-9]{3,4} ([0-9]{1,4}|-)( "[a-z \\"-]{0,4}"){0,4}( [0-9]{0,2}\.?[0-9]{0,2}| -)?"#,
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b" \"\\[]-.0A/\xff\n".to_vec())), 0..3),
    ) {
        let mut text = (head + &request + &tail).into_bytes();
        for (place, byte) in changes {
            let place = place.index(text.len());
            text[place] = byte;
        }
        prop_assert_eq!(scan(&text), ORACLE.with(|oracle| oracle.read(&text)));
    }
}

thread_local! {
    static ORACLE: Oracle = Oracle::new();
}

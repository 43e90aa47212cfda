use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Writes the nodes as compact JSON, byte for byte as in the text.
fn rebuild(text: &[u8], nodes: &[Node]) -> String {
    let part = |at: TextRange| std::str::from_utf8(&text[at.indices()]).unwrap();
    let mut out = "{".to_owned();
    let mut open = vec!['}'];
    for node in nodes {
        if !out.ends_with(['{', '[']) && *node != Node::End {
            out.push(',');
        }
        let (Node::Value { key, .. } | Node::Object { key } | Node::Array { key }) = *node else {
            out.push(open.pop().unwrap());
            continue;
        };
        match (key, open.last().unwrap()) {
            (Key::Text(at), '}') => out.extend(["\"", part(at), "\":"]),
            (Key::None, ']') => {}
            (key, close) => panic!("{key:?} before {close}"),
        }
        match *node {
            Node::Value { at, kind, .. } => {
                let value = part(at);
                match kind {
                    Kind::Text => assert!(!value.contains('\\')),
                    Kind::Escaped => assert!(value.contains('\\')),
                    Kind::True => assert_eq!(value, "true"),
                    Kind::False => assert_eq!(value, "false"),
                    Kind::Null => assert_eq!(value, "null"),
                    Kind::Number => assert!(value.starts_with(|c: char| c == '-' || c.is_ascii_digit())),
                    Kind::Quoted(_) | Kind::Scaled(_) | Kind::Code(_) => panic!("{kind:?} is not of JSON"),
                }
                let quote = if matches!(kind, Kind::Text | Kind::Escaped) { "\"" } else { "" };
                out.extend([quote, value, quote]);
            }
            Node::Object { .. } => {
                out.push('{');
                open.push('}');
            }
            _ => {
                out.push('[');
                open.push(']');
            }
        }
    }
    assert_eq!(open, ['}'], "every object and array must end");
    out.push('}');
    out
}

/// Parts of strings, and the fault of each, whatever its neighbours.
const PARTS: [(&[u8], Option<Repair>); 12] = [
    (b"a", None),
    ("é".as_bytes(), None),
    (br"\n", None),
    (br#"\""#, None),
    (br"\\", None),
    (br"\ud83d\ude00", None),
    (b"{NaN", None),
    (b"\xff", Some(Repair::InvalidUtf8)),
    (b"\xe9", Some(Repair::InvalidUtf8)),
    (b"\t", Some(Repair::ControlCharacter)),
    (b"\0", Some(Repair::ControlCharacter)),
    (br"\ud83d ", Some(Repair::LoneSurrogate)),
];

/// The text without insignificant blanks.
fn compact(text: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        if !quoted && c.is_ascii_whitespace() {
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        out.push(c);
    }
    out
}

#[track_caller]
fn check(text: &str, expected: Result<&str, ParseFailure>) {
    let mut nodes = Vec::new();
    let got = read(text.as_bytes(), &mut nodes);
    if got.is_err() {
        assert!(nodes.is_empty(), "{text}");
    }
    let got = got.map(|repairs| (repairs, rebuild(text.as_bytes(), &nodes)));
    assert_eq!(got, expected.map(|expected| (Repairs::default(), expected.to_owned())), "{text}");
}

#[test]
fn objects_keep_everything_as_written() {
    for same in [
        "{}",
        r#"{"id":12345678901234567890,"price":1.10,"big":1e999,"tiny":-0.0E-400}"#,
        r#"{"a":1,"a":2,"a":{"a":3,"a":4}}"#,
        r#"{"":"","k\u00e9y\"":"v\\","u":"\ud83d\ude00é"}"#,
        r#"{"o":{},"a":[],"n":[[],{},[{"x":[1,"2",true,false,null]}]]}"#,
    ] {
        check(same, Ok(same));
    }
    check(" { \"a\" :\t[ 1 , \"x , y\" ] ,\r\n \"b\" : { } } ", Ok(r#"{"a":[1,"x , y"],"b":{}}"#));
}

#[test]
fn other_values_than_objects_fail() {
    for wrong in [
        "",
        " ",
        "1",
        "null",
        "\"{}\"",
        "[]",
        "[{}]",
        "{",
        "{}}",
        "{} {}",
        "{}x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":,1}",
        "{\"a\"::1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":tru}",
        "{\"a\":truee}",
        "{\"a\":\"\\x\"}",
        "{a:1}",
        "{'a':1}",
        "{1:2}",
        "{\"a\":[1,]}",
        "{\"a\":[1}}",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":1 \"b\":2}",
        "{\"a\":[1 2]}",
        "\u{feff}{}",
        "{\"a\":1}\0",
        "{\"ok\":1,\"half\":{\"b\":[1,",
    ] {
        check(wrong, Err(ParseFailure::Json));
    }
}

/// The nodes of a line with known faults, as `name:kind=text`, and the faults.
fn described(text: &[u8]) -> Result<String, ParseFailure> {
    let mut nodes = Vec::new();
    let repairs = read(text, &mut nodes);
    let part = |at: TextRange| text[at.indices()].escape_ascii().to_string();
    let name = |key| if let Key::Text(at) = key { part(at) } else { String::new() };
    let node = |node: &Node| match *node {
        Node::Value { key, at, kind } => format!("{}:{kind:?}={}", name(key), part(at)),
        Node::Object { key } => format!("{}{{", name(key)),
        Node::Array { key } => format!("{}[", name(key)),
        Node::End => "}".to_owned(),
    };
    let nodes: Vec<_> = nodes.iter().map(node).collect();
    repairs.map(|repairs| {
        nodes
            .into_iter()
            .chain(repairs.iter().map(|repair| format!("<{}>", repair.name())))
            .collect::<Vec<_>>()
            .join(" ")
    })
}

/// Goal: a line that is JSON except for known faults has the intended fields, in their positions.
#[test]
fn known_faults_are_repaired() {
    #[track_caller]
    fn check(text: &[u8], expected: &str) {
        assert_eq!(described(text).as_deref(), Ok(expected), "{}", text.escape_ascii());
    }
    // Invalid UTF-8, in values, names and next to escapes.
    check(b"{\"a\":\"caf\xe9\",\"b\":1}", r"a:Text=caf\xe9 b:Number=1 <invalid_utf8>");
    check(
        b"{\"\xff\":\"\xc3\xa9\xc3\",\"o\":{\"\xfe\":[\"\xf0\x9f\x98\"]}}",
        r"\xff:Text=\xc3\xa9\xc3 o{ \xfe[ :Text=\xf0\x9f\x98 } } <invalid_utf8>",
    );
    check(b"{\"a\":\"\\n\xff\\\"\"}", r#"a:Escaped=\\n\xff\\\" <invalid_utf8>"#);
    check(b"{\"a\":\"\xed\xa0\xbd\"}", r"a:Text=\xed\xa0\xbd <invalid_utf8>");
    // Halves of surrogate pairs; complete pairs are valid.
    check(br#"{"a":"x \ud83d","b":1}"#, r"a:Escaped=x \\ud83d b:Number=1 <lone_surrogate>");
    check(br#"{"a":"\uDE00\ud83d\ude00"}"#, r"a:Escaped=\\uDE00\\ud83d\\ude00 <lone_surrogate>");
    check(br#"{"\ud83d\u0041":"\ud83d\ud83d"}"#, r"\\ud83d\\u0041:Escaped=\\ud83d\\ud83d <lone_surrogate>");
    check(br#"{"a":"\\ud83d"}"#, r"a:Escaped=\\\\ud83d");
    // Control characters.
    check(
        b"{\"a\":\"x\ty\x1b[0m\",\"b\\n\x01\":\"\\\"\0\"}",
        r#"a:Text=x\ty\x1b[0m b\\n\x01:Escaped=\\\"\x00 <control_character>"#,
    );
    // Numbers that JSON does not have.
    check(
        b"{\"a\":NaN,\"b\":[ Infinity , -Infinity],\"c\":nan}",
        "a:Null=NaN b[ :Null=Infinity :Null=-Infinity } c:Null=nan <not_a_number>",
    );
    check(
        b"{\"a\":-nan,\"b\":+Inf,\"c\":-inf ,\"d\":111,\"e\":\"NaN\"}",
        "a:Null=-nan b:Null=+Inf c:Null=-inf d:Number=111 e:Text=NaN <not_a_number>",
    );
    // All at once.
    check(
        b"{\"a\":NaN,\"b\":\"\t\\udc00\xff\"}",
        r"a:Null=NaN b:Escaped=\t\\udc00\xff <invalid_utf8> <lone_surrogate> <control_character> <not_a_number>",
    );
}

/// Goal: a line with another fault, or with a known fault in another place, is not JSON, and leaves no node.
#[test]
fn other_faults_fail() {
    for wrong in [
        &b"{\"a\":NaN"[..],
        b"{\"a\":NaN1}",
        b"{\"a\":1NaN}",
        b"{\"a\":NaNNaN}",
        b"{\"a\":- Infinity}",
        b"{\"a\":--Infinity}",
        b"{\"a\":+1,\"b\":NaN}",
        b"{NaN:1}",
        b"{\"a\":1,NaN:1}",
        b"{\"a\":1 NaN}",
        b"{\"a\"NaN}",
        b"{\"a\":\"\\x\",\"b\":\"\t\"}",
        b"{\"a\":\"\\\t\"}",
        b"{\"a\":\"\\ud83\"}",
        b"{\"a\":\"\\ud83d",
        b"{\"a\":\"\t\"",
        b"{\"a\":\"\t\"}}",
        b"{\"a\":\x01\"\"}",
        b"{\"a\":\"\"}\xff",
        b"{\xff\"a\":1}",
        b"\xff{\"a\":1}",
        b"{\"a\":\"\\\xff\"}",
        b"{\xff",
    ] {
        assert_eq!(described(wrong), Err(ParseFailure::Json), "{}", wrong.escape_ascii());
    }
    let deep = [&b"{\"a\":\"\xff\",\"b\":"[..], &b"[".repeat(40), &b"]".repeat(40), b"}"].concat();
    assert_eq!(described(&deep), Err(ParseFailure::Depth));
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{}{{}}{}", "{\"a\":".repeat(depth - 1), "}".repeat(depth - 1));
    check(&nested(DEPTH_MAX), Ok(&nested(DEPTH_MAX)));
    check(&nested(DEPTH_MAX + 1), Err(ParseFailure::Depth));
    let listed = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    check(&listed(DEPTH_MAX), Ok(&listed(DEPTH_MAX)));
    check(&listed(DEPTH_MAX + 1), Err(ParseFailure::Depth));
    check(&format!("{{\"a\":{}", "[".repeat(100_000)), Err(ParseFailure::Depth));
}

/// Any JSON value, with blanks and escapes, as text.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -!#-\\[\\]-~]{0,12}",
        prop::sample::select(vec![
            "\\n",
            "\\\\",
            "\\\"",
            "\\/",
            "\\u00e9",
            "\\ud83d\\ude00",
            "é",
            "😀",
            "{",
            "]",
            ",",
            ":"
        ])
        .prop_map(str::to_owned),
    ];
    let string = prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()));
    let number = prop_oneof!["-?(0|[1-9][0-9]{0,24})", "-?[0-9](\\.[0-9]{1,5})([eE][+-]?[0-9]{1,2})?"];
    let literal = prop::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned);
    let leaf = prop_oneof![string.clone(), number, literal];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let inner = ("[ \t]{0,2}", inner, "[ \r\n]{0,2}").prop_map(|(before, value, after)| before + &value + &after);
        let member =
            (string.clone(), "[ ]{0,1}", inner.clone()).prop_map(|(key, blank, value)| key + &blank + ":" + &value);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|elements| format!("[{}]", elements.join(","))),
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{ {}}}", members.join(", "))),
        ]
    })
}

proptest! {
    /// Every node of a valid object is found, as written and in its position.
    #[test]
    fn nodes_match_the_text(value in value()) {
        let text = format!("{{\"k\": {value} }}");
        let mut nodes = Vec::new();
        prop_assert_eq!(read(text.as_bytes(), &mut nodes), Ok(Repairs::default()));
        let rebuilt = rebuild(text.as_bytes(), &nodes);
        prop_assert_eq!(&rebuilt, &compact(&text));
        prop_assert_eq!(serde_json::from_str::<Value>(&rebuilt).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    }

    /// With one byte changed, the text is accepted without repair exactly if `serde_json` accepts it.
    #[test]
    fn damaged_lines_are_valid_exactly_as_for_serde_json(
        value in value(),
        place: prop::sample::Index,
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"{}[],:\" \\0e.-tn".to_vec())],
    ) {
        let mut text = format!("{{\"k\": {value} }}").into_bytes();
        let place = place.index(text.len());
        text[place] = byte;
        let expected = match serde_json::from_slice::<Value>(&text) {
            Ok(value) => value.is_object(),
            // A number that is too large for a float is still a number.
            Err(error) if error.to_string().contains("out of range") => return Ok(()),
            Err(_) => false,
        };
        let mut nodes = Vec::new();
        let read = read(&text, &mut nodes);
        prop_assert_eq!(read == Ok(Repairs::default()), expected);
        if expected {
            prop_assert_eq!(rebuild(&text, &nodes), compact(std::str::from_utf8(&text).unwrap()));
        } else {
            prop_assert_eq!(nodes.is_empty(), read.is_err());
        }
    }

    /// Whatever faults a string has, it is found in its position, and all its faults are reported.
    #[test]
    fn faults_shift_no_positions(parts in prop::collection::vec(prop::sample::select(PARTS.to_vec()), 0..8)) {
        let string: Vec<u8> = parts.iter().flat_map(|(part, _)| *part).copied().collect();
        let text = [b"{\"", &string[..], b"\":[1,\"", &string, b"\"]}"].concat();
        let mut repairs = Repairs::default();
        parts.iter().filter_map(|(_, repair)| *repair).for_each(|repair| repairs.add(repair));
        let mut nodes = Vec::new();
        prop_assert_eq!(read(&text, &mut nodes), Ok(repairs));
        let kind = if string.contains(&b'\\') { Kind::Escaped } else { Kind::Text };
        let key = Key::Text(TextRange::new(2, 2 + string.len()));
        let value = |start, end, kind| Node::Value { key: Key::None, at: TextRange::new(start, end), kind };
        let one = 2 + string.len() + 3;
        let start = one + 3;
        prop_assert_eq!(nodes, [Node::Array { key }, value(one, one + 1, Kind::Number), value(start, start + string.len(), kind), Node::End]);
    }
}

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Writes the nodes as compact JSON again, byte for byte what stood in the text.
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

/// The text without the blanks that mean nothing.
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
    assert_eq!(got.map(|()| rebuild(text.as_bytes(), &nodes)), expected.map(str::to_owned), "{text}");
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
fn what_is_no_object_fails() {
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
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":truee}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\t\"}",
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
    let mut nodes = Vec::new();
    assert_eq!(read(b"{\"a\":\"\xff\"}", &mut nodes), Err(ParseFailure::Json));
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
    /// Whatever stands in a valid object is found, as written and in its place.
    #[test]
    fn nodes_say_what_the_text_says(value in value()) {
        let text = format!("{{\"k\": {value} }}");
        let mut nodes = Vec::new();
        prop_assert_eq!(read(text.as_bytes(), &mut nodes), Ok(()));
        let rebuilt = rebuild(text.as_bytes(), &nodes);
        prop_assert_eq!(&rebuilt, &compact(&text));
        prop_assert_eq!(serde_json::from_str::<Value>(&rebuilt).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    }

    /// With one byte changed, the text is taken exactly when `serde_json` takes it as a value.
    #[test]
    fn damage_is_judged_as_serde_json_does(
        value in value(),
        place: prop::sample::Index,
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"{}[],:\" \\0e.-tn".to_vec())],
    ) {
        let mut text = format!("{{\"k\": {value} }}").into_bytes();
        let place = place.index(text.len());
        text[place] = byte;
        let expected = match serde_json::from_slice::<Value>(&text) {
            Ok(value) => value.is_object(),
            // A number that is too big for a float is a number all the same.
            Err(error) if error.to_string().contains("out of range") => return Ok(()),
            Err(_) => false,
        };
        let mut nodes = Vec::new();
        prop_assert_eq!(read(&text, &mut nodes).is_ok(), expected);
        if expected {
            prop_assert_eq!(rebuild(&text, &nodes), compact(std::str::from_utf8(&text).unwrap()));
        } else {
            prop_assert!(nodes.is_empty());
        }
    }
}

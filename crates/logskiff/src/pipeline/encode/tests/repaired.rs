//! Invalid JSON lines: their records are strict JSON, have all fields, and name the repairs.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::*;

/// JSON as Elasticsearch accepts it: no duplicate names in an object, and no empty part of a name.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("strict JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = map.next_entry::<String, Strict>()? {
            if name.split('.').any(|part| part.trim().is_empty()) {
                return Err(A::Error::custom(format!("an empty part in {name:?}")));
            }
            if let Some(twice) = object.insert(name, value) {
                return Err(A::Error::custom(format!("a name stands twice, one is of {twice}")));
            }
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// The record of a line, without the fields of the file, but with time and level.
#[track_caller]
fn strict(line: &[u8]) -> Map<String, Value> {
    let out = encoded(&config(Encoding::Json, &[]), Format::Json, line, LineFlags::NONE);
    let Ok(Strict(Value::Object(mut record))) = serde_json::from_slice(&out) else {
        panic!("no strict JSON for {}: {}", line.escape_ascii(), out.escape_ascii())
    };
    let constant = ["log.offset", "log.file.path", "event.id", "kubernetes.pod.name", "kubernetes.labels"];
    for name in constant.into_iter().chain(["event.created", "event.time_source"]) {
        assert!(record.remove(name).is_some(), "{name}");
    }
    record
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "json! makes values")]
fn check(line: &[u8], mut want: Value) {
    let mut record = strict(line);
    if want.get("@timestamp").is_none() {
        assert_eq!(record.remove("@timestamp"), Some("1970-01-01T00:00:00.000Z".into()));
    }
    if let Some(flags) = want.get_mut("flags").map(Value::take) {
        assert_eq!(record.remove("log.flags"), Some(flags), "{}", line.escape_ascii());
        want.as_object_mut().unwrap().remove("flags");
    }
    assert_eq!(Value::Object(record), want, "{}", line.escape_ascii());
}

/// Goal: invalid parts of a string or a number are repaired, and the rest of the line is kept.
#[test]
fn faults_of_values_are_repaired() {
    check(
        b"{\"time\":\"2026-11-23T22:00:00Z\",\"level\":\"error\",\"msg\":\"caf\xe9\",\"\xff\":\"\\n\xc3\"}",
        json!({"@timestamp": "2026-11-23T22:00:00.000Z", "log.level": "error", "message": "caf\u{fffd}",
            "time": "2026-11-23T22:00:00Z", "level": "error", "\u{fffd}": "\n\u{fffd}", "flags": ["json_invalid_utf8"]}),
    );
    check(
        br#"{"msg":"\ud83d","\udc00":{"\udc00x":["\ud83d\ude00\ud83d",1]}}"#,
        json!({"message": "\u{fffd}", "\u{fffd}": {"\u{fffd}x": ["\u{1f600}\u{fffd}", 1]}, "flags": ["json_lone_surrogate"]}),
    );
    check(
        b"{\"msg\":\"a\tb \x02\",\"k\x01\":\"\\\"\t\\\\\"}",
        json!({"message": "a\tb \u{2}", "k\u{1}": "\"\t\\", "flags": ["json_control_character"]}),
    );
    check(
        b"{\"a\":NaN,\"b\":[Infinity,{\"c\":-Infinity}],\"level\":NaN}",
        json!({"a": null, "b": [null, {"c": null}], "level": null, "flags": ["json_not_a_number"]}),
    );
    // Any other fault makes the line no JSON: it is neither repaired nor flagged.
    check(b"{\"a\":NaN,}", json!({"message": "{\"a\":NaN,}", "parse.error": "json"}));
    check(br#"{"a":"\ud83d\ude00\u0001"}"#, json!({"a": "\u{1f600}\u{1}"}));
}

/// Goal: a duplicate or empty name is replaced, at any depth; no value is lost.
#[test]
fn names_are_repaired_at_any_depth() {
    let twice = json!(["json_duplicate_key"]);
    check(
        br#"{"x":{"k":1,"k":2,"\u006b":3,"o":{"k":4},"o":[{"k":5,"k":6}]},"y":{"k":7}}"#,
        json!({"x": {"k": 1, "parsed.k": 2, "parsed.k_2": 3, "o": {"k": 4}, "parsed.o": [{"k": 5, "parsed.k": 6}]},
            "y": {"k": 7}, "flags": twice}),
    );
    check(
        br#"{"x":{"k":1,"k":2,"parsed.k":3,"parsed.k":4}}"#,
        json!({"x": {"k": 1, "parsed.k_2": 2, "parsed.k": 3, "parsed.parsed.k": 4}, "flags": twice}),
    );
    // The line's message and time are removed from the fields, although they were duplicates.
    check(br#"{"message":"a","message":"b"}"#, json!({"message": "a", "parsed.message": "b", "flags": twice}));
    check(
        br#"{"log.offset":1,"log.offset":2}"#,
        json!({"parsed.log.offset": 1, "parsed.log.offset_2": 2, "flags": twice}),
    );
    // Two invalid names can be equal once they are repaired, or masked.
    check(
        b"{\"a\xff\":1,\"a\xfe\":2}",
        json!({"a\u{fffd}": 1, "parsed.a\u{fffd}": 2, "flags": ["json_invalid_utf8", "json_duplicate_key"]}),
    );
    check(
        br#"{"to":{"ada@example.org":1,"eve@example.org":2}}"#,
        json!({"to": {"<redacted:email>": 1, "parsed.<redacted:email>": 2}, "flags": twice}),
    );
    let empty = json!(["json_empty_key"]);
    check(
        br#"{"":1,"a..b":2,".c":3,"d.":4,".":5,"n":{"":{"":6}," ":7,"e.\t":8},"f.g":9,"h i":10}"#,
        json!({"_": 1, "a._.b": 2, "_.c": 3, "d._": 4, "_._": 5, "n": {"_": {"_": 6}, "parsed._": 7, "e._": 8},
            "f.g": 9, "h i": 10, "flags": empty}),
    );
    check(
        br#"{"":1,"":2,"_":3,"n":{"_":4,"":5}}"#,
        json!({"parsed._": 1, "parsed.__2": 2, "_": 3, "n": {"_": 4, "parsed._": 5},
            "flags": ["json_duplicate_key", "json_empty_key"]}),
    );
    // Names that are similar but not equal, and those of other objects, stay.
    check(
        br#"{"a":{"k":1,"K":2},"b":{"k":[{"k":1},{"k":2}],"kk":3}}"#,
        json!({"a": {"k": 1, "K": 2}, "b": {"k": [{"k": 1}, {"k": 2}], "kk": 3}}),
    );
}

/// Goal: masks cover the same text as in a line without faults.
#[test]
fn repaired_values_are_masked_too() {
    check(
        b"{\"msg\":\"to ada@example.org \xff\",\"password\":\"hun\tter2\",\"x\":{\"pass\\u0077ord\":\"\\ud83d\"}}",
        json!({"message": "to <redacted:email> \u{fffd}", "password": "<redacted:field>",
            "x": {"password": "<redacted:field>"},
            "flags": ["json_invalid_utf8", "json_lone_surrogate", "json_control_character"]}),
    );
    check(
        br#"{"a":"\ud83d a\u0064a\u0040example.org \ud83d\ude00","b@example.org \udc00":NaN}"#,
        json!({"a": "\u{fffd} <redacted:email> \u{1f600}", "<redacted:email> \u{fffd}": null,
            "flags": ["json_lone_surrogate", "json_not_a_number"]}),
    );
}

/// Goal: a hostile line costs time by its length: many names in a nested object, all equal or all in one bucket.
#[test]
fn many_names_of_a_nested_object_cost_no_more_than_their_bytes() {
    for name in ["a", "", "\\u0061"] {
        let line = format!("{{\"o\":[{{{}\"b\":0}}]}}", format!("\"{name}\":1,").repeat(20_000));
        let record = strict(line.as_bytes());
        assert_eq!(record["o"][0].as_object().unwrap().len(), 20_001, "{name:?}");
    }
    let names: Vec<_> = (10_000..30_000).map(|number| format!("\"a{number}z\":{number},")).collect();
    let names = names.concat();
    assert_eq!(strict(format!("{{\"o\":{{{names}\"b\":0}}}}").as_bytes())["o"].as_object().unwrap().len(), 20_001);
}

/// The number of values in `value`, except objects and arrays.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.values().map(leaves).sum(),
        Value::Array(array) => array.iter().map(leaves).sum(),
        _ => 1,
    }
}

/// Parts of strings: with faults, with similar text, with text that is masked.
fn string() -> impl Strategy<Value = Vec<u8>> {
    let parts: Vec<&[u8]> = vec![
        b"a",
        b"a",
        b"parsed.",
        b".",
        b" ",
        b"_",
        b"\xff",
        b"\t",
        br"\n",
        br"\ud83d",
        br"\ude00",
        br"\\",
        b"b@example.org",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..4).prop_map(|parts| parts.concat())
}

/// A member's value, and its number of leaves.
fn faulty() -> impl Strategy<Value = (Vec<u8>, usize)> {
    let leaf = prop_oneof![
        string().prop_map(|string| [b"\"", &string[..], b"\""].concat()),
        prop::sample::select(vec![&b"NaN"[..], b"-Infinity", b"1.5", b"null", b"true"]).prop_map(<[u8]>::to_vec),
    ];
    leaf.prop_map(|leaf| (leaf, 1)).prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            object(inner.clone()),
            prop::collection::vec(inner, 0..4).prop_map(|elements| {
                let count = elements.iter().map(|(_, count)| count).sum();
                let elements: Vec<_> = elements.into_iter().map(|(element, _)| element).collect();
                ([&b"["[..], &elements.join(&b','), b"]"].concat(), count)
            })
        ]
    })
}

fn object(value: impl Strategy<Value = (Vec<u8>, usize)>) -> impl Strategy<Value = (Vec<u8>, usize)> {
    prop::collection::vec((string(), value), 0..6).prop_map(|members| {
        let count = members.iter().map(|(_, (_, count))| count).sum();
        let member = |(name, (value, _)): &(Vec<u8>, (Vec<u8>, usize))| [b"\"", &name[..], b"\":", value].concat();
        let members: Vec<_> = members.iter().map(member).collect();
        ([&b"{"[..], &members.join(&b','), b"}"].concat(), count)
    })
}

proptest! {
    /// Whatever faults a line has, in names and values and at any depth: its record is strict JSON and has all its
    /// values.
    #[test]
    fn every_faulty_object_arrives_whole((line, count) in object(faulty())) {
        let mut record = strict(&line);
        prop_assert_eq!(record.remove("parse.error"), None);
        record.remove("@timestamp");
        record.remove("log.flags");
        prop_assert_eq!(leaves(&Value::Object(record)), count);
    }
}

//! The list of a record's fields, and what is made from it: the table in `docs/records.md`, the JSON Schema, the index
//! template.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use assert_cmd::Command;
use event::{LineFlags, Printed, Stream};
use logskiff::pipeline::encode::record_fields::{FieldType, OF_LINES, WRITTEN};
use logskiff::pipeline::encode::{EventId, Pod};
use logskiff::pipeline::parse::{Config, Format, Parser, Preset};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::objects::{Setting, preset_of};
use super::{corpus, text_of};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&printed("--record-schema")).unwrap());

fn printed(option: &str) -> String {
    let made = Command::cargo_bin("logskiff").unwrap().args(["env", option]).output().unwrap();
    assert!(made.status.success(), "{option}");
    String::from_utf8(made.stdout).unwrap()
}

/// Why a value does not match a schema. A keyword that is not known here fails.
fn fault(schema: &Value, value: &Value) -> Option<String> {
    for (keyword, expected) in schema.as_object().unwrap() {
        let is_valid = match keyword.as_str() {
            "$schema" | "title" | "description" | "examples" => true,
            "type" => match expected.as_str().unwrap() {
                "string" => value.is_string(),
                "object" => value.is_object(),
                "array" => value.is_array(),
                "integer" => value.is_i64() || value.is_u64(),
                other => panic!("type {other}"),
            },
            "format" => {
                assert_eq!(expected, "date-time");
                value.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok())
            }
            "enum" => expected.as_array().unwrap().contains(value),
            "required" => expected.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "items" => value.as_array().unwrap().iter().all(|item| fault(expected, item).is_none()),
            "additionalProperties" => {
                value.as_object().unwrap().values().all(|member| fault(expected, member).is_none())
            }
            "properties" => {
                let mut members = value.as_object().unwrap().iter();
                let wrong =
                    members.find_map(|(name, member)| Some(format!("{name}: {}", fault(expected.get(name)?, member)?)));
                if wrong.is_some() {
                    return wrong;
                }
                true
            }
            other => panic!("a schema with {other}"),
        };
        if !is_valid {
            return Some(format!("{value} does not have {keyword} {expected}"));
        }
    }
    None
}

/// All that logskiff can write to a record, and masks.
fn everything(format: Format, zone: &str) -> Setting {
    let some = |text: &str| Some(text.to_owned());
    let parse = Config { formats: vec![format], time_zone: zone.to_owned(), ..Config::default() };
    let mut setting = Setting::plain(&parse);
    setting.encode.event_id = EventId::Field;
    setting.encode.stamp = true;
    setting.encode.pod = Pod {
        name: some("shop-1"),
        namespace: some("shop"),
        uid: some("6d1f3c1e"),
        ip: some("10.1.2.3"),
        node: some("node-1"),
        container: some("app"),
        labels_file: None,
    };
    setting.labels = BTreeMap::from([("app".to_owned(), "shop".to_owned())]);
    setting.flags = LineFlags::CUT;
    setting.printed = Some(Printed { stream: Stream::Stderr, time_ns: Some(1_700_000_000_000_000_000) });
    setting.redact.rules = vec![("number".to_owned(), "field:http.response.status_code".to_owned())];
    setting
}

#[test]
fn the_documents_are_as_printed() {
    let document = fs::read_to_string(format!("{ROOT}/docs/records.md")).unwrap();
    let command = "logskiff env --record-fields";
    assert!(document.contains(&printed("--record-fields")), "the table in docs/records.md is outdated; see {command}");
    let template = fs::read_to_string(format!("{ROOT}/examples/downstream/elasticsearch-template.json")).unwrap();
    let command = "cargo run -- env --index-template > examples/downstream/elasticsearch-template.json";
    assert_eq!(template, printed("--index-template"), "the index template is outdated; run: {command}");
}

/// Goal: the schema accepts the records of all logs of the corpus, and the list has all that logskiff writes.
#[test]
fn records_of_the_corpus_are_in_the_schema() {
    let mut seen = BTreeSet::new();
    for (name, (format, lines)) in corpus() {
        for parse in [Format::Auto, Format::Json].into_iter().chain(preset_of(&format)) {
            let mut setting = everything(parse, &format.zone);
            for record in &format.records {
                let text = text_of(record, &lines);
                let written = Value::Object(setting.record(text.as_bytes()).0);
                let place = format!("{name}:{} as {parse:?}", record.line);
                assert_eq!(fault(&SCHEMA, &written), None, "{place}");
                seen.extend(written.as_object().unwrap().keys().cloned());
                if !format.parsed_by_default {
                    setting.redact.rules.clear();
                    check_listed(&place, "", &Value::Object(setting.record(text.as_bytes()).0));
                }
            }
        }
    }
    let unseen: Vec<_> = WRITTEN.iter().map(|field| field.name).filter(|name| !seen.contains(*name)).collect();
    assert!(unseen.is_empty(), "no record has {unseen:?}");
}

#[test]
fn a_wrong_record_is_not_in_the_schema() {
    let (record, _) = everything(Format::Auto, "UTC").record(b"INFO hello");
    let check = |name: &str, value: Option<Value>| {
        let mut record = record.clone();
        assert_eq!(fault(&SCHEMA, &Value::Object(record.clone())), None);
        match value {
            Some(value) => record.insert(name.to_owned(), value),
            None => record.remove(name),
        };
        assert!(fault(&SCHEMA, &Value::Object(record)).is_some(), "{name}");
    };
    check("@timestamp", Some(json!("yesterday")));
    check("@timestamp", None);
    check("log.level", Some(json!("loud")));
    check("log.offset", Some(json!("0")));
    check("log.flags", Some(json!([1])));
    check("kubernetes.labels", Some(json!({"app": 1})));
}

/// Any JSON object, often with the names of the list, whole or nested.
fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    let names: Vec<_> = WRITTEN.iter().chain(&OF_LINES).map(|field| field.name).collect();
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!([1, "a"])),
        Just(json!({"name": 1, "id": {"a": []}})),
        Just(json!({})),
    ];
    let key = prop_oneof![4 => proptest::sample::select(names).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    let member = (key, any::<bool>(), value).prop_map(|(name, is_nested, value)| match name.rsplit_once('.') {
        Some((above, name)) if is_nested => (above.to_owned(), json!({name: value})),
        _ => (name, value),
    });
    proptest::collection::vec(member, 0..8).prop_map(|members| members.into_iter().collect())
}

proptest! {
    /// Goal: the schema accepts the record of every line.
    #[test]
    fn records_of_any_object_are_in_the_schema(object in any_object()) {
        let (record, _) = everything(Format::Auto, "UTC").record(Value::Object(object).to_string().as_bytes());
        prop_assert_eq!(fault(&SCHEMA, &Value::Object(record)), None);
    }
}

/// Checks that a member is a field of the list and has its type, or each of its members is one.
fn check_listed(place: &str, name: &str, value: &Value) {
    let field = WRITTEN.iter().chain(&OF_LINES).find(|field| field.name == name);
    let is_of_type = match field.map(|field| field.kind) {
        Some(FieldType::Date | FieldType::Text | FieldType::Keyword | FieldType::OneOf(_) | FieldType::Ip) => {
            value.is_string()
        }
        Some(FieldType::Keywords) => value.is_array(),
        Some(FieldType::Long) => value.is_i64() || value.is_u64(),
        Some(FieldType::Double) => value.is_number(),
        Some(FieldType::Object) => value.is_object() || value.is_array(),
        None => match value {
            Value::Object(members) => {
                let inner = |step: &str| if name.is_empty() { step.to_owned() } else { format!("{name}.{step}") };
                return members.iter().for_each(|(step, value)| check_listed(place, &inner(step), value));
            }
            _ => false,
        },
    };
    assert!(is_of_type, "{place}: {name} {value} is not a field of the list, or has another type");
}

/// Goal: likewise of the presets, also of layouts that the corpus does not have.
#[test]
fn every_field_of_a_preset_is_listed() {
    let listed: BTreeSet<_> = WRITTEN.iter().chain(&OF_LINES).map(|field| field.name).collect();
    for preset in Preset::all() {
        let config = Config { formats: vec![Format::Preset(preset)], ..Config::default() };
        let names = Parser::new(&config).unwrap().parsed().names;
        let missing: Vec<_> = names.iter().filter(|name| !listed.contains(&***name)).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", preset.name());
    }
}

/// Goal: the list has every field of the text formats.
#[test]
fn every_field_of_the_corpus_is_listed() {
    for (name, (format, _)) in corpus() {
        for record in format.records.iter().filter(|_| !format.parsed_by_default) {
            check_listed(&format!("{name}:{}", record.line), "", &Value::Object(record.fields.clone()));
        }
    }
}

use std::collections::BTreeSet;

use event::{Level, ParseFailure, Stream, TimeSource};
use serde_json::Value;

use super::*;

fn all() -> impl Iterator<Item = RecordField> {
    WRITTEN.into_iter().chain(OF_LINES)
}

#[test]
fn every_name_is_there_once() {
    let names: BTreeSet<_> = all().map(|field| field.name).collect();
    assert_eq!(names.len(), all().count());
}

#[test]
fn the_words_are_those_that_are_written() {
    assert_eq!(LEVELS, Level::ALL.map(Level::name));
    assert_eq!(STREAMS, Stream::ALL.map(Stream::name));
    let sources = [TimeSource::Line, TimeSource::Write, TimeSource::File, TimeSource::Read];
    assert_eq!(TIME_SOURCES, sources.map(TimeSource::name));
    let failures = [ParseFailure::NoMatch, ParseFailure::Json, ParseFailure::Depth];
    assert_eq!(FAILURES, failures.map(ParseFailure::name));
}

#[test]
fn examples_are_of_their_type() {
    for RecordField { name, kind, example, .. } in all() {
        let value: Value = serde_json::from_str(example).unwrap_or_else(|error| panic!("{name}: {error}"));
        let is_one = match kind {
            FieldType::Date => value.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()),
            FieldType::Text | FieldType::Keyword => value.is_string(),
            FieldType::OneOf(words) => value.as_str().is_some_and(|value| words.contains(&value)),
            FieldType::Keywords => value.as_array().is_some_and(|values| values.iter().all(Value::is_string)),
            FieldType::Ip => value.as_str().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_ok()),
            FieldType::Long => value.is_i64(),
            FieldType::Double => value.is_number(),
            FieldType::Object => value.is_object(),
        };
        assert!(is_one, "{name}: {example}");
    }
}

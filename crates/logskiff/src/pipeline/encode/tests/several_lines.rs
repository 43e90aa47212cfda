//! An object over several lines has the record that it has on one line.

use super::*;

/// Values that are secrets, hold some, or are none.
fn secrets() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "x",
            "hunter2",
            "ada@example.org",
            "password=hunter2",
            "Bearer qz00ff00ff00ff",
            "a\nb",
            ""
        ])
        .prop_map(Value::from),
        prop::sample::select(vec![json!(null), json!(12), json!(4_111_111_111_111_111_u64), json!(true)]),
    ];
    let list = prop::collection::vec(leaf.clone(), 0..4).prop_map(Value::from);
    prop_oneof![leaf, list].prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            inner.clone(),
            prop::collection::hash_map("[b-f]|token|value|name", inner, 0..4)
                .prop_map(|map| Value::from(Map::from_iter(map))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Goal: an object over several lines has the record that it has on one line, with the same masks, or with a string masked
    /// as a whole of which only a part is masked on one line.
    #[test]
    fn an_object_may_take_several_lines(
        fields in prop::collection::vec(
            (prop::sample::select(vec!["a", "msg", "token", "user", "card", "db_password", "time"]), secrets()), 1..8),
    ) {
        let object = Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        check_several_lines(&object)?;
    }
}

/// Between the name `token` and a string stand brackets of other lines: all of it is masked, not only the value in it.
#[test]
fn a_string_in_nested_brackets_may_be_masked_as_a_whole() {
    check_several_lines(&json!({"a": {"token": {"d": [], "token": ["password=hunter2"]}}})).unwrap();
}

/// Compares the records of an object on several lines and on one.
fn check_several_lines(object: &Value) -> Result<(), TestCaseError> {
    let record = |line: &str| {
        let out = encoded(&config(Encoding::Json, &[]), Format::Auto, line.as_bytes(), LineFlags::NONE);
        let record = serde_json::from_slice::<Value>(&out).unwrap().to_string();
        // Of several detectors that find a value, another one may name the mask.
        let mut parts = record.split("<redacted:");
        let first = parts.next().unwrap_or_default().to_owned();
        let clean = parts.fold(first, |clean, part| clean + "<" + part.split_once('>').map_or(part, |(_, rest)| rest));
        serde_json::from_str::<Value>(&clean).unwrap()
    };
    let several = serde_json::to_string_pretty(object).unwrap();
    let (on_several, on_one) = (record(&several), record(&object.to_string()));
    prop_assert!(is_no_less_masked(&on_several, &on_one), "{several} becomes {on_several}, on one line {on_one}");
    prop_assert_eq!(record(&several.replace('\n', "\r\n")), on_several);
    Ok(())
}

/// Whether two records differ at most in strings that are masked as a whole in the first, and in part in the other.
fn is_no_less_masked(several: &Value, one: &Value) -> bool {
    match (several, one) {
        (Value::Object(several), Value::Object(one)) => {
            several.len() == one.len()
                && several.iter().all(|(name, value)| one.get(name).is_some_and(|one| is_no_less_masked(value, one)))
        }
        (Value::Array(several), Value::Array(one)) => {
            several.len() == one.len() && several.iter().zip(one).all(|(several, one)| is_no_less_masked(several, one))
        }
        (Value::String(several), Value::String(one)) => several == one || several == "<" && one.contains('<'),
        _ => several == one,
    }
}

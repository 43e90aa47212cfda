use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

/// `expected`: the kind and the remaining text, or `None` if the value does not fit.
#[track_caller]
fn check(text: &str, kind: Kind, wanted: Type, expected: Option<(Kind, &str)>) {
    let got = convert(text.as_bytes(), TextRange::new(0, text.len()), kind, wanted);
    assert_eq!(got.map(|(at, kind)| (kind, &text[at.indices()])), expected, "{text:?} as {wanted:?}");
}

#[test]
fn texts_become_numbers_by_narrowing() {
    for (text, int, float) in [
        ("200", Some("200"), Some("200")),
        ("007", Some("7"), Some("7")),
        ("000", Some("0"), Some("0")),
        ("+5", Some("5"), Some("5")),
        ("+05", Some("5"), Some("5")),
        ("-3", Some("-3"), Some("-3")),
        (" 42 ", Some("42"), Some("42")),
        ("12345678901234567890123", Some("12345678901234567890123"), Some("12345678901234567890123")),
        ("0.123", None, Some("0.123")),
        ("00.5", None, Some("0.5")),
        ("1e5", None, Some("1e5")),
        ("1.5E-3", None, Some("1.5E-3")),
        ("", None, None),
        (" ", None, None),
        ("-", None, None),
        ("+", None, None),
        ("+-5", None, None),
        ("-007", None, None),
        (".5", None, None),
        ("5.", None, None),
        ("1e", None, None),
        ("1e+", None, None),
        ("1.e5", None, None),
        ("12ms", None, None),
        ("0x1f", None, None),
        ("1,5", None, None),
        ("NaN", None, None),
        ("inf", None, None),
    ] {
        check(text, Kind::Text, Type::Int, int.map(|left| (Kind::Number, left)));
        check(text, Kind::Text, Type::Float, float.map(|left| (Kind::Number, left)));
    }
}

#[test]
fn the_other_kinds() {
    for (text, kind) in [("true", Kind::True), ("TRUE", Kind::True), ("False", Kind::False)] {
        check(text, Kind::Text, Type::Bool, Some((kind, text)));
    }
    for text in ["1", "yes", "", "-", "truee"] {
        check(text, Kind::Text, Type::Bool, None);
    }
    check("1.0", Kind::Number, Type::Int, None);
    check("1.10", Kind::Number, Type::Float, Some((Kind::Number, "1.10")));
    check("1.10", Kind::Number, Type::Text, Some((Kind::Text, "1.10")));
    check("true", Kind::True, Type::Text, Some((Kind::Text, "true")));
    check("true", Kind::True, Type::Bool, Some((Kind::True, "true")));
    check("true", Kind::True, Type::Int, None);
    check("1", Kind::Number, Type::Bool, None);
    check("\\u0031", Kind::Escaped, Type::Int, None);
    check("\\u0031", Kind::Escaped, Type::Text, Some((Kind::Escaped, "\\u0031")));
    check("null", Kind::Null, Type::Int, Some((Kind::Null, "null")));
}

proptest! {
    /// The result is a JSON number, and every JSON number stays unchanged.
    #[test]
    fn numbers_are_valid_json(text in "[0-9+.eE -]{0,8}") {
        let is_json = |text: &str| serde_json::from_str::<&RawValue>(text).is_ok() && text.trim() == text;
        let got = convert(text.as_bytes(), TextRange::new(0, text.len()), Kind::Text, Type::Float);
        if let Some((at, kind)) = got {
            prop_assert_eq!(kind, Kind::Number);
            prop_assert!(is_json(&text[at.indices()]));
        }
        if is_json(&text) {
            prop_assert_eq!(got, Some((TextRange::new(0, text.len()), Kind::Number)));
        }
    }
}

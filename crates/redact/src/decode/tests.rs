//! Compares decoded JSON strings with another decoder, and mapped positions with the texts.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(raw: &str, expected: Option<&str>) {
    let mut decoded = Decoded::default();
    let result = decoded.decode(raw.as_bytes(), TextRange::new(0, raw.len()), Reading::Json);
    assert_eq!(result.ok().map(|()| decoded.bytes()), expected.map(str::as_bytes), "{raw}");
}

#[test]
fn decodes_what_json_allows_and_nothing_else() {
    check(r#"a\"\\\/\b\f\n\r\tz"#, Some("a\"\\/\u{8}\u{c}\n\r\tz"));
    check(r"\u0041\u00e9\u20AC", Some("Aé€"));
    check(r"\ud83d\ude00!", Some("😀!"));
    check(r"\ud83d!\ude00", Some("\u{fffd}!\u{fffd}"));
    check(r"\ud83d\u0041", Some("\u{fffd}A"));
    check("", Some(""));
    for bad in [r"\", r"a\x", r"\u12", r"\u12g4", r"\u+123", r"\U0041"] {
        check(bad, None);
    }
}

#[test]
fn maps_to_whole_escapes() {
    let text = br"..a\u00e9b\ud83d\ude00c..";
    let mut decoded = Decoded::default();
    decoded.decode(text, TextRange::new(2, text.len() - 2), Reading::Json).unwrap();
    assert_eq!(decoded.bytes(), "aéb😀c".as_bytes());
    let raw = |start, end| decoded.to_raw(text, TextRange::new(start, end)).indices();
    assert_eq!(raw(0, 1), 2..3);
    assert_eq!(raw(1, 2), 3..9, "half of é");
    assert_eq!(raw(2, 4), 3..10);
    assert_eq!(raw(5, 6), 10..22, "a quarter of the emoji");
    assert_eq!(raw(0, 9), 2..23);
    let grown = |start, end| decoded.grow(text, TextRange::new(start, end)).indices();
    assert_eq!(grown(5, 7), 3..9);
    assert_eq!(grown(2, 4), 2..9);
    assert_eq!(grown(9, 16), 9..22, "the second half of a pair");
    assert_eq!(grown(0, 25), 0..25);
    assert_eq!(grown(1, 5), 1..9);
    assert_eq!(grown(20, 24), 10..24);
}

proptest! {
    #[test]
    fn agrees_with_serde_json(value in any::<String>()) {
        let json = serde_json::to_string(&value).unwrap();
        let inner = TextRange::new(1, json.len() - 1);
        let mut decoded = Decoded::default();
        prop_assert_eq!(decoded.decode(json.as_bytes(), inner, Reading::Json), Ok(()));
        prop_assert_eq!(decoded.bytes(), value.as_bytes());
        if !value.is_empty() {
            prop_assert_eq!(decoded.to_raw(json.as_bytes(), TextRange::new(0, value.len())), inner);
        }
    }

    /// Goal: in any text, each decoded byte maps back to its origin, in order, and from there to the same bytes.
    #[test]
    fn positions_map_back(parts in proptest::collection::vec((0..UNITS.len(), 1..90_usize), 0..12)) {
        let text: String = parts.iter().map(|(unit, times)| UNITS[*unit].repeat(*times)).collect();
        let text = text.as_bytes();
        let mut decoded = Decoded::default();
        prop_assert!(decoded.decode(text, TextRange::new(0, text.len()), Reading::Normal).is_ok());
        let mut last = 0;
        for place in 0..decoded.bytes().len() {
            let raw = decoded.to_raw(text, TextRange::new(place, place + 1));
            prop_assert!(raw.start < raw.end && raw.start as usize >= last, "{}: {:?}", place, raw);
            prop_assert_eq!(decoded.grow(text, raw), raw);
            last = raw.start as usize;
            let mut again = Decoded::default();
            prop_assert!(again.decode(text, raw, Reading::Normal).is_ok());
            prop_assert!(again.bytes().contains(&decoded.bytes()[place]));
        }
    }
}

/// Parts of the texts whose positions are mapped.
const UNITS: [&str; 12] = [
    "a",
    "\\n",
    "\\\\u0041",
    "%40",
    "%2541",
    "&#64;",
    "\u{1b}[33m",
    "é",
    "\u{a0}",
    "\\",
    "\u{1b}]0;title\u{7}",
    "\\ud83d\\ude00",
];

//! Any lines through the parser: properties of what it finds. The fuzz targets of lines check the same.

mod check;
mod formats;

use logskiff::pipeline::parse;
use proptest::prelude::*;

use self::check::{check_line, check_logfmt, check_syslog, check_time};
use self::formats::{check_grok, check_presets};

/// Parts of heads, of pairs, and of what is like them.
fn parts() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: &[&str] = &[
        "2026-11-28T10:15:02.123Z",
        "2026-11-28 10:15:02,123",
        "28/Nov/2026:10:15:02 +0100",
        "Nov 28 10:15:02",
        "1795860902",
        "Sat Nov 28 10:15:02 2026",
        "E1128 10:15:02.123456",
        "10:15",
        "CET",
        "Z",
        "+01:00",
        "INFO",
        "[error]",
        "warn:",
        "E",
        "[main]",
        "(",
        ")",
        "\"",
        "{",
        "}",
        "a=b",
        "key=\"a b\"",
        "level=info",
        "time=",
        "@timestamp=",
        "msg=\"\\n\"",
        "\\",
        "=",
        " ",
        "  ",
        "\t",
        "\n",
        "\u{1b}[31m",
        "\u{1b}",
        "<34>",
        "1 ",
        "-",
        ":",
        "web-1  | ",
        "@cee:",
        ",",
        "é",
        "word",
    ];
    let part = prop_oneof![
        6 => prop::sample::select(PARTS).prop_map(|part| part.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => "([a-z ]{200,300}| {200,260})".prop_map(String::into_bytes),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_head_of_any_line_is_read(line in parts()) {
        prop_assert_eq!(check_line(&line), Ok(()));
    }

    #[test]
    fn pairs_are_all_of_a_line(line in parts()) {
        prop_assert_eq!(check_logfmt(&line), Ok(()));
    }

    #[test]
    fn times_are_read_again(zone in any::<u8>(), layout in any::<u8>(), stamp in parts()) {
        prop_assert_eq!(check_time(&[&[zone, layout], &stamp[..]].concat()), Ok(()));
    }

    #[test]
    fn any_line_is_read_by_any_preset(preset in any::<u8>(), line in parts()) {
        prop_assert_eq!(check_presets(&[&[preset], &line[..]].concat()), Ok(()));
    }

    #[test]
    fn any_pattern_is_read_or_refused(
        pattern in prop::collection::vec(prop::sample::select(&["%{", "}", "WORD", "INT", ":", "a", "[b]", "int", "(?<c>", ")", "x", "*", "|", "(", " ", "%{WORD:d}"][..]), 0..8),
        line in parts(),
    ) {
        prop_assert_eq!(check_grok(&[pattern.concat().as_bytes(), b"\0", &line[..]].concat()), Ok(()));
    }

    #[test]
    fn messages_of_syslog_stay_whole(start in any::<[u8; 3]>(), text in parts()) {
        prop_assert_eq!(check_syslog(&[&start, &text[..]].concat()), Ok(()));
    }
}

/// A time before 1970 that is no whole second: fuzzing found that the property was wrong for it.
#[test]
fn a_negative_fraction_of_a_second_is_read_again() {
    assert_eq!(check_time(b"77-7.7707777"), Ok(()));
}

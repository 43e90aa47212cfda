use jiff::Timestamp;
use proptest::prelude::*;

use super::super::Format;
use super::*;

fn clock(formats: &[&str], zone: &str) -> Result<Clock, Vec<Error>> {
    let config = Config {
        format: Format::None,
        time_formats: formats.iter().map(|format| (*format).to_owned()).collect(),
        time_zone: zone.to_owned(),
        ..Config::default()
    };
    let mut errors = Vec::new();
    let clock = Clock::new(&config, &mut errors);
    if errors.is_empty() { Ok(clock) } else { Err(errors) }
}

/// `expected` as RFC 3339 in UTC.
#[track_caller]
fn check(formats: &[&str], zone: &str, text: &str, expected: Option<&str>) {
    let got = clock(formats, zone).unwrap().read(text.as_bytes());
    let expected = expected.map(|stamp| i64::try_from(stamp.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap());
    assert_eq!(got, expected, "{text:?}");
}

#[test]
fn layouts_are_guessed() {
    for (text, expected) in [
        ("2026-10-12T13:55:36Z", Some("2026-10-12T13:55:36Z")),
        ("2026-10-12t13:55:36.5z", Some("2026-10-12T13:55:36.5Z")),
        ("2026-10-12 13:55:36,123", Some("2026-10-12T13:55:36.123Z")),
        ("2026-10-12 13:55:36.123456789", Some("2026-10-12T13:55:36.123456789Z")),
        ("2026-10-12T13:55:36.1234567899Z", Some("2026-10-12T13:55:36.123456789Z")),
        ("2026-10-12T13:55:36+02:00", Some("2026-10-12T11:55:36Z")),
        ("2026-10-12T13:55:36-0530", Some("2026-10-12T19:25:36Z")),
        ("2026-10-12 13:55:36.1 +02", Some("2026-10-12T11:55:36.1Z")),
        (" 2026-10-12 13:55:36 ", Some("2026-10-12T13:55:36Z")),
        ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59Z")),
        ("2024-02-29T00:00:00Z", Some("2024-02-29T00:00:00Z")),
        ("2026-02-29T00:00:00Z", None),
        ("2100-02-29T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-00-10T00:00:00Z", None),
        ("2026-04-31T00:00:00Z", None),
        ("2026-10-12T24:00:00Z", None),
        ("2026-10-12T13:60:00Z", None),
        ("2026-10-12T13:55:61Z", None),
        ("2026-10-12T13:55:36+24:00", None),
        ("2026-10-12T13:55:36+02:60", None),
        ("2026-10-12T13:55:36.Z", None),
        ("2026-10-12T13:55:36 ZZ", None),
        ("2026-10-12T13:55", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("10/Oct/2026:13:55:36 +0000", Some("2026-10-10T13:55:36Z")),
        ("29/Feb/2024:23:59:59 -0830", Some("2024-03-01T08:29:59Z")),
        ("29/Feb/2026:23:59:59 +0000", None),
        ("10/oct/2026:13:55:36 +0000", None),
        ("10/Oct/2026:13:55:36.123 +0200", Some("2026-10-10T11:55:36.123Z")),
        ("10/Oct/2026:13:55:36,123456 +0000", Some("2026-10-10T13:55:36.123456Z")),
        ("10/Oct/2026:13:55:36. +0000", None),
        ("10/Oct/2026:13:55:36.123", None),
        ("10/Oct/2026:13:55:36.123+0000", None),
        ("10/Oct/2026:13:55:36", None),
        ("10/Oct/2026:13:55:36 +000x", None),
        ("1791812136", Some("2026-10-12T13:35:36Z")),
        ("1791812136.25", Some("2026-10-12T13:35:36.25Z")),
        ("1791812136250", Some("2026-10-12T13:35:36.25Z")),
        ("1791812136250.5", Some("2026-10-12T13:35:36.2505Z")),
        ("1791812136250001", Some("2026-10-12T13:35:36.250001Z")),
        ("1791812136250001002", Some("2026-10-12T13:35:36.250001002Z")),
        ("99999999", None),
        ("100000000", Some("1973-03-03T09:46:40Z")),
        ("999999999999", Some("2001-09-09T01:46:39.999Z")),
        ("999999999999999", Some("2001-09-09T01:46:39.999999Z")),
        ("999999999999999999", Some("2001-09-09T01:46:39.999999999Z")),
        ("12.5", None),
        ("-1791812136", None),
        ("99999999999999999999", None),
        ("9999999999999999999", None),
        ("Oct 10 13:55:36", None),
        ("", None),
        ("-", None),
    ] {
        check(&[], "UTC", text, expected);
    }
}

#[test]
fn configured_layouts_are_tried_in_order() {
    let formats = ["%d.%m.%Y %H:%M:%S", "rfc3339", "unix_ms"];
    check(&formats, "UTC", "12.10.2026 13:55:36", Some("2026-10-12T13:55:36Z"));
    check(&formats, "UTC", "2026-10-12T13:55:36Z", Some("2026-10-12T13:55:36Z"));
    check(&formats, "UTC", "1500", Some("1970-01-01T00:00:01.5Z"));
    check(&formats, "UTC", "10/Oct/2026:13:55:36 +0000", None);
    check(&["unix"], "UTC", "-1.5", Some("1969-12-31T23:59:58.5Z"));
    check(&["unix_us"], "UTC", "1.5", Some("1970-01-01T00:00:00.000001500Z"));
    check(&["unix_ns"], "UTC", "1.5", Some("1970-01-01T00:00:00.000000001Z"));
    check(&["unix"], "UTC", "1e9", None);
    check(&["unix"], "UTC", ".5", None);
    check(&["unix"], "UTC", "5.", None);
    check(&["unix"], "UTC", "9223372037", None);
    check(&["%s"], "UTC", "1791812136", Some("2026-10-12T13:35:36Z"));
    check(&["%Y-%m-%d %H:%M:%S %z"], "Asia/Tokyo", "2026-10-12 13:55:36 +0200", Some("2026-10-12T11:55:36Z"));
    check(&[ACCESS], "Asia/Tokyo", "10/Oct/2026:13:55:36 +0200", Some("2026-10-10T11:55:36Z"));
    check(&["%Y%m%d"], "Asia/Tokyo", "20261012", Some("2026-10-11T15:00:00Z"));
}

#[test]
fn timestamps_without_a_zone_use_the_configured_one() {
    check(&[], "Europe/Berlin", "2026-07-01 12:00:00", Some("2026-07-01T10:00:00Z"));
    check(&[], "Europe/Berlin", "2026-07-01 12:00:00Z", Some("2026-07-01T12:00:00Z"));
    // Skipped: the offset before the change applies. Repeated: the first of the two.
    check(&[], "Europe/Berlin", "2026-03-29 02:30:00", Some("2026-03-29T01:30:00Z"));
    check(&[], "Europe/Berlin", "2026-10-25 02:30:00", Some("2026-10-25T00:30:00Z"));
}

#[test]
fn mistakes_are_reported() {
    let errors = clock(&["%Q%Q%!", "%H:%M:%S", "%b %d %H:%M:%S", "iso", "%Y-%m-%d"], "Mars/Olympus").err().unwrap();
    let shown: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 5, "{shown:#?}");
    assert_eq!(shown[0], "unknown time zone \"Mars/Olympus\"; expected an IANA name such as Europe/Berlin or UTC");
    assert!(shown[1].starts_with("time format 1 (\"%Q%Q%!\"): "), "{}", shown[1]);
    assert_eq!(shown[2], "time format 2 (\"%H:%M:%S\"): it does not give a full date (year, month, day)");
    assert_eq!(shown[3], "time format 3 (\"%b %d %H:%M:%S\"): it does not give a full date (year, month, day)");
    assert!(shown[4].starts_with("time format 4 (\"iso\"): expected rfc3339, unix"), "{}", shown[4]);
}

proptest! {
    /// Instants formatted by `jiff` are parsed as the same instants, including leap days and ends of years.
    #[test]
    fn formatted_instants_are_parsed_back(
        second in prop_oneof![-9_000_000_000_i64..9_000_000_000, (0_i64..500).prop_map(|day| 951_696_000 + day * 31_556_952 - 1)],
        nanosecond in 0..1_000_000_000_i32,
        minutes in -1439..1440_i32,
    ) {
        let instant = Timestamp::new(second, nanosecond).unwrap();
        let whole = Timestamp::new(second, 0).unwrap();
        let ns = |instant: Timestamp| i64::try_from(instant.as_nanosecond()).ok();
        let clock = clock(&[], "UTC").unwrap();
        prop_assert_eq!(clock.guess(instant.to_string().as_bytes()), ns(instant));
        let zone = TimeZone::fixed(Offset::from_seconds(minutes * 60).unwrap());
        let there = whole.to_zoned_datetime(zone);
        for format in [ACCESS, "%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%d %H:%M:%S%z"] {
            let text = strtime::format(format, &there).unwrap();
            prop_assert_eq!(clock.guess(text.as_bytes()), ns(whole), "{}", text);
        }
    }

    /// Dates that do not exist are refused as `jiff` refuses them.
    #[test]
    fn invalid_dates_are_refused_as_by_jiff(
        (year, month, day) in (1700..2250_i32, 0..15_u8, 0..34_u8),
        (hour, minute, second) in (0..26_u8, 0..62_u8, 0..63_u8),
        blank in prop::sample::select(vec!["T", " "]),
    ) {
        let text = format!("{year:04}-{month:02}-{day:02}{blank}{hour:02}:{minute:02}:{second:02}Z");
        let expected = text.parse::<Timestamp>().ok().map(|instant| i64::try_from(instant.as_nanosecond()).unwrap());
        prop_assert_eq!(clock(&[], "UTC").unwrap().guess(text.as_bytes()), expected);
    }
}

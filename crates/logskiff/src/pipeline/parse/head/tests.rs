use jiff::Timestamp;

use super::super::Config;
use super::*;

/// 28 November 2026, 12:00 UTC.
const NOW_NS: i64 = 1_795_867_200_000_000_000;

fn clock(zone: &str) -> Clock {
    let config = Config { time_zone: zone.to_owned(), now_ns: Some(NOW_NS), ..Config::default() };
    let mut errors = Vec::new();
    let clock = Clock::new(&config, &mut errors);
    assert!(errors.is_empty(), "{errors:?}");
    clock
}

/// No level is configured.
fn usual() -> Levels {
    Levels::new(&[])
}

#[track_caller]
fn check(line: &str, time: Option<&str>, level: Option<Level>) {
    let head = read(line.as_bytes(), &clock("UTC"), &usual());
    let time = time.map(|time| i64::try_from(time.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap());
    assert_eq!((head.time_ns, head.level, head.time_failed), (time, level, false), "{line:?}");
}

#[test]
fn a_sentence_has_neither_time_nor_level() {
    for line in [
        "the backup of 2026-11-28 10:15:02 is done",
        "An error happened: see WARN lines",
        "Error: no such file",
        "error handling is on",
        "Information about orders",
        "FAIL LOGIN",
        "since Nov 28 10:15:02 nothing",
        "Date: 2026-11-28 10:15:02",
        "see [2026-11-28] for more",
        "10:15:02 is no date",
        "2026-11-28 is no time",
        "12345 items",
        "",
        " ",
        "[",
        "<",
        "<999>x",
        "\"",
    ] {
        check(line, None, None);
    }
}

#[test]
fn a_level_in_the_message_is_none_of_the_line() {
    let time = Some("2026-11-28T10:15:02Z");
    check("2026-11-28 10:15:02 disk WARN limit", time, None);
    check("2026-11-28 10:15:02 \"ERROR\"", time, None);
    check("2026-11-28 10:15:02 the error: [ERROR]", time, None);
    check("2026-11-28 10:15:02 INFO an ERROR", time, Some(Level::Info));
    check("Nov 28 10:15:02 web-1 shop: WARN is a word", time, None);
    check("192.0.2.7 - - [28/Nov/2026:10:15:02 +0000] \"GET /[ERROR] HTTP/1.1\" 200 1", time, None);
}

#[test]
fn a_time_of_day_has_a_level_but_no_date() {
    check("10:15:02.123 [info] started", None, Some(Level::Info));
    check("10:15:02.123 [DEBUG] [org.gradle.api] started", None, Some(Level::Debug));
    check("[10:15:02 WRN] nearly full", None, Some(Level::Warn));
    check("10:15:02 WARN shop: nearly full", None, Some(Level::Warn));
    for line in ["10:15:02 is no ERROR", "10:15 ERROR", "10:15:02", "10:15:99 ERROR", ":15:02 ERROR", "110:15:02 ERROR"]
    {
        check(line, None, None);
    }
}

#[test]
fn rare_heads_are_read() {
    let time = Some("2026-11-28T10:15:02Z");
    check("[I 2026-11-28 10:15:02 ServerApp] started", time, Some(Level::Info));
    check("[E 261128 10:15:02 web:2271] 500 GET /", time, Some(Level::Error));
    check("2026-11-28T10:15:02Z W! [agent] slow", time, Some(Level::Warn));
    check("20261128 10:15:02 INFO started", time, Some(Level::Info));
    check("1795860902: mosquitto starting", time, None);
    check("[A 1 x] no stamp", None, None);
    check("[I am 2026-11-28 10:15:02", None, None);
    check("123456 10:15:02 in month 34", None, None);
}

#[test]
fn colours_do_not_hide_a_head() {
    let line = "\u{1b}[2m2026-11-28T10:15:02Z\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m shop: started";
    check(line, Some("2026-11-28T10:15:02Z"), Some(Level::Info));
}

#[test]
fn a_stamp_of_no_instant_is_a_failure() {
    for line in ["2026-02-30 10:15:02 INFO x", "2026-11-28 10:15:02 EST [1] INFO x"] {
        let head = read(line.as_bytes(), &clock("Europe/Berlin"), &usual());
        assert_eq!((head.time_ns, head.time_failed, head.level), (None, true, Some(Level::Info)), "{line:?}");
    }
}

#[test]
fn any_bytes_are_looked_at() {
    for byte in 0..=u8::MAX {
        for line in
            ["[2026-11-28 10:15:02] INFO", "<34>Nov 28 10:15:02 a b: error: x", "I, [2026-11-28T10:15:02.1 #1] INFO"]
        {
            for at in 0..line.len() {
                let mut line = line.as_bytes().to_vec();
                line[at] = byte;
                read(&line, &clock("UTC"), &usual());
                read(&line[at..], &clock("UTC"), &usual());
            }
        }
    }
}

/// Goal: two numbers are a stamp only before the number of a process and a level, as HDFS writes them.
#[test]
fn two_numbers_are_a_stamp_before_a_process_and_a_level() {
    check("261128 101502 88 INFO dfs.DataNode: x", Some("2026-11-28T10:15:02Z"), Some(Level::Info));
    check("261128 101502 88 bytes were read", None, None);
    check("261128 101502 INFO x", None, None);
    check("261128 996102 88 99 INFO x", None, None);
    check(
        "2026-11-28T10:15:02.5Z  INFO order:inner: events: x id=1",
        Some("2026-11-28T10:15:02.5Z"),
        Some(Level::Info),
    );
}

//! Events of several lines through the whole program.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{corpus, events};
use crate::support::scene::{Scene, TOPIC};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::wait_until;

const PATIENCE: Duration = Duration::from_secs(60);

fn messages(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["message"].as_str().unwrap_or_default()).collect()
}

/// The records of a file that lies there whole, in their order.
fn whole(log: &str) -> Vec<String> {
    let scene = Scene::new();
    let records = scene.ship_with(log, &[("LOGSKIFF_REDACT", "none")]);
    messages(&records).into_iter().map(ToOwned::to_owned).collect()
}

#[test]
fn a_trace_is_one_record_with_the_default() {
    let scene = Scene::new();
    let log = "2026-11-30 10:15:02,123 ERROR shop - cannot ship\r\njava.io.IOException: gone\r\n\tat shop.Stock.take(Stock.java:9)\r\n\n2026-11-30 10:15:02,124 INFO shop - next\n{\n  \"a\": 1\n}\n";
    let records = scene.ship(log);
    assert_eq!(
        messages(&records[..2]),
        [
            "2026-11-30 10:15:02,123 ERROR shop - cannot ship\njava.io.IOException: gone\n\tat shop.Stock.take(Stock.java:9)",
            "2026-11-30 10:15:02,124 INFO shop - next"
        ]
    );
    assert_eq!((records.len(), &records[2]["a"]), (3, &json!(1)));
    assert!(records.iter().all(|record| record.get("log.flags").is_none()), "{records:?}");
}

#[test]
fn lines_of_blanks_only_are_no_records() {
    for method in ["auto", "off"] {
        let scene = Scene::new();
        let records = scene.ship_with("one\n  \n\t\r\n\ntwo\n \n", &[("LOGSKIFF_MULTILINE", method)]);
        assert_eq!(messages(&records), ["one", "two"], "{method}");
    }
}

#[test]
fn a_record_that_a_limit_cuts_is_marked_with_what_follows() {
    let scene = Scene::new();
    let log = "ERROR shop - cannot ship\njava.io.IOException: gone\n\tat a.b(C.java:1)\n\tat a.b(C.java:2)\n\tat a.b(C.java:3)\nINFO shop - next\n";
    let records = scene.ship_with(log, &[("LOGSKIFF_MULTILINE_LINES_MAX", "3")]);
    let flags: Vec<&Value> = records.iter().map(|record| &record["log.flags"]).collect();
    let marked = json!(["multiline", "truncated"]);
    assert_eq!(flags, [&marked, &marked, &Value::Null], "{records:?}");
    assert_eq!(messages(&records)[1], "\tat a.b(C.java:2)\n\tat a.b(C.java:3)");
}

#[test]
fn a_limit_leaves_a_value_with_its_key() {
    let scene = Scene::new();
    let log =
        "2026-11-30 10:15:02 body: {\n  \"id\": 17,\n  \"password\":\n    \"hunter2hunter2\",\n  \"name\": \"x\"\n}\n";
    let records = scene.ship_with(log, &[("LOGSKIFF_MULTILINE_LINES_MAX", "3")]);
    let shown = format!("{records:?}");
    assert!(messages(&records)[0].ends_with("17,") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn what_follows_a_timeout_is_marked() {
    let scene = Scene::new();
    let sidecar =
        scene.start(&scene.settings().with("LOGSKIFF_PARSE", "auto").with("LOGSKIFF_MULTILINE_TIMEOUT", "200ms"));
    scene.append_log("app.log", "ERROR shop - cannot ship\njava.io.IOException: gone\n\tat a.b(C.java:1)\n");
    wait_until("the first part", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    scene.append_log("app.log", "\tat a.b(C.java:2)\nINFO shop - next\n");
    wait_until("all of it", PATIENCE, || scene.kafka().end_offset(TOPIC) == 3);
    sidecar.drain(PATIENCE);
    let records = scene.records();
    assert_eq!(messages(&records)[1..], ["\tat a.b(C.java:2)", "INFO shop - next"]);
    assert_eq!(records[1]["log.flags"], json!(["multiline", "truncated"]));
}

#[test]
fn a_start_pattern_and_a_continue_pattern_group() {
    let log = "before\nstill before\n> one\n  more\n> two\n";
    let ship = |method: &str, pattern: &str| {
        let scene = Scene::new();
        let records = scene.ship_with(log, &[("LOGSKIFF_MULTILINE", method), ("LOGSKIFF_MULTILINE_PATTERN", pattern)]);
        messages(&records).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ship("start", "^>"), ["before\nstill before", "> one\n  more", "> two"]);
    assert_eq!(ship("continue", "^ |^still"), ["before\nstill before", "> one\n  more", "> two"]);
}

/// Goal: a start pattern that matches nothing is logged once for each input, and one that matches is not.
#[test]
fn a_start_pattern_that_matches_nothing_is_logged() {
    #[track_caller]
    fn check(pattern: &str, first: &str, more: &str, joined: Option<usize>) {
        let scene = Scene::new();
        for name in ["app.log", "app.log.1", "other.log"] {
            scene.write(&format!("logs/{name}"), first.to_owned() + &more.repeat(20));
        }
        let settings = scene
            .settings()
            .with("LOGSKIFF_START_AT", "beginning")
            .with("LOGSKIFF_INPUT_OTHER_PATHS", &scene.log("other.log").display().to_string())
            .with("LOGSKIFF_MULTILINE", "start")
            .with("LOGSKIFF_MULTILINE_PATTERN", pattern)
            .with("LOGSKIFF_MULTILINE_LINES_MAX", "4")
            .with("LOGSKIFF_LOG", "warn");
        let log = scene.run_to_end(settings).stderr();
        let logged: Vec<&str> = log.lines().filter(|line| line.contains("LOGSKIFF_MULTILINE_PATTERN")).collect();
        let inputs: &[&str] = if joined.is_some() { &["default", "other"] } else { &[] };
        assert_eq!(logged.len(), inputs.len(), "{pattern}: {log}");
        for input in inputs {
            let expected = format!("\"input\":\"{input}\",\"lines\":{}", joined.unwrap());
            assert!(logged.iter().any(|line| line.contains("WARN") && line.contains(&expected)), "{expected}: {log}");
        }
        assert!(!log.contains("order"), "{log}");
    }
    check("^> ", "order 1\n", "order 2\n", Some(4));
    // The limit of bytes.
    check("^> ", "order 1\n", &("order 2 ".repeat(60_000) + "\n"), Some(3));
    // It matches the first line only, or lines before the limit.
    check("^order 1", "order 1\n", "order 2\n", None);
    check("^order 2", "order 1\n", "order 2\n and more\n", None);
    check("^order 2", "order 1\n", "order 2\n\n", None);
}

/// Goal: parts of a line are joined, the stream and the time are fields, and lines of different streams stay apart.
#[test]
fn files_of_container_runtimes_are_read() {
    let cri = "2026-11-30T10:15:02.000000001Z stdout F ERROR shop - cannot ship\n\
        2026-11-30T10:15:02.000000002Z stdout P java.io.IOException: \n\
        2026-11-30T10:15:02.000000003Z stdout F gone\n\
        2026-11-30T10:15:02.000000004Z stdout F \tat a.b(C.java:1)\n\
        2026-11-30T10:15:02.000000005Z stderr F \tat x.y(Z.java:1)\n\
        2026-11-30T10:15:02.000000006Z stdout F {\"level\":\"info\",\"ts\":\"2026-11-30T10:15:01.5Z\",\"msg\":\"next\"}\n";
    let docker = cri
        .lines()
        .map(|line| {
            let parts: Vec<&str> = line.splitn(4, ' ').collect();
            let end = if parts[2] == "F" { "\n" } else { "" };
            json!({"log": format!("{}{end}", parts[3]), "stream": parts[1], "time": parts[0]}).to_string() + "\n"
        })
        .collect::<String>();
    for log in [cri, &docker] {
        let scene = Scene::new();
        let records = scene.ship(log);
        let streams: Vec<&Value> = records.iter().map(|record| &record["log.iostream"]).collect();
        assert_eq!(streams, [&json!("stdout"), &json!("stderr"), &json!("stdout")], "{records:?}");
        assert_eq!(messages(&records)[0], "ERROR shop - cannot ship\njava.io.IOException: gone\n\tat a.b(C.java:1)");
        assert_eq!(messages(&records)[1], "\tat x.y(Z.java:1)");
        assert_eq!((&records[2]["log.level"], &records[2]["message"]), (&json!("info"), &json!("next")));
        assert_eq!(records[0]["@timestamp"], json!("2026-11-30T10:15:02.000000001Z"));
        assert_eq!((&records[0]["event.time_source"], &records[0]["log.printed"]), (&json!("line"), &Value::Null));
        assert_eq!(records[2]["@timestamp"], json!("2026-11-30T10:15:01.500Z"), "its own");
        assert_eq!(records[2]["log.printed"], json!("2026-11-30T10:15:02.000000006Z"));
    }
    let scene = Scene::new();
    let records = scene.ship_with(cri, &[("LOGSKIFF_FRAMING", "lines")]);
    assert_eq!(records.len(), 6);
}

/// Goal: what Docker writes of a container to each line is in its records, redacted.
#[test]
fn attributes_of_a_container_are_fields() {
    let line = |text: &str| {
        let attrs = json!({"tag": "shop", "owner": "ada@example.org", "DB_PASSWORD": "hunter2hunter2"});
        json!({"log": format!("{text}\n"), "stream": "stdout", "attrs": attrs, "time": "2026-11-30T10:15:02Z"})
            .to_string()
            + "\n"
    };
    let scene = Scene::new();
    let records = scene.ship_with(line("one") + &line("two"), &[("LOGSKIFF_REDACT", "email,password")]);
    assert_eq!(records.len(), 2);
    for record in records {
        let attrs = json!({"tag": "shop", "owner": "<redacted:email>", "DB_PASSWORD": "<redacted:password>"});
        assert_eq!(record["log.attrs"], attrs, "{record}");
    }
}

/// Goal: a line in many parts, longer than a line may be, is truncated once, and the rest is skipped.
#[test]
fn a_long_line_in_parts_is_truncated() {
    let part = |tag: &str| format!("2026-11-30T10:15:02Z stdout {tag} {}\n", "x".repeat(600));
    let log = part("P").repeat(20) + &part("F") + "2026-11-30T10:15:03Z stdout F after\n";
    let scene = Scene::new();
    let records = scene.ship_with(log, &[("LOGSKIFF_LINE_BYTES_MAX", "1KiB")]);
    assert_eq!(records.len(), 2, "{records:?}");
    assert_eq!((messages(&records)[0].len(), messages(&records)[1]), (1024, "after"));
    assert_eq!(records[0]["log.flags"], json!(["truncated"]));
}

/// Writes a log in parts of these sizes, and kills and restarts the program after those parts that `kills` says.
pub(super) fn write_with_kills(
    scene: &Scene,
    settings: &Settings,
    mut sidecar: Sidecar,
    log: &str,
    sizes: &mut impl Iterator<Item = usize>,
    kills: &mut impl Iterator<Item = bool>,
) -> Sidecar {
    let mut rest = log.as_bytes();
    while !rest.is_empty() {
        let (part, others) = rest.split_at(sizes.next().unwrap().min(rest.len()));
        scene.append_log("app.log", part);
        // A pause is part of what is tested: some parts are read before the next is written, and some are not.
        std::thread::sleep(Duration::from_millis(30));
        if kills.next() == Some(true) {
            sidecar.kill();
            sidecar = scene.start(settings);
        }
        rest = others;
    }
    sidecar
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// Goal: however an event is written, and whenever the program is killed or the file rotated, it arrives as one record.
    #[test]
    fn kills_and_rotations_change_no_record(
        log in prop::sample::select(vec!["java", "python", "go"]),
        file in any::<prop::sample::Index>(),
        sizes in prop::collection::vec(1..4096_usize, 3..12),
        kills in prop::collection::vec(any::<bool>(), 12),
    ) {
        let corpora = corpus(log);
        let events = events(&file.get(&corpora).1);
        let (first, second) = events.split_at(events.len() / 2);
        let (first, second) = (first.concat(), second.concat());
        let expected: Vec<String> = [whole(&first), whole(&second)].concat();
        let scene = Scene::new();
        let settings = scene.settings().with("LOGSKIFF_PARSE", "auto").with("LOGSKIFF_REDACT", "none").with("LOGSKIFF_MULTILINE_TIMEOUT", "20s");
        let mut sidecar = scene.start(&settings);
        let mut kills = kills.into_iter().cycle();
        for text in [&first, &second] {
            let mut sizes = sizes.iter().copied().cycle();
            sidecar = write_with_kills(&scene, &settings, sidecar, text, &mut sizes, &mut kills);
            if text == &first {
                fs::rename(scene.log("app.log"), scene.log("app.log.1")).unwrap();
            }
        }
        sidecar.kill();
        scene.run_to_end(settings);
        let mut records: BTreeMap<String, String> = BTreeMap::new();
        for record in scene.records() {
            let text = record["message"].as_str().unwrap_or_default().to_owned();
            let id = record["event.id"].as_str().unwrap().to_owned();
            let known = records.entry(id).or_insert_with(|| text.clone());
            prop_assert_eq!(&*known, &text, "two records of one id");
        }
        let mut arrived: Vec<String> = records.into_values().collect();
        let mut expected = expected;
        arrived.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(arrived, expected);
    }
}

//! What Kafka messages have besides the record: key, time and headers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use rdkafka::types::RDKafkaRespErr as Fate;
use serde_json::Value;

use super::PATIENCE;
use crate::support::broker::Message;
use crate::support::http::{address, get_plain};
use crate::support::scene::Scene;
use crate::support::wait_until;

const PARTITIONS: i32 = 6;
/// 2026-11-23T21:15:51.250Z.
const EVENT_MS: i64 = 1_795_468_551_250;

fn record(message: &Message) -> Value {
    serde_json::from_slice(&message.payload).expect("a record is JSON")
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Goal: with `{pod}-{file}` as the key, the lines of each file stay in order in one partition, also over a rotation and
/// a restart, while the files spread over several partitions.
#[test]
fn a_key_of_pod_and_file_keeps_the_order_of_each_file() {
    const FILES: usize = 8;
    const LINES: usize = 300;
    let scene = Scene::new();
    scene.kafka().create("wide", PARTITIONS.cast_unsigned());
    let names: Vec<String> = (0..FILES).map(|file| format!("app-{file}.log")).collect();
    let write = |from: usize| {
        for name in &names {
            let lines = (from..from + LINES).fold(String::new(), |mut lines, line| {
                _ = writeln!(lines, "{name} {line}");
                lines
            });
            scene.append_log(name, lines);
        }
    };
    let settings = scene
        .settings()
        .with("LOGSKIFF_PATHS", &scene.log("*.log").display().to_string())
        .with("LOGSKIFF_KAFKA_TOPIC", "wide")
        .with("LOGSKIFF_KAFKA_KEY", "{pod}-{file}")
        .with("LOGSKIFF_BATCH_BYTES", "4KiB")
        .with("POD_NAME", "shop-0");
    let arrived = |lines: usize| {
        let messages = scene.kafka().received("wide");
        assert!(messages.len() <= lines, "nothing is sent twice");
        messages.len() == lines
    };
    write(0);
    let sidecar = scene.start(&settings);
    wait_until("the first lines", PATIENCE, || arrived(FILES * LINES));
    for name in &names {
        // The writer keeps its file, and a new one takes its name.
        fs::rename(scene.log(name), scene.log(&format!("{name}.1"))).unwrap();
        scene.append_log(&format!("{name}.1"), format!("{name} {LINES}\n"));
    }
    wait_until("lines after the rotation", PATIENCE, || arrived(FILES * (LINES + 1)));
    sidecar.drain(PATIENCE);
    write(LINES + 1);
    scene.run_to_end(settings);
    let (mut next, mut places) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, BTreeSet<u32>>::new());
    for message in scene.kafka().received("wide") {
        let record = record(&message);
        let (name, line) = record["message"].as_str().unwrap().split_once(' ').unwrap();
        assert_eq!(message.key.as_deref(), Some(format!("shop-0-{name}").as_bytes()));
        let next = next.entry(name.to_owned()).or_default();
        assert_eq!(line, next.to_string(), "{name} is out of order");
        *next += 1;
        places.entry(name.to_owned()).or_default().insert(message.partition);
    }
    assert_eq!(next.values().copied().collect::<BTreeSet<_>>(), BTreeSet::from([2 * LINES + 1]));
    assert!(places.values().all(|partitions| partitions.len() == 1), "{places:?}");
    let used: BTreeSet<u32> = places.into_values().flatten().collect();
    assert!(used.len() > 1, "the files share one partition");
}

#[test]
fn a_key_can_be_the_event_id_or_the_offset() {
    for (key, event_id) in [("{id}", "field"), ("{id}", "header"), ("{file}@{offset}", "off")] {
        let scene = Scene::new();
        let settings = [("LOGSKIFF_KAFKA_KEY", key), ("LOGSKIFF_EVENT_ID", event_id)];
        let records = scene.ship_with("one\ntwo\nthree\n", &settings);
        for (record, message) in records.iter().zip(scene.messages()) {
            let want = match event_id {
                "field" => record["event.id"].as_str().unwrap().to_owned(),
                "header" => message.headers["event.id"].clone(),
                _ => format!("app.log@{}", record["log.offset"]),
            };
            assert_eq!(String::from_utf8(message.key.unwrap()).unwrap(), want, "{key}");
        }
        assert_eq!(records.len(), 3);
    }
}

/// Goal: headers have fixed and changing values, masked as in the record; one without a value is left out, and parts of
/// a record have them too.
#[test]
fn messages_have_the_configured_headers() {
    let headers = "team=shop,pod={pod},tenant={field.tenant},level={field.none:-},mail={field.mail},at={offset}";
    let settings = [
        ("LOGSKIFF_KAFKA_HEADERS", headers),
        ("LOGSKIFF_REDACT", "secrets,pii"),
        ("LOGSKIFF_KAFKA_PROPERTIES", "message.max.bytes=6000"),
        ("POD_NAME", "shop-0"),
    ];
    let scene = Scene::new();
    let long = "x".repeat(10_000);
    let lines = format!(
        "{{\"tenant\":\"a\",\"mail\":\"joe.doe@example.com\"}}\n{{\"tenant\":\"{}\"}}\n{{\"tenant\":\"b\",\"m\":\"{long}\"}}\n",
        "ü".repeat(300)
    );
    scene.write("logs/app.log", &lines);
    let run = settings.iter().fold(scene.settings(), |run, (name, value)| run.with(name, value));
    scene.run_to_end(run.with("LOGSKIFF_PARSE", "json"));
    let messages = scene.messages();
    let of = |message: &Message| -> Vec<(String, String)> { message.headers.clone().into_iter().collect() };
    let named = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let first = [
        ("at", "0"),
        ("level", "-"),
        ("mail", "<redacted:email>"),
        ("pod", "shop-0"),
        ("team", "shop"),
        ("tenant", "a"),
    ];
    assert_eq!(of(&messages[0]), named(&first));
    assert_eq!(messages[1].headers["tenant"], "ü".repeat(128), "truncated at a character");
    assert!(!messages[1].headers.contains_key("mail"), "without a value");
    let parts: Vec<&Message> = messages.iter().filter(|message| message.headers.contains_key("part")).collect();
    assert!(parts.len() >= 2, "{} parts", parts.len());
    assert!(parts.iter().all(|part| part.headers["tenant"] == "b" && part.headers["team"] == "shop"));
    let joined: Vec<u8> = parts.iter().flat_map(|part| part.payload.clone()).collect();
    assert!(String::from_utf8(joined).unwrap().contains(&long));
}

/// Goal: a message of many records has the headers that they share, and the latest of their times.
#[test]
fn a_batch_message_joins_records_with_the_same_headers() {
    let scene = Scene::new();
    let line = |tenant: &str, second: u32| {
        format!("{{\"tenant\":\"{tenant}\",\"time\":\"2026-11-23T21:15:{second:02}.250Z\"}}\n")
    };
    let lines: String =
        [("a", 51), ("a", 53), ("a", 52), ("b", 50)].map(|(tenant, second)| line(tenant, second)).concat();
    scene.write("logs/app.log", lines);
    let settings = scene
        .settings()
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_KAFKA_MESSAGE", "batch")
        .with("LOGSKIFF_KAFKA_HEADERS", "tenant={field.tenant}");
    scene.run_to_end(settings);
    let found: Vec<_> = scene
        .messages()
        .into_iter()
        .map(|message| (message.headers["tenant"].clone(), message.headers["records"].clone(), message.time_ms))
        .collect();
    let want = [("a", "3", EVENT_MS + 2_000), ("b", "1", EVENT_MS - 1_000)];
    assert_eq!(found, want.map(|(tenant, records, time_ms)| (tenant.to_owned(), records.to_owned(), time_ms)));
}

/// Lines with these times; `None`: without one.
fn timed(times: &[Option<&str>]) -> String {
    let line = |time: Option<&str>| match time {
        Some(time) => format!("{{\"time\":\"{time}\",\"m\":1}}\n"),
        None => "{\"m\":1}\n".to_owned(),
    };
    times.iter().map(|time| line(*time)).collect()
}

/// Goal: a message has its record's time; one out of range becomes the time of reading, and is counted.
#[test]
fn a_message_has_the_time_of_its_record() {
    let scene = Scene::new();
    let before_ms = now_ms();
    let soon = jiff::Timestamp::from_millisecond(before_ms + 120_000).unwrap().to_string();
    let late = jiff::Timestamp::from_millisecond(before_ms + 7_200_000).unwrap().to_string();
    let times = [
        Some("2026-11-23T21:15:51.250Z"),
        Some("1999-12-31T23:59:59.999Z"),
        Some("1969-12-31T23:59:59Z"),
        Some(&soon),
        Some(&late),
        None,
    ];
    scene.write("logs/app.log", timed(&times));
    let sidecar = scene.start(&scene.observed().with("LOGSKIFF_PARSE", "json"));
    wait_until("all records", PATIENCE, || scene.messages().len() == times.len());
    let metrics = get_plain(&address(&sidecar), "/metrics").unwrap();
    assert!(metrics.contains("logskiff_timestamp_fallback_records_total 2\n"), "{metrics}");
    sidecar.drain(PATIENCE);
    let found: Vec<i64> = scene.messages().iter().map(|message| message.time_ms).collect();
    let soon_ms = before_ms + 120_000;
    assert_eq!([found[0], found[1], found[3]], [EVENT_MS, 946_684_799_999, soon_ms]);
    let is_now = |time_ms: i64| (before_ms - 1_000..=now_ms()).contains(&time_ms);
    assert!([found[2], found[4], found[5]].into_iter().all(is_now), "{found:?} at {before_ms}");
}

#[test]
fn a_message_can_have_the_time_of_reading() {
    let scene = Scene::new();
    let before_ms = now_ms();
    let lines = timed(&[Some("2026-11-23T21:15:51.250Z")]);
    scene.ship_with(lines, &[("LOGSKIFF_KAFKA_TIMESTAMP", "read")]);
    let time_ms = scene.messages()[0].time_ms;
    assert!((before_ms - 1_000..=now_ms()).contains(&time_ms), "{time_ms}");
}

/// Goal: a topic that refuses the records' times gets all of them once and in order, with the time of reading.
#[test]
fn refused_times_become_the_time_of_reading() {
    const LINES: usize = 50;
    let scene = Scene::new();
    scene.kafka().fate_of_requests(&[Fate::RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP]);
    let before_ms = now_ms();
    let line = |n: usize| format!("{{\"time\":\"2001-01-01T00:00:00Z\",\"n\":{n}}}\n");
    let records = scene.ship_with((0..LINES).map(line).collect::<String>(), &[("LOGSKIFF_PARSE", "json")]);
    let numbers: Vec<_> = records.iter().map(|record| record["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..LINES as u64).collect::<Vec<_>>());
    assert!(scene.messages().iter().all(|message| message.time_ms >= before_ms - 1_000));
}

/// Goal: a topic that refuses a large message makes the messages of no other topic smaller. The mock broker knows no
/// `DescribeConfigs`, which is logged once.
#[test]
fn a_small_topic_makes_no_other_small() {
    let scene = Scene::new();
    for topic in ["small", "large"] {
        scene.kafka().create(topic, 1);
    }
    scene.kafka().fate_of_requests(&[Fate::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    let line = |topic: &str| format!("{{\"t\":\"{topic}\",\"m\":\"{}\"}}\n", "x".repeat(800_000));
    scene.write("logs/app.log", line("small") + &line("large") + &line("small"));
    let settings = scene
        .settings()
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_REDACT", "none")
        .with("LOGSKIFF_LINE_BYTES_MAX", "1MiB")
        .with("LOGSKIFF_KAFKA_TOPIC", "{field.t}");
    let sidecar = scene.run_to_end(settings);
    let parts = |topic: &str| -> Vec<Option<String>> {
        scene.kafka().received(topic).iter().map(|message| message.headers.get("parts").cloned()).collect()
    };
    assert_eq!(parts("large"), [None], "whole");
    assert_eq!(parts("small"), vec![Some("2".to_owned()); 4], "in parts below half of the client's limit");
    let log = sidecar.stderr();
    assert_eq!(log.matches("does not say a topic's max.message.bytes").count(), 1, "{log}");
    assert_eq!(log.matches("accepts no larger messages").count(), 1, "{log}");
}

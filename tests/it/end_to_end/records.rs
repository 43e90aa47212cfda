//! Additions to records: fields, labels, templates, headers, batches, and the other output.

use std::fs;
use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::PATIENCE;
use crate::support::scene::{Scene, TOPIC};
use crate::support::wait_until;

#[test]
fn each_record_has_pod_and_static_fields() {
    let scene = Scene::new();
    scene.write("labels", "app=\"shop\"\ntier=\"front \\\"end\\\"\"\n");
    let labels = scene.path("labels").display().to_string();
    let more = [
        ("POD_NAME", "shop-1"),
        ("POD_NAMESPACE", "prod"),
        ("POD_UID", "6d1f3c1e"),
        ("POD_IP", "10.1.2.3"),
        ("NODE_NAME", "node-1"),
        ("CONTAINER_NAME", "app"),
        ("LOGSKIFF_LABELS_FILE", &labels),
        (
            "LOGSKIFF_FIELDS",
            "team=shop,where={namespace}/{pod},env={label.env:dev},app={label.app},from={input}:{file}",
        ),
    ];
    let record = scene.ship_with("{\"level\":\"WARN\",\"n\":1}\n", &more).remove(0);
    for (name, want) in [
        ("kubernetes.pod.name", "shop-1"),
        ("kubernetes.namespace", "prod"),
        ("kubernetes.pod.uid", "6d1f3c1e"),
        ("kubernetes.pod.ip", "10.1.2.3"),
        ("kubernetes.node.name", "node-1"),
        ("kubernetes.container.name", "app"),
        ("team", "shop"),
        ("where", "prod/shop-1"),
        ("env", "dev"),
        ("app", "shop"),
        ("from", "default:app.log"),
        ("log.level", "warn"),
    ] {
        assert_eq!(record[name], want, "{name} in {record}");
    }
    assert_eq!(record["kubernetes.labels"]["tier"], "front \"end\"");
    assert_eq!(record["n"], 1);
}

#[test]
fn labels_are_read_again_when_they_change() {
    let scene = Scene::new();
    scene.write("labels", "version=\"1\"\n");
    scene.write("logs/app.log", "old\n");
    let labels = scene.path("labels").display().to_string();
    let sidecar = scene.start(&scene.settings().with("LOGSKIFF_LABELS_FILE", &labels));
    wait_until("the first record", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    // As the kubelet does: the new content appears atomically.
    scene.write("labels.new", "version=\"2\"\n");
    fs::rename(scene.path("labels.new"), scene.path("labels")).unwrap();
    let mut lines = 1;
    wait_until("a record with the new label", PATIENCE, || {
        lines += 1;
        let text = numbered(lines);
        scene.write(&format!("logs/app.log.{lines}"), text);
        scene.records().last().is_some_and(|record| record["kubernetes.labels"]["version"] == "2")
    });
    sidecar.drain(PATIENCE);
    assert_eq!(scene.records()[0]["kubernetes.labels"]["version"], "1");
}

#[test]
fn topic_and_key_are_rendered_from_templates() {
    let scene = Scene::new();
    let more = [
        ("POD_NAMESPACE", "prod"),
        ("POD_NAME", "shop-1"),
        ("LOGSKIFF_KAFKA_TOPIC", "logs-{namespace}-{field.tenant:none}"),
        ("LOGSKIFF_KAFKA_KEY", "{pod}/{field.user}"),
    ];
    scene.ship_with(
        "{\"tenant\":\"a\",\"user\":\"ada\"}\n{\"tenant\":\"b c\",\"user\":7}\nplain\n{\"tenant\":\"a\",\"user\":\"eva\"}\n",
        &more,
    );
    let keys = |topic: &str| -> Vec<String> {
        let key = |key: Option<Vec<u8>>| String::from_utf8(key.expect("a key")).unwrap();
        let mut keys: Vec<String> = scene.kafka().received(topic).into_iter().map(|message| key(message.key)).collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(keys("logs-prod-a"), ["shop-1/ada", "shop-1/eva"]);
    assert_eq!(keys("logs-prod-b_c"), ["shop-1/7"], "what a topic's name cannot hold is replaced");
    assert_eq!(keys("logs-prod-none"), ["shop-1/"]);
}

/// Goal: a record with any key fits the limit, and its neighbours stay unsplit.
#[test]
fn a_long_key_is_truncated_and_its_record_still_split() {
    let scene = Scene::new();
    let key = "ü".repeat(700);
    let long = format!("{{\"key\":\"{key}\",\"rest\":\"{}\"}}\n", "x".repeat(5_000));
    scene.write("logs/app.log", format!("{{\"key\":\"a\",\"rest\":\"{}\"}}\n{long}", "x".repeat(1_000)));
    let settings = scene
        .settings()
        .with("LOGSKIFF_PARSE", "auto")
        .with("LOGSKIFF_KAFKA_KEY", "{field.key}")
        .with("LOGSKIFF_KAFKA_PROPERTIES", "message.max.bytes=2000")
        .with("LOGSKIFF_ENCODING", "raw");
    scene.run_to_end(settings);
    let (mut parts, whole): (Vec<_>, Vec<_>) =
        scene.messages().into_iter().partition(|message| message.headers.contains_key("part"));
    assert_eq!(whole.len(), 1, "a record of half the limit stays whole");
    assert_eq!(whole[0].key.as_deref(), Some(&b"a"[..]));
    assert!(parts.iter().all(|part| part.key.as_deref() == Some("ü".repeat(128).as_bytes())));
    parts.sort_by_key(|part| part.headers["part"].parse::<usize>().unwrap());
    let joined: Vec<u8> = parts.into_iter().flat_map(|part| part.payload).collect();
    assert_eq!(String::from_utf8(joined).unwrap(), long.trim_end());
}

/// Goal: a record that is several times as large as the client's queue arrives once and complete, in parts or in one
/// message, and so do the lines after it, whatever the broker's latency.
#[track_caller]
fn check_larger_than_the_queue(more: &[(&str, &str)], records: usize, parts: usize) {
    // A control character takes six bytes in JSON.
    const LINE_BYTES: usize = 1 << 20;
    let scene = Scene::new();
    scene.kafka().delay(Duration::from_millis(50));
    let long = "\u{1}".repeat(LINE_BYTES - 1);
    scene.write("logs/app.log", format!("before\n{long}\nbehind\n"));
    let settings = scene
        .settings()
        .with("LOGSKIFF_PARSE", "none")
        .with("LOGSKIFF_REDACT", "none")
        .with("LOGSKIFF_LINE_BYTES_MAX", "1MiB")
        .with("LOGSKIFF_IN_FLIGHT_BYTES", "1MiB")
        .with("LOGSKIFF_BATCH_BYTES", "64KiB");
    let settings = more.iter().fold(settings, |settings, (name, value)| settings.with(name, value));
    let sidecar = scene.start(&settings);
    let arrived = || scene.kafka().end_offset(TOPIC) >= (records + parts) as u64;
    wait_until("all of it", PATIENCE, arrived);
    sidecar.drain(PATIENCE);
    let (mut of_it, others): (Vec<_>, Vec<_>) =
        scene.messages().into_iter().partition(|message| message.headers.contains_key("part"));
    assert_eq!((others.len(), of_it.len()), (records, parts), "nothing is sent twice");
    of_it.sort_by_key(|part| part.headers["part"].parse::<usize>().unwrap());
    let joined: Vec<u8> = of_it.into_iter().flat_map(|part| part.payload).collect();
    let payloads: Vec<Vec<u8>> = others.into_iter().map(|message| message.payload).chain([joined]).collect();
    let is_it = |payload: &Vec<u8>| {
        let record: Value = serde_json::from_slice(payload).unwrap_or_default();
        record["message"] == long
    };
    assert_eq!(payloads.iter().filter(|payload| is_it(payload)).count(), 1);
}

#[test]
fn a_record_larger_than_the_queue_arrives_in_parts() {
    check_larger_than_the_queue(&[], 2, 7);
    let batch = [("LOGSKIFF_KAFKA_MESSAGE", "batch")];
    check_larger_than_the_queue(&batch, 2, 7);
}

#[test]
fn a_record_larger_than_the_queue_arrives_in_one_message_if_the_broker_accepts_it() {
    let properties = [("LOGSKIFF_KAFKA_PROPERTIES", "message.max.bytes=20000000")];
    check_larger_than_the_queue(&properties, 3, 0);
}

#[test]
fn the_event_id_can_be_in_a_header() {
    let scene = Scene::new();
    let records = scene.ship_with("one\ntwo\n", &[("LOGSKIFF_EVENT_ID", "header")]);
    assert!(records.iter().all(|record| record.get("event.id").is_none()));
    let ids: Vec<_> = scene.messages().into_iter().map(|mut message| message.headers.remove("event.id")).collect();
    assert!(ids[0].as_ref().is_some_and(|id| id.ends_with("-0")), "{ids:?}");
    assert!(ids[1].as_ref().is_some_and(|id| id.ends_with("-4")), "{ids:?}");
}

#[test]
fn raw_is_only_the_line() {
    let scene = Scene::new();
    scene.write("logs/app.log", b"plain \xff\n{\"a\":1,\"password\":\"hunter2\"}\n");
    scene.run_to_end(scene.settings().with("LOGSKIFF_ENCODING", "raw").with("LOGSKIFF_PARSE", "auto"));
    let payloads: Vec<_> = scene.messages().into_iter().map(|message| message.payload).collect();
    assert_eq!(payloads[0], b"plain \xff", "byte by byte");
    let masked = String::from_utf8(payloads[1].clone()).unwrap();
    assert!(masked.starts_with("{\"a\":1,\"password\":\"<redacted") && !masked.contains("hunter2"), "{masked}");
}

#[test]
fn a_message_can_hold_a_batch() {
    const LINES: usize = 300;
    let scene = Scene::new();
    scene.write("logs/app.log", numbered(LINES));
    scene.run_to_end(scene.settings().with("LOGSKIFF_KAFKA_MESSAGE", "batch"));
    let messages = scene.messages();
    assert!(messages.len() < LINES / 10, "{} messages", messages.len());
    let mut lines = Vec::new();
    for message in &messages {
        assert_eq!(message.headers.get("content-encoding").map(String::as_str), Some("gzip"));
        let mut text = String::new();
        GzDecoder::new(&message.payload[..]).read_to_string(&mut text).unwrap();
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.extend(records.map(|record| record["message"].as_str().unwrap().to_owned()));
    }
    assert_eq!(lines, (0..LINES).map(|n| format!("line {n}")).collect::<Vec<_>>());
}

#[test]
fn stdout_alone_and_with_kafka() {
    for (output, at_kafka) in [("stdout", 0), ("kafka,stdout", 2)] {
        let scene = Scene::new();
        scene.write("logs/app.log", "one\ntwo\n");
        let sidecar = scene.run_to_end(scene.settings().with("LOGSKIFF_OUTPUT", output));
        let printed = sidecar.stdout();
        let messages: Vec<_> = printed
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(messages, ["one", "two"], "{output}");
        assert_eq!(scene.messages().len(), at_kafka, "{output}");
    }
}

/// Goal: records acknowledged by stdout are final: a restart prints nothing again.
#[test]
fn stdout_alone_is_an_output_with_a_checkpoint() {
    let scene = Scene::new();
    scene.write("logs/app.log", "one\n");
    let settings = scene.settings().with("LOGSKIFF_OUTPUT", "stdout");
    scene.run_to_end(settings.clone());
    let sidecar = scene.run_to_end(settings);
    assert_eq!(sidecar.stdout().lines().count(), 1);
}

/// Goal: named inputs have their own settings.
#[test]
fn inputs_have_their_own_settings() {
    let scene = Scene::new();
    scene.write(
        "logs/access.log",
        "10.0.0.1 - - [23/Nov/2026:22:00:00 +0000] \"GET /a HTTP/1.1\" 200 5 \"-\" \"curl\"\n",
    );
    scene.write("logs/app.json", "{\"msg\":\"hello\",\"n\":2}\n");
    let at = |name: &str| scene.path(name).display().to_string();
    let settings = scene
        .settings()
        .with("LOGSKIFF_PATHS", "")
        .with("LOGSKIFF_INPUT_ACCESS_PATHS", &at("logs/access.log"))
        .with("LOGSKIFF_INPUT_ACCESS_PARSE", "nginx")
        .with("LOGSKIFF_INPUT_APP_PATHS", &at("logs/*.json"))
        .with("LOGSKIFF_INPUT_APP_PARSE", "json");
    scene.run_to_end(settings);
    let records = scene.records();
    let access = records.iter().find(|record| record["log.file.path"] == at("logs/access.log").as_str()).unwrap();
    assert_eq!(access["@timestamp"], "2026-11-23T22:00:00.000Z");
    assert_eq!(access.as_object().unwrap().values().filter(|value| **value == 200).count(), 1, "a status: {access}");
    let app = records.iter().find(|record| record["log.file.path"] == at("logs/app.json").as_str()).unwrap();
    assert_eq!((&app["message"], &app["n"]), (&Value::from("hello"), &Value::from(2)));
}

fn numbered(lines: usize) -> String {
    (0..lines).fold(String::new(), |text, n| text + &format!("line {n}\n"))
}

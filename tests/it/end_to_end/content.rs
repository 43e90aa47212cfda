//! Any content of a file arrives as valid JSON, unchanged or marked, and never replaces logskiff's fields.

use std::fs;
use std::io::Write;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};

use super::PATIENCE;
use crate::support::scene::{Scene, TOPIC};
use crate::support::{http, wait_until};

/// A JSON object with all its members, including duplicates.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

#[track_caller]
fn check_messages(records: &[Value], want: &[&str]) {
    let messages: Vec<_> = records.iter().map(|record| record["message"].as_str().expect("a message")).collect();
    assert_eq!(messages, want);
}

#[test]
fn line_ends_and_blank_lines_and_a_last_line_without_newline() {
    let scene = Scene::new();
    let records = scene.ship("unix\ndos\r\n\n\r\n  \nmac\rmac\n\n日本 🦀 größe\nlast");
    check_messages(&records, &["unix", "dos", "mac\rmac", "日本 🦀 größe", "last"]);
    let offsets: Vec<_> = records.iter().map(|record| record["log.offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, [0, 5, 16, 25, 45], "bytes from the file's start");
}

#[test]
fn invalid_bytes_become_replacement_characters() {
    let scene = Scene::new();
    let records = scene.ship(b"a\xff\xfeb\n\xc3\n{\"m\":\"\xe2\x28\xa1\"}\nnul\0inside\n\x1b[31mred\x1b[0m\n");
    assert_eq!(records.len(), 5);
    assert_eq!(records[0]["message"], "a\u{fffd}\u{fffd}b");
    assert_eq!(records[1]["message"], "\u{fffd}");
    assert!(records[2].to_string().contains('\u{fffd}'), "{}", records[2]);
    assert_eq!(records[3]["message"], "nul\0inside");
    assert_eq!(records[4]["message"], "red");
}

/// Goal: NULs after copytruncate under a writer without `O_APPEND` are skipped.
#[test]
fn a_hole_of_nul_bytes_is_skipped() {
    let scene = Scene::new();
    let mut bytes = vec![0; 100_000];
    bytes.extend_from_slice(b"after\nnext\n");
    let records = scene.ship(bytes);
    check_messages(&records, &["after", "next"]);
    assert_eq!(records[0]["log.offset"], 100_000);
}

/// Goal: UTF-16 is decoded, parsed and redacted as text.
#[test]
fn utf_16_is_decoded() {
    let body = "MIIEowIBAAKCAQEAx0Zx81kqVb2nPt9RwLs5Yd7Jc4Hf6Gm3Qa8Ee1Ui0OoTrWvXz\r\n".repeat(3);
    let key = format!("-----BEGIN PRIVATE KEY-----\r\n{body}-----END PRIVATE KEY-----\r\n");
    let text = format!("{{\"level\":\"info\",\"m\":1}}\r\nGröße 漢字 🦀\r\npassword=hunter2 x\r\n{key}end\n");
    for (mark, bytes) in
        [("\u{feff}", u16::to_le_bytes as fn(u16) -> [u8; 2]), ("\u{feff}", u16::to_be_bytes), ("", u16::to_le_bytes)]
    {
        let scene = Scene::new();
        let start = "a first line that is long enough to tell\n";
        let text = format!("{mark}{text}{start}");
        let text = if mark.is_empty() { format!("{start}{text}") } else { text };
        let written: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
        let records = scene.ship_with(written, &[("LOGSKIFF_REDACT", "secrets")]);
        let records = if mark.is_empty() { &records[1..] } else { &records[..] };
        assert_eq!(records[0]["level"], "info", "{}", records[0]);
        let messages: Vec<_> = records[1..].iter().map(|record| record["message"].as_str().unwrap()).collect();
        assert_eq!(messages[..2], ["Größe 漢字 🦀", "password=<redacted:password> x"]);
        assert!(messages[2..7].iter().all(|message| *message == "<redacted:private_key>"), "{messages:?}");
        assert_eq!(messages[7..], ["end", start.trim_end()]);
    }
}

#[test]
fn a_line_that_is_too_long_is_truncated_and_marked() {
    let scene = Scene::new();
    let lines = format!("before\n{}\r\nafter\n{}\n{}", "x".repeat(5_000), "é".repeat(600), "y".repeat(1_024));
    let records = scene.ship_with(lines, &[("LOGSKIFF_LINE_BYTES_MAX", "1KiB")]);
    let whole = ["before".to_owned(), "x".repeat(1_024), "after".to_owned(), "é".repeat(512), "y".repeat(1_024)];
    check_messages(&records, &whole.iter().map(String::as_str).collect::<Vec<_>>());
    let cut: Vec<_> = records.iter().map(|record| record["log.flags"] == json!(["truncated"])).collect();
    assert_eq!(cut, [false, true, false, true, false]);
}

#[test]
fn a_huge_line_takes_bounded_memory() {
    const MIB: usize = 1 << 20;
    let scene = Scene::new();
    let mut file = fs::File::create(scene.path("logs/app.log")).unwrap();
    let part = vec![b'z'; MIB];
    for _ in 0..64 {
        file.write_all(&part).unwrap();
    }
    file.write_all(b"\nafter\n").unwrap();
    let sidecar = scene.start(&scene.settings());
    wait_until("the line and the one after it", PATIENCE, || scene.kafka().end_offset(TOPIC) >= 2);
    let peak = sidecar.memory_peak_bytes();
    eprintln!("a line of 64 MiB: {} KiB at the peak", peak >> 10);
    assert!(peak > 0 && peak < 48 * MIB as u64, "{peak} bytes of memory");
    sidecar.drain(PATIENCE);
    let messages = scene.messages();
    let last: Value = serde_json::from_slice(&messages.last().unwrap().payload).unwrap();
    assert_eq!(last["message"], "after");
}

#[test]
fn text_similar_to_json_is_kept_unchanged() {
    let scene = Scene::new();
    let lines =
        ["{", "{}", r#"{"a":1"#, r#"{"a":1} tail"#, r#"{"a":01}"#, r"{'a':1}", r#"{"a":"\x"}"#, r#"{"a":NaN,}"#];
    let records = scene.ship(lines.join("\n") + "\n");
    assert_eq!(records.len(), lines.len());
    for (record, line) in records.iter().zip(lines).filter(|(_, line)| *line != "{}") {
        assert_eq!(record["message"], line);
    }
}

/// Goal: JSON with known faults arrives with its fields, names the repairs, and is counted by repair.
#[test]
fn faulty_json_keeps_its_fields_and_is_counted() {
    let scene = Scene::new();
    let lines: [&[u8]; 5] = [
        b"{\"level\":\"error\",\"msg\":\"caf\xe9\"}",
        br#"{"level":"error","msg":"cut \ud83d","password":"hunter2"}"#,
        b"{\"level\":\"error\",\"msg\":\"a\tb\",\"n\":NaN}",
        br#"{"level":"error","msg":"m","o":{"k":1,"k":2,"":3}}"#,
        br#"{"level":"error","msg":"fine"}"#,
    ];
    fs::write(scene.path("logs/app.log"), [&lines.join(&b'\n')[..], b"\n"].concat()).unwrap();
    let settings = scene.settings().with("LOGSKIFF_PARSE", "json").with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0");
    let sidecar = scene.start(&settings);
    wait_until("all records", PATIENCE, || scene.kafka().end_offset(TOPIC) == 5);
    let samples = http::scrape(&http::address(&sidecar)).unwrap();
    for reason in ["invalid_utf8", "lone_surrogate", "control_character", "not_a_number", "duplicate_key", "empty_key"]
    {
        let name = format!("logskiff_repaired_lines_total{{input=\"default\",reason=\"{reason}\"}}");
        assert!((samples[&name] - 1.0).abs() < 0.1, "{reason}: {}", samples[&name]);
    }
    sidecar.drain(PATIENCE);
    let records = scene.records();
    check_messages(&records, &["caf\u{fffd}", "cut \u{fffd}", "a\tb", "m", "fine"]);
    assert!(records.iter().all(|record| record["log.level"] == "error" && !record.to_string().contains("hunter2")));
    assert_eq!(records[3]["o"], serde_json::json!({"k": 1, "parsed.k": 2, "_": 3}));
    let flags: Vec<_> = records.iter().map(|record| record["log.flags"].to_string().replace("json_", "")).collect();
    let [utf8, half] = [r#"["invalid_utf8"]"#, r#"["lone_surrogate"]"#];
    let [value, key] = [r#"["control_character","not_a_number"]"#, r#"["duplicate_key","empty_key"]"#];
    assert_eq!(flags, [utf8, half, value, key, "null"]);
}

/// Goal: a line cannot forge logskiff's fields, and every record has each name once.
#[test]
fn metadata_cannot_be_overwritten() {
    let lines = [
        r#"{"@timestamp":"1999-01-01T00:00:00Z","log.offset":7,"log.file.path":"/etc/shadow","event.id":"mine"}"#,
        r#"{"\u0040timestamp":"forged","log\u002eoffset":-1,"kubernetes.pod.name":"other","log":{"offset":3}}"#,
        r#"{"kubernetes":{"pod":{"name":"other"}},"event":{"id":"mine"},"team":"mine","log.level":"loud"}"#,
        r#"{"a":1,"a":2,"a":3,"\u0061":4,"parsed.a":5}"#,
        r#"{"message":"one","message":"two","msg":"three"}"#,
        r#"{"parsed.event.id":"x","event.id":"y","parse.error":"none","log.flags":["truncated"]}"#,
        r#"{"nested":{"@timestamp":"fine","log.offset":1}}"#,
        r#"{"":1,"":2,"deep":[[{"a":[]}]]}"#,
    ];
    let scene = Scene::new();
    let path = scene.path("logs/app.log").display().to_string();
    let more = [("POD_NAME", "shop-1"), ("LOGSKIFF_FIELDS", "team=shop")];
    scene.ship_with(lines.join("\n") + "\n", &more);
    let messages = scene.messages();
    assert_eq!(messages.len(), lines.len());
    let mut offset = 0;
    for (message, line) in messages.iter().zip(lines) {
        let Members(members) = serde_json::from_slice(&message.payload).expect("valid JSON");
        let mut names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), members.len(), "a duplicate name for {line}: {members:?}");
        let get = |name: &str| members.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        assert_eq!(get("log.offset"), Some(&Value::from(offset)), "{line}");
        assert_eq!(get("log.file.path"), Some(&Value::from(path.as_str())), "{line}");
        assert_eq!(get("kubernetes.pod.name"), Some(&Value::from("shop-1")), "{line}");
        assert_eq!(get("team"), Some(&Value::from("shop")), "{line}");
        assert!(get("event.id").unwrap().as_str().unwrap().ends_with(&format!("-{offset}")), "{line}");
        assert!(get("@timestamp").unwrap().as_str().unwrap().ends_with('Z'), "{line}");
        for object in ["log", "event", "kubernetes", "parse"] {
            assert_eq!(get(object), None, "{object} would conflict with its dotted members: {line}");
        }
        offset += line.len() + 1;
    }
    let second: Value = serde_json::from_slice(&messages[1].payload).unwrap();
    assert_eq!(second["parsed.@timestamp"], "forged", "the renamed field still exists: {second}");
    let seventh: Value = serde_json::from_slice(&messages[6].payload).unwrap();
    assert_eq!(seventh["nested"]["@timestamp"], "fine", "nested fields stay");
}

/// Goal: the same line of the same file has the same id after a restart, and after an append.
#[test]
fn event_ids_are_stable() {
    let scene = Scene::new();
    scene.ship_with("one\ntwo\n", &[("POD_UID", "6d1f3c1e"), ("LOGSKIFF_STATE_DIR", "none")]);
    scene.ship_append("three\n");
    let records = scene.records();
    let ids: Vec<_> = records.iter().map(|record| record["event.id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 5);
    assert_eq!(ids[..2], ids[2..4], "{ids:?}");
    assert!(ids[4] != ids[0] && ids[4] != ids[1], "{ids:?}");
}

/// Goal: lines written in pieces, with pauses inside a line and inside a character, arrive unchanged.
#[test]
fn a_line_written_in_pieces_is_one_record() {
    let scene = Scene::new();
    let sidecar = scene.start(&scene.settings());
    let mut file = fs::File::create(scene.path("logs/app.log")).unwrap();
    for piece in [&b"{\"name\":\"gr\xc3"[..], b"\xb6\xc3\x9fe \xf0\x9f", b"\xa6\x80\"", b"}\r", b"\nnext\n"] {
        file.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    wait_until("both records", PATIENCE, || scene.kafka().end_offset(TOPIC) == 2);
    sidecar.drain(PATIENCE);
    check_messages(&scene.records(), &["{\"name\":\"größe 🦀\"}", "next"]);
}

impl Scene {
    /// Appends to the file that [`Scene::ship_with`] wrote, and ships it again without state.
    fn ship_append(&self, bytes: &str) {
        let mut file = fs::OpenOptions::new().append(true).open(self.path("logs/app.log")).unwrap();
        file.write_all(bytes.as_bytes()).unwrap();
        self.run_to_end(self.settings().with("POD_UID", "6d1f3c1e").with("LOGSKIFF_STATE_DIR", "none"));
    }
}

//! Secrets planted wherever a secret can stand; none of them is output anywhere.
//!
//! Each contains the word `zebra` (or is a card number), so that a part of one is found as well.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::scene::Scene;

/// Each on a line of its own.
const LINES: &[&str] = &[
    "login password=zebra-raw-01 ok",
    "GET /?token=zebra-query-02&x=1 HTTP/1.1",
    "Authorization: Bearer zebra0304.05_06-07~08+09/10==",
    "dial postgres://app:zebra-url-04@db:5432/x failed",
    "user zebra05@example.org logged in",
    "card 4111 1111 1111 1111 and 5500-0055-5555-5559 charged",
    r#"{"password":"zebra-json-06","n":1}"#,
    r#"{"user":{"api_key":"zebra-nested-07","tags":["a",{"secret":"zebra-deep-08"}]}}"#,
    r#"{"zebra11@example.org":1,"by":{"zebra12@example.org":{"n":1}}}"#,
    r#"{"msg":"pass\u0077ord=zebra-escaped-13"}"#,
    r#"{"p\u0061ssword":"zebra-key-14"}"#,
    r#"{"mail":"\u007aebra15\u0040example.org"}"#,
    r#"{"inner":"{\"password\":\"zebra-twice-16\"}"}"#,
    r#"{"card":4111111111111111,"password":900777000555}"#,
    r#"{"password":"zebra-broken-17"#,
    r#"{"a":1,"token":"zebra-broken-18","b":"#,
    r#"{"a":1,'secret':'zebra-broken-19'}"#,
    r#"{"mail":"zebra20\u0040example.org","broken":"#,
    "order=zebra21 placed",
    r#"{"n":"order=zebra22"}"#,
    "-----BEGIN RSA PRIVATE KEY-----",
    "MIIEzebra23zebra23zebra23zebra23zebra23zebra23zebra23zebra23zebr",
    "QWERzebra24zebra24zebra24zebra24zebra24zebra24zebra24zebra24zebr",
    "-----END RSA PRIVATE KEY-----",
    r#"{"key":"-----BEGIN PRIVATE KEY-----\nMIIzebra25zebra25\n-----END PRIVATE KEY-----\n"}"#,
];

/// Masked by the names of fields, which only a parsed line has.
const BY_NAME: &str = r#"{"Set-Cookie":["sid=zebra-array-09","x"],"TOKEN":{"inner":"zebra-object-10"}}"#;

/// The name of a file.
pub(super) const SECRET_NAME: &str = "app.log-zebra26@example.org";

/// Texts that must not be anywhere; digits without separators.
const CANARIES: [&str; 4] = ["zebra", "4111111111111111", "5500005555555559", "900777000555"];

/// Lines in which a secret crosses the limit of 1 KiB: its remaining part must not be output either.
fn straddling() -> String {
    let mut lines = String::new();
    for left in 0..24 {
        for (before, secret) in [(" password=", "zebrazebrazebrazebra"), (" by ", "zebrazebra@example.org")] {
            let filler = ".".repeat(1_024 - left - before.len());
            writeln!(lines, "{filler}{before}{secret} {}", "after ".repeat(40)).unwrap();
        }
    }
    lines
}

/// Encoded secrets.
fn encoded() -> Vec<String> {
    let base64 = |text: &str| STANDARD.encode(text);
    vec![
        "GET /?user=%7Aebra40%40example.org&pass%77ord=zebra41 HTTP/1.1".to_owned(),
        r#"{"url":"/?user=%7Aebra42\u002540example.org"}"#.to_owned(),
        format!("Authorization: Basic {}", base64("zebra43:zebra44")),
        format!("config_b64={} loaded", base64("mail zebra45@example.org")),
        format!(r#"{{"password_b64":"{}","n":1}}"#, base64("zebra46")),
        format!(r#"{{"kind":"Secret","data":{{"a":"{}","b":"{}"}}}}"#, base64("zebra47"), base64("a zebra48")),
        format!(r#"{{"m":"{{\"kind\":\"Secret\",\"data\":{{\"a\":\"{}\"}}}}"}}"#, base64("zebra49")),
    ]
}

/// The Base64 letters of the canary inside a longer encoded text, by its position in a group.
fn in_base64(canary: &str) -> [String; 3] {
    [0, 1, 2].map(|shift| {
        let encoded = STANDARD.encode([&vec![b'.'; shift][..], canary.as_bytes()].concat());
        // Letters that are encoded from the canary alone.
        encoded[(shift * 8).div_ceil(6)..(shift + canary.len()) * 8 / 6].to_owned()
    })
}

/// Fails if a canary is in `bytes`, unencoded or decoded.
#[track_caller]
pub(super) fn check(place: &str, bytes: &[u8]) {
    let written = String::from_utf8_lossy(bytes);
    for encoded in in_base64("zebra") {
        assert!(!written.contains(&encoded), "zebra is in {place} as {encoded}: {written}");
    }
    let text = written.to_lowercase().replace("%7a", "z");
    let decoded = serde_json::from_slice::<Value>(bytes).map(|value| plain(&value)).unwrap_or_default().to_lowercase();
    for text in [&text, &decoded.replace("%7a", "z")] {
        let digits: String = text.chars().filter(|c| !" -".contains(*c)).collect();
        for canary in CANARIES {
            assert!(!text.contains(canary) && !digits.contains(canary), "{canary} is in {place}: {text}");
        }
    }
}

/// All names and values of a JSON value, decoded.
fn plain(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("\n"),
        Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name}\n{}", plain(value))).collect::<Vec<_>>().join("\n")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn plant(scene: &Scene, parsed: bool) {
    let by_name = if parsed { BY_NAME } else { "" };
    scene
        .write("logs/app.log", LINES.join("\n") + "\n" + &encoded().join("\n") + "\n" + by_name + "\n" + &straddling());
    scene.write(&format!("logs/{SECRET_NAME}"), "a file whose name is a secret\n");
    scene.write("labels", "contact=\"zebra27@example.org\"\n");
}

/// Ships the planted secrets; returns every place where they could have gone.
#[track_caller]
fn check_run(more: &[(&str, &str)]) {
    let scene = Scene::new();
    plant(&scene, !more.contains(&("LOGSKIFF_PARSE", "none")));
    let labels = scene.path("labels").display().to_string();
    let settings = scene
        .settings()
        .with("LOGSKIFF_REDACT", "secrets,pii")
        .with("LOGSKIFF_REDACT_RULE_ORDER", r"order=(?<secret>\w+)")
        .with("LOGSKIFF_LINE_BYTES_MAX", "1KiB")
        .with("LOGSKIFF_LABELS_FILE", &labels)
        .with("LOGSKIFF_FIELDS", "contact={label.contact},from={file}")
        .with("LOGSKIFF_KAFKA_KEY", "{field.mail}{label.contact}{file}")
        .with("LOGSKIFF_KAFKA_HEADERS", "mail={field.mail},contact={label.contact},file={file}")
        .with("LOGSKIFF_KAFKA_PROPERTIES", "ssl.key.password=zebra28")
        .with("LOGSKIFF_OUTPUT", "kafka,stdout")
        .with("LOGSKIFF_LOG", "trace");
    let sidecar = scene.run_to_end(more.iter().fold(settings, |settings, (name, value)| settings.with(name, value)));
    let messages = scene.messages();
    // Every line of a private key except the first may be missing; everything else is a record.
    assert!(messages.len() >= LINES.len() + 2 * 24 - 3, "{} records", messages.len());
    for message in &messages {
        check("a message", &message.payload);
        check("a key", message.key.as_deref().unwrap_or_default());
        check("headers", format!("{:?}", message.headers).as_bytes());
    }
    let cut: Vec<_> = messages.iter().map(|message| String::from_utf8_lossy(&message.payload)).collect();
    assert!(!cut.iter().any(|text| text.contains("password=z") || text.contains(" by z")), "a part of a cut secret");
    check_all_of(&scene.path("sidecar.out"));
    check_all_of(&scene.path("sidecar.log"));
    assert!(sidecar.stderr().contains("logskiff starts"));
    check_state(&scene);
}

/// The checkpoint stays in the pod. It contains its files' names unchanged, and nothing else.
#[track_caller]
pub(super) fn check_state(scene: &Scene) {
    for entry in fs::read_dir(scene.path("state")).unwrap() {
        let saved = fs::read_to_string(entry.unwrap().path()).unwrap();
        check("the checkpoint", saved.replace(SECRET_NAME, "").as_bytes());
    }
}

#[track_caller]
pub(super) fn check_all_of(path: &Path) {
    let bytes = fs::read(path).unwrap();
    for line in bytes.split(|byte| *byte == b'\n') {
        check(&path.display().to_string(), line);
    }
}

#[test]
fn no_secret_leaks_from_parsed_lines() {
    check_run(&[("LOGSKIFF_PARSE", "auto")]);
}

#[test]
fn no_secret_leaks_from_unparsed_lines() {
    check_run(&[("LOGSKIFF_PARSE", "json")]);
}

#[test]
fn no_secret_leaks_from_raw_lines() {
    check_run(&[("LOGSKIFF_PARSE", "none")]);
}

#[test]
fn no_secret_leaks_in_raw_records() {
    check_run(&[("LOGSKIFF_PARSE", "auto"), ("LOGSKIFF_ENCODING", "raw"), ("LOGSKIFF_KAFKA_PROPERTIES", "debug=all")]);
}

/// Goal: a process that starts in the middle of a long key recognizes it, also if a logger wraps each of its lines.
#[test]
fn a_key_stays_masked_across_a_restart() {
    let wrapped = |text: &str| {
        let padding = "x".repeat(200);
        format!("{{\"msg\":\"{text}\",\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"padding\":\"{padding}\"}}\n")
    };
    let body = |lines: u32| {
        (0..lines)
            .map(|line| wrapped(&format!("MIIEzebra{line:03}zebraFake0token1Fake2token3Fake4token5Fake6token7Fake")))
            .collect::<String>()
    };
    let scene = Scene::new();
    let first = wrapped("-----BEGIN RSA PRIVATE KEY-----") + &body(120);
    assert!(first.len() > 32 << 10);
    scene.write("logs/app.log", &first);
    scene.run_to_end(scene.settings().with("LOGSKIFF_REDACT", "secrets"));
    let second = body(40) + &wrapped("-----END RSA PRIVATE KEY-----") + &wrapped("after");
    scene.write("logs/app.log", first + &second);
    scene.run_to_end(scene.settings().with("LOGSKIFF_REDACT", "secrets"));
    let messages = scene.messages();
    assert_eq!(messages.len(), 1 + 120 + 40 + 2);
    for message in &messages {
        check("a message", &message.payload);
    }
    assert!(String::from_utf8_lossy(&messages.last().unwrap().payload).contains("after"), "and what follows is shown");
}

/// Goal: the canaries are found where they are; otherwise the tests above could not fail.
#[test]
fn the_check_can_fail() {
    for text in [
        "x zebra y",
        "4111 1111-1111 1111",
        r#"{"a":["\u007aebra"]}"#,
        r#"{"z\u0065bra":1}"#,
        "q=%7Aebra",
        "a_b64=YSB6ZWJyYTQ4",
    ] {
        assert!(std::panic::catch_unwind(|| check("here", text.as_bytes())).is_err(), "{text}");
    }
}

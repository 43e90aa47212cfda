//! The same in every mode and with every output at once: Kafka with its topics, keys and headers, syslog, stdout, the
//! log at its most verbose, HTTP, the termination message, the checkpoint. And across the borders of chunks.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::thread;

use super::PATIENCE;
use super::canary::{SECRET_NAME, check, check_all_of, check_state, plant};
use crate::support::scene::Scene;
use crate::support::{http, wait_until};

/// `CHUNK_BYTES` of the shipper: the size of one read.
const CHUNK_BYTES: usize = 128 << 10;

/// The key of tokens.
const KEY: &str = "zebra-0123456789abcdef-0123456789abcdef";

/// Receives all connections, one after another, until the test's process ends.
fn syslog() -> (String, std::sync::mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut bytes = Vec::new();
            // A broken connection has sent its data before.
            let _ = stream.unwrap().read_to_end(&mut bytes);
            if sender.send(bytes).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

/// Ships the planted secrets in one mode; returns every place where they could have gone.
#[track_caller]
fn check_mode(mode: &str, message: &str) {
    let scene = Scene::new();
    plant(&scene, true);
    scene.write("termination", "");
    let (address, received) = syslog();
    let path = |name: &str| scene.path(name).display().to_string();
    let settings = scene
        .settings()
        .with("LOGSKIFF_PARSE", "auto")
        .with("LOGSKIFF_REDACT", "secrets,pii")
        .with("LOGSKIFF_REDACT_RULE_ORDER", r"order=(?<secret>\w+)")
        .with("LOGSKIFF_REDACT_MODE", mode)
        .with("LOGSKIFF_REDACT_KEY", KEY)
        .with("LOGSKIFF_LINE_BYTES_MAX", "1KiB")
        .with("LOGSKIFF_LABELS_FILE", &path("labels"))
        .with("LOGSKIFF_FIELDS", "contact={label.contact},from={file}")
        .with("LOGSKIFF_KAFKA_TOPIC", "logs-{field.mail:none}-{label.contact}")
        .with("LOGSKIFF_KAFKA_KEY", "{field.mail}{label.contact}{file}")
        .with("LOGSKIFF_KAFKA_HEADERS", "mail={field.mail},contact={label.contact},file={file}")
        .with("LOGSKIFF_EVENT_ID", "header")
        .with("LOGSKIFF_OUTPUT", "kafka,syslog,stdout")
        .with("LOGSKIFF_SYSLOG_ADDRESS", &address)
        .with("LOGSKIFF_SYSLOG_ENCODING", message)
        .with("LOGSKIFF_SYSLOG_MSG_ID", "{field.mail}")
        .with("LOGSKIFF_TERMINATION_LOG", &path("termination"))
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
        .with("LOGSKIFF_EXIT", &format!("file:{}", path("done")))
        .with("LOGSKIFF_LOG", "trace");
    let mut sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    let value = |name: &str| {
        let samples = http::scrape(&address).unwrap_or_default();
        samples.iter().filter(|(sample, _)| sample.starts_with(name)).map(|(_, value)| value).sum::<f64>()
    };
    wait_until("all is settled", PATIENCE, || {
        value("logskiff_read_bytes_total") > 0.0 && value("logskiff_lag_bytes") < 0.5
    });
    assert!(value("logskiff_redactions_total") > 10.0);
    let dropped = value("logskiff_dropped_records_total{input=\"default\",reason=\"redact_rule\"}");
    assert_eq!(dropped > 10.0, mode == "drop", "{dropped} records were dropped");
    for page in ["/metrics", "/ledger", "/livez", "/readyz", "/zebra"] {
        let (_, body) = http::get(&address, page).unwrap();
        assert!(page != "/ledger" || body.contains("app.log"), "{body}");
        check(page, body.as_bytes());
    }
    scene.write("done", "");
    let (status, _) = sidecar.wait(PATIENCE);
    assert!(status.success(), "it ended with {status}");

    let topics = scene.kafka().topics();
    let mut messages = Vec::new();
    for topic in topics.iter().filter(|topic| topic.starts_with("logs-")) {
        check("a topic", topic.as_bytes());
        messages.extend(scene.kafka().received(topic));
    }
    assert!(messages.len() >= if mode == "drop" { 1 } else { 60 }, "{} records in {topics:?}", messages.len());
    for message in &messages {
        check("a message", &message.payload);
        check("a key", message.key.as_deref().unwrap_or_default());
        check("headers", format!("{:?}", message.headers).as_bytes());
    }
    let sent = received.recv_timeout(PATIENCE).unwrap();
    assert!(sent.windows(7).any(|bytes| bytes == b"app.log"), "{} bytes of syslog", sent.len());
    check("syslog", &sent);
    for place in ["sidecar.out", "sidecar.log", "termination"] {
        assert!(fs::metadata(scene.path(place)).unwrap().len() > 0, "{place} is empty");
        check_all_of(&scene.path(place));
    }
    check_state(&scene);
    assert!(scene.path("logs").join(SECRET_NAME).exists());
}

#[test]
fn no_secret_leaks_in_mode_mask() {
    check_mode("mask", "json");
}

#[test]
fn no_secret_leaks_in_mode_remove() {
    check_mode("remove", "raw");
}

#[test]
fn no_secret_leaks_in_mode_partial() {
    check_mode("partial", "raw");
}

#[test]
fn no_secret_leaks_in_mode_token() {
    check_mode("token", "json");
}

#[test]
fn no_secret_leaks_in_mode_drop() {
    check_mode("drop", "raw");
}

/// Lines that end `left` bytes before the end of a chunk, and then the text.
fn before_the_border(left: usize, text: &str) -> String {
    let line = format!("{}\n", ".".repeat(999));
    let whole = (CHUNK_BYTES - left) / line.len();
    let rest = CHUNK_BYTES - left - whole * line.len();
    let short = if rest == 0 { String::new() } else { format!("{}\n", ".".repeat(rest - 1)) };
    format!("{}{short}{text}", line.repeat(whole))
}

/// Goal: a chunk ends inside a secret, at each of its bytes.
#[test]
fn no_secret_leaks_across_chunks() {
    let scene = Scene::new();
    let line = "x password=zebrazebrazebra by zebra@example.org y\n";
    let key =
        "-----BEGIN PRIVATE KEY-----\nMIIEzebrazebrazebra\nQWERzebrazebrazebra\n-----END PRIVATE KEY-----\nafter\n";
    let mut long = String::new();
    for left in 0..line.len() {
        scene.write(&format!("logs/app.log-line-{left}"), before_the_border(left, line));
        // In a line that is longer than a chunk.
        writeln!(long, "{}{line}", ".".repeat(CHUNK_BYTES - left)).unwrap();
    }
    for left in (0..key.len()).step_by(3) {
        scene.write(&format!("logs/app.log-key-{left}"), before_the_border(left, key));
    }
    scene.write("logs/app.log-long", &long);
    let settings = scene.settings().with("LOGSKIFF_PARSE", "auto").with("LOGSKIFF_REDACT", "secrets,pii");
    scene.run_to_end(settings.with("LOGSKIFF_OUTPUT", "kafka,stdout").with("LOGSKIFF_LINE_BYTES_MAX", "200KiB"));
    let shipped = fs::read(scene.path("sidecar.out")).unwrap();
    check("stdout", &shipped);
    let count = |text: &str| memchr::memmem::find_iter(&shipped, text).count();
    assert_eq!(count("<redacted:email> y"), 2 * line.len());
    assert_eq!(count("\"after\""), key.len().div_ceil(3));
}

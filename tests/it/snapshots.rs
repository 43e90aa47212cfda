//! Texts that users read: records, messages, output of the commands and the log of a run.
//!
//! A changed snapshot fails its test. `INSTA_UPDATE=always cargo test --test it snapshots::` writes the present texts
//! to `tests/it/snapshots`, and a reviewer reads the difference.

use std::io::Read;
use std::os::unix::net::UnixListener;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;
use regex::{Captures, Regex};

use crate::support::scene::{Scene, TOPIC};
use crate::support::sidecar::Settings;
use crate::support::{http, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
/// The date of the lines' own times, which stay unchanged.
const DAY: [&str; 2] = ["2001-02-03T", "Feb  3 "];
const LINES: &str = concat!(
    r#"{"time":"2001-02-03T04:05:06.5Z","level":"warn","message":"login failed","user":{"id":7},"password":"hunter2"}"#,
    "\n2001-02-03T04:05:07Z ERROR no answer from ada@example.org\n{\"half\":\n",
);

/// Lines of a pod, parsed and redacted.
fn with_pod(settings: Settings) -> Settings {
    [
        ("LOGSKIFF_PARSE", "auto"),
        ("LOGSKIFF_REDACT", "password,email"),
        ("LOGSKIFF_FIELDS", "team=shop"),
        ("POD_NAME", "shop-1"),
        ("POD_NAMESPACE", "prod"),
        ("POD_UID", "6d1f3c1e"),
        ("NODE_NAME", "node-1"),
        ("CONTAINER_NAME", "app"),
    ]
    .iter()
    .fold(settings, |settings, (name, value)| settings.with(name, value))
}

/// A text without parts that differ from run to run: the folder, ports, times, and ids that come from inodes.
fn steady(scene: &Scene, text: &str) -> String {
    let text =
        text.replace(scene.folder().to_str().unwrap(), "[folder]").replace(env!("CARGO_PKG_VERSION"), "[version]");
    let times = Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d").unwrap();
    let text = times.replace_all(&text, |found: &Captures<'_>| {
        if DAY.iter().any(|day| found[0].starts_with(day)) { found[0].to_owned() } else { "[time]".to_owned() }
    });
    [(r"127\.0\.0\.1:\d+", "[address]"), (r"\b[0-9a-f]{24}-", "[origin]-")]
        .iter()
        .fold(text.into_owned(), |text, (pattern, name)| {
            Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
        })
}

fn output(settings: &Settings, arguments: &[&str]) -> Output {
    let command: Command = settings.command();
    let mut asked = Command::new(command.get_program());
    asked.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    asked.args(arguments).output().unwrap()
}

#[test]
fn records_for_kafka() {
    let scene = Scene::new();
    scene.write("logs/app.log", LINES);
    scene.run_to_end(with_pod(scene.settings()));
    let record = |message| steady(&scene, &String::from_utf8_lossy(message));
    let records: Vec<String> = scene.messages().iter().map(|message| record(&message.payload)).collect();
    assert_snapshot!(records.join("\n"));
}

#[test]
fn messages_for_syslog() {
    for format in ["rfc5424", "rfc3164"] {
        let scene = Scene::new();
        scene.write("logs/app.log", LINES);
        let path = scene.path("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let reader = thread::spawn(move || {
            let mut messages = String::new();
            listener.accept().unwrap().0.read_to_string(&mut messages).unwrap();
            messages
        });
        let settings = Settings::syslog(scene.folder(), &format!("unix://{}", path.display()))
            .with("LOGSKIFF_SYSLOG_FORMAT", format)
            .with("LOGSKIFF_SYSLOG_FRAMING", "newline")
            .with("LOGSKIFF_SYSLOG_BOM", "off");
        scene.run_to_end(with_pod(settings));
        assert_snapshot!(format, steady(&scene, &reader.join().unwrap()));
    }
}

#[test]
fn an_answer_of_check() {
    let scene = Scene::new();
    let settings = with_pod(Settings::new(scene.folder(), "kafka:9092", TOPIC))
        .with("LOGSKIFF_OUTPUT", "kafka,syslog")
        .with("LOGSKIFF_SYSLOG_ADDRESS", "tcp://rsyslog:514");
    let good = output(&settings, &["check"]);
    assert!(good.status.success(), "{good:?}");
    assert_snapshot!("check", steady(&scene, &String::from_utf8_lossy(&good.stdout)));
    let wrong = settings
        .without("LOGSKIFF_KAFKA_BROKERS")
        .with("LOGSKIFF_START", "beginning")
        .with("LOGSKIFF_LINGER", "5")
        .with("LOGSKIFF_REDACTT", "secrets");
    let bad = output(&wrong, &["check"]);
    assert_eq!(bad.status.code(), Some(78));
    assert_snapshot!("check_mistakes", steady(&scene, &String::from_utf8_lossy(&bad.stderr)));
}

/// As words: the width of a column depends on the folder's name.
#[test]
fn answers_of_status() {
    let scene = Scene::new();
    scene.write("logs/app.log", "one\ntwo\n");
    let words = |settings: &Settings| {
        let answer = output(settings, &["status"]);
        assert!(answer.status.success(), "{answer:?}");
        let text = steady(&scene, &String::from_utf8_lossy(&answer.stdout));
        let text = Regex::new(r"(?m)^/\S*app\.log").unwrap().replace_all(&text, "[log]").into_owned();
        Regex::new(r" {2,}").unwrap().replace_all(&text, "  ").into_owned()
    };
    let mut sidecar = scene.start(&scene.observed());
    let running = scene.observed().with("LOGSKIFF_HTTP_LISTEN", &http::address(&sidecar));
    wait_until("the acknowledgement", PATIENCE, || words(&running).contains("acknowledged 8 B"));
    let seconds = Regex::new(r"\d+(\.\d+)?( ?m?s)\b").unwrap();
    assert_snapshot!("status", seconds.replace_all(&words(&running), "[n]$2"));
    sidecar.terminate();
    assert!(sidecar.wait(PATIENCE).0.success());
    scene.append_log("app.log", "three\n");
    assert_snapshot!("status_of_the_checkpoint", words(&running));
}

/// Everything except how far the process was confined, which depends on the machine.
#[test]
fn the_log_of_a_run() {
    let scene = Scene::new();
    scene.write("logs/app.log", LINES);
    let sidecar = scene.run_to_end(with_pod(scene.settings()));
    let log = sidecar.stderr();
    let mut lines: Vec<&str> = log.lines().filter(|line| !line.contains("confined\"")).collect();
    // Another thread says this before or after the file is opened.
    let reached = lines.iter().position(|line| line.contains("Kafka is reached")).expect("Kafka is reached");
    lines[1..=reached].rotate_right(1);
    assert_snapshot!(steady(&scene, &lines.join("\n")));
}

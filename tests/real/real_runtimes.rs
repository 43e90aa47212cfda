//! Real runtimes and servers write logs, which go through the program: every event is one record, with the bytes that its
//! runtime wrote.
//!
//! `.ci/runtimes-install DIR`, then `LOGSKIFF_TEST_RUNTIMES=DIR cargo test --test real real_runtimes:: -- --nocapture`.
//!
//! The programs are those that wrote the corpora of `tests/it/multiline`. Where an event begins is never parsed from a log: a
//! program puts a marker before each event, and of a server each event is what its log grew by after one question.

mod single_lines;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::installed;
use crate::support::scene::Scene;

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/it/multiline/programs");
const MARKER: &str = "%%%% event\n";
/// Different events of several lines that each runtime writes at least.
const EVENTS_MIN: usize = 3;
/// Kinds of each runtime that need no libraries but those of `.ci/runtimes-install`.
const RUNTIMES: [(&str, &[&str]); 8] = [
    (
        "java",
        &[
            "nested-causes.logback",
            "suppressed-causes.log4j2",
            "stack.jul",
            "message-before-frames.logback",
            "uncaught.none",
        ],
    ),
    ("python", &["chained.logging-time", "group.logging-time", "notes.logging-time", "request.flask", "uncaught.none"]),
    (
        "go",
        &[
            "stack.zap",
            "wrapped.zap-development",
            "messages-between-stacks.log",
            "handler-panic.log",
            "panics-between.slog",
            "panics.none",
        ],
    ),
    (
        "node",
        &[
            "causes-argument.console",
            "properties-argument.console",
            "async-stack.console",
            "uncaught.none",
            "rejections.none",
        ],
    ),
    ("ruby", &["flush-frames.logger", "tagged.rails-tagged", "job.sidekiq", "uncaught.none"]),
    ("php", &["chained.monolog", "next.error_log", "fatal.error_log", "shown.none"]),
    (
        "rust",
        &[
            "chained.tracing",
            "backtrace-in-span.tracing-pretty",
            "panics-between.tracing",
            "panics.none",
            "backtraces.none",
        ],
    ),
    ("system", &["errors.postgresql", "statements.postgresql", "requests.nginx"]),
];

/// Standard output of one of the programs.
#[track_caller]
fn written(runtime: &str, folder: &Path, kind: &str, input: Stdio) -> String {
    let mut program = Command::new(Path::new(PROGRAMS).join("write"));
    let done = program.args([runtime.as_ref(), folder.as_os_str(), kind.as_ref()]).stdin(input).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{runtime} {kind} ended with {}: {errors}{text}", done.status);
    text
}

/// The events of a log with markers, without the markers.
#[track_caller]
fn events(text: &str) -> Vec<&str> {
    let mut parts = text.split(MARKER);
    assert_eq!(parts.next(), Some(""), "a log begins with a marker");
    parts.collect()
}

/// An event as a record has it: without the blank lines around it, and without carriage returns at line ends.
fn message(event: &str) -> String {
    let lines: Vec<&str> = event.lines().collect();
    let is_text = |line: &&str| !line.trim_ascii().is_empty();
    let first = lines.iter().position(is_text).expect("an event has text");
    let last = lines.iter().rposition(is_text).expect("an event has text");
    lines[first..=last].join("\n")
}

/// Runs over logs at their whole length, each of these events, and checks that each event is a record.
#[track_caller]
fn assert_each_event_is_a_record(logs: &BTreeMap<String, Vec<&str>>) {
    let scene = Scene::new();
    for (name, events) in logs {
        scene.write(&format!("logs/{name}.log"), events.concat());
    }
    let settings = scene
        .to_stdout()
        .with("LOGSKIFF_REDACT", "none")
        .with("LOGSKIFF_REDACT_FIELDS", "none")
        .with("LOGSKIFF_ANSI", "keep");
    let sidecar = scene.run_to_end(settings);
    let mut records: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in sidecar.stdout().lines() {
        let record: Value = serde_json::from_str(record).unwrap();
        let path = PathBuf::from(record["log.file.path"].as_str().unwrap());
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        records.entry(name).or_default().push(record["message"].as_str().unwrap().to_owned());
    }
    let mut wrong = Vec::new();
    for (name, events) in logs {
        let expected: Vec<String> = events.iter().map(|event| message(event)).collect();
        let arrived = records.remove(name).unwrap_or_default();
        if let Some(at) = (0..expected.len().max(arrived.len())).find(|at| expected.get(*at) != arrived.get(*at)) {
            wrong.push(format!("{name}, event {at}: {:?}\nis the record: {:?}", expected.get(at), arrived.get(at)));
        }
    }
    assert!(records.is_empty(), "records of other files: {:?}", records.keys());
    assert!(wrong.is_empty(), "{} of {} logs:\n{}", wrong.len(), logs.len(), wrong.join("\n"));
}

/// The folder of the programs, if there is one.
fn programs() -> Option<PathBuf> {
    installed("LOGSKIFF_TEST_RUNTIMES", ".ci/runtimes-install").map(|folder| fs::canonicalize(folder).unwrap())
}

#[test]
fn each_event_of_a_runtime_is_one_record() {
    let Some(folder) = programs() else { return };
    let mut texts = BTreeMap::new();
    for (runtime, kinds) in RUNTIMES {
        for kind in kinds {
            texts.insert(format!("{runtime}-{kind}"), written(runtime, &folder, kind, Stdio::null()));
        }
    }
    let logs: BTreeMap<String, Vec<&str>> = texts.iter().map(|(name, text)| (name.clone(), events(text))).collect();
    for (runtime, kinds) in RUNTIMES {
        let of_runtime = || kinds.iter().flat_map(|kind| &logs[&format!("{runtime}-{kind}")]);
        let several = of_runtime().filter(|event| message(event).contains('\n')).count();
        eprintln!("{runtime}: {} events, {several} of them of several lines", of_runtime().count());
        assert!(several >= EVENTS_MIN, "{runtime} wrote only {several} events of several lines");
    }
    assert_each_event_is_a_record(&logs);
}

#[test]
fn the_comparison_tells_records_apart() {
    assert_eq!(events("%%%% event\na\n%%%% event\n\n b\r\n\n"), ["a\n", "\n b\r\n\n"]);
    assert_eq!(message("\n  \n b\r\n\n c\n \n"), " b\n\n c");
}

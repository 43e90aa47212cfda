//! The loggers that come with runtimes, and some libraries that programs of the tests use.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Log, ZONE};
use crate::support::installed;
use crate::support::scene::Scene;

const WRITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/it/multiline/programs/write");
const TEXT: &str = "order 17 is late";

/// Runs a program in the zone of the tests with an input; returns its process id and what it wrote to either output.
#[track_caller]
fn run(command: &mut Command, input: &str) -> (u32, String) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let piped = command.env("TZ", ZONE).stdin(Stdio::piped()).stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut process = piped.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // The command would keep the pipe open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
    assert!(process.wait().unwrap().success(), "{command:?}: {text}");
    (process.id(), text)
}

/// What a logger makes of the text, with the level `info`.
#[track_caller]
fn logged(programs: &Path, runtime: &str, logger: &str) -> Log {
    let start = SystemTime::now();
    let mut command = Command::new(WRITE);
    let (_, text) = run(command.arg(runtime).arg(programs).arg(format!("lines.{logger}")), &format!("{TEXT}\n"));
    let event = text.split("%%%% event\n").find(|event| event.contains(TEXT));
    Log::new(event.unwrap_or_else(|| panic!("{runtime} {logger}: {text}")).to_owned(), start, TEXT, Some("info"))
}

fn programs() -> Option<std::path::PathBuf> {
    installed("LOGSKIFF_TEST_RUNTIMES", ".ci/runtimes-install").map(|folder| folder.canonicalize().unwrap())
}

#[test]
fn python() {
    let Some(programs) = programs() else { return };
    for logger in ["logging-time", "logging-dashes"] {
        let log = logged(&programs, "python", logger);
        log.assert_by_both("python", TEXT, &[("log.logger", json!("shop.orders"))]);
    }
}

#[test]
fn node() {
    const PROGRAM: &str = r#"console.error(JSON.stringify({level: "error", time: new Date(), pid: process.pid, msg: "order 17 is late", order: {id: 17}}))"#;
    if programs().is_none() {
        return;
    }
    let start = SystemTime::now();
    let (pid, text) = run(Command::new("node").args(["-e", PROGRAM]), "");
    let log = Log::new(text, start, TEXT, Some("error"));
    for parse in ["auto", "json"] {
        log.assert_by_preset(parse, TEXT, &[("pid", json!(pid)), ("order", json!({"id": 17}))]);
    }
}

#[test]
fn java() {
    const PROGRAM: &str = r#"package org.example;
class Shop {
    public static void main(String[] arguments) {
        java.util.logging.Logger.getLogger("org.example.Shop").severe("order 17 is late");
    }
}"#;
    let Some(programs) = programs() else { return };
    let logger = |name: &str| [("log.logger", json!(name)), ("process.thread.name", json!("main"))];
    logged(&programs, "java", "logback").assert_by_both("logback", TEXT, &logger("org.example.shop.OrderService"));
    logged(&programs, "java", "log4j2").assert_by_both("log4j", TEXT, &logger("o.e.s.OrderService"));
    let scene = Scene::new();
    scene.write("Shop.java", PROGRAM);
    let start = SystemTime::now();
    let (_, text) = run(Command::new("java").arg(scene.path("Shop.java")), "");
    let message = text.trim_end().to_owned();
    let log = Log { records: 1, ..Log::new(text, start, "SEVERE: order 17", Some("error")) };
    log.assert_by_preset("auto", &message, &[]);
}

#[test]
fn go() {
    let Some(programs) = programs() else { return };
    for logger in ["log", "slog-default", "zap"] {
        let level = (logger != "log").then_some("info");
        Log { level, ..logged(&programs, "go", logger) }.assert_by_default();
    }
    let order: [(&str, Value); 1] = [("order", json!("17"))];
    for logger in ["slog", "logrus"] {
        let log = logged(&programs, "go", logger);
        for parse in ["auto", "logfmt"] {
            log.assert_by_preset(parse, TEXT, &order);
        }
    }
}

#[test]
fn ruby() {
    const PROGRAM: &str = r#"Logger.new($stdout, progname: "shop").error("order 17 is late")"#;
    if programs().is_none() {
        return;
    }
    let start = SystemTime::now();
    let (pid, text) = run(Command::new("ruby").args(["-rlogger", "-e", PROGRAM]), "");
    let log = Log::new(text, start, TEXT, Some("error"));
    log.assert_by_both("rails", TEXT, &[("process.pid", json!(pid)), ("log.logger", json!("shop"))]);
}

#[test]
fn php() {
    const PROGRAM: &str = r#"error_log("order 17 is late"); echo $total;"#;
    if programs().is_none() {
        return;
    }
    let scene = Scene::new();
    let log = scene.path("php.log");
    let settings =
        ["log_errors=1", "display_errors=0", &format!("date.timezone={ZONE}"), &format!("error_log={}", log.display())];
    let start = SystemTime::now();
    let mut command = Command::new("php");
    run(command.args(settings.iter().flat_map(|setting| ["-d", setting])).args(["-r", PROGRAM]), "");
    let text = std::fs::read_to_string(&log).unwrap();
    Log::new(text.clone(), start, TEXT, None).assert_by_default();
    Log::new(text, start, "PHP Warning", Some("warn")).assert_by_default();
}

//! Pipes and devices in the place of files that are read again: they have no writer, and logskiff does not wait for
//! one.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::PATIENCE;
use crate::support::authority::Authority;
use crate::support::scene::{Scene, TOPIC};
use crate::support::sidecar::Settings;
use crate::support::wait_until;

/// Replaces a file by a pipe, atomically as Kubernetes does.
fn swap_for_pipe(path: &Path) {
    let aside = path.with_extension("aside");
    mknodat(CWD, &aside, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    fs::rename(&aside, path).unwrap();
}

/// A broker that is never reached, with the settings `variables`.
fn secured(scene: &Scene, variables: &[(&str, &str)]) -> Settings {
    let settings = scene.observed().with("LOGSKIFF_DRAIN_TIMEOUT", "1s").with("LOGSKIFF_LOG_FORMAT", "json");
    variables.iter().fold(settings, |settings, (name, value)| settings.with(name, value))
}

const PASSWORD: [(&str, &str); 2] = [("LOGSKIFF_KAFKA_SASL", "plain"), ("LOGSKIFF_KAFKA_USERNAME", "me")];
const TLS: [(&str, &str); 1] = [("LOGSKIFF_KAFKA_TLS", "on")];
const TOKEN: [(&str, &str); 1] = [("LOGSKIFF_KAFKA_SASL", "oauthbearer")];
/// The variables that name a file, with the other variables that they need.
const NAMED: [(&str, &[(&str, &str)]); 5] = [
    ("LOGSKIFF_LABELS_FILE", &[]),
    ("LOGSKIFF_KAFKA_PASSWORD_FILE", &PASSWORD),
    ("LOGSKIFF_KAFKA_TLS_CA_FILE", &TLS),
    ("LOGSKIFF_KAFKA_TOKEN_FILE", &TOKEN),
    ("LOGSKIFF_REDACT_KEY_FILE", &[]),
];

/// Goal: a file that becomes a pipe at run time is reported, and SIGTERM still ends the process.
#[test]
fn a_file_that_becomes_a_pipe_blocks_nothing() {
    let authority = Authority::new("logs");
    let pem = fs::read(authority.certificate()).unwrap();
    let pem = String::from_utf8(pem).unwrap();
    let renewed = "cannot create a Kafka client from the changed files";
    let word = |variable: &str| match variable {
        "LOGSKIFF_LABELS_FILE" => Some("cannot read LOGSKIFF_LABELS_FILE"),
        "LOGSKIFF_KAFKA_PASSWORD_FILE" | "LOGSKIFF_KAFKA_TLS_CA_FILE" => Some(renewed),
        _ => None,
    };
    for (variable, needed) in NAMED.into_iter().filter(|(variable, _)| *variable != "LOGSKIFF_REDACT_KEY_FILE") {
        let scene = Scene::new();
        let file = scene.path("named");
        fs::write(&file, if variable.ends_with("CA_FILE") { &pem } else { "team=\"shop\"\n" }).unwrap();
        let settings = secured(&scene, needed).with(variable, &file.display().to_string());
        let mut sidecar = scene.start(&settings);
        wait_until("the start", PATIENCE, || sidecar.stderr().contains("answering HTTP"));
        swap_for_pipe(&file);
        if let Some(word) = word(variable) {
            wait_until(word, PATIENCE, || sidecar.stderr().contains(word));
        }
        sidecar.terminate();
        sidecar.wait(PATIENCE);
    }
}

/// Goal: the same at the start: it starts without the file, or ends with the reason. `env` and `check` always end.
#[test]
fn a_pipe_at_the_start_blocks_nothing() {
    for (variable, needed) in NAMED {
        for (special, is_pipe) in [("named", true), ("/dev/zero", false)] {
            let scene = Scene::new();
            let file = if is_pipe { scene.path(special) } else { special.into() };
            if is_pipe {
                swap_for_pipe(&file);
            }
            let settings = secured(&scene, needed).with(variable, &file.display().to_string());
            for command in [&["check"][..], &["env", "--effective"]] {
                let mut process =
                    settings.command().args(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                let what = format!("{variable}={special}: the end of {command:?}");
                wait_until(&what, PATIENCE, || process.try_wait().unwrap().is_some());
            }
            let mut sidecar = scene.start(&settings);
            wait_until("the start, or a mistake", PATIENCE, || {
                let log = sidecar.stderr();
                log.contains("answering HTTP") || log.contains(&format!("{variable}: "))
            });
            if sidecar.stderr().contains("answering HTTP") {
                sidecar.terminate();
            }
            sidecar.wait(PATIENCE);
        }
    }
}

/// Goal: pipes in the state directory and for the termination message are errors, but do not end the process.
#[test]
fn pipes_in_the_state_directory_do_not_block() {
    for name in
        ["state/checkpoint.json", "state/checkpoint.json.new", "state/checkpoint.synced.json", "termination-log"]
    {
        let scene = Scene::new();
        fs::create_dir_all(scene.path("state")).unwrap();
        let settings = scene.observed();
        _ = fs::remove_file(scene.path(name));
        swap_for_pipe(&scene.path(name));
        scene.append_log("app.log", "line\n");
        let sidecar = scene.start(&settings);
        wait_until("the line", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
        sidecar.drain(PATIENCE);
    }
}

/// Goal: no core is written after a crash, whatever the limit of the parent process.
#[test]
fn no_core_is_dumped() {
    let scene = Scene::new();
    let sidecar = scene.start(&scene.observed().through(&["sh", "-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\""]));
    wait_until("the start", PATIENCE, || sidecar.stderr().contains("answering HTTP"));
    let limits = fs::read_to_string(format!("/proc/{}/limits", sidecar.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    sidecar.drain(PATIENCE);
}

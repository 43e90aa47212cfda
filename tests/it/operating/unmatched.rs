//! Globs that match nothing, logs that no glob matches, and files that may not be read.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::Value;

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::{http, wait_until};

fn put(scene: &Scene, name: &str) {
    fs::create_dir_all(scene.path(name).parent().unwrap()).unwrap();
    scene.write(name, "a line\n");
}

/// What is logged about the globs `paths`, separated by commas, of which each is beneath the scene's folder.
fn logged(scene: &Scene, paths: &str) -> Vec<Value> {
    let paths: Vec<String> = paths.split(',').map(|path| scene.path(path).display().to_string()).collect();
    let settings = scene.to_stdout().with("LOGSKIFF_PATHS", &paths.join(",")).with("LOGSKIFF_LOG", "warn");
    let log = scene.run_to_end(settings).stderr();
    let lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|line: &Value| line["message"].as_str().is_some_and(|text| text.contains("glob"))).collect()
}

/// Goal: a glob without a match is logged once, with the cause.
#[test]
fn a_glob_that_matches_nothing_is_logged_with_the_cause() {
    #[track_caller]
    fn check(files: &[&str], paths: &str, cause: &str) {
        let scene = Scene::new();
        for name in files {
            put(&scene, name);
        }
        let logged = logged(&scene, paths);
        let [line] = &logged[..] else { panic!("{paths}: {logged:?}") };
        let why = line["why"].as_str().unwrap();
        assert!(line["level"] == "WARN" && line["input"] == "default" && why.contains(cause), "{paths}: {line}");
    }
    check(&[], "volume/*.log", "/volume in this container; is the volume mounted?");
    check(&[], "volume/**/*.log", "/volume in this container; is the volume mounted?");
    check(&["logs/app.log"], "logs", "this is a directory, not a file; write ");
    check(&["logs/app.log", "empty/sub/x"], "logs/*.log,empty/*.log", "there is no other file in ");
    check(&["logs/app.json", "logs/b.json"], "logs/*.log", "2 other files are there, such as ");
    check(&["logs/app.json"], "logs/*.log", "1 other file is there: ");
    check(&["logs/app.log"], "logs/app.log/*.log", "cannot be listed: not a directory");
    // One glob matches, and a log beside it none.
    check(&["logs/app.log", "logs/app.json"], "logs/*.log", "app.json and no glob matches; if these are logs");
}

#[test]
fn nothing_is_logged_of_what_is_read_or_no_log() {
    let scene = Scene::new();
    for name in ["logs/app.log", "logs/app.log.1", "logs/app-2026-11-23.log", "logs/app.pid", "logs/.hidden/x.json"] {
        put(&scene, name);
    }
    assert_eq!(logged(&scene, "logs/*.log"), [] as [Value; 0]);
    // Deeper than the glob.
    put(&scene, "logs/other/deep.json");
    assert_eq!(logged(&scene, "logs/*.log"), [] as [Value; 0]);
}

#[test]
fn check_warns_of_globs() {
    let scene = Scene::new();
    let path = scene.path("volume/*.log").display().to_string();
    let settings = scene.to_stdout().with("LOGSKIFF_PATHS", &path);
    let output = settings.command().arg("check").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let warning = format!("warning: input default, {path}: there is no directory ");
    assert!(output.status.success() && printed.contains(&warning), "{printed}");
}

/// Goal: lines that are truncated are logged with their file, once for each file.
#[test]
fn truncated_lines_are_logged_by_file() {
    let scene = Scene::new();
    let line = "x".repeat(5_000) + "\n";
    scene.append_log("one.log", line.repeat(3));
    scene.append_log("two.log", &line);
    let settings = scene.to_stdout().with("LOGSKIFF_LINE_BYTES_MAX", "1KiB").with("LOGSKIFF_LOG", "warn");
    let log = scene.run_to_end(settings).stderr();
    for name in ["one.log", "two.log"] {
        let is_it = |line: &&str| line.contains("LOGSKIFF_LINE_BYTES_MAX") && line.contains(name);
        assert_eq!(log.lines().filter(is_it).count(), 1, "{name}: {log}");
    }
}

/// Goal: mistakes are in the termination message, where Kubernetes shows them.
#[test]
fn mistakes_are_in_the_termination_message() {
    let scene = Scene::new();
    let settings = scene.observed().with("LOGSKIFF_PARSE", "jason");
    let (status, _) = scene.start(&settings).wait(PATIENCE);
    assert_eq!(status.code(), Some(78));
    let message = scene.termination_message();
    assert!(message.starts_with("LOGSKIFF_PARSE: \"jason\" "), "{message}");
}

/// Goal: a file without the right to read it has a row with what to do, counts as unread, and is a metric.
#[test]
fn an_unreadable_file_is_seen_everywhere() {
    let scene = Scene::new();
    scene.append_log("app.log", "a line\n");
    scene.append_log("root.log", "0123456789\n");
    fs::set_permissions(scene.log("root.log"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut settings = scene.to_stdout().with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0");
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        settings = settings.through(&["setpriv", "--bounding-set=-dac_override,-dac_read_search"]);
    }
    let sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    let metrics = || http::get_plain(&address, "/metrics").expect("an answer");
    wait_until("the metric", PATIENCE, || metrics().contains("logskiff_unreadable_files{input=\"default\"} 1"));
    wait_until("its bytes", PATIENCE, || metrics().contains("logskiff_unread_bytes{input=\"default\"} 11"));
    let ledger: Value = serde_json::from_str(&http::get(&address, "/ledger").unwrap().1).unwrap();
    let row = &ledger["not_read"]["files"][0];
    assert!(row["input"] == "default" && row["state"] == "refused", "{row}");
    assert!(row["reason"].as_str().unwrap().contains("fsGroup"), "{row}");
    fs::set_permissions(scene.log("root.log"), fs::Permissions::from_mode(0o644)).unwrap();
    wait_until("it to be read", PATIENCE, || metrics().contains("logskiff_unreadable_files{input=\"default\"} 0"));
    wait_until("all to be read", PATIENCE, || metrics().contains("logskiff_unread_bytes{input=\"default\"} 0"));
}

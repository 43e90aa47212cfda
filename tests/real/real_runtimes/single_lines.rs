//! Lines of many kinds, half of them written by programs that the test starts: every line is a record of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{PROGRAMS, assert_each_event_is_a_record, events, programs, written};
use crate::support::scene::Scene;

const LINES_MIN: usize = 40_000;
const KINDS_MIN: usize = 16;
/// Fewer lines of a program than this are a sign that it failed.
const OF_PROGRAM_MIN: usize = 40;
/// Lines of each kind that is made up, and of each log library.
const OF_KIND: &str = "1000";
/// Loggers that are given lines with the words of traces.
const LOGGERS: [(&str, &str); 16] = [
    ("java", "logback"),
    ("java", "log4j2"),
    ("python", "logging-time"),
    ("python", "logging-basic"),
    ("python", "logging-dashes"),
    ("python", "flask"),
    ("go", "log"),
    ("go", "slog"),
    ("go", "slog-default"),
    ("go", "zap"),
    ("go", "logrus"),
    ("node", "console"),
    ("ruby", "logger"),
    ("php", "monolog"),
    ("rust", "tracing"),
    ("rust", "tracing-compact"),
];

/// Standard output of one of the Python programs beside `single/events.py`.
#[track_caller]
fn python(program: &str, arguments: &[&str]) -> String {
    let done = Command::new("python3").arg(Path::new(PROGRAMS).join(program)).args(arguments).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// What programs write by themselves, and what loggers write of the lines in a file.
fn of_programs(scene: &Scene, runtimes: &Path, words: &Path) -> BTreeMap<String, String> {
    let folder = scene.path("programs");
    fs::create_dir(&folder).unwrap();
    python("single/programs.py", &[folder.to_str().unwrap()]);
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        texts.insert(name, fs::read_to_string(&path).unwrap());
    }
    for (runtime, prefix) in LOGGERS {
        let input = Stdio::from(File::open(words).unwrap());
        let marked = written(runtime, runtimes, &format!("lines.{prefix}"), input);
        let events = events(&marked);
        let several = events.iter().find(|event| event.lines().count() != 1);
        assert!(several.is_none(), "{runtime} {prefix} did not write a line: {several:?}");
        texts.insert(format!("{runtime}-{prefix}"), events.concat());
    }
    texts
}

#[test]
fn each_line_is_one_record() {
    let Some(runtimes) = programs() else { return };
    let scene = Scene::new();
    let words = python("single/events.py", &["words-of-traces", OF_KIND]);
    scene.write("words", &words);
    let mut texts = of_programs(&scene, &runtimes, &scene.path("words"));
    let counted: BTreeMap<&String, usize> = texts.iter().map(|(kind, text)| (kind, text.lines().count())).collect();
    for (kind, lines) in &counted {
        eprintln!("{kind}: {lines} lines");
        assert!(*lines >= OF_PROGRAM_MIN, "{kind}: {lines} lines: {}", texts[*kind]);
    }
    let by_programs: usize = counted.values().sum();
    for kind in python("single/events.py", &["list"]).lines() {
        texts.insert(format!("made-{kind}"), python("single/events.py", &[kind, OF_KIND]));
    }
    let logs: BTreeMap<String, Vec<&str>> =
        texts.iter().map(|(kind, text)| (kind.clone(), text.split_inclusive('\n').collect())).collect();
    let all: usize = logs.values().map(Vec::len).sum();
    eprintln!("{all} lines of {} kinds, {by_programs} of them written by programs", logs.len());
    assert!(all >= LINES_MIN && logs.len() >= KINDS_MIN && by_programs * 2 >= all, "{all} lines");
    assert_each_event_is_a_record(&logs);
}

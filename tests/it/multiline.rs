//! Logs with events of several lines, as runtimes print them, where each event begins and ends at a known place.
//!
//! `multiline/corpus/RUNTIME/KIND.PREFIX.txt` is the log of one service. KIND names its events of several lines, PREFIX the log
//! library that wrote them: `none` if the runtime itself or a plain print did. Other events stand between them.
//!
//! A line that is exactly `%%%% event` comes before each event. It is not part of the log. The log is what remains without these
//! lines, byte for byte: tabs, blanks at an end, carriage returns, escape codes. An event reaches up to the next marker, with
//! the blank lines that its runtime wrote before and after it. Blank lines at its end may be dropped in a comparison.
//!
//! `multiline/corpus/system` holds logs of servers in the same format. `multiline/corpus/single/KIND.txt` has no markers: every
//! line is a record of its own.
//!
//! `multiline/programs/record RUNTIME` writes the corpus of a runtime again. The program of the runtime puts the markers itself,
//! so a boundary never depends on a parser. The corpus of .NET was written by hand. In the programs of Ruby and PHP the formats
//! of the log libraries are written out; elsewhere the libraries are real. `tests/real/real_runtimes.rs` runs the programs at
//! test time.

mod grammar;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

mod page;
mod rereads;
mod shipped;
mod streams;
mod streams_shipped;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/it/multiline/corpus");
const MARKER: &str = "%%%% event";
const RUNTIMES: [&str; 8] = ["dotnet", "go", "java", "node", "php", "python", "ruby", "rust"];
const KINDS_MIN: usize = 12;
const PREFIXES_MIN: usize = 3;
const SINGLE_KINDS_MIN: usize = 16;

/// Log libraries that some corpus must have.
const PREFIXES: &[&str] = &[
    "gunicorn",
    "jul",
    "log4j2",
    "logback",
    "logging-basic",
    "logging-dashes",
    "logging-time",
    "logrus",
    "loguru",
    "mel",
    "monolog",
    "pino-pretty",
    "rails",
    "serilog",
    "slog",
    "spring-boot",
    "structlog",
    "tracing-compact",
    "tracing-pretty",
    "uvicorn",
    "winston",
    "zap",
];

/// The events of a log, each with its line ends. Text before the first marker is an event too, so that none is lost.
fn events(text: &str) -> Vec<String> {
    let mut events: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.strip_suffix('\n').unwrap_or(line) == MARKER {
            events.push(String::new());
        } else if let Some(event) = events.last_mut() {
            event.push_str(line);
        } else {
            events.push(line.to_owned());
        }
    }
    events
}

fn corpus(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(CORPUS).join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn has_several_lines(event: &str) -> bool {
    event.trim_matches('\n').contains('\n')
}

#[test]
fn the_reader_keeps_every_byte_but_the_markers() {
    let check = |text: &str, expected: &[&str]| assert_eq!(events(text), expected, "{text:?}");
    check("", &[]);
    check("%%%% event\na\n%%%% event\n\n b\r\n\n", &["a\n", "\n b\r\n\n"]);
    check("%%%% event\nsays %%%% event\n%%%% event \n", &["says %%%% event\n%%%% event \n"]);
    check("before\n%%%% event\nno line end", &["before\n", "no line end"]);
    check("%%%% event\n%%%% event\na\n", &["", "a\n"]);
}

#[test]
fn every_runtime_has_enough_kinds_and_prefixes() {
    let mut all = BTreeSet::new();
    for runtime in RUNTIMES {
        let files = corpus(runtime);
        let kinds: BTreeMap<_, _> = files.iter().map(|(name, text)| (name.split_once('.').unwrap().0, text)).collect();
        assert_eq!(kinds.len(), files.len(), "{runtime} has a kind twice");
        let several = kinds.values().filter(|text| events(text).iter().any(|event| has_several_lines(event))).count();
        assert!(several >= KINDS_MIN, "{runtime} has {several} kinds of several lines");
        let prefixes: BTreeSet<_> = files
            .iter()
            .map(|(name, _)| name.split_once('.').unwrap().1.to_owned())
            .filter(|prefix| prefix != "none")
            .collect();
        assert!(prefixes.len() >= PREFIXES_MIN, "{runtime} has only {prefixes:?}");
        all.extend(prefixes);
    }
    let missing: Vec<_> = PREFIXES.iter().filter(|prefix| !all.contains(**prefix)).collect();
    assert!(missing.is_empty(), "no corpus has {missing:?}");
}

#[test]
fn every_log_is_well_formed() {
    for runtime in RUNTIMES.into_iter().chain(["system"]) {
        for (name, text) in corpus(runtime) {
            assert!(text.starts_with(MARKER), "{runtime}/{name}: text before the first marker");
            let events = events(&text);
            assert!(events.len() >= 5, "{runtime}/{name}: only {} events", events.len());
            for event in events {
                assert!(!event.trim().is_empty(), "{runtime}/{name}: an empty event");
                assert!(!event.contains(MARKER), "{runtime}/{name}: a marker in {event:?}");
                assert!(event.ends_with('\n'), "{runtime}/{name}: no line end: {event:?}");
            }
        }
    }
}

#[test]
fn single_lines_have_no_markers() {
    let files = corpus("single");
    assert!(files.len() >= SINGLE_KINDS_MIN, "{} kinds", files.len());
    for (name, text) in files {
        assert!((100..=300).contains(&text.lines().count()), "{name}: {} lines", text.lines().count());
        assert!(!text.contains(MARKER), "{name}: a marker");
        assert!(text.lines().all(|line| !line.is_empty()), "{name}: an empty line");
    }
}

#[test]
fn no_log_names_the_machine_that_wrote_it() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_str().unwrap();
    for folder in RUNTIMES.into_iter().chain(["system", "single"]) {
        for (name, text) in corpus(folder) {
            for path in [checkout, "/tmp/", "/root/", "/home/", "/Users/"] {
                assert!(!text.contains(path), "{folder}/{name} has {path}");
            }
        }
    }
}

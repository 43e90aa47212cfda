//! Parsing allocates nothing per line: a counting allocator, and the lines of the format corpus.
#![allow(unreachable_pub, reason = "a test crate exports nothing")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use logskiff::pipeline::parse::{Config, Format, Parser, Preset};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/it/formats/corpus");
/// Lines until all buffers are as large as they get.
const LINES_BEFORE: usize = 1_000;
const LINES: usize = 10_000;

thread_local! {
    /// Allocations of this thread: the harness has others.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Counts allocations.
struct Counting;

fn count() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: forwards every call to the system's allocator and only counts in addition. The counter needs no allocation and
// no destructor, so it can be used at any time.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller guarantees the allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller guarantees the allocator's conditions.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller guarantees the allocator's conditions.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The lines of a log, by the name of its format.
fn corpus() -> BTreeMap<String, Vec<String>> {
    let paths = fs::read_dir(CORPUS).unwrap().map(|entry| entry.unwrap().path());
    let logs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let records = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    logs.map(|path| (name(&path), records(&path))).collect()
}

/// The allocations while `config` parses the records again and again.
fn allocations(config: &Config, records: &[String]) -> usize {
    let mut parser = Parser::new(config).unwrap();
    let mut parsed = parser.parsed();
    let mut lines = records.iter().cycle();
    lines.by_ref().take(LINES_BEFORE).for_each(|line| parser.parse(line.as_bytes(), &mut parsed));
    let before = COUNT.get();
    lines.take(LINES).for_each(|line| parser.parse(line.as_bytes(), &mut parsed));
    COUNT.get() - before
}

fn config(format: Format, zone: &str) -> Config {
    Config { formats: vec![format], time_zone: zone.to_owned(), ..Config::default() }
}

#[test]
fn allocations_are_counted() {
    let before = COUNT.get();
    drop(vec![0_u8; LINES]);
    assert!(COUNT.get() > before);
}

/// Goal: no line of any format costs an allocation, also in a zone with daylight saving time.
#[test]
fn no_line_of_the_corpus_is_allocated_for() {
    let corpus = corpus();
    for wanted in ["nginx", "apache", "logback", "log4j", "spring_boot_3", "zap_json", "pino", "logfmt", "logrus_text"]
    {
        assert!(corpus.contains_key(wanted), "{wanted}");
    }
    let mut costly = Vec::new();
    for (name, records) in &corpus {
        let nginx = Format::Preset(Preset::from_name("nginx").unwrap());
        for (format, zone) in [(Format::Auto, "Europe/Berlin"), (nginx, "UTC")] {
            let count = allocations(&config(format, zone), records);
            if count > 0 {
                costly.push(format!("{name} as {format:?} in {zone}: {count} allocations"));
            }
        }
    }
    assert!(costly.is_empty(), "over {LINES} lines:\n{}", costly.join("\n"));
}

//! `LOGSKIFF_DELETE_ROTATED=acknowledged`: which files may be deleted, and which never.

use std::fs::{self, File};
use std::io::Write;

use logskiff::source::{Config, Start};

use super::case::Case;

fn pruning(glob: &str, before: impl Fn(&Case)) -> Case {
    Case::with(glob, |config| config.delete_rotated = true, before)
}

#[test]
fn rotated_files_are_deleted_once_acknowledged() {
    for glob in ["*.log", "*.log*"] {
        let mut case = pruning(glob, |_| {});
        for turn in ["1", "2", "3"] {
            case.add("app.log", &format!("{turn}\n"));
            case.run_pass();
            case.mv("app.log", &format!("app.log.{turn}"));
        }
        case.add("app.log", "4\n");
        case.wait(15);
        assert_eq!(case.names(), ["app.log"]);
        case.check(&["1", "2", "3", "4"]);
    }
}

#[test]
fn only_acknowledged_files_are_deleted() {
    let mut case = pruning("*.log", |_| {});
    case.add("app.log", "1\n2\n");
    case.driver.scan();
    case.driver.read_files(usize::MAX);
    case.mv("app.log", "app.log.1");
    case.add("app.log", "3\n");
    for _ in 0..60 {
        case.driver.wait(1);
        case.driver.scan();
        case.driver.let_go();
    }
    assert_eq!(case.names(), ["app.log", "app.log.1"]);
    case.wait(15);
    assert_eq!(case.names(), ["app.log"]);
    case.check(&["1", "2", "3"]);
}

#[test]
fn the_live_file_and_its_last_predecessor_stay() {
    let mut case = pruning("*.log", |_| {});
    case.add("app.log", "1\n");
    case.wait(60);
    assert_eq!(case.names(), ["app.log"]);
    case.mv("app.log", "app.log.1");
    case.wait(60);
    assert_eq!(case.names(), ["app.log.1"]);
    case.add("app.log", "");
    case.wait(60);
    assert_eq!(case.names(), ["app.log", "app.log.1"]);
    case.add("app.log", "2\n");
    case.wait(15);
    assert_eq!(case.names(), ["app.log"]);
    case.check(&["1", "2"]);
}

#[test]
fn foreign_files_stay() {
    let from_the_end = |config: &mut Config| (config.delete_rotated, config.start) = (true, Start::End);
    let mut case = Case::with("*.log", from_the_end, |case| {
        case.add("app.log.1", "before our time\n");
        case.add("app.log.2", "before our time\n");
        case.gzip("app.log.2", "app.log.2.gz");
        case.add("app-2.log", "looks rotated, and is another instance's\n");
        case.add("app.log", "1\n");
        case.add("notes.txt", "somebody's\n");
    });
    case.wait(60);
    assert_eq!(case.names(), ["app-2.log", "app.log", "app.log.1", "app.log.2.gz", "notes.txt"]);
    let mut case = Case::with(
        "*.log",
        |config| (config.delete_rotated, config.start) = (true, Start::End),
        |case| case.add("app.log", "skipped\n"),
    );
    case.add("app.log", "1\n");
    case.run_pass();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "2\n");
    case.wait(30);
    case.down(|_| {});
    case.wait(30);
    assert_eq!(case.names(), ["app.log", "app.log.1"], "its first line was skipped");
}

#[test]
fn copies_and_compressed_files_are_deleted_too() {
    for down in [false, true] {
        let mut case = pruning("*.log", |_| {});
        case.add("app.log", "1\n");
        case.run_pass();
        case.cp("app.log", "app.log.1");
        case.cut("app.log");
        case.add("app.log", "2\n");
        case.run_pass();
        case.mv("app.log", "app.log.2");
        case.gzip("app.log.2", "app.log.2.gz");
        case.add("app.log", "3\n");
        case.wait(if down { 1 } else { 40 });
        if down {
            case.down(|_| {});
            case.wait(40);
        }
        assert_eq!(case.names(), ["app.log"], "{down}");
        case.check(&["1", "2", "3"]);
    }
}

#[test]
fn late_lines_of_a_deleted_file_are_read() {
    let mut case = pruning("*.log", |_| {});
    case.add("app.log", "1\n");
    case.run_pass();
    let mut late = File::options().append(true).open(case.path("app.log")).unwrap();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "2\n");
    while case.names().len() > 1 {
        case.wait(1);
    }
    late.write_all(b"late\n").unwrap();
    case.wait(3);
    late.write_all(b"later\n").unwrap();
    case.check(&["1", "2", "late", "later"]);
}

#[test]
fn another_hard_link_keeps_a_file() {
    let mut case = pruning("*.log", |_| {});
    case.add("app.log", "1\n");
    case.run_pass();
    fs::hard_link(case.path("app.log"), case.path("kept")).unwrap();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "2\n");
    case.wait(30);
    assert_eq!(case.names(), ["app.log", "app.log.1", "kept"]);
}

/// Goal: a run that ended between renaming and deleting leaves nothing after, and another file gets its name back.
#[test]
fn renamed_leftovers_are_restored() {
    let mut case = pruning("*.log", |_| {});
    case.add("app.log", "1\n");
    case.run_pass();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "2\n");
    case.run_pass();
    case.down(|case| {
        case.mv("app.log.1", ".logskiff-pruning-app.log.1");
        case.add(".logskiff-pruning-other.log", "3\n");
    });
    case.wait(30);
    assert_eq!(case.names(), ["app.log", "other.log"]);
    case.check(&["1", "2", "3"]);
}

#[test]
fn if_the_temporary_name_exists_the_file_stays() {
    let mut case = pruning("*.log", |_| {});
    case.add("app.log", "1\n");
    case.run_pass();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "2\n");
    fs::create_dir(case.path(".logskiff-pruning-app.log.1")).unwrap();
    case.wait(15);
    assert!(case.path("app.log.1").exists());
    case.check(&["1", "2"]);
}

//! Logs that were created and rotated between two checks: they are read. Older files, and those of other logs, are not.

use std::fs::File;
use std::time::{Duration, SystemTime};

use logskiff::source::{Start, Verdict};

use super::case::Case;

impl Case {
    /// The file was last written to this many seconds ago.
    fn age(&self, name: &str, seconds: u64) {
        let then = SystemTime::now() - Duration::from_secs(seconds);
        File::options().write(true).open(self.path(name)).unwrap().set_modified(then).unwrap();
    }

    /// A log that appears and is rotated.
    fn roll(&self, base: &str, mark: &str, line: &str) {
        self.add(base, &format!("{line}\n"));
        let to = format!("{base}{mark}");
        match mark.strip_suffix(".gz") {
            Some(plain) => {
                self.mv(base, &format!("{base}{plain}"));
                self.gzip(&format!("{base}{plain}"), &to);
            }
            None => self.mv(base, &to),
        }
    }
}

const MARKS: [&str; 9] = [".1", "-20261128", ".2026-11-28", ".old", ".bak", ".backup", ".Mon", "~", ".1.gz"];

#[test]
fn a_log_created_and_rotated_between_two_checks_is_read() {
    for start in [Start::Beginning, Start::End] {
        for mark in MARKS {
            let mut case = Case::starting("*.log", start, |case| case.add("other.log", "0\n"));
            case.wait(15);
            case.got.clear();
            case.roll("app.log", mark, "1");
            case.add("app.log", "2\n");
            case.run_pass();
            // Another one, whose log does not appear again.
            case.roll("b.log", mark, "3");
            case.check(&["1", "2", "3"]);
        }
    }
}

#[test]
fn a_log_created_and_rotated_while_stopped_is_read() {
    for mark in MARKS {
        for logged in [false, true] {
            let mut case = Case::new("*.log");
            if logged {
                case.add("other.log", "0\n");
            }
            case.wait(15);
            case.got.clear();
            case.down(|case| {
                case.roll("app.log", mark, "1");
                case.add("app.log", "2\n");
            });
            // Rotations of the checkpoint's files are no longer assumed.
            case.driver.wait(11);
            case.check(&["1", "2"]);
        }
    }
}

#[test]
fn a_log_copied_and_truncated_between_two_checks_is_read() {
    for down in [false, true] {
        let mut case = Case::new("*.log");
        case.wait(15);
        let rotate = |case: &Case| {
            case.add("app.log", "1\n");
            case.cp("app.log", "app.log.1");
            case.cut("app.log");
            case.add("app.log", "2\n");
        };
        if down {
            case.down(rotate);
        } else {
            rotate(&case);
        }
        case.check(&["1", "2"]);
    }
}

/// Goal: a file older than the last check, and a copy of a followed log, are not read. This is logged once.
#[test]
fn older_rotated_files_are_not_read() {
    for down in [false, true] {
        let mut case = Case::new("*.log");
        case.add("app.log", "1\n");
        case.wait(15);
        let restore = |case: &Case| {
            case.roll("b.log", ".1", "old");
            case.age("b.log.1", 3600);
            case.add("b.log", "2\n");
        };
        if down {
            case.down(restore);
        } else {
            restore(&case);
            case.add("app.log.7", "unpacked by an operator\n");
        }
        case.wait(15);
        let unread = case.driver.tail.unread_files().named;
        assert!(unread.iter().all(|file| file.verdict == Verdict::Skipped && file.why.contains("older")), "{unread:?}");
        assert_eq!(unread.len(), if down { 1 } else { 2 });
        assert_eq!(case.refused(), unread.len(), "each is logged once");
        case.check(&["1", "2"]);
    }
}

#[test]
fn files_from_before_a_start_at_the_end_are_never_read() {
    let mut case = Case::starting("*.log", Start::End, |case| {
        case.add("app.log.1", "old\n");
        case.add("app-2.txt", "another's\n");
    });
    case.add("app.log", "new\n");
    case.wait(15);
    case.down(|case| case.mv("app.log.1", "app.log.2"));
    case.check(&["new"]);
}

/// Goal: rotated files that exist at a first start without their log are read once the log appears, however late.
#[test]
fn the_history_of_a_log_that_appears_later_is_read() {
    let mut case = Case::starting("app.log", Start::Beginning, |case| {
        case.add("app.log.2", "1\n");
        case.age("app.log.2", 100);
        case.add("app.log.1", "2\n");
        case.age("app.log.1", 50);
        case.add("app.log.3.gz", "0\n");
        case.gzip("app.log.3.gz", "app.log.3.gz~");
        case.mv("app.log.3.gz~", "app.log.3.gz");
        case.age("app.log.3.gz", 150);
        case.add("app-2.log", "another's\n");
    });
    case.wait(60);
    assert!(case.got.is_empty());
    case.add("app.log", "3\n");
    case.run_pass();
    assert_eq!(case.got, ["0", "1", "2", "3"], "oldest first");
    assert_eq!(case.refused(), 4, "each is logged once");
    case.check(&["0", "1", "2", "3"]);
}

/// Goal: compressed and plain history is read in the order of age, before the log.
#[test]
fn compressed_history_is_read_oldest_first() {
    let mut case = Case::starting("*.log", Start::Beginning, |case| {
        case.add("app.log", "5\n");
        for (number, line) in [(5, "0"), (4, "1"), (3, "2"), (2, "3"), (1, "4")] {
            let name = format!("app.log.{number}");
            case.add(&name, &format!("{line}\n"));
            let packed = format!("{name}.gz");
            if number % 2 == 1 {
                case.gzip(&name, &packed);
            }
            case.age(if number % 2 == 1 { &packed } else { &name }, u64::try_from(number).unwrap() * 86_400);
        }
        // Of a file and its compressed copy, one is read.
        case.cp("app.log.4", "copy");
        case.gzip("copy", "app.log.4.gz");
        case.age("app.log.4.gz", 4 * 86_400);
    });
    assert_eq!(case.got, ["0", "1", "2", "3", "4", "5"]);
    case.wait(15);
    case.down(|_| {});
    case.check(&["0", "1", "2", "3", "4", "5"]);
}

/// Goal: compressed files that may still be written wait, and are then read oldest first.
#[test]
fn new_compressed_history_waits_and_is_read_oldest_first() {
    let mut case = Case::starting("*.log", Start::Beginning, |case| {
        for (number, age) in [(1, 1), (2, 4), (3, 7)] {
            case.add("plain", &format!("{number}\n"));
            case.gzip("plain", &format!("app.log.{number}.gz"));
            case.age(&format!("app.log.{number}.gz"), age);
        }
        case.add("app.log", "0\n");
    });
    case.wait(12);
    assert_eq!(case.got, ["0", "3", "2", "1"]);
    case.check(&["0", "1", "2", "3"]);
}

//! Compression after rotation: a `.gz` of a shipped file is recognized, and unread lines are read from it.

use std::fs;

use logskiff::source::{Event, Start};

use super::case::{Case, packed};

const LONG: &str = "a line that is long enough for its file to be known by its first bytes\n";

#[test]
fn a_shipped_file_that_is_compressed_is_not_shipped_again() {
    for glob in ["*.log", "*.log*"] {
        let mut case = Case::new(glob);
        case.add("app.log", "1\n2\n");
        case.run_pass();
        case.mv("app.log", "app.log.1");
        case.add("app.log", "3\n");
        case.wait(12);
        case.gzip("app.log.1", "app.log.2.gz");
        case.mv("app.log", "app.log.1");
        case.add("app.log", "4\n");
        case.wait(12);
        case.gzip("app.log.1", "app.log.1.gz");
        case.check(&["1", "2", "3", "4"]);
    }
}

#[test]
fn compressed_immediately_while_it_is_still_held() {
    for glob in ["*.log", "*.log*"] {
        let mut case = Case::new(glob);
        case.add("app.log", "1\n");
        case.run_pass();
        case.add("app.log", "2\n");
        case.mv("app.log", "app.log.1");
        case.gzip("app.log.1", "app.log.1.gz");
        case.add("app.log", "3\n");
        case.wait(30);
        case.down(|case| case.mv("app.log.1.gz", "app.log.2.gz"));
        case.check(&["1", "2", "3"]);
    }
}

#[test]
fn a_file_compressed_while_stopped_is_read_on() {
    for glob in ["*.log", "*.log*"] {
        let mut case = Case::new(glob);
        case.add("app.log", "1\n2\n");
        case.run_pass();
        case.down(|case| {
            case.add("app.log", "3\n4\n");
            case.mv("app.log", "app.log.1");
            case.gzip("app.log.1", "app.log.1.gz");
            case.add("app.log", "5\n");
        });
        case.wait(12);
        // After another restart it is recognized by its own bytes.
        case.down(|case| case.mv("app.log.1.gz", "app.log.2.gz"));
        case.check(&["1", "2", "3", "4", "5"]);
    }
}

#[test]
fn rotations_while_stopped_are_read_from_compressed_files() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n");
    case.run_pass();
    case.down(|case| {
        case.add("app.log", "2\n");
        case.mv("app.log", "app.log.1");
        case.gzip("app.log.1", "app.log.2.gz");
        case.add("app.log.1", "3\n4 without its end");
        case.gzip("app.log.1", "app.log.1.gz");
        case.add("app.log", "5\n");
    });
    case.wait(25);
    case.check(&["1", "2", "3", "4 without its end", "5"]);
}

/// Goal: `gzip -c app.log > app.log.1.gz; : > app.log`, with unread lines in it.
#[test]
fn unread_lines_of_a_compressed_copy_are_read() {
    let mut case = Case::new("*.log");
    case.add("app.log", "read\n");
    case.run_pass();
    case.add("app.log", "unread\n");
    case.cp("app.log", "copy");
    case.gzip("copy", "app.log.1.gz");
    case.cut("app.log");
    case.add("app.log", "new\n");
    case.check(&["new", "read", "unread"]);
}

#[test]
fn a_failed_record_is_read_again_from_the_compressed_copy() {
    let mut case = Case::new("*.log");
    case.add("app.log", "one\ntwo\n");
    case.driver.scan();
    case.driver.read_files(usize::MAX);
    case.cp("app.log", "copy");
    case.gzip("copy", "app.log.1.gz");
    case.cut("app.log");
    case.add("app.log", "three\nfour\n");
    case.driver.settle(0, false);
    case.driver.rewind();
    assert_eq!(case.driver.lost_bytes, 0);
    case.check(&["four", "one", "three", "two"]);
}

#[test]
fn an_older_compressed_file_is_read_if_a_glob_matches_it() {
    let before = |case: &Case| {
        case.add("app.log.1", "old\n");
        case.gzip("app.log.1", "app.log.1.gz");
        case.add("app.log", "new\n");
    };
    let mut case = Case::starting("*.log", Start::End, before);
    case.wait(15);
    case.check(&[]);
    let mut case = Case::starting("*.log*", Start::Beginning, before);
    case.wait(15);
    case.down(|_| {});
    case.wait(15);
    case.check(&["new", "old"]);
}

/// Goal: a restart in the middle of a `.gz` resumes at its decompressed offset.
#[test]
fn a_restart_in_the_middle_resumes_there() {
    let lines: Vec<String> = (0..500).map(|number| format!("{number:03} {}", "x".repeat(50))).collect();
    let text = lines.join("\n") + "\n";
    let mut case = Case::starting("*.gz", Start::Beginning, |case| {
        fs::write(case.path("app.log.gz"), packed(text.as_bytes())).unwrap();
    });
    for _ in 0..12 {
        case.driver.wait(1);
        case.driver.scan();
    }
    for _ in 0..3 {
        // A few lines at a time, of which some are delivered.
        while case.driver.out.len() < 20 {
            case.driver.read_files(20);
        }
        for _ in 0..10 {
            case.got.extend(case.driver.settle(0, true));
        }
        case.down(|_| {});
        case.driver.scan();
    }
    assert_eq!(case.got.len(), 30);
    case.wait(15);
    assert!(case.got.len() < lines.len() + 60, "only records after the watermark are sent again");
    case.got.sort_unstable();
    case.got.dedup();
    case.check(&lines.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Goal: files that begin alike are distinguished by the rest.
#[test]
fn identical_heads_do_not_make_an_unknown_file_known() {
    let mut case = Case::new("*.log");
    let banner = LONG.repeat(5);
    case.add("app.log", &format!("{banner}1\n"));
    case.run_pass();
    case.down(|case| {
        case.mv("app.log", "gone");
        case.add("app.log.1", &format!("{banner}2\n"));
        case.gzip("app.log.1", "app.log.1.gz");
        case.add("app.log", &format!("{banner}3\n"));
    });
    case.wait(25);
    case.got.retain(|line| line.len() == 1);
    case.got.sort_unstable();
    assert_eq!(case.got, ["1", "2", "3"]);
}

#[test]
fn a_damaged_gzip_file_is_reported_and_others_continue() {
    let whole = packed(LONG.repeat(50).as_bytes());
    let mut case = Case::starting("*", Start::Beginning, |case| {
        fs::write(case.path("cut.log.gz"), &whole[..whole.len() / 2]).unwrap();
        fs::write(case.path("no.log.gz"), "this is no gzip at all").unwrap();
        fs::write(case.path("empty.log.gz"), "").unwrap();
        case.add("app.log", "1\n");
    });
    case.wait(40);
    let refused: Vec<&String> = case
        .driver
        .events
        .iter()
        .filter_map(|event| if let Event::Refused(_, why) = event { Some(why) } else { None })
        .collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    case.got.retain(|line| line.len() == 1);
    case.check(&["1"]);
}

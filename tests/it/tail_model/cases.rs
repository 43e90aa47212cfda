//! The actions of rotation tools and operators, one by one: the files on disk, and the delivered lines.

use std::fs::{self, File};

use logskiff::source::{Event, Start};

use super::case::Case;

#[test]
fn a_rename_chain_duplicates_nothing() {
    for glob in ["*.log", "*.log*"] {
        let mut case = Case::new(glob);
        for turn in ["1", "2", "3", "4"] {
            case.add("app.log", &format!("{turn}a\n"));
            case.run_pass();
            case.add("app.log", &format!("{turn}b\n"));
            for (from, to) in [("app.log.2", "app.log.3"), ("app.log.1", "app.log.2"), ("app.log", "app.log.1")] {
                if case.path(from).exists() {
                    case.mv(from, to);
                }
            }
            case.add("app.log", &format!("{turn}c\n"));
            case.wait(if turn == "2" { 12 } else { 1 });
        }
        case.check(&["1a", "1b", "1c", "2a", "2b", "2c", "3a", "3b", "3c", "4a", "4b", "4c"]);
    }
}

#[test]
fn unread_lines_of_a_copy_are_read() {
    for glob in ["*.log", "*.log*"] {
        let mut case = Case::new(glob);
        case.add("app.log", "read\n");
        case.run_pass();
        case.add("app.log", "unread\n");
        case.cp("app.log", "app.log.1");
        case.cut("app.log");
        case.add("app.log", "new\n");
        case.check(&["new", "read", "unread"]);
    }
}

#[test]
fn a_copy_is_recognized_while_reading_is_delayed() {
    for glob in ["*.log", "*.log*"] {
        let mut case = Case::new(glob);
        case.add("app.log", "read\n");
        case.run_pass();
        case.add("app.log", "unread\n");
        case.cp("app.log", "app.log.1");
        case.driver.scan();
        case.cut("app.log");
        // An outage: names are checked, nothing is read.
        for _ in 0..30 {
            case.driver.wait(1);
            case.driver.scan();
            case.driver.let_go();
        }
        case.check(&["read", "unread"]);
    }
}

#[test]
fn a_failed_record_of_a_truncated_file_is_read_again_from_the_copy() {
    let mut case = Case::new("*.log");
    case.add("app.log", "one\ntwo\n");
    case.driver.scan();
    case.driver.read_files(usize::MAX);
    case.cp("app.log", "app.log.1");
    case.cut("app.log");
    // Longer than what was read, so that its length is no sign.
    case.add("app.log", "three\nfour\n");
    case.driver.settle(0, false);
    case.driver.rewind();
    assert_eq!(case.driver.lost_bytes, 0);
    case.check(&["four", "one", "three", "two"]);
}

#[test]
fn a_checkpoint_of_a_truncated_file_does_not_match_the_new_content() {
    // Both begin with the same banner, longer than the head of a fingerprint.
    let banner = format!("{0}\n{0}\n", "=".repeat(150));
    let mut case = Case::new("*.log");
    case.add("app.log", &format!("{banner}one\n"));
    case.run_pass();
    case.add("app.log", "two\n");
    case.driver.read_files(usize::MAX);
    case.cut("app.log");
    case.add("app.log", &format!("{banner}1\n2\n3\n4\n5\n"));
    // `two` is still in flight: the watermark is before it, where the file has other bytes by now.
    case.down(|_| {});
    case.got.retain(|line| !line.starts_with('='));
    case.wait(1);
    case.got.retain(|line| !line.starts_with('='));
    case.check(&["1", "2", "3", "4", "5", "one"]);
}

#[test]
fn lines_of_one_length_with_the_same_end_hide_no_truncation() {
    let tail = "x".repeat(80);
    let lines: Vec<String> = ["1", "2", "3"].map(|time| format!("{time} {tail}")).into();
    let mut case = Case::new("*.log");
    case.add("app.log", &format!("{}\n", lines[0]));
    case.run_pass();
    case.cut("app.log");
    case.add("app.log", &format!("{}\n{}\n", lines[1], lines[2]));
    case.check(&[&lines[0], &lines[1], &lines[2]]);
}

#[test]
fn rotations_while_stopped_are_read() {
    for by_copy in [false, true] {
        let mut case = Case::new("*.log");
        case.add("app.log", "1 read\n");
        case.run_pass();
        case.add("app.log", "2 unread\n");
        case.down(|case| {
            let rotate = |case: &Case| {
                if by_copy {
                    case.cp("app.log", "app.log.1");
                    case.cut("app.log");
                } else {
                    case.mv("app.log", "app.log.1");
                }
            };
            rotate(case);
            case.add("app.log", "3 the file between\n");
            case.mv("app.log.1", "app.log.2");
            rotate(case);
            case.add("app.log", "4 new\n");
        });
        case.check(&["1 read", "2 unread", "3 the file between", "4 new"]);
    }
}

/// Goal: eight rotations between two checks, by renaming and by copying, the oldest also compressed: every line once.
#[test]
fn many_rotations_between_two_checks_are_all_read() {
    for (glob, compress) in [("*.log", false), ("*.log*", false), ("*.log", true), ("*.log*", true)] {
        let mut case = Case::new(glob);
        case.add("app.log", "0 read\n");
        case.run_pass();
        for rotation in 1..=8 {
            for number in (1..rotation).rev() {
                let ending = if compress && number > 1 { ".gz" } else { "" };
                let (from, to) = (format!("app.log.{number}"), format!("app.log.{}", number + 1));
                if compress && number == 1 {
                    case.gzip(&from, &format!("{to}.gz"));
                } else {
                    case.mv(&format!("{from}{ending}"), &format!("{to}{ending}"));
                }
            }
            case.mv("app.log", "app.log.1");
            case.add("app.log", &format!("{rotation} unseen\n"));
        }
        case.check(&[
            "0 read", "1 unseen", "2 unseen", "3 unseen", "4 unseen", "5 unseen", "6 unseen", "7 unseen", "8 unseen",
        ]);
    }
}

#[test]
fn an_intermediate_file_is_read_after_its_predecessor_was_deleted() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1 read\n");
    case.run_pass();
    case.down(|case| {
        // Held, so that its inode is not reused.
        case.mv("app.log", "gone");
        case.add("app.log.1", "2 between\n");
        case.add("app.log", "3 new\n");
    });
    case.check(&["1 read", "2 between", "3 new"]);
}

#[test]
fn another_file_under_the_name_of_a_known_copy_is_the_sign_of_a_rotation() {
    let mut case = Case::starting("*.log", Start::Beginning, |case| case.add("app.log.1", "before\n"));
    case.down(|case| {
        case.mv("app.log.1", "gone");
        case.add("app.log.1", "while down\n");
    });
    case.check(&["while down"]);
}

#[test]
fn a_restart_ships_nothing_twice() {
    for glob in ["*.log", "*.log*"] {
        let mut case = Case::new(glob);
        case.add("app.log", "1\n2\n");
        case.run_pass();
        case.mv("app.log", "app.log.1");
        case.add("app.log", "3\n");
        case.wait(12);
        case.down(|case| case.add("app.log", "4\n"));
        case.wait(12);
        case.down(|case| case.mv("app.log.1", "app.log.2"));
        case.check(&["1", "2", "3", "4"]);
    }
}

#[test]
fn a_checkpoint_past_the_end_of_its_file_starts_at_the_beginning() {
    let mut case = Case::new("*.log");
    case.add("app.log", "a long line\n");
    case.run_pass();
    case.down(|case| {
        case.cut("app.log");
        case.add("app.log", "short\n");
    });
    case.run_pass();
    assert!(case.driver.events.iter().any(|event| matches!(event, Event::Truncated(_))), "it is saved at once");
    case.check(&["a long line", "short"]);
}

#[test]
fn a_new_file_on_an_old_inode_is_a_new_file() {
    let mut case = Case::new("*.log");
    for line in ["1", "2", "3"] {
        case.add("app.log", &format!("{line}\n"));
        case.wait(1);
        // Closed, so that the next file gets its inode if the file system reuses it.
        case.rm("app.log");
        case.wait(12);
    }
    case.check(&["1", "2", "3"]);
}

#[test]
fn a_copy_on_the_inode_of_a_closed_file_is_a_copy() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n");
    case.run_pass();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "2\n");
    case.wait(12);
    case.rm("app.log.1");
    case.cp("app.log", "app.log.1");
    case.wait(1);
    case.cut("app.log");
    case.check(&["1", "2"]);
}

#[test]
fn a_copy_on_the_inode_of_an_empty_one_is_a_copy() {
    let mut case = Case::starting("*.log", Start::Beginning, |case| {
        case.add("app.log.1", "");
        case.add("app.log", "1\n");
    });
    case.rm("app.log.1");
    case.cp("app.log", "app.log.1");
    case.wait(1);
    case.cut("app.log");
    case.check(&["1"]);
}

#[test]
fn a_live_file_on_the_inode_of_a_closed_empty_one_is_live() {
    let mut case = Case::new("*.log");
    case.add("app.log", "");
    case.run_pass();
    case.mv("app.log", "app.log.1");
    case.wait(12);
    case.rm("app.log.1");
    case.add("app.log", "1\n2 beg");
    case.wait(20);
    case.add("app.log", "un\n");
    case.check(&["1", "2 begun"]);
}

#[test]
fn files_with_the_same_beginning_are_both_read() {
    let head = "=".repeat(150);
    let text = |last: &str| format!("{head}\n{head}\n{last}\n");
    let mut case = Case::new("*.log");
    case.add("a.log", &text("a"));
    case.add("b.log", &text("b"));
    case.run_pass();
    case.down(|case| {
        case.mv("a.log", "a.log.1");
        case.mv("b.log", "b.log.1");
        case.add("a.log", &text("c"));
        case.add("b.log", &text("d"));
    });
    let mut want = vec![&head[..]; 8];
    want.extend(["a", "b", "c", "d"]);
    want.sort_unstable();
    case.check(&want);
}

#[test]
fn several_names_of_one_file_have_one_reader() {
    let mut case = Case::new("*.log");
    case.add("a.log", "1\n");
    fs::hard_link(case.path("a.log"), case.path("b.log")).unwrap();
    case.wait(1);
    case.add("b.log", "2\n");
    case.wait(1);
    case.rm("a.log");
    case.wait(12);
    case.add("b.log", "3\n");
    case.check(&["1", "2", "3"]);
}

#[test]
fn a_symbolic_link_is_refused_once_and_a_file_in_its_place_is_read() {
    let mut case = Case::new("*.log");
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "secret\n").unwrap();
    std::os::unix::fs::symlink(secret.path(), case.path("app.log")).unwrap();
    case.wait(3);
    assert_eq!(case.refused(), 1);
    case.rm("app.log");
    case.add("app.log", "plain\n");
    case.check(&["plain"]);
}

#[test]
fn where_files_start() {
    #[track_caller]
    fn check(glob: &str, start: Start, want: &[&str]) {
        let mut case = Case::starting(glob, start, |case| {
            case.add("app.log", "1 before\n");
            case.add("app.log.1", "0 rotated before\n");
        });
        case.add("app.log", "2 after\n");
        case.add("late.log", "3 late\n");
        case.wait(15);
        // It existed before logskiff, and stays skipped.
        case.down(|_| {});
        case.check(want);
    }
    check("*.log", Start::Beginning, &["0 rotated before", "1 before", "2 after", "3 late"]);
    check("*.log", Start::End, &["2 after", "3 late"]);
    check("*.log*", Start::Beginning, &["0 rotated before", "1 before", "2 after", "3 late"]);
}

#[test]
fn a_rotated_file_that_was_never_seen_live_needs_a_sign_of_a_rotation() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n");
    case.wait(12);
    // Decompressed by an operator: nothing was rotated.
    case.add("app.log.7", "old\n");
    case.wait(12);
    // Two rotations between two checks.
    case.mv("app.log", "app.log.2");
    case.add("app.log.1", "2 never live\n3 and cut off");
    case.add("app.log", "4\n");
    case.check(&["1", "2 never live", "3 and cut off", "4"]);
}

#[test]
fn a_last_line_without_newline_is_shipped_once_its_file_is_final() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2 begun");
    case.wait(20);
    assert_eq!(case.got, ["1"]);
    case.mv("app.log", "app.log.1");
    case.wait(2);
    assert_eq!(case.got, ["1"]);
    case.wait(12);
    assert_eq!(case.got, ["1", "2 begun"]);
    case.down(|_| {});
    case.check(&["1", "2 begun"]);
}

#[test]
fn a_deleted_file_is_read_to_its_end() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n");
    case.run_pass();
    case.add("app.log", "2\n3 begun");
    case.rm("app.log");
    case.check(&["1", "2", "3 begun"]);
}

#[test]
fn a_line_above_every_limit_is_truncated_and_the_next_one_unchanged() {
    let mut case = Case::new("*.log");
    case.add("app.log", &"x".repeat(2 << 20));
    case.run_pass();
    case.add("app.log", &"x".repeat(1 << 20));
    case.add("app.log", "\nnext\n");
    case.check(&["next", &"x".repeat(200)]);
}

#[test]
fn unread_bytes_destroyed_by_a_truncation_are_counted() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n");
    case.run_pass();
    case.add("app.log", "22222\n");
    case.driver.scan();
    case.cut("app.log");
    case.wait(15);
    assert_eq!(case.driver.lost_bytes, 6);
    case.check(&["1"]);
}

#[test]
fn records_in_flight_of_a_truncated_file_that_fail_are_counted() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n");
    case.driver.scan();
    case.driver.read_files(usize::MAX);
    case.cut("app.log");
    for _ in 0..15 {
        case.driver.wait(1);
        case.driver.scan();
        case.driver.let_go();
    }
    assert_eq!(case.driver.lost_bytes, 0);
    case.driver.settle(0, false);
    case.driver.rewind();
    assert_eq!(case.driver.lost_bytes, 4);
    case.check(&[]);
}

#[test]
fn bytes_in_the_place_of_truncated_acknowledged_lines_are_new() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n");
    case.driver.scan();
    case.driver.read_files(usize::MAX);
    // The second is acknowledged, the first is not: it is read again, and is alone by then.
    case.got.extend(case.driver.settle(1, true));
    case.driver.settle(0, false);
    case.driver.rewind();
    File::options().write(true).open(case.path("app.log")).unwrap().set_len(2).unwrap();
    case.driver.read_files(0);
    case.add("app.log", "3\n");
    case.check(&["1", "2", "3"]);
}

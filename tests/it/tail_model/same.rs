//! The same log under another name, in another file or with other bytes, and logs that are not the same.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use logskiff::source::Start;

use super::case::Case;

/// As `rsync` and `sed -i` do: another file replaces it, with the content of the first one.
fn replace(case: &Case, text: &str) {
    fs::write(case.path("new"), text).unwrap();
    case.mv("new", "app.log");
}

#[test]
fn a_new_file_with_the_content_of_the_old_one_is_read_on() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n");
    case.run_pass();
    replace(&case, "1\n2\n3\n");
    case.run_pass();
    replace(&case, "1\n2\n3\n4\n");
    case.wait(1);
    // Other bytes before the position: another log.
    replace(&case, "1\n2\n3\n5\n6\n");
    case.check(&["1", "1", "2", "2", "3", "3", "4", "5", "6"]);
}

#[test]
fn a_slowly_written_replacement_is_awaited() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n3\n");
    case.run_pass();
    case.rm("app.log");
    case.add("app.log", "1\n");
    case.wait(2);
    case.add("app.log", "2\n");
    case.wait(2);
    case.add("app.log", "3\n4\n");
    case.check(&["1", "2", "3", "4"]);
}

#[test]
fn a_new_run_with_the_same_beginning_is_read_once_it_stops_growing() {
    let mut case = Case::new("*.log");
    case.add("app.log", "start\nwork\n");
    case.run_pass();
    case.rm("app.log");
    case.add("app.log", "start\n");
    case.check(&["start", "start", "work"]);
}

/// Goal: only the rewritten end is read again.
#[test]
fn after_a_rewritten_end_reading_resumes_at_unchanged_bytes() {
    let mut case = Case::new("*.json");
    case.add("app.json", "[\n{0}\n]\n");
    case.run_pass();
    for entry in 1..=40 {
        let mut file = File::options().write(true).open(case.path("app.json")).unwrap();
        file.seek(SeekFrom::End(-2)).unwrap();
        write!(file, "{{{entry}}}\n]\n").unwrap();
        case.run_pass();
    }
    let entries = case.got.iter().filter(|line| line.starts_with('{')).count();
    assert_eq!((entries, case.got.len() - entries), (41, 42), "{:?}", case.got);
}

/// Goal: bytes in flight when a file's end was rewritten, in the unchanged part, are read again if they fail or the
/// process dies.
#[test]
fn failed_records_before_a_rewritten_end_are_read_again() {
    for down in [false, true] {
        let mut case = Case::new("*.json");
        case.add("app.json", "[\n{0}\n{1}\n]\n");
        for entry in 2..4 {
            case.driver.scan();
            case.driver.read_files(usize::MAX);
            let mut file = File::options().write(true).open(case.path("app.json")).unwrap();
            file.seek(SeekFrom::End(-2)).unwrap();
            write!(file, "{{{entry}}}\n]\n").unwrap();
            case.driver.wait(if down { 1 } else { 20 });
        }
        case.driver.scan();
        case.driver.read_files(usize::MAX);
        case.lose_in_flight(down);
        case.wait(15);
        let mut entries: Vec<&String> = case.got.iter().filter(|line| line.starts_with('{')).collect();
        entries.sort_unstable();
        entries.dedup();
        assert_eq!(entries, ["{0}", "{1}", "{2}", "{3}"], "{down}");
    }
}

#[test]
fn a_truncated_file_with_the_same_bytes_is_a_new_run() {
    let mut case = Case::new("*.log");
    for _ in 0..3 {
        case.add("app.log", "start\nwork\n");
        case.run_pass();
        case.cut("app.log");
        case.run_pass();
    }
    case.check(&["start", "start", "start", "work", "work", "work"]);
}

/// Goal: lines of one length with the same end after one header do not hide that a file was rewritten between two
/// polls.
#[test]
fn a_common_header_and_common_ends_hide_no_truncation() {
    let header = "#Fields: ".to_owned() + &"name ".repeat(60) + "\n";
    let line = |minute: u32| format!("10:{minute:02} GET /healthz 200 {}\n", "x".repeat(80));
    let mut case = Case::new("*.log");
    case.add("app.log", &(header.clone() + &line(1) + &line(2)));
    // The harness takes lines of up to 200 bytes: the header is truncated, and ignored.
    case.run_pass();
    case.down(|case| {
        case.cut("app.log");
        case.add("app.log", &(header.clone() + &line(3) + &line(4) + &line(5)));
    });
    case.wait(15);
    let mut times: Vec<&str> = case.got.iter().filter_map(|line| line.strip_prefix("10:")?.get(..2)).collect();
    times.sort_unstable();
    assert_eq!(times, ["01", "02", "03", "04", "05"]);
}

/// Goal: bytes written over a rotated file before its deletion are no log.
#[test]
fn an_overwritten_rotated_file_ships_nothing() {
    for closed in [false, true] {
        let mut case = Case::new("*.log");
        case.add("app.log", "1 a line of the log\n");
        case.run_pass();
        case.mv("app.log", "app.log.1");
        case.add("app.log", "2\n");
        case.wait(if closed { 20 } else { 2 });
        let file = File::options().write(true).open(case.path("app.log.1")).unwrap();
        file.write_all_at(&b"\n\x8fnoise\x00\n".repeat(9), 0).unwrap();
        case.wait(2);
        case.rm("app.log.1");
        case.check(&["1 a line of the log", "2"]);
    }
}

/// Goal: a program that starts a new log in a rotated file loses none of it.
#[test]
fn a_new_log_in_a_rotated_file_is_read() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n");
    case.run_pass();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "2\n");
    case.wait(2);
    fs::write(case.path("app.log.1"), "3 longer than before\n").unwrap();
    case.check(&["1", "2", "3 longer than before"]);
}

/// Goal: a copy over the previous copy, in the same file, is still a copy.
#[test]
fn a_copy_over_the_last_copy_is_read() {
    for seconds in [0, 2, 20] {
        let mut case = Case::new("*.log");
        case.add("app.log", "1\n");
        case.run_pass();
        case.cp("app.log", "app.log.1");
        case.cut("app.log");
        case.add("app.log", "2\n");
        case.wait(seconds);
        // Names are checked, and nothing is read.
        case.add("app.log", "3 unread\n");
        case.cp("app.log", "app.log.1");
        case.driver.wait(1);
        case.driver.scan();
        case.driver.scan();
        case.cut("app.log");
        case.add("app.log", "4\n");
        case.check(&["1", "2", "3 unread", "4"]);
    }
}

/// Goal: a renamed log is found by its inode, whatever its new name.
#[test]
fn an_unusual_name_of_a_rotated_log_is_recognized() {
    for down in [false, true] {
        for name in ["app.log.Mon", "app.log~", "app.backup"] {
            let mut case = Case::new("*.log");
            case.add("app.log", "1\n");
            case.run_pass();
            let late = |case: &Case| {
                case.add("app.log", "2\n");
                case.mv("app.log", name);
                case.add("app.log", "3\n");
            };
            if down {
                case.down(late);
            } else {
                late(&case);
            }
            case.wait(20);
            // Closed by now, and still written to.
            case.add(name, "4\n");
            case.check(&["1", "2", "3", "4"]);
        }
    }
}

/// Goal: at a first start a log's rotated copies are its history; a file that only looks like one is not read, and is
/// logged once.
#[test]
fn the_history_of_a_log_is_read_at_a_first_start() {
    let before = |case: &Case| {
        case.add("app.log.2", "1\n");
        case.gzip("app.log.2", "app.log.2.gz");
        for (name, text) in
            [("app.log.1", "2\n"), ("app.log", "3\n"), ("app-2.log.1", "another's\n"), ("gone.log.1", "old\n")]
        {
            case.add(name, text);
        }
    };
    let mut case = Case::starting("*.log", Start::Beginning, before);
    case.wait(20);
    assert_eq!(case.refused(), 2, "{:?}", case.driver.events);
    case.down(|_| {});
    case.check(&["1", "2", "3"]);
    Case::starting("*.log", Start::End, before).check(&[]);
}

/// Goal: another program's log with a rotated name is not read, also while it grows.
#[test]
fn a_live_log_next_to_the_configured_one_is_not_read() {
    let mut case = Case::new("app.log");
    case.add("app.log", "1\n");
    case.run_pass();
    case.down(|case| {
        case.add("app-2.log", "another's\n");
        case.add("app.2.log", "another's\n");
    });
    for _ in 0..25 {
        case.add("app-2.log", "another's\n");
        case.wait(1);
    }
    case.add("app-2.log", "another's\n");
    case.check(&["1"]);
}

/// Goal: a day's log that was created and compressed between two checks is read; older ones are not.
#[test]
fn a_log_compressed_between_checks_is_read() {
    let mut case = Case::starting("app-*.log", Start::Beginning, |case| {
        case.add("app-08.log", "old\n");
        case.gzip("app-08.log", "app-08.log.gz");
        case.add("app-09.log", "1\n");
    });
    case.wait(15);
    case.down(|case| {
        case.add("app-10.log", "2\n");
        case.gzip("app-10.log", "app-10.log.gz");
        case.add("app-11.log", "3\n");
    });
    case.check(&["1", "2", "3"]);
}

#[test]
fn late_writes_to_a_deleted_file_are_read() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n");
    case.run_pass();
    let mut late = File::options().append(true).open(case.path("app.log")).unwrap();
    case.rm("app.log");
    case.wait(60);
    late.write_all(b"2\n").unwrap();
    case.check(&["1", "2"]);
}

#[test]
fn a_directory_of_snapshots_is_not_entered_unless_named() {
    for (glob, want) in [("**/*.log", &["1"][..]), (".snapshot/*.log", &["old"]), ("**/.snapshot/*.log", &["old"])] {
        let mut case = Case::starting(glob, Start::Beginning, |case| {
            fs::create_dir(case.path(".snapshot")).unwrap();
            case.add(".snapshot/app.log", "old\n");
            case.add("app.log", "1\n");
        });
        case.wait(2);
        assert_eq!(case.refused(), usize::from(want == ["1"]), "{glob}");
        case.check(want);
    }
}

/// Goal: space that is allocated before it is written is awaited, however it is filled.
#[test]
fn zeros_that_are_filled_later_are_not_skipped() {
    let mut case = Case::new("*.log");
    let mut file = File::create(case.path("app.log")).unwrap();
    file.write_all(b"1\nhal").unwrap();
    file.set_len(1 << 21).unwrap();
    case.run_pass();
    file.write_all_at(b"f 2\n3\n", 5).unwrap();
    case.wait(1);
    // A later page arrives first.
    file.write_all_at(b"5\n", 100).unwrap();
    case.wait(1);
    file.write_all_at(&[&[b'4'; 88][..], b"\n"].concat(), 11).unwrap();
    case.wait(5);
    // No writer fills these any more.
    file.write_all_at(b"6\n", 2_000).unwrap();
    case.check(&["1", "3", &"4".repeat(88), "5", "6", "half 2"]);
}

/// Goal: allocated space that is released is no loss; unread bytes in it that are truncated are.
#[test]
fn released_space_is_not_reported_as_lost() {
    let mut case = Case::new("*.log");
    let file = File::create(case.path("app.log")).unwrap();
    file.set_len(1 << 21).unwrap();
    file.write_all_at(b"1\n2\n", 0).unwrap();
    case.wait(3);
    file.set_len(4).unwrap();
    case.wait(1);
    assert_eq!(case.driver.lost_bytes, 0);
    file.set_len(1 << 21).unwrap();
    file.write_all_at(b"unread\n", 4).unwrap();
    case.driver.scan();
    file.set_len(4).unwrap();
    case.wait(1);
    assert!(case.driver.lost_bytes >= 7);
    case.check(&["1", "2"]);
}

/// Goal: a file that waits because it may be a copy or a replacement, and is deleted before that is known, is read.
#[test]
fn a_waiting_file_that_is_deleted_is_read() {
    let banner = "a line that every run begins with\n".repeat(9);
    for name in ["app-2.log", "app.log"] {
        for unread in [false, true] {
            let mut case = Case::new("*.log");
            case.add("app.log", &banner);
            case.run_pass();
            case.add("app.log", "first\n");
            if !unread {
                case.run_pass();
            }
            if name == "app.log" {
                case.rm("app.log");
                case.driver.scan();
            }
            case.add(name, &banner);
            case.driver.wait(1);
            case.driver.scan();
            case.add(name, "own\n");
            case.rm(name);
            case.wait(15);
            let count = |line: &str| case.got.iter().filter(|got| *got == line).count();
            assert_eq!([count("first"), count("own"), case.got.len()], [1, 1, 20], "{name} {unread}");
        }
    }
}

/// Goal: a job that prints the same text each time is shipped each time, and a file of which only the times change is
/// not.
#[test]
fn a_run_with_the_same_output_is_detected_by_kernel_events() {
    let run = "starting\ncannot connect\n";
    let mut case = Case::new("*.log");
    case.add("app.log", run);
    case.run_pass();
    // Times of files are coarse.
    let tick = || std::thread::sleep(std::time::Duration::from_millis(30));
    let write = |case: &Case| {
        tick();
        fs::write(case.path("app.log"), run).unwrap();
    };
    let touch = |case: &Case| {
        tick();
        assert!(std::process::Command::new("touch").arg(case.path("app.log")).status().unwrap().success());
    };
    for word_after_look in [false, true] {
        write(&case);
        if word_after_look {
            case.run_pass();
        }
        case.driver.tail.note_write(&case.path("app.log"));
        case.run_pass();
        // Only the times.
        touch(&case);
        case.run_pass();
        case.wait(1);
    }
    // The event of a write that was already read.
    case.add("app.log", "more\n");
    case.run_pass();
    case.driver.tail.note_write(&case.path("app.log"));
    case.run_pass();
    touch(&case);
    case.run_pass();
    case.check(
        &[["cannot connect"; 3], ["more", "starting", "starting"]]
            .concat()
            .into_iter()
            .chain(["starting"])
            .collect::<Vec<_>>(),
    );
}

/// Goal: a hole does not stop a writer that continues after it, as one that does not append does after a truncation.
#[test]
fn a_hole_before_a_busy_writer_is_skipped() {
    let mut case = Case::new("*.log");
    let file = File::create(case.path("app.log")).unwrap();
    file.write_all_at(b"1\n", 0).unwrap();
    case.run_pass();
    case.cut("app.log");
    for line in 0..8_u8 {
        file.write_all_at(&[b'a' + line, b'\n'], 300 + 2 * u64::from(line)).unwrap();
        case.wait(1);
    }
    assert!(case.got.len() > 4, "{:?}", case.got);
    case.check(&["1", "a", "b", "c", "d", "e", "f", "g", "h"]);
}

/// Delivers all of `app.log` except its second line, as if an output had refused that, and saves.
fn with_a_hole(case: &mut Case) {
    case.add("app.log", "1\n2\n3\n4\n");
    case.driver.scan();
    case.driver.read_files(usize::MAX);
    for line in [3, 2, 0] {
        case.got.extend(case.driver.settle(line, true));
    }
    case.driver.save();
}

/// Goal: acknowledged lines are not sent again by the next process, although an earlier line waits.
#[test]
fn lines_acknowledged_after_a_gap_are_not_sent_again_after_a_restart() {
    let mut case = Case::new("*.log");
    with_a_hole(&mut case);
    case.down(|case| case.add("app.log", "5\n"));
    case.run_pass();
    assert_eq!(case.got.split_off(3), ["2", "5"]);
    assert_eq!(case.driver.lost_bytes, 0);
}

/// Goal: acknowledgements do not apply to other bytes at the same offset.
#[test]
fn bytes_rewritten_after_a_gap_are_read() {
    let mut case = Case::new("*.log");
    with_a_hole(&mut case);
    case.down(|case| fs::write(case.path("app.log"), "1\n2\n3\n9\n5\n").unwrap());
    case.check(&["1", "2", "3", "3", "4", "5", "9"]);
}

/// Goal: bytes that were read and not acknowledged when another file with the same content replaced the file are read
/// from that file after a crash.
#[test]
fn records_in_flight_of_a_replaced_file_survive_a_crash() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n");
    case.run_pass();
    case.add("app.log", "3\n4\n");
    // Read, and not acknowledged.
    case.driver.scan();
    case.driver.read_files(usize::MAX);
    replace(&case, "1\n2\n3\n4\n5\n");
    case.driver.scan();
    case.driver.read_files(usize::MAX);
    case.down(|_| {});
    case.check(&["1", "2", "3", "4", "5"]);
}

/// Goal: of several deleted files with one name, the origin of a file counts, not the last one.
#[test]
fn a_replacement_of_one_of_several_deleted_files_is_read_on() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n");
    // Nothing is acknowledged for a while.
    case.driver.scan();
    case.driver.read_files(usize::MAX);
    replace(&case, "1\n2\n3\n");
    case.driver.scan();
    case.mv("app.log", "app.log-20260101");
    case.add("app.log", "7\n8\n");
    case.driver.scan();
    case.driver.read_files(usize::MAX);
    case.driver.wait(1);
    replace(&case, "7\n8\n9\n");
    case.driver.scan();
    case.check(&["1", "2", "3", "7", "8", "9"]);
}

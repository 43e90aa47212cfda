//! What is the same log under another name, in another file or with other bytes, and what is not.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use logskiff::source::Start;

use super::case::Case;

/// As `rsync` and `sed -i` do it: another file takes the place, and holds what the first one held.
fn replace(case: &Case, text: &str) {
    fs::write(case.path("new"), text).unwrap();
    case.mv("new", "app.log");
}

#[test]
fn a_new_file_that_holds_what_the_old_one_held_is_read_on() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n");
    case.round();
    replace(&case, "1\n2\n3\n");
    case.round();
    replace(&case, "1\n2\n3\n4\n");
    case.wait(1);
    // Other bytes before the place: another log.
    replace(&case, "1\n2\n3\n5\n6\n");
    case.check(&["1", "1", "2", "2", "3", "3", "4", "5", "6"]);
}

#[test]
fn one_that_is_written_slowly_in_its_place_is_waited_for() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n3\n");
    case.round();
    case.rm("app.log");
    case.add("app.log", "1\n");
    case.wait(2);
    case.add("app.log", "2\n");
    case.wait(2);
    case.add("app.log", "3\n4\n");
    case.check(&["1", "2", "3", "4"]);
}

#[test]
fn a_new_run_that_begins_alike_is_read_once_it_grows_no_more() {
    let mut case = Case::new("*.log");
    case.add("app.log", "start\nwork\n");
    case.round();
    case.rm("app.log");
    case.add("app.log", "start\n");
    case.check(&["start", "start", "work"]);
}

/// Goal: only the end that was written anew is read again.
#[test]
fn where_the_end_is_rewritten_reading_goes_back_to_what_still_holds() {
    let mut case = Case::new("*.json");
    case.add("app.json", "[\n{0}\n]\n");
    case.round();
    for entry in 1..=40 {
        let mut file = File::options().write(true).open(case.path("app.json")).unwrap();
        file.seek(SeekFrom::End(-2)).unwrap();
        write!(file, "{{{entry}}}\n]\n").unwrap();
        case.round();
    }
    let entries = case.got.iter().filter(|line| line.starts_with('{')).count();
    assert_eq!((entries, case.got.len() - entries), (41, 42), "{:?}", case.got);
}

/// Goal: what was on its way when a file's end was rewritten, and stands in the part that still holds, is read again where it fails or
/// the process dies.
#[test]
fn what_fails_before_an_end_that_was_rewritten_is_read_again() {
    for down in [false, true] {
        let mut case = Case::new("*.json");
        case.add("app.json", "[\n{0}\n{1}\n]\n");
        for entry in 2..4 {
            case.desk.scan();
            case.desk.pass(usize::MAX);
            let mut file = File::options().write(true).open(case.path("app.json")).unwrap();
            file.seek(SeekFrom::End(-2)).unwrap();
            write!(file, "{{{entry}}}\n]\n").unwrap();
            case.desk.wait(if down { 1 } else { 20 });
        }
        case.desk.scan();
        case.desk.pass(usize::MAX);
        if down {
            case.down(|_| {});
        } else {
            while !case.desk.out.is_empty() {
                case.desk.settle(0, false);
            }
            case.desk.rewind();
        }
        case.wait(15);
        let mut entries: Vec<&String> = case.got.iter().filter(|line| line.starts_with('{')).collect();
        entries.sort_unstable();
        entries.dedup();
        assert_eq!(entries, ["{0}", "{1}", "{2}", "{3}"], "{down}");
    }
}

#[test]
fn a_file_that_is_cut_and_has_the_same_bytes_again_is_a_new_run() {
    let mut case = Case::new("*.log");
    for _ in 0..3 {
        case.add("app.log", "start\nwork\n");
        case.round();
        case.cut("app.log");
        case.round();
    }
    case.check(&["start", "start", "start", "work", "work", "work"]);
}

/// Goal: lines of one length that end alike behind one header do not hide that a file was begun anew while nobody looked.
#[test]
fn a_header_and_lines_that_end_alike_hide_no_truncation() {
    let header = "#Fields: ".to_owned() + &"name ".repeat(60) + "\n";
    let line = |minute: u32| format!("10:{minute:02} GET /healthz 200 {}\n", "x".repeat(80));
    let mut case = Case::new("*.log");
    case.add("app.log", &(header.clone() + &line(1) + &line(2)));
    // The harness takes lines of up to 200 bytes: the header is cut, and not looked at.
    case.round();
    case.down(|case| {
        case.cut("app.log");
        case.add("app.log", &(header.clone() + &line(3) + &line(4) + &line(5)));
    });
    case.wait(15);
    let mut times: Vec<&str> = case.got.iter().filter_map(|line| line.strip_prefix("10:")?.get(..2)).collect();
    times.sort_unstable();
    assert_eq!(times, ["01", "02", "03", "04", "05"]);
}

/// Goal: what is written over a rotated file before it is deleted is no log.
#[test]
fn a_rotated_file_that_is_overwritten_ships_nothing() {
    for closed in [false, true] {
        let mut case = Case::new("*.log");
        case.add("app.log", "1 a line of the log\n");
        case.round();
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

/// Goal: a program that writes a log anew in the file of a rotated one loses none of it.
#[test]
fn a_rotated_file_that_is_written_anew_is_read() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n");
    case.round();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "2\n");
    case.wait(2);
    fs::write(case.path("app.log.1"), "3 longer than before\n").unwrap();
    case.check(&["1", "2", "3 longer than before"]);
}

/// Goal: a copy that is made over the last one, in the same file, is one all the same.
#[test]
fn a_copy_over_the_last_copy_is_read() {
    for seconds in [0, 2, 20] {
        let mut case = Case::new("*.log");
        case.add("app.log", "1\n");
        case.round();
        case.cp("app.log", "app.log.1");
        case.cut("app.log");
        case.add("app.log", "2\n");
        case.wait(seconds);
        // Names are looked at, and nothing is read.
        case.add("app.log", "3 unread\n");
        case.cp("app.log", "app.log.1");
        case.desk.wait(1);
        case.desk.scan();
        case.desk.scan();
        case.cut("app.log");
        case.add("app.log", "4\n");
        case.check(&["1", "2", "3 unread", "4"]);
    }
}

/// Goal: a log that was renamed is found by its inode, whatever it is called now.
#[test]
fn an_unusual_name_hides_no_rotated_log() {
    for down in [false, true] {
        for name in ["app.log.Mon", "app.log~", "app.backup"] {
            let mut case = Case::new("*.log");
            case.add("app.log", "1\n");
            case.round();
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
            // Closed by now, and written to all the same.
            case.add(name, "4\n");
            case.check(&["1", "2", "3", "4"]);
        }
    }
}

/// Goal: at a first start a log's rotated copies are its history; what only looks like one is not read, and said once.
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
    assert_eq!(case.refused(), 2, "{:?}", case.desk.events);
    case.down(|_| {});
    case.check(&["1", "2", "3"]);
    Case::starting("*.log", Start::End, before).check(&[]);
}

/// Goal: another program's log that is called like a rotated one is not ours, also while it grows.
#[test]
fn a_live_log_beside_the_one_that_was_asked_for_is_not_read() {
    let mut case = Case::new("app.log");
    case.add("app.log", "1\n");
    case.round();
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

/// Goal: a log of a day that was made and compressed while nobody looked is read; what was there before is not.
#[test]
fn a_day_that_was_compressed_unseen_is_read() {
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
fn what_is_written_late_to_a_deleted_file_is_read() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n");
    case.round();
    let mut late = File::options().append(true).open(case.path("app.log")).unwrap();
    case.rm("app.log");
    case.wait(60);
    late.write_all(b"2\n").unwrap();
    case.check(&["1", "2"]);
}

#[test]
fn a_directory_of_snapshots_is_not_gone_into_unless_it_is_named() {
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

/// Goal: space that is allocated before it is written to is waited for, however it is filled.
#[test]
fn zeros_that_are_filled_later_are_no_hole() {
    let mut case = Case::new("*.log");
    let mut file = File::create(case.path("app.log")).unwrap();
    file.write_all(b"1\nhal").unwrap();
    file.set_len(1 << 21).unwrap();
    case.round();
    file.write_all_at(b"f 2\n3\n", 5).unwrap();
    case.wait(1);
    // A later page arrives first.
    file.write_all_at(b"5\n", 100).unwrap();
    case.wait(1);
    file.write_all_at(&[&[b'4'; 88][..], b"\n"].concat(), 11).unwrap();
    case.wait(5);
    // Nobody fills these any more.
    file.write_all_at(b"6\n", 2_000).unwrap();
    case.check(&["1", "3", &"4".repeat(88), "5", "6", "half 2"]);
}

/// Goal: space that was allocated and is given back was never anything to lose; what stood in it and is cut off unread was.
#[test]
fn space_that_is_given_back_is_not_called_lost() {
    let mut case = Case::new("*.log");
    let file = File::create(case.path("app.log")).unwrap();
    file.set_len(1 << 21).unwrap();
    file.write_all_at(b"1\n2\n", 0).unwrap();
    case.wait(3);
    file.set_len(4).unwrap();
    case.wait(1);
    assert_eq!(case.desk.lost_bytes, 0);
    file.set_len(1 << 21).unwrap();
    file.write_all_at(b"unread\n", 4).unwrap();
    case.desk.scan();
    file.set_len(4).unwrap();
    case.wait(1);
    assert!(case.desk.lost_bytes >= 7);
    case.check(&["1", "2"]);
}

/// Goal: a file that waits, since it may be a copy or what another was replaced by, and is gone before that is known, is read.
#[test]
fn what_waits_and_is_deleted_is_read() {
    let banner = "a line that every run begins with\n".repeat(9);
    for name in ["app-2.log", "app.log"] {
        for unread in [false, true] {
            let mut case = Case::new("*.log");
            case.add("app.log", &banner);
            case.round();
            case.add("app.log", "first\n");
            if !unread {
                case.round();
            }
            if name == "app.log" {
                case.rm("app.log");
                case.desk.scan();
            }
            case.add(name, &banner);
            case.desk.wait(1);
            case.desk.scan();
            case.add(name, "own\n");
            case.rm(name);
            case.wait(15);
            let count = |line: &str| case.got.iter().filter(|got| *got == line).count();
            assert_eq!([count("first"), count("own"), case.got.len()], [1, 1, 20], "{name} {unread}");
        }
    }
}

/// Goal: a job that prints the same each time is shipped each time, and a file of which only the times change is not.
#[test]
fn a_run_that_prints_the_same_is_told_by_the_kernel_s_word() {
    let run = "starting\ncannot connect\n";
    let mut case = Case::new("*.log");
    case.add("app.log", run);
    case.round();
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
            case.round();
        }
        case.desk.tail.note_write(&case.path("app.log"));
        case.round();
        // Only the times.
        touch(&case);
        case.round();
        case.wait(1);
    }
    // The word of a write that was read already.
    case.add("app.log", "more\n");
    case.round();
    case.desk.tail.note_write(&case.path("app.log"));
    case.round();
    touch(&case);
    case.round();
    case.check(
        &[["cannot connect"; 3], ["more", "starting", "starting"]]
            .concat()
            .into_iter()
            .chain(["starting"])
            .collect::<Vec<_>>(),
    );
}

/// Goal: a hole stops nobody who goes on writing behind it, as one that does not append does after a truncation.
#[test]
fn a_hole_before_a_busy_writer_is_passed() {
    let mut case = Case::new("*.log");
    let file = File::create(case.path("app.log")).unwrap();
    file.write_all_at(b"1\n", 0).unwrap();
    case.round();
    case.cut("app.log");
    for line in 0..8_u8 {
        file.write_all_at(&[b'a' + line, b'\n'], 300 + 2 * u64::from(line)).unwrap();
        case.wait(1);
    }
    assert!(case.got.len() > 4, "{:?}", case.got);
    case.check(&["1", "a", "b", "c", "d", "e", "f", "g", "h"]);
}

/// Delivers all of `app.log` but its second line, as if an output had refused that, and saves.
fn with_a_hole(case: &mut Case) {
    case.add("app.log", "1\n2\n3\n4\n");
    case.desk.scan();
    case.desk.pass(usize::MAX);
    for line in [3, 2, 0] {
        case.got.extend(case.desk.settle(line, true));
    }
    case.desk.save();
}

/// Goal: what an output has is not sent again by the next process, though a line before it waits.
#[test]
fn what_was_acknowledged_behind_a_hole_is_not_sent_again_after_a_restart() {
    let mut case = Case::new("*.log");
    with_a_hole(&mut case);
    case.down(|case| case.add("app.log", "5\n"));
    case.round();
    assert_eq!(case.got.split_off(3), ["2", "5"]);
    assert_eq!(case.desk.lost_bytes, 0);
}

/// Goal: what was acknowledged says nothing of other bytes at its place.
#[test]
fn what_was_rewritten_behind_a_hole_is_read() {
    let mut case = Case::new("*.log");
    with_a_hole(&mut case);
    case.down(|case| fs::write(case.path("app.log"), "1\n2\n3\n9\n5\n").unwrap());
    case.check(&["1", "2", "3", "3", "4", "5", "9"]);
}

/// Goal: what was read of a file and not acknowledged, when another that holds the same took its place, is read from that after a crash.
#[test]
fn what_was_on_its_way_of_a_replaced_file_survives_a_crash() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n");
    case.round();
    case.add("app.log", "3\n4\n");
    // Read, and not acknowledged.
    case.desk.scan();
    case.desk.pass(usize::MAX);
    replace(&case, "1\n2\n3\n4\n5\n");
    case.desk.scan();
    case.desk.pass(usize::MAX);
    case.down(|_| {});
    case.check(&["1", "2", "3", "4", "5"]);
}

/// Goal: of several deleted files of one name, the one that a file was made of counts, not the last.
#[test]
fn what_replaced_one_of_several_deleted_files_is_read_on() {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n");
    // Nothing is acknowledged for a while.
    case.desk.scan();
    case.desk.pass(usize::MAX);
    replace(&case, "1\n2\n3\n");
    case.desk.scan();
    case.mv("app.log", "app.log-20260101");
    case.add("app.log", "7\n8\n");
    case.desk.scan();
    case.desk.pass(usize::MAX);
    case.desk.wait(1);
    replace(&case, "7\n8\n9\n");
    case.desk.scan();
    case.check(&["1", "2", "3", "7", "8", "9"]);
}

//! Copied, moved or compressed files that hold bytes which were read: they are shipped once.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;

use logskiff::source::Event;

use super::case::Case;

/// Lines that distinguish one log from another.
fn lines(from: u32, to: u32) -> String {
    (from..=to).fold(String::new(), |text, at| text + &format!("line {at} of a log that is long enough to be known\n"))
}

/// A log of 200 lines that are shipped.
fn shipped(glob: &str) -> Case {
    let mut case = Case::new(glob);
    case.add("app.log", &lines(1, 200));
    case.run_pass();
    case
}

/// Checks that this many of these lines came, each once, and that nothing was reported as lost.
#[track_caller]
fn each_once(mut case: Case, count: usize, what: &str) {
    case.wait(15);
    let all = case.got.len();
    case.got.sort_unstable();
    case.got.dedup();
    assert_eq!((case.got.len(), all, case.driver.lost_bytes), (count, count, 0), "{what}: {:?}", case.driver.events);
}

#[test]
fn a_copy_in_a_directory_for_old_files_is_recognized() {
    for (glob, name) in [("**/*.log", "old/app-20261123.log"), ("**/*.log", "old/app.log.1"), ("**/*", "old/app.log.1")]
    {
        for look in [false, true] {
            let mut case = shipped(glob);
            fs::create_dir(case.path("old")).unwrap();
            case.add("app.log", "unread\n");
            case.cp("app.log", name);
            if look {
                case.driver.scan();
            }
            case.cut("app.log");
            case.add("app.log", "after\n");
            case.wait(30);
            case.add(name, "late\n");
            each_once(case, 203, name);
        }
    }
}

/// Goal: a file that is not truncated after it was copied is shipped once as well, and appended lines are not delayed.
#[test]
fn a_copy_without_a_truncation_is_recognized() {
    for glob in ["*.log", "*.log*"] {
        for seconds in [0, 3, 12] {
            for deleted in [false, true] {
                let mut case = shipped(glob);
                case.cp("app.log", "app.log.1");
                case.wait(seconds);
                if deleted {
                    case.rm("app.log");
                    case.wait(seconds);
                }
                case.add("app.log", "after\n");
                case.wait(700);
                case.add("app.log.1", "late\n");
                case.wait(12);
                case.add("app.log", "last\n");
                each_once(case, 203, &format!("{glob} {seconds} {deleted}"));
            }
        }
    }
}

/// Goal: a copy whose name is not that of a rotated file, and that is appended to at once, may be another log: it is read, once,
/// and reported.
#[test]
fn a_copy_that_may_be_another_log_is_reported() {
    for (name, repeats) in [("app-copy.log", true), ("other.log", false)] {
        let mut case = shipped("*.log");
        if repeats {
            case.cp("app.log", name);
        } else {
            case.add(name, &lines(301, 500));
        }
        case.wait(1);
        case.add(name, "late\n");
        case.wait(30);
        let reported =
            case.driver.events.iter().filter(|event| matches!(event, Event::Repeats(path) if *path == case.path(name)));
        assert_eq!(reported.count(), usize::from(repeats), "{name}");
        assert_eq!(case.got.len(), 401, "{name}");
    }
}

/// Goal: as `rsync` copies from elsewhere: the rotated file is a new one, and longer than what was read.
#[test]
fn a_rotated_file_copied_from_elsewhere_is_read_on() {
    for name in ["app.log.1", "app-20261123.log"] {
        for swapped in [false, true] {
            let mut case = shipped("*.log");
            fs::write(case.path("new0"), lines(211, 220)).unwrap();
            fs::write(case.path("new1"), lines(1, 210)).unwrap();
            let names = [("new1", name), ("new0", "app.log")];
            for (from, to) in if swapped { [names[1], names[0]] } else { names } {
                case.mv(from, to);
                case.wait(1);
            }
            each_once(case, 220, name);
        }
    }
}

/// Goal: `cat app.log >> app.log.1; > app.log` ships nothing twice, and unread lines are read from the copy.
#[test]
fn bytes_appended_to_a_rotated_file_are_recognized() {
    for (glob, unread, look, down) in [
        ("*.log", "", false, false),
        ("*.log", "", true, false),
        ("*.log*", "unread\n", true, false),
        ("*.log*", "unread\n", false, true),
    ] {
        let mut case = shipped(glob);
        case.mv("app.log", "app.log.1");
        case.add("app.log", &lines(201, 400));
        case.wait(12);
        let concatenate = |case: &Case| {
            case.add("app.log", unread);
            case.add("app.log.1", &fs::read_to_string(case.path("app.log")).unwrap());
        };
        let cut = |case: &Case| {
            case.cut("app.log");
            case.add("app.log", "after\n");
        };
        if down {
            case.down(|case| {
                concatenate(case);
                cut(case);
            });
        } else {
            concatenate(&case);
            if look {
                case.driver.wait(1);
                case.driver.scan();
            }
            cut(&case);
        }
        case.wait(20);
        case.add("app.log.1", "late\n");
        each_once(case, 402 + usize::from(!unread.is_empty()), &format!("{glob} {unread:?} {look} {down}"));
    }
}

/// Goal: unread lines at a rotated file's end are shipped though the new log begins with the same ones: they are older.
#[test]
fn a_log_that_begins_as_the_rotated_one_ends_is_no_copy() {
    let rotate = |case: &Case, unread: &str| {
        case.add("app.log", unread);
        // The kernel's clock of files goes in steps.
        std::thread::sleep(std::time::Duration::from_millis(30));
        case.mv("app.log", "app.log.1");
        case.add("app.log", unread);
    };
    for unread in [lines(201, 240), lines(201, 202)] {
        for seen in [false, true] {
            let mut case = shipped("*.log*");
            if seen {
                rotate(&case, &unread);
                case.driver.wait(1);
                case.driver.scan();
                case.down(|_| {});
            } else {
                case.down(|case| rotate(case, &unread));
            }
            case.wait(30);
            let of_both = 2 * unread.lines().count();
            assert_eq!(case.got.len(), 200 + of_both, "seen: {seen}; {:?}", &case.got[200..]);
        }
    }
}

/// Goal: a large file is copied in steps that end inside lines; an intermediate state is no position to resume from.
#[test]
fn an_incomplete_copy_is_not_read_from_the_middle_of_a_line() {
    for glob in ["*.log", "*.log*"] {
        for unread in ["", "unread\n"] {
            for seconds in [0, 3, 12] {
                let mut case = shipped(glob);
                case.add("app.log", unread);
                let whole = fs::read(case.path("app.log")).unwrap();
                fs::write(case.path("app.log.1"), &whole[..5_000]).unwrap();
                case.driver.scan();
                case.wait(seconds);
                fs::write(case.path("app.log.1"), &whole).unwrap();
                case.cut("app.log");
                case.add("app.log", "after\n");
                case.wait(20);
                case.add("app.log.1", "late\n");
                each_once(case, 202 + unread.lines().count(), &format!("{glob} {unread:?} {seconds}"));
            }
        }
    }
}

#[test]
fn a_copy_of_a_copy_is_recognized() {
    for glob in ["*.log", "*.log*"] {
        let mut case = shipped(glob);
        for run in 1..4 {
            for number in (1..run).rev() {
                case.cp(&format!("app.log.{number}"), &format!("app.log.{}", number + 1));
            }
            case.cp("app.log", "app.log.1");
            case.cut("app.log");
            case.add("app.log", &lines(run * 1000 + 1, run * 1000 + 30));
            case.wait(12);
        }
        each_once(case, 290, glob);
    }
}

/// Goal: a directory that is moved away for a while, as for a backup, is recognized when it is back; lines written
/// meanwhile are read.
#[test]
fn a_directory_that_returns_is_recognized() {
    for before in [0, 8, 20] {
        for away in [1, 8, 60] {
            let mut case = Case::new("logs/*.log*");
            fs::create_dir(case.path("logs")).unwrap();
            case.add("logs/app.log", &lines(1, 200));
            case.add("logs/quiet.log", &lines(201, 210));
            case.add("logs/quiet.log.1", &lines(211, 220));
            case.gzip("logs/quiet.log.1", "logs/quiet.log.1.gz");
            case.wait(12);
            case.mv("logs/app.log", "logs/app.log.1");
            case.add("logs/app.log", &lines(221, 230));
            case.wait(before);
            let mut writer = File::options().append(true).open(case.path("logs/app.log")).unwrap();
            case.mv("logs", "away");
            case.wait(away);
            writer.write_all(b"meanwhile\n").unwrap();
            case.mv("away", "logs");
            each_once(case, 231, &format!("{before} {away}"));
        }
    }
}

/// Goal: a writer that is notified late to reopen its log appends to the file that is already compressed.
#[test]
fn a_compressed_copy_without_late_lines_is_recognized() {
    for (down, large) in [(false, false), (true, false), (false, true)] {
        let mut case = shipped("*.log");
        let many = if large { 25_000 } else { 0 };
        case.add("app.log", &lines(1_001, 1_000 + many));
        case.run_pass();
        let mut writer = File::options().append(true).open(case.path("app.log")).unwrap();
        case.mv("app.log", "app.log.1");
        case.gzip("app.log.1", "app.log.1.gz");
        for late in 0..3 {
            writeln!(writer, "late {late}").unwrap();
            case.wait(1);
        }
        drop(writer);
        case.add("app.log", "new\n");
        case.wait(1);
        if down {
            case.down(|_| {});
        }
        case.wait(if large { 30 } else { 700 });
        each_once(case, 204 + usize::try_from(many).unwrap(), &format!("{down} {large}"));
    }
}

/// Goal: a file that was moved to another directory and compressed between two checks is read on from its position.
#[test]
fn a_file_archived_while_stopped_is_read_on() {
    for (glob, name) in [
        ("**/*.log", "archive/app-2026-11-23.log.gz"),
        ("**/*.log", "archive/app.log.1.gz"),
        ("**/*.log*", "archive/app.log.1.gz"),
        ("**/*.log", "archive/2026-11-23/app.log.gz"),
    ] {
        let mut case = shipped(glob);
        case.wait(15);
        case.down(|case| {
            case.add("app.log", &lines(201, 210));
            fs::create_dir_all(case.path("archive/2026-11-23")).unwrap();
            case.mv("app.log", "app.log.1");
            case.gzip("app.log.1", name);
            case.add("app.log", &lines(211, 220));
        });
        each_once(case, 220, &format!("{glob} {name}"));
    }
}

/// Goal: a run that begins like the last one is no copy of it, although it is shorter.
#[test]
fn runs_with_the_same_beginning_compressed_while_stopped_are_all_read() {
    let banner = lines(1, 8);
    for packed in [false, true] {
        let mut case = Case::new("*.log");
        case.add("app.log", &(banner.clone() + &lines(100, 200)));
        case.run_pass();
        case.down(|case| {
            case.add("app.log", "end of the first\n");
            case.mv("app.log", "app.log.2");
            case.gzip("app.log.2", "app.log.2.gz");
            case.add("app.log", &(banner.clone() + "second\n"));
            case.mv("app.log", "app.log.1");
            if packed {
                case.gzip("app.log.1", "app.log.1.gz");
            }
            case.add("app.log", &(banner.clone() + "third\n"));
        });
        case.wait(15);
        assert_eq!(case.got.len(), 3 * 8 + 101 + 3, "{packed}");
        for line in ["end of the first", "second", "third"] {
            assert!(case.got.iter().any(|got| got == line), "{packed}: {line}");
        }
    }
}

/// Goal: if nothing was read, nothing was overwritten, although a writer that does not append left zeros at the start.
#[test]
fn an_empty_rotated_file_that_later_begins_with_zeros_is_read() {
    let mut case = Case::new("*.log");
    case.add("app.log", "");
    case.wait(2);
    case.mv("app.log", "app.log.1");
    case.wait(15);
    case.add("app.log.1", "\0\0\0late\n");
    case.check(&["late"]);
}

/// Goal: bytes written over a rotated file before its deletion are no log either if a glob matches rotated files.
#[test]
fn an_overwritten_rotated_file_that_a_glob_matches_ships_nothing() {
    let mut case = shipped("*.log*");
    case.mv("app.log", "app.log.1");
    case.add("app.log", "new\n");
    case.wait(8);
    let file = File::options().write(true).open(case.path("app.log.1")).unwrap();
    file.write_all_at(&b"\n\x00noise\x00\n".repeat(1_500), 0).unwrap();
    case.wait(2);
    case.rm("app.log.1");
    each_once(case, 201, "overwritten");
}

/// Goal: a file that replaced a partly read one, and is rotated or deleted itself, is read from there after a restart.
#[test]
fn a_replacement_of_an_unread_file_is_read_from_its_position() {
    for (polls, packed, again) in
        [(true, true, true), (true, true, false), (true, false, true), (true, false, false), (false, true, false)]
    {
        let mut case = shipped("*.log");
        let whole = lines(1, 400);
        case.add("app.log", &lines(201, 400));
        case.driver.scan();
        let mut replace = |more: u32| {
            fs::write(case.path("aside"), whole.clone() + &lines(401, 400 + more)).unwrap();
            case.mv("aside", "app.log");
            if polls {
                case.driver.scan();
            }
        };
        replace(10);
        if again {
            replace(20);
        }
        case.mv("app.log", "app.log.1");
        if packed {
            case.gzip("app.log.1", "app.log.1.gz");
        }
        case.add("app.log", "after\n");
        if polls {
            case.driver.scan();
        }
        case.down(|_| {});
        each_once(case, if again { 421 } else { 411 }, &format!("{polls} {packed} {again}"));
    }
}

/// Goal: another log that begins with the same banner is read, although the first one was just truncated and was
/// longer.
#[test]
fn a_second_log_with_the_same_banner_is_no_copy_of_a_truncated_one() {
    let banner = lines(1, 8);
    for name in ["app-2.log", "app-2026-11-23.log"] {
        let mut case = Case::new("*.log");
        case.add("app.log", &(banner.clone() + &lines(100, 300)));
        case.run_pass();
        case.cut("app.log");
        case.add("app.log", &(banner.clone() + "again\n"));
        case.wait(1);
        case.add(name, &(banner.clone() + "second\n"));
        case.wait(14);
        case.add(name, "more\n");
        each(case, &["again", "second", "more"], 3 * 8 + 201 + 3, name);
    }
}

/// Goal: a log that begins like another one and continues differently is read while it grows.
#[test]
fn a_second_log_with_the_same_banner_is_read_while_it_grows() {
    let banner = lines(1, 8);
    let mut case = Case::new("*.log");
    case.add("app.log", &(banner.clone() + &lines(100, 300)));
    case.run_pass();
    case.add("app-2.log", &banner);
    for second in 0..20 {
        case.add("app-2.log", &format!("second {second}\n"));
        case.wait(1);
    }
    assert!(case.got.iter().any(|got| got == "second 15"), "it is read while it grows");
    each(case, &["second 0", "second 19"], 2 * 8 + 201 + 20, "app-2.log");
}

/// Goal: a file that waits because it may be a copy is read although it is rotated and deleted before that is known.
#[test]
fn a_waiting_file_that_is_rotated_and_deleted_is_read() {
    let mut case = shipped("*.log");
    case.add("app-2.log", &lines(1, 100));
    case.wait(1);
    case.mv("app-2.log", "app-2.log.1");
    case.wait(2);
    let mut writer = File::options().append(true).open(case.path("app-2.log.1")).unwrap();
    writeln!(writer, "of its own").unwrap();
    case.rm("app-2.log.1");
    case.wait(15);
    assert!(case.got.iter().any(|got| got == "of its own"), "{:?}", case.driver.events);
}

#[track_caller]
fn each(mut case: Case, names: &[&str], count: usize, what: &str) {
    case.wait(15);
    assert_eq!(case.got.len(), count, "{what}");
    for line in names {
        assert!(case.got.iter().any(|got| got == line), "{what}: {line}");
    }
}

/// Goal: a file that waits in the place of a replaced one, is truncated and then rotated, is read under its new name.
#[test]
fn a_waiting_file_that_was_rotated_is_read() {
    let mut case = shipped("*.log");
    case.add("app.log", "unread\n");
    case.driver.scan();
    case.cp("app.log", "aside");
    case.mv("aside", "app.log");
    for _ in 0..11 {
        case.driver.wait(1);
        case.driver.scan();
    }
    case.cut("app.log");
    case.mv("app.log", "app.log.1");
    case.add("app.log.1", "late\n");
    each_once(case, 202, "late");
}

/// Goal: a file that replaced an unread one, holds more, and is rotated and compressed before it is read, is read.
#[test]
fn a_compressed_replacement_of_an_unread_file_is_read() {
    for seconds in [1, 3, 11] {
        let mut case = shipped("*.log");
        case.add("app.log", "unread\n");
        case.driver.scan();
        case.cp("app.log", "aside");
        case.add("aside", "more\n");
        case.mv("aside", "app.log");
        case.mv("app.log", "app.log.1");
        for _ in 0..seconds {
            case.driver.scan();
            case.driver.wait(1);
        }
        case.gzip("app.log.1", "app.log.1.gz");
        each_once(case, 202, &format!("{seconds}"));
    }
}

/// Goal: if a file was replaced twice, and everything is acknowledged, a restart ships nothing again, although the
/// deleted files are held.
#[test]
fn a_replacement_of_a_replacement_is_shipped_once() {
    let mut case = shipped("*.log");
    for more in 1..=2 {
        fs::write(case.path("aside"), lines(1, 200 + more * 10)).unwrap();
        case.mv("aside", "app.log");
        case.wait(12);
    }
    case.add("app.log", "last\n");
    case.wait(1);
    case.down(|_| {});
    each_once(case, 221, "twice");
}

//! Files whose end is cut off and written again, and what is copied to the end of an open file.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use super::case::Case;

/// Above 1 KiB: fewer bytes prove nothing.
fn entries(count: usize) -> String {
    (0..count).fold("[\n".to_owned(), |text, at| text + &format!("{{{at:04}}}\n")) + "]\n"
}

fn open(case: &Case, name: &str) -> File {
    File::options().read(true).write(true).open(case.path(name)).unwrap()
}

/// Cuts off the last bytes.
fn cut(case: &Case, name: &str, bytes: u64) {
    let file = open(case, name);
    file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
}

fn count(case: &Case, line: &str) -> usize {
    case.got.iter().filter(|got| *got == line).count()
}

/// Goal: where a program cuts off the end and writes another, only that is read, also if it is seen in between.
#[test]
fn where_the_end_is_cut_and_written_reading_goes_back_to_what_still_holds() {
    // `]`, `]` and half of the line before, that line, two lines.
    for bytes in [2, 3, 9, 16] {
        for looks in [0, 1, 2] {
            let mut case = Case::new("*.json");
            case.add("app.json", &entries(300));
            case.run_pass();
            for entry in 0..20 {
                cut(&case, "app.json", bytes);
                for _ in 0..looks {
                    case.run_pass();
                    case.driver.wait(1);
                }
                case.add("app.json", &format!("{{new {entry}}}\n]\n"));
                case.run_pass();
            }
            case.wait(15);
            let what = format!("{bytes} {looks}");
            assert!((322..500).contains(&case.got.len()), "{what}: {}", case.got.len());
            for entry in 0..20 {
                // Half a line before it belongs to it.
                let end = format!("{{new {entry}}}");
                assert!(case.got.iter().any(|line| line.ends_with(&end)), "{what}: {end}");
            }
        }
    }
}

/// Goal: a last line that is replaced by a shorter or longer one is read, and little else.
#[test]
fn a_last_line_that_is_replaced_is_read() {
    for looks in [false, true] {
        let mut case = Case::new("*.log");
        case.add("app.log", &(entries(300) + "progress 0\n"));
        case.run_pass();
        let mut last = 11;
        for at in 1..40_usize {
            let line = format!("progress {}\n", "#".repeat(1 + at % 10));
            let mut file = open(&case, "app.log");
            let start = file.seek(SeekFrom::End(-last)).unwrap();
            if looks {
                file.set_len(start).unwrap();
                case.run_pass();
            }
            file.write_all(line.as_bytes()).unwrap();
            if !looks {
                // The rest of the former line is still there.
                case.run_pass();
            }
            file.set_len(start + line.len() as u64).unwrap();
            case.run_pass();
            last = i64::try_from(line.len()).unwrap();
            assert!(count(&case, line.trim_end()) > 0, "{line} {looks}");
        }
        case.wait(15);
        assert!(case.got.len() < 500, "{}", case.got.len());
    }
}

/// Goal: a job that prints the same each time is shipped each time, wherever in its text it is seen.
#[test]
fn a_job_that_prints_the_same_is_shipped_wherever_it_is_seen() {
    let text = entries(300);
    // At its end, in its last lines, within one, at the start of the last, far before.
    for seen in [0, 1, 2, 5, 9, 16, 23, 1_000] {
        for goes_on in [true, false] {
            let mut case = Case::new("*.log");
            case.add("app.log", &text);
            case.run_pass();
            let (first, rest) = text.split_at(text.len() - seen);
            case.cut("app.log");
            if seen == 0 {
                // Otherwise nothing tells it from the same file.
                case.run_pass();
            }
            case.add("app.log", first);
            case.run_pass();
            if goes_on {
                case.add("app.log", rest);
            }
            case.wait(15);
            let want = |line: &str| 1 + usize::from(goes_on || first.contains(&format!("{line}\n")));
            for line in text.lines() {
                assert_eq!(count(&case, line), want(line), "{line} {seen} {goes_on}");
            }
        }
    }
}

/// Goal: other text in a file that was cut is a new run, whatever its length.
#[test]
fn other_text_in_a_file_that_was_cut_is_a_new_run() {
    let text = entries(300);
    for length in [2, text.len() - 9, text.len(), text.len() + 9] {
        for looks in [false, true] {
            let mut case = Case::new("*.log");
            case.add("app.log", &text);
            case.run_pass();
            case.cut("app.log");
            if looks {
                case.run_pass();
            }
            let other = "other\n".repeat(1_000);
            case.add("app.log", &other[..length]);
            case.wait(15);
            let whole = length / 6;
            assert_eq!(count(&case, "other"), whole, "{length} {looks}");
        }
    }
}

/// Goal: what fails or waits while the end of its file is cut off is not lost.
#[test]
fn what_fails_while_the_end_is_cut_is_read_again() {
    for down in [false, true] {
        for looks in [false, true] {
            let mut case = Case::new("*.json");
            case.add("app.json", &entries(300));
            case.driver.scan();
            case.driver.read_files(usize::MAX);
            cut(&case, "app.json", 2);
            if looks {
                case.driver.read_files(usize::MAX);
            }
            case.lose_in_flight(down);
            case.add("app.json", "{new}\n]\n");
            case.wait(20);
            for line in entries(300).lines().chain(["{new}"]) {
                assert!(count(&case, line) > 0, "{line} {down} {looks}");
            }
        }
    }
}

/// Goal: what is copied to the end of a rotated file that is still open is shipped once, and so is what a late writer adds.
#[test]
fn what_is_copied_to_the_end_of_an_open_rotated_file_is_known() {
    let text = |run: usize, lines: usize| (0..lines).fold(String::new(), |text, at| text + &format!("{run} {at:04}\n"));
    for glob in ["*.log", "*.log*"] {
        for lines in [3, 300] {
            // When the names and the bytes are looked at: after the copy, after the cut.
            for (copied, emptied) in [(false, true), (true, true), (true, false)] {
                let what = format!("{glob} {lines} {copied} {emptied}");
                let mut case = Case::new(glob);
                case.add("app.log", &text(0, lines));
                case.run_pass();
                case.mv("app.log", "app.log.1");
                case.add("app.log", "");
                case.run_pass();
                for run in 1..6 {
                    case.add("app.log", &text(run, lines));
                    case.wait(1);
                    case.add("app.log.1", &std::fs::read_to_string(case.path("app.log")).unwrap());
                    if copied {
                        case.run_pass();
                    }
                    case.cut("app.log");
                    if emptied {
                        case.run_pass();
                    }
                    case.driver.wait(1);
                    if run % 2 == 0 {
                        case.run_pass();
                        case.add("app.log.1", &format!("late {run}\n"));
                    }
                }
                case.wait(15);
                for run in 0..6 {
                    for line in text(run, lines).lines() {
                        assert_eq!(count(&case, line), 1, "{what}: {line}");
                    }
                }
                assert_eq!((count(&case, "late 2"), count(&case, "late 4")), (1, 1), "{what}");
            }
        }
    }
}

/// Goal: what was on its way when its file was copied to the end of another and emptied is read from there if it fails.
#[test]
fn what_fails_after_it_was_copied_to_an_open_file_is_read_from_there() {
    for down in [false, true] {
        let mut case = Case::new("*.log");
        case.add("app.log", "0\n");
        case.run_pass();
        case.mv("app.log", "app.log.1");
        case.run_pass();
        let text = entries(300);
        case.add("app.log", &text);
        case.driver.scan();
        case.driver.read_files(usize::MAX);
        case.add("app.log.1", &text);
        case.cut("app.log");
        case.driver.read_files(usize::MAX);
        case.driver.let_go();
        case.driver.read_files(usize::MAX);
        case.lose_in_flight(down);
        case.wait(20);
        for line in text.lines() {
            assert!(count(&case, line) > 0, "{line} {down}");
        }
    }
}

/// Goal: late lines that begin as the new log does are read, though later.
#[test]
fn late_lines_that_are_the_new_log_s_own_are_read() {
    let mut case = Case::new("*.log");
    case.add("app.log", "0\n");
    case.run_pass();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "start\n");
    case.wait(1);
    case.add("app.log.1", "start\n");
    case.wait(4);
    case.add("app.log.1", "work\n");
    case.check(&["0", "start", "start", "work"]);
}

//! Why existing files are not read.

use std::fs;

use logskiff::source::{Start, Verdict};

use super::case::{Case, packed};

/// Each unread file: its name, its state, and a part of the reason.
#[track_caller]
fn check(case: &Case, want: &[(&str, Verdict, &str)]) {
    let unread = case.driver.tail.unread_files();
    let found: Vec<_> = { unread.named.iter() }
        .map(|file| (file.path.file_name().unwrap().to_str().unwrap(), file.verdict, file.why.as_str()))
        .collect();
    let is_same = found.len() == want.len()
        && found
            .iter()
            .zip(want)
            .all(|(found, want)| (found.0, found.1) == (want.0, want.1) && found.2.contains(want.2));
    assert!(is_same, "{found:?} is not {want:?}");
    let counted = Verdict::ALL.map(|verdict| want.iter().filter(|want| want.1 == verdict).count() as u64);
    assert_eq!(unread.counts, counted);
}

#[test]
fn unreadable_files_are_listed_while_they_exist() {
    let mut case = Case::new("*.log*");
    check(&case, &[]);
    case.add("app.log", "1\n");
    case.link("/etc/passwd", "link.log");
    case.add("app.log.zst", "packed");
    case.wait(2);
    check(
        &case,
        &[("app.log.zst", Verdict::Skipped, "not with gzip"), ("link.log", Verdict::Refused, "a symbolic link")],
    );
    case.rm("link.log");
    case.mv("app.log.zst", "elsewhere");
    case.run_pass();
    check(&case, &[]);
}

#[test]
fn an_unmatched_log_is_listed_while_it_is_not_read() {
    let mut case = Case::starting("app.log", Start::Beginning, |case| {
        case.add("app.log", "1\n");
        case.add("app-2.log", "another's\n");
    });
    for _ in 0..3 {
        check(&case, &[("app-2.log", Verdict::Skipped, "no glob names it")]);
        case.wait(2);
    }
}

#[test]
fn shipped_files_are_listed_and_not_read_again() {
    let mut case = Case::new("app.log");
    case.add("app.log", "1\n2\n");
    case.run_pass();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "3\n");
    case.wait(10);
    check(&case, &[]);
    case.gzip("app.log.1", "app.log.1.gz");
    case.wait(1);
    check(&case, &[("app.log.1.gz", Verdict::Skipped, "is shipped")]);
}

#[test]
fn waiting_files_are_listed() {
    let mut case = Case::new("*.log*");
    case.add("app.log", "1\n2\n");
    case.run_pass();
    case.cp("app.log", "app.log.1");
    fs::write(case.path("old.log.7.gz"), packed(b"7\n")).unwrap();
    case.run_pass();
    check(&case, &[("app.log.1", Verdict::Held, "read from there"), ("old.log.7.gz", Verdict::Held, "still for 10 s")]);
    case.cut("app.log");
    case.wait(12);
    check(&case, &[]);
}

#[test]
fn a_compressed_file_waits_for_its_original() {
    let mut case = Case::new("app.log");
    case.add("app.log", "1\n2\n");
    case.run_pass();
    case.mv("app.log", "app.log.1");
    case.add("app.log", "3\n");
    case.driver.scan();
    case.gzip("app.log.1", "app.log.1.gz");
    case.driver.scan();
    check(&case, &[("app.log.1.gz", Verdict::Held, "still open, and is read from there")]);
}

#[test]
fn files_above_the_limit_are_listed() {
    let mut case = Case::new("*.log");
    case.driver.tail.set_open_files_max(1);
    case.add("a.log", "1\n");
    case.driver.scan();
    case.add("b.log", "2\n");
    case.driver.scan();
    check(&case, &[("b.log", Verdict::Held, "too many files are open")]);
}

/// Goal: of very many files, some are named, and all are counted.
#[test]
fn the_list_of_files_is_bounded() {
    let mut case = Case::new("*.log");
    for number in 0..250 {
        case.link("nowhere", &format!("{number:03}.log"));
    }
    case.run_pass();
    let unread = case.driver.tail.unread_files();
    assert_eq!((unread.named.len(), unread.counts[Verdict::Refused as usize]), (100, 250));
}

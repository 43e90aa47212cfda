//! Several names of one file, and links.

use std::fs;

use logskiff::source::{Event, Start, Symlinks};

use super::case::Case;

fn within(glob: &str, before: impl Fn(&Case)) -> Case {
    Case::with(glob, |config| config.symlinks = Symlinks::Within, before)
}

#[test]
fn hard_links_are_one_file() {
    let mut case = Case::starting("*.log", Start::Beginning, |case| {
        case.add("a.log", "1\n");
        fs::hard_link(case.path("a.log"), case.path("b.log")).unwrap();
    });
    case.add("b.log", "2\n");
    case.wait(2);
    case.rm("a.log");
    case.wait(12);
    case.add("b.log", "3\n");
    case.check(&["1", "2", "3"]);
}

#[test]
fn symbolic_links_are_refused_unless_configured() {
    let mut case = Case::starting("*.log", Start::Beginning, |case| {
        case.add("target", "1\n");
        case.link("target", "a.log");
    });
    case.wait(3);
    assert_eq!(case.refused(), 1);
    case.check(&[]);
}

#[test]
fn a_link_within_the_root_is_followed_and_counts_once_with_its_target() {
    let mut case = within("**/*.log", |case| {
        fs::create_dir(case.path("sub")).unwrap();
        case.add("sub/app-1.log", "1\n");
        case.add("hidden", "2\n");
        case.link("sub/app-1.log", "current.log");
        // An absolute target, as Java's and Kubernetes' tools create it.
        case.link(case.path("hidden").to_str().unwrap(), "absolute.log");
        case.link("sub", "linked");
    });
    case.add("sub/app-1.log", "3\n");
    case.wait(1);
    // The link moves to the next file; the former file is read to its end.
    case.add("sub/app-1.log", "4\n");
    case.add("sub/app-2.log", "5\n");
    case.rm("current.log");
    case.link("sub/app-2.log", "current.log");
    case.wait(2);
    case.add("sub/app-1.log", "6\n");
    assert_eq!(case.refused(), 0);
    case.check(&["1", "2", "3", "4", "5", "6"]);
}

#[test]
fn a_link_out_of_the_root_is_always_refused() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("token.log"), "secret\n").unwrap();
    let mut case = within("**/*.log", |case| {
        case.link(outside.path().join("token.log").to_str().unwrap(), "a.log");
        case.link(outside.path().to_str().unwrap(), "dir");
        case.link("/proc/self/environ", "b.log");
        case.link(".", "loop");
        case.link("nowhere", "dangling.log");
        case.add("app.log", "1\n");
    });
    case.wait(3);
    let out = case
        .driver
        .events
        .iter()
        .filter(|event| matches!(event, Event::Refused(_, why) if why.contains("out of the root")));
    assert_eq!(out.count(), 2);
    case.check(&["1"]);
}

/// Goal: a directory is swapped as Kubernetes swaps `..data`.
#[test]
fn a_linked_directory_may_be_swapped() {
    let mut case = within("**/*.log", |case| {
        for version in ["v1", "v2"] {
            fs::create_dir(case.path(version)).unwrap();
        }
        case.add("v1/app.txt", "");
        case.link("v1", "data");
        case.add("v1/app.log", "1\n");
    });
    case.add("v2/app.log", "2\n");
    case.rm("data");
    case.link("v2", "data");
    case.wait(2);
    case.add("data/app.log", "3\n");
    case.check(&["1", "2", "3"]);
}

/// Goal: lines written before a link moved to the next file, and not read, are found by inode.
#[test]
fn a_link_changed_while_stopped_leaves_nothing_unread() {
    for glob in ["current.log", "*/current.log", "current/*.log", "data/*/*.log"] {
        let mut case = within(glob, |case| {
            for directory in ["data", "data/v1", "data/v2"] {
                fs::create_dir(case.path(directory)).unwrap();
            }
            case.add("data/v1/app.log", "1\n");
            case.add("data/v2/app.log", "");
            switch(case, "v1");
        });
        case.wait(2);
        case.down(|case| {
            case.add("data/v1/app.log", "2\n");
            case.add("data/v2/app.log", "3\n");
            for name in ["current.log", "current", "data/current.log", "data/current"] {
                case.rm(name);
            }
            switch(case, "v2");
        });
        case.wait(20);
        case.got.sort_unstable();
        assert_eq!(case.got, ["1", "2", "3"], "{glob}");
    }
}

/// All files that may be called `current`.
fn switch(case: &Case, version: &str) {
    case.link(&format!("data/{version}/app.log"), "current.log");
    case.link(&format!("data/{version}"), "current");
    case.link(&format!("{version}/app.log"), "data/current.log");
    case.link(version, "data/current");
}

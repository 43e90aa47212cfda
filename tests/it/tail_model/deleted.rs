//! Deleted files that take more of the disk than they may.

use logskiff::source::{Abandoned, DeletedBound};

use super::case::Case;

/// No deleted file is held that takes any of the disk.
const NONE: DeletedBound = DeletedBound { bytes: 0, machine_bytes: 1 << 34, limit_bytes: None };

fn rotated() -> Case {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n3\n4\n");
    case.desk.scan();
    case.desk.pass(2);
    case.mv("app.log", "app.log.1");
    case.add("app.log", "5\n");
    case.desk.scan();
    case
}

fn deliver(case: &mut Case) {
    while !case.desk.out.is_empty() {
        case.got.extend(case.desk.settle(0, true));
    }
}

/// Goal: where a compressed copy is there, nothing is lost: it is read on where the deleted file was left.
#[test]
fn a_deleted_file_gives_way_to_its_compressed_copy() {
    for settled in [false, true] {
        let mut case = rotated();
        case.gzip("app.log.1", "app.log.1.gz");
        case.desk.scan();
        case.desk.tail.set_deleted_bound(Some(NONE));
        if settled {
            deliver(&mut case);
        }
        assert_eq!(case.desk.relieve(), [Abandoned::Copied]);
        deliver(&mut case);
        assert_eq!(case.got, ["1", "2"]);
        case.wait(1);
        assert_eq!(case.desk.lost_bytes, 0);
        case.check(&["1", "2", "3", "4", "5"]);
    }
}

/// Goal: a copy that has gone as well is no copy: what was not read is lost, and counted.
#[test]
fn a_compressed_copy_that_is_gone_is_waited_for_in_vain() {
    let mut case = rotated();
    case.gzip("app.log.1", "app.log.1.gz");
    case.desk.scan();
    case.rm("app.log.1.gz");
    case.desk.tail.set_deleted_bound(Some(NONE));
    assert_eq!(case.desk.relieve(), [Abandoned::Copied]);
    case.wait(15);
    assert_eq!(case.desk.lost_bytes, 4);
    case.check(&["1", "2", "5"]);
}

/// Goal: a file that was given up is lost from where it was read to; what is out is lost once it fails.
#[test]
fn what_fails_of_a_file_that_was_given_up_is_lost() {
    let mut case = rotated();
    case.rm("app.log.1");
    case.desk.scan();
    case.desk.tail.set_deleted_bound(Some(NONE));
    assert_eq!(case.desk.relieve(), [Abandoned::Gone]);
    assert_eq!(case.desk.lost_bytes, 4);
    case.got.extend(case.desk.settle(0, true));
    assert_eq!(case.desk.settle(0, false), None);
    case.desk.rewind();
    assert_eq!(case.desk.lost_bytes, 6);
    case.check(&["1", "5"]);
}

/// Goal: after a rewind, what is settled beyond the hole is not lost.
#[test]
fn what_was_settled_before_a_rewind_is_not_lost() {
    let mut case = rotated();
    // The second arrived, and the first did not.
    assert_eq!(case.desk.settle(1, true).as_deref(), Some("2"));
    assert_eq!(case.desk.settle(0, false), None);
    case.desk.rewind();
    case.rm("app.log.1");
    case.desk.scan();
    case.desk.tail.set_deleted_bound(Some(NONE));
    assert_eq!(case.desk.relieve(), [Abandoned::Gone]);
    assert_eq!(case.desk.lost_bytes, 6, "1, 3 and 4");
    case.check(&["5"]);
}

/// Goal: what is settled is let go without a word, and before anything else.
#[test]
fn what_is_settled_goes_first() {
    let mut case = Case::new("*.log");
    case.add("a.log", "1\n");
    case.round();
    case.add("b.log", "2\n");
    case.desk.scan();
    case.desk.pass(1);
    case.rm("b.log");
    case.desk.scan();
    case.desk.wait(1);
    case.rm("a.log");
    case.desk.scan();
    case.desk.tail.set_deleted_bound(Some(DeletedBound { bytes: 4096, ..NONE }));
    assert_eq!(case.desk.relieve(), []);
    assert_eq!(case.desk.tail.files().count(), 1, "the younger one had nothing more to give");
    deliver(&mut case);
    case.check(&["1", "2"]);
}

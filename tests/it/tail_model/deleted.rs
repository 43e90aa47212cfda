//! Deleted files that exceed the limit of disk space.

use logskiff::source::{Abandoned, DeletedBound};

use super::case::Case;

/// Deleted files may use no disk space.
const NONE: DeletedBound = DeletedBound { bytes: 0, machine_bytes: 1 << 34, limit_bytes: None };

fn rotated() -> Case {
    let mut case = Case::new("*.log");
    case.add("app.log", "1\n2\n3\n4\n");
    case.driver.scan();
    case.driver.read_files(2);
    case.mv("app.log", "app.log.1");
    case.add("app.log", "5\n");
    case.driver.scan();
    case
}

fn deliver(case: &mut Case) {
    while !case.driver.out.is_empty() {
        case.got.extend(case.driver.settle(0, true));
    }
}

/// Goal: if a compressed copy exists, nothing is lost: it is read on from the position in the deleted file.
#[test]
fn a_deleted_file_is_closed_if_a_compressed_copy_exists() {
    for settled in [false, true] {
        let mut case = rotated();
        case.gzip("app.log.1", "app.log.1.gz");
        case.driver.scan();
        case.driver.tail.set_deleted_bound(Some(NONE));
        if settled {
            deliver(&mut case);
        }
        assert_eq!(case.driver.relieve(), [Abandoned::Copied]);
        deliver(&mut case);
        assert_eq!(case.got, ["1", "2"]);
        case.wait(1);
        assert_eq!(case.driver.lost_bytes, 0);
        case.check(&["1", "2", "3", "4", "5"]);
    }
}

/// Goal: a copy that has disappeared too does not count: unread bytes are lost, and counted.
#[test]
fn a_missing_compressed_copy_is_not_awaited_forever() {
    let mut case = rotated();
    case.gzip("app.log.1", "app.log.1.gz");
    case.driver.scan();
    case.rm("app.log.1.gz");
    case.driver.tail.set_deleted_bound(Some(NONE));
    assert_eq!(case.driver.relieve(), [Abandoned::Copied]);
    case.wait(15);
    assert_eq!(case.driver.lost_bytes, 4);
    case.check(&["1", "2", "5"]);
}

/// Goal: an abandoned file is lost from the position of reading; bytes in flight are lost once they fail.
#[test]
fn failed_records_of_an_abandoned_file_are_lost() {
    let mut case = rotated();
    case.rm("app.log.1");
    case.driver.scan();
    case.driver.tail.set_deleted_bound(Some(NONE));
    assert_eq!(case.driver.relieve(), [Abandoned::Gone]);
    assert_eq!(case.driver.lost_bytes, 4);
    case.got.extend(case.driver.settle(0, true));
    assert_eq!(case.driver.settle(0, false), None);
    case.driver.rewind();
    assert_eq!(case.driver.lost_bytes, 6);
    case.check(&["1", "5"]);
}

/// Goal: after a rewind, acknowledged bytes after the gap are not lost.
#[test]
fn bytes_acknowledged_before_a_rewind_are_not_lost() {
    let mut case = rotated();
    // The second arrived, and the first did not.
    assert_eq!(case.driver.settle(1, true).as_deref(), Some("2"));
    assert_eq!(case.driver.settle(0, false), None);
    case.driver.rewind();
    case.rm("app.log.1");
    case.driver.scan();
    case.driver.tail.set_deleted_bound(Some(NONE));
    assert_eq!(case.driver.relieve(), [Abandoned::Gone]);
    assert_eq!(case.driver.lost_bytes, 6, "1, 3 and 4");
    case.check(&["5"]);
}

/// Goal: acknowledged files are closed without a message, and before all others.
#[test]
fn acknowledged_files_are_closed_first() {
    let mut case = Case::new("*.log");
    case.add("a.log", "1\n");
    case.run_pass();
    case.add("b.log", "2\n");
    case.driver.scan();
    case.driver.read_files(1);
    case.rm("b.log");
    case.driver.scan();
    case.driver.wait(1);
    case.rm("a.log");
    case.driver.scan();
    case.driver.tail.set_deleted_bound(Some(DeletedBound { bytes: 4096, ..NONE }));
    assert_eq!(case.driver.relieve(), []);
    assert_eq!(case.driver.tail.files().count(), 1, "the younger one had nothing more to give");
    deliver(&mut case);
    case.check(&["1", "2"]);
}

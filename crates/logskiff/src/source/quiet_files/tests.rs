//! Tests of the quiet files and of what a walk returns.

use super::*;
use crate::source::{Config, Start, Symlinks};

/// Goal: a quiet file that changes counts once, so that exactly as many files as are allowed can change.
#[test]
fn a_quiet_file_that_has_changed_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let config = Config {
        paths: vec![format!("{}/*.log", root.display())],
        exclude: Vec::new(),
        start: Start::Beginning,
        symlinks: Symlinks::Deny,
        delete_rotated: false,
        kept_bytes_max: 0,
    };
    for name in ["known.log", "new.log"] {
        std::fs::write(root.join(name), "a line\n").unwrap();
    }
    let now = Instant::now();
    let mut source = FileSource::new(&[config], "pod", None, now).unwrap();
    assert_eq!(source.reconcile(now).len(), 2);
    assert_eq!(source.known_files(), 2);
    let known = source.files().find(|file| file.path.ends_with("known.log")).unwrap();
    let fingerprint = known.fingerprint();
    let quiet =
        Quiet { fingerprint, changed: FileTime { seconds: 1, nanoseconds: 0 }, name: 0, incarnation: 0, whole: true };
    let mut files = QuietFiles::default();
    files.insert([(known.inode, quiet), (Inode { device: 0, inode: 0 }, quiet)]);
    source.restore_quiet(files);
    assert_eq!(source.known_files(), 3);
}

/// Goal: with more files than one walk returns, a new file comes at once, and the number of the others is known.
#[test]
fn a_new_file_does_not_wait_for_many_old_ones() {
    let budget = OfferBudget { room: Cell::new(1), fresh_since: 100, fresh_room: Cell::new(1), skip: Cell::new(0) };
    let walk_filter = WalkFilter { budget, ..WalkFilter::default() };
    let takes = |number: u64, changed_s: i64| {
        let changed = FileTime { seconds: changed_s, nanoseconds: 0 };
        let inode = Inode { device: 1, inode: number };
        !walk_filter.is_full_for(number, || Some(changed))
            && walk_filter.takes(Class::Match, &SeenFile { inode, size: 0, changed }, Path::new("/log/a.log"))
    };
    assert_eq!([takes(1, 50), takes(2, 60), takes(3, 100), takes(4, 101)], [true, false, true, false]);
    assert_eq!(walk_filter.not_offered.get(), 2);
}

//! A name gets another file between the check and the open.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use logskiff::source::Symlinks;
use rustix::fs::{CWD, FileType, RenameFlags, mknodat, renameat_with};

use super::case::Case;

/// Time for both threads to make progress.
const PATIENCE: Duration = Duration::from_secs(120);

fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// Goal: a log and its directory are swapped with links to a secret, a FIFO and a directory as fast as possible. 10,000
/// checks read many lines and none of the secret's, whether links are followed or not.
#[test]
fn ten_thousand_checks_of_swapped_names_leak_nothing() {
    const LOOKS: usize = 10_000;
    for symlinks in [Symlinks::Deny, Symlinks::Within] {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("app.log"), "CANARY\n").unwrap();
        let stash = tempfile::tempdir().unwrap();
        symlink(outside.path().join("app.log"), stash.path().join("link")).unwrap();
        symlink(outside.path(), stash.path().join("directory")).unwrap();
        mknodat(CWD, stash.path().join("fifo"), FileType::Fifo, 0o644.into(), 0).unwrap();
        fs::create_dir(stash.path().join("empty")).unwrap();
        let mut case = Case::with(
            "**/*.log",
            |config| config.symlinks = symlinks,
            |case| {
                fs::create_dir(case.path("sub")).unwrap();
                case.add("sub/app.log", "first\n");
            },
        );
        let (done, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
        let (sub, log) = (case.path("sub"), case.path("sub/app.log"));
        let start = Instant::now();
        let mut opened = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    for name in ["link", "fifo", "empty"] {
                        exchange(&log, &stash.path().join(name));
                        exchange(&log, &stash.path().join(name));
                        // Another file under the name, so that there is something to open.
                        fs::write(stash.path().join("next"), format!("{}\n", swaps.load(Ordering::Relaxed))).unwrap();
                        fs::rename(stash.path().join("next"), &log).unwrap();
                        exchange(&sub, &stash.path().join("directory"));
                        exchange(&sub, &stash.path().join("directory"));
                        swaps.fetch_add(4, Ordering::Relaxed);
                    }
                }
            });
            // On a busy machine one of the two threads may hardly progress: the test continues until both have.
            let met = |opened: usize, case: &Case| opened > 100 && case.refused() > 10;
            let mut look = 0;
            while look < LOOKS || (look % 50 != 0 || !met(opened, &case)) && start.elapsed() < PATIENCE {
                look += 1;
                if look % 50 == 0 {
                    case.driver.wait(1);
                }
                case.run_pass();
                opened += case.got.len();
                let out = case.got.iter().any(|line| line.contains("CANARY"));
                assert!(!out, "the secret was read at look {look}");
                case.got.clear();
            }
            done.store(true, Ordering::Relaxed);
        });
        let refused = case.refused();
        let swaps = swaps.load(Ordering::Relaxed);
        eprintln!(
            "{symlinks:?}: looks among {swaps} swaps in {:?}: {opened} lines, {refused} refusals",
            start.elapsed()
        );
        assert!(opened > 100 && refused > 10, "{opened} {refused}");
    }
}

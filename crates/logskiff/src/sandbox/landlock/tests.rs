//! Threads that confine themselves and then try forbidden calls. On kernels without Landlock these tests are skipped.

use std::fs::{self, File};
use std::io::ErrorKind::PermissionDenied;
use std::net::ToSocketAddrs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

/// A file outside of all directories that the tests allow; temporary files are elsewhere.
const FOREIGN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");

/// Runs `body` in a thread that is confined to `config`; returns false if the kernel has no Landlock.
fn confined(config: Config, body: impl FnOnce(&Confined) + Send + 'static) -> bool {
    let work = move || {
        let confined = confine(&config);
        if matches!(confined.reached, Reached::Not(_)) {
            assert!(std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "Landlock is needed: {confined:?}");
            eprintln!("skipped: {confined:?}");
            return false;
        }
        body(&confined);
        true
    };
    std::thread::spawn(work).join().unwrap()
}

#[track_caller]
fn denied<T>(outcome: std::io::Result<T>) {
    match outcome {
        Ok(_) => panic!("allowed"),
        Err(error) => assert_eq!(error.kind(), PermissionDenied, "{error}"),
    }
}

/// A directory tree with logs, state, certificates, and a secret outside of them.
fn scene() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().canonicalize().unwrap();
    for part in ["logs/app", "state", "tls", "outside"] {
        fs::create_dir_all(real.join(part)).unwrap();
    }
    fs::write(real.join("outside/secret"), "secret").unwrap();
    (dir, real)
}

/// Goal: logs that are only read cannot be written, created, renamed or deleted, and nothing else can be read.
#[test]
fn logs_are_read_and_nothing_else() {
    let (_dir, real) = scene();
    let at = real.clone();
    let config = Config { logs: vec![(real.join("logs/app"), false)], ..Config::default() };
    fs::write(real.join("logs/app/a.log"), "line\n").unwrap();
    symlink(real.join("outside/secret"), real.join("logs/app/link.log")).unwrap();
    symlink(FOREIGN, real.join("logs/app/foreign.log")).unwrap();
    let ran = confined(config, move |confined| {
        assert_eq!(fs::read(at.join("logs/app/a.log")).unwrap(), b"line\n");
        assert_eq!(fs::read_dir(at.join("logs/app")).unwrap().count(), 3);
        denied(fs::read(FOREIGN));
        denied(fs::read(at.join("logs/app/foreign.log")));
        denied(fs::read_dir(env!("CARGO_MANIFEST_DIR")));
        // Details of other processes are hidden too, where the kernel checks for ptrace rights.
        denied(fs::read_link(format!("/proc/{}/exe", std::os::unix::process::parent_id())));
        if confined.readable == [at.join("logs")] {
            denied(fs::read(at.join("outside/secret")));
            denied(fs::read(at.join("logs/app/link.log")));
        }
        denied(File::options().append(true).open(at.join("logs/app/a.log")));
        denied(fs::write(at.join("logs/app/b.log"), "x"));
        denied(fs::rename(at.join("logs/app/a.log"), at.join("logs/app/b.log")));
        denied(fs::remove_file(at.join("logs/app/a.log")));
        denied(fs::create_dir(at.join("logs/app/sub")));
        denied(symlink("a.log", at.join("logs/app/other")));
        denied(std::process::Command::new("/bin/true").status());
        // The domain cannot be left, and later threads are in it.
        std::thread::spawn(|| denied(fs::read(FOREIGN))).join().unwrap();
        // `stat` is not restricted; LOGSKIFF_EXIT=file:PATH needs no more.
        assert!(Path::new(FOREIGN).exists());
    });
    assert!(fs::read(FOREIGN).is_ok(), "other threads are not confined");
    assert!(!ran || real.join("logs/app/a.log").exists());
}

/// Goal: where rotated files are deleted, they can be renamed and deleted, but not written.
#[test]
fn deletable_files_are_not_writable() {
    let (_dir, real) = scene();
    let config = Config { logs: vec![(real.join("logs/app"), true)], ..Config::default() };
    fs::write(real.join("logs/app/a.log.1"), "line\n").unwrap();
    confined(config, move |_| {
        let (name, aside) = (real.join("logs/app/a.log.1"), real.join("logs/app/.aside"));
        denied(File::options().append(true).open(&name));
        fs::rename(&name, &aside).unwrap();
        fs::rename(&aside, &name).unwrap();
        fs::remove_file(&name).unwrap();
        denied(fs::remove_file(FOREIGN));
    });
}

/// Goal: the state can be saved by renaming new files over old ones; nothing else can be written.
#[test]
fn the_state_is_written_and_its_neighbours_are_not() {
    let (_dir, real) = scene();
    let word = real.join("termination-log");
    fs::write(&word, "a long message").unwrap();
    let config = Config { state: Some(real.join("state")), written: Some(word.clone()), ..Config::default() };
    confined(config, move |_| {
        for text in ["one", "two"] {
            fs::write(real.join("state/new"), text).unwrap();
            fs::rename(real.join("state/new"), real.join("state/checkpoint")).unwrap();
            File::open(real.join("state")).unwrap().sync_all().unwrap();
            assert_eq!(fs::read_to_string(real.join("state/checkpoint")).unwrap(), text);
        }
        denied(fs::write(real.join("neighbour"), "x"));
        denied(fs::rename(real.join("state/checkpoint"), real.join("outside/checkpoint")));
        fs::write(&word, "short").unwrap();
        denied(fs::read(&word));
        denied(fs::remove_file(&word));
    });
}

/// Goal: secrets can be read after Kubernetes renewed them: new files in a new directory, and a replaced link.
#[test]
fn a_renewed_secret_is_read() {
    let (_dir, real) = scene();
    let tls = real.join("tls");
    let put = |data: &str, text: &str| {
        fs::create_dir(tls.join(data)).unwrap();
        fs::write(tls.join(data).join("tls.key"), text).unwrap();
        symlink(data, tls.join("..data_tmp")).unwrap();
        fs::rename(tls.join("..data_tmp"), tls.join("..data")).unwrap();
    };
    put("..2026_1", "old");
    symlink("..data/tls.key", tls.join("tls.key")).unwrap();
    let (go, goes) = std::sync::mpsc::channel::<()>();
    let (ready, is_ready) = std::sync::mpsc::channel::<()>();
    let config = Config { files: vec![tls.join("tls.key")], ..Config::default() };
    let file = tls.join("tls.key");
    let tries = std::thread::spawn(move || {
        confined(config, move |_| {
            assert_eq!(fs::read_to_string(&file).unwrap(), "old");
            ready.send(()).unwrap();
            goes.recv().unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), "new");
            denied(fs::write(&file, "x"));
            denied(fs::read(FOREIGN));
        })
    });
    if is_ready.recv().is_ok() {
        put("..2026_2", "new");
        fs::remove_dir_all(tls.join("..2026_1")).unwrap();
        go.send(()).unwrap();
    }
    tries.join().unwrap();
}

/// Goal: a log directory that is created later, or removed and created again, can be read.
#[test]
fn a_directory_that_is_created_later_is_read() {
    let (_dir, real) = scene();
    let roots = [real.join("logs/app"), real.join("logs/later/and/deeper")];
    let config = Config { logs: roots.iter().map(|root| (root.clone(), false)).collect(), ..Config::default() };
    let (go, goes) = std::sync::mpsc::channel::<()>();
    let (ready, is_ready) = std::sync::mpsc::channel::<()>();
    let seen = roots.clone();
    let tries = std::thread::spawn(move || {
        confined(config, move |_| {
            ready.send(()).unwrap();
            goes.recv().unwrap();
            for root in &seen {
                assert_eq!(fs::read_to_string(root.join("a.log")).unwrap(), "new");
            }
            denied(fs::read(FOREIGN));
        })
    });
    if is_ready.recv().is_ok() {
        fs::remove_dir_all(&roots[0]).unwrap();
        for root in &roots {
            fs::create_dir_all(root).unwrap();
            fs::write(root.join("a.log"), "new").unwrap();
        }
        go.send(()).unwrap();
    }
    tries.join().unwrap();
}

/// Goal: `/proc` can still be read, names resolved, and sockets connected.
#[test]
fn the_libraries_have_what_they_need() {
    let (_dir, real) = scene();
    let listener = std::os::unix::net::UnixListener::bind(real.join("outside/socket")).unwrap();
    confined(Config::default(), move |_| {
        assert!(crate::telemetry::process_stats::System::default().read().resident_bytes.is_some());
        assert!(crate::telemetry::process_stats::System::default().read().open_fds.is_some());
        assert!(crate::telemetry::process_stats::Volume::at(&real).is_some());
        assert!(("localhost", 80).to_socket_addrs().unwrap().next().is_some());
        std::os::unix::net::UnixStream::connect(real.join("outside/socket")).unwrap();
        assert!(listener.accept().is_ok());
    });
}

/// Goal: if a log may be anywhere, reading is not restricted and this is reported; nothing can be written.
#[test]
fn if_a_log_may_be_anywhere_reading_is_not_restricted() {
    let config = Config { logs: vec![("/no-such-directory/app".into(), false)], ..Config::default() };
    confined(config, |confined| {
        assert!(matches!(&confined.reached, Reached::Partly(why) if why.contains("anywhere")), "{confined:?}");
        assert_eq!(confined.readable, [Path::new("/")]);
        assert!(fs::read(FOREIGN).is_ok());
        denied(File::options().append(true).open(FOREIGN));
    });
}

/// Goal: a refusal by the kernel is reported and is not a failure. It allows 16 nested domains (landlock(7)).
#[test]
fn a_refusal_by_the_kernel_is_reported() {
    confined(Config::default(), |_| {
        let outcome = (0..20).map(|_| confine(&Config::default()).reached).find(|reached| *reached != Reached::Fully);
        assert!(matches!(&outcome, Some(Reached::Not(why)) if why.contains("refused")), "{outcome:?}");
    });
}

#[test]
fn the_report_matches_the_enforcement() {
    let here = || LandlockStatus::Available { effective_abi: ABI::V5, kernel_abi: None };
    let check = |ruleset, landlock, open, want: &str| {
        let got = format!("{:?}", reached(&ruleset, &landlock, open));
        assert!(got.starts_with(want), "{got} is not {want}");
    };
    check(RulesetStatus::FullyEnforced, here(), false, "Fully");
    check(RulesetStatus::FullyEnforced, here(), true, "Partly(\"reading is not");
    check(RulesetStatus::PartiallyEnforced, here(), true, "Partly(\"reading is not");
    check(RulesetStatus::PartiallyEnforced, here(), false, "Partly(\"the kernel has an older");
    check(RulesetStatus::NotEnforced, LandlockStatus::NotEnabled, false, "Not(\"Landlock is disabled");
    check(RulesetStatus::NotEnforced, LandlockStatus::NotImplemented, true, "Not(\"the kernel has no Landlock");
}

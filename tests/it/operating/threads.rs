//! No further thread is available (`podPidsLimit`, or a container of the pod that forks without limit).

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{KillOnDrop, http, wait_until};

/// A sidecar whose user may have this many threads, with another process of this user; `None` if the user of this test
/// cannot become another.
fn start(scene: &Scene, settings: Settings, threads: u32) -> Option<(Sidecar, KillOnDrop)> {
    if !rustix::process::geteuid().is_root() {
        assert!(std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "root is needed: the limit is one of users");
        eprintln!("skipped: only root can become a user of whom nothing else runs");
        return None;
    }
    // Only for this test, not for tests in parallel.
    let user = 60_000 + threads * 1_000 + std::process::id() % 1_000;
    for place in ["", "logs", "state", "termination-log"] {
        let place = scene.path(place);
        if !place.exists() {
            fs::create_dir(&place).unwrap();
        }
        chown(place, Some(user), None).unwrap();
    }
    let limit = format!("--nproc={threads}:{threads}");
    let user = format!("--reuid={user}");
    let other = KillOnDrop(Command::new("setpriv").args([&user, "--clear-groups", "sleep", "600"]).spawn().unwrap());
    let starter = ["prlimit", limit.as_str(), "setpriv", &user, "--clear-groups"];
    Some((scene.start(&settings.through(&starter)), other))
}

/// Goal: inotify needs no thread.
#[test]
fn inotify_needs_no_thread() {
    let scene = Scene::new();
    // Main, shipper, runtime, checkpoint, standard output and the other process.
    let settings = scene.observed().with("LOGSKIFF_OUTPUT", "stdout").with("LOGSKIFF_POLL_INTERVAL", "1h");
    let Some((mut sidecar, _other)) = start(&scene, settings, 6) else { return };
    let address = http::address(&sidecar);
    for number in 1..3 {
        // Quiet, so that the watches are active.
        sleep(Duration::from_secs(3));
        scene.append_log("app.log", "line\n");
        wait_until("the line", PATIENCE, || sidecar.stdout().lines().count() == number);
    }
    assert!((http::scrape(&address).unwrap()["logskiff_inotify_active"] - 1.0).abs() < 0.1);
    assert!(sidecar.is_running());
}

/// Goal: a name that cannot be resolved because no thread is available is resolved later, and nothing is lost.
#[test]
fn a_name_is_resolved_once_a_thread_is_available() {
    let scene = Scene::new();
    scene.append_log("app.log", "line\n");
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("tcp://localhost:{}", receiver.local_addr().unwrap().port());
    let settings = scene.observed().with("LOGSKIFF_OUTPUT", "syslog").with("LOGSKIFF_SYSLOG_ADDRESS", &to);
    let settings = settings.with("LOGSKIFF_SYSLOG_FRAMING", "newline");
    // Main, shipper, runtime, checkpoint and the other process.
    let Some((mut sidecar, other)) = start(&scene, settings, 5) else { return };
    wait_until("the failure", PATIENCE, || sidecar.stderr().contains("cannot connect to the syslog receiver"));
    assert!(sidecar.is_running());
    drop(other);
    let mut message = String::new();
    let (connection, _) = receiver.accept().unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(connection).read_line(&mut message).unwrap();
    assert!(message.contains("line"), "{message}");
    assert!(sidecar.is_running());
}

/// Goal: a start for which a thread is missing ships nothing: otherwise each further attempt would ship the same lines again.
#[test]
fn a_start_without_all_threads_ships_nothing() {
    // All are needed: main, shipper, runtime, checkpoint, standard output and the other process.
    for threads in 2..6 {
        let scene = Scene::new();
        scene.append_log("app.log", "line\n");
        let settings = scene.observed().with("LOGSKIFF_OUTPUT", "stdout");
        let Some((mut sidecar, _other)) = start(&scene, settings, threads) else { return };
        assert!(!sidecar.wait(PATIENCE).0.success(), "{threads}");
        assert_eq!(sidecar.stdout(), "", "{threads}");
    }
}

//! Mistakes in the configuration: exit, or wait for a correction.

use std::fs;
use std::time::Duration;

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{http, signal, wait_until};

/// The exit code of mistakes.
const EXIT_CONFIG: Option<i32> = Some(78);

/// Settings with two mistakes.
fn mistaken(scene: &Scene) -> Settings {
    scene.write("termination-log", "");
    scene
        .to_stdout()
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
        .with("LOGSKIFF_TERMINATION_LOG", &scene.path("termination-log").display().to_string())
        .with("LOGSKIFF_PARSE", "jason")
        .with("LOGSKIFF_LINGER", "soon")
        .with("LOGSKIFF_ON_MISTAKE", "wait")
}

/// Checks that it waits, alive and not ready, with all mistakes in its log and termination message.
#[track_caller]
fn check_waits(scene: &Scene, sidecar: &Sidecar, mistakes: usize, message: &str) {
    let address = http::address(sidecar);
    assert_eq!(http::get(&address, "/livez"), Some((200, "ok\n".into())));
    let why = format!("configuration mistakes: {mistakes}; they are in the log\n");
    for path in ["/readyz", "/ledger"] {
        assert_eq!(http::get(&address, path), Some((503, why.clone())), "{path}");
    }
    let samples = http::scrape(&address).expect("metrics");
    let counted = f64::from(u32::try_from(mistakes).expect("few"));
    assert_eq!(samples.get("logskiff_configuration_mistakes"), Some(&counted));
    let told = scene.termination_message();
    assert!(told.starts_with(message), "{told}");
    assert_eq!(told.lines().count(), mistakes, "{told}");
    let log = sidecar.stderr();
    assert!(told.lines().all(|line| log.lines().any(|logged| logged == line)), "{log}");
    assert!(log.contains("LOGSKIFF_ON_MISTAKE=wait"), "{log}");
}

/// Goal: with `wait` it stays, reads nothing, answers probes, and ends with 78 at the first signal.
#[test]
fn it_waits_with_its_mistakes_until_a_signal() {
    for name in ["TERM", "INT"] {
        let scene = Scene::new();
        scene.append_log("app.log", "a line\n");
        let mut sidecar = scene.start(&mistaken(&scene));
        check_waits(&scene, &sidecar, 2, "LOGSKIFF_PARSE: \"jason\" ");
        assert_eq!(fs::read_dir(scene.path("state")).unwrap().count(), 0, "nothing was started");
        // No signal but these ends it.
        signal(sidecar.id(), "HUP");
        std::thread::sleep(Duration::from_millis(200));
        assert!(sidecar.is_running());
        signal(sidecar.id(), name);
        assert_eq!(sidecar.wait(PATIENCE).0.code(), EXIT_CONFIG, "{name}");
        assert_eq!(sidecar.stdout(), "");
    }
}

/// Goal: what only the start finds is waited for in the same way.
#[test]
fn it_waits_with_a_mistake_that_the_start_finds() {
    let scene = Scene::new();
    scene.write("file", "");
    let settings = mistaken(&scene)
        .without("LOGSKIFF_PARSE")
        .without("LOGSKIFF_LINGER")
        .with("LOGSKIFF_STATE_DIR", &scene.path("file/state").display().to_string());
    let mut sidecar = scene.start(&settings);
    check_waits(&scene, &sidecar, 1, "LOGSKIFF_STATE_DIR ");
    sidecar.terminate();
    assert_eq!(sidecar.wait(PATIENCE).0.code(), EXIT_CONFIG);
}

/// Goal: a mistake in what the wait itself needs becomes the default; a server that is off stays off.
#[test]
fn it_waits_with_defaults_for_its_own_variables() {
    for (listen, answers) in [("9598", true), ("off", false)] {
        let scene = Scene::new();
        let settings = mistaken(&scene).with("LOGSKIFF_HTTP_LISTEN", listen).with("LOGSKIFF_LOG", "loud");
        let mut sidecar = scene.start(&settings);
        let waits = |sidecar: &Sidecar| sidecar.stderr().contains("waiting for SIGTERM");
        wait_until("it to wait", PATIENCE, || waits(&sidecar));
        // Another test or program may have the port.
        let has_port = |sidecar: &Sidecar| sidecar.stderr().contains("0.0.0.0:9598");
        if answers {
            wait_until("the default address", PATIENCE, || has_port(&sidecar));
        }
        sidecar.terminate();
        assert_eq!(sidecar.wait(PATIENCE).0.code(), EXIT_CONFIG);
        assert_eq!(has_port(&sidecar), answers, "{}", sidecar.stderr());
    }
}

/// Goal: without `wait`, with an unknown word, and for other commands, mistakes end the process at once.
#[test]
fn it_exits_unless_asked_to_wait() {
    let scene = Scene::new();
    let check_exits = |settings: &Settings, mistake: &str| {
        let mut sidecar = scene.start(settings);
        assert_eq!(sidecar.wait(PATIENCE).0.code(), EXIT_CONFIG, "{mistake}");
        assert!(sidecar.stderr().contains(mistake), "{}", sidecar.stderr());
    };
    let settings = mistaken(&scene);
    check_exits(&settings.clone().without("LOGSKIFF_ON_MISTAKE"), "jason");
    check_exits(&settings.clone().with("LOGSKIFF_ON_MISTAKE", "exit"), "jason");
    check_exits(&settings.clone().with("LOGSKIFF_ON_MISTAKE", "stay"), "LOGSKIFF_ON_MISTAKE: \"stay\" is not one of");
    let check = settings.command().arg("check").output().expect("it runs");
    assert_eq!(check.status.code(), EXIT_CONFIG);
}

/// Goal: without mistakes, `wait` changes nothing, and the metric is there, so that its alert can fire.
#[test]
fn it_ships_without_mistakes() {
    let scene = Scene::new();
    let settings = mistaken(&scene).without("LOGSKIFF_PARSE").without("LOGSKIFF_LINGER");
    let sidecar = scene.start(&settings);
    let samples = http::scrape(&http::address(&sidecar)).expect("metrics");
    assert_eq!(samples.get("logskiff_configuration_mistakes"), Some(&0.0));
    sidecar.drain(PATIENCE);
}

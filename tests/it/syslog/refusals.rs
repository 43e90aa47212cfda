//! Records that a RELP receiver refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::PATIENCE;
use super::relp::{Answer, Relp};
use crate::support::scene::Scene;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{http, wait_until};

fn settings(scene: &Scene, receiver: &Relp) -> Settings {
    Settings::syslog(scene.folder(), &receiver.address).with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
}

#[track_caller]
fn wait_for_metric(sidecar: &Sidecar, sample: &str, want: u32) {
    let address = http::address(sidecar);
    wait_until(sample, PATIENCE, || {
        let samples = http::scrape(&address).expect("an answer");
        samples.get(sample).is_some_and(|value| (value - f64::from(want)).abs() < 0.5)
    });
}

/// Goal: more records than one attempt sends are refused for ever. All others go on, and also those that are only refused
/// for a while. Nothing is dropped.
#[test]
fn refused_records_wait_and_hold_up_no_others() {
    const REFUSED: usize = 40;
    let scene = Scene::new();
    let accepts_late = Arc::new(AtomicBool::new(false));
    let is_late = Arc::clone(&accepts_late);
    let receiver = Relp::start(move |_, message| match message {
        _ if message.contains("poison") => Answer::Refuse,
        _ if message.contains("late") && !is_late.load(Ordering::Relaxed) => Answer::Refuse,
        _ => Answer::Accept,
    });
    let mut sidecar = scene.start(&settings(&scene, &receiver).with("LOGSKIFF_DRAIN_TIMEOUT", "2s"));
    let poison = (0..REFUSED).map(|number| format!("poison {number}\n")).collect::<Vec<_>>().concat();
    scene.append("logs/app.log", format!("{poison}late\nfirst\n"));
    wait_until("the line behind them", PATIENCE, || receiver.count("first") == 1);
    wait_for_metric(&sidecar, "logskiff_refused_records", u32::try_from(REFUSED).unwrap() + 1);
    accepts_late.store(true, Ordering::Relaxed);
    wait_until("the line that was refused for a while", PATIENCE, || receiver.count("late") == 1);
    for number in 0..20 {
        scene.append("logs/app.log", format!("line {number}\n"));
        let line = format!("line {number}");
        wait_until(&line, Duration::from_secs(10), || receiver.count(&line) == 1);
    }
    let log = sidecar.stderr();
    assert!(log.contains("LOGSKIFF_SYSLOG_REFUSED=wait") && log.contains("\"status\":500"), "{log}");
    assert!(!log.contains("poison"), "the log has the content of a line: {log}");
    sidecar.terminate();
    sidecar.wait(PATIENCE);
    let bytes = poison.len();
    assert!(sidecar.stderr().contains(&format!("\"pending_bytes\":{bytes}")), "{}", sidecar.stderr());
    assert_eq!(receiver.accepted().len(), 22, "each of the others once");
}

/// Goal: with `drop`, refused records are dropped and counted.
#[test]
fn refused_records_are_dropped_on_request() {
    let scene = Scene::new();
    let receiver = Relp::start(|_, message| if message.contains("poison") { Answer::Refuse } else { Answer::Accept });
    let mut sidecar = scene.start(&settings(&scene, &receiver).with("LOGSKIFF_SYSLOG_REFUSED", "drop"));
    scene.append("logs/app.log", "one\npoison\npoison\ntwo\n");
    wait_until("the last line", PATIENCE, || receiver.count("two") == 1);
    wait_for_metric(&sidecar, r#"logskiff_dropped_records_total{input="default",reason="refused"}"#, 2);
    wait_for_metric(&sidecar, "logskiff_refused_records", 0);
    sidecar.terminate();
    assert!(sidecar.wait(PATIENCE).0.success());
    let log = sidecar.stderr();
    assert!(log.contains("LOGSKIFF_SYSLOG_REFUSED=drop") && log.contains("\"pending_bytes\":0"), "{log}");
}

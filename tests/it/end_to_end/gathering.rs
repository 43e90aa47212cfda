//! Few records gather for one request, and some do not wait.

use std::time::Duration;

use super::PATIENCE;
use crate::support::scene::Scene;
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::wait_until;

/// Far less than the time for which records gather here.
const SOON: Duration = Duration::from_secs(20);

fn settings(scene: &Scene) -> Settings {
    scene.settings().with("LOGSKIFF_PARSE", "auto").with("LOGSKIFF_LINGER", "5ms").with("LOGSKIFF_LINGER_MAX", "10s")
}

/// A sidecar that has just sent its first record, and has read a second one.
fn start(scene: &Scene, settings: &Settings) -> Sidecar {
    let sidecar = scene.start(settings);
    scene.append_log("app.log", "2026-11-30T10:00:00Z INFO one\n");
    wait_until("the first record", SOON, || scene.kafka().end_offset("logs") == 1);
    scene.append_log("app.log", "2026-11-30T10:00:01Z INFO two\n");
    sidecar
}

#[test]
fn the_next_record_gathers_and_an_error_does_not_wait() {
    let scene = Scene::new();
    let sidecar = start(&scene, &settings(&scene));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(scene.kafka().end_offset("logs"), 1);
    scene.append_log("app.log", "2026-11-30T10:00:02Z ERROR three\n");
    wait_until("all records", Duration::from_secs(6), || scene.kafka().end_offset("logs") == 3);
    sidecar.drain(PATIENCE);
}

#[test]
fn what_gathers_is_sent_when_the_time_is_over() {
    let scene = Scene::new();
    let sidecar = start(&scene, &settings(&scene).with("LOGSKIFF_LINGER_MAX", "2s"));
    wait_until("the second record", SOON, || scene.kafka().end_offset("logs") == 2);
    sidecar.drain(PATIENCE);
}

#[test]
fn a_drain_does_not_wait() {
    let scene = Scene::new();
    let sidecar = start(&scene, &settings(&scene).with("LOGSKIFF_DRAIN_TIMEOUT", "6s"));
    sidecar.drain(PATIENCE);
    assert_eq!(scene.kafka().end_offset("logs"), 2);
}

//! A broker that accepts a request and does not answer.

use std::thread::sleep;
use std::time::Duration;

use super::PATIENCE;
use crate::support::scene::{Scene, TOPIC};
use crate::support::{spent, wait_until};

/// Goal: lines that come while the broker hangs cost hardly any CPU, and all arrive once it answers. The client polls
/// without a pause while it holds more than it may send: a whole core, for as long as the broker hangs.
#[test]
fn a_hanging_broker_does_not_cost_a_core() {
    const HANGS: Duration = Duration::from_secs(6);
    let scene = Scene::new();
    scene.append_log("app.log", "first\n");
    let sidecar = scene.start(&scene.observed());
    wait_until("the first line", PATIENCE, || scene.kafka().end_offset(TOPIC) == 1);
    scene.kafka().delay(HANGS);
    let write = |polls: u64| {
        for look in 0..polls {
            scene.append_log("app.log", format!("look {look}\n").repeat(20));
            sleep(Duration::from_millis(100));
        }
    };
    // More than one request, each with more messages than may be in flight.
    write(10);
    let before = spent(sidecar.id()).0;
    write(20);
    let ticks = spent(sidecar.id()).0 - before;
    eprintln!("{} ms of CPU in 2 s with a broker that hangs", ticks * 10);
    assert!(ticks < 100, "{} ms of CPU in 2 s", ticks * 10);
    scene.kafka().delay(Duration::ZERO);
    wait_until("every line", PATIENCE, || scene.kafka().end_offset(TOPIC) == 601);
    sidecar.drain(PATIENCE);
}

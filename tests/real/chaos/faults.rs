//! The faults: of the connections between the process and its receivers, and of the process itself.

use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::proxy::Proxy;
use super::relp::Relp;
use super::world::World;
use super::writer::flood;
use crate::support::Random;

/// Both receivers, and a lock that keeps faults away.
#[derive(Clone)]
pub struct Receivers {
    pub kafka: Proxy,
    pub relp: Relp,
    pub calm: Arc<Mutex<()>>,
}

fn ms(random: &mut Random, from: u64, to: u64) -> Duration {
    Duration::from_millis(random.between(from, to))
}

impl Receivers {
    pub fn clear(&self) {
        self.kafka.calm();
        self.relp.calm();
    }

    /// Causes one fault after another until then. Two of them coincide with a flood.
    pub fn cause_faults(&self, world: &Arc<World>, mut random: Random, until: Instant) {
        let mut number = 0;
        while Instant::now() < until {
            sleep(ms(&mut random, 300, 2_000));
            let calm = self.calm.lock().unwrap();
            number += 1;
            if number % 4 == 2 && number < 8 {
                world.note("flood");
                self.kafka.hold(true, true);
                self.relp.hold(true);
                flood(world, &world.folder.join("logs/orders"), number / 4);
                sleep(ms(&mut random, 1_500, 3_000));
            } else {
                self.fault(world, &mut random);
            }
            self.clear();
            drop(calm);
        }
    }

    fn fault(&self, world: &World, random: &mut Random) {
        let kind = random.between(0, 10);
        world.note(&format!("fault {kind}"));
        match kind {
            // A long distance.
            0 => {
                self.kafka.delay(random.between(20, 200));
                self.relp.delay(random.between(5, 100));
                sleep(ms(random, 500, 2_000));
            }
            1 => self.kafka.cut(),
            2 => {
                self.kafka.refuse();
                self.kafka.cut();
                sleep(ms(random, 300, 2_000));
            }
            // Answers do not arrive, and the connection is lost.
            3 => {
                self.kafka.hold(false, true);
                sleep(ms(random, 300, 2_000));
                self.kafka.cut();
            }
            // Nothing arrives.
            4 => {
                self.kafka.hold(true, true);
                sleep(ms(random, 300, 3_000));
                if random.between(0, 2) == 0 {
                    self.kafka.cut();
                }
            }
            5 => {
                self.relp.refuse();
                self.relp.cut();
                sleep(ms(random, 300, 2_000));
            }
            6 => {
                self.relp.mute(true);
                sleep(ms(random, 300, 1_500));
                self.relp.cut();
            }
            7 => {
                self.relp.hold(true);
                sleep(ms(random, 300, 3_000));
            }
            _ => {
                self.relp.errors(random.between(1, 200));
                sleep(ms(random, 300, 2_000));
            }
        }
    }

    /// Kills, drains and starts the process until then.
    pub fn restart_processes(&self, world: &World, mut random: Random, until: Instant) {
        while Instant::now() < until {
            sleep(ms(&mut random, 1_000, 4_000));
            let ended = match random.between(0, 10) {
                0..=4 => world.kill(),
                5 | 6 => world.drain(),
                7 | 8 => {
                    let _calm = self.calm.lock().unwrap();
                    // Receivers answer slowly: a process that does not wait is detected.
                    self.kafka.delay(200);
                    self.relp.delay(30);
                    let ended = world.drain_in_calm();
                    self.clear();
                    ended
                }
                _ => {
                    world.freeze(ms(&mut random, 300, 1_500));
                    false
                }
            };
            if ended {
                sleep(ms(&mut random, 0, 1_500));
            }
            if !world.is_running() {
                world.start(&[]);
            }
        }
    }
}

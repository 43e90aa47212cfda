//! What goes wrong meanwhile: the weather between the process and its receivers, and the process's life.

use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::proxy::Proxy;
use super::relp::Relp;
use super::world::World;
use super::writer::flood;
use crate::support::Dice;

/// Both receivers, and the lock that whoever needs them to be calm takes.
#[derive(Clone)]
pub struct Sky {
    pub kafka: Proxy,
    pub relp: Relp,
    pub calm: Arc<Mutex<()>>,
}

fn ms(dice: &mut Dice, from: u64, to: u64) -> Duration {
    Duration::from_millis(dice.between(from, to))
}

impl Sky {
    pub fn clear(&self) {
        self.kafka.calm();
        self.relp.calm();
    }

    /// One fault after another until then. Two of them meet a flood.
    pub fn rage(&self, world: &Arc<World>, mut dice: Dice, until: Instant) {
        let mut number = 0;
        while Instant::now() < until {
            sleep(ms(&mut dice, 300, 2_000));
            let calm = self.calm.lock().unwrap();
            number += 1;
            if number % 4 == 2 && number < 8 {
                world.note("flood");
                self.kafka.hold(true, true);
                self.relp.hold(true);
                flood(world, &world.folder.join("logs/orders"), number / 4);
                sleep(ms(&mut dice, 1_500, 3_000));
            } else {
                self.fault(world, &mut dice);
            }
            self.clear();
            drop(calm);
        }
    }

    fn fault(&self, world: &World, dice: &mut Dice) {
        let kind = dice.between(0, 10);
        world.note(&format!("fault {kind}"));
        match kind {
            // Far away.
            0 => {
                self.kafka.delay(dice.between(20, 200));
                self.relp.delay(dice.between(5, 100));
                sleep(ms(dice, 500, 2_000));
            }
            1 => self.kafka.cut(),
            2 => {
                self.kafka.refuse();
                self.kafka.cut();
                sleep(ms(dice, 300, 2_000));
            }
            // What is answered does not arrive, and the connection is lost.
            3 => {
                self.kafka.hold(false, true);
                sleep(ms(dice, 300, 2_000));
                self.kafka.cut();
            }
            // Nothing arrives.
            4 => {
                self.kafka.hold(true, true);
                sleep(ms(dice, 300, 3_000));
                if dice.between(0, 2) == 0 {
                    self.kafka.cut();
                }
            }
            5 => {
                self.relp.refuse();
                self.relp.cut();
                sleep(ms(dice, 300, 2_000));
            }
            6 => {
                self.relp.mute(true);
                sleep(ms(dice, 300, 1_500));
                self.relp.cut();
            }
            7 => {
                self.relp.hold(true);
                sleep(ms(dice, 300, 3_000));
            }
            _ => {
                self.relp.errors(dice.between(1, 200));
                sleep(ms(dice, 300, 2_000));
            }
        }
    }

    /// Kills, drains and starts the process until then.
    pub fn live(&self, world: &World, mut dice: Dice, until: Instant) {
        while Instant::now() < until {
            sleep(ms(&mut dice, 1_000, 4_000));
            let ended = match dice.between(0, 10) {
                0..=4 => world.kill(),
                5 | 6 => world.drain(),
                7 | 8 => {
                    let _calm = self.calm.lock().unwrap();
                    // They answer, and take their time: who does not wait is found out.
                    self.kafka.delay(200);
                    self.relp.delay(30);
                    let ended = world.drain_in_calm();
                    self.clear();
                    ended
                }
                _ => {
                    world.freeze(ms(&mut dice, 300, 1_500));
                    false
                }
            };
            if ended {
                sleep(ms(&mut dice, 0, 1_500));
            }
            if !world.is_running() {
                world.start(&[]);
            }
        }
    }
}

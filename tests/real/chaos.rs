//! Chaos: two inputs, five writers that rotate in every way, Kafka behind a proxy and a RELP receiver that both misbehave, kills
//! and drains. At the end every line has arrived, whole, and hardly any twice.
//!
//! One seed decides what happens, and nearly when: `LOGSKIFF_CHAOS_SEEDS=7` (or `1-40`, `3,9`) repeats it. Each seed prints a row of
//! figures; `bench/chaos` runs forty. `LOGSKIFF_CHAOS_KEEP=1` keeps the folder of a seed that failed. Needs what `real_kafka` needs.

#![allow(clippy::format_push_string, reason = "a few answers a second")]

mod arrivals;
mod consumer;
mod proxy;
mod relp;
mod rotation;
mod scene;
mod storm;
mod watcher;
mod world;
mod writer;

use scene::{Parts, Row};

/// What a change has to hold against; the rest is for `bench/chaos`.
const SEEDS: &str = "1-2";

/// `1-3,7` as numbers.
fn seeds(text: &str) -> Vec<u64> {
    let number = |text: &str| text.trim().parse::<u64>().unwrap_or_else(|_| panic!("{text:?} is no seed"));
    text.split(',')
        .flat_map(|part| match part.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => number(part)..=number(part),
        })
        .collect()
}

/// Goal: whatever happens to the files, the receivers and the process, every line that could be read arrives, whole; fewer than one in
/// twenty arrive twice; memory stays bounded, drains end in time, and the books are straight.
#[test]
fn chaos_loses_nothing() {
    let Some(parts) = Parts::start() else { return };
    let seeds = seeds(&std::env::var("LOGSKIFF_CHAOS_SEEDS").unwrap_or_else(|_| SEEDS.to_owned()));
    eprintln!("{}", Row::HEAD);
    let mut failed = Vec::new();
    for seed in seeds {
        let (row, faults) = scene::play(&parts, seed);
        eprintln!("{row}");
        for fault in &faults {
            eprintln!("seed {seed}: {fault}");
        }
        if !faults.is_empty() {
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "these seeds failed: {failed:?}");
}

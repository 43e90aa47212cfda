//! Chaos: two inputs and five writers with every kind of rotation, Kafka after a faulty proxy and a faulty RELP
//! receiver, kills and drains. At the end every line has arrived unchanged, and few lines are duplicates.
//!
//! One seed determines the events, and approximately their times: `LOGSKIFF_CHAOS_SEEDS=7` (or `1-40`, `3,9`) repeats
//! it. Each seed prints a row of figures; `bench/chaos` runs forty seeds. `LOGSKIFF_CHAOS_KEEP=1` keeps the folder of a
//! failed seed. Needs what `real_kafka` needs.

#![allow(clippy::format_push_string, reason = "a few answers a second")]

mod arrivals;
mod consumer;
mod faults;
mod proxy;
mod relp;
mod rotation;
mod scene;
mod watcher;
mod world;
mod writer;

use scene::{Parts, Row};

/// The seeds for every change; `bench/chaos` plays more.
const SEEDS: &str = "1-2";

/// Parses `1-3,7`.
fn seeds(text: &str) -> Vec<u64> {
    let number = |text: &str| text.trim().parse::<u64>().unwrap_or_else(|_| panic!("{text:?} is no seed"));
    text.split(',')
        .flat_map(|part| match part.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => number(part)..=number(part),
        })
        .collect()
}

/// Goal: whatever happens to the files, the receivers and the process, every line that could be read arrives unchanged.
/// Fewer than one in twenty are duplicates, memory stays bounded, drains end in time, and the byte accounting balances.
#[test]
fn chaos_loses_nothing() {
    let Some(parts) = Parts::start() else { return };
    let seeds = seeds(&std::env::var("LOGSKIFF_CHAOS_SEEDS").unwrap_or_else(|_| SEEDS.to_owned()));
    eprintln!("{}", Row::HEAD);
    let mut failed = Vec::new();
    for seed in seeds {
        let (row, faults) = scene::run_seed(&parts, seed);
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

//! Observes the running process: its memory, and its byte accounting.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use serde_json::Value;

use super::world::World;
use crate::support::http;

const LOOK: Duration = Duration::from_millis(40);
/// How many observations pass between two checks of the byte accounting.
const SCRAPE_EVERY: u32 = 6;
/// Memory limit of a sidecar with 1 MiB in flight.
pub const MEMORY_MAX_BYTES: u64 = 40 << 20;

/// The observing thread.
pub struct Watcher {
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    peak_bytes: AtomicU64,
    /// Pending bytes at the last scrape, plus one.
    pending_bytes: AtomicU64,
    lost_bytes: AtomicU64,
}

impl Watcher {
    pub fn start(world: Arc<World>) -> Self {
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let thread = thread::spawn(move || watch(&world, &shared));
        Self { seen, thread: Some(thread) }
    }

    pub fn peak_bytes(&self) -> u64 {
        self.seen.peak_bytes.load(Ordering::Acquire)
    }

    /// The largest number of lost bytes that a process reported.
    pub fn lost_bytes(&self) -> u64 {
        self.seen.lost_bytes.load(Ordering::Acquire)
    }

    /// Whether everything read was acknowledged at the last observation.
    pub fn is_settled(&self) -> bool {
        self.seen.pending_bytes.load(Ordering::Acquire) == 1
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.seen.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn watch(world: &World, seen: &Seen) {
    let (mut known, mut address, mut polls) = (0, None, 0_u32);
    while !seen.stop.load(Ordering::Acquire) {
        sleep(LOOK);
        let id = world.id.load(Ordering::Acquire);
        if id != known {
            (known, address) = (id, None);
            seen.pending_bytes.store(0, Ordering::Release);
        }
        if id == 0 {
            continue;
        }
        let peak = peak_bytes(id);
        seen.peak_bytes.fetch_max(peak, Ordering::AcqRel);
        polls += 1;
        if polls % SCRAPE_EVERY != 0 {
            continue;
        }
        if address.is_none() {
            address = answers_at(&world.log());
        }
        let samples = address.as_deref().and_then(|address| http::get(address, "/metrics"));
        // An incomplete answer came from a process that was killed.
        let Some((200, text)) = samples.filter(|(_, text)| text.trim_end().ends_with("# EOF")) else { continue };
        check(world, seen, &parse(&text));
    }
}

/// The peak memory of a process, as reported by the kernel.
fn peak_bytes(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The address of a process's HTTP server, from its log.
pub fn answers_at(log: &str) -> Option<String> {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .find(|line| line["message"] == "answering HTTP")
        .and_then(|line| line["address"].as_str().map(ToOwned::to_owned))
}

fn parse(text: &str) -> BTreeMap<String, f64> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

fn sum(samples: &BTreeMap<String, f64>, family: &str, label: &str) -> f64 {
    let of = |name: &str| name == family || name.strip_prefix(family).is_some_and(|rest| rest.starts_with('{'));
    samples.iter().filter(|(name, _)| of(name) && name.contains(label)).map(|(_, value)| *value).sum()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes")]
fn check(world: &World, seen: &Seen, samples: &BTreeMap<String, f64>) {
    let mut all_pending = 0.0;
    for input in ["input=\"orders\"", "input=\"access\""] {
        for unit in ["bytes", "records"] {
            let of = |what: &str| sum(samples, &format!("logskiff_{what}"), input);
            let read = of(&format!("read_{unit}_total"));
            let acknowledged = of(&format!("acknowledged_{unit}_total"));
            let (dropped, pending) = (of(&format!("dropped_{unit}_total")), of(&format!("pending_{unit}")));
            if (read - acknowledged - dropped - pending).abs() > 0.5 {
                world.fault(&format!(
                    "{input} {unit}: read {read}, acknowledged {acknowledged}, dropped {dropped}, pending {pending}"
                ));
            }
            all_pending += pending;
        }
    }
    seen.pending_bytes.store(all_pending as u64 + 1, Ordering::Release);
    let lost = sum(samples, "logskiff_lost_bytes_total", "");
    seen.lost_bytes.fetch_max(lost as u64, Ordering::AcqRel);
}

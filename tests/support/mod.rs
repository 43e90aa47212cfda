//! Shared parts of the integration tests: a real and a mock Kafka broker, the sidecar as a process, lines that can be
//! verified.
//!
//! A folder with `mod.rs`, unlike other modules, because both targets include it by its path.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stderr,
    clippy::format_push_string,
    reason = "each target uses its own part of this"
)]

pub mod authority;
pub mod broker;
pub mod documents;
pub mod helm;
pub mod http;
pub mod kubernetes;
pub mod lines;
pub mod mock;
pub mod prometheus;
pub mod proxy;
pub mod receiver;
pub mod scene;
pub mod shell;
pub mod sidecar;

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Waits until `holds` is true.
///
/// # Panics
/// If it is still false at the deadline; `what` names the condition.
#[track_caller]
pub fn wait_until(what: &str, deadline: Duration, holds: impl FnMut() -> bool) {
    wait_polling(what, deadline, Duration::from_millis(20), holds);
}

/// As [`wait_until`], for checks that cost a process or more: `pause` is the time between two checks.
///
/// # Panics
/// As [`wait_until`].
#[track_caller]
pub fn wait_polling(what: &str, deadline: Duration, pause: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < deadline, "timed out after {deadline:?}: {what}");
        std::thread::sleep(pause);
    }
}

/// The folder that a script has filled, named by a variable; `None`, and a message on stderr, without one.
///
/// # Panics
/// If `LOGSKIFF_TEST_REAL` is set and there is none.
pub fn installed(variable: &str, script: &str) -> Option<PathBuf> {
    let given = std::env::var_os(variable).map(PathBuf::from);
    if given.is_none() {
        assert!(std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "{variable} names no folder");
        eprintln!("skipped: run `{script} DIR` and set {variable}=DIR");
    }
    given
}

/// A process that ends with its value.
#[derive(Debug)]
pub struct KillOnDrop(pub Child);

impl Deref for KillOnDrop {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for KillOnDrop {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // A failure means that it has already ended.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Sends a signal by name (`TERM`, `KILL`) with the shell's own `kill`, so that tests need no system call wrapper.
#[track_caller]
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status();
    assert!(status.is_ok_and(|s| s.success()), "could not send SIG{name} to process {pid}");
}

/// The last lines of a log file, for the report of a failure.
pub fn tail_of(path: &Path, lines: usize) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
    let skip = text.lines().count().saturating_sub(lines);
    text.lines().skip(skip).collect::<Vec<_>>().join("\n")
}

/// A small generator of pseudo-random numbers (`SplitMix64`): a printed seed repeats a run.
pub struct Random(u64);

impl Random {
    /// Starts with a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `[low, high)`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll() % (high - low)
    }
}

/// CPU time in hundredths of a second, and the number of wake-ups of its threads.
pub fn spent(pid: u32) -> (u64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("/proc");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("/proc").split(' ').collect();
    let ticks = fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number");
    let woken = |task: &Path| -> Option<u64> {
        let status = std::fs::read_to_string(task.join("status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
    };
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("/proc");
    (ticks, tasks.filter_map(|task| woken(&task.expect("/proc").path())).sum())
}

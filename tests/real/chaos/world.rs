//! The state that all threads of a seed share: the folder, the process, and the lines that may be destroyed without
//! loss.
//!
//! Lines may be destroyed once every receiver has them, or while the process holds their file open. The latter is a
//! debt: the process is not ended until they have arrived.

use std::fs::{self, Metadata};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::arrivals::{Arrivals, WRITERS};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::signal;

/// `LOGSKIFF_DRAIN_TIMEOUT`.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);
/// Additional time for a shutdown: the last save, closing the outputs, a busy machine.
const DRAIN_SLACK: Duration = Duration::from_secs(4);
/// A shutdown that ends sooner left nothing after: unread files are read for half of the timeout.
const EARLY: Duration = Duration::from_millis(2_900);
/// How long debts are awaited before the process continues.
const DEBTS_PATIENCE: Duration = Duration::from_secs(6);
/// Time for a consumer to read what a broker has.
const LAG: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Stage {
    sidecar: Option<Sidecar>,
    /// Nothing may be destroyed unread: the process is about to end.
    ends: bool,
    debts: Vec<Range<usize>>,
}

/// The world of a seed.
pub struct World {
    pub folder: PathBuf,
    pub arrivals: Arc<Arrivals>,
    /// Writers hold it for reading in each step; holding it for writing stops them.
    pub gate: RwLock<()>,
    /// By writer: the lines in its current file.
    pub current_lines: [Mutex<Range<usize>>; WRITERS],
    pub kills: AtomicU64,
    pub drains: AtomicU64,
    pub rotations: AtomicU64,
    pub drain_ms_max: AtomicU64,
    /// The running process; 0: none.
    pub id: AtomicU32,
    settings: Settings,
    stage: Mutex<Stage>,
    faults: Mutex<Vec<String>>,
    start: Instant,
}

impl World {
    pub fn new(folder: PathBuf, settings: Settings, arrivals: Arc<Arrivals>) -> Self {
        Self {
            folder,
            arrivals,
            gate: RwLock::new(()),
            current_lines: std::array::from_fn(|_| Mutex::new(0..0)),
            kills: AtomicU64::new(0),
            drains: AtomicU64::new(0),
            rotations: AtomicU64::new(0),
            drain_ms_max: AtomicU64::new(0),
            id: AtomicU32::new(0),
            settings,
            stage: Mutex::default(),
            faults: Mutex::default(),
            start: Instant::now(),
        }
    }

    /// Records a violation.
    pub fn fault(&self, what: &str) {
        let mut faults = self.faults.lock().unwrap();
        let fault = format!("{:.1} s: {what}", self.start.elapsed().as_secs_f64());
        // The same violation is recorded once.
        if faults.len() < 20 {
            faults.push(fault);
        }
    }

    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }

    /// Logs an action and its time into a file of the folder, for examining a seed.
    pub fn note(&self, what: &str) {
        use std::io::Write;
        let path = self.folder.join("notes");
        let mut file = fs::File::options().create(true).append(true).open(path).expect("the notes");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock past 1970");
        writeln!(file, "{:.3} {:.3} {what}", self.start.elapsed().as_secs_f64(), now.as_secs_f64()).expect("noted");
    }

    /// Destroys a file with these lines, if no line is lost by that; returns whether it did.
    pub fn destroy(&self, file: &Metadata, lines: Range<usize>, act: impl FnOnce()) -> bool {
        let mut stage = self.stage.lock().unwrap();
        if !self.arrivals.have(lines.clone()) {
            let held = !stage.ends && stage.sidecar.as_ref().is_some_and(|sidecar| has_open(sidecar.id(), file));
            if !held {
                return false;
            }
            stage.debts.push(lines);
        }
        act();
        true
    }

    pub fn start(&self, with: &[(&str, &str)]) {
        let settings = with.iter().fold(self.settings.clone(), |all, (name, value)| all.with(name, value));
        let sidecar = Sidecar::start(&self.folder, &settings);
        self.note(&format!("start {}", sidecar.id()));
        self.id.store(sidecar.id(), Ordering::Release);
        let mut stage = self.stage.lock().unwrap();
        stage.sidecar = Some(sidecar);
        stage.ends = false;
    }

    /// Whether the process has a file open.
    pub fn reads(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|file| has_open(self.id.load(Ordering::Acquire), &file))
    }

    pub fn is_running(&self) -> bool {
        self.stage.lock().unwrap().sidecar.is_some()
    }

    /// The log of the running process.
    pub fn log(&self) -> String {
        self.stage.lock().unwrap().sidecar.as_ref().map_or_else(String::new, Sidecar::stderr)
    }

    /// Removes the process once nothing depends on it; `None` if something still does.
    fn take(&self) -> Option<Sidecar> {
        self.stage.lock().unwrap().ends = true;
        let start = Instant::now();
        loop {
            let mut stage = self.stage.lock().unwrap();
            stage.debts.retain(|lines| !self.arrivals.have(lines.clone()));
            if stage.debts.is_empty() {
                let mut sidecar = stage.sidecar.take()?;
                if !sidecar.is_running() {
                    self.fault("the process ended by itself");
                    return None;
                }
                return Some(sidecar);
            }
            if start.elapsed() > DEBTS_PATIENCE {
                stage.ends = false;
                return None;
            }
            drop(stage);
            sleep(Duration::from_millis(20));
        }
    }

    /// Sends SIGKILL; returns whether it was sent.
    pub fn kill(&self) -> bool {
        let Some(sidecar) = self.take() else { return false };
        self.id.store(0, Ordering::Release);
        sidecar.kill();
        let saved = fs::metadata(self.folder.join("state/checkpoint.json")).and_then(|meta| meta.modified());
        let age = saved.ok().and_then(|saved| saved.elapsed().ok());
        self.note(&format!("kill; last saved {age:?} before"));
        self.kills.fetch_add(1, Ordering::AcqRel);
        true
    }

    /// Sends SIGTERM, and checks the shutdown; returns whether it was sent.
    pub fn drain(&self) -> bool {
        let Some(mut sidecar) = self.take() else { return false };
        self.note("drain");
        let took = self.end(&mut sidecar);
        self.note(&format!("drained in {took:?}"));
        self.drains.fetch_add(1, Ordering::AcqRel);
        true
    }

    /// The same while nobody writes and both receivers answer: everything in the current files arrives.
    pub fn drain_in_calm(&self) -> bool {
        let Some(mut sidecar) = self.take() else { return false };
        let _stopped = self.gate.write().unwrap();
        self.note("drain in calm");
        let took = self.end(&mut sidecar);
        self.note(&format!("drained in {took:?}"));
        self.drains.fetch_add(1, Ordering::AcqRel);
        if took < EARLY {
            for current_lines in &self.current_lines {
                let current_lines = current_lines.lock().unwrap().clone();
                let start = Instant::now();
                while !self.arrivals.have(current_lines.clone()) && start.elapsed() < LAG {
                    sleep(Duration::from_millis(50));
                }
                if !self.arrivals.have(current_lines.clone()) {
                    self.fault(&format!("a drain of {took:?} left lines of {current_lines:?} behind"));
                }
            }
        }
        true
    }

    fn end(&self, sidecar: &mut Sidecar) -> Duration {
        sidecar.terminate();
        let start = Instant::now();
        while sidecar.is_running() {
            if start.elapsed() > DRAIN_TIMEOUT + DRAIN_SLACK {
                self.fault(&format!("a drain does not end: {:?}", start.elapsed()));
                signal(sidecar.id(), "KILL");
            }
            sleep(Duration::from_millis(10));
        }
        self.id.store(0, Ordering::Release);
        let (status, _) = sidecar.wait(LAG);
        let took = start.elapsed();
        if status.code() != Some(0) {
            self.fault(&format!("a drain ended with {status}"));
        }
        self.drain_ms_max.fetch_max(u64::try_from(took.as_millis()).unwrap_or(u64::MAX), Ordering::AcqRel);
        took
    }

    /// Waits for a process that ends by itself.
    pub fn wait(&self, patience: Duration) {
        let Some(mut sidecar) = self.take() else { return self.fault("there is no process to wait for") };
        let start = Instant::now();
        while sidecar.is_running() && start.elapsed() < patience {
            sleep(Duration::from_millis(20));
        }
        self.id.store(0, Ordering::Release);
        if sidecar.is_running() {
            self.fault(&format!("the run to the end still runs after {patience:?}"));
            return sidecar.kill();
        }
        let (status, _) = sidecar.wait(patience);
        if status.code() != Some(0) {
            self.fault(&format!("the run to the end ended with {status}"));
        }
    }

    /// Stops the process for a while, as on a machine without a free CPU.
    pub fn freeze(&self, pause: Duration) {
        let id = self.id.load(Ordering::Acquire);
        if id > 0 {
            self.note("freeze");
            signal(id, "STOP");
            sleep(pause);
            signal(id, "CONT");
        }
    }
}

/// Whether a process has a file open.
fn has_open(id: u32, file: &Metadata) -> bool {
    let Ok(handles) = fs::read_dir(format!("/proc/{id}/fd")) else { return false };
    let is_it = |meta: &Metadata| (meta.dev(), meta.ino()) == (file.dev(), file.ino());
    handles.flatten().any(|handle| fs::metadata(handle.path()).is_ok_and(|meta| is_it(&meta)))
}

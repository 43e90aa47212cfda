//! Lines whose fate can be checked: an application that writes and rotates, and the tally of what arrived.
//!
//! Every line is a function of its number, so that the receiver's copy can be compared byte by byte without keeping the
//! original.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Dice;
use super::broker::Message;

/// How the application writes.
#[derive(Clone, Copy)]
pub struct Plan {
    /// How many lines in all, numbered from 0.
    pub lines: u64,
    /// How many a second.
    pub lines_per_s: u64,
    /// After how many lines the file is rotated; 0: never.
    pub rotate_every: u64,
}

/// How a file is rotated.
#[derive(Clone, Copy)]
pub enum Rotation {
    /// It gets another name, and a new one its own.
    Rename,
    /// It is copied, and then emptied.
    CopyTruncate,
    /// A copy takes its place and is written on, as `sed -i` does it.
    Replace,
}

/// A line's place: which incarnation of the file, and at which offset in it.
#[derive(Clone, Copy)]
pub struct Place {
    pub file: usize,
    pub offset: u64,
}

/// The application's thread.
pub struct Writer {
    thread: JoinHandle<Vec<Place>>,
    written: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
}

/// The text of line number `seq` (without its line end), about 180 bytes.
pub fn text(seq: u64) -> String {
    let mut dice = Dice::new(seq);
    let names = ["cart", "größe", "sum", "日本", "quote\"d", "back\\slash", "tab\there"];
    let name = names[usize::try_from(dice.between(0, names.len() as u64)).expect("an index")];
    format!(
        "seq={seq} level=info service=shop route=/api/v1/{name} shape={:016x} status={} took_ms={} note=\"{:032x}\" \
         the quick boat carries its lines across the bay {}",
        dice.roll(),
        dice.between(200, 600),
        dice.between(0, 9_000),
        dice.roll(),
        "~".repeat(usize::try_from(dice.between(0, 24)).expect("a length"))
    )
}

/// Writes lines `from..to` at once into one new file; their places.
pub fn write_all(path: &Path, from: u64, to: u64) -> Vec<Place> {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let mut file = File::create(path).expect("a log file");
    let (mut places, mut bytes) = (Vec::new(), Vec::new());
    for seq in from..to {
        places.push(Place { file: 0, offset: bytes.len() as u64 });
        bytes.extend_from_slice(text(seq).as_bytes());
        bytes.push(b'\n');
    }
    file.write_all(&bytes).expect("written");
    places
}

impl Writer {
    /// Starts to write `folder/logs/app.log`, which is rotated by renaming.
    pub fn start(folder: &Path, plan: Plan) -> Self {
        Self::rotating(folder, plan, |_| Rotation::Rename)
    }

    /// The same; `rotation` says how the file of a number, from 0, is rotated.
    pub fn rotating(folder: &Path, plan: Plan, rotation: fn(usize) -> Rotation) -> Self {
        let logs = folder.join("logs");
        fs::create_dir_all(&logs).expect("a folder");
        let (written, stopped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, stop) = (Arc::clone(&written), Arc::clone(&stopped));
        let work = move || write(&logs.join("app.log"), plan, rotation, &counter, &stop);
        Self { thread: thread::spawn(work), written, stopped }
    }

    /// How many lines are in the files by now.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Waits for the last line; every line's place, by its number.
    pub fn finish(self) -> Vec<Place> {
        self.thread.join().expect("the writer's thread")
    }

    /// Ends it before its last line; the places of the lines that there are.
    pub fn stop(self) -> Vec<Place> {
        self.stopped.store(true, Ordering::Release);
        self.finish()
    }
}

fn write(
    path: &Path,
    plan: Plan,
    rotation: fn(usize) -> Rotation,
    written: &AtomicU64,
    stopped: &AtomicBool,
) -> Vec<Place> {
    /// Several writes a second for each rate, as an application does that flushes often.
    const WRITES_PER_S: u64 = 100;
    let mut places = Vec::with_capacity(usize::try_from(plan.lines).expect("a length"));
    let create = || {
        File::create(path).expect("a new log file");
        File::options().append(true).open(path).expect("the log file")
    };
    let mut file = create();
    let (mut incarnation, mut offset, mut batch, mut rotations) = (0, 0, Vec::new(), 0);
    let start = Instant::now();
    for seq in 0..plan.lines {
        if plan.rotate_every > 0 && seq > 0 && seq % plan.rotate_every == 0 {
            file.write_all(&batch).expect("written");
            batch.clear();
            let is_emptied = match rotation(rotations) {
                Rotation::Rename => {
                    fs::rename(path, free_copy(path)).expect("renamed");
                    file = create();
                    true
                }
                Rotation::CopyTruncate => {
                    fs::copy(path, free_copy(path)).expect("copied");
                    file.set_len(0).expect("emptied");
                    true
                }
                Rotation::Replace => {
                    // Where no glob names it.
                    let aside = path.with_extension("aside");
                    fs::copy(path, &aside).expect("copied");
                    fs::rename(&aside, path).expect("renamed");
                    file = File::options().append(true).open(path).expect("the log file");
                    false
                }
            };
            rotations += 1;
            if is_emptied {
                (incarnation, offset) = (incarnation + 1, 0);
            }
        }
        places.push(Place { file: incarnation, offset });
        let line = text(seq);
        offset += line.len() as u64 + 1;
        batch.extend_from_slice(line.as_bytes());
        batch.push(b'\n');
        if (seq + 1) % (plan.lines_per_s / WRITES_PER_S).max(1) == 0 || seq + 1 == plan.lines {
            file.write_all(&batch).expect("written");
            batch.clear();
            written.store(seq + 1, Ordering::Release);
            if stopped.load(Ordering::Acquire) {
                break;
            }
            let due = Duration::from_millis((seq + 1) * 1_000 / plan.lines_per_s);
            thread::sleep(due.saturating_sub(start.elapsed()));
        }
    }
    places
}

/// `app.log.1` becomes `app.log.2`, and so on; `app.log.1` is free.
fn free_copy(path: &Path) -> PathBuf {
    let numbered = |n: usize| PathBuf::from(format!("{}.{n}", path.display()));
    let last = (1..1_000).find(|&n| !numbered(n).exists()).expect("a free number");
    for n in (1..last).rev() {
        fs::rename(numbered(n), numbered(n + 1)).expect("renamed");
    }
    numbered(1)
}

/// What became of the lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that arrived at least once.
    pub arrived: u64,
    /// Lines that never arrived.
    pub lost: u64,
    /// Arrivals beyond the first.
    pub doubled: u64,
    /// First arrivals that came after a later line of the same file.
    pub disordered: u64,
    /// Arrivals whose message or offset is not what was written.
    pub altered: u64,
    /// Messages that are no record of any line.
    pub strange: u64,
}

impl Tally {
    /// Compares what arrived with what was written, record by record.
    pub fn of(messages: &[Message], places: &[Place]) -> Self {
        let mut tally = Self::default();
        let mut arrivals = vec![0_u32; places.len()];
        let mut newest: BTreeMap<usize, u64> = BTreeMap::new();
        for message in messages {
            let record: Value = serde_json::from_slice(&message.payload).unwrap_or(Value::Null);
            let Some((seq, line)) = line_of(&record).filter(|&(seq, _)| seq < places.len()) else {
                tally.strange += 1;
                continue;
            };
            let place = places[seq];
            if line != text(seq as u64) || record["log.offset"].as_u64() != Some(place.offset) {
                tally.altered += 1;
            }
            arrivals[seq] += 1;
            if arrivals[seq] > 1 {
                tally.doubled += 1;
                continue;
            }
            tally.arrived += 1;
            if newest.insert(place.file, place.offset).is_some_and(|before| before > place.offset) {
                tally.disordered += 1;
            }
        }
        tally.lost = arrivals.iter().filter(|&&count| count == 0).count() as u64;
        tally
    }

    /// Demands that every line arrived, whole, in order, and at most `doubled_max` more than once.
    #[track_caller]
    pub fn check(&self, lines: u64, doubled_max: u64) {
        let right = Self { arrived: lines, doubled: self.doubled.min(doubled_max), ..Self::default() };
        assert_eq!(*self, right, "every line once, in order, as written; doubled at most {doubled_max}");
    }
}

/// The number and text that a record carries.
fn line_of(record: &Value) -> Option<(usize, &str)> {
    let line = record["message"].as_str()?;
    let seq = line.strip_prefix("seq=")?.split(' ').next()?.parse().ok()?;
    Some((seq, line))
}

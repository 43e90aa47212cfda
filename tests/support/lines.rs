//! Lines that can be verified: an application that writes and rotates, and the tally of what arrived.
//!
//! Every line is a function of its number, so the received copy can be compared byte by byte without storing the
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

use super::Random;
use super::broker::Message;

/// How the application writes.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Number of lines, numbered from 0.
    pub lines: u64,
    /// Lines per second.
    pub lines_per_s: u64,
    /// Lines between two rotations; 0: no rotation.
    pub rotate_every: u64,
}

/// How a file is rotated.
#[derive(Clone, Copy)]
pub enum Rotation {
    /// The file is renamed, and a new one is created.
    Rename,
    /// The file is copied, and then truncated.
    CopyTruncate,
    /// A copy replaces the file and is continued, as by `sed -i`.
    Replace,
}

/// A line's position: the file's incarnation, and the offset in it.
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
    let mut random = Random::new(seq);
    let names = ["cart", "größe", "sum", "日本", "quote\"d", "back\\slash", "tab\there"];
    let name = names[usize::try_from(random.between(0, names.len() as u64)).expect("an index")];
    format!(
        "seq={seq} level=info service=shop route=/api/v1/{name} shape={:016x} status={} took_ms={} note=\"{:032x}\" \
         the quick boat carries its lines across the bay {}",
        random.roll(),
        random.between(200, 600),
        random.between(0, 9_000),
        random.roll(),
        "~".repeat(usize::try_from(random.between(0, 24)).expect("a length"))
    )
}

/// Writes lines `from..to` at once into one new file; returns their positions.
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
    /// Starts writing `folder/logs/app.log`, which is rotated by renaming.
    pub fn start(folder: &Path, plan: Plan) -> Self {
        Self::rotating(folder, plan, |_| Rotation::Rename)
    }

    /// The same; `rotation` returns the kind of each rotation, by its number from 0.
    pub fn rotating(folder: &Path, plan: Plan, rotation: fn(usize) -> Rotation) -> Self {
        let logs = folder.join("logs");
        fs::create_dir_all(&logs).expect("a folder");
        let (written, stopped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, stop) = (Arc::clone(&written), Arc::clone(&stopped));
        let work = move || write(&logs.join("app.log"), plan, rotation, &counter, &stop);
        Self { thread: thread::spawn(work), written, stopped }
    }

    /// The number of lines written so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Waits for the last line; returns every line's position, by its number.
    pub fn finish(self) -> Vec<Place> {
        self.thread.join().expect("the writer's thread")
    }

    /// Stops before the last line; returns the positions of the written lines.
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
    /// Several writes per second at any rate, like an application that flushes often.
    const WRITES_PER_S: u64 = 100;
    let mut places = Vec::with_capacity(usize::try_from(plan.lines).expect("a length"));
    let mut file = create(path);
    let (mut incarnation, mut offset, mut batch, mut rotations) = (0, 0, Vec::new(), 0);
    let start = Instant::now();
    for seq in 0..plan.lines {
        if plan.rotate_every > 0 && seq > 0 && seq % plan.rotate_every == 0 {
            file.write_all(&batch).expect("written");
            batch.clear();
            let is_emptied = rotate(path, &mut file, rotation(rotations));
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

/// Creates a log file, or empties it; returns it for appending.
pub fn create(path: &Path) -> File {
    File::create(path).expect("a new log file");
    File::options().append(true).open(path).expect("the log file")
}

/// Rotates a log file, and sets `file` to the one to go on with. Returns whether that is empty.
pub fn rotate(path: &Path, file: &mut File, rotation: Rotation) -> bool {
    match rotation {
        Rotation::Rename => {
            fs::rename(path, free_copy(path)).expect("renamed");
            *file = create(path);
            true
        }
        Rotation::CopyTruncate => {
            fs::copy(path, free_copy(path)).expect("copied");
            file.set_len(0).expect("emptied");
            true
        }
        Rotation::Replace => {
            // Under a name that no glob matches.
            let aside = path.with_extension("aside");
            fs::copy(path, &aside).expect("copied");
            fs::rename(&aside, path).expect("renamed");
            *file = File::options().append(true).open(path).expect("the log file");
            false
        }
    }
}

/// Renames `app.log.1` to `app.log.2`, and so on, so that `app.log.1` is free.
fn free_copy(path: &Path) -> PathBuf {
    let numbered = |n: usize| PathBuf::from(format!("{}.{n}", path.display()));
    let last = (1..1_000).find(|&n| !numbered(n).exists()).expect("a free number");
    for n in (1..last).rev() {
        fs::rename(numbered(n), numbered(n + 1)).expect("renamed");
    }
    numbered(1)
}

/// The result for all lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that arrived at least once.
    pub arrived: u64,
    /// Lines that never arrived.
    pub lost: u64,
    /// Duplicates.
    pub duplicates: u64,
    /// First arrivals that came after a later line of the same file.
    pub out_of_order: u64,
    /// Arrivals with another message or offset than written.
    pub altered: u64,
    /// Messages that belong to no line.
    pub strange: u64,
}

impl Tally {
    /// Compares the received records with the written lines.
    pub fn from_messages(messages: &[Message], places: &[Place]) -> Self {
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
                tally.duplicates += 1;
                continue;
            }
            tally.arrived += 1;
            if newest.insert(place.file, place.offset).is_some_and(|before| before > place.offset) {
                tally.out_of_order += 1;
            }
        }
        tally.lost = arrivals.iter().filter(|&&count| count == 0).count() as u64;
        tally
    }

    /// Checks that every line arrived unchanged and in order, with at most `duplicates_max` duplicates.
    #[track_caller]
    pub fn check(&self, lines: u64, duplicates_max: u64) {
        let right = Self { arrived: lines, duplicates: self.duplicates.min(duplicates_max), ..Self::default() };
        assert_eq!(*self, right, "every line once, in order, as written; duplicates at most {duplicates_max}");
    }
}

/// The number and text in a record.
fn line_of(record: &Value) -> Option<(usize, &str)> {
    let line = record["message"].as_str()?;
    let seq = line.strip_prefix("seq=")?.split(' ').next()?.parse().ok()?;
    Some((seq, line))
}

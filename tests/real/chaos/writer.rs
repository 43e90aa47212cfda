//! An application that writes numbered lines, in pieces, and rotates its file; and an application that creates a file
//! for each request.

use std::fs::{self, File, Metadata};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLockReadGuard};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::arrivals::{FLOOD, LINES_MAX, text};
use super::rotation::{Rotated, Scheme};
use super::world::World;
use crate::support::Random;

/// Interval of a writer.
const TICK: Duration = Duration::from_millis(20);
/// Writers pause while this many lines are pending: a busy machine plays the same, more slowly.
const BACKLOG_MAX: u64 = 15_000;
/// Lines of a flood: some 6 MB.
const FLOOD_LINES: usize = 1_500;

/// The permit to write for one tick, during which nothing stops the world. `None` after a tick with too many pending
/// lines.
fn step(world: &World) -> Option<RwLockReadGuard<'_, ()>> {
    if world.arrivals.backlog() > BACKLOG_MAX {
        sleep(TICK);
        return None;
    }
    Some(world.gate.read().unwrap())
}

/// One application and its file.
pub struct Writer {
    pub world: Arc<World>,
    pub random: Random,
    pub index: usize,
    pub path: PathBuf,
    pub scheme: Scheme,
    pub file: File,
    /// The first line in the current file, and the next line to write.
    pub first: usize,
    pub next: usize,
    pub offset: u64,
    /// The rotated files, the newest first.
    pub rotated: Vec<Rotated>,
    pub days: u32,
}

impl Writer {
    pub fn new(world: Arc<World>, random: Random, index: usize, path: PathBuf, scheme: Scheme) -> Self {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let file = create(&path);
        let next = index * LINES_MAX;
        Self { world, random, index, path, scheme, file, first: next, next, offset: 0, rotated: Vec::new(), days: 0 }
    }

    /// Writes and rotates until then.
    pub fn run(mut self, until: Instant) {
        let per_tick = self.random.between(20, 80);
        let mut rotate_at = self.next + self.rotation_lines();
        while Instant::now() < until {
            let world = Arc::clone(&self.world);
            let Some(step) = step(&world) else { continue };
            let lines = self.random.between(1, 2 * per_tick);
            self.write(usize::try_from(lines).unwrap());
            if self.next >= rotate_at {
                self.rotate();
                world.rotations.fetch_add(1, Ordering::AcqRel);
                rotate_at = self.next + self.rotation_lines();
            }
            drop(step);
            sleep(TICK);
            // Some writers are quiet for a while, also directly after a rotation.
            if self.random.between(0, 100) == 0 {
                sleep(Duration::from_millis(self.random.between(100, 1_200)));
            }
        }
    }

    fn rotation_lines(&mut self) -> usize {
        usize::try_from(self.random.between(200, 2_400)).unwrap()
    }

    /// Appends this many lines to the current file, sometimes in pieces.
    pub fn write(&mut self, lines: usize) {
        let mut bytes = Vec::new();
        for line in self.next..self.next + lines {
            self.world.arrivals.written(line, self.offset + bytes.len() as u64);
            bytes.extend_from_slice(text(line).as_bytes());
            bytes.push(b'\n');
        }
        let cut = usize::try_from(self.random.between(0, bytes.len() as u64)).unwrap();
        let (first, second) = bytes.split_at(if self.random.between(0, 8) == 0 { cut } else { 0 });
        self.file.write_all(first).expect("written");
        if !first.is_empty() {
            sleep(Duration::from_millis(self.random.between(0, 60)));
        }
        self.file.write_all(second).expect("written");
        self.offset += bytes.len() as u64;
        self.next += lines;
        self.show();
    }

    /// The lines of the current file, which a drain must ship.
    pub fn show(&self) {
        *self.world.current_lines[self.index].lock().unwrap() = self.first..self.next;
    }

    /// Creates a new file at the same path.
    pub fn begin(&mut self) {
        self.file = create(&self.path);
        self.begun();
    }

    /// Records that the file's lines are elsewhere.
    pub fn begun(&mut self) {
        (self.first, self.offset) = (self.next, 0);
        self.show();
    }

    pub fn metadata(&self) -> Metadata {
        self.file.metadata().expect("a file")
    }
}

pub fn create(path: &Path) -> File {
    File::options().create_new(true).append(true).open(path).expect("a new log file")
}

/// Writes much at once into one new file: many times the limit of bytes in flight.
pub fn flood(world: &Arc<World>, folder: &Path, times: usize) {
    let path = folder.join(format!("bulk-{}.log", ["one", "two", "three", "four"][times % 4]));
    let mut writer = Writer::new(Arc::clone(world), Random::new(0), FLOOD, path, Scheme::Numbers);
    (writer.first, writer.next) = (FLOOD * LINES_MAX + times * FLOOD_LINES, FLOOD * LINES_MAX + times * FLOOD_LINES);
    writer.write(FLOOD_LINES);
}

/// One file per request: created, written, closed, and deleted after a while.
pub struct Requests {
    pub world: Arc<World>,
    pub random: Random,
    pub index: usize,
    pub folder: PathBuf,
}

impl Requests {
    pub fn run(mut self, until: Instant) {
        let (mut next, mut number) = (self.index * LINES_MAX, 0);
        let mut kept: Vec<(PathBuf, Range<usize>)> = Vec::new();
        fs::create_dir_all(&self.folder).expect("a folder");
        while Instant::now() < until {
            let world = Arc::clone(&self.world);
            let Some(step) = step(&world) else { continue };
            number += 1;
            let path = self.folder.join(format!("request-{number:06}x.log"));
            let lines = usize::try_from(self.random.between(1, 90)).unwrap();
            let random = Random::new(self.random.roll());
            let mut writer = Writer::new(Arc::clone(&world), random, self.index, path.clone(), Scheme::Numbers);
            (writer.first, writer.next) = (next, next);
            writer.write(lines);
            kept.push((path, next..next + lines));
            next += lines;
            let keep = usize::try_from(self.random.between(2, 40)).unwrap();
            kept.retain(|(path, lines)| lines.end + keep * 45 > next || !remove(&world, path, lines.clone()));
            drop(step);
            sleep(Duration::from_millis(self.random.between(5, 80)));
        }
    }
}

/// Removes a file, if no line is lost by that; returns whether it was removed.
fn remove(world: &World, path: &Path, lines: Range<usize>) -> bool {
    let Ok(meta) = fs::metadata(path) else { return true };
    world.destroy(&meta, lines, || _ = fs::remove_file(path))
}

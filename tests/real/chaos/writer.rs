//! An application that writes numbered lines, in pieces, and rotates its file; and one that makes a file for each request.

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
use crate::support::Dice;

/// A tick of a writer.
const TICK: Duration = Duration::from_millis(20);
/// Nobody writes while so many lines are under way: a machine that is busy plays the same, more slowly.
const BACKLOG_MAX: u64 = 15_000;
/// Lines of a flood: some 6 MB.
const FLOOD_LINES: usize = 1_500;

/// The right to write for one tick: meanwhile nothing stops the world. `None` after a tick in which too much was under way.
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
    pub dice: Dice,
    pub index: usize,
    pub path: PathBuf,
    pub scheme: Scheme,
    pub file: File,
    /// The first line of what the file holds, and the next to be written.
    pub first: usize,
    pub next: usize,
    pub offset: u64,
    /// What was rotated, the newest first.
    pub rotated: Vec<Rotated>,
    pub days: u32,
}

impl Writer {
    pub fn new(world: Arc<World>, dice: Dice, index: usize, path: PathBuf, scheme: Scheme) -> Self {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let file = create(&path);
        let next = index * LINES_MAX;
        Self { world, dice, index, path, scheme, file, first: next, next, offset: 0, rotated: Vec::new(), days: 0 }
    }

    /// Writes and rotates until then.
    pub fn run(mut self, until: Instant) {
        let per_tick = self.dice.between(20, 80);
        let mut rotate_at = self.next + self.rotation_lines();
        while Instant::now() < until {
            let world = Arc::clone(&self.world);
            let Some(step) = step(&world) else { continue };
            let lines = self.dice.between(1, 2 * per_tick);
            self.write(usize::try_from(lines).unwrap());
            if self.next >= rotate_at {
                self.rotate();
                world.rotations.fetch_add(1, Ordering::AcqRel);
                rotate_at = self.next + self.rotation_lines();
            }
            drop(step);
            sleep(TICK);
            // Some are quiet for a while, also right after a rotation.
            if self.dice.between(0, 100) == 0 {
                sleep(Duration::from_millis(self.dice.between(100, 1_200)));
            }
        }
    }

    fn rotation_lines(&mut self) -> usize {
        usize::try_from(self.dice.between(200, 2_400)).unwrap()
    }

    /// Appends so many lines to the file that is open, sometimes in pieces.
    pub fn write(&mut self, lines: usize) {
        let mut bytes = Vec::new();
        for line in self.next..self.next + lines {
            self.world.arrivals.written(line, self.offset + bytes.len() as u64);
            bytes.extend_from_slice(text(line).as_bytes());
            bytes.push(b'\n');
        }
        let cut = usize::try_from(self.dice.between(0, bytes.len() as u64)).unwrap();
        let (first, second) = bytes.split_at(if self.dice.between(0, 8) == 0 { cut } else { 0 });
        self.file.write_all(first).expect("written");
        if !first.is_empty() {
            sleep(Duration::from_millis(self.dice.between(0, 60)));
        }
        self.file.write_all(second).expect("written");
        self.offset += bytes.len() as u64;
        self.next += lines;
        self.show();
    }

    /// What the file holds is what a drain has to ship.
    pub fn show(&self) {
        *self.world.live[self.index].lock().unwrap() = self.first..self.next;
    }

    /// Begins a new file in the same place.
    pub fn begin(&mut self) {
        self.file = create(&self.path);
        self.begun();
    }

    /// What the file held is elsewhere.
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

/// Much at once, in one new file: more than may be in flight, many times.
pub fn flood(world: &Arc<World>, folder: &Path, times: usize) {
    let path = folder.join(format!("bulk-{}.log", ["one", "two", "three", "four"][times % 4]));
    let mut writer = Writer::new(Arc::clone(world), Dice::new(0), FLOOD, path, Scheme::Numbers);
    (writer.first, writer.next) = (FLOOD * LINES_MAX + times * FLOOD_LINES, FLOOD * LINES_MAX + times * FLOOD_LINES);
    writer.write(FLOOD_LINES);
}

/// One file a request: made, written, closed, and deleted after a while.
pub struct Requests {
    pub world: Arc<World>,
    pub dice: Dice,
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
            let lines = usize::try_from(self.dice.between(1, 90)).unwrap();
            let dice = Dice::new(self.dice.roll());
            let mut writer = Writer::new(Arc::clone(&world), dice, self.index, path.clone(), Scheme::Numbers);
            (writer.first, writer.next) = (next, next);
            writer.write(lines);
            kept.push((path, next..next + lines));
            next += lines;
            let keep = usize::try_from(self.dice.between(2, 40)).unwrap();
            kept.retain(|(path, lines)| lines.end + keep * 45 > next || !remove(&world, path, lines.clone()));
            drop(step);
            sleep(Duration::from_millis(self.dice.between(5, 80)));
        }
    }
}

/// Removes a file, if that loses nothing; whether it is gone.
fn remove(world: &World, path: &Path, lines: Range<usize>) -> bool {
    let Ok(meta) = fs::metadata(path) else { return true };
    world.destroy(&meta, lines, || _ = fs::remove_file(path))
}

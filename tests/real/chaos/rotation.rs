//! The kinds of rotation. None destroys an unread line, see [`World::destroy`](super::world::World::destroy).

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::arrivals::text;
use super::writer::Writer;
use crate::support::Random;

/// Number of rotated files that are kept once the lines of older ones have arrived.
const KEPT: usize = 4;
/// How long a writer waits until lines have arrived that it will destroy.
const PATIENCE: Duration = Duration::from_millis(500);

/// How an application rotates its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `app.log` becomes `app.log.1`, which becomes `app.log.2`, and so on.
    Numbers,
    /// The same, and some lines are still written to the old file.
    Late,
    /// `app.log` becomes `app.log.1.gz`.
    Gzip,
    /// `app.log.1` is compressed one rotation later.
    GzipDelayed,
    /// Copied to `app.log.1`, then truncated.
    CopyTruncate,
    /// The same, and the copy is compressed.
    CopyGzip,
    /// `app.log-20260101`
    Dated,
    /// `app-2026-01-01.log`
    DatedWithin,
    /// `archive/app-2026-01-01.log`
    Archive,
}

impl Scheme {
    /// All kinds, in random order.
    pub fn shuffled(random: &mut Random) -> Vec<Self> {
        use Scheme::{Archive, CopyGzip, CopyTruncate, Dated, DatedWithin, Gzip, GzipDelayed, Late, Numbers};
        let mut all = vec![Numbers, Late, Gzip, GzipDelayed, CopyTruncate, CopyGzip, Dated, DatedWithin, Archive];
        for at in (1..all.len()).rev() {
            all.swap(at, usize::try_from(random.between(0, at as u64 + 1)).unwrap());
        }
        all
    }
}

/// A rotated file.
pub struct Rotated {
    pub path: PathBuf,
    pub lines: Range<usize>,
    /// The number in its name, if any.
    number: usize,
}

impl Writer {
    /// Rotates once: usually in the writer's own way, sometimes in another way.
    pub fn rotate(&mut self) {
        let done = match self.random.between(0, 16) {
            0 => self.delete(),
            1 => self.truncate(),
            2 => self.replace(),
            3 => self.replace_by_another(),
            _ => false,
        };
        if !done {
            self.rotate_by_scheme();
        }
    }

    fn rotate_by_scheme(&mut self) {
        self.world.note(&format!(
            "{:?} of {} with lines {:?}",
            self.scheme,
            self.path.display(),
            self.first..self.next
        ));
        match self.scheme {
            Scheme::Numbers => self.rename(false),
            Scheme::Late => self.rename(true),
            Scheme::Gzip => {
                self.rename(false);
                self.compress(0);
            }
            Scheme::GzipDelayed => {
                self.rename(false);
                self.compress(1);
            }
            Scheme::CopyTruncate => self.copy_and_truncate(),
            Scheme::CopyGzip => {
                self.copy_and_truncate();
                self.compress(0);
            }
            Scheme::Dated => {
                self.move_to(|path, day| PathBuf::from(format!("{}-{}", path.display(), day.replace('-', ""))));
            }
            Scheme::DatedWithin => self.move_to(|path, day| path.with_file_name(format!("{}-{day}.log", stem(path)))),
            Scheme::Archive => {
                fs::create_dir_all(self.path.with_file_name("archive")).expect("a folder");
                self.move_to(|path, day| path.with_file_name(format!("archive/{}-{day}.log", stem(path))));
            }
        }
    }

    /// Renames each rotated file, so that `.1` is free. A deleted file no longer counts.
    fn shift(&mut self) {
        let base = self.path.clone();
        for old in self.rotated.iter_mut().rev() {
            let to = numbered(&base, old.number + 1, old.path.extension().is_some_and(|ending| ending == "gz"));
            if fs::rename(&old.path, &to).is_ok() {
                (old.path, old.number) = (to, old.number + 1);
            } else {
                old.number = 0;
            }
        }
        self.rotated.retain(|old| old.number > 0);
    }

    /// Records that the file's lines are now there.
    fn note_rotated(&mut self, path: PathBuf) {
        self.rotated.insert(0, Rotated { path, lines: self.first..self.next, number: 1 });
    }

    /// Deletes the oldest rotated file if there are too many, once its lines have arrived.
    fn expire(&mut self) {
        while self.rotated.len() > KEPT {
            let oldest = self.rotated.last().expect("one");
            if !self.world.arrivals.have(oldest.lines.clone()) {
                return;
            }
            _ = fs::remove_file(&oldest.path);
            self.rotated.pop();
        }
    }

    fn rename(&mut self, late: bool) {
        self.shift();
        let to = numbered(&self.path, 1, false);
        fs::rename(&self.path, &to).expect("renamed");
        if late {
            for _ in 0..self.random.between(1, 4) {
                sleep(Duration::from_millis(self.random.between(0, 100)));
                self.write(3);
            }
        }
        self.note_rotated(to);
        sleep(Duration::from_millis(self.random.between(0, 60)));
        self.begin();
        self.expire();
    }

    /// Compresses the rotated file with this number, as `gzip` does.
    fn compress(&mut self, at: usize) {
        let Some(Rotated { path, .. }) = self.rotated.get_mut(at) else { return };
        let Some(bytes) = fs::read(&path).ok().filter(|_| path.extension().is_none_or(|ending| ending != "gz")) else {
            return;
        };
        let mut ending = path.clone().into_os_string();
        ending.push(OsString::from(".gz"));
        let to = PathBuf::from(ending);
        let mut encoder = GzEncoder::new(File::create(&to).expect("a file"), Compression::fast());
        encoder.write_all(&bytes).and_then(|()| encoder.finish()).expect("compressed");
        _ = fs::remove_file(&path);
        *path = to;
    }

    /// Nothing is written between the copy and the truncation.
    fn copy_and_truncate(&mut self) {
        self.shift();
        let to = numbered(&self.path, 1, false);
        fs::copy(&self.path, &to).expect("copied");
        sleep(Duration::from_millis(self.random.between(0, 80)));
        self.file.set_len(0).expect("emptied");
        self.note_rotated(to);
        self.begun();
        self.expire();
    }

    fn move_to(&mut self, name: impl Fn(&Path, &str) -> PathBuf) {
        self.days += 1;
        let to = name(&self.path, &format!("2026-{:02}-{:02}", 1 + self.days / 28, 1 + self.days % 28));
        fs::rename(&self.path, &to).expect("renamed");
        self.note_rotated(to);
        self.begin();
        self.expire();
    }

    /// Deletes the file, which the process may not have read yet.
    fn delete(&mut self) -> bool {
        let path = self.path.clone();
        let gone =
            self.world.destroy(&self.metadata(), self.first..self.next, || fs::remove_file(path).expect("removed"));
        if gone {
            self.world.note(&format!("delete {} with lines {:?}", self.path.display(), self.first..self.next));
            self.begin();
        }
        gone
    }

    /// Truncates the file once all its lines have arrived.
    fn truncate(&mut self) -> bool {
        let start = Instant::now();
        while !self.world.arrivals.have(self.first..self.next) {
            if start.elapsed() > PATIENCE {
                return false;
            }
            sleep(Duration::from_millis(20));
        }
        self.world.note(&format!("truncate {} with lines {:?}", self.path.display(), self.first..self.next));
        self.file.set_len(0).expect("emptied");
        self.begun();
        true
    }

    /// Replaces the file by a new one with the same content and more, as `rsync` and `sed -i` do.
    fn replace(&mut self) -> bool {
        self.world.note(&format!("replace {} with lines {:?}", self.path.display(), self.first..self.next));
        let aside = self.aside();
        fs::copy(&self.path, &aside).expect("copied");
        self.file = File::options().append(true).open(&aside).expect("the new file");
        let lines = usize::try_from(self.random.between(1, 20)).unwrap();
        self.write(lines);
        fs::rename(aside, &self.path).expect("renamed");
        true
    }

    /// Replaces the file by a new one with other content; the old one may not have been read yet.
    fn replace_by_another(&mut self) -> bool {
        let (aside, path) = (self.aside(), self.path.clone());
        let line = self.next;
        fs::write(&aside, text(line) + "\n").expect("written");
        // It counts once it has its final name: until then its line number may be used for another line.
        let act = || {
            self.world.arrivals.written(line, 0);
            fs::rename(&aside, path).expect("renamed");
        };
        if !self.world.destroy(&self.metadata(), self.first..self.next, act) {
            return false;
        }
        self.world.note(&format!("another for {} with lines {:?}", self.path.display(), self.first..self.next));
        self.file = File::options().append(true).open(&self.path).expect("the new file");
        self.begun();
        (self.next, self.offset) = (line + 1, text(line).len() as u64 + 1);
        self.show();
        true
    }

    /// A path on the same volume that no glob matches.
    fn aside(&self) -> PathBuf {
        self.world.folder.join(format!("aside-{}", self.index))
    }
}

fn numbered(path: &Path, number: usize, is_compressed: bool) -> PathBuf {
    PathBuf::from(format!("{}.{number}{}", path.display(), if is_compressed { ".gz" } else { "" }))
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

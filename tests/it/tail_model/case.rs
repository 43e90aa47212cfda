//! A directory with files, and the lines delivered from them.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use logskiff::pipeline::frame::multiline;
use logskiff::source::{Config, Event, Start};

use super::driver::Driver;

pub fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A directory, the source that reads it, and the delivered lines.
pub struct Case {
    pub dir: tempfile::TempDir,
    pub inputs: [Config; 1],
    pub driver: Driver,
    pub got: Vec<String>,
}

impl Case {
    pub fn new(glob: &str) -> Self {
        Self::starting(glob, Start::Beginning, |_| {})
    }

    /// `before` exists before the first start.
    pub fn starting(glob: &str, start: Start, before: impl Fn(&Self)) -> Self {
        Self::with(glob, |config| config.start = start, before)
    }

    /// The same with another configuration.
    pub fn with(glob: &str, configure: impl Fn(&mut Config), before: impl Fn(&Self)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let paths = vec![dir.path().join(glob).to_str().unwrap().to_owned()];
        let mut inputs = [super::tailing(paths, Start::Beginning)];
        configure(&mut inputs[0]);
        let driver = Driver::new(&inputs, multiline::Config::Off);
        let mut case = Self { dir, inputs, driver, got: Vec::new() };
        before(&case);
        case.run_pass();
        case
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn add(&self, name: &str, text: &str) {
        let mut file = File::options().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub fn mv(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub fn cp(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    /// As `gzip` does: the file is removed once its compressed copy is complete.
    pub fn gzip(&self, from: &str, to: &str) {
        fs::write(self.path(to), packed(&fs::read(self.path(from)).unwrap())).unwrap();
        self.rm(from);
    }

    pub fn link(&self, to: &str, name: &str) {
        std::os::unix::fs::symlink(to, self.path(name)).unwrap();
    }

    /// The existing names.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    pub fn cut(&self, name: &str) {
        File::options().write(true).open(self.path(name)).unwrap().set_len(0).unwrap();
    }

    pub fn rm(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// A check of the directories, a pass, and the delivery of every record.
    pub fn run_pass(&mut self) {
        self.driver.scan();
        self.driver.read_files(usize::MAX);
        let before = self.got.len();
        while let Some(last) = self.driver.out.len().checked_sub(1) {
            self.got.extend(self.driver.settle(last, true));
        }
        // In the order in which they were read.
        self.got[before..].reverse();
        self.driver.let_go();
    }

    pub fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.driver.wait(1);
            self.run_pass();
        }
    }

    /// The process ends; `meanwhile` happens; another process starts from its checkpoint.
    pub fn down(&mut self, meanwhile: impl Fn(&Self)) {
        self.driver.save();
        meanwhile(self);
        self.driver.restart(&self.inputs, self.driver.saved.last().cloned());
    }

    /// The records in flight are lost: they fail, or the process ends and starts again (`down`).
    pub fn lose_in_flight(&mut self, down: bool) {
        if down {
            return self.down(|_| {});
        }
        while !self.driver.out.is_empty() {
            self.driver.settle(0, false);
        }
        self.driver.rewind();
    }

    pub fn refused(&self) -> usize {
        self.driver.events.iter().filter(|event| matches!(event, Event::Refused(..))).count()
    }

    /// Waits until nothing more can come, and compares the delivered lines, in any order between files.
    #[track_caller]
    pub fn check(mut self, want: &[&str]) {
        self.wait(15);
        self.got.sort_unstable();
        assert_eq!(self.got, want);
    }
}

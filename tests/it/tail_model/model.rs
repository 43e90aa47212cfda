//! The content of the files, which of it could be read, and what was delivered.
//!
//! A line may be missing at the end only if no readable content contains it.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use logskiff::pipeline::frame::multiline;
use logskiff::source::{Config, Start};

use super::case::packed;
use super::driver::Driver;

const BASES: [&str; 2] = ["app.log", "b.log"];
/// A line that begins so joins the one before.
const CONTINUES: &str = "=";

/// What differs between sequences of actions.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rotated files match the glob.
    pub copies_match: bool,
    /// Rotated files are deleted once they are acknowledged.
    pub prune: bool,
    /// Two of three lines join the line before.
    pub joins: bool,
    /// A container's runtime writes the files: lines alternate between two streams.
    pub streams: bool,
}

/// The number in a line.
fn number_of(text: &str) -> u64 {
    let number = text.split(|character: char| !character.is_ascii_digit()).find(|number| !number.is_empty());
    number.map_or(0, |number| number.parse().unwrap())
}

/// The stream that a line is printed to.
fn stream_of(text: &str) -> &'static str {
    if number_of(text).is_multiple_of(2) { "stdout" } else { "stderr" }
}

/// Events between the copy and the truncation.
#[derive(Clone, Copy, Debug)]
pub enum Between {
    Nothing,
    Scan,
    Read,
    /// What is appended after the copy is read, and no check sees the copy.
    Unseen,
    /// A check sees the incomplete copy.
    Half,
}

/// The content of one file: a truncation empties it.
#[derive(Default)]
struct Content {
    inode: u64,
    lines: Vec<usize>,
    /// The text of a line without a newline yet.
    partial: Option<String>,
    /// It ends with such a line, which nobody completes.
    is_half: bool,
    /// A copy that holds less than the bytes truncated after it was made.
    is_short: bool,
    /// A poll saw it with content since it was last empty.
    seen: bool,
    /// The number of its lines that a poll saw while it was open.
    seen_lines: usize,
    /// A check saw it under its first name, or recognized its origin.
    found: bool,
    /// It is correctly not read any more.
    lost: bool,
    copy: bool,
}

pub struct Model {
    dir: tempfile::TempDir,
    inputs: [Config; 1],
    copies_match: bool,
    driver: Driver,
    contents: Vec<Content>,
    names: HashMap<String, usize>,
    /// The bases that existed at the last check, and their contents.
    scanned: HashMap<String, usize>,
    /// The names of the process's first checkpoint, until the first check.
    first: Option<HashSet<PathBuf>>,
    /// The next scan is the first one after a start without a checkpoint.
    is_first_start: bool,
    lines: Vec<String>,
    /// Whether two of three lines join the line before.
    joins: bool,
    /// Whether lines are those of a container's runtime.
    streams: bool,
    /// Lines that stood behind one another in a content, or in one stream of it.
    adjacent: HashSet<(usize, usize)>,
    /// The number of zeros before a line.
    holes: HashMap<usize, usize>,
    delivered: HashMap<String, u32>,
    partials: HashSet<String>,
    /// The number of lines that were begun without their newline.
    begun: usize,
    /// An event that may legitimately deliver a line twice.
    may_double: bool,
    /// Lines in flight when a truncation removed their content: if they fail, no file has them.
    at_risk: HashSet<String>,
    /// Bytes of lines that a poll saw and a truncation destroyed, by line.
    destroyed: HashSet<usize>,
    restarted: bool,
    regrown: bool,
    /// The last file that replaced another one.
    replaced: Option<usize>,
}

impl Model {
    pub fn new(Options { copies_match, prune, joins, streams }: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let glob = dir.path().join(if copies_match { "*.log*" } else { "*.log" });
        let paths = vec![glob.to_str().unwrap().to_owned()];
        let mut inputs = [super::tailing(paths, Start::Beginning)];
        inputs[0].delete_rotated = prune;
        let continues = multiline::Config::Continue(vec![format!("^{CONTINUES}")]);
        let driver = Driver::new(&inputs, if joins { continues } else { multiline::Config::Off });
        let driver = if streams { driver.of_containers() } else { driver };
        Self {
            dir,
            inputs,
            copies_match,
            driver,
            contents: Vec::new(),
            names: HashMap::new(),
            scanned: HashMap::new(),
            first: Some(HashSet::new()),
            is_first_start: true,
            lines: Vec::new(),
            joins,
            streams,
            adjacent: HashSet::new(),
            holes: HashMap::new(),
            delivered: HashMap::new(),
            partials: HashSet::new(),
            begun: 0,
            may_double: false,
            at_risk: HashSet::new(),
            destroyed: HashSet::new(),
            restarted: false,
            regrown: false,
            replaced: None,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The content under `name`, created if there is none.
    fn content(&mut self, name: &str) -> usize {
        if let Some(at) = self.names.get(name) {
            return *at;
        }
        let file = File::create_new(self.path(name)).unwrap();
        self.contents.push(Content { inode: file.metadata().unwrap().ino(), ..Content::default() });
        self.driver.contents = self.contents.len();
        let at = self.contents.len() - 1;
        self.names.insert(name.to_owned(), at);
        at
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = File::options().append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// What a runtime writes before a line.
    fn head(&self, text: &str) -> String {
        if !self.streams {
            return String::new();
        }
        // Later by a few microseconds each, so that no line has the head of another.
        format!("2026-11-30T10:00:00.{:09}Z {} F ", number_of(text) * 7919, stream_of(text))
    }

    pub fn write(&mut self, file: usize, lines: u8, pad: u8) {
        self.write_to(BASES[file], lines, pad);
    }

    /// A line after zeros, as from a writer that does not append, after a truncation.
    pub fn hole(&mut self, file: usize, zeros: u8) {
        let at = self.content(BASES[file]);
        if self.contents[at].partial.is_none() {
            self.append(BASES[file], &"\0".repeat(zeros.into()));
            self.holes.insert(self.lines.len(), zeros.into());
            self.write(file, 1, 0);
        }
    }

    /// Notes that a content ends with the newest line.
    fn note_line(&mut self, at: usize) {
        let line = self.lines.len() - 1;
        self.note_neighbour(at, line);
        self.contents[at].lines.push(line);
    }

    /// Notes that a line follows a content, in its stream.
    fn note_neighbour(&mut self, at: usize, line: usize) {
        let alike = |before: &&usize| !self.streams || stream_of(&self.lines[**before]) == stream_of(&self.lines[line]);
        let before = self.contents[at].lines.iter().rev().find(alike);
        self.adjacent.extend(before.map(|before| (*before, line)));
    }

    fn write_to(&mut self, name: &str, lines: u8, pad: u8) {
        let at = self.content(name);
        let mut text = String::new();
        if let Some(begun) = self.contents[at].partial.take() {
            text.push_str(" end\n");
            self.lines.push(format!("{begun} end"));
            self.note_line(at);
        }
        for _ in 0..lines {
            let joins = self.joins && !self.lines.len().is_multiple_of(3);
            let mark = if joins { CONTINUES } else { "" };
            let line = format!("{mark}{}{}", self.lines.len(), "x".repeat(usize::from(pad)));
            text.push_str(&self.head(&line));
            text.push_str(&line);
            text.push('\n');
            self.lines.push(line);
            self.note_line(at);
        }
        self.append(name, &text);
    }

    pub fn write_partial(&mut self, file: usize) {
        let at = self.content(BASES[file]);
        if self.contents[at].partial.is_some() {
            return self.write_to(BASES[file], 0, 0);
        }
        self.begun += 1;
        let text = format!("part {}", self.begun);
        self.append(BASES[file], &format!("{}{text}", self.head(&text)));
        self.contents[at].partial = Some(text);
    }

    /// Nobody continues to write under this name: an incomplete last line is the line.
    fn abandon(&mut self, at: usize) {
        if let Some(text) = self.contents[at].partial.take() {
            self.partials.insert(text.clone());
            self.contents[at].is_half = true;
            // If a glob matches the rotated file too, it may continue.
            if !self.copies_match {
                self.lines.push(text);
                self.note_line(at);
            }
        }
    }

    /// Moves `base.1` to `base.2` and so on; the one after `keep` is deleted.
    fn chain(&mut self, base: &str, keep: u8) {
        for number in (1..=keep).rev() {
            for ending in ["", ".gz"] {
                let from = format!("{base}.{number}{ending}");
                if number == keep {
                    self.unlink(&from);
                } else if let Some(at) = self.names.remove(&from) {
                    let to = format!("{base}.{}{ending}", number + 1);
                    fs::rename(self.path(&from), self.path(&to)).unwrap();
                    self.names.insert(to, at);
                }
            }
        }
    }

    /// Compresses a rotated file, as `gzip` does.
    pub fn gzip(&mut self, file: usize, number: u8) {
        let from = format!("{}.{number}", BASES[file]);
        let to = format!("{from}.gz");
        if self.names.contains_key(&to) {
            return;
        }
        let Some(at) = self.names.remove(&from) else { return };
        fs::write(self.path(&to), packed(&fs::read(self.path(&from)).unwrap())).unwrap();
        let written = fs::metadata(self.path(&from)).and_then(|found| found.modified()).unwrap();
        File::options().append(true).open(self.path(&to)).unwrap().set_modified(written).unwrap();
        if !self.is_open(at) {
            self.contents[at].inode = fs::metadata(self.path(&to)).unwrap().ino();
        }
        fs::remove_file(self.path(&from)).unwrap();
        self.names.insert(to, at);
    }

    fn is_open(&self, at: usize) -> bool {
        self.driver.tail.files().any(|file| file.inode.inode == self.contents[at].inode)
    }

    /// Another name of the file, under which nobody reads it.
    pub fn link(&mut self, file: usize) {
        if self.names.contains_key(BASES[file]) {
            let to = self.path(&format!("kept.{}", self.contents.len()));
            _ = fs::hard_link(self.path(BASES[file]), to);
        }
    }

    /// A file that was deleted because it was acknowledged must have been delivered, and is never the current file.
    fn see_pruned(&mut self) {
        let gone: Vec<String> = self.names.keys().filter(|name| !self.path(name).exists()).cloned().collect();
        for name in gone {
            assert!(!BASES.contains(&name.as_str()), "{name} was deleted");
            let at = self.names.remove(&name).unwrap();
            for line in &self.contents[at].lines {
                let text = &self.lines[*line];
                assert!(self.delivered.contains_key(text), "{name} was deleted before {text} was delivered");
            }
        }
    }

    fn unlink(&mut self, name: &str) {
        let Some(at) = self.names.remove(name) else { return };
        self.contents[at].lost |= !self.is_open(at);
        fs::remove_file(self.path(name)).unwrap();
    }

    pub fn rename(&mut self, file: usize, keep: u8, late: u8, again: bool) {
        self.disturb();
        let base = BASES[file];
        if !self.names.contains_key(base) {
            return;
        }
        self.chain(base, keep);
        let to = format!("{base}.1");
        fs::rename(self.path(base), self.path(&to)).unwrap();
        let at = self.names.remove(base).unwrap();
        self.names.insert(to.clone(), at);
        if late > 0 {
            self.write_to(&to, late, 5);
        }
        self.abandon(at);
        if again {
            self.content(base);
        }
    }

    pub fn copy_truncate(&mut self, file: usize, keep: u8, appended: u8, between: Between) {
        self.disturb();
        let base = BASES[file];
        let Some(&original) = self.names.get(base) else { return };
        self.chain(base, keep);
        let to = format!("{base}.1");
        let copy = self.content(&to);
        self.contents[copy].copy = true;
        if matches!(between, Between::Half) {
            let whole = fs::read(self.path(base)).unwrap();
            fs::write(self.path(&to), &whole[..whole.len() / 2]).unwrap();
            self.scan();
        }
        fs::copy(self.path(base), self.path(&to)).unwrap();
        self.contents[copy].lines = self.contents[original].lines.clone();
        if let Some(text) = self.contents[original].partial.clone() {
            self.partials.insert(text);
            self.contents[copy].is_half = true;
        }
        match between {
            Between::Nothing | Between::Unseen | Between::Half => {}
            Between::Scan => self.scan(),
            Between::Read => self.run_pass(true, usize::MAX),
        }
        if appended > 0 {
            self.contents[copy].is_short = true;
            self.write(file, appended, 3);
        } else {
            // Otherwise the whole line was read from the original.
            self.contents[copy].partial = self.contents[original].partial.clone();
            self.abandon(copy);
        }
        if matches!(between, Between::Read | Between::Unseen) {
            self.run_pass(false, usize::MAX);
        }
        // The sidecar had no sign that the file that was copied had any content.
        let unknown = !self.contents[original].seen && !self.contents[copy].found;
        self.contents[copy].lost |= unknown && !self.copies_match;
        self.contents[copy].found = true;
        self.truncate(file);
    }

    /// Replaces a file by a new one with the same content and more, as `rsync` and `sed -i` do.
    pub fn replace(&mut self, file: usize, lines: u8) {
        let base = BASES[file];
        let Some(&old) = self.names.get(base) else { return };
        // A file with another name still exists: it does not count as replaced.
        let is_linked = fs::metadata(self.path(base)).unwrap().nlink() > 1;
        if is_linked || self.contents[old].partial.is_some() {
            return;
        }
        let new = self.content("aside");
        fs::copy(self.path(base), self.path("aside")).unwrap();
        self.contents[new].lines = self.contents[old].lines.clone();
        self.write_to("aside", lines, 7);
        self.unlink(base);
        fs::rename(self.path("aside"), self.path(base)).unwrap();
        self.names.remove("aside");
        self.names.insert(base.to_owned(), new);
        self.replaced = Some(new);
    }

    /// A replacement that is moved before it was opened does not count as one.
    fn disturb(&mut self) {
        self.may_double |= self.replaced.is_some_and(|at| !self.is_open(at));
    }

    /// `cat app.log >> app.log.1`, and then `app.log` is truncated.
    pub fn concatenate(&mut self, file: usize) {
        let base = BASES[file];
        let to = format!("{base}.1");
        let (Some(&from), Some(&at)) = (self.names.get(base), self.names.get(&to)) else { return };
        if self.contents[from].partial.is_some() || self.contents[at].is_half {
            return;
        }
        // Too few bytes to prove a copy; behind a short one, they hide how much was truncated.
        self.may_double = true;
        self.regrown |= self.contents[at].is_short;
        let text = fs::read_to_string(self.path(base)).unwrap();
        self.append_later(&to, &text);
        let lines = self.contents[from].lines.clone();
        for line in lines {
            self.note_neighbour(at, line);
            self.contents[at].lines.push(line);
        }
        self.truncate(file);
    }

    /// A writer that is notified late to reopen the log writes to the rotated file.
    pub fn write_late(&mut self, file: usize, lines: u8) {
        let to = format!("{}.1", BASES[file]);
        let at = self.names.get(&to).copied();
        if let Some(at) = at.filter(|at| !self.contents[*at].is_half) {
            // Truncated bytes do not prove a copy once other bytes follow, which also hide how much was truncated.
            self.may_double |= self.contents[at].is_short;
            self.regrown |= self.contents[at].is_short;
            self.write_to(&to, lines, 11);
            self.append_later(&to, "");
        }
    }

    /// Appends to a file by other means than its writer: by the file system's clock, after the last write to the writer's file.
    fn append_later(&self, name: &str, text: &str) {
        self.append(name, text);
        let file = File::options().append(true).open(self.path(name)).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(1)).unwrap();
    }

    pub fn truncate(&mut self, file: usize) {
        self.cut(file, 0);
    }

    pub fn truncate_to_the_middle(&mut self, file: usize) {
        if let Some(at) = self.names.get(BASES[file]) {
            self.may_double = true;
            // Bytes written before the next poll hide how much was lost: the count is a lower bound.
            self.regrown = true;
            let keep = self.contents[*at].lines.len() / 2;
            self.cut(file, keep);
        }
    }

    fn cut(&mut self, file: usize, keep: usize) {
        self.disturb();
        let Some(&at) = self.names.get(BASES[file]) else { return };
        let lines = self.driver.out.iter().flat_map(|(_, text)| text.split('\n').map(str::to_owned));
        self.at_risk.extend(lines);
        let bytes_of = |line: &usize| {
            let text = &self.lines[*line];
            self.head(text).len() + text.len() + 1 + self.holes.get(line).unwrap_or(&0)
        };
        let bytes: usize = self.contents[at].lines[..keep].iter().map(bytes_of).sum();
        let content = &mut self.contents[at];
        self.destroyed.extend(&content.lines[keep..content.seen_lines.max(keep)]);
        content.lines.truncate(keep);
        content.seen_lines = content.seen_lines.min(keep);
        content.partial = None;
        content.seen &= keep > 0;
        let handle = File::options().write(true).open(self.path(BASES[file])).unwrap();
        handle.set_len(bytes as u64).unwrap();
    }

    pub fn delete(&mut self, file: usize, again: bool) {
        self.disturb();
        if let Some(&at) = self.names.get(BASES[file]) {
            self.abandon(at);
            self.unlink(BASES[file]);
            if again {
                self.content(BASES[file]);
            }
        }
    }

    /// Records what a poll or check sees of the open files.
    fn see(&mut self) {
        for file in self.driver.tail.files() {
            let open = self.contents.iter_mut().rev().find(|content| content.inode == file.inode.inode);
            if let Some(content) = open {
                content.seen_lines = content.lines.len();
                content.seen |= !content.lines.is_empty() || content.partial.is_some();
            }
        }
    }

    /// A rotated file that a check sees for the first time is read only if there is a sign of a rotation.
    fn scan(&mut self) {
        let checkpoint = self.first.take();
        for base in BASES {
            let (before, here) = (self.scanned.get(base), self.names.get(base));
            // At a first start a live log is the sign; later a rotation, or a log that no scan found before.
            let seen = if self.is_first_start { here.is_none() } else { before.is_some() && before == here };
            let sign = !seen || checkpoint.as_ref().is_some_and(|paths| paths.contains(&self.path(base)));
            for number in 1..=3 {
                for ending in ["", ".gz"] {
                    let Some(at) = self.names.get(&format!("{base}.{number}{ending}")) else { continue };
                    let content = &mut self.contents[*at];
                    content.lost |= !(content.found || sign || self.copies_match || content.copy);
                    content.found |= !content.copy;
                }
            }
            if let Some(at) = self.names.get(base) {
                self.contents[*at].found = true;
            }
        }
        self.is_first_start = false;
        self.scanned = self.names.clone();
        self.driver.scan();
        self.see_pruned();
        self.see();
    }

    pub fn run_pass(&mut self, scan: bool, lines_max: usize) {
        // As the shipper does: if a poll has found a reason, the directories are checked too.
        if scan || self.driver.tail.needs_reconcile() {
            self.scan();
        }
        self.see();
        self.driver.read_files(lines_max);
        self.driver.let_go();
    }

    pub fn settle(&mut self, at: impl Fn(usize) -> usize, delivered: bool) {
        if self.driver.out.is_empty() {
            return;
        }
        if let Some(text) = self.driver.settle(at(self.driver.out.len()), delivered) {
            self.arrived(&text);
        }
        self.driver.rewind();
    }

    pub fn settle_all(&mut self) {
        while !self.driver.out.is_empty() {
            self.settle(|_| 0, true);
        }
    }

    /// Counts the lines of a record. Lines of one record are never of two contents.
    fn arrived(&mut self, text: &str) {
        let lines: Vec<&str> = text.split('\n').collect();
        for pair in lines.windows(2) {
            let at = |text: &str| self.lines.iter().position(|line| line == text);
            let both = at(pair[0]).zip(at(pair[1]));
            assert!(both.is_some_and(|both| self.adjacent.contains(&both)), "{pair:?} are of two contents");
        }
        for line in lines {
            *self.delivered.entry(line.to_owned()).or_default() += 1;
        }
    }

    pub fn wait(&mut self, seconds: u64) {
        // Reading may be delayed; the slow poll is not.
        for _ in 0..seconds {
            self.driver.wait(1);
            self.scan();
        }
    }

    pub fn save(&mut self) {
        self.driver.save();
    }

    pub fn restart(&mut self, old: bool) {
        let back = if old { 2 } else { 1 };
        let generation = self.driver.saved.len().checked_sub(back);
        let saved = generation.map(|at| self.driver.saved[at].clone());
        let contents = generation.map_or(0, |at| self.driver.saved_contents[at]);
        self.may_double = true;
        self.restarted = true;
        self.is_first_start = saved.is_none();
        self.first = Some(saved.iter().flatten().map(|mark| mark.path.clone()).collect());
        for (at, content) in self.contents.iter_mut().enumerate() {
            content.lost |= !self.names.values().any(|named| *named == at);
            content.seen = false;
            // A reused inode belongs to another file.
            let marked = at < contents && saved.iter().flatten().any(|mark| mark.inode.inode == content.inode);
            content.found &= marked;
            // Which copy appeared between two checks is determined by its neighbour.
            content.copy = false;
        }
        // The inode of the compressed file may belong to another file by now.
        for (name, at) in &self.names {
            self.contents[*at].inode = fs::metadata(self.dir.path().join(name)).unwrap().ino();
        }
        self.scanned.clear();
        self.driver.restart(&self.inputs, saved);
    }

    pub fn finish(&mut self) {
        for _ in 0..30 {
            self.run_pass(true, usize::MAX);
            self.settle_all();
            self.wait(1);
        }
        let here: HashSet<usize> =
            self.contents.iter().filter(|content| !content.lost).flat_map(|content| content.lines.clone()).collect();
        let mut missing_bytes = 0;
        for (at, line) in self.lines.iter().enumerate() {
            let count = self.delivered.get(line).copied().unwrap_or(0);
            assert!(
                count > 0 || !here.contains(&at) || self.at_risk.contains(line),
                "line {at} ({line}) was there to be read and is missing"
            );
            assert!(count < 2 || self.may_double, "line {at} ({line}) was delivered {count} times");
            if count == 0 && self.destroyed.contains(&at) {
                // A line in an incomplete copy came from there.
                let begun =
                    self.partials.iter().filter(|text| self.delivered.contains_key(*text) && line.starts_with(*text));
                let begun_bytes = begun.map(String::len).max().unwrap_or(0);
                missing_bytes += (line.len() + 1 - begun_bytes) as u64;
            }
        }
        for text in self.delivered.keys() {
            let whole = self.lines.contains(text) || self.partials.contains(text);
            assert!(whole, "{text} is no line that was written");
        }
        let counted = self.driver.lost_bytes >= missing_bytes || self.driver.gone || self.restarted || self.regrown;
        assert!(counted, "{missing_bytes} bytes were seen and destroyed, {} were counted", self.driver.lost_bytes);
    }
}

//! Every line by its number: where it was written, and how often each receiver got it.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::Random;

/// Five writers, and the one of floods.
pub const WRITERS: usize = 6;
/// More lines than one writer writes.
pub const LINES_MAX: usize = 1 << 17;
/// The writer of long lines.
pub const FLOOD: usize = WRITERS - 1;

/// The receivers of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    Kafka,
    Relp,
}

#[derive(Default)]
struct Line {
    /// Its offset in its file plus one; 0: not written.
    place: AtomicU64,
    /// A digest of the event id of its first arrival, plus one.
    id: AtomicU64,
    counts: [AtomicU8; 2],
    has_other_id: AtomicBool,
}

/// The state of all lines.
pub struct Arrivals {
    lines: Vec<Line>,
    receivers: Vec<Receiver>,
    /// Messages that are none of our lines, or not as written.
    altered: AtomicU64,
    /// Arrivals with another offset than the line's.
    misplaced: AtomicU64,
    /// Duplicates that a consumer could not recognize by their event id.
    other_ids: AtomicU64,
    /// Number of messages.
    messages: AtomicU64,
    /// The number of written lines, and of lines that each receiver has.
    written: AtomicU64,
    arrived: [AtomicU64; 2],
    /// The file of all messages, for examining a seed.
    kept: Option<Mutex<File>>,
}

static WORDS: LazyLock<String> = LazyLock::new(|| {
    let mut random = Random::new(4);
    let words =
        ["cart", "order", "\"sum\"", "paid\\", "shop\t", "route=/v1", "took", "ms", "level=info", "harbour", "tide"];
    let word = |random: &mut Random| words[usize::try_from(random.between(0, words.len() as u64)).unwrap()];
    let mut text = String::new();
    for _ in 0..2_000 {
        text.push_str(word(&mut random));
        text.push_str(&format!(" {} ", random.between(0, 9_999)));
    }
    text
});

/// The text of a line, without its line end: a cheap function of its number.
pub fn text(line: usize) -> String {
    let spread = line.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bytes = if line / LINES_MAX == FLOOD { 4_000 } else { 40 + spread % 200 };
    let from = (spread >> 20) % (WORDS.len() - bytes);
    let end = ["größe", "日本", "end", "~"][(spread >> 40) % 4];
    format!("seq={line} {} {end}", &WORDS[from..from + bytes])
}

/// A digest that distinguishes event ids.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)) >> 1
}

impl Arrivals {
    pub fn new(receivers: &[Receiver], folder: &Path) -> Self {
        let keeps = std::env::var_os("LOGSKIFF_CHAOS_KEEP").is_some();
        let kept = keeps.then(|| Mutex::new(File::create(folder.join("received")).expect("a file")));
        let lines = (0..WRITERS * LINES_MAX).map(|_| Line::default()).collect();
        let zero = || AtomicU64::new(0);
        Self {
            lines,
            receivers: receivers.to_vec(),
            altered: zero(),
            misplaced: zero(),
            other_ids: zero(),
            messages: zero(),
            written: zero(),
            arrived: [zero(), zero()],
            kept,
        }
    }

    /// Records that a line is about to be written at an offset.
    pub fn written(&self, line: usize, offset: u64) {
        if self.lines[line].place.swap(offset + 1, Ordering::AcqRel) == 0 {
            self.written.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Records the arrival of a message.
    pub fn take(&self, receiver: Receiver, payload: &[u8]) {
        self.messages.fetch_add(1, Ordering::AcqRel);
        if let Some(kept) = &self.kept {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970");
            let line = format!("{:.3} {receiver:?} {}\n", now.as_secs_f64(), String::from_utf8_lossy(payload));
            kept.lock().unwrap().write_all(line.as_bytes()).expect("kept");
        }
        let record: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
        let message = record["message"].as_str().unwrap_or("");
        let number = message.strip_prefix("seq=").and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
        let Some(number) = number.filter(|number| *number < self.lines.len() && message == text(*number)) else {
            self.altered.fetch_add(1, Ordering::AcqRel);
            eprintln!("altered, at {receiver:?}: {}", String::from_utf8_lossy(payload));
            return;
        };
        let line = &self.lines[number];
        if record["log.offset"].as_u64().map(|offset| offset + 1) != Some(line.place.load(Ordering::Acquire)) {
            self.misplaced.fetch_add(1, Ordering::AcqRel);
        }
        let id = digest(record["event.id"].as_str().unwrap_or("")) + 1;
        match line.id.compare_exchange(0, id, Ordering::AcqRel, Ordering::Acquire) {
            Err(first) if first != id => {
                self.other_ids.fetch_add(1, Ordering::AcqRel);
                line.has_other_id.store(true, Ordering::Release);
            }
            _ => {}
        }
        let count = &line.counts[receiver as usize];
        let before = count.load(Ordering::Acquire);
        count.store(before.saturating_add(1), Ordering::Release);
        if before == 0 {
            self.arrived[receiver as usize].fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The number of lines that the slowest receiver still lacks.
    pub fn backlog(&self) -> u64 {
        let arrived = self.receivers.iter().map(|receiver| self.arrived[*receiver as usize].load(Ordering::Acquire));
        self.written.load(Ordering::Acquire).saturating_sub(arrived.min().unwrap_or(0))
    }

    /// Whether every receiver has all of these lines.
    pub fn have(&self, mut lines: Range<usize>) -> bool {
        lines.all(|line| self.has(line))
    }

    fn has(&self, line: usize) -> bool {
        self.receivers.iter().all(|receiver| self.lines[line].counts[*receiver as usize].load(Ordering::Acquire) > 0)
    }

    fn numbers(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.lines.len()).filter(|line| self.lines[*line].place.load(Ordering::Acquire) > 0)
    }

    /// The number of written lines.
    pub fn lines(&self) -> u64 {
        self.numbers().count() as u64
    }

    fn ranges(&self, which: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for line in self.numbers().filter(|line| which(*line)) {
            match ranges.last_mut().filter(|range| range.end == line) {
                Some(range) => range.end += 1,
                None => ranges.push(line..line + 1),
            }
        }
        ranges
    }

    /// The lines that a receiver lacks, as ranges.
    pub fn missing(&self) -> Vec<Range<usize>> {
        self.ranges(|line| !self.has(line))
    }

    fn beyond(&self, receiver: Receiver, line: usize) -> u8 {
        self.lines[line].counts[receiver as usize].load(Ordering::Acquire).saturating_sub(1)
    }

    /// The lines that a receiver has more than once, as ranges.
    pub fn duplicate_ranges(&self, receiver: Receiver) -> Vec<Range<usize>> {
        self.ranges(|line| self.beyond(receiver, line) > 0)
    }

    /// The lines that came under more than one event id, as ranges.
    pub fn changed_ids(&self) -> Vec<Range<usize>> {
        self.ranges(|line| self.lines[line].has_other_id.load(Ordering::Acquire))
    }

    /// The number of duplicates at a receiver.
    pub fn duplicates(&self, receiver: Receiver) -> u64 {
        self.numbers().map(|line| u64::from(self.beyond(receiver, line))).sum()
    }

    /// The number of messages received.
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Acquire)
    }

    /// Arrivals that differ from what was written, or have another offset, or another event id than the first arrival.
    pub fn invalid(&self) -> [u64; 3] {
        [&self.altered, &self.misplaced, &self.other_ids].map(|count| count.load(Ordering::Acquire))
    }
}

//! Drives the source as the shipper does, without its thread, its clock and its outputs.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant, SystemTime};

use event::{
    CheckpointEntry, DropReason, FileId, Framing, LineFlags, MessageCounts, Outcome, OutputId, Progress, Span, Ticket,
};
use logskiff::delivery::ledger::{Ledger, Outgoing};
use logskiff::pipeline::frame::multiline;
use logskiff::pipeline::frame::{
    self, ContainerConfig, ContainerLines, End, FileMarks, FileRecords, Framed, Frames, Grouping, GroupingConfig,
    Placed,
};
use logskiff::source::{Abandoned, Chunk, Config, Event, Expired, FileSource, Polled};

const FRAME: frame::Config = frame::Config { line_bytes_max: 200 };
/// Smaller than some lines, so that the longer window is used as well.
const CHUNK_BYTES: usize = 128;

/// One run of the process.
pub struct Driver {
    pub tail: FileSource,
    pub ledger: Ledger,
    /// Records in flight.
    pub out: Vec<(Ticket, String)>,
    /// Saved checkpoints; the last is the newest.
    pub saved: Vec<Vec<CheckpointEntry>>,
    /// The number of file contents so far, and at each of these checkpoints.
    pub contents: usize,
    pub saved_contents: Vec<usize>,
    pub lost_bytes: u64,
    pub events: Vec<Event>,
    /// A file could not be read again.
    pub gone: bool,
    pub now: Instant,
    grouping: Grouping,
    marks: HashMap<FileId, FileMarks>,
    /// The files are those of containers.
    container: Option<ContainerConfig>,
    /// Files with an unfinished record.
    held: HashSet<FileId>,
    /// The text of each event id: where the record begins, and if it has several lines, where it ends.
    ids: HashMap<(String, u64, u64), String>,
}

/// How far a file is settled, and what a re-read needs to form the same records.
fn progress(ledger: &Ledger, marks: &HashMap<FileId, FileMarks>, file: FileId) -> Progress {
    let progress = ledger.progress(file);
    let records = marks.get(&file).map(|marks| marks.save(progress.watermark.offset));
    Progress { records: records.unwrap_or_default(), ..progress }
}

impl Driver {
    pub fn new(inputs: &[Config], multiline: multiline::Config) -> Self {
        let now = Instant::now();
        let grouping = GroupingConfig { multiline, lines_max: 4, timeout: Duration::from_secs(1), levels: Vec::new() };
        Self {
            grouping: Grouping::new(&grouping).unwrap(),
            marks: HashMap::new(),
            container: None,
            held: HashSet::new(),
            tail: FileSource::new(inputs, "pod", None, now).unwrap(),
            ledger: Ledger::default(),
            out: Vec::new(),
            saved: Vec::new(),
            contents: 0,
            saved_contents: Vec::new(),
            lost_bytes: 0,
            events: Vec::new(),
            gone: false,
            now,
            ids: HashMap::new(),
        }
    }

    /// The same for files of containers.
    pub fn of_containers(self) -> Self {
        let container = ContainerConfig { framing: Framing::Cri, timeout: self.grouping.timeout() };
        Self { container: Some(container), ..self }
    }

    fn window_bytes(&self) -> usize {
        self.container.map_or(FRAME.window_bytes(), |_| ContainerConfig::window_bytes(FRAME))
    }

    /// The process dies, and another one resumes from a checkpoint.
    pub fn restart(&mut self, inputs: &[Config], entries: Option<Vec<CheckpointEntry>>) {
        // Bytes that were read and truncated since the checkpoint are not saved: their id may be used for another line.
        self.ids.clear();
        let resumes = entries.is_some();
        self.tail = FileSource::new(inputs, "pod", entries, self.now).unwrap();
        if resumes {
            self.tail.set_saved_at(SystemTime::now());
        }
        self.ledger = Ledger::default();
        self.out.clear();
        self.marks.clear();
        self.held.clear();
    }

    pub fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    pub fn save(&mut self) {
        let Self { tail, ledger, marks, .. } = self;
        let entries = tail.checkpoint_entries(|file| progress(ledger, marks, file));
        self.saved.push(entries);
        self.saved_contents.push(self.contents);
    }

    pub fn scan(&mut self) {
        let events = self.tail.reconcile(self.now);
        self.handle_events(events);
        if self.tail.has_deletable() {
            self.save();
            let events = self.tail.delete_shipped(self.now);
            self.handle_events(events);
        }
    }

    fn handle_events(&mut self, events: Vec<Event>) {
        let mut truncated = false;
        for event in events {
            match &event {
                Event::Opened(file, at) => {
                    self.marks.insert(*file, FileMarks::restore(&at.records));
                    self.ledger.open(*file, 0, at.clone());
                }
                Event::Lost(_, bytes) => self.lost_bytes += bytes,
                Event::Truncated(_) => truncated = true,
                Event::Repeats(_)
                | Event::Vanished(_)
                | Event::Unpacked(_)
                | Event::Refused(..)
                | Event::Deleted(..)
                | Event::DeleteFailed(..) => {}
            }
            self.events.push(event);
        }
        if truncated {
            self.save();
        }
    }

    /// One pass over the files, up to this many lines per file.
    pub fn read_files(&mut self, lines_max: usize) {
        let Polled { mut ready, events } = self.tail.poll(self.now);
        self.handle_events(events);
        let held = self.held.iter().filter(|file| !ready.contains(file) && self.tail.file(**file).is_some());
        let held: Vec<FileId> = held.copied().collect();
        ready.extend(held);
        for file in ready {
            while self.read_file(file, lines_max) && lines_max == usize::MAX {}
        }
    }

    /// Returns whether there is more to read.
    fn read_file(&mut self, file: FileId, lines_max: usize) -> bool {
        let window_bytes = self.window_bytes();
        self.read(file, CHUNK_BYTES, lines_max).or_else(|| self.read(file, window_bytes, lines_max)).unwrap_or(false)
    }

    fn read(&mut self, file: FileId, most: usize, lines_max: usize) -> Option<bool> {
        let mut buffer = Vec::new();
        let Chunk { bytes, is_last } = match self.tail.read_chunk(file, &mut buffer, most, self.now) {
            Ok(chunk) => chunk,
            Err(events) => {
                self.handle_events(events);
                return Some(false);
            }
        };
        let opened = self.tail.file(file).unwrap();
        let (at, is_final, origin) =
            (opened.position(), is_last && opened.is_final(self.now), opened.origin().to_owned());
        let (is_filled, is_still) = (is_last && opened.is_filled(self.now), opened.are_zeros_final(self.now));
        let mut passed = 0;
        let mut boundary = at.boundary;
        let mut lines = 0;
        let timed_out = opened.unchanged_for(self.now) >= self.grouping.timeout();
        let end = if timed_out { End::TimedOut { is_last } } else { End::Open };
        let frames = Frames::new(FRAME, &buffer[..bytes], at.offset, at.boundary, is_final);
        let mut marks = self.marks.remove(&file).unwrap_or_default();
        marks.end_at(opened.size());
        let frames = frames.filled(is_filled).still(is_still);
        let mut container_lines = ContainerLines::default();
        let printed = self.container.map(|config| {
            container_lines.read(frames.clone(), config, &marks, end);
            &container_lines
        });
        let mut records = FileRecords::new(frames, printed, &self.grouping, &mut marks, end);
        for Placed { framed, share } in &mut records {
            if lines == lines_max {
                break;
            }
            lines += 1;
            let span = framed.span();
            boundary = share.boundary;
            passed = usize::try_from(share.span.end - at.offset).unwrap();
            let kept = match &framed {
                Framed::Line(line) => &line.text[..line.keep],
                Framed::Rest(..) | Framed::NulPadding(_) | Framed::ByteOrderMark(_) => &[],
            };
            if self.ledger.skip_if_acknowledged(file, share) {
                continue;
            }
            if kept.is_empty() {
                self.ledger.dropped(file, share, DropReason::Blank);
                continue;
            }
            let text = String::from_utf8(kept.to_vec()).unwrap();
            let joined = matches!(&framed, Framed::Line(line) if line.flags.has(LineFlags::JOINED));
            let id = (origin.clone(), span.start, if joined { span.end } else { 0 });
            let known = self.ids.entry(id).or_insert_with(|| text.clone());
            assert_eq!(*known, text, "one event id for two records");
            let (cost_bytes, messages) = (text.len(), MessageCounts::default().with(OutputId::FIRST, 1));
            let ticket = self.ledger.track(file, &Outgoing { share, cost_bytes, messages, written_ms: 0 });
            self.out.push((ticket, text));
        }
        if records.is_held() {
            self.held.insert(file);
        } else {
            self.held.remove(&file);
        }
        marks.settle(self.ledger.watermark(file).offset);
        self.marks.insert(file, marks);
        if passed == 0 && !is_last && lines < lines_max {
            return (most >= self.window_bytes()).then_some(false);
        }
        self.tail.advance(file, &buffer[..passed], boundary, lines < lines_max);
        Some(!is_last && passed > 0)
    }

    /// Acknowledges or fails one record; returns its text if it was delivered.
    pub fn settle(&mut self, at: usize, delivered: bool) -> Option<String> {
        let (ticket, text) = self.out.swap_remove(at);
        let outcome = if delivered { Outcome::Delivered } else { Outcome::Lost };
        self.ledger.settle(ticket, OutputId::FIRST, outcome);
        delivered.then_some(text)
    }

    /// Rewinds everything unacknowledged, if anything failed.
    pub fn rewind(&mut self) {
        if !self.ledger.failed() {
            return;
        }
        // A failed record may have been truncated and rewritten at the same position: it was never delivered.
        self.ids.clear();
        self.out.clear();
        let mut events = Vec::new();
        for (file, watermark) in self.ledger.rewind() {
            let rewound = self.tail.rewind(file, watermark, self.ledger.complete_beyond(file));
            self.gone |= !rewound.can_read;
            events.extend(rewound.events);
        }
        self.handle_events(events);
    }

    /// Closes deleted files above the limit; returns the result for unacknowledged ones.
    pub fn relieve(&mut self) -> Vec<Abandoned> {
        let Self { tail, ledger, .. } = self;
        let mut given = Vec::new();
        for file in tail.deleted_surplus(|file| ledger.is_complete(file)) {
            let open = tail.file(file).unwrap();
            if open.is_at_end() && ledger.is_complete(file) {
                tail.close(file, progress(ledger, &self.marks, file));
                continue;
            }
            let rest = Span { start: open.position().offset, end: open.size() };
            let became = tail.abandon(file, ledger.complete_within(file, rest), self.now);
            if became == Some(Abandoned::Gone) {
                self.lost_bytes += ledger.write_off(file, rest);
            }
            given.extend(became);
        }
        given
    }

    pub fn let_go(&mut self) {
        let ledger = &self.ledger;
        self.tail.note_settled(|file| ledger.watermark(file));
        for file in self.tail.closable(self.now) {
            if self.ledger.is_complete(file) {
                // Its inode may be reused, and no real time has passed that would distinguish the two birth times.
                let origin = self.tail.file(file).unwrap().origin().to_owned();
                self.ids.retain(|(of, ..), _| *of != origin);
                self.tail.close(file, progress(&self.ledger, &self.marks, file));
            }
        }
        let Expired { retired, events } = self.tail.expire_lost(self.now);
        for file in retired {
            if self.ledger.is_complete(file) {
                self.tail.release_id(file);
            }
        }
        self.handle_events(events);
    }
}

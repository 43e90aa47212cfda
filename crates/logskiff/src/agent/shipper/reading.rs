//! Where reading stands: which files are read next, and which wait.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::activity::Activity;
use crate::pipeline::frame::ContainerLines;
use event::FileId;

/// Where reading stands.
pub(super) struct Reading {
    /// The file that was last read from.
    pub(super) last_read: Option<FileId>,
    /// The last pass did not reach the end of all files: its time was over, or the byte budget was full.
    pub(super) has_unread: bool,
    /// When the last pass began; `None`: there was none.
    pub(super) passed_at: Option<Instant>,
    /// It was too early for another pass.
    pub(super) is_early: bool,
    pub(super) activity: Activity,
    /// Files whose last record is unfinished, and until when it is waited for.
    pub(super) held: HashMap<FileId, Instant>,
    /// Inputs whose start pattern has matched a line, or of which it is logged that it matches none.
    pub(super) known_start_patterns: HashSet<usize>,
    /// For chunks; kept for its memory.
    pub(super) buffer: Vec<u8>,
    /// For a line of UTF-16 as UTF-8; kept for its memory.
    pub(super) decoded: String,
    /// For the lines of a container; kept for its memory.
    pub(super) container_lines: ContainerLines,
}

impl Reading {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last_read: None,
            has_unread: false,
            passed_at: None,
            is_early: false,
            activity: Activity::new(now),
            held: HashMap::new(),
            known_start_patterns: HashSet::new(),
            buffer: Vec::new(),
            decoded: String::new(),
            container_lines: ContainerLines::default(),
        }
    }

    /// The time until the next pass: lines gather for the linger.
    pub(super) fn until_next_pass(&self, now: Instant, linger: Duration) -> Duration {
        self.passed_at.map_or(Duration::ZERO, |at| (at + linger).saturating_duration_since(now))
    }

    /// The time until an unfinished record is sent.
    pub(super) fn until_next_timeout(&self, now: Instant) -> Option<Duration> {
        Some(self.held.values().min()?.saturating_duration_since(now))
    }

    /// Whether the last record of a file is unfinished.
    pub(super) fn is_held(&self, file: FileId) -> bool {
        self.held.contains_key(&file)
    }

    /// Forgets a closed file.
    pub(super) fn forget(&mut self, file: FileId) {
        self.held.remove(&file);
    }

    /// Adds the files whose unfinished records are not waited for any longer.
    pub(super) fn add_timed_out(&self, ready: &mut Vec<FileId>, now: Instant) {
        let due = self.held.iter().filter(|(file, until)| **until <= now && !ready.contains(file));
        let due: Vec<FileId> = due.map(|(file, _)| *file).collect();
        ready.extend(due);
    }

    /// Puts the file after the one that was last read first, also if the budget ended the last pass.
    pub(super) fn rotate(&self, ready: &mut [FileId]) {
        if let Some(last) = ready.iter().position(|file| self.last_read == Some(*file)) {
            ready.rotate_left(last + 1);
        }
    }
}

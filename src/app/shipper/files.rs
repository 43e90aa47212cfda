//! What goes with the files: the looks at the directories, each file's desk, and letting go.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Desk, LOOKBACK_BYTES, Shipper, mouth, shown};
use crate::encode::{Envelope, Source, labels};
use crate::record::{FileId, Watermark};
use crate::redact::LINES_MAX;
use crate::regular;
use crate::tail::Event;

/// A look at the directories is followed by a pause of so many times as long …
const SCAN_SHARE: u32 = 100;
/// … but no longer than this, or than the poll that was asked for.
const SCAN_PAUSE_MAX: Duration = Duration::from_secs(10);

impl Shipper {
    /// Looks at the directories.
    pub(super) fn scan(&mut self, now: Instant) {
        self.read_labels();
        self.tools.tail.scan(now);
        // Thousands of files take a while to be looked at: that is not to be the main work.
        let pause =
            (now.elapsed() * SCAN_SHARE).clamp(self.config.watch.poll, SCAN_PAUSE_MAX.max(self.config.watch.poll));
        self.scan_at = now + pause;
        self.handle_events(now);
        if self.tools.tail.has_prunable() {
            // What is deleted must not be looked for after a restart. Where that cannot be written down, it stays.
            if self.checkpoint_for_good(now) {
                self.tools.tail.prune(now);
                self.handle_events(now);
            }
        }
        self.foresee(now);
    }

    pub(super) fn handle_events(&mut self, now: Instant) {
        let (mut truncated, mut opened) = (false, false);
        for event in self.tools.tail.events() {
            mouth::tell(&event, &self.tools.metrics, &self.tools.news, |path| shown(&self.tools.pipelines, path));
            truncated |= matches!(event, Event::Truncated(_));
            if let Event::Opened(file, watermark) = event {
                opened = true;
                self.open(file, watermark);
            }
        }
        if truncated {
            // The new incarnation must be on record before anything of it leaves: its number enters event ids.
            self.checkpoint_for_good(now);
        } else if opened {
            self.checkpoint(now, true);
        }
    }

    fn open(&mut self, file: FileId, watermark: Watermark) {
        let Some(opened) = self.tools.tail.file(file) else { return };
        let (input, path, origin) = (opened.input, opened.path.clone(), opened.origin.clone());
        self.ledger.open(file, input, watermark);
        tracing::debug!(path = shown(&self.tools.pipelines, &path), offset = watermark.offset, "reading");
        self.describe(file, input, path, &origin);
        self.recall(file);
    }

    /// Writes down what goes with a file.
    fn describe(&mut self, file: FileId, input: usize, path: PathBuf, origin: &str) {
        let redactor = self.tools.pipelines[input].redactor();
        let name = &self.config.inputs[input].name;
        let shown = path.to_string_lossy();
        let source = Source { input: name, path: &shown, origin, labels: &self.labels };
        let envelope = Envelope::new(&self.config.encode, &source, |name, value| redactor.redact_field(name, value));
        let kafka = self.config.output.kafka.as_ref();
        let topic = match kafka.map(|kafka| &kafka.topic) {
            Some(topic) if topic.by_record() => None,
            Some(topic) => Some(self.topics.number_or_default(&envelope.render(topic, None), &self.tools.metrics)),
            None => Some(0),
        };
        let key = match kafka.and_then(|kafka| kafka.key.as_ref()) {
            Some(key) if key.by_record() => None,
            Some(key) => Some(envelope.render(key, None)),
            None => Some(String::new()),
        };
        let (carry, rotated_at) = self.desks.get(&file).map(|desk| (desk.carry, desk.rotated_at)).unwrap_or_default();
        self.desks.insert(file, Desk { input, path, envelope, carry, topic, key, rotated_at });
    }

    /// Learns from the lines before a file's position what matters to what is masked after it.
    pub(super) fn recall(&mut self, file: FileId) {
        let lines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count();
        let mut before = Vec::new();
        for most in LOOKBACK_BYTES {
            // What cannot be read now, or is only awaited, changes nothing of what is known.
            let Some(Ok(bytes)) = self.tools.tail.file(file).map(|file| file.lookback(most)) else { return };
            before = bytes;
            if before.len() < most || lines(&before) > LINES_MAX as usize {
                break;
            }
        }
        if let Some(desk) = self.desks.get_mut(&file) {
            desk.carry.resume(&before);
        }
    }

    /// Reads the pod's labels, again when they have changed.
    fn read_labels(&mut self) {
        let Some(path) = &self.config.encode.pod.labels_file else { return };
        let Ok(text) = regular::read_text(path) else {
            if self.tools.news.due("labels").is_some() {
                tracing::warn!(?path, "LOGSKIFF_LABELS_FILE cannot be read; records go without labels until it can");
            }
            return;
        };
        if self.labels_read.as_ref() == Some(&text) {
            return;
        }
        self.labels = labels::parse(&text);
        self.labels_read = Some(text);
        let files: Vec<_> =
            self.tools.tail.files().map(|file| (file.id, file.input, file.path.clone(), file.origin.clone())).collect();
        for (file, input, path, origin) in files {
            self.describe(file, input, path, &origin);
        }
    }

    /// Lets go of files that are out of their place, read to the end and settled.
    pub(super) fn let_go(&mut self, now: Instant) {
        let ledger = &self.ledger;
        self.tools.tail.forget_settled(|file| ledger.watermark(file));
        for file in self.tools.tail.finished(now) {
            if self.ledger.settled(file) {
                self.tools.tail.release(file);
                self.close(file);
            }
        }
        for file in self.tools.tail.expire(now) {
            if self.ledger.settled(file) {
                self.tools.tail.forget(file);
                self.close(file);
            }
        }
    }
}

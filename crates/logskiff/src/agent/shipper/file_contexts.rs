//! Scans, the events that come of them, and what belongs to each file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::refused::Retry;
use super::report::Closed;
use super::{Shipper, log_events, redacted_path};
use crate::delivery::checkpoint::SAVE_PATIENCE;
use crate::delivery::ledger::Ledger;
use crate::pipeline::encode::{Envelope, Source, labels};
use crate::pipeline::frame::{Encoding, FileMarks};
use crate::regular;
use crate::source::{Event, Expired, LOOKBACK_BYTES};
use event::{FileId, Framing, Progress, RecordMemory};
use redact::{LINES_MAX, PemState};

/// What belongs to the files.
#[derive(Default)]
pub(super) struct FileContexts {
    /// The files with an account in the ledger.
    pub(super) open: HashMap<FileId, Box<FileContext>>,
    pub(super) closed: Closed,
    labels: PodLabels,
}

/// What belongs to one file.
pub(super) struct FileContext {
    pub(super) input: usize,
    pub(super) path: PathBuf,
    pub(super) envelope: Envelope,
    pub(super) pem_state: PemState,
    /// Whether a private key goes on in the file's first line, which began in the file that it replaced.
    pub(super) pem_state_at_start: PemState,
    /// What a re-read needs to form the same records.
    pub(super) marks: FileMarks,
    /// How its lines are framed, once that is known.
    pub(super) framing: Option<Framing>,
    /// The attributes of its container, once a line of Docker was read.
    pub(super) attrs: Option<BTreeMap<String, String>>,
    /// When the file was first seen rotated.
    pub(super) rotated_at: Option<Instant>,
    /// When its refused spans are sent again.
    pub(super) retry: Option<Retry>,
    /// When a truncated line of it was last logged.
    pub(super) truncation_logged_at: Option<Instant>,
}

impl FileContexts {
    /// The open files.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&FileId, &FileContext)> {
        self.open.iter().map(|(file, context)| (file, context.as_ref()))
    }

    /// How far a file is settled, and what a re-read needs to form the same records.
    pub(super) fn progress(&self, file: FileId, ledger: &Ledger) -> Progress {
        let progress = ledger.progress(file);
        let Some(context) = self.open.get(&file) else { return progress };
        Progress { records: context.save_records(progress.watermark.offset), ..progress }
    }
}

impl FileContext {
    /// What a re-read from `watermark` on needs to form the same records.
    fn save_records(&self, watermark: u64) -> RecordMemory {
        RecordMemory { framing: self.framing, ..self.marks.save(watermark) }
    }

    /// Takes over what an earlier read of the file has found out.
    fn restore_records(&mut self, records: &RecordMemory) {
        (self.framing, self.marks) = (records.framing, FileMarks::restore(records));
    }

    fn new(input: usize, path: PathBuf, envelope: Envelope) -> Self {
        let (pem_state, pem_state_at_start, marks) = <_>::default();
        let (framing, attrs, rotated_at, retry) = (None, None, None, None);
        Self {
            input,
            path,
            envelope,
            pem_state,
            pem_state_at_start,
            marks,
            framing,
            attrs,
            rotated_at,
            retry,
            truncation_logged_at: None,
        }
    }
}

/// The pod's labels.
#[derive(Debug, Default)]
struct PodLabels {
    labels: BTreeMap<String, String>,
    /// The file's content when it was last read.
    text: Option<String>,
}

impl PodLabels {
    /// Reads the labels. Returns whether they have changed.
    ///
    /// # Errors
    /// When the file cannot be read. The known labels stay.
    fn refresh(&mut self, path: &Path) -> Result<bool, regular::ReadError> {
        let text = regular::read_text(path)?;
        if self.text.as_ref() == Some(&text) {
            return Ok(false);
        }
        self.labels = labels::parse(&text);
        self.text = Some(text);
        Ok(true)
    }
}

impl Shipper {
    /// Takes changes from inotify. If they may concern logs, the next scan comes earlier.
    pub(super) fn take_changes(&mut self) {
        let (watch, source) = (&self.components.watch, &mut self.components.source);
        let changes = watch.take_changes();
        for path in &changes.modified {
            source.note_write(path);
        }
        let concerns = changes.other || changes.files.iter().any(|(path, written)| source.concerns(path, *written));
        // Of a directory without a watch, only the time of its last change is known.
        if concerns || (!watch.covers(source.directories()) && source.directories_changed()) {
            self.scans.names_changed();
        }
    }

    /// Scans the directories.
    pub(super) fn scan(&mut self, now: Instant) {
        self.read_labels();
        let began = Instant::now();
        let events = self.components.source.reconcile(now);
        self.scans.finish(now, began.elapsed(), self.config.watch.poll);
        if self.components.source.has_unoffered() && !self.components.source.is_crowded() {
            self.scans.files_remain();
        }
        self.handle_events(events, now);
        // A restart must not look for files that were deleted. If the checkpoint cannot be saved, they stay.
        if self.components.source.has_deletable() && self.checkpoint_and_wait(now, SAVE_PATIENCE) {
            let events = self.components.source.delete_shipped(now);
            self.handle_events(events, now);
        }
        self.update_forecasts(now);
    }

    /// Logs and counts what happened to files, and gives new incarnations their accounts in the ledger.
    pub(super) fn handle_events(&mut self, events: Vec<Event>, now: Instant) {
        let (mut truncated, mut opened) = (false, false);
        for event in events {
            log_events::log_event(&event, &self.components.metrics, &self.components.log_limit, |path| {
                redacted_path(&self.components.pipelines, path)
            });
            truncated |= matches!(event, Event::Truncated(_));
            match event {
                Event::Opened(file, progress) => {
                    opened = true;
                    self.open(file, progress);
                }
                Event::Unpacked(file) => self.restore_pem_state(file),
                _ => {}
            }
        }
        if truncated {
            // The new incarnation must be in the checkpoint before its lines leave, because its number is part of event ids. If
            // the volume hangs, duplicates after a crash have other ids; waiting longer would stop every file.
            self.checkpoint_and_wait(now, SAVE_PATIENCE);
        } else if opened {
            self.checkpoint(now);
        }
    }

    fn open(&mut self, file: FileId, progress: Progress) {
        let Some(opened) = self.components.source.file(file) else { return };
        let (input, path, origin) = (opened.input, opened.path.clone(), opened.origin().to_owned());
        if let Some(left_out) = self.components.log_limit.due_each("reading", log_events::FILES_LOGGED_MAX) {
            let (path, offset) = (redacted_path(&self.components.pipelines, &path), progress.watermark.offset);
            tracing::info!(path, offset, left_out, "reading");
        }
        let records = progress.records.clone();
        self.ledger.open(file, input, progress);
        self.set_context(file, input, path, &origin);
        if let Some(context) = self.files.open.get_mut(&file) {
            context.restore_records(&records);
        }
        self.inherit_pem_state(file);
        self.restore_pem_state(file);
    }

    /// Derives how the file begins from the file that it replaced: a private key may go on here.
    fn inherit_pem_state(&mut self, file: FileId) {
        let Some(context) = self.files.open.get(&file) else { return };
        let same = |(other, context_of): &(&FileId, &FileContext)| {
            context_of.pem_state.is_open()
                && **other != file
                && context_of.input == context.input
                && context_of.path == context.path
        };
        // Truncated content is known only as far as it was read.
        let read = self.files.iter().find(same).map(|(_, context)| context.pem_state);
        let mut pem_state = read.unwrap_or_default();
        if !pem_state.is_open()
            && let Some(end) = self.components.source.predecessor_end(file, LOOKBACK_BYTES[0])
        {
            pem_state.resume(PemState::default(), &self.encoding(file).to_utf8(end));
        }
        if let Some(context) = self.files.open.get_mut(&file) {
            context.pem_state_at_start = pem_state;
        }
    }

    /// Sets a file's context.
    fn set_context(&mut self, file: FileId, input: usize, path: PathBuf, origin: &str) {
        let attrs = self.files.open.get(&file).and_then(|context| context.attrs.as_ref());
        let envelope = self.envelope(input, &path, origin, attrs);
        self.components.fanout.set_file(file, &envelope);
        if let Some(context) = self.files.open.get_mut(&file) {
            (context.input, context.path, context.envelope) = (input, path, envelope);
        } else {
            self.files.open.insert(file, Box::new(FileContext::new(input, path, envelope)));
        }
    }

    /// The constant part of a file's records.
    pub(super) fn envelope(
        &self,
        input: usize,
        path: &Path,
        origin: &str,
        attrs: Option<&BTreeMap<String, String>>,
    ) -> Envelope {
        let redactor = self.components.pipelines[input].redactor();
        let (name, shown) = (&self.config.inputs[input].name, path.to_string_lossy());
        let source = Source { input: name, path: &shown, origin, labels: &self.files.labels.labels, attrs };
        Envelope::new(&self.config.encode, &source, |name, value| redactor.redact_field(name, value))
    }

    /// Derives from the lines before a file's position whether it stands within a private key.
    pub(super) fn restore_pem_state(&mut self, file: FileId) {
        let Some(offset) = self.components.source.file(file).map(|file| file.position().offset) else { return };
        let Some(context) = self.files.open.get(&file) else { return };
        let pem_state = self.pem_state_at(file, offset, context.pem_state_at_start);
        if let (Some(context), Some(pem_state)) = (self.files.open.get_mut(&file), pem_state) {
            context.pem_state = pem_state;
        }
    }

    /// The same for any offset that was read already. `None`: the bytes before it cannot be read now, or are not
    /// decompressed yet.
    pub(super) fn pem_state_at(&self, file: FileId, offset: u64, at_start: PemState) -> Option<PemState> {
        let lines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count();
        let (mut before, mut is_whole) = (Vec::new(), false);
        for most in LOOKBACK_BYTES {
            before = self.components.source.file(file)?.lookback(offset, most).ok()?;
            is_whole = before.len() < most;
            if is_whole || lines(&before) > LINES_MAX as usize {
                break;
            }
        }
        let mut pem_state = PemState::default();
        // At the file's start, the file before it counts.
        let before = self.encoding(file).to_utf8(before);
        pem_state.resume(if is_whole { at_start } else { PemState::default() }, &before);
        Some(pem_state)
    }

    /// A file's encoding, according to its first bytes.
    pub(super) fn encoding(&self, file: FileId) -> Encoding {
        self.components.source.file(file).map(|file| Encoding::detect(file.head())).unwrap_or_default()
    }

    /// Reads the pod's labels. If they have changed, all files get new envelopes.
    fn read_labels(&mut self) {
        let Some(path) = &self.config.encode.pod.labels_file else { return };
        match self.files.labels.refresh(path) {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => {
                if self.components.log_limit.due("labels").is_some() {
                    tracing::warn!(
                        ?path,
                        "cannot read LOGSKIFF_LABELS_FILE; sending records without labels until it can be read"
                    );
                }
                return;
            }
        }
        let files: Vec<_> = self
            .components
            .source
            .files()
            .map(|file| (file.id, file.input, file.path.clone(), file.origin().to_owned()))
            .collect();
        for (file, input, path, origin) in files {
            self.set_context(file, input, path, &origin);
        }
    }

    /// Closes files that are rotated or deleted, fully read and acknowledged, or that give way to others.
    pub(super) fn close_finished(&mut self, now: Instant) {
        let ledger = &self.ledger;
        self.components.source.note_settled(|file| ledger.watermark(file));
        for file in self.components.source.closable(now) {
            if self.ledger.is_complete(file) {
                self.components.source.close(file, self.files.progress(file, &self.ledger));
                self.close(file);
                if self.components.source.is_crowded() {
                    self.scans.file_closed();
                }
            }
        }
        let Expired { retired, events } = self.components.source.expire_lost(now);
        for file in retired {
            if self.ledger.is_complete(file) {
                self.components.source.release_id(file);
                self.close(file);
            }
        }
        self.handle_events(events, now);
    }
}

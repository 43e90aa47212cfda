//! What goes with the files: the looks at the directories, each file's context, and letting go.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{FileContext, Shipper, log_events, redacted_path};
use crate::delivery::checkpoint::SAVE_PATIENCE;
use crate::pipeline::encode::{Envelope, Source, labels};
use crate::pipeline::frame::Encoding;
use crate::regular;
use crate::source::{Event, LOOKBACK_BYTES};
use event::{FileId, Progress};
use redact::{LINES_MAX, PemState};

/// A look at the directories is followed by a pause of so many times as long …
const SCAN_SHARE: u32 = 100;
/// … but no longer than this, or than the poll that was asked for.
const SCAN_PAUSE_MAX: Duration = Duration::from_secs(10);

/// Where there is news of names, a look follows the last after so many times as long as that took, and not sooner than this: files
/// may be deleted soon after they are made.
const NEWS_SHARE: u32 = 20;
const NEWS_PAUSE: Duration = Duration::from_millis(10);

/// Where files wait for others to be let go, there is a look so long after the last.
const CROWDED_PAUSE: Duration = Duration::from_millis(200);

impl Shipper {
    /// Brings the next look at the directories forward where there is news of names in them: of any other nothing is known but the
    /// time of its last change.
    pub(super) fn hear_changes(&mut self) {
        let (watch, source) = (&self.components.watch, &mut self.components.source);
        let changes = watch.take_changes();
        for path in &changes.modified {
            source.note_write(path);
        }
        let concerns = changes.other || changes.files.iter().any(|(path, written)| source.concerns(path, *written));
        if concerns || (!watch.covers(source.directories()) && source.directories_changed()) {
            self.scan_at = self.scan_at.min(self.scanned_at + self.scans_apart);
        }
    }

    /// Looks at the directories.
    pub(super) fn scan(&mut self, now: Instant) {
        self.read_labels();
        let began = Instant::now();
        self.components.source.reconcile(now);
        let took = began.elapsed();
        self.scans_apart = (took * NEWS_SHARE).clamp(NEWS_PAUSE, SCAN_PAUSE_MAX);
        // Thousands of files take a while to be looked at: that is not to be the main work.
        let pause = (took * SCAN_SHARE).clamp(self.config.watch.poll, SCAN_PAUSE_MAX.max(self.config.watch.poll));
        self.scan_at = now + pause;
        self.handle_events(now);
        if self.components.source.has_deletable() {
            // What is deleted must not be looked for after a restart. Where that cannot be written down, it stays.
            if self.checkpoint_for_good(now, SAVE_PATIENCE) {
                self.components.source.delete_shipped(now);
                self.handle_events(now);
            }
        }
        self.update_forecasts(now);
    }

    pub(super) fn handle_events(&mut self, now: Instant) {
        let (mut truncated, mut opened) = (false, false);
        for event in self.components.source.take_events() {
            log_events::log_event(&event, &self.components.metrics, &self.components.news, |path| {
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
            // The new incarnation is to be on record before anything of it leaves: its number enters event ids. Where the volume
            // hangs, lines that a crash then doubles have other ids; waiting would stop every file.
            self.checkpoint_for_good(now, SAVE_PATIENCE);
        } else if opened {
            self.checkpoint(now, true);
        }
    }

    fn open(&mut self, file: FileId, progress: Progress) {
        let Some(opened) = self.components.source.file(file) else { return };
        let (input, path, origin) = (opened.input, opened.path.clone(), opened.origin().to_owned());
        tracing::debug!(
            path = redacted_path(&self.components.pipelines, &path),
            offset = progress.watermark.offset,
            "reading"
        );
        self.ledger.open(file, input, progress);
        self.set_context(file, input, path, &origin);
        self.inherit_pem_state(file);
        self.restore_pem_state(file);
    }

    /// Learns how the file begins from the one that it took the place of: what was being written there may go on here.
    fn inherit_pem_state(&mut self, file: FileId) {
        let Some(context) = self.contexts.get(&file) else { return };
        let same = |(other, context_of): &(&FileId, &FileContext)| {
            **other != file
                && context_of.input == context.input
                && context_of.path == context.path
                && context_of.pem_state.is_open()
        };
        // Of content that was truncated away, how far it was read is all that is known.
        let read = self.contexts.iter().find(same).map(|(_, context)| context.pem_state);
        let mut pem_state = read.unwrap_or_default();
        if !pem_state.is_open()
            && let Some(end) = self.components.source.predecessor_end(file, LOOKBACK_BYTES[0])
        {
            pem_state.resume(PemState::default(), &self.encoding(file).to_utf8(end));
        }
        if let Some(context) = self.contexts.get_mut(&file) {
            context.pem_state_at_start = pem_state;
        }
    }

    /// Writes down what goes with a file.
    fn set_context(&mut self, file: FileId, input: usize, path: PathBuf, origin: &str) {
        let redactor = self.components.pipelines[input].redactor();
        let name = &self.config.inputs[input].name;
        let shown = path.to_string_lossy();
        let source = Source { input: name, path: &shown, origin, labels: &self.labels };
        let envelope = Envelope::new(&self.config.encode, &source, |name, value| redactor.redact_field(name, value));
        self.components.fanout.set_file(file, &envelope);
        let known = self
            .contexts
            .get(&file)
            .map(|context| (context.pem_state, context.pem_state_at_start, context.rotated_at, context.retry));
        let (pem_state, pem_state_at_start, rotated_at, retry) = known.unwrap_or_default();
        self.contexts
            .insert(file, FileContext { input, path, envelope, pem_state, pem_state_at_start, rotated_at, retry });
    }

    /// Learns from the lines before a file's position what matters to what is masked after it.
    pub(super) fn restore_pem_state(&mut self, file: FileId) {
        let Some(offset) = self.components.source.file(file).map(|file| file.position().offset) else { return };
        let Some(context) = self.contexts.get(&file) else { return };
        let pem_state = self.pem_state_at(file, offset, context.pem_state_at_start);
        if let (Some(context), Some(pem_state)) = (self.contexts.get_mut(&file), pem_state) {
            context.pem_state = pem_state;
        }
    }

    /// The same for any offset that was read already; `None` where what stands before it cannot be read now, or is only awaited.
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
        // Where the look back reaches the file's start, the file before it counts.
        let before = self.encoding(file).to_utf8(before);
        pem_state.resume(if is_whole { at_start } else { PemState::default() }, &before);
        Some(pem_state)
    }

    /// How a file's text is encoded, as far as its first bytes tell.
    pub(super) fn encoding(&self, file: FileId) -> Encoding {
        self.components.source.file(file).map(|file| Encoding::detect(file.head())).unwrap_or_default()
    }

    /// Reads the pod's labels, again when they have changed.
    fn read_labels(&mut self) {
        let Some(path) = &self.config.encode.pod.labels_file else { return };
        let Ok(text) = regular::read_text(path) else {
            if self.components.news.due("labels").is_some() {
                tracing::warn!(
                    ?path,
                    "cannot read LOGSKIFF_LABELS_FILE; sending records without labels until it can be read"
                );
            }
            return;
        };
        if self.labels_read.as_ref() == Some(&text) {
            return;
        }
        self.labels = labels::parse(&text);
        self.labels_read = Some(text);
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

    /// Lets go of files that are out of their place, read to the end and settled, or give way to others.
    pub(super) fn close_finished(&mut self, now: Instant) {
        let ledger = &self.ledger;
        self.components.source.note_settled(|file| ledger.watermark(file));
        for file in self.components.source.closable(now) {
            if self.ledger.settled(file) {
                self.components.source.close(file);
                self.close(file);
                if self.components.source.is_crowded() {
                    self.scan_at = self.scan_at.min(self.scanned_at + CROWDED_PAUSE);
                }
            }
        }
        for file in self.components.source.expire_lost(now) {
            if self.ledger.settled(file) {
                self.components.source.release_id(file);
                self.close(file);
            }
        }
    }
}

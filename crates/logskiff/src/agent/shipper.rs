//! The shipper: one thread that walks from the files to the batch, and takes the reports back to the ledger.
//!
//! Each round: reports to the ledger; a look at the directories if it is time; a pass over the files, in turns, as far as
//! the byte budget goes; the batch to the outputs; the watermarks to the checkpoint; then it sleeps until it is woken or
//! the clock says. When anything fails there is one way back: wait until nothing is in flight, rewind to the watermark,
//! read again.

mod activity;
mod credential_reload;
mod deleted;
mod drain;
mod file_contexts;
mod held;
mod read_pass;
mod recovery;
mod refused;
mod report;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::log_events;
use super::{AppError, Control, Summary};
use crate::config::Config;
use crate::delivery::checkpoint::CheckpointWriter;
use crate::delivery::ledger::Ledger;
use crate::failpoint;
use crate::pipeline::Pipeline;
use crate::pipeline::encode::Envelope;
use crate::sink::{Fanout, Report};
use crate::source::FileSource;
use crate::source::watcher::Watch;
use crate::telemetry::http::StatusChannel;
use crate::telemetry::log_rate_limit::News;
use crate::telemetry::loss_forecast::Forecast;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::process_stats::Volume;
use event::{FileId, Outcome};
use redact::PemState;

use self::activity::Activity;
use self::credential_reload::CredentialReload;
use self::deleted::Warned;
use self::drain::{Drain, Next};
use self::refused::Retry;
use self::report::Closed;

/// How much of a file one turn takes.
const CHUNK_BYTES: usize = 128 * 1024;
/// How much of that redaction's first stage looks over at once.
const SCAN_BYTES: usize = 32 * 1024;
/// The watermark is saved when it has moved and so much time has passed, and for each file so much more, up to the third: a save
/// writes all files, two hundred bytes each …
const SAVE_AFTER: Duration = Duration::from_millis(200);
const SAVE_AFTER_FILE: Duration = Duration::from_millis(8);
const SAVE_AFTER_MAX: Duration = Duration::from_secs(30);
/// … or earlier, when so much has been acknowledged: what a crash ships again is bounded by it.
const SAVE_BYTES: u64 = 128 * 1024;
/// But never more often than this.
const SAVE_SPACING: Duration = Duration::from_millis(20);
/// The last save may take longer than those before: what it does not cover is shipped again.
const LAST_SAVE_PATIENCE: Duration = Duration::from_secs(3);
/// The wait before unsettled lines are sent again doubles from the first to the second, until something is delivered.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// How long a connection may take to be closed at the end: nothing is in it any more that is waited for.
const LEAVE: Duration = Duration::from_millis(600);
/// The shipper's clock begins so long before it does, or about when the machine started: what was written before it was there
/// has an age too.
const CLOCK_AHEAD_HOURS: u32 = 24;
const HOUR: Duration = Duration::from_secs(3_600);

/// What the shipper works with.
pub(super) struct Components {
    pub source: FileSource,
    pub pipelines: Vec<Pipeline>,
    pub fanout: Fanout,
    pub saver: Option<CheckpointWriter>,
    pub watch: Watch,
    pub metrics: Arc<Metrics>,
    pub news: News,
    pub status: Arc<StatusChannel>,
}

/// What goes with one file.
struct FileContext {
    input: usize,
    path: PathBuf,
    envelope: Envelope,
    pem_state: PemState,
    /// What the file's first line must know of the lines before it, which are in the file that it took the place of.
    pem_state_at_start: PemState,
    /// Since when the file is known to be rotated.
    rotated_at: Option<Instant>,
    /// When what an output has refused of it is sent again.
    retry: Option<Retry>,
}

pub(super) struct Shipper {
    config: Config,
    components: Components,
    ledger: Ledger,
    contexts: HashMap<FileId, FileContext>,
    labels: BTreeMap<String, String>,
    labels_read: Option<String>,
    buffer: Vec<u8>,
    /// A line of UTF-16 as UTF-8.
    decoded: String,
    reports: Vec<Report>,
    closed: Closed,
    /// By input: the volume, and when it is full.
    volumes: Vec<(Option<Volume>, Forecast)>,
    /// By input: what was said of its deleted files.
    warned: Vec<Warned>,
    /// Where the clock of `written_ms` begins.
    start: Instant,
    acknowledged_at: Option<Instant>,
    /// Reading waits until then, after a failure.
    resume_at: Option<Instant>,
    backoff: Duration,
    scan_at: Instant,
    scanned_at: Instant,
    /// Looks at the directories that nothing but news asks for are so far apart.
    scans_apart: Duration,
    /// The file that was last read from.
    last_read: Option<FileId>,
    /// The last pass ended before the end of the files: its time was over, or the budget spent.
    unread: bool,
    /// When the last pass began; `None`: there was none.
    passed_at: Option<Instant>,
    /// It was too early for another.
    early: bool,
    activity: Activity,
    saved_at: Instant,
    /// What was acknowledged or dropped since the last save.
    unsaved_bytes: u64,
    credential_reload: CredentialReload,
    drain: Drain,
}

impl Shipper {
    pub(super) fn new(config: Config, components: Components, control: Arc<Control>) -> Self {
        let now = Instant::now();
        let drain = Drain::new(config.life.clone(), control, now);
        Self {
            components,
            ledger: Ledger::default(),
            contexts: HashMap::new(),
            labels: BTreeMap::new(),
            labels_read: None,
            buffer: Vec::new(),
            decoded: String::new(),
            reports: Vec::new(),
            closed: Closed::default(),
            volumes: config.inputs.iter().map(|_| (None, Forecast::default())).collect(),
            warned: config.inputs.iter().map(|_| Warned::default()).collect(),
            start: (0..=CLOCK_AHEAD_HOURS).rev().find_map(|hours| now.checked_sub(HOUR * hours)).unwrap_or(now),
            acknowledged_at: None,
            resume_at: None,
            backoff: BACKOFF.0,
            scan_at: now,
            scanned_at: now,
            scans_apart: Duration::ZERO,
            last_read: None,
            unread: false,
            passed_at: None,
            early: false,
            activity: Activity::new(now),
            saved_at: now,
            unsaved_bytes: 0,
            credential_reload: CredentialReload::new(now),
            drain,
            config,
        }
    }

    /// Ships until the end is asked for and reached.
    pub(super) fn run(mut self) -> Result<Summary, AppError> {
        loop {
            let now = Instant::now();
            self.publish_status(now);
            self.settle_acks(now)?;
            self.reload_credentials(now);
            self.tick(now)?;
            self.checkpoint(now, false);
            if self.step_drain(now) == Next::End {
                break;
            }
            self.sleep(now);
        }
        Ok(self.end())
    }

    /// Takes the reports to the ledger, and starts again where something failed.
    fn settle_acks(&mut self, now: Instant) -> Result<(), AppError> {
        self.components.fanout.poll_acks(&mut self.reports)?;
        if self.reports.iter().any(|report| report.outcome == Outcome::Delivered) {
            self.backoff = BACKOFF.0;
        }
        self.settle_reports(now);
        if self.ledger.failed() || self.components.fanout.has_failed() {
            self.recover(now);
        } else if let Err((output, error)) = self.components.fanout.reconnect() {
            self.log_reset_failure(output, &error);
        }
        Ok(())
    }

    fn settle_reports(&mut self, now: Instant) {
        let (mut written_ms, mut records) = (0, 0);
        for report in std::mem::take(&mut self.reports) {
            let settled = self.ledger.settle(report.ticket, report.output, report.outcome);
            if report.outcome == Outcome::Refused || settled.is_some_and(|settled| settled.again) {
                self.note_refused(report, settled, now);
            }
            let Some(settled) = settled else { continue };
            self.unsaved_bytes += settled.bytes;
            failpoint::point("report");
            self.acknowledged_at = Some(now);
            // Records of one look have one time: they are counted together.
            if settled.written_ms != written_ms {
                self.observe(written_ms, std::mem::take(&mut records), now);
                written_ms = settled.written_ms;
            }
            records += 1;
        }
        self.observe(written_ms, records, now);
    }

    /// Counts how long records have taken.
    fn observe(&self, written_ms: u32, records: u64, now: Instant) {
        if records > 0 {
            let ms = u64::try_from(self.age(written_ms, now).as_millis()).unwrap_or(u64::MAX);
            self.components.metrics.latency_ms.observe(ms, records);
        }
    }

    /// One walk from the directories to the outputs.
    fn tick(&mut self, now: Instant) -> Result<(), AppError> {
        self.hear_changes();
        if now >= self.scan_at || self.components.source.needs_reconcile() {
            self.scanned_at = now;
            self.scan(now);
        }
        self.bound_deleted(now);
        if self.ledger.failed() || self.resume_at.is_some_and(|at| now < at) {
            self.unread = false;
            // Nothing is read, and yet what happens to the files is to be seen: how they grow, what a truncation takes.
            self.components.source.poll(now, &mut Vec::new());
            self.handle_events(now);
            return Ok(());
        }
        self.resume_at = None;
        // Reports wake it too: what comes meanwhile is gathered for the linger.
        let gathers = !self.unread && !self.drain.takes_partial_lines();
        self.early = gathers && self.until_next_pass(now) > Duration::ZERO;
        self.send_refused(now);
        if !self.early && self.is_reading() {
            self.passed_at = Some(now);
            self.read_pass(now)?;
        }
        self.components.fanout.flush();
        self.close_finished(now);
        Ok(())
    }

    /// How long the lines that come are gathered yet.
    fn until_next_pass(&self, now: Instant) -> Duration {
        self.passed_at.map_or(Duration::ZERO, |at| (at + self.config.batch.linger).saturating_duration_since(now))
    }

    fn end(mut self) -> Summary {
        let now = Instant::now();
        self.checkpoint_for_good(now, LAST_SAVE_PATIENCE);
        self.components.fanout.close(LEAVE);
        let snapshot = self.snapshot(now);
        self.components.status.publish(snapshot.clone());
        let summary = Summary::new(snapshot, &self.components.metrics);
        log_events::log_shutdown(&summary, &self.components.metrics);
        summary
    }
}

/// Milliseconds, modulo 2^32: ages are told right for 49 days.
#[allow(clippy::cast_possible_truncation, reason = "counted modulo 2^32 on purpose")]
fn millis(duration: Duration) -> u32 {
    duration.as_millis() as u32
}

/// A path as it may be shown in the log: masked by the rules of all inputs.
fn redacted_path(pipelines: &[Pipeline], path: &Path) -> String {
    let path = path.to_string_lossy().into_owned();
    pipelines.iter().fold(path, |path, pipeline| pipeline.redactor().redact_text(&path))
}

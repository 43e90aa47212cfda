//! The shipper: one thread, which reads files, fills the outputs' batches, and takes their acknowledgements to the ledger.
//!
//! Each round: settle acknowledgements; scan the directories if it is time; read each file in turn as far as the byte budget
//! goes; offer the batches to the outputs; save the watermarks; sleep until woken or until the clock says. After a failure
//! of an output it waits until nothing is in flight, rewinds the files to their watermarks, and reads again.

mod activity;
mod backoff;
mod canaries;
mod checkpoint_schedule;
mod clock;
mod credential_reload;
mod deleted;
mod drain;
mod file_contexts;
mod framing;
mod glob_findings;
mod held;
mod read_pass;
mod reading;
mod recovery;
mod refused;
mod report;
mod rule_reload;
mod scan_schedule;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::log_events;
use super::{AppError, Control, Summary};
use crate::config::Config;
use crate::delivery::checkpoint::CheckpointWriter;
use crate::delivery::ledger::Ledger;
use crate::failpoint;
use crate::pipeline::Pipeline;
use crate::sink::{Fanout, Report, Supply};
use crate::source::FileSource;
use crate::source::watcher::Watch;
use crate::telemetry::http::StatusChannel;
use crate::telemetry::log_rate_limit::LogRateLimit;
use crate::telemetry::metrics::Metrics;
use event::Outcome;

use self::backoff::Backoff;
pub(super) use self::canaries::CanarySchedule;
use self::checkpoint_schedule::CheckpointSchedule;
use self::clock::Clock;
use self::credential_reload::CredentialReload;
use self::deleted::Forecasts;
use self::drain::{Drain, Next};
use self::file_contexts::{FileContext, FileContexts};
pub(super) use self::glob_findings::GlobFindings;
use self::reading::Reading;
use self::rule_reload::RuleReload;
use self::scan_schedule::ScanSchedule;

/// Bytes of a file that are read in one turn.
const CHUNK_BYTES: usize = 128 * 1024;
/// Bytes of them that redaction's prefilter scans at once.
const SCAN_BYTES: usize = 32 * 1024;
/// The last save may take longer than the others: a restart sends again what it does not cover.
const LAST_SAVE_PATIENCE: Duration = Duration::from_secs(3);
/// The time to close a connection at the end. Nothing is in flight then.
const CLOSE_PATIENCE: Duration = Duration::from_millis(600);

/// What the shipper works with.
pub(super) struct Components {
    pub source: FileSource,
    pub pipelines: Vec<Pipeline>,
    pub fanout: Fanout,
    pub checkpoint_writer: Option<CheckpointWriter>,
    pub watch: Watch,
    pub metrics: Arc<Metrics>,
    pub log_limit: LogRateLimit,
    pub status: Arc<StatusChannel>,
    pub globs: GlobFindings,
    pub canaries: CanarySchedule,
}

/// The files that are read again when they change.
struct Reloads {
    credentials: CredentialReload,
    rules: RuleReload,
}

/// The shipper's state.
pub(super) struct Shipper {
    config: Config,
    components: Components,
    ledger: Ledger,
    files: FileContexts,
    forecasts: Forecasts,
    clock: Clock,
    backoff: Backoff,
    scans: ScanSchedule,
    reading: Reading,
    checkpoints: CheckpointSchedule,
    reloads: Reloads,
    drain: Drain,
}

impl Shipper {
    pub(super) fn new(config: Config, components: Components, control: Arc<Control>) -> Self {
        let now = Instant::now();
        Self {
            components,
            ledger: Ledger::default(),
            files: FileContexts::default(),
            forecasts: Forecasts::new(config.inputs.len()),
            clock: Clock::new(now),
            backoff: Backoff::default(),
            scans: ScanSchedule::new(now),
            reading: Reading::new(now),
            checkpoints: CheckpointSchedule::new(now),
            reloads: Reloads { credentials: CredentialReload::new(now), rules: RuleReload::new(now) },
            drain: Drain::new(config.process.clone(), control, now),
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
            self.reload_rules(now);
            self.tick(now)?;
            self.judge_first_lines(now, false);
            self.check_globs(now, false);
            self.check_canaries(now);
            self.checkpoint_if_due(now);
            if self.step_drain(now) == Next::End {
                break;
            }
            self.sleep(now);
        }
        Ok(self.end())
    }

    /// Takes the reports to the ledger, and starts again where something failed.
    fn settle_acks(&mut self, now: Instant) -> Result<(), AppError> {
        let reports = self.components.fanout.poll_acks()?;
        if !self.ledger.failed() {
            // What waits goes first: the receiver may be far, and the ledger is near.
            let supply = self.supply();
            self.components.fanout.send(supply, now);
        }
        if reports.iter().any(|report| report.outcome == Outcome::Delivered) {
            self.backoff.reset();
        }
        self.settle_reports(reports, now);
        if self.ledger.failed() || self.components.fanout.has_failed() {
            self.recover(now);
        } else if let Err((output, error)) = self.components.fanout.reconnect() {
            self.log_reset_failure(output, &error);
        }
        Ok(())
    }

    fn settle_reports(&mut self, reports: Vec<Report>, now: Instant) {
        let (mut written_ms, mut records) = (0, 0);
        for report in reports {
            let settled = self.ledger.settle(report.ticket, report.output, report.outcome);
            if report.outcome == Outcome::Refused || settled.is_some_and(|settled| settled.was_refused) {
                self.note_refused(report, settled, now);
            }
            let Some(settled) = settled else { continue };
            self.checkpoints.add(settled.bytes);
            failpoint::point("report");
            self.clock.note_ack(now);
            // Records of one poll have one time, and are counted together.
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
            let ms = u64::try_from(self.clock.age(written_ms, now).as_millis()).unwrap_or(u64::MAX);
            self.components.metrics.latency_ms.observe(ms, records);
        }
    }

    /// Scans, reads, and offers the batches to the outputs.
    fn tick(&mut self, now: Instant) -> Result<(), AppError> {
        self.take_changes();
        if self.scans.is_due(now) || self.components.source.needs_reconcile() {
            if self.components.source.has_unoffered() {
                // The scan opens as many more as are closed.
                self.close_finished(now);
            }
            self.scan(now);
        }
        self.bound_deleted(now);
        if self.ledger.failed() || self.backoff.is_waiting(now) {
            self.reading.has_unread = false;
            // Nothing is read, but changes to files must be seen: their growth, and what a truncation takes.
            let polled = self.components.source.poll(now);
            self.handle_events(polled.events, now);
            return Ok(());
        }
        self.backoff.end();
        // Acknowledgements wake the shipper too: lines that come meanwhile gather for the linger.
        let gathers = !self.reading.has_unread && !self.drain.reads_partial_lines();
        self.reading.is_early = gathers && self.reading.until_next_pass(now, self.config.batch.linger) > Duration::ZERO;
        self.send_refused(now);
        if !self.reading.is_early && self.is_reading() {
            self.reading.passed_at = Some(now);
            self.read_pass(now)?;
        }
        self.components.fanout.flush();
        let supply = self.supply();
        self.components.fanout.send(supply, Instant::now());
        self.close_finished(now);
        Ok(())
    }

    /// What comes next from the files.
    fn supply(&self) -> Supply {
        // While new credentials wait to be used, nothing is read.
        let waits = self.reloads.credentials.waits();
        match self.reading.has_unread && self.is_reading() && !waits {
            false if waits || self.is_ending() => Supply::Last,
            false => Supply::Done,
            true if self.is_full() => Supply::Waits,
            true => Supply::More,
        }
    }

    fn end(mut self) -> Summary {
        let now = Instant::now();
        self.judge_first_lines(now, true);
        self.checkpoint_and_wait(now, LAST_SAVE_PATIENCE);
        self.components.fanout.close(CLOSE_PATIENCE);
        self.check_globs(now, true);
        let snapshot = self.snapshot(now);
        self.components.status.publish(snapshot.clone());
        let summary = Summary::new(snapshot, &self.components.metrics);
        log_events::log_shutdown(&summary, &self.components.metrics);
        summary
    }
}

/// A path for the log, masked by the rules of all inputs.
fn redacted_path(pipelines: &[Pipeline], path: &Path) -> String {
    let path = path.to_string_lossy().into_owned();
    pipelines.iter().fold(path, |path, pipeline| pipeline.redactor().redact_text(&path))
}

//! The snapshot of the shipper's state: for the status, and for the shutdown report.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::deleted::InputForecast;
use super::glob_findings::UNMATCHED;
use super::{FileContext, Shipper, held, redacted_path};
use crate::delivery::ledger::Balance;
use crate::source::{DeletedOpen, Phase, TrackedFile, UnreadFiles, Verdict, fixed_directory};
use crate::telemetry::http::{FileReport, FileState, InputState, MaskKind, MaskState, NotRead, Snapshot};
use crate::telemetry::process_stats::Volume;
use event::FileId;
use redact::{Action, Redactor};

/// At most this many closed files are listed. The totals include all of them.
const CLOSED_MAX: usize = 64;

/// The files that were closed last.
#[derive(Debug, Default)]
pub(super) struct Closed(VecDeque<FileReport>);

impl Closed {
    fn add(&mut self, file: FileReport) {
        let index = self.0.iter().position(|closed| closed.path == file.path && closed.input == file.input);
        let former = index.and_then(|index| self.0.remove(index)).map(|former| former.balance).unwrap_or_default();
        self.0.truncate(CLOSED_MAX - 1);
        self.0.push_front(FileReport { balance: former.plus(&file.balance), ..file });
    }
}

impl Shipper {
    /// Publishes a snapshot, if one is requested.
    pub(super) fn publish_status(&mut self, now: Instant) {
        if self.components.status.heartbeat(now) {
            let snapshot = self.snapshot(now);
            self.components.status.publish(snapshot);
        }
    }

    /// A snapshot of all inputs and files.
    pub(super) fn snapshot(&self, now: Instant) -> Snapshot {
        let mut files: Vec<FileReport> =
            self.files.open.iter().filter_map(|(file, context)| self.report(*file, context, now)).collect();
        files.sort_by(|one, other| (one.input, &one.path).cmp(&(other.input, &other.path)));
        let deleted = self.components.source.deleted_open(|file| self.ledger.is_complete(file));
        let inputs = deleted.iter().enumerate().map(|(input, open)| self.input(input, open, &files, now)).collect();
        files.extend(self.files.closed.0.iter().cloned());
        let UnreadFiles { named, counts } = self.components.source.unread_files();
        let unmatched: Vec<NotRead> = self.unmatched_rows().collect();
        let mut not_read_counts: Vec<_> = Verdict::ALL.map(|verdict| (verdict.name(), counts[verdict as usize])).into();
        not_read_counts.push((UNMATCHED, unmatched.len() as u64));
        let not_read = named.into_iter().map(|file| NotRead {
            input: file.input,
            path: redacted_path(&self.components.pipelines, &file.path),
            state: file.verdict.name(),
            why: file.why,
        });
        Snapshot {
            inputs,
            files,
            not_read: not_read.chain(unmatched).collect(),
            not_read_counts,
            quiet_files: self.components.source.quiet_files().len() as u64,
            left_out_files: self.components.source.left_out_files() as u64,
            refused_records: self.ledger.all_refused() as u64,
            in_flight_bytes: self.ledger.in_flight_bytes(),
            in_flight_limit_bytes: self.config.batch.in_flight_bytes,
            inotify: self.components.watch.is_working(),
            draining: self.drain.is_draining(),
            acknowledged_at: self.clock.acknowledged_at(),
        }
    }

    fn report(&self, file: FileId, context: &FileContext, now: Instant) -> Option<FileReport> {
        let balance = self.ledger.balance(file);
        let watermark = self.ledger.watermark(file).offset;
        let Some(open) = self.components.source.file(file) else {
            // Its content has moved or is deleted. A copy of it may still appear.
            return (balance != Balance::default()).then(|| FileReport {
                input: context.input,
                path: redacted_path(&self.components.pipelines, &context.path),
                state: FileState::Deleted,
                extent: None,
                balance,
                unread_bytes: 0,
                lag: self.lag(file, None, now),
                held: Some(if self.components.source.is_retired(file) { held::GONE } else { held::LOOKED_FOR }),
            });
        };
        Some(FileReport {
            input: context.input,
            path: redacted_path(&self.components.pipelines, &context.path),
            state: match open.phase() {
                Phase::Live => FileState::Live,
                Phase::Rotated => FileState::Rotated,
                Phase::Deleted => FileState::Deleted,
            },
            extent: Some((open.size(), watermark)),
            balance,
            unread_bytes: open.unread_bytes().saturating_sub(self.ledger.to_reread(file, open.position().offset)),
            lag: self.lag(file, Some(open), now),
            held: self.held(open, balance.pending_bytes, now),
        })
    }

    /// The age of the oldest byte of a file that is not acknowledged or dropped.
    fn lag(&self, file: FileId, open: Option<&TrackedFile>, now: Instant) -> Duration {
        let pending = self.ledger.oldest_ms(file).map(|written_ms| self.clock.age(written_ms, now));
        let unread = open.and_then(|open| open.write_time(open.position().offset));
        let unread = unread.map(|(_, written)| now.saturating_duration_since(written.at));
        pending.into_iter().chain(unread).max().unwrap_or_default()
    }

    fn input(&self, input: usize, open: &DeletedOpen, files: &[FileReport], now: Instant) -> InputState {
        let of_input = || files.iter().filter(move |file| file.input == input);
        let count = |state| of_input().filter(|file| file.state == state).count() as u64;
        let deleted =
            self.components.source.files().filter(|file| file.input == input && file.phase() == Phase::Deleted);
        let waits = |file: &&TrackedFile| {
            file.input == input && file.phase() == Phase::Rotated && self.ledger.watermark(file.id).offset < file.size()
        };
        let rotated =
            self.components.source.files().filter(waits).filter_map(|file| self.files.open.get(&file.id)?.rotated_at);
        let (unreadable_files, unreadable_bytes) = self.components.source.unreadable(input);
        InputState {
            name: self.config.inputs[input].name.clone(),
            masks: MaskState {
                kinds: masks(self.components.pipelines[input].redactor()),
                counts: self.components.metrics.inputs[input].redactions.current(),
                allowed: self.components.metrics.inputs[input].redactions_allowed.current(),
                audited: self.components.metrics.inputs[input].redactions_audited.current(),
            },
            balance: self.ledger.total(input),
            unread_bytes: of_input().map(|file| file.unread_bytes).sum::<u64>() + unreadable_bytes,
            unreadable_files,
            unmatched_globs: self.components.globs.unmatched(input),
            lag: of_input().map(|file| file.lag).max().unwrap_or_default(),
            files: [FileState::Live, FileState::Rotated, FileState::Deleted].map(count),
            held_bytes: deleted.map(TrackedFile::size).sum(),
            deleted_open: (open.bytes, self.deleted_bound(input)),
            volume: self.forecasts.0[input].volume,
            time_to_loss: self.forecasts.0[input].forecast.time_to_loss(now, rotated.min()),
        }
    }

    /// Updates the forecasts: the free space of volumes, and how long rotated files exist.
    pub(super) fn update_forecasts(&mut self, now: Instant) {
        for (input, input_forecast) in self.config.inputs.iter().zip(&mut self.forecasts.0) {
            let InputForecast { volume, forecast, .. } = input_forecast;
            let directory = input.source.paths.first().and_then(|glob| fixed_directory(glob));
            *volume = directory.and_then(|(directory, _)| Volume::at(&directory));
            if let Some(volume) = volume {
                forecast.free(now, volume.free_bytes);
            }
        }
        self.forecast_deleted(now);
        for file in self.components.source.files() {
            let Some(context) = self.files.open.get_mut(&file.id) else { continue };
            match (file.phase(), context.rotated_at) {
                (Phase::Rotated, None) => context.rotated_at = Some(now),
                (Phase::Deleted, Some(since)) => {
                    context.rotated_at = None;
                    self.forecasts.0[context.input].forecast.deleted(now.saturating_duration_since(since));
                }
                _ => {}
            }
        }
    }

    /// Closes a file's account.
    pub(super) fn close(&mut self, file: FileId) {
        let balance = self.ledger.close(file);
        self.reading.forget(file);
        if let Some(context) = self.files.open.remove(&file) {
            let path = redacted_path(&self.components.pipelines, &context.path);
            let (input, state, held) = (context.input, FileState::Closed, None);
            let lag = Duration::ZERO;
            self.files.closed.add(FileReport { input, path, state, extent: None, balance, unread_bytes: 0, lag, held });
        }
    }
}

/// The kinds of an input's masks, each with its own count.
fn masks(redactor: &Redactor) -> Vec<MaskKind> {
    let kind = |(rule, mode, usual): (&str, Action, bool)| MaskKind { rule: rule.to_owned(), mode: mode.name(), usual };
    redactor.counters().map(kind).collect()
}

//! The drain: when the shipper sleeps, and when it ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shipper;
use crate::agent::{Control, Stage, Summary};
use crate::config::{self, Exit};
use crate::source::FileSource;
use crate::telemetry::process_stats::System;
use event::FileId;

/// A drain reads last lines without newline once it is at the end of all files, and nothing was read for this time.
const QUIET_FOR: Duration = Duration::from_millis(300);

/// At most this part of a drain's time is left for the last acknowledgements, and no more than a tenth. What a drain sends
/// later than that would count as left, although it may arrive.
const LAST_ACKS: Duration = Duration::from_secs(2);
/// How often a drain says how much is left.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// How often the condition of `LOGSKIFF_EXIT` is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// The application has ended if none of its processes was seen for this time: a short gap between two processes is
/// normal.
const APP_GONE_FOR: Duration = Duration::from_secs(2);

/// What comes after a step of the drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another iteration of the shipper's loop.
    Continue,
    /// The run is over.
    End,
}

/// How far the process is on its way to the end.
pub(super) struct Drain {
    config: config::ProcessConfig,
    control: Arc<Control>,
    /// When the drain started.
    draining_since: Option<Instant>,
    /// When it last said how much is left.
    reported_at: Option<Instant>,
    /// Everything is read, and nothing was appended for a while: last lines without newline are read too.
    reads_partial_lines: bool,
    /// The condition of `LOGSKIFF_EXIT` is met.
    exit_is_met: bool,
    /// When the condition was last checked.
    checked_at: Instant,
    system: System,
    /// A process of the application was seen.
    app_seen: bool,
    app_gone_since: Option<Instant>,
}

impl Drain {
    pub(super) fn new(config: config::ProcessConfig, control: Arc<Control>, now: Instant) -> Self {
        let exit_is_met = config.exit == Exit::Eof;
        Self {
            config,
            control,
            draining_since: None,
            reported_at: None,
            reads_partial_lines: false,
            exit_is_met,
            checked_at: now,
            system: System::default(),
            app_seen: false,
            app_gone_since: None,
        }
    }

    /// Whether new bytes are still read. Near its time limit a drain stops reading, and waits for the acknowledgements.
    pub(super) fn is_reading(&self) -> bool {
        let timeout = self.config.drain_timeout;
        let read_for = timeout.saturating_sub((timeout / 10).min(LAST_ACKS));
        self.control.stage() < Stage::Now
            && self.draining_since.is_none_or(|since| self.reads_partial_lines || since.elapsed() < read_for)
    }

    /// Whether the process must end at once.
    fn ends_now(&self) -> bool {
        self.control.stage() == Stage::Now
    }

    /// Whether the process was asked to end.
    pub(super) fn is_draining(&self) -> bool {
        self.control.stage() != Stage::Run
    }

    /// Checks the condition of `LOGSKIFF_EXIT` if a check is due. Returns whether it is met: the process ends then,
    /// once all bytes are acknowledged or dropped.
    fn check_exit(&mut self, source: &FileSource, now: Instant) -> bool {
        if !self.exit_is_met && source.is_exhausted() {
            self.exit_is_met = true;
            tracing::info!("standard input has ended and no other input is configured; shutting down");
        }
        if self.exit_is_met || now.saturating_duration_since(self.checked_at) < CHECK_INTERVAL {
            return self.exit_is_met;
        }
        self.checked_at = now;
        self.exit_is_met = match &self.config.exit {
            Exit::Signal => false,
            Exit::Eof => true,
            Exit::File(path) => path.exists(),
            Exit::App => {
                let others = self.system.count_other_processes() > 0;
                self.app_seen |= others || source.has_seen_writer();
                if others || !self.app_seen {
                    self.app_gone_since = None;
                }
                self.app_seen
                    && !others
                    && now.saturating_duration_since(*self.app_gone_since.get_or_insert(now)) >= APP_GONE_FOR
            }
        };
        if self.exit_is_met && self.config.exit != Exit::Eof {
            tracing::info!(
                "the condition of LOGSKIFF_EXIT is met; shutting down once everything is read and acknowledged"
            );
        }
        self.exit_is_met
    }

    /// Whether a last line without newline is read as it is.
    pub(super) fn reads_partial_lines(&self) -> bool {
        self.reads_partial_lines
    }
}

impl Shipper {
    /// Whether bytes are still read: new ones, or those to be read again after a failure.
    pub(super) fn is_reading(&self) -> bool {
        self.drain.is_reading() || (!self.drain.ends_now() && self.has_to_reread())
    }

    /// Whether a file was rewound and is not read again to its former position.
    fn has_to_reread(&self) -> bool {
        self.components.source.files().any(|file| self.ledger.to_reread(file.id, file.position().offset) > 0)
    }

    /// The offset up to which a file may be read now. The end of a drain only reads bytes again.
    pub(super) fn read_limit(&self, file: FileId, position: u64) -> u64 {
        if self.drain.is_reading() { u64::MAX } else { position + self.ledger.to_reread(file, position) }
    }

    /// Starts the drain on request and advances it. Returns whether the run is over.
    pub(super) fn step_drain(&mut self, now: Instant) -> Next {
        match self.drain.control.stage() {
            Stage::Now => return Next::End,
            Stage::Drain if self.drain.draining_since.is_none() => {
                self.start_drain(now);
                return Next::Continue;
            }
            Stage::Drain => self.report_drain(now),
            Stage::Run => {}
        }
        let draining_since = self.drain.draining_since;
        let timeout = self.drain.config.drain_timeout;
        if draining_since.is_some_and(|since| now.saturating_duration_since(since) >= timeout) {
            return Next::End;
        }
        if draining_since.is_none() && (!self.drain.check_exit(&self.components.source, now) || self.awaits_stdin()) {
            return Next::Continue;
        }
        let wait = if draining_since.is_some() { QUIET_FOR } else { Duration::ZERO };
        if !self.is_idle() || (self.reading.activity.quiet_for(now) < wait && self.drain.is_reading()) {
            return Next::Continue;
        }
        if !self.drain.reads_partial_lines && self.drain.is_reading() {
            // One more pass, which reads last lines without newline too.
            self.drain.reads_partial_lines = true;
            self.components.source.recheck_unread();
            self.scans.scan_at_once(now);
            return Next::Continue;
        }
        // Files that wait for a descriptor, or for others to be read first, are read too.
        let waits = self.components.source.is_crowded() || self.components.source.has_unoffered();
        if waits && self.drain.is_reading() { Next::Continue } else { Next::End }
    }

    fn start_drain(&mut self, now: Instant) {
        self.drain.draining_since = Some(now);
        self.report_drain(now);
        // New files may exist that no scan has found yet. The backoff ends.
        self.scans.scan_at_once(now);
        self.backoff.end();
        self.retry_now(now);
        self.components.fanout.start_drain(self.drain.config.drain_timeout);
    }

    /// Says how much is left, at the start of a drain and then again and again, in the log and in the termination message: a
    /// SIGKILL may come before the end.
    fn report_drain(&mut self, now: Instant) {
        let reported_at = self.drain.reported_at;
        if reported_at.is_some_and(|at| now.saturating_duration_since(at) < REPORT_INTERVAL) {
            return;
        }
        self.drain.reported_at = Some(now);
        let summary = Summary::new(self.snapshot(now), &self.components.metrics);
        let since = self.drain.draining_since.unwrap_or(now);
        let remaining = self.drain.config.drain_timeout.saturating_sub(now.saturating_duration_since(since));
        let (left_bytes, remaining_s) = (summary.left_bytes, remaining.as_secs());
        if reported_at.is_none() {
            let message = "draining: reading files to their ends and waiting for acknowledgements";
            tracing::info!(left_bytes, remaining_s, "{message}");
        } else {
            let files = summary.named_files();
            tracing::warn!(left_bytes, remaining_s, files, "draining: these bytes are not acknowledged yet");
        }
        if let Some(path) = &self.drain.config.termination_log {
            // The same error is logged at the end.
            _ = summary.write_as_draining_to(path);
        }
    }

    /// Whether nothing is unread, in flight, refused or waiting for an output.
    fn is_idle(&self) -> bool {
        let has_to_read = (self.reading.has_unread && self.is_reading())
            || (self.drain.draining_since.is_some() && self.has_to_reread());
        !has_to_read
            && self.components.fanout.is_empty()
            && !self.ledger.in_flight()
            && !self.ledger.failed()
            && self.ledger.all_refused() == 0
            && !self.backoff.is_started()
    }

    /// Whether it must read to the end of standard input, which has not ended yet.
    fn awaits_stdin(&self) -> bool {
        self.drain.config.exit == Exit::Eof && self.components.source.is_stdin_open()
    }

    /// Whether the process ends once all is acknowledged.
    pub(super) fn is_ending(&self) -> bool {
        self.drain.draining_since.is_some() || (self.drain.exit_is_met && !self.awaits_stdin())
    }

    /// Sleeps until there may be work.
    pub(super) fn sleep(&mut self, now: Instant) {
        if self.reading.has_unread && !self.backoff.is_started() && !self.is_full() && self.is_reading() {
            return;
        }
        let linger = self.config.batch.linger.max(Duration::from_millis(1));
        // While the in-flight limit stops reading, events for writes are useless.
        let is_quiet = self.reading.activity.is_quiet(now, self.components.watch.is_working()) && !self.is_full();
        let wait = if let Some(remaining) = self.backoff.remaining(now) {
            remaining.min(self.config.watch.poll)
        } else if self.is_ending() {
            linger.min(Duration::from_millis(10))
        } else if is_quiet && self.components.watch.watch_all(self.components.source.directories()) {
            self.scans.until_next(now)
        } else {
            if !is_quiet {
                self.components.watch.watch_names(self.components.source.directories());
            }
            linger
        };
        let wait = if self.reading.is_early { wait.min(self.reading.until_next_pass(now, linger)) } else { wait };
        let wait = self.reading.until_next_timeout(now).map_or(wait, |timeout| wait.min(timeout));
        let wait = self.until_next_retry(now).map_or(wait, |retry| wait.min(retry));
        let wait = self.until_next_rule_check(now).map_or(wait, |check| wait.min(check));
        let wait = self.components.canaries.until_next(now).map_or(wait, |check| wait.min(check));
        let send_at = self.components.fanout.send_at();
        let wait = send_at.map_or(wait, |at| wait.min(at.saturating_duration_since(now)));
        // The next scan may be due earlier: a new file is opened at once.
        let wait = wait.min(self.scans.until_next(now));
        // Other threads unpark this one. An unpark before the sleep ends it at once.
        std::thread::park_timeout(wait.max(Duration::from_millis(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A drain that began so long ago.
    fn drain(timeout: Duration, ago: Duration) -> Drain {
        let config = config::ProcessConfig {
            http_listen: None,
            drain_timeout: timeout,
            exit: Exit::Signal,
            strict_exit_code: false,
            termination_log: None,
            landlock: false,
        };
        let now = Instant::now();
        let mut drain = Drain::new(config, Arc::default(), now);
        drain.draining_since = now.checked_sub(ago);
        drain
    }

    #[test]
    fn a_drain_reads_for_almost_all_of_its_time() {
        let seconds = Duration::from_secs;
        assert!(drain(seconds(100), seconds(90)).is_reading());
        assert!(!drain(seconds(100), seconds(98)).is_reading());
        assert!(drain(seconds(10), seconds(8)).is_reading());
        assert!(!drain(seconds(10), seconds(9)).is_reading());
    }
}

//! When the shipper sleeps, and when it ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shipper;
use crate::agent::{Control, Stage};
use crate::config::{self, Exit};
use crate::source::FileSource;
use crate::telemetry::process_stats::System;
use event::FileId;

/// Files that have been still for so long are taken to be whole when a drain has come to their ends.
const STILL_AFTER: Duration = Duration::from_millis(300);

/// What it waits for to end by itself is looked for this often.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The application is gone when it was for so long: between two of its processes there may be none for a moment.
const GONE_FOR: Duration = Duration::from_secs(2);

/// What comes after a step of the drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another round.
    Continue,
    /// The run is over.
    End,
}

/// Where the process is between its start and its end.
pub(super) struct Drain {
    config: config::ProcessConfig,
    control: Arc<Control>,
    /// When the end was asked for.
    draining_since: Option<Instant>,
    /// What there is to read is read, and has not grown for a while.
    still: bool,
    /// What it waits for to end by itself has happened.
    finishes: bool,
    /// When that was last looked for.
    looked_at: Instant,
    system: System,
    /// The application was there.
    app_seen: bool,
    gone_since: Option<Instant>,
}

impl Drain {
    pub(super) fn new(config: config::ProcessConfig, control: Arc<Control>, now: Instant) -> Self {
        let finishes = config.exit == Exit::Eof;
        Self {
            config,
            control,
            draining_since: None,
            still: false,
            finishes,
            looked_at: now,
            system: System::default(),
            app_seen: false,
            gone_since: None,
        }
    }

    /// Whether what is new is still read: a drain under a writer that goes on writing stops halfway, and waits for what it has.
    pub(super) fn is_reading(&self) -> bool {
        self.control.stage() < Stage::Now
            && self.draining_since.is_none_or(|since| self.still || since.elapsed() < self.config.drain_timeout / 2)
    }

    /// Whether it is to end at once.
    fn ends_now(&self) -> bool {
        self.control.stage() == Stage::Now
    }

    /// Whether the end was asked for.
    pub(super) fn is_draining(&self) -> bool {
        self.control.stage() != Stage::Run
    }

    /// Whether it ends by itself once everything is settled: what it waits for has happened. Asked at every round, it looks
    /// now and then.
    fn finishes(&mut self, source: &FileSource, now: Instant) -> bool {
        if !self.finishes && source.is_exhausted() {
            self.finishes = true;
            tracing::info!("standard input has ended and no other input is configured; shutting down");
        }
        if self.finishes || now.saturating_duration_since(self.looked_at) < LOOK_EVERY {
            return self.finishes;
        }
        self.looked_at = now;
        self.finishes = match &self.config.exit {
            Exit::Signal => false,
            Exit::Eof => true,
            Exit::File(path) => path.exists(),
            Exit::App => {
                let others = self.system.count_other_processes() > 0;
                self.app_seen |= others || source.has_seen_writer();
                if others || !self.app_seen {
                    self.gone_since = None;
                }
                self.app_seen
                    && !others
                    && now.saturating_duration_since(*self.gone_since.get_or_insert(now)) >= GONE_FOR
            }
        };
        if self.finishes && self.config.exit != Exit::Eof {
            tracing::info!(
                "the condition of LOGSKIFF_EXIT is met; shutting down once everything is read and acknowledged"
            );
        }
        self.finishes
    }

    /// Whether a last line without newline is taken as it is.
    pub(super) fn takes_partial_lines(&self) -> bool {
        self.still
    }
}

impl Shipper {
    /// Whether anything is still read: what is new, or what a lost connection has taken back.
    pub(super) fn is_reading(&self) -> bool {
        self.drain.is_reading() || (!self.drain.ends_now() && self.has_to_reread())
    }

    /// Whether a file was taken back to its watermark and is not read again up to where it had been.
    fn has_to_reread(&self) -> bool {
        self.components.source.files().any(|file| self.ledger.to_reread(file.id, file.position().offset) > 0)
    }

    /// Up to where a file is read now: the second half of a drain is for what was read before.
    pub(super) fn read_limit(&self, file: FileId, at: u64) -> u64 {
        if self.drain.is_reading() { u64::MAX } else { at + self.ledger.to_reread(file, at) }
    }

    /// Starts the drain when it is asked for, takes it further, and says whether the run is over.
    pub(super) fn step_drain(&mut self, now: Instant) -> Next {
        match self.drain.control.stage() {
            Stage::Now => return Next::End,
            Stage::Drain if self.drain.draining_since.is_none() => {
                self.start_drain(now);
                return Next::Continue;
            }
            Stage::Drain | Stage::Run => {}
        }
        let draining_since = self.drain.draining_since;
        let timeout = self.drain.config.drain_timeout;
        if draining_since.is_some_and(|since| now.saturating_duration_since(since) >= timeout) {
            return Next::End;
        }
        if draining_since.is_none() && (!self.drain.finishes(&self.components.source, now) || self.awaits_end()) {
            return Next::Continue;
        }
        let wait = if draining_since.is_some() { STILL_AFTER } else { Duration::ZERO };
        if !self.is_idle() || (self.reading.activity.still_for(now) < wait && self.drain.is_reading()) {
            return Next::Continue;
        }
        if !self.drain.still && self.drain.is_reading() {
            // Once more, and last lines without newline as well.
            self.drain.still = true;
            self.components.source.recheck_unread();
            self.scans.scan_at_once(now);
            return Next::Continue;
        }
        // Files that wait for a descriptor, or for others to be read first, are read as well.
        let waits = self.components.source.is_crowded() || self.components.source.has_unoffered();
        if waits && self.drain.is_reading() { Next::Continue } else { Next::End }
    }

    fn start_drain(&mut self, now: Instant) {
        self.drain.draining_since = Some(now);
        tracing::info!("draining: reading files to their ends and waiting for acknowledgements");
        // The end of the files may lie in one that no scan has found yet. Backoff is cut short.
        self.scans.scan_at_once(now);
        self.backoff.end();
        self.retry_now(now);
        self.components.fanout.shorten_backoff();
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

    /// Whether it is to end with everything that there is to read, and standard input has not ended yet.
    fn awaits_end(&self) -> bool {
        self.drain.config.exit == Exit::Eof && self.components.source.is_stdin_open()
    }

    /// Sleeps until there may be something to do.
    pub(super) fn sleep(&mut self, now: Instant) {
        if self.reading.has_unread && !self.backoff.is_started() && !self.is_full() && self.is_reading() {
            return;
        }
        let linger = self.config.batch.linger.max(Duration::from_millis(1));
        let ending = self.drain.draining_since.is_some() || (self.drain.finishes && !self.awaits_end());
        // While nothing is read for want of room, a write is no news.
        let quiet = self.reading.activity.is_quiet(now, self.components.watch.is_working()) && !self.is_full();
        let wait = if let Some(remaining) = self.backoff.remaining(now) {
            remaining.min(self.config.watch.poll)
        } else if ending {
            linger.min(Duration::from_millis(10))
        } else if quiet && self.components.watch.watch_all(self.components.source.directories()) {
            self.scans.until_next(now)
        } else {
            if !quiet {
                self.components.watch.watch_names(self.components.source.directories());
            }
            linger
        };
        let wait = if self.reading.is_early { wait.min(self.reading.until_next_pass(now, linger)) } else { wait };
        let wait = self.until_next_retry(now).map_or(wait, |retry| wait.min(retry));
        // The next look at the directories may be due earlier: a new name is opened at once.
        let wait = wait.min(self.scans.until_next(now));
        // Whoever has news unparks this thread; a wake that comes before the sleep makes it short.
        std::thread::park_timeout(wait.max(Duration::from_millis(1)));
    }
}

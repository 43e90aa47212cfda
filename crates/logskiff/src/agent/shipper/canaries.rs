//! Canaries: each minute made-up secrets go through the parser, the redactor and the encodings of all outputs, and are
//! looked for there.
//!
//! They are no lines of a file: they are not sent, have no span and are not counted as bytes, lines or masks. What is
//! logged names the input, the output and the detector.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Shipper;
use super::read_pass::now_ns;
use crate::pipeline::canary::{holds, lines};
use crate::pipeline::encode::{NO_FILE, RedactedLine};
use event::{Boundary, DropReason, Line, LineFlags, LineTimes, Span};
use redact::{Canary, PemState};

/// How often.
const EVERY: Duration = Duration::from_secs(60);

/// How many detectors of an input are tried. Each has patterns that are compiled for it, which take memory.
const DETECTORS_MAX: usize = 8;

/// The path of the made-up file.
const PATH: &str = "canary";

/// When canaries are checked next.
#[derive(Debug)]
pub(in crate::agent) struct CanarySchedule {
    /// `None`: never.
    due: Option<Instant>,
    /// Whether inputs without a canary are still to be logged.
    is_first: bool,
}

impl CanarySchedule {
    pub(in crate::agent) fn new(is_on: bool, now: Instant) -> Self {
        Self { due: is_on.then_some(now), is_first: true }
    }

    /// The time until the next check.
    pub(super) fn until_next(&self, now: Instant) -> Option<Duration> {
        self.due.map(|due| due.saturating_duration_since(now))
    }
}

impl Shipper {
    /// Checks the canaries of all inputs, if that is due.
    pub(super) fn check_canaries(&mut self, now: Instant) {
        if self.components.canaries.due.is_none_or(|due| now < due) {
            return;
        }
        let is_first = std::mem::take(&mut self.components.canaries.is_first);
        self.components.canaries.due = Some(now + EVERY);
        for input in 0..self.config.inputs.len() {
            if self.config.inputs[input].redact.audit {
                // It shows everything.
                continue;
            }
            let canaries = self.components.pipelines[input].redactor().canaries(DETECTORS_MAX);
            if canaries.is_empty() && is_first {
                let input = &self.config.inputs[input].name;
                tracing::warn!(input, "LOGSKIFF_REDACT_CANARY=on, but no detector of this input has a canary");
            }
            for canary in canaries {
                for line in lines(&canary, &self.config.inputs[input].parse.formats) {
                    self.check_canary(input, &canary, line.as_bytes());
                }
            }
        }
    }

    /// Looks for the secret of `canary` in what becomes of `text`. A value that the user allows is not looked for.
    fn check_canary(&mut self, input: usize, canary: &Canary, text: &[u8]) {
        let envelope = self.envelope(input, Path::new(PATH), PATH, None);
        let (span, flags) = (Span { start: 0, end: text.len() as u64 }, LineFlags::default());
        let line = Line { span, text, keep: text.len(), boundary: Boundary::LineStart, flags, printed: None };
        let times = LineTimes::read(now_ns());
        let (mut checked, mut unmasked) = (0, Vec::new());
        let (pipeline, fanout) = (&mut self.components.pipelines[input], &mut self.components.fanout);
        pipeline.scan(text);
        let done = pipeline.line(&line, 0, &mut PemState::default(), None, |redacted, encoder| {
            if redacted.allowed().next().is_some() {
                return;
            }
            let (envelope, file, printed, is_new) = (&envelope, NO_FILE, None, false);
            let line = RedactedLine { redacted, envelope, file, span, flags, printed, times, is_new };
            fanout.rehearse(&line, encoder, |output, made| {
                checked += 1;
                if holds(made, canary.secret) {
                    unmasked.push(output);
                }
            });
        });
        // A rule that drops the record leaves nothing of it.
        checked += u64::from(done == Err(DropReason::RedactRule));
        let metrics = &self.components.metrics.inputs[input];
        metrics.canaries_checked.add(checked);
        metrics.canaries_unmasked.add(unmasked.len() as u64);
        if let Some(output) = unmasked.first()
            && let Some(left_out) = self.components.log_limit.due("canary")
        {
            let (input, detector) = (&self.config.inputs[input].name, canary.detector);
            tracing::error!(input, output, detector, left_out, "a made-up secret was not masked: secrets may leave");
        }
    }
}

//! How a file's lines are framed, how long an unfinished record is waited for, and whether lines are as configured.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{FileContext, Shipper, log_events, redacted_path};
use crate::pipeline::first_lines::{Counts, Finding, Problem};
use crate::pipeline::frame::{ContainerConfig, ContainerLines, StartPattern, container};
use crate::source::TrackedFile;
use event::{FileId, Framing};

/// This many lines of another form in a row, in a container's file, are logged.
const FOREIGN_LINES_MAX: usize = 3;

impl Shipper {
    /// How the file of a container is read; `None` if its runtime did not write it. `bytes`: from a line's start.
    pub(super) fn container_config(&self, context: &mut FileContext, bytes: &[u8]) -> Option<ContainerConfig> {
        if context.framing.is_none() {
            let first = memchr::memchr(b'\n', bytes).map(|end| &bytes[..end]);
            context.framing = self.config.inputs[context.input].framing.or_else(|| first.map(container::detect));
        }
        let framing = context.framing.filter(|framing| *framing != Framing::Lines)?;
        let timeout = self.components.pipelines[context.input].grouping().timeout();
        Some(ContainerConfig { framing, timeout })
    }

    /// Takes the attributes of a container into its records, with the first line of Docker.
    pub(super) fn take_attrs(&mut self, file: FileId, context: &mut FileContext, bytes: &[u8]) {
        if context.framing != Some(Framing::Docker) || context.attrs.is_some() {
            return;
        }
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        context.attrs = container::attrs(first);
        if context.attrs.as_ref().is_none_or(BTreeMap::is_empty) {
            return;
        }
        let Some(origin) = self.components.source.file(file).map(|file| file.origin().to_owned()) else { return };
        context.envelope = self.envelope(context.input, &context.path, &origin, context.attrs.as_ref());
        self.components.fanout.set_file(file, &context.envelope);
    }

    /// Logs that lines of a container's file have another form.
    pub(super) fn log_foreign(&self, context: &FileContext, lines: &ContainerLines) {
        if lines.foreign_lines() >= FOREIGN_LINES_MAX
            && let Some(left_out) = self.components.log_limit.due_each("framing", log_events::FILES_LOGGED_MAX)
        {
            let path = redacted_path(&self.components.pipelines, &context.path);
            tracing::warn!(
                path,
                left_out,
                "lines of this file are not in the format of its first line; shipping them as they are; set LOGSKIFF_FRAMING"
            );
        }
    }

    /// Logs, once for each input, that its start pattern matches nothing, so that lines are joined up to a limit.
    pub(super) fn note_start_pattern(&mut self, input: usize, pattern: Option<StartPattern>) {
        let known = &mut self.reading.known_start_patterns;
        match pattern {
            Some(StartPattern::Matches) => _ = known.insert(input),
            Some(StartPattern::MatchesNone { lines }) if known.insert(input) => {
                let input = &self.config.inputs[input].name;
                tracing::warn!(
                    input,
                    lines,
                    "no line read so far matches LOGSKIFF_MULTILINE_PATTERN; this many lines were joined to one record up to the limit; check the pattern with `logskiff try --explain`"
                );
            }
            _ => {}
        }
    }

    /// Logs, once for each input, that its first lines do not have the asked format, or no time. `is_over`: no more come.
    pub(super) fn judge_first_lines(&mut self, now: Instant, is_over: bool) {
        for (input, pipeline) in self.config.inputs.iter().zip(&mut self.components.pipelines) {
            let Some(Finding { counts, problem, proposal }) = pipeline.judge_first_lines(now, is_over) else {
                continue;
            };
            let (input, Counts { lines, failed, .. }) = (&input.name, counts);
            match problem {
                Problem::Format => tracing::warn!(
                    input,
                    lines,
                    failed,
                    proposal,
                    "most of the first lines do not have the format that LOGSKIFF_PARSE asks for; test settings with `logskiff try`"
                ),
                Problem::Time => tracing::warn!(
                    input,
                    lines,
                    proposal,
                    "no time is found in any of the first lines; test settings with `logskiff try`"
                ),
            }
        }
    }

    /// Until when an unfinished record at the end of a file is waited for.
    pub(super) fn timeout_at(&self, file: &TrackedFile, context: &FileContext, now: Instant) -> Instant {
        let timeout = self.components.pipelines[context.input].grouping().timeout();
        now + timeout.saturating_sub(file.unchanged_for(now))
    }
}

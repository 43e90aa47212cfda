//! How a file's lines are framed, and how long an unfinished record is waited for.

use std::time::Instant;

use super::{FileContext, Shipper, log_events, redacted_path};
use crate::pipeline::frame::{ContainerLines, End, Frames, StartPattern, container};
use crate::source::TrackedFile;
use event::Framing;

/// This many lines of another form in a row, in a container's file, are logged.
const FOREIGN_LINES_MAX: usize = 3;

impl Shipper {
    /// The lines of a chunk as a container printed them; `None` if its runtime did not write the file.
    pub(super) fn container_lines(
        &mut self,
        context: &mut FileContext,
        frames: &Frames<'_>,
        bytes: &[u8],
        end: End,
    ) -> Option<ContainerLines> {
        let config = &self.config.inputs[context.input];
        if context.framing.is_none() {
            let first = memchr::memchr(b'\n', bytes).map(|end| &bytes[..end]);
            context.framing = config.framing.or_else(|| first.map(container::detect));
        }
        let framing = context.framing.filter(|framing| *framing != Framing::Lines)?;
        let lines = ContainerLines::read(frames.clone(), framing, config.frame, end);
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
        Some(lines)
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

    /// Until when an unfinished record at the end of a file is waited for.
    pub(super) fn timeout_at(&self, file: &TrackedFile, context: &FileContext, now: Instant) -> Instant {
        let timeout = self.components.pipelines[context.input].grouping().timeout();
        now + timeout.saturating_sub(file.unchanged_for(now))
    }
}

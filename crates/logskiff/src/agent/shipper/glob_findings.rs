//! Globs that match nothing, and logs that no glob matches: each is logged once, and stands in the status.

use std::time::{Duration, Instant};

use super::{Shipper, redacted_path};
use crate::source::{Config, Finding, findings};
use crate::telemetry::http::NotRead;

/// An application has this long to create its files before a glob without a match is worth a warning.
const FIRST_AFTER: Duration = Duration::from_secs(30);
/// How often directories are looked at again while a glob matches nothing.
const EVERY: Duration = Duration::from_secs(60);
/// How often otherwise.
const SELDOM: Duration = Duration::from_secs(600);

/// The state of such a file in the ledger.
pub(super) const UNMATCHED: &str = "unmatched";

/// What the last check found.
pub(in crate::agent) struct GlobFindings {
    due: Instant,
    found: Vec<Finding>,
    logged: Vec<Finding>,
}

impl GlobFindings {
    pub(in crate::agent) fn new(now: Instant) -> Self {
        Self { due: now + FIRST_AFTER, found: Vec::new(), logged: Vec::new() }
    }

    /// How many globs of an input match nothing.
    pub(super) fn unmatched(&self, input: usize) -> u64 {
        self.found.iter().filter(|finding| finding.input == input && finding.is_empty()).count() as u64
    }
}

impl Shipper {
    /// Checks the globs, if that is due. `is_over`: no file is read any more.
    pub(super) fn check_globs(&mut self, now: Instant, is_over: bool) {
        if !is_over && now < self.components.globs.due {
            return;
        }
        let inputs: Vec<&Config> = self.config.inputs.iter().map(|input| &input.source).collect();
        let found = findings(&inputs);
        for finding in &found {
            let is_same = |logged: &Finding| {
                (logged.input, &logged.glob, logged.is_empty()) == (finding.input, &finding.glob, finding.is_empty())
            };
            if !self.components.globs.logged.iter().any(is_same) {
                let input = &self.config.inputs[finding.input].name;
                let why = finding.sentence(|path| redacted_path(&self.components.pipelines, path));
                let message = if finding.is_empty() { "a glob matches no file" } else { "logs that no glob matches" };
                tracing::warn!(input, glob = finding.glob, why, "{message}");
                self.components.globs.logged.push(finding.clone());
            }
        }
        self.components.globs.due = now + if found.iter().any(Finding::is_empty) { EVERY } else { SELDOM };
        self.components.globs.found = found;
    }

    /// The findings as rows of the ledger.
    pub(super) fn unmatched_rows(&self) -> impl Iterator<Item = NotRead> {
        self.components.globs.found.iter().map(|finding| NotRead {
            input: Some(finding.input),
            path: redacted_path(&self.components.pipelines, finding.glob.as_ref()),
            state: UNMATCHED,
            why: finding.sentence(|path| redacted_path(&self.components.pipelines, path)),
        })
    }
}

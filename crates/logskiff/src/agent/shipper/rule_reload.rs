//! Changed rule files: their rules are used from the next record on.
//!
//! A file is read again once it has changed and then stayed the same from one check to the next, so that half a file is
//! not taken for a whole one. What decides is its content. A file with a mistake changes nothing: the old rules stay.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shipper;
use crate::agent::log_events;
use crate::config::rule_files;
use crate::pipeline::Pipeline;
use redact::{Config, Redactor, RuleFile, beyond_bound};

/// How often files are checked for changes. Kubernetes itself takes up to a minute to change them.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// What tells a version of a file from another without reading it.
type Version = Option<[i64; 7]>;

/// When the files were checked, and what they were.
#[derive(Debug)]
pub(super) struct RuleReload {
    checked_at: Instant,
    /// The versions whose content is known, and those seen at the last check.
    known: Vec<Version>,
    seen: Vec<Version>,
}

impl RuleReload {
    pub(super) fn new(now: Instant) -> Self {
        Self { checked_at: now, known: Vec::new(), seen: Vec::new() }
    }
}

impl Shipper {
    /// The time until the next check, if there are rule files.
    pub(super) fn until_next_rule_check(&self, now: Instant) -> Option<Duration> {
        let has_files = self.config.inputs.iter().any(|input| !input.redact.files.is_empty());
        let next = self.reloads.rules.checked_at + CHECK_INTERVAL;
        has_files.then(|| next.saturating_duration_since(now))
    }

    /// Checks for changed rule files, and uses their rules.
    pub(super) fn reload_rules(&mut self, now: Instant) {
        let reload = &mut self.reloads.rules;
        if now.saturating_duration_since(reload.checked_at) < CHECK_INTERVAL {
            return;
        }
        reload.checked_at = now;
        let files = rule_files::loaded(self.config.inputs.iter().map(|input| &input.redact));
        let files: Vec<Arc<RuleFile>> = files.into_iter().cloned().collect();
        let versions: Vec<Version> = files.iter().flat_map(|file| file.sources()).map(version).collect();
        let is_stable = versions == reload.seen;
        reload.seen.clone_from(&versions);
        if !is_stable || versions == reload.known {
            return;
        }
        reload.known = versions;
        if files.iter().all(|file| file.is_current(&mut rule_files::read)) {
            // A file that was broken may be as it was before.
            return self.components.metrics.rule_files_outdated.set(false);
        }
        match self.load_rules(&files) {
            Ok(redactors) => self.use_rules(redactors),
            Err(error) => {
                self.components.metrics.rule_file_failures.add(1);
                self.components.metrics.rule_files_outdated.set(true);
                tracing::error!(
                    error,
                    "a changed rule file cannot be used; the rules that were loaded before stay in use"
                );
            }
        }
    }

    /// Loads the files again, and builds the redactor of each input.
    fn load_rules(&self, files: &[Arc<RuleFile>]) -> Result<Vec<(Config, Arc<Redactor>)>, String> {
        let load = |file: &Arc<RuleFile>| {
            if file.is_current(&mut rule_files::read) {
                return Ok(Arc::clone(file));
            }
            RuleFile::load(file.path(), &mut rule_files::read).map(Arc::new).map_err(|errors| join(&errors))
        };
        let fresh: Vec<Arc<RuleFile>> = files.iter().map(load).collect::<Result<_, _>>()?;
        let of_path = |path: &Path| fresh.iter().find(|file| file.path() == path).cloned();
        let with_fresh = |config: &Config| {
            let files = config.files.iter().filter_map(|file| of_path(file.path())).collect();
            Config { files, ..config.clone() }
        };
        let configs: Vec<Config> = self.config.inputs.iter().map(|input| with_fresh(&input.redact)).collect();
        if let Some(beyond) = beyond_bound(&configs) {
            let path = beyond.file.map(|file| file.path().display().to_string()).unwrap_or_default();
            return Err(format!("{path}: rule {:?}: all rules together compile to too many bytes", beyond.rule));
        }
        let mut redactors: Vec<(Config, Arc<Redactor>)> = Vec::new();
        for config in configs {
            let alike =
                redactors.iter().find(|(earlier, _)| *earlier == config).map(|(_, redactor)| Arc::clone(redactor));
            let made = || Redactor::new(&config).map(Arc::new).map_err(|errors| join(&errors));
            let redactor = alike.map_or_else(made, Ok)?;
            redactors.push((config, redactor));
        }
        Ok(redactors)
    }

    /// Replaces the inputs' redactors. Masks of rules that stay are counted on.
    fn use_rules(&mut self, redactors: Vec<(Config, Arc<Redactor>)>) {
        let metrics = Arc::clone(&self.components.metrics);
        for (number, (config, redactor)) in redactors.into_iter().enumerate() {
            let pipeline = &mut self.components.pipelines[number];
            metrics.inputs[number].redactions.replace(&sources(pipeline, &redactor));
            metrics.inputs[number].redactions_allowed.replace(&rule_sources(pipeline, &redactor));
            metrics.inputs[number].redactions_audited.replace(&rule_sources(pipeline, &redactor));
            pipeline.set_redactor(redactor, &config);
            self.config.inputs[number].redact = config;
        }
        log_events::log_rule_files(&self.config);
        metrics.rule_files_outdated.set(false);
        // A file may extend another one now.
        self.reloads.rules.known.clear();
        self.refresh_envelopes();
    }
}

/// For each counter of the new redactor, the old one's of the same rule and mode.
fn sources(pipeline: &Pipeline, fresh: &Redactor) -> Vec<Option<usize>> {
    let old: HashMap<_, _> =
        pipeline.redactor().counters().enumerate().map(|(at, (rule, mode, _))| ((rule, mode.name()), at)).collect();
    fresh.counters().map(|(rule, mode, _)| old.get(&(rule, mode.name())).copied()).collect()
}

/// For each rule of the new redactor, the number of the old one's rule of that name.
fn rule_sources(pipeline: &Pipeline, fresh: &Redactor) -> Vec<Option<usize>> {
    let old: HashMap<&str, usize> = pipeline.redactor().rules().zip(0..).collect();
    fresh.rules().map(|rule| old.get(rule).copied()).collect()
}

/// The version of the file that a path leads to.
fn version(path: &Path) -> Version {
    let found = std::fs::metadata(path).ok()?;
    let (device, inode, bytes) = (found.dev().cast_signed(), found.ino().cast_signed(), found.size().cast_signed());
    Some([device, inode, bytes, found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()])
}

fn join(errors: &[impl ToString]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

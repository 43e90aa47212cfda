//! logskiff's own log: what happened to files, the start and the shutdown. It never contains content of log lines.

use std::path::Path;

use super::Summary;
use crate::config::{self, Config, rule_files};
use crate::pipeline::{AuditedHit, Pipeline};
use crate::sink::OutputConfig;
use crate::source::Event;
use crate::telemetry::log_rate_limit::LogRateLimit;
use crate::telemetry::metrics::{Counter, Metrics};
use event::{Line, Span};
use redact::{Redactor, RuleFile};

/// The same event is logged for at most this many files at once; further ones are counted.
pub(super) const FILES_LOGGED_MAX: u64 = 10;

/// Logs an event of a file, and counts it.
///
/// `redacted_path` masks secrets in a path.
pub(super) fn log_event(
    event: &Event,
    metrics: &Metrics,
    log_limit: &LogRateLimit,
    redacted_path: impl Fn(&Path) -> String,
) {
    match event {
        Event::Opened(..) | Event::Unpacked(_) => {}
        Event::Truncated(path) => {
            metrics.truncations.add(1);
            if let Some(left_out) = log_limit.due_each("truncated", FILES_LOGGED_MAX) {
                tracing::info!(path = redacted_path(path), left_out, "file truncated; reading from its start");
            }
        }
        Event::Repeats(path) => {
            if let Some(left_out) = log_limit.due_each("repeats", FILES_LOGGED_MAX) {
                tracing::warn!(
                    path = redacted_path(path),
                    left_out,
                    "this new file begins with all that was read of another log; reading it from its start, so a copy is sent twice; exclude copies with LOGSKIFF_EXCLUDE"
                );
            }
        }
        Event::Lost(path, bytes) => {
            metrics.lost_bytes.add(*bytes);
            if let Some(left_out) = log_limit.due_each("lost", FILES_LOGGED_MAX) {
                tracing::error!(
                    path = redacted_path(path),
                    bytes,
                    left_out,
                    "bytes lost: the file was gone before they were delivered"
                );
            }
        }
        Event::Vanished(path) => {
            if let Some(left_out) = log_limit.due_each("vanished", FILES_LOGGED_MAX) {
                let path = redacted_path(path);
                tracing::info!(path, left_out, "file deleted since the last run; everything read of it was delivered");
            }
        }
        Event::Deleted(path, bytes) => {
            metrics.deleted_files.add(1);
            metrics.deleted_bytes.add(*bytes);
            if let Some(left_out) = log_limit.due_each("pruned", FILES_LOGGED_MAX) {
                tracing::info!(
                    path = redacted_path(path),
                    bytes,
                    left_out,
                    "deleted a rotated file; all of it was acknowledged"
                );
            }
        }
        Event::DeleteFailed(path, why) => {
            metrics.delete_failures.add(1);
            if let Some(left_out) = log_limit.due_each("prune", FILES_LOGGED_MAX) {
                tracing::error!(
                    path = redacted_path(path),
                    why,
                    left_out,
                    "cannot delete a rotated file (LOGSKIFF_DELETE_ROTATED=acknowledged); mount the log volume writable for logskiff's user"
                );
            }
        }
        Event::Refused(path, why) => {
            metrics.file_open_errors.add(1);
            if let Some(left_out) = log_limit.due_each("refused", FILES_LOGGED_MAX) {
                tracing::warn!(path = redacted_path(path), why, left_out, "cannot read this file");
            }
        }
    }
}

/// At most this many given-up files are logged at once. There are more than of other events, because each may be a
/// loss.
const GIVEN_UP_LOGGED_MAX: u64 = 100;

/// A deleted file that is given up.
pub(super) struct GivenUp<'p> {
    /// Its path, as it may be logged.
    pub(super) path: &'p str,
    pub(super) inode: u64,
    /// Everything in it that is not acknowledged or dropped.
    pub(super) range: Span,
    /// The bytes that are lost.
    pub(super) bytes: u64,
}

/// Logs that a deleted file is given up, and how many bytes are lost.
pub(super) fn log_given_up(log_limit: &LogRateLimit, file: &GivenUp<'_>) {
    let GivenUp { path, inode, range: Span { start: from, end: to }, bytes } = *file;
    let Some(left_out) = log_limit.due_each("given up", GIVEN_UP_LOGGED_MAX) else { return };
    if bytes == 0 {
        tracing::warn!(
            path,
            inode,
            to,
            left_out,
            "deleted open files exceed LOGSKIFF_DELETED_OPEN_BYTES_MAX; closing the oldest: all of it is in flight, and cannot be read again if that fails"
        );
    } else {
        tracing::error!(
            path,
            inode,
            from,
            to,
            bytes,
            left_out,
            "bytes lost: deleted open files exceed LOGSKIFF_DELETED_OPEN_BYTES_MAX, and the oldest was closed"
        );
    }
}

/// What is masked, in a few words; `check` names each rule.
fn masking(config: &redact::Config, redactor: &Redactor) -> String {
    if redactor.is_idle() {
        return "nothing".to_owned();
    }
    let known: Vec<&str> = redact::detectors().map(|detector| detector.name).collect();
    let detectors = redactor.rules().filter(|rule| known.contains(rule)).count();
    let (own, fields) = (config.rules.len(), config.fields.len());
    format!("by {detectors} detectors, {own} own rules and {fields} field names")
}

/// At most this many hits of a rule are logged at once in an audit.
const AUDITED_LOGGED_MAX: u64 = 3;

/// Logs where rules hit in a line that an audit left: never what.
pub(super) fn log_audited(log_limit: &LogRateLimit, pipeline: &Pipeline, line: &Line<'_>, input: &str) {
    for AuditedHit { rule, field, offset } in pipeline.audited(line.text) {
        if let Some(left_out) = log_limit.due_each(&format!("audited {rule}"), AUDITED_LOGGED_MAX) {
            let line_at = line.span.start;
            tracing::info!(
                input,
                rule,
                field,
                offset,
                line_at,
                left_out,
                "audit: this rule would mask a part of a line"
            );
        }
    }
}

/// Logs the configuration at the start.
pub(super) fn log_start(config: &Config, pipelines: &[Pipeline], entries: Option<usize>) {
    let inputs: Vec<String> = config
        .inputs
        .iter()
        .zip(pipelines)
        .map(|(input, pipeline)| {
            let formats = format!("{:?}", input.parse.formats).to_lowercase();
            let paths = input.source.paths.join(",");
            format!("{}: {paths} as {formats}, masking {}", input.name, masking(&input.redact, pipeline.redactor()))
        })
        .collect();
    let outputs = config.output.outputs.iter();
    let outputs = outputs.map(|output| format!("{} {}", output.name(), output.receiver()).trim_end().to_owned());
    let outputs: Vec<String> = outputs.collect();
    let state = config
        .checkpoint
        .dir
        .as_ref()
        .map_or_else(|| "none: a restart reads without a checkpoint".into(), |dir| dir.display().to_string());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        inputs = inputs.join("; "),
        outputs = outputs.join(", "),
        state,
        files_in_checkpoint = entries,
        in_flight_bytes = config.batch.in_flight_bytes,
        "logskiff starts"
    );
    log_rule_files(config);
    for input in config.inputs.iter().filter(|input| input.redact.audit) {
        let input = &input.name;
        tracing::warn!(input, "LOGSKIFF_REDACT_MODE=audit: the lines of this input leave UNMASKED; rules only count");
    }
    for overlap in config::overlaps(&config.inputs) {
        if overlap.rules.is_empty() && overlap.fields.is_empty() {
            tracing::info!("{overlap}");
        } else {
            tracing::warn!("{overlap}");
        }
    }
    for input in config.inputs.iter().filter(|input| input.source.delete_rotated) {
        for (root, error) in crate::source::unwritable_roots(&input.source) {
            tracing::error!(
                input = input.name,
                ?root,
                %error,
                "cannot delete files in this directory (LOGSKIFF_DELETE_ROTATED=acknowledged); mount the log volume writable for logskiff's user"
            );
        }
    }
    for warning in config.output.outputs.iter().filter_map(OutputConfig::warning) {
        tracing::warn!("{warning}");
    }
}

/// Logs what was loaded of the rule files. Rules that are not used are a warning: what they would mask is shipped.
pub(super) fn log_rule_files(config: &Config) {
    for file in rule_files::loaded(config.inputs.iter().map(|input| &input.redact)) {
        log_rule_file(file);
    }
}

/// Logs what was loaded of a rule file.
fn log_rule_file(file: &RuleFile) {
    let path = file.path().display().to_string();
    let named = |is_rule: bool| {
        let unused = file.unused().iter().filter(|unused| unused.is_rule == is_rule);
        unused.map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let (rules, others) = (named(true), named(false));
    tracing::info!(path, rules = file.len(), without_effect = others, "rule file loaded");
    if !rules.is_empty() {
        tracing::warn!(path, not_used = rules, "some rules of this file cannot be used on lines");
    }
}

/// Below this limit, an application may have more files with unread bytes than can be open.
const FEW_FILES: usize = 512;

/// Logs a warning if there may be more files than descriptors.
pub(super) fn log_open_limit(descriptors: usize, files: usize) {
    if files < FEW_FILES {
        tracing::warn!(
            descriptors,
            files,
            "the limit of file descriptors is low; at most this many files are open at once, and others wait"
        );
    }
}

/// Logs the shutdown report.
pub(super) fn log_shutdown(summary: &Summary, metrics: &Metrics) {
    let total = &summary.total;
    macro_rules! log_at {
        ($level:ident) => {
            tracing::$level!(
                read_bytes = total.read_bytes,
                acknowledged_bytes = total.acknowledged_bytes,
                acknowledged_records = total.acknowledged_records,
                dropped_bytes = total.all_dropped_bytes(),
                dropped_records = total.dropped_records.iter().sum::<u64>(),
                pending_bytes = total.pending_bytes,
                left_bytes = summary.left_bytes,
                resent_bytes = total.resent_bytes,
                truncated_lines = metrics.sum(|input| input.truncated_lines.get()),
                redactions = summary.masked,
                parse_failures = metrics.sum(|input| input.parse_failures.get()),
                repaired_lines = metrics.sum(|input| input.repaired_lines.iter().map(Counter::get).sum()),
                timestamp_parse_failures = metrics.sum(|input| input.timestamp_parse_failures.get()),
                lines_without_time = metrics.sum(|input| input.lines_without_time.get()),
                type_coercion_failures = metrics.sum(|input| input.type_coercion_failures.get()),
                truncated_messages = metrics.truncated_messages.get(),
                rewinds = summary.rewinds,
                truncations = metrics.truncations.get(),
                lost_bytes = metrics.lost_bytes.get(),
                file_open_errors = metrics.file_open_errors.get(),
                output_errors = metrics.outputs.iter().flat_map(|output| &output.errors).map(Counter::get).sum::<u64>(),
                files = summary.named_files(),
                "shutdown complete"
            )
        };
    }
    if summary.left_bytes > 0 { log_at!(warn) } else { log_at!(info) }
}

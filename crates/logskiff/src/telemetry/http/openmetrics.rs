//! Input: a snapshot and the counters. Output: text in the format `OpenMetrics` 1.0, written by `prometheus-client`, or
//! Prometheus 0.0.4 for clients that do not accept it. Labels are inputs, rules, outputs and reasons, never file names
//! or content.

mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use self::writer::{Labels, Writer};
use super::status_channel::{FileState, InputState, MaskState, Snapshot};
use crate::telemetry::metrics::{Counter, ErrorKind, InputMetrics, LOG_LINES_UNWRITTEN, MODES, Metrics, OutputMetrics};
use crate::telemetry::process_stats::Usage;
use event::{DropReason, Repair};

/// The format of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Prometheus text 0.0.4.
    Prometheus,
}

impl Format {
    /// The format that an `Accept` header asks for.
    pub(super) fn from_accept(header: &str) -> Self {
        if header.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// Its media type.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The data of one scrape.
#[derive(Debug)]
pub(super) struct Scrape {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) usage: Usage,
}

impl Scrape {
    /// Renders the metrics.
    pub(super) fn render(self, format: Format) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut written = String::with_capacity(16 * 1024);
        // Writing to a String cannot fail.
        _ = text::encode(&mut written, &registry);
        // Parsers accept both; the specification writes `+Inf`.
        let written = written.replace(" inf\n", " +Inf\n");
        if format == Format::OpenMetrics { written } else { to_prometheus(&written) }
    }
}

/// The number of rules, the last ones of each redactor, that stand for withheld values.
const WITHHELD_REASONS: usize = 2;

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer(encoder);
        self.delivery(&mut writer)?;
        self.content(&mut writer)?;
        self.files(&mut writer)?;
        self.outputs(&mut writer)?;
        self.process(&mut writer)
    }
}

impl Scrape {
    fn by_input<V>(&self, value: impl Fn(&InputState) -> V) -> Vec<(Labels<'_>, V)> {
        self.snapshot.inputs.iter().map(|input| (vec![("input", input.name.as_str())], value(input))).collect()
    }

    fn by_reason(&self, value: impl Fn(&InputState) -> [u64; DropReason::ALL.len()]) -> Vec<(Labels<'_>, u64)> {
        let reasons = |input| DropReason::ALL.map(|reason| (labels(input, "reason", reason.name()), reason as usize));
        let all = self.snapshot.inputs.iter().map(|input| (reasons(input), value(input)));
        all.flat_map(|(labels, values)| labels.map(|(labels, reason)| (labels, values[reason]))).collect()
    }

    /// A counter that each input has outside the ledger.
    fn counted(&self, value: impl Fn(&InputMetrics) -> &Counter) -> Vec<(Labels<'_>, u64)> {
        let inputs = self.snapshot.inputs.iter().zip(&self.metrics.inputs);
        inputs.map(|(input, counts)| (vec![("input", input.name.as_str())], value(counts).get())).collect()
    }

    /// A counter that each rule has; rules without a count are left out.
    fn by_rule(&self, counts: impl Fn(&MaskState) -> &[Counter]) -> Vec<(Labels<'_>, u64)> {
        let mut all = Vec::new();
        for input in &self.snapshot.inputs {
            let rules = input.masks.kinds.iter().step_by(MODES).zip(counts(&input.masks));
            let occurred = rules.map(|(kind, count)| (kind, count.get())).filter(|(_, count)| *count > 0);
            all.extend(occurred.map(|(kind, count)| (labels(input, "rule", &kind.rule), count)));
        }
        all
    }

    fn delivery(&self, to: &mut Writer<'_>) -> fmt::Result {
        let read = "Bytes read: acknowledged + dropped + pending";
        to.counters("logskiff_read_bytes", read, self.by_input(|input| input.balance.read_bytes))?;
        let acknowledged = "Bytes of records that the outputs acknowledged";
        to.counters(
            "logskiff_acknowledged_bytes",
            acknowledged,
            self.by_input(|input| input.balance.acknowledged_bytes),
        )?;
        let dropped = "Bytes read but not shipped, by reason";
        to.counters("logskiff_dropped_bytes", dropped, self.by_reason(|input| input.balance.dropped_bytes))?;
        let pending = "Bytes read but not yet acknowledged or dropped";
        to.gauges("logskiff_pending_bytes", pending, self.by_input(|input| input.balance.pending_bytes))?;
        to.counters("logskiff_read_records", "Lines read", self.by_input(|input| input.balance.read_records))?;
        let acknowledged = "Records acknowledged";
        to.counters(
            "logskiff_acknowledged_records",
            acknowledged,
            self.by_input(|input| input.balance.acknowledged_records),
        )?;
        let dropped = "Lines read but not shipped, by reason";
        to.counters("logskiff_dropped_records", dropped, self.by_reason(|input| input.balance.dropped_records))?;
        let pending = "Lines read but not yet acknowledged or dropped";
        to.gauges("logskiff_pending_records", pending, self.by_input(|input| input.balance.pending_records()))?;
        let refused = "Records that an output refuses; they are sent again, and others go on";
        to.gauge("logskiff_refused_records", refused, self.snapshot.refused_records)?;
        let resent = "Bytes sent again after a rewind; the receiver may get duplicates";
        to.counters("logskiff_resent_bytes", resent, self.by_input(|input| input.balance.resent_bytes))?;
        to.gauges(
            "logskiff_unread_bytes",
            "Bytes in the files that are not read yet",
            self.by_input(|input| input.unread_bytes),
        )?;
        let unreadable = "Files whose permissions do not let logskiff read them";
        to.gauges("logskiff_unreadable_files", unreadable, self.by_input(|input| input.unreadable_files))?;
        let unmatched = "Globs that match no file";
        to.gauges("logskiff_unmatched_globs", unmatched, self.by_input(|input| input.unmatched_globs))?;
        let lag = "Bytes written by the application but not yet acknowledged or dropped";
        to.gauges("logskiff_lag_bytes", lag, self.by_input(|input| input.unread_bytes + input.balance.pending_bytes))?;
        let lag = "Age of the oldest byte that is not yet acknowledged or dropped; 0 if there is none";
        to.gauges("logskiff_lag_seconds", lag, self.by_input(|input| input.lag.as_secs_f64()))?;
        let forecast =
            "Time until lines are lost at the present rates, because the volume fills up or a rotated file is deleted";
        let never = |input: &InputState| input.time_to_loss.map_or(f64::INFINITY, |time| time.as_secs_f64());
        to.gauges("logskiff_time_to_loss_seconds", forecast, self.by_input(never))?;
        let metrics = &self.metrics;
        let lost = "Bytes that are known to be lost: deleted or overwritten before they were delivered";
        to.counter("logskiff_lost_bytes", lost, metrics.lost_bytes.get())?;
        to.counter(
            "logskiff_rewinds",
            "Rewinds: everything not yet acknowledged or dropped was read again",
            metrics.rewinds.get(),
        )?;
        let failures = "Failures to save a checkpoint";
        to.counter("logskiff_checkpoint_failures", failures, metrics.checkpoint_failures.get())?;
        let latency = "Time from writing a line to its acknowledgement";
        to.histogram("logskiff_delivery_latency_seconds", latency, &metrics.latency_ms, 1_000.0)?;
        let at = self.snapshot.acknowledged_at.map_or(0.0, wall_seconds);
        to.gauge(
            "logskiff_last_acknowledged_timestamp_seconds",
            "Time of the last acknowledgement; 0 if there was none",
            at,
        )?;
        to.gauge("logskiff_draining", "1 during shutdown, else 0", u64::from(self.snapshot.draining))
    }

    fn content(&self, to: &mut Writer<'_>) -> fmt::Result {
        let inputs = || self.snapshot.inputs.iter().zip(&self.metrics.inputs);
        let masked = self.snapshot.inputs.iter().flat_map(|input| {
            let kinds = input.masks.kinds.iter().zip(&*input.masks.counts).map(|(kind, count)| (kind, count.get()));
            kinds.filter(|(kind, count)| kind.usual || *count > 0).map(|(kind, count)| {
                let labels: Labels<'_> =
                    vec![("input", input.name.as_str()), ("rule", kind.rule.as_str()), ("mode", kind.mode)];
                (labels, count)
            })
        });
        to.counters("logskiff_redactions", "Values redacted, by rule and mode", masked)?;
        let help = "Values shown because of the allowlist or an exempt field, by the rule that would have masked them";
        to.counters("logskiff_redactions_allowed", help, self.by_rule(|masks| &masks.allowed))?;
        let help = "Values left by LOGSKIFF_REDACT_MODE=audit, by the rule that would have masked them";
        to.counters("logskiff_redactions_audited", help, self.by_rule(|masks| &masks.audited))?;
        let checked = "Made-up secrets that went through parsing, redaction and an output's encoding";
        to.counters("logskiff_canaries_checked", checked, self.counted(|input| &input.canaries_checked))?;
        let unmasked = "Made-up secrets that were not masked";
        to.counters("logskiff_canaries_unmasked", unmasked, self.counted(|input| &input.canaries_unmasked))?;
        let withheld = self.snapshot.inputs.iter().flat_map(|input| {
            // The last rules stand for the reasons of withheld values.
            let mut reasons: Vec<&str> = input.masks.kinds.iter().map(|kind| kind.rule.as_str()).collect();
            reasons.dedup();
            let first = reasons.len().saturating_sub(WITHHELD_REASONS);
            reasons.into_iter().skip(first).map(move |reason| {
                let matching =
                    input.masks.kinds.iter().zip(&*input.masks.counts).filter(move |(kind, _)| kind.rule == reason);
                let labels: Labels<'_> = vec![("input", input.name.as_str()), ("reason", reason)];
                (labels, matching.map(|(_, count)| count.get()).sum::<u64>())
            })
        });
        let help = "Values withheld because they could not be decoded, or exceeded the line's search budget";
        to.counters("logskiff_values_withheld", help, withheld)?;
        let mistakes = "Configuration mistakes, for which nothing is shipped (LOGSKIFF_ON_MISTAKE=wait); else 0";
        to.gauge("logskiff_configuration_mistakes", mistakes, self.metrics.configuration_mistakes.get())?;
        let failures = "Changed rule files that cannot be used; the rules before stay in use";
        to.counter("logskiff_rule_file_failures", failures, self.metrics.rule_file_failures.get())?;
        let outdated = "1 while a changed rule file cannot be used; else 0";
        to.gauge("logskiff_rule_files_outdated", outdated, u64::from(self.metrics.rule_files_outdated.get()))?;
        let failures = "Lines that do not have the configured format";
        to.counters("logskiff_parse_failures", failures, self.counted(|input| &input.parse_failures))?;
        let repaired = inputs().flat_map(|(input, counts)| {
            let each = Repair::ALL.into_iter().zip(&counts.repaired_lines);
            each.map(|(repair, count)| (labels(input, "reason", repair.name()), count.get()))
        });
        to.counters("logskiff_repaired_lines", "JSON lines that were repaired, by reason", repaired)?;
        let failures = "Timestamps that could not be parsed";
        to.counters(
            "logskiff_timestamp_parse_failures",
            failures,
            self.counted(|input| &input.timestamp_parse_failures),
        )?;
        let without = "Lines that have no timestamp: their time is when they were written, as far as known";
        to.counters("logskiff_lines_without_time", without, self.counted(|input| &input.lines_without_time))?;
        let failures = "Values that could not be converted to their type";
        to.counters("logskiff_type_coercion_failures", failures, self.counted(|input| &input.type_coercion_failures))?;
        to.counters(
            "logskiff_truncated_lines",
            "Lines truncated to LOGSKIFF_LINE_BYTES_MAX",
            self.counted(|input| &input.truncated_lines),
        )?;
        let metrics = &self.metrics;
        let truncated = "Syslog messages truncated to LOGSKIFF_SYSLOG_BYTES_MAX";
        to.counter("logskiff_truncated_messages", truncated, metrics.truncated_messages.get())?;
        let overflow = "Records sent to the default topic because their own would exceed LOGSKIFF_KAFKA_TOPICS_MAX";
        to.counter("logskiff_topic_overflow_records", overflow, metrics.topic_overflow_records.get())?;
        let fallback = "Records whose Kafka message has the time of reading because their own is out of range";
        to.counter("logskiff_timestamp_fallback_records", fallback, metrics.timestamp_fallback_records.get())?;
        let suppressed = "Messages of logskiff's own log left out because a similar one was just logged";
        to.counter("logskiff_log_lines_suppressed", suppressed, metrics.log_lines_suppressed.get())?;
        let unwritten = "Messages of logskiff's own log that could not be written to stderr";
        to.counter("logskiff_log_lines_unwritten", unwritten, LOG_LINES_UNWRITTEN.get())
    }

    fn files(&self, to: &mut Writer<'_>) -> fmt::Result {
        let files = self.snapshot.inputs.iter().flat_map(|input| {
            let states = [FileState::Live, FileState::Rotated, FileState::Deleted].into_iter().zip(input.files);
            states.map(|(state, count)| (labels(input, "state", state.name()), count))
        });
        to.gauges("logskiff_files", "Open files, by state", files)?;
        let held = "Sizes of deleted files that are kept open";
        to.gauges("logskiff_deleted_open_file_bytes", held, self.by_input(|input| input.held_bytes))?;
        let open = "Disk space of deleted files that are kept open because they are not fully acknowledged";
        to.gauges("logskiff_deleted_open_bytes", open, self.by_input(|input| input.deleted_open.0))?;
        let bounds = self.by_input(|input| input.deleted_open.1).into_iter();
        let bounds = bounds.filter_map(|(labels, bound)| Some((labels, bound?)));
        to.gauges(
            "logskiff_deleted_open_limit_bytes",
            "Limit of logskiff_deleted_open_bytes; above it the oldest file is given up",
            bounds,
        )?;
        let quiet = "Files that are fully acknowledged and unmodified, and therefore closed";
        to.gauge("logskiff_quiet_files", quiet, self.snapshot.quiet_files)?;
        let left_out = "Files that are not read because there are too many; newer files are preferred";
        to.gauge("logskiff_left_out_files", left_out, self.snapshot.left_out_files)?;
        let volumes = || self.snapshot.inputs.iter().filter_map(|input| Some((input, input.volume?)));
        let free = volumes().map(|(input, volume)| (vec![("input", input.name.as_str())], volume.free_bytes));
        to.gauges("logskiff_volume_free_bytes", "Free space of the log volume", free)?;
        let size = volumes().map(|(input, volume)| (vec![("input", input.name.as_str())], volume.size_bytes));
        to.gauges("logskiff_volume_size_bytes", "Size of the log volume", size)?;
        to.counter(
            "logskiff_truncations",
            "Files that were truncated while they were read",
            self.metrics.truncations.get(),
        )?;
        let refused = "Failures to open or read a file or directory";
        to.counter("logskiff_file_open_errors", refused, self.metrics.file_open_errors.get())?;
        let pruned = "Rotated files deleted after they were fully acknowledged or dropped";
        to.counter("logskiff_deleted_files", pruned, self.metrics.deleted_files.get())?;
        to.counter("logskiff_deleted_bytes", "Bytes of the deleted files", self.metrics.deleted_bytes.get())?;
        let failures = "Failures to delete a rotated file";
        to.counter("logskiff_delete_failures", failures, self.metrics.delete_failures.get())?;
        let inotify = "1 if inotify wakes the reader; 0 if it polls";
        to.gauge("logskiff_inotify_active", inotify, u64::from(self.snapshot.inotify))
    }

    fn outputs(&self, to: &mut Writer<'_>) -> fmt::Result {
        let each = |value: fn(&OutputMetrics) -> u64| {
            self.metrics.outputs.iter().map(move |output| (vec![("output", output.name)], value(output)))
        };
        let connects = "Clients created (Kafka) or connections made (syslog)";
        to.counters("logskiff_output_connects", connects, each(|output| output.connects.get()))?;
        let connected = "1 if the receiver can be reached, as far as is known; else 0";
        to.gauges("logskiff_output_connected", connected, each(|output| u64::from(output.connected.get())))?;
        let sent = "Messages sent, retries included";
        to.counters("logskiff_sent_messages", sent, each(|output| output.sent_messages.get()))?;
        let sent = "Bytes sent, before compression";
        to.counters("logskiff_sent_bytes", sent, each(|output| output.sent_bytes.get()))?;
        let errors = self.metrics.outputs.iter().flat_map(|output| {
            ErrorKind::ALL
                .map(|kind| (vec![("output", output.name), ("kind", kind.name())], output.errors[kind as usize].get()))
        });
        to.counters("logskiff_output_errors", "Errors of an output, by kind", errors)?;
        to.histogram("logskiff_batch_bytes", "Sizes of batches", &self.metrics.batch_bytes, 1.0)?;
        let in_flight = "Bytes in flight: read but not yet acknowledged";
        to.gauge("logskiff_in_flight_bytes", in_flight, self.snapshot.in_flight_bytes)?;
        to.gauge("logskiff_in_flight_limit_bytes", "Limit of bytes in flight", self.snapshot.in_flight_limit_bytes)
    }

    fn process(&self, to: &mut Writer<'_>) -> fmt::Result {
        let one = |value: Option<u64>| value.map(|value| (Labels::new(), value));
        let seconds = |value: Option<f64>| value.map(|value| (Labels::new(), value));
        let usage = &self.usage;
        to.counters("process_cpu_seconds", "User and system CPU time", seconds(usage.cpu_seconds))?;
        to.gauges("process_resident_memory_bytes", "Resident memory", one(usage.resident_bytes))?;
        to.gauges("process_open_fds", "Open file descriptors", one(usage.open_fds))?;
        let start = "Start time of the process, since the Unix epoch";
        to.gauges("process_start_time_seconds", start, seconds(usage.start_time_seconds))?;
        let group = &usage.cgroup;
        to.gauges("logskiff_cgroup_memory_limit_bytes", "The container's memory limit", one(group.memory_limit_bytes))?;
        to.gauges(
            "logskiff_cgroup_memory_usage_bytes",
            "Memory that counts against the container's limit",
            one(group.memory_usage_bytes),
        )?;
        let working = "Memory usage without inactive file pages, which the kernel can reclaim";
        to.gauges("logskiff_cgroup_memory_working_set_bytes", working, one(group.memory_working_set_bytes))?;
        let kills = "Processes of the container killed by the OOM killer";
        to.counters("logskiff_cgroup_oom_kills", kills, one(group.oom_kills))?;
        to.counters("logskiff_cgroup_cpu_periods", "CPU quota periods that have elapsed", one(group.cpu_periods))?;
        let throttled = "CPU quota periods in which the container was throttled";
        to.counters("logskiff_cgroup_cpu_throttled_periods", throttled, one(group.cpu_throttled_periods))?;
        let throttled = "Time for which the container was throttled";
        to.counters("logskiff_cgroup_cpu_throttled_seconds", throttled, seconds(group.cpu_throttled_seconds))?;
        let mut build = to.0.encode_descriptor("logskiff_build", "Version of the program", None, MetricType::Info)?;
        build.encode_info(&vec![("version", env!("CARGO_PKG_VERSION"))])
    }
}

fn labels<'l>(input: &'l InputState, name: &'static str, value: &'l str) -> Labels<'l> {
    vec![("input", input.name.as_str()), (name, value)]
}

/// Converts `OpenMetrics` to the Prometheus format: a counter's family has the name of its samples, and there is no `#
/// EOF`.
fn to_prometheus(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len() + 2048);
    let mut help = "";
    for line in openmetrics.lines().filter(|line| *line != "# EOF") {
        if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ').map_or("", |(_, help)| help);
            continue;
        }
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|typed| typed.split_once(' ')) else {
            text.extend([line, "\n"]);
            continue;
        };
        let (suffix, kind) = match kind {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "gauge"),
            other => ("", other),
        };
        text.extend(["# HELP ", name, suffix, " ", help, "\n# TYPE ", name, suffix, " ", kind, "\n"]);
    }
    text
}

/// A past moment on the wall clock, in seconds since the Unix epoch.
fn wall_seconds(at: Instant) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(at.elapsed()).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::status_channel::MaskKind;
    use super::*;
    use crate::delivery::ledger::Balance;

    fn scrape(format: Format) -> String {
        let balance = Balance { read_bytes: 10, acknowledged_bytes: 4, pending_bytes: 6, ..Balance::default() };
        let name = "a\"b\nc".to_owned();
        let kind = |mode, usual| MaskKind { rule: "card".into(), mode, usual };
        let kinds = vec![kind("mask", false), kind("token", true), kind("drop", false)];
        let metrics = Metrics::new(&[MODES], &["kafka"]);
        let counts = metrics.inputs[0].redactions.current();
        counts[0].add(3);
        let allowed = metrics.inputs[0].redactions_allowed.current();
        allowed[0].add(4);
        let masks = MaskState { kinds, counts, allowed, ..MaskState::default() };
        let input = InputState { name, masks, balance, unread_bytes: 5, ..InputState::default() };
        metrics.inputs[0].repaired_lines[Repair::NotANumber as usize].add(2);
        metrics.latency_ms.observe(20, 2);
        metrics.latency_ms.observe(4_000_000, 1);
        let snapshot = Arc::new(Snapshot { inputs: vec![input], ..Snapshot::default() });
        Scrape { snapshot, metrics: Arc::new(metrics), usage: Usage::default() }.render(format)
    }

    #[track_caller]
    fn check(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(text.lines().any(|written| written == *line), "no {line:?} in\n{text}");
        }
    }

    #[test]
    fn the_text_is_openmetrics() {
        let text = scrape(Format::OpenMetrics);
        let lines = [
            "# TYPE logskiff_read_bytes counter",
            r#"logskiff_read_bytes_total{input="a\"b\nc"} 10"#,
            r#"logskiff_lag_bytes{input="a\"b\nc"} 11"#,
            r#"logskiff_time_to_loss_seconds{input="a\"b\nc"} +Inf"#,
            r#"logskiff_redactions_total{input="a\"b\nc",rule="card",mode="mask"} 3"#,
            r#"logskiff_redactions_total{input="a\"b\nc",rule="card",mode="token"} 0"#,
            r#"logskiff_redactions_allowed_total{input="a\"b\nc",rule="card"} 4"#,
            r#"logskiff_repaired_lines_total{input="a\"b\nc",reason="not_a_number"} 2"#,
            r#"logskiff_repaired_lines_total{input="a\"b\nc",reason="empty_key"} 0"#,
            r#"logskiff_delivery_latency_seconds_bucket{le="0.025"} 2"#,
            r#"logskiff_delivery_latency_seconds_bucket{le="+Inf"} 3"#,
            "logskiff_delivery_latency_seconds_count 3",
            "logskiff_rewinds_total 0",
            r#"logskiff_output_errors_total{output="kafka",kind="connect"} 0"#,
        ];
        check(&text, &lines);
        assert!(text.ends_with("# EOF\n"));
        assert!(!text.contains("mode=\"drop\""), "a mode that is not the rule's appears only once it occurs");
        assert!(!text.contains("logskiff_cgroup_oom_kills_total"), "figures that the machine lacks are left out");
    }

    #[test]
    fn the_older_format_names_families_as_their_samples() {
        let text = scrape(Format::Prometheus);
        check(&text, &["# TYPE logskiff_read_bytes_total counter", "# TYPE logskiff_build_info gauge"]);
        assert!(!text.contains("# EOF"));
        let families: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let unknown = text.lines().filter(|line| !line.starts_with('#')).find(|line| {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            let belongs = |family: &&str| {
                name.strip_prefix(*family).is_some_and(|rest| ["", "_sum", "_count", "_bucket"].contains(&rest))
            };
            !families.iter().any(belongs)
        });
        assert_eq!(unknown, None, "every sample has a family");
    }

    #[test]
    fn the_moment_of_an_acknowledgement_is_on_the_wall_clock() {
        let ago =
            wall_seconds(Instant::now()) - wall_seconds(Instant::now().checked_sub(Duration::from_secs(10)).unwrap());
        assert!((ago - 10.0).abs() < 1.0, "{ago}");
    }
}

//! What logskiff says of itself: on stderr, by kind and number, never by content.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Summary;
use super::pipeline::Pipeline;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::tail::Event;

/// The same kind of news is told once in so long; what was left out is counted.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Remembers what was said.
#[derive(Debug, Default)]
pub(super) struct Mouth {
    told: HashMap<&'static str, (Instant, u64)>,
}

impl Mouth {
    /// Whether news of this kind are due; if so, how many were left out since the last.
    pub(super) fn may_tell(&mut self, kind: &'static str, now: Instant) -> Option<u64> {
        match self.told.get_mut(kind) {
            Some((since, left_out)) if now.saturating_duration_since(*since) < TOLD_AGAIN_AFTER => {
                *left_out += 1;
                None
            }
            other => {
                let left_out = other.map_or(0, |(_, left_out)| *left_out);
                self.told.insert(kind, (now, 0));
                Some(left_out)
            }
        }
    }
}

/// Tells of what happened to files, and counts it.
///
/// `shown` makes a path fit to be shown: a file's name may hold what must not leave.
pub(super) fn tell(event: &Event, metrics: &Metrics, shown: impl Fn(&Path) -> String) {
    match event {
        Event::Opened(..) => {}
        Event::Truncated(path) => {
            metrics.truncations.add(1);
            tracing::info!(path = shown(path), "truncated; reading goes on at its start");
        }
        Event::Lost(path, bytes) => {
            metrics.lost_bytes.add(*bytes);
            tracing::error!(path = shown(path), bytes, "at least so many bytes were gone before they could be read");
        }
        Event::Vanished(path) => {
            tracing::info!(path = shown(path), "gone since the last run; all that was seen of it was shipped");
        }
        Event::Refused(path, why) => {
            metrics.refused.add(1);
            tracing::warn!(path = shown(path), why, "not read");
        }
    }
}

/// Says what will be done.
pub(super) fn started(config: &Config, pipelines: &[Pipeline], bookmarks: Option<usize>) {
    let inputs: Vec<String> = config
        .inputs
        .iter()
        .zip(pipelines)
        .map(|(input, pipeline)| {
            format!(
                "{}: {} as {:?}, masking {}",
                input.name,
                input.tail.paths.join(","),
                input.parse.format,
                pipeline.redactor().rules().collect::<Vec<_>>().join(",")
            )
        })
        .collect();
    let kafka = config.output.kafka.as_ref().map(|kafka| {
        let brokers = kafka.properties.0.iter().find(|(name, _)| name == "bootstrap.servers");
        format!("kafka {} topic {}", brokers.map_or("", |(_, brokers)| brokers), kafka.topic)
    });
    let syslog = config.output.syslog.as_ref().map(|syslog| {
        let addresses: Vec<String> = syslog.addresses.iter().map(ToString::to_string).collect();
        format!("syslog {}", addresses.join(","))
    });
    let stdout = config.output.stdout.then(|| "stdout".to_owned());
    let outputs: Vec<String> = kafka.into_iter().chain(syslog).chain(stdout).collect();
    let state = config
        .checkpoint
        .dir
        .as_ref()
        .map_or_else(|| "none: a restart begins anew".into(), |dir| dir.display().to_string());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        inputs = inputs.join("; "),
        outputs = outputs.join(", "),
        state,
        files_in_checkpoint = bookmarks,
        in_flight_bytes = config.batch.in_flight_bytes,
        "logskiff starts"
    );
    let unverified =
        config.output.syslog.as_ref().is_some_and(|syslog| {
            !syslog.tls.verify && syslog.addresses.iter().any(|address| address.transport.is_tls())
        });
    if unverified {
        tracing::warn!("LOGSKIFF_SYSLOG_TLS_VERIFY is off: whoever answers at the address gets the records");
    }
}

/// Says what a run came to.
pub(super) fn ended(summary: &Summary, metrics: &Metrics, shown: impl Fn(&Path) -> String) {
    let total = summary.total();
    for (path, balance) in &summary.files {
        tracing::debug!(
            path = shown(path),
            read_bytes = balance.read_bytes,
            acknowledged_bytes = balance.acknowledged_bytes,
            dropped_bytes = balance.dropped_bytes,
            pending_bytes = balance.pending_bytes,
            "file"
        );
    }
    tracing::info!(
        files = summary.files.len(),
        read_bytes = total.read_bytes,
        acknowledged_bytes = total.acknowledged_bytes,
        acknowledged_records = total.acknowledged_records,
        dropped_bytes = total.dropped_bytes,
        pending_bytes = total.pending_bytes,
        left_bytes = summary.left_bytes,
        blank_lines = metrics.blank.get(),
        cut_lines = metrics.cut.get(),
        cut_bytes = metrics.cut_bytes.get(),
        masked = metrics.masked.get(),
        parse_failures = metrics.parse_failures.get(),
        parse_drops = metrics.parse_drops.get(),
        time_failures = metrics.time_failures.get(),
        type_failures = metrics.type_failures.get(),
        oversize_drops = metrics.oversize_drops.get(),
        syslog_truncated = metrics.syslog_truncated.get(),
        rewinds = metrics.rewinds.get(),
        truncations = metrics.truncations.get(),
        lost_bytes = metrics.lost_bytes.get(),
        refused = metrics.refused.get(),
        "logskiff ends"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_news_are_told_once_in_a_while_and_what_was_left_out_is_counted() {
        let (mut mouth, start) = (Mouth::default(), Instant::now());
        assert_eq!(mouth.may_tell("disk", start), Some(0));
        assert_eq!(mouth.may_tell("disk", start + Duration::from_secs(1)), None);
        assert_eq!(mouth.may_tell("disk", start + Duration::from_secs(2)), None);
        assert_eq!(mouth.may_tell("net", start + Duration::from_secs(2)), Some(0));
        assert_eq!(mouth.may_tell("disk", start + Duration::from_secs(31)), Some(2));
    }
}

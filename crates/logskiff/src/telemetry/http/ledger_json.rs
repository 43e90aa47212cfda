//! Input: a snapshot. Output: the ledger as JSON, with the delivery state of each file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::status_channel::{self, FileReport, Snapshot};
use crate::delivery::ledger::Balance;
use crate::telemetry::metrics::{Metrics, OutputMetrics};

/// Maximum number of files in the list; the totals include all files.
const FILES_MAX: usize = 1_000;

#[derive(Serialize)]
struct Ledger<'s> {
    version: &'static str,
    state: &'static str,
    uptime_seconds: f64,
    totals: Totals,
    outputs: Vec<Output>,
    files: Vec<File<'s>>,
    /// Open files that the list leaves out.
    files_left_out: usize,
    not_read: NotRead<'s>,
}

#[derive(Serialize)]
struct Totals {
    #[serde(flatten)]
    amounts: Amounts,
    pending_records: u64,
    /// Fully acknowledged, unmodified and closed files, which are not listed.
    quiet_files: u64,
}

#[derive(Serialize)]
struct Amounts {
    read_bytes: u64,
    acknowledged_bytes: u64,
    dropped_bytes: u64,
    pending_bytes: u64,
    unread_bytes: u64,
    acknowledged_records: u64,
}

#[derive(Serialize)]
struct Output {
    output: &'static str,
    connected: bool,
}

#[derive(Serialize)]
struct File<'s> {
    input: &'s str,
    path: &'s str,
    state: &'static str,
    /// Why a rotated or deleted file is still open, or a live one is not read further: one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<&'static str>,
    /// The same reason as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark_bytes: Option<u64>,
    #[serde(flatten)]
    amounts: Amounts,
    lag_seconds: f64,
}

/// Files that exist and are not open.
#[derive(Serialize)]
struct NotRead<'s> {
    #[serde(flatten)]
    counts: BTreeMap<&'static str, u64>,
    /// Files that the list leaves out.
    left_out: u64,
    files: Vec<NotReadFile<'s>>,
}

#[derive(Serialize)]
struct NotReadFile<'s> {
    input: &'s str,
    path: &'s str,
    state: &'static str,
    reason: &'s str,
}

/// Renders the ledger as JSON.
pub(super) fn render(snapshot: &Snapshot, metrics: &Metrics, uptime: Duration) -> String {
    let total = snapshot.inputs.iter().fold(Balance::default(), |sum, input| sum.plus(&input.balance));
    let unread_bytes = snapshot.inputs.iter().map(|input| input.unread_bytes).sum();
    let output = |output: &Arc<OutputMetrics>| Output { output: output.name, connected: output.connected.get() };
    let ledger = Ledger {
        version: env!("CARGO_PKG_VERSION"),
        state: if snapshot.draining { "draining" } else { "running" },
        uptime_seconds: uptime.as_secs_f64(),
        totals: Totals {
            amounts: amounts(&total, unread_bytes),
            pending_records: total.pending_records(),
            quiet_files: snapshot.quiet_files,
        },
        outputs: metrics.outputs.iter().map(output).collect(),
        files: snapshot.files.iter().take(FILES_MAX).map(|file| file_entry(snapshot, file)).collect(),
        files_left_out: snapshot.files.len().saturating_sub(FILES_MAX),
        not_read: not_read(snapshot),
    };
    // Serializing numbers and texts cannot fail.
    serde_json::to_string(&ledger).unwrap_or_default()
}

fn file_entry<'s>(snapshot: &'s Snapshot, file: &'s FileReport) -> File<'s> {
    File {
        input: input_name(snapshot, Some(file.input)),
        path: &file.path,
        state: file.state.name(),
        held: file.held.map(|held| held.word),
        reason: file.held.map(|held| held.why),
        size_bytes: file.extent.map(|(size_bytes, _)| size_bytes),
        watermark_bytes: file.extent.map(|(_, watermark_bytes)| watermark_bytes),
        amounts: amounts(&file.balance, file.unread_bytes),
        lag_seconds: file.lag.as_secs_f64(),
    }
}

fn not_read(snapshot: &Snapshot) -> NotRead<'_> {
    let all: u64 = snapshot.not_read_counts.iter().map(|(_, count)| count).sum();
    NotRead {
        counts: snapshot.not_read_counts.iter().copied().collect(),
        left_out: all.saturating_sub(snapshot.not_read.len() as u64),
        files: snapshot.not_read.iter().map(|file| not_read_file(snapshot, file)).collect(),
    }
}

fn not_read_file<'s>(snapshot: &'s Snapshot, file: &'s status_channel::NotRead) -> NotReadFile<'s> {
    let input = input_name(snapshot, file.input);
    NotReadFile { input, path: &file.path, state: file.state, reason: &file.why }
}

fn input_name(snapshot: &Snapshot, input: Option<usize>) -> &str {
    input.and_then(|input| snapshot.inputs.get(input)).map_or("", |input| &input.name)
}

fn amounts(balance: &Balance, unread_bytes: u64) -> Amounts {
    Amounts {
        read_bytes: balance.read_bytes,
        acknowledged_bytes: balance.acknowledged_bytes,
        dropped_bytes: balance.all_dropped_bytes(),
        pending_bytes: balance.pending_bytes,
        unread_bytes,
        acknowledged_records: balance.acknowledged_records,
    }
}

//! A snapshot in, the ledger as JSON out: what has become of each file.

use std::time::Duration;

use serde::Serialize;

use super::snapshot::{FileReport, FileState, Snapshot};
use crate::ledger::Balance;
use crate::metrics::{Metrics, OutputMetrics};

#[derive(Serialize)]
struct Ledger<'s> {
    version: &'static str,
    state: &'static str,
    uptime_seconds: f64,
    totals: Totals,
    outputs: Vec<Output>,
    files: Vec<File<'s>>,
}

#[derive(Serialize)]
struct Totals {
    #[serde(flatten)]
    amounts: Amounts,
    pending_records: u64,
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
    /// Why a file is still open that is out of its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark_bytes: Option<u64>,
    #[serde(flatten)]
    amounts: Amounts,
    lag_seconds: f64,
}

/// The ledger's text.
pub(super) fn json(snapshot: &Snapshot, metrics: &Metrics, outputs: &[&'static str], uptime: Duration) -> String {
    let total = snapshot.inputs.iter().fold(Balance::default(), |sum, input| sum.plus(&input.balance));
    let unread_bytes = snapshot.inputs.iter().map(|input| input.unread_bytes).sum();
    let connected = |output: &OutputMetrics| output.connected.get();
    let output = |name: &&'static str| Output {
        output: name,
        connected: match *name {
            "kafka" => connected(&metrics.kafka),
            "syslog" => connected(&metrics.syslog),
            _ => true,
        },
    };
    let ledger = Ledger {
        version: env!("CARGO_PKG_VERSION"),
        state: if snapshot.draining { "draining" } else { "running" },
        uptime_seconds: uptime.as_secs_f64(),
        totals: Totals { amounts: amounts(&total, unread_bytes), pending_records: total.pending_records() },
        outputs: outputs.iter().map(output).collect(),
        files: snapshot.files.iter().map(|file| shown(snapshot, file)).collect(),
    };
    // Numbers and texts can always be written.
    serde_json::to_string(&ledger).unwrap_or_default()
}

fn shown<'s>(snapshot: &'s Snapshot, file: &'s FileReport) -> File<'s> {
    File {
        input: snapshot.inputs.get(file.input).map_or("", |input| &input.name),
        path: &file.path,
        state: file.state.name(),
        held: held(file),
        size_bytes: file.extent.map(|(size_bytes, _)| size_bytes),
        watermark_bytes: file.extent.map(|(_, watermark_bytes)| watermark_bytes),
        amounts: amounts(&file.balance, file.unread_bytes),
        lag_seconds: file.lag.as_secs_f64(),
    }
}

fn held(file: &FileReport) -> Option<&'static str> {
    match file.state {
        FileState::Live | FileState::Closed => None,
        _ if file.unread_bytes > 0 => Some("unread"),
        _ if file.balance.pending_bytes > 0 => Some("pending"),
        _ => Some("may grow"),
    }
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

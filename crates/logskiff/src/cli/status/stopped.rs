//! The state of each file from the checkpoint, in the format of `/ledger`, for when logskiff does not run.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::bail;
use serde_json::{Value, json};

use crate::config::{Config, Environment};
use crate::delivery::checkpoint;
use event::{CheckpointEntry, Inode};
use redact::Redactor;

/// The checkpoint as a ledger; `why` is part of its `state`.
///
/// # Errors
/// If the environment is invalid, or there is no checkpoint.
pub(super) fn ledger(environment: &Environment, why: &str) -> anyhow::Result<String> {
    let config = Config::from_environment(environment)?;
    let Some(dir) = &config.checkpoint.dir else { bail!("{why}, and LOGSKIFF_STATE_DIR=none keeps no checkpoint") };
    let Some(checkpoint) = checkpoint::read_only(dir) else {
        bail!("{why}, and there is no valid checkpoint in {}", dir.display())
    };
    // A file name may contain a secret.
    let redactors: Vec<Redactor> = config.inputs.iter().filter_map(|input| Redactor::new(&input.redact).ok()).collect();
    let redacted = |path: &Path| {
        let path = path.to_string_lossy().into_owned();
        redactors.iter().fold(path, |path, redactor| redactor.redact_text(&path))
    };
    let mut directories = HashMap::new();
    let files: Vec<Value> = checkpoint
        .files
        .iter()
        .map(|entry| {
            let (state, size) = state_and_size(entry, &mut directories);
            let unread = size.saturating_sub(entry.offset);
            let held = if state != "live" && unread > 0 { "unread" } else { "" };
            let reason = if held.is_empty() { "" } else { "logskiff is not running" };
            json!({"path": redacted(&entry.path), "state": state, "held": held, "reason": reason, "size_bytes": size,
                "watermark_bytes": entry.offset, "unread_bytes": unread})
        })
        .collect();
    let unread: u64 = files.iter().filter_map(|file| file["unread_bytes"].as_u64()).sum();
    let state = format!("{why}; state of the last checkpoint");
    let totals = json!({"unread_bytes": unread, "quiet_files": checkpoint.quiet.len()});
    let ledger = json!({"version": env!("CARGO_PKG_VERSION"), "state": state, "totals": totals, "files": files});
    Ok(ledger.to_string())
}

/// The present state and size of a file; for a missing file, its last known size.
fn state_and_size(
    entry: &CheckpointEntry,
    directories: &mut HashMap<PathBuf, HashMap<Inode, u64>>,
) -> (&'static str, u64) {
    let identity = |found: &fs::Metadata| Inode { device: found.dev(), inode: found.ino() };
    if let Some(found) = fs::symlink_metadata(&entry.path).ok().filter(|found| identity(found) == entry.inode) {
        return ("live", found.len());
    }
    let directory = entry.path.parent().unwrap_or(Path::new("/"));
    let list = || {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).map(|found| (identity(&found), found.len())).collect()
    };
    match directories.entry(directory.to_path_buf()).or_insert_with(list).get(&entry.inode) {
        Some(size) => ("rotated", *size),
        None => ("gone", entry.writes.size),
    }
}

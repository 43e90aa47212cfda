//! What the checkpoint says of each file, in the shape of `/ledger`, where nobody can be asked.

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

/// The checkpoint as a ledger; `why` says in its `state` that it is one.
///
/// # Errors
/// When the environment is wrong, or there is no checkpoint.
pub(super) fn ledger(environment: &Environment, why: &str) -> anyhow::Result<String> {
    let config = Config::from_environment(environment)?;
    let Some(dir) = &config.checkpoint.dir else { bail!("{why}, and LOGSKIFF_STATE_DIR=none keeps no checkpoint") };
    let Some(marks) = checkpoint::peek(dir) else {
        bail!("{why}, and there is no whole checkpoint in {}", dir.display())
    };
    // A file's name may hold what must not leave.
    let redactors: Vec<Redactor> = config.inputs.iter().filter_map(|input| Redactor::new(&input.redact).ok()).collect();
    let shown = |path: &Path| {
        let path = path.to_string_lossy().into_owned();
        redactors.iter().fold(path, |path, redactor| redactor.redact_text(&path))
    };
    let mut directories = HashMap::new();
    let files: Vec<Value> = marks
        .files
        .iter()
        .map(|mark| {
            let (state, size) = now(mark, &mut directories);
            let unread = size.saturating_sub(mark.offset);
            let held = if state != "live" && unread > 0 { "unread" } else { "" };
            let reason = if held.is_empty() { "" } else { "logskiff does not run" };
            json!({"path": shown(&mark.path), "state": state, "held": held, "reason": reason, "size_bytes": size,
                "watermark_bytes": mark.offset, "unread_bytes": unread})
        })
        .collect();
    let unread: u64 = files.iter().filter_map(|file| file["unread_bytes"].as_u64()).sum();
    let state = format!("{why}; this is what its last checkpoint says");
    let totals = json!({"unread_bytes": unread, "quiet_files": marks.quiet.len()});
    let ledger = json!({"version": env!("CARGO_PKG_VERSION"), "state": state, "totals": totals, "files": files});
    Ok(ledger.to_string())
}

/// Where a file is by now, and how long it is; one that is gone is as long as it was.
fn now(mark: &CheckpointEntry, directories: &mut HashMap<PathBuf, HashMap<Inode, u64>>) -> (&'static str, u64) {
    let identity = |found: &fs::Metadata| Inode { device: found.dev(), inode: found.ino() };
    if let Some(found) = fs::symlink_metadata(&mark.path).ok().filter(|found| identity(found) == mark.inode) {
        return ("live", found.len());
    }
    let directory = mark.path.parent().unwrap_or(Path::new("/"));
    let list = || {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).map(|found| (identity(&found), found.len())).collect()
    };
    match directories.entry(directory.to_path_buf()).or_insert_with(list).get(&mark.inode) {
        Some(size) => ("rotated", *size),
        None => ("gone", mark.size),
    }
}

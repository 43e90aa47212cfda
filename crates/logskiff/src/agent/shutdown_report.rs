//! What a run came to, in a few lines: for the last line of the log, and for Kubernetes to show.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::delivery::ledger::Balance;
use crate::telemetry::http::{FileReport, FileState, Snapshot};
use crate::telemetry::metrics::Metrics;

/// Kubernetes keeps no more of a termination message.
const MESSAGE_BYTES_MAX: usize = 4096;
/// So many files are named in the log's last line.
const FILES_NAMED_MAX: usize = 20;

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Where the bytes of all files have gone.
    pub total: Balance,
    /// The files that were open at the end, those with something left first, and the last that were closed before.
    pub files: Vec<FileReport>,
    /// Bytes that are in the files and not settled, as far as they were seen.
    pub left_bytes: u64,
    /// How many stretches were masked.
    pub masked: u64,
    /// How often everything unsettled was read again.
    pub rewinds: u64,
}

impl Summary {
    pub(super) fn new(snapshot: Snapshot, metrics: &Metrics) -> Self {
        let total = snapshot.inputs.iter().fold(Balance::default(), |sum, input| sum.plus(&input.balance));
        let mut files = snapshot.files;
        files.sort_by_key(|file| std::cmp::Reverse(left_bytes(file)));
        let left_bytes = files.iter().map(left_bytes).sum();
        Self { total, files, left_bytes, masked: metrics.redactions(), rewinds: metrics.rewinds.get() }
    }

    /// What became of everything, in one line.
    fn whole(&self) -> String {
        let Balance { read_bytes, acknowledged_bytes, pending_bytes, .. } = self.total;
        let dropped_bytes = self.total.all_dropped_bytes();
        format!(
            "read {read_bytes} B = acknowledged {acknowledged_bytes} + dropped {dropped_bytes} + pending {pending_bytes}; left {} B",
            self.left_bytes
        )
    }

    /// What became of the files, one a text.
    fn by_file(&self) -> impl Iterator<Item = String> {
        self.files.iter().map(|file| {
            let FileReport { path, balance, state, .. } = file;
            let closed = if *state == FileState::Closed { ", closed" } else { "" };
            format!(
                "{}: read {}, acknowledged {}, dropped {}, left {}{closed}",
                path.escape_debug(),
                balance.read_bytes,
                balance.acknowledged_bytes,
                balance.all_dropped_bytes(),
                left_bytes(file)
            )
        })
    }

    /// The files for the log: all of them, if they are few.
    pub(super) fn named_files(&self) -> String {
        let mut named: Vec<String> = self.by_file().take(FILES_NAMED_MAX).collect();
        if self.files.len() > named.len() {
            named.push(format!("and {} more", self.files.len() - named.len()));
        }
        named.join("; ")
    }

    /// The termination message.
    fn message(&self) -> String {
        const MORE_BYTES: usize = 40;
        let mut text = format!("logskiff ends: {}\n", self.whole());
        for (at, line) in self.by_file().enumerate() {
            if text.len() + line.len() + 1 + MORE_BYTES > MESSAGE_BYTES_MAX {
                _ = writeln!(text, "and {} more files", self.files.len() - at);
                break;
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// Leaves the termination message where Kubernetes has made a file for it; elsewhere it does nothing.
    pub(super) fn leave_at(&self, path: &Path) -> io::Result<()> {
        match OpenOptions::new()
            .write(true)
            .truncate(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
        {
            Ok(mut file) => file.write_all(self.message().as_bytes()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What is in a file and not settled.
fn left_bytes(file: &FileReport) -> u64 {
    file.unread_bytes + file.balance.pending_bytes
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn file(path: String, pending_bytes: u64) -> FileReport {
        let balance =
            Balance { read_bytes: 100, acknowledged_bytes: 100 - pending_bytes, pending_bytes, ..Balance::default() };
        let lag = Duration::ZERO;
        let (state, extent) = (FileState::Live, Some((100, 100)));
        FileReport { input: 0, path, state, extent, balance, unread_bytes: 0, lag, held: None }
    }

    fn summary(files: Vec<FileReport>) -> Summary {
        Summary::new(Snapshot { files, ..Snapshot::default() }, &Metrics::default())
    }

    #[test]
    fn what_is_left_comes_first_and_names_stay_on_their_line() {
        let summary = summary(vec![file("/a/done.log".into(), 0), file("/a/new\nline.log".into(), 40)]);
        assert_eq!(summary.left_bytes, 40);
        let message = summary.message();
        let lines: Vec<&str> = message.lines().collect();
        assert_eq!(lines[1], r"/a/new\nline.log: read 100, acknowledged 60, dropped 0, left 40");
        assert_eq!(lines[2], "/a/done.log: read 100, acknowledged 100, dropped 0, left 0");
    }

    #[test]
    fn the_message_is_never_longer_than_kubernetes_keeps() {
        for bytes in [10, 100, 1_000, 4_000, 5_000] {
            let files = (0..500).map(|nth| file(format!("/{nth:0bytes$}"), 1)).collect();
            let message = summary(files).message();
            assert!(message.len() <= MESSAGE_BYTES_MAX, "{bytes}: {}", message.len());
            assert!(message.ends_with(" more files\n"), "{message}");
        }
    }

    #[test]
    fn it_is_left_only_where_there_is_a_file_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("termination-log");
        summary(Vec::new()).leave_at(&path).unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "x".repeat(10_000)).unwrap();
        summary(Vec::new()).leave_at(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "logskiff ends: read 0 B = acknowledged 0 + dropped 0 + pending 0; left 0 B\n");
    }
}

//! The report of a run in a few lines: for the last line of the log, and for the termination message that Kubernetes
//! shows.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::delivery::ledger::Balance;
use crate::telemetry::http::{FileReport, FileState, Snapshot};
use crate::telemetry::metrics::Metrics;

/// The size limit of a termination message in Kubernetes.
const MESSAGE_BYTES_MAX: usize = 4096;
/// The last line of the log names at most this many files.
const FILES_NAMED_MAX: usize = 20;

/// The byte accounting at the end of a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The balance of all files.
    pub total: Balance,
    /// The files that were open at the end and those that were closed last, sorted by the bytes that are left in them.
    pub files: Vec<FileReport>,
    /// Bytes in the files that are not acknowledged or dropped, as far as known.
    pub left_bytes: u64,
    /// The number of masks.
    pub masked: u64,
    /// The number of rewinds.
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

    /// The balance of all files in one line.
    fn totals(&self) -> String {
        let Balance { read_bytes, acknowledged_bytes, pending_bytes, .. } = self.total;
        let dropped_bytes = self.total.all_dropped_bytes();
        format!(
            "read {read_bytes} B = acknowledged {acknowledged_bytes} + dropped {dropped_bytes} + pending {pending_bytes}; left {} B",
            self.left_bytes
        )
    }

    /// The balances of the files, one text for each.
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

    /// The files for the log: all of them, or the first ones and the number of the others.
    pub(super) fn named_files(&self) -> String {
        let mut named: Vec<String> = self.by_file().take(FILES_NAMED_MAX).collect();
        if self.files.len() > named.len() {
            named.push(format!("and {} more", self.files.len() - named.len()));
        }
        named.join("; ")
    }

    /// The termination message of a run in this state.
    fn message(&self, state: &str) -> String {
        const MORE_BYTES: usize = 40;
        let mut text = format!("{state}: {}\n", self.totals());
        for (index, line) in self.by_file().enumerate() {
            if text.len() + line.len() + 1 + MORE_BYTES > MESSAGE_BYTES_MAX {
                _ = writeln!(text, "and {} more files", self.files.len() - index);
                break;
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// Writes the termination message of a run that is over.
    pub(super) fn write_to(&self, path: &Path) -> io::Result<()> {
        write_termination_message(path, &self.message("shutdown complete"))
    }

    /// Writes the termination message of a run that is being killed before it is over, should that happen.
    pub(super) fn write_as_draining_to(&self, path: &Path) -> io::Result<()> {
        write_termination_message(path, &self.message("ended before the drain was complete"))
    }
}

/// Replaces the termination message in the file that Kubernetes has created for it, up to the size that it shows. Without such
/// a file it does nothing.
///
/// # Errors
/// When the file cannot be written.
pub fn write_termination_message(path: &Path, text: &str) -> io::Result<()> {
    let text = &text.as_bytes()[..text.floor_char_boundary(MESSAGE_BYTES_MAX)];
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut file = match OpenOptions::new().write(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    // A SIGKILL may come at any time: the file is never empty.
    file.write_all(text)?;
    let bytes = text.len() as u64;
    if file.metadata()?.len() > bytes { file.set_len(bytes) } else { Ok(()) }
}

/// The bytes in a file that are not acknowledged or dropped.
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
    fn files_with_bytes_left_come_first_and_each_has_one_line() {
        let summary = summary(vec![file("/a/done.log".into(), 0), file("/a/new\nline.log".into(), 40)]);
        assert_eq!(summary.left_bytes, 40);
        let message = summary.message("shutdown complete");
        let lines: Vec<&str> = message.lines().collect();
        assert_eq!(lines[1], r"/a/new\nline.log: read 100, acknowledged 60, dropped 0, left 40");
        assert_eq!(lines[2], "/a/done.log: read 100, acknowledged 100, dropped 0, left 0");
    }

    #[test]
    fn the_message_is_never_longer_than_the_limit_of_kubernetes() {
        for bytes in [10, 100, 1_000, 4_000, 5_000] {
            let files = (0..500).map(|nth| file(format!("/{nth:0bytes$}"), 1)).collect();
            let message = summary(files).message("shutdown complete");
            assert!(message.len() <= MESSAGE_BYTES_MAX, "{bytes}: {}", message.len());
            assert!(message.ends_with(" more files\n"), "{message}");
        }
    }

    #[test]
    fn the_message_is_never_empty_while_another_replaces_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("termination-log");
        std::fs::write(&path, "draining").unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                (0..20_000).for_each(|number| {
                    let text = if number % 2 == 0 { "draining" } else { "complete: 1 B" };
                    write_termination_message(&path, text).unwrap();
                });
            });
            while !writer.is_finished() {
                assert_ne!(std::fs::read_to_string(&path).unwrap(), "");
            }
        });
        write_termination_message(&path, "draining").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "draining");
    }

    #[test]
    fn the_message_is_written_only_to_an_existing_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("termination-log");
        summary(Vec::new()).write_to(&path).unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "x".repeat(10_000)).unwrap();
        summary(Vec::new()).write_to(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "shutdown complete: read 0 B = acknowledged 0 + dropped 0 + pending 0; left 0 B\n");
    }
}

//! Writes logskiff's own log to stderr. A message that cannot be written is dropped and counted.
//!
//! It never fails, and never waits long for a slow reader: the log must not stop the shipping.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use crate::telemetry::metrics::LOG_LINES_UNWRITTEN;

/// The amount that a writable pipe accepts without blocking (`PIPE_BUF`, pipe(7)).
const PIECE_BYTES: usize = 4096;
/// How long to wait for a slow reader. After a timeout there is no wait until the reader reads again.
const PATIENCE: Duration = Duration::from_millis(100);

/// A writer to stderr. Clones share the reader's state.
#[derive(Clone, Debug, Default)]
pub struct OwnLog {
    is_stuck: Arc<AtomicBool>,
}

impl OwnLog {
    /// Writes a line to `out`; if that fails, drops the rest of the line and counts it.
    fn write_line(&self, out: &mut (impl Write + AsFd), line: &[u8]) {
        let written = line.chunks(PIECE_BYTES).try_for_each(|piece| {
            let patience = if self.is_stuck.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
            let is_ready = is_ready(out, patience)?;
            self.is_stuck.store(!is_ready, Ordering::Relaxed);
            if is_ready { out.write_all(piece) } else { Err(io::ErrorKind::TimedOut.into()) }
        });
        if written.is_err() {
            LOG_LINES_UNWRITTEN.add(1);
        }
    }
}

impl Write for OwnLog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_line(&mut io::stderr().lock(), line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether `out` becomes writable within `patience`. A file always is; a closed pipe is, and then the write fails.
fn is_ready(out: &impl AsFd, patience: Duration) -> io::Result<bool> {
    let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
    Ok(retry_on_intr(|| poll(&mut [PollFd::new(out, PollFlags::OUT)], Some(&patience)))? > 0)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::time::Instant;

    use super::*;

    /// Goal: whatever the reader does, a line is written or counted, and nothing waits for long.
    #[test]
    fn unwritable_lines_are_counted_and_do_not_block() {
        let log = OwnLog::default();
        let counted = || LOG_LINES_UNWRITTEN.get();
        let before = counted();
        log.write_line(&mut File::options().write(true).open("/dev/full").unwrap(), b"full\n");
        assert_eq!(counted(), before + 1, "a full disk");

        let (mut reader, mut writer) = io::pipe().unwrap();
        let line = [b'x'; 3 * PIECE_BYTES];
        log.write_line(&mut writer, &line);
        reader.read_exact(&mut [0; 3 * PIECE_BYTES]).unwrap();
        assert_eq!(counted(), before + 1, "a reader that reads");

        let start = Instant::now();
        for _ in 0..100 {
            log.write_line(&mut writer, &line);
        }
        assert!(counted() > before + 90, "a pipe that is full");
        assert!(start.elapsed() < 10 * PATIENCE, "waited for once: {:?}", start.elapsed());
        reader.read_exact(&mut [0; 3 * PIECE_BYTES]).unwrap();
        let stuck = counted();
        log.write_line(&mut writer, &line);
        assert_eq!(counted(), stuck, "a reader that reads again");

        drop(reader);
        log.write_line(&mut writer, b"gone\n");
        assert_eq!(counted(), stuck + 1, "a reader that is gone");
    }
}

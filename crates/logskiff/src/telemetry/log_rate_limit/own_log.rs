//! The way out of its own log: a line that cannot be written is left out and counted, and holds nothing up.
//!
//! Enters: lines of its own log. Leaves: the same on standard error, as far as that takes them. It never fails, and
//! never waits for a reader that does not read: shipping is not to end, nor to stop, for what is said of it.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use crate::telemetry::metrics::LOG_LINES_UNWRITTEN;

/// What a pipe that is ready takes without a wait (`PIPE_BUF`, pipe(7)).
const PIECE_BYTES: usize = 4096;
/// So long is a reader waited for that is slow; one that took nothing in that time is not waited for again until it reads.
const PATIENCE: Duration = Duration::from_millis(100);

/// Standard error, as the log's writer wants it. Clones share what is known of the reader.
#[derive(Clone, Debug, Default)]
pub struct OwnLog {
    is_stuck: Arc<AtomicBool>,
}

impl OwnLog {
    /// Writes a line to `out`, or leaves it out, whole or its rest, and counts it.
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

/// Whether `out` takes something within `patience`. A file always does, and a reader that is gone is seen when it is written to.
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

    /// Goal: whatever becomes of the reader, a line is written or counted, and nothing waits for long.
    #[test]
    fn what_cannot_be_written_is_counted_and_not_waited_for() {
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

//! Records to standard output, one a line, by a thread of its own: who reads it slowly, or not at all, stops nothing else.
//!
//! In: batches, one at a time. Out: the word that all of a batch is written, or why not.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use super::Report;
use crate::pipeline::batch::Batch;
use event::{Outcome, Ticket};

/// Where something else counts, a reader that takes nothing for so long is no longer waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What became of a batch.
#[derive(Debug)]
pub struct Printed {
    /// How many records it had.
    pub records: u64,
    /// How many bytes, newlines left out.
    pub bytes: u64,
    /// Why it, or a part of it, is not written.
    pub error: Option<io::Error>,
}

/// Standard output, or what stands for it.
#[derive(Debug)]
pub struct Stdout {
    lines: SyncSender<Vec<u8>>,
    written: Receiver<io::Result<()>>,
    /// What the thread is at.
    tickets: Vec<Ticket>,
    bytes: usize,
    /// Since when it is.
    since: Option<Instant>,
    /// A batch was not taken: whoever has it waits for the thread.
    awaited: Arc<AtomicBool>,
}

impl Stdout {
    /// Starts the thread, which calls `wake` when it is ready for a batch that it has not taken.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(mut out: impl Write + Send + 'static, wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (lines, todo) = sync_channel::<Vec<u8>>(1);
        let (done, written) = sync_channel(1);
        let awaited = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&awaited);
        let work = move || {
            for lines in todo {
                let result = out.write_all(&lines).and_then(|()| out.flush());
                if done.send(result).is_err() {
                    return;
                }
                if asked.swap(false, Ordering::AcqRel) {
                    wake();
                }
            }
        };
        std::thread::Builder::new().name("stdout".into()).spawn(work)?;
        Ok(Self { lines, written, tickets: Vec::new(), bytes: 0, since: None, awaited })
    }

    /// Takes a batch, unless the one before is not written yet.
    pub fn print(&mut self, batch: &Batch, now: Instant) -> bool {
        if self.since.is_some() {
            self.awaited.store(true, Ordering::Release);
            return false;
        }
        let mut lines = Vec::with_capacity(batch.bytes.len() + batch.entries.len());
        for entry in &batch.entries {
            lines.extend_from_slice(&batch.bytes[entry.payload.clone()]);
            lines.push(b'\n');
        }
        self.tickets.clear();
        self.tickets.extend(batch.entries.iter().map(|entry| entry.ticket));
        self.bytes = lines.len() - batch.entries.len();
        if self.lines.try_send(lines).is_err() {
            return false;
        }
        self.since = Some(now);
        true
    }

    /// Whether the reader takes nothing any more.
    #[must_use]
    pub fn is_stuck(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.saturating_duration_since(since) >= PATIENCE)
    }

    /// What became of the last batch, once that is known; its records are added to `reports` where it is written.
    pub fn printed(&mut self, reports: &mut Vec<Report>) -> Option<Printed> {
        self.since?;
        match self.written.try_recv() {
            Ok(result) => Some(self.done(result, reports)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(self.done(Err(io::ErrorKind::BrokenPipe.into()), reports)),
        }
    }

    /// The same at the end, and waits for it a little.
    #[must_use]
    pub fn close(mut self, patience: Duration) -> Option<Printed> {
        self.since?;
        let result = self.written.recv_timeout(patience).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        Some(self.done(result, &mut Vec::new()))
    }

    fn done(&mut self, result: io::Result<()>, reports: &mut Vec<Report>) -> Printed {
        self.since = None;
        if result.is_ok() {
            reports.extend(self.tickets.iter().map(|ticket| Report::record(*ticket, Outcome::Delivered)));
        }
        Printed { records: self.tickets.len() as u64, bytes: self.bytes as u64, error: result.err() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::batch::Entry;

    fn batch(texts: &[&str]) -> Batch {
        let mut batch = Batch::default();
        for (number, text) in texts.iter().enumerate() {
            let start = batch.bytes.len();
            batch.bytes.extend_from_slice(text.as_bytes());
            let ticket = Ticket::from_bits(number as u64);
            batch.entries.push(Entry { ticket, ..Entry::new(start..batch.bytes.len()) });
        }
        batch
    }

    /// Hands on what is written, each time once that is wanted.
    struct Pipe(SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn started() -> (Stdout, Receiver<Vec<u8>>, Receiver<()>) {
        let (pipe, reader) = sync_channel(0);
        let (wake, woken) = sync_channel(9);
        (Stdout::start(Pipe(pipe), move || wake.send(()).unwrap()).unwrap(), reader, woken)
    }

    #[test]
    fn a_batch_is_reported_once_all_of_it_is_written() {
        let (mut stdout, reader, woken) = started();
        let (now, mut reports) = (Instant::now(), Vec::new());
        assert!(stdout.print(&batch(&["a", "bc"]), now));
        assert!(!stdout.print(&batch(&["d"]), now), "one at a time");
        assert!(stdout.printed(&mut reports).is_none());
        assert!(!stdout.is_stuck(now) && stdout.is_stuck(now + PATIENCE));
        assert_eq!(reader.recv().unwrap(), b"a\nbc\n");
        woken.recv().expect("one was not taken");
        let printed = stdout.printed(&mut reports).unwrap();
        assert_eq!((printed.records, printed.bytes, printed.error.is_none()), (2, 3, true));
        assert_eq!(
            reports
                .iter()
                .map(|report| (report.ticket.to_bits(), report.outcome == Outcome::Delivered))
                .collect::<Vec<_>>(),
            [(0, true), (1, true)]
        );
        assert!(stdout.printed(&mut reports).is_none() && !stdout.is_stuck(now + PATIENCE));
        assert!(stdout.print(&batch(&["d"]), now));
        assert_eq!(reader.recv().unwrap(), b"d\n");
        assert!(stdout.close(Duration::from_secs(60)).unwrap().error.is_none());
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error_and_one_that_sleeps_is_left() {
        let (mut stdout, reader, woken) = started();
        let mut reports = Vec::new();
        assert!(stdout.print(&batch(&["a"]), Instant::now()));
        assert!(!stdout.print(&batch(&["b"]), Instant::now()));
        drop(reader);
        woken.recv().expect("one was not taken");
        assert_eq!(stdout.printed(&mut reports).unwrap().error.unwrap().kind(), io::ErrorKind::BrokenPipe);
        assert!(reports.is_empty());

        let (mut stdout, _reader, _woken) = started();
        assert!(stdout.print(&batch(&["a"]), Instant::now()));
        assert_eq!(stdout.close(Duration::ZERO).unwrap().error.unwrap().kind(), io::ErrorKind::TimedOut);
    }
}

//! Writes records to standard output, one a line, in a thread of its own: a slow reader stops nothing else.
//!
//! Enters: batches, one at a time. Leaves: an acknowledgement for each record of a batch that was written. Next to another
//! output the records are copies: they are left out while the reader takes nothing, and failures are only counted.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use super::{Ack, Context, Error, Sink};
use crate::pipeline::batch::Batch;
use crate::telemetry::metrics::{ErrorKind, OutputMetrics};
use event::{Outcome, Ticket};

/// Copies do not wait longer than this for the reader.
const PATIENCE: Duration = Duration::from_secs(1);

/// Standard output, or its stand-in.
pub struct Stdout {
    lines: SyncSender<Vec<u8>>,
    written: Receiver<io::Result<()>>,
    /// The batch that the thread is writing.
    tickets: Vec<Ticket>,
    bytes: usize,
    /// When the thread got it; `None`: it has none.
    since: Option<Instant>,
    /// A batch was not taken: the thread wakes the shipper when it has written.
    awaited: Arc<AtomicBool>,
    counts: Arc<OutputMetrics>,
    acknowledges: bool,
}

impl Stdout {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn start(mut out: impl Write + Send + 'static, context: &Context) -> Result<Self, Error> {
        let (lines, todo) = sync_channel::<Vec<u8>>(1);
        let (done, written) = sync_channel(1);
        let awaited = Arc::new(AtomicBool::new(false));
        let (is_awaited, wake) = (Arc::clone(&awaited), Arc::clone(&context.services.wake));
        let work = move || {
            for lines in todo {
                let result = out.write_all(&lines).and_then(|()| out.flush());
                if done.send(result).is_err() {
                    return;
                }
                if is_awaited.swap(false, Ordering::AcqRel) {
                    wake();
                }
            }
        };
        let thread = std::thread::Builder::new().name("stdout".into()).spawn(work);
        thread.map_err(|error| Error::system("cannot start the thread for standard output", error))?;
        let (counts, acknowledges) = (Arc::clone(&context.counts), context.acknowledges);
        // There is no receiver to be reached.
        counts.answers();
        Ok(Self { lines, written, tickets: Vec::new(), bytes: 0, since: None, awaited, counts, acknowledges })
    }

    /// Whether the reader has stopped reading.
    fn is_stuck(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.saturating_duration_since(since) >= PATIENCE)
    }

    /// Counts the batch that the thread was writing.
    ///
    /// # Errors
    /// `result`'s.
    fn finish(&mut self, result: io::Result<()>, acks: &mut Vec<Ack>) -> io::Result<()> {
        self.since = None;
        self.counts.sent_messages.add(self.tickets.len() as u64);
        self.counts.sent_bytes.add(self.bytes as u64);
        if result.is_ok() {
            self.counts.answers();
            acks.extend(self.tickets.iter().map(|ticket| Ack::new(*ticket, Outcome::Delivered)));
        } else {
            self.count_failure(ErrorKind::Write);
        }
        result
    }

    fn count_failure(&self, kind: ErrorKind) {
        self.counts.failed(kind);
        self.counts.connected.set(false);
    }
}

impl Sink for Stdout {
    /// Takes a batch, unless the one before is not written yet.
    fn offer(&mut self, batch: &mut Batch, from: usize) -> usize {
        let now = Instant::now();
        if self.since.is_some() {
            self.awaited.store(true, Ordering::Release);
            if self.acknowledges || !self.is_stuck(now) {
                return from;
            }
            self.count_failure(ErrorKind::Stalled);
            return batch.entries.len();
        }
        let mut lines = Vec::with_capacity(batch.bytes.len() + batch.entries.len());
        for entry in &batch.entries[from..] {
            lines.extend_from_slice(&batch.bytes[entry.payload.clone()]);
            lines.push(b'\n');
        }
        self.tickets.clear();
        self.tickets.extend(batch.entries[from..].iter().map(|entry| entry.ticket));
        self.bytes = lines.len() - self.tickets.len();
        if self.lines.try_send(lines).is_err() {
            return from;
        }
        self.since = Some(now);
        batch.entries.len()
    }

    fn poll_acks(&mut self, acks: &mut Vec<Ack>) -> Result<(), Error> {
        if self.since.is_none() {
            return Ok(());
        }
        let result = match self.written.try_recv() {
            Ok(result) => result,
            Err(TryRecvError::Empty) => return Ok(()),
            Err(TryRecvError::Disconnected) => Err(io::ErrorKind::BrokenPipe.into()),
        };
        match self.finish(result, acks) {
            Err(error) if self.acknowledges => Err(Error::system("standard output cannot be written", error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Waits for the last batch.
    fn close(&mut self, within: Duration) {
        if self.since.is_some() {
            let result = self.written.recv_timeout(within).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            // It is counted, and the log names all errors of outputs.
            _ = self.finish(result, &mut Vec::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::batch::Entry;
    use crate::sink::Services;
    use crate::telemetry::metrics::Metrics;

    fn batch(texts: &[&str]) -> Batch {
        let mut batch = Batch::default();
        for (number, text) in texts.iter().enumerate() {
            let start = batch.bytes.len();
            batch.bytes.extend_from_slice(text.as_bytes());
            let end = batch.bytes.len();
            batch.entries.push(Entry {
                payload: start..end,
                extra: end..end,
                ticket: Ticket::from_bits(number as u64),
            });
        }
        batch
    }

    /// Hands on each write, once the other end takes it.
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

    fn started(acknowledges: bool) -> (Stdout, Receiver<Vec<u8>>, Receiver<()>) {
        let (pipe, reader) = sync_channel(0);
        let (wake, woken) = sync_channel(9);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let metrics = Arc::new(Metrics::new(&[], &["stdout"]));
        let counts = Arc::clone(&metrics.outputs[0]);
        let services = Services {
            pod: crate::pipeline::encode::Pod::default(),
            metrics,
            runtime: runtime.handle().clone(),
            wake: Arc::new(move || wake.send(()).unwrap()),
            batch_bytes: 1,
        };
        (Stdout::start(Pipe(pipe), &Context { services, counts, acknowledges }).unwrap(), reader, woken)
    }

    #[test]
    fn a_batch_is_acknowledged_once_all_of_it_is_written() {
        let (mut stdout, reader, woken) = started(true);
        let (now, mut acks) = (Instant::now(), Vec::new());
        assert_eq!(stdout.offer(&mut batch(&["a", "bc"]), 0), 2);
        assert_eq!(stdout.offer(&mut batch(&["d"]), 0), 0, "one at a time");
        stdout.poll_acks(&mut acks).unwrap();
        assert!(acks.is_empty());
        assert!(!stdout.is_stuck(now) && stdout.is_stuck(now + 2 * PATIENCE));
        assert_eq!(reader.recv().unwrap(), b"a\nbc\n");
        woken.recv().expect("one was not taken");
        stdout.poll_acks(&mut acks).unwrap();
        assert_eq!((stdout.counts.sent_messages.get(), stdout.counts.sent_bytes.get()), (2, 3));
        let want = [0, 1].map(|ticket| Ack::new(Ticket::from_bits(ticket), Outcome::Delivered));
        assert_eq!(acks, want);
        stdout.poll_acks(&mut acks).unwrap();
        assert!(acks.len() == 2 && !stdout.is_stuck(now + 2 * PATIENCE));
        assert_eq!(stdout.offer(&mut batch(&["d"]), 0), 1);
        assert_eq!(reader.recv().unwrap(), b"d\n");
        stdout.close(Duration::from_secs(60));
        assert!(stdout.counts.connected.get());
    }

    #[test]
    fn a_closed_pipe_is_an_error_and_a_reader_that_sleeps_is_left() {
        for acknowledges in [true, false] {
            let (mut stdout, reader, woken) = started(acknowledges);
            let mut acks = Vec::new();
            stdout.offer(&mut batch(&["a"]), 0);
            stdout.offer(&mut batch(&["b"]), 0);
            drop(reader);
            woken.recv().expect("one was not taken");
            assert_eq!(stdout.poll_acks(&mut acks).is_err(), acknowledges, "copies end nothing");
            assert!(acks.is_empty() && !stdout.counts.connected.get());

            let (mut stdout, _reader, _woken) = started(acknowledges);
            stdout.offer(&mut batch(&["a"]), 0);
            stdout.close(Duration::ZERO);
            assert_eq!(stdout.counts.errors[ErrorKind::Write as usize].get(), 1);
        }
    }

    #[test]
    fn copies_are_left_out_while_the_reader_takes_nothing() {
        for (acknowledges, taken) in [(true, 0), (false, 1)] {
            let (mut stdout, _reader, _woken) = started(acknowledges);
            stdout.offer(&mut batch(&["a"]), 0);
            stdout.since = Instant::now().checked_sub(PATIENCE);
            assert_eq!(stdout.offer(&mut batch(&["b"]), 0), taken);
            assert_eq!(stdout.counts.errors[ErrorKind::Stalled as usize].get(), taken as u64);
        }
    }
}

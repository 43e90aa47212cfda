//! Reads standard input, and pipes that the configuration names without a glob. Their bytes come once.
//!
//! Input: an open pipe. Output: its bytes at an offset, like a file's, until they are acknowledged. A thread reads the
//! pipe into memory up to a bound. Above it the thread stops, the pipe fills, and its writer waits. No byte is
//! discarded before it is acknowledged, and none is ever logged.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::content::Content;
use super::discovery::FoundPipe;
use super::open_beneath::{OpenError, open_pipe_beneath};
use super::tracked_file::{Incarnation, OpenedFile};
use super::{Event, FileId, FileSource, Watermark};

/// The name of standard input in globs and records.
pub const STDIN: &str = "-";
/// The capacity of a pipe: no read returns more.
const READ_BYTES: usize = 64 * 1024;
/// The pause after a read that leaves the pipe nearly empty. So many small writes cost by time, not by their number.
const PAUSE: Duration = Duration::from_millis(20);
/// How often a pipe without a writer is tried: the system cannot wait for a writer.
const UNCONNECTED: Duration = Duration::from_millis(250);
/// How many acknowledged bytes are kept: the state of the redactor may depend on them.
const LOOKBACK_BYTES: u64 = 64 * 1024;
/// The thread only reads and waits.
const STACK_BYTES: usize = 64 * 1024;

/// A pipe, and the bytes that are kept of it.
pub(super) struct Stream {
    file: Arc<File>,
    shared: Arc<Shared>,
    /// Its end is final: standard input. A named pipe may be opened by another writer.
    ends: bool,
}

/// How far a pipe was read, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// How many bytes came so far.
    pub(super) length: u64,
    /// No more bytes will come.
    pub(super) ended: bool,
}

#[derive(Default)]
struct Shared {
    buffer: Mutex<Buffer>,
    condvar: Condvar,
}

#[derive(Default)]
struct Buffer {
    /// The offset of the first byte that is kept.
    from: u64,
    kept: VecDeque<u8>,
    ended: bool,
    /// The name is gone: the next end of the pipe is final.
    retired: bool,
    /// The reader is dropped.
    is_dropped: bool,
    problem: Option<&'static str>,
}

impl Stream {
    /// Standard input of this process.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn stdin(kept_bytes_max: usize) -> io::Result<Self> {
        Self::start(File::from(io::stdin().as_fd().try_clone_to_owned()?), true, kept_bytes_max)
    }

    /// Reads `file` in a thread of its own, which wakes the calling thread.
    fn start(file: File, ends: bool, kept_bytes_max: usize) -> io::Result<Self> {
        let (file, shared) = (Arc::new(file), Arc::new(Shared::default()));
        let wake = std::thread::current();
        let (read, kept) = (Arc::clone(&file), Arc::clone(&shared));
        let work = move || read_pipe(&read, ends, &kept, kept_bytes_max, &wake);
        std::thread::Builder::new().name("stream".into()).stack_size(STACK_BYTES).spawn(work)?;
        Ok(Self { file, shared, ends })
    }

    /// The pipe itself.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// How many bytes came so far, and whether the pipe has ended.
    pub(super) fn extent(&self) -> Extent {
        self.shared.buffer().extent()
    }

    /// Whether its end is final.
    pub(super) fn ends(&self) -> bool {
        self.ends
    }

    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<&'static str> {
        self.shared.buffer().problem
    }

    /// The offset of the first byte that is kept.
    pub(super) fn kept_from(&self) -> u64 {
        self.shared.buffer().from
    }

    /// Copies the bytes from `offset` on into `buffer`. Returns their number, and how far the pipe was read then.
    pub(super) fn fill(&self, offset: u64, buffer: &mut [u8]) -> (usize, Extent) {
        let kept = self.shared.buffer();
        let skipped = offset.checked_sub(kept.from).and_then(|skipped| usize::try_from(skipped).ok());
        let Some(skipped) = skipped.filter(|skipped| *skipped <= kept.kept.len()) else { return (0, kept.extent()) };
        let (first, second) = kept.kept.as_slices();
        let parts = [&first[skipped.min(first.len())..], &second[skipped.saturating_sub(first.len())..]];
        let mut copied = 0;
        for part in parts {
            let most = part.len().min(buffer.len() - copied);
            buffer[copied..copied + most].copy_from_slice(&part[..most]);
            copied += most;
        }
        (copied, kept.extent())
    }

    /// Discards bytes before `settled`, which are acknowledged, except for a short lookback.
    pub(super) fn forget(&self, settled: u64) {
        let mut buffer = self.shared.buffer();
        let checkpoint = settled.saturating_sub(LOOKBACK_BYTES).saturating_sub(buffer.from);
        let checkpoint = usize::try_from(checkpoint).unwrap_or(usize::MAX).min(buffer.kept.len());
        if checkpoint < READ_BYTES && checkpoint < buffer.kept.len() / 2 {
            // To discard a few bytes at a time would cost more than it frees.
            return;
        }
        buffer.kept.drain(..checkpoint);
        buffer.from += checkpoint as u64;
        if buffer.kept.len() < READ_BYTES {
            buffer.kept.shrink_to(2 * READ_BYTES);
        }
        self.shared.condvar.notify_all();
    }

    /// The next end of the pipe is final. Bytes that its writer still writes are read when there is space for them.
    fn retire(&self) {
        self.shared.buffer().retired = true;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.buffer().is_dropped = true;
        self.shared.condvar.notify_all();
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buffer = self.shared.buffer();
        write!(f, "Stream({}..{}, ended: {})", buffer.from, buffer.extent().length, buffer.ended)
    }
}

impl Shared {
    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for space. Returns the number of free bytes, or `None` when the reader is dropped.
    fn wait_for_space(&self, kept_bytes_max: usize) -> Option<usize> {
        let full = |buffer: &mut Buffer| buffer.kept.len() >= kept_bytes_max && !buffer.is_dropped;
        let buffer = self.condvar.wait_while(self.buffer(), full).unwrap_or_else(PoisonError::into_inner);
        kept_bytes_max.checked_sub(buffer.kept.len()).filter(|space| *space > 0 && !buffer.is_dropped)
    }
}

impl Buffer {
    fn extent(&self) -> Extent {
        Extent { length: self.from + self.kept.len() as u64, ended: self.ended }
    }
}

/// Reads until the final end.
fn read_pipe(file: &File, ends: bool, shared: &Shared, kept_bytes_max: usize, wake: &Thread) {
    let mut buffer = vec![0; READ_BYTES];
    let mut problem = None;
    while let Some(space) = shared.wait_for_space(kept_bytes_max) {
        let most = space.min(READ_BYTES);
        match { file }.read(&mut buffer[..most]) {
            Ok(0) => {
                let mut kept = shared.buffer();
                if ends || kept.retired {
                    break;
                }
                // The bytes of the next writer do not continue the last line of this one.
                if kept.kept.back().is_some_and(|last| *last != b'\n') {
                    kept.kept.push_back(b'\n');
                    wake.unpark();
                }
                drop(kept);
                std::thread::sleep(UNCONNECTED);
            }
            Ok(read) => {
                shared.buffer().kept.extend(&buffer[..read]);
                wake.unpark();
                if read < most / 2 {
                    std::thread::sleep(PAUSE);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The pipe's creator shares this setting and may need it: it stays as it is.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => await_bytes(file),
            Err(_) => {
                problem = Some("reading it failed: no more of it is read");
                break;
            }
        }
    }
    let mut kept = shared.buffer();
    (kept.ended, kept.problem) = (true, problem);
    drop(kept);
    wake.unpark();
}

/// Waits for bytes or the end. If waiting fails, the next read reports the error.
fn await_bytes(file: &File) {
    if rustix::event::poll(&mut [PollFd::new(file, PollFlags::IN)], None).is_err() {
        std::thread::sleep(PAUSE);
    }
}

impl FileSource {
    /// Opens standard input at the first check, and each pipe when it is found. A pipe whose name is gone ends with its
    /// writer.
    pub(super) fn follow_streams(&mut self, pipes: &[FoundPipe], now: Instant, events: &mut Vec<Event>) {
        if self.schedule.is_first_round {
            for input in 0..self.discovery.inputs.len() {
                if self.discovery.inputs[input].globs.names_stdin() {
                    let stream = Stream::stdin(self.discovery.inputs[input].config.kept_bytes_max);
                    self.begin_stream(input, Path::new(STDIN), stream.map_err(Into::into), now, events);
                }
            }
        }
        let mut open = HashSet::new();
        for file in self.files() {
            let Content::Stream(stream) = &file.handle else { continue };
            open.insert(file.inode);
            if !stream.ends() && pipes.iter().all(|FoundPipe { pipe, .. }| pipe.inode != file.inode) {
                stream.retire();
            }
        }
        for FoundPipe { input, pipe } in pipes.iter().filter(|FoundPipe { pipe, .. }| !open.contains(&pipe.inode)) {
            let kept_bytes_max = self.discovery.inputs[*input].config.kept_bytes_max;
            let stream = open_pipe_beneath(&pipe.root, &pipe.place)
                .and_then(|file| Ok(Stream::start(file, false, kept_bytes_max)?));
            self.begin_stream(*input, &pipe.path, stream, now, events);
        }
    }

    fn begin_stream(
        &mut self,
        input: usize,
        path: &Path,
        stream: Result<Stream, OpenError>,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        match stream {
            Ok(stream) => {
                self.clear_refusal(path);
                let origin = self.index.stream_origin(path);
                let opened = OpenedFile { input, path: PathBuf::from(path), handle: Content::Stream(stream) };
                self.begin(opened, Watermark::default(), Incarnation { origin, number: 0 }, now, events);
            }
            Err(error) => self.refuse(path.to_path_buf(), &error.to_string(), events),
        }
    }

    /// Notes how far each file is acknowledged or dropped, and discards these bytes of pipes.
    pub fn note_settled(&mut self, settled: impl Fn(FileId) -> Watermark) {
        for file in self.table.iter_mut() {
            file.note_settled(&settled);
        }
        for lost in &mut self.index.lost {
            lost.is_settled = lost.id.is_some_and(|id| settled(id).offset >= lost.entry.offset);
        }
    }

    /// Whether the application has written anything: there is a file, or a byte in a pipe, which may exist before its
    /// writer.
    #[must_use]
    pub fn has_seen_writer(&self) -> bool {
        self.files().any(|file| !file.handle.is_stream() || file.seen.size > 0)
    }

    /// Whether standard input is open and has not ended.
    #[must_use]
    pub fn is_stdin_open(&self) -> bool {
        self.files()
            .any(|file| matches!(&file.handle, Content::Stream(stream) if stream.ends() && !stream.extent().ended))
    }

    /// Whether standard input was the only input, has ended, and is acknowledged.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        !self.schedule.is_first_round
            && self.discovery.inputs.iter().all(|input| input.globs.names_stdin_alone())
            && self.files().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::OwnedFd;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn pipe() -> (File, File) {
        let (read, write) = io::pipe().unwrap();
        (File::from(OwnedFd::from(read)), File::from(OwnedFd::from(write)))
    }

    #[track_caller]
    fn until(what: &str, mut condition: impl FnMut() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < PATIENCE, "timed out waiting for {what}");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn read(stream: &Stream, offset: u64, most: usize) -> Vec<u8> {
        let mut buffer = vec![0; most];
        let (copied, _) = stream.fill(offset, &mut buffer);
        buffer.truncate(copied);
        buffer
    }

    /// Goal: unacknowledged bytes can be read again, and the end is known together with the last byte.
    #[test]
    fn unacknowledged_bytes_stay() {
        let (from, mut to) = pipe();
        let stream = Stream::start(from, true, 1 << 20).unwrap();
        to.write_all(b"one\ntwo\n").unwrap();
        until("the bytes", || stream.extent() == Extent { length: 8, ended: false });
        assert_eq!(read(&stream, 0, 100), b"one\ntwo\n");
        assert_eq!(read(&stream, 4, 3), b"two");
        assert_eq!(read(&stream, 8, 3), b"");
        assert_eq!(read(&stream, 9, 3), b"");
        to.write_all(b"three").unwrap();
        drop(to);
        until("the end", || stream.extent() == Extent { length: 13, ended: true });
        assert_eq!(read(&stream, 8, 100), b"three");
        assert_eq!(format!("{stream:?}"), "Stream(0..13, ended: true)");
    }

    /// Goal: a non-blocking pipe is read like any other.
    #[test]
    fn a_non_blocking_pipe_is_read() {
        let (from, mut to) = pipe();
        rustix::io::ioctl_fionbio(&from, true).unwrap();
        let stream = Stream::start(from, true, 1 << 20).unwrap();
        for (line, length) in [(&b"one\n"[..], 4), (b"two\n", 8)] {
            // Long enough for the thread to find nothing.
            std::thread::sleep(2 * PAUSE);
            to.write_all(line).unwrap();
            until("the line", || stream.extent() == Extent { length, ended: false });
        }
        drop(to);
        until("the end", || stream.extent() == Extent { length: 8, ended: true });
        assert_eq!((read(&stream, 0, 100).as_slice(), stream.problem()), (&b"one\ntwo\n"[..], None));
    }

    /// Goal: a pipe whose name is gone while there is no space is still read to its end.
    #[test]
    fn a_full_pipe_whose_name_is_gone_is_read_to_its_end() {
        const MOST: usize = 200_000;
        let (from, mut to) = pipe();
        let stream = Stream::start(from, false, MOST).unwrap();
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).chain(*b"\n").collect();
        let written = text.clone();
        let writer = std::thread::spawn(move || to.write_all(&written));
        until("a full buffer", || stream.extent().length == MOST as u64);
        stream.retire();
        let mut got = Vec::new();
        until("the end", || {
            let Extent { length, ended } = stream.extent();
            let at = got.len() as u64;
            got.extend(read(&stream, at, usize::try_from(length - at).unwrap()));
            stream.forget(length);
            ended
        });
        let at = got.len() as u64;
        got.extend(read(&stream, at, MOST));
        assert_eq!(got.len(), text.len());
        assert!(got == text);
        writer.join().unwrap().unwrap();
    }

    /// Goal: memory is bounded, the writer waits, and every byte arrives once the bytes before it are acknowledged.
    #[test]
    fn above_the_bound_the_writer_waits() {
        const MOST: usize = 300_000;
        let (from, mut to) = pipe();
        let stream = Stream::start(from, true, MOST).unwrap();
        let text: Vec<u8> = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
        let written = text.clone();
        let writer = std::thread::spawn(move || to.write_all(&written).unwrap());
        let (mut got, mut most) = (Vec::new(), 0);
        while got.len() < text.len() {
            let full = (text.len() - got.len()).min(MOST - 2 * usize::try_from(LOOKBACK_BYTES).unwrap());
            let at = got.len() as u64;
            until("a full buffer", || stream.extent().length >= at + full as u64);
            // Bytes that are missing here are in the pipe, or its writer waits.
            assert!(text.len() <= got.len() + MOST + READ_BYTES || !writer.is_finished());
            got.extend(read(&stream, at, full));
            most = most.max(stream.shared.buffer().kept.len());
            stream.forget(got.len() as u64);
        }
        writer.join().unwrap();
        assert_eq!(got, text);
        assert!(most <= MOST, "{most}");
        let lookback = got.len() - usize::try_from(LOOKBACK_BYTES).unwrap();
        assert_eq!(read(&stream, lookback as u64, 100), text[lookback..lookback + 100], "the lookback is kept");
    }
}

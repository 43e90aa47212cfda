//! The pass: chunks of the files, in turns, through the pipeline into the batch.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::clock::Clock;
use super::{CHUNK_BYTES, Components, FileContext, SCAN_BYTES, Shipper, redacted_path};
use crate::agent::{AppError, log_events};
use crate::delivery::ledger::Outgoing;
use crate::failpoint;
use crate::pipeline::batch::cost_bytes;
use crate::pipeline::encode::RedactedLine;
use crate::pipeline::frame::{ContainerConfig, ContainerLines, Encoding, End, FileRecords, Framed, Frames, Placed};
use crate::pipeline::is_blank;
use crate::sink::{Staged, Supply};
use crate::source::{Chunk, Polled, TrackedFile, WriteTime};
use event::{Boundary, DropReason, FileId, Framing, Line, LineTimes, OutputSet, Share, Span, Watermark};

/// How often truncated lines of one file are logged.
const TRUNCATION_LOGGED_EVERY: Duration = Duration::from_secs(30);

/// The result of one turn of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// There is more to read of it.
    More,
    /// It is read, as far as it is written.
    Done,
    /// The budget is spent, or an output takes no more for now.
    Full,
}

/// A chunk of a file, and its lines.
struct FramedChunk<'b> {
    bytes: &'b [u8],
    frames: Frames<'b>,
    encoding: Encoding,
    end: End,
    /// Where it begins.
    at: Watermark,
}

/// When a line was read and written.
#[derive(Clone, Copy)]
struct Times {
    /// For its record.
    line: LineTimes,
    /// On the shipper's clock.
    written_ms: u32,
}

/// What the ledger is told of a line.
#[derive(Clone, Copy)]
struct Place {
    file: FileId,
    share: Share,
    times: Times,
}

/// How much of a chunk was taken.
struct Taken {
    bytes: usize,
    boundary: Boundary,
    full: bool,
    /// What follows is not to be read.
    ended: bool,
    /// An unfinished record follows.
    held: bool,
}

impl Shipper {
    /// Reads what is new, a chunk of each file in turn, as far as the budget goes.
    pub(super) fn read_pass(&mut self, now: Instant) -> Result<(), AppError> {
        let Polled { mut ready, events } = self.components.source.poll(now);
        // At once, also where nothing may be read now: a file that was truncated is another from here on, and needs an account
        // before the watermarks are next asked for.
        self.handle_events(events, now);
        self.reading.add_timed_out(&mut ready, now);
        self.reading.rotate(&mut ready);
        self.reading.has_unread = self.components.source.has_more_to_unpack();
        while !ready.is_empty() {
            let mut again = Vec::new();
            for (at, file) in ready.iter().copied().enumerate() {
                if self.is_full() {
                    // It has not had its turn.
                    self.reading.has_unread = true;
                    return Ok(());
                }
                // Lines keep their order: a file is read after the one that it replaced.
                if self.components.source.replaced_any(file, again.iter().chain(&ready[at + 1..])) {
                    again.push(file);
                    continue;
                }
                self.reading.last_read = Some(file);
                match self.read_turn(file, now) {
                    Turn::More => again.push(file),
                    Turn::Done => {}
                    Turn::Full => {
                        self.reading.has_unread = true;
                        return Ok(());
                    }
                }
            }
            ready = again;
            // A file that is written at full speed never ends: the others are to be looked at again.
            if now.elapsed() >= self.config.batch.linger && !ready.is_empty() {
                self.reading.has_unread = true;
                break;
            }
            // Between the turns: reports free the budget, and the end may be asked for.
            self.publish_status(Instant::now());
            self.settle_acks(Instant::now())?;
            self.checkpoint_if_due(Instant::now());
            if self.ledger.failed() || self.backoff.is_started() || !self.is_reading() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads one chunk of one file.
    fn read_turn(&mut self, file: FileId, now: Instant) -> Turn {
        let ends = |at: u64| self.read_limit(file, at) <= at;
        if self.components.source.file(file).is_some_and(|file| ends(file.position().offset))
            || self.waits_for_refused(file, now)
        {
            return Turn::Done;
        }
        let mut buffer = std::mem::take(&mut self.reading.buffer);
        let mut turn = self.read_chunk(file, &mut buffer, CHUNK_BYTES, now);
        if turn.is_none() {
            // Not one whole line in a chunk: the line is long, and as much is needed as a line may have.
            let window = self.window_bytes(file);
            turn = self.read_chunk(file, &mut buffer, window, now);
            buffer.truncate(CHUNK_BYTES);
            buffer.shrink_to(2 * CHUNK_BYTES);
        }
        self.reading.buffer = buffer;
        turn.unwrap_or(Turn::Done)
    }

    fn window_bytes(&self, file: FileId) -> usize {
        let Some(context) = self.files.open.get(&file) else { return 2 * CHUNK_BYTES };
        let frame = self.config.inputs[context.input].frame;
        let is_lines = context.framing.is_none_or(|framing| framing == Framing::Lines);
        let window = if is_lines { frame.window_bytes() } else { ContainerConfig::window_bytes(frame) };
        window.max(2 * CHUNK_BYTES)
    }

    pub(super) fn is_full(&self) -> bool {
        self.ledger.in_flight_bytes() >= self.config.batch.in_flight_bytes
            || self.components.fanout.is_full()
            || self.reloads.credentials.waits()
    }

    /// Reads up to `most` bytes. `None` when they hold not one whole line and the file goes on.
    fn read_chunk(&mut self, file: FileId, buffer: &mut Vec<u8>, most: usize, now: Instant) -> Option<Turn> {
        let Chunk { bytes, is_last } = match self.components.source.read_chunk(file, buffer, most, now) {
            Ok(chunk) => chunk,
            Err(events) => {
                self.handle_events(events, now);
                return Some(Turn::Done);
            }
        };
        failpoint::point("read");
        let (Some(opened), Some(mut context)) = (self.components.source.file(file), self.files.open.remove(&file))
        else {
            return Some(Turn::Done);
        };
        let written = Written::new(opened.write_time(opened.position().offset), &self.clock, now);
        let encoding = Encoding::detect(opened.head());
        let at_the_end = self.drain.reads_partial_lines();
        let (at, is_final) = (opened.position(), is_last && (opened.is_final(now) || at_the_end));
        let (is_filled, is_still) = (opened.is_filled(now), opened.are_zeros_final(now) || at_the_end);
        let timeout_at = self.timeout_at(opened, &context, now);
        let bytes = &buffer[..bytes];
        let frames = Frames::new(self.config.inputs[context.input].frame, bytes, at.offset, at.boundary, is_final)
            .filled(is_filled && is_last)
            .still(is_still)
            .encoded(encoding);
        let end = match is_final {
            true => End::Final,
            false if timeout_at <= now => End::TimedOut { is_last },
            false => End::Open,
        };
        let chunk = FramedChunk { bytes, frames, encoding, end, at };
        let taken = self.enqueue_records(file, &mut context, chunk, written);
        self.files.open.insert(file, context);
        if taken.held {
            self.reading.held.insert(file, timeout_at);
        } else {
            self.reading.held.remove(&file);
        }
        if taken.bytes > 0 {
            self.reading.activity.note_read(now);
        }
        let zeros = !taken.ended && at.boundary == Boundary::LineStart && bytes.iter().all(|byte| *byte == 0);
        if taken.bytes == 0 && !taken.full && !is_last && zeros {
            return Some(self.pass_zeros(file, at.offset, encoding, now));
        }
        if taken.bytes == 0 && !taken.full && !taken.ended && !is_last {
            return (most > 2 * CHUNK_BYTES - 1).then_some(Turn::Done);
        }
        self.components.source.advance(file, &bytes[..taken.bytes], taken.boundary, !taken.full && !taken.ended);
        Some(match (taken.full, is_last || taken.ended) {
            (true, _) => Turn::Full,
            (false, true) => Turn::Done,
            (false, false) => Turn::More,
        })
    }

    /// Passes over a hole that is longer than what is read at once.
    fn pass_zeros(&mut self, file: FileId, start: u64, encoding: Encoding, now: Instant) -> Turn {
        match self.components.source.skip_zeros(file, now, encoding.unit_bytes() as u64) {
            0 => Turn::Done,
            zeros => {
                let share = Share::whole(Span { start, end: start + zeros }, Boundary::LineStart);
                self.drop_span(file, share, DropReason::NulPadding);
                Turn::More
            }
        }
    }

    /// Takes the records of a chunk, as far as the budget goes.
    fn enqueue_records(
        &mut self,
        file: FileId,
        context: &mut FileContext,
        chunk: FramedChunk<'_>,
        mut written: Written,
    ) -> Taken {
        let FramedChunk { bytes, frames, encoding, end, at } = chunk;
        let grouping = Arc::clone(self.components.pipelines[context.input].grouping());
        let mut marks = std::mem::take(&mut context.marks);
        marks.end_at(self.components.source.file(file).map_or(u64::MAX, TrackedFile::size));
        let mut lines = std::mem::take(&mut self.reading.container_lines);
        let printed = self.container_config(context, bytes).map(|config| {
            self.take_attrs(file, context, bytes);
            lines.read(frames.clone(), config, &marks, end);
            self.log_foreign(context, &lines);
            &lines
        });
        let mut records = FileRecords::new(frames, printed, &grouping, &mut marks, end);
        let read_ns = now_ns();
        let mut scanned = 0..0;
        let mut taken = Taken { bytes: 0, boundary: at.boundary, full: false, ended: false, held: false };
        let most = self.read_limit(file, at.offset);
        for Placed { framed, share } in &mut records {
            if self.components.fanout.has_full_batch() {
                self.components.fanout.flush();
                self.components.fanout.send(Supply::More, Instant::now());
            }
            if self.is_full() {
                taken.full = true;
                break;
            }
            let span = share.span;
            if span.start >= most {
                taken.ended = true;
                break;
            }
            if span.start >= written.until {
                let file = self.components.source.file(file);
                written = Written::new(file.and_then(|file| file.write_time(span.start)), &self.clock, Instant::now());
            }
            let times = Times { line: written.line_times(read_ns), written_ms: written.ms };
            match framed {
                Framed::Line(line) if printed.is_some() => {
                    self.components.pipelines[context.input].scan(line.text);
                    self.enqueue_line(context, &line, 0, Place { file, share, times });
                }
                Framed::Line(line) if encoding != Encoding::Utf8 => {
                    self.with_decoded(context, encoding, &line, |this, context, line| {
                        this.enqueue_line(context, line, 0, Place { file, share, times });
                    });
                }
                Framed::Line(line) => {
                    let text = taken.bytes..taken.bytes + line.text.len();
                    if scanned.end < text.end {
                        scanned = text.start..self.prefilter(context.input, bytes, &text);
                    }
                    self.enqueue_line(context, &line, text.start - scanned.start, Place { file, share, times });
                }
                Framed::Rest(..) => self.drop_span(file, share, DropReason::Truncated),
                Framed::NulPadding(_) => self.drop_span(file, share, DropReason::NulPadding),
                Framed::ByteOrderMark(_) => self.drop_span(file, share, DropReason::Blank),
            }
            taken.bytes = usize::try_from(span.end - at.offset).unwrap_or(usize::MAX);
            taken.boundary = share.boundary;
        }
        taken.held = records.is_held() && !taken.full && !taken.ended;
        let start_pattern = records.start_pattern();
        marks.settle(self.ledger.watermark(file).offset);
        context.marks = marks;
        self.keep_container_lines(lines);
        self.note_start_pattern(context.input, start_pattern);
        taken
    }

    /// Keeps the memory of a chunk's lines, unless it is much.
    pub(super) fn keep_container_lines(&mut self, mut lines: ContainerLines) {
        lines.shrink(CHUNK_BYTES);
        self.reading.container_lines = lines;
    }

    /// Does something with a line of UTF-16 as UTF-8, which is looked over by itself.
    pub(super) fn with_decoded(
        &mut self,
        context: &mut FileContext,
        encoding: Encoding,
        line: &Line<'_>,
        take: impl FnOnce(&mut Self, &mut FileContext, &Line<'_>),
    ) {
        let mut decoded = std::mem::take(&mut self.reading.decoded);
        let line = encoding.decode_line(line, &mut decoded);
        self.components.pipelines[context.input].scan(line.text);
        take(self, context, &line);
        decoded.shrink_to(CHUNK_BYTES);
        self.reading.decoded = decoded;
    }

    /// Looks over whole lines from `text` on, some more than that: not all that was read, for what does not fit into the
    /// batch is read again. Returns where they end.
    pub(super) fn prefilter(&mut self, input: usize, bytes: &[u8], text: &Range<usize>) -> usize {
        let most = bytes.len().min(text.end.max(text.start + SCAN_BYTES));
        let end = memchr::memchr(b'\n', &bytes[most..]).map_or(bytes.len(), |newline| most + newline + 1);
        self.components.pipelines[input].scan(&bytes[text.start..end]);
        end
    }

    fn drop_span(&mut self, file: FileId, share: Share, reason: DropReason) {
        if !self.ledger.skip_if_acknowledged(file, share) {
            self.drop_pending(file, share, reason);
        }
    }

    /// Drops a span that is not acknowledged.
    fn drop_pending(&mut self, file: FileId, share: Share, reason: DropReason) {
        self.ledger.dropped(file, share, reason);
        self.checkpoints.add(share.span.bytes());
    }

    /// Puts one line into the batches and the ledger. The ledger is asked first: an acknowledged line is not encoded again.
    fn enqueue_line(&mut self, context: &mut FileContext, line: &Line<'_>, start: usize, place: Place) {
        let Place { file, share, times } = place;
        let span = share.span;
        if is_blank(line) {
            return self.drop_span(file, share, DropReason::Blank);
        }
        if self.ledger.skip_if_acknowledged(file, share) {
            context.pem_state.read_past(line.text, line.keep);
            return;
        }
        let is_new = self.ledger.is_new(file, span);
        if is_new && line.boundary == Boundary::MidLine {
            self.components.metrics.inputs[context.input].truncated_lines.add(1);
            self.warn_of_truncation(context);
        }
        match self.encode_line(context, line, start, Encode { file, times: times.line, is_new, only: OutputSet::ALL }) {
            Ok(Staged { messages, bytes }) => {
                let cost_bytes = cost_bytes(bytes, span.bytes());
                let written_ms = times.written_ms;
                let ticket = self.ledger.track(file, &Outgoing { share, cost_bytes, messages, written_ms });
                self.components.fanout.enqueue(ticket);
                failpoint::point("enqueue");
            }
            Err(reason) => self.drop_pending(file, share, reason),
        }
    }

    /// Logs that a line was truncated, once for each file and interval.
    fn warn_of_truncation(&self, context: &mut FileContext) {
        let now = Instant::now();
        let is_due = |at: Instant| now.saturating_duration_since(at) >= TRUNCATION_LOGGED_EVERY;
        if context.truncation_logged_at.is_none_or(is_due) {
            context.truncation_logged_at = Some(now);
            let limit_bytes = self.config.inputs[context.input].frame.line_bytes_max;
            let path = redacted_path(&self.components.pipelines, &context.path);
            tracing::warn!(path, limit_bytes, "a line is longer than LOGSKIFF_LINE_BYTES_MAX: its rest is not shipped");
        }
    }

    /// Has the outputs encode a line, unless it is dropped. `start`: where it begins in the text that the prefilter has
    /// scanned.
    pub(super) fn encode_line(
        &mut self,
        context: &mut FileContext,
        line: &Line<'_>,
        start: usize,
        encode: Encode,
    ) -> Result<Staged, DropReason> {
        let Components { pipelines, fanout, metrics, log_limit, .. } = &mut self.components;
        let Encode { file, times, is_new, only } = encode;
        let counts = is_new.then(|| &metrics.inputs[context.input]);
        let (envelope, Line { span, flags, printed, .. }) = (&context.envelope, *line);
        let encoded =
            pipelines[context.input].line(line, start, &mut context.pem_state, counts, |redacted, encoder| {
                let line = RedactedLine { redacted, envelope, file, span, flags, printed, times, is_new };
                fanout.encode(&line, encoder, only)
            });
        if pipelines[context.input].redactor().audits() && is_new {
            log_events::log_audited(
                log_limit,
                &pipelines[context.input],
                line,
                &self.config.inputs[context.input].name,
            );
        }
        encoded.flatten()
    }
}

/// How a line is encoded.
#[derive(Clone, Copy)]
pub(super) struct Encode {
    pub(super) file: FileId,
    /// When it was written and read.
    pub(super) times: LineTimes,
    /// It was not read before: its masks and failures are counted.
    pub(super) is_new: bool,
    /// The outputs that get it.
    pub(super) only: OutputSet,
}

/// When a stretch of a file was written.
#[derive(Clone, Copy)]
struct Written {
    /// Up to where it holds.
    until: u64,
    /// On the shipper's clock: milliseconds after its start; what was written before counts from there on.
    ms: u32,
    /// As far as known.
    time: Option<WriteTime>,
}

impl Written {
    /// `known` is what the file knows; what is not known was written just `now`.
    fn new(known: Option<(u64, WriteTime)>, clock: &Clock, now: Instant) -> Self {
        let (until, time) = known.unzip();
        Self { until: until.unwrap_or(u64::MAX), ms: clock.written_ms(time.map_or(now, |time| time.at)), time }
    }

    fn line_times(self, read_ns: i64) -> LineTimes {
        line_times(self.time, read_ns)
    }
}

/// The times of a line that was read at `read_ns`.
pub(super) fn line_times(written: Option<WriteTime>, read_ns: i64) -> LineTimes {
    match written {
        Some(WriteTime { time_ns, source, .. }) => LineTimes::written(read_ns, time_ns, source),
        None => LineTimes::read(read_ns),
    }
}

/// The wall clock, nanoseconds since the Unix epoch.
pub(super) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

//! Refused records: they are read and sent again with backoff.
//!
//! A record whose topic is missing or not authorised leaves memory, and its span stays in the ledger. Reading goes on
//! meanwhile. After a backoff, some refused spans of a file are tried, each time the next ones: one that is refused for
//! ever holds up no other. Once one is delivered, all others follow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::read_pass::{Encode, line_times, now_ns};
use super::{CHUNK_BYTES, FileContext, Shipper, backoff, redacted_path};
use crate::delivery::ledger::{Completed, Refused};
use crate::pipeline::batch::cost_bytes;
use crate::pipeline::frame::{Encoding, End, FileRecords, Framed, Frames, Placed};
use crate::sink::{Report, Staged};
use crate::source::{Reread, TrackedFile};
use event::{FileId, Line, Outcome, Span};

/// One attempt sends this many spans of a file, until the output accepts one of them.
const ATTEMPT_SPANS_MAX: usize = 16;
/// If more spans than these are refused, files with refused spans are not read further.
pub(super) const REFUSED_MAX: usize = 100_000;

/// When the refused spans of a file are sent again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    at: Instant,
    /// The backoff after the next attempt.
    backoff: Duration,
    /// One was delivered since the last attempt.
    is_accepted: bool,
    /// The next attempt begins with the first refused span from this offset on.
    from: u64,
}

/// The result of an attempt to send spans again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// All of them are sent or dropped.
    All,
    /// They cannot be read now.
    Unreadable,
    /// The file no longer holds them, or its line boundaries have changed.
    Changed,
}

impl Shipper {
    /// Schedules a file's refused spans: at once if one of them was delivered, else after a backoff.
    pub(super) fn note_refused(&mut self, report: Report, completed: Option<Completed>, now: Instant) {
        let file = report.ticket.file;
        let Some(context) = self.files.open.get_mut(&file) else { return };
        if completed.is_some_and(|completed| completed.was_refused) {
            context.retry = (self.ledger.refused(file) > 0).then_some(Retry {
                at: now,
                backoff: backoff::FIRST,
                is_accepted: true,
                from: 0,
            });
        } else if report.outcome == Outcome::Refused {
            let wait = backoff::FIRST;
            let first = Retry { at: now + wait, backoff: backoff::next(wait), is_accepted: false, from: 0 };
            context.retry.get_or_insert(first).is_accepted = false;
        }
    }

    /// Ends all backoffs of refused spans.
    pub(super) fn retry_now(&mut self, now: Instant) {
        self.files.open.values_mut().filter_map(|context| context.retry.as_mut()).for_each(|retry| retry.at = now);
    }

    /// The time until the next refused span is sent again.
    pub(super) fn until_next_retry(&self, now: Instant) -> Option<Duration> {
        let due = |(file, context): (&FileId, &FileContext)| {
            Some(context.retry.filter(|_| self.ledger.refused(*file) > 0)?.at)
        };
        Some(self.files.iter().filter_map(due).min()?.saturating_duration_since(now))
    }

    /// Whether a file is not read further: too many spans are refused, or the output accepts its refused spans again,
    /// which are sent first.
    pub(super) fn waits_for_refused(&mut self, file: FileId, now: Instant) -> bool {
        if self.ledger.refused(file) == 0 {
            return false;
        }
        let waits = self.ledger.all_refused() >= REFUSED_MAX;
        if waits
            && let Some(left_out) = self.components.log_limit.due("refused")
            && let Some(context) = self.files.open.get(&file)
        {
            let path = redacted_path(&self.components.pipelines, &context.path);
            tracing::error!(
                path,
                left_out,
                "an output rejects too many lines of this file; reading resumes once it accepts them"
            );
        }
        waits
            || self
                .files
                .open
                .get(&file)
                .and_then(|context| context.retry)
                .is_some_and(|retry| retry.is_accepted && retry.at <= now)
    }

    /// Sends refused spans again that are due, up to the in-flight limit.
    pub(super) fn send_refused(&mut self, now: Instant) {
        if self.ledger.all_refused() == 0 {
            return;
        }
        let due =
            |(file, context): (&FileId, &FileContext)| context.retry.filter(|retry| retry.at <= now).map(|_| *file);
        let files: Vec<FileId> = self.files.iter().filter_map(due).collect();
        for file in files {
            let Some(mut context) = self.files.open.remove(&file) else { continue };
            let sent = self.send_file(file, &mut context, now);
            self.files.open.insert(file, context);
            if self.components.source.is_retired(file) {
                self.write_off_refused(file);
            } else if sent == Sent::Changed
                // The file's remaining content is found by reading from the watermark.
                && let Some(watermark) = self.ledger.rewind_file(file)
            {
                self.components.metrics.rewinds.add(1);
                let events = self.rewind_file(file, watermark);
                self.handle_events(events, now);
            }
        }
        self.components.fanout.flush();
    }

    fn send_file(&mut self, file: FileId, context: &mut FileContext, now: Instant) -> Sent {
        let Some(retry) = context.retry else { return Sent::All };
        let most = if retry.is_accepted { usize::MAX } else { ATTEMPT_SPANS_MAX };
        let (mut sent, mut from) = (Sent::All, if retry.is_accepted { 0 } else { retry.from });
        while sent == Sent::All && !self.is_full() {
            let spans = self.ledger.refused_spans(file, from, most, CHUNK_BYTES as u64);
            let Some(last) = spans.last() else {
                // These were the last ones: the next attempt begins with the first.
                if std::mem::take(&mut from) == 0 {
                    break;
                }
                continue;
            };
            from = last.span.end;
            sent = self.send_spans(file, context, &spans, now);
            if self.components.fanout.has_full_batch() {
                self.components.fanout.flush();
            }
            if !retry.is_accepted {
                break;
            }
        }
        // A compressed file that must be decompressed first does not count as an attempt.
        if self.components.source.file(file).is_some_and(TrackedFile::is_deferred_read) {
            return sent;
        }
        if self.ledger.refused(file) == 0 || !retry.is_accepted {
            let backoff = backoff::next(retry.backoff);
            context.retry = Some(Retry { at: now + retry.backoff, backoff, is_accepted: false, from });
        }
        sent
    }

    /// Reads spans of a file again, and sends their refused messages.
    fn send_spans(&mut self, file: FileId, context: &mut FileContext, spans: &[Refused], now: Instant) -> Sent {
        let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Sent::All };
        // The lines of a record may reach behind its span, if a record of another stream begins between them.
        let end = spans.iter().filter_map(|refused| context.marks.record_end(refused.span.start)).max();
        let all = Span { start: first.span.start, end: last.span.end.max(end.unwrap_or_default()) };
        // The bytes before the spans are read first: a compressed file is read forward only.
        let pem_state = self.pem_state_at(file, all.start, context.pem_state_at_start);
        let bytes = match self.components.source.reread(file, all) {
            Reread::Bytes(bytes) => bytes,
            Reread::Changed => return Sent::Changed,
            // The next attempt follows after the backoff.
            Reread::Unreadable(events) => {
                self.handle_events(events, now);
                return Sent::Unreadable;
            }
        };
        let Some(pem_state) = pem_state else { return Sent::Unreadable };
        let pem_state = std::mem::replace(&mut context.pem_state, pem_state);
        let encoding = self.encoding(file);
        let frames = Frames::new(self.config.inputs[context.input].frame, &bytes, all.start, first.before, true);
        let frames = frames.encoded(encoding);
        let mut lines = std::mem::take(&mut self.reading.container_lines);
        let printed = self.container_config(context, &bytes).map(|config| {
            lines.read(frames.clone(), config, &context.marks, End::Final);
            &lines
        });
        let grouping = Arc::clone(self.components.pipelines[context.input].grouping());
        let mut marks = context.marks.clone();
        let records = FileRecords::new(frames, printed, &grouping, &mut marks, End::Final).again();
        let (mut spans, mut scanned, mut same) = (spans.iter().peekable(), 0..0, true);
        for Placed { framed, share } in records {
            let Framed::Line(line) = framed else { continue };
            let refused = spans.next_if(|refused| refused.span.start <= share.span.start);
            if refused.is_some_and(|refused| refused.span != share.span) {
                same = false;
                break;
            }
            if printed.is_some() {
                self.components.pipelines[context.input].scan(line.text);
                self.send_line(context, &line, 0, refused);
                continue;
            }
            if encoding != Encoding::Utf8 {
                self.with_decoded(context, encoding, &line, |this, context, line| {
                    this.send_line(context, line, 0, refused);
                });
                continue;
            }
            let text = usize::try_from(line.span.start - all.start).unwrap_or_default();
            let text = text..text + line.text.len();
            if scanned.end < text.end {
                scanned = text.start..self.prefilter(context.input, &bytes, &text);
            }
            self.send_line(context, &line, text.start - scanned.start, refused);
        }
        context.pem_state = pem_state;
        self.keep_container_lines(lines);
        // Otherwise the line boundaries have changed.
        if same && spans.peek().is_none() { Sent::All } else { Sent::Changed }
    }

    /// Sends the refused messages of a line. A line that was not refused only updates the state of private keys, which
    /// may continue in the next line.
    fn send_line(&mut self, context: &mut FileContext, line: &Line<'_>, start: usize, refused: Option<&Refused>) {
        let Some(refused) = refused.copied() else { return context.pem_state.read_past(line.text, line.keep) };
        let Refused { ticket, span, outputs, .. } = refused;
        let written = self.components.source.file(ticket.file).and_then(|file| file.write_time(span.start));
        let times = line_times(written.map(|(_, written)| written), now_ns());
        let encode = Encode { file: ticket.file, times, is_new: false, only: outputs };
        match self.encode_line(context, line, start, encode) {
            Ok(Staged { messages, bytes }) => {
                self.ledger.send_again(ticket, cost_bytes(bytes, span.bytes()), messages);
                self.components.fanout.enqueue(ticket);
            }
            Err(reason) => self.ledger.drop_refused(ticket, reason),
        }
    }
}

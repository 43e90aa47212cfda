//! Joins lines to records.
//!
//! Input: the pieces of a chunk. Output: pieces again, in which a line may be a record of several lines: one slice of the chunk, with
//! the line ends between its lines. An unfinished record is not returned, so that its bytes are read again.

use super::container_lines::Pieces;
use super::marks::Marks;
use super::multiline::{Next, Reason, State, Verdict};
use super::{Config, Encoding, Framed, Frames, Grouping, LOOK_AHEAD_BYTES};
use event::{Boundary, Cut, Line, LineFlags, Span};

/// Of a line that is only looked at, because it comes later or does not fit, the grammar sees this many bytes.
const BEGINNING_BYTES: usize = LOOK_AHEAD_BYTES;

/// The first line of a record.
#[derive(Clone, Copy)]
struct Head<'t> {
    line: Line<'t>,
    /// The state after it.
    state: State,
}

/// A record as far as its lines are known.
struct Record<'t> {
    head: Line<'t>,
    last: Line<'t>,
    lines: usize,
    state: State,
    /// The line before the last one, and the state after it.
    before: Option<Head<'t>>,
}

impl Record<'_> {
    /// Without a last line that is a key whose value is to come: a limit leaves both together.
    fn without_open_key(self) -> Self {
        let is_key = matches!(self.last.text.trim_ascii_end().last(), Some(b':' | b'='));
        match self.before.filter(|_| is_key) {
            Some(Head { line, state }) => Self { last: line, lines: self.lines - 1, state, before: None, ..self },
            None => self,
        }
    }
}

/// What follows a line.
enum Successor<'t> {
    /// A line, after this many blank ones.
    Line(Line<'t>, u32),
    /// A line that does not fit into the record; its first bytes.
    Unfit(&'t [u8]),
    /// Something that belongs to no record.
    Other,
    /// Nothing yet.
    Nothing,
}

/// What is known of the end of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// More lines may follow.
    Open,
    /// The file has not grown for the timeout. `is_last`: the chunk ends where the file does.
    TimedOut {
        /// The chunk ends where the file does.
        is_last: bool,
    },
    /// Nothing will follow, or what follows is no part of the chunk's last record.
    Final,
}

/// What is known of a start pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartPattern {
    /// No record shows whether it matches.
    Unknown,
    /// It matches a line.
    Matches,
    /// A limit ended a record of this many lines, and it matches none.
    MatchesNone {
        /// Lines of the record.
        lines: usize,
    },
}

/// What is noted while lines are joined.
struct Notes {
    /// What the records tell of the start pattern, if there is one.
    start: Option<StartPattern>,
    /// Why lines of the last record joined, by where they begin, if [`Records::explain`] was called.
    reasons: Option<Vec<(u64, Reason)>>,
}

/// Joins the lines of a chunk to records.
pub struct Records<'t, 'm> {
    pieces: Pieces<'t>,
    config: Config,
    grouping: &'m Grouping,
    marks: &'m mut Marks,
    /// Whether each line is a record. Lines of UTF-16 always are.
    is_off: bool,
    end: End,
    /// Whether the chunk ends with a record that was framed before.
    again: bool,
    /// The piece that was looked at and is not taken yet.
    peeked: Option<Framed<'t>>,
    /// The line after the last record, if it begins the next one.
    next: Option<Head<'t>>,
    /// The state after a record that nothing can join, for the line after it.
    after: Option<State>,
    /// Where the unfinished record begins.
    held_at: Option<u64>,
    notes: Notes,
}

impl<'t, 'm> Records<'t, 'm> {
    /// Joins the lines of `frames`.
    #[must_use]
    pub fn new(frames: Frames<'t>, grouping: &'m Grouping, marks: &'m mut Marks, end: End) -> Self {
        let is_off = grouping.grammar.is_off() || frames.encoding != Encoding::Utf8;
        let (config, end) = (frames.config, if frames.last { End::Final } else { end });
        Self { is_off, ..Self::of_pieces(Pieces::File(frames), config, grouping, marks, end) }
    }

    /// Joins the lines of `pieces`.
    pub(super) fn of_pieces(
        pieces: Pieces<'t>,
        config: Config,
        grouping: &'m Grouping,
        marks: &'m mut Marks,
        end: End,
    ) -> Self {
        let is_off = grouping.grammar.is_off();
        Self {
            pieces,
            config,
            grouping,
            marks,
            is_off,
            end,
            again: false,
            peeked: None,
            next: None,
            after: None,
            held_at: None,
            notes: Notes { start: grouping.grammar.has_start().then_some(StartPattern::Unknown), reasons: None },
        }
    }

    /// Sets that the chunk ends where a record was found to end when these bytes were framed before.
    #[must_use]
    pub fn again(self) -> Self {
        Self { end: End::Final, again: true, ..self }
    }

    /// From now on, records why lines join.
    #[must_use]
    pub fn explain(self) -> Self {
        Self { notes: Notes { reasons: Some(Vec::new()), ..self.notes }, ..self }
    }

    /// Why the lines of the last record joined the ones before, and where they begin, if that is recorded.
    #[must_use]
    pub fn reasons(&self) -> &[(u64, Reason)] {
        self.notes.reasons.as_deref().unwrap_or_default()
    }

    /// What the records so far tell of the start pattern, if there is one.
    #[must_use]
    pub fn start_pattern(&self) -> Option<StartPattern> {
        self.notes.start
    }

    /// Notes whether the start pattern matches the first line of a record.
    fn note_start(&mut self, line: &Line<'_>) {
        if let Some(start) = &mut self.notes.start
            && *start != StartPattern::Matches
            && self.grouping.grammar.matches_start(line.text)
        {
            *start = StartPattern::Matches;
        }
    }

    /// Whether the chunk ends with an unfinished record, which was not returned.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held_at.is_some()
    }

    /// Where that record begins.
    pub(super) fn held_at(&self) -> Option<u64> {
        self.held_at
    }

    /// Takes the next piece. A line that is not blank begins a record.
    fn head(&mut self) -> Option<Result<Head<'t>, Framed<'t>>> {
        if let Some(head) = self.next.take() {
            return Some(Ok(head));
        }
        let framed = self.take()?;
        let span = framed.span();
        let cut = self.marks.cut_before(span.start);
        let Some(mut line) = text_line(&framed) else {
            // A cut record may go on behind it.
            if let Some((state, cut)) = cut {
                self.marks.cut(span.end, state, cut);
            }
            return Some(Err(framed));
        };
        let mut state = match (cut, self.after.take()) {
            (Some((state, _)), _) | (None, Some(state)) => state,
            (None, None) => self.marks.learned_at(span.start),
        };
        let Some(verdict) = self.verdict(&mut state, &line, 0) else {
            self.held_at = Some(span.start);
            return None;
        };
        if cut.is_some() && matches!(verdict, Verdict::Join(_)) {
            line.flags = line.flags.and(LineFlags::CUT);
        }
        self.note_start(&line);
        Some(Ok(Head { line, state }))
    }

    /// Whether a record at the end of the chunk is not waited for any longer.
    fn ends(&self) -> bool {
        match self.end {
            End::Open => self.pieces.is_apart(),
            End::TimedOut { is_last } => is_last || self.pieces.ends_in_zeros() || self.pieces.is_apart(),
            End::Final => true,
        }
    }

    /// Takes the next piece.
    fn take(&mut self) -> Option<Framed<'t>> {
        self.peeked.take().or_else(|| self.pieces.next())
    }

    /// Takes the pieces from `offset` on again.
    fn go_back(&mut self, offset: u64) {
        if self.peeked.is_none_or(|piece| piece.span().start != offset) {
            self.peeked = None;
            self.pieces.seek(offset);
        }
    }

    /// The verdict on a line that was just taken; `None` if it depends on a line that is not written yet.
    fn verdict(&mut self, state: &mut State, line: &Line<'t>, blank_lines: u32) -> Option<Verdict> {
        if self.grouping.grammar.is_whole_again(state, line.text) {
            return Some(Verdict::Start);
        }
        let next = self.look_ahead(line);
        match self.grouping.grammar.step(state, line.text, blank_lines, next) {
            Verdict::NeedsNext if next == Next::Unknown => None,
            verdict => Some(verdict),
        }
    }

    /// The line after `line` that is not blank. Lines behind a timeout's cut were not there at the cut.
    fn look_ahead(&mut self, line: &Line<'t>) -> Next<'t> {
        if self.peeked.is_none() {
            self.peeked = self.pieces.next();
        }
        let cut = match self.marks.next_cut(line.span.start) {
            Some((at, Cut::Timeout | Cut::End)) => at,
            _ => u64::MAX,
        };
        let (mut piece, mut ahead) = (self.peeked, None);
        loop {
            match piece {
                Some(framed) if framed.span().start >= cut => return Next::End,
                Some(framed) if is_blank(&framed) => {
                    piece = ahead.get_or_insert_with(|| self.pieces.clone()).next();
                }
                Some(Framed::Line(line)) => return Next::Line(beginning(line.text)),
                None if cut <= line.span.end => return Next::End,
                Some(_) => return Next::End,
                None => {
                    let pieces = ahead.as_ref().unwrap_or(&self.pieces);
                    let end = if pieces.is_apart() || self.ends() { Next::End } else { Next::Unknown };
                    return pieces.unfinished(BEGINNING_BYTES).map_or(end, Next::Line);
                }
            }
        }
    }

    /// Takes what follows the record's last line.
    fn successor(&mut self, record: &Record<'t>) -> Successor<'t> {
        let most = record.head.span.start + self.config.line_bytes_max as u64;
        let fits = |end: u64| end <= most;
        let mut blank_lines = 0;
        loop {
            match self.take() {
                Some(framed) if is_blank(&framed) && fits(framed.span().end) => blank_lines += 1,
                Some(framed) if is_blank(&framed) => return Successor::Other,
                Some(Framed::Line(line)) if fits(line.span.end) && !is_truncated(&line) => {
                    return Successor::Line(line, blank_lines);
                }
                Some(Framed::Line(line)) => return Successor::Unfit(beginning(line.text)),
                Some(_) => return Successor::Other,
                None => {
                    // Enough of the next line may be there to know that it does not fit.
                    let start = self.pieces.unfinished(BEGINNING_BYTES).filter(|_| !fits(self.pieces.end()));
                    return start.map_or(Successor::Nothing, Successor::Unfit);
                }
            }
        }
    }

    /// Takes the lines of the record that begins with `head`. `None` if it is unfinished.
    fn record(&mut self, head: Head<'t>) -> Option<Framed<'t>> {
        let Head { line, state } = head;
        let mut record = Record { head: line, last: line, lines: 1, state, before: None };
        if is_truncated(&line) {
            self.marks.cut(line.span.end, record.state, Cut::Limit);
            return Some(Framed::Line(line));
        }
        loop {
            if record.state.is_complete() {
                return Some(self.end(&record));
            }
            if let Some((at, cut)) = self.marks.next_cut(line.span.start)
                && at <= record.last.span.end
            {
                return Some(self.cut(&record, cut));
            }
            match self.successor(&record) {
                Successor::Line(next, blank_lines) => {
                    let mut state = record.state;
                    match self.verdict(&mut state, &next, blank_lines) {
                        Some(Verdict::Join(reason)) if record.lines < self.grouping.lines_max => {
                            if let Some(reasons) = &mut self.notes.reasons {
                                reasons.push((next.span.start, reason));
                            }
                            record.before = Some(Head { line: record.last, state: record.state });
                            record.last = next;
                            record.lines += 1;
                            record.state = state;
                        }
                        Some(Verdict::Join(_)) => return Some(self.cut(&record.without_open_key(), Cut::Limit)),
                        Some(_) => {
                            self.note_start(&next);
                            if blank_lines == 0 {
                                self.next = Some(Head { line: next, state });
                            }
                            return Some(self.end(&record));
                        }
                        None => break,
                    }
                }
                Successor::Unfit(text) => {
                    let mut state = record.state;
                    let joins = matches!(self.grouping.grammar.step(&mut state, text, 0, Next::End), Verdict::Join(_));
                    return Some(if joins {
                        self.cut(&record.without_open_key(), Cut::Limit)
                    } else {
                        self.end(&record)
                    });
                }
                Successor::Other => return Some(self.end(&record)),
                Successor::Nothing if self.again => return Some(self.end(&record)),
                Successor::Nothing if self.ends() => {
                    let is_end = self.end == End::Final && !self.pieces.is_apart();
                    let cut = if is_end { Cut::End } else { Cut::Timeout };
                    return Some(self.cut(&record, cut));
                }
                Successor::Nothing => break,
            }
        }
        self.held_at = Some(record.head.span.start);
        None
    }

    /// Ends a record that is whole.
    fn end(&mut self, record: &Record<'t>) -> Framed<'t> {
        self.marks.begin(record.last.span.end, record.state.closed());
        self.after = Some(record.state).filter(State::is_complete);
        self.framed(record, LineFlags::NONE)
    }

    /// Ends a record of which more may follow.
    fn cut(&mut self, record: &Record<'t>, cut: Cut) -> Framed<'t> {
        let is_marked = match cut {
            Cut::Limit => true,
            Cut::Timeout => record.state.is_unfinished(),
            Cut::End => false,
        };
        if cut == Cut::Limit && record.lines > 1 && self.notes.start == Some(StartPattern::Unknown) {
            self.notes.start = Some(StartPattern::MatchesNone { lines: record.lines });
        }
        self.marks.cut(record.last.span.end, record.state, cut);
        self.framed(record, if is_marked { LineFlags::CUT } else { LineFlags::NONE })
    }

    /// The record as a piece. Blank lines behind it are taken again.
    fn framed(&mut self, record: &Record<'t>, flags: LineFlags) -> Framed<'t> {
        let Record { head, last, lines, .. } = *record;
        if self.next.is_none() {
            self.go_back(last.span.end);
        }
        let text = self.pieces.text(head.text, last.text);
        let span = Span { start: head.span.start, end: last.span.end };
        let joined = if lines > 1 { LineFlags::JOINED } else { LineFlags::NONE };
        let flags = head.flags.and(last.flags).and(flags).and(joined);
        Framed::Line(Line { span, text, keep: text.len(), flags, ..head })
    }
}

impl<'t> Iterator for Records<'t, '_> {
    type Item = Framed<'t>;

    /// `None` if the remaining bytes are not a whole record yet.
    fn next(&mut self) -> Option<Framed<'t>> {
        if self.is_held() {
            return None;
        }
        if self.peeked.is_none() && self.next.is_none() {
            self.pieces.pass();
        }
        if let Some(reasons) = &mut self.notes.reasons {
            reasons.clear();
        }
        if self.is_off {
            return self.pieces.next();
        }
        if let Some(after) = &self.after
            && self.peeked.is_none()
        {
            let framed = self.pieces.next()?;
            if let Framed::Line(line) = &framed
                && self.grouping.grammar.is_whole_again(after, line.text)
                && !is_truncated(line)
                && !self.marks.reach(line.span.start)
            {
                return Some(framed);
            }
            self.peeked = Some(framed);
        }
        match self.head()? {
            Ok(head) => self.record(head),
            Err(framed) => Some(framed),
        }
    }
}

/// The part of a line that is looked at.
fn beginning(text: &[u8]) -> &[u8] {
    &text[..text.len().min(BEGINNING_BYTES)]
}

/// The piece as a line, unless it is blank or no line.
fn text_line<'t>(framed: &Framed<'t>) -> Option<Line<'t>> {
    match framed {
        Framed::Line(line) if !is_blank(framed) => Some(*line),
        _ => None,
    }
}

/// Whether only a part of the line is kept: it joins nothing.
fn is_truncated(line: &Line<'_>) -> bool {
    line.boundary == Boundary::MidLine || line.keep < line.text.len()
}

/// Whether the piece is a line without text.
fn is_blank(framed: &Framed<'_>) -> bool {
    matches!(framed, Framed::Line(line) if line.text.trim_ascii().is_empty() && line.boundary == Boundary::LineStart)
}

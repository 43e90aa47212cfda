//! Decides for one line whether it begins a record: the grammar of traces, the learned heads, and open brackets.

use std::cell::OnceCell;

use super::bracket;
use super::head::{self, Head, Kind};
use super::hints::{ends_open, expects, is_print, is_rest_of_stamp};
use super::jul::{is_jul_level, is_jul_stamp};
use super::key::{self, ACCESS_KEY};
use super::level::{Severity, severity};
use super::shape::{self, Class, Shape};
use super::state::{GROWN_MAX, Learned, MIXED_MAX, Mode, Open, State};
use super::table::{self, NextClass, Set, Table};
use super::text::{Text, after_escapes, look_at};
use super::{Next, Reason, Verdict};

/// Lines that a trace waits for its first frame, or a message for its end.
const WAITED_MAX: u8 = 16;
/// Heads of another shape in one message, from which on they are heads of records.
const FOREIGN_MAX: u8 = 8;
/// Blanks of an indentation that prints rarely have.
const DEEP_INDENT: usize = 4;

/// A line and what stands around it.
struct Look<'t> {
    /// As it is in the file.
    line: &'t [u8],
    text: Text<'t>,
    head: Option<Head>,
    blank_lines: u32,
    next: Next<'t>,
    /// The next line, if it is known and this one has no head.
    next_text: Option<Text<'t>>,
}

/// The next line decides, and is not known.
struct Unknown;

/// Whether the line is one of an access log, or an object, as the line before was.
#[inline]
pub(super) fn is_whole_again(state: &State, line: &[u8]) -> bool {
    let Open { key, mode, .. } = state.open;
    mode == Mode::Whole
        && match key {
            ACCESS_KEY => key::is_access(line),
            0 => bracket::is_object_line(line),
            _ => false,
        }
}

pub(super) fn step(table: &Table, state: &mut State, line: &[u8], blank_lines: u32, next: Next<'_>) -> Verdict {
    let key = state.open.key;
    if key != 0 && key::has_key(line, key) && (key == ACCESS_KEY || is_alike(line, next)) {
        let whole = key == ACCESS_KEY;
        let (mode, first) = if whole { (Mode::Whole, 0) } else { (Mode::Text, alike_key(line)) };
        state.open = Open { key, mode, flags: Open::HEADED, first, ..Open::default() };
        return Verdict::Start;
    }
    step_slowly(table, state, line, blank_lines, next)
}

/// A line's first four bytes, escape codes aside. None for a line that is shorter, or begins with a blank.
#[inline]
fn first_bytes(line: &[u8]) -> Option<[u8; 4]> {
    after_escapes(line).first_chunk().filter(|bytes| bytes[0] > b' ').copied()
}

/// A key of [`first_bytes`]; 0 if there are none.
#[inline]
fn alike_key(line: &[u8]) -> u16 {
    first_bytes(line).map_or(0, |bytes| (u32::from_le_bytes(bytes).wrapping_mul(0x9e37_79b1) >> 16) as u16 | 1)
}

/// Whether the next line begins as this one, so that it is not one that goes on.
#[inline]
fn is_alike(line: &[u8], next: Next<'_>) -> bool {
    let Next::Line(next) = next else { return false };
    first_bytes(line).is_some_and(|first| first_bytes(next) == Some(first))
}

fn step_slowly(table: &Table, state: &mut State, line: &[u8], blank_lines: u32, next: Next<'_>) -> Verdict {
    if bracket::is_object_line(line) {
        let first = alike_key(line);
        state.open = Open { mode: Mode::Whole, first, ..Open::default() };
        return Verdict::Start;
    }
    let (mut buffer, mut next_buffer) = (None, None);
    let text = look_at(line, &mut buffer);
    let open = without_hints(state.open, line);
    if let Some(mode) = within_frames(&open, &text) {
        state.open = grown(&open, &text, mode);
        return Verdict::Join(if mode == Mode::Frames { Reason::Frame } else { Reason::Cause });
    }
    let head = head::configured_first(&text, &table.levels).or_else(|| head::find(&text));
    let next_text = match next {
        Next::Line(next) if head.is_none() => Some(look_at(next, &mut next_buffer)),
        _ => None,
    };
    let look = Look { line, text, head, blank_lines, next, next_text };
    let machine =
        Machine { table, learned: state.learned, open, look, trace: OnceCell::new(), candidates: OnceCell::new() };
    match machine.run() {
        Ok((verdict, new)) => {
            *state = new;
            verdict
        }
        Err(Unknown) => Verdict::NeedsNext,
    }
}

/// The mode after a line of a long trace of Java, Node.js or .NET: a shortcut to its rules.
fn within_frames(open: &Open, text: &Text<'_>) -> Option<Mode> {
    if !matches!(open.mode, Mode::Frames | Mode::Cause) || open.depth > 0 {
        return None;
    }
    if text.indent > 0 {
        return (shape::is_at_frame(text) || shape::is_elided(text)).then_some(Mode::Frames);
    }
    text.begins_flush("Caused by: ").then_some(Mode::Cause)
}

/// Without what a headed line told of the lines after it, if this one begins as it does: then the headed line told nothing
/// when the next line was known, see [`Machine::begun_with_head`].
fn without_hints(open: Open, line: &[u8]) -> Open {
    if open.first == 0 || open.first != alike_key(line) || !open.has(Open::HEADED) || open.mode == Mode::Whole {
        return open;
    }
    let Open { key, indent, first, .. } = open;
    Open { key, indent, first, mode: Mode::Text, flags: Open::HEADED, ..Open::default() }
}

struct Machine<'t> {
    table: &'t Table,
    learned: Learned,
    open: Open,
    look: Look<'t>,
    /// What [`Machine::trace_head`] found.
    trace: OnceCell<Option<&'static table::Head>>,
    /// See [`Machine::candidates`].
    candidates: OnceCell<Set>,
}

impl Machine<'_> {
    fn run(&self) -> Result<(Verdict, State), Unknown> {
        let mut learned = self.learned;
        if let Some((reason, mut open)) = self.joined()? {
            let flag = match reason {
                Reason::NoHead => Open::GROWN,
                Reason::Indented => Open::INDENTED,
                _ => 0,
            };
            if flag > 0 && !self.open.has(Open::GROWN | Open::INDENTED) {
                learned.learn_growth();
            }
            open = open.with(flag, true);
            open.first = 0;
            return Ok((Verdict::Join(reason), State { learned, open }));
        }
        let open = self.begun(&mut learned)?;
        Ok((Verdict::Start, State { learned, open }))
    }

    /// The reason why the line joins the open record, and the record after it.
    fn joined(&self) -> Result<Option<(Reason, Open)>, Unknown> {
        let text = &self.look.text;
        if matches!(self.open.mode, Mode::Closed | Mode::Whole) {
            return Ok(None);
        }
        if self.open.mode == Mode::Jul && is_jul_level(text) {
            return Ok(Some((Reason::Part, self.with_hints(self.open.with_mode(Mode::Text), 0))));
        }
        if self.begins_anyway() {
            return Ok(None);
        }
        if let Some(open) = self.in_bracket() {
            return Ok(Some((Reason::Bracket, open)));
        }
        if let Some(joined) = self.by_rule(|reason| reason != Reason::Message)? {
            return Ok(Some(joined));
        }
        let head = self.trace_head()?;
        if head.is_some_and(|head| !head.is_logged) {
            return Ok(None);
        }
        if let Some(joined) = self.by_rule(|reason| reason == Reason::Message)? {
            return Ok(Some(joined));
        }
        if self.waits() {
            return Ok(Some((Reason::Message, self.grown(self.open.mode))));
        }
        if let Some(head) = head.filter(|head| self.open.mode == Mode::Text || !head.line.is_any()) {
            return Ok(self.joins_as_trace(head).then(|| (Reason::Trace, self.grown(head.mode))));
        }
        if self.opens_expected_bracket() {
            return Ok(Some((Reason::Bracket, self.grown(self.open.mode))));
        }
        if self.learned.heads() == 0 {
            return Ok(self.is_called_for().then(|| (Reason::Indented, self.grown(self.open.mode))));
        }
        let is_new_trace = head.is_some() && shape::is_sure_exception(&self.look.text) || self.is_printed_exception();
        let reason = if is_new_trace { None } else { self.by_head()? };
        Ok(reason.map(|reason| (reason, self.grown(self.open.mode))))
    }

    /// Lines that begin a record wherever they stand: a known head, a level, a priority, an object, an access-log line.
    fn begins_anyway(&self) -> bool {
        let Some(head) = self.look.head else { return false };
        match head.kind {
            Kind::Level | Kind::Access | Kind::Priority => true,
            _ if self.learned.knows(&head) => true,
            Kind::Stamp => !self.is_quoted_stamp(),
            Kind::Weak | Kind::Stray => false,
        }
    }

    /// A stamp of another shape than the file's, in a message that goes on or in a bracket, or behind a tab.
    fn is_quoted_stamp(&self) -> bool {
        let behind_tab = self.look.text.has_tab() && self.learned.grown > 0;
        let message = self.open.has(Open::EXPECTS) || self.open.has(Open::GROWN) || behind_tab;
        let quoted =
            self.open.has(Open::HEADED) && message && self.open.waited < FOREIGN_MAX && self.learned.mixed == 0;
        quoted || self.open.depth > 0
    }

    fn in_bracket(&self) -> Option<Open> {
        let text = &self.look.text;
        if self.open.depth == 0 || !bracket::is_inner(text, self.open.bracket, usize::from(self.open.waited)) {
            return None;
        }
        let mut open = self.open;
        open.depth = bracket::depth_after(text.line, open.bracket, open.depth);
        let alone = open.depth == 0 && !open.has(Open::HEADED) && open.mode == Mode::Text;
        if open.depth == 0 {
            open = open.with(Open::EXPECTS, expects(text));
            open.waited = 0;
        }
        Some(if alone { open.with_mode(Mode::Whole) } else { open })
    }

    /// The record after a line of a trace.
    fn grown(&self, mode: Mode) -> Open {
        grown(&self.open, &self.look.text, mode)
    }

    /// What the line may be, as far as its class and that of the next line tell.
    fn candidates(&self) -> Set {
        *self.candidates.get_or_init(|| {
            let next = match (&self.look.next_text, self.look.next) {
                (Some(next), _) => NextClass::Line(Class::new(next)),
                (None, Next::Line(next)) => NextClass::Line(Class::new(&look_at(next, &mut None))),
                (None, Next::Unknown) => NextClass::Unknown,
                (None, Next::End) => NextClass::End,
            };
            self.table.candidates(self.open.mode, Class::new(&self.look.text), next)
        })
    }

    /// The first rule for the record's mode, of those for such reasons, that the line matches.
    fn by_rule(&self, reasons: fn(Reason) -> bool) -> Result<Option<(Reason, Open)>, Unknown> {
        for rule in self.candidates().rules() {
            if reasons(rule.reason) && self.are(rule.line, rule.next)? {
                return Ok(Some((rule.reason, self.grown(rule.mode))));
            }
        }
        Ok(None)
    }

    fn next_is(&self, shape: Shape) -> Result<bool, Unknown> {
        if shape.is_any() {
            return Ok(true);
        }
        match (&self.look.next_text, self.look.next) {
            (Some(next), _) => Ok(shape.matches(next)),
            (None, Next::Line(next)) => Ok(shape.matches(&look_at(next, &mut None))),
            (None, Next::Unknown) => Err(Unknown),
            (None, Next::End) => Ok(false),
        }
    }

    /// Whether the line and the next one look so.
    fn are(&self, line: Shape, next: Shape) -> Result<bool, Unknown> {
        // What the next line has to look like is mostly the cheaper question, but it may have no answer yet.
        let known = self.look.next_text.is_some();
        Ok((!known || self.next_is(next)?) && line.matches(&self.look.text) && (known || self.next_is(next)?))
    }

    /// The head of a trace that the line is.
    fn trace_head(&self) -> Result<Option<&'static table::Head>, Unknown> {
        if let Some(head) = self.trace.get() {
            return Ok(*head);
        }
        let head = self.find_trace_head()?;
        Ok(*self.trace.get_or_init(|| head))
    }

    fn find_trace_head(&self) -> Result<Option<&'static table::Head>, Unknown> {
        for head in self.candidates().heads() {
            if self.are(head.line, head.next)? {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Whether a trace belongs to the record's first line: a logger printed both.
    fn joins_as_trace(&self, head: &table::Head) -> bool {
        let fails = self.open.has(Open::FAILS) || self.open.has(Open::EXPECTS) || self.open.has(Open::GROWN);
        head.is_logged && self.open.mode == Mode::Text && self.open.has(Open::HEADED) && fails
    }

    /// Whether the trace waits for frames, and this is its message.
    fn waits(&self) -> bool {
        let text = &self.look.text;
        let soon = self.open.waited < WAITED_MAX;
        match self.open.mode {
            Mode::Crash | Mode::NodeCrash => soon,
            // Of its own lines, one is not indented.
            Mode::Banner => soon && (text.indent > 0 || text.line.starts_with(b"( (")),
            Mode::Cause => soon && (self.open.has(Open::EXPECTS) || text.indent > 0),
            Mode::Exception | Mode::RustHead | Mode::PhpHead => soon && self.open.has(Open::EXPECTS),
            Mode::Text => !self.open.has(Open::HEADED) && self.open.has(Open::CRASH) && self.open.has(Open::EXPECTS),
            Mode::PythonHead => self.open.has(Open::EXPECTS) && self.open.waited < 4,
            _ => false,
        }
    }

    /// `order:` and `{` on the next line.
    fn opens_expected_bracket(&self) -> bool {
        let text = &self.look.text;
        let opens = bracket::opened(text).is_some() && text.line.len() < 256;
        opens && self.open.has(Open::EXPECTS) && self.look.blank_lines == 0
    }

    /// The file's records begin with a head, and this line has none.
    fn by_head(&self) -> Result<Option<Reason>, Unknown> {
        let Learned { mixed, grown, .. } = self.learned;
        let text = &self.look.text;
        let is_row = self.open.indent > 0 && self.look.head.is_some();
        let deeper = text.indent > usize::from(self.open.indent) && !is_row;
        if !self.open.has(Open::HEADED) {
            let message = matches!(
                self.open.mode,
                Mode::PythonEnd | Mode::PythonGroup | Mode::RustHead | Mode::RubyHead | Mode::Cause
            );
            return Ok((message && mixed == 0).then_some(Reason::NoHead));
        }
        if mixed >= MIXED_MAX && !(grown > 0 && self.look.blank_lines == 0 && self.goes_on()) {
            return Ok((grown >= GROWN_MAX && text.has_tab()).then_some(Reason::Indented));
        }
        if self.open.has(Open::GROWN) || self.open.mode != Mode::Text {
            let near = mixed == 0 || self.look.blank_lines == 0;
            return Ok(near.then_some(Reason::NoHead));
        }
        if self.open.has(Open::EXPECTS) && (mixed == 0 || self.look.blank_lines == 0) {
            return Ok(Some(Reason::NoHead));
        }
        if deeper && (mixed == 0 || text.has_tab() || text.indent >= DEEP_INDENT) {
            return Ok(self.is_indented_part()?.then_some(Reason::Indented));
        }
        if mixed > 0 {
            return Ok(None);
        }
        let proven = self.learned.is_pure() && grown > 0 || grown >= GROWN_MAX || self.look.blank_lines > 0;
        let fails = self.open.has(Open::FAILS) && self.learned.heads() >= 2;
        if (proven || fails) && !is_print(text) {
            return Ok(Some(Reason::NoHead));
        }
        Ok(self.next_is(Shape::Is(shape::is_caret))?.then_some(Reason::NoHead))
    }

    /// It is indented below a headed line that ends with a colon, or below such a line: that needs no more of the file.
    fn is_called_for(&self) -> bool {
        let deeper = self.look.text.indent > usize::from(self.open.indent);
        let called = self.open.has(Open::EXPECTS) || self.open.has(Open::INDENTED);
        self.open.has(Open::HEADED) && self.open.mode == Mode::Text && deeper && called
    }

    /// An exception without frames below a line that does not tell of a failure.
    fn is_printed_exception(&self) -> bool {
        self.open.mode == Mode::Text
            && shape::is_named_exception(&self.look.text)
            && !self.open.has(Open::FAILS)
            && !self.goes_on()
    }

    /// The record's last line calls for this one, or the record has already gone on.
    fn goes_on(&self) -> bool {
        self.open.has(Open::GROWN) || self.open.has(Open::EXPECTS)
    }

    /// An indented line below a head is part of its record, unless prints seem to stand there.
    fn is_indented_part(&self) -> Result<bool, Unknown> {
        let text = &self.look.text;
        let sure = text.has_tab() || text.indent >= DEEP_INDENT || self.learned.grown >= 2;
        if sure {
            return Ok(true);
        }
        Ok(!self.next_is_print()?)
    }

    /// Whether the next line looks like a print.
    fn next_is_print(&self) -> Result<bool, Unknown> {
        self.next_is(Shape::Is(|text| text.indent == 0 && head::find(text).is_none() && is_print(text)))
    }

    /// The record that the line begins.
    fn begun(&self, learned: &mut Learned) -> Result<Open, Unknown> {
        let text = &self.look.text;
        let indent = small(text.indent);
        let first = alike_key(self.look.line);
        let open = Open { mode: Mode::Text, indent, first, ..Open::default() };
        if let Some(head) = self.look.head {
            if self.is_dump_stamp(&head)? {
                return Ok(Open { first: 0, ..open.with_mode(Mode::DumpHead) });
            }
            learned.learn(&head);
            if learned.trusts(&head) {
                return Ok(self.begun_with_head(open, &head, learned));
            }
        }
        if let Some(head) = self.trace_head()? {
            let open = Open { first: 0, ..open.with_mode(head.mode).with(Open::CRASH, true) };
            return Ok(open.with(Open::EXPECTS, calls_for_more(head.mode, text)));
        }
        let open = open.with(Open::EXPECTS, expects(text));
        if shape::is_named_exception(text) {
            return Ok(open.with_mode(Mode::Exception).with(Open::CRASH, true));
        }
        learned.learn_plain();
        let mut open = open;
        if let Some((bracket, depth)) = bracket::opened(text) {
            (open.bracket, open.depth, open.waited) = (bracket, depth, indent);
        }
        Ok(open)
    }

    /// A stamp that stands alone above a thread dump of Java: no head of the file.
    fn is_dump_stamp(&self, head: &Head) -> Result<bool, Unknown> {
        let text = &self.look.text;
        if head.kind != Kind::Stamp || text.start().trim_ascii_end().len() > head.end {
            return Ok(false);
        }
        self.next_is(Shape::Flush("Full thread dump "))
    }

    fn begun_with_head(&self, open: Open, head: &Head, learned: &Learned) -> Open {
        let text = &self.look.text;
        let mut open = open.with(Open::HEADED, true);
        let settled = learned.is_settled(head);
        if head.kind == Kind::Access {
            let key = if settled && key::has_key(self.look.line, ACCESS_KEY) { ACCESS_KEY } else { 0 };
            return Open { key, mode: Mode::Whole, flags: Open::HEADED, ..Open::default() };
        }
        if settled && head.is_local() {
            open.key = key::key(self.look.line, head.end);
        }
        if is_alike(self.look.line, self.look.next) {
            return open;
        }
        let mode = if is_jul_stamp(text, head) { Mode::Jul } else { Mode::Text };
        let mut open = self.with_hints(open.with_mode(mode), head.end);
        if let Some((bracket, depth)) = bracket::opened(text).filter(|_| matches!(text.last(), b'{' | b'[' | b'(')) {
            (open.bracket, open.depth, open.waited) = (bracket, depth, open.indent);
        }
        open
    }

    /// What a headed line tells about the lines after it. `end`: where its head ends.
    fn with_hints(&self, open: Open, end: usize) -> Open {
        let text = &self.look.text;
        let empty = end > 0 && is_rest_of_stamp(text.start()[end..].trim_ascii());
        let quotes = memchr::memchr_iter(b'"', text.line).count();
        let open = open.with(Open::EXPECTS, expects(text) || ends_open(text) || empty || quotes % 2 == 1);
        open.with(Open::FAILS, severity(text) == Severity::High)
    }
}

/// The record `open` after the line `text` of a trace.
fn grown(open: &Open, text: &Text<'_>, mode: Mode) -> Open {
    let goes_on = mode == open.mode && !matches!(mode, Mode::Frames | Mode::Go);
    let mut open = open.with_mode(mode).with(Open::EXPECTS, calls_for_more(mode, text));
    open.waited = if goes_on { open.waited.saturating_add(1) } else { 0 };
    (open.depth, open.first) = (0, 0);
    if let Some((bracket, depth)) = bracket::opened(text) {
        // An object that Node.js inspects follows the last frame, and is less indented.
        let indent = if shape::is_at_frame(text) { text.indent.saturating_sub(DEEP_INDENT) } else { text.indent };
        (open.bracket, open.depth, open.waited) = (bracket, depth, small(indent));
    }
    open
}

/// Whether a line of a trace calls for another one by its end.
fn calls_for_more(mode: Mode, text: &Text<'_>) -> bool {
    // The message of an exception of PHP ends with its place.
    if mode == Mode::PhpHead { !shape::ends_with_php_place(text) } else { expects(text) }
}

fn small(indent: usize) -> u8 {
    u8::try_from(indent).unwrap_or(u8::MAX)
}

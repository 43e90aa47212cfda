//! Decides for one line whether it begins a record: the grammar of traces, the learned heads, and open brackets.

use super::bracket;
use super::head::{self, Head, Kind, Severity};
use super::shape::{self, Shape};
use super::state::{GROWN_MAX, Learned, MIXED_MAX, Mode, Open, State};
use super::table::{HEADS, RULES, bit};
use super::text::{BUFFER, Buffer, Text, is_blank};
use super::{Next, Preset, Reason, Verdict};

/// Lines that a trace waits for its first frame, or a message for its end.
const WAITED_MAX: u8 = 32;
/// Heads of another shape in one message, from which on they are heads of records.
const FOREIGN_MAX: u8 = 8;
/// Words of a line that may be a print.
const PRINT_WORDS_MAX: usize = 3;
/// Blanks of an indentation that prints rarely have.
const DEEP_INDENT: usize = 4;

/// A line and what stands around it.
struct Look<'t> {
    text: Text<'t>,
    head: Option<Head>,
    blank_lines: u32,
    next: Next<'t>,
}

/// The next line decides, and is not known.
struct Unknown;

/// Runtimes, as bits.
pub(super) type Presets = u8;

/// The bit of a runtime.
pub(super) fn preset_bit(preset: Preset) -> Presets {
    1 << preset as u8
}

pub(super) fn step(presets: Presets, state: &mut State, line: &[u8], blank_lines: u32, next: Next<'_>) -> Verdict {
    let key = head::fast_key(line);
    if key != 0 && key == state.open.key && (key == 2 || is_alike(line, next)) {
        state.open = Open { key, flags: Open::HEADED, first: [line[0], line[1]], ..Open::default() };
        state.open.mode = if key == 2 { Mode::Whole } else { Mode::Text };
        return Verdict::Start;
    }
    step_slowly(presets, state, line, blank_lines, next)
}

/// Whether the next line begins as this one, so that it is not one that goes on.
#[inline]
fn is_alike(line: &[u8], next: Next<'_>) -> bool {
    let Next::Line(next) = next else { return false };
    next.len() >= 2 && next[..2] == line[..2] && line[0] > b' '
}

fn step_slowly(presets: Presets, state: &mut State, line: &[u8], blank_lines: u32, next: Next<'_>) -> Verdict {
    let mut buffer: Buffer = BUFFER;
    let text = Text::new(line, &mut buffer);
    let look = Look { text, head: head::find(&text), blank_lines, next };
    let machine = Machine { presets, learned: state.learned, open: state.open, look };
    match machine.run() {
        Ok((verdict, new)) => {
            *state = new;
            verdict
        }
        Err(Unknown) => Verdict::NeedsNext,
    }
}

struct Machine<'t> {
    presets: Presets,
    learned: Learned,
    open: Open,
    look: Look<'t>,
}

impl Machine<'_> {
    fn run(&self) -> Result<(Verdict, State), Unknown> {
        let mut learned = self.learned;
        if let Some((reason, mut open)) = self.joined()? {
            if matches!(reason, Reason::NoHead | Reason::Indented) && !self.open.has(Open::GROWN) {
                learned.learn_growth();
                open = open.with(Open::GROWN, true);
            }
            open.first = [0, 0];
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
        if let Some(joined) = self.by_rule()? {
            return Ok(Some(joined));
        }
        if let Some(head) = self.trace_head()? {
            return Ok(self.joins_as_trace(head).then(|| (Reason::Trace, self.grown(head.mode))));
        }
        self.by_waiting_or_head()
    }

    /// Lines that begin a record wherever they stand: a known head, a level, a priority, an object, an access-log line.
    fn begins_anyway(&self) -> bool {
        let Some(head) = self.look.head else { return bracket::is_object(&self.look.text) && self.open.depth == 0 };
        match head.kind {
            Kind::Level | Kind::Access => true,
            Kind::Stamp | Kind::Weak if self.learned.knows(&head) => true,
            Kind::Stamp => !self.is_quoted_stamp(),
            Kind::Weak => false,
        }
    }

    /// A stamp of another shape than the file's, in a message that goes on or in a bracket.
    fn is_quoted_stamp(&self) -> bool {
        let message = self.hint(Open::EXPECTS) || self.open.has(Open::GROWN);
        let quoted =
            self.open.has(Open::HEADED) && message && self.open.waited < FOREIGN_MAX && self.learned.mixed == 0;
        quoted || self.open.depth > 0
    }

    /// A flag about the first line, which says nothing about a line that begins as it does.
    fn hint(&self, flag: u8) -> bool {
        let line = self.look.text.line;
        let alike = line.len() >= 2 && line[..2] == self.open.first && line[0] > b' ';
        self.open.has(flag) && !alike
    }

    fn in_bracket(&self) -> Option<Open> {
        let text = &self.look.text;
        if self.open.depth == 0 || !bracket::is_inner(text, usize::from(self.open.waited)) {
            return None;
        }
        let mut open = self.open;
        open.depth = bracket::depth_after(text.line, open.bracket, open.depth);
        let alone = open.depth == 0 && !open.has(Open::HEADED) && open.mode == Mode::Text;
        if open.depth == 0 {
            open.waited = 0;
        }
        Some(if alone { open.with_mode(Mode::Whole) } else { open })
    }

    /// The record after a line of a trace.
    fn grown(&self, mode: Mode) -> Open {
        let text = &self.look.text;
        let mut open = self.open.with_mode(mode).with(Open::EXPECTS, expects(text));
        let goes_on = mode == self.open.mode && !matches!(mode, Mode::Frames | Mode::Go);
        open.waited = if goes_on { open.waited.saturating_add(1) } else { 0 };
        open.depth = 0;
        if let Some((bracket, depth)) = bracket::opened(text) {
            (open.bracket, open.depth, open.waited) = (bracket, depth, small(text.indent));
        }
        open
    }

    fn by_rule(&self) -> Result<Option<(Reason, Open)>, Unknown> {
        let bit = bit(self.open.mode);
        for rule in RULES {
            let applies = rule.after & bit > 0 && self.allows(rule.preset) && rule.line.matches(&self.look.text);
            if applies && self.next_is(rule.next)? {
                return Ok(Some((rule.reason, self.grown(rule.mode))));
            }
        }
        Ok(None)
    }

    /// Frames of Java, Node.js and .NET look alike.
    fn allows(&self, preset: Preset) -> bool {
        let framed = preset_bit(Preset::Java) | preset_bit(Preset::Node) | preset_bit(Preset::Dotnet);
        let bit = preset_bit(preset);
        self.presets & if bit & framed > 0 { framed } else { bit } > 0
    }

    fn next_is(&self, shape: Shape) -> Result<bool, Unknown> {
        if shape.is_any() {
            return Ok(true);
        }
        match self.look.next {
            Next::Unknown => Err(Unknown),
            Next::End => Ok(false),
            Next::Line(line) => {
                let mut buffer: Buffer = BUFFER;
                Ok(shape.matches(&Text::new(line, &mut buffer)))
            }
        }
    }

    /// The line of [`HEADS`] that this one is.
    fn trace_head(&self) -> Result<Option<&'static super::table::Head>, Unknown> {
        for head in HEADS {
            if self.allows(head.preset) && head.line.matches(&self.look.text) && self.next_is(head.next)? {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Whether a trace belongs to the record's first line: a logger printed both.
    fn joins_as_trace(&self, head: &super::table::Head) -> bool {
        let fails = self.hint(Open::FAILS) || self.hint(Open::EXPECTS) || self.open.has(Open::GROWN);
        let directly = head.mode == Mode::Go && self.look.blank_lines == 0;
        head.is_logged && self.open.mode == Mode::Text && self.open.has(Open::HEADED) && (fails || directly)
    }

    fn by_waiting_or_head(&self) -> Result<Option<(Reason, Open)>, Unknown> {
        if self.waits() {
            return Ok(Some((Reason::Message, self.grown(self.open.mode))));
        }
        if self.opens_expected_bracket() {
            return Ok(Some((Reason::Bracket, self.grown(self.open.mode))));
        }
        Ok(self.by_head()?.map(|reason| (reason, self.grown(self.open.mode))))
    }

    /// Whether the trace waits for frames, and this is its message.
    fn waits(&self) -> bool {
        let text = &self.look.text;
        let soon = self.open.waited < WAITED_MAX;
        match self.open.mode {
            Mode::Crash | Mode::NodeCrash | Mode::PhpHead | Mode::Banner => soon,
            Mode::RustHead => soon && (self.open.waited == 0 || self.open.has(Open::EXPECTS)),
            Mode::Cause | Mode::PythonEnd | Mode::RubyHead => {
                soon && self.open.has(Open::EXPECTS) || self.open.mode == Mode::Cause && text.indent > 0
            }
            Mode::Text => !self.open.has(Open::HEADED) && self.open.has(Open::CRASH) && self.open.has(Open::EXPECTS),
            Mode::PythonStack => self.open.has(Open::EXPECTS) && self.open.waited < 4,
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
        let deeper = text.indent > usize::from(self.open.indent);
        if self.learned.heads() == 0 {
            return Ok(None);
        }
        if !self.open.has(Open::HEADED) {
            let message = matches!(
                self.open.mode,
                Mode::PythonEnd | Mode::PythonGroup | Mode::RustHead | Mode::RubyHead | Mode::Cause
            );
            return Ok((message && mixed == 0).then_some(Reason::NoHead));
        }
        if mixed >= MIXED_MAX {
            return Ok((grown >= GROWN_MAX && text.has_tab()).then_some(Reason::Indented));
        }
        if self.open.has(Open::GROWN) || self.open.mode != Mode::Text {
            let near = mixed == 0 || self.look.blank_lines == 0;
            return Ok(near.then_some(Reason::NoHead));
        }
        if self.hint(Open::EXPECTS) && (mixed == 0 || self.look.blank_lines == 0) {
            return Ok(Some(Reason::NoHead));
        }
        if deeper && (mixed == 0 || text.has_tab() || text.indent >= DEEP_INDENT) {
            return Ok(self.is_indented_part()?.then_some(Reason::Indented));
        }
        if mixed > 0 {
            return Ok(None);
        }
        let proven = self.learned.is_pure() || grown >= GROWN_MAX || self.look.blank_lines > 0;
        let fails = self.hint(Open::FAILS) && self.learned.heads() >= 2;
        if (proven || fails) && !is_print(text) {
            return Ok(Some(Reason::NoHead));
        }
        Ok(self.next_is(Shape::Is(shape::is_caret))?.then_some(Reason::NoHead))
    }

    /// An indented line below a head is part of its record, unless prints seem to stand there.
    fn is_indented_part(&self) -> Result<bool, Unknown> {
        let text = &self.look.text;
        let sure = text.has_tab() || text.indent >= DEEP_INDENT || self.hint(Open::FAILS) || self.learned.grown > 0;
        if sure {
            return Ok(true);
        }
        let print = |text: &Text<'_>| text.indent == 0 && head::find(text).is_none() && is_print(text);
        Ok(!match self.look.next {
            Next::Unknown => return Err(Unknown),
            Next::End => false,
            Next::Line(line) => print(&Text::new(line, &mut { BUFFER })),
        })
    }

    /// The record that the line begins.
    fn begun(&self, learned: &mut Learned) -> Result<Open, Unknown> {
        let text = &self.look.text;
        let indent = small(text.indent);
        let first = [text.line.first().copied().unwrap_or(0), text.line.get(1).copied().unwrap_or(0)];
        let open = Open { mode: Mode::Text, indent, first, ..Open::default() };
        if bracket::is_object(text) {
            return Ok(open.with_mode(Mode::Whole));
        }
        if let Some(head) = self.look.head.filter(|head| head.kind != Kind::Weak) {
            if self.is_dump_stamp(&head)? {
                return Ok(open.with(Open::CRASH, true));
            }
            learned.learn(&head);
            return Ok(self.begun_with_head(open, &head, learned));
        }
        if let Some(head) = &self.look.head {
            learned.learn(head);
        }
        if let Some(head) = self.trace_head()? {
            let open = Open { first: [0, 0], ..open.with_mode(head.mode).with(Open::CRASH, true) };
            return Ok(open.with(Open::EXPECTS, expects(text)));
        }
        learned.learn_plain();
        let mut open = open.with(Open::EXPECTS, expects(text));
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
        if learned.is_settled(head) {
            open.key = head::fast_key(text.line);
        }
        if head.kind == Kind::Access {
            return Open {
                key: if open.key == 2 { 2 } else { 0 },
                flags: Open::HEADED,
                indent: 0,
                ..open.with_mode(Mode::Whole)
            };
        }
        if is_alike(text.line, self.look.next) {
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
        let empty = end > 0 && !text.start()[end..].trim_ascii().iter().any(|byte| is_blank(*byte));
        let quotes = memchr::memchr_iter(b'"', text.line).count();
        let open = open.with(Open::EXPECTS, expects(text) || empty || quotes % 2 == 1);
        open.with(Open::FAILS, head::severity(text) == Severity::High)
    }
}

/// Whether a line calls for another one by its end.
fn expects(text: &Text<'_>) -> bool {
    let end = text.end;
    let open = matches!(text.last(), b':' | b',' | b'{' | b'[' | b'(' | b'\\' | b'|');
    open || end.ends_with(b" -") || end.ends_with(b"Array") || end.ends_with(b" Object")
}

/// Whether a line without a head looks like a print: few words, an assignment, only punctuation.
fn is_print(text: &Text<'_>) -> bool {
    let body = text.body();
    let words = body.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty()).count();
    words <= PRINT_WORDS_MAX
        || words <= 2 * PRINT_WORDS_MAX && body.contains(&b'=')
        || !body.iter().any(u8::is_ascii_alphabetic)
}

/// The first line of java.util.logging: after the stamp a class and a method, and nothing else.
fn is_jul_stamp(text: &Text<'_>, head: &Head) -> bool {
    if head.kind != Kind::Stamp {
        return false;
    }
    let rest = text.start()[head.end..].trim_ascii();
    let mut words = rest.rsplit(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (Some(method), Some(class)) = (words.next(), words.next()) else { return false };
    let name = |word: &[u8]| {
        word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'<' | b'>'))
    };
    let before = words.next().is_none_or(|word| word.len() <= 5) && words.next().is_none();
    before && class.contains(&b'.') && name(class) && name(method) && !method.contains(&b'.')
}

/// `SEVERE: text`, the second line of java.util.logging, in any language.
fn is_jul_level(text: &Text<'_>) -> bool {
    let start = text.start();
    let count = start.iter().take_while(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()).count();
    count > 2 && start[count..].starts_with(b": ")
}

fn small(indent: usize) -> u8 {
    u8::try_from(indent).unwrap_or(u8::MAX)
}

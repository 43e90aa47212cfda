//! What is known of a file's lines: what was learned, and the open record.

use std::fmt::Write as _;

use super::head::{Head, Kind};

/// Heads that a file may have: a logger's, an access log's, another library's.
const HEADS: usize = 3;
/// After so many heads in a row, with no line without one between them, the file is taken for one without such lines.
const RUN_MAX: u8 = 16;
/// How often the place of a head is given to another one, so that the state does not change for ever.
const REPLACED_MAX: u8 = 12;
/// Records without a head, from which on such records are part of the file for good.
pub(super) const MIXED_MAX: u8 = 3;
/// Records that went on without a head, from which on the file is known to have them.
pub(super) const GROWN_MAX: u8 = 3;
/// The format of [`State::to_text`].
const VERSION: &str = "1";

/// What is known of a file's lines: what was learned of it, and the open record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub(super) learned: Learned,
    pub(super) open: Open,
}

/// What was learned of a file. Its counters stop at small numbers, so that it stops to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Learned {
    /// Shapes of heads; 0 is none.
    shapes: [u32; HEADS],
    /// How often each was seen, [`STRONG`] unless the shape is weak, and [`LEVEL`].
    seen: [u8; HEADS],
    /// Heads since the last record without one.
    pub(super) run: u8,
    /// Records without a head since the file has heads.
    pub(super) mixed: u8,
    /// Records that went on without a head.
    pub(super) grown: u8,
    /// How often a shape took the place of another.
    replaced: u8,
    /// Records without a head before the first head.
    plain: u8,
}

/// Bits of [`Learned::seen`]: the count, and what kind of head it is.
const COUNT: u8 = 0x0f;
const STRONG: u8 = 0x80;
/// A head that a file may have by chance, such as a level alone: the first one does not count.
const LEVEL: u8 = 0x40;
/// A head that was seen so often is not counted on.
const SEEN_MAX: u8 = 3;
/// Records before the first head that show that the file has more of them.
const PLAIN_MAX: u8 = 3;

impl Learned {
    /// Whether the file's records begin with this head.
    pub(super) fn knows(&self, head: &Head) -> bool {
        self.shapes.contains(&head.shape)
    }

    /// Whether this head is known, and seen as often as is counted.
    pub(super) fn is_settled(&self, head: &Head) -> bool {
        let at = self.shapes.iter().position(|shape| *shape == head.shape);
        at.is_some_and(|at| self.seen[at] & COUNT == SEEN_MAX) && self.run == RUN_MAX
    }

    /// Whether records that begin with this head may go on without one: a weak head was seen often enough.
    pub(super) fn trusts(&self, head: &Head) -> bool {
        let at = self.shapes.iter().position(|shape| *shape == head.shape);
        !matches!(head.kind, Kind::Weak | Kind::Stray) || at.is_some_and(|at| self.seen[at] & STRONG > 0)
    }

    /// How often heads that are surely heads were seen; small.
    pub(super) fn heads(&self) -> u8 {
        let sure = |seen: &u8| (seen & COUNT).saturating_sub(u8::from(seen & LEVEL > 0));
        self.seen.iter().filter(|seen| **seen & STRONG > 0).map(sure).sum()
    }

    /// Whether many records began with a head, and none without.
    pub(super) fn is_pure(&self) -> bool {
        self.mixed == 0 && self.run == RUN_MAX
    }

    /// Learns that a record begins with this head.
    pub(super) fn learn(&mut self, head: &Head) {
        let strong = match head.kind {
            Kind::Weak | Kind::Stray => 0,
            Kind::Level => STRONG | LEVEL,
            Kind::Stamp | Kind::Access | Kind::Priority => STRONG,
        };
        let at = self.shapes.iter().position(|shape| *shape == head.shape).or_else(|| self.place());
        let Some(at) = at else { return };
        if self.shapes[at] != head.shape {
            (self.shapes[at], self.seen[at]) = (head.shape, strong);
        }
        if self.seen[at] & COUNT < SEEN_MAX {
            self.seen[at] += 1;
        }
        if self.seen[at] == SEEN_MAX && head.kind == Kind::Weak {
            self.seen[at] |= STRONG | LEVEL;
        }
        if self.seen[at] & STRONG > 0 {
            self.learn_run();
        }
    }

    fn learn_run(&mut self) {
        if self.plain == PLAIN_MAX && self.run == 0 && self.mixed == 0 {
            self.mixed = 1;
            self.plain = 0;
        }
        self.run = RUN_MAX.min(self.run + 1);
        if self.run == RUN_MAX && self.mixed < MIXED_MAX {
            (self.mixed, self.plain) = (0, 0);
        }
    }

    /// The place for a new shape: an empty one, or that of the one seen least.
    fn place(&mut self) -> Option<usize> {
        if let Some(empty) = self.shapes.iter().position(|shape| *shape == 0) {
            return Some(empty);
        }
        let (at, seen) = self.seen.iter().map(|seen| seen & COUNT).enumerate().min_by_key(|(_, seen)| *seen)?;
        if self.replaced == REPLACED_MAX || seen == SEEN_MAX && self.replaced > REPLACED_MAX / 2 {
            return None;
        }
        self.replaced += 1;
        Some(at)
    }

    /// Learns that a record begins without a head, and not with one of a crash.
    pub(super) fn learn_plain(&mut self) {
        if self.heads() == 0 {
            self.plain = PLAIN_MAX.min(self.plain + 1);
            return;
        }
        if self.run > 0 {
            self.mixed = MIXED_MAX.min(self.mixed + 1);
        }
        if self.mixed < MIXED_MAX {
            self.run = 0;
        }
    }

    /// Learns that a record went on with a line without a head.
    pub(super) fn learn_growth(&mut self) {
        self.grown = GROWN_MAX.min(self.grown + 1);
        if self.mixed < MIXED_MAX {
            self.mixed = self.mixed.saturating_sub(1);
        }
    }
}

/// The kind of the open record: what its lines are so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Mode {
    /// There is no open record.
    #[default]
    Closed,
    /// Nothing can join the record.
    Whole,
    /// Text, perhaps after a head.
    Text,
    /// The first line of java.util.logging: the level is on the next one.
    Jul,
    /// Frames of Java, Node.js or .NET.
    Frames,
    /// The line before the frames of Java, Node.js or .NET: an exception or its cause.
    Cause,
    /// The line of an exception, perhaps without frames.
    Exception,
    /// As [`Mode::Cause`], but frames are sure to come.
    Crash,
    /// A stamp that stands alone above a thread dump of Java.
    DumpHead,
    /// A thread dump of Java.
    Dump,
    /// Spring Boot's banner.
    Banner,
    /// The place of an uncaught error of Node.js: its source is to come.
    NodeHead,
    /// Node.js before it exits: `Node.js v20` is sure to come.
    NodeCrash,
    /// After `Require stack:` of Node.js.
    Require,
    /// Node.js out of memory.
    NodeMemory,
    /// A head before Python's `Traceback`.
    PythonHead,
    /// A traceback of Python: the exception is to come.
    Python,
    /// After the exception of a traceback.
    PythonEnd,
    /// After `The above exception was the direct cause …`.
    PythonChain,
    /// Margins of an exception group.
    PythonGroup,
    /// Frames without an exception: faulthandler, stack info, a warning's line.
    PythonStack,
    /// A box of rich: its end is to come.
    Box,
    /// A panic of Go before its goroutine.
    GoHead,
    /// Goroutines.
    Go,
    /// A panic of Rust, and its message.
    RustHead,
    /// Causes and frames of Rust.
    Rust,
    /// The head of a trace of Ruby.
    RubyHead,
    /// Frames of Ruby.
    Ruby,
    /// Frames of Ruby, one of them in a `rescue`: the cause is to come.
    RubyRescue,
    /// An exception of PHP before `Stack trace:`.
    PhpHead,
    /// Frames of PHP.
    Php,
    /// .NET's rules and repeats of a stack overflow.
    Repeat,
    /// The first lines of a server's log, and the `#` of a crash of Java's virtual machine.
    Server,
}

impl Mode {
    /// All modes.
    pub(super) const ALL: [Self; 33] = [
        Self::Closed,
        Self::Whole,
        Self::Text,
        Self::Jul,
        Self::Frames,
        Self::Cause,
        Self::Exception,
        Self::Crash,
        Self::DumpHead,
        Self::Dump,
        Self::Banner,
        Self::NodeHead,
        Self::NodeCrash,
        Self::Require,
        Self::NodeMemory,
        Self::PythonHead,
        Self::Python,
        Self::PythonEnd,
        Self::PythonChain,
        Self::PythonGroup,
        Self::PythonStack,
        Self::Box,
        Self::GoHead,
        Self::Go,
        Self::RustHead,
        Self::Rust,
        Self::RubyHead,
        Self::Ruby,
        Self::RubyRescue,
        Self::PhpHead,
        Self::Php,
        Self::Repeat,
        Self::Server,
    ];
}

/// The open record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    /// [`super::head::fast_key`] of the first line, if its head is settled.
    pub(super) key: u32,
    pub(super) mode: Mode,
    /// [`Open::HEADED`] and others.
    pub(super) flags: u8,
    /// Indentation of the first line.
    pub(super) indent: u8,
    /// Depth of the bracket that is open; 0 is none.
    pub(super) depth: u8,
    /// The bracket that is open.
    pub(super) bracket: u8,
    /// Lines that joined a trace which waits for its frames; the indentation of the line with the open bracket.
    pub(super) waited: u8,
    /// A key of the first four bytes of the first line, as long as it is the only one.
    pub(super) first: u16,
}

impl Open {
    /// The record begins with a head.
    pub(super) const HEADED: u8 = 1;
    /// The last line calls for another: it ends with `:`, has an open quote, or has no text at all.
    pub(super) const EXPECTS: u8 = 2;
    /// The head tells of a failure.
    pub(super) const FAILS: u8 = 4;
    /// A line joined for want of a head.
    pub(super) const GROWN: u8 = 8;
    /// An indented line joined.
    pub(super) const INDENTED: u8 = 32;
    /// The record has no head, and is that of a crash.
    pub(super) const CRASH: u8 = 16;

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag > 0
    }

    pub(super) fn with(mut self, flag: u8, on: bool) -> Self {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
        self
    }

    pub(super) fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}

impl State {
    /// Without the open record: only what was learned of the file. A re-read starts with it at the start of a record.
    #[must_use]
    pub fn closed(self) -> Self {
        Self { learned: self.learned, open: Open::default() }
    }

    /// Nothing can join the open record, so that it can leave without waiting for the next line.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.open.mode == Mode::Whole
    }

    /// The open record surely goes on. If something else than its next line ends it, it is truncated.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        let waits = matches!(
            self.open.mode,
            Mode::Jul
                | Mode::Crash
                | Mode::NodeCrash
                | Mode::Python
                | Mode::PythonChain
                | Mode::Box
                | Mode::GoHead
                | Mode::PhpHead
        );
        waits || self.open.depth > 0
    }

    /// A short text for a checkpoint; empty for the default.
    #[must_use]
    pub fn to_text(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        let learned = &self.learned;
        let open = &self.open;
        // Nothing fails to write to a `String`.
        let mut text = String::from(VERSION);
        for (shape, seen) in learned.shapes.iter().zip(learned.seen) {
            let _ = write!(text, ":{shape:x}.{seen:x}");
        }
        let Learned { run, mixed, grown, replaced, plain, .. } = *learned;
        let _ = write!(text, ":{run}.{mixed}.{grown}.{replaced}.{plain}");
        if *open != Open::default() {
            let Open { key, mode, flags, indent, depth, bracket, waited, first } = *open;
            let _ = write!(text, ":{key:x}.{}.{flags}.{indent}.{depth}.{bracket}.{waited}.{first}", mode as u8);
        }
        text
    }

    /// Reads [`Self::to_text`]. None if another version wrote it.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut state = Self::default();
        if text.is_empty() {
            return Some(state);
        }
        let mut parts = text.split(':');
        if parts.next() != Some(VERSION) {
            return None;
        }
        for at in 0..HEADS {
            let (shape, seen) = parts.next()?.split_once('.')?;
            state.learned.shapes[at] = u32::from_str_radix(shape, 16).ok()?;
            state.learned.seen[at] = u8::from_str_radix(seen, 16).ok()?;
        }
        let [run, mixed, grown, replaced, plain] = numbers(parts.next()?)?;
        state.learned = Learned { run, mixed, grown, replaced, plain, ..state.learned };
        if let Some(open) = parts.next() {
            let (key, rest) = open.split_once('.')?;
            let (rest, first) = rest.rsplit_once('.')?;
            let first = first.parse().ok()?;
            let [mode, flags, indent, depth, bracket, waited] = numbers(rest)?;
            let mode = Mode::ALL.into_iter().find(|known| *known as u8 == mode)?;
            let key = u32::from_str_radix(key, 16).ok()?;
            state.open = Open { key, mode, flags, indent, depth, bracket, waited, first };
        }
        parts.next().is_none().then_some(state)
    }
}

fn numbers<const N: usize>(text: &str) -> Option<[u8; N]> {
    let numbers: Option<Vec<u8>> = text.split('.').map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}

//! The grammar of each runtime as data: lines that begin a trace, and lines that continue one.

mod heads;
mod rules;

pub(super) use self::heads::HEADS;
pub(super) use self::rules::RULES;
use super::shape::{Class, Shape};
use super::state::Mode;
use super::{Preset, Reason};

/// A line that begins a trace.
#[derive(Debug)]
pub(super) struct Head {
    /// None: a server's, which every preset has.
    pub(super) preset: Option<Preset>,
    pub(super) line: Shape,
    /// What the next line has to look like.
    pub(super) next: Shape,
    /// The record's mode after it.
    pub(super) mode: Mode,
    /// Log libraries print this line below their own one: it joins a headed record that tells of a failure.
    pub(super) is_logged: bool,
    /// Such a line.
    pub(super) example: &'static str,
}

/// A line that continues a trace.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) preset: Option<Preset>,
    /// The modes of the record in which it does.
    pub(super) after: &'static [Mode],
    pub(super) line: Shape,
    /// What the next line has to look like.
    pub(super) next: Shape,
    /// The record's mode after it.
    pub(super) mode: Mode,
    pub(super) reason: Reason,
    /// Such a line.
    pub(super) example: &'static str,
}

/// Lines of the grammar, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    heads: u64,
    rules: u128,
}

const _: () = assert!(HEADS.len() <= 64 && RULES.len() <= 128);

impl Set {
    fn of(mut head: impl FnMut(&Head) -> bool, mut rule: impl FnMut(&Rule) -> bool) -> Self {
        let heads = HEADS.iter().enumerate().fold(0, |bits, (at, line)| bits | u64::from(head(line)) << at);
        let rules = RULES.iter().enumerate().fold(0, |bits, (at, line)| bits | u128::from(rule(line)) << at);
        Self { heads, rules }
    }

    fn and(self, other: Self) -> Self {
        Self { heads: self.heads & other.heads, rules: self.rules & other.rules }
    }

    /// The heads, in their order.
    pub(super) fn heads(self) -> impl Iterator<Item = &'static Head> {
        let mut bits = self.heads;
        std::iter::from_fn(move || {
            let head = HEADS.get(bits.trailing_zeros() as usize)?;
            bits &= bits - 1;
            Some(head)
        })
    }

    /// The rules, in their order.
    pub(super) fn rules(self) -> impl Iterator<Item = &'static Rule> {
        let mut bits = self.rules;
        std::iter::from_fn(move || {
            let rule = RULES.get(bits.trailing_zeros() as usize)?;
            bits &= bits - 1;
            Some(rule)
        })
    }
}

/// The class of the next line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextClass {
    Line(Class),
    Unknown,
    End,
}

/// The lines of the grammar that a line of a class may be.
#[derive(Debug)]
struct Classes {
    /// By the first byte.
    first: Vec<Set>,
    /// By whether it is indented.
    indented: [Set; 2],
    /// By whether it has a place.
    placed: [Set; 2],
}

impl Classes {
    /// `head` and `rule` tell what the line has to look like.
    fn new(head: fn(&Head) -> Shape, rule: fn(&Rule) -> Shape) -> Self {
        let set = |may: &dyn Fn(Shape) -> bool| Set::of(|line| may(head(line)), |line| may(rule(line)));
        let mut first = vec![set(&|shape| shape.first_bytes().is_none()); 256];
        for (at, line) in HEADS.iter().enumerate() {
            let bytes = head(line).first_bytes().unwrap_or_default();
            for byte in bytes {
                first[usize::from(*byte)].heads |= 1 << at;
            }
        }
        for (at, line) in RULES.iter().enumerate() {
            let bytes = rule(line).first_bytes().unwrap_or_default();
            for byte in bytes {
                first[usize::from(*byte)].rules |= 1 << at;
            }
        }
        Self {
            first,
            indented: [false, true].map(|is| set(&|shape| shape.may_be_indented(is))),
            placed: [false, true].map(|is| set(&|shape| shape.may_be_placed(is))),
        }
    }

    fn of(&self, class: Class) -> Set {
        let Class { first, is_indented, is_placed } = class;
        let set = self.first[usize::from(first)].and(self.indented[usize::from(is_indented)]);
        set.and(self.placed[usize::from(is_placed)])
    }
}

/// The parts of the grammar that a configuration has, where a line finds them fast.
#[derive(Debug)]
pub(super) struct Table {
    /// What a line may be.
    lines: Classes,
    /// What a line may be by the one after it.
    next: Classes,
    /// What a line may be that nothing follows.
    last: Set,
    /// What a line may be, by the mode of the open record; a head does not depend on it.
    modes: Box<[Set]>,
    /// Configured words that are levels.
    pub(super) levels: Vec<String>,
}

impl Table {
    /// The grammar of these runtimes, and of servers.
    pub(super) fn new(presets: &[Preset]) -> Self {
        let has = |preset: Option<Preset>| preset.is_none_or(|preset| presets.iter().any(|has| has.is_alike(preset)));
        Self::index(Set::of(|head| has(head.preset), |rule| has(rule.preset)))
    }

    fn index(all: Set) -> Self {
        let of_mode = |mode| Set::of(|_| true, |rule| rule.after.contains(&mode)).and(all);
        Self {
            lines: Classes::new(|head| head.line, |rule| rule.line),
            next: Classes::new(|head| head.next, |rule| rule.next),
            last: Set::of(|head| head.next.is_any(), |rule| rule.next.is_any()),
            modes: Mode::ALL.into_iter().map(of_mode).collect(),
            levels: Vec::new(),
        }
    }

    /// The whole grammar without the line that has this number in [`super::examples`].
    #[cfg(test)]
    pub(super) fn without(number: usize) -> Self {
        let mut numbers = 0..;
        let mut others = || numbers.next() != Some(number);
        let heads = Set::of(|_| others(), |_| false);
        Self::index(Set { rules: Set::of(|_| false, |_| others()).rules, ..heads })
    }

    /// What a line may be. Each still has to be looked at.
    pub(super) fn candidates(&self, mode: Mode, line: Class, next: NextClass) -> Set {
        let set = self.lines.of(line).and(self.modes[mode as usize]);
        match next {
            NextClass::Line(next) => set.and(self.next.of(next)),
            NextClass::End => set.and(self.last),
            NextClass::Unknown => set,
        }
    }
}

impl Preset {
    /// Frames of Java, Node.js and .NET look alike, so that a preset of one has those of all.
    fn is_alike(self, other: Self) -> bool {
        let framed = |preset| matches!(preset, Self::Java | Self::Node | Self::Dotnet);
        self == other || framed(self) && framed(other)
    }
}

const fn crash(preset: Option<Preset>, line: Shape, next: Shape, mode: Mode, example: &'static str) -> Head {
    Head { preset, line, next, mode, is_logged: false, example }
}

const fn logged(preset: Option<Preset>, line: Shape, next: Shape, mode: Mode, example: &'static str) -> Head {
    Head { preset, line, next, mode, is_logged: true, example }
}

const fn rule(
    preset: Option<Preset>,
    after: &'static [Mode],
    line: Shape,
    mode: Mode,
    reason: Reason,
    example: &'static str,
) -> Rule {
    Rule { preset, after, line, next: Shape::Any, mode, reason, example }
}

impl Rule {
    /// Only if the next line looks so.
    const fn before(mut self, next: Shape) -> Self {
        self.next = next;
        self
    }
}

const JAVA: Option<Preset> = Some(Preset::Java);
const PYTHON: Option<Preset> = Some(Preset::Python);
const GO: Option<Preset> = Some(Preset::Go);
const NODE: Option<Preset> = Some(Preset::Node);
const DOTNET: Option<Preset> = Some(Preset::Dotnet);
const RUBY: Option<Preset> = Some(Preset::Ruby);
const PHP: Option<Preset> = Some(Preset::Php);
const RUST: Option<Preset> = Some(Preset::Rust);
const SERVER: Option<Preset> = None;

const TRACEBACK: Shape = Shape::Exactly("Traceback (most recent call last):");
const CAUSED_BY: Shape = Shape::Exactly("The above exception was the direct cause of the following exception:");
const HANDLING: Shape = Shape::Exactly("During handling of the above exception, another exception occurred:");
const GROUP: Shape = Shape::Indented("+ Exception Group Traceback (most recent call last):");

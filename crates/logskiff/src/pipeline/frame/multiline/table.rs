//! The grammar of each runtime as data: lines that begin a trace, and lines that continue one.

mod heads;
mod rules;

pub(super) use self::heads::HEADS;
pub(super) use self::rules::RULES;
use super::shape::Shape;
use super::state::Mode;
use super::text::Text;
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

/// The parts of the grammar that a configuration has, where a line finds them fast.
#[derive(Debug)]
pub(super) struct Table {
    /// By the first byte after the indentation.
    heads: Vec<Vec<&'static Head>>,
    /// By the mode of the open record.
    rules: Vec<Vec<&'static Rule>>,
}

impl Table {
    /// The grammar of these runtimes, and of servers.
    pub(super) fn new(presets: &[Preset]) -> Self {
        let has = |preset: Option<Preset>| preset.is_none_or(|preset| presets.iter().any(|has| has.is_alike(preset)));
        let heads: Vec<_> = HEADS.iter().filter(|head| has(head.preset)).collect();
        let rules: Vec<_> = RULES.iter().filter(|rule| has(rule.preset)).collect();
        Self::index(&heads, &rules)
    }

    fn index(heads: &[&'static Head], rules: &[&'static Rule]) -> Self {
        let heads = |byte: u8| heads.iter().copied().filter(|head| head.line.may_begin_with(byte)).collect();
        let rules = |mode: Mode| rules.iter().copied().filter(|rule| rule.after.contains(&mode)).collect();
        Self { heads: (0..=u8::MAX).map(heads).collect(), rules: Mode::ALL.into_iter().map(rules).collect() }
    }

    /// The whole grammar without the line that has this number in [`super::examples`].
    #[cfg(test)]
    pub(super) fn without(number: usize) -> Self {
        let others = |at: usize| at != number;
        let heads: Vec<_> = HEADS.iter().enumerate().filter(|(at, _)| others(*at)).map(|(_, head)| head).collect();
        let rules: Vec<_> =
            RULES.iter().enumerate().filter(|(at, _)| others(HEADS.len() + *at)).map(|(_, rule)| rule).collect();
        Self::index(&heads, &rules)
    }

    /// Heads that a line may be, by its first byte.
    pub(super) fn heads(&self, text: &Text<'_>) -> &[&'static Head] {
        &self.heads[usize::from(text.body().first().copied().unwrap_or(b' '))]
    }

    /// Rules for a record's mode.
    pub(super) fn rules(&self, mode: Mode) -> &[&'static Rule] {
        &self.rules[mode as usize]
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

//! Reads the lines of a program whose layouts are known.
//!
//! Input: the text of a record. Output: its fields, time, level and message, if one of the preset's layouts fits. The
//! layouts are tried in order. A text of another layout gives nothing, never some of the fields.

mod monolog;
mod structured_data;
mod table;
mod target;

use event::{Key, Kind, Level, Node, Parsed, TextRange};

use self::target::{Convert, Target};
use super::csv::Values;
use super::field::Fields;
use super::level::{self, Levels, Scale};
use super::pattern::{Pattern, name_index};
use super::time::Clock;
use super::{Type, json, nginx, number};

/// How the lines of one program look.
#[derive(Debug)]
pub struct Preset {
    name: &'static str,
    layouts: &'static [Layout],
    grouping: Grouping,
}

/// How the lines of a preset are joined to records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// As without a preset.
    Usual,
    /// Lines that match this expression join the one before.
    Continue(&'static str),
    /// A line that matches the first expression begins a record; one that matches the second too, unless it follows such a
    /// line.
    Heads(&'static str, &'static str),
    /// A quote that is open joins lines.
    Quotes,
}

/// One layout of a preset's lines.
#[derive(Debug)]
enum Layout {
    /// A JSON object with the usual names.
    Json,
    /// The access log of nginx and Apache.
    Access,
    /// Comma-separated values: for each column what it becomes, as behind the name of a reference; empty: nothing.
    Csv(&'static [&'static str]),
    /// A pattern with references.
    Pattern(&'static str),
    /// A pattern with references. A text that matches has none of the layouts that follow, because it fits them in more
    /// than one way.
    Other(&'static str),
}

impl PartialEq for Preset {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Preset {}

impl Preset {
    /// All presets, by name.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        table::PRESETS.iter()
    }

    /// The preset of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        Self::all().find(|preset| preset.name == name)
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How its lines are joined to records.
    #[must_use]
    pub fn grouping(&self) -> Grouping {
        self.grouping
    }
}

/// A layout that is ready to read.
enum Reader {
    Json,
    /// The names and types of its fields.
    Access([(u16, Option<Type>); nginx::NAMES.len()]),
    Csv(Vec<Option<Target>>),
    Pattern(Box<Pattern<Target>>),
    Other(Box<Pattern<()>>),
}

/// Reads one preset's lines.
pub(super) struct Layouts(Vec<Reader>);

/// What a text says besides its fields.
#[derive(Default)]
struct Said<'t> {
    time: Option<&'t [u8]>,
    level: Option<Level>,
    message: Option<(TextRange, Kind)>,
    trace_id: Option<TextRange>,
    span_id: Option<TextRange>,
}

impl Layouts {
    /// Compiles the layouts; adds the names of fields to `names`.
    ///
    /// # Errors
    /// A pattern of the table that does not compile.
    pub(super) fn new(preset: &Preset, names: &mut Vec<Box<str>>) -> Result<Self, String> {
        let reader = |layout: &Layout| {
            Ok(match layout {
                Layout::Json => Reader::Json,
                Layout::Access => Reader::Access(nginx::NAMES.map(|name| {
                    let kind = nginx::TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
                    (name_index(name, names), kind)
                })),
                Layout::Csv(columns) => {
                    Reader::Csv(columns.iter().map(|column| Target::of_column(column, names)).collect())
                }
                Layout::Pattern(pattern) => {
                    let target = |capture: &_| Target::new(capture, names);
                    Reader::Pattern(Box::new(Pattern::of_preset(pattern, table::PARTS, target)?))
                }
                Layout::Other(pattern) => Reader::Other(Box::new(Pattern::of_preset(pattern, table::PARTS, |_| ())?)),
            })
        };
        preset.layouts.iter().map(reader).collect::<Result<_, _>>().map(Self)
    }

    /// Fills `into`, which must be empty; `false`, and nothing is changed, if no layout fits `text`. `part`: which part of
    /// the record the text is; only the first is read as JSON.
    pub(super) fn read(
        &mut self,
        text: &[u8],
        is_first: bool,
        fields: &mut Fields,
        clock: &Clock,
        into: &mut Parsed,
    ) -> bool {
        for reader in &mut self.0 {
            let is_read = match reader {
                Reader::Other(pattern) => {
                    if pattern.read(text).is_some() {
                        return false;
                    }
                    false
                }
                Reader::Json if !is_first => false,
                reader => reader.read(text, fields, clock, into),
            };
            if is_read {
                return true;
            }
        }
        false
    }
}

impl Reader {
    /// Fills `into`, which must be empty; `false`, and nothing is changed, if the layout does not fit `text`.
    fn read(&mut self, text: &[u8], fields: &mut Fields, clock: &Clock, into: &mut Parsed) -> bool {
        match self {
            Self::Json => {
                let found = json::read(text, &mut into.nodes).ok();
                if let Some(repairs) = found {
                    into.repairs = repairs;
                    fields.apply(text, into, clock);
                }
                found.is_some()
            }
            Self::Access(columns) => read_access(text, columns, fields, clock, into),
            Self::Csv(targets) => {
                let mut said = Said::default();
                let levels = fields.levels();
                let is_read = read_csv(text, targets, levels, into, &mut said);
                finish(text, is_read.then_some(said), fields, clock, into)
            }
            Self::Pattern(pattern) => {
                let Some(captures) = pattern.read(text) else { return false };
                let mut said = Said::default();
                let levels = fields.levels();
                let is_read = captures
                    .into_iter()
                    .all(|(target, at)| take(text, target, at, Kind::Text, levels, into, &mut said));
                finish(text, is_read.then_some(said), fields, clock, into)
            }
            Self::Other(_) => false,
        }
    }
}

/// Reads the first line of a text as an access log; the message is the text.
fn read_access(
    text: &[u8],
    columns: &[(u16, Option<Type>)],
    fields: &mut Fields,
    clock: &Clock,
    into: &mut Parsed,
) -> bool {
    let line = memchr::memchr(b'\n', text).map_or(text, |end| text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]));
    let Some(stamp) = nginx::read(line, &mut into.nodes) else { return false };
    for node in &mut into.nodes {
        if let Node::Value { key: Key::Name(name), at, kind } = node {
            let (index, wanted) = columns[usize::from(*name)];
            *name = index;
            if let Some(number) = wanted.and_then(|wanted| number::convert(line, *at, *kind, wanted)) {
                (*at, *kind) = number;
            }
        }
    }
    finish(text, Some(Said { time: Some(stamp), ..Said::default() }), fields, clock, into)
}

/// Reads the columns; `false` if the text has others.
fn read_csv<'t>(
    text: &'t [u8],
    targets: &[Option<Target>],
    levels: &Levels,
    into: &mut Parsed,
    said: &mut Said<'t>,
) -> bool {
    let mut targets = targets.iter();
    let mut count = 0;
    for value in Values::new(text) {
        let (Some((at, kind)), Some(target)) = (value, targets.next()) else { return false };
        count += 1;
        let is_taken = target.as_ref().is_none_or(|target| take(text, target, at, kind, levels, into, said));
        if !is_taken {
            return false;
        }
    }
    count >= COLUMNS_MIN
}

/// As many columns as version 8.3 of the database wrote; later ones add some.
const COLUMNS_MIN: usize = 22;

/// Takes over one value; `false` if it is none of its kind, so that the text has another layout.
fn take<'t>(
    text: &'t [u8],
    target: &Target,
    at: TextRange,
    kind: Kind,
    levels: &Levels,
    into: &mut Parsed,
    said: &mut Said<'t>,
) -> bool {
    let value = &text[at.indices()];
    let is_empty = matches!(value, b"" | b"-");
    match target {
        Target::Time => said.time = Some(value),
        Target::FallbackTime => said.time = said.time.or(Some(value)),
        Target::Level => {
            said.level = levels.read(value, Scale::Common);
            return said.level.is_some() || level::is_no_level(value);
        }
        // Syslog's priority, which comes first, counts before a word of the message.
        Target::MaybeLevel => said.level = said.level.or_else(|| levels.read(value, Scale::Common)),
        Target::RedisLevel => said.level = target::level_of_redis(value),
        Target::Message => said.message = Some((at, kind)),
        Target::Monolog { context, extra } => {
            said.message = Some((monolog::read(text, at, [*context, *extra], &mut into.nodes), Kind::Text));
        }
        Target::TraceId if !is_empty => said.trace_id = Some(at),
        Target::SpanId if !is_empty => said.span_id = Some(at),
        Target::StructuredData(name) if !is_empty => {
            return structured_data::read(text, at, *name, &mut into.nodes).is_some();
        }
        Target::Priority { priority, facility, severity } => {
            let Some(number) = target::priority(value) else { return false };
            said.level = Scale::Syslog.level(u32::from(number % 8));
            let code = |name: &u16, code| Node::Value { key: Key::Name(*name), at, kind: Kind::Code(code) };
            into.nodes.extend([code(priority, number), code(facility, number / 8), code(severity, number % 8)]);
        }
        Target::Severity(name) => {
            let Some(number) = target::priority(value).filter(|number| *number < 8) else { return false };
            said.level = Scale::Syslog.level(number.into());
            into.nodes.push(Node::Value { key: Key::Name(*name), at, kind: Kind::Code(number) });
        }
        Target::HostPort(address, port) if !is_empty => {
            let (host, number) = target::host_and_port(text, at);
            into.nodes.push(Node::Value { key: Key::Name(*address), at: host, kind: Kind::Text });
            let number = number.map(|at| Node::Value { key: Key::Name(*port), at, kind: Kind::Number });
            into.nodes.extend(number);
        }
        Target::Field(name, convert) if !is_empty => {
            // A layout may say one thing twice.
            let is_same = |node: &Node| matches!(node, Node::Value { key: Key::Name(known), .. } if known == name);
            if into.nodes.iter().any(is_same) {
                return true;
            }
            let Some((at, number)) = convert.apply(text, at) else { return *convert == Convert::Known };
            into.nodes.push(Node::Value { key: Key::Name(*name), at, kind: number.unwrap_or(kind) });
        }
        _ => {}
    }
    true
}

/// Applies configured types, and sets what the text says; `None`: the text has another layout.
fn finish(text: &[u8], said: Option<Said<'_>>, fields: &mut Fields, clock: &Clock, into: &mut Parsed) -> bool {
    let Some(said) = said else {
        into.clear();
        return false;
    };
    fields.apply_types(text, into);
    into.time_ns = said.time.and_then(|stamp| clock.of_preset(stamp));
    into.time_failed = said.time.is_some() && into.time_ns.is_none();
    into.level = said.level;
    (into.trace_id, into.span_id) = (said.trace_id, said.span_id);
    into.message = said.message.or(Some((TextRange::new(0, text.len()), Kind::Text)));
    true
}

#[cfg(test)]
mod tests;

//! Reads the lines of a program whose layouts are known.
//!
//! Input: the text of a record. Output: its fields, time, level and message, if one of the preset's layouts fits. The
//! layouts are tried in order. A text of another layout gives nothing, never some of the fields.

mod coloured;
mod monolog;
mod reading;
mod structured_data;
mod table;
mod target;

use event::{Kind, Parsed, TextRange};

use self::coloured::Coloured;
use self::reading::{Column, Reading, Said};
use self::target::Target;
use super::field::Fields;
use super::pattern::{Pattern, name_index};
use super::time::Clock;
use super::{colours, json, logfmt, nginx};

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
    /// Lines that match the first expression and not the second join the one before.
    Continue(&'static str, &'static str),
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
    /// Pairs of logfmt with the usual names.
    Logfmt,
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
    Logfmt,
    Access([Column; nginx::NAMES.len()]),
    Csv(Vec<Option<Target>>),
    Pattern(Box<Pattern<Target>>),
    Other(Box<Pattern<()>>),
}

/// Reads one preset's lines.
pub(super) struct Layouts {
    readers: Vec<Reader>,
    coloured: Coloured,
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
                Layout::Logfmt => Reader::Logfmt,
                Layout::Access => Reader::Access(nginx::NAMES.map(|name| {
                    let kind = nginx::TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
                    Column { name: name_index(name, names), kind }
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
        let readers = preset.layouts.iter().map(reader).collect::<Result<_, String>>()?;
        Ok(Self { readers, coloured: Coloured::default() })
    }

    /// Fills `into`, which must be empty; `false`, and nothing is changed, if no layout fits `text`. `is_first`: the text is all
    /// of the record, which is read as JSON too.
    pub(super) fn read(
        &mut self,
        text: &[u8],
        is_first: bool,
        fields: &mut Fields,
        clock: &Clock,
        into: &mut Parsed,
    ) -> bool {
        let Self { readers, coloured } = self;
        let has_colours = colours::may_have(text);
        if has_colours {
            coloured.strip(text);
        }
        for reader in readers {
            // Where colours are part of a value, they stay: JSON spells them.
            let is_stripped = has_colours && !matches!(reader, Reader::Json | Reader::Logfmt);
            let text = if is_stripped { &coloured.plain } else { text };
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
                return !is_stripped || coloured.restore(into);
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
            Self::Logfmt => {
                let found = logfmt::read(text, logfmt::PAIRS_MIN, &mut into.nodes);
                if found.is_some() {
                    into.message = Some((TextRange::new(0, text.len()), Kind::Text));
                    fields.apply(text, into, clock);
                }
                found.is_some()
            }
            Self::Access(columns) => read_as(text, fields, clock, into, |reading| reading.access(columns)),
            Self::Csv(targets) => read_as(text, fields, clock, into, |reading| reading.csv(targets)),
            Self::Pattern(pattern) => {
                let Some(mut captures) = pattern.read(text) else { return false };
                read_as(text, fields, clock, into, |reading| {
                    captures.all(|(target, at)| reading.take(target, at, Kind::Text)).then_some(())
                })
            }
            Self::Other(_) => false,
        }
    }
}

/// Fills `into` with what `read` reads, and applies the configured types; `false`, and nothing is changed, if it reads nothing.
fn read_as(
    text: &[u8],
    fields: &mut Fields,
    clock: &Clock,
    into: &mut Parsed,
    read: impl FnOnce(&mut Reading<'_, '_>) -> Option<()>,
) -> bool {
    let mut reading = Reading::new(text, fields.levels(), &mut into.nodes);
    if read(&mut reading).is_none() {
        into.clear();
        return false;
    }
    let Said { time, level, message, trace_id, span_id } = reading.said();
    fields.apply_types(text, into);
    into.time_ns = time.and_then(|stamp| clock.of_preset(stamp));
    into.time_failed = time.is_some() && into.time_ns.is_none();
    (into.level, into.trace_id, into.span_id) = (level, trace_id, span_id);
    into.message = message.or(Some((TextRange::new(0, text.len()), Kind::Text)));
    true
}

#[cfg(test)]
mod tests;

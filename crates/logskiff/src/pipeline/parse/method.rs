//! One way to read a record.

use event::{Key, Kind, Node, ParseFailure, Parsed, TextRange};

use super::csv::Values;
use super::field::Fields;
use super::pattern::{Patterns, name_index};
use super::prefix::{self, Prefix};
use super::preset::Layouts;
use super::time::Clock;
use super::{Config, Error, Format, head, json, logfmt};

/// The lines of a record in which a format of lines is looked for. A trace or a banner may stand before the line that a
/// logger wrote.
const LINES_TRIED_MAX: usize = 8;

/// A format that is ready to read.
pub(super) enum Method {
    None,
    Json,
    Logfmt,
    Patterns(Patterns),
    /// The names of the columns.
    Csv(Vec<u16>),
    Preset(Layouts),
    /// With the name of the field for what Docker Compose writes before a line.
    Auto {
        source: u16,
    },
}

impl Method {
    /// Prepares a format; adds the names of its fields to `names`, the types that they have to `config` and mistakes to
    /// `errors`.
    pub(super) fn new(format: Format, config: &mut Config, names: &mut Vec<Box<str>>, errors: &mut Vec<Error>) -> Self {
        match format {
            Format::None => Self::None,
            Format::Json => Self::Json,
            Format::Logfmt => Self::Logfmt,
            Format::Regex => Self::Patterns(Patterns::new(&config.patterns, names, errors)),
            Format::Grok => Self::Patterns(Patterns::of_grok(&config.patterns, names, &mut config.types, errors)),
            Format::Csv => Self::Csv(config.columns.iter().map(|column| name_index(column, names)).collect()),
            Format::Preset(preset) => match Layouts::new(preset, names) {
                Ok(layouts) => Self::Preset(layouts),
                Err(message) => {
                    errors.push(Error::Preset { name: preset.name(), message });
                    Self::None
                }
            },
            Format::Auto => Self::Auto { source: name_index("log.source", names) },
        }
    }

    /// Reads a record into `into`, which must be empty.
    ///
    /// # Errors
    /// Why the record does not have this format; nothing of `into` is changed.
    pub(super) fn read(
        &mut self,
        text: &[u8],
        fields: &mut Fields,
        clock: &Clock,
        into: &mut Parsed,
    ) -> Result<(), ParseFailure> {
        let whole = Some((TextRange::new(0, text.len()), Kind::Text));
        let is_read = match self {
            Self::None => {
                into.message = whole;
                true
            }
            Self::Json => {
                into.repairs = json::read(text, &mut into.nodes)?;
                fields.apply(text, into, clock);
                true
            }
            Self::Auto { source } => {
                read_any(text, *source, fields, clock, into);
                true
            }
            Self::Logfmt => {
                let found = read_line(text, &mut into.nodes, |line, nodes| logfmt::read(line, 1, nodes));
                found.inspect(|()| finish(text, fields, clock, into)).is_some()
            }
            Self::Patterns(patterns) => {
                let read = |line: &[u8], nodes: &mut Vec<Node>| patterns.read(line, nodes).then_some(());
                read_line(text, &mut into.nodes, read).inspect(|()| finish(text, fields, clock, into)).is_some()
            }
            Self::Csv(columns) => {
                let is_read = read_csv(text, columns, into);
                if is_read && is_header(text, into) {
                    into.clear();
                    into.message = whole;
                } else if is_read {
                    into.message = whole;
                    fields.apply(text, into, clock);
                }
                is_read
            }
            Self::Preset(layouts) => read_preset(text, layouts, fields, clock, into),
        };
        if is_read { Ok(()) } else { Err(ParseFailure::NoMatch) }
    }
}

/// Gives the fields of one line their meaning. The message is all lines, unless the only line has a field for it.
fn finish(text: &[u8], fields: &mut Fields, clock: &Clock, into: &mut Parsed) {
    let whole = Some((TextRange::new(0, text.len()), Kind::Text));
    into.message = whole;
    fields.apply(text, into, clock);
    if memchr::memchr(b'\n', text).is_some() {
        into.message = whole;
    }
}

/// Reads a record of any format that is recognized: a JSON object, logfmt, or a text with a head.
fn read_any(text: &[u8], source: u16, fields: &mut Fields, clock: &Clock, into: &mut Parsed) {
    let whole = (TextRange::new(0, text.len()), Kind::Text);
    if let Some(Prefix { len, source: name }) = prefix::of_object(text)
        && let Ok(repairs) = json::read(&text[len..], &mut into.nodes)
    {
        move_by(len, &mut into.nodes);
        into.repairs = repairs;
        fields.apply(text, into, clock);
        into.nodes.extend(name.map(|at| Node::Value { key: Key::Name(source), at, kind: Kind::Text }));
        return;
    }
    if memchr::memchr(b'\n', text).is_none() && logfmt::read(text, logfmt::PAIRS_MIN, &mut into.nodes).is_some() {
        fields.apply(text, into, clock);
        into.message.get_or_insert(whole);
        return;
    }
    into.message = Some(whole);
    let levels = fields.levels();
    read_line(text, &mut into.nodes, |line, _| {
        let head = head::read(line, clock, levels);
        into.time_ns = into.time_ns.or(head.time_ns);
        into.time_failed |= head.time_failed;
        into.level = into.level.or(head.level);
        (into.time_ns.is_some() && into.level.is_some()).then_some(())
    });
}

/// Reads a record from the first of its first lines on with which a layout fits.
fn read_preset(text: &[u8], layouts: &mut Layouts, fields: &mut Fields, clock: &Clock, into: &mut Parsed) -> bool {
    let mut start = 0;
    for _ in 0..LINES_TRIED_MAX {
        let Some(rest) = text.get(start..) else { return false };
        if layouts.read(rest, start == 0, fields, clock, into) {
            if start > 0 {
                move_by(start, &mut into.nodes);
                for id in [&mut into.trace_id, &mut into.span_id].into_iter().flatten() {
                    *id = moved(*id, start);
                }
                into.message = Some((TextRange::new(0, text.len()), Kind::Text));
            }
            return true;
        }
        let Some(newline) = memchr::memchr(b'\n', rest) else { return false };
        start += newline + 1;
    }
    false
}

/// Fills the nodes from a record of as many values as there are columns; `false`, and nothing: it is none.
fn read_csv(text: &[u8], columns: &[u16], into: &mut Parsed) -> bool {
    let mut columns = columns.iter();
    for value in Values::new(text) {
        let (Some((at, kind)), Some(name)) = (value, columns.next()) else {
            into.clear();
            return false;
        };
        if !text[at.indices()].is_empty() {
            into.nodes.push(Node::Value { key: Key::Name(*name), at, kind });
        }
    }
    let is_whole = columns.next().is_none();
    if !is_whole {
        into.clear();
    }
    is_whole
}

/// Whether every value is the name of its column.
fn is_header(text: &[u8], parsed: &Parsed) -> bool {
    parsed.nodes.iter().all(|node| match *node {
        Node::Value { key: Key::Name(name), at, .. } => {
            parsed.names.get(usize::from(name)).is_some_and(|name| name.as_bytes() == &text[at.indices()])
        }
        _ => false,
    })
}

/// Fills `nodes`, which must be empty, from the first of the first lines that `read` accepts.
fn read_line<'t, T>(
    text: &'t [u8],
    nodes: &mut Vec<Node>,
    mut read: impl FnMut(&'t [u8], &mut Vec<Node>) -> Option<T>,
) -> Option<T> {
    let mut start = 0;
    for _ in 0..LINES_TRIED_MAX {
        let rest = text.get(start..)?;
        let newline = memchr::memchr(b'\n', rest);
        let line = newline.map_or(rest, |end| rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]));
        if let Some(found) = read(line, nodes) {
            move_by(start, nodes);
            return Some(found);
        }
        start += newline? + 1;
    }
    None
}

/// Moves the keys and values of a part of a record to their positions in the record.
fn move_by(start: usize, nodes: &mut [Node]) {
    if start == 0 {
        return;
    }
    for node in nodes {
        node.map_ranges(|at| moved(at, start));
    }
}

fn moved(at: TextRange, by: usize) -> TextRange {
    let range = at.indices();
    TextRange::new(range.start + by, range.end + by)
}

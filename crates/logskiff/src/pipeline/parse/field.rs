//! Fields with a meaning: the message, the time, the level, the ids of trace and span, and fields with a configured type.
//!
//! Input: the parsed nodes. Output: the same nodes, some with another kind, and the record's message, time, level and
//! ids. A node is removed if the record has its value elsewhere (message and ids), or under the same name (`@timestamp`,
//! `log.level`). A node that could not be read stays.

mod id;
mod roles;
mod usual;

use event::{Key, Kind, Level, Node, Parsed, Repair, TextRange};

use self::id::Form;
use self::roles::{Meaning, Role, Roles, Use};
use super::level::Levels;
use super::time::Clock;
use super::{Config, Format, number};

/// Longer than any timestamp with escapes; a longer value is neither a timestamp nor a level.
const PLAIN_BYTES_MAX: usize = 64;

/// Message, time, level, trace and span.
const REMOVED_MAX: usize = 5;

const SECOND_NS: i64 = 1_000_000_000;

/// A field with a meaning in the line.
#[derive(Clone, Copy, Debug)]
struct FoundField {
    meaning: Meaning,
    rank: u16,
    node: usize,
    /// Whether the record has a field of its name itself.
    in_record: bool,
}

/// A node that is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Removed {
    node: usize,
    /// Whether the record has its value under another name.
    is_taken: bool,
}

/// The fields of one line with a meaning, in the order of the line. Reused for each line.
#[derive(Debug, Default)]
struct Found {
    fields: Vec<FoundField>,
    /// Whether one of them is a duplicate. Once it is removed, the record does not show the duplicate.
    has_duplicate: bool,
    /// The level, if no field has one.
    implied: Option<Level>,
    /// Whether one of them is an id.
    has_ids: bool,
}

/// The fields of an input with a meaning.
pub(super) struct Fields {
    roles: Roles,
    /// By [`Key::Name`].
    by_name: Vec<Role>,
    levels: Levels,
    found: Found,
    /// The dotted name of the open objects; reused from line to line.
    path: Vec<u8>,
    /// The length of `path` before each of them.
    path_lens: Vec<usize>,
}

impl Fields {
    /// Collects the configured and the usual names; `names` are the parser's names.
    pub(super) fn new(config: &Config, format: Format, names: &[Box<str>]) -> Self {
        let roles = Roles::new(config, format);
        let of = |name: &str| roles.find(b"", name.as_bytes()).cloned().unwrap_or_default();
        Self {
            by_name: names.iter().map(|name| of(name)).collect(),
            roles,
            levels: Levels::new(&config.level_map),
            found: Found::default(),
            path: Vec::new(),
            path_lens: Vec::new(),
        }
    }

    /// Applies only the configured types.
    pub(super) fn apply_types(&mut self, text: &[u8], parsed: &mut Parsed) {
        self.walk(text, parsed);
    }

    /// The words and numbers that are levels.
    pub(super) fn levels(&self) -> &Levels {
        &self.levels
    }

    /// Applies types, sets message, time, level and ids, and removes fields that the record has elsewhere.
    pub(super) fn apply(&mut self, text: &[u8], parsed: &mut Parsed, clock: &Clock) {
        self.walk(text, parsed);
        let found = &self.found;
        if found.has_duplicate {
            parsed.repairs.add(Repair::DuplicateKey);
        }
        let mut removed = [Removed::default(); REMOVED_MAX];
        let mut count = 0;
        let mut remove = |node: Option<usize>, is_taken| {
            if let Some(node) = node {
                removed[count] = Removed { node, is_taken };
                count += 1;
            }
        };
        if let Some(field) = found.first(|meaning| meaning == Meaning::Message) {
            parsed.message = value(&parsed.nodes, field.node);
            remove(Some(field.node), true);
        }
        remove(found.read_time(text, parsed, clock), false);
        remove(found.read_level(text, parsed, &self.levels), false);
        if found.has_ids {
            let (trace, span) = found.read_ids(text, parsed);
            remove(trace, true);
            remove(span, true);
        }
        let removed = &mut removed[..count];
        removed.sort_unstable();
        // In reverse order, so that the indices of the remaining nodes stay valid.
        let mut last = None;
        for Removed { node, is_taken } in removed.iter().copied().rev() {
            // One node can have two meanings, as trace and span.
            if last.replace(node) == Some(node) {
                continue;
            }
            if is_taken {
                keep_name(&parsed.nodes, node, &mut parsed.taken);
            }
            take_out(&mut parsed.nodes, node);
        }
    }

    /// Finds every field with a meaning, and applies types.
    fn walk(&mut self, text: &[u8], parsed: &mut Parsed) {
        self.found.fields.clear();
        self.found.has_duplicate = false;
        self.found.implied = None;
        self.found.has_ids = false;
        self.path.clear();
        self.path_lens.clear();
        let mut node = 0;
        while node < parsed.nodes.len() {
            match parsed.nodes[node] {
                Node::Value { key, at, kind } => {
                    let role = match key {
                        Key::None => None,
                        Key::Name(name) => self.by_name.get(usize::from(name)),
                        Key::Text(at) => self.roles.find(&self.path, &text[at.indices()]),
                    };
                    if let Some(role) = role {
                        let is_message = self.found.record(text, &parsed.nodes, node, role, kind);
                        if let Some(wanted) = role.kind.filter(|_| !is_message) {
                            match number::convert(text, at, kind, wanted) {
                                Some((at, kind)) => parsed.nodes[node] = Node::Value { key, at, kind },
                                None => parsed.type_failures += 1,
                            }
                        }
                    }
                }
                Node::Object { key: Key::Text(key) } if self.enter(&text[key.indices()]) => {}
                Node::Object { .. } | Node::Array { .. } => node = end_of(&parsed.nodes, node),
                Node::End => self.path.truncate(self.path_lens.pop().unwrap_or(0)),
            }
            node += 1;
        }
    }

    /// Enters an object, if it can contain a field with a meaning.
    fn enter(&mut self, name: &[u8]) -> bool {
        if !self.roles.find(&self.path, name).is_some_and(|role| role.is_above) {
            return false;
        }
        self.path_lens.push(self.path.len());
        self.path.extend_from_slice(name);
        self.path.push(b'.');
        true
    }
}

impl Found {
    /// Records a field; returns whether it is a message. The first field of a name counts, and `null` is not a value.
    fn record(&mut self, text: &[u8], nodes: &[Node], node: usize, role: &Role, kind: Kind) -> bool {
        if kind == Kind::Null {
            return false;
        }
        self.implied = self.implied.or(role.implies);
        let is_text = matches!(kind, Kind::Text | Kind::Escaped | Kind::Quoted(_));
        let mut is_message = false;
        for &Use { meaning, rank } in &role.uses {
            match meaning {
                Meaning::Message if !is_text => continue,
                Meaning::Trace(_) | Meaning::Span(_) => self.has_ids = true,
                _ => {}
            }
            let is_same = |field: &&FoundField| {
                field.rank == rank && std::mem::discriminant(&field.meaning) == std::mem::discriminant(&meaning)
            };
            if let Some(first) = self.fields.iter().find(is_same) {
                self.has_duplicate |= is_same_name(text, nodes, first.node, node);
            } else {
                self.fields.push(FoundField { meaning, rank, node, in_record: role.in_record });
                is_message |= meaning == Meaning::Message;
            }
        }
        is_message
    }

    /// The field of the least rank with such a meaning.
    fn first(&self, is: impl Fn(Meaning) -> bool) -> Option<&FoundField> {
        self.fields.iter().filter(|field| is(field.meaning)).min_by_key(|field| field.rank)
    }

    /// What `read` returns for the field of the least rank with such a meaning for which it returns something.
    fn first_read<T>(&self, is: impl Fn(Meaning) -> bool, mut read: impl FnMut(&FoundField) -> Option<T>) -> Option<T> {
        let mut from = 0;
        loop {
            let rest = self.fields.iter().filter(|field| field.rank >= from && is(field.meaning));
            let field = rest.min_by_key(|field| field.rank)?;
            if let Some(value) = read(field) {
                return Some(value);
            }
            from = field.rank.checked_add(1)?;
        }
    }

    /// Sets the time to the first one that can be read; returns its node if the record has it under the same name.
    fn read_time(&self, text: &[u8], parsed: &mut Parsed, clock: &Clock) -> Option<usize> {
        let mut failed = false;
        let is_time = |meaning| matches!(meaning, Meaning::Time { .. });
        let found = self.first_read(is_time, |field| {
            let time_ns = read(text, &parsed.nodes, field.node, |stamp| clock.read(stamp));
            failed |= time_ns.is_none() && field.meaning == Meaning::Time { is_only: true };
            Some((*field, time_ns?))
        });
        let Some((field, time_ns)) = found else {
            parsed.time_failed |= failed;
            return None;
        };
        parsed.time_ns = Some(time_ns.saturating_add(self.nanoseconds(text, &parsed.nodes, field.rank, time_ns)));
        field.in_record.then_some(field.node)
    }

    /// The nanoseconds that belong to a time of whole seconds.
    fn nanoseconds(&self, text: &[u8], nodes: &[Node], rank: u16, time_ns: i64) -> i64 {
        let field = self.fields.iter().find(|field| field.meaning == Meaning::Nanoseconds && field.rank == rank);
        let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
        let part = field.and_then(|field| read(text, nodes, field.node, number));
        part.filter(|part| time_ns % SECOND_NS == 0 && (0..SECOND_NS).contains(part)).unwrap_or(0)
    }

    /// Sets the level to the first one that is known; returns its node if the record has it under the same name.
    fn read_level(&self, text: &[u8], parsed: &mut Parsed, levels: &Levels) -> Option<usize> {
        let mut has_field = false;
        let is_level = |meaning| matches!(meaning, Meaning::Level(_));
        let found = self.first_read(is_level, |field| {
            has_field = true;
            let Meaning::Level(scale) = field.meaning else { return None };
            let level = read(text, &parsed.nodes, field.node, |text| levels.read(text, scale))?;
            Some((level, field.in_record.then_some(field.node)))
        });
        parsed.level = found.map(|(level, _)| level).or(self.implied.filter(|_| !has_field));
        found.and_then(|(_, node)| node)
    }

    /// Sets the ids; returns their nodes.
    fn read_ids(&self, text: &[u8], parsed: &mut Parsed) -> (Option<usize>, Option<usize>) {
        let read = |form: fn(Meaning) -> Option<Form>| {
            self.first_read(
                |meaning| form(meaning).is_some(),
                |field| {
                    let (at, kind) = value(&parsed.nodes, field.node)?;
                    Some((field.node, id::read(text, at, kind, form(field.meaning)?)?))
                },
            )
        };
        let trace = read(|meaning| if let Meaning::Trace(form) = meaning { Some(form) } else { None });
        let span = read(|meaning| if let Meaning::Span(form) = meaning { Some(form) } else { None });
        parsed.trace_id = trace.map(|(_, id)| id);
        parsed.span_id = span.map(|(_, id)| id);
        (trace.map(|(node, _)| node), span.map(|(node, _)| node))
    }
}

/// Whether two values have the same name, and not spellings of it that differ in case.
fn is_same_name(text: &[u8], nodes: &[Node], one: usize, other: usize) -> bool {
    let name = |node: usize| match nodes.get(node) {
        Some(Node::Value { key: Key::Text(at), .. }) => Some(&text[at.indices()]),
        _ => None,
    };
    match (name(one), name(other)) {
        (Some(one), Some(other)) => one == other || !one.eq_ignore_ascii_case(other),
        _ => true,
    }
}

fn value(nodes: &[Node], node: usize) -> Option<(TextRange, Kind)> {
    match nodes.get(node) {
        Some(Node::Value { at, kind, .. }) => Some((*at, *kind)),
        _ => None,
    }
}

/// Reads a value's text. It is unescaped only if that means dropping backslashes before slashes.
fn read<T>(text: &[u8], nodes: &[Node], node: usize, read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    let (at, kind) = value(nodes, node)?;
    let written = &text[at.indices()];
    if kind != Kind::Escaped {
        return read(written);
    }
    let mut buffer = [0; PLAIN_BYTES_MAX];
    let mut len = 0;
    let mut rest = written;
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'\\', [b'/', after @ ..]) => (b'/', after),
            (b'\\', _) => return None,
            _ => (*first, after),
        };
        *buffer.get_mut(len)? = byte;
        len += 1;
        rest = after;
    }
    read(&buffer[..len])
}

/// Copies a value, with the objects that it is in, to the members that are no fields any more.
fn keep_name(nodes: &[Node], node: usize, taken: &mut Vec<Node>) {
    let start = taken.len();
    for above in &nodes[..node] {
        match above {
            Node::Object { .. } | Node::Array { .. } => taken.push(*above),
            Node::End => {
                taken.pop();
            }
            Node::Value { .. } => {}
        }
    }
    let depth = taken.len() - start;
    taken.push(nodes[node]);
    taken.extend(std::iter::repeat_n(Node::End, depth));
}

/// Removes a value, and each object that is empty without it.
fn take_out(nodes: &mut Vec<Node>, mut node: usize) {
    nodes.remove(node);
    while node > 0 && matches!(nodes.get(node - 1..=node), Some([Node::Object { .. }, Node::End])) {
        node -= 1;
        nodes.drain(node..=node + 1);
    }
}

/// Where the object or array that begins at `start` ends.
fn end_of(nodes: &[Node], start: usize) -> usize {
    let mut open = 0_usize;
    for (node, step) in nodes.iter().enumerate().skip(start) {
        match step {
            Node::Object { .. } | Node::Array { .. } => open += 1,
            Node::End => open -= 1,
            Node::Value { .. } => {}
        }
        if open == 0 {
            return node;
        }
    }
    nodes.len()
}

#[cfg(test)]
mod tests;

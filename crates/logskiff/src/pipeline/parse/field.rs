//! Fields with a meaning: the message, the time, the level, and fields with a configured type.
//!
//! Input: the parsed nodes. Output: the same nodes, some with another kind, and the record's message, time and level. A
//! node is removed if the record has its value elsewhere under the same name (`message`, `@timestamp`, `log.level`). A
//! node that could not be read stays.

use event::{Key, Kind, Node, Parsed, Repair, TextRange};

use super::time::Clock;
use super::{Config, Format, Type, level, nginx, number};

/// Names of the message in loggers; the first existing one counts.
const MESSAGES: [&str; 2] = ["message", "msg"];
/// Names of the time in loggers; the first readable one counts.
const TIMES: [&str; 6] = ["@timestamp", "timestamp", "time", "ts", "datetime", "date"];
/// Names of the severity in loggers; the first known one counts.
const LEVELS: [&str; 5] = ["level", "log.level", "severity", "lvl", "loglevel"];
/// Longer than any timestamp with escapes; a longer value is neither a timestamp nor a level.
const PLAIN_BYTES_MAX: usize = 64;
/// Fields that the record has itself.
const RECORD_FIELDS: [&str; 2] = ["@timestamp", "log.level"];

/// The meaning of one field; the numbers are its rank among the names of the same meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Role {
    message: Option<usize>,
    time: Option<usize>,
    level: Option<usize>,
    kind: Option<Type>,
    /// Whether the record has a field of this name itself.
    in_record: bool,
}

/// A field found in the line: its node, and whether the record has a field of this name itself.
#[derive(Clone, Copy, Debug)]
struct FoundField {
    node: usize,
    in_record: bool,
}

/// The fields of one line with a meaning, by rank.
#[derive(Debug, Default)]
struct Found {
    messages: [Option<FoundField>; MESSAGES.len()],
    times: [Option<FoundField>; TIMES.len()],
    levels: [Option<FoundField>; LEVELS.len()],
    /// Whether one of them is a duplicate. Once it is removed, the record does not show the duplicate.
    has_duplicate: bool,
}

/// The fields of an input with a meaning.
pub(super) struct Fields {
    /// By the length of the name, dots included.
    by_len: Vec<Vec<(Box<[u8]>, Role)>>,
    /// By [`Key::Name`].
    by_name: Vec<Role>,
    /// The dotted name of the open objects; reused from line to line.
    path: Vec<u8>,
    /// The length of `path` before each of them.
    path_lens: Vec<usize>,
}

impl Fields {
    /// Collects the configured and the guessed fields; `names` are the parser's names.
    pub(super) fn new(config: &Config, names: &[Box<str>]) -> Self {
        let mut roles: Vec<(&str, Role)> = Vec::new();
        if config.format == Format::Nginx {
            for (name, kind) in nginx::TYPES {
                role(&mut roles, name).kind = Some(kind);
            }
        } else {
            // A capture named `msg` is an ordinary field: the author of the pattern chooses the name of the message.
            let messages = if config.format == Format::Regex { &MESSAGES[..1] } else { &MESSAGES[..] };
            let times = config.time_field.as_deref().map_or(TIMES.to_vec(), |name| vec![name]);
            let levels = config.level_field.as_deref().map_or(LEVELS.to_vec(), |name| vec![name]);
            for (rank, name) in messages.iter().enumerate() {
                role(&mut roles, name).message = Some(rank);
            }
            for (rank, name) in times.into_iter().enumerate() {
                role(&mut roles, name).time = Some(rank);
            }
            for (rank, name) in levels.into_iter().enumerate() {
                role(&mut roles, name).level = Some(rank);
            }
        }
        for (name, kind) in &config.types {
            role(&mut roles, name).kind = Some(*kind);
        }
        let by_name = names.iter().map(|name| *role(&mut roles.clone(), name)).collect();
        let mut by_len = Vec::new();
        for (name, role) in roles {
            if by_len.len() <= name.len() {
                by_len.resize_with(name.len() + 1, Vec::new);
            }
            by_len[name.len()].push((name.as_bytes().into(), role));
        }
        Self { by_len, by_name, path: Vec::new(), path_lens: Vec::new() }
    }

    /// Applies types, sets message, time and level, and removes fields that the record has itself.
    pub(super) fn apply(&mut self, text: &[u8], parsed: &mut Parsed, clock: &Clock) {
        let found = self.walk(text, parsed);
        if found.has_duplicate {
            parsed.repairs.add(Repair::DuplicateKey);
        }
        let mut removed = [None; 3];
        if let Some(field) = found.messages.into_iter().flatten().next() {
            parsed.message = value(&parsed.nodes, field);
            removed[0] = Some(field.node);
        }
        let mut stamped = false;
        for field in found.times.into_iter().flatten() {
            stamped = true;
            parsed.time_ns = read(text, &parsed.nodes, field, |stamp| clock.read(stamp));
            if parsed.time_ns.is_some() {
                removed[1] = field.in_record.then_some(field.node);
                break;
            }
        }
        parsed.time_failed |= stamped && parsed.time_ns.is_none();
        for field in found.levels.into_iter().flatten() {
            parsed.level = read(text, &parsed.nodes, field, level::read);
            if parsed.level.is_some() {
                removed[2] = field.in_record.then_some(field.node);
                break;
            }
        }
        removed.sort_unstable();
        // In reverse order, so that the indices of the remaining nodes stay valid.
        removed.into_iter().rev().flatten().for_each(|node| take_out(&mut parsed.nodes, node));
    }

    /// Finds every field with a meaning, and applies types.
    fn walk(&mut self, text: &[u8], parsed: &mut Parsed) -> Found {
        let mut found = Found::default();
        self.path.clear();
        self.path_lens.clear();
        let mut node = 0;
        while node < parsed.nodes.len() {
            match &mut parsed.nodes[node] {
                Node::Value { key, at, kind } => {
                    if let Some(role) = self.role(text, *key) {
                        let is_message = found.record(role, node, *kind);
                        if let Some(wanted) = role.kind.filter(|_| !is_message) {
                            match number::convert(text, *at, *kind, wanted) {
                                Some(converted) => (*at, *kind) = converted,
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
        found
    }

    fn role(&mut self, text: &[u8], key: Key) -> Option<Role> {
        match key {
            Key::None => None,
            Key::Name(name) => self.by_name.get(usize::from(name)).copied(),
            Key::Text(at) => {
                let name = &text[at.indices()];
                let known = self.by_len.get(self.path.len() + name.len())?;
                let open = self.path.len();
                // The first byte settles nearly all cases without a call to compare the rest.
                let is = |full: &[u8]| {
                    full.get(open) == name.first() && full[open..] == *name && (open == 0 || full[..open] == self.path)
                };
                known.iter().find(|(full, _)| is(full)).map(|(_, role)| *role)
            }
        }
    }

    /// Enters an object, if it can contain a field with a meaning.
    fn enter(&mut self, name: &[u8]) -> bool {
        let open = self.path.len();
        let close = open + name.len();
        let leads =
            |full: &[u8]| full[close] == b'.' && full[open..close] == *name && (open == 0 || full[..open] == self.path);
        // The name of a nested field is longer than the object's name and its dot.
        let longer = self.by_len.get(close + 2..).unwrap_or_default();
        if !longer.iter().flatten().any(|(full, _)| leads(full)) {
            return false;
        }
        self.path_lens.push(open);
        self.path.extend_from_slice(name);
        self.path.push(b'.');
        true
    }
}

impl Found {
    /// Records a field; returns whether it is a message. The first field of a name counts, and `null` is not a value.
    fn record(&mut self, role: Role, node: usize, kind: Kind) -> bool {
        if kind == Kind::Null {
            return false;
        }
        let field = FoundField { node, in_record: role.in_record };
        let message = role.message.filter(|_| matches!(kind, Kind::Text | Kind::Escaped));
        let mut first = |place: &mut Option<FoundField>| {
            let is_first = place.get_or_insert(field).node == node;
            self.has_duplicate |= !is_first;
            is_first
        };
        if let Some(rank) = role.time {
            first(&mut self.times[rank]);
        }
        if let Some(rank) = role.level {
            first(&mut self.levels[rank]);
        }
        message.is_some_and(|rank| first(&mut self.messages[rank]))
    }
}

/// The role of `name`, which is added if it is new.
fn role<'r, 'n>(roles: &'r mut Vec<(&'n str, Role)>, name: &'n str) -> &'r mut Role {
    let at = roles.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
        roles.push((name, Role { in_record: RECORD_FIELDS.contains(&name), ..Role::default() }));
        roles.len() - 1
    });
    &mut roles[at].1
}

fn value(nodes: &[Node], field: FoundField) -> Option<(TextRange, Kind)> {
    match nodes.get(field.node) {
        Some(Node::Value { at, kind, .. }) => Some((*at, *kind)),
        _ => None,
    }
}

/// Reads a value's text. It is unescaped only if that means dropping backslashes before slashes.
fn read<T>(text: &[u8], nodes: &[Node], field: FoundField, read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    let (at, kind) = value(nodes, field)?;
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

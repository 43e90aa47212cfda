//! Finds the fields of a rule by name.
//!
//! Input: the configured names and paths, and a parsed line. Output: the ranges of the values with such a name, or
//! inside an object or array with such a name. If a name cannot be decoded, its value is masked.

use super::decode::{Decoded, Reading};
use super::unparsed_fields::UnparsedFields;
use super::validators::Text;
use event::{Key, Kind, Node, Parsed, TextRange};

/// The configured names, split at their dots.
#[derive(Debug, Default)]
pub(super) struct Fields {
    paths: Vec<Vec<Step>>,
    /// The last names of the paths, which exclude most names of a line at once; `None`: one path ends with a `*`.
    lasts: Option<Vec<String>>,
    /// By a last name's first letter ([`initial`]): the lengths of such names, one bit each.
    lengths: [u64; INITIALS],
    /// Whether the line's message has one of the names: `parse` keeps it separate from the other fields.
    message: bool,
    /// Whether the ids of trace and span have one: they are separate too.
    trace_id: bool,
    span_id: bool,
    /// For lines without fields.
    unparsed: Option<UnparsedFields>,
}

/// How many classes of first letters are distinguished.
const INITIALS: usize = 32;

/// The class of a name's first letter, the same for lower and upper case.
fn initial(name: &[u8]) -> usize {
    name.first().map_or(0, |first| usize::from(first & 0x1f))
}

/// The bit of a name's length; long names share one.
fn length_bit(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}

/// One step of a path; names are in lower case.
#[derive(Debug)]
enum Step {
    Any,
    Name(String),
}

/// Reusable buffers for the walk over the nodes.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The names of the open objects and arrays.
    open: Vec<Key>,
    name: Decoded,
}

impl Fields {
    /// Parses the names.
    ///
    /// # Errors
    /// Returns the names that have an empty step.
    pub(super) fn new(names: &[String]) -> Result<Self, Vec<String>> {
        let mut bad = Vec::new();
        let mut fields = Self { lasts: Some(Vec::new()), ..Self::default() };
        for name in names {
            let steps: Vec<&str> = name.trim().split('.').collect();
            if steps.contains(&"") {
                bad.push(name.clone());
                continue;
            }
            let path: Vec<Step> = steps
                .iter()
                .map(|step| if *step == "*" { Step::Any } else { Step::Name(step.to_lowercase()) })
                .collect();
            match (path.last(), &mut fields.lasts) {
                (Some(Step::Name(last)), Some(lasts)) => {
                    fields.lengths[initial(last.as_bytes())] |= length_bit(last.as_bytes());
                    lasts.push(last.clone());
                }
                _ => fields.lasts = None,
            }
            fields.message |= match &path[..] {
                [Step::Any] => true,
                [Step::Name(name)] => name == "message" || name == "msg",
                _ => false,
            };
            fields.paths.push(path);
        }
        fields.trace_id = fields.has("trace.id");
        fields.span_id = fields.has("span.id");
        fields.unparsed = fields.lasts.as_deref().and_then(UnparsedFields::new);
        if bad.is_empty() { Ok(fields) } else { Err(bad) }
    }

    /// A pattern that matches every line with one of the names in quotes or before `=`; `None`: there is no such pattern. It holds
    /// for lines of ASCII without a backslash, in which names are not escaped.
    pub(super) fn pattern(&self) -> Option<String> {
        if self.message || self.trace_id || self.span_id {
            return None;
        }
        let lasts = self.lasts.as_ref().filter(|lasts| !lasts.is_empty())?;
        let names: Vec<String> = lasts.iter().map(|name| regex::escape(name)).collect();
        lasts.iter().all(|name| name.is_ascii()).then(|| format!(r#"(?i-u)(?:{})["'=]"#, names.join("|")))
    }

    /// Finds such values in a text without fields, by their names in quotes.
    pub(super) fn mark_unparsed(&self, text: Text<'_>, found: impl FnMut(TextRange)) {
        if let (Some(unparsed), Some(_)) = (&self.unparsed, memchr::memchr2(b'"', b'\'', &text)) {
            unparsed.mark(text, found);
        }
    }

    /// Whether no field is masked by name.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether one of the names is a top-level field of the record with this name.
    pub(super) fn has(&self, name: &str) -> bool {
        let trail: Vec<_> = name.to_lowercase().split('.').map(|step| Some(step.to_owned())).collect();
        self.paths.iter().any(|path| ends_with(&trail, path))
    }

    /// Whether one of the names is this dotted name, or contains it.
    pub(super) fn holds(&self, name: &str) -> bool {
        let above = name.match_indices('.').map(|(dot, _)| &name[..dot]);
        above.chain([name]).any(|name| self.has(name))
    }

    /// Finds the values with a configured name, except nulls.
    pub(super) fn mark(&self, text: &[u8], parsed: &Parsed, walk: &mut Walk, mut found: impl FnMut(TextRange, Kind)) {
        if self.is_empty() {
            return;
        }
        walk.open.clear();
        if let (true, Some((at, kind))) = (self.message, parsed.message) {
            found(at, kind);
        }
        let ids = [(self.trace_id, parsed.trace_id), (self.span_id, parsed.span_id)];
        for at in ids.into_iter().filter_map(|(is_named, at)| at.filter(|_| is_named)) {
            found(at, Kind::Text);
        }
        // How many were open when a masked one was entered.
        let mut masked_from = None;
        for node in parsed.nodes.iter().chain(&parsed.taken) {
            match *node {
                Node::Value { key, at, kind } => {
                    if kind != Kind::Null && (masked_from.is_some() || self.names(text, parsed, walk, key)) {
                        found(at, kind);
                    }
                }
                Node::Object { key } | Node::Array { key } => {
                    if masked_from.is_none() && self.names(text, parsed, walk, key) {
                        masked_from = Some(walk.open.len());
                    }
                    walk.open.push(key);
                }
                Node::End => {
                    walk.open.pop();
                    if masked_from == Some(walk.open.len()) {
                        masked_from = None;
                    }
                }
            }
        }
    }

    /// Whether `key`, inside the open objects, is one of the names.
    fn names(&self, text: &[u8], parsed: &Parsed, walk: &mut Walk, key: Key) -> bool {
        let written = match key {
            Key::None => &[][..],
            Key::Name(index) => parsed.names.get(usize::from(index)).map_or(&[][..], |name| name.as_bytes()),
            Key::Text(at) => &text[at.indices()],
        };
        // Escapes must be decoded, and outside ASCII lower case may be written in another way.
        let is_plain = written.iter().all(|byte| byte.is_ascii() && *byte != b'\\');
        if let (Some(lasts), true) = (&self.lasts, is_plain) {
            // A dot separates the steps of a path; a configured path may match its end.
            let last = memchr::memrchr(b'.', written).map_or(written, |dot| &written[dot + 1..]);
            let may_be = self.lengths[initial(last)] & length_bit(last) != 0;
            if !(may_be && lasts.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(last))) {
                return false;
            }
        }
        self.matches_step_by_step(text, parsed, walk, key)
    }

    /// The same with all steps compared.
    fn matches_step_by_step(&self, text: &[u8], parsed: &Parsed, walk: &mut Walk, key: Key) -> bool {
        let mut trail = Vec::with_capacity(walk.open.len() + 1);
        for key in walk.open.iter().chain([&key]) {
            let lower = match *key {
                Key::None => {
                    trail.push(None);
                    continue;
                }
                Key::Name(index) => {
                    parsed.names.get(usize::from(index)).map_or(String::new(), |name| name.to_lowercase())
                }
                Key::Text(at) => match walk.name.decode(text, at, Reading::Json) {
                    Ok(()) => String::from_utf8_lossy(walk.name.bytes()).to_lowercase(),
                    Err(_) => return true,
                },
            };
            // A name may itself be a path, as in `{"user.token": …}`.
            trail.extend(lower.split('.').map(|step| Some(step.to_owned())));
        }
        self.paths.iter().any(|path| ends_with(&trail, path))
    }
}

/// Whether the trail ends with the path. An array's element has no name: a `*` may stand for it, else it is skipped.
fn ends_with(trail: &[Option<String>], path: &[Step]) -> bool {
    let Some((step, path_before)) = path.split_last() else { return true };
    let Some((name, trail_before)) = trail.split_last() else { return false };
    let fits = match (step, name) {
        (Step::Any, _) => true,
        (Step::Name(step), Some(name)) => step == name,
        (Step::Name(_), None) => false,
    };
    fits && ends_with(trail_before, path_before) || name.is_none() && ends_with(trail_before, path)
}

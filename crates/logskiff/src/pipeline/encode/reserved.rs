//! The names of fields that logskiff writes, which no field of a line has.

use std::collections::HashSet;

use super::ids;
use super::names::Name;
use super::record_fields::WRITTEN;
use event::{Node, Parsed};
use redact::Redacted;

/// The parents of [`WRITTEN`] names when dots are read as nesting.
const PARENTS: [&str; 9] = [
    "log",
    "log.file",
    "log.redaction",
    "event",
    "parse",
    "kubernetes",
    "kubernetes.pod",
    "kubernetes.node",
    "kubernetes.container",
];

/// Whether logskiff writes a field of this name, or fields below it.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    WRITTEN.iter().any(|field| field.name == name)
        || PARENTS.contains(&name)
        || ["kubernetes.labels.", "log.attrs.", "parsed."].iter().any(|above| name.starts_with(above))
}

/// The names that no field of a line can have.
#[derive(Debug)]
pub(super) struct Reserved {
    /// With their parents.
    names: HashSet<Vec<u8>>,
    /// By first byte: the lengths of the names, one bit each. This excludes most fields quickly.
    lengths: [u64; 256],
}

/// The dotted name of a member; reused.
#[derive(Debug, Default)]
pub(super) struct Path {
    name: Vec<u8>,
    /// The lengths of `name` without each open object.
    lens: Vec<usize>,
}

impl Reserved {
    /// With the names of added fields.
    pub(super) fn new<'n>(added: impl Iterator<Item = &'n str>) -> Self {
        let written = WRITTEN.iter().map(|field| field.name);
        let names: HashSet<Vec<u8>> =
            written.chain(PARENTS).chain(added).map(|name| name.as_bytes().to_vec()).collect();
        let mut lengths = [0; 256];
        for name in &names {
            lengths[usize::from(name.first().copied().unwrap_or_default())] |= length_bit(name);
        }
        Self { names, lengths }
    }

    pub(super) fn names(&self) -> &HashSet<Vec<u8>> {
        &self.names
    }

    /// Whether the field at node `at` can have this name. An object beside names that begin with its own can, if it has
    /// none of them.
    pub(super) fn leaves(&self, redacted: &Redacted<'_>, at: usize, name: &[u8], path: &mut Path) -> bool {
        let parsed = redacted.parsed();
        let is_object = matches!(parsed.nodes[at], Node::Object { .. });
        if self.has(name) {
            return is_object && is_parent(name) && self.leaves_members(redacted, at, name, path);
        }
        let has_ids = parsed.trace_id.is_some() || parsed.span_id.is_some();
        is_object || !(has_ids && is_above_an_id(parsed, name))
    }

    fn has(&self, name: &[u8]) -> bool {
        let may_be = |first: &u8| self.lengths[usize::from(*first)] & length_bit(name) != 0;
        name.first().is_some_and(may_be) && self.names.contains(name)
    }

    /// Whether the object at node `at` has members, and none of them has a reserved name.
    #[cold]
    fn leaves_members(&self, redacted: &Redacted<'_>, at: usize, name: &[u8], path: &mut Path) -> bool {
        let Path { name: path, lens: path_lens } = path;
        path.clear();
        path.extend_from_slice(name);
        path_lens.clear();
        path_lens.push(0);
        let mut arrays = 0_usize;
        let mut is_empty = true;
        for node in &redacted.parsed().nodes[at + 1..] {
            match *node {
                Node::End if arrays > 0 => arrays -= 1,
                Node::End => {
                    path.truncate(path_lens.pop().unwrap_or(0));
                    if path_lens.is_empty() {
                        return !is_empty;
                    }
                }
                Node::Object { .. } | Node::Array { .. } if arrays > 0 => arrays += 1,
                Node::Value { .. } if arrays > 0 => {}
                Node::Value { key, .. } | Node::Object { key } | Node::Array { key } => {
                    is_empty = false;
                    let len = path.len();
                    path.push(b'.');
                    path.extend_from_slice(Name::new(redacted, key).bytes());
                    let is_object = matches!(node, Node::Object { .. });
                    if self.names.contains(&**path) && !(is_object && is_parent(path)) {
                        return false;
                    }
                    if is_object {
                        path_lens.push(len);
                    } else {
                        path.truncate(len);
                        arrays = usize::from(matches!(node, Node::Array { .. }));
                    }
                }
            }
        }
        false
    }
}

/// Whether logskiff writes only names below this one.
fn is_parent(name: &[u8]) -> bool {
    PARENTS.iter().any(|parent| parent.as_bytes() == name)
}

/// Whether the line has an id whose name begins with this one: stores do not take a value beside it.
fn is_above_an_id(parsed: &Parsed, name: &[u8]) -> bool {
    ids(parsed).any(|(id, _)| id.strip_suffix(".id").is_some_and(|above| above.as_bytes() == name))
}

/// The bit of a name's length; long ones share one.
fn length_bit(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_what_dots_lead_through() {
        let above: HashSet<_> =
            WRITTEN.iter().flat_map(|field| field.name.match_indices('.').map(|(dot, _)| &field.name[..dot])).collect();
        // Objects `trace` and `span` have members of a line besides the id, values of that name are renamed.
        let other = HashSet::from(["trace", "span"]);
        assert_eq!(above, PARENTS.into_iter().chain(other).collect());
    }
}

//! Renames members of an object whose names are duplicates, reserved or unusable in stores.
//!
//! Input: the fields of a redacted line. Output: names that are unique in their object and have no empty part. Time and
//! memory are linear in the number of fields.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{plain_key, write_key};
use event::{Key, Node, Repair, Repairs};
use redact::Redacted;

/// With more fields in a record, names are compared through a set.
const FIELDS_COMPARED_MAX: usize = 24;

/// With more members in a nested object, names are compared through a set. It is larger, because few names are compared
/// at all.
const MEMBERS_COMPARED_MAX: usize = 64;

/// Number of buckets for names.
const BUCKETS: usize = 256;

/// Replaces an empty part of a name: Elasticsearch and similar stores refuse records with one.
const EMPTY: &[u8] = b"_";

/// The buckets of the names so far, one bit each: a name in a new bucket needs no comparison.
#[derive(Clone, Copy, Debug, Default)]
struct SeenBuckets([u64; BUCKETS / 64]);

impl SeenBuckets {
    /// Adds a name; returns whether its bucket was already used.
    fn insert(&mut self, name: &[u8]) -> bool {
        let bucket = bucket(name);
        let (word, bit) = (bucket / 64, 1 << (bucket % 64));
        let was_used = self.0[word] & bit != 0;
        self.0[word] |= bit;
        was_used
    }
}

/// The bucket of a name, below [`BUCKETS`]. Equal names have the same bucket, and few other names share it.
fn bucket(name: &[u8]) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    (usize::from(*first) * 31 + usize::from(*last) * 7 + name.len()) % BUCKETS
}

/// The members of an object with their node indices; `first`: the index of the first, 0 for the record's fields.
pub(super) fn members(nodes: &[Node], first: usize) -> impl Iterator<Item = (usize, Key)> {
    let mut nodes = nodes.get(first..).unwrap_or_default().iter().zip(first..);
    let mut depth = 0_usize;
    std::iter::from_fn(move || {
        loop {
            let (node, at) = nodes.next()?;
            let here = depth == 0;
            let key = match *node {
                Node::Value { key, .. } => key,
                Node::Object { key } | Node::Array { key } => {
                    depth += 1;
                    key
                }
                Node::End => {
                    depth = depth.checked_sub(1)?;
                    continue;
                }
            };
            if here {
                return Some((at, key));
            }
        }
    })
}

/// A backslash, which begins an escape.
const ESCAPE: u8 = 1;

/// Bytes that can make a part of a name blank: dots, blanks, control characters, non-ASCII bytes.
const DOUBTFUL: u8 = 2;

/// The class of each byte.
const CLASSES: [u8; 256] = {
    let mut classes = [DOUBTFUL; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        classes[byte as usize] = 0;
        byte += 1;
    }
    classes[b'.' as usize] = DOUBTFUL;
    classes[b'\\' as usize] = ESCAPE;
    classes
};

/// A decoded key.
pub(super) struct Name<'t> {
    bytes: Cow<'t, [u8]>,
    /// Whether stores accept it: none of its parts, between dots, is blank.
    is_usable: bool,
}

impl<'t> Name<'t> {
    /// Reads a key. Names from the configuration are always valid.
    #[inline]
    pub(super) fn new(redacted: &Redacted<'t>, key: Key) -> Self {
        let Some(name) = plain_key(redacted, key) else { return Self::decoded(redacted, key) };
        if !matches!(key, Key::Text(_)) {
            return Self { bytes: Cow::Borrowed(name), is_usable: true };
        }
        match name.iter().fold(0, |classes, byte| classes | CLASSES[usize::from(*byte)]) {
            0 => Self { bytes: Cow::Borrowed(name), is_usable: !name.is_empty() },
            DOUBTFUL => Self { bytes: Cow::Borrowed(name), is_usable: is_usable(name) },
            _ => Self::decoded(redacted, key),
        }
    }

    /// Reads a key that is masked or has escapes. Different spellings can be equal: `"\u0061"` is `"a"`.
    #[cold]
    fn decoded(redacted: &Redacted<'t>, key: Key) -> Self {
        let mut written = Vec::new();
        write_key(redacted, key, &mut written);
        written.pop();
        let bytes = serde_json::from_slice::<String>(&written).map_or(written, String::into_bytes);
        Self { is_usable: is_usable(&bytes), bytes: Cow::Owned(bytes) }
    }

    /// The decoded bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes the unchanged key.
    #[inline]
    pub(super) fn write(&self, redacted: &Redacted<'_>, key: Key, out: &mut Vec<u8>) {
        let Cow::Borrowed(bytes) = &self.bytes else { return write_key(redacted, key, out) };
        out.push(b'"');
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\":");
    }
}

fn is_usable(name: &[u8]) -> bool {
    name.split(|byte| *byte == b'.').all(|part| !is_blank(part))
}

fn is_blank(part: &[u8]) -> bool {
    match part.first() {
        None => true,
        Some(b'!'..=b'~') => false,
        Some(_) => String::from_utf8_lossy(part).chars().all(|c| c.is_whitespace() || c.is_control()),
    }
}

/// The name with [`EMPTY`] in each blank part.
fn usable(name: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> =
        name.split(|byte| *byte == b'.').map(|part| if is_blank(part) { EMPTY } else { part }).collect();
    parts.join(&b'.')
}

/// A nested object whose members are written in one pass.
#[derive(Debug)]
pub(super) struct Nested {
    /// Node index of its first member.
    first: usize,
    /// Where its names begin in the names of all open objects.
    names: usize,
    seen: SeenBuckets,
}

impl Nested {
    /// Opens an object whose first member is at node `first`. `open`: the names of all open objects.
    pub(super) fn new(first: usize, open: &[Key]) -> Self {
        Self { first, names: open.len(), seen: SeenBuckets::default() }
    }

    /// Closes the object.
    pub(super) fn close(&self, open: &mut Vec<Key>) {
        open.truncate(self.names);
    }

    /// Whether the next member can keep its name. After the first `false`, [`Names`] decides for all later members.
    pub(super) fn takes(&mut self, redacted: &Redacted<'_>, key: Key, name: &Name<'_>, open: &mut Vec<Key>) -> bool {
        let before = &open[self.names..];
        if !name.is_usable || before.len() == MEMBERS_COMPARED_MAX {
            return false;
        }
        if self.seen.insert(&name.bytes) && before.iter().any(|other| Name::new(redacted, *other).bytes == name.bytes) {
            return false;
        }
        open.push(key);
        true
    }

    /// The names of all its members.
    pub(super) fn names<'r, 't>(&self, redacted: &'r Redacted<'t>) -> Names<'r, 't> {
        Names::in_a_set(redacted, self.first, None)
    }
}

/// Makes the names of an object's members unique.
pub(super) struct Names<'r, 't> {
    redacted: &'r Redacted<'t>,
    /// Names that logskiff writes.
    reserved: Option<&'r HashSet<Vec<u8>>>,
    /// Node indices of members with the name of an earlier one; `None`: there are few members, which are compared.
    duplicates: Option<HashSet<usize>>,
    seen: SeenBuckets,
    /// All names of the members, if there are many.
    all: HashSet<Cow<'t, [u8]>>,
    /// The new names so far.
    assigned: HashSet<Vec<u8>>,
    /// How often each new name was requested.
    requests: HashMap<Vec<u8>, usize>,
}

impl<'r, 't> Names<'r, 't> {
    /// For the fields of a record.
    pub(super) fn new(redacted: &'r Redacted<'t>, reserved: &'r HashSet<Vec<u8>>) -> Self {
        if redacted.parsed().nodes.len() > FIELDS_COMPARED_MAX {
            return Self::in_a_set(redacted, 0, Some(reserved));
        }
        Self {
            redacted,
            reserved: Some(reserved),
            duplicates: None,
            seen: SeenBuckets::default(),
            all: HashSet::new(),
            assigned: HashSet::new(),
            requests: HashMap::new(),
        }
    }

    /// For the object whose first member is at node `first`.
    fn in_a_set(redacted: &'r Redacted<'t>, first: usize, reserved: Option<&'r HashSet<Vec<u8>>>) -> Self {
        let mut all = HashSet::new();
        let duplicates =
            members(&redacted.parsed().nodes, first).filter(|(_, key)| !all.insert(Name::new(redacted, *key).bytes));
        let duplicates = Some(duplicates.map(|(at, _)| at).collect());
        Self {
            redacted,
            reserved,
            duplicates,
            seen: SeenBuckets::default(),
            all,
            assigned: HashSet::new(),
            requests: HashMap::new(),
        }
    }

    /// Whether the member at node `at` can keep its name, if it is not reserved. To be called for each member in order.
    pub(super) fn takes(&mut self, at: usize, name: &Name<'_>) -> bool {
        let may_be_duplicate = self.note(&name.bytes);
        name.is_usable && !(may_be_duplicate && self.is_duplicate(at, &name.bytes))
    }

    /// The new name of the member at node `at`, which cannot keep its name; adds the repair to `repairs`.
    #[cold]
    pub(super) fn rename(&mut self, at: usize, name: &Name<'_>, repairs: &mut Repairs) -> Vec<u8> {
        let is_duplicate = self.is_duplicate(at, &name.bytes);
        if is_duplicate {
            repairs.add(Repair::DuplicateKey);
        }
        if name.is_usable {
            return self.unused_name(&name.bytes, repairs);
        }
        repairs.add(Repair::EmptyKey);
        let usable = usable(&name.bytes);
        if is_duplicate || !self.is_free(&usable) {
            return self.unused_name(&usable, repairs);
        }
        self.assigned.insert(usable.clone());
        usable
    }

    /// Notes a name. Returns false if its bucket shows that no earlier member has it.
    fn note(&mut self, name: &[u8]) -> bool {
        self.duplicates.is_some() || self.seen.insert(name)
    }

    /// Whether an earlier member has this one's name.
    fn is_duplicate(&self, at: usize, name: &[u8]) -> bool {
        match &self.duplicates {
            Some(duplicates) => duplicates.contains(&at),
            None => self.has(name, at),
        }
    }

    /// Whether a field of the record before node `end` has this name.
    fn has(&self, name: &[u8], end: usize) -> bool {
        members(&self.redacted.parsed().nodes, 0)
            .take_while(|(at, _)| *at < end)
            .any(|(_, key)| *Name::new(self.redacted, key).bytes == *name)
    }

    /// Whether no member has this name.
    fn is_free(&self, name: &[u8]) -> bool {
        let is_member = if self.duplicates.is_some() { self.all.contains(name) } else { self.has(name, usize::MAX) };
        !is_member && !self.assigned.contains(name) && !self.is_reserved(name)
    }

    fn is_reserved(&self, name: &[u8]) -> bool {
        self.reserved.is_some_and(|reserved| reserved.contains(name))
    }

    /// An unused name below `parsed`: `parsed.NAME`, else `parsed.NAME_2` and so on. Not `parsed.NAME.2`: the dot would
    /// turn a value into an object.
    fn unused_name(&mut self, name: &[u8], repairs: &mut Repairs) -> Vec<u8> {
        let first = [b"parsed.", name].concat();
        let mut requests = self.requests.remove(&first).unwrap_or_default();
        if requests > 0 {
            repairs.add(Repair::DuplicateKey);
        }
        let new_name = loop {
            requests += 1;
            let new_name = match requests {
                1 => first.clone(),
                _ => [&first[..], b"_", requests.to_string().as_bytes()].concat(),
            };
            if self.is_free(&new_name) {
                break new_name;
            }
        };
        self.requests.insert(first, requests);
        self.assigned.insert(new_name.clone());
        new_name
    }
}

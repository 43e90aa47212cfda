//! What the fields of one record are called where their own names are taken.
//!
//! Enters: a redacted line's fields. Leaves: names that stand once in the record, whatever the line says. Time and memory
//! are linear in the number of fields.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{top, written_key};
use crate::redact::Redacted;

/// Above so many fields of one record, names are compared through a set.
const FIELDS_COMPARED_MAX: usize = 24;

/// How many kinds of names are told apart.
const KINDS: usize = 256;

/// A number below [`KINDS`] that most names of one record have alone: equal names have the same.
fn kind(name: &[u8]) -> usize {
    let [first, .., last] = name else { return name.len() };
    (usize::from(*first) * 31 + usize::from(*last) * 7 + name.len()) % KINDS
}

/// Gives the top-level fields of one record names that no other has.
pub(super) struct Names<'r, 't> {
    redacted: &'r Redacted<'t>,
    /// Names that logskiff writes itself.
    reserved: &'r HashSet<Vec<u8>>,
    /// Which fields have the name of an earlier one; `None`: there are few, and they are compared.
    doubled: Option<HashSet<usize>>,
    /// The [`kind`]s of the names that were asked about, a bit each: a name of a new kind needs not be compared.
    met: [u64; KINDS / 64],
    /// All names of the line's own, where there are many.
    own: HashSet<Cow<'t, [u8]>>,
    /// The names that were given so far.
    given: HashSet<Vec<u8>>,
    /// How often each name was asked for.
    asked: HashMap<Vec<u8>, usize>,
}

impl<'r, 't> Names<'r, 't> {
    /// Looks at all the fields of a record.
    pub(super) fn new(redacted: &'r Redacted<'t>, reserved: &'r HashSet<Vec<u8>>) -> Self {
        let (mut doubled, mut own) = (None, HashSet::new());
        if redacted.parsed().nodes.len() > FIELDS_COMPARED_MAX {
            let again = top(redacted).filter(|(_, key)| !own.insert(written_key(redacted, *key)));
            doubled = Some(again.map(|(at, _)| at).collect());
        }
        let met = [0; KINDS / 64];
        Self { redacted, reserved, doubled, met, own, given: HashSet::new(), asked: HashMap::new() }
    }

    /// Whether an earlier field has this one's name. To be asked about each field in turn, but for those with a reserved name.
    pub(super) fn is_doubled(&mut self, at: usize, name: &[u8]) -> bool {
        if let Some(doubled) = &self.doubled {
            return doubled.contains(&at);
        }
        let kind = kind(name);
        let (word, bit) = (kind / 64, 1 << (kind % 64));
        let is_met = self.met[word] & bit != 0;
        self.met[word] |= bit;
        is_met && self.has(name, at)
    }

    /// Whether a field before node `end` is called so.
    fn has(&self, name: &[u8], end: usize) -> bool {
        top(self.redacted).take_while(|(at, _)| *at < end).any(|(_, key)| *written_key(self.redacted, key) == *name)
    }

    /// A name beneath `parsed` that no field of the record has: `parsed.NAME`, else `parsed.NAME.2` and so on.
    pub(super) fn give(&mut self, name: &[u8]) -> Vec<u8> {
        let first = [b"parsed.", name].concat();
        let mut asked = self.asked.remove(&first).unwrap_or_default();
        let given = loop {
            asked += 1;
            let given = match asked {
                1 => first.clone(),
                _ => [&first[..], b".", asked.to_string().as_bytes()].concat(),
            };
            let own = if self.doubled.is_some() { self.own.contains(&given[..]) } else { self.has(&given, usize::MAX) };
            if !own && !self.given.contains(&given) && !self.reserved.contains(&given) {
                break given;
            }
        };
        self.asked.insert(first, asked);
        self.given.insert(given.clone());
        given
    }
}

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

/// Gives the top-level fields of one record names that no other has.
pub(super) struct Names<'r, 't> {
    redacted: &'r Redacted<'t>,
    /// Names that logskiff writes itself.
    reserved: &'r HashSet<Vec<u8>>,
    /// Which fields have the name of an earlier one; `None`: there are few, and they are compared.
    doubled: Option<HashSet<usize>>,
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
        Self { redacted, reserved, doubled, own, given: HashSet::new(), asked: HashMap::new() }
    }

    /// Whether an earlier field has this one's name.
    pub(super) fn is_doubled(&self, at: usize, name: &[u8]) -> bool {
        match &self.doubled {
            Some(doubled) => doubled.contains(&at),
            None => self.has(name, at),
        }
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

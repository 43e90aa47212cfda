//! What is searched: the text as it stands, and what of it was written otherwise.
//!
//! In: a text and its parsed fields. Out: matches in positions of the text. JSON's escapes are decoded once,
//! percent-encoding once (beneath the escapes too), Base64 once where a telling name stands before it. What cannot be decoded is masked
//! whole.

use super::Redactor;
use super::check::{Budget, Text};
use super::fields::Walk;
use super::masks::Masks;
use super::stage::Which;
use super::unescape::{Unescaped, has_percent};
use crate::record::{Key, Kind, Node, Parsed, TextRange};

impl Redactor {
    /// Runs the rules that need no fields; those with a trigger only where it was hit.
    pub(super) fn mark(&self, text: &[u8], hot: bool, masks: &mut Masks) {
        let which = hot.then(|| self.stage.which(text));
        self.mark_as_is(text, which.as_ref(), masks);
        if let Some(base64) = &self.base64
            && which.is_some_and(|which| which.may_hold_base64())
        {
            base64.mark(text, masks, |decoded, found| {
                self.mark_as_is(decoded, Some(&self.stage.which(decoded)), found);
            });
        }
    }

    fn mark_as_is(&self, text: &[u8], which: Option<&Which>, masks: &mut Masks) {
        let budget = Budget::new(text.len());
        let text = Text::new(text, &budget);
        if which.is_some() || self.untriggered {
            let hit = |number: usize| which.is_some_and(|which| which.may_match(number));
            for (number, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.fields.is_none()) {
                if rule.trigger.is_none() || hit(number) {
                    rule.mark(text, self.by(number), self.unreadable(), masks);
                }
            }
        }
    }

    /// Masks fields by their names, and runs the rules that are about fields.
    pub(super) fn mark_fields(
        &self,
        text: &[u8],
        parsed: &Parsed,
        walk: &mut Walk,
        masks: &mut Masks,
        found: &mut Masks,
        decoded: &mut Unescaped,
    ) {
        if !has_names_in_text(parsed) {
            self.mark_loosely(text, masks);
        }
        let by = self.field();
        self.fields.mark(text, parsed, walk, |at, _| masks.add(at, by));
        for (number, rule) in self.rules.iter().enumerate() {
            let Some(fields) = &rule.fields else { continue };
            let by = self.by(number);
            fields.mark(text, parsed, walk, |at, kind| {
                if rule.is_whole() {
                    return masks.add(at, by);
                }
                found.clear();
                let budget = Budget::new(text.len());
                rule.mark(Text::new(&text[at.indices()], &budget), by, by, found);
                masks.add_from(found, |part| TextRange { start: at.start + part.start, end: at.start + part.end });
                if kind != Kind::Escaped || memchr::memchr(b'\\', &text[at.indices()]).is_none() {
                    return;
                }
                if decoded.decode(text, at).is_err() {
                    return masks.add(at, self.unreadable());
                }
                found.clear();
                rule.mark(Text::new(decoded.bytes(), &budget), by, by, found);
                masks.add_from(found, |part| decoded.to_raw(part));
            });
        }
    }

    /// Masks what stands behind the names of fields in a text that has none. Here a rule for a part of a value takes all.
    fn mark_loosely(&self, text: &[u8], masks: &mut Masks) {
        self.fields.mark_loosely(text, |at| masks.add(at, self.field()));
        for (number, fields) in self.rules.iter().enumerate().filter_map(|(at, rule)| Some((at, rule.fields.as_ref()?)))
        {
            fields.mark_loosely(text, |at| masks.add(at, self.by(number)));
        }
    }

    /// Searches every escaped string of the line once more, decoded, and the line as a whole, of which `decoded` then holds the text.
    pub(super) fn mark_escaped(
        &self,
        text: &[u8],
        parsed: &Parsed,
        masks: &mut Masks,
        found: &mut Masks,
        (decoded, percent): (&mut Unescaped, &mut Unescaped),
    ) {
        let message = match parsed.message {
            Some((at, Kind::Escaped)) => Some(at),
            _ => None,
        };
        let in_nodes = parsed.nodes.iter().flat_map(|node| {
            let (key, value) = match *node {
                Node::Value { key, at, kind } => (key, (kind == Kind::Escaped && Some(at) != message).then_some(at)),
                Node::Object { key } | Node::Array { key } => (key, None),
                Node::End => (Key::None, None),
            };
            let key = if let Key::Text(at) = key { Some(at) } else { None };
            [key, value]
        });
        for at in in_nodes.chain([message]).flatten() {
            if memchr::memchr(b'\\', &text[at.indices()]).is_none() {
                continue;
            }
            if decoded.decode(text, at).is_err() {
                masks.add(at, self.unreadable());
                continue;
            }
            self.mark_decoded(at, masks, found, decoded, percent);
        }
        // The line as a whole: a name and its value, both decoded; and what was not parsed and is written as JSON is all the same: broken,
        // cut, or inside another format.
        let whole = TextRange::new(0, text.len());
        decoded.decode_loosely(text, whole);
        let mut spread = Masks::default();
        if has_names_in_text(parsed) {
            self.mark_decoded(whole, &mut spread, found, decoded, percent);
            // A decoded quote ends no string.
            let message = parsed.message.map(|(at, _)| at);
            spread.retain(|mask| parsed.nodes.iter().any(|node| holds(node, message, mask)));
            masks.add_from(&spread, |part| part);
        } else {
            self.mark_loosely(decoded.bytes(), &mut spread);
            masks.add_from(&spread, |part| decoded.to_raw(part));
            self.mark_decoded(whole, masks, found, decoded, percent);
        }
    }

    /// Searches what was decoded of `at`, and masks whole escapes of it.
    fn mark_decoded(
        &self,
        at: TextRange,
        masks: &mut Masks,
        found: &mut Masks,
        decoded: &Unescaped,
        percent: &mut Unescaped,
    ) {
        masks.grow(at, |mask| decoded.grow(mask));
        found.clear();
        self.mark(decoded.bytes(), true, found);
        if has_percent(decoded.bytes()) {
            let mut beneath = Masks::default();
            self.mark_percent(decoded.bytes(), found, &mut beneath, percent);
        }
        masks.add_from(found, |part| decoded.to_raw(part));
    }

    /// Searches a text once more with its percent-encoding decoded.
    pub(super) fn mark_percent(&self, text: &[u8], masks: &mut Masks, found: &mut Masks, percent: &mut Unescaped) {
        percent.decode_percent(text);
        found.clear();
        self.mark(percent.bytes(), true, found);
        masks.add_from(found, |part| percent.to_raw(part));
    }
}

/// Whether the line was parsed as one that names its fields itself. Captures and fixed layouts have names by the configuration, and
/// what they hold may be JSON all the same.
fn has_names_in_text(parsed: &Parsed) -> bool {
    parsed.nodes.iter().any(|node| match node {
        Node::Value { key, .. } | Node::Object { key } | Node::Array { key } => matches!(key, Key::Text(_)),
        Node::End => false,
    })
}

/// Whether a stretch lies within a node's value, or within the message.
fn holds(node: &Node, message: Option<TextRange>, part: TextRange) -> bool {
    let value = if let Node::Value { at, .. } = node { Some(*at) } else { None };
    [value, message].into_iter().flatten().any(|at| at.start <= part.start && part.end <= at.end)
}

//! Searches the text as written, each string with decoded escapes, and the normalized text.
//!
//! Input: a text and its parsed fields. Output: matches in positions of the text. JSON escapes are decoded for each
//! string, all encodings together for the whole line ([`super::decode::normal`]), Base64 and auditd's hexadecimal
//! digits after a keyword. Values that cannot be decoded are masked completely.

use super::Redactor;
use super::decode::{Decoded, Reading};
use super::fields::Walk;
use super::masks::{Masks, RuleRef};
use super::prefilter::{TextHits, Which};
use super::rule::Place;
use super::validators::Text;
use event::{Key, Kind, Node, Parsed, TextRange};

/// Receives matches.
pub(super) type Found<'f> = dyn FnMut(TextRange, RuleRef) + 'f;

/// The position of one in this many values of a line is stored, for finding a value by its position.
const VALUES_EACH: usize = 32;

impl Redactor {
    /// Runs the rules that need no fields. Returns which of them may match.
    pub(super) fn mark(&self, text: Text<'_>, found: &mut Found<'_>) -> Which {
        let which = self.stage.which(&text, TextHits::ALL);
        self.mark_which(text, Some(&which), found);
        which
    }

    /// Runs the rules of `which`.
    pub(super) fn mark_which(&self, text: Text<'_>, which: Option<&Which>, found: &mut Found<'_>) {
        let Some(which) = which.filter(|which| which.is_hit()) else { return };
        self.mark_as_is(text, which, found);
        if let Some(encoded) = self.encoded.as_ref().filter(|_| self.stage.may_hold_encoded(which)) {
            let search = |decoded: &[u8], found: &mut Found<'_>| {
                self.mark_as_is(text.with(decoded), &self.stage.which(decoded, TextHits::ALL), found);
            };
            encoded.mark(text, search, found);
        }
    }

    fn mark_as_is(&self, text: Text<'_>, which: &Which, found: &mut Found<'_>) {
        let places = which.numbers().filter_map(|number| self.forms.get(number).copied().flatten());
        for Place { rule, form } in places {
            self.rules[rule].forms[form].mark(text, self.by(rule), self.budget(), found);
        }
    }

    /// Masks fields by their names, and runs the rules for fields.
    pub(super) fn mark_fields(
        &self,
        text: Text<'_>,
        parsed: &Parsed,
        walk: &mut Walk,
        masks: &mut Masks,
        decoded: &mut Decoded,
    ) {
        if !has_names_in_text(parsed) {
            self.mark_unparsed(text, &mut |at, by| masks.add(at, by));
        }
        let by = self.field();
        self.fields.mark(&text, parsed, walk, |at, _| masks.add(at, by));
        for (number, rule) in self.rules.iter().enumerate() {
            let Some(fields) = &rule.fields else { continue };
            let by = self.by(number);
            fields.mark(&text, parsed, walk, |at, kind| {
                if rule.is_whole() {
                    return masks.add(at, by);
                }
                let value = &text[at.indices()];
                rule.mark(text.with(value), by, by, &mut |part, by| {
                    masks.add(TextRange { start: at.start + part.start, end: at.start + part.end }, by);
                });
                let reading = match kind {
                    Kind::Escaped if memchr::memchr(b'\\', value).is_some() => Reading::Json,
                    Kind::Quoted(mark) => Reading::Quoted(mark),
                    _ => return,
                };
                if decoded.decode(&text, at, reading).is_err() {
                    return masks.add(at, self.undecodable());
                }
                rule.mark(text.with(decoded.bytes()), by, by, &mut |part, by| {
                    masks.add(decoded.to_raw(&text, part), by);
                });
            });
        }
    }

    /// Masks the values after the names of fields in a text without fields. Here a rule for a part of a value masks all
    /// of it.
    fn mark_unparsed(&self, text: Text<'_>, found: &mut Found<'_>) {
        self.fields.mark_unparsed(text, |at| found(at, self.field()));
        for (number, fields) in self.rules.iter().enumerate().filter_map(|(at, rule)| Some((at, rule.fields.as_ref()?)))
        {
            fields.mark_unparsed(text, |at| found(at, self.by(number)));
        }
    }

    /// Searches every escaped string of the line again, decoded.
    pub(super) fn mark_escaped(&self, text: Text<'_>, parsed: &Parsed, masks: &mut Masks, decoded: &mut Decoded) {
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
            if decoded.decode(&text, at, Reading::Json).is_err() {
                masks.add(at, self.undecodable());
                continue;
            }
            masks.grow(at, |mask| decoded.grow(&text, mask));
            self.mark(text.with(decoded.bytes()), &mut |part, by| masks.add(decoded.to_raw(&text, part), by));
        }
    }

    /// Searches every value with doubled quotes or the like again, decoded.
    pub(super) fn mark_quoted(&self, text: Text<'_>, parsed: &Parsed, masks: &mut Masks, decoded: &mut Decoded) {
        let in_nodes = parsed.nodes.iter().filter_map(|node| match *node {
            Node::Value { at, kind: Kind::Quoted(mark), .. } => Some((at, mark)),
            _ => None,
        });
        let in_message = match parsed.message {
            Some((at, Kind::Quoted(mark))) => Some((at, mark)),
            _ => None,
        };
        for (at, mark) in in_nodes.chain(in_message) {
            if decoded.decode(&text, at, Reading::Quoted(mark)).is_ok() {
                masks.grow(at, |mask| decoded.grow(&text, mask));
                self.mark(text.with(decoded.bytes()), &mut |part, by| masks.add(decoded.to_raw(&text, part), by));
            }
        }
    }

    /// Searches the normalized line: names and values that are both escaped, JSON that was not parsed, encoded or
    /// coloured text. Parsed text is masked within one value: a decoded quote ends no string.
    pub(super) fn mark_normal(
        &self,
        text: Text<'_>,
        parsed: &Parsed,
        masks: &mut Masks,
        decoded: &mut Decoded,
    ) -> bool {
        decoded.normalize(&text);
        let read = text.with(decoded.bytes());
        let which = if has_names_in_text(parsed) {
            let values = Values::new(parsed);
            self.mark(read, &mut |part, by| {
                let at = decoded.to_raw(&text, part);
                if values.hold(at) {
                    masks.add(at, by);
                }
            })
        } else {
            masks.grow(TextRange::new(0, text.len()), |mask| decoded.grow(&text, mask));
            let mut add = |part, by| masks.add(decoded.to_raw(&text, part), by);
            self.mark_unparsed(read, &mut add);
            self.mark(read, &mut add)
        };
        which.is_hit()
    }
}

/// Whether the line was parsed as a format that contains its fields' names. Names of captures and fixed layouts come
/// from the configuration, and their values may still be JSON.
pub(super) fn has_names_in_text(parsed: &Parsed) -> bool {
    parsed.nodes.iter().any(|node| node.text_key().is_some())
}

/// The values of a JSON line by their positions, in the order of its nodes.
struct Values<'p> {
    nodes: &'p [Node],
    /// Values that are no nodes: the message and ids.
    others: [Option<TextRange>; 3],
    /// For one in [`VALUES_EACH`] values, where it starts and the number of its node.
    some: Vec<(u32, usize)>,
}

impl<'p> Values<'p> {
    fn new(parsed: &'p Parsed) -> Self {
        let starts = parsed.nodes.iter().enumerate().filter_map(|(number, node)| Some((value(node)?.start, number)));
        let some = starts.step_by(VALUES_EACH).collect();
        let others = [parsed.message.map(|(at, _)| at), parsed.trace_id, parsed.span_id];
        Self { nodes: &parsed.nodes, others, some }
    }

    /// Whether a range lies within one value.
    fn hold(&self, part: TextRange) -> bool {
        let holds = |at: TextRange| at.start <= part.start && part.end <= at.end;
        let next = self.some.partition_point(|(start, _)| *start <= part.start);
        let first = next.checked_sub(1).map_or(0, |before| self.some[before].1);
        let near = self.nodes[first..].iter().filter_map(value).take_while(|at| at.start <= part.start);
        self.others.into_iter().flatten().chain(near).any(holds)
    }
}

fn value(node: &Node) -> Option<TextRange> {
    if let Node::Value { at, .. } = node { Some(*at) } else { None }
}

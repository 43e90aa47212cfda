//! Takes out what must not leave.
//!
//! In: a line's text and what `parse` found in it. Out: a [`Redacted`], the only thing that can be encoded and which only
//! this room can make. Detection has two stages: one automaton over a whole chunk finds the lines that may hold
//! something ([`Redactor::scan`]); only on those is every rule run ([`Redactor::redact`]). Matches become masks in
//! positions of the text, so that a mask cannot break a parse and a failed parse cannot skip a mask. JSON strings with
//! escapes are scanned once more decoded.
//!
//! It must never let a matched byte out by any path: not by a piece, an error or a debug print. Where a rule cannot be
//! applied, all that it might have matched is masked.

mod carry;
mod catalogue;
mod check;
mod fields;
mod masks;
mod redacted;
mod rule;
mod stage;
#[cfg(test)]
mod tests;
mod unescape;

pub use carry::Carry;
pub use catalogue::{Detector, Group, detectors};
pub use redacted::{Piece, Pieces, Redacted};
pub use stage::Hits;

use crate::record::{Key, Kind, Node, Parsed, TextRange};
use fields::{Fields, Walk};
use masks::Masks;
use rule::Rule;
use stage::Stage;
use unescape::Unescaped;

/// The name of the masks of fields that are masked by their name.
const FIELD: &str = "field";

/// The name of the masks of values that could not be decoded, and so not be searched.
const UNREADABLE: &str = "unreadable";

/// The detector whose finds go over several lines.
const PRIVATE_KEY: &str = "private_key";

/// What to redact.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Groups (`secrets`, `pii`) and detectors by name; `-name` takes out again, `none` takes all out.
    pub select: Vec<String>,
    /// Own rules: a name of `a-z`, `0-9` and `_`, and a pattern. Its group `secret`, else its first group, else all of a
    /// match is masked.
    pub rules: Vec<(String, String)>,
    /// Fields by name or dotted path with `*`, at any depth, without regard to case.
    pub fields: Vec<String>,
}

/// A mistake in a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The selection names no detector and no group.
    #[error("there is no detector or group {name:?}{}", .nearest.map_or(String::new(), |near| format!("; {near:?} was meant?")))]
    UnknownDetector {
        /// What was said.
        name: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// A pattern is no regular expression.
    #[error("the pattern of rule {rule:?} cannot be read: {message}")]
    Pattern {
        /// The rule's name.
        rule: String,
        /// Several lines that show where.
        message: String,
    },
    /// A pattern matches where nothing is.
    #[error("the pattern of rule {rule:?} matches the empty text, so it would match everywhere")]
    EmptyMatch {
        /// The rule's name.
        rule: String,
    },
    /// A pattern needs too much memory.
    #[error("the pattern of rule {rule:?} is too large: compiled it may have {limit_bytes} bytes")]
    TooLarge {
        /// The rule's name.
        rule: String,
        /// How many bytes it may have.
        limit_bytes: usize,
    },
    /// A rule is called like something that is built in.
    #[error("the name {rule:?} is taken by a detector, a group or a built-in mask; call the rule something else")]
    NameTaken {
        /// The rule's name.
        rule: String,
    },
    /// Two rules have one name.
    #[error("there are two rules {rule:?}")]
    Twice {
        /// The rules' name.
        rule: String,
    },
    /// A rule's name would not fit a mask.
    #[error("the rule's name {rule:?} may have only a-z, 0-9 and _")]
    Name {
        /// The rule's name.
        rule: String,
    },
    /// A field's name has an empty step.
    #[error("the field {field:?} has an empty step; example: user.*.token")]
    Field {
        /// What was said.
        field: String,
    },
}

/// The rules in force. Shared freely: what changes from line to line is in [`Carry`] and [`Scratch`].
#[derive(Debug)]
pub struct Redactor {
    rules: Vec<Rule>,
    stage: Stage,
    fields: Fields,
    /// What masks show, by the rule's number: the rules, then [`FIELD`], then [`UNREADABLE`].
    labels: Vec<Box<str>>,
    /// The number of the rule that keys over several lines are masked by.
    private_key: Option<usize>,
    /// Whether some rule has no trigger and is tried on each line.
    untriggered: bool,
}

/// Buffers that are reused from line to line; any redactor may use them.
#[derive(Default)]
pub struct Scratch {
    masks: Masks,
    /// Matches in a decoded value, in its positions.
    found: Masks,
    decoded: Unescaped,
    walk: Walk,
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scratch")
    }
}

impl Redactor {
    /// Compiles the rules.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn new(config: &Config) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let mut rules = rule::rules(config, &mut errors);
        let fields = Fields::new(&config.fields, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let built_in = rules.len() - config.rules.len();
        let stage = Stage::new(&mut rules, built_in);
        let names = rules.iter().map(|rule| rule.name.as_str()).chain([FIELD, UNREADABLE]);
        let labels = names.map(|name| format!("<redacted:{name}>").into_boxed_str()).collect();
        let private_key = rules.iter().position(|rule| rule.name == PRIVATE_KEY);
        let untriggered = rules.iter().any(|rule| rule.trigger.is_none());
        Ok(Self { rules, stage, fields, labels, private_key, untriggered })
    }

    /// The names of all that can mask, in the order of [`Redacted::masked`]'s numbers: the rules in force, then `field`
    /// and `unreadable`.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str()).chain([FIELD, UNREADABLE])
    }

    /// Whether nothing is ever masked.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.rules.is_empty() && self.fields.is_empty()
    }

    /// Stage one: finds the lines of a chunk of whole lines in which a rule may match.
    pub fn scan(&self, chunk: &[u8], hits: &mut Hits) {
        self.stage.scan(chunk, hits);
    }

    /// Stage one for a text that is no slice of a scanned chunk.
    #[must_use]
    pub fn may_match(&self, text: &[u8]) -> bool {
        self.stage.may_match(text)
    }

    /// Stage two: masks one line. `text` may have a look-ahead behind its first `keep` bytes, which is searched and
    /// never leaves. `hot`: stage one has hit the line (`true` is always right). Lines of one file come in order, with
    /// that file's `carry`.
    pub fn redact<'t>(
        &'t self,
        text: &'t [u8],
        keep: usize,
        parsed: &'t Parsed,
        hot: bool,
        carry: &mut Carry,
        scratch: &'t mut Scratch,
    ) -> Redacted<'t> {
        let Scratch { masks, found, decoded, walk } = scratch;
        masks.clear();
        if !self.is_idle() {
            // First come the fields: of equal matches the first names the mask.
            if !self.fields.is_empty() {
                self.fields.mark(text, parsed, walk, self.field(), masks);
            }
            if let Some(rule) = self.private_key
                && (hot || carry.is_open())
                && carry.step(text, hot)
            {
                masks.add(TextRange::new(0, text.len()), rule);
            }
            self.mark(text, hot, masks);
            masks.unite();
            if memchr::memchr(b'\\', text).is_some() {
                self.mark_escaped(text, parsed, masks, found, decoded);
            }
            if !masks.is_empty() {
                grow_to_scalars(parsed, masks);
                masks.unite();
                masks.grow_to_characters(text);
                masks.unite();
            }
        }
        Redacted::new(&text[..keep.min(text.len())], parsed, masks.united(), &self.labels)
    }

    /// Redacts a short text that is no line: a file's name, a label.
    #[must_use]
    pub fn redact_text(&self, text: &str) -> String {
        let mut masks = Masks::default();
        self.mark(text.as_bytes(), true, &mut masks);
        masks.unite();
        masks.grow_to_characters(text.as_bytes());
        masks.unite();
        let parsed = Parsed::default();
        let redacted = Redacted::new(text.as_bytes(), &parsed, masks.united(), &self.labels);
        let mut clean = String::with_capacity(text.len());
        for piece in redacted.pieces(redacted.whole()) {
            match piece {
                Piece::Text(text) => clean.push_str(&String::from_utf8_lossy(text)),
                Piece::Mask(label) => clean.push_str(label),
            }
        }
        clean
    }

    fn field(&self) -> usize {
        self.rules.len()
    }

    fn unreadable(&self) -> usize {
        self.rules.len() + 1
    }

    /// Runs the rules; those with a trigger only where it was hit.
    fn mark(&self, text: &[u8], hot: bool, masks: &mut Masks) {
        if hot || self.untriggered {
            let which = hot.then(|| self.stage.which(text));
            for (number, rule) in self.rules.iter().enumerate() {
                if rule.trigger.is_none() || which.as_ref().is_some_and(|which| which.may_match(number)) {
                    rule.mark(text, number, masks);
                }
            }
        }
    }

    /// Searches every escaped string of the line once more, decoded.
    fn mark_escaped(
        &self,
        text: &[u8],
        parsed: &Parsed,
        masks: &mut Masks,
        found: &mut Masks,
        decoded: &mut Unescaped,
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
            self.mark_decoded(at, masks, found, decoded);
        }
        let is_json = parsed.nodes.iter().any(|node| matches!(node, Node::Value { key: Key::Text(_), .. }));
        if !is_json {
            // What was not parsed may still be written as JSON is: broken, cut, or inside another format.
            let whole = TextRange::new(0, text.len());
            decoded.decode_loosely(text, whole);
            self.mark_decoded(whole, masks, found, decoded);
        }
        masks.unite();
    }

    /// Searches what was decoded of `at`, and masks whole escapes of it.
    fn mark_decoded(&self, at: TextRange, masks: &mut Masks, found: &mut Masks, decoded: &Unescaped) {
        masks.grow(at, |mask| decoded.grow(mask));
        found.clear();
        self.mark(decoded.bytes(), self.stage.may_match(decoded.bytes()), found);
        found.unite();
        for mask in found.united() {
            masks.add(decoded.to_raw(mask.at), mask.rule);
        }
    }
}

/// Grows masks that overlap a number or a truth value to all of it: half a number is none.
fn grow_to_scalars(parsed: &Parsed, masks: &mut Masks) {
    for node in &parsed.nodes {
        if let Node::Value { at, kind: Kind::Number | Kind::True | Kind::False, .. } = *node {
            masks.grow(at, |mask| TextRange { start: mask.start.min(at.start), end: mask.end.max(at.end) });
        }
    }
}

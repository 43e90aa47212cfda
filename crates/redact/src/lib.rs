//! Takes out what must not leave.
//!
//! In: a line's text and what `parse` found in it. Out: a [`Redacted`], the only thing that can be encoded and which only
//! this crate can make. Detection has two stages: one automaton over a whole chunk finds the lines that may hold
//! something ([`Redactor::scan`]); only on those is every rule run ([`Redactor::redact`]). Matches become masks in
//! positions of the text, so that a mask cannot break a parse and a failed parse cannot skip a mask. JSON strings with
//! escapes are searched once more decoded, and so is the line as a reader means it, and Base64 or
//! hexadecimal digits where they may hold something.
//!
//! It must never let a matched byte out by any path but what the rule's mode shows: not by a piece, an error or a debug
//! print. Where a rule cannot be applied, all that it might have matched is masked.

mod action;
mod capture_keywords;
mod config;
mod custom_rule;
mod decode;
mod detectors;
mod encoded;
mod fields;
mod key;
mod masks;
mod pem;
mod pem_state;
mod prefilter;
mod redacted;
mod replacement;
mod rule;
mod search;
mod shared;
#[cfg(test)]
mod tests;
mod unparsed_fields;
mod utf16;
mod validators;

use std::sync::OnceLock;

pub use action::Action;
pub use config::{Config, Error};
pub use custom_rule::{RULES_BYTES_MAX, beyond_bound};
pub use detectors::{Detector, Group, detectors};
pub use key::{KeyError, TokenKey};
pub use pem_state::{LINES_MAX, PemState};
pub use prefilter::Hits;
pub use redacted::{Masked, Piece, Pieces, Redacted};
pub use utf16::is_likely as is_utf16;

use capture_keywords::Names;
use decode::{Decoded, normal};
use encoded::Encoded;
use event::{Kind, Node, Parsed, TextRange};
use fields::{Fields, Walk};
use masks::{Masks, RuleRef};
use prefilter::Prefilter;
use redacted::Labels;
use replacement::{Made, Replacer};
use rule::Rule;
use validators::{Budget, Text};

/// Which lines may have a field that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByField {
    /// There is no such rule.
    None,
    /// Any.
    All,
    /// Of lines of ASCII without a backslash those that the first stage has hit, which looks for their names in quotes.
    Hit,
}

/// The name of the masks of fields that are masked by their name.
const FIELD: &str = "field";

/// The name of the masks of values that could not be decoded, and so not be searched.
const UNDECODABLE: &str = "undecodable";

/// The name of the masks of what a line holds beyond its budget of time or masks.
const BUDGET: &str = "budget";

/// The names of the masks of what no rule has found and is withheld all the same: why.
pub const WITHHELD: [&str; 2] = [UNDECODABLE, BUDGET];

/// The detector whose finds go over several lines.
const PRIVATE_KEY: &str = "private_key";

/// The rules in force. Shared freely: what changes from line to line is in [`PemState`] and [`Scratch`].
#[derive(Debug)]
pub struct Redactor {
    rules: Vec<Rule>,
    stage: Prefilter,
    fields: Fields,
    encoded: Option<Encoded>,
    /// What masks show, by the rule's number: the rules, then [`FIELD`], [`UNDECODABLE`] and [`BUDGET`].
    labels: Vec<Box<str>>,
    /// What becomes of matches, by the same numbers.
    modes: Vec<Action>,
    key: Option<TokenKey>,
    /// The number of the rule that keys over several lines are masked by.
    private_key: Option<usize>,
    /// Whether some rule has no trigger and is tried on each line.
    untriggered: bool,
    /// Which lines are walked for fields by their names.
    by_field: ByField,
    /// Whether every mask shows its rule's own label.
    only_masks: bool,
    /// What the names of formats tell.
    names: OnceLock<Names>,
}

/// Buffers that are reused from line to line; any redactor may use them.
#[derive(Default)]
pub struct Scratch {
    masks: Masks,
    decoded: Decoded,
    walk: Walk,
    made: Made,
    /// Masks that the text holds already.
    earlier: Vec<TextRange>,
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
        let fields = Fields::new(&config.fields).unwrap_or_else(|bad| {
            errors.extend(bad.into_iter().map(|field| Error::Field { field }));
            Fields::default()
        });
        let modes = rule::modes(config, &rules, !fields.is_empty(), &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let built_in = rules.len() - config.rules.len();
        let encoded = Encoded::new(&rules);
        // They find nothing by themselves: their lines are to be looked at, no more.
        let looked_for = encoded.is_some().then(Encoded::rule).into_iter().chain(by_fields(&fields, &rules));
        let looked_for: Vec<Rule> = looked_for.collect();
        let looked_at = built_in + looked_for.len();
        rules.splice(built_in..built_in, looked_for);
        let stage = Prefilter::new(&mut rules, looked_at, built_in);
        let found = rules.drain(built_in..looked_at).any(|rule| rule.name == FIELD && rule.trigger.is_some());
        let names = rules.iter().map(|rule| rule.name.as_str()).chain([FIELD, UNDECODABLE, BUDGET]);
        let labels = names.map(replacement::fixed).collect();
        let private_key = rules.iter().position(|rule| rule.name == PRIVATE_KEY);
        let untriggered = rules.iter().any(|rule| rule.trigger.is_none() && rule.fields.is_none());
        let any = !fields.is_empty() || rules.iter().any(|rule| rule.fields.is_some());
        let by_field = match (any, found) {
            (false, _) => ByField::None,
            (true, false) => ByField::All,
            (true, true) => ByField::Hit,
        };
        let only_masks = modes.iter().all(|mode| *mode == Action::Mask);
        let key = config.key.clone();
        let names = OnceLock::new();
        Ok(Self {
            rules,
            stage,
            fields,
            encoded,
            labels,
            modes,
            key,
            private_key,
            untriggered,
            by_field,
            only_masks,
            names,
        })
    }

    /// The names of all that can mask, in the order of [`Masked::rule`]'s numbers: the rules in force, then `field`
    /// and what is withheld, `undecodable` and `budget`.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str()).chain([FIELD, UNDECODABLE, BUDGET])
    }

    /// What becomes of the matches of each of [`Redactor::rules`].
    #[must_use]
    pub fn modes(&self) -> &[Action] {
        &self.modes
    }

    /// What masks are counted by, in the order of [`Masked::counter`]'s numbers: rule and mode, and whether it is the mode
    /// that the rule has. A mask may come to another one: the end of a short match is not shown, and a record is dropped for
    /// any match in it.
    pub fn counters(&self) -> impl Iterator<Item = (&str, Action, bool)> {
        let rules = self.rules().zip(&self.modes);
        rules.flat_map(|(rule, said)| Action::ALL.map(|mode| (rule, mode, mode == *said)))
    }

    /// Whether nothing is ever masked.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.rules.is_empty() && self.fields.is_empty()
    }

    /// The first stage: finds the lines of a chunk of whole lines in which a rule may match.
    pub fn scan(&self, chunk: &[u8], hits: &mut Hits) {
        self.stage.scan(chunk, hits);
    }

    /// The second stage: masks one line. `text` may have a look-ahead behind its first `keep` bytes, which is searched and
    /// never leaves. `prefilter_hit`: stage one has hit the line (`true` is always right). Lines of one file come in order, with
    /// that file's `pem_state`.
    pub fn redact<'t>(
        &'t self,
        text: &'t [u8],
        keep: usize,
        parsed: &'t Parsed,
        prefilter_hit: bool,
        pem_state: &mut PemState,
        scratch: &'t mut Scratch,
    ) -> Redacted<'t> {
        let Scratch { masks, decoded, walk, made, earlier } = scratch;
        masks.clear(text.len(), self.budget());
        if utf16::is_likely(text) && !self.is_idle() {
            masks.add(TextRange::new(0, text.len()), self.undecodable());
            masks.merge();
        } else if !self.is_idle() {
            let budget = Budget::new(text.len());
            self.search(Text::new(text, &budget), parsed, prefilter_hit, pem_state, (masks, decoded, walk, earlier));
        }
        if !masks.is_empty() {
            self.merge(text, masks, earlier);
            grow_to_scalars(parsed, masks);
            masks.merge();
            masks.grow_to_characters(text);
            masks.merge();
            if !self.only_masks {
                let labeller = Replacer { key: self.key.as_ref(), fixed: &self.labels, keep, parsed };
                labeller.label(text, masks, made);
            }
        }
        let labels = Labels { fixed: &self.labels, made: &made.text };
        Redacted::new(&text[..keep.min(text.len())], parsed, masks.united(), labels)
    }

    /// Searches a line in all its readings.
    fn search(
        &self,
        text: Text<'_>,
        parsed: &Parsed,
        prefilter_hit: bool,
        pem_state: &mut PemState,
        (masks, decoded, walk, earlier): (&mut Masks, &mut Decoded, &mut Walk, &mut Vec<TextRange>),
    ) {
        let escaped = memchr::memchr(b'\\', &text).is_some();
        // First come the fields: of equal matches the first names the mask.
        if match self.by_field {
            ByField::None => false,
            ByField::All => true,
            ByField::Hit => {
                prefilter_hit || escaped || !text.is_ascii() || self.told(parsed, |names| names.is_field) == Some(true)
            }
        } {
            self.mark_fields(text, parsed, walk, masks, decoded);
        }
        self.told(parsed, |names| names.mark(&text, parsed, masks));
        if let Some(rule) = self.private_key
            && (prefilter_hit || pem_state.is_open())
        {
            pem_state.step(&text, prefilter_hit, |part| masks.add(TextRange::new(part.start, part.end), self.by(rule)));
        }
        self.mark(text, prefilter_hit, &mut |at, by| masks.add(at, by));
        self.merge(&text, masks, earlier);
        if escaped {
            self.mark_escaped(text, parsed, masks, decoded);
        }
        if normal::differs(&text) {
            self.mark_normal(text, parsed, masks, decoded);
            // A BEGIN line whose marker is written with escapes.
            if self.private_key.is_some()
                && !pem_state.is_open()
                && !(prefilter_hit && pem::marker(pem::Edge::Begin, &text).is_some())
            {
                pem_state.step(decoded.bytes(), true, |_| {});
            }
        }
    }

    /// Redacts a short text that is no line: a file's name, a label's key. There is no record to be dropped, and something is
    /// to stand there: [`Action::Drop`] and [`Action::Remove`] are [`Action::Mask`] here.
    #[must_use]
    pub fn redact_text(&self, text: &str) -> String {
        self.redact_field("", text)
    }

    /// The same for the value of a field that stands in no line: a label, a static field, what is known of the pod. It is masked as a
    /// field of a line would be that has this dotted name.
    #[must_use]
    pub fn redact_field(&self, name: &str, text: &str) -> String {
        let Scratch { masks, decoded, made, earlier, .. } = &mut Scratch::default();
        let bytes = text.as_bytes();
        masks.clear(bytes.len(), self.budget());
        let budget = Budget::new(bytes.len());
        let searched = Text::new(bytes, &budget);
        self.mark_by_name(name, searched, masks);
        self.mark(searched, true, &mut |at, by| masks.add(at, by));
        if normal::differs(bytes) {
            self.mark_normal(searched, &Parsed::default(), masks, decoded);
        }
        self.merge(bytes, masks, earlier);
        masks.grow_to_characters(bytes);
        masks.merge();
        masks.drop_to_mask();
        let parsed = Parsed::default();
        let labeller = Replacer { key: self.key.as_ref(), fixed: &self.labels, keep: text.len(), parsed: &parsed };
        labeller.label(bytes, masks, made);
        let labels = Labels { fixed: &self.labels, made: &made.text };
        let redacted = Redacted::new(bytes, &parsed, masks.united(), labels);
        let mut clean = String::with_capacity(text.len());
        for piece in redacted.pieces(redacted.whole()) {
            match piece {
                Piece::Text(text) => clean.push_str(&String::from_utf8_lossy(text)),
                Piece::Mask(label) => clean.push_str(label),
            }
        }
        clean
    }

    fn field(&self) -> RuleRef {
        self.by(self.rules.len())
    }

    fn undecodable(&self) -> RuleRef {
        self.by(self.rules.len() + 1)
    }

    fn budget(&self) -> RuleRef {
        self.by(self.rules.len() + 2)
    }

    fn by(&self, rule: usize) -> RuleRef {
        RuleRef {
            rule: u32::try_from(rule).unwrap_or(u32::MAX),
            mode: self.modes.get(rule).copied().unwrap_or_default(),
        }
    }

    /// Unites the masks, but for what lies within a mask that the text holds already.
    fn merge(&self, text: &[u8], masks: &mut Masks, earlier: &mut Vec<TextRange>) {
        if !masks.is_empty() {
            replacement::find_masks(text, &self.labels, self.key.as_ref(), earlier);
            masks.drop_within(earlier);
        }
        masks.merge();
    }
}

/// What has the first stage look for the names of fields, where all can be looked for.
fn by_fields(fields: &Fields, rules: &[Rule]) -> Option<Rule> {
    let all =
        rules.iter().filter_map(|rule| rule.fields.as_ref()).chain(Some(fields).filter(|fields| !fields.is_empty()));
    let triggers: Vec<String> = all.map(Fields::trigger).collect::<Option<_>>()?;
    (!triggers.is_empty()).then(|| Rule::trigger_only(FIELD, &triggers.join("|")))
}

/// Grows masks that overlap a number or a truth value to all of it: half a number is none.
fn grow_to_scalars(parsed: &Parsed, masks: &mut Masks) {
    for node in &parsed.nodes {
        if let Node::Value { at, kind: Kind::Number | Kind::True | Kind::False, .. } = *node {
            masks.grow(at, |mask| TextRange { start: mask.start.min(at.start), end: mask.end.max(at.end) });
        }
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Redacts secrets and personal data in log lines.
//!
//! Input: a line's text and its parsed fields. Output: a [`Redacted`], the only type that can be encoded; only this
//! crate can create one. Detection has two stages. A prefilter runs over a whole chunk and finds the lines that may
//! have a match ([`Redactor::scan`]): it searches for windows, short patterns that are derived from those of the rules. Only
//! these lines are searched with the patterns themselves ([`Redactor::redact`]). Matches
//! become masks in positions of the text, so that a mask cannot break the parsed fields and a parse failure cannot skip
//! a mask. JSON strings with escapes are also searched decoded, as are the normalized line, and Base64 or hexadecimal
//! digits after a keyword.
//!
//! A matched byte is never revealed, except as the rule's mode allows: not by a piece, an error or debug output. If a
//! rule cannot be applied, everything that it might have matched is masked.

mod action;
mod allow;
mod allowed;
mod canary;
mod capture_keywords;
mod config;
mod custom_rule;
mod decode;
mod detectors;
mod encoded;
mod fields;
mod key;
mod lines;
mod masks;
mod pem;
mod pem_state;
mod prefilter;
mod published;
mod record;
mod redacted;
mod replacement;
mod rule;
mod rule_file;
mod search;
mod shared;
mod stamp;
#[cfg(test)]
mod tests;
mod unparsed_fields;
mod utf16;
mod validators;

use std::sync::OnceLock;

pub use action::Action;
pub use canary::Canary;
pub use config::{Config, Error};
pub use custom_rule::{ALL_RULES_BYTES_MAX, Beyond, RULES_BYTES_MAX, beyond_bound};
pub use detectors::{Detector, Group, detectors};
pub use key::{KeyError, TokenKey};
pub use pem_state::{LINES_MAX, PemState};
pub use prefilter::{Hits, TextHits};
pub use published::{NOT_EXPRESSED, PublishedRule, Unpublished, rule_file};
pub use redacted::{Masked, Piece, Pieces, Redacted};
pub use rule_file::{FILE_RULES_MAX, Problem, RULE_FILE_BYTES_MAX, RuleFile, RuleFileError, Unused};
pub use utf16::is_likely as is_utf16;

use allow::Allow;
use capture_keywords::Names;
use decode::{Decoded, normal};
use encoded::Encoded;
use event::{Node, Parsed, TextRange};
use fields::{Fields, Walk};
use masks::{Masks, RuleRef};
use prefilter::Prefilter;
use redacted::Labels;
use replacement::{Made, Replacer};
use rule::{Place, Rule};
use validators::{Budget, Text};

/// Which lines are searched for fields by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByField {
    /// None: no rule concerns fields.
    None,
    /// All lines.
    All,
    /// Lines with a hit of the prefilter, which searches for quoted names; and lines with a backslash or non-ASCII
    /// bytes.
    Hit,
}

/// Rule name of fields that are masked by name.
const FIELD: &str = "field";

/// Rule name of values that could not be decoded and therefore not searched.
const UNDECODABLE: &str = "undecodable";

/// Rule name of parts of a line that exceed its budget of time or masks.
const BUDGET: &str = "budget";

/// Rule names of withheld values, which no rule matched; each is the reason.
pub const WITHHELD: [&str; 2] = [UNDECODABLE, BUDGET];

/// The detector whose matches span several lines.
const PRIVATE_KEY: &str = "private_key";

/// The compiled rules. It can be shared: the state of a file is in [`PemState`], buffers are in [`Scratch`].
#[derive(Debug)]
pub struct Redactor {
    rules: Vec<Rule>,
    /// The rule and the form of each pattern of the prefilter; `None`: it is of no rule.
    forms: Vec<Option<Place>>,
    stage: Prefilter,
    fields: Fields,
    encoded: Option<Encoded>,
    /// Labels of masks, by rule index: the rules, then [`FIELD`], [`UNDECODABLE`] and [`BUDGET`].
    labels: Vec<Box<str>>,
    /// Modes, by rule index.
    modes: Vec<Action>,
    key: Option<TokenKey>,
    /// Index of the rule for private keys over several lines.
    private_key: Option<usize>,
    /// Which lines are searched for fields by name.
    by_field: ByField,
    /// What the user allows.
    allow: Allow,
    /// Keywords among the names of captures.
    names: OnceLock<Names>,
}

/// Buffers that are reused for each line; any redactor can use them.
#[derive(Default)]
pub struct Scratch {
    masks: Masks,
    decoded: Decoded,
    walk: Walk,
    made: Made,
    /// Masks of an earlier redaction in the text.
    earlier: Vec<TextRange>,
    /// The masks of one line of a record.
    of_line: Masks,
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
        let of_files = config.files.iter().map(|file| file.len()).sum::<usize>();
        let built_in = rules.len().saturating_sub(config.rules.len() + of_files);
        let allow = Allow::new(config, built_in, &mut errors);
        let modes = rule::modes(config, &rules, !fields.is_empty(), &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let encoded = Encoded::new(&rules);
        let names_pattern = by_fields(&fields, &rules);
        let encoded_pattern = encoded.as_ref().map(|_| encoded::PATTERN);
        let groups = [rule::first_of_pii(&rules[..built_in]), built_in];
        let stage = Prefilter::new(&mut rules, groups, encoded_pattern, names_pattern.as_deref());
        let forms = rule::by_number(&rules);
        let names = rules.iter().map(|rule| rule.name.as_str()).chain([FIELD, UNDECODABLE, BUDGET]);
        let labels = names.map(replacement::fixed).collect();
        let private_key = rules.iter().position(|rule| rule.name == PRIVATE_KEY);
        let any = !fields.is_empty() || rules.iter().any(|rule| rule.fields.is_some());
        let by_field = match (any, names_pattern) {
            (false, _) => ByField::None,
            (true, None) => ByField::All,
            (true, Some(_)) => ByField::Hit,
        };
        let key = config.key.clone();
        let names = OnceLock::new();
        Ok(Self { rules, forms, stage, fields, encoded, labels, modes, key, private_key, by_field, allow, names })
    }

    /// All rule names, indexed by [`Masked::rule`]: the rules, then `field`, and `undecodable` and `budget` for
    /// withheld values.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str()).chain([FIELD, UNDECODABLE, BUDGET])
    }

    /// The mode of each of [`Redactor::rules`].
    #[must_use]
    pub fn modes(&self) -> &[Action] {
        &self.modes
    }

    /// The counters of masks, indexed by [`Masked::counter`]: rule, mode, and whether it is the rule's configured mode.
    /// A mask may get another mode: a short match is masked completely, and a dropped record drops all its matches.
    pub fn counters(&self) -> impl Iterator<Item = (&str, Action, bool)> {
        let rules = self.rules().zip(&self.modes);
        rules.flat_map(|(rule, own)| Action::ALL.map(|mode| (rule, mode, mode == *own)))
    }

    /// Whether lines stay as they are, and what would be masked is only noted.
    #[must_use]
    pub fn audits(&self) -> bool {
        self.allow.audits
    }

    /// Whether nothing is ever masked.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.rules.is_empty() && self.fields.is_empty()
    }

    /// The first stage: finds the lines of a chunk in which a rule may match. The chunk must consist of whole lines.
    pub fn scan(&self, chunk: &[u8], hits: &mut Hits) {
        if self.is_idle() {
            return *hits = Hits::default();
        }
        self.stage.scan(chunk, hits);
    }

    /// The second stage: masks one line, or several lines that are one record. After its first `keep` bytes, `text` may have a look-ahead, which is searched
    /// but never output. `hits`: what the first stage found in it ([`TextHits::ALL`] is always correct). The lines of
    /// a file must come in order, with that file's `pem_state`. The masks of a record contain those that its lines have
    /// one by one.
    pub fn redact<'t>(
        &'t self,
        text: &'t [u8],
        keep: usize,
        parsed: &'t Parsed,
        hits: TextHits<'_>,
        pem_state: &mut PemState,
        scratch: &'t mut Scratch,
    ) -> Redacted<'t> {
        scratch.masks.clear(text.len(), self.budget());
        if !self.is_idle() {
            self.search_record(text, keep, parsed, hits, pem_state, scratch);
        }
        let Scratch { masks, made, earlier, .. } = scratch;
        if !masks.is_empty() {
            self.merge(text, masks, earlier);
            grow_to_scalars(parsed, masks);
            masks.merge();
            masks.grow_to_characters(text);
            masks.merge();
            if self.modes.iter().any(|mode| *mode != Action::Mask) {
                let labeller = Replacer { key: self.key.as_ref(), fixed: &self.labels, keep, parsed };
                labeller.label(text, masks, made);
            }
        }
        let labels = Labels { fixed: &self.labels, made: &made.text };
        masks.settle_allowed();
        let (shown, audited) = if self.allow.audits { (&[][..], masks.merged()) } else { (masks.merged(), &[][..]) };
        let redacted = Redacted::new(&text[..keep.min(text.len())], parsed, shown, labels);
        redacted.with_allowed(masks.allowed.list()).with_audited(audited)
    }

    /// Redacts a short text that is not a line, such as a file name or a label's key. [`Action::Drop`] and
    /// [`Action::Remove`] act as [`Action::Mask`], because there is no record to drop and the text must not become
    /// empty.
    #[must_use]
    pub fn redact_text(&self, text: &str) -> String {
        self.redact_field("", text)
    }

    /// Redacts the value of a field outside of a line, such as a label, a static field or pod metadata, like a field of
    /// a line with this dotted name.
    #[must_use]
    pub fn redact_field(&self, name: &str, text: &str) -> String {
        let Scratch { masks, decoded, made, earlier, .. } = &mut Scratch::default();
        let bytes = text.as_bytes();
        masks.clear(bytes.len(), self.budget());
        let budget = Budget::new(bytes.len());
        let searched = Text::new(bytes, &budget);
        if self.allow.exempt.holds(name) {
            masks.allowed.exempt.push(TextRange::new(0, bytes.len()));
        }
        self.mark_by_name(name, searched, masks);
        self.mark(searched, &mut |at, by| masks.add(at, by));
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
        let redacted = Redacted::new(bytes, &parsed, masks.merged(), labels);
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
        let mode = self.modes.get(rule).copied().unwrap_or_default();
        let by = RuleRef::new(u32::try_from(rule).unwrap_or(u32::MAX), mode);
        RuleRef { is_exempting: self.is_exempting(rule), ..by }
    }

    /// Merges the masks, without those inside a mask of an earlier redaction.
    fn merge(&self, text: &[u8], masks: &mut Masks, earlier: &mut Vec<TextRange>) {
        if !masks.is_empty() {
            replacement::find_masks(text, &self.labels, self.key.as_ref(), earlier);
            masks.drop_within(earlier);
        }
        masks.merge();
    }
}

/// A pattern that matches every line with a name of a field, if there is one.
fn by_fields(fields: &Fields, rules: &[Rule]) -> Option<String> {
    let all =
        rules.iter().filter_map(|rule| rule.fields.as_ref()).chain(Some(fields).filter(|fields| !fields.is_empty()));
    let patterns: Vec<String> = all.map(Fields::pattern).collect::<Option<_>>()?;
    (!patterns.is_empty()).then(|| patterns.join("|"))
}

/// Extends masks that overlap a number or boolean to the whole value.
fn grow_to_scalars(parsed: &Parsed, masks: &mut Masks) {
    for node in &parsed.nodes {
        if let Node::Value { at, kind, .. } = *node
            && kind.is_scalar()
        {
            masks.grow(at, |mask| TextRange { start: mask.start.min(at.start), end: mask.end.max(at.end) });
        }
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

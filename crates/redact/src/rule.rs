//! Compiled rules: the selected detectors and the custom rules.
//!
//! Input: names and patterns. Output: compiled rules, or all mistakes at once. A rule finds all its matches in a text
//! in time linear in the text; it does not decide what happens to them.

use std::borrow::Cow;
use std::ops::Range;

use regex_automata::Input;
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;

use super::action::{self, Action};
use super::custom_rule;
use super::detectors::{self, Detector, Group};
use super::fields::Fields;
use super::masks::RuleRef;
use super::search::Found;
use super::shared::{self, Compiled};
use super::validators::{Check, Text};
use super::{BUDGET, Config, Error, FIELD, UNDECODABLE};
use event::TextRange;

/// Limit in bytes for a compiled custom pattern; the built-in ones stay below it too. Keeps a sidecar small.
pub(super) const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A larger pattern gets no one-pass engine.
const ONE_PASS_BYTES_MAX: usize = 32 << 10;

/// Limit for the lazily built states of one pattern.
const CACHE_BYTES_MAX: usize = 256 << 10;

/// How much more searching a byte again costs than reading it in a validator.
const SEARCH_COST: usize = 4;

/// One detector or custom pattern.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its name in masks and metrics.
    pub(super) name: String,
    /// The fields that it searches; `None`: it searches the whole text.
    pub(super) fields: Option<Fields>,
    pub(super) forms: Vec<Form>,
}

#[derive(Debug)]
pub(super) struct Form {
    regex: Lazy,
    /// The pattern that the prefilter searches for in its place.
    confirmed: Option<&'static str>,
    /// Its number in the prefilter, if it is searched in the whole text.
    pub(super) number: Option<usize>,
    check: Option<Check>,
    /// The number of the group `secret`.
    pub(super) secret: Option<usize>,
}

/// A regular expression that is compiled when a line first needs it. Most detectors are never needed, so the start is
/// fast and the memory small. It is shared by all redactors of the process.
#[derive(Debug)]
struct Lazy {
    source: Cow<'static, str>,
    compiled: Compiled,
}

impl Lazy {
    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| compile(&self.source).ok()).as_ref()
    }
}

impl Rule {
    /// Whether it masks its fields' values completely.
    pub(super) fn is_whole(&self) -> bool {
        self.forms.is_empty()
    }

    /// Passes on the rule's matches in `text`.
    pub(super) fn mark(&self, text: Text<'_>, by: RuleRef, withheld: RuleRef, found: &mut Found<'_>) {
        for form in &self.forms {
            form.mark(text, by, withheld, found);
        }
    }
}

impl Form {
    /// A pattern of a custom rule; `secret` is the number of its group of that name.
    pub(super) fn custom(pattern: &str, compiled: Compiled, secret: Option<usize>) -> Self {
        let regex = Lazy { source: Cow::Owned(pattern.to_owned()), compiled };
        Self { regex, confirmed: None, number: None, check: None, secret }
    }

    /// The pattern that the prefilter searches for.
    pub(super) fn searched(&self) -> &str {
        self.confirmed.unwrap_or(&self.regex.source)
    }

    /// Passes on its matches in `text`. If the line's budget is spent, the unchecked rest of the text is masked by
    /// `withheld`.
    pub(super) fn mark(&self, text: Text<'_>, by: RuleRef, withheld: RuleRef, found: &mut Found<'_>) {
        let Some(regex) = self.regex.regex() else {
            // The matches are unknown, so all is masked. The tests compile all detectors.
            return found(TextRange::new(0, text.len()), withheld);
        };
        let mut at = 0;
        while let Some((whole, part)) = self.find(regex, &text, at) {
            if text.is_spent() {
                // A check may mask text anywhere after the match.
                return found(TextRange::new(part.start, text.len()), withheld);
            }
            let (mut confirmed, mut end) = (self.check.is_none(), part.end);
            match self.check {
                None => found(TextRange::new(part.start, part.end), by),
                Some(check) => check(text, part.clone(), &mut |part| {
                    confirmed = true;
                    end = end.max(part.end);
                    found(TextRange::new(part.start, part.end), by);
                }),
            }
            // The text after the masked part may begin the next match; a rejected match may hide another one.
            at = if confirmed || part == whole { end } else { part.start };
            at = at.max(whole.start + 1);
            text.charge(whole.end.saturating_sub(at).saturating_mul(SEARCH_COST));
        }
    }

    /// The next match, and the masked part of it: the group `secret`, else the first group that took part, else all of
    /// it.
    fn find(&self, regex: &Regex, text: &[u8], at: usize) -> Option<(Range<usize>, Range<usize>)> {
        let input = Input::new(text).span(at..text.len());
        if regex.captures_len() == 1 {
            return regex.find(input).map(|found| (found.range(), found.range()));
        }
        let mut groups = regex.create_captures();
        regex.search_captures(&input, &mut groups);
        let found = groups.get_match()?.range();
        let group = self.secret.and_then(|secret| groups.get_group(secret));
        let group = group.or_else(|| groups.iter().skip(1).flatten().next());
        // A group that matched nothing hides nothing: masking too much is better than too little.
        let part = group
            .filter(|group| !group.is_empty() || self.check.is_some())
            .map_or(found.clone(), |group| group.range());
        Some((found, part))
    }
}

/// The index of the first rule for personal data; those of secrets come before it.
pub(super) fn first_of_pii(rules: &[Rule]) -> usize {
    let is_pii = |rule: &Rule| detectors::detectors().any(|known| known.group == Group::Pii && known.name == rule.name);
    rules.iter().position(is_pii).unwrap_or(rules.len())
}

/// Where a pattern is among the rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) rule: usize,
    pub(super) form: usize,
}

/// The place of each pattern, by its number in the prefilter; `None`: it is of no rule.
pub(super) fn by_number(rules: &[Rule]) -> Vec<Option<Place>> {
    let mut places = Vec::new();
    for (rule, forms) in rules.iter().enumerate().map(|(number, rule)| (number, &rule.forms)) {
        for (form, number) in forms.iter().enumerate().filter_map(|(at, form)| Some((at, form.number?))) {
            places.resize(number + 1, None);
            places[number] = Some(Place { rule, form });
        }
    }
    places
}

/// Builds the rules of a configuration, in the order of the detectors; custom rules last.
pub(super) fn rules(config: &Config, errors: &mut Vec<Error>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = select(&config.select, errors).into_iter().map(built_in).collect();
    for (index, (name, pattern)) in config.rules.iter().enumerate() {
        let reserved = [FIELD, UNDECODABLE, BUDGET, "none"].into_iter().chain(Group::ALL.map(Group::name));
        if detectors::detectors().map(|detector| detector.name).chain(reserved).any(|taken| taken == name) {
            errors.push(Error::NameTaken { rule: name.clone() });
        } else if config.rules[..index].iter().any(|(earlier, _)| earlier == name) {
            errors.push(Error::Twice { rule: name.clone() });
        } else if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            errors.push(Error::Name { rule: name.clone() });
        } else {
            match custom_rule::custom(name, pattern) {
                Ok(rule) => rules.push(rule),
                Err(error) => errors.push(error),
            }
        }
    }
    rules
}

/// The default selection.
const DEFAULT: Group = Group::Secrets;

/// The selected detectors, read from left to right. A selection that begins with a removal begins with the default.
fn select(words: &[String], errors: &mut Vec<Error>) -> Vec<&'static Detector> {
    let all: Vec<_> = detectors::detectors().collect();
    let words: Vec<String> = words.iter().map(|word| word.trim().to_lowercase()).collect();
    if words.len() > 1 && words.iter().any(|word| word == "none") {
        errors.push(Error::NoneAmongOthers);
    }
    let takes_out = words.first().is_some_and(|word| word.starts_with('-'));
    let mut chosen: Vec<bool> = all.iter().map(|detector| takes_out && detector.group == DEFAULT).collect();
    for word in &words {
        let (name, wanted) = word.strip_prefix('-').map_or((word.as_str(), true), |name| (name, false));
        let named = |detector: &Detector| detector.name == name || detector.group.name() == name;
        if word == "none" {
            chosen.fill(false);
        } else if all.iter().any(|detector| named(detector)) {
            for (chosen, _) in chosen.iter_mut().zip(&all).filter(|(_, detector)| named(detector)) {
                *chosen = wanted;
            }
        } else {
            errors.push(Error::UnknownDetector { name: name.to_owned(), nearest: nearest(name) });
        }
    }
    all.into_iter().zip(chosen).filter_map(|(detector, chosen)| chosen.then_some(detector)).collect()
}

/// The known detector or group that is most similar.
fn nearest(name: &str) -> Option<&'static str> {
    let groups = Group::ALL.map(Group::name).into_iter();
    nearest_of(name, detectors::detectors().map(|detector| detector.name).chain(groups))
}

fn nearest_of<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // Three typing mistakes in one name are another name.
    const MISTAKES_MAX: usize = 2;
    let near = names.map(|known| (strsim::damerau_levenshtein(name, known), known));
    near.filter(|(mistakes, _)| *mistakes <= MISTAKES_MAX).min().map(|(_, known)| known)
}

/// The modes of each rule, of fields and of withheld values, in this order.
pub(super) fn modes(config: &Config, rules: &[Rule], fields: bool, errors: &mut Vec<Error>) -> Vec<Action> {
    let custom = config.rules.iter().map(|(name, _)| name.as_str());
    let built_in = detectors::detectors().map(|detector| detector.name).chain(Group::ALL.map(Group::name));
    let known: Vec<&str> = built_in.chain([FIELD, UNDECODABLE, BUDGET]).chain(custom).collect();
    for (name, _) in config.modes.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        let nearest = nearest_of(name, known.iter().copied()).map(ToOwned::to_owned);
        errors.push(Error::UnknownMode { name: name.clone(), nearest });
    }
    let configured = |name: &str| config.modes.iter().rev().find(|(known, _)| known == name).map(|(_, mode)| *mode);
    let of_group = |name: &str| {
        let detector = detectors::detectors().find(|detector| detector.name == name)?;
        configured(detector.group.name())
    };
    let mode = |name: &str| {
        let configured = configured(name).or_else(|| of_group(name)).unwrap_or(config.mode);
        action::effective(name, configured, config.key.is_some())
    };
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).chain([FIELD, UNDECODABLE, BUDGET]).collect();
    let modes: Vec<Action> = names.iter().map(|name| mode(name)).collect();
    let in_use = |name: &str| name != FIELD || fields;
    let tokens = names.iter().zip(&modes).find(|(name, mode)| **mode == Action::Token && in_use(name));
    if let (Some((name, _)), None) = (tokens, &config.key) {
        errors.push(Error::KeyMissing { rule: (*name).to_owned() });
    }
    modes
}

fn built_in(detector: &'static Detector) -> Rule {
    let form = |pattern: &'static detectors::Pattern| Form {
        regex: Lazy { source: Cow::Borrowed(pattern.regex), compiled: shared::pattern(pattern.regex) },
        confirmed: pattern.confirmed,
        number: None,
        check: pattern.check,
        secret: None,
    };
    Rule { name: detector.name.to_owned(), fields: None, forms: detector.patterns.iter().map(form).collect() }
}

/// Compiles a pattern within the limit. The fast but large engine is omitted where it would take most of the memory,
/// because captures are searched only inside matches.
pub(super) fn compile(pattern: &str) -> Result<Regex, Box<BuildError>> {
    let config = Regex::config().nfa_size_limit(Some(PATTERN_BYTES_MAX)).onepass_size_limit(Some(ONE_PASS_BYTES_MAX));
    Regex::builder()
        .configure(config.utf8_empty(false).hybrid_cache_capacity(CACHE_BYTES_MAX))
        .syntax(syntax::Config::new().utf8(false))
        .build(pattern)
        .map_err(Box::new)
}

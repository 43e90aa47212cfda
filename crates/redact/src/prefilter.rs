//! The first stage of detection: finds the lines of a chunk that may have a match.
//!
//! Input: a chunk of whole lines. Output: ranges of whole lines outside which no rule matches. It may hit too many
//! lines, but never misses a line with a match.

mod byte_set;
mod hits;
mod multi_dfa;
pub(super) mod sharded_dfa;
mod tree;
mod window;

use std::sync::Arc;

pub use self::hits::{Hits, TextHits};
use self::multi_dfa::Numbers;
use self::sharded_dfa::ShardedDfa;
use super::rule::{Form, Rule};
use super::shared::{self, Automaton};

/// Up to so many patterns of personal data are joined with those of secrets, which saves a search of the whole text.
const JOINED_MAX: usize = 6;

/// The number of sets that are searched one after the other.
const SETS: usize = 3;

/// The windows of all patterns, joined; the patterns are numbered in the order of the rules.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// Those of secrets, of personal data and of custom rules. Each has an automaton of its own: joined, their states would
    /// multiply, and a bad pattern would slow the others down. A few of personal data are joined with those of secrets.
    sets: [Set; SETS],
    /// The number of all patterns.
    count: usize,
    /// The number of the pattern for encoded values.
    encoded: Option<usize>,
    /// The number of the pattern for names of fields.
    by_field: Option<usize>,
}

/// Some of the patterns.
#[derive(Debug)]
struct Set {
    /// The number of the first one.
    first: usize,
    patterns: Arc<[String]>,
    automaton: Automaton,
}

impl Set {
    fn new<'p>(first: usize, patterns: impl Iterator<Item = &'p str>) -> Self {
        let patterns: Arc<[String]> = patterns.map(ToOwned::to_owned).collect();
        Self { first, automaton: shared::automaton(&patterns), patterns }
    }

    /// `None`: there is no pattern, or the windows are too large to be joined; then each of them may match anywhere.
    fn automaton(&self) -> Option<&ShardedDfa> {
        self.automaton.get_or_init(|| ShardedDfa::new(&self.patterns)).as_ref()
    }

    fn add_which(&self, text: &[u8], numbers: &mut Numbers) {
        match self.automaton() {
            Some(automaton) => automaton.add_which(text, self.first, numbers),
            None => (0..self.patterns.len()).for_each(|number| numbers.add(self.first + number)),
        }
    }

    fn lines(&self, chunk: &[u8], ranges: &mut Vec<(usize, usize)>) {
        match self.automaton() {
            Some(automaton) => automaton.lines(chunk, ranges),
            None if !self.patterns.is_empty() => ranges.push((0, chunk.len())),
            None => {}
        }
    }
}

/// The patterns that may match in a text.
pub(super) struct Which {
    numbers: Numbers,
}

impl Which {
    /// Whether the pattern with this number may match.
    pub(super) fn may_match(&self, number: usize) -> bool {
        self.numbers.contains(number)
    }

    /// The numbers of the patterns that may match, in order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = usize> {
        self.numbers.iter()
    }

    /// Adds the patterns that another part of the text needs.
    pub(super) fn add(&mut self, other: &Self) {
        self.numbers.add_all(&other.numbers);
    }

    /// Whether some pattern may match.
    pub(super) fn is_hit(&self) -> bool {
        !self.numbers.is_empty()
    }
}

impl Prefilter {
    /// Gives each of the rules' patterns its number. Their windows are joined when a text is first searched. `groups`: where the rules of the next group
    /// begin. `encoded` finds encoded values, `by_field` the names of fields; they are no rules, and follow those of the first
    /// group.
    pub(super) fn new(rules: &mut [Rule], groups: [usize; 2], encoded: Option<&str>, by_field: Option<&str>) -> Self {
        let pii = groups[0]..groups[1];
        let is_few = sources(&rules[pii.clone()]).count() <= JOINED_MAX;
        let (secrets, others) = rules.split_at_mut(if is_few { pii.end } else { pii.start });
        let (pii, custom) = others.split_at_mut(if is_few { 0 } else { pii.len() });
        let extra: Vec<&str> = encoded.into_iter().chain(by_field).collect();
        let of_secrets = number(secrets, 0);
        let first_of_pii = of_secrets + extra.len();
        let first_of_custom = number(pii, first_of_pii);
        let count = number(custom, first_of_custom);
        let sets = [
            Set::new(0, sources(secrets).chain(extra)),
            Set::new(first_of_pii, sources(pii)),
            Set::new(first_of_custom, sources(custom)),
        ];
        let by_field = by_field.map(|_| first_of_pii - 1);
        Self { sets, count, encoded: encoded.map(|_| of_secrets), by_field }
    }

    /// No patterns.
    pub(super) fn none(&self) -> Which {
        Which { numbers: Numbers::none(self.count) }
    }

    /// The patterns that may match in `text`, of which `hits` was found.
    pub(super) fn which(&self, text: &[u8], hits: TextHits<'_>) -> Which {
        let mut which = self.none();
        for (_, set) in self.sets.iter().enumerate().filter(|(number, _)| hits.is_hit_by(*number)) {
            set.add_which(text, &mut which.numbers);
        }
        which
    }

    /// Whether a text may contain an encoded value.
    pub(super) fn may_hold_encoded(&self, which: &Which) -> bool {
        self.encoded.is_some_and(|number| which.may_match(number))
    }

    /// Whether a text may contain the name of a field.
    pub(super) fn may_hold_name(&self, which: &Which) -> bool {
        self.by_field.is_some_and(|number| which.may_match(number))
    }

    /// Finds the lines of `chunk` in which a pattern may match.
    pub(super) fn scan(&self, chunk: &[u8], hits: &mut Hits) {
        hits.renew(chunk, |set, lines| self.sets[set].lines(chunk, lines));
    }
}

/// Numbers the patterns of rules from `next` on; returns the number after the last.
fn number(rules: &mut [Rule], mut next: usize) -> usize {
    for form in rules.iter_mut().filter(|rule| rule.fields.is_none()).flat_map(|rule| &mut rule.forms) {
        form.number = Some(next);
        next += 1;
    }
    next
}

/// The patterns that are searched in the whole text.
fn sources(rules: &[Rule]) -> impl Iterator<Item = &str> {
    rules.iter().filter(|rule| rule.fields.is_none()).flat_map(|rule| rule.forms.iter().map(Form::searched))
}

/// Sorts ranges and merges those that overlap.
pub(super) fn merge(ranges: &mut Vec<(usize, usize)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlap = next.0 < kept.1;
        if overlap {
            kept.1 = kept.1.max(next.1);
        }
        overlap
    });
}

#[cfg(test)]
mod tests {
    use super::multi_dfa::MultiDfa;
    use super::window::windows;
    use proptest::prelude::*;
    use regex::bytes::Regex;

    /// Patterns of every kind over few characters, so that they often match.
    fn pattern() -> impl Strategy<Value = String> {
        let one = proptest::sample::select(vec![
            "a",
            "b",
            "k",
            "-",
            " ",
            "1",
            "\\n",
            "\\r",
            "é",
            "[ab]",
            "[^a]",
            "[^b\\n]",
            r"\d",
            r"\w",
            r"\s",
            ".",
            "(?s:.)",
            r"(?-u:\b)",
            r"\b",
            "(?m:$)",
            "(?m:^)",
            "$",
            "^",
            r"(?-u:[^a])",
            "(?i:K)",
            "key",
        ]);
        let one = one.prop_map(ToOwned::to_owned);
        one.prop_recursive(4, 24, 5, |inner| {
            let times = proptest::sample::select(vec!["?", "*", "+", "{2}", "{2,}", "{1,3}", "{9}", "{9,20}", "{0,2}"]);
            prop_oneof![
                4 => proptest::collection::vec(inner.clone(), 1..5).prop_map(|all| all.concat()),
                2 => proptest::collection::vec(inner.clone(), 1..4).prop_map(|all| format!("(?:{})", all.join("|"))),
                2 => (inner.clone(), times).prop_map(|(one, times)| format!("(?:{one}){times}")),
                1 => inner.prop_map(|one| format!("({one})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Goal: no match in a line is missed, compared with the pattern itself over the whole line.
        #[test]
        fn windows_miss_nothing(pattern in pattern(), lines in proptest::collection::vec("[abkKey\\-1 é\r]{0,24}", 1..4)) {
            let Ok(regex) = Regex::new(&pattern) else { return Ok(()) };
            let windows = [windows(&pattern).unwrap()];
            let automaton = MultiDfa::new(windows.iter().map(Vec::as_slice), 1 << 20).unwrap();
            let (chunk, mut hits) = (lines.join("\n"), Vec::new());
            automaton.lines(chunk.as_bytes(), &mut hits);
            let mut start = 0;
            for line in &lines {
                let end = start + line.len();
                let is_hit = hits.iter().any(|(from, to)| *from <= start && end <= *to);
                let mut is_named = false;
                automaton.which(line.as_bytes(), |_| is_named = true);
                let bare = line.strip_suffix('\r').unwrap_or(line);
                for text in [line, bare] {
                    let is_match = regex.find_iter(text.as_bytes()).any(|found| !found.is_empty());
                    prop_assert!(!is_match || is_hit && is_named, "{} in {:?}", pattern, text);
                }
                start = end + 1;
            }
        }
    }
}

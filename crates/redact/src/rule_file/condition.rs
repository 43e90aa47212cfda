//! Decides whether a match of a file's rule is a secret, and what of it is masked.
//!
//! Input: a pattern and a text. Output: the masked parts of its matches. As in gitleaks, a line must have one of the rule's
//! keywords, and the secret must be random enough and in no allowlist. What these look at is the rule's group, else the first
//! group that is not empty. What is masked may be more: if it is not certain that one group is all of the secret, the whole
//! match.

use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex_automata::Input;
use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;

use super::super::masks::RuleRef;
use super::super::rule::compile;
use super::super::search::Found;
use super::super::shared::{self, Compiled};
use super::super::validators::Text;
use super::document::{RawAllowlist, Target};
use event::TextRange;

/// How much more searching a byte again costs than reading it in a validator.
const SEARCH_COST: usize = 4;

/// What has to hold of a match besides its pattern.
#[derive(Debug)]
pub(crate) struct Condition {
    /// The groups of which that one is masked that took part; none: the whole match is.
    pub(super) masked: Vec<usize>,
    /// The group that is judged; `None`: the first one that is not empty.
    pub(super) judged: Option<usize>,
    /// The pattern that the prefilter searches for in place of the rule's own: its keywords.
    pub(super) searched: Option<String>,
    pub(super) keywords: Option<Words>,
    /// The secret's entropy must be higher than this; 0: it need not.
    pub(super) entropy: f64,
    pub(super) allowlists: Vec<std::sync::Arc<Allowlist>>,
}

impl Condition {
    /// What the prefilter searches for in place of the rule's pattern.
    pub(crate) fn searched(&self) -> Option<&str> {
        self.searched.as_deref()
    }

    /// Passes on the secrets in `text`. If the line's budget is spent, the unchecked rest of the text is masked by
    /// `withheld`.
    pub(crate) fn mark(&self, regex: &Regex, text: Text<'_>, by: RuleRef, withheld: RuleRef, found: &mut Found<'_>) {
        if self.keywords.as_ref().is_some_and(|words| !words.are_in(&text)) {
            return;
        }
        let mut groups = regex.create_captures();
        let mut line = AllowedLine::default();
        let mut at = 0;
        while at <= text.len() {
            regex.search_captures(&Input::new(&*text).span(at..text.len()), &mut groups);
            let Some(whole) = groups.get_match().map(|found| found.range()) else { return };
            let masked =
                self.masked.iter().find_map(|group| groups.get_group(*group)).filter(|group| !group.is_empty());
            let part = masked.map_or(whole.clone(), |group| group.range());
            if text.is_spent() {
                return found(TextRange::new(part.start, text.len()), withheld);
            }
            let is_secret = self.is_secret(text, &groups, &mut line);
            if is_secret {
                found(TextRange::new(part.start, part.end), by);
            }
            // The text after the masked part may begin the next match; a rejected match may hide another one.
            at = if is_secret || part == whole { part.end } else { part.start };
            at = at.max(whole.start + 1);
            text.charge(whole.end.saturating_sub(at).saturating_mul(SEARCH_COST));
        }
    }

    fn is_secret(&self, text: Text<'_>, groups: &Captures, line: &mut AllowedLine) -> bool {
        let Some(whole) = groups.get_match() else { return false };
        let mut all = groups.iter().skip(1).flatten();
        let judged = match self.judged {
            Some(group) => groups.get_group(group),
            None => all.find(|group| !group.is_empty()),
        };
        let matched = trim_newlines(&text[whole.range()]);
        let secret = judged.map_or(matched, |group| &text[group.range()]);
        if self.entropy > 0.0 && entropy(secret) <= self.entropy {
            return false;
        }
        !self.allowlists.iter().enumerate().any(|(number, list)| match list.target {
            Target::Secret => list.allows(secret, secret),
            Target::Match => list.allows(secret, matched),
            Target::Line => list.allows_in_line(secret, || line.try_list(number, list, text, whole.start())),
        })
    }
}

/// The patterns of an allowlist that search a whole line are run once for each line.
#[derive(Default)]
struct AllowedLine {
    at: Range<usize>,
    /// The allowlists that were tried, and whether they allow.
    tried: Vec<(usize, bool)>,
}

impl AllowedLine {
    fn try_list(&mut self, number: usize, list: &Allowlist, text: Text<'_>, at: usize) -> bool {
        if !self.at.contains(&at) {
            let start = memchr::memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1);
            let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
            self.at = start..end.max(at + 1);
            self.tried.clear();
        }
        if let Some((_, allowed)) = self.tried.iter().find(|(known, _)| *known == number) {
            return *allowed;
        }
        let line = &text[self.at.start..self.at.end.min(text.len())];
        let allowed = list.is_in(line);
        self.tried.push((number, allowed));
        allowed
    }
}

/// What a file's rules leave.
#[derive(Debug)]
pub(crate) struct Allowlist {
    needs_all: bool,
    target: Target,
    patterns: Vec<(String, Compiled)>,
    stopwords: Option<Words>,
}

impl Allowlist {
    /// `patterns`: translated. `None`: it never allows anything in a line.
    pub(super) fn new(raw: &RawAllowlist, patterns: Vec<String>) -> Option<Self> {
        let stopwords = Words::new(&raw.stopwords);
        let is_idle = patterns.is_empty() && stopwords.is_none() || raw.needs_all && raw.has_paths;
        let patterns = patterns.into_iter().map(|pattern| (shared::pattern(&pattern), pattern));
        let patterns = patterns.map(|(compiled, pattern)| (pattern, compiled)).collect();
        (!is_idle).then_some(Self { needs_all: raw.needs_all, target: raw.target, patterns, stopwords })
    }

    fn allows(&self, secret: &[u8], searched: &[u8]) -> bool {
        self.allows_in_line(secret, || self.is_in(searched))
    }

    /// `is_matched`: whether one of the patterns matches.
    fn allows_in_line(&self, secret: &[u8], is_matched: impl FnOnce() -> bool) -> bool {
        let has_word = || self.stopwords.as_ref().map(|words| words.are_in(secret));
        if self.needs_all {
            has_word() != Some(false) && (self.patterns.is_empty() || is_matched())
        } else {
            has_word() == Some(true) || is_matched()
        }
    }

    /// Whether one of the patterns is in a text. One that cannot be compiled allows nothing.
    fn is_in(&self, text: &[u8]) -> bool {
        let regex = |(pattern, cell): &(String, Compiled)| {
            let compiled = cell.get_or_init(|| compile(pattern).ok());
            compiled.as_ref().is_some_and(|regex| regex.is_match(text))
        };
        !text.is_empty() && self.patterns.iter().any(regex)
    }
}

/// Words that are searched in upper or lower case.
#[derive(Debug)]
pub(crate) struct Words {
    words: Vec<String>,
    /// Built when a line first needs it; `None`: it cannot be built.
    automaton: OnceLock<Option<AhoCorasick>>,
}

impl Words {
    /// `None`: there is no word.
    pub(super) fn new(words: &[String]) -> Option<Self> {
        let mut words: Vec<String> =
            words.iter().filter(|word| !word.is_empty()).map(|word| word.to_lowercase()).collect();
        words.sort_unstable();
        words.dedup();
        (!words.is_empty()).then_some(Self { words, automaton: OnceLock::new() })
    }

    fn are_in(&self, text: &[u8]) -> bool {
        let automaton = self.automaton.get_or_init(|| {
            let mut builder = AhoCorasick::builder();
            builder.ascii_case_insensitive(true).prefilter(false).build(&self.words).ok()
        });
        if let Some(automaton) = automaton {
            return automaton.is_match(text);
        }
        // Too many words for an automaton: the slow way finds the same.
        let text = text.to_ascii_lowercase();
        self.words.iter().any(|word| memchr::memmem::find(&text, word.as_bytes()).is_some())
    }
}

fn trim_newlines(mut text: &[u8]) -> &[u8] {
    while let [b'\n', rest @ ..] | [rest @ .., b'\n'] = text {
        text = rest;
    }
    text
}

/// Shannon's entropy in bits for each character, as gitleaks computes it.
fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 128];
    let mut others = std::collections::HashMap::new();
    for chunk in text.utf8_chunks() {
        let broken = chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER);
        for character in chunk.valid().chars().chain(broken) {
            match counts.get_mut(character as usize) {
                Some(count) => *count += 1,
                None => *others.entry(character).or_default() += 1,
            }
        }
    }
    let bytes = u32::try_from(text.len()).map_or(f64::MAX, f64::from);
    let all = counts.into_iter().chain(others.into_values()).filter(|count| *count > 0);
    all.map(|count| f64::from(count) / bytes).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_in_bits_for_each_character() {
        for (text, expected) in [("", 0.0), ("aaaa", 0.0), ("abab", 1.0), ("abcd", 2.0), ("0123456789abcdef", 4.0)] {
            assert!((entropy(text.as_bytes()) - expected).abs() < 1e-9, "{text}");
        }
        // Go divides by the number of bytes.
        assert!((entropy("éé".as_bytes()) - 0.5).abs() < 1e-9);
        assert!((entropy(b"\xff\xfe") - 0.0).abs() < 1e-9);
    }

    #[test]
    fn words_are_found_in_both_cases() {
        let words = Words::new(&["Example".to_owned(), String::new()]).unwrap();
        assert!(words.are_in(b"an EXAMPLE") && !words.are_in(b"an exam"));
        assert!(Words::new(&[String::new()]).is_none());
    }
}

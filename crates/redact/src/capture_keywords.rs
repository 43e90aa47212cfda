//! Keywords among the names of captures, which do not appear in the line itself.
//!
//! Input: the names of a format and its fields. Output: the values of keywords, with the rule that matches the name.

use std::sync::{Arc, OnceLock};

use super::Redactor;
use super::masks::{Masks, RuleRef};
use super::validators::{Budget, Text};
use event::{Key, Node, Parsed, TextRange};

/// The value that is appended to a name to test it with the rules; it matches no rule by itself.
const PROBE: &str = "=\"Zq7x-Wv5k.Jt3m\"";

/// The placeholder of formats for a missing value.
const MISSING: &[u8] = b"-";

/// Maximum number of formats whose keywords are cached.
const FORMATS_MAX: usize = 64;

/// The keywords among the names of a format.
#[derive(Debug)]
pub(super) struct Names {
    captures: Arc<[Box<str>]>,
    /// The rule of each name; empty if no name is a keyword.
    rules: Vec<Option<RuleRef>>,
    /// Whether a rule masks fields by one of the names.
    pub(super) is_field: bool,
    /// The names of the next format.
    next: OnceLock<Box<Names>>,
}

impl Names {
    /// Masks the values of keywords completely, like quoted values in a line.
    pub(super) fn mark(&self, text: &[u8], parsed: &Parsed, masks: &mut Masks) {
        if self.rules.is_empty() {
            return;
        }
        for node in &parsed.nodes {
            if let Node::Value { key: Key::Name(name), at, .. } = *node
                && let Some(&Some(by)) = self.rules.get(usize::from(name))
                && text[at.indices()] != *MISSING
            {
                masks.add(at, by);
            }
        }
    }
}

impl Redactor {
    /// Calls `read` with the keywords of the line's format, if its names come from the configuration.
    pub(super) fn capture_keywords<T>(&self, parsed: &Parsed, read: impl FnOnce(&Names) -> T) -> Option<T> {
        if parsed.names.is_empty() {
            return None;
        }
        // An input has one format, so its names are tested once.
        let mut names = self.names.get_or_init(|| self.find_keywords(&parsed.names));
        for _ in 1..FORMATS_MAX {
            if Arc::ptr_eq(&names.captures, &parsed.names) {
                return Some(read(names));
            }
            names = names.next.get_or_init(|| Box::new(self.find_keywords(&parsed.names)));
        }
        Some(read(&self.find_keywords(&parsed.names)))
    }

    /// Masks the value of a field outside of a line by its name.
    pub(super) fn mark_by_name(&self, name: &str, value: Text<'_>, masks: &mut Masks) {
        if name.is_empty() {
            return;
        }
        let whole = TextRange::new(0, value.len());
        if self.fields.holds(name) {
            masks.add(whole, self.field());
        }
        for (number, rule) in self.rules.iter().enumerate() {
            let by = self.by(number);
            match &rule.fields {
                Some(fields) if fields.holds(name) && rule.is_whole() => masks.add(whole, by),
                Some(fields) if fields.holds(name) => rule.mark(value, by, by, &mut |at, by| masks.add(at, by)),
                _ => {}
            }
        }
        // As in a line, with quotes.
        let before = format!("{name}=\"");
        let line = [before.as_bytes(), &value, b"\""].concat();
        let start = u32::try_from(before.len()).unwrap_or(u32::MAX);
        self.mark(value.with(&line), &mut |at, by| {
            let end = at.end.min(start.saturating_add(whole.end));
            if at.start >= start && at.start < end {
                masks.add(TextRange { start: at.start - start, end: end - start }, by);
            }
        });
    }

    fn find_keywords(&self, names: &Arc<[Box<str>]>) -> Names {
        let mut rules: Vec<_> = names.iter().map(|name| self.rule_for(name)).collect();
        if rules.iter().all(Option::is_none) {
            rules.clear();
        }
        let fields = self.rules.iter().filter_map(|rule| rule.fields.as_ref()).chain([&self.fields]);
        let is_field = fields.into_iter().any(|fields| names.iter().any(|name| fields.has(name)));
        Names { captures: Arc::clone(names), rules, is_field, next: OnceLock::new() }
    }

    /// The rule that masks a whole value after this name.
    fn rule_for(&self, name: &str) -> Option<RuleRef> {
        let text = format!("{name}{PROBE}");
        let value = TextRange::new(name.len() + 2, text.len() - 1);
        let mut masks = Masks::default();
        let budget = Budget::new(text.len());
        self.mark(Text::new(text.as_bytes(), &budget), &mut |at, by| masks.add(at, by));
        masks.merge();
        masks.merged().iter().find(|mask| mask.at == value).map(|mask| mask.by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Hits, PemState, Piece, Scratch};
    use event::Kind;

    fn redactor(select: &str) -> Redactor {
        Redactor::new(&Config { select: vec![select.to_owned()], ..Config::default() }).unwrap()
    }

    /// A redacted line of three values with these names.
    fn redacted(redactor: &Redactor, names: &Arc<[Box<str>]>) -> String {
        let text = b"ada hunter2 -";
        let at = [(0, 3), (4, 11), (12, 13)];
        let value = |(name, (start, end))| Node::Value {
            key: Key::Name(name),
            at: TextRange::new(start, end),
            kind: Kind::Text,
        };
        let nodes = (0_u16..).zip(at).map(value).collect();
        let parsed = Parsed { nodes, names: Arc::clone(names), ..Parsed::default() };
        let mut scratch = Scratch::default();
        let redacted = redactor.redact(
            text,
            text.len(),
            &parsed,
            Hits::default().of(0, 0),
            &mut PemState::default(),
            &mut scratch,
        );
        let mut left = Vec::new();
        redacted.line(|piece| match piece {
            Piece::Text(text) => left.extend_from_slice(text),
            Piece::Mask(label) => left.extend_from_slice(label.as_bytes()),
        });
        String::from_utf8(left).unwrap()
    }

    /// Goal: a capture whose name is a keyword is masked, although the line does not contain the name.
    #[test]
    fn values_of_keyword_captures_are_masked() {
        let names: Arc<[Box<str>]> = ["user", "dbPassword", "api_key"].map(Box::from).into();
        assert_eq!(redacted(&redactor("secrets"), &names), "ada <redacted:password> -");
        assert_eq!(redacted(&redactor("pii"), &names), "ada hunter2 -");
    }

    /// Goal: inputs of several formats can share a redactor, alternately, and more formats than it caches.
    #[test]
    fn each_format_has_its_own_names() {
        let redactor = redactor("secrets");
        let names: Arc<[Box<str>]> = ["user", "dbPassword", "api_key"].map(Box::from).into();
        for _ in 0..2 * FORMATS_MAX {
            let silent: Arc<[Box<str>]> = ["user", "word", "host"].map(Box::from).into();
            assert_eq!(redacted(&redactor, &silent), "ada hunter2 -");
            assert_eq!(redacted(&redactor, &names), "ada <redacted:password> -");
        }
    }
}

//! Reads a file and those that it extends, as one.
//!
//! Input: a path, and how a file is read. Output: the rules and allowlists of all of them. As in gitleaks, a rule of the
//! extending file adds to the extended one's of the same id.

use std::path::Path;

use super::document::{Document, RawAllowlist, RawRule};
use super::error::{Problem, RuleFileError, Unused};

/// How many files may extend each other, as in gitleaks.
const FILES_MAX: usize = 3;

/// A file together with those that it extends.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) rules: Vec<RawRule>,
    pub(super) allowlists: Vec<RawAllowlist>,
    pub(super) unused: Vec<Unused>,
}

/// Reads a file's text; the error is a sentence.
pub(super) type Read<'r> = dyn FnMut(&Path) -> Result<String, String> + 'r;

/// Reads `path` and what it extends.
pub(super) fn read(path: &Path, read: &mut Read<'_>) -> Result<Merged, Vec<RuleFileError>> {
    read_level(path, read, 1)
}

fn read_level(path: &Path, read: &mut Read<'_>, level: usize) -> Result<Merged, Vec<RuleFileError>> {
    let file = path.display().to_string();
    let located = |(rule, problem)| RuleFileError { file: file.clone(), rule, problem };
    let text = read(path).map_err(|reason| vec![located((None, Problem::Unreadable(reason)))])?;
    let document =
        Document::parse(&text).map_err(|errors| errors.into_iter().map(located).collect::<Vec<RuleFileError>>())?;
    let mut merged = Merged::default();
    for key in &document.unknown {
        let reason = format!("the key {key} means nothing in a rule file; it may be misspelt");
        merged.unused.push(Unused { rule: None, is_rule: false, reason });
    }
    for rule in document.rules {
        if let Some(earlier) = merged.rules.iter().position(|earlier| earlier.id == rule.id) {
            merged.rules.remove(earlier);
            let reason = "the file has a later rule of the same id, which is used instead".to_owned();
            merged.unused.push(Unused { rule: Some(rule.id.clone()), is_rule: false, reason });
        }
        merged.rules.push(rule);
    }
    merged.allowlists = document.allowlists;
    if let Some(extended) = &document.extend.path {
        if level == FILES_MAX {
            return Err(vec![located((None, Problem::ExtendDepth(FILES_MAX)))]);
        }
        let extended = path.parent().unwrap_or(Path::new("")).join(extended);
        let base = read_level(&extended, read, level + 1)?;
        merged.add(base, &document.extend.disabled);
    } else if !document.extend.disabled.is_empty() {
        let reason = "extend.disabledRules has no effect without extend.path".to_owned();
        merged.unused.push(Unused { rule: None, is_rule: false, reason });
    }
    Ok(merged)
}

impl Merged {
    /// Adds the file that this one extends, without the rules that this one disables.
    fn add(&mut self, base: Self, disabled: &[String]) {
        for id in disabled.iter().filter(|id| !base.rules.iter().any(|rule| rule.id == **id)) {
            let reason = "extend.disabledRules names it, but the extended file has no such rule".to_owned();
            self.unused.push(Unused { rule: Some(id.clone()), is_rule: false, reason });
        }
        for rule in base.rules.into_iter().filter(|rule| !disabled.contains(&rule.id)) {
            match self.rules.iter_mut().find(|own| own.id == rule.id) {
                Some(own) => *own = own.clone().over(rule),
                None => self.rules.push(rule),
            }
        }
        self.allowlists.extend(base.allowlists);
        self.unused.extend(base.unused);
    }
}

impl RawRule {
    /// This rule over that of the extended file: what it sets counts, lists are joined.
    fn over(self, base: Self) -> Self {
        Self {
            id: self.id,
            regex: self.regex.or(base.regex),
            path: self.path.or(base.path),
            secret_group: if self.secret_group == 0 { base.secret_group } else { self.secret_group },
            entropy: if self.entropy > 0.0 { self.entropy } else { base.entropy },
            keywords: [base.keywords, self.keywords].concat(),
            allowlists: [base.allowlists, self.allowlists].concat(),
            is_part: self.is_part || base.is_part,
        }
    }
}

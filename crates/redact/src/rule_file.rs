//! Rule files: the rules that other scanners share, in the TOML of gitleaks.
//!
//! Input: the text of a file, and of those that it extends. Output: its rules, what of it cannot be used on lines, or all
//! its mistakes. A file's allowlists are for its own rules only: no file can weaken a detector.

mod condition;
mod document;
mod error;
mod go_syntax;
mod merge;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex_automata::nfa::thompson;
use regex_syntax::hir::Hir;
use regex_syntax::{ParserBuilder, ast};
use sha2::{Digest, Sha256};

pub(crate) use condition::Condition;
use condition::{Allowlist, Words};
use document::{RawAllowlist, RawRule};
pub use error::{Problem, RuleFileError, Unused};
use merge::Merged;
pub(super) use shape::literal_bytes;

use super::rule::{Form, PATTERN_BYTES_MAX, Rule};
use super::shared::{self, Compiled};

/// Maximum size of a rule file. One of 222 rules has 100 KiB.
pub const RULE_FILE_BYTES_MAX: u64 = 2 << 20;

/// Maximum number of a file's rules, with those that it extends. More take too long at the start.
pub const FILE_RULES_MAX: usize = 2_000;

/// Fixed texts of a pattern that are shorter are in too many lines, whatever follows them.
pub(super) const LITERAL_BYTES_MIN: usize = 2;

/// Keywords that are shorter are in too many lines. Longer ones are searched for in place of a pattern's short text.
const KEYWORD_BYTES_MIN: usize = 3;

/// A compiled pattern takes about 9/4 of the size of its program: the mean of 217 rules.
const COMPILED_SIZE: (usize, usize) = (9, 4);

/// The group of a pattern that is masked.
const SECRET: &str = "secret";

/// The rules of a file.
#[derive(Debug)]
pub struct RuleFile {
    path: PathBuf,
    /// The file and those that it extends, and a digest of each text, by which two files are compared.
    sources: Vec<(PathBuf, [u8; 32])>,
    rules: Vec<FileRule>,
    unused: Vec<Unused>,
}

impl PartialEq for RuleFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path && self.sources == other.sources
    }
}

impl Eq for RuleFile {}

/// A rule of a file.
#[derive(Debug)]
struct FileRule {
    /// The name that it has in masks unless another rule has it.
    name: String,
    pattern: String,
    compiled: Compiled,
    condition: Arc<Condition>,
    /// About how much memory it takes once it is used.
    bytes: usize,
}

impl RuleFile {
    /// Reads the file `path` and what it extends. `read` returns a file's text.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn load(
        path: &Path,
        read: &mut dyn FnMut(&Path) -> Result<String, String>,
    ) -> Result<Self, Vec<RuleFileError>> {
        let mut sources = Vec::new();
        let merged = merge::read(path, &mut |path| {
            let text = read(path)?;
            sources.push((path.to_owned(), Sha256::digest(&text).into()));
            Ok(text)
        })?;
        let mut builder = Builder { file: path, merged: &merged, errors: Vec::new(), unused: merged.unused.clone() };
        let rules = builder.rules();
        let Builder { errors, unused, .. } = builder;
        if errors.is_empty() { Ok(Self { path: path.to_owned(), sources, rules, unused }) } else { Err(errors) }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file and those that it extends.
    pub fn sources(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|(path, _)| path.as_path())
    }

    /// The digest of the file's text and of those that it extends, each in hexadecimal.
    pub(crate) fn digests(&self) -> impl Iterator<Item = String> {
        self.sources.iter().map(|(_, digest)| base16ct::lower::encode_string(digest))
    }

    /// Whether the files still hold the texts that were loaded, as far as they can be read. `read`: as in [`Self::load`].
    pub fn is_current(&self, read: &mut dyn FnMut(&Path) -> Result<String, String>) -> bool {
        let is_same = |(path, digest): &(PathBuf, [u8; 32])| {
            read(path).is_ok_and(|text| <[u8; 32]>::from(Sha256::digest(&text)) == *digest)
        };
        self.sources.iter().all(is_same)
    }

    /// The number of its rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether none of its rules can be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What of it has no effect on lines.
    #[must_use]
    pub fn unused(&self) -> &[Unused] {
        &self.unused
    }

    /// The name, pattern and memory of each rule.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        self.rules.iter().map(|rule| (rule.name.as_str(), rule.pattern.as_str(), rule.bytes))
    }

    /// Its rules, each with a name for which `is_free` holds. A name that is taken gets the file's name before it.
    pub(super) fn rules(&self, is_free: &mut dyn FnMut(&str) -> bool) -> Result<Vec<Rule>, RuleFileError> {
        let stem = self.path.file_stem().and_then(|stem| stem.to_str()).and_then(name_of).unwrap_or_default();
        let rule = |rule: &FileRule| {
            let names = [rule.name.clone(), format!("{stem}_{}", rule.name)];
            let Some(name) = names.into_iter().find(|name| is_free(name)) else {
                let problem = Problem::NameTaken { name: rule.name.clone(), other: format!("{stem}_{}", rule.name) };
                return Err(RuleFileError {
                    file: self.path.display().to_string(),
                    rule: Some(rule.name.clone()),
                    problem,
                });
            };
            let form = Form::of_file(&rule.pattern, Arc::clone(&rule.compiled), Arc::clone(&rule.condition));
            Ok(Rule { name, fields: None, forms: vec![form] })
        };
        self.rules.iter().map(rule).collect()
    }
}

/// An id as a name: lower case, with `_` for what a name may not contain.
fn name_of(id: &str) -> Option<String> {
    let letter = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() as char } else { '_' };
    let name: String = id.trim().bytes().map(letter).collect();
    name.bytes().any(|byte| byte != b'_').then_some(name)
}

/// Makes rules of what is written.
struct Builder<'m> {
    file: &'m Path,
    merged: &'m Merged,
    errors: Vec<RuleFileError>,
    unused: Vec<Unused>,
}

impl Builder<'_> {
    fn error(&mut self, rule: Option<&str>, problem: Problem) {
        let file = self.file.display().to_string();
        self.errors.push(RuleFileError { file, rule: rule.map(ToOwned::to_owned), problem });
    }

    fn leave_out(&mut self, rule: &str, reason: &str) {
        self.unused.push(Unused { rule: Some(rule.to_owned()), is_rule: true, reason: reason.to_owned() });
    }

    fn rules(&mut self) -> Vec<FileRule> {
        let merged = self.merged;
        if merged.rules.len() > FILE_RULES_MAX {
            self.error(None, Problem::TooMany { count: merged.rules.len(), max: FILE_RULES_MAX });
            return Vec::new();
        }
        let targets: Vec<&String> = merged.allowlists.iter().flat_map(|list| &list.rules).collect();
        for target in targets.into_iter().filter(|target| !merged.rules.iter().any(|rule| rule.id == **target)) {
            self.error(None, Problem::UnknownTarget(target.clone()));
        }
        let shared: Vec<Option<Arc<Allowlist>>> =
            merged.allowlists.iter().map(|list| self.allowlist(list, None).map(Arc::new)).collect();
        let mut names: HashMap<String, &str> = HashMap::new();
        let mut rules = Vec::new();
        for raw in &merged.rules {
            let all = merged.allowlists.iter().zip(&shared);
            let own = all.filter(|(list, _)| list.rules.is_empty() || list.rules.contains(&raw.id));
            let common = own.filter_map(|(_, list)| list.clone()).collect();
            let Some(rule) = self.rule(raw, common) else { continue };
            if let Some(other) = names.insert(rule.name.clone(), &raw.id) {
                self.error(Some(&raw.id), Problem::SameName { name: rule.name.clone(), other: other.to_owned() });
            }
            rules.push(rule);
        }
        rules
    }

    /// A rule, unless it has a mistake or cannot be used on lines.
    fn rule(&mut self, raw: &RawRule, common: Vec<Arc<Allowlist>>) -> Option<FileRule> {
        let RawRule { id, regex, path, .. } = raw;
        let Some(name) = name_of(id) else {
            self.error(Some(id), Problem::BadId);
            return None;
        };
        let Some(regex) = regex else {
            match path {
                Some(_) => self.leave_out(id, "searches only paths of files, and a line has none"),
                None => self.error(Some(id), Problem::NoRegex),
            }
            return None;
        };
        let pattern = go_syntax::translate(regex);
        let hir = self.parse(Some(id), regex, &pattern)?;
        let bytes = self.bytes_of(Some(id), &hir)?;
        let own: Vec<Option<Allowlist>> = raw.allowlists.iter().map(|list| self.allowlist(list, Some(id))).collect();
        if path.is_some() {
            self.leave_out(id, "is only for files of certain paths, and a line has none");
            return None;
        }
        if raw.is_part {
            self.leave_out(id, "needs matches of other rules nearby, and a line is searched alone");
            return None;
        }
        if hir.properties().minimum_len() == Some(0) {
            self.error(Some(id), Problem::EmptyMatch);
        }
        let groups = hir.properties().explicit_captures_len();
        if raw.secret_group > groups {
            self.error(Some(id), Problem::SecretGroup { group: raw.secret_group, groups });
        }
        let keywords = Words::new(&raw.keywords);
        let searched = self.searched(raw, shape::literal_bytes(&hir));
        let judged = (raw.secret_group > 0).then_some(raw.secret_group);
        let masked = match judged.or_else(|| shape::named_group(&hir, SECRET)) {
            Some(group) => shape::single_group(&hir, group).into_iter().collect(),
            None => shape::secret_groups(&hir),
        };
        let allowlists = own.into_iter().flatten().map(Arc::new).chain(common).collect();
        let condition = Condition { masked, judged, searched, keywords, entropy: raw.entropy, allowlists };
        let compiled = shared::pattern(&pattern);
        Some(FileRule { name, pattern, compiled, condition: Arc::new(condition), bytes })
    }

    /// The keywords as a pattern, if the rule's own has no fixed text to search for.
    fn searched(&mut self, raw: &RawRule, literal_bytes: usize) -> Option<String> {
        let words: Vec<&String> = raw.keywords.iter().filter(|word| !word.is_empty()).collect();
        let are_long = !words.is_empty() && words.iter().all(|word| word.len() >= KEYWORD_BYTES_MIN);
        if literal_bytes < LITERAL_BYTES_MIN && !are_long {
            self.error(Some(&raw.id), Problem::NoLiteral { text: LITERAL_BYTES_MIN, keyword: KEYWORD_BYTES_MIN });
        }
        let words: Vec<String> = words.iter().map(|word| regex_syntax::escape(word)).collect();
        let is_needed = literal_bytes < KEYWORD_BYTES_MIN && are_long;
        is_needed.then(|| go_syntax::translate(&format!("(?i){}", words.join("|"))))
    }

    /// An allowlist, unless it never allows anything.
    fn allowlist(&mut self, raw: &RawAllowlist, rule: Option<&str>) -> Option<Allowlist> {
        if raw.has_paths {
            let reason = match (raw.needs_all, raw.regexes.is_empty() && raw.stopwords.is_empty()) {
                (true, _) => "an allowlist that needs a path or commit never allows anything: a line has none",
                (false, true) => "an allowlist of paths or commits allows nothing: a line has none",
                (false, false) => "the paths and commits of an allowlist have no effect: a line has none",
            };
            self.unused.push(Unused { rule: rule.map(ToOwned::to_owned), is_rule: false, reason: reason.to_owned() });
        }
        let mut patterns = Vec::new();
        for regex in &raw.regexes {
            let pattern = go_syntax::translate(regex);
            let Some(hir) = self.parse(rule, regex, &pattern) else { continue };
            if self.bytes_of(rule, &hir).is_none() {
                continue;
            }
            let properties = hir.properties();
            if properties.minimum_len() == Some(0) && properties.look_set().is_empty() && !raw.has_paths {
                self.error(rule, Problem::AllowsAll(regex.clone()));
            }
            patterns.push(pattern);
        }
        Allowlist::new(raw, patterns)
    }

    fn parse(&mut self, rule: Option<&str>, regex: &str, pattern: &str) -> Option<Hir> {
        let error = match ParserBuilder::new().utf8(false).build().parse(pattern) {
            Ok(hir) => return Some(hir),
            Err(error) => error,
        };
        let (kind, message) = match &error {
            regex_syntax::Error::Parse(parse) => (Some(parse.kind()), parse.kind().to_string()),
            regex_syntax::Error::Translate(translate) => (None, translate.kind().to_string()),
            _ => (None, error.to_string()),
        };
        let problem = match kind {
            Some(ast::ErrorKind::UnsupportedLookAround) => Problem::LookAround,
            Some(ast::ErrorKind::UnsupportedBackreference) => Problem::BackReference,
            _ => Problem::Pattern { pattern: regex.to_owned(), message },
        };
        self.error(rule, problem);
        None
    }

    /// About how much memory a pattern takes once it is compiled.
    fn bytes_of(&mut self, rule: Option<&str>, hir: &Hir) -> Option<usize> {
        let config = thompson::Config::new().utf8(false).nfa_size_limit(Some(PATTERN_BYTES_MAX));
        let program = thompson::Compiler::new().configure(config).build_from_hir(hir).ok();
        if program.is_none() {
            self.error(rule, Problem::TooLarge(PATTERN_BYTES_MAX));
        }
        program.map(|program| program.memory_usage() * COMPILED_SIZE.0 / COMPILED_SIZE.1)
    }
}

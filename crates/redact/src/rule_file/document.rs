//! Reads the TOML of a rule file.
//!
//! Input: a text. Output: its rules and allowlists as they are written, or what is wrong. As in gitleaks, keys are read
//! in upper or lower case. A key without a meaning is kept as a note, for it may be misspelt.

use toml::{Table, Value};

use super::error::Problem;

/// Keys that describe and decide nothing.
const DESCRIPTIONS: [&str; 5] = ["title", "description", "minversion", "tags", "severity"];

/// What one file says.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) extend: Extend,
    pub(super) rules: Vec<RawRule>,
    pub(super) allowlists: Vec<RawAllowlist>,
    /// Keys without a meaning.
    pub(super) unknown: Vec<String>,
}

/// The file that another one adds to.
#[derive(Debug, Default)]
pub(super) struct Extend {
    pub(super) path: Option<String>,
    pub(super) disabled: Vec<String>,
}

/// A rule as it is written.
#[derive(Clone, Debug, Default)]
pub(super) struct RawRule {
    pub(super) id: String,
    pub(super) regex: Option<String>,
    pub(super) path: Option<String>,
    pub(super) secret_group: usize,
    pub(super) entropy: f64,
    pub(super) keywords: Vec<String>,
    pub(super) allowlists: Vec<RawAllowlist>,
    /// Whether it needs matches of other rules nearby, or only serves rules that do.
    pub(super) is_part: bool,
}

/// What an allowlist's patterns are searched in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Target {
    #[default]
    Secret,
    Match,
    Line,
}

/// An allowlist as it is written.
#[derive(Clone, Debug, Default)]
pub(super) struct RawAllowlist {
    /// The rules that it is for, if it is not for all.
    pub(super) rules: Vec<String>,
    pub(super) needs_all: bool,
    pub(super) target: Target,
    pub(super) regexes: Vec<String>,
    pub(super) stopwords: Vec<String>,
    /// Whether it has paths or commits, which a line does not have.
    pub(super) has_paths: bool,
}

/// A problem, and the rule that has it.
pub(super) type Located = (Option<String>, Problem);

impl Document {
    /// Reads a file's text.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<Located>> {
        let root: Table = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
            let line = before.matches('\n').count() + 1;
            vec![(None, Problem::Toml { line, message: error.message().to_owned() })]
        })?;
        let mut document = Self::default();
        let mut section = Section { rule: None, place: String::new(), errors: Vec::new(), unknown: Vec::new() };
        let mut single = None;
        for (key, value) in &root {
            match key.to_lowercase().as_str() {
                "rules" => {
                    document.rules = section.tables(key, value).into_iter().map(|one| section.rule(one)).collect();
                }
                "allowlist" => single = section.table(key, value).map(|one| section.allowlist(one, "allowlist")),
                "allowlists" => {
                    let tables = section.tables(key, value);
                    document.allowlists = tables.into_iter().map(|one| section.allowlist(one, "allowlists")).collect();
                }
                "extend" => {
                    document.extend = section.table(key, value).map(|one| section.extend(one)).unwrap_or_default();
                }
                other if DESCRIPTIONS.contains(&other) => {}
                _ => section.unknown.push(key.clone()),
            }
        }
        section.add_single(single, &mut document.allowlists);
        document.unknown = section.unknown;
        if section.errors.is_empty() { Ok(document) } else { Err(section.errors) }
    }
}

/// Where in a file the reader is.
struct Section {
    rule: Option<String>,
    /// The table that a key is in, for messages.
    place: String,
    errors: Vec<Located>,
    unknown: Vec<String>,
}

impl Section {
    fn error(&mut self, problem: Problem) {
        self.errors.push((self.rule.clone(), problem));
    }

    fn wrong(&mut self, key: &str, expected: &'static str) {
        let key = if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) };
        self.error(Problem::Kind { key, expected });
    }

    fn unknown(&mut self, key: &str) {
        let place = if self.place.is_empty() { String::new() } else { format!("{}.", self.place) };
        let rule = self.rule.as_ref().map_or(String::new(), |rule| format!(" of rule {rule:?}"));
        self.unknown.push(format!("{place}{key}{rule}"));
    }

    fn table<'t>(&mut self, key: &str, value: &'t Value) -> Option<&'t Table> {
        let table = value.as_table();
        if table.is_none() {
            self.wrong(key, "a table");
        }
        table
    }

    fn tables<'t>(&mut self, key: &str, value: &'t Value) -> Vec<&'t Table> {
        let all = value.as_array().and_then(|all| all.iter().map(Value::as_table).collect());
        all.unwrap_or_else(|| {
            self.wrong(key, "an array of tables, each under a line [[…]]");
            Vec::new()
        })
    }

    fn text(&mut self, key: &str, value: &Value) -> String {
        value.as_str().map_or_else(
            || {
                self.wrong(key, "a text");
                String::new()
            },
            ToOwned::to_owned,
        )
    }

    fn texts(&mut self, key: &str, value: &Value) -> Vec<String> {
        let all = value.as_array().and_then(|all| all.iter().map(|one| one.as_str().map(ToOwned::to_owned)).collect());
        all.unwrap_or_else(|| {
            self.wrong(key, "a list of texts");
            Vec::new()
        })
    }

    /// The old spelling has one allowlist; both spellings together are a mistake.
    fn add_single(&mut self, single: Option<RawAllowlist>, all: &mut Vec<RawAllowlist>) {
        if single.is_some() && !all.is_empty() {
            self.error(Problem::TwoSpellings);
        }
        all.extend(single);
    }

    fn extend(&mut self, table: &Table) -> Extend {
        let mut extend = Extend::default();
        "extend".clone_into(&mut self.place);
        for (key, value) in table {
            match key.to_lowercase().as_str() {
                "path" => extend.path = Some(self.text(key, value)).filter(|path| !path.is_empty()),
                "disabledrules" => extend.disabled = self.texts(key, value),
                "usedefault" => match value.as_bool() {
                    Some(true) => self.error(Problem::UseDefault),
                    Some(false) => {}
                    None => self.wrong(key, "true or false"),
                },
                "url" => self.error(Problem::ExtendUrl),
                _ => self.unknown(key),
            }
        }
        self.place.clear();
        extend
    }

    fn rule(&mut self, table: &Table) -> RawRule {
        let mut rule = RawRule::default();
        let id = table.iter().find(|(key, _)| key.eq_ignore_ascii_case("id")).map(|(key, value)| self.text(key, value));
        rule.id = id.unwrap_or_default();
        if rule.id.trim().is_empty() {
            let description = table.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
            self.error(Problem::NoId { description });
        }
        self.rule = Some(rule.id.clone());
        let mut single = None;
        for (key, value) in table {
            match key.to_lowercase().as_str() {
                "id" => {}
                "regex" => rule.regex = Some(self.text(key, value)).filter(|regex| !regex.is_empty()),
                "path" => rule.path = Some(self.text(key, value)).filter(|path| !path.is_empty()),
                "keywords" => rule.keywords = self.texts(key, value),
                "secretgroup" => match value.as_integer().map(usize::try_from) {
                    Some(Ok(group)) => rule.secret_group = group,
                    _ => self.wrong(key, "a whole number"),
                },
                "entropy" => match value.as_float().or_else(|| value.as_integer().and_then(as_float)) {
                    Some(entropy) if (0.0..=8.0).contains(&entropy) => rule.entropy = entropy,
                    _ => self.wrong(key, "a number from 0 to 8"),
                },
                "allowlist" => single = self.table(key, value).map(|one| self.allowlist(one, "allowlist")),
                "allowlists" => {
                    let tables = self.tables(key, value);
                    rule.allowlists = tables.into_iter().map(|one| self.allowlist(one, "allowlists")).collect();
                }
                "required" => rule.is_part |= !self.tables(key, value).is_empty(),
                "skipreport" => rule.is_part |= value.as_bool() == Some(true),
                other if DESCRIPTIONS.contains(&other) => {}
                _ => self.unknown(key),
            }
        }
        self.add_single(single, &mut rule.allowlists);
        self.rule = None;
        rule
    }

    fn allowlist(&mut self, table: &Table, place: &str) -> RawAllowlist {
        let mut list = RawAllowlist::default();
        place.clone_into(&mut self.place);
        for (key, value) in table {
            match key.to_lowercase().as_str() {
                "regexes" => list.regexes = self.texts(key, value),
                "stopwords" => list.stopwords = self.texts(key, value),
                "paths" | "commits" => list.has_paths |= !self.texts(key, value).is_empty(),
                "targetrules" if self.rule.is_none() => list.rules = self.texts(key, value),
                "condition" => match self.text(key, value).to_uppercase().as_str() {
                    "" | "OR" | "||" => {}
                    "AND" | "&&" => list.needs_all = true,
                    _ => self.wrong(key, "\"AND\" or \"OR\""),
                },
                "regextarget" => match self.text(key, value).as_str() {
                    "" | "secret" => {}
                    "match" => list.target = Target::Match,
                    "line" => list.target = Target::Line,
                    _ => self.wrong(key, "\"secret\", \"match\" or \"line\""),
                },
                other if DESCRIPTIONS.contains(&other) => {}
                _ => self.unknown(key),
            }
        }
        self.place.clear();
        if list.regexes.is_empty() && list.stopwords.is_empty() && !list.has_paths {
            self.error(Problem::EmptyAllowlist);
        }
        list
    }
}

/// A small whole number as a float; entropies have no others.
fn as_float(number: i64) -> Option<f64> {
    u8::try_from(number).ok().map(f64::from)
}

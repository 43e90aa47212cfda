//! Custom rules: a pattern, fields by their paths, or a pattern within such fields.
//!
//! Input: a name and a text. Output: a compiled rule, or an error that suggests what to write instead.

use std::collections::HashSet;

use regex_automata::PatternID;
use regex_syntax::{ParserBuilder, ast};

use super::fields::Fields;
use super::rule::{Form, Rule, compile};
use super::shared;
use super::{Config, Error};

/// Limit in bytes for all custom rules of a process together. With the memory for searching they take about four times
/// as much, which leaves room within a sidecar's memory limit.
pub const RULES_BYTES_MAX: usize = 6 << 20;

/// The group of a custom pattern that is masked.
const SECRET: &str = "secret";

/// The prefix of a rule for fields. A pattern that begins with it is written `(?:field:)…`.
const FIELD_PREFIX: &str = "field:";

/// Separates the fields from the pattern for their values.
const FIELD_PATTERN: &str = " ~ ";

/// Compiles `PATTERN`, `field:PATH,…` or `field:PATH,… ~ PATTERN`.
pub(super) fn custom(name: &str, text: &str) -> Result<Rule, Error> {
    let Some(about) = text.strip_prefix(FIELD_PREFIX) else {
        return Ok(Rule { name: name.to_owned(), fields: None, forms: vec![form(name, text)?] });
    };
    let (paths, pattern) = match about.split_once(FIELD_PATTERN) {
        Some((paths, pattern)) => (paths, Some(pattern.trim())),
        None => (about, None),
    };
    let paths: Vec<String> = paths.split(',').map(|path| path.trim().to_owned()).collect();
    let fields = Fields::new(&paths).map_err(|mut bad| {
        let field = bad.pop().unwrap_or_default();
        Error::RuleField { rule: name.to_owned(), field }
    })?;
    let forms = pattern.map(|pattern| form(name, pattern)).transpose()?;
    Ok(Rule { name: name.to_owned(), fields: Some(fields), forms: forms.into_iter().collect() })
}

/// The first of several rules that exceeds the limit for all rules together, by the number of its configuration and its
/// name. The same pattern counts once, however many inputs have it.
#[must_use]
pub fn beyond_bound<'c>(configs: impl IntoIterator<Item = &'c Config>) -> Option<(usize, &'c str)> {
    let (mut known, mut bytes) = (HashSet::new(), 0);
    for (number, config) in configs.into_iter().enumerate() {
        for (name, text) in &config.rules {
            let about = text.strip_prefix(FIELD_PREFIX).and_then(|about| about.split_once(FIELD_PATTERN));
            let pattern = about.map_or(text.as_str(), |(_, pattern)| pattern.trim());
            if known.insert(pattern) {
                bytes += compile(pattern).map_or(0, |regex| regex.memory_usage());
            }
            if bytes > RULES_BYTES_MAX {
                return Some((number, name));
            }
        }
    }
    None
}

/// Compiles one pattern.
fn form(name: &str, pattern: &str) -> Result<Form, Error> {
    let rule = || name.to_owned();
    let hir = ParserBuilder::new().utf8(false).build().parse(pattern).map_err(|error| match &error {
        regex_syntax::Error::Parse(parse) => match parse.kind() {
            ast::ErrorKind::UnsupportedLookAround => Error::LookAround { rule: rule() },
            ast::ErrorKind::UnsupportedBackreference => Error::BackReference { rule: rule() },
            _ => Error::Pattern { rule: rule(), message: error.to_string() },
        },
        _ => Error::Pattern { rule: rule(), message: error.to_string() },
    })?;
    let compiled = shared::pattern(pattern);
    if compiled.get().is_none() {
        let regex = compile(pattern).map_err(|error| match error.size_limit() {
            Some(limit_bytes) => Error::TooLarge { rule: rule(), limit_bytes },
            None => Error::Pattern { rule: rule(), message: error.to_string() },
        })?;
        // Another thread may have compiled the same pattern first.
        let _ = compiled.set(Some(regex));
    }
    if hir.properties().minimum_len() == Some(0) {
        return Err(Error::EmptyMatch { rule: rule() });
    }
    let info = compiled.get().and_then(Option::as_ref).map(|regex| regex.group_info().clone());
    let secret = info.and_then(|info| info.to_index(PatternID::ZERO, SECRET));
    Ok(Form::custom(pattern, compiled, secret))
}

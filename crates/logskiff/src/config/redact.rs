//! The redaction variables of one input in, the configuration of `redact` out.
//!
//! The rules are compiled here once and thrown away, so that their mistakes are found with all others. The key is the same
//! for all inputs: a token must not depend on where a line came from.

use std::collections::BTreeMap;

use super::Input;
use super::error::{listed, shown};
use super::parser::Reader;
use super::suggest;
use super::units::{bytes_text, list};
use super::variables::{INPUT_PREFIX, MODE_PREFIX, MODES, RULE_PREFIX};
use redact::{Action, Config, Error, KeyError, RULES_BYTES_MAX, Redactor, TokenKey, beyond_bound};

const SELECT: &str = "LOGSKIFF_REDACT";
const FIELDS: &str = "LOGSKIFF_REDACT_FIELDS";
const MODE: &str = "LOGSKIFF_REDACT_MODE";
const KEY: &str = "LOGSKIFF_REDACT_KEY";
const KEY_ID: &str = "LOGSKIFF_REDACT_KEY_ID";

/// Reads what must not leave, and what stands in its place.
pub(super) fn config(reader: &mut Reader<'_>) -> Config {
    let mut fields = reader.list(FIELDS);
    if fields == ["none"] {
        fields.clear();
    }
    for field in fields.iter().filter(|field| field.starts_with('-')) {
        reader.mistake(
            &reader.source(FIELDS),
            format!("{} takes nothing out; name all fields that are masked", shown(field)),
        );
    }
    let mode = reader.read(MODE, mode).unwrap_or_default();
    let (modes, key) = (modes(reader), key(reader));
    let config = Config { select: select(reader), rules: rules(reader), fields, mode, modes, key };
    // Rules beyond the bound are not all compiled to say so: that alone may take more memory than there is.
    if beyond_bound([&config]).is_some() {
        return config;
    }
    for error in Redactor::new(&config).err().into_iter().flatten() {
        let variable = match &error {
            Error::UnknownDetector { .. } | Error::NoneAmongOthers => SELECT.to_owned(),
            Error::Field { .. } => FIELDS.to_owned(),
            // A key that is wrong is said to be.
            Error::KeyMissing { .. } if reader.is_set(KEY) => continue,
            Error::KeyMissing { .. } => KEY.to_owned(),
            Error::UnknownMode { name, .. } => format!("{MODE_PREFIX}{}", name.to_uppercase()),
            Error::Pattern { rule, .. }
            | Error::LookAround { rule }
            | Error::BackReference { rule }
            | Error::EmptyMatch { rule }
            | Error::TooLarge { rule, .. }
            | Error::RuleField { rule, .. }
            | Error::NameTaken { rule }
            | Error::Twice { rule }
            | Error::Name { rule } => format!("{RULE_PREFIX}{}", rule.to_uppercase()),
        };
        reader.mistake(&reader.source(&variable), error.to_string());
    }
    config
}

/// What is chosen. An input that only takes out takes out of what is chosen for all.
fn select(reader: &mut Reader<'_>) -> Vec<String> {
    let own = reader.list(SELECT);
    if own.is_empty() && reader.is_set(SELECT) {
        reader.mistake(&reader.source(SELECT), "names nothing; `none` masks nothing");
    }
    if !own.first().is_some_and(|word| word.starts_with('-')) || !reader.is_own(SELECT) {
        return own;
    }
    let common = reader.environment().value(SELECT).map(list).unwrap_or_default();
    common.into_iter().chain(own).collect()
}

/// Holds the own rules of all inputs together against their bound.
pub(super) fn rules_of_all(inputs: &[Input], reader: &mut Reader<'_>) {
    let Some((number, rule)) = beyond_bound(inputs.iter().map(|input| &input.redact)) else { return };
    let rule = rule.to_uppercase();
    let own = format!("{INPUT_PREFIX}{}_REDACT_RULE_{rule}", inputs[number].name.to_uppercase());
    let common = format!("{RULE_PREFIX}{rule}");
    let variable = if reader.environment().value(&own).is_some() { own } else { common };
    reader.mistake(
        &variable,
        format!(
            "with this rule the rules of all inputs compile to more than {}, which is what they may take together; use classes of \
             ASCII ((?-u:\\w), [0-9]), smaller bounds, or fewer rules; the same pattern in several inputs counts once",
            bytes_text(RULES_BYTES_MAX)
        ),
    );
}

fn mode(text: &str) -> Result<Action, String> {
    let found = Action::ALL.into_iter().find(|mode| mode.name() == text);
    found.ok_or_else(|| format!("{} is not one of {}", shown(text), listed(MODES.iter().copied())))
}

fn key(reader: &mut Reader<'_>) -> Option<TokenKey> {
    let id = reader.text(KEY_ID);
    let Some(secret) = reader.environment().secret(KEY) else {
        if id.is_some() {
            reader.mistake(KEY, format!("not set, but {KEY_ID} is"));
        }
        return None;
    };
    // A file that cannot be read is a mistake already.
    if secret.expose().is_empty() {
        return None;
    }
    match TokenKey::new(secret.expose(), id.as_deref()) {
        Ok(key) => Some(key),
        Err(error) => {
            let variable = if error == KeyError::Id { KEY_ID } else { KEY };
            reader.mistake(variable, error.to_string());
            None
        }
    }
}

/// What is said for one rule, detector or group: by common variables, and by the input's, which go first.
fn modes(reader: &mut Reader<'_>) -> Vec<(String, Action)> {
    let named = named(reader, MODE_PREFIX, suggest::mode);
    let own_rules: Vec<String> = rules(reader).into_iter().map(|(name, _)| name).collect();
    let mut modes = Vec::new();
    for (name, (variable, text)) in named {
        let rule = name.to_lowercase();
        // What is said for all may be about a rule that only another input has.
        let elsewhere = || reader.environment().values().any(|(variable, _)| suggest::any_rule(variable) == Some(name));
        if variable.starts_with(MODE_PREFIX) && !own_rules.contains(&rule) && elsewhere() {
            continue;
        }
        match mode(text.trim()) {
            Ok(mode) => modes.push((rule, mode)),
            Err(reason) => reader.mistake(variable, reason),
        }
    }
    modes
}

/// The common rules of one's own with those of the input, which replace common ones of the same name.
fn rules(reader: &Reader<'_>) -> Vec<(String, String)> {
    let named = named(reader, RULE_PREFIX, suggest::rule);
    named.into_iter().map(|(name, (_, pattern))| (name.to_lowercase(), pattern.to_owned())).collect()
}

/// The variables of a family by the name in them, with their values; the input's own replace common ones.
fn named<'e>(
    reader: &Reader<'e>,
    prefix: &str,
    common: impl Fn(&'e str) -> Option<&'e str>,
) -> BTreeMap<&'e str, (&'e str, &'e str)> {
    let environment = reader.environment();
    let own_prefix = reader.own(prefix);
    let common = environment.values().filter_map(|(variable, value)| Some((common(variable)?, (variable, value))));
    let own = environment.values().filter_map(|(variable, value)| {
        let name = variable.strip_prefix(own_prefix.as_deref()?)?;
        Some((name, (variable, value)))
    });
    common.chain(own).collect()
}

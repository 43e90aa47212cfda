//! Input: the redaction variables of one input. Output: the configuration of `redact`.
//!
//! The rules are compiled here once and discarded, so that their errors are reported with all others. The key is the
//! same for all inputs: a token must not depend on the input of a line.

use std::collections::BTreeMap;

use super::Input;
use super::error::{join, quote};
use super::parser::Reader;
use super::rule_files::{self, RULES_FROM};
use super::slips;
use super::suggest;
use super::units::{bytes_text, list};
use super::variables::{INPUT_PREFIX, MODE_PREFIX, PREFIX, RULE_PREFIX};
use super::words::{MODES, MODES_AND_AUDIT};
use redact::{Action, Beyond, Config, Error, KeyError, Redactor, TokenKey, beyond_bound};

const SELECT: &str = "LOGSKIFF_REDACT";
const FIELDS: &str = "LOGSKIFF_REDACT_FIELDS";
const ALLOW: &str = "LOGSKIFF_REDACT_ALLOW";
const EXEMPT_FIELDS: &str = "LOGSKIFF_REDACT_EXEMPT_FIELDS";
const MODE: &str = "LOGSKIFF_REDACT_MODE";
/// The permission to ship text that is not masked.
const UNMASKED: &str = "LOGSKIFF_REDACT_AUDIT_UNMASKED";
/// The value that empties a list, also a common one for one input.
const NONE: &str = "none";
const KEY: &str = "LOGSKIFF_REDACT_KEY";
const KEY_ID: &str = "LOGSKIFF_REDACT_KEY_ID";

/// Reads the rules, fields, modes and key.
pub(super) fn config(reader: &mut Reader<'_>) -> Config {
    let mut fields = reader.list(FIELDS);
    if fields == [NONE] {
        fields.clear();
    }
    for field in fields.iter().filter(|field| field.starts_with('-')) {
        reader.mistake(
            &reader.source(FIELDS),
            format!("{}: fields cannot be removed with `-`; list all fields to mask", quote(field)),
        );
    }
    let (mode, audit) = reader.read(MODE, mode_or_audit).unwrap_or_default();
    let (modes, key) = (modes(reader), key(reader));
    let allow = reader.raw(ALLOW).filter(|list| list.trim() != NONE).unwrap_or_default().to_owned();
    let exempt_fields = reader.list(EXEMPT_FIELDS).into_iter().filter(|field| field != NONE).collect();
    let (select, rules) = (select(reader), rules(reader));
    let files = rule_files::files(reader);
    // Without a file's rules, their modes would be mistakes too.
    let is_complete = files.is_some();
    let files = files.unwrap_or_default();
    let config = Config { select, rules, files, fields, mode, modes, key, allow, exempt_fields, audit };
    for (name, reason) in config.rules.iter().filter_map(|(name, rule)| Some((name, slips::pattern(rule)?))) {
        let variable = format!("{RULE_PREFIX}{}", name.to_uppercase());
        reader.mistake(&reader.source(&variable), reason);
    }
    for (line, entry) in (1..).zip(config.allow.lines().map(str::trim)).filter(|(_, entry)| entry.starts_with('/')) {
        if let Some(reason) = slips::pattern(entry) {
            reader.mistake(&reader.source(ALLOW), format!("line {line}: {reason}"));
        }
    }
    // Rules above the limit are not compiled: that alone may need more memory than there is.
    if !is_complete || beyond_bound([&config]).is_some() {
        return config;
    }
    for error in Redactor::new(&config).err().into_iter().flatten() {
        let variable = match &error {
            Error::UnknownDetector { .. } | Error::NoneAmongOthers => SELECT.to_owned(),
            Error::Field { .. } => FIELDS.to_owned(),
            Error::Allow { .. } => ALLOW.to_owned(),
            Error::ExemptField { .. } | Error::ExemptAll { .. } | Error::ExemptAndMasked { .. } => {
                EXEMPT_FIELDS.to_owned()
            }
            // An invalid key is already a mistake.
            Error::KeyMissing { .. } if reader.is_set(KEY) => continue,
            Error::KeyMissing { .. } => KEY.to_owned(),
            Error::File(_) => RULES_FROM.to_owned(),
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

/// Without a permission, no text leaves unmasked.
pub(super) fn check_audit(inputs: &[Input], reader: &mut Reader<'_>) {
    let is_permitted = reader.choice(UNMASKED, &[("on", true), ("off", false)]);
    let names: Vec<&str> = inputs.iter().filter(|input| input.redact.audit).map(|input| input.name.as_str()).collect();
    if !is_permitted && !names.is_empty() {
        let reason = format!(
            "not on, but {MODE}=audit leaves the text of {} unmasked for every output, stdout too; to try rules without shipping, \
             use `logskiff try`; to ship unmasked text, set it to on",
            names.join(", ")
        );
        reader.mistake(UNMASKED, reason);
    }
}

/// Whether canaries are checked.
pub(super) fn canary(reader: &mut Reader<'_>) -> bool {
    reader.choice("LOGSKIFF_REDACT_CANARY", &[("on", true), ("off", false)])
}

/// The selected detectors. If an input's list begins with `-name`, it removes from the common list.
fn select(reader: &mut Reader<'_>) -> Vec<String> {
    let own = reader.list(SELECT);
    if own.is_empty() && reader.is_set(SELECT) {
        reader.mistake(&reader.source(SELECT), "is empty; use `none` to mask nothing");
    }
    if !own.first().is_some_and(|word| word.starts_with('-')) || !reader.is_own(SELECT) {
        return own;
    }
    let common = reader.environment().value(SELECT).map(list).unwrap_or_default();
    common.into_iter().chain(own).collect()
}

/// Checks the compiled size of the custom rules and files of all inputs together.
pub(super) fn check_rules_size(inputs: &[Input], reader: &mut Reader<'_>) {
    let Some(beyond) = beyond_bound(inputs.iter().map(|input| &input.redact)) else { return };
    let Beyond { config, rule, file, limit_bytes } = beyond;
    let name = file.map_or_else(|| format!("{RULE_PREFIX}{}", rule.to_uppercase()), |_| RULES_FROM.to_owned());
    let own = format!("{INPUT_PREFIX}{}_{}", inputs[config].name.to_uppercase(), &name[PREFIX.len()..]);
    let variable = if reader.environment().value(&own).is_some() { own } else { name };
    let limit = bytes_text(limit_bytes);
    let reason = match file {
        Some(file) => format!(
            "{}: rule {rule:?}: with this rule, the rules and rule files of all inputs together compile to more than the limit of \
             {limit}; use fewer files, or disable rules that you do not need with extend.disabledRules",
            file.path().display()
        ),
        None => format!(
            "with this rule, the rules of all inputs together compile to more than the limit of {limit}; use ASCII classes ((?-u:\\w), \
             [0-9]), smaller repetition bounds, or fewer rules; the same pattern in several inputs counts once"
        ),
    };
    reader.mistake(&variable, reason);
}

/// The mode of all rules, and whether the text stays nevertheless.
fn mode_or_audit(text: &str) -> Result<(Action, bool), String> {
    match mode(text) {
        Ok(mode) => Ok((mode, false)),
        Err(_) if text == "audit" => Ok((Action::default(), true)),
        Err(_) => Err(format!("{} is not one of {}", quote(text), join(MODES_AND_AUDIT.iter().copied()))),
    }
}

fn mode(text: &str) -> Result<Action, String> {
    let found = Action::ALL.into_iter().find(|mode| mode.name() == text);
    found.ok_or_else(|| format!("{} is not one of {}", quote(text), join(MODES.iter().copied())))
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

/// The modes of single rules, detectors and groups, from common variables and the input's own, which take precedence.
fn modes(reader: &mut Reader<'_>) -> Vec<(String, Action)> {
    let named = named(reader, MODE_PREFIX, suggest::mode_name);
    let own_rules: Vec<String> = rules(reader).into_iter().map(|(name, _)| name).collect();
    let mut modes = Vec::new();
    for (name, (variable, text)) in named {
        let rule = name.to_lowercase();
        // A common mode may be for a rule that only another input has.
        let elsewhere =
            || reader.environment().values().any(|(variable, _)| suggest::any_rule_name(variable) == Some(name));
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

/// The common custom rules and those of the input, which replace common ones of the same name.
fn rules(reader: &Reader<'_>) -> Vec<(String, String)> {
    let named = named(reader, RULE_PREFIX, suggest::rule_name);
    named.into_iter().map(|(name, (_, pattern))| (name.to_lowercase(), pattern.to_owned())).collect()
}

/// The variables of a family, by their free part; the input's own replace common ones.
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

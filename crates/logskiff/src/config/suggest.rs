//! Sorts names of variables into ours, foreign and misspelt ones, and suggests the name that was meant.
//!
//! An input's name has no underscore, so that `LOGSKIFF_INPUT_A_PARSE_PATTERN` has only one reading.

use super::environment::FILE_SUFFIX;
use super::error::Mistake;
use super::variables::{self, INPUT_PREFIX, MODE_PREFIX, PREFIX, RULE_PREFIX, VARIABLES};

/// The least similarity (0 to 1) at which a known name is suggested for an unknown one.
const SIMILARITY_MIN: f64 = 0.6;

/// Classification of a name in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// In the reference, or in one of its families.
    Known,
    /// Not ours: no `LOGSKIFF_` prefix, or set by Kubernetes for a Service.
    Foreign,
    /// Has our prefix, but does not exist.
    Unknown {
        /// The error message.
        reason: String,
        /// The variable that was probably meant, with an example value.
        example: Option<String>,
    },
}

/// Classifies a name.
pub(super) fn classify(name: &str) -> Name {
    if is_known(name) {
        return Name::Known;
    }
    let ours = name.get(..PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(PREFIX));
    if !ours || is_service_variable(name) {
        return Name::Foreign;
    }
    unknown(name)
}

/// A mistake, with the variable's example from the reference.
pub(super) fn mistake(variable: &str, reason: String) -> Mistake {
    Mistake { variable: variable.to_owned(), reason, example: example(variable) }
}

/// A valid value for a name as it is set.
fn example(variable: &str) -> Option<String> {
    let entry = entry(variable)?;
    // For `X_FILE` of a secret `X`, the example is a path.
    let file_of = entry.secret.then(|| variable.strip_prefix(PREFIX)?.strip_suffix("_FILE")).flatten();
    Some(match file_of {
        Some(secret) => format!("/etc/logskiff/{}", secret.to_lowercase().replace('_', "-")),
        None => entry.example.to_owned(),
    })
}

/// The input's name and the rest of `LOGSKIFF_INPUT_<NAME>_<REST>`; `None` if the name does not have that form.
pub(super) fn split_input(name: &str) -> Option<(&str, &str)> {
    let (input, rest) = name.strip_prefix(INPUT_PREFIX)?.split_once('_')?;
    let right = !input.is_empty() && input.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    right.then_some((input, rest))
}

/// The custom rule's name in `LOGSKIFF_REDACT_RULE_<NAME>`.
pub(super) fn rule_name(name: &str) -> Option<&str> {
    family_name(name, RULE_PREFIX)
}

/// The name of a rule, detector or group in `LOGSKIFF_REDACT_MODE_<NAME>`.
pub(super) fn mode_name(name: &str) -> Option<&str> {
    family_name(name, MODE_PREFIX)
}

/// The custom rule's name, common or of one input.
pub(super) fn any_rule_name(name: &str) -> Option<&str> {
    let in_input = || split_input(name).and_then(|(_, rest)| rest.strip_prefix(&RULE_PREFIX[PREFIX.len()..]));
    rule_name(name).or_else(in_input)
}

/// The free part of a name in a family.
fn family_name<'n>(name: &'n str, prefix: &str) -> Option<&'n str> {
    let own = name.strip_prefix(prefix)?;
    let byte_is_right = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (!own.is_empty() && own.bytes().all(byte_is_right)).then_some(own)
}

/// The reference's entry for a name as it is set: common, per input, of a family, or `…_FILE` of a secret.
fn entry(name: &str) -> Option<&'static variables::Variable> {
    if let Some((_, rest)) = split_input(name) {
        return entry(&format!("{PREFIX}{rest}")).filter(|entry| entry.per_input);
    }
    for prefix in [RULE_PREFIX, MODE_PREFIX] {
        if family_name(name, prefix).is_some() {
            return VARIABLES.iter().find(|variable| variable.is_family() && variable.name.starts_with(prefix));
        }
    }
    let direct = variables::find(name).filter(|variable| !variable.is_family());
    direct.or_else(|| variables::find(name.strip_suffix("_FILE")?).filter(|variable| variable.secret))
}

pub(super) fn is_known(name: &str) -> bool {
    entry(name).is_some()
}

/// For a Service `logskiff` or `logskiff-x` the kubelet sets `LOGSKIFF_SERVICE_HOST`, `LOGSKIFF_X_PORT`,
/// `LOGSKIFF_X_PORT_80_TCP_ADDR` and so on. No user set them, so they are not mistakes.
fn is_service_variable(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    if rest.starts_with("SERVICE_") || rest.starts_with("PORT") {
        return true;
    }
    let numbered_port = rest.split("_PORT_").skip(1).any(|tail| tail.starts_with(|c: char| c.is_ascii_digit()));
    numbered_port || rest.ends_with("_PORT") || rest.ends_with("_SERVICE_HOST") || rest.contains("_SERVICE_PORT")
}

fn unknown(name: &str) -> Name {
    if let Some(renamed) = renamed(name) {
        let example = example(&renamed).map(|example| format!("{renamed}={example}"));
        return Name::Unknown { reason: format!("renamed to {renamed}"), example };
    }
    if let Some((input, rest)) = split_input(name) {
        let common = format!("{PREFIX}{rest}");
        if variables::find(&common).is_some_and(|entry| !entry.per_input) {
            let example = variables::find(&common).map(|entry| format!("{common}={}", entry.example));
            return Name::Unknown { reason: format!("cannot be set for one input; {common} applies to all"), example };
        }
        let candidates = VARIABLES.iter().filter(|variable| variable.per_input && !variable.is_family());
        let names = candidates.map(|variable| format!("{INPUT_PREFIX}{input}_{}", &variable.name[PREFIX.len()..]));
        return suggestion(name, names.chain(family_candidates(name)));
    }
    let common = VARIABLES.iter().filter(|variable| !variable.is_family()).map(|variable| variable.name.to_owned());
    let files = VARIABLES.iter().filter(|variable| variable.secret).map(|variable| format!("{}_FILE", variable.name));
    suggestion(name, common.chain(files).chain(family_candidates(name)))
}

/// The new name of a renamed variable, common or of one input.
fn renamed(name: &str) -> Option<String> {
    let (head, rest) = match split_input(name) {
        Some((input, rest)) => (format!("{INPUT_PREFIX}{input}_"), rest),
        None => (PREFIX.to_owned(), name.strip_prefix(PREFIX)?),
    };
    let (_, new) = variables::RENAMED.iter().find(|(old, _)| &old[PREFIX.len()..] == rest)?;
    let present = format!("{head}{}", &new[PREFIX.len()..]);
    is_known(&present).then_some(present)
}

/// The name with its beginning replaced by each family's prefix: `LOGSKIFF_REDACT_RULES_FOO` may mean `…_RULE_FOO`.
fn family_candidates(name: &str) -> Vec<String> {
    let upper = name.to_ascii_uppercase();
    let (head, rest) = match split_input(&upper) {
        Some((input, rest)) => (format!("{INPUT_PREFIX}{input}_"), format!("{PREFIX}{rest}")),
        None => (PREFIX.to_owned(), upper.clone()),
    };
    let replaced = |prefix: &str| {
        let words = prefix.matches('_').count();
        let own = rest.splitn(words + 1, '_').nth(words).filter(|own| !own.is_empty())?;
        Some(format!("{head}{}{own}", &prefix[PREFIX.len()..]))
    };
    [RULE_PREFIX, MODE_PREFIX, INPUT_PREFIX].into_iter().filter_map(replaced).filter(|name| is_known(name)).collect()
}

/// The word that is most like `given`, if one is.
pub(super) fn nearest<'w>(given: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let given = given.to_ascii_lowercase();
    let scored = words.map(|word| (strsim::normalized_damerau_levenshtein(&given, word), word));
    let near = scored.filter(|(score, _)| *score >= SIMILARITY_MIN).max_by(|one, other| one.0.total_cmp(&other.0));
    near.map(|(_, word)| word)
}

fn suggestion(name: &str, candidates: impl Iterator<Item = String>) -> Name {
    let upper = name.to_ascii_uppercase();
    let given = upper.strip_prefix(PREFIX).unwrap_or(&upper);
    let similarity = |candidate: &str| {
        let known = candidate.strip_prefix(PREFIX).unwrap_or(candidate);
        // `TOPIC` for `KAFKA_TOPIC`: a missing beginning is closer than any misspelling.
        if known.strip_suffix(given).is_some_and(|head| head.ends_with('_')) {
            return 1.0;
        }
        // `LINGER_FILE` for `LINGER`: a suffix that does not exist.
        let extension = match given.strip_prefix(known) {
            Some(FILE_SUFFIX) => 1.0,
            Some(tail) if tail.starts_with('_') => SIMILARITY_MIN,
            _ => 0.0,
        };
        strsim::normalized_damerau_levenshtein(given, known).max(extension)
    };
    let scored = candidates.map(|candidate| (similarity(&candidate), candidate));
    let nearest = scored.filter(|(score, _)| *score >= SIMILARITY_MIN).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, nearest)) => Name::Unknown {
            reason: format!("unknown variable; did you mean {nearest}?"),
            example: example(&nearest).map(|example| {
                // The example of a secret already names its `…_FILE` variable.
                if example.starts_with(PREFIX) { example } else { format!("{nearest}={example}") }
            }),
        },
        None => {
            Name::Unknown { reason: "unknown variable; `logskiff env` lists all variables".to_owned(), example: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_known(name: &str) {
        assert_eq!(classify(name), Name::Known, "{name}");
    }

    #[track_caller]
    fn check_foreign(name: &str) {
        assert_eq!(classify(name), Name::Foreign, "{name}");
    }

    #[track_caller]
    fn check_unknown(name: &str, nearest: Option<&str>) {
        let Name::Unknown { reason, example } = classify(name) else { panic!("{name} is not unknown") };
        match nearest {
            Some(nearest) => {
                assert!(reason.ends_with(&format!(" {nearest}?")), "{name}: {reason}");
                assert!(example.is_some_and(|example| example.starts_with(nearest)), "{name}");
            }
            None => assert!(reason.ends_with("lists all variables"), "{name}: {reason}"),
        }
    }

    #[test]
    fn every_entry_and_its_forms_are_known() {
        for variable in VARIABLES.iter().filter(|variable| !variable.is_family()) {
            check_known(variable.name);
            if variable.secret {
                check_known(&format!("{}_FILE", variable.name));
            }
            if variable.per_input {
                check_known(&format!("{INPUT_PREFIX}A1_{}", &variable.name[PREFIX.len()..]));
            }
        }
        check_known("LOGSKIFF_REDACT_RULE_ORDER_ID");
        check_known("LOGSKIFF_INPUT_ACCESS_REDACT_RULE_ORDER_ID");
        check_known("LOGSKIFF_REDACT_MODE_ORDER_ID");
        check_known("LOGSKIFF_INPUT_ACCESS_REDACT_MODE_EMAIL");
        // This is a rule, although a Service could have produced the name.
        check_known("LOGSKIFF_REDACT_RULE_SERVICE_HOST");
    }

    #[test]
    fn foreign_names_are_ignored() {
        check_foreign("PATH");
        check_foreign("LOGSKIFFER_X");
        check_foreign("LOGSKIFF");
        check_foreign("LOGSKIFF_SERVICE_HOST");
        check_foreign("LOGSKIFF_SERVICE_PORT_METRICS");
        check_foreign("LOGSKIFF_PORT");
        check_foreign("LOGSKIFF_PORT_9598_TCP_ADDR");
        check_foreign("LOGSKIFF_METRICS_SERVICE_HOST");
        check_foreign("LOGSKIFF_METRICS_PORT_9598_TCP");
        check_foreign("LÖGSKIFF_PATHS");
    }

    #[test]
    fn misspelt_names_get_a_suggestion() {
        check_unknown("LOGSKIFF_LINGR", Some("LOGSKIFF_LINGER"));
        check_unknown("LOGSKIFF_KAFKA_BROKER", Some("LOGSKIFF_KAFKA_BROKERS"));
        check_unknown("LOGSKIFF_BROKERS", Some("LOGSKIFF_KAFKA_BROKERS"));
        check_unknown("LOGSKIFF_KAFKA_PASSWRD_FILE", Some("LOGSKIFF_KAFKA_PASSWORD_FILE"));
        check_unknown("LOGSKIFF_REDACT_RULES_FOO", Some("LOGSKIFF_REDACT_RULE_FOO"));
        check_unknown("LOGSKIFF_REDACT_MODES_EMAIL", Some("LOGSKIFF_REDACT_MODE_EMAIL"));
        check_unknown("LOGSKIFF_INPUTS_ACCESS_PATHS", Some("LOGSKIFF_INPUT_ACCESS_PATHS"));
        check_unknown("LOGSKIFF_INPUT_ACCESS_PASRE", Some("LOGSKIFF_INPUT_ACCESS_PARSE"));
        check_unknown("LOGSKIFF_INPUT_ACCESS_REDACT_RULES_FOO", Some("LOGSKIFF_INPUT_ACCESS_REDACT_RULE_FOO"));
        check_unknown("logskiff_paths", Some("LOGSKIFF_PATHS"));
        check_unknown("LOGSKIFF_Linger", Some("LOGSKIFF_LINGER"));
        check_unknown("LOGSKIFF_TEA_KETTLE", None);
        check_unknown("LOGSKIFF_LINGER_FILE", Some("LOGSKIFF_LINGER"));
    }

    #[test]
    fn the_error_for_a_former_name_has_the_new_one() {
        let check = |old: &str, new: &str| {
            let Name::Unknown { reason, example } = classify(old) else { panic!("{old} is not unknown") };
            assert_eq!(reason, format!("renamed to {new}"));
            assert!(example.is_some_and(|example| example.starts_with(&format!("{new}="))), "{old}");
            check_known(new);
        };
        for (old, new) in variables::RENAMED {
            check(old, new);
        }
        check("LOGSKIFF_INPUT_ACCESS_START", "LOGSKIFF_INPUT_ACCESS_START_AT");
    }

    #[test]
    fn a_common_variable_cannot_be_set_for_one_input() {
        let Name::Unknown { reason, .. } = classify("LOGSKIFF_INPUT_ACCESS_LINGER") else { panic!("known") };
        assert_eq!(reason, "cannot be set for one input; LOGSKIFF_LINGER applies to all");
    }

    #[test]
    fn an_inputs_name_has_no_underscore() {
        assert_eq!(split_input("LOGSKIFF_INPUT_MY_APP_PATHS"), Some(("MY", "APP_PATHS")));
        assert!(matches!(classify("LOGSKIFF_INPUT_MY_APP_PATHS"), Name::Unknown { .. }));
    }
}

//! Which names are ours, which are someone else's, and which are a slip.
//!
//! A name of an input is letters and digits without an underscore, so that `LOGSKIFF_INPUT_A_PARSE_PATTERN` can be read
//! in one way only.

use super::error::Mistake;
use super::variables::{self, INPUT_PREFIX, MODE_PREFIX, PREFIX, RULE_PREFIX, VARIABLES};

/// Variables of the Downward API have no prefix, so a slip in them cannot be seen; this much likeness is needed to suggest
/// one of ours.
const LIKENESS_MIN: f64 = 0.6;

/// What a name of the environment is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// In the reference, or of one of its families.
    Known,
    /// Not ours: anything without our prefix, and what Kubernetes makes for a Service.
    Foreign,
    /// Has our prefix and does not exist.
    Unknown {
        /// Why.
        reason: String,
        /// What was meant, perhaps.
        example: Option<String>,
    },
}

/// Sorts a name.
pub(super) fn classify(name: &str) -> Name {
    if is_known(name) {
        return Name::Known;
    }
    let ours = name.get(..PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(PREFIX));
    if !ours || is_of_a_service(name) {
        return Name::Foreign;
    }
    unknown(name)
}

/// A mistake with the example that the reference gives for its variable.
pub(super) fn mistake(variable: &str, reason: String) -> Mistake {
    Mistake { variable: variable.to_owned(), reason, example: example(variable) }
}

/// A right value for a name as it is set.
fn example(variable: &str) -> Option<String> {
    let entry = entry(variable)?;
    // The file of a secret is a path, whatever the secret looks like.
    let of_file = entry.secret.then(|| variable.strip_prefix(PREFIX)?.strip_suffix("_FILE")).flatten();
    Some(match of_file {
        Some(secret) => format!("/etc/logskiff/{}", secret.to_lowercase().replace('_', "-")),
        None => entry.example.to_owned(),
    })
}

/// The input and the rest of `LOGSKIFF_INPUT_<NAME>_<REST>`; `None` where the name is not of that form.
pub(super) fn input(name: &str) -> Option<(&str, &str)> {
    let (input, rest) = name.strip_prefix(INPUT_PREFIX)?.split_once('_')?;
    let right = !input.is_empty() && input.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    right.then_some((input, rest))
}

/// The own rule's name in `LOGSKIFF_REDACT_RULE_<NAME>`.
pub(super) fn rule(name: &str) -> Option<&str> {
    of_family(name, RULE_PREFIX)
}

/// The name of a rule, a detector or a group in `LOGSKIFF_REDACT_MODE_<NAME>`.
pub(super) fn mode(name: &str) -> Option<&str> {
    of_family(name, MODE_PREFIX)
}

/// The own rule's name, whether it is said for all inputs or for one.
pub(super) fn any_rule(name: &str) -> Option<&str> {
    let of_input = || input(name).and_then(|(_, rest)| rest.strip_prefix(&RULE_PREFIX[PREFIX.len()..]));
    rule(name).or_else(of_input)
}

fn of_family<'n>(name: &'n str, prefix: &str) -> Option<&'n str> {
    let own = name.strip_prefix(prefix)?;
    let byte_is_right = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (!own.is_empty() && own.bytes().all(byte_is_right)).then_some(own)
}

/// The reference's entry for a name as it is set, whatever its form.
fn entry(name: &str) -> Option<&'static variables::Variable> {
    if let Some((_, rest)) = input(name) {
        return entry(&format!("{PREFIX}{rest}")).filter(|entry| entry.per_input);
    }
    for prefix in [RULE_PREFIX, MODE_PREFIX] {
        if of_family(name, prefix).is_some() {
            return VARIABLES.iter().find(|variable| variable.is_family() && variable.name.starts_with(prefix));
        }
    }
    let direct = variables::find(name).filter(|variable| !variable.is_family());
    direct.or_else(|| variables::find(name.strip_suffix("_FILE")?).filter(|variable| variable.secret))
}

fn is_known(name: &str) -> bool {
    entry(name).is_some()
}

/// For a Service `logskiff` or `logskiff-x` the kubelet sets `LOGSKIFF_SERVICE_HOST`, `LOGSKIFF_X_PORT`,
/// `LOGSKIFF_X_PORT_80_TCP_ADDR` and so on; nobody wrote them, so they cannot be mistakes.
fn is_of_a_service(name: &str) -> bool {
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
        return Name::Unknown { reason: format!("renamed: the name is {renamed} now"), example };
    }
    if let Some((input, rest)) = input(name) {
        let common = format!("{PREFIX}{rest}");
        if variables::find(&common).is_some_and(|entry| !entry.per_input) {
            let example = variables::find(&common).map(|entry| format!("{common}={}", entry.example));
            return Name::Unknown { reason: format!("cannot be said for one input; {common} is for all"), example };
        }
        let candidates = VARIABLES.iter().filter(|variable| variable.per_input && !variable.is_family());
        let names = candidates.map(|variable| format!("{INPUT_PREFIX}{input}_{}", &variable.name[PREFIX.len()..]));
        return suggestion(name, names.chain(of_a_family(name)));
    }
    let common = VARIABLES.iter().filter(|variable| !variable.is_family()).map(|variable| variable.name.to_owned());
    let files = VARIABLES.iter().filter(|variable| variable.secret).map(|variable| format!("{}_FILE", variable.name));
    suggestion(name, common.chain(files).chain(of_a_family(name)))
}

/// The present name of a variable that was renamed, for all inputs or for one.
fn renamed(name: &str) -> Option<String> {
    let (head, rest) = match input(name) {
        Some((input, rest)) => (format!("{INPUT_PREFIX}{input}_"), rest),
        None => (PREFIX.to_owned(), name.strip_prefix(PREFIX)?),
    };
    let (_, new) = variables::RENAMED.iter().find(|(old, _)| &old[PREFIX.len()..] == rest)?;
    let present = format!("{head}{}", &new[PREFIX.len()..]);
    is_known(&present).then_some(present)
}

/// What the name would be with the beginning of a family: `LOGSKIFF_REDACT_RULES_FOO` may mean `…_RULE_FOO`.
fn of_a_family(name: &str) -> Vec<String> {
    let upper = name.to_ascii_uppercase();
    let (head, rest) = match input(&upper) {
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

fn suggestion(name: &str, candidates: impl Iterator<Item = String>) -> Name {
    let upper = name.to_ascii_uppercase();
    let said = upper.strip_prefix(PREFIX).unwrap_or(&upper);
    let likeness = |candidate: &str| {
        let known = candidate.strip_prefix(PREFIX).unwrap_or(candidate);
        // `TOPIC` for `KAFKA_TOPIC`: a forgotten beginning is nearer than any slip.
        if known.strip_suffix(said).is_some_and(|head| head.ends_with('_')) {
            return 1.0;
        }
        // `LINGER_FILE` for `LINGER`: something was added that does not exist.
        let extended = said.strip_prefix(known).is_some_and(|tail| tail.starts_with('_'));
        strsim::normalized_damerau_levenshtein(said, known).max(if extended { LIKENESS_MIN } else { 0.0 })
    };
    let scored = candidates.map(|candidate| (likeness(&candidate), candidate));
    let nearest = scored.filter(|(score, _)| *score >= LIKENESS_MIN).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, nearest)) => Name::Unknown {
            reason: format!("no such variable; the nearest known one is {nearest}"),
            example: example(&nearest).map(|example| {
                // A secret's own example is its file.
                if example.starts_with(PREFIX) { example } else { format!("{nearest}={example}") }
            }),
        },
        None => {
            Name::Unknown { reason: "no such variable; `logskiff env` lists the known ones".to_owned(), example: None }
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
                assert!(reason.ends_with(nearest), "{name}: {reason}");
                assert!(example.is_some_and(|example| example.starts_with(nearest)), "{name}");
            }
            None => assert!(reason.ends_with("lists the known ones"), "{name}: {reason}"),
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
        // A rule of that name is a rule, although a Service could have made the name.
        check_known("LOGSKIFF_REDACT_RULE_SERVICE_HOST");
    }

    #[test]
    fn other_peoples_names_are_left_alone() {
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
    fn slips_are_named_with_what_was_meant() {
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
    fn a_former_name_is_told_the_present_one() {
        let check = |old: &str, new: &str| {
            let Name::Unknown { reason, example } = classify(old) else { panic!("{old} is not unknown") };
            assert_eq!(reason, format!("renamed: the name is {new} now"));
            assert!(example.is_some_and(|example| example.starts_with(&format!("{new}="))), "{old}");
            check_known(new);
        };
        for (old, new) in variables::RENAMED {
            check(old, new);
        }
        check("LOGSKIFF_INPUT_ACCESS_START", "LOGSKIFF_INPUT_ACCESS_START_AT");
    }

    #[test]
    fn what_is_common_cannot_be_said_for_one_input() {
        let Name::Unknown { reason, .. } = classify("LOGSKIFF_INPUT_ACCESS_LINGER") else { panic!("known") };
        assert_eq!(reason, "cannot be said for one input; LOGSKIFF_LINGER is for all");
    }

    #[test]
    fn an_inputs_name_has_no_underscore() {
        assert_eq!(input("LOGSKIFF_INPUT_MY_APP_PATHS"), Some(("MY", "APP_PATHS")));
        assert!(matches!(classify("LOGSKIFF_INPUT_MY_APP_PATHS"), Name::Unknown { .. }));
    }
}

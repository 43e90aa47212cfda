//! The reference as a JSON Schema (draft 7): what a map of names and values may hold. The charts take it for their `env`.
//!
//! It knows no more than the shape of a value: `logskiff check` is stricter. A secret is not among the names, since a map of
//! plain values is no place for one; the file that holds it is.

use serde_json::{Map, Value, json};

use crate::config::variables::{
    INPUT_PREFIX, Kind, MODE_PREFIX, PREFIX, RENAMED, RULE_PREFIX, VARIABLES, Variable, find,
};

/// The schema of the whole environment.
pub(super) fn schema() -> Value {
    let mut names = Map::new();
    let mut patterns = Map::new();
    for variable in VARIABLES.iter().filter(|variable| !variable.is_family()) {
        names.insert(name_in_a_map(variable), of(variable));
        if variable.per_input {
            let rest = &variable.name[PREFIX.len()..];
            patterns.insert(format!("^{INPUT_PREFIX}[A-Z0-9]+_{rest}$"), values(variable.kind));
        }
    }
    // The charts refuse a former name themselves, with a sentence that the schema cannot give.
    for (old, new) in RENAMED {
        let schema = json!({"type": "string", "description": format!("Renamed: say {new}.")});
        names.insert((*old).to_owned(), schema.clone());
        if find(new).is_some_and(|variable| variable.per_input) {
            patterns.insert(format!("^{INPUT_PREFIX}[A-Z0-9]+_{}$", &old[PREFIX.len()..]), schema);
        }
    }
    for prefix in [RULE_PREFIX, MODE_PREFIX] {
        let of_family = VARIABLES.iter().find(|variable| variable.is_family() && variable.name.starts_with(prefix));
        let kind = of_family.map_or(Kind::Text, |variable| variable.kind);
        let family = &prefix[PREFIX.len()..];
        patterns.insert(format!("^{PREFIX}(INPUT_[A-Z0-9]+_)?{family}[A-Z0-9_]+$"), values(kind));
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The environment of logskiff",
        "description": "Made by `logskiff env --schema`. Do not edit.",
        "type": "object",
        "properties": names,
        "patternProperties": patterns,
        "additionalProperties": false,
    })
}

fn name_in_a_map(variable: &Variable) -> String {
    if variable.secret { format!("{}_FILE", variable.name) } else { variable.name.to_owned() }
}

fn of(variable: &Variable) -> Value {
    let mut schema = if variable.secret { values(Kind::Path) } else { values(variable.kind) };
    schema["description"] = json!(variable.doc.replace('`', ""));
    if !variable.default.is_empty() {
        schema["default"] = json!(variable.default);
    }
    schema
}

/// What a text of this kind looks like.
fn values(kind: Kind) -> Value {
    match kind {
        Kind::Choice(words) => json!({"type": "string", "enum": words}),
        Kind::Number => json!({"type": "string", "pattern": "^[0-9]+$"}),
        Kind::Duration => json!({"type": "string", "pattern": "^[0-9]+ *(ms|s|m|h)$"}),
        Kind::Size => json!({"type": "string", "pattern": "^[0-9]+ *([KMG]iB?|[KMG]?B)$"}),
        Kind::SizeOrOff => json!({"type": "string", "pattern": "^([0-9]+ *([KMG]iB?|[KMG]?B)|off)$"}),
        Kind::Text | Kind::Choices(_) | Kind::List | Kind::Lines | Kind::Path | Kind::Template => {
            json!({"type": "string"})
        }
    }
}

//! `logskiff env`: the reference of every variable, or the values in force, on stdout. Never a secret.

mod schema;

use std::fmt::Write;

use super::EnvArguments;
use crate::config::variables::{self, Section, Variable};
use crate::config::{Config, Environment, effective as values_in_force};

/// Prints the reference.
pub(super) fn reference(form: EnvArguments) -> anyhow::Result<()> {
    let text = match form {
        EnvArguments { markdown: true, .. } => as_markdown(),
        EnvArguments { schema: true, .. } => format!("{:#}\n", schema::schema()),
        _ => as_text(),
    };
    Ok(super::print(&text)?)
}

/// Prints what is in force, a broken environment's too; then fails with its mistakes.
pub(super) fn effective(environment: &Environment) -> anyhow::Result<()> {
    let line = |(name, value): &(String, String)| format!("{name}={}\n", value.replace('\n', "\\n"));
    super::print(&values_in_force(environment).iter().map(line).collect::<String>())?;
    Config::from_environment(environment)?;
    Ok(())
}

fn as_text() -> String {
    let mut text = String::new();
    for section in Section::ALL {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "{}\n", section.name());
        for variable in variables::in_section(section) {
            let _ = writeln!(text, "  {} ({})", variable.name, traits(variable).join(", "));
            let _ = writeln!(text, "      {}", variable.doc.replace('`', ""));
            if !variable.default.is_empty() {
                let _ = writeln!(text, "      default: {}", variable.default);
            }
            if variable.example != variable.default {
                let _ = writeln!(text, "      example: {}", variable.example);
            }
            text.push('\n');
        }
    }
    text
}

fn traits(variable: &Variable) -> Vec<String> {
    let mut traits = vec![variable.kind.describe()];
    if variable.secret {
        traits.push("secret".to_owned());
    }
    if variable.per_input {
        traits.push("per input".to_owned());
    }
    traits
}

const INTRODUCTION: &str = "\
# Configuration

All configuration is environment variables; there is no file. `logskiff check` validates them, `logskiff env --effective`
shows what is in force.

- Every mistake is reported at once, each with its variable, what is wrong and what would be right; the exit code is 78.
  An unknown `LOGSKIFF_…` name is a mistake. Names that Kubernetes makes for a Service are ignored.
- An empty value counts as not set.
- Durations need a unit (`250ms`, `5s`, `2m`, `1h`), sizes too (`64KiB`, `8MiB`, `1MB`).
- Lists are separated by commas or newlines; a comma within braces or brackets separates nothing. *Lines* are separated by
  newlines alone.
- For a *secret* `X`, `X_FILE` names a file that holds it; a line end at its end is left out. Secrets are never printed.
- *Per input*: `LOGSKIFF_INPUT_<NAME>_…` may say it for one input.

<!-- Made by `logskiff env --markdown`. Do not edit. -->
";

fn as_markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in Section::ALL {
        let _ = writeln!(text, "\n## {}\n", section.name());
        text.push_str("| variable | value | default | meaning |\n|---|---|---|---|\n");
        for variable in variables::in_section(section) {
            let code = |text: &str| if text.is_empty() { "–".to_owned() } else { format!("`{text}`") };
            let example = match variable.example {
                example if example == variable.default => String::new(),
                example => format!(" Example: `{}`.", example.replace('|', "\\|")),
            };
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {}{example} |",
                variable.name,
                traits(variable).join(", "),
                code(variable.default),
                variable.doc,
            );
        }
    }
    text
}

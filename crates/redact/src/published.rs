//! The built-in detectors as rules for other scanners, in the TOML of gitleaks, which [`super::RuleFile`] reads too.
//!
//! Input: the detectors. Output: rules in the syntax of Go (RE2), and what a rule cannot express. A published rule finds
//! what its pattern finds, in the text as it stands: it has no validator and decodes nothing.

mod go_pattern;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

use super::detectors::{Detector, Pattern, detectors};
use super::rule_file::{LITERAL_BYTES_MIN, literal_bytes};

/// A pattern of a detector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedRule {
    /// The detector's name, with a number if it is not the detector's first pattern.
    pub id: String,
    /// The pattern in the syntax of Go, which masks its first group, else its whole match; or why there is none.
    pub regex: Result<String, Unpublished>,
    /// Whether a validator, which the rule lacks, leaves some of its matches or masks other text.
    pub is_validated: bool,
}

/// Why a pattern is not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpublished {
    /// The validator finds the secret, not the pattern.
    #[error("a validator finds the secret around what the pattern matches")]
    Elsewhere,
    /// The pattern has no text to search for.
    #[error("the pattern has no fixed text, so that each line would have to be tried")]
    NoLiteral,
    /// Go's syntax cannot express the pattern.
    #[error("the syntax of Go cannot express the pattern")]
    Syntax,
}

impl Detector {
    /// Its patterns as rules for other scanners.
    pub fn published(&self) -> impl Iterator<Item = PublishedRule> {
        self.patterns.iter().zip(1..).map(|(pattern, number)| PublishedRule {
            id: if number == 1 { self.name.to_owned() } else { format!("{}-{number}", self.name) },
            regex: published(pattern),
            is_validated: pattern.check.is_some(),
        })
    }
}

fn published(pattern: &Pattern) -> Result<String, Unpublished> {
    let regex = pattern.published.ok_or(Unpublished::Elsewhere)?;
    let hir = ParserBuilder::new().utf8(false).build().parse(regex).map_err(|_| Unpublished::Syntax)?;
    if pattern.check.is_some() && has_empty_group(&hir) {
        return Err(Unpublished::Elsewhere);
    }
    if literal_bytes(&hir) < LITERAL_BYTES_MIN {
        return Err(Unpublished::NoLiteral);
    }
    go_pattern::write(&hir).ok_or(Unpublished::Syntax)
}

/// Whether a group only tells where a validator begins.
fn has_empty_group(hir: &Hir) -> bool {
    use regex_syntax::hir::HirKind::{Alternation, Capture, Concat, Repetition};
    match hir.kind() {
        Capture(group) => group.sub.properties().maximum_len() == Some(0) || has_empty_group(&group.sub),
        Concat(parts) | Alternation(parts) => parts.iter().any(has_empty_group),
        Repetition(repeated) => has_empty_group(&repeated.sub),
        _ => false,
    }
}

/// What rules for other scanners cannot express, and logskiff does.
pub const NOT_EXPRESSED: [&str; 3] = [
    "Validators: check digits, and surroundings that tell a secret from other text. Without them rules find too much.",
    "Decoding: JSON escapes, percent-encoding, Base64 and terminal sequences are read before the search.",
    "Private keys over several lines, and fields by name.",
];

/// All detectors as a rule file.
#[must_use]
pub fn rule_file() -> String {
    let mut text =
        String::from("# logskiff's detectors, for gitleaks and for LOGSKIFF_REDACT_RULES_FROM. Not expressed here:\n");
    for limit in NOT_EXPRESSED {
        text.extend(["# - ", limit, "\n"]);
    }
    text.extend(["\ntitle = \"logskiff ", env!("CARGO_PKG_VERSION"), "\"\n"]);
    for detector in detectors() {
        for rule in detector.published() {
            // Writing to a String cannot fail.
            let _ = match &rule.regex {
                Ok(regex) => write_rule(&mut text, detector, &rule, regex),
                Err(reason) => write!(text, "\n# {} is not here: {reason}.\n", rule.id),
            };
        }
    }
    text
}

fn write_rule(text: &mut String, detector: &Detector, rule: &PublishedRule, regex: &str) -> std::fmt::Result {
    writeln!(text, "\n[[rules]]\nid = \"{}\"", rule.id)?;
    writeln!(text, "description = {}", quoted(detector.description))?;
    if rule.is_validated {
        writeln!(text, "# In logskiff, a validator confirms or narrows each match.")?;
    }
    writeln!(text, "regex = {}", quoted(regex))?;
    writeln!(text, "tags = [\"{}\"]", detector.group.name())
}

/// A text in TOML: as it is, if it can be.
fn quoted(text: &str) -> String {
    let is_plain = !text.contains("'''") && !text.ends_with('\'') && !text.contains(char::is_control);
    if is_plain {
        return format!("'''{text}'''");
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if character.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}

//! Expands patterns with references, as Logstash's grok filter writes them, to regular expressions.
//!
//! Input: `%{NAME}`, `%{NAME:field}` and `%{NAME:field:type}` in a regular expression. Output: an expression for the linear
//! engine, and the field of each of its groups. `[a][b]` is the field `a.b`. One field may stand in several alternatives.

mod library;

use std::fmt::Write as _;

use super::Type;

/// References within references: more of them refer to themselves.
const DEPTH_MAX: usize = 16;
/// An expanded pattern that is larger has grown by repeated references.
const BYTES_MAX: usize = 1 << 20;

/// A pattern without references.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    /// The expression. Group `_.0` is the first of `captures`.
    pub(super) regex: String,
    pub(super) captures: Vec<Capture>,
}

/// A field that a group becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Capture {
    /// The field's dotted name.
    pub(super) field: String,
    /// What stands behind the second colon.
    pub(super) suffix: Option<String>,
}

/// A named part of patterns.
pub(super) type Definition = (&'static str, &'static str);

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The name of a reference is unknown.
    Unknown(String),
    /// Anything else.
    Other(String),
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

/// The names that every pattern can refer to.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    library::DEFINITIONS.iter().map(|(name, _)| *name)
}

/// Expands a pattern. `own`: definitions that come before those of the library.
///
/// # Errors
/// What is wrong with a reference.
pub(super) fn expand(pattern: &str, own: &[Definition]) -> Result<Expanded, Fault> {
    let mut expanded = Expanded::default();
    add(pattern, own, 0, &mut expanded)?;
    Ok(expanded)
}

/// The type that a suffix of a user's pattern names; `Ok(None)`: it stays text.
///
/// # Errors
/// If there is no such type.
pub(super) fn type_of(suffix: &str) -> Result<Option<Type>, String> {
    Ok(match suffix {
        "int" | "long" | "integer" => Some(Type::Int),
        "float" | "double" => Some(Type::Float),
        "bool" | "boolean" => Some(Type::Bool),
        "string" | "text" => None,
        _ => return Err(format!("unknown type {suffix:?}; known are int, float, boolean and string")),
    })
}

fn add(pattern: &str, own: &[Definition], depth: usize, expanded: &mut Expanded) -> Result<(), Fault> {
    if depth > DEPTH_MAX {
        return Err("a definition refers to itself".to_owned().into());
    }
    let mut rest = pattern;
    while let Some(start) = rest.find("%{") {
        expanded.regex.push_str(&rest[..start]);
        let inside = &rest[start + 2..];
        let end = inside.find('}').ok_or_else(|| format!("\"%{{{}\" has no closing brace", cut(inside)))?;
        reference(&inside[..end], own, depth, expanded)?;
        rest = &inside[end + 1..];
    }
    expanded.regex.push_str(rest);
    if expanded.regex.len() > BYTES_MAX {
        return Err(format!("the expanded pattern is larger than {BYTES_MAX} bytes").into());
    }
    Ok(())
}

/// The beginning of a text, for a message.
fn cut(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

fn reference(text: &str, own: &[Definition], depth: usize, expanded: &mut Expanded) -> Result<(), Fault> {
    let mut parts = text.splitn(3, ':');
    let name = parts.next().unwrap_or_default();
    let definition = find(name, own).ok_or_else(|| Fault::Unknown(name.to_owned()))?;
    match parts.next() {
        None => expanded.regex.push_str("(?:"),
        Some(field) => {
            let field = field_name(field)?;
            let suffix = parts.next().map(str::to_owned);
            // Writing to a `String` cannot fail.
            let _ = write!(expanded.regex, "(?<_.{}>", expanded.captures.len());
            expanded.captures.push(Capture { field, suffix });
        }
    }
    add(definition, own, depth + 1, expanded)?;
    expanded.regex.push(')');
    Ok(())
}

fn find(name: &str, own: &[Definition]) -> Option<&'static str> {
    own.iter().chain(library::DEFINITIONS).find(|(known, _)| *known == name).map(|(_, definition)| *definition)
}

/// The dotted name of `a.b` or `[a][b]`.
fn field_name(text: &str) -> Result<String, String> {
    let name = match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').map(|inside| inside.replace("][", ".")).unwrap_or_default(),
        None => text.to_owned(),
    };
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '@' | '-');
    let is_part = |part: &str| !part.is_empty() && part.chars().all(is_of_name);
    if name.split('.').all(is_part) {
        Ok(name)
    } else {
        Err(format!("{text:?} is no name of a field; write it as name, a.b or [a][b]"))
    }
}

#[cfg(test)]
mod tests;

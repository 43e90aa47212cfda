//! Parses lines by regular expressions with named captures.
//!
//! Input: a text. Output: a value for each named capture of the first pattern that matches. The `regex` crate
//! matches in linear time, over bytes: a line need not be UTF-8, but `.` stands for a character and does not match an
//! invalid one.

use regex::bytes::{CaptureLocations, Regex, RegexBuilder};

use event::{Key, Kind, Node, TextRange};

use super::grok::{self, Capture, Definition, Fault};
use super::{Error, Type};

/// Maximum number of fields in all patterns of an input, far above any useful record.
pub(super) const NAMES_MAX: usize = 1_000;

/// One compiled pattern. `T`: what its captures become.
#[derive(Debug)]
pub(super) struct Pattern<T> {
    /// For any text.
    any: Compiled,
    /// For ASCII, on which it matches the same with fewer states.
    ascii: Option<Compiled>,
    /// By number of the group.
    groups: Vec<(usize, T)>,
}

#[derive(Debug)]
struct Compiled {
    regex: Regex,
    /// Reused from line to line.
    locations: CaptureLocations,
}

impl Compiled {
    fn new(regex: Regex) -> Self {
        Self { locations: regex.capture_locations(), regex }
    }
}

impl<T> Pattern<T> {
    /// A pattern of a user's own.
    fn new(regex: Regex, groups: Vec<(usize, T)>) -> Self {
        // Without a form for ASCII (a pattern with `ü` or `\p{L}`) the other one does it.
        let ascii = RegexBuilder::new(regex.as_str()).unicode(false).build().ok();
        Self { ascii: ascii.map(Compiled::new), any: Compiled::new(regex), groups }
    }

    /// Compiles a pattern with references. It reads bytes, and `.` also stands for a newline. `own`: definitions that come
    /// before those of the library.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub(super) fn of_preset(
        pattern: &str,
        own: &[Definition],
        mut target: impl FnMut(&Capture) -> T,
    ) -> Result<Self, String> {
        let expanded = grok::expand(pattern, own).map_err(|fault| format!("{fault:?}"))?;
        let regex = Regex::new(&format!("(?s-u){}", expanded.regex)).map_err(|error| error.to_string())?;
        let named = regex.capture_names().enumerate();
        let groups =
            named.filter_map(|(group, name)| Some((group, target(captured(name?, &expanded.captures)?)))).collect();
        // It reads bytes, and so has the states of a form for ASCII already.
        Ok(Self { any: Compiled::new(regex), ascii: None, groups })
    }

    /// The captures that took part in the match, each with its range; `None`: the pattern does not match.
    pub(super) fn read(&mut self, text: &[u8]) -> Option<impl Iterator<Item = (&T, TextRange)>> {
        let Self { any, ascii, groups } = self;
        let Compiled { regex, locations } = ascii.as_mut().filter(|_| text.is_ascii()).unwrap_or(any);
        regex.captures_read(locations, text)?;
        let of = |group| locations.get(group).map(|(start, end)| TextRange::new(start, end));
        Some(groups.iter().filter_map(move |(group, target)| Some((target, of(*group)?))))
    }
}

/// The capture of a reference, by the name of its group.
fn captured<'c>(name: &str, captures: &'c [Capture]) -> Option<&'c Capture> {
    captures.get(name.strip_prefix("_.")?.parse::<usize>().ok()?)
}

/// The patterns of one input, in the order in which they are tried.
pub(super) struct Patterns(Vec<Pattern<u16>>);

impl Patterns {
    /// Compiles the patterns; adds their names to `names` and their mistakes to `errors`.
    pub(super) fn new(patterns: &[String], names: &mut Vec<Box<str>>, errors: &mut Vec<Error>) -> Self {
        Self::compiled(patterns, errors, |pattern| {
            let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
            let groups = groups(&regex, names, &[]);
            Ok((regex, groups))
        })
    }

    /// Compiles patterns with references, as [`Patterns::new`]; adds the types that they name to `types`.
    pub(super) fn of_grok(
        patterns: &[String],
        names: &mut Vec<Box<str>>,
        types: &mut Vec<(String, Type)>,
        errors: &mut Vec<Error>,
    ) -> Self {
        Self::compiled(patterns, errors, |pattern| {
            let expanded = grok::expand(pattern, &[])?;
            for capture in &expanded.captures {
                let wanted = capture.suffix.as_deref().map(grok::type_of).transpose()?.flatten();
                if let Some(wanted) = wanted.filter(|_| types.iter().all(|(known, _)| *known != capture.field)) {
                    types.push((capture.field.clone(), wanted));
                }
            }
            let regex = Regex::new(&expanded.regex).map_err(|error| error.to_string())?;
            let groups = groups(&regex, names, &expanded.captures);
            Ok((regex, groups))
        })
    }

    fn compiled(
        patterns: &[String],
        errors: &mut Vec<Error>,
        mut compile: impl FnMut(&str) -> Result<(Regex, Vec<(usize, u16)>), Fault>,
    ) -> Self {
        if patterns.is_empty() {
            errors.push(Error::NoPattern);
        }
        let mut ready = Vec::with_capacity(patterns.len());
        for (index, pattern) in patterns.iter().enumerate() {
            match compile(pattern) {
                Ok((regex, groups)) => {
                    if groups.is_empty() {
                        errors.push(Error::NoNamedCapture { index });
                    }
                    ready.push(Pattern::new(regex, groups));
                }
                Err(Fault::Unknown(name)) => errors.push(Error::GrokName { index, name }),
                Err(Fault::Other(message)) => errors.push(Error::Pattern { index, message }),
            }
        }
        Self(ready)
    }

    /// Fills `nodes` from the first pattern that matches; `false` if none does.
    pub(super) fn read(&mut self, text: &[u8], nodes: &mut Vec<Node>) -> bool {
        for pattern in &mut self.0 {
            if let Some(captures) = pattern.read(text) {
                let value = |(name, at): (&u16, _)| Node::Value { key: Key::Name(*name), at, kind: Kind::Text };
                nodes.extend(captures.map(value));
                return true;
            }
        }
        false
    }
}

/// The named groups of `regex`; the same name in two patterns is one field. Groups of references have the names of their
/// captures.
fn groups(regex: &Regex, names: &mut Vec<Box<str>>, captures: &[Capture]) -> Vec<(usize, u16)> {
    let groups = regex.capture_names().enumerate().filter_map(|(group, name)| Some((group, name?)));
    let of = |name| captured(name, captures).map_or(name, |capture| &capture.field);
    groups.map(|(group, name)| (group, name_index(of(name), names))).collect()
}

/// The index of a name, which is added if it is new.
pub(super) fn name_index(name: &str, names: &mut Vec<Box<str>>) -> u16 {
    let index = names.iter().position(|known| **known == *name).unwrap_or_else(|| {
        names.push(name.into());
        names.len() - 1
    });
    // Above `NAMES_MAX` the whole set is refused, so this index is never used.
    u16::try_from(index).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use regex::bytes::Regex;

    use super::Pattern;

    /// Goal: the form for ASCII gives the same captures as the pattern itself.
    #[test]
    fn both_forms_of_a_pattern_capture_the_same() {
        let patterns = [
            r"^(?<a>\S+)\s+(?<b>\w+)\b(?<c>.*)$",
            r"(?i)(?<a>k+)[^s](?<b>[[:alpha:]]*)",
            r"(?<a>\d{2,})(?<b>\D*)(?<c>[^\x00-\x1f]*)",
            r"(?<a>ü)|(?<b>\p{L}+)",
            r"(?<a>.)(?<b>.{3})$",
        ];
        let texts: [&[u8]; 7] =
            [b"a b c", b"KeS kx\x0b\x0c", b"12 ab\x7f", b"", b"\tx y\x0bz", "ük ½ K".as_bytes(), b"a\xffb c d"];
        for pattern in patterns {
            let regex = Regex::new(pattern).unwrap();
            for text in texts {
                let wanted = regex.captures(text).map(|captures| {
                    let groups = captures.iter().skip(1).enumerate();
                    groups.filter_map(|(at, group)| Some((at + 1, group?.range()))).collect::<Vec<_>>()
                });
                let groups = (1..regex.captures_len()).map(|group| (group, group)).collect();
                let mut both = Pattern::new(regex.clone(), groups);
                let found =
                    both.read(text).map(|captures| captures.map(|(group, at)| (*group, at.indices())).collect());
                assert_eq!(found, wanted, "{pattern} on {text:?}");
            }
        }
    }
}

//! Parses lines by regular expressions with named captures.
//!
//! Input: a line. Output: a text node for each named capture of the first pattern that matches. The `regex` crate
//! matches in linear time, over bytes: a line need not be UTF-8, but `.` stands for a character and does not match an
//! invalid one.

use regex::bytes::{CaptureLocations, Regex};

use event::{Key, Kind, Node, TextRange};

use super::Error;

/// Maximum number of fields in all patterns of an input, far above any useful record.
pub(super) const NAMES_MAX: usize = 1_000;

/// The patterns of one input, in the order in which they are tried.
pub(super) struct Patterns(Vec<Pattern>);

struct Pattern {
    regex: Regex,
    /// Reused from line to line.
    locations: CaptureLocations,
    /// The name of each group.
    groups: Vec<(usize, u16)>,
}

impl Patterns {
    /// Compiles the patterns; adds their names to `names` and their mistakes to `errors`.
    pub(super) fn new(patterns: &[String], names: &mut Vec<Box<str>>, errors: &mut Vec<Error>) -> Self {
        if patterns.is_empty() {
            errors.push(Error::NoPattern);
        }
        let mut ready = Vec::with_capacity(patterns.len());
        for (index, pattern) in patterns.iter().enumerate() {
            match Regex::new(pattern) {
                Ok(regex) => {
                    let groups = groups(&regex, names);
                    if groups.is_empty() {
                        errors.push(Error::NoNamedCapture { index });
                    }
                    ready.push(Pattern { locations: regex.capture_locations(), groups, regex });
                }
                Err(error) => errors.push(Error::Pattern { index, message: error.to_string() }),
            }
        }
        if names.len() > NAMES_MAX {
            errors.push(Error::TooManyNames { count: names.len() });
        }
        Self(ready)
    }

    /// Fills `nodes` from the first pattern that matches; `false` if none does.
    pub(super) fn read(&mut self, text: &[u8], nodes: &mut Vec<Node>) -> bool {
        for Pattern { regex, locations, groups } in &mut self.0 {
            if regex.captures_read(locations, text).is_none() {
                continue;
            }
            for (group, name) in &*groups {
                if let Some((start, end)) = locations.get(*group) {
                    nodes.push(Node::Value { key: Key::Name(*name), at: TextRange::new(start, end), kind: Kind::Text });
                }
            }
            return true;
        }
        false
    }
}

/// The named groups of `regex`; the same name in two patterns is one field.
fn groups(regex: &Regex, names: &mut Vec<Box<str>>) -> Vec<(usize, u16)> {
    let mut groups = Vec::new();
    for (group, name) in regex.capture_names().enumerate() {
        let Some(name) = name else { continue };
        let index = names.iter().position(|known| **known == *name).unwrap_or_else(|| {
            names.push(name.into());
            names.len() - 1
        });
        // Above `NAMES_MAX` the whole set is refused, so this index is never used.
        groups.push((group, u16::try_from(index).unwrap_or(u16::MAX)));
    }
    groups
}

//! Reads variables one by one as typed values and collects the mistakes in them.
//!
//! Defaults and examples come from the reference. After a mistake a method returns the default, so that one run finds
//! all mistakes; the caller then discards the values.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::environment::{Environment, FILE_SUFFIX};
use super::error::{Mistake, file_path, join, quote};
use super::suggest;
use super::units;
use super::variables::{self, INPUT_PREFIX, PREFIX, RENAMED_WORDS};
use crate::pipeline::encode::template::Template;

/// Reads the environment, for all inputs or for one of them.
pub(super) struct Reader<'e> {
    environment: &'e Environment,
    input: Option<&'e str>,
    mistakes: &'e mut Vec<Mistake>,
}

impl<'e> Reader<'e> {
    pub(super) fn new(environment: &'e Environment, mistakes: &'e mut Vec<Mistake>) -> Self {
        Self { environment, input: None, mistakes }
    }

    /// A reader that prefers the variables of one input (its name in upper case).
    pub(super) fn for_input<'r>(&'r mut self, input: &'r str) -> Reader<'r> {
        Reader { environment: self.environment, input: Some(input), mistakes: self.mistakes }
    }

    pub(super) fn environment(&self) -> &'e Environment {
        self.environment
    }

    /// Records a mistake, once: common variables are read once for each input.
    pub(super) fn mistake(&mut self, variable: &str, reason: impl Into<String>) {
        let mistake = suggest::mistake(variable, reason.into());
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    /// The name of the variable in effect: the input's own if it is set, else the common one.
    pub(super) fn source(&self, name: &str) -> String {
        self.own(name).filter(|own| self.environment.value(own).is_some()).unwrap_or_else(|| name.to_owned())
    }

    /// Whether the input sets this variable for itself.
    pub(super) fn is_own(&self, name: &str) -> bool {
        self.source(name) != name
    }

    /// Whether the variable is set at all.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.environment.value(&self.source(name)).is_some()
    }

    /// The value as it is written, without the default.
    pub(super) fn raw(&self, name: &str) -> Option<&'e str> {
        self.environment.value(&self.source(name))
    }

    /// The name that the variable has for this input.
    pub(super) fn own(&self, name: &str) -> Option<String> {
        let rest = name.strip_prefix(PREFIX)?;
        self.input.map(|input| format!("{INPUT_PREFIX}{input}_{rest}"))
    }

    /// The value, parsed by `parse`; the default if it is not set or invalid; `None` if there is no default.
    pub(super) fn read<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let source = self.source(name);
        if let Some(text) = self.environment.value(&source) {
            match parse(text.trim()) {
                Ok(value) => return Some(value),
                Err(reason) => self.mistake(&source, reason),
            }
        }
        let default = variables::find(name).map(|variable| variable.default).filter(|default| !default.is_empty());
        default.and_then(|default| parse(default).ok())
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, |text| Ok(text.to_owned()))
    }

    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        self.read(name, |text| Ok(units::list(text))).unwrap_or_default()
    }

    pub(super) fn lines(&mut self, name: &str) -> Vec<String> {
        self.read(name, |text| Ok(units::lines(text))).unwrap_or_default()
    }

    pub(super) fn path(&mut self, name: &str) -> Option<PathBuf> {
        if name.ends_with(FILE_SUFFIX) {
            return self.read(name, file_path);
        }
        self.read(name, |text| {
            let path = PathBuf::from(text);
            if path.is_absolute() { Ok(path) } else { Err(format!("{} is not an absolute path", quote(text))) }
        })
    }

    pub(super) fn duration(&mut self, name: &str, allowed: &RangeInclusive<Duration>) -> Duration {
        let parse = |text: &str| within(text, units::duration(text)?, allowed, |limit| units::duration_text(*limit));
        self.read(name, parse).unwrap_or_default()
    }

    pub(super) fn bytes(&mut self, name: &str, allowed: &RangeInclusive<usize>) -> usize {
        let parse = |text: &str| {
            let bytes = usize::try_from(units::bytes(text)?).unwrap_or(usize::MAX);
            within(text, bytes, allowed, |limit| units::bytes_text(*limit))
        };
        self.read(name, parse).unwrap_or_default()
    }

    /// A size in bytes, or `None` for `off`.
    pub(super) fn bytes_or_off(&mut self, name: &str, allowed: &RangeInclusive<usize>) -> Option<usize> {
        if self.text(name).as_deref() == Some("off") { None } else { Some(self.bytes(name, allowed)) }
    }

    pub(super) fn number(&mut self, name: &str, allowed: &RangeInclusive<usize>) -> usize {
        let parse = |text: &str| {
            let number = text.parse().map_err(|_| format!("{} is not a whole number", quote(text)))?;
            within(text, number, allowed, ToString::to_string)
        };
        self.read(name, parse).unwrap_or_default()
    }

    /// One of the words. After a mistake without a default it is the first one.
    pub(super) fn choice<T: Clone>(&mut self, name: &str, choices: &[(&str, T)]) -> T {
        let renamed = |text: &str| {
            let is = |(variable, old, _): &&(&str, &str, &str)| *variable == name && *old == text;
            RENAMED_WORDS.iter().find(is).map(|(_, old, new)| format!("{} was renamed to {}", quote(old), quote(new)))
        };
        let read = |text: &str| renamed(text).map_or_else(|| word(text, choices), Err);
        self.read(name, read).unwrap_or_else(|| choices[0].1.clone())
    }

    /// A list of these words.
    pub(super) fn choices<T: Clone>(&mut self, name: &str, choices: &[(&str, T)]) -> Vec<T> {
        let parse = |text: &str| units::list(text).iter().map(|item| word(item, choices)).collect();
        self.read(name, parse).unwrap_or_default()
    }

    /// A template for something other than keys and headers.
    pub(super) fn template(&mut self, name: &str) -> Option<Template> {
        self.read(name, |text| {
            let template = text.parse::<Template>().map_err(|error| error.to_string())?;
            match template.unique() {
                Some(place) => Err(only_for_keys(place)),
                None => Ok(template),
            }
        })
    }
}

/// A placeholder that is unique for each record stands where no text can be.
pub(super) fn only_for_keys(place: &str) -> String {
    format!("{{{place}}} is only for LOGSKIFF_KAFKA_KEY and LOGSKIFF_KAFKA_HEADERS")
}

fn word<T: Clone>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(word, _)| *word == text);
    found
        .map(|(_, value)| value.clone())
        .ok_or_else(|| format!("{} is not one of {}", quote(text), join(choices.iter().map(|(word, _)| *word))))
}

fn within<T: PartialOrd>(
    text: &str,
    value: T,
    allowed: &RangeInclusive<T>,
    format_limit: impl Fn(&T) -> String,
) -> Result<T, String> {
    if value < *allowed.start() {
        return Err(format!("{} is below the minimum, {}", quote(text), format_limit(allowed.start())));
    }
    if value > *allowed.end() {
        return Err(format!("{} is above the maximum, {}", quote(text), format_limit(allowed.end())));
    }
    Ok(value)
}

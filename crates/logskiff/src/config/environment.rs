//! Input: the process environment. Output: our variables as text, under the names that were set.
//!
//! This is the only reader of `std::env`. It checks names and encodings, never values, and never shows a value.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::{Mistake, file_path, quote_file};
use super::suggest::{self, Name};
use super::units::Secret;
use super::variables;
use crate::regular;
use crate::telemetry::process_stats::System;

/// Suffix of the variable that names a secret's file.
pub(super) const FILE_SUFFIX: &str = "_FILE";

/// Our variables, and the machine's memory limit and host name.
///
/// No `Debug`: the values may be secrets.
pub struct Environment {
    values: BTreeMap<String, String>,
    /// Files that secrets were read from, by the secret's variable.
    secret_files: BTreeMap<String, PathBuf>,
    mistakes: Vec<Mistake>,
    /// Names that would be ours with our prefix.
    unprefixed: BTreeSet<String>,
    memory_limit_bytes: Option<u64>,
    host_name: Option<String>,
}

impl Environment {
    /// The environment and the memory limit of this process, and the name of its machine.
    #[must_use]
    pub fn read() -> Self {
        let memory_limit_bytes = System::default().memory_limit_bytes();
        let host_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let host_name = Some(host_name).filter(|name| !name.is_empty());
        Self { memory_limit_bytes, host_name, ..Self::new(std::env::vars_os()) }
    }

    /// An environment from these variables, without memory limit and host name. An empty value counts as not set; foreign
    /// names, and those that Kubernetes sets for a Service, are ignored.
    #[must_use]
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut mistakes = Vec::new();
        let mut texts = Vec::new();
        let mut unprefixed = BTreeSet::new();
        for (name, value) in variables {
            let name = name.to_string_lossy().into_owned();
            if value.is_empty() {
                continue;
            }
            match (suggest::classify(&name), value.into_string()) {
                (Name::Known, Ok(value)) => texts.push((name, value)),
                (Name::Known, Err(_)) => {
                    mistakes.push(suggest::mistake(&name, "the value is not UTF-8".to_owned()));
                }
                (Name::Foreign, _) if suggest::is_known(&format!("{}{name}", variables::PREFIX)) => {
                    unprefixed.insert(name);
                }
                (Name::Foreign, _) => {}
                (Name::Unknown { reason, example }, _) => {
                    mistakes.push(Mistake { variable: name, reason, example });
                }
            }
        }
        mistakes.sort_by(|a, b| a.variable.cmp(&b.variable));
        let values = named_as_set(texts).unwrap_or_else(|error| {
            // envy cannot fail on texts; if it does, the environment must not look empty.
            mistakes.push(suggest::mistake(variables::PREFIX, error.to_string()));
            BTreeMap::new()
        });
        let secret_files = BTreeMap::new();
        let mut environment =
            Self { values, secret_files, mistakes, unprefixed, memory_limit_bytes: None, host_name: None };
        environment.read_secret_files();
        environment
    }

    /// Replaces each `X_FILE` by the secret `X`.
    fn read_secret_files(&mut self) {
        for secret in variables::VARIABLES.iter().filter(|variable| variable.secret) {
            let variable = format!("{}{FILE_SUFFIX}", secret.name);
            let Some(path) = self.values.remove(&variable) else { continue };
            if self.values.contains_key(secret.name) {
                let reason = format!("set together with {}; keep one of the two", secret.name);
                self.mistakes.push(suggest::mistake(&variable, reason));
                continue;
            }
            // A relative path may be the secret itself, and would depend on the current directory.
            let read = match file_path(&path) {
                Ok(file) => read_secret(&file).map_err(|reason| format!("{} {reason}", quote_file(&file))),
                Err(reason) => Err(reason),
            };
            match read {
                Ok(value) => {
                    self.secret_files.insert(secret.name.to_owned(), PathBuf::from(path.trim()));
                    self.values.insert(secret.name.to_owned(), value);
                }
                Err(reason) => {
                    self.mistakes.push(suggest::mistake(&variable, reason));
                    // The secret counts as set: its absence is not a second mistake.
                    self.values.insert(secret.name.to_owned(), String::new());
                }
            }
        }
    }

    /// The variable's value, if it is set.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// All variables that are set, sorted by name, secrets included.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a variable of ours is set under its name without our prefix.
    pub(super) fn is_set_without_prefix(&self, name: &str) -> bool {
        name.strip_prefix(variables::PREFIX).is_some_and(|bare| self.unprefixed.contains(bare))
    }

    /// Mistakes in names, encodings and secret files.
    pub(super) fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// The control group's memory limit, in bytes.
    pub(super) fn memory_limit_bytes(&self) -> Option<u64> {
        self.memory_limit_bytes
    }

    /// The host name of the machine or pod.
    pub(super) fn host_name(&self) -> Option<&str> {
        self.host_name.as_deref()
    }

    /// The names of the named inputs, in upper case, sorted.
    pub(super) fn input_names(&self) -> BTreeSet<&str> {
        self.values.keys().filter_map(|name| suggest::split_input(name)).map(|(input, _)| input).collect()
    }

    /// The file that a secret was read from, if any.
    pub(super) fn secret_file(&self, name: &str) -> Option<&Path> {
        self.secret_files.get(name).map(PathBuf::as_path)
    }

    /// All files that `…_FILE` variables name.
    pub(super) fn named_files(&self) -> Vec<PathBuf> {
        let named = self.values.iter().filter(|(name, _)| name.ends_with(FILE_SUFFIX));
        named.map(|(_, path)| PathBuf::from(path.trim())).chain(self.secret_files.values().cloned()).collect()
    }

    /// The secret, if it is set.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        self.value(name).map(|value| Secret::new(value.to_owned()))
    }
}

/// envy returns names in lower case; ours are upper case, as `suggest::classify` has checked.
fn named_as_set(texts: Vec<(String, String)>) -> Result<BTreeMap<String, String>, envy::Error> {
    let lower: BTreeMap<String, String> = envy::from_iter(texts)?;
    Ok(lower.into_iter().map(|(name, value)| (name.to_ascii_uppercase(), value)).collect())
}

/// The bytes of a small regular file, or the reason why it cannot be read; the caller adds the path.
pub(super) fn read_small_file(path: &Path) -> Result<Vec<u8>, String> {
    regular::read(path, regular::BYTES_MAX).map_err(|error| error.to_string())
}

fn read_secret(path: &Path) -> Result<String, String> {
    let bytes = read_small_file(path)?;
    let text = String::from_utf8(bytes).map_err(|_| "does not hold UTF-8".to_owned())?;
    // Editors and `kubectl create secret --from-file` leave a line end that is not part of the secret.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) }
}

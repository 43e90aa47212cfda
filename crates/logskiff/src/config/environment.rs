//! The process environment in, our own variables as text out, names kept as they were set.
//!
//! This is the only reader of `std::env`. It judges names and encodings, never what a value says, and it never shows a
//! value.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::{Mistake, file_path, shown_file};
use super::suggest::{self, Name};
use super::units::Secret;
use super::variables;
use crate::regular;
use crate::telemetry::process_stats::System;

/// What a `…_FILE` beside a secret ends with.
pub(super) const FILE_SUFFIX: &str = "_FILE";

/// Our part of an environment, and what the machine says of itself.
///
/// No `Debug`: the values may be secrets.
pub struct Environment {
    values: BTreeMap<String, String>,
    /// Where secrets were read from, by the secret's variable.
    secret_files: BTreeMap<String, PathBuf>,
    mistakes: Vec<Mistake>,
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

    /// An environment as given, without a memory limit or a machine. An empty value counts as not set; names that are not ours, and
    /// those that Kubernetes makes for a Service, are ignored.
    #[must_use]
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut mistakes = Vec::new();
        let mut texts = Vec::new();
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
                (Name::Foreign, _) => {}
                (Name::Unknown { reason, example }, _) => {
                    mistakes.push(Mistake { variable: name, reason, example });
                }
            }
        }
        mistakes.sort_by(|a, b| a.variable.cmp(&b.variable));
        let values = named_as_set(texts).unwrap_or_else(|error| {
            // envy cannot fail on texts, but a failure must not pass for an empty environment.
            mistakes.push(suggest::mistake(variables::PREFIX, error.to_string()));
            BTreeMap::new()
        });
        let secret_files = BTreeMap::new();
        let mut environment = Self { values, secret_files, mistakes, memory_limit_bytes: None, host_name: None };
        environment.read_secret_files();
        environment
    }

    /// Replaces each `X_FILE` of a secret `X` by the secret itself.
    fn read_secret_files(&mut self) {
        for secret in variables::VARIABLES.iter().filter(|variable| variable.secret) {
            let variable = format!("{}{FILE_SUFFIX}", secret.name);
            let Some(path) = self.values.remove(&variable) else { continue };
            if self.values.contains_key(secret.name) {
                let reason = format!("set beside {}; keep one of the two", secret.name);
                self.mistakes.push(suggest::mistake(&variable, reason));
                continue;
            }
            // One that begins at the current directory may be the secret itself, and would be another file at each start.
            let read = match file_path(&path) {
                Ok(file) => secret_file(&file).map_err(|reason| format!("{} {reason}", shown_file(&file))),
                Err(reason) => Err(reason),
            };
            match read {
                Ok(value) => {
                    self.secret_files.insert(secret.name.to_owned(), PathBuf::from(path.trim()));
                    self.values.insert(secret.name.to_owned(), value);
                }
                Err(reason) => {
                    self.mistakes.push(suggest::mistake(&variable, reason));
                    // The secret counts as given: its absence is not a second mistake.
                    self.values.insert(secret.name.to_owned(), String::new());
                }
            }
        }
    }

    /// The value of a variable that is set.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Every variable that is set, by name. Secrets are among them.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What is wrong with names, encodings and secret files.
    pub(super) fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// What the control group allows this process.
    pub(super) fn memory_limit_bytes(&self) -> Option<u64> {
        self.memory_limit_bytes
    }

    /// What the machine, or the pod in it, calls itself.
    pub(super) fn host_name(&self) -> Option<&str> {
        self.host_name.as_deref()
    }

    /// The names of the named inputs, as in their variables, in order.
    pub(super) fn input_names(&self) -> BTreeSet<&str> {
        self.values.keys().filter_map(|name| suggest::input(name)).map(|(input, _)| input).collect()
    }

    /// The file that a secret was read from, if it was.
    pub(super) fn secret_file(&self, name: &str) -> Option<&Path> {
        self.secret_files.get(name).map(PathBuf::as_path)
    }

    /// Every file that a `…_FILE` names.
    pub(super) fn named_files(&self) -> Vec<PathBuf> {
        let named = self.values.iter().filter(|(name, _)| name.ends_with(FILE_SUFFIX));
        named.map(|(_, path)| PathBuf::from(path.trim())).chain(self.secret_files.values().cloned()).collect()
    }

    /// A secret that is set.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        self.value(name).map(|value| Secret::new(value.to_owned()))
    }
}

/// envy hands names over in lower case; ours are upper case throughout, which `suggest::classify` has made sure of.
fn named_as_set(texts: Vec<(String, String)>) -> Result<BTreeMap<String, String>, envy::Error> {
    let lower: BTreeMap<String, String> = envy::from_iter(texts)?;
    Ok(lower.into_iter().map(|(name, value)| (name.to_ascii_uppercase(), value)).collect())
}

/// The bytes of a small regular file, or why it cannot be read; the path is left for the caller to say.
pub(super) fn small_file(path: &Path) -> Result<Vec<u8>, String> {
    regular::read(path, regular::BYTES_MAX).map_err(|error| error.to_string())
}

fn secret_file(path: &Path) -> Result<String, String> {
    let bytes = small_file(path)?;
    let text = String::from_utf8(bytes).map_err(|_| "does not hold UTF-8".to_owned())?;
    // Editors and `kubectl create secret --from-file` leave a line end that nobody means.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) }
}

//! Input: the rule files that `LOGSKIFF_REDACT_RULES_FROM` names. Output: their rules, or all their mistakes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::error::quote;
use super::parser::Reader;
use crate::regular;
use redact::{Config, RULE_FILE_BYTES_MAX, RuleFile};

pub(super) const RULES_FROM: &str = "LOGSKIFF_REDACT_RULES_FROM";

/// The file's rules, or its mistakes in words.
type Loaded = Result<Arc<RuleFile>, Vec<String>>;

/// The files that were read before: several inputs may name the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownFiles(Rc<RefCell<HashMap<PathBuf, Loaded>>>);

/// The rule files of one input. `None`: one of them has a mistake, which is recorded.
pub(super) fn files(reader: &mut Reader<'_>) -> Option<Vec<Arc<RuleFile>>> {
    let mut names = reader.list(RULES_FROM);
    if names == ["none"] {
        names.clear();
    }
    let variable = reader.source(RULES_FROM);
    let mut files: Vec<Arc<RuleFile>> = Vec::new();
    let mut is_complete = true;
    for name in names {
        let path = PathBuf::from(&name);
        let errors = if !path.is_absolute() {
            vec![format!("{} is not an absolute path", quote(&name))]
        } else if files.iter().any(|file| file.path() == path) {
            vec![format!("{} is named twice", quote(&name))]
        } else {
            let loaded = reader.rule_files().0.borrow_mut().entry(path.clone()).or_insert_with(|| load(&path)).clone();
            match loaded {
                Ok(file) => {
                    files.push(file);
                    continue;
                }
                Err(errors) => errors,
            }
        };
        is_complete = false;
        for error in errors {
            reader.mistake(&variable, error);
        }
    }
    is_complete.then_some(files)
}

fn load(path: &Path) -> Loaded {
    let loaded = RuleFile::load(path, &mut read);
    loaded.map(Arc::new).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// The files of all these configurations, each once.
pub(crate) fn loaded<'c>(configs: impl IntoIterator<Item = &'c Config>) -> Vec<&'c Arc<RuleFile>> {
    let mut files: Vec<&Arc<RuleFile>> = Vec::new();
    for file in configs.into_iter().flat_map(|config| &config.files) {
        if !files.iter().any(|known| known.path() == file.path()) {
            files.push(file);
        }
    }
    files
}

/// The text of a rule file, or why it cannot be read.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let bytes = regular::read(path, RULE_FILE_BYTES_MAX).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| regular::ReadError::NotText.to_string())
}

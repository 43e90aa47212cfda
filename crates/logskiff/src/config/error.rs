//! What is wrong with the environment, all of it at once.
//!
//! A mistake names its variable, the reason and an example of a right value. It never holds the value of a secret, nor a
//! pattern beyond what the regex error shows.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The variable that has to change.
    pub variable: String,
    /// What is wrong with it; over several lines where a place in a pattern is marked.
    pub reason: String,
    /// What would be right; `None` where nothing useful can be said.
    pub example: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.variable)?;
        let example = self.example.as_deref();
        if !self.reason.contains('\n') {
            f.write_str(&self.reason)?;
            return example.map_or(Ok(()), |example| write!(f, "; say for example {}", example.replace('\n', "\\n")));
        }
        // The lines keep their own columns, so that a caret stays below what it marks.
        f.write_str(&self.reason.trim_end().replace('\n', "\n  "))?;
        example.map_or(Ok(()), |example| write!(f, "\n  say for example {}", example.replace('\n', "\\n")))
    }
}

/// Every mistake that one look at the environment found, in the order of the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// A value as it may stand in a message: quoted, control characters escaped. Long ones, and ones that could carry
/// credentials (`user:pass@host`), are left out.
pub(super) fn shown(value: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 80; // one line of a terminal
    if value.contains('@') || value.chars().count() > SHOWN_CHARS_MAX {
        return "the value".to_owned();
    }
    format!("{value:?}")
}

/// The path that a `…_FILE` gives, or why it is none. Somebody may have put there what the file should hold, so it is not shown.
pub(super) fn file_path(value: &str) -> Result<PathBuf, String> {
    let path = Path::new(value.trim());
    if path.is_absolute() {
        return Ok(path.to_path_buf());
    }
    Err("the value is not an absolute path; it is not shown, since it may be what the file should hold".to_owned())
}

/// The path of a `…_FILE` as it may stand in a message: only where it is one, by all appearances.
pub(super) fn shown_file(path: &Path) -> String {
    let text = path.to_string_lossy();
    if is_shown_file(&text) { shown(&text) } else { "the value, which is not shown,".to_owned() }
}

/// Whether what a `…_FILE` gives is a path, by all appearances.
pub(super) fn is_shown_file(value: &str) -> bool {
    let Ok(path) = file_path(value) else { return false };
    let above = path.parent().filter(|above| above.parent().is_some());
    let exists = path.symlink_metadata().is_ok() || above.is_some_and(|above| above.symlink_metadata().is_ok());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/._-".contains(&byte);
    exists || (above.is_some() && path.as_os_str().as_encoded_bytes().iter().all(|byte| plain(*byte)))
}

/// `a, b, c`, for messages.
pub(super) fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}

//! The errors of the environment, collected so that they are all reported at once.
//!
//! A mistake holds its variable, the reason and an example of a valid value. It never holds the value of a secret, and
//! of a pattern only the part that the regex error shows.

use std::fmt;
use std::path::{Path, PathBuf};

/// One configuration error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The variable to correct.
    pub variable: String,
    /// The error; several lines if a position in a pattern is marked.
    pub reason: String,
    /// A valid value; `None` if there is no useful example.
    pub example: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.variable)?;
        let example = self.example.as_deref();
        if !self.reason.contains('\n') {
            f.write_str(&self.reason)?;
            let joint = if self.reason.ends_with('?') { " For" } else { "; for" };
            return example.map_or(Ok(()), |example| write!(f, "{joint} example {}", example.replace('\n', "\\n")));
        }
        // All lines are indented equally, so that the caret stays below the position it marks.
        f.write_str(&self.reason.trim_end().replace('\n', "\n  "))?;
        example.map_or(Ok(()), |example| write!(f, "\n  for example {}", example.replace('\n', "\\n")))
    }
}

/// All mistakes in the environment, in the order of the reference.
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

/// Quotes a value for a message and escapes control characters. Long values, and values that may contain credentials
/// (`user:pass@host`), become `the value`.
pub(super) fn quote(value: &str) -> String {
    const QUOTED_CHARS_MAX: usize = 80; // one line of a terminal
    if value.contains('@') || value.chars().count() > QUOTED_CHARS_MAX {
        return "the value".to_owned();
    }
    format!("{value:?}")
}

/// Parses the path in a `…_FILE` variable. The error does not show the value: it may be the secret itself, set by
/// mistake.
pub(super) fn file_path(value: &str) -> Result<PathBuf, String> {
    let path = Path::new(value.trim());
    if path.is_absolute() {
        return Ok(path.to_path_buf());
    }
    Err("the value is not an absolute path; it is not shown because it may be a secret".to_owned())
}

/// Quotes the path in a `…_FILE` variable for a message, if it looks like a path.
pub(super) fn quote_file(path: &Path) -> String {
    let text = path.to_string_lossy();
    if looks_like_a_path(&text) { quote(&text) } else { "the value (not shown)".to_owned() }
}

/// Whether the value of a `…_FILE` variable looks like a path, and not like a secret.
pub(super) fn looks_like_a_path(value: &str) -> bool {
    let Ok(path) = file_path(value) else { return false };
    let above = path.parent().filter(|above| above.parent().is_some());
    let exists = path.symlink_metadata().is_ok() || above.is_some_and(|above| above.symlink_metadata().is_ok());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/._-".contains(&byte);
    exists || (above.is_some() && path.as_os_str().as_encoded_bytes().iter().all(|byte| plain(*byte)))
}

/// Joins words for a message: `a, b, c`.
pub(super) fn join<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}

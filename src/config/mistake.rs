//! What is wrong with the environment, all of it at once.
//!
//! A mistake names its variable, the reason and an example of a right value. It never holds the value of a secret, nor a
//! pattern beyond what the regex error shows.

use std::fmt;

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

/// `a, b, c`, for messages.
pub(super) fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}

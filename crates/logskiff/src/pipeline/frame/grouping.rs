//! How the lines of an input are joined to records.

use std::time::Duration;

use super::multiline::{self, Grammar};

/// How lines are joined.
#[derive(Clone, Debug)]
pub struct GroupingConfig {
    /// Which lines belong together.
    pub multiline: multiline::Config,
    /// A record has at most this many lines.
    pub lines_max: usize,
    /// An unfinished record is sent this long after the file last grew.
    pub timeout: Duration,
    /// Words that are levels beside the known ones.
    pub levels: Vec<String>,
}

/// The same, ready for use.
pub struct Grouping {
    pub(super) grammar: Grammar,
    pub(super) lines_max: usize,
    timeout: Duration,
}

impl Grouping {
    /// Builds the grammar.
    ///
    /// # Errors
    /// Patterns that cannot be used.
    pub fn new(config: &GroupingConfig) -> Result<Self, Vec<multiline::Error>> {
        let grammar = Grammar::new(&config.multiline)?.with_levels(&config.levels);
        Ok(Self { grammar, lines_max: config.lines_max, timeout: config.timeout })
    }

    /// How long after the file last grew an unfinished record is sent.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

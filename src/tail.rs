//! placeholder
use std::time::Duration;
/// Where a file without a checkpoint starts when the sidecar starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At its first byte.
    Beginning,
    /// At its end; a file that appears later still starts at its beginning.
    End,
}
/// What one input tails.
#[derive(Clone, Debug)]
pub struct Config {
    /// Absolute globs: `**`, `{a,b}`, `[…]`.
    pub paths: Vec<String>,
    /// Globs left out.
    pub exclude: Vec<String>,
    /// Where files that are there at the start begin.
    pub start: Start,
}

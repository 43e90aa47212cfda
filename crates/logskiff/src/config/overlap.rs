//! Inputs whose globs may match the same file.
//!
//! Input: the inputs. Output: for each such pair, the input that gets the file, and the redaction rules of the other
//! input that do not apply to it. Nothing is read.

use std::collections::BTreeSet;
use std::fmt;

use super::Input;
use crate::source::{Rank, STDIN, may_overlap};
use redact::Redactor;

/// Two inputs that may match the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The input that such a file belongs to: its glob is more specific.
    pub winner: String,
    /// The other one.
    pub loser: String,
    /// The detectors and rules of the loser that the winner lacks.
    pub rules: Vec<String>,
    /// The field names of the loser that the winner lacks.
    pub fields: Vec<String>,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { winner, loser, rules, fields } = self;
        write!(f, "files that {winner} and {loser} both match belong to {winner}")?;
        let lacks = [("detectors and rules", rules), ("fields", fields)];
        for (what, names) in lacks.into_iter().filter(|(_, names)| !names.is_empty()) {
            write!(f, "; it lacks the {what} {} of {loser}", names.join(", "))?;
        }
        Ok(())
    }
}

/// All pairs of inputs that may match the same file, each with the input that the file belongs to.
#[must_use]
pub fn overlaps(inputs: &[Input]) -> Vec<Overlap> {
    let mut overlaps = Vec::new();
    for (at, one) in inputs.iter().enumerate() {
        for other in &inputs[at + 1..] {
            let mut winners: BTreeSet<bool> = BTreeSet::new();
            for (mine, theirs) in globs(one).flat_map(|mine| globs(other).map(move |theirs| (mine, theirs))) {
                if may_overlap(mine, theirs) {
                    // The input `default` comes first, and named inputs take precedence over it.
                    winners.insert(Rank::from_glob(mine) < Rank::from_glob(theirs));
                }
            }
            overlaps
                .extend(winners.into_iter().map(|first| if first { overlap(one, other) } else { overlap(other, one) }));
        }
    }
    overlaps
}

fn globs(input: &Input) -> impl Iterator<Item = &str> {
    input.source.paths.iter().map(String::as_str).filter(|glob| *glob != STDIN)
}

fn overlap(winner: &Input, loser: &Input) -> Overlap {
    let rules = |input: &Input| -> BTreeSet<String> {
        Redactor::new(&input.redact)
            .map(|redactor| redactor.rules().map(ToOwned::to_owned).collect())
            .unwrap_or_default()
    };
    let fields = |input: &Input| -> BTreeSet<String> { input.redact.fields.iter().cloned().collect() };
    let lacking = |set: &dyn Fn(&Input) -> BTreeSet<String>| set(loser).difference(&set(winner)).cloned().collect();
    Overlap { winner: winner.name.clone(), loser: loser.name.clone(), rules: lacking(&rules), fields: lacking(&fields) }
}

//! Fuzzes redaction with any record, of one or several lines: `.ci/fuzz redact_line SECONDS`.
//!
//! The first byte selects rules and modes, the second the format that the line is parsed as, the third how much of it
//! may be output; the rest is the record.
#![no_main]

#[path = "../../tests/it/whole_line/check.rs"]
mod whole;

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use logskiff_fuzz::{encode, parse};

fuzz_target!(|input: &[u8]| {
    let [redactor, format, cut, line @ ..] = input else { return };
    // Half of the records are not truncated.
    let keep = if cut & 1 == 0 { line.len() } else { line.len() * usize::from(*cut) / 256 };
    if let Err(reason) = whole::check(whole::Choice { redactor: *redactor, format: *format, keep }, line) {
        panic!("{reason}");
    }
});

// Coverage does not lead to matches of an automaton: every fourth change inserts an example of a detector, or a unit.
fuzz_mutator!(|input: &mut [u8], size: usize, size_max: usize, seed: u32| {
    static EXAMPLES: LazyLock<Vec<&str>> = LazyLock::new(|| {
        redact::detectors()
            .flat_map(|detector| detector.positives.iter().map(|hit| hit.0).chain(detector.negatives.iter().copied()))
            .chain(whole::meeting::UNITS)
            .collect()
    });
    let chance = seed as usize;
    if !chance.is_multiple_of(4) {
        return fuzzer_mutate(input, size, size_max);
    }
    let example = EXAMPLES[chance / 4 % EXAMPLES.len()].as_bytes();
    let start = chance / 4 / EXAMPLES.len() % (size + 1);
    let end = (start + example.len()).min(size_max);
    input[start..end].copy_from_slice(&example[..end - start]);
    size.max(end)
});

//! Whatever a line holds, redaction leaves what it should: `cargo +nightly fuzz run redact_line`.
//!
//! The first byte chooses rules and modes, the second the format that the line is parsed as, the third how much of it may
//! leave; the rest is the line.
#![no_main]

#[path = "../../src/redact/tests/whole.rs"]
mod whole;

use libfuzzer_sys::fuzz_target;
use logskiff::{encode, parse, record, redact};

fuzz_target!(|input: &[u8]| {
    let [redactor, format, cut, line @ ..] = input else { return };
    // One in two is not cut.
    let keep = if cut & 1 == 0 { line.len() } else { line.len() * usize::from(*cut) / 256 };
    if let Err(reason) = whole::check(whole::Choice { redactor: *redactor, format: *format, keep }, line) {
        panic!("{reason}");
    }
});

//! Fuzzes what is found at the head of a line, or of the lines of a record: `.ci/fuzz line_head SECONDS`.
//!
//! The input is the text.
#![no_main]

#[path = "../../tests/it/parsed/check.rs"]
#[allow(dead_code, reason = "each target checks a part")]
mod check;

use libfuzzer_sys::fuzz_target;
use logskiff_fuzz::parse;

fuzz_target!(|input: &[u8]| {
    if let Err(property) = check::check_line(input) {
        panic!("{property}");
    }
});

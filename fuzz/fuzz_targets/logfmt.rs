//! Fuzzes lines of `key=value` pairs: `.ci/fuzz logfmt SECONDS`.
//!
//! The input is the line; split at NUL, it is also the values of a line that is written and read again.
#![no_main]

#[path = "../../tests/it/parsed/check.rs"]
#[allow(dead_code, reason = "each target checks a part")]
mod check;

use libfuzzer_sys::fuzz_target;
use logskiff_fuzz::parse;

fuzz_target!(|input: &[u8]| {
    if let Err(property) = check::check_logfmt(input) {
        panic!("{property}");
    }
});

//! Fuzzes stamps, at the head of a line and as a field: `.ci/fuzz time SECONDS`.
//!
//! The first byte selects the time zone, the second a configured layout; the rest is the stamp.
#![no_main]

#[path = "../../tests/it/parsed/check.rs"]
#[allow(dead_code, reason = "each target checks a part")]
mod check;

use libfuzzer_sys::fuzz_target;
use logskiff_fuzz::parse;

fuzz_target!(|input: &[u8]| {
    if let Err(property) = check::check_time(input) {
        panic!("{property}");
    }
});

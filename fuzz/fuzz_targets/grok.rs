//! Fuzzes patterns of grok: `.ci/fuzz grok SECONDS`.
//!
//! The input up to the first NUL is a pattern, the rest a line.
#![no_main]

#[path = "../../tests/it/parsed/check.rs"]
#[allow(dead_code, reason = "the other targets check it")]
mod check;
#[path = "../../tests/it/parsed/formats.rs"]
#[allow(dead_code, reason = "each target checks a part")]
mod formats;

use libfuzzer_sys::fuzz_target;
use logskiff_fuzz::parse;

fuzz_target!(|input: &[u8]| {
    if let Err(property) = formats::check_grok(input) {
        panic!("{property}");
    }
});

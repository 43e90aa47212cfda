//! Fuzzes lines of programs that have a preset: `.ci/fuzz presets SECONDS`.
//!
//! The first byte of the input selects the preset, the others are a record.
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
    if let Err(property) = formats::check_presets(input) {
        panic!("{property}");
    }
});

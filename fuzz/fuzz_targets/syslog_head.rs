//! Fuzzes the header of syslog messages: `.ci/fuzz syslog_head SECONDS`.
//!
//! The first byte is the priority, the second selects the header, the third its minute; the rest is the message.
#![no_main]

#[path = "../../tests/it/parsed/check.rs"]
#[allow(dead_code, reason = "each target checks a part")]
mod check;

use libfuzzer_sys::fuzz_target;
use logskiff_fuzz::parse;

fuzz_target!(|input: &[u8]| {
    if let Err(property) = check::check_syslog(input) {
        panic!("{property}");
    }
});

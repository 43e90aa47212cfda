//! Fuzzes syslog messages: a strict parser of RFC 5424 must be able to read every message. `.ci/fuzz syslog_rfc5424
//! SECONDS`.
//!
//! The first byte selects the encoding of messages, the second their maximum length; the rest is the line.
#![no_main]

#[path = "../../crates/logskiff/src/pipeline/encode/syslog/tests/sent.rs"]
mod sent;
#[path = "../../crates/logskiff/src/pipeline/encode/syslog/tests/strict.rs"]
mod strict;

use encode::syslog::{Config, Format, Framing, Message};
use libfuzzer_sys::fuzz_target;
use logskiff_fuzz::{encode, parse};
use event::LineFlags;

/// The smallest limit of a message.
const BYTES_MAX_LEAST: usize = 480;

fuzz_target!(|input: &[u8]| {
    let [choice, size, line @ ..] = input else { return };
    let framing = [Framing::None, Framing::OctetCounting, Framing::Newline][usize::from(choice & 15) % 3];
    let message = if choice & 16 == 0 { Message::Raw } else { Message::Json };
    let format = if choice & 32 == 0 { parse::Format::Auto } else { parse::Format::None };
    let flags = if choice & 64 == 0 { LineFlags::NONE } else { LineFlags::TRUNCATED };
    let bom = choice & 128 == 0;
    // Half of the messages are not truncated and must contain the whole line.
    let bytes_max = if size & 1 == 0 { 1 << 24 } else { BYTES_MAX_LEAST + usize::from(*size) };
    let config = Config { message, bom, bytes_max, ..sent::config(Format::Rfc5424, framing) };
    let encoded = sent::encode(&config, format, &sent::no_rules(), line, flags);
    if let Err(reason) = sent::check_message(&encoded, &config, line) {
        panic!("{reason}");
    }
});

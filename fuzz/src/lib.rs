//! The rooms that are fuzzed, as the project's own root has them, but without the others.
#![allow(dead_code, reason = "a room has more than the targets use")]

#[path = "../../src"]
mod rooms {
    pub mod encode;
    pub mod parse;
    pub mod record;
    pub mod redact;
}

pub use rooms::{encode, parse, record, redact};

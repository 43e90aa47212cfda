//! The fuzzed modules of the program, without the others: no Kafka client, no TLS.
#![allow(dead_code, reason = "a module has more than the targets use")]

#[path = "../../crates/logskiff/src/pipeline"]
mod pipeline {
    pub mod encode;
    pub mod parse;
}

pub use pipeline::{encode, parse};

//! The modules of the program that are fuzzed, without the others: no broker's client, no TLS.
#![allow(dead_code, reason = "a module has more than the targets use")]

#[path = "../../crates/logskiff/src"]
mod program {
    pub mod encode;
    pub mod parse;
}

pub use program::{encode, parse};

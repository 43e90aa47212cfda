//! skeleton
use std::time::Duration;
use crate::{batch, checkpoint, encode, frame, output, parse, redact, tail, watch};
#[derive(Clone, Debug)]
pub struct Input { pub name: String, pub tail: tail::Config, pub frame: frame::Config, pub parse: parse::Config, pub redact: redact::Config }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit { Signal, Eof }
#[derive(Clone, Copy, Debug)]
pub struct Life { pub drain_timeout: Duration, pub exit: Exit }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat { Json, Text }
#[derive(Clone, Debug)]
pub struct Log { pub filter: String, pub format: LogFormat }
#[derive(Clone, Debug)]
pub struct Config { pub inputs: Vec<Input>, pub watch: watch::Config, pub encode: encode::Config, pub batch: batch::Config, pub output: output::Config, pub checkpoint: checkpoint::Config, pub life: Life, pub log: Log }

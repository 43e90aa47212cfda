//! Measures the parser on its own: `bench/parse` makes the lines and runs this.
//!
//! Each argument is a log. Prints a table on standard output: the bytes of lines that `LOGSKIFF_PARSE=auto` parses per
//! second of a thread's CPU time. Rates are the best of several rounds, because a disturbance can only slow a round down.
//! With `--min MB/s` a lower rate is a failure.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use logskiff::pipeline::parse::{Config, Parser};

const ROUNDS: usize = 9;

/// The CPU time of this thread in seconds; other programs on the machine do not count.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Seconds for all lines.
fn pass(parser: &mut Parser, text: &[u8]) -> f64 {
    let mut parsed = parser.parsed();
    let begun = cpu();
    let mut start = 0;
    for newline in memchr::memchr_iter(b'\n', text) {
        parser.parse(&text[start..newline], &mut parsed);
        std::hint::black_box(&parsed);
        start = newline + 1;
    }
    cpu() - begun
}

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut least = 0.0;
    let mut is_slow = false;
    println!("| lines | bytes a line | MB/s |\n|---|---|---|");
    while let Some(argument) = arguments.next() {
        if argument == "--min" {
            least = arguments.next().unwrap().parse().unwrap();
            continue;
        }
        let text = fs::read(&argument).unwrap();
        let mut parser = Parser::new(&Config::default()).unwrap();
        let seconds = (0..ROUNDS).map(|_| pass(&mut parser, &text)).fold(f64::INFINITY, f64::min);
        let rate = text.len() as f64 / 1e6 / seconds;
        is_slow |= rate < least;
        let name = Path::new(&argument).file_stem().unwrap().to_str().unwrap();
        let kind = name.split('-').next().unwrap();
        println!("| {kind} | {} | {rate:.0} |", text.len() / memchr::memchr_iter(b'\n', &text).count().max(1));
    }
    if is_slow {
        println!("\nslower than {least} MB/s");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

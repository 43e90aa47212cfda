//! The program `logskiff`: runs the command line and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _armed = logskiff::failpoint::arm();
    logskiff::cli::main()
}

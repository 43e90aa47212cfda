//! Arguments and environment in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _armed = logskiff::failpoint::arm();
    logskiff::cli::main()
}

//! Arguments and environment in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _armed = logskiff::crash::arm();
    logskiff::cli::main()
}

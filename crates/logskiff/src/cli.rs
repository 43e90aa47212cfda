//! Input: the command line. Output: an exit code. One file per command.
//!
//! [`print()`] is the only way to stdout. Exit codes: 78 (`EX_CONFIG`) for mistakes in the environment, which go to
//! stderr as plain text (`run` can wait for a signal with them); 75 for unacknowledged lines, if that is to be a failure; 2 for wrong arguments; 1 for any
//! other failure.

mod admin_client;
mod check;
pub mod demo;
mod detectors;
mod env;
mod health;
pub mod preview;
pub mod run;
mod status;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::agent::{AppError, write_termination_message};
use crate::config::{self, Config, Environment, Mistakes};
use crate::telemetry::process_stats::{forbid_dumps, share_one_heap};

/// `EX_CONFIG` of sysexits.
const EXIT_CONFIG: u8 = 78;
/// `EX_TEMPFAIL` of sysexits: another run would deliver the rest.
const EXIT_LEFT: u8 = 75;
/// Clap's code for wrong arguments.
const EXIT_USAGE: u8 = 2;

/// Ships an application's log files to Kafka or syslog. Configured by environment variables: see `logskiff env`.
#[derive(Debug, Parser)]
#[command(name = "logskiff", version, about)]
struct Arguments {
    /// Command; default: `run`.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ship logs until SIGTERM (default command)
    Run,
    /// Validate the configuration and summarize it
    Check,
    /// Run sample lines through the configuration and print the records
    Try(TryArguments),
    /// Print every variable with its default and help
    Env(EnvArguments),
    /// Print the built-in detectors
    Detectors {
        /// Output format
        #[arg(long, value_enum, default_value_t = DetectorsFormat::Table)]
        format: DetectorsFormat,
    },
    /// Check that the running logskiff is alive, for exec probes
    Health {
        /// Check readiness (all outputs were reached once) instead of liveness
        #[arg(long)]
        ready: bool,
    },
    /// Show the delivery state of each file
    Status(StatusArguments),
    /// Run a demo with an embedded Kafka; needs nothing else
    Demo,
}

/// Arguments of `try`.
#[derive(Clone, Debug, clap::Args)]
pub struct TryArguments {
    /// File with sample lines; default or `-`: standard input
    pub file: Option<PathBuf>,
    /// Input whose configuration is used; default: the first
    #[arg(long, value_name = "NAME")]
    pub input: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = TryFormat::Json)]
    pub format: TryFormat,
    /// Fail if a record contains this text, plain, escaped, percent-encoded or as Base64
    #[arg(long, value_name = "TEXT")]
    pub canary: Option<String>,
    /// Print below each record what was masked: rule, byte range in the line, and mode
    #[arg(long)]
    pub explain: bool,
}

/// Arguments of `env`.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(multiple = false)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command, and only one can be given")]
struct EnvArguments {
    /// Print Markdown: the content of docs/configuration.md
    #[arg(long)]
    markdown: bool,
    /// Print a JSON Schema: the allowed values of `env` in the Helm charts
    #[arg(long)]
    schema: bool,
    /// Print the effective configuration as NAME=value, without secrets
    #[arg(long)]
    effective: bool,
    /// Print the fields of records as Markdown: a part of docs/records.md
    #[arg(long)]
    record_fields: bool,
    /// Print a JSON Schema of records
    #[arg(long)]
    record_schema: bool,
    /// Print an index template for Elasticsearch and OpenSearch
    #[arg(long)]
    index_template: bool,
}

/// Arguments of `status`.
#[derive(Clone, Copy, Debug, clap::Args)]
struct StatusArguments {
    /// Refresh every second
    #[arg(long)]
    watch: bool,
    /// Print the JSON of /ledger
    #[arg(long)]
    json: bool,
}

/// How `try` prints records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TryFormat {
    /// The JSON record
    Json,
    /// The redacted line, one per input line
    Raw,
    /// One field per line, for people
    Table,
}

/// How `detectors` prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DetectorsFormat {
    /// One detector per line, for people
    Table,
    /// With their patterns, and what these do not express
    Json,
    /// Rules for gitleaks, and a rule file for `LOGSKIFF_REDACT_RULES_FROM`
    Toml,
}

/// Runs the command of the command line.
#[must_use]
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        // The payload may contain a log line, so only the source location is printed.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        print_error(&format!("logskiff: internal error (panic) at {place}; please report it"));
    }));
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help and version are not failures; clap knows which stream each belongs to.
            let code = if message.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
            return message.print().map_or(ExitCode::FAILURE, |()| code);
        }
    };
    share_one_heap();
    // This must come before any secret is read.
    forbid_dumps();
    let command = arguments.command.unwrap_or(Command::Run);
    let is_run = matches!(command, Command::Run);
    match perform(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = format!("{error:#}");
            print_error(&text);
            let mistakes = mistakes(&error);
            if mistakes > 0 {
                if is_run {
                    let environment = Environment::read();
                    write_to_termination_log(&environment, &text);
                    run::wait_if_asked(&environment, mistakes)
                        .unwrap_or_else(|error| print_error(&format!("{error:#}")));
                }
                ExitCode::from(EXIT_CONFIG)
            } else if error.is::<run::Undelivered>() {
                ExitCode::from(EXIT_LEFT)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// The number of mistakes in the configuration; 0 for any other error.
fn mistakes(error: &anyhow::Error) -> u64 {
    match error.downcast_ref::<Mistakes>() {
        Some(Mistakes(mistakes)) => mistakes.len() as u64,
        None => u64::from(error.downcast_ref().is_some_and(AppError::is_configuration)),
    }
}

fn perform(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run => run::run(Config::from_env()?),
        Command::Check => check::run(&Config::from_env()?),
        Command::Try(arguments) => preview::run(Config::for_samples(&Environment::read())?, &arguments),
        Command::Env(EnvArguments { effective: true, .. }) => env::effective(&Environment::read()),
        Command::Env(form) => env::reference(form),
        Command::Detectors { format } => detectors::run(format),
        Command::Health { ready } => health::run(ready),
        Command::Status(arguments) => status::run(arguments),
        Command::Demo => demo::run(),
    }
}

/// Writes a command's output to stdout, never a log. A closed pipe (`| head`) is not a failure.
///
/// # Errors
/// If stdout cannot be written for another reason.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Writes the mistakes to the termination log, where `kubectl describe pod` shows them.
fn write_to_termination_log(environment: &Environment, text: &str) {
    if let Some(path) = config::termination_log_from(environment)
        && let Err(error) = write_termination_message(&path, text)
    {
        print_error(&format!("cannot write {}: {error}", path.display()));
    }
}

fn print_error(text: &str) {
    // If stderr fails too, only the exit code is left.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

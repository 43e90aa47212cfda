//! The command line in, an exit code out; one file a command.
//!
//! [`print()`] is the only way to stdout. Mistakes of the environment go to stderr as plain text and end in 78
//! (`EX_CONFIG` of sysexits), lines left behind in 75 where that is to be a failure, wrong arguments in 2, anything else
//! that fails in 1.

mod admin_client;
mod check;
pub mod demo;
mod env;
mod health;
pub mod preview;
pub mod run;
mod status;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::agent::AppError;
use crate::config::{Config, Environment, Mistakes};
use crate::telemetry::process_stats::forbid_dumps;

/// `EX_CONFIG` of sysexits.
const EXIT_CONFIG: u8 = 78;
/// `EX_TEMPFAIL` of sysexits: trying again would deliver the rest.
const EXIT_LEFT: u8 = 75;
/// What clap uses for wrong arguments.
const EXIT_USAGE: u8 = 2;

/// Ships an application's log files to Kafka. Configured by the environment: see `logskiff env`.
#[derive(Debug, Parser)]
#[command(name = "logskiff", version, about)]
struct Arguments {
    /// What to do; `run` when nothing is said.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ship, until told to end
    Run,
    /// Validate the environment and say what would be done
    Check,
    /// Run sample lines through the configuration and print the records
    Try(TryArguments),
    /// Print every variable with its default and meaning
    Env(EnvArguments),
    /// Ask the running logskiff whether it is well: for exec probes
    Health {
        /// Whether the outputs were reached, instead of whether it lives
        #[arg(long)]
        ready: bool,
    },
    /// Show what has become of each file
    Status(StatusArguments),
    /// Show everything at once with an embedded Kafka; nothing else is needed
    Demo,
}

/// What `try` is told.
#[derive(Clone, Debug, clap::Args)]
pub struct TryArguments {
    /// Sample lines; standard input when not given or `-`
    pub file: Option<PathBuf>,
    /// The input that the lines are taken for; the first when not given
    #[arg(long, value_name = "NAME")]
    pub input: Option<String>,
    /// How records are printed
    #[arg(long, value_enum, default_value_t = TryFormat::Json)]
    pub format: TryFormat,
    /// Fail if this text leaves in any record, also escaped, percent-encoded or in Base64
    #[arg(long, value_name = "TEXT")]
    pub canary: Option<String>,
    /// Say beneath each record what was masked: rule, bytes of the line and mode
    #[arg(long)]
    pub explain: bool,
}

/// What `env` is told.
#[derive(Clone, Copy, Debug, clap::Args)]
struct EnvArguments {
    /// As Markdown: the content of docs/configuration.md
    #[arg(long)]
    markdown: bool,
    /// As a JSON Schema: what the values `env` of the Helm charts may hold
    #[arg(long, conflicts_with = "markdown")]
    schema: bool,
    /// NAME=value as now in force, secrets hidden
    #[arg(long, conflicts_with_all = ["markdown", "schema"])]
    effective: bool,
}

/// What `status` is told.
#[derive(Clone, Copy, Debug, clap::Args)]
struct StatusArguments {
    /// Look again every second
    #[arg(long)]
    watch: bool,
    /// As JSON: what /ledger answers
    #[arg(long)]
    json: bool,
}

/// How `try` prints records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TryFormat {
    /// The JSON record
    Json,
    /// The redacted line, one for each line of input
    Raw,
    /// Fields in columns, for eyes
    Table,
}

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        // The payload may quote what was being worked on, such as a line: only the place is told.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        complain(&format!("logskiff: a defect at {place}; please report it"));
    }));
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help and version are no failures; clap knows which stream each belongs to.
            let code = if message.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
            return message.print().map_or(ExitCode::FAILURE, |()| code);
        }
    };
    // Before any secret is read.
    forbid_dumps();
    match perform(arguments.command.unwrap_or(Command::Run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (text, code) = match error.downcast_ref::<Mistakes>() {
                Some(mistakes) => (mistakes.to_string(), ExitCode::from(EXIT_CONFIG)),
                None if error.downcast_ref().is_some_and(AppError::is_configuration) => {
                    (format!("{error:#}"), ExitCode::from(EXIT_CONFIG))
                }
                None if error.is::<run::Left>() => (format!("{error:#}"), ExitCode::from(EXIT_LEFT)),
                None => (format!("{error:#}"), ExitCode::FAILURE),
            };
            complain(&text);
            code
        }
    }
}

fn perform(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run => run::run(Config::from_env()?),
        Command::Check => check::run(&Config::from_env()?),
        Command::Try(arguments) => preview::run(Config::from_env()?, &arguments),
        Command::Env(EnvArguments { effective: true, .. }) => env::effective(&Environment::read()),
        Command::Env(form) => env::reference(form),
        Command::Health { ready } => health::run(ready),
        Command::Status(arguments) => status::run(arguments),
        Command::Demo => demo::run(),
    }
}

/// Writes to stdout: text that a user asked for, never a log. A reader that has gone (`| head`) is not a failure.
///
/// # Errors
/// When stdout cannot be written for another reason.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn complain(text: &str) {
    // Nothing is left to do where even stderr is gone; the exit code still tells.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

//! `logskiff status`: the ledger of the running logskiff as a table; if none runs, the state in its checkpoint.

mod stopped;
mod table;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use self::table::{Ledger, Style};
use super::{StatusArguments, admin_client, print};
use crate::config::{Environment, http_listen_from};

/// Refresh interval of `--watch`.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// Moves the cursor to the upper left and clears the screen below it (ECMA-48).
const CLEAR: &str = "\x1b[H\x1b[J";
/// Columns of the table if the terminal's width is unknown.
const WIDTH: usize = 100;

/// Prints the table, once or with `--watch` repeatedly.
///
/// # Errors
/// If there is no answer and no checkpoint.
pub(super) fn run(arguments: StatusArguments) -> anyhow::Result<()> {
    let environment = Environment::read();
    let listen = http_listen_from(&environment)?;
    let stdout = std::io::stdout();
    let terminal = stdout.is_terminal();
    let mut before: Option<(Instant, u64)> = None;
    loop {
        let text = ledger(listen, &environment)?;
        if arguments.json {
            print(&format!("{}\n", text.trim_end()))?;
        } else {
            let ledger: Ledger = serde_json::from_str(&text).context("the answer of /ledger is not valid")?;
            let now = Instant::now();
            let bytes = ledger.totals.amounts.acknowledged_bytes;
            let rate = before.map(|(at, former)| {
                #[allow(clippy::cast_precision_loss, reason = "a rate for display")]
                let bytes = bytes.saturating_sub(former) as f64;
                bytes / now.saturating_duration_since(at).as_secs_f64()
            });
            before = Some((now, bytes));
            let width = if terminal { width(&stdout).unwrap_or(WIDTH) } else { WIDTH };
            let style = if terminal { Style::Bars } else { Style::Plain };
            let clear = if terminal && arguments.watch { CLEAR } else { "" };
            print(&format!("{clear}{}", table::render(&ledger, style, width, rate)))?;
        }
        if !arguments.watch {
            return Ok(());
        }
        std::thread::sleep(REFRESH_INTERVAL);
    }
}

/// The answer of `/ledger`, or the checkpoint's state if nothing listens there.
fn ledger(listen: Option<SocketAddr>, environment: &Environment) -> anyhow::Result<String> {
    let Some(listen) = listen else {
        return stopped::ledger(environment, "no HTTP server (LOGSKIFF_HTTP_LISTEN=off)");
    };
    match admin_client::get(listen, "/ledger") {
        Ok(answer) if answer.status == 200 => Ok(answer.body),
        Ok(answer) => bail!("/ledger returned {}: {}", answer.status, answer.body.trim().escape_debug()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => stopped::ledger(environment, "not running")
            .with_context(|| format!("no answer from {}/ledger", admin_client::reachable(listen))),
        Err(error) => Err(error).with_context(|| format!("no answer from {}/ledger", admin_client::reachable(listen))),
    }
}

/// The terminal's width in columns.
fn width(terminal: &std::io::Stdout) -> Option<usize> {
    rustix::termios::tcgetwinsize(terminal).ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

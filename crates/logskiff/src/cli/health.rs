//! `logskiff health`: for exec probes. Quiet and 0 when all is well.

use anyhow::{Context, bail};

use super::admin_client;
use crate::config::{Environment, http_listen_from};

/// Asks `/livez`, or `/readyz`.
///
/// # Errors
/// When nobody answers, or the answer says why it is not well; as mistakes, when nobody can be asked.
pub(super) fn run(ready: bool) -> anyhow::Result<()> {
    let Some(listen) = http_listen_from(&Environment::read())? else {
        bail!("LOGSKIFF_HTTP_LISTEN is off, so nobody can be asked; say for example 127.0.0.1:9598");
    };
    let path = if ready { "/readyz" } else { "/livez" };
    let answer = admin_client::get(listen, path)
        .with_context(|| format!("no answer from {}{path}", admin_client::reachable(listen)))?;
    if answer.status != 200 {
        bail!("{path} says {}: {}", answer.status, answer.body.trim().escape_debug());
    }
    Ok(())
}

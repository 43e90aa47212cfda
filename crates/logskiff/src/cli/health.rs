//! `logskiff health`: for exec probes. Prints nothing and returns 0 if logskiff is healthy.

use anyhow::{Context, bail};

use super::admin_client;
use crate::config::{Environment, http_listen_from};

/// Requests `/livez` or `/readyz`.
///
/// # Errors
/// If there is no answer, or its status is not 200; the error then contains the answer's reason.
pub(super) fn run(ready: bool) -> anyhow::Result<()> {
    let Some(listen) = http_listen_from(&Environment::read())? else {
        bail!("LOGSKIFF_HTTP_LISTEN is off; health checks need it, for example 127.0.0.1:9598");
    };
    let path = if ready { "/readyz" } else { "/livez" };
    let answer = admin_client::get(listen, path)
        .with_context(|| format!("no answer from {}{path}", admin_client::reachable(listen)))?;
    if answer.status != 200 {
        bail!("{path} returned {}: {}", answer.status, answer.body.trim().escape_debug());
    }
    Ok(())
}

//! `logskiff demo`: a demo application writes logs, logskiff ships them, an embedded Kafka receives them.
//!
//! The broker is librdkafka's mock cluster, in this process, on loopback. The writer rotates its logs, and some lines
//! contain personal data. At the end, the written lines are compared with the received records.

mod receiver;
mod writer;

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Context, bail};
use rdkafka::mocking::MockCluster;

use self::receiver::{Received, receive};
use self::writer::{SECRETS, Written, write};
use super::{print, run};
use crate::agent::{App, Summary};
use crate::config::Config;
use crate::telemetry::http::FileReport;

const TOPIC: &str = "logs";

/// Runs the demo and prints its report.
///
/// # Errors
/// If a part could not be started, a line was lost, or a secret arrived.
pub fn run() -> anyhow::Result<()> {
    let started = Instant::now();
    let dir = tempfile::tempdir().context("cannot create a temporary directory")?;
    let cluster = MockCluster::new(1).context("cannot start the embedded Kafka")?;
    cluster.create_topic(TOPIC, 1, 1).context("cannot start the embedded Kafka")?;
    let logs = dir.path().join("log");
    std::fs::create_dir(&logs)?;
    let config = config(dir.path(), &cluster.bootstrap_servers())?;
    run::init_log(&config.log)?;
    print(&format!(
        "A demo application writes access.log and app.log in {} and rotates them.\nlogskiff ships them to an embedded Kafka at {}.\n\n",
        logs.display(),
        cluster.bootstrap_servers()
    ))?;
    let app = App::start(config, false)?;
    let written = write(&logs).context("cannot write the demo's logs")?;
    app.stop();
    let summary = app.wait()?;
    let received = receive(&cluster.bootstrap_servers(), TOPIC, summary.total.acknowledged_records)?;
    print(&report(&written, &received, &summary, started)?)?;
    check_result(&written, &received)
}

fn config(dir: &std::path::Path, brokers: &str) -> anyhow::Result<Config> {
    let path = |name: &str| dir.join(name).display().to_string();
    let variables = [
        ("LOGSKIFF_INPUT_ACCESS_PATHS", path("log/access.log")),
        ("LOGSKIFF_INPUT_ACCESS_PARSE", "nginx".into()),
        ("LOGSKIFF_INPUT_APP_PATHS", path("log/app.log")),
        ("LOGSKIFF_INPUT_APP_PARSE", "json".into()),
        ("LOGSKIFF_STATE_DIR", path("state")),
        ("LOGSKIFF_REDACT", "secrets,pii".into()),
        ("LOGSKIFF_HTTP_LISTEN", "off".into()),
        ("LOGSKIFF_OUTPUT", "kafka".into()),
        ("LOGSKIFF_KAFKA_BROKERS", brokers.to_owned()),
        ("LOGSKIFF_KAFKA_TOPIC", TOPIC.into()),
        ("LOGSKIFF_LOG", "warn,librdkafka=error".into()),
        ("LOGSKIFF_LOG_FORMAT", "text".into()),
        ("POD_NAME", "shop-7d4b9c-x2x7p".into()),
        ("POD_NAMESPACE", "demo".into()),
    ];
    Config::from_vars(variables.map(|(name, value)| (name.to_owned(), value))).map_err(anyhow::Error::from)
}

fn report(written: &Written, received: &Received, summary: &Summary, started: Instant) -> anyhow::Result<String> {
    let mut text = String::new();
    for sample in &written.samples {
        let arrived = received.records.get(&sample.key).map_or("(not received)", |record| record.text.as_str());
        write!(text, "written   {}\nreceived  {arrived}\n\n", sample.line)?;
    }
    writeln!(text, "{:<44} {:>10} {:>12} {:>8}", "file", "records", "acknowledged", "pending")?;
    let mut files: Vec<_> = summary.files.iter().collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    for FileReport { path, balance, .. } in files {
        let (records, bytes, pending) =
            (balance.acknowledged_records, balance.acknowledged_bytes, balance.pending_bytes);
        let name = path.rsplit('/').next().unwrap_or_default();
        writeln!(text, "{name:<44} {records:>10} {bytes:>10} B {pending:>6} B")?;
    }
    let distinct = received.records.len();
    writeln!(text)?;
    writeln!(text, "lines written, over {} rotations   {:>8}", written.rotations, written.keys.len())?;
    writeln!(text, "records received                  {:>8}", received.messages)?;
    writeln!(text, "lost                              {:>8}", lost(written, received))?;
    writeln!(text, "duplicates                        {:>8}", received.messages - distinct)?;
    writeln!(text, "values masked                     {:>8}", summary.masked)?;
    writeln!(text, "secrets written                   {:>8}", written.secrets)?;
    writeln!(text, "secrets received                  {:>8}", received.secrets)?;
    writeln!(text, "\nFinished in {:.1} s.", started.elapsed().as_secs_f64())?;
    Ok(text)
}

fn lost(written: &Written, received: &Received) -> usize {
    written.keys.iter().filter(|key| !received.records.contains_key(*key)).count()
}

fn check_result(written: &Written, received: &Received) -> anyhow::Result<()> {
    let lost = lost(written, received);
    if lost > 0 || received.secrets > 0 {
        bail!("{lost} lines lost, {} secrets received", received.secrets);
    }
    Ok(())
}

/// The number of secrets in a text.
fn count_secrets(text: &str) -> usize {
    SECRETS.iter().map(|secret| text.matches(secret).count()).sum()
}

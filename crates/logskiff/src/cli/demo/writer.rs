//! The demo's application: two logs with personal data, rotated as `logrotate` does.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::count_secrets;

/// Secrets that must not arrive. All are invented.
pub(super) const SECRETS: [&str; 6] = [
    "ada@example.org",
    "4111111111111111",
    "5500 0055 5555 5559",
    "mF_9.B5f-4.1JqM5x8vT2k",
    "correct-horse-battery",
    "AKIAIOSFODNN7EXAMPLE",
];

/// Rotations of each log.
const ROTATIONS: usize = 3;
const LINES_BETWEEN_ROTATIONS: usize = 2_500;
/// Lines are written in groups with pauses in between, as a busy application does.
const GROUP_LINES: usize = 50;
const PAUSE: Duration = Duration::from_millis(4);

/// A line and the key of its record.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) key: String,
    pub(super) line: String,
}

/// The written lines.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The key of every line, `log:sequence`.
    pub(super) keys: BTreeSet<String>,
    pub(super) samples: Vec<Sample>,
    pub(super) secrets: usize,
    pub(super) rotations: usize,
}

/// Writes both logs.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn write(logs: &Path) -> io::Result<Written> {
    let mut written = Written::default();
    for rotation in 0..=ROTATIONS {
        let mut access = BufWriter::new(File::create(logs.join("access.log"))?);
        let mut app = BufWriter::new(File::create(logs.join("app.log"))?);
        for line in 0..LINES_BETWEEN_ROTATIONS {
            let sequence = rotation * LINES_BETWEEN_ROTATIONS + line;
            write_line(&mut access, "access", sequence, access_line(sequence), &mut written)?;
            write_line(&mut app, "app", sequence, app_line(sequence), &mut written)?;
            if line % GROUP_LINES == GROUP_LINES - 1 {
                access.flush()?;
                app.flush()?;
                std::thread::sleep(PAUSE);
            }
        }
        if rotation < ROTATIONS {
            rotate(logs, "access.log")?;
            rotate(logs, "app.log")?;
            written.rotations += 2;
        }
    }
    Ok(written)
}

fn write_line(
    log: &mut impl Write,
    name: &str,
    sequence: usize,
    line: String,
    written: &mut Written,
) -> io::Result<()> {
    writeln!(log, "{line}")?;
    let key = format!("{name}:{sequence}");
    written.secrets += count_secrets(&line);
    if matches!((name, sequence), ("access", 2) | ("app", 5 | 11)) {
        written.samples.push(Sample { key: key.clone(), line });
    }
    written.keys.insert(key);
    Ok(())
}

/// `.1` becomes `.2`, and the log becomes `.1`.
fn rotate(logs: &Path, name: &str) -> io::Result<()> {
    for number in (1..ROTATIONS).rev() {
        let older = logs.join(format!("{name}.{number}"));
        if older.exists() {
            fs::rename(&older, logs.join(format!("{name}.{}", number + 1)))?;
        }
    }
    fs::rename(logs.join(name), logs.join(format!("{name}.1")))
}

fn access_line(sequence: usize) -> String {
    let query = match sequence % 40 {
        2 => "&email=ada@example.org",
        9 => "&card=4111111111111111",
        17 => "&access_token=mF_9.B5f-4.1JqM5x8vT2k",
        _ => "",
    };
    let time = Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000");
    let status = if sequence % 50 == 49 { 500 } else { 200 };
    format!(
        "10.0.{}.{} - - [{time}] \"GET /cart?seq={sequence}{query} HTTP/1.1\" {status} {} \"-\" \"curl/8.9.1\" 0.0{:02}",
        sequence / 250 % 250,
        sequence % 250,
        sequence % 9000,
        sequence % 90 + 10
    )
}

fn app_line(sequence: usize) -> String {
    let (level, message, more) = match sequence % 30 {
        5 => ("warn", "payment declined", r#","user":{"email":"ada\u0040example.org","card":"5500 0055 5555 5559"}"#),
        11 => ("error", "login failed", r#","request":{"password":"correct-horse-battery","tries":3}"#),
        21 => ("debug", "upload with key AKIAIOSFODNN7EXAMPLE", ""),
        _ => ("info", "order accepted", ""),
    };
    let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
    format!(r#"{{"time":"{time}","level":"{level}","msg":"{message}","seq":{sequence}{more}}}"#)
}

//! Input: a ledger. Output: a table for people.

use std::fmt::Write;

use serde::Deserialize;

/// The JSON of `/ledger`; missing figures are 0.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ledger {
    version: String,
    state: String,
    uptime_seconds: Option<f64>,
    pub(super) totals: Totals,
    outputs: Vec<Output>,
    files: Vec<File>,
    files_left_out: u64,
    not_read: NotRead,
}

/// Files that exist and are not open.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NotRead {
    left_out: u64,
    files: Vec<File>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Totals {
    #[serde(flatten)]
    pub(super) amounts: Amounts,
    quiet_files: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_field_names, reason = "the names are those of the ledger's JSON")]
pub(super) struct Amounts {
    read_bytes: u64,
    pub(super) acknowledged_bytes: u64,
    dropped_bytes: u64,
    pending_bytes: u64,
    unread_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Output {
    output: String,
    connected: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    input: String,
    path: String,
    state: String,
    held: String,
    reason: String,
    size_bytes: Option<u64>,
    watermark_bytes: Option<u64>,
    #[serde(flatten)]
    amounts: Amounts,
    lag_seconds: f64,
}

/// Display of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Bars and numbers.
    Bars,
    /// Numbers only.
    Plain,
}

/// Width of a bar.
const BAR_COLUMNS: usize = 10;
/// Width of all columns except the path.
const COLUMNS: usize = 78;
/// Stands for a figure that is not known.
const UNKNOWN: &str = "-";
/// Minimum width of the path.
const PATH_COLUMNS_MIN: usize = 16;

/// Renders the table. `rate`: acknowledged bytes per second, if known.
pub(super) fn render(ledger: &Ledger, style: Style, width: usize, rate: Option<f64>) -> String {
    let mut text = String::new();
    let outputs: Vec<String> = ledger
        .outputs
        .iter()
        .map(|output| {
            format!("{} {}", escape(&output.output), if output.connected { "connected" } else { "not connected" })
        })
        .collect();
    let rate = rate.map(|rate| format!(", {}/s", size(rate))).unwrap_or_default();
    let (version, state) = (escape(&ledger.version), escape(&ledger.state));
    // Writing to a String cannot fail.
    _ = match ledger.uptime_seconds {
        Some(uptime) => {
            writeln!(text, "logskiff {version} {state} for {}; {}{rate}\n", time(uptime), outputs.join(", "))
        }
        None => writeln!(text, "logskiff {version} {state}\n"),
    };
    // The checkpoint has no byte accounting.
    let is_running = ledger.uptime_seconds.is_some();
    let columns = width.saturating_sub(COLUMNS).max(PATH_COLUMNS_MIN);
    _ = writeln!(
        text,
        "{:<columns$} {:<10} {:<7} {:<8} {:>15} {:>8} {:>8} {:>8} {:>6}",
        "FILE", "INPUT", "STATE", "HELD", "DONE", "READ", "PENDING", "UNREAD", "LAG"
    );
    for file in &ledger.files {
        _ = writeln!(
            text,
            "{:<columns$} {:<10} {:<7} {:<8} {:>15} {:>8} {:>8} {:>8} {:>6}",
            shortened(&escape(&file.path), columns),
            shortened(&escape(&file.input), 10),
            shortened(&escape(&file.state), 7),
            shortened(&escape(&file.held), 8),
            progress(file, style),
            if is_running { amount(file.amounts.read_bytes) } else { UNKNOWN.to_owned() },
            if is_running { amount(file.amounts.pending_bytes) } else { UNKNOWN.to_owned() },
            amount(file.amounts.unread_bytes),
            if is_running { time(file.lag_seconds) } else { UNKNOWN.to_owned() },
        );
    }
    if ledger.files_left_out > 0 {
        _ = writeln!(text, "and {} more", ledger.files_left_out);
    }
    if ledger.totals.quiet_files > 0 {
        _ = writeln!(text, "and {} files that are fully acknowledged and unmodified", ledger.totals.quiet_files);
    }
    reasons(ledger, columns, &mut text);
    let Amounts { read_bytes, acknowledged_bytes, dropped_bytes, pending_bytes, unread_bytes } = &ledger.totals.amounts;
    if !is_running {
        let done_bytes: u64 = ledger.files.iter().filter_map(|file| file.watermark_bytes).sum();
        _ = writeln!(text, "\nacknowledged or dropped {}; not read yet {}", amount(done_bytes), amount(*unread_bytes));
        return text;
    }
    _ = writeln!(
        text,
        "\nread {} = acknowledged {} + dropped {} + pending {}; not read yet {}",
        amount(*read_bytes),
        amount(*acknowledged_bytes),
        amount(*dropped_bytes),
        amount(*pending_bytes),
        amount(*unread_bytes)
    );
    text
}

/// The reasons why files are held, skipped or refused.
fn reasons(ledger: &Ledger, columns: usize, text: &mut String) {
    let held: Vec<&File> = ledger.files.iter().filter(|file| !file.reason.is_empty()).collect();
    if held.is_empty() && ledger.not_read.files.is_empty() {
        return;
    }
    // Writing to a String cannot fail.
    _ = writeln!(text, "\n{:<columns$} {:<10} {:<7} REASON", "FILE", "INPUT", "STATE");
    let mut line = |file: &File, state: &str| {
        let path = shortened(&escape(&file.path), columns);
        _ = writeln!(
            text,
            "{path:<columns$} {:<10} {state:<7} {}",
            shortened(&escape(&file.input), 10),
            escape(&file.reason)
        );
    };
    for file in held {
        line(file, "held");
    }
    for file in &ledger.not_read.files {
        line(file, &shortened(&escape(&file.state), 7));
    }
    if ledger.not_read.left_out > 0 {
        _ = writeln!(text, "and {} more", ledger.not_read.left_out);
    }
}

/// The acknowledged or dropped share of a file; 100 % if it is closed.
fn progress(file: &File, style: Style) -> String {
    let (done, whole) = match (file.watermark_bytes, file.size_bytes) {
        (Some(done), Some(whole)) if whole > 0 => (done.min(whole), whole),
        _ => (1, 1),
    };
    let share = u128::from(done) * 100 / u128::from(whole);
    if style == Style::Plain {
        return format!("{share} %");
    }
    let full = usize::try_from(u128::from(done) * BAR_COLUMNS as u128 / u128::from(whole)).unwrap_or(BAR_COLUMNS);
    format!("{}{} {share:>3}%", "█".repeat(full), "░".repeat(BAR_COLUMNS - full))
}

/// Escapes control characters in text from outside.
fn escape(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Replaces the middle of a text that is wider than `columns`.
fn shortened(text: &str, columns: usize) -> String {
    let count = text.chars().count();
    if count <= columns {
        return text.to_owned();
    }
    let head = (columns - 1) / 3;
    let tail = columns - 1 - head;
    text.chars().take(head).chain(['…']).chain(text.chars().skip(count - tail)).collect()
}

#[allow(clippy::cast_precision_loss, reason = "for display")]
fn amount(bytes: u64) -> String {
    size(bytes as f64)
}

fn size(bytes: f64) -> String {
    let (mut value, mut unit) = (bytes, "B");
    for next in ["K", "M", "G", "T"] {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" || value >= 100.0 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 10.0 => format!("{seconds:.1}s"),
        seconds if seconds < 100.0 => format!("{seconds:.0}s"),
        seconds if seconds < 6_000.0 => format!("{:.0}m", seconds / 60.0),
        seconds if seconds < 360_000.0 => format!("{:.0}h", seconds / 3_600.0),
        seconds => format!("{:.0}d", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEDGER: &str = r#"{"version":"0.1.0","state":"running","uptime_seconds":75.0,"new":1,
        "totals":{"read_bytes":3000,"acknowledged_bytes":2000,"dropped_bytes":10,"pending_bytes":990,"unread_bytes":5,"quiet_files":7},
        "outputs":[{"output":"kafka","connected":false}],
        "files":[
          {"input":"default","path":"/var/log/app/app.log","state":"live","size_bytes":4000,"watermark_bytes":1000,
           "read_bytes":3000,"pending_bytes":990,"unread_bytes":5,"lag_seconds":90.4},
          {"input":"default","path":"/var/log/app/a-very-long-name-that-nobody-wants-to-see-whole-\u001b[31m.log.1","state":"closed","read_bytes":2097152}
        ]}"#;

    fn ledger() -> Ledger {
        serde_json::from_str(LEDGER).unwrap()
    }

    #[test]
    fn the_table_is_complete_and_fits_the_terminal() {
        let text = render(&ledger(), Style::Bars, 100, Some(1536.0));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "logskiff 0.1.0 running for 75s; kafka not connected, 1.5 K/s");
        assert!(
            lines[3].contains("██░░░░░░░░  25%") && lines[3].contains("2.9 K") && lines[3].ends_with("90s"),
            "{text}"
        );
        assert!(lines[4].contains("██████████ 100%") && lines[4].contains("2.0 M"), "{text}");
        assert!(
            text.contains("read 2.9 K = acknowledged 2.0 K + dropped 10 B + pending 990 B; not read yet 5 B"),
            "{text}"
        );
        assert!(lines.iter().skip(2).take(3).all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn hostile_names_do_not_reach_the_terminal() {
        for width in [0, 40, 80, 200] {
            let text = render(&ledger(), Style::Plain, width, None);
            assert!(!text.contains('\u{1b}') && !text.contains('█'), "{text}");
        }
        assert!(render(&ledger(), Style::Plain, 300, None).contains(r"\u{1b}[31m.log.1"));
    }

    #[test]
    fn reasons_are_listed() {
        let ledger = r#"{"files":[{"path":"/a.log","input":"default","state":"rotated","held":"pending","reason":"it waits"}],
            "files_left_out":3,"not_read":{"refused":9,"left_out":8,
            "files":[{"path":"/b.log","state":"refused","reason":"a \u001b link"}]}}"#;
        let text = render(&serde_json::from_str(ledger).unwrap(), Style::Plain, 80, None);
        for (path, line) in [("/a.log", "default    held    it waits"), ("/b.log", r"refused a \u{1b} link")] {
            assert!(
                text.lines().any(|printed| printed.starts_with(path) && printed.ends_with(line)),
                "no {line:?} in\n{text}"
            );
        }
        assert!(text.contains("and 3 more\n") && text.contains("and 8 more\n"), "{text}");
        assert!(!render(&Ledger::default(), Style::Plain, 80, None).contains("REASON"), "no reasons");
    }

    #[test]
    fn an_empty_ledger_is_a_table_too() {
        let text = render(&serde_json::from_str("{}").unwrap(), Style::Plain, 80, None);
        assert!(text.contains("acknowledged or dropped 0 B; not read yet 0 B"), "{text}");
    }

    #[test]
    fn sizes_and_times_are_short() {
        let sizes = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 K"),
            (1 << 20, "1.0 M"),
            (150 << 20, "150 M"),
            (u64::MAX, "16777216 T"),
        ];
        for (bytes, expected) in sizes {
            assert_eq!(amount(bytes), expected);
        }
        for (seconds, expected) in [(0.0, "0.0s"), (61.0, "61s"), (600.0, "10m"), (7_200.0, "2h"), (1.0e6, "12d")] {
            assert_eq!(time(seconds), expected);
        }
    }
}

//! Runs within a container's memory limit without an OOM kill: at full speed in 24 MiB, and with the worst lines in 64
//! MiB.
//!
//! Needs a writable memory control group (root on most machines), and a release build in `LOGSKIFF_TEST_BIN` to be
//! meaningful. Without a control group the tests report that; with `LOGSKIFF_TEST_REAL=1` they fail.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::lines::text;
use crate::support::scene::{Scene, TOPIC};
use crate::support::sidecar::Settings;

const LIMIT_BYTES: u64 = 24 << 20;
/// The sidecar's memory limit in the charts.
const POD_BYTES: u64 = 64 << 20;
const LINES: u64 = 300_000;

/// A control group with a memory limit; removed when dropped.
struct Group {
    dir: PathBuf,
    version: u8,
}

impl Group {
    /// Version 1 below this process's group, or version 2 at the root of the hierarchy.
    fn new(limit_bytes: u64) -> Option<Self> {
        let name = format!("logskiff-test-{}-{limit_bytes}", std::process::id());
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = own.lines().find_map(|line| line.split_once(":memory:").map(|(_, path)| path.to_owned()));
        let root = Path::new("/sys/fs/cgroup");
        let (parent, limit, version) = match own {
            Some(path) => (root.join("memory").join(path.trim_start_matches('/')), "memory.limit_in_bytes", 1),
            None => (root.to_path_buf(), "memory.max", 2),
        };
        let group = Self { dir: parent.join(name), version };
        fs::create_dir(&group.dir).ok()?;
        fs::write(group.dir.join(limit), limit_bytes.to_string()).ok()?;
        // Swap would hide the result; without swap, the file is missing.
        _ = fs::write(group.dir.join("memory.swap.max"), "0");
        Some(group)
    }

    /// The same, or a message that there is none, which is a failure if all parts are required.
    fn try_new(limit_bytes: u64) -> Option<Self> {
        let group = Self::new(limit_bytes);
        if group.is_none() {
            assert!(std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "no memory control group can be made here");
            eprintln!("skipped: no memory control group can be made here; try as root");
        }
        group
    }

    /// Runs the sidecar in it until everything is shipped; returns its standard output.
    fn run(&self, sidecar: &Command) -> String {
        let output = self.output(sidecar);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {log}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs the sidecar in it until it ends by itself.
    fn output(&self, sidecar: &Command) -> Output {
        let script = "echo $$ > \"$1/cgroup.procs\" && shift && exec \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(&self.dir).arg(sidecar.get_program()).args(sidecar.get_args());
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(sidecar.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(self.number(["memory.oom_control", "memory.events"]), 0, "nothing was killed");
        output
    }

    fn number(&self, of: [&str; 2]) -> u64 {
        let name = of[usize::from(self.version) - 1];
        let text = fs::read_to_string(self.dir.join(name)).unwrap();
        let kills = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        kills.unwrap_or(&text).trim().parse().unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It stays only if a process still runs in it, and then the test has already failed.
        let _ = fs::remove_dir(&self.dir);
    }
}

/// Goal: the most demanding ordinary work (every line parsed, masked and encoded at full speed) fits 24 MiB.
#[test]
fn a_full_speed_run_fits_24_mib() {
    let Some(group) = Group::try_new(LIMIT_BYTES) else { return };
    let scene = Scene::new();
    let mut lines = String::new();
    for seq in 0..LINES {
        _ = writeln!(lines, "{{\"level\":\"info\",\"token\":\"x\",\"n\":{seq},\"message\":{:?}}}", text(seq % 1_000));
    }
    scene.write("logs/app.log", lines);
    let settings = Settings::new(scene.folder(), &scene.kafka().bootstrap(), TOPIC)
        .without("LOGSKIFF_IN_FLIGHT_BYTES")
        .with("LOGSKIFF_PARSE", "json")
        .with("LOGSKIFF_REDACT", "secrets,pii")
        .with("LOGSKIFF_HTTP_LISTEN", "127.0.0.1:0")
        .with("LOGSKIFF_EXIT", "eof");
    group.run(&settings.command());
    assert_eq!(scene.kafka().end_offset(TOPIC), LINES);
    let peak = fs::read_to_string(
        group.dir.join(["memory.max_usage_in_bytes", "memory.peak"][usize::from(group.version) - 1]),
    );
    let peak: u64 = peak.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    eprintln!(
        "peak of the group, file pages included: {:.1} MiB of 24",
        u32::try_from(peak >> 10).map_or(f64::NAN, f64::from) / 1024.0
    );
}

/// Goal: too many rules are refused by name at the start, not by an OOM kill.
#[test]
fn rules_above_their_limit_are_refused_in_64_mib() {
    let Some(group) = Group::try_new(POD_BYTES) else { return };
    let scene = Scene::new();
    let mut settings = Settings::new(scene.folder(), "localhost:1", TOPIC);
    for number in 0..750 {
        let pattern = format!("k{number}[a-z]{{3,400}}(foo|bar|[0-9]){{1,20}}");
        settings = settings.with(&format!("LOGSKIFF_REDACT_RULE_R{number}"), &pattern);
    }
    let output = group.output(&settings.command());
    assert_eq!(output.status.code(), Some(78), "a mistake of the configuration");
    assert!(String::from_utf8_lossy(&output.stderr).contains("more than the limit of 6MiB"));
}

/// Goal: a line made to take memory ends no pod: the lines before and after it are shipped.
#[test]
fn the_worst_lines_fit_64_mib() {
    const LINE_BYTES: usize = (1 << 20) - 64;
    let Some(group) = Group::try_new(POD_BYTES) else { return };
    let scene = Scene::new();
    let repeated = |unit: &str| unit.repeat(LINE_BYTES / unit.len());
    let mut lines = String::from("before\n");
    for unit in [
        "pw=a&",
        "a@b.cc ",
        "\\u0070w=a&",
        "10.1.2.3,",
        "\\n",
        "%2540",
        "&#64;",
        "\u{1b}[33mpw\u{1b}[0m=a ",
        "\"pin\":1,",
    ] {
        _ = writeln!(lines, "{{\"m\":\"\\n%41{}\"}}", repeated(unit));
        _ = writeln!(lines, "{}", repeated(unit));
    }
    lines.push_str("after\n");
    scene.write("logs/app.log", lines);
    let settings = Settings::stdout(scene.folder())
        .without("LOGSKIFF_IN_FLIGHT_BYTES")
        .with("LOGSKIFF_PARSE", "auto")
        .with("LOGSKIFF_REDACT", "secrets,pii")
        .with("LOGSKIFF_EXIT", "eof");
    let left = group.run(&settings.command());
    for line in ["before", "after"] {
        assert!(left.lines().any(|record| record.contains(&format!("\"message\":\"{line}\""))), "{line} is missing");
    }
    assert_eq!(left.lines().count(), 2 + 2 * 9);
}

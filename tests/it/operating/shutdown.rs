//! Shutdown: exit codes, the shutdown report, and the conditions of `LOGSKIFF_EXIT`.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::PATIENCE;
use crate::support::scene::{Scene, TOPIC};
use crate::support::{KillOnDrop, http, signal, wait_until};

const LINES: &str = "one\ntwo\nthree\n";

/// Ends under SIGTERM with the broker up or down; returns the exit code and the termination message.
#[track_caller]
fn check_drain(broker_up: bool, exit_code: &str, expected_code: i32, expected: &str) {
    let scene = Scene::new();
    scene.append_log("app.log", LINES);
    if !broker_up {
        scene.kafka().down();
    }
    let settings = scene.observed().with("LOGSKIFF_DRAIN_TIMEOUT", "2s").with("LOGSKIFF_EXIT_CODE", exit_code);
    let mut sidecar = scene.start(&settings);
    let address = http::address(&sidecar);
    wait_until("the lines to be read", PATIENCE, || {
        http::scrape(&address).is_some_and(|samples| samples["logskiff_read_bytes_total{input=\"default\"}"] >= 14.0)
    });
    sidecar.terminate();
    let (status, took) = sidecar.wait(PATIENCE);
    assert_eq!(status.code(), Some(expected_code), "{exit_code}, broker up: {broker_up}");
    assert!(took < Duration::from_secs(8), "{took:?}");
    let message = scene.termination_message();
    let path = scene.path("logs/app.log").display().to_string();
    assert_eq!(message.lines().nth(1), Some(format!("{path}: read 14, {expected}").as_str()), "{message}");
    let log = sidecar.stderr();
    let last = log.lines().rfind(|line| line.starts_with('{')).unwrap_or_default();
    assert!(last.contains("\"shutdown complete\"") && last.contains(expected), "{last}");
    let level = if expected.ends_with("left 0") { "\"INFO\"" } else { "\"WARN\"" };
    assert!(last.contains(level), "{last}");
}

/// Goal: a drain says at its start and then every few seconds how much is left, so that a SIGKILL leaves a figure.
#[test]
fn a_killed_drain_leaves_a_figure() {
    let scene = Scene::new();
    scene.append_log("app.log", LINES);
    scene.kafka().down();
    let settings = scene.observed().with("LOGSKIFF_DRAIN_TIMEOUT", "60s");
    let mut sidecar = scene.start(&settings);
    wait_until("the file to be read", PATIENCE, || sidecar.stderr().contains("\"reading\""));
    sidecar.terminate();
    let told = |level: &str| {
        let log = sidecar.stderr();
        let is_it =
            |line: &&str| line.contains(level) && line.contains("\"draining: ") && line.contains("\"left_bytes\":14");
        log.lines().filter(is_it).count()
    };
    wait_until("the start of the drain", PATIENCE, || told("\"INFO\"") == 1);
    wait_until("two warnings", PATIENCE, || told("\"WARN\"") >= 2);
    let message = scene.termination_message();
    sidecar.kill();
    assert!(message.starts_with("ended before the drain was complete: ") && message.contains("left 14 B"), "{message}");
}

#[test]
fn a_complete_drain_ends_with_0_and_reports_that() {
    check_drain(true, "lenient", 0, "acknowledged 14, dropped 0, left 0");
}

#[test]
fn a_complete_drain_ends_with_0_when_strict() {
    check_drain(true, "strict", 0, "acknowledged 14, dropped 0, left 0");
}

#[test]
fn an_outage_at_the_end_is_no_failure_of_the_sidecar() {
    check_drain(false, "lenient", 0, "acknowledged 0, dropped 0, left 14");
}

#[test]
fn an_outage_at_the_end_is_75_when_strict() {
    check_drain(false, "strict", 75, "acknowledged 0, dropped 0, left 14");
}

/// Goal: a second SIGTERM changes nothing, since kubelets may send two. A second SIGINT ends immediately, and acknowledged
/// records are not sent again.
#[test]
fn a_second_sigint_ends_at_once_with_the_watermark_saved() {
    let scene = Scene::new();
    scene.append_log("app.log", LINES);
    let settings = scene.observed().with("LOGSKIFF_DRAIN_TIMEOUT", "60s");
    let mut sidecar = scene.start(&settings);
    wait_until("the first lines", PATIENCE, || scene.kafka().end_offset(TOPIC) == 3);
    scene.kafka().down();
    scene.append_log("app.log", "four\n");
    sidecar.terminate();
    wait_until("the drain", PATIENCE, || sidecar.stderr().contains("draining: reading"));
    std::thread::sleep(Duration::from_millis(500));
    assert!(sidecar.is_running(), "it waits for the broker");
    sidecar.terminate();
    signal(sidecar.id(), "INT");
    std::thread::sleep(Duration::from_secs(2));
    assert!(sidecar.is_running(), "neither is a second SIGINT");
    signal(sidecar.id(), "INT");
    let (status, took) = sidecar.wait(PATIENCE);
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(scene.termination_message().contains("left 5"), "{}", scene.termination_message());
    scene.kafka().up();
    let mut again = scene.start(&settings.with("LOGSKIFF_EXIT", "eof"));
    assert_eq!(again.wait(PATIENCE).0.code(), Some(0));
    let received: Vec<Vec<u8>> = scene.kafka().received(TOPIC).into_iter().map(|message| message.payload).collect();
    assert_eq!(received.len(), 4, "no duplicates, nothing lost");
}

/// Goal: signals for other programs (after a rotation, for a reload, by a terminal, a timer or a profiler) change
/// nothing, and are logged once.
#[test]
fn signals_of_other_programs_end_nothing() {
    const NAMES: [&str; 10] = ["HUP", "USR1", "USR2", "QUIT", "ALRM", "VTALRM", "PROF", "PWR", "IO", "XFSZ"];
    let scene = Scene::new();
    let mut sidecar = scene.start(&scene.observed());
    wait_until("the start", PATIENCE, || sidecar.stderr().contains("logskiff starts"));
    for name in NAMES {
        let reported = || sidecar.stderr().matches(&format!("\"SIG{name}\"")).count();
        for _ in 0..2 {
            signal(sidecar.id(), name);
            wait_until("a word", PATIENCE, || reported() == 1);
        }
    }
    for number in ["16", "35", "64"] {
        signal(sidecar.id(), number);
    }
    wait_until("a word of each", PATIENCE, || {
        sidecar.stderr().contains("\"SIGSTKFLT\"") && sidecar.stderr().matches("\"real-time\"").count() == 2
    });
    scene.append_log("app.log", LINES);
    wait_until("the lines", PATIENCE, || scene.kafka().end_offset(TOPIC) == 3);
    assert!(sidecar.is_running());
    for name in NAMES {
        assert_eq!(sidecar.stderr().matches(&format!("\"SIG{name}\"")).count(), 1, "logged once");
    }
    sidecar.drain(PATIENCE);
}

/// Goal: at the limit of processor time logskiff drains. The signal comes again each second, and does not cut the drain
/// short.
#[test]
fn the_limit_of_processor_time_starts_a_drain() {
    let scene = Scene::new();
    let mut sidecar = scene.start(&scene.observed());
    scene.append_log("app.log", LINES);
    wait_until("the lines", PATIENCE, || scene.kafka().end_offset(TOPIC) == 3);
    scene.kafka().down();
    scene.append_log("app.log", "four\n");
    for _ in 0..3 {
        signal(sidecar.id(), "XCPU");
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(sidecar.is_running(), "a line is not delivered yet");
    scene.kafka().up();
    assert_eq!(sidecar.wait(PATIENCE).0.code(), Some(0));
    assert_eq!(scene.kafka().received(TOPIC).len(), 4);
}

/// Goal: the file of `LOGSKIFF_EXIT` starts the drain, and the drain waits for the broker.
#[test]
fn an_exit_file_ends_it_once_everything_is_acknowledged() {
    let scene = Scene::new();
    let sentinel = scene.path("done");
    let settings = scene.observed().with("LOGSKIFF_EXIT", &format!("file:{}", sentinel.display()));
    let mut sidecar = scene.start(&settings);
    scene.append_log("app.log", LINES);
    wait_until("the lines", PATIENCE, || scene.kafka().end_offset(TOPIC) == 3);
    scene.kafka().down();
    scene.append_log("app.log", "four\nfive, without its newline");
    fs::write(&sentinel, "").unwrap();
    wait_until("the sentinel to be seen", PATIENCE, || {
        sidecar.stderr().contains("the condition of LOGSKIFF_EXIT is met")
    });
    std::thread::sleep(Duration::from_secs(1));
    assert!(sidecar.is_running(), "two lines are not delivered yet");
    scene.kafka().up();
    assert_eq!(sidecar.wait(PATIENCE).0.code(), Some(0));
    assert_eq!(scene.kafka().received(TOPIC).len(), 5);
}

/// Creates a process namespace; `None` on a machine that does not allow it.
fn namespace() -> Option<Command> {
    let namespace = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    let can = Command::new("unshare").args(namespace).arg("true").stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "no process namespace can be made here");
        eprintln!("skipped: this machine lets nobody make a process namespace (unshare --user --pid)");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(namespace).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    Some(command)
}

/// Goal: in a shared process namespace it ends after the application, and not before.
#[test]
fn it_ends_when_the_application_s_processes_are_gone() {
    let Some(mut command) = namespace() else { return };
    let scene = Scene::new();
    let settings = scene.observed().with("LOGSKIFF_EXIT", "app");
    let sidecar = settings.command();
    let logs = scene.path("logs/app.log").display().to_string();
    // Process 1 stands for the pod's own; the application writes, waits, writes its last line and ends.
    let script = "(echo first; sleep 2; printf last) > \"$1\" & exec_sidecar=$2; \"$exec_sidecar\"; echo code=$?";
    command.args(["sh", "-c", script, "sh", &logs]).arg(sidecar.get_program());
    command.envs(sidecar.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let start = std::time::Instant::now();
    let output = command.output().unwrap();
    let (out, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("code=0"), "{out}\n{log}");
    assert!(start.elapsed() >= Duration::from_secs(2));
    assert_eq!(scene.kafka().received(TOPIC).len(), 2, "{log}");
}

/// Goal: a pipe that was created for an application does not count as the application.
#[test]
fn a_pipe_without_a_writer_is_no_application() {
    let Some(mut command) = namespace() else { return };
    let scene = Scene::new();
    let [pipe, gate] = ["logs/app.pipe", "gate"].map(|name| {
        let path = scene.path(name);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        path.display().to_string()
    });
    let sidecar = scene.observed().with("LOGSKIFF_EXIT", "app").with("LOGSKIFF_PATHS", &pipe).command();
    // Only process 1 waits at first; then the application starts.
    let script = "\"$3\" & read go < \"$2\"; (echo first; sleep 1; echo last) > \"$1\" & wait";
    command.args(["sh", "-c", script, "sh", &pipe, &gate]).arg(sidecar.get_program());
    command.envs(sidecar.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let running = command.stderr(Stdio::piped()).spawn().unwrap();
    // Twice as long as an application must be gone to count as ended.
    std::thread::sleep(Duration::from_secs(4));
    std::fs::write(&gate, "go\n").unwrap();
    wait_until("both lines", PATIENCE, || scene.kafka().received(TOPIC).len() == 2);
    let output = running.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("the condition of LOGSKIFF_EXIT is met"), "{log}");
}

/// The capacity of a pipe (pipe(7)).
const PIPE_BYTES: u64 = 64 << 10;

/// More than the capacity of a pipe and a batch.
fn many_lines() -> String {
    "a line that standard output's reader never takes\n".repeat(20_000)
}

/// Starts it with a standard output that nobody reads but that stays open.
fn with_a_stuck_stdout(settings: &crate::support::sidecar::Settings, log: &std::path::Path) -> KillOnDrop {
    let log = fs::File::create(log).unwrap();
    KillOnDrop(settings.command().stdout(Stdio::piped()).stderr(Stdio::from(log)).spawn().unwrap())
}

/// Sends SIGTERM, checks the exit code, and returns the duration.
#[track_caller]
fn terminate(mut process: KillOnDrop) -> Duration {
    crate::support::signal(process.id(), "TERM");
    let start = std::time::Instant::now();
    wait_until("the end", PATIENCE, || process.try_wait().unwrap().is_some());
    assert_eq!(process.wait().unwrap().code(), Some(0));
    start.elapsed()
}

/// Goal: a stuck reader of standard output does not block shutdown, and unaccepted records are reported as left.
#[test]
fn a_stuck_stdout_does_not_block_shutdown() {
    let scene = Scene::new();
    scene.append_log("app.log", many_lines());
    let settings = scene.observed().with("LOGSKIFF_OUTPUT", "stdout").with("LOGSKIFF_DRAIN_TIMEOUT", "2s");
    let log = scene.path("sidecar.log");
    let process = with_a_stuck_stdout(&settings, &log);
    let pipe = process.stdout.as_ref().unwrap();
    wait_until("a full pipe", PATIENCE, || rustix::io::ioctl_fionread(pipe).unwrap() >= PIPE_BYTES);
    let took = terminate(process);
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(fs::read_to_string(&log).unwrap().contains("shutdown complete"));
    assert!(!scene.termination_message().contains("left 0"), "{}", scene.termination_message());
}

/// Goal: with Kafka as another output, it blocks nothing: every line arrives there, and the failure is counted.
#[test]
fn a_stuck_stdout_does_not_delay_kafka() {
    let scene = Scene::new();
    scene.append_log("app.log", many_lines());
    let log = scene.path("sidecar.log");
    let process = with_a_stuck_stdout(&scene.observed().with("LOGSKIFF_OUTPUT", "kafka,stdout"), &log);
    wait_until("every line", PATIENCE, || scene.kafka().end_offset(TOPIC) == 20_000);
    let took = terminate(process);
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(scene.termination_message().contains("left 0"), "{}", scene.termination_message());
}

//! The sidecar as a process: started with exactly a test's environment, ended by a signal, observed from outside.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use super::{KillOnDrop, signal, tail_of};

/// A logskiff process; killed when dropped, and its own log is shown if a test fails.
pub struct Sidecar {
    process: KillOnDrop,
    log: PathBuf,
    log_start: usize,
    stdout: PathBuf,
}

/// The environment of a sidecar that tails `app.log*` in a folder, to be extended.
#[derive(Clone)]
pub struct Settings {
    variables: Vec<(String, String)>,
    /// The program that starts the binary, which is its last argument; empty: none.
    starter: Vec<String>,
}

impl Settings {
    /// Files `folder/logs/app.log*` (rotated names too), state in `folder/state`, raw lines to one topic.
    pub fn new(folder: &Path, brokers: &str, topic: &str) -> Self {
        Self::output(folder, "kafka").with("LOGSKIFF_KAFKA_BROKERS", brokers).with("LOGSKIFF_KAFKA_TOPIC", topic)
    }

    /// The same to standard output.
    pub fn stdout(folder: &Path) -> Self {
        Self::output(folder, "stdout")
    }

    /// The same to a syslog receiver.
    pub fn syslog(folder: &Path, address: &str) -> Self {
        Self::output(folder, "syslog").with("LOGSKIFF_SYSLOG_ADDRESS", address)
    }

    fn output(folder: &Path, output: &str) -> Self {
        let at = |name: &str| folder.join(name).display().to_string();
        Self { variables: Vec::new(), starter: Vec::new() }
            .with("LOGSKIFF_PATHS", &at("logs/app.log*"))
            .with("LOGSKIFF_STATE_DIR", &at("state"))
            .with("LOGSKIFF_OUTPUT", output)
            .with("LOGSKIFF_PARSE", "none")
            .with("LOGSKIFF_HTTP_LISTEN", "off")
            .with("LOGSKIFF_DRAIN_TIMEOUT", "25s")
            .with("LOGSKIFF_IN_FLIGHT_BYTES", "1MiB")
    }

    /// Sets or replaces a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// The binary with exactly these variables.
    pub fn command(&self) -> Command {
        let mut command = match &self.starter[..] {
            [] => Command::new(binary()),
            [starter, arguments @ ..] => {
                let mut command = Command::new(starter);
                command.args(arguments).arg(binary());
                command
            }
        };
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        command
    }

    /// Lets another program start it, which gets the binary as its last argument.
    #[must_use]
    pub fn through(mut self, starter: &[&str]) -> Self {
        self.starter = starter.iter().map(|part| (*part).to_owned()).collect();
        self.with("PATH", &env::var("PATH").expect("a PATH"))
    }
}

impl Sidecar {
    /// Starts it; its stderr is appended to `folder/sidecar.log`, its stdout to `folder/sidecar.out`.
    pub fn start(folder: &Path, settings: &Settings) -> Self {
        Self::reading(folder, settings, Stdio::null())
    }

    /// The same with a standard input.
    pub fn reading(folder: &Path, settings: &Settings, stdin: impl Into<Stdio>) -> Self {
        for needed in ["logs", "state"] {
            fs::create_dir_all(folder.join(needed)).expect("a folder");
        }
        let log = folder.join("sidecar.log");
        let log_start = fs::metadata(&log).map_or(0, |meta| usize::try_from(meta.len()).expect("a size"));
        let stdout = folder.join("sidecar.out");
        let open = |path: &Path| OpenOptions::new().create(true).append(true).open(path).expect("a log file");
        let process = settings
            .command()
            .stdin(stdin)
            .stdout(Stdio::from(open(&stdout)))
            .stderr(Stdio::from(open(&log)))
            .spawn()
            .expect("the sidecar starts");
        Self { process: KillOnDrop(process), log, log_start, stdout }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The stdout of all processes with this folder so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stdout).expect("the output")).into_owned()
    }

    /// The stderr of this process so far.
    pub fn stderr(&self) -> String {
        let bytes = fs::read(&self.log).expect("the log");
        String::from_utf8_lossy(&bytes[self.log_start..]).into_owned()
    }

    /// Sends SIGKILL, and waits for the end.
    pub fn kill(mut self) {
        assert!(self.is_running(), "the sidecar had ended by itself");
        self.process.kill().expect("SIGKILL is sent");
        self.process.wait().expect("a status");
    }

    /// Sends SIGTERM, which starts a drain.
    pub fn terminate(&mut self) {
        assert!(self.is_running(), "the sidecar had ended by itself");
        signal(self.process.id(), "TERM");
    }

    /// Waits for the end; returns the status and the time that it took.
    ///
    /// # Panics
    /// If it still runs at the deadline.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> (ExitStatus, Duration) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("a status") {
                return (status, start.elapsed());
            }
            assert!(start.elapsed() < deadline, "the sidecar still runs after {deadline:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Drains and checks the exit code; returns the duration of the drain.
    #[track_caller]
    pub fn drain(mut self, deadline: Duration) -> Duration {
        self.terminate();
        let (status, took) = self.wait(deadline);
        assert!(status.success(), "the drain ended with {status}");
        took
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("a status").is_none()
    }

    /// The CPU time of its threads so far.
    pub fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).expect("its threads").flatten();
        let spent = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            text.split_whitespace().next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0)
        };
        Duration::from_nanos(tasks.map(spent).sum())
    }

    /// Its peak memory so far (`VmHWM`), in bytes; 0 once it has ended.
    pub fn memory_peak_bytes(&self) -> u64 {
        self.memory_bytes("VmHWM:")
    }

    /// The memory in use now without the pages of files: a debug build has twice as many pages of code as a release, about
    /// 13 MiB, and a kernel that takes back cold pages leaves another part of them each time.
    pub fn own_memory_bytes(&self) -> u64 {
        self.memory_bytes("RssAnon:")
    }

    fn memory_bytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().strip_suffix(" kB")).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
            * 1024
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the sidecar's log ends:\n{}", tail_of(&self.log, 30));
        }
    }
}

/// The binary under test: `LOGSKIFF_TEST_BIN` (a release build), else the one that Cargo has just built.
fn binary() -> PathBuf {
    let binary = env::var_os("LOGSKIFF_TEST_BIN").map_or_else(|| env!("CARGO_BIN_EXE_logskiff").into(), PathBuf::from);
    // The starting program may use another current directory.
    std::path::absolute(binary).expect("a current folder")
}

//! Tailing as the machine sees it: what watching costs, what replaces it, thousands of files, fairness, and files that are
//! none. The whole process, with standard output for a receiver.

mod checkpoints;
mod confined;
mod hostile;
mod pruning;
mod scale;
mod streams;
mod watching;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::sidecar::{Settings, Sidecar};

/// For what takes a moment when all is well; a debug build on a busy machine needs more.
const PATIENCE: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;

/// Whether the sizes are to be those that are promised: they take gigabytes of the disk for temporary files.
pub(crate) fn in_full() -> bool {
    std::env::var_os("LOGSKIFF_TEST_REAL").is_some()
}

/// A folder with `logs` in it, and a sidecar's settings for it.
pub(crate) struct Scene {
    folder: TempDir,
}

impl Scene {
    pub(crate) fn prepare() -> Self {
        let folder = tempfile::Builder::new().prefix("logskiff-test-").tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.path("logs").join(name)
    }

    pub(crate) fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = File::options().create(true).append(true).open(self.log(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    /// Everything that is called `*.log`, to standard output.
    pub(crate) fn settings(&self) -> Settings {
        Settings::new(self.folder.path(), "", "")
            .without("LOGSKIFF_KAFKA_BROKERS")
            .without("LOGSKIFF_KAFKA_TOPIC")
            .with("LOGSKIFF_PATHS", &self.path("logs/**/*.log").display().to_string())
            .with("LOGSKIFF_OUTPUT", "stdout")
    }

    pub(crate) fn start(&self, settings: &Settings) -> Sidecar {
        Sidecar::start(self.folder.path(), settings)
    }
}

/// The messages that came, and how often.
pub(crate) fn counted(sidecar: &Sidecar) -> HashMap<String, usize> {
    let mut counted = HashMap::new();
    for line in sidecar.stdout().lines() {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        *counted.entry(record["message"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counted
}

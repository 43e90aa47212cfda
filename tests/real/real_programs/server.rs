//! A server of a test: run in the foreground without root's rights, in a folder of its own, in the zone of the tests.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::ZONE;
use crate::support::{KillOnDrop, signal, tail_of, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
const NOBODY: u32 = 65534;

/// A folder that an unprivileged account owns.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("logskiff-program-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Self(folder)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.at(name), text).unwrap();
        self.at(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_default()
    }

    /// A program of the unprivileged account, in the folder.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = if is_root() {
            let mut other = Command::new("setpriv");
            other.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]).arg(program);
            other
        } else {
            Command::new(program)
        };
        let path = format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap());
        command.env("TZ", ZONE).env("PATH", path).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// Starts a server, whose output goes to `out` in the folder.
    pub(super) fn start(&self, mut command: Command) -> Server<'_> {
        let out = File::create(self.at("out")).unwrap();
        let start = SystemTime::now();
        let process = command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        Server { folder: self, process: KillOnDrop(process), start }
    }
}

/// A running server.
pub(super) struct Server<'f> {
    folder: &'f Folder,
    process: KillOnDrop,
    /// When it was started.
    pub(super) start: SystemTime,
}

impl Server<'_> {
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until something holds.
    #[track_caller]
    pub(super) fn wait(&mut self, what: &str, mut holds: impl FnMut() -> bool) {
        let (folder, process) = (self.folder, &mut self.process);
        wait_until(what, PATIENCE, || {
            let ended = process.try_wait().unwrap();
            assert_eq!(ended, None, "it ended by itself:\n{}", tail_of(&folder.at("out"), 30));
            holds()
        });
    }

    /// Waits until a file in the folder has a text.
    #[track_caller]
    pub(super) fn wait_for(&mut self, file: &str, text: &str) {
        let folder = self.folder;
        self.wait(&format!("{text:?} in {file}"), || folder.read(file).contains(text));
    }

    /// Ends it in order.
    #[track_caller]
    pub(super) fn stop(mut self) {
        signal(self.process.id(), "TERM");
        wait_until("a server's end", PATIENCE, || self.process.try_wait().unwrap().is_some());
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

//! Names that appear and disappear in the directories between two checks.
//!
//! Input: names from inotify, and the times of the directories. Output: whether the directories have to be checked.
//! That check finds out what happened.

use std::path::Path;

use super::{FileSource, Phase};

impl FileSource {
    /// Whether a name appeared or disappeared in one of the directories since the last check. Not known where there are
    /// many.
    #[must_use]
    pub fn directories_changed(&self) -> bool {
        self.discovery.has_changed()
    }

    /// Whether a change to a name may be a reason to check the directories. `written`: the file was written to; else
    /// the name appeared or disappeared.
    #[must_use]
    pub fn concerns(&self, path: &Path, written: bool) -> bool {
        // Open files are polled in each pass.
        let is_open = || self.files().any(|file| file.placement.phase == Phase::Live && file.path == path);
        self.discovery.concerns(path) && !(written && is_open())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;
    use crate::source::{Config, Start, Symlinks};

    /// Goal: temporary files in a large directory cause no check of the directories; files that may be logs do.
    #[track_caller]
    fn check(source: &FileSource, path: &Path, written: bool, want: bool) {
        assert_eq!(source.concerns(path, written), want, "{} {written}", path.display());
    }

    #[test]
    fn only_names_of_possible_logs_cause_a_check() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("real")).unwrap();
        fs::write(root.join("real/app.log"), "").unwrap();
        std::os::unix::fs::symlink("real", root.join("current")).unwrap();
        let glob = |name: &str| root.join(name).to_str().unwrap().to_owned();
        let config = |paths: &[&str], symlinks| Config {
            paths: paths.iter().map(|path| glob(path)).collect(),
            exclude: vec![glob("real/*.tmp.log")],
            start: Start::Beginning,
            symlinks,
            delete_rotated: false,
            kept_bytes_max: 0,
        };
        let source = |config| {
            let mut source = FileSource::new(&[config], "pod", None, Instant::now()).unwrap();
            _ = source.reconcile(Instant::now());
            source
        };
        let deny = source(config(&["real/*.log", "later/on/app.log"], Symlinks::Deny));
        for (name, written, want) in [
            ("real/new.log", false, true),
            ("real/app.log", false, true),
            // It is open.
            ("real/app.log", true, false),
            ("real/closed.log", true, true),
            ("real/app.log.1", false, true),
            ("real/app.log.2.gz", false, true),
            ("real/x.tmp", false, false),
            ("real/x.tmp", true, false),
            ("real/.app.log.swp", false, false),
            ("real/some.tmp.log", false, false),
            // A parent directory of a file that does not exist yet.
            ("later", false, true),
            ("elsewhere", false, false),
        ] {
            check(&deny, &root.join(name), written, want);
        }
        let within = source(config(&["real/*.log"], Symlinks::Within));
        check(&within, &root.join("real/..data"), false, true);
    }
}

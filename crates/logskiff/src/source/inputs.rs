//! The inputs, and the directories in which their files lie.
//!
//! Input: the configuration, and what the last walk found. Output: which directories to watch, and whether a change in
//! one matters.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::protected::Guard;
use super::{Config, DIRECTORIES_ASKED_MAX, GlobError, Globs, directory_stamp};
use event::Inode;

/// One input.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) globs: Globs,
    pub(super) config: Config,
}

impl Input {
    fn new(config: &Config) -> Result<Self, GlobError> {
        let globs = Globs::new(&config.paths, &config.exclude, config.symlinks)?;
        Ok(Self { globs, config: config.clone() })
    }
}

/// When names last changed in a directory.
#[derive(Debug)]
pub(super) struct DirectoryStamp {
    path: PathBuf,
    stamp: Option<(i64, i64)>,
}

/// Where files are looked for.
#[derive(Debug)]
pub(super) struct Discovery {
    pub(super) inputs: Vec<Input>,
    pub(super) guard: Guard,
    /// The directories in which a file may appear.
    pub(super) directories: Arc<[PathBuf]>,
    /// Those of them that a glob names by another path.
    pub(super) linked: HashSet<PathBuf>,
    /// The real paths of files that are found through a symbolic link.
    pub(super) real_paths: HashMap<Inode, PathBuf>,
    /// When names last changed in each directory. Empty where there are too many directories to check.
    stamps: Vec<Option<(i64, i64)>>,
}

impl Discovery {
    /// Compiles the globs.
    ///
    /// # Errors
    /// A glob that cannot be used.
    pub(super) fn new(inputs: &[Config]) -> Result<Self, GlobError> {
        Ok(Self {
            inputs: inputs.iter().map(Input::new).collect::<Result<_, GlobError>>()?,
            guard: Guard::default(),
            directories: Arc::from([]),
            linked: HashSet::new(),
            real_paths: HashMap::new(),
            stamps: Vec::new(),
        })
    }

    /// The times of the directories as they are now.
    pub(super) fn stamp_directories(&self) -> Vec<DirectoryStamp> {
        self.directories
            .iter()
            .map(|path| DirectoryStamp { path: path.clone(), stamp: directory_stamp(path) })
            .collect()
    }

    /// Keeps the times that the directories had before a walk, so that changes during the walk are found.
    pub(super) fn keep_stamps(&mut self, before: &[DirectoryStamp]) {
        self.stamps.clear();
        if self.directories.len() <= DIRECTORIES_ASKED_MAX {
            let stamp = |path: &PathBuf| before.iter().find(|known| known.path == *path).and_then(|known| known.stamp);
            self.stamps.extend(self.directories.iter().map(stamp));
        }
    }

    /// Whether a name appeared or disappeared in one of the directories since the last walk. Not known where there are
    /// many directories.
    pub(super) fn has_changed(&self) -> bool {
        self.stamps.len() == self.directories.len()
            && self.directories.iter().zip(&self.stamps).any(|(path, stamp)| directory_stamp(path) != *stamp)
    }

    /// Whether a path may be that of a file to read, or of a directory above one.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        let is_linked = || path.parent().is_some_and(|directory| self.linked.contains(directory));
        self.inputs.iter().any(|input| input.globs.concerns(path)) || is_linked()
    }

    /// Whether a glob names this path, and it is not excluded.
    pub(super) fn names(&self, path: &Path) -> bool {
        self.inputs.iter().any(|input| input.globs.names(path))
    }

    /// Whether an input follows symbolic links.
    pub(super) fn follows_links(&self) -> bool {
        self.inputs.iter().any(|input| input.globs.follows_links())
    }
}

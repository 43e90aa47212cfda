//! Finds the files that globs match.
//!
//! Input: an input's globs. Output: the regular files beneath their fixed directories, and why each is of interest.
//! [`Walk`] walks the directories.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use super::glob_rank::Rank;
use super::protected::Guard;
use super::quiet_files::WalkFilter;
use super::root::Root;
use super::rotated_names::{Origin, bases};
use super::walk::Walk;
use super::{STDIN, Symlinks};
use event::{FileTime, Inode};

/// At most this many refused paths are reported by one walk.
pub(super) const REFUSED_MAX: usize = 10_000;

/// Extensions of compressed files that are not read: their text was shipped before the compression.
const COMPRESSED: [&str; 8] = ["zst", "bz2", "xz", "lz4", "zip", "Z", "br", "tgz"];
/// The extension of compressed files that are read.
pub(super) const GZIP: &[u8] = b".gz";
/// The prefix of a file's name while it is being deleted.
pub(super) const DELETING_PREFIX: &str = ".logskiff-pruning-";

/// Why a file is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// A glob matches it.
    Match,
    /// Its name is that of a rotated copy of a file that a glob matches: `app.log.1`, `app-2026-11-23.log`.
    Sibling,
    /// Either of these, but excluded by `EXCLUDE`; or another name. Only read to its end if it was opened under another
    /// name.
    Excluded,
    /// Its name is one of these with the extension `.gz`.
    Gzip(Naming),
    /// A glob matches it, and its extension says that it is compressed.
    Compressed,
}

/// Which name of a compressed file a glob matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Naming {
    /// Its full name.
    Exact,
    /// Its name without `.gz`.
    Unpacked,
    /// The name of the file that it is a rotated copy of.
    Sibling,
}

/// A regular file that a walk found.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The fixed directory that it is beneath.
    pub(super) root: Arc<Root>,
    /// Its path beneath the root, without symbolic links.
    pub place: PathBuf,
    /// How many hard links it has.
    pub names: u64,
    /// Its full path.
    pub path: PathBuf,
    /// Its place in the file system.
    pub inode: Inode,
    /// Its length in bytes.
    pub size: u64,
    /// When its metadata last changed: a hint, not an identity.
    pub changed: FileTime,
    /// When it was last written to.
    pub modified: FileTime,
    /// Why it is of interest.
    pub class: Class,
    /// Its name is that of a rotated copy of a log that existed at a first start.
    pub history: bool,
    /// How narrowly a glob of its input matches it, or the file that it is a copy of.
    pub rank: Rank,
    /// The names that it may have had before a rotation. Computed on demand: most files have none.
    pub(super) origins: OnceCell<Vec<Origin>>,
}

impl Candidate {
    /// Whether it is found through a symbolic link.
    #[must_use]
    pub(super) fn linked(&self) -> bool {
        !self.path.ends_with(&self.place)
    }
}

/// A file, and the input that it belongs to.
#[derive(Debug)]
pub(super) struct FoundFile {
    /// The number of the input.
    pub(super) input: usize,
    pub(super) found: Candidate,
}

/// A pipe, and the input that it belongs to.
#[derive(Debug)]
pub(super) struct FoundPipe {
    /// The number of the input.
    pub(super) input: usize,
    pub(super) pipe: Pipe,
}

/// Why a file is of interest, and how narrowly a glob names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interest {
    pub(super) class: Class,
    pub(super) rank: Rank,
}

/// A pipe that a glob without special characters names.
#[derive(Clone, Debug)]
pub(super) struct Pipe {
    /// The fixed directory that it is beneath.
    pub(super) root: Arc<Root>,
    /// Its path beneath the root.
    pub place: PathBuf,
    /// Its full path.
    pub path: PathBuf,
    /// Its place in the file system.
    pub inode: Inode,
}

/// What one walk found.
#[derive(Debug, Default)]
pub(super) struct WalkResult {
    /// The files.
    pub candidates: Vec<Candidate>,
    /// The pipes.
    pub pipes: Vec<Pipe>,
    /// The directories in which a file of interest can appear. For one that does not exist, its nearest existing
    /// parent.
    pub directories: Vec<PathBuf>,
    /// Those of them that a glob names by another path.
    pub linked: Vec<PathBuf>,
    /// Directories that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl WalkResult {
    /// Notes a path that cannot be read. Above the limit, more are not reported.
    pub(super) fn refuse(&mut self, path: PathBuf, why: String) {
        if self.unreadable.len() < REFUSED_MAX {
            self.unreadable.push((path, why));
        }
    }
}

/// The compiled globs of one input.
#[derive(Debug)]
pub struct Globs {
    /// Standard input is one of them.
    stdin: bool,
    /// Globs that name one file, without special characters.
    exact: HashSet<PathBuf>,
    roots: Vec<GlobRoot>,
    exclude: GlobSet,
    symlinks: Symlinks,
}

/// A fixed directory, and the globs that begin with it.
#[derive(Debug)]
pub(super) struct GlobRoot {
    pub(super) directory: PathBuf,
    globs: GlobSet,
    /// The rank of each glob.
    ranks: Vec<Rank>,
    pub(super) depth_max: usize,
    /// A glob names a directory or file that begins with a dot.
    pub(super) names_hidden: bool,
}

impl GlobRoot {
    fn new(directory: PathBuf, globs: &[&str]) -> Result<Self, GlobError> {
        let mut set = GlobSetBuilder::new();
        for pattern in globs {
            set.add(glob(pattern)?);
        }
        let begins_with_dot = |part: Component<'_>| part.as_os_str().as_bytes().starts_with(b".");
        let beneath = |pattern: &&str| Path::new(pattern).strip_prefix(&directory).map(Path::to_path_buf);
        let names_hidden = globs.iter().flat_map(beneath).any(|rest| rest.components().any(begins_with_dot));
        let depth_max = globs.iter().filter_map(|pattern| Some(fixed_directory(pattern)?.1)).max().unwrap_or(0);
        let ranks = globs.iter().map(|pattern| Rank::from_glob(pattern)).collect();
        Ok(Self { directory, globs: set.build()?, ranks, depth_max, names_hidden })
    }

    /// The rank of files that none of the globs matches.
    pub(super) fn broadest(&self) -> Rank {
        self.ranks.iter().max().copied().unwrap_or_else(|| Rank::from_glob("**"))
    }

    /// The rank of the narrowest glob that matches a path.
    fn rank(&self, path: &Path) -> Option<Rank> {
        self.globs.matches(path).into_iter().filter_map(|glob| self.ranks.get(glob)).min().copied()
    }
}

/// A glob that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GlobError {
    /// Its syntax is wrong.
    #[error(transparent)]
    Syntax(#[from] globset::Error),
    /// It does not begin with a directory.
    #[error("{0:?} must begin with a fixed directory, such as /var/log/app")]
    Relative(String),
}

impl Globs {
    /// Compiles an input's globs.
    ///
    /// # Errors
    /// The first [`GlobError`].
    pub fn new(paths: &[String], exclude: &[String], symlinks: Symlinks) -> Result<Self, GlobError> {
        let mut roots: Vec<(PathBuf, Vec<&str>)> = Vec::new();
        for path in paths.iter().filter(|path| *path != STDIN) {
            let (directory, _) = fixed_directory(path).ok_or_else(|| GlobError::Relative(path.clone()))?;
            match roots.iter_mut().find(|(root, _)| *root == directory) {
                Some((_, globs)) => globs.push(path),
                None => roots.push((directory, vec![path])),
            }
        }
        let mut excluded = GlobSetBuilder::new();
        for pattern in exclude {
            excluded.add(glob(pattern)?);
        }
        let roots = roots.into_iter().map(|(root, globs)| GlobRoot::new(root, &globs)).collect::<Result<_, _>>()?;
        let exact = paths.iter().filter(|path| !path.bytes().any(is_special)).map(PathBuf::from).collect();
        let stdin = paths.iter().any(|path| path == STDIN);
        Ok(Self { stdin, exact, roots, exclude: excluded.build()?, symlinks })
    }

    /// Whether standard input is one of them.
    #[must_use]
    pub fn names_stdin(&self) -> bool {
        self.stdin
    }

    /// Whether standard input is the only one.
    #[must_use]
    pub fn names_stdin_alone(&self) -> bool {
        self.stdin && self.roots.is_empty()
    }

    /// Walks the fixed directories. `walk_filter` decides which files are returned.
    #[must_use]
    pub(super) fn find(&self, guard: &Guard, walk_filter: &WalkFilter) -> WalkResult {
        let mut found = WalkResult::default();
        for root in &self.roots {
            Walk::run(self, root, guard, walk_filter, &mut found);
        }
        found
    }

    /// Whether links beneath the fixed directories are followed.
    pub(super) fn follows_links(&self) -> bool {
        self.symlinks == Symlinks::Within
    }

    /// Whether a change to a path matters: it may be a file of interest, or a directory above one.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        let is_wanted =
            |root: &GlobRoot| self.classify(root, path).is_some_and(|interest| interest.class != Class::Excluded);
        self.follows_links() || self.roots.iter().any(|root| root.directory.starts_with(path) || is_wanted(root))
    }

    /// Whether one of them names this path, and it is not excluded.
    pub(super) fn names(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| root.globs.is_match(path)) && !self.exclude.is_match(path)
    }

    /// Whether a glob without special characters names this path.
    pub(super) fn names_exactly(&self, path: &Path) -> bool {
        self.exact.contains(path)
    }

    /// The rank of a path beneath a fixed directory that no glob matches.
    pub(super) fn rank_beneath(&self, path: &Path) -> Option<Rank> {
        self.roots.iter().find(|root| path.starts_with(&root.directory)).map(GlobRoot::broadest)
    }

    /// Why a path is of interest, and how narrowly a glob matches it.
    pub(super) fn classify(&self, root: &GlobRoot, path: &Path) -> Option<Interest> {
        let original = name_before_deletion(path);
        let path = original.as_deref().unwrap_or(path);
        let own = root.rank(path);
        let named = own.is_some();
        if path.extension().is_some_and(|ending| COMPRESSED.iter().any(|compressed| ending == *compressed)) {
            return own.map(|rank| Interest { class: Class::Compressed, rank });
        }
        let copied =
            || bases(path.file_name()?).iter().filter_map(|(base, _)| root.rank(&path.with_file_name(base))).min();
        let rank = own.or_else(copied)?;
        let class = match (self.exclude.is_match(path), named) {
            (true, _) => Class::Excluded,
            (false, true) if is_gzip(path) => Class::Gzip(Naming::Exact),
            (false, false) if is_gzip(path) => {
                let is_named = root.rank(&path.with_extension("")).is_some();
                Class::Gzip(if is_named { Naming::Unpacked } else { Naming::Sibling })
            }
            (false, true) => Class::Match,
            (false, false) => Class::Sibling,
        };
        Some(Interest { class, rank })
    }
}

/// The name that a file had before its deletion began.
pub(super) fn name_before_deletion(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.as_bytes().strip_prefix(DELETING_PREFIX.as_bytes())?;
    Some(path.with_file_name(OsStr::from_bytes(name)))
}

fn is_gzip(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(GZIP)
}

/// Compiles a glob, of which `*` matches no slash.
pub(super) fn glob(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build()
}

/// Whether a character is special in globs.
pub(super) fn is_special(byte: u8) -> bool {
    b"*?[]{}\\".contains(&byte)
}

/// The directory before a glob's first special character, and how many levels beneath it a match can be.
#[must_use]
pub fn fixed_directory(glob: &str) -> Option<(PathBuf, usize)> {
    let path = Path::new(glob);
    let mut directory = PathBuf::new();
    let mut components = path.components().peekable();
    let mut depth = 0;
    while let Some(component) = components.next() {
        let special = component.as_os_str().as_bytes().iter().any(|byte| is_special(*byte));
        if special || components.peek().is_none() {
            depth = 1 + components.clone().count();
            let rest = std::iter::once(component).chain(components);
            // Braces may contain a slash, so that the number of components is not the depth.
            if rest.clone().any(|part| part.as_os_str() == "**") || glob.contains('{') {
                depth = 64;
            }
            break;
        }
        if component == Component::ParentDir {
            return None;
        }
        directory.push(component);
    }
    (directory.is_absolute() && directory.parent().is_some() && depth > 0).then_some((directory, depth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_directory_precedes_the_first_special_character() {
        #[track_caller]
        fn check(glob: &str, want: Option<(&str, usize)>) {
            assert_eq!(fixed_directory(glob), want.map(|(root, depth)| (PathBuf::from(root), depth)), "{glob}");
        }
        check("/var/log/app/*.log", Some(("/var/log/app", 1)));
        check("/var/log/app/app.log", Some(("/var/log/app", 1)));
        check("/var/log/*/app.log", Some(("/var/log", 2)));
        check("/var/log/app/**/*.log", Some(("/var/log/app", 64)));
        check("/var/log/{a,b/c}.log", Some(("/var/log", 64)));
        check("var/log/*.log", None);
        check("/*.log", None);
        check("/var/../etc/*.log", None);
        check("", None);
    }

    #[test]
    fn files_are_found_with_their_class() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        for name in [
            "a/b/app.log",
            "app.log",
            "app.log.1",
            "app.log.2.gz",
            "app.log.swp",
            "other.txt",
            "skip.log",
            "old.log.gz",
        ] {
            std::fs::write(root.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", root.join("link.log")).unwrap();
        let glob = |text: &str| format!("{}/{text}", root.display());
        let globs = Globs::new(&[glob("**/*.log"), glob("old.log.gz")], &[glob("skip.*")], Symlinks::Deny).unwrap();
        let found = globs.find(&Guard::default(), &WalkFilter::all());
        let mut names: Vec<_> =
            found.candidates.iter().map(|found| (found.place.to_str().unwrap(), found.class)).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                ("a/b/app.log", Class::Match),
                ("app.log", Class::Match),
                ("app.log.1", Class::Sibling),
                ("app.log.2.gz", Class::Gzip(Naming::Sibling)),
                ("old.log.gz", Class::Gzip(Naming::Exact)),
                ("skip.log", Class::Excluded),
            ]
        );
        assert_eq!(found.unreadable.len(), 1, "the link is refused");
        assert_eq!(found.directories.len(), 3);
    }

    #[test]
    fn a_missing_root_is_watched_at_its_nearest_ancestor() {
        let dir = tempfile::tempdir().unwrap();
        let globs = Globs::new(&[format!("{}/not/yet/*.log", dir.path().display())], &[], Symlinks::Deny).unwrap();
        assert_eq!(globs.find(&Guard::default(), &WalkFilter::all()).directories, [dir.path()]);
    }
}

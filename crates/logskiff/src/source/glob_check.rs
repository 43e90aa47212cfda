//! Why a glob matches no file, and which logs no glob matches.
//!
//! Input: the globs of all inputs, and the directories as they are. Output: findings, each of which makes a sentence. It
//! lists names; no file is opened.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use globset::GlobMatcher;

use super::discovery::{GZIP, fixed_directory, glob};
use super::rotated_names::bases;
use super::{Config, STDIN};

/// So many names of a directory tree are looked at. In a larger one, nothing is said of what is not found.
const NAMES_MAX: usize = 5_000;
/// So deep.
const DEPTH_MAX: usize = 8;

/// The ends of names that logs usually have.
const LOG_ENDINGS: [&[u8]; 8] = [b".log", b".json", b".jsonl", b".ndjson", b".out", b".err", b".txt", b".trace"];

/// What is wrong with a glob, or what no glob matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The number of the input.
    pub input: usize,
    /// The glob.
    pub glob: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a glob, or what no glob matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The directory does not exist.
    NoDirectory(PathBuf),
    /// It is no directory, or cannot be listed, and why.
    CannotList(PathBuf, ErrorKind),
    /// The glob is the path of a directory.
    IsDirectory,
    /// The directory has no files.
    NoFile(PathBuf),
    /// The directory has other files: how many, and one of them.
    OnlyOthers(usize, PathBuf),
    /// The glob matches files, and others that look like logs match no glob at all: how many, and one of them.
    Unmatched(usize, PathBuf),
}

impl Finding {
    /// Whether the glob matches no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !matches!(self.problem, Problem::Unmatched(..))
    }

    /// What is wrong and what to do. `show` gives a path as it may be shown.
    pub fn sentence(&self, show: impl Fn(&Path) -> String) -> String {
        let others = |count: usize, example: &Path| match count {
            1 => format!("1 other file is there: {}", show(example)),
            _ => format!("{count} other files are there, such as {}", show(example)),
        };
        match &self.problem {
            Problem::NoDirectory(path) => {
                format!("there is no directory {} in this container; is the volume mounted?", show(path))
            }
            Problem::CannotList(path, ErrorKind::PermissionDenied) => {
                format!("the directory {} cannot be listed: permission denied; set fsGroup or runAsUser", show(path))
            }
            Problem::CannotList(path, kind) => format!("the directory {} cannot be listed: {kind}", show(path)),
            Problem::IsDirectory => {
                let path = show(Path::new(&self.glob));
                format!("this is a directory, not a file; write {path}/*.log, or {path}/**/*.log for all beneath it")
            }
            Problem::NoFile(path) => {
                format!(
                    "no file matches, and there is no other file in {}; does the application log there?",
                    show(path)
                )
            }
            Problem::OnlyOthers(count, example) => {
                format!("no file matches; {}; does the glob fit?", others(*count, example))
            }
            Problem::Unmatched(count, example) => format!(
                "{} and no glob matches; if these are logs, add a glob to LOGSKIFF_PATHS, else name them in LOGSKIFF_EXCLUDE",
                others(*count, example)
            ),
        }
    }
}

/// The globs of one input.
struct Globs {
    paths: Vec<(String, GlobMatcher)>,
    exclude: Vec<GlobMatcher>,
}

impl Globs {
    fn new(config: &Config) -> Self {
        let paths = config.paths.iter().filter(|glob| *glob != STDIN);
        let exclude = config.exclude.iter().filter_map(|glob| matcher(glob)).collect();
        Self { paths: paths.filter_map(|glob| Some((glob.clone(), matcher(glob)?))).collect(), exclude }
    }

    /// Whether a file is read, was left out on purpose, or is the rotated file of such a one.
    fn know(&self, path: &Path) -> bool {
        let is_known = |path: &Path| {
            self.paths.iter().map(|(_, matcher)| matcher).chain(&self.exclude).any(|matcher| matcher.is_match(path))
        };
        let origins = path.file_name().map(bases).unwrap_or_default();
        is_known(path) || origins.iter().any(|(name, _)| is_known(&path.with_file_name(name)))
    }
}

fn matcher(pattern: &str) -> Option<GlobMatcher> {
    glob(pattern).ok().map(|glob| glob.compile_matcher())
}

/// Looks for globs that match nothing, and for logs that match none.
#[must_use]
pub fn findings(inputs: &[&Config]) -> Vec<Finding> {
    let globs: Vec<Globs> = inputs.iter().map(|config| Globs::new(config)).collect();
    let mut findings = Vec::new();
    let mut looked_at: Vec<PathBuf> = Vec::new();
    for (input, glob, matcher) in
        globs.iter().enumerate().flat_map(|(input, of)| of.paths.iter().map(move |(glob, by)| (input, glob, by)))
    {
        let Some((directory, depth)) = fixed_directory(glob) else { continue };
        let mut add = |problem| findings.push(Finding { input, glob: glob.clone(), problem });
        if Path::new(glob).is_dir() {
            add(Problem::IsDirectory);
            continue;
        }
        let listed = match list(&directory, depth.min(DEPTH_MAX)) {
            Ok(listed) => listed,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                add(Problem::NoDirectory(directory));
                continue;
            }
            Err(error) => {
                add(Problem::CannotList(directory, error.kind()));
                continue;
            }
        };
        let is_matched = listed.files.iter().any(|file| matcher.is_match(file));
        if !is_matched && listed.is_whole {
            add(match listed.files.first() {
                None => Problem::NoFile(directory.clone()),
                Some(example) => Problem::OnlyOthers(listed.files.len(), example.clone()),
            });
        } else if is_matched && !looked_at.contains(&directory) {
            let is_unknown = |file: &&PathBuf| looks_like_a_log(file) && !globs.iter().any(|of| of.know(file));
            let unknown: Vec<&PathBuf> = listed.files.iter().filter(is_unknown).collect();
            if let Some(example) = unknown.first() {
                add(Problem::Unmatched(unknown.len(), (*example).clone()));
            }
        }
        looked_at.push(directory);
    }
    findings
}

fn looks_like_a_log(path: &Path) -> bool {
    let name = path.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    !name.ends_with(GZIP) && LOG_ENDINGS.iter().any(|ending| name.len() > ending.len() && name.ends_with(ending))
}

/// The files of a directory tree.
#[derive(Default)]
struct Listed {
    files: Vec<PathBuf>,
    /// Whether these are all.
    is_whole: bool,
}

/// Lists a directory and those beneath it, without following links and without hidden directories. The files are sorted.
fn list(directory: &Path, depth: usize) -> io::Result<Listed> {
    let mut listed = Listed { files: Vec::new(), is_whole: true };
    let mut seen = 0;
    let mut rest = vec![(directory.to_owned(), depth)];
    let mut is_first = true;
    while let Some((directory, depth)) = rest.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if is_first => return Err(error),
            Err(_) => continue,
        };
        is_first = false;
        for entry in entries.flatten() {
            seen += 1;
            if seen > NAMES_MAX {
                listed.is_whole = false;
                break;
            }
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_directory {
                listed.files.push(entry.path());
            } else if depth > 1 && !entry.file_name().as_bytes().starts_with(b".") {
                rest.push((entry.path(), depth - 1));
            }
        }
    }
    listed.files.sort_unstable();
    Ok(listed)
}

//! The project's documents, and the commands in them.

use std::fs;
use std::path::{Path, PathBuf};

/// All of them: next to the code, in `docs` and `bench`, and the charts'.
pub fn documents() -> Vec<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let folder = |name: &str| fs::read_dir(root.join(name)).unwrap().map(|entry| entry.unwrap().path());
    let charts = folder("charts").map(|chart| chart.join("README.md"));
    let all = folder("").chain(folder("docs")).chain(folder("bench")).chain(charts);
    all.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect()
}

/// The commands that begin with `first`, each with its document: commands in blocks, without the text after a pipe, and
/// commands in backticks.
pub fn commands(first: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap().replace("\\\n", " ");
        let indented = text.lines().filter(|line| line.starts_with("    ")).map(str::trim);
        let fenced = text.split("\n```").skip(1).step_by(2).flat_map(str::lines).map(str::trim);
        let named = text.split('`').skip(1).step_by(2).filter(|named| !named.contains('\n'));
        for line in indented.chain(fenced).chain(named).filter(|line| line.starts_with(first)) {
            let ends = [" | ", " & ", " && ", " > ", " < ", " # ", "…"];
            let end = ends.iter().filter_map(|stop| line.find(stop)).min().unwrap_or(line.len());
            found.push((path.clone(), line[..end].trim().to_owned()));
        }
    }
    found
}

/// A command that only prints its help: a program parses its verb and options before that.
pub fn asking_for_help(command: &str) -> String {
    match command.split_once(" -- ") {
        Some((before, after)) => format!("{before} --help -- {after}"),
        None => format!("{command} --help"),
    }
}

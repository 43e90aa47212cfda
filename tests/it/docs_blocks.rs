//! The documents' fenced blocks and variables are valid for logskiff, YAML and the charts, and every link has a target.
//! Hand-written pages stay short.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use logskiff::config::Config;
use regex::Regex;
use serde::Deserialize;
use serde_norway::Value;

use crate::config::syslog::certificate;
use crate::support::documents::{asking_for_help, commands, documents};
use crate::support::shell::variables;

/// A fenced block: its location, its language, its text.
struct Block {
    place: String,
    language: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn blocks(path: &Path) -> Vec<Block> {
    let text = fs::read_to_string(path).unwrap();
    let fence = Regex::new(r"(?ms)^```([^\n]*)\n(.*?)^```$").unwrap();
    let name = path.strip_prefix(root()).unwrap().display();
    let block = |found: regex::Captures<'_>| {
        let line = text[..found.get(0).unwrap().start()].matches('\n').count() + 1;
        Block { place: format!("{name}:{line}"), language: found[1].to_owned(), text: found[2].to_owned() }
    };
    fence.captures_iter(&text).map(block).collect()
}

fn all_blocks() -> Vec<Block> {
    documents().iter().flat_map(|path| blocks(path)).collect()
}

/// The files in YAML that docs/migration.md links to, as blocks.
fn migration_examples() -> Vec<Block> {
    let files = fs::read_dir(root().join("examples/migration")).unwrap().map(|entry| entry.unwrap().path());
    let block = |path: PathBuf| Block {
        place: path.display().to_string(),
        language: "yaml".to_owned(),
        text: fs::read_to_string(&path).unwrap(),
    };
    files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).map(block).collect()
}

#[test]
fn every_block_has_a_language() {
    for Block { place, language, .. } in all_blocks() {
        assert!(["env", "text", "yaml"].contains(&language.as_str()), "{place}: a block of {language:?}");
    }
}

#[test]
fn every_block_of_variables_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ca.crt"), certificate().unwrap().0).unwrap();
    fs::write(folder.path().join("password"), "x").unwrap();
    let mut count = 0;
    for Block { place, text, .. } in all_blocks().into_iter().filter(|block| block.language == "env") {
        // The files that it names exist.
        let text = text.replace("/etc/kafka/", &format!("{}/", folder.path().display()));
        // What the charts always set.
        let pod = [("POD_NAME".to_owned(), "shop-0".to_owned())];
        if let Err(mistakes) = Config::from_vars(variables(&text).into_iter().chain(pod)) {
            panic!("{place}: {mistakes}");
        }
        count += 1;
    }
    assert!(count > 0, "no block of variables");
}

#[test]
fn every_block_of_yaml_is_valid() {
    let helm = Regex::new(r#"\{\{-? include "([^"]+)""#).unwrap();
    let place_in_line = Regex::new(r"\{\{.*?\}\}").unwrap();
    let mut templates = String::new();
    for entry in fs::read_dir(root().join("charts/logskiff-lib/templates")).unwrap() {
        templates.push_str(&fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    let mut count = 0;
    let shown = all_blocks().into_iter().filter(|block| block.language == "yaml");
    for Block { place, text, .. } in shown.chain(migration_examples()) {
        for named in helm.captures_iter(&text) {
            let name = &named[1];
            assert!(templates.contains(&format!("define \"{name}\"")), "{place}: the library has no template {name}");
        }
        // A line of a template stands for YAML that the library generates.
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("{{")).collect();
        let text = lines.join("\n");
        let text = place_in_line.replace_all(&text, "x");
        for document in serde_norway::Deserializer::from_str(&text) {
            let value = Value::deserialize(document).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert!(value.is_mapping() || value.is_sequence(), "{place}: neither a mapping nor a list");
        }
        count += 1;
    }
    assert!(count > 10, "{count} blocks of YAML");
}

#[test]
fn every_named_variable_exists() {
    let named = Regex::new(r"\bLOGSKIFF_[A-Z0-9_]+").unwrap();
    let reference = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let row = Regex::new(r"(?m)^\| `(LOGSKIFF_[A-Z0-9_]+)(<NAME>)?[^`]*` \| ([^|]*)").unwrap();
    let (mut known, mut prefixes) = (BTreeSet::new(), BTreeSet::from(["LOGSKIFF_INPUT_".to_owned()]));
    for found in row.captures_iter(&reference) {
        if found.get(2).is_some() {
            prefixes.insert(found[1].to_owned());
        } else {
            known.insert(found[1].to_owned());
            if found[3].contains("secret") {
                known.insert(format!("{}_FILE", &found[1]));
            }
        }
    }
    assert!(known.len() > 60, "{} variables", known.len());
    // Variables of the project's own tests and scripts.
    let aside = ["LOGSKIFF_TEST_", "LOGSKIFF_CI_", "LOGSKIFF_SEED"];
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        // The changelog lists former names.
        let renamed =
            text.find("\n### Renamed\n").map(|start| (start, start + 1 + text[start + 1..].find("\n### ").unwrap()));
        let text = renamed.map_or(text.clone(), |(start, end)| format!("{}{}", &text[..start], &text[end..]));
        for found in named.find_iter(&text).map(|found| found.as_str()) {
            let family = found.ends_with('_') && known.iter().any(|name| name.starts_with(found));
            let fits =
                known.contains(found) || family || prefixes.iter().any(|prefix| found.starts_with(prefix.as_str()));
            let mistake = ["LOGSKIFF_TOPIK"].contains(&found);
            assert!(
                fits || mistake || aside.iter().any(|prefix| found.starts_with(prefix)),
                "{}: there is no variable {found}",
                path.display()
            );
        }
    }
}

/// The anchors of a document's headings: lower case letters, digits, hyphens for spaces.
fn anchors(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let letter = |letter: char| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ if letter.is_alphanumeric() => Some(letter.to_ascii_lowercase()),
        _ => None,
    };
    headings.map(|heading| heading.chars().filter_map(letter).collect()).collect()
}

#[test]
fn every_link_has_a_target() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut count = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for found in link.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()) {
            if found.contains("://") {
                continue;
            }
            let (file, anchor) = found.split_once('#').unwrap_or((found, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {found} leads nowhere", path.display());
            if !anchor.is_empty() {
                assert!(anchors(&target).contains(anchor), "{}: {found} has no such heading", path.display());
            }
            count += 1;
        }
    }
    assert!(count > 50, "{count} links");
}

/// The commands of `kubectl` and Helm are tested by `tests/real/real_kube_api`.
#[test]
fn every_logskiff_command_exists() {
    let ours = commands("logskiff ");
    assert!(ours.len() > 10, "{ours:?}");
    let help = |command: &str| {
        let words = asking_for_help(command);
        let words = words.split_whitespace().skip(1);
        assert_cmd::Command::cargo_bin("logskiff").unwrap().args(words).output().unwrap().status.success()
    };
    for (path, command) in &ours {
        assert!(help(command), "{}: {command}", path.display());
    }
    assert!(!help("logskiff tri") && !help("logskiff status --wach"));
    let scripts: Vec<_> = [".ci/", "bench/"].iter().flat_map(|folder| commands(folder)).collect();
    assert!(scripts.len() > 10, "{scripts:?}");
    for (path, command) in scripts {
        let script = root().join(command.split_whitespace().next().unwrap());
        assert!(script.exists(), "{}: {command}", path.display());
    }
}

/// Maximum number of hand-written words in README.md, SECURITY.md and docs/.
const WORDS_MAX: usize = 24_000;

/// A generated page has a comment that ends like this, or a part of it does.
const GENERATED: &str = "Do not edit. -->";
/// After a generated part of a page.
const GENERATED_END: &str = "<!-- The end of the generated part. -->";

/// The number of words of a page that are written by hand; `None` for a generated page.
fn hand_written_words(text: &str) -> Option<usize> {
    let words = |text: &str| text.split_whitespace().count();
    let Some((before, generated)) = text.split_once(GENERATED) else { return Some(words(text)) };
    let (_, after) = generated.split_once(GENERATED_END)?;
    Some(words(before) + words(after))
}

/// Whether the pages, each with its number of words, have at most `max`; otherwise the excess and the longest pages.
fn within_words(mut pages: Vec<(String, usize)>, max: usize) -> Result<(), String> {
    let words: usize = pages.iter().map(|(_, words)| words).sum();
    let Some(excess) = words.checked_sub(max).filter(|excess| *excess > 0) else { return Ok(()) };
    pages.sort_by_key(|(_, words)| Reverse(*words));
    let longest: Vec<_> = pages.iter().take(5).map(|(page, words)| format!("{page} {words}")).collect();
    Err(format!("{words} hand-written words, {excess} more than {max}; the longest pages: {}", longest.join(", ")))
}

#[test]
fn the_documents_are_short() {
    let counted = |path: &PathBuf| {
        let page = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(path).unwrap();
        let here = page.starts_with("docs/") || ["README.md", "SECURITY.md"].contains(&page.as_str());
        Some((page, hand_written_words(&text).filter(|_| here)?))
    };
    let pages: Vec<_> = documents().iter().filter_map(counted).collect();
    let named = |name: &str| pages.iter().any(|(page, _)| page == name);
    let counted = ["README.md", "SECURITY.md", "docs/delivery.md", "docs/records.md"];
    assert!(counted.into_iter().all(named), "{pages:?}");
    assert!(!named("docs/configuration.md") && !named("docs/detectors.md"), "generated pages count: {pages:?}");
    if let Err(excess) = within_words(pages, WORDS_MAX) {
        panic!("{excess}");
    }
}

#[test]
fn generated_parts_do_not_count() {
    assert_eq!(hand_written_words("one two"), Some(2));
    assert_eq!(hand_written_words(&format!("a page <!-- {GENERATED} words")), None);
    assert_eq!(hand_written_words(&format!("one <!-- {GENERATED} words {GENERATED_END} two")), Some(3));
}

#[test]
fn too_many_words_are_reported() {
    let pages = || vec![("docs/a.md".to_owned(), 40), ("README.md".to_owned(), 60)];
    assert_eq!(within_words(pages(), 100), Ok(()));
    let excess = within_words(pages(), 93).unwrap_err();
    assert_eq!(excess, "100 hand-written words, 7 more than 93; the longest pages: README.md 60, docs/a.md 40");
}

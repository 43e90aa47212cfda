//! Input: the variables of one input. Output: the configuration of `source`, `frame`, `parse` and `redact`.
//!
//! Parsers and redactors are built here once and discarded, so that their errors are reported with all others.

use std::path::{Component, Path};

use globset::GlobBuilder;

use super::Input;
use super::error::quote;
use super::formats;
use super::multiline;
use super::parser::Reader;
use super::redact;
use super::slips;
use super::variables::INPUT_PREFIX;
use crate::pipeline::encode::Ansi;
use crate::pipeline::frame;
use crate::source;
use crate::source::{Rank, STDIN, Start, Symlinks, may_overlap};
use event::Framing;

/// Below, nearly every line would be truncated; above, one line would use most of the memory.
const LINE_BYTES: std::ops::RangeInclusive<usize> = 1 << 10..=16 << 20;

const FRAMINGS: [(&str, Option<Framing>); 4] =
    [("auto", None), ("lines", Some(Framing::Lines)), ("cri", Some(Framing::Cri)), ("docker", Some(Framing::Docker))];

const FRAMING: &str = "LOGSKIFF_FRAMING";
const PATHS: &str = "LOGSKIFF_PATHS";

/// The name of the input that the common variables create.
const DEFAULT_NAME: &str = "default";

/// All inputs: first the one that `LOGSKIFF_PATHS` creates, then the named ones, sorted by name.
pub(super) fn inputs(reader: &mut Reader<'_>) -> Vec<Input> {
    let mut inputs = Vec::new();
    let named = reader.environment().input_names();
    if named.is_empty() || reader.is_set(PATHS) {
        inputs.push(input(DEFAULT_NAME.to_owned(), reader));
    }
    for upper in named {
        let name = upper.to_lowercase();
        let paths = format!("{INPUT_PREFIX}{upper}_PATHS");
        if reader.environment().value(&paths).is_none() {
            reader.mistake(&paths, "not set, but other variables configure this input");
            continue;
        }
        if inputs.iter().any(|input| input.name == name) {
            reader.mistake(&paths, format!("{PATHS} already creates an input named {name}"));
        }
        inputs.push(input(name, &mut reader.for_input(upper)));
    }
    for (at, one) in inputs.iter().enumerate() {
        for other in &inputs[at + 1..] {
            if let Some((glob, same)) = ambiguous_globs(one, other) {
                let paths = format!("{INPUT_PREFIX}{}_PATHS", other.name.to_uppercase());
                reader.mistake(
                    &paths,
                    format!(
                        "{} and {} of input {} can match the same file, and neither is more specific; use full file names or a \
                         longer directory, or exclude the files from one input with its EXCLUDE",
                        quote(glob),
                        quote(same),
                        one.name
                    ),
                );
            }
        }
    }
    redact::check_rules_size(&inputs, reader);
    let reads_stdin = |input: &&Input| input.source.paths.iter().any(|path| path == STDIN);
    if inputs.iter().filter(reads_stdin).count() > 1 {
        reader.mistake(PATHS, format!("{} is standard input; only one input can read it", quote(STDIN)));
    }
    multiline::check_patterns(&inputs, reader);
    formats::check_unused(reader);
    inputs
}

/// Two globs, of the second and of the first input, that may match the same file and are equally specific. Named inputs
/// take precedence over the input `default`.
fn ambiguous_globs<'i>(one: &'i Input, other: &'i Input) -> Option<(&'i str, &'i str)> {
    let globs = |input: &'i Input| input.source.paths.iter().map(String::as_str).filter(|glob| *glob != STDIN);
    let tied = |(other, one): &(&str, &str)| Rank::from_glob(one) == Rank::from_glob(other) && may_overlap(one, other);
    let excluded = |(glob, same): &(&str, &str)| {
        one.source.exclude.iter().any(|exclude| exclude == glob)
            || other.source.exclude.iter().any(|exclude| exclude == same)
    };
    let mut pairs = globs(other).flat_map(|other| globs(one).map(move |one| (other, one)));
    if one.name == DEFAULT_NAME { None } else { pairs.find(|pair| tied(pair) && !excluded(pair)) }
}

fn input(name: String, reader: &mut Reader<'_>) -> Input {
    let parse = formats::config(reader);
    let framing = match reader.choice(FRAMING, &FRAMINGS) {
        None if formats::is_cri(reader) => Some(Framing::Cri),
        framing => framing,
    };
    Input {
        name,
        source: source_config(reader),
        frame: frame::Config { line_bytes_max: reader.bytes("LOGSKIFF_LINE_BYTES_MAX", &LINE_BYTES) },
        framing,
        grouping: multiline::config(reader, &parse),
        parse,
        redact: redact::config(reader),
        ansi: reader.choice("LOGSKIFF_ANSI", &[("auto", Ansi::Auto), ("strip", Ansi::Strip), ("keep", Ansi::Keep)]),
    }
}

fn source_config(reader: &mut Reader<'_>) -> source::Config {
    const EXCLUDE: &str = "LOGSKIFF_EXCLUDE";
    let paths = reader.list(PATHS);
    let exclude = reader.list(EXCLUDE);
    for reason in paths.iter().filter_map(|glob| path_mistake(glob)) {
        reader.mistake(&reader.source(PATHS), reason);
    }
    if paths.is_empty() {
        reader.mistake(&reader.source(PATHS), "names no file");
    }
    for reason in exclude.iter().filter_map(|glob| exclude_mistake(glob)) {
        reader.mistake(&reader.source(EXCLUDE), reason);
    }
    let start = reader.choice("LOGSKIFF_START_AT", &[("beginning", Start::Beginning), ("end", Start::End)]);
    let symlinks = reader.choice("LOGSKIFF_SYMLINKS", &[("deny", Symlinks::Deny), ("within", Symlinks::Within)]);
    let delete_rotated = reader.choice("LOGSKIFF_DELETE_ROTATED", &[("off", false), ("acknowledged", true)]);
    // `kept_bytes_max` is set once the limit of bytes in flight is known.
    source::Config { paths, exclude, start, symlinks, delete_rotated, kept_bytes_max: 0 }
}

fn path_mistake(glob: &str) -> Option<String> {
    if glob == STDIN {
        return None;
    }
    if let Some(reason) = slips::glob(glob) {
        return Some(format!("{} {reason}", quote(glob)));
    }
    let path = Path::new(glob);
    if !path.is_absolute() {
        return Some(format!("{} is not an absolute path", quote(glob)));
    }
    if path.components().any(|component| component == Component::ParentDir) {
        return Some(format!("{} contains `..`", quote(glob)));
    }
    if glob.ends_with('/') {
        return Some(format!("{} names a directory, not files; add `*` or `**/*.log`", quote(glob)));
    }
    // A directory below the root must come before the first special character.
    let fixed = glob.find(['*', '?', '[', ']', '{', '}', '\\']).unwrap_or(glob.len());
    if glob[..fixed].rfind('/').is_none_or(|end| glob[..end].trim_start_matches('/').is_empty()) {
        return Some(format!("{} has no fixed directory below `/`; begin with one, such as /var/log", quote(glob)));
    }
    glob_mistake(glob)
}

fn exclude_mistake(glob: &str) -> Option<String> {
    if !glob.starts_with('/') && !glob.starts_with("**") {
        return Some(format!("{} begins with neither `/` nor `**`, so it would match nothing", quote(glob)));
    }
    glob_mistake(glob)
}

fn glob_mistake(glob: &str) -> Option<String> {
    // Paths that are found contain neither.
    if let Some(part) = ["//", "/./"].iter().find(|part| glob.contains(**part)) {
        return Some(format!("{} would match nothing because of `{part}`; write `/`", quote(glob)));
    }
    let built = GlobBuilder::new(glob).literal_separator(true).build();
    built.err().map(|error| format!("{} is not a glob: {}", quote(glob), error.kind()))
}

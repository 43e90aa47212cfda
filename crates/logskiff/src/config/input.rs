//! Input: the variables of one input. Output: the configuration of `source`, `frame`, `parse` and `redact`.
//!
//! Parsers and redactors are built here once and discarded, so that their errors are reported with all others.

use std::path::{Component, Path};

use globset::GlobBuilder;

use super::Input;
use super::error::{join, quote};
use super::multiline;
use super::parser::Reader;
use super::redact;
use super::suggest::nearest;
use super::variables::INPUT_PREFIX;
use crate::pipeline::encode::Ansi;
use crate::pipeline::frame;
use crate::pipeline::parse;
use crate::pipeline::parse::{Format, Type};
use crate::source;
use crate::source::{Rank, STDIN, Start, Symlinks, may_overlap};
use event::{Framing, Level};

/// Below, nearly every line would be truncated; above, one line would use most of the memory.
const LINE_BYTES: std::ops::RangeInclusive<usize> = 1 << 10..=16 << 20;

const FRAMINGS: [(&str, Option<Framing>); 4] =
    [("auto", None), ("lines", Some(Framing::Lines)), ("cri", Some(Framing::Cri)), ("docker", Some(Framing::Docker))];

const PATHS: &str = "LOGSKIFF_PATHS";
const PARSE: &str = "LOGSKIFF_PARSE";
const PATTERN: &str = "LOGSKIFF_PARSE_PATTERN";
const TYPES: [(&str, Type); 4] =
    [("int", Type::Int), ("float", Type::Float), ("bool", Type::Bool), ("text", Type::Text)];

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
    if reader.is_set(PATTERN) && inputs.iter().all(|input| input.parse.format != Format::Regex) {
        reader.mistake(PATTERN, format!("patterns need {PARSE}=regex, which is not set"));
    }
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
    Input {
        name,
        source: source_config(reader),
        frame: frame::Config { line_bytes_max: reader.bytes("LOGSKIFF_LINE_BYTES_MAX", &LINE_BYTES) },
        framing: reader.choice("LOGSKIFF_FRAMING", &FRAMINGS),
        grouping: multiline::config(reader),
        parse: parse(reader),
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

fn parse(reader: &mut Reader<'_>) -> parse::Config {
    let formats = [
        ("none", Format::None),
        ("json", Format::Json),
        ("regex", Format::Regex),
        ("nginx", Format::Nginx),
        ("auto", Format::Auto),
    ];
    let format = reader.choice(PARSE, &formats);
    if format != Format::Regex && reader.is_own(PATTERN) {
        reader.mistake(&reader.source(PATTERN), format!("patterns need {PARSE}=regex, which this input does not use"));
    }
    let config = parse::Config {
        // Common patterns apply only to inputs with this format.
        patterns: if format == Format::Regex { reader.lines(PATTERN) } else { Vec::new() },
        format,
        types: types(reader),
        message_fields: names(reader, "LOGSKIFF_MESSAGE_FIELD"),
        time_fields: names(reader, "LOGSKIFF_TIME_FIELD"),
        time_formats: reader.lines("LOGSKIFF_TIME_FORMAT"),
        time_zone: reader.text("LOGSKIFF_TIME_ZONE").unwrap_or_default(),
        now_ns: None,
        level_fields: names(reader, "LOGSKIFF_LEVEL_FIELD"),
        level_map: level_map(reader),
        drop_failures: reader.choice("LOGSKIFF_PARSE_ON_ERROR", &[("keep", false), ("drop", true)]),
    };
    for error in parse::Parser::new(&config).err().into_iter().flatten() {
        let variable = match &error {
            parse::Error::TimeZone { .. } => "LOGSKIFF_TIME_ZONE",
            parse::Error::TimeFormat { .. } => "LOGSKIFF_TIME_FORMAT",
            _ => PATTERN,
        };
        reader.mistake(&reader.source(variable), error.to_string());
    }
    config
}

/// Names of fields; nested ones have dots.
fn names(reader: &mut Reader<'_>, variable: &str) -> Vec<String> {
    let parse = |text: &str| {
        let names = super::units::list(text);
        match names.iter().find(|name| name.split('.').any(str::is_empty)) {
            Some(name) => Err(format!("{} has an empty part; write the names of nested fields as a.b", quote(name))),
            None => Ok(names),
        }
    };
    reader.read(variable, parse).unwrap_or_default()
}

fn level_map(reader: &mut Reader<'_>) -> Vec<(String, Level)> {
    let parse = |text: &str| {
        let mut map: Vec<(String, Level)> = Vec::new();
        for item in super::units::list(text) {
            let Some((word, name)) = item.rsplit_once(':').filter(|(word, _)| !word.trim().is_empty()) else {
                return Err(format!("{} is not word:level", quote(&item)));
            };
            let (word, name) = (word.trim(), name.trim());
            let Some(level) = Level::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name)) else {
                return Err(no_level(&item, name));
            };
            if map.iter().any(|(known, _)| known.eq_ignore_ascii_case(word)) {
                return Err(format!("{} has two levels", quote(word)));
            }
            map.push((word.to_owned(), level));
        }
        Ok(map)
    };
    reader.read("LOGSKIFF_LEVEL_MAP", parse).unwrap_or_default()
}

/// Says that a word is mapped to something that is no level, and which level was probably meant.
fn no_level(item: &str, name: &str) -> String {
    let known = || Level::ALL.into_iter().map(Level::name);
    match nearest(name, known()) {
        Some(near) => format!("{} has an unknown level; did you mean {near}?", quote(item)),
        None => format!("{} has an unknown level; known are {}", quote(item), join(known())),
    }
}

fn types(reader: &mut Reader<'_>) -> Vec<(String, Type)> {
    let parse = |text: &str| {
        let mut types: Vec<(String, Type)> = Vec::new();
        for item in super::units::list(text) {
            let Some((field, word)) = item.rsplit_once(':').filter(|(field, _)| !field.trim().is_empty()) else {
                return Err(format!("{} is not field:type", quote(&item)));
            };
            let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == word.trim()) else {
                let known = join(TYPES.iter().map(|(name, _)| *name));
                return Err(format!("{} has an unknown type; known are {known}", quote(&item)));
            };
            if types.iter().any(|(known, _)| known == field.trim()) {
                return Err(format!("{} has two types", quote(field)));
            }
            types.push((field.trim().to_owned(), *kind));
        }
        Ok(types)
    };
    reader.read("LOGSKIFF_PARSE_TYPES", parse).unwrap_or_default()
}

//! Input: the variables of one input. Output: how its lines are parsed, and the grouping and the framing that its format
//! brings.

use super::error::{join, quote};
use super::parser::Reader;
use super::slips;
use super::suggest::nearest;
use super::units;
use super::words::PARSE_FORMATS;
use crate::pipeline::parse::{Config, Error, Format, Parser, Preset, Type, grok_names};
use event::Level;

const PARSE: &str = "LOGSKIFF_PARSE";
const PATTERN: &str = "LOGSKIFF_PARSE_PATTERN";
const COLUMNS: &str = "LOGSKIFF_PARSE_COLUMNS";
const TYPES: [(&str, Type); 4] =
    [("int", Type::Int), ("float", Type::Float), ("bool", Type::Bool), ("text", Type::Text)];

/// The formats that take expressions from `LOGSKIFF_PARSE_PATTERN`.
const PATTERNS: [&str; 2] = ["regex", "grok"];

/// The word for files that a container runtime writes: what it wrote is parsed as `auto` does.
const CRI: &str = "cri";

/// The words of the list, as far as they are known.
fn words(reader: &Reader<'_>) -> Vec<String> {
    reader.raw(PARSE).map(units::list).unwrap_or_default()
}

/// Whether the list has one of these words.
fn has_word(reader: &Reader<'_>, wanted: &[&str]) -> bool {
    words(reader).iter().any(|word| wanted.contains(&word.as_str()))
}

/// Whether the input's format is that of a container runtime's files.
pub(super) fn is_cri(reader: &Reader<'_>) -> bool {
    has_word(reader, &[CRI])
}

/// Reports common patterns and columns that no input uses.
pub(super) fn check_unused(reader: &mut Reader<'_>) {
    let inputs = reader.environment().input_names();
    for (variable, formats, what) in [(PATTERN, &PATTERNS[..], "patterns need"), (COLUMNS, &["csv"], "columns need")] {
        let is_used =
            has_word(reader, formats) || inputs.iter().any(|input| has_word(&reader.for_input(input), formats));
        if reader.is_set(variable) && !is_used {
            reader.mistake(variable, format!("{what} {PARSE}={}, which is not set", formats.join(" or ")));
        }
    }
}

pub(super) fn config(reader: &mut Reader<'_>) -> Config {
    let formats = reader.read(PARSE, formats).unwrap_or_else(|| vec![Format::Auto]);
    let (uses_patterns, uses_columns) = (has_word(reader, &PATTERNS), has_word(reader, &["csv"]));
    if !uses_patterns && reader.is_own(PATTERN) {
        let reason = format!("patterns need {PARSE}=regex or grok, which this input does not use");
        reader.mistake(&reader.source(PATTERN), reason);
    }
    if !uses_columns && reader.is_own(COLUMNS) {
        reader.mistake(&reader.source(COLUMNS), format!("columns need {PARSE}=csv, which this input does not use"));
    }
    let config = Config {
        formats,
        // Common patterns and columns apply only to inputs with this format.
        patterns: if uses_patterns { reader.lines(PATTERN) } else { Vec::new() },
        columns: if uses_columns { columns(reader) } else { Vec::new() },
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
    for reason in config.patterns.iter().filter_map(|pattern| slips::pattern(pattern)) {
        reader.mistake(&reader.source(PATTERN), reason);
    }
    for error in Parser::new(&config).err().into_iter().flatten() {
        let variable = match &error {
            Error::TimeZone { .. } => "LOGSKIFF_TIME_ZONE",
            Error::TimeFormat { .. } => "LOGSKIFF_TIME_FORMAT",
            Error::Columns => COLUMNS,
            Error::Preset { .. } => PARSE,
            _ => PATTERN,
        };
        reader.mistake(&reader.source(variable), reason(&error));
    }
    config
}

/// The text of an error, with what was probably meant.
fn reason(error: &Error) -> String {
    let Error::GrokName { name, .. } = error else { return error.to_string() };
    let known: Vec<String> = grok_names().map(str::to_lowercase).collect();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("{error}; did you mean %{{{}}}?", near.to_uppercase()),
        None => error.to_string(),
    }
}

/// One format, or a list of formats that are tried in order.
fn formats(text: &str) -> Result<Vec<Format>, String> {
    let words = units::list(text);
    let mut formats: Vec<Format> = Vec::new();
    for word in words.iter().filter(|word| *word != CRI) {
        let format = format(word)?;
        if formats.contains(&format) {
            return Err(format!("{} is there twice", quote(word)));
        }
        formats.push(format);
    }
    if formats.contains(&Format::None) && words.len() > 1 {
        return Err(format!("{} stands alone", quote("none")));
    }
    let auto = formats.iter().position(|format| *format == Format::Auto);
    if auto.is_some_and(|at| at + 1 < formats.len()) {
        return Err(format!("{} reads every line, so that it has to be the last", quote("auto")));
    }
    if formats.contains(&Format::Regex) && formats.contains(&Format::Grok) {
        return Err(format!("{} and {} share the variable {PATTERN}; use one of them", quote("regex"), quote("grok")));
    }
    if formats.is_empty() {
        formats.push(Format::Auto);
    }
    Ok(formats)
}

fn format(word: &str) -> Result<Format, String> {
    Ok(match word {
        "none" => Format::None,
        "json" => Format::Json,
        "logfmt" => Format::Logfmt,
        "regex" => Format::Regex,
        "grok" => Format::Grok,
        "csv" => Format::Csv,
        "auto" => Format::Auto,
        _ => match Preset::from_name(word) {
            Some(preset) => Format::Preset(preset),
            None => return Err(unknown(word)),
        },
    })
}

fn unknown(word: &str) -> String {
    match nearest(word, PARSE_FORMATS.iter().copied()) {
        Some(near) => format!("{} is no format; did you mean {near}?", quote(word)),
        None => format!("{} is not one of {}", quote(word), join(PARSE_FORMATS.iter().copied())),
    }
}

/// The names of columns, which differ.
fn columns(reader: &mut Reader<'_>) -> Vec<String> {
    let parse = |text: &str| {
        let names = units::list(text);
        let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
        match twice {
            Some((_, name)) => Err(format!("{} is there twice", quote(name))),
            None => Ok(names),
        }
    };
    let written = reader.raw(COLUMNS).map(units::list).unwrap_or_default();
    reader.read(COLUMNS, parse).unwrap_or(written)
}

/// Names of fields; nested ones have dots.
fn names(reader: &mut Reader<'_>, variable: &str) -> Vec<String> {
    let parse = |text: &str| {
        let names = units::list(text);
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
        for item in units::list(text) {
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
        for item in units::list(text) {
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

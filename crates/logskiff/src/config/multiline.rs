//! Input: the variables of one input. Output: how its lines are joined to records.

use std::time::Duration;

use super::Input;
use super::error::{join, quote};
use super::parser::Reader;
use super::slips;
use super::suggest::nearest;
use super::units;
use super::words::MULTILINE as WORDS;
use crate::pipeline::frame::multiline::{Config, Error, Preset};
use crate::pipeline::frame::{Grouping, GroupingConfig};
use crate::pipeline::parse;
use crate::pipeline::parse::Format;

const MULTILINE: &str = "LOGSKIFF_MULTILINE";
const PATTERN: &str = "LOGSKIFF_MULTILINE_PATTERN";
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);
const LINES: std::ops::RangeInclusive<usize> = 2..=100_000;

/// Reports common patterns that no input uses.
pub(super) fn check_patterns(inputs: &[Input], reader: &mut Reader<'_>) {
    let uses = |input: &Input| matches!(input.grouping.multiline, Config::Start(_) | Config::Continue(_));
    if reader.is_set(PATTERN) && !inputs.iter().any(uses) {
        reader.mistake(PATTERN, format!("patterns need {MULTILINE}=start or continue, which is not set"));
    }
}

/// The words of `LOGSKIFF_MULTILINE`.
enum Method {
    Auto,
    Off,
    Start,
    Continue,
    Presets(Vec<Preset>),
}

/// `parse`: how the input's lines are parsed, which may bring a grouping, and words that are levels.
pub(super) fn config(reader: &mut Reader<'_>, parse: &parse::Config) -> GroupingConfig {
    let method = reader.read(MULTILINE, method).unwrap_or(Method::Auto);
    let uses_patterns = matches!(method, Method::Start | Method::Continue);
    if !uses_patterns && reader.is_own(PATTERN) {
        reader.mistake(&reader.source(PATTERN), format!("patterns need {MULTILINE}=start or continue"));
    }
    // Common patterns apply only to inputs that use patterns.
    let patterns = if uses_patterns { reader.lines(PATTERN) } else { Vec::new() };
    if uses_patterns && patterns.is_empty() {
        reader.mistake(&reader.source(PATTERN), format!("not set, but {MULTILINE}=start and continue need it"));
    }
    for reason in patterns.iter().filter_map(|pattern| slips::pattern(pattern)) {
        reader.mistake(&reader.source(PATTERN), reason);
    }
    let multiline = match method {
        Method::Auto if !reader.is_set(MULTILINE) => of_formats(&parse.formats),
        Method::Auto => Config::Auto,
        Method::Off => Config::Off,
        Method::Start => Config::Start(patterns),
        Method::Continue => Config::Continue(patterns),
        Method::Presets(presets) => Config::Presets(presets),
    };
    let timeout = reader.duration("LOGSKIFF_MULTILINE_TIMEOUT", &TIMEOUT);
    let lines_max = reader.number("LOGSKIFF_MULTILINE_LINES_MAX", &LINES);
    let levels = parse.level_map.iter().map(|(word, _)| word.clone()).collect();
    let config = GroupingConfig { multiline, lines_max, timeout, levels };
    let errors = Grouping::new(&config).err().into_iter().flatten();
    // That there is none was reported above.
    for error in errors.filter(|error| *error != Error::NoPattern) {
        reader.mistake(&reader.source(PATTERN), error.to_string());
    }
    config
}

/// The grouping of the first format that brings one.
fn of_formats(formats: &[Format]) -> Config {
    let of = |format: &Format| match format {
        Format::Csv => Some(Config::Quotes),
        Format::Preset(preset) => match preset.grouping() {
            parse::Grouping::Usual => None,
            parse::Grouping::Continue(pattern, except) => Some(Config::ContinueUnless(pattern, except)),
            parse::Grouping::Heads(first, second) => Some(Config::Heads(first, second)),
            parse::Grouping::Quotes => Some(Config::Quotes),
        },
        _ => None,
    };
    formats.iter().find_map(of).unwrap_or(Config::Auto)
}

fn method(text: &str) -> Result<Method, String> {
    let words = units::list(text);
    if let [word] = &words[..] {
        match word.as_str() {
            "auto" => return Ok(Method::Auto),
            "off" => return Ok(Method::Off),
            "start" => return Ok(Method::Start),
            "continue" => return Ok(Method::Continue),
            _ => {}
        }
    }
    words.iter().map(|word| preset(word)).collect::<Result<_, _>>().map(Method::Presets)
}

fn preset(word: &str) -> Result<Preset, String> {
    if let Some(preset) = Preset::from_name(word) {
        return Ok(preset);
    }
    if WORDS.contains(&word) {
        return Err(format!("{} stands alone; a list names runtimes", quote(word)));
    }
    let meant = nearest(word, WORDS.iter().copied()).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Err(format!("{} is not one of {}{meant}", quote(word), join(WORDS.iter().copied())))
}

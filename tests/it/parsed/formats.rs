//! Any bytes as a line of any preset, and as a pattern of grok. The fuzz targets `presets` and `grok` share this file.

use std::cell::RefCell;
use std::collections::BTreeMap;

use event::{Kind, Parsed, TextRange};

use super::check::check_positions;
use super::parse::{Config, Format, Parser, Preset};

/// Whether a property holds; otherwise which one does not.
type Check = Result<(), String>;

thread_local! {
    /// By preset. A parser costs more than a line.
    static PARSERS: RefCell<BTreeMap<&'static str, Parser>> = const { RefCell::new(BTreeMap::new()) };
}

/// The first byte of `input` selects a preset, the others are a record.
///
/// # Errors
/// A property that does not hold.
pub(crate) fn check_presets(input: &[u8]) -> Check {
    let Some((choice, text)) = input.split_first() else { return Ok(()) };
    let count = Preset::all().count();
    let preset = Preset::all().nth(usize::from(*choice) % count).ok_or("no preset")?;
    PARSERS.with_borrow_mut(|parsers| {
        let parser = parsers.entry(preset.name()).or_insert_with(|| {
            let config = Config { formats: vec![Format::Preset(preset)], now_ns: Some(0), ..Config::default() };
            Parser::new(&config).unwrap_or_else(|errors| panic!("{errors:?}"))
        });
        let mut parsed = parser.parsed();
        parser.parse(text, &mut parsed);
        check_fields(&parsed, text).map_err(|property| format!("{}: {property}", preset.name()))
    })
}

/// Whether all values are where they are said to be, and a record without the format is only its text.
fn check_fields(parsed: &Parsed, text: &[u8]) -> Check {
    check_positions(parsed, text)?;
    let is_whole = parsed.message == Some((TextRange::new(0, text.len()), Kind::Text));
    let is_bare = parsed.nodes.is_empty() && parsed.time_ns.is_none() && parsed.level.is_none();
    if parsed.failure.is_some() && !(is_whole && is_bare) {
        return Err("a record of another layout has more than its text".to_owned());
    }
    Ok(())
}

/// The text up to the first NUL is a pattern, the rest a line.
///
/// # Errors
/// A property that does not hold.
pub(crate) fn check_grok(input: &[u8]) -> Check {
    let (pattern, line) = input.split_at(input.iter().position(|byte| *byte == 0).unwrap_or(input.len()));
    let pattern = String::from_utf8_lossy(pattern).into_owned();
    let config = Config { formats: vec![Format::Grok], patterns: vec![pattern], ..Config::default() };
    // A pattern that is refused has a reason.
    let mut parser = match Parser::new(&config) {
        Ok(parser) => parser,
        Err(errors) if errors.iter().all(|error| !error.to_string().is_empty()) => return Ok(()),
        Err(errors) => return Err(format!("{errors:?}")),
    };
    let mut parsed = parser.parsed();
    parser.parse(line, &mut parsed);
    check_fields(&parsed, line)
}

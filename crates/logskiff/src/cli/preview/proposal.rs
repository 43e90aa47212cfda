//! Finds the preset that reads a sample's lines.
//!
//! Input: how the lines are parsed, and the first of them. Output: the preset that finds fields in most of them, if the
//! configured formats do not.

use crate::pipeline::parse::{Config, Format, Parser, Preset};

/// Lines that are tried with each preset.
pub(super) const LINES_MAX: usize = 200;

/// How many lines a format reads, and how many fields they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Read {
    lines: usize,
    fields: usize,
}

/// A hint that names the preset; `None`: most lines have fields already, or no preset reads most of them.
pub(super) fn hint(config: &Config, lines: &[Vec<u8>]) -> Option<String> {
    let most = |read: Read| read.lines > lines.len() / 2;
    if read(config, lines).is_none_or(most) {
        return None;
    }
    let tried = Preset::all().filter_map(|preset| {
        let config = Config { formats: vec![Format::Preset(preset)], ..config.clone() };
        Some((read(&config, lines)?, preset))
    });
    // Of equal ones the first.
    let best = tried.fold(None, |best: Option<(Read, &Preset)>, one| match best {
        Some(best) if best.0 >= one.0 => Some(best),
        _ => Some(one),
    });
    let (read, preset) = best.filter(|(read, _)| most(*read))?;
    Some(format!("LOGSKIFF_PARSE={} finds fields in {} of {} lines", preset.name(), read.lines, lines.len()))
}

fn read(config: &Config, lines: &[Vec<u8>]) -> Option<Read> {
    let mut parser = Parser::new(config).ok()?;
    let mut parsed = parser.parsed();
    let mut read = Read::default();
    for line in lines {
        parser.parse(line, &mut parsed);
        let fields = parsed.nodes.len() + parsed.taken.len();
        if parsed.failure.is_none() && fields > 0 {
            read.lines += 1;
            read.fields += fields;
        }
    }
    Some(read)
}

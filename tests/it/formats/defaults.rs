//! The corpus through the parser as it is without configuration.

use jiff::Timestamp;
use logskiff::pipeline::parse::{self, Config, Parser};

use super::objects::UNWRAPPED;
use super::{Format, Record, corpus, text_of};

/// What is wrong with a record: its first line, and what was read.
fn mistake(record: &Record, text: &str, parser: &mut Parser) -> Option<String> {
    let mut parsed = parser.parsed();
    parser.parse(text.as_bytes(), &mut parsed);
    let wanted = record.time.as_ref().map(|time| time.parse::<Timestamp>().unwrap().as_nanosecond());
    let time = parsed.time_ns.map(i128::from);
    let level = parsed.level.map(|level| level.name().to_owned());
    let wrong = time != wanted || level != record.level;
    wrong.then(|| {
        let shown = parsed.time_ns.map(|time| Timestamp::from_nanosecond(time.into()).unwrap().to_string());
        format!(
            "{shown:?} {level:?}, not {:?} {:?}: {}",
            record.time,
            record.level,
            text.lines().next().unwrap_or_default()
        )
    })
}

/// Whether time and level of all records are found, and those that are not.
pub(super) fn mistakes(format: &Format, lines: &[String]) -> Vec<String> {
    let now_ns = i64::try_from(format.now.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap();
    let config = Config {
        formats: vec![parse::Format::Auto],
        time_zone: format.zone.clone(),
        now_ns: Some(now_ns),
        ..Config::default()
    };
    let mut parser = Parser::new(&config).unwrap();
    let records = format.records.iter();
    records.filter_map(|record| mistake(record, &text_of(record, lines), &mut parser)).collect()
}

#[test]
fn times_and_levels_are_found_without_configuration() {
    let mut wrong = Vec::new();
    for (name, (format, lines)) in corpus() {
        let mistakes = mistakes(&format, &lines);
        let total = format.records.len();
        println!(
            "{name}: {} of {total}{}",
            total - mistakes.len(),
            if format.default { "" } else { " (needs a preset)" }
        );
        if format.default && !UNWRAPPED.contains(&&*name) {
            wrong.extend(mistakes.into_iter().map(|mistake| format!("{name}: {mistake}")));
        }
    }
    assert!(wrong.is_empty(), "{} records:\n{}", wrong.len(), wrong.join("\n"));
}

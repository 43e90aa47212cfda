//! The page that lists the formats is made from the corpus, so that it says what the tests have seen.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use logskiff::pipeline::parse::{Preset, grok_names};

use super::{Format, corpus, defaults};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats.md");
const INTRODUCTION: &str = "# Formats of logs

<!-- Made from the tests' logs. Do not edit. -->

`LOGSKIFF_PARSE=auto`, the default, finds the time and the level of these logs; of JSON and logfmt also the message and all
fields. A preset also parts the message of a text from its head and reads the fields. Give one preset, or a list that is
tried in order (`nginx,nginx_error,auto`). A line of another layout is `no_match`, never a line with wrong fields.

Fields have the names of the Elastic Common Schema where it has one. An empty value or `-` gives no field.

| log | time, level with `auto` | preset | fields of the preset |
|---|---|---|---|
";
const BEHIND: &str = "
## Presets that join lines

Unless `LOGSKIFF_MULTILINE` is set: with `postgres`, lines with `DETAIL`, `HINT`, `STATEMENT` and their like go on with the
line before; with `mysql_slow`, all lines of a statement are one record; with `postgres_csv` and `csv`, an open quote joins
lines. With all others, [as without a preset](multiline.md).

## Columns

`LOGSKIFF_PARSE=csv` reads RFC 4180 with the names in `LOGSKIFF_PARSE_COLUMNS`. Columns named `time`, `level` or `message`, or
named in `LOGSKIFF_TIME_FIELD` and its kin, give the record's time, level and message. A line with more or
fewer columns is `no_match`; the line that repeats the names is shipped without fields.

## Names for grok

`LOGSKIFF_PARSE=grok` takes expressions with `%{NAME}`, `%{NAME:field}` and `%{NAME:field:int}` (`float`, `boolean`). `[a][b]` is
the field `a.b`. Expressions run in linear time, so that there is no look-around.

";

/// The names of the fields that a log's records have, the common beginnings of `haproxy.` and their like only once.
fn fields(format: &Format) -> String {
    let mut names = BTreeSet::new();
    for record in &format.records {
        let own = [("log.logger", &record.logger), ("process.thread.name", &record.thread)];
        names.extend(own.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name.to_owned()));
        names.extend(record.fields.keys().map(|name| match name.split_once('.') {
            Some((first @ ("haproxy" | "envoy" | "postgresql" | "mysql" | "traefik" | "nginx"), _)) => {
                format!("{first}.*")
            }
            Some(("log", rest)) if rest.starts_with("syslog.") => "log.syslog.*".to_owned(),
            _ => name.clone(),
        }));
    }
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (name, (format, lines)) in corpus() {
        let found = match (format.default, defaults::mistakes(&format, &lines).len()) {
            (true, _) | (_, 0) => "yes".to_owned(),
            (false, wrong) => format!("{} of {}", format.records.len() - wrong, format.records.len()),
        };
        let is_text = !format.parsed_by_default;
        let preset = format.preset.as_ref().map(|preset| format!("`{preset}`")).unwrap_or_default();
        let fields = if is_text && format.preset.is_some() { fields(&format) } else { String::new() };
        writeln!(page, "| {} | {found} | {preset} | {fields} |", name.replace('_', " ")).unwrap();
    }
    page += BEHIND;
    let names: Vec<_> = grok_names().map(|name| format!("`{name}`")).collect();
    writeln!(page, "{}.", names.join(", ")).unwrap();
    page
}

#[test]
fn the_page_lists_the_formats() {
    if std::env::var_os("LOGSKIFF_TEST_RENEW").is_some() {
        fs::write(PAGE, page()).unwrap();
    }
    assert_eq!(fs::read_to_string(PAGE).unwrap_or_default(), page(), "run the test with LOGSKIFF_TEST_RENEW=1");
}

/// Goal: a preset without a log of its own is one that no test has seen.
#[test]
fn every_preset_has_a_log() {
    let used: BTreeSet<_> = corpus().into_values().filter_map(|(format, _)| format.preset).collect();
    let unused: Vec<_> = Preset::all().map(Preset::name).filter(|name| !used.contains(*name)).collect();
    assert_eq!(unused, ["access"], "an alias of nginx");
}

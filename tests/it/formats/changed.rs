//! Lines in another order, and lines that are damaged: what one line says depends on no other, and any line gives a record.

use std::sync::LazyLock;

use logskiff::pipeline::parse::{self, Config, Parser};
use proptest::prelude::*;

use super::objects::record_of;
use super::{Format, corpus, text_of};

/// All formats that a text can have.
fn formats_of(format: &Format) -> Vec<parse::Format> {
    let preset = format.preset.as_deref().and_then(parse::Preset::from_name).map(parse::Format::Preset);
    [Some(parse::Format::Auto), Some(parse::Format::Logfmt), preset].into_iter().flatten().collect()
}

fn config(formats: Vec<parse::Format>) -> Config {
    Config { formats, now_ns: Some(1_795_867_200_000_000_000), ..Config::default() }
}

/// All records of the corpus, as texts.
fn texts() -> Vec<String> {
    let of = |(_, (format, lines)): (String, (Format, Vec<String>))| -> Vec<String> {
        format.records.iter().map(|record| text_of(record, &lines)).collect()
    };
    corpus().into_iter().flat_map(of).collect()
}

/// Goal: a parser that has seen other lines reads a line as a new one does.
#[test]
fn shuffled_lines_give_the_same_records() {
    let presets = parse::Preset::all().map(parse::Format::Preset);
    let lists = [vec![parse::Format::Auto], presets.chain([parse::Format::Auto]).collect()];
    let mut texts = texts();
    let fixed = texts.clone();
    // A fixed shuffle: the order of the texts' reversed bytes.
    texts.sort_by_key(|text| text.bytes().rev().collect::<Vec<_>>());
    assert_ne!(texts, fixed);
    for formats in lists {
        let config = config(formats);
        let mut parser = Parser::new(&config).unwrap();
        let mut parsed = parser.parsed();
        let mut ordered = Parser::new(&config).unwrap();
        let of_ordered: std::collections::BTreeMap<_, _> = fixed
            .iter()
            .map(|text| {
                let mut parsed = ordered.parsed();
                ordered.parse(text.as_bytes(), &mut parsed);
                (text, format!("{parsed:?}"))
            })
            .collect();
        for text in &texts {
            parser.parse(text.as_bytes(), &mut parsed);
            assert_eq!(format!("{parsed:?}"), of_ordered[text], "{text}");
        }
    }
}

/// The corpus, in the form that is drawn from.
fn lines_and_formats() -> Vec<(String, Vec<parse::Format>)> {
    let of = |(_, (format, lines)): (String, (Format, Vec<String>))| -> Vec<_> {
        let formats = formats_of(&format);
        format.records.iter().map(|record| (text_of(record, &lines), formats.clone())).collect()
    };
    corpus().into_iter().flat_map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Goal: whatever a line is changed to, its record is JSON with a message or fields, and every range is in the line.
    #[test]
    fn damaged_lines_are_records(
        pick in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"\"\\[]{}():;-=<>,|/%\n\t \x00\x1b\xff\xc3a0"[..]), any::<bool>()), 0..4),
        cut in any::<prop::sample::Index>(),
        keeps_all in any::<bool>(),
    ) {
        static LINES: LazyLock<Vec<(String, Vec<parse::Format>)>> = LazyLock::new(lines_and_formats);
        let (text, formats) = &LINES[pick.index(LINES.len())];
        let mut text = text.clone().into_bytes();
        for (at, byte, inserts) in edits {
            let at = at.index(text.len().max(1)).min(text.len());
            if inserts || at == text.len() { text.insert(at, byte) } else { text[at] = byte }
        }
        if !keeps_all {
            text.truncate(cut.index(text.len() + 1));
        }
        for format in formats {
            let (record, _) = record_of(&text, &config(vec![*format]));
            prop_assert!(record.contains_key("message") || !record.is_empty(), "{record:?}");
        }
    }
}
